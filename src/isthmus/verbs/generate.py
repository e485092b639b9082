"""New codes like those of images, so that every family that decodes can draw new images."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from isthmus.data.images import Images, evenly_spaced
from isthmus.fitted.heldout import part_to_train_on
from isthmus.latent.codes import flattened
from isthmus.models.mixtures import mixture_of
from isthmus.system.progress import track
from isthmus.tensors import usual_torch
from isthmus.validation import one_of, renamed
from isthmus.verbs.by_class import (
    FEWEST as CODES,
)
from isthmus.verbs.by_class import (
    ClassCodes,
    Draw,
    class_codes,
    drawn_by_class,
    judge,
    labelled_parts,
    labelled_source,
    spread,
)
from isthmus.verbs.generated import Generated
from isthmus.verbs.lifelike import lifelike
from isthmus.verbs.parameters import ImagesLike, Model, Seconds
from isthmus.verbs.within import Limit

SAMPLERS = ("prior", "gaussian", "mixture", "flow")
COMPONENTS = 50
"""Gaussians of a mixture, or one for every twenty codes where these are few."""
FITTED = 20_000
"""Codes that a sampler is fitted to, at most."""
LAYERS, HIDDEN, BATCH, RATE = 3, (64, 64), 256, 5e-3
"""Of the flow: autoregressive spline layers, units in each, and how they learn."""
PASSES, FEWEST, MOST = 30, 500, 2000
"""Of the flow over the codes, within so many steps."""
COMPARED = 200
"""Decoded training codes of a class that say how much images vary."""


@renamed(n_samples="count")
def generate(
    model: Model,
    count: int = 16,
    among: ImagesLike | None = None,
    sampler: str | None = None,
    *,
    per_class: int | None = None,
    labels: str | Path | None = None,
    score: bool = False,
    encoder: str | Path | None = None,
    temperature: float = 1.0,
    random_state: int = 0,
    tile_size: int | None = None,
    budget: Seconds | None = None,
    verbose: bool | None = False,
) -> Generated:
    """Sample new images: codes drawn like those of images, decoded.

    Parameters
    ----------
    model : Representation
        Fitted, and able to decode.
    count : int
        How many, at least 1.
    among : Images or array of shape (n, ...), optional
        Images whose codes those drawn are to be like, of Images with a split the part to train
        on; needed by all samplers but "prior".
    sampler : {"prior", "gaussian", "mixture", "flow"}, optional
        What codes are drawn from: the "prior", which the model itself samples from; a "gaussian";
        a "mixture" of up to 50 Gaussians; a neural spline "flow" (by zuko). By default the prior,
        or the mixture where there are images to go by. Codes that are indices are drawn as often
        as they occur, whichever it is.
    per_class : int, optional
        How many of every class, at least 1, in place of `count`: a sampler of its own, of those
        but "prior", draws codes like those of its images in `among`, by default those that the
        model learnt from, read again. A class of fewer than 40 codes leans on what all classes
        have in common; of one of fewer than 2 there are no images.
    labels : path, optional
        A table of the classes of `among`, for `per_class`; see `isthmus.data.tables`.
    score : bool
        Say how real images drawn so look, beside real ones held out of `among`, by default of what
        the model learnt from: Frechet and kernel distance, precision, recall, density and
        coverage, in features of a small network that learns from the images to train on, and in
        pixels; and whether they are copies of training images.
    encoder : path, optional
        An ONNX file of an encoder whose features are taken for `score` in place of that network's.
    temperature : float
        Above 0: below 1 codes keep to the middle of what is likely, so images are plainer. Not for
        "prior".
    random_state : int
        Seed of the fit of the sampler and of the draw.
    tile_size : int, optional
        Pixels of the longer side of an image in a picture; by default 48 to 128.
    budget : float, optional
        Time to take, in seconds above 0: codes are made of as many of `among` as there is time
        for, evenly spaced, and a flow is left as it is then.
    verbose : bool
        Show progress on standard error.

    Returns
    -------
    Generated
        An array (count, ...), with `score` having ``lifelike``. With `per_class` that many of
        each class, one class after another: then ``labels`` and ``classes`` say of which, and
        ``judged`` how many of them a probe of real images names rightly.

    Raises
    ------
    ValueError
        If the model cannot decode or draw, images to go by are missing, or a parameter is out of
        its range.
    ImportError
        If "flow" is asked for and zuko is not installed.

    References
    ----------
    P. Ghosh et al., From variational to deterministic autoencoders, 2020 (sampling ex post).
    C. Durkan et al., Neural spline flows, 2019.

    Examples
    --------
    >>> import isthmus as ist
    >>> images = ist.load_images("digits")
    >>> ist.generate(ist.PCA(10).fit(images.train), 4, images.train)
    Generated(4 images, (4, 8, 8, 1), float32)
    >>> drawn = ist.generate(ist.PCA(10).fit(images.train), per_class=20)
    >>> drawn.shape, drawn.scores["accuracy"] > 0.8
    ((200, 8, 8, 1), True)
    """
    _check_asked(per_class, labels, score, encoder)
    limit = Limit(budget)
    sampler = sampler or ("prior" if among is None and per_class is None else "mixture")
    one_of("sampler", sampler, SAMPLERS)
    if count < 1 or not temperature > 0:
        raise ValueError(f"count={count} must be at least 1 and temperature={temperature} above 0")
    if model.cell is not None:
        raise ValueError(
            f"{type(model).__name__} has a code for every {model.cell}x{model.cell} pixels and "
            "does not know which lie side by side: draw from a model of whole images"
        )
    if per_class is not None:
        images = labelled_source(_decodes(model, per_class, sampler), among, labels)
        how: dict[str, Any] = {"sampler": sampler, "verbose": bool(verbose), "limit": limit}
        fit = partial(fitted, **how, random_state=random_state)
        make = (per_class, fit, sampler, temperature, random_state, limit)
        made = _of_classes(model, images, *make)
        return made.in_tiles(tile_size)
    draw = _drawing(model, among, sampler, temperature, random_state, bool(verbose), limit)
    drawn = Generated.of(draw(count, random_state), model).in_tiles(tile_size)
    if score:
        drawn.lifelike = lifelike(model, among, draw, encoder, random_state)
    return drawn


def _check_asked(
    per_class: int | None, labels: Any, score: bool, encoder: str | Path | None
) -> None:
    """Raise ValueError where parameters do not go together."""
    if labels is not None and per_class is None:
        raise ValueError(f"labels={labels!r} are of use with per_class")
    if score and per_class is not None:
        raise ValueError(
            f"per_class={per_class} has a probe say how good images of classes are; score is for "
            "images of all together"
        )
    if encoder is not None and not score:
        raise ValueError(f"encoder={str(encoder)!r} is of use with score")


def _drawing(
    model: Model,
    among: ImagesLike | None,
    sampler: str,
    temperature: float,
    seed: int,
    verbose: bool,
    limit: Limit,
) -> Callable[[int, int], np.ndarray]:
    """Return a function from a number and a seed to so many images."""
    if sampler == "prior":
        return partial(_of_prior, model)
    if among is None or not model.can("decode"):
        raise ValueError(
            f"sampler={sampler!r} needs images to go by, and a model that decodes: got "
            f"{type(model).__name__} and {'no images' if among is None else 'images'}"
        )
    known, _ = part_to_train_on(among, None)
    rows = limit.rows(known, model.encode)
    known = known if rows is None else known[rows]
    codes = flattened(model, model.encode(known))
    draw = fitted(codes, sampler, random_state=seed, verbose=verbose, limit=limit)

    def images(count: int, seed: int) -> np.ndarray:
        return model.decode(draw(count, np.random.default_rng(seed), temperature))

    return images


def _decodes(model: Model, per_class: int, sampler: str) -> Model:
    """Return a model if images of classes can be drawn from it so."""
    if per_class < 1:
        raise ValueError(f"per_class={per_class} must be at least 1")
    if sampler == "prior":
        raise ValueError("sampler='prior' knows no classes; with per_class leave it out")
    if not (model.can("decode") and model.can("encode")):
        raise ValueError(
            f"per_class needs a model that encodes and decodes: {type(model).__name__} does not; "
            "`isthmus models` lists who can"
        )
    return model


def _of_classes(
    model: Model,
    images: Images,
    per_class: int,
    fit: Callable[[np.ndarray], Draw],
    sampler: str,
    temperature: float,
    seed: int,
    limit: Limit,
) -> Generated:
    """Return so many new images of every class, and how good they are."""
    parts = labelled_parts(model, images)
    rows = limit.rows(parts.train, model.encode)
    found = class_codes(model, images, parts.train if rows is None else parts.train[rows])
    counts = found.counts
    kept = np.flatnonzero(counts >= CODES)
    if not len(kept):
        raise ValueError(f"no class of {images.source} has {CODES} training images or more")
    labels, rng = np.repeat(kept, per_class), np.random.default_rng(seed)
    codes = drawn_by_class(found, labels, fit, sampler != "gaussian", rng, temperature)
    made = Generated.of(model.decode(codes), model)
    few = {found.names[k]: int(n) for k, n in enumerate(counts) if n < CODES}
    made.told(labels, found.names, few)
    made.judged = judge(parts, np.asarray(made), labels)
    made.rows = [_class_row(model, found, made, label) for label in kept.tolist()]
    return made


def _class_row(model: Model, found: ClassCodes, made: Generated, label: int) -> dict[str, Any]:
    """Return what is known of the images of a class."""
    of_class = np.asarray(made.labels) == label
    own = found.codes[found.y == label]
    real = model.decode(own[evenly_spaced(len(own), COMPARED)].reshape(-1, *found.shape))
    right = None if made.judged is None else float(made.judged.right[of_class].mean())
    return {
        "class": found.names[label],
        "codes": len(own),
        "drawn": int(of_class.sum()),
        "distinct": len(np.unique(np.asarray(made)[of_class].reshape(of_class.sum(), -1), axis=0)),
        "accuracy": right,
        "spread": round(spread(np.asarray(made)[of_class], real), 3),
    }


def _of_prior(model: Model, count: int, random_state: int) -> np.ndarray:
    if not model.can("sample"):
        raise ValueError(
            f"{type(model).__name__} has no prior to draw from; give sampler='mixture'"
        )
    return model.sample(count, random_state=random_state)


def fitted(
    codes: np.ndarray,
    sampler: str = "mixture",
    *,
    random_state: int = 0,
    verbose: bool = False,
    limit: Limit | None = None,
) -> Draw:
    """Return what draws codes like these: called with a number, a generator and a temperature.

    Parameters
    ----------
    codes : array of shape (n,) or (n, k)
        Indices or vectors.
    sampler : {"gaussian", "mixture", "flow"}
        What codes are drawn from: a "gaussian", a "mixture" of up to 50 Gaussians, or a neural
        spline "flow".
    random_state : int
        Seed of the fit.
    verbose : bool
        Show progress.
    limit : Limit, optional
        Time in which a flow is fitted.

    Examples
    --------
    >>> codes = np.random.default_rng(0).normal(3, 1, (1000, 2))
    >>> drawn = fitted(codes, "gaussian")(2000, np.random.default_rng(0), 1.0)
    >>> drawn.mean(0).round(1).tolist()
    [3.0, 3.0]
    """
    codes = np.asarray(codes)
    codes = codes[np.linspace(0, len(codes) - 1, min(FITTED, len(codes))).astype(int)]
    if codes.dtype.kind in "iu":
        return lambda n, rng, temperature: rng.choice(codes, n)
    if codes.ndim != 2 or len(codes) < 2:
        raise ValueError(
            f"codes of shape {codes.shape}: a sampler needs vectors (n, k) of at least 2 images"
        )
    flow = partial(_flow, limit=limit or Limit(None))
    fits: dict[str, Callable[..., Draw]]
    fits = {"gaussian": _gaussian, "mixture": _mixture, "flow": flow}
    fit = fits[sampler]
    middle, scale = codes.mean(0), np.maximum(codes.std(0), 1e-9)
    draw = fit(((codes - middle) / scale).astype(np.float64), random_state, verbose)
    return lambda n, rng, t: (middle + scale * draw(n, rng, t)).astype(np.float32)


def _gaussian(codes: np.ndarray, seed: int, verbose: bool) -> Draw:
    covariance = np.atleast_2d(np.cov(codes.T))
    zeros = np.zeros(len(covariance))
    return lambda n, rng, t: rng.multivariate_normal(zeros, t * t * covariance, n, method="eigh")


def _mixture(codes: np.ndarray, seed: int, verbose: bool) -> Draw:
    count = max(1, min(COMPONENTS, len(codes) // 20))
    found = mixture_of(codes, count, seed)

    def draw(n: int, rng: np.random.Generator, t: float) -> np.ndarray:
        which = rng.choice(count, n, p=found.weights)
        noise = rng.normal(size=(n, codes.shape[1]))
        drawn: np.ndarray = found.means[which] + t * np.einsum(
            "nij,nj->ni", found.roots[which], noise
        )
        return drawn

    return draw


@usual_torch()
def _flow(codes: np.ndarray, seed: int, verbose: bool, limit: Limit) -> Draw:
    try:
        import zuko
    except ImportError:
        raise ImportError("sampler='flow' needs zuko: pip install 'isthmus[flows]'") from None
    with torch.random.fork_rng(devices=[]):  # zuko draws its weights from the global generator
        torch.manual_seed(seed)
        flow = zuko.flows.NSF(codes.shape[1], transforms=LAYERS, hidden_features=HIDDEN)
    _learn(flow, torch.from_numpy(codes).float(), seed, verbose, limit)

    @usual_torch()
    def draw(n: int, rng: np.random.Generator, t: float) -> np.ndarray:
        noise = torch.from_numpy(t * rng.normal(size=(n, codes.shape[1]))).float()
        drawn: np.ndarray = flow().transform.inv(noise).double().numpy()
        return drawn

    return draw


def _learn(flow: Any, codes: torch.Tensor, seed: int, verbose: bool, limit: Limit) -> None:
    """Fit a flow by Adam to the likelihood of codes; the step falls along a cosine."""
    optimizer = torch.optim.Adam(flow.parameters(), RATE)
    steps = min(MOST, max(FEWEST, PASSES * len(codes) // BATCH))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    rng = torch.Generator().manual_seed(seed)
    with torch.enable_grad():
        every = track(range(steps), "flow", steps, verbose)
        for _ in limit.until(every, "steps of the flow", total=steps):
            rows = torch.randint(len(codes), (BATCH,), generator=rng)
            loss = -flow().log_prob(codes[rows]).mean()
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(flow.parameters(), 5.0)
            optimizer.step()
            schedule.step()
