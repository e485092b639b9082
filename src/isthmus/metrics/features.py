"""What images are compared by: features of a small network that learned from images like them."""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from isthmus.data.images import Images, as_images, to_unit
from isthmus.metrics.encoder_files import encoder_of_file
from isthmus.nets.glance import EMBEDDED, Glance, moved
from isthmus.tensors import chance_of, generator, usual_torch

BATCH, RATE = 128, 3e-3
SECONDS = 4.0
"""Time that learning may take where no budget says otherwise."""
PER_SECOND, PER_STEP = 1e10, 3e7
"""Multiplications a second, and what a step costs beside them: taken as given, so that what is
learned depends on no clock."""
FEWEST, MOST = 40, 400
"""Steps; with time for fewer the network stays as it was drawn."""
LEARNED, LEARNED_NUMBERS = 10_000, 2**25
"""Images that are learned from, at most, and numbers in them."""
FEW = 100
"""Images below which nothing is learned."""
CONTRAST = 0.3
"""How far images are changed in contrast and still count as the same."""
TEMPERATURE = 0.2
"""Of the softmax over which image is the same."""
LEAST = 1e-3
"""Deviation of a feature, as a share of the largest, below which it is one of rounding."""


class Features(NamedTuple):
    """A way to look at images.

    Attributes
    ----------
    of : callable
        From images (n, ...) to features (n, d).
    words : str
        What features these are.
    kind : {"labels", "shifts", "random", "file", "pixels"}
        What they come from: a network that learned classes, or to know images again that were
        moved; one that learned nothing; an encoder in a file; or the pixels themselves.
    """

    of: Callable[[Any], np.ndarray]
    words: str
    kind: str


def features_for(
    images: Images,
    encoder: str | Path | None = None,
    seconds: float = SECONDS,
    random_state: int = 0,
) -> Features | None:
    """Return what to compare images by: an encoder in a file, or a network that learns from some.

    Parameters
    ----------
    images : Images
        Those to train on.
    encoder : path, optional
        Of an ONNX file; see `isthmus.metrics.encoder_files`.
    seconds, random_state
        See `features_from`.

    Returns
    -------
    Features or None
        None of images without rows and columns: they are compared as they are.
    """
    if images.ndim != 4:
        if encoder is not None:
            raise ValueError(
                f"images of shape {images.shape} have no rows and columns for {encoder}"
            )
        return None
    if encoder is None:
        return features_from(images, seconds, random_state)
    of = encoder_of_file(encoder, images.shape[1:], images.value_range)
    return Features(of, f"features of {Path(encoder).name}", "file")


def features_from(images: Images, seconds: float = SECONDS, random_state: int = 0) -> Features:
    """Return features of a small network that learned from images like those to be compared.

    From labels if there are any: to tell classes apart. Else to know an image again that was moved
    by up to a tenth of its sides and changed in contrast, among others. Of fewer than 100 images
    nothing is learned: the network stays as it was drawn at random, which sees texture and shape
    all the same. Its first layer always stays so, since one that learned would soon overlook what
    no image to learn from has, as a fine pattern all over.

    Parameters
    ----------
    images : Images of shape (n, h, w, c)
        Those to train on.
    seconds : float
        About how long learning may take on one core. The steps follow from it and from the size of
        images, not from a clock, so that the same is learned every time.
    random_state : int
        Seed of the network and of its steps.

    Returns
    -------
    Features
        Each in units of its own deviation among these images, 64 of them.

    Raises
    ------
    ValueError
        If images have no rows and columns.

    Examples
    --------
    >>> import isthmus as ist
    >>> images = ist.load_images("digits")
    >>> seen = features_from(images.train, seconds=0.5)
    >>> seen.words
    'features of a small network that learned the 10 classes of 1,438 images'
    >>> seen.of(images.test).shape
    (359, 64)
    """
    if images.ndim != 4:
        raise ValueError(f"images of shape {images.shape}: features need rows and columns")
    asked = seconds, random_state
    known = _KNOWN.setdefault(images, {})
    if asked not in known:
        known[asked] = _found(images, *asked)
    return known[asked]


_KNOWN: weakref.WeakKeyDictionary[Images, dict[Any, Features]] = weakref.WeakKeyDictionary()
"""Features by the images that they were learned from, for as long as these are there."""


