"""What is wrong with images: blank, dark and blurred ones, and duplicates, exact or nearly so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from isthmus.data.images import Images, to_unit
from isthmus.fitted.heldout import row_hashes

BLANK = 0.01
"""Standard deviation of the values, the range being 1, below which there is nothing to see."""
DARK = 0.2
"""Values of an image of which 99 in 100 lie below this are dark."""
BLURRED = 0.5
"""Share of the usual detail that is too little, if it is an outlier as well."""
OUTLYING = 3.5
"""Robust standard deviations by which the detail of an image is below the usual."""
LARGEST, FINE, COARSE = 256, 16, 8
"""Sides to which images are reduced: to be looked at, to be compared, to be compared quickly."""
NEAR = 0.1
"""Distance of two pictures of mean 0 and norm 1 that are one, changed a little."""
FEWEST, SMALLEST = 8, 16
"""Images and pixels of a side that it takes to say what is blurred."""
BLOCK = 512


class Seen(NamedTuple):
    """What every image is like: contrast, brightness, detail (n,), and its small picture."""

    contrast: np.ndarray
    brightest: np.ndarray
    detail: np.ndarray
    small: np.ndarray


class Findings(NamedTuple):
    """Rows of images in question; of duplicates groups of rows, the first one first."""

    blank: list[int]
    dark: list[int]
    blurred: list[int]
    exact: list[list[int]]
    near: list[list[int]]


def quality(images: Images) -> Findings:
    """Return which images may be worth nothing, or are there more than once.

    Examples
    --------
    >>> pictures = np.random.default_rng(0).random((5, 20, 20))
    >>> pictures[1], pictures[2], pictures[3] = pictures[0], 0.9 * pictures[0] + 0.05, 0.5
    >>> found = quality(Images(pictures))
    >>> found.exact, found.near, found.blank
    ([[0, 1]], [[0, 2]], [3])
    """
    exact = equal_rows(images)
    if images.ndim == 2 or not len(images):
        return Findings([], [], [], exact, [])
    seen = looked_at(images)
    blank = seen.contrast < BLANK
    dark = ~blank & (seen.brightest < DARK)
    again = np.zeros(len(images), dtype=bool)
    again[[row for group in exact for row in group[1:]]] = True
    near = near_doubles(seen.small, np.flatnonzero(~blank & ~again))
    blurred = _blurred(seen, ~blank, images.shape[1:3])
    return Findings(_rows(blank), _rows(dark), _rows(blurred), exact, near)


def _rows(mask: np.ndarray) -> list[int]:
    return np.flatnonzero(mask).tolist()


def equal_rows(images: Images) -> list[list[int]]:
    """Return groups of rows of the same values, the first of each first."""
    hashes = row_hashes(images)
    order = np.argsort(hashes, kind="stable")
    starts = np.flatnonzero(np.diff(hashes[order])) + 1
    found = []
    for rows in np.split(order, starts):
        if len(rows) > 1:
            found += _same(images, rows)
    return sorted(found)


def _same(images: Images, rows: np.ndarray) -> list[list[int]]:
    """Return groups of equal images among these, whose hashes are equal."""
    values = np.asarray(images[rows]).reshape(len(rows), -1)
    _, group = np.unique(values, axis=0, return_inverse=True)
    groups = [rows[group.ravel() == which].tolist() for which in range(group.max() + 1)]
    return [sorted(members) for members in groups if len(members) > 1]


def looked_at(images: Images) -> Seen:
    """Return what every image is like, as grey values from 0 to 1."""
    low, high = images.value_range
    parts = [
        _looked_at((to_unit(chunk).mean(-1) - low) / max(high - low, 1e-12))
        for chunk in images.chunks()
    ]
    return Seen(*map(np.concatenate, zip(*parts, strict=True)))


def _looked_at(grey: np.ndarray) -> Seen:
    grey = reduced(np.nan_to_num(grey), LARGEST)
    contrast = grey.std((1, 2))
    brightest = np.percentile(grey, 99, axis=(1, 2))
    smooth = _smoothed(_smoothed(grey, 1), 2)
    inner = np.s_[:, 1:-1, 1:-1] if min(grey.shape[1:]) > 2 else np.s_[:]
    detail = (grey - smooth)[inner].std((1, 2)) / np.maximum(contrast, 1e-12)
    return Seen(contrast, brightest, detail, reduced(grey, FINE))


def _smoothed(grey: np.ndarray, axis: int) -> np.ndarray:
    """Return the mean of every value and its two neighbours, (1 2 1) / 4."""
    smooth: np.ndarray = (np.roll(grey, 1, axis) + 2 * grey + np.roll(grey, -1, axis)) / 4
    return smooth


def reduced(grey: np.ndarray, most: int) -> np.ndarray:
    """Return pictures (n, h, w) whose sides are at most so long, by the mean of areas.

    Examples
    --------
    >>> reduced(np.arange(8.0).reshape(1, 2, 4), 2).tolist()
    [[[0.5, 2.5], [4.5, 6.5]]]
    """
    for axis in (1, 2):
        if grey.shape[axis] > most:
            weights = _areas(grey.shape[axis], most)
            grey = np.moveaxis(np.tensordot(grey, weights, (axis, 1)), -1, axis)
    return grey


def _areas(there: int, wanted: int) -> np.ndarray:
    """Return how much of every value there (columns) is in one of those wanted (rows)."""
    edges = np.linspace(0, there, wanted + 1)[:, None]
    covered = np.clip(edges - np.arange(there), 0, 1)  # of every value up to an edge
    return (np.diff(covered, axis=0) * wanted / there).astype(np.float32)


def _blurred(seen: Seen, counted: np.ndarray, sides: tuple[int, ...]) -> np.ndarray:
    """Return which images have far less detail than others of the set."""
    if counted.sum() < FEWEST or min(sides) < SMALLEST:
        return np.zeros(len(counted), dtype=bool)
    detail = np.log(np.maximum(seen.detail, 1e-6))
    usual = np.median(detail[counted])
    spread = 1.4826 * np.median(np.abs(detail[counted] - usual))
    blurred: np.ndarray = counted & (detail < usual + min(np.log(BLURRED), -OUTLYING * spread))
    return blurred


def near_doubles(small: np.ndarray, rows: np.ndarray) -> list[list[int]]:
    """Return groups of rows whose pictures are one, changed a little.

    Brighter or darker, of other contrast, scaled or compressed again: not cut, turned or mirrored.

    Parameters
    ----------
    small : ndarray of shape (n, h, w)
        Pictures of all images.
    rows : ndarray of int
        Which are compared.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if len(rows) < 2:
        return []
    fine = _of_norm_1(small[rows])
    pairs = [*_pairs(_of_norm_1(reduced(small[rows], COARSE)), fine), np.empty((0, 2), int)]
    left, right = np.concatenate(pairs).T
    edges = coo_array((np.ones(len(left)), (left, right)), shape=(len(rows), len(rows)))
    _, group = connected_components(edges, directed=False)
    again = np.flatnonzero(np.bincount(group, minlength=1) > 1)
    return sorted(rows[group == which].tolist() for which in again)


