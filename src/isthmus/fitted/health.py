"""Health of a fit: findings that every family shares, in plain words and with what to try."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from isthmus.data.images import Images, to_unit

if TYPE_CHECKING:
    from isthmus.base import Representation

LOOKED_AT = 300
"""Training images that findings are measured on, at most."""
NUMBERS = 2**22
"""Numbers in them, at most; but always of two images."""
NO_BETTER = 0.95
"""Share of the mean image's error from which on a model is no better than the mean image."""
FEW_STEPS = 200
"""Fewer optimiser steps than this are few if the loss was still falling."""
FALLING = 0.1
"""Share of the fall of a loss that happens in the second half of a fit that is not over."""
FEWEST_HELD = 5
"""Held-out images that tell overfitting from chance, at least."""
RISEN = 0.15
"""Relative rise of the validation loss above its least that counts."""
DEAD = 1e-3
"""A latent dimension that varies less than this, as a share of the liveliest one, is dead."""

COLLAPSED = 0.01
"""A latent with less KL in nats, or whose mean varies less, says nothing about the image."""
WON = 0.1
"""Loss of a discriminator that has won."""
LEAST_VARIETY, ALIKE = 0.5, 0.05
"""Share of the kinds of images, and of their spread, that drawn images have at least."""


def few_of(images: Images, most: int = LOOKED_AT) -> Images:
    """Return a few of the images, evenly spaced, that take little time to look at."""
    return images.evenly(min(most, max(2, NUMBERS // int(np.prod(images.shape[1:])))))


def error_share(model: Representation, images: Images, total: int | None = None) -> float:
    """Return the squared error of reconstructions as a share of the mean image's error.

    Parameters
    ----------
    model : Representation
        Fitted; one that cannot decode makes no error.
    images : Images
        What it learnt from; a few of them are looked at.
    total : int, optional
        How many it learnt from, where `images` are some of them.

    Returns
    -------
    float
        0 where all images are the same.

    Examples
    --------
    >>> import isthmus as ist
    >>> images = ist.load_images("digits")
    >>> error_share(ist.KMeans(1, random_state=0).fit(images), images) > 0.95
    True
    """
    if not model.can("decode") or not model.can("encode"):
        return 0.0
    some = few_of(images)
    x = to_unit(np.asarray(some)).reshape(len(some), -1)
    # the mean of a part of the images is nearer to that part than the mean of all
    few = len(some) < (total or len(images))
    spread = float(x.var(0, dtype=np.float64, ddof=int(few)).mean())
    if not spread > 1e-12 * float(np.square(x, dtype=np.float64).mean()):
        return 0.0
    return -model.score(some) / spread


def are_the_same(images: Images) -> bool:
    """Return whether images do not differ, as far as a few of them tell."""
    some = np.asarray(few_of(images))
    return bool((some == some[:1]).all())


def all_the_same(n: int) -> list[str]:
    """Return the only finding about a model of images that do not differ."""
    return [f"all {n} images are the same, there is nothing to learn: give others"]


def no_better_than_mean(share: float, remedy: str) -> list[str]:
    """Return the finding that reconstructions are no better than the mean image, if so."""
    if share < NO_BETTER:
        return []
    return [
        "images come back no better than if their mean image were always the answer "
        f"({share:.0%} of its squared error): {remedy}"
    ]


def too_few_steps(loss: Sequence[float], steps: int, stopped: str) -> list[str]:
    """Return the finding that a fit ended where it had hardly begun, if so.

    Parameters
    ----------
    loss : sequence of float
        After every epoch; none where a loss does not tell how far a fit has come.
    steps : int
        Optimiser steps taken.
    stopped : str
        Why the fit ended.

    Examples
    --------
    >>> too_few_steps([9, 8, 7, 6, 5], 5, "out of time")[0][:35]
    'too few steps: only 5 optimiser ste'
    >>> too_few_steps([9, 5, 5, 5, 5], 5, "all epochs done")
    []
    """
    settled = len(loss) > 3 and loss[len(loss) // 2] - loss[-1] < FALLING * (loss[0] - loss[-1])
    if steps >= FEW_STEPS or settled or stopped == "no improvement":
        return []
    remedy = {
        "out of time": "raise max_seconds, or load smaller images (size=)",
        "all steps done": "raise max_steps",
    }.get(stopped, "raise epochs (by default there are 1,000 steps or more), lower batch_size")
    many = f"{steps} optimiser step" + "s" * (steps != 1)
    return [f"too few steps: only {many}, and not yet settled: {remedy}"]


def overfitting(history: Mapping[str, Sequence[float]], steps: int, n_held: int) -> list[str]:
    """Return the finding that validation loss rose while training loss fell, if so.

    Parameters
    ----------
    history : dict of str to sequence of float
        With loss and val_loss after every epoch.
    steps : int
        Optimiser steps taken; a few of them overfit nothing.
    n_held : int
        Held-out images; a few of them tell nothing.
    """
    held, loss = history.get("val_loss", ()), history["loss"]
    if len(held) <= 5 or steps < FEW_STEPS or n_held < FEWEST_HELD:
        return []
    best, last = int(np.argmin(held)), -max(1, len(held) // 20)
    # a loss in nats may well be below 0, or near it
    scale = max(abs(held[best]), 0.05 * (held[0] - held[best]))
    end = float(np.mean(held[last:]))
    if end <= held[best] + RISEN * scale or loss[-1] >= loss[best] or end <= loss[-1]:
        return []
    return [
        "validation loss rose again while training loss fell (overfitting): "
        "give it more images, or set patience"
    ]


def mode_collapse(variety: float, spread: float) -> list[str]:
    """Return the finding that drawn images are alike, or of few kinds, if so.

    Parameters
    ----------
    variety : float
        Of the kinds that real images show, the share that drawn ones do.
    spread : float
        Variance of drawn images as a share of that of real ones.
    """
    remedy = "train longer, or try spectral_norm=True or loss='wgan_gp'"
    if spread < ALIKE:
        return [
            "mode collapse: all drawn images are alike, they vary "
            f"{spread:.2g} times as much as real ones: {remedy}"
        ]
    if variety < LEAST_VARIETY:
        return [
            f"mode collapse: drawn images show {variety:.0%} of the kinds that real "
            f"ones do: {remedy}"
        ]
    return []


def lost_game(loss: float) -> list[str]:
    """Return the finding that the discriminator of a GAN, which loses so much, won, if so."""
    if loss >= WON:
        return []
    return [
        f"the discriminator won (it loses {loss:.2g}; about 1 is a fair game) and tells "
        "the generator little: give it fewer units, or try spectral_norm=True"
    ]


def dead_numbers(mean: np.ndarray, deviation: np.ndarray) -> int:
    """Return how many latent dimensions never change, from their means and deviations.

    Examples
    --------
    >>> dead_numbers(np.array([1.0, 0.0]), np.array([1e-9, 2.0]))
    1
    """
    size = float(np.sqrt(np.mean(np.square(mean) + np.square(deviation))))
    floor = max(DEAD * float(deviation.max()), 1e-5 * size, 1e-12)
    return int((deviation < floor).sum())


def dead_code(dead: int, width: int, what: str, remedy: str) -> list[str]:
    """Return the finding that some, or all, of the latent dimensions are dead."""
    if not dead:
        return []
    if dead == width:
        return [f"the code has collapsed, it is the same for every image: {remedy}"]
    return [f"{dead} of {width} {what} are dead (they never change): {remedy}"]


def collapsed(quiet: int, k: int, fewest: float, weight: str, some_may: bool) -> list[str]:
    """Return the finding that some of k latents say nothing about the image.

    Parameters
    ----------
    quiet, k : int
        How many say nothing, of how many.
    fewest : float
        Below so many that say something the code has collapsed as a whole.
    weight : str
        Which weight to lower.
    some_may : bool
        Whether it is no finding that only some say nothing.
    """
    if not quiet:
        return []
    if quiet == k:
        lost = f"the code has collapsed: all {k} latents say nothing about the image"
    elif k - quiet < fewest:
        lost = f"most of the code has collapsed: {quiet} of {k} latents say nothing"
    elif some_may:
        return []
    else:
        lost = f"{quiet} of {k} latents say nothing about the image"
        weight = f"if the others are not enough, {weight}"
    remedy = f"{weight} or let it rise slowly with warmup=0.3"
    return [f"{lost} (below {COLLAPSED} nats of KL, on average): {remedy}"]
