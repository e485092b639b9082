"""All scores of how far codes part known factors, each with its interval, and by chance."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np

from isthmus.metrics.factors import Factors, dci, explicitness, modularity, sap
from isthmus.metrics.information import mig
from isthmus.metrics.intervals import Estimate
from isthmus.metrics.interventions import beta_vae_score, factor_vae_score, irs
from isthmus.metrics.parts import PARTS, dealt, spread

FEW_TREES = 10
"""Trees of a forest where DCI is one score of many: of parts, of chance, in a study."""
Known = Mapping[str, np.ndarray]
Scores = dict[str, float]


def factor_scores(
    Z: np.ndarray,
    factors: Factors,
    *,
    trees: int | None = None,
    without: Collection[str] = (),
    random_state: int = 0,
) -> Scores:
    """Return every score that codes of images of known factors have; NaN where one has none.

    Some need two factors, or two latent dimensions. `isthmus.metrics.METRICS` says what each is.

    Parameters
    ----------
    Z : ndarray of shape (n, k)
        Codes.
    factors : dict of str to ndarray of shape (n,), or ndarray of shape (n, m)
        See `mutual_information`.
    trees : int, optional
        See `dci`.
    without : collection of str
        Scores that are left out.
    random_state : int
        Seed of forests and of groups of images.

    Examples
    --------
    >>> v = np.random.default_rng(0).integers(0, 4, (400, 2))
    >>> found = factor_scores(v.astype(float), v, trees=5)
    >>> found["mig"] > 0.9, found["dci_completeness"] > 0.9
    (True, True)
    """
    seeded = {"random_state": random_state}
    ways: dict[str, Callable[[], float]] = {
        "factor_vae_score": lambda: factor_vae_score(Z, factors, **seeded),
        "beta_vae_score": lambda: beta_vae_score(Z, factors, **seeded),
        "mig": lambda: mig(Z, factors),
        "sap": lambda: sap(Z, factors),
        "irs": lambda: irs(Z, factors),
        "modularity": lambda: modularity(Z, factors),
        "explicitness": lambda: explicitness(Z, factors, **seeded),
    }
    found = {name: _or_none(way) for name, way in ways.items() if name not in without}
    try:
        forests = dci(Z, factors, trees=trees, **seeded)._asdict()
    except ValueError:
        forests = dict.fromkeys(("disentanglement", "completeness", "informativeness"), math.nan)
    return found | {f"dci_{name}": value for name, value in forests.items()}


def with_intervals(
    Z: np.ndarray,
    factors: Known,
    *,
    trees: int | None = None,
    parts: int = PARTS,
    without: Collection[str] = (),
    random_state: int = 0,
) -> dict[str, Estimate]:
    """Return the same with half of their 95 % intervals over images; see `by_parts`.

    Examples
    --------
    >>> v = np.random.default_rng(0).integers(0, 4, (400, 2))
    >>> found = with_intervals(v.astype(float), {"a": v[:, 0], "b": v[:, 1]})
    >>> 0 <= found["mig"].within < 0.1
    True
    """
    asked: dict[str, Any] = {"without": without, "random_state": random_state}
    value = factor_scores(Z, factors, trees=trees, **asked)
    found = []
    for rows in dealt(len(Z), parts, random_state):
        some = {name: np.asarray(v)[rows] for name, v in factors.items()}
        found.append(factor_scores(Z[rows], some, trees=FEW_TREES, **asked))
    return {
        name: Estimate(each, spread([part[name] for part in found]))
        for name, each in value.items()
    }


def by_chance(Z: np.ndarray, factors: Known, *, random_state: int = 0) -> Scores:
    """Return the scores of the same codes dealt out to the images by chance.

    Examples
    --------
    >>> v = np.random.default_rng(0).integers(0, 4, (400, 2))
    >>> by_chance(v.astype(float), {"a": v[:, 0], "b": v[:, 1]})["mig"] < 0.1
    True
    """
    order = np.random.default_rng(random_state).permutation(len(Z))
    return factor_scores(Z[order], factors, trees=FEW_TREES, random_state=random_state)


def _or_none(way: Callable[[], float]) -> float:
    try:
        return float(way())
    except ValueError:  # one factor, or one latent dimension: there is no such score
        return math.nan