def _of_norm_1(pictures: np.ndarray) -> np.ndarray:
    flat = pictures.reshape(len(pictures), -1).astype(np.float32)
    flat = flat - flat.mean(1, keepdims=True)
    unit: np.ndarray = flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-12)
    return unit


def _pairs(coarse: np.ndarray, fine: np.ndarray) -> Iterator[np.ndarray]:
    """Yield pairs of rows that are near in both; what is far in one direction is not compared."""
    widest = np.linalg.eigh(np.cov(coarse.T))[1][:, -1] if coarse.shape[1] > 1 else np.ones(1)
    places = coarse @ widest.astype(np.float32)
    order = np.argsort(places, kind="stable")
    places, coarse, fine = places[order], coarse[order], fine[order]
    for start in range(0, len(order), BLOCK):
        stop = min(start + BLOCK, len(order))
        end = int(np.searchsorted(places, places[stop - 1] + NEAR, "right"))
        close = coarse[start:stop] @ coarse[start:end].T > 1 - NEAR**2 / 2
        left, right = np.nonzero(np.triu(close, 1))
        left, right = left + start, right + start
        for some in range(0, len(left), 2**14):
            one, other = left[some : some + 2**14], right[some : some + 2**14]
            near = np.einsum("ij,ij->i", fine[one], fine[other]) > 1 - NEAR**2 / 2
            yield np.stack([order[one[near]], order[other[near]]], 1)
