"""Traversals: one number of a code changed at a time, or the prototypes around one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from isthmus.codes import code_of, codes_of, one_image


def traverse(
    model: Any,
    start: Any,
    dims: Sequence[int] | int | None = None,
    steps: int = 9,
    *,
    values: Any = None,
    among: Any = None,
) -> np.ndarray:
    """Return what becomes of an image when one number of its code is changed, and no other.

    Where the code is an index, the walk is among the prototypes: on the grid of a map, from the
    best-matching unit along either axis; of centroids, from the nearest one to those nearest it.

    Parameters
    ----------
    model : Representation
        Fitted, and able to decode.
    start : array or Images of one image, or array of shape (k,), or int
        The image, or the code, to start from.
    dims : int or sequence of int, optional
        Which numbers of the code; by default all. A whole number is that many, the most useful
        first: see `ordered`. Of a map: 0 walks down the rows, 1 along the columns, whichever
        topology it has; of centroids there is only 0.
    steps : int
        How many values each of them takes, evenly spaced from the lowest to the highest; for an
        index, how many prototypes, on a map half of them on either side of the best-matching unit.
    values : array of shape (steps,) or (len(dims), steps), optional
        The values themselves.
    among : Images or array of shape (n, ...), optional
        Images whose codes say how low and high: from their 1st to their 99th percentile. Without
        them the span is 2.5 standard deviations of the training codes around their mean where
        the model knows these, and else from -2.5 to 2.5.

    Returns
    -------
    ndarray of shape (len(dims), steps, ...)
        A row of images for every number of the code; NaN beyond the edge of a map, or where
        there are no more centroids.

    Raises
    ------
    ValueError
        If codes are one a pixel, a dimension is not one of their numbers, or `steps` is below 2.

    References
    ----------
    I. Higgins et al., beta-VAE: learning basic visual concepts with a constrained variational
    framework, 2017.

    Examples
    --------
    >>> import isthmus as ist
    >>> images = ist.load_images("digits")
    >>> pca = ist.PCA(10).fit(images.train)
    >>> ist.traverse(pca, images.test[0], dims=[0, 1], steps=7).shape
    (2, 7, 8, 8, 1)
    >>> som = ist.SOM((5, 6), max_iter=5, random_state=0).fit(images.train)
    >>> ist.traverse(som, images.test[0], steps=5).shape
    (2, 5, 8, 8, 1)
    """
    if values is None and steps < 2:
        raise ValueError(f"steps={steps} must be at least 2")
    if model.code_kind_ == "index":
        return _among_prototypes(model, start, dims, steps)
    z = code_of(model, start)
    codes = None if among is None else codes_of(model, among)
    dims = _dims(dims, len(z), lambda: ordered(model, codes, len(z)))
    if values is None:
        values = np.linspace(*_span(model, len(z), codes), steps).T[dims]
    values = np.asarray(values, dtype=np.float32)
    values = np.broadcast_to(values, (len(dims), values.shape[-1]))
    moved = np.tile(z, (*values.shape, 1))
    for row, dim in enumerate(dims):
        moved[row, :, dim] = values[row]
    images = model.decode(moved.reshape(-1, len(z)))
    return images.reshape(*values.shape, *images.shape[1:])


def _dims(dims: Any, width: int, order: Any) -> list[int]:
    """Return the numbers of a code that are meant, checked."""
    if isinstance(dims, int | np.integer) and 1 <= dims <= width:
        return order()[:dims]
    if isinstance(dims, int | np.integer):
        raise ValueError(
            f"dims={dims} must be 1 to {width}, how wide a code is; or a list of them"
        )
    dims = list(range(width) if dims is None else dims)
    if not dims or [dim for dim in dims if not 0 <= dim < width]:
        raise ValueError(f"dims={dims} must be some of 0 to {width - 1}, the numbers of a code")
    return dims


def ordered(model: Any, codes: Any = None, width: int = 0) -> list[int]:
    """Return the numbers of a code, the most useful first: by KL where known, else by variance.

    Parameters
    ----------
    model : Representation
        A VAE knows the KL of every number, an autoencoder the deviation of its training codes.
    codes : array of shape (n, k), optional
        Codes whose variance counts where the KL is not known.
    width : int
        How many numbers there are, for a model that knows neither and without codes: their order
        is then their own, which for principal components is that of their variance.

    Examples
    --------
    >>> ordered(None, np.array([[0.0, 1.0], [0.0, 3.0]]))
    [1, 0]
    """
    use = None if model is None else model.kl_
    if use is None and codes is not None:
        use = np.asarray(codes).var(0)
    if use is None:
        use = np.zeros(width) if model.code_deviation_ is None else model.code_deviation_
    return np.argsort(-np.asarray(use), kind="stable").tolist()


def _span(model: Any, width: int, codes: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return how low and how high every number of the code goes."""
    if codes is not None:
        low, high = np.percentile(codes, [1, 99], axis=0)
        return low, high
    if model.code_mean_ is None:
        return np.full(width, -2.5), np.full(width, 2.5)
    reach = 2.5 * np.asarray(model.code_deviation_)
    return np.asarray(model.code_mean_) - reach, np.asarray(model.code_mean_) + reach


