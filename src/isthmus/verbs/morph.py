"""Walks through the space of codes, written once over the verbs."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from isthmus.data.images import Images
from isthmus.data.names import files_called
from isthmus.latent.codes import code_of, codes_of
from isthmus.validation import able, one_of, renamed
from isthmus.verbs.parameters import ArrayLike, ImagesLike, Model, Models, Rows, by_name
from isthmus.verbs.result import class_of
from isthmus.verbs.ways import Ways

HOWS = ("linear", "spherical")
LONGEST = 1000
"""Images that a way goes through unless more are asked for."""


@renamed(model="models", a="images", b="to")
def morph(
    models: Models,
    images: ImagesLike,
    to: ImagesLike | None = None,
    steps: int = 9,
    how: str = "linear",
    *,
    rows: Rows | None = None,
    tile_size: int | None = None,
) -> Ways:
    r"""Interpolate from image to image through their codes, one row per model.

    Images are decoded from codes between theirs, :math:`(1 - t) z_a + t z_b`, or on the arc
    between them: the one in the middle is the "semantic average" of both. All are decoded
    together.

    Parameters
    ----------
    models : Representation, or dict of str to Representation
        Fitted, and able to decode vectors; several by their names walk side by side.
    images : Images or array of shape (n, ...), or codes of shape (n, k)
        Two or more, which the way goes through in order; each comes back as its reconstruction.
        One image where `to` is given.
    to : array or Images of one image, optional
        The last of the way, after one image.
    steps : int
        How many images from one to the next, both included: at least 2.
    how : {"linear", "spherical"}
        "linear" is the straight way; "spherical" goes round the origin: the length of the codes
        then changes evenly, which suits models whose codes lie on a shell around the origin (VAE,
        GAN).
    rows : sequence of int, optional
        Which of the images to go through, numbers from 0, in this order; by default all.
    tile_size : int, optional
        Pixels of the longer side of an image in a picture; by default 48 to 128.

    Returns
    -------
    Ways
        An array ((n - 1) (steps - 1) + 1, ...) for n images, (steps, ...) for two; with a first
        axis of the models where these are a dict.

    Raises
    ------
    ValueError
        If a code of a model is an index, an image is of another shape, there are fewer than
        two, or `steps` or `how` is out of its range.

    References
    ----------
    T. White, Sampling generative networks, 2016 (the arc).

    Examples
    --------
    >>> import isthmus as ist
    >>> images = ist.load_images("digits")
    >>> pca = ist.PCA(10).fit(images.train)
    >>> ist.morph(pca, images.test[0], images.test[1], 5).shape
    (5, 8, 8, 1)
    >>> ist.morph({"10": pca}, images, steps=5, rows=[3, 17, 40])
    Ways(1 rows, (1, 9, 8, 8, 1), float32)
    """
    named = by_name(models)
    given = _chosen(images, rows)
    ways = {name: _way(model, given, to, steps, how) for name, model in named.items()}
    _check_sizes(ways)
    first = next(iter(ways.values()))
    made = Ways.of(np.stack(list(ways.values())) if models is named else first, models)
    made.in_tiles(tile_size).images = given if isinstance(given, Images) else None
    passed = (len(first) - 1) // (steps - 1) + (to is None)
    asked = list(range(passed)) if rows is None else [int(row) for row in rows]
    names, stations = _stations(made.images, asked, to)
    of_files = made.images is not None and made.images.names is not None
    through = {"through": stations} if of_files else {}
    return made.told(
        ways,
        f"From {' to '.join(names)}: the codes between, decoded ({how})",
        _heads(stations, steps),
        models=list(ways),
        images=asked,
        **through,
        how=how,
        shape=list(first.shape),
    )


def _stations(images: ImagesLike | None, asked: list[int], to: Any) -> tuple[list[str], list[str]]:
    """Return what is walked through, by classes where these are known, and by numbers."""
    called = [""] * len(asked)
    if isinstance(images, Images):
        called = files_called(images, range(len(asked)))
    stations = [name or f"image {row}" for name, row in zip(called, asked, strict=True)]
    names = [_class(images, i) or station for i, station in enumerate(stations)]
    if to is None:
        return names, stations
    return [*names, _class(to, 0) or "another"], [*stations, "another"]


def _class(images: ImagesLike | None, row: int) -> str:
    return class_of(images, row) if isinstance(images, Images) else ""


def _heads(stations: list[str], steps: int) -> list[str]:
    """Return names over the images that were given, nothing over those between.

    Examples
    --------
    >>> _heads(["a", "b", "c"], 3)
    ['a', '', 'b', '', 'c']
    """
    *others, last = stations
    return [*(head for name in others for head in (name, *[""] * (steps - 2))), last]


def _chosen(images: Any, rows: Rows | None) -> Any:
    """Return the images to go through."""
    if rows is not None:
        return images[np.asarray(rows)]
    if isinstance(images, Images) and len(images) > LONGEST:
        raise ValueError(
            f"rows=None is all {len(images):,} images: a way goes through {LONGEST:,} at most"
        )
    return images


def _way(model: Model, images: ImagesLike, to: Any, steps: int, how: str) -> np.ndarray:
    decode = able(model, "decode")
    codes = codes_of(model, images) if to is None else [code_of(model, images), code_of(model, to)]
    way: np.ndarray = decode(through(codes, steps, how))
    return way


def _check_sizes(ways: Mapping[str, np.ndarray]) -> None:
    if len({way.shape[1:] for way in ways.values()}) > 1:
        sizes = ", ".join(f"{name} {way.shape[1:]}" for name, way in ways.items())
        raise ValueError(f"models of images of one size can be compared, got {sizes}")


def through(codes: ArrayLike, steps: int = 9, how: str = "linear") -> np.ndarray:
    """Return codes on the way through several, ((n - 1) (steps - 1) + 1, k); see `morph`.

    Examples
    --------
    >>> through([[0.0], [1.0], [3.0]], 3).ravel()
    array([0. , 0.5, 1. , 2. , 3. ], dtype=float32)
    """
    codes = np.asarray(codes)
    if len(codes) < 2:
        raise ValueError(f"a way needs at least 2 images, got {len(codes)}")
    legs = [between(a, b, steps, how) for a, b in itertools.pairwise(codes)]
    return np.concatenate([legs[0][:1], *(leg[1:] for leg in legs)])


def between(a: ArrayLike, b: ArrayLike, steps: int = 9, how: str = "linear") -> np.ndarray:
    """Return codes on the way from one to another, (steps, k); see `morph`.

    Examples
    --------
    >>> between([1.0, 0.0], [0.0, 1.0], 3, "spherical").round(3)
    array([[1.   , 0.   ],
           [0.707, 0.707],
           [0.   , 1.   ]], dtype=float32)
    """
    one_of("how", how, HOWS)
    if steps < 2:
        raise ValueError(f"steps={steps} must be at least 2: both ends belong to the way")
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    t = np.linspace(0, 1, steps)[:, None]
    lengths = np.linalg.norm(a), np.linalg.norm(b)
    cosine = float(a @ b) / max(float(lengths[0] * lengths[1]), 1e-12)
    angle = math.acos(min(1.0, max(-1.0, cosine)))
    straight = how == "linear" or min(lengths) == 0 or math.sin(angle) < 1e-6
    if straight:  # an arc through the origin, or of no angle, is a line
        codes: np.ndarray = ((1 - t) * a + t * b).astype(np.float32)
        return codes
    directions = np.sin((1 - t) * angle) * a / lengths[0] + np.sin(t * angle) * b / lengths[1]
    length = (1 - t) * lengths[0] + t * lengths[1]
    turned: np.ndarray = (length * directions / math.sin(angle)).astype(np.float32)
    return turned
