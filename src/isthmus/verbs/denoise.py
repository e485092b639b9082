"""Denoising: what a narrow code leaves of a noisy image, beside the classical filters."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from isthmus.codes import common_range, range_for
from isthmus.data.corrupt import with_noise
from isthmus.data.images import as_images, to_unit
from isthmus.data.ranges import Range, is_nominal
from isthmus.metrics.reconstruction import mse, psnr
from isthmus.models.pca import PCA
from isthmus.progress import Bar

Filter = Callable[[np.ndarray, float], Iterator[tuple[str, np.ndarray]]]
"""From noisy images and the deviation of their noise to settings, and what each makes of them."""

MEASURED = 500
"""Images that a table is made of, at most, evenly spaced: non-local means takes its time."""
WINDOWS = (3, 5)
"""Sides of the median's window that are tried."""
PATCHES = (3, 5)
"""Sides of the patches that non-local means compares."""
CUTOFFS = (0.4, 0.6, 0.8, 1.0)
"""Of non-local means, in deviations of the noise."""
COMPONENTS = (8, 16, 32, 64, 128)
"""Principal components that are tried."""


def denoise(model: Any, X: Any) -> np.ndarray:
    r"""Return noisy images as their code can say them: :math:`D(E(x))`, kept within their range.

    A narrow code has no room for noise, and what a model has learned with ``noise=`` is to leave
    it out: of all functions the mean of the clean images given the noisy one errs least.

    Parameters
    ----------
    model : Representation
        Fitted, and able to decode.
    X : Images or array of shape (n, ...)
        Noisy images; values beyond the range of those fitted on are welcome. Negative ones count
        as 0 for a model that takes none (NMF).

    Returns
    -------
    ndarray of shape (n, ...)
        Float; limited to 0..1 or -1..1 where the model learned images in that range.

    Raises
    ------
    ValueError
        If the model cannot decode, or images are of another shape than those it knows.

    References
    ----------
    P. Vincent et al., Extracting and composing robust features with denoising autoencoders, 2008.

    Examples
    --------
    >>> import isthmus as ist
    >>> from isthmus.data.corrupt import with_noise
    >>> images = ist.load_images("digits")
    >>> noisy = with_noise(images.test, "gaussian", 0.3)
    >>> clean, model = to_unit(np.asarray(images.test)), ist.PCA(12).fit(images.train)
    >>> bool(mse(clean, denoise(model, noisy)) < mse(clean, noisy) / 2)
    True
    """
    if not model.can("decode"):
        raise ValueError(f"{type(model).__name__} cannot decode, so it cannot denoise")
    if model.__sklearn_tags__().input_tags.positive_only:
        X = to_unit(np.asarray(X)).clip(min=0)
    found = model.decode(model.encode(X))
    ends = range_for(model, as_images(X))
    return found.clip(*ends) if is_nominal(ends) else found


class Denoised(NamedTuple):
    """One row of a denoising table.

    Attributes
    ----------
    noise : str
        Kind of noise.
    level : float
        Its deviation, or the probability that a value is changed.
    method : str
        Name of a model or of a filter, its setting behind it.
    before, after : float
        PSNR in dB of the noisy images and of what became of them, both kept within the range of
        the clean ones.
    """

    noise: str
    level: float
    method: str
    before: float
    after: float