def _among_prototypes(model: Any, start: Any, dims: Any, steps: int) -> np.ndarray:
    units = neighbors(model, start, steps)
    units = units[_dims(dims, len(units), lambda: list(range(len(units))))]
    shown = model.decode(units.clip(min=0).ravel()).reshape(*units.shape, *model.image_shape_)
    shown[units < 0] = np.nan
    return shown


def neighbors(model: Any, start: Any, steps: int = 9) -> np.ndarray:
    """Return the prototypes around that of an image, row by row as `traverse` shows them.

    Parameters
    ----------
    model : Representation
        Fitted, its code an index.
    start : array or Images of one image, or int
        The image, or the index of a prototype.
    steps : int
        How many in a row.

    Returns
    -------
    ndarray of int of shape (2, steps) or (1, steps)
        Indices; -1 where there is none.
    """
    unit = _index_of(model, start)
    if not model.can("locate"):
        apart = ((model.prototypes_ - model.prototypes_[unit]) ** 2).sum(1)
        apart[unit] = -1.0  # another centroid may be equal to it
        nearest = np.argsort(apart, kind="stable")[None, :steps]
        return np.pad(nearest, ((0, 0), (0, steps - nearest.shape[1])), constant_values=-1)
    rows, columns = model.grid_
    row, column = divmod(unit, columns)
    along = np.arange(steps) - steps // 2
    down, across = row + along, column + along
    if model.periodic:  # opposite edges are joined
        down, across = down % rows, across % columns
    down = np.where((down >= 0) & (down < rows), down * columns + column, -1)
    across = np.where((across >= 0) & (across < columns), row * columns + across, -1)
    return np.stack([down, across])


def _index_of(model: Any, image: Any) -> int:
    if np.ndim(image) == 0:
        model.decode(np.array([image]))  # says which indices there are
        return int(image)
    return int(model.encode(one_image(model, image))[0])


def random_code(codes: Any, random_state: int = 0) -> np.ndarray:
    """Return a code (k,) drawn from the normal distribution fitted to codes (n, k).

    It is kept within their lowest and highest values, number by number: codes that are never
    negative stay so.

    Examples
    --------
    >>> random_code([[1.0, 5.0], [1.0, 5.0]])
    array([1., 5.], dtype=float32)
    """
    codes = np.asarray(codes, dtype=np.float64)
    rng = np.random.default_rng(random_state)
    centred = codes - codes.mean(0)
    drawn = codes.mean(0) + rng.normal(size=len(codes)) @ centred / math.sqrt(len(codes))
    return drawn.clip(codes.min(0), codes.max(0)).astype(np.float32)
