"""How many bits a code is worth: what an entropy coder would write for one image."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from isthmus.data.images import to_unit
from isthmus.metrics.reconstruction import mse

FINEST, COARSEST = -9.0, 3.0
"""Range of log2(step) searched, the step in training deviations: at 8 nearly all codes are 0."""

IDLE_SHARE = 0.25
"""Share of the allowed rise of the error that may go into leaving out idle dimensions."""
HALVINGS = 9
"""Bisections of that range, each one decode: log2(step) is found to within 0.024."""


def bits_per_image(
    codes_train: ArrayLike,
    codes_test: ArrayLike,
    decode: Callable[[np.ndarray], np.ndarray] | None = None,
    X_test: np.ndarray | None = None,
    tolerance: float = 0.01,
    *,
    limit: int = 1000,
) -> tuple[float, float | None]:
    """Return the size of a code in bits, and the step to which vector codes were rounded.

    ``bits = sum_d E_test[-log2 p_d(q_d)]`` with ``q_d = round((z_d - mean_d) / (step std_d))``
    and p_d the histogram of training codes (see `cross_entropy`). The step is the largest, to
    2 %, for which the held-out mse rises by at most `tolerance`. Dimensions that hardly change
    what is decoded, as the collapsed latents of a VAE, are left out first: a quarter of the
    tolerance may go into that. Indices are not rounded: their bits are their cross-entropy.

    It is an estimate without any file. What `isthmus.compress` writes is mostly less, as it turns
    codes first and allows more error, and is what a study tells (`isthmus.codec.costs`).

    Parameters
    ----------
    codes_train, codes_test : array_like of shape (n, k), (n, h, w, k) or (n,)
        Codes of training and held-out images: float vectors or integer indices.
    decode : callable, optional
        From codes (n, ...) to images; called 11 times and log2(k) times more, on `limit` codes at
        most. Not used for indices.
    X_test : ndarray or Images of shape (n, ...), optional
        The held-out images, in the shape `decode` gives. Not used for indices.
    tolerance : float
        Allowed rise of the held-out mse as a share of it, at least 0. A millionth of the images'
        variance is always allowed, so a code that loses nothing has a finite size.
    limit : int
        Most held-out images in the search for the step, evenly spaced; the bits are measured on
        all held-out codes.

    Returns
    -------
    bits : float
        Mean bits per image, at least 0. A dimension that is constant in training or idle costs
        none and is decoded as its mean.
    step : float or None
        In training deviations of every dimension, 1/512 to 8; None for indices.

    Raises
    ------
    ValueError
        If there are no codes, their shapes disagree, values are not finite, `tolerance` is
        below 0, or vectors come without `decode` and `X_test`.

    References
    ----------
    Gish and Pierce, "Asymptotically efficient quantizing", 1968: at fine steps a uniform
    quantiser with an entropy coder is within 1/4 bit per value of the best possible.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> bits_per_image(np.arange(8000) % 8, np.arange(80) % 8)
    (3.0..., None)
    >>> Z = rng.normal(size=(4000, 2))
    >>> X = np.column_stack([Z, rng.normal(size=4000)])
    >>> bits, step = bits_per_image(Z, Z, lambda Z: np.column_stack([Z, 0 * Z[:, 0]]), X)
    >>> round(step, 1), round(bits / 2, 1)
    (0.2, 4.1)
    """
    train, test = _checked(codes_train, codes_test)
    if train.dtype.kind in "iu":
        columns = zip(_flat(train).T, _flat(test).T, strict=True)
        return sum(cross_entropy(*pair) for pair in columns), None
    if decode is None or X_test is None:
        raise ValueError("vector codes need decode and X_test: their size depends on the loss")
    if len(X_test) != len(test):
        raise ValueError(f"{len(X_test)} images in X_test for {len(test)} codes")
    if not tolerance >= 0:
        raise ValueError(f"tolerance={tolerance} must be at least 0; 0.01 allows 1 % more mse")
    mean, std = _spread(train)
    rows = np.unique(np.arange(limit) * len(test) // limit)
    std, step = _largest_step(test[rows], mean, std, decode, X_test[rows], tolerance)
    return _vector_bits(train, test, mean, step * std), step


def cross_entropy(train: ArrayLike, test: ArrayLike) -> float:
    """Return the mean bits to write a held-out symbol with the histogram of training symbols.

    ``p(s) = (count(s) + 1) / (n + m + 1)`` for the m integers from the least to the greatest
    training symbol. A symbol beyond them costs the escape, ``p = 1 / (n + m + 1)``, then
    ``2 floor(log2(d)) + 2`` bits: the side and, as an Elias gamma code, the distance d.

    Parameters
    ----------
    train, test : array_like of int of shape (n,)
        Symbols: indices, or quantised values.

    Returns
    -------
    float
        Bits per symbol, above 0.

    Raises
    ------
    ValueError
        If there are no symbols, or the arrays are not one integer per symbol.

    References
    ----------
    Elias, "Universal codeword sets and representations of the integers", 1975.

    Examples
    --------
    >>> round(cross_entropy([0, 1] * 5000, [0, 1, 1]), 3)
    1.0
    """
    train, test = _checked(train, test)
    if train.ndim != 1 or train.dtype.kind not in "iu":
        raise ValueError(
            f"symbols of shape {train.shape} and type {train.dtype}: one integer each"
        )
    low, high = int(train.min()), int(train.max())
    counts = np.bincount(train - low, minlength=high - low + 1) + 1
    inside = np.clip(test, low, high)
    beyond = np.abs(test - inside)
    bits = -np.log2(np.where(beyond > 0, 1, counts[inside - low]) / (counts.sum() + 1))
    escape = np.where(beyond > 0, 2 * np.floor(np.log2(np.maximum(beyond, 1))) + 2, 0)
    return float(np.mean(bits + escape))


def _checked(train: ArrayLike, test: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    train, test = np.asarray(train), np.asarray(test)
    if train.shape[1:] != test.shape[1:] or not train.size or not test.size:
        raise ValueError(f"train codes of shape {train.shape}, test codes of {test.shape}")
    if (train.dtype.kind in "iu") != (test.dtype.kind in "iu"):
        raise ValueError(f"train codes are {train.dtype} and test codes {test.dtype}")
    if not (np.isfinite(train).all() and np.isfinite(test).all()):
        raise ValueError("the codes hold NaN or infinity; did the model diverge?")
    return train, test


def _spread(train: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean and deviation of every dimension; 0 where only rounding varies."""
    mean, std = train.mean(axis=0, dtype=np.float64), train.std(axis=0, dtype=np.float64)
    return mean, np.where(std > 1e-6 * std.max(), std, 0)