@usual_torch()
def _found(images: Images, seconds: float, seed: int) -> Features:
    some = images.evenly(
        min(LEARNED, max(2, LEARNED_NUMBERS // max(1, math.prod(images.shape[1:]))))
    )
    rng = generator(seed)
    middle, scale = _units(np.asarray(some))
    with chance_of(rng):
        net = Glance(images.shape[1:])
        classes = _classes(some)
        steps = _steps(net, images.shape[1:], seconds, len(some))
        x = _tensor(some, middle, scale)
        if steps:
            _learn(net, x, classes, steps, rng)
    net.eval()
    raw = _features(net, x)
    mean, deviation = raw.mean(0), raw.std(0)
    deviation = np.maximum(deviation, LEAST * max(float(deviation.max()), 1e-12))

    @usual_torch()
    def of(these: Any) -> np.ndarray:
        arrays = as_images(these).chunks(BATCH)
        found = [_features(net, _tensor(part, middle, scale)) for part in arrays]
        scaled: np.ndarray = (np.concatenate(found) - mean) / deviation
        return scaled

    return Features(of, *_words(len(some), classes, steps))


def _units(images: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the mean of every channel, and the deviation of all."""
    values = to_unit(images).astype(np.float64)
    middle = values.mean((0, 1, 2))
    return middle, float((values - middle).std()) or 1.0


def _tensor(images: Any, middle: np.ndarray, scale: float) -> torch.Tensor:
    """Return images as the network takes them, channels first."""
    values = (to_unit(np.asarray(images)) - middle) / scale
    return torch.from_numpy(values.astype(np.float32)).permute(0, 3, 1, 2).contiguous()


def _features(net: nn.Module, x: torch.Tensor) -> np.ndarray:
    found: np.ndarray = torch.cat([net(part) for part in x.split(BATCH)]).double().numpy()
    return found


def _classes(images: Images) -> torch.Tensor | None:
    """Return the class of every image, -1 where unknown; None where there are no two."""
    y = None if images.y is None else np.asarray(images.y)
    if y is None or len(np.unique(y[y >= 0])) < 2 or (y >= 0).sum() < FEW:
        return None
    return torch.from_numpy(y.astype(np.int64))


def _steps(net: Glance, shape: tuple[int, ...], seconds: float, n: int) -> int:
    """Return how many steps there is time for, by the products of each."""
    each = 3 * BATCH * net.products(shape) + PER_STEP
    steps = min(MOST, int(PER_SECOND * seconds / each))
    return steps if steps >= FEWEST and n >= FEW else 0


def _learn(
    net: Glance, x: torch.Tensor, y: torch.Tensor | None, steps: int, rng: torch.Generator
) -> None:
    """Let a network learn classes, or which two images are the same; the step rises and falls."""
    outputs = EMBEDDED if y is None else int(y.max()) + 1
    head = nn.Linear(EMBEDDED, outputs)
    weights = [w for part in (net, head) for w in part.parameters() if w.requires_grad]
    optimizer = torch.optim.AdamW(weights, RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps)
    rows = torch.arange(len(x)) if y is None else torch.nonzero(y >= 0)[:, 0]
    with torch.enable_grad():
        for _ in range(steps):
            some = rows[torch.randint(len(rows), (BATCH,), generator=rng)]
            loss = _alone(net, head, x[some], rng) if y is None else _named(net, head, x, y, some)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()


def _named(
    net: nn.Module, head: nn.Module, x: torch.Tensor, y: torch.Tensor, rows: torch.Tensor
) -> torch.Tensor:
    """Return the cross-entropy of the classes of some images."""
    return F.cross_entropy(head(net(x[rows])[:, -EMBEDDED:]), y[rows])


def _alone(net: nn.Module, head: nn.Module, x: torch.Tensor, rng: torch.Generator) -> torch.Tensor:
    """Return the cross-entropy of which image is the same, moved otherwise, among all others.

    References
    ----------
    T. Chen et al., A simple framework for contrastive learning of visual representations, 2020.
    """
    both = torch.cat([moved(x, CONTRAST, rng), moved(x, CONTRAST, rng)])
    z = F.normalize(head(net(both)[:, -EMBEDDED:]), dim=1)
    alike = (z @ z.T / TEMPERATURE).masked_fill(torch.eye(len(z), dtype=torch.bool), -1e9)
    other = torch.arange(len(x))
    return F.cross_entropy(alike, torch.cat([other + len(x), other]))


def _words(n: int, y: torch.Tensor | None, steps: int) -> tuple[str, str]:
    """Return what features these are, and what they come from in a word."""
    if not steps:
        return "features of a small network that was drawn at random", "random"
    if y is None:
        return f"features of a small network that learned to know {n:,} images again", "shifts"
    n, classes = int((y >= 0).sum()), len(y[y >= 0].unique())
    words = f"features of a small network that learned the {classes} classes of {n:,} images"
    return words, "labels"
