"""Denoising: what a narrow code leaves of a noisy image, beside the classical filters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np

from isthmus.data.corrupt import check_noise, with_noise
from isthmus.data.images import Images, as_images, to_unit
from isthmus.data.pictures import as_pictures
from isthmus.data.ranges import Range
from isthmus.fitted.heldout import MeasuredOn, half_of, measured_part
from isthmus.latent.codes import common_range
from isthmus.metrics.reconstruction import mse, psnr
from isthmus.system.progress import Bar
from isthmus.validation import renamed
from isthmus.verbs.denoised import Denoised, Noise, cleaned
from isthmus.verbs.filters import (
    Filter,
    median,
    non_local_means,
    principal,
    total_variation,
)
from isthmus.verbs.parameters import ImagesLike, Models, Seconds, by_name
from isthmus.verbs.remade import Remade, in_tiles
from isthmus.verbs.within import Limit

MEASURED = 500
"""Images that a table is made of, at most, evenly spaced: non-local means takes its time."""
REFERRED = 20_000
"""Images that principal components are fitted on, at most."""


@renamed(model="models", X="images")
def denoise(
    models: Models,
    images: ImagesLike,
    noise: str | None = None,
    reference: ImagesLike | None = None,
    *,
    overlap: float = 0.5,
    whole: bool = False,
    split: str | None = None,
    random_state: int = 0,
    budget: Seconds | None = None,
    verbose: bool | None = None,
) -> Denoised:
    r"""Remove noise from images, or compare with classical filters.

    What is returned is what the code of a noisy image can say, :math:`D(E(x))`, kept within the
    range of the images. A narrow code has no room for noise, and what a model has learned with
    ``noise=`` is to leave it out: of all functions the mean of the clean images given the noisy
    one errs least.

    With `noise` the images are clean: it is added, and a table says what models and filters make
    of them. Every filter is given the setting, of a few, that suits these images and this noise
    best, and non-local means is told the deviation of the noise: models are told nothing.

    Parameters
    ----------
    models : Representation, or dict of str to Representation
        Fitted, and able to decode; several by their names where noise is added.
    images : Images, array of shape (n, ...), or image files
        Noisy images, or clean ones where noise is added, of which up to 500 are measured. Values
        beyond the range of those fitted on are welcome. Negative ones count as 0 for a model that
        takes none (NMF). Image files (a path, several, a folder) keep their size, colours, depth
        and transparency: for a model of smaller images they are cut into tiles, as are larger
        images of an array, and the results are blended.
    noise : str, optional
        Add noise first, and compare with filters: gaussian:0.3,salt_and_pepper:0.2
    reference : Images or array of shape (m, ...), optional
        Clean images that the principal components among the filters are fitted on, where noise
        is added; by default the training part of the images.
    overlap : float
        Share of a side by which tiles overlap, 0 to 0.9: more is smoother, and slower.
    whole : bool
        Bring image files to the size of the model's images, as these were, in place of tiles.
    split : {"all", "train", "test"}, optional
        Which of the images: by default all, and where noise is added those to test on.
    random_state : int
        Seed of the noise.
    budget : float, optional
        Time to take, in seconds above 0: image files that are not written by then are left out,
        and of an array images are made that there is time for, evenly spaced; where noise is
        added, filters that there is no time for are left out.
    verbose : bool, optional
        Show progress; by default where standard error is a terminal.

    Returns
    -------
    Denoised
        An array (n, ...), limited to 0..1 or -1..1 where the model learned images in that range.
        Where noise is added it is what is made of the first noise, with a first axis of the
        models where they are several; `table()` has all. Of image files it is the first, and
        `files` has all, each made when it is asked for.

    Raises
    ------
    ValueError
        If a model cannot decode, images are of another shape or range than those it knows, or
        there is no such noise.
    ImportError
        If noise is added and scikit-image, whose non-local means this is, is not installed.

    References
    ----------
    P. Vincent et al., Extracting and composing robust features with denoising autoencoders, 2008.

    Examples
    --------
    >>> import isthmus as ist
    >>> images = ist.load_images("digits")
    >>> noisy = ist.with_noise(images.test, "gaussian", 0.3)
    >>> clean, model = to_unit(np.asarray(images.test)), ist.PCA(12).fit(images.train)
    >>> bool(mse(clean, ist.denoise(model, noisy)) < mse(clean, noisy) / 2)
    True
    >>> found = ist.denoise({"pca": model}, images[:60], "gaussian:0.3")
    >>> [row["method"] for row in found.table()]
    ['pca', 'median 3x3', 'non-local means ...', 'total variation ...', 'PCA ...', 'Wiener ...']
    """
    named, limit = by_name(models), Limit(budget)
    for model in named.values():
        if not model.can("decode"):
            raise ValueError(f"{type(model).__name__} cannot decode, so it cannot denoise")
    if noise is not None:
        parts = _parts(named, as_images(images), split or "test", reference)
        return _compared(named, *parts, noises_of(noise), random_state, verbose, limit)
    if len(named) > 1 or reference is not None:
        raise ValueError("noise=None compares nothing: it takes one model, and no reference")
    (model,) = named.values()
    files = None if whole else as_pictures(images)
    if files is not None:
        remade = Remade.by(model, files, partial(cleaned, model), overlap, verbose)
        remade.budget = budget
        made = Denoised.of_files(remade, model)
    else:
        half = half_of(as_images(images), split or "all")

        def through(some: Images) -> np.ndarray:
            return in_tiles(model, some, partial(cleaned, model), overlap)

        rows = limit.rows(half, through)
        half = half if rows is None else half[rows]
        made = Denoised.of(through(half), model, half)
    made.models = named
    return made


def _parts(
    models: Mapping[str, Any], images: Images, split: str, reference: ImagesLike | None
) -> tuple[Images, Images, MeasuredOn]:
    """Return images to measure on, for a test those no model saw; clean ones; and what to say."""
    part = measured_part(list(models.values()), images, split)
    clean = part.train if reference is None else as_images(reference)
    some = part.test.evenly(MEASURED)
    return some, clean.evenly(REFERRED), part.measured.of(len(some))


def _compared(
    models: Mapping[str, Any],
    images: Images,
    reference: Images,
    measured: MeasuredOn,
    noises: list[Noise],
    random_state: int,
    verbose: bool | None,
    limit: Limit,
) -> Denoised:
    """Return what models make of images with noise, measured beside filters."""
    clean, ends = to_unit(np.asarray(images)), common_range(models.values(), images)
    filters: list[Filter] = [median, non_local_means, total_variation]
    filters += list(principal(reference)) if len(reference) > 1 else []
    rows, first = [], dict[str, np.ndarray]()

    def tried() -> Iterator[tuple[dict[str, Any], np.ndarray]]:
        for kind, level in noises:
            noisy = with_noise(images, kind, level, random_state, ends)
            of = {"noise": kind, "level": level, "before": _psnr(clean, noisy, ends)}
            for name, found in _attempts(models, filters, noisy, clean, ends):
                yield {**of, "method": name, "after": _psnr(clean, found, ends)}, found

    total = len(noises) * (len(models) + len(filters))
    with Bar("denoising", total, verbose) as bar:
        for row, found in limit.until(tried(), "attempts", least=len(models), total=total):
            rows.append(row)
            if len(first) < len(models):
                first[row["method"]] = found
            bar.advance(note=row["method"])
    arrays = list(first.values())
    made = Denoised.of(arrays[0] if len(arrays) == 1 else np.stack(arrays), None, images)
    made.models, made.model = models, next(iter(models.values()))
    made.noises, made.rows, made.measured_on = tuple(noises), rows, measured
    made.random_state, made.note = random_state, "PSNR in dB, filters at their best setting"
    return made


def _attempts(
    models: Mapping[str, Any],
    filters: Iterable[Filter],
    noisy: np.ndarray,
    clean: np.ndarray,
    ends: Range,
) -> Iterator[tuple[str, np.ndarray]]:
    """Yield what every model makes of noisy images, then every filter at its best."""
    for name, model in models.items():
        yield name, cleaned(model, noisy).reshape(clean.shape)
    sigma = float(np.sqrt(mse(clean, noisy)))
    for filtered in filters:
        yield max(filtered(noisy, sigma), key=lambda tried: _psnr(clean, tried[1], ends))


def _psnr(clean: np.ndarray, other: np.ndarray, ends: Range) -> float:
    return psnr(clean, other.clip(*ends), ends)


def noises_of(text: str) -> list[Noise]:
    """Return kinds and levels of noise from "gaussian:0.3,masking:0.5".

    Examples
    --------
    >>> noises_of("gaussian:0.3,masking:0.5")
    [('gaussian', 0.3), ('masking', 0.5)]
    """
    found = []
    for part in text.split(","):
        kind, _, level = part.strip().partition(":")
        try:
            found.append((kind, float(level)))
        except ValueError:
            raise ValueError(
                f"noise={part!r}: expected a kind and a level, as gaussian:0.3"
            ) from None
        check_noise(*found[-1])
    return found
