"""How well what is foreign in an image is seen: anomalies that are made, as none are known."""

from __future__ import annotations

import numpy as np

from isthmus.metrics.intervals import Estimate
from isthmus.metrics.outliers import placements
from isthmus.metrics.reconstruction import mean_within


def altered(images: np.ndarray, seed: int = 0) -> np.ndarray:
    """Return images with a block of another one in each: half as high and wide, at its own place.

    Of vectors it is half of their numbers. The pixels are those of real images, so that neither
    their values nor the texture tells, only that they do not belong together.

    Parameters
    ----------
    images : ndarray of shape (n, h, w, c) or (n, d)
        At least two.
    seed : int
        Of the blocks' places, and of whose they are.

    References
    ----------
    Li, Sohn, Yoon and Pfister, "CutPaste: self-supervised learning for anomaly detection and
    localization", 2021. Tan et al., "Detecting outliers with foreign patch interpolation", 2020.

    Examples
    --------
    >>> images = np.arange(3).reshape(3, 1, 1, 1) * np.ones((3, 4, 4, 1))
    >>> found = altered(images)
    >>> [int((image != i).sum()) for i, image in enumerate(found)]
    [4, 4, 4]
    """
    chance, n = np.random.default_rng(seed), len(images)
    order, whose = chance.permutation(n), np.empty(n, dtype=int)
    whose[order] = np.roll(order, 1)  # never its own
    sides = images.shape[1 : -1 if images.ndim == 4 else None]
    sizes = [max(1, side // 2) for side in sides]
    found = np.array(images)
    for row, other in enumerate(whose):
        starts = [
            chance.integers(side - size + 1) for side, size in zip(sides, sizes, strict=True)
        ]
        block = tuple(slice(a, a + size) for a, size in zip(starts, sizes, strict=True))
        found[row][block] = images[other][block]
    return found


def altered_auroc(whole: np.ndarray, foreign: np.ndarray) -> Estimate:
    """Return how often an altered image has a higher anomaly score than a whole one.

    The interval is DeLong's, of images with what was made of each: the area is the mean of what
    every one of them adds to it.

    Parameters
    ----------
    whole, foreign : ndarray of shape (n,)
        Anomaly scores of images, and of the same images with a foreign part.

    References
    ----------
    DeLong, DeLong and Clarke-Pearson, "Comparing the areas under two or more correlated receiver
    operating characteristic curves", 1988.

    Examples
    --------
    >>> altered_auroc(np.array([0.0, 1.0, 2.0]), np.array([0.5, 3.0, 4.0])).value
    0.777...
    """
    above, below = placements(foreign, whole)
    value = float(above.mean())
    each = above + below - value
    return Estimate(value, mean_within(each), each)