def denoising_table(
    models: Mapping[str, Any],
    X: Any,
    noises: Iterable[tuple[str, float]],
    reference: Any = None,
    *,
    random_state: int = 0,
    verbose: bool = False,
) -> list[Denoised]:
    """Return the PSNR of denoised images, for models beside median, non-local means and PCA.

    Every filter is given the setting, of a few, that suits these images and this noise best, and
    non-local means is told the deviation of the noise: models are told nothing.

    Parameters
    ----------
    models : dict of str to Representation
        By name; each fitted, and able to decode.
    X : Images or array of shape (n, h, w) or (n, h, w, c)
        Clean images; 500 of them are measured at most.
    noises : iterable of (str, float)
        Kinds and levels of `isthmus.data.corrupt.corrupt`.
    reference : Images or array, optional
        Clean images that PCA is fitted on; without them there is no PCA.
    random_state : int
        Seed of the noise.
    verbose : bool
        Show progress on standard error.

    Raises
    ------
    ValueError
        If images are of another range than those a model was fitted on.
    ImportError
        If scikit-image, whose non-local means this is, is not installed.

    Examples
    --------
    >>> import isthmus as ist
    >>> images = ist.load_images("digits")
    >>> pca = ist.PCA(12).fit(images.train)
    >>> rows = denoising_table({"pca": pca}, images.test[:50], [("gaussian", 0.3)])
    >>> [row.method for row in rows]
    ['pca', 'median 3x3', 'non-local means ...']
    """
    images = as_images(X).evenly(MEASURED)
    clean = to_unit(np.asarray(images))
    ends = common_range(models.values(), images)
    measured = partial(_psnr, clean, ends=ends)
    filters: list[Filter] = [
        median,
        non_local_means,
        *([] if reference is None else [principal(reference)]),
    ]
    noises, rows = list(noises), []
    with Bar("denoising", len(noises) * (len(models) + len(filters)), verbose) as bar:
        for kind, level in noises:
            noisy = with_noise(images, kind, level, random_state, ends)
            before = measured(noisy)
            for name, model in models.items():
                after = measured(denoise(model, noisy).reshape(clean.shape))
                rows.append(Denoised(kind, level, name, before, after))
                bar.advance(note=name)
            for attempts in filters:
                sigma = float(np.sqrt(mse(clean, noisy)))
                tried = [(name, measured(found)) for name, found in attempts(noisy, sigma)]
                name, after = max(tried, key=lambda pair: pair[1])
                rows.append(Denoised(kind, level, name, before, after))
                bar.advance(note=name)
    return rows


def _psnr(clean: np.ndarray, other: np.ndarray, ends: Range) -> float:
    return psnr(clean, other.clip(*ends), ends)


def median(noisy: np.ndarray, sigma: float) -> Iterator[tuple[str, np.ndarray]]:
    """Yield medians over windows of a few sizes."""
    from scipy.ndimage import median_filter

    for side in WINDOWS:
        window = (1, side, side, 1)[: noisy.ndim]
        yield f"median {side}x{side}", median_filter(noisy, window)


def non_local_means(noisy: np.ndarray, sigma: float) -> Iterator[tuple[str, np.ndarray]]:
    """Yield non-local means of a few patches and cut-offs, told the deviation of the noise."""
    try:
        from skimage.restoration import denoise_nl_means
    except ImportError:
        raise ImportError(
            "non-local means needs scikit-image: pip install 'isthmus[filters]'"
        ) from None
    for patch, cutoff in itertools.product(PATCHES, CUTOFFS):
        options = {"patch_size": patch, "patch_distance": 7, "h": cutoff * sigma, "sigma": sigma}
        found = [denoise_nl_means(image, channel_axis=-1, **options) for image in noisy]
        yield f"non-local means {patch}x{patch}, {cutoff:g} sigma", np.reshape(found, noisy.shape)


def principal(reference: Any) -> Filter:
    """Return a filter that keeps a few principal components of clean images."""
    images = as_images(reference)
    widest = min(len(images), int(np.prod(images.shape[1:])))
    pca = PCA(min(max(COMPONENTS), widest)).fit(images)

    def attempts(noisy: np.ndarray, sigma: float) -> Iterator[tuple[str, np.ndarray]]:
        codes = pca.encode(noisy)
        for width in (width for width in COMPONENTS if width <= pca.n_components_):
            kept = np.where(np.arange(codes.shape[1]) < width, codes, 0)
            yield f"PCA {width}", pca.decode(kept).reshape(noisy.shape)

    return attempts


def in_columns(rows: Sequence[Denoised]) -> list[dict[str, Any]]:
    """Return a table with a row for every noise and a column for every kind of method.

    Examples
    --------
    >>> in_columns([Denoised("gaussian", 0.3, "median 3x3", 10.5, 15.0)])
    [{'noise': 'gaussian 0.3', 'before': '10.50', 'median': '15.00 (3x3)'}]
    """
    table: dict[str, dict[str, Any]] = {}
    for row in rows:
        line = table.setdefault(f"{row.noise} {row.level:g}", {"before": f"{row.before:.2f}"})
        filters = ("median", "non-local means", "PCA")
        name = next((f for f in filters if row.method.startswith(f"{f} ")), row.method)
        setting = row.method.removeprefix(name).strip()
        line[name] = f"{row.after:.2f}" + (f" ({setting})" if setting else "")
    return [{"noise": noise, **line} for noise, line in table.items()]
