"""Precision, recall, density and coverage: which images lie among which, by nearest neighbors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from isthmus.metrics.halves import over_halves
from isthmus.metrics.intervals import Estimate

CHUNK = 2000
"""Rows of a table of distances that are held at a time."""
NEIGHBORS = 5
"""Neighbors that say how far a neighborhood reaches."""
ROUNDING = 1e-9
"""What distances may be off by, so that nothing lies outside of what it is itself a member of."""


class Neighborhoods(NamedTuple):
    """How real and drawn vectors lie among one another; see `neighborhoods`.

    Attributes
    ----------
    precision : float
        Share of drawn vectors within the neighborhood of a real one: how many look real.
    recall : float
        Share of real vectors within the neighborhood of a drawn one: how much is drawn.
    density : float
        Neighborhoods of real vectors that a drawn one lies in, as a share of the k it is expected
        to: above 1 where drawn ones keep to the middle.
    coverage : float
        Share of real vectors with a drawn one in their neighborhood.
    """

    precision: float
    recall: float
    density: float
    coverage: float


def neighborhoods(real: np.ndarray, drawn: np.ndarray, k: int = NEIGHBORS) -> Neighborhoods:
    """Return how real and drawn vectors lie among one another.

    The neighborhood of a vector reaches to its k-th neighbor among those of its own kind. One
    drawn vector far from all others has a neighborhood that takes in everything, and so recall is
    fooled by outliers; coverage asks the neighborhoods of real vectors alone, and is not.

    Parameters
    ----------
    real, drawn : ndarray of shape (n, d) and (m, d)
        Features.
    k : int
        At least 1, and below the number of vectors of either kind.

    Returns
    -------
    Neighborhoods

    Raises
    ------
    ValueError
        If k is out of its range.

    References
    ----------
    T. Kynkaanniemi et al., Improved precision and recall metric for assessing generative models,
    2019. M. Naeem et al., Reliable fidelity and diversity metrics for generative models, 2020.

    Examples
    --------
    >>> real = np.random.default_rng(0).normal(size=(200, 2))
    >>> neighborhoods(real, real + 50)
    Neighborhoods(precision=0.0, recall=0.0, density=0.0, coverage=0.0)
    >>> [round(share, 1) for share in neighborhoods(real, real[::-1])]
    [1.0, 1.0, 1.2, 1.0]
    """
    if not 1 <= k < min(len(real), len(drawn)):
        raise ValueError(
            f"k={k} must be at least 1 and below the number of images, {len(real)} and "
            f"{len(drawn)}"
        )
    reach, reach_drawn = _reach(real, k), _reach(drawn, k)
    among = np.empty(len(drawn))
    reached, nearest = np.zeros(len(real), dtype=bool), np.full(len(real), np.inf)
    for rows, part in distances(drawn, real):
        among[rows] = (part <= reach).sum(1)
        reached |= (part <= reach_drawn[rows, None]).any(0)
        nearest = np.minimum(nearest, part.min(0))
    covered = float((nearest <= reach).mean())
    precise, dense = float((among > 0).mean()), float(among.mean() / k)
    return Neighborhoods(precise, float(reached.mean()), dense, covered)


def estimates(
    real: np.ndarray, drawn: np.ndarray, seed: int = 0, k: int = NEIGHBORS
) -> dict[str, Estimate]:
    """Return the same with half of the 95 % interval of each; of few vectors of fewer neighbors.

    Examples
    --------
    >>> found = estimates(*np.random.default_rng(0).normal(size=(2, 300, 2)))
    >>> list(found), 0 < found["coverage"].within < 0.1
    (['precision', 'recall', 'density', 'coverage'], True)
    """
    fewest = min(len(real), len(drawn))
    if fewest < 2:
        return {}
    k = min(k, fewest - 1)
    found = neighborhoods(real, drawn, k)
    within = over_halves(lambda one, two: neighborhoods(one, two, k), real, drawn, seed)
    halves = [None] * len(found) if within is None else [float(half) for half in within]
    pairs = zip(found._fields, found, halves, strict=True)
    return {name: Estimate(value, half) for name, value, half in pairs}


def _reach(members: np.ndarray, k: int) -> np.ndarray:
    """Return the squared distance from every vector to its k-th neighbor, and for rounding more.

    Equal vectors are neighbors at no distance.
    """
    found = [np.partition(part, k, axis=1)[:, k] for _, part in distances(members, members)]
    reach: np.ndarray = np.concatenate(found) * (1 + ROUNDING) + ROUNDING
    return reach


def distances(points: np.ndarray, members: ArrayLike) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield squared distances to all members of some points at a time, and which points.

    Examples
    --------
    >>> [(rows, part.tolist()) for rows, part in distances(np.array([[0.0]]), [[3.0]])]
    [(slice(0, 1, None), [[9.0]])]
    """
    import torch

    from isthmus.tensors import squared_distances

    others = torch.from_numpy(np.ascontiguousarray(members))
    points = np.ascontiguousarray(points)
    for start in range(0, len(points), CHUNK):
        rows = slice(start, min(start + CHUNK, len(points)))
        yield rows, squared_distances(torch.from_numpy(points[rows]), others).numpy()
