"""Projections of codes to the plane, and of new ones after them."""

from __future__ import annotations

import math
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np

from isthmus.system.progress import Bar

SPREAD = 0.38
"""Images of one unit lie within this radius around its place on the grid, where units have 1."""
STEPS, QUICK = (250, 500), (100, 250)
"""Steps of t-SNE, first with groups pulled apart: to the end, and until groups can be seen."""


def components(codes: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean of codes and their strongest axes, from the smaller of two Gram matrices.

    Of either direction of an axis it is the one in which the farthest code lies; axes that codes
    do not have are zero.
    """
    codes = codes.astype(np.float64)
    mean = codes.mean(axis=0)
    centred = codes - mean
    if len(codes) < codes.shape[1]:
        strength, left = np.linalg.eigh(centred @ centred.T)
        seen = strength > 1e-12 * max(float(strength[-1]), 1e-300)
        axes = (left.T @ centred) * (seen / np.sqrt(np.where(seen, strength, 1)))[:, None]
    else:
        axes = np.linalg.eigh(centred.T @ centred)[1].T
    axes = axes[::-1][:width]
    scores = centred @ axes.T
    signs = np.sign(scores[np.abs(scores).argmax(axis=0), np.arange(scores.shape[1])])
    axes = axes * np.where(signs == 0, 1, signs)[:, None]
    return mean, np.pad(axes, ((0, width - len(axes)), (0, 0)))


def spread(codes: np.ndarray) -> np.ndarray:
    """Give codes one wide a second axis that only tells them apart, evenly and without chance."""
    rank = np.argsort(np.argsort(codes[:, 0], kind="stable"), kind="stable")
    golden = (rank * (math.sqrt(5) - 1) / 2) % 1 - 0.5
    return np.column_stack([codes[:, 0], golden * np.ptp(codes[:, 0]) / 3])


def flat(codes: np.ndarray) -> np.ndarray:
    """Return codes one wide on the first axis."""
    return np.pad(codes, ((0, 0), (0, 1))) if codes.shape[1] == 1 else codes


def around(positions: np.ndarray) -> np.ndarray:
    """Lay images of one unit around its place as seeds lie in a sunflower, the first in front."""
    _, unit, count = np.unique(positions, axis=0, return_inverse=True, return_counts=True)
    unit = unit.ravel()
    order = np.argsort(unit, kind="stable")
    rank = np.empty(len(unit), dtype=int)
    rank[order] = np.arange(len(unit)) - np.repeat(np.cumsum(count) - count, count)
    radius = SPREAD * np.sqrt(rank / count[unit])
    angle = rank * math.pi * (3 - math.sqrt(5))
    turned: np.ndarray = positions + radius[:, None] * np.column_stack(
        [np.cos(angle), np.sin(angle)]
    )
    return turned


def roomy(codes: np.ndarray, method: str, random_state: int) -> np.ndarray:
    """Give equal codes a hair of room: groups of them have no neighbours and would fly off."""
    if method not in ("tsne", "umap"):
        return codes
    noise = np.random.default_rng(random_state).normal(size=codes.shape)
    codes = codes.astype(np.float64)
    apart: np.ndarray = codes + 0.01 * codes.std() * noise
    return apart


def _perplexity(n: int) -> float:
    return min(30, (n - 1) / 3)


def _solver(dimensions: int) -> str:
    return "auto" if dimensions == 2 else "bh"  # interpolation is for planes only


def tsne(
    codes: np.ndarray,
    dimensions: int,
    random_state: int,
    verbose: bool,
    steps: tuple[int, int] = STEPS,
    is_over: Callable[[], bool] | None = None,
) -> np.ndarray:
    """Return the layout of codes by t-SNE: openTSNE's where it is installed, or scikit-learn's.

    openTSNE leaves it as it is when its time is over.
    """
    if not find_spec("openTSNE"):
        return _sklearn_tsne(codes, dimensions, random_state, steps)
    from openTSNE import TSNE

    with Bar("t-SNE", sum(steps), verbose) as bar:

        def moved(*_: Any) -> bool:
            bar.advance(50)
            return bool(is_over and is_over())

        tsne = TSNE(
            dimensions,
            early_exaggeration_iter=steps[0],
            n_iter=steps[1],
            perplexity=_perplexity(len(codes)),
            initialization="pca",
            neighbors="annoy",  # "exact" runs scikit-learn's threads: not within threads of ours
            negative_gradient_method=_solver(dimensions),
            random_state=random_state,
            n_jobs=1,  # its own threads spin while they wait: 50 times slower on a busy machine
            callbacks=moved,
            callbacks_every_iters=50,
        )
        return np.asarray(tsne.fit(codes))


def _sklearn_tsne(
    codes: np.ndarray, dimensions: int, random_state: int, steps: tuple[int, int]
) -> np.ndarray:
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    model = TSNE(
        dimensions, perplexity=_perplexity(len(codes)), init="pca", random_state=random_state,
        max_iter=max(250, sum(steps)), n_jobs=1,
    )  # fmt: skip
    with threadpool_limits(1):  # as above
        places: np.ndarray = model.fit_transform(codes)
        return places


def place_tsne(points: np.ndarray, known: np.ndarray, codes: np.ndarray, seed: int) -> np.ndarray:
    """Return where codes belong among others whose points t-SNE had found.

    openTSNE moves them as it had moved the others; without it they come to the middle of their
    nearest neighbors, the nearer the heavier.
    """
    if not find_spec("openTSNE"):
        return _among_neighbors(points, known, codes)
    from openTSNE import TSNEEmbedding
    from openTSNE.affinity import PerplexityBasedNN

    n, shared = len(known), {"random_state": seed, "n_jobs": 1}
    near = PerplexityBasedNN(known, perplexity=_perplexity(n), method="annoy", **shared)
    solver = _solver(points.shape[1])
    places = TSNEEmbedding(
        points.astype(np.float64), near, negative_gradient_method=solver, **shared
    )
    few = min(5.0, _perplexity(n))
    placed = places.transform(codes.astype(np.float64), perplexity=few, k=min(10, n))
    middle = (points.max(0) + points.min(0)) / 2  # `transform` moves the whole map there and stays
    moved: np.ndarray = np.asarray(placed) + middle
    return moved


def _among_neighbors(points: np.ndarray, known: np.ndarray, codes: np.ndarray) -> np.ndarray:
    from sklearn.neighbors import KNeighborsRegressor

    model = KNeighborsRegressor(min(5, len(known)), weights="distance")
    predicted: np.ndarray = model.fit(known, points).predict(codes)
    return predicted


def place_umap(points: np.ndarray, known: np.ndarray, codes: np.ndarray, seed: int) -> np.ndarray:
    """Return where codes belong among others whose points UMAP had found."""
    model = umap(known, points.shape[1], seed, points)
    placed: np.ndarray = model.transform(codes.astype(np.float32))
    return placed


def umap(codes: np.ndarray, dimensions: int, random_state: int, points: Any = None) -> Any:
    """Return UMAP fitted to codes, or put together again from codes and points it had found."""
    try:
        from umap import UMAP
    except ImportError:
        raise ImportError(
            "method='umap' needs umap-learn, which is not installed: pip install 'isthmus[umap]', "
            "or use method='tsne'"
        ) from None
    again = {} if points is None else {"init": points, "n_epochs": 0}
    model = UMAP(
        n_components=dimensions, n_neighbors=min(15, len(codes) - 1), random_state=random_state,
        n_jobs=1, **again,
    ).fit(codes.astype(np.float32))  # fmt: skip
    if points is not None:  # a start is stretched to the range 0 to 10 even without a step
        model.embedding_, model.n_epochs = points.astype(np.float32), None
    return model