def _quantise(Z: np.ndarray, mean: np.ndarray, step: np.ndarray) -> np.ndarray:
    bins: np.ndarray = np.rint((Z - mean) / np.where(step > 0, step, np.inf)).astype(np.int64)
    return bins


def _largest_step(
    Z: np.ndarray,
    mean: np.ndarray,
    std: np.ndarray,
    decode: Callable[[np.ndarray], np.ndarray],
    X: np.ndarray,
    tolerance: float,
) -> tuple[np.ndarray, float]:
    """Return the deviations with 0 for idle dimensions, and the step in units of them."""
    back = np.asarray(decode(Z))
    error = mse(X, back)
    rise = max(tolerance * error, 1e-6 * _variance(X))
    std = _without_idle(Z, mean, std, decode, X, back, error + IDLE_SHARE * rise)
    low, high = FINEST, COARSEST
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        step = 2**middle * std
        rounded = (mean + step * _quantise(Z, mean, step)).astype(Z.dtype)
        low, high = (middle, high) if mse(X, decode(rounded)) <= error + rise else (low, middle)
    return std, float(2**low)


def _without_idle(
    Z: np.ndarray,
    mean: np.ndarray,
    std: np.ndarray,
    decode: Callable[[np.ndarray], np.ndarray],
    X: np.ndarray,
    back: np.ndarray,
    allowed: float,
) -> np.ndarray:
    """Return the deviations, 0 for as many dimensions as can be left out at the allowed error."""
    used = np.flatnonzero(std) if Z.ndim == 2 else np.empty(0, dtype=int)
    if not 0 < len(used) <= len(Z):
        return std
    order = used[np.argsort(_harm(Z, mean, used, decode, back))]
    low, high = 0, len(used) + 1
    while high - low > 1:
        middle = (low + high) // 2
        without = Z.copy()
        without[:, order[:middle]] = mean[order[:middle]]
        low, high = (middle, high) if mse(X, decode(without)) <= allowed else (low, middle)
    std = std.copy()
    std[order[:low]] = 0
    return std


def _harm(
    Z: np.ndarray,
    mean: np.ndarray,
    used: np.ndarray,
    decode: Callable[[np.ndarray], np.ndarray],
    back: np.ndarray,
) -> np.ndarray:
    """Return how much images change, squared, with each dimension at its mean, where it is far."""
    times = len(Z) // len(used)
    row = np.argsort(-np.abs(Z[:, used] - mean[used]), axis=0)[:times].ravel()
    dimension = np.tile(used, times)
    without = Z[row]
    without[np.arange(len(row)), dimension] = mean[dimension]
    change = np.asarray(decode(without), dtype=np.float64) - back[row]
    squares: np.ndarray = np.square(change.reshape(times, len(used), -1)).mean((0, 2))
    return squares


def _variance(X: np.ndarray) -> float:
    return float(to_unit(X).var(dtype=np.float64))


def _vector_bits(train: np.ndarray, test: np.ndarray, mean: np.ndarray, step: np.ndarray) -> float:
    train, test, mean, step = _flat(train), _flat(test), mean.ravel(), step.ravel()
    return sum(
        cross_entropy(
            _quantise(train[:, d], mean[d], step[d]), _quantise(test[:, d], mean[d], step[d])
        )
        for d in np.flatnonzero(step)
    )


def _flat(Z: np.ndarray) -> np.ndarray:
    return Z.reshape(len(Z), -1)
