"""Rate and distortion: bytes an image against quality, for models beside the usual formats."""

from __future__ import annotations

from isthmus.codec.formats import FORMATS
from isthmus.codec.more_formats import HINT
from isthmus.codec.rate_distortion import formats_of, points_of, sample_of
from isthmus.data.images import Images, as_images
from isthmus.fitted.heldout import measured_part
from isthmus.validation import renamed
from isthmus.verbs.parameters import ImagesLike, Models, Seconds, Words, by_name
from isthmus.verbs.rates import Rates
from isthmus.verbs.within import Limit


@renamed(X="images", most="count")
def rate_distortion(
    models: Models,
    images: ImagesLike,
    formats: Words = ("all",),
    *,
    points: int = 8,
    count: int | None = 1000,
    split: str = "test",
    thorough: bool = False,
    budget: Seconds | None = None,
    verbose: bool | None = None,
) -> Rates:
    """Measure bytes per image against quality: models beside JPEG, WebP, AVIF, PNG and others.

    Models and formats are given the same images, in 8 bits where there are formats; and PSNR is by
    the same range. They are compared at equal PSNR, where a format that starts above it counts at
    its lowest point, and by BD-rate (Bjontegaard 2001).

    Parameters
    ----------
    models : Representation, or dict of str to Representation
        Fitted, and able to decode; several by their names. Each is tried with `points` steps; one
        whose codes are indices has a single point.
    images : Images or array of shape (n, h, w) or (n, h, w, c)
        Images of the range that the models learned (`Images.value_range`).
    formats : sequence of str
        Formats beside them, each with one file an image, whose headers small images pay dearly
        for, and with all of them on one sheet: some of jpeg, webp, avif, png and webp-lossless; of
        jpeg2000, jpegxl, jpegls, jpegxl-lossless and jpegls-lossless, which need imagecodecs; all
        that are to be had, or none.
    points : int
        Steps of every model, at least 1.
    count : int or None
        Images that are measured, at most, evenly spaced over all, of 1.5 million pixels in all;
        None measures every image, which takes minutes for 10,000.
    split : {"test", "train", "all"}
        Which images: test takes those held out that no model has learnt from. An array without a
        split is measured as a whole.
    thorough : bool
        Try every quality of every format, and the slow speeds of AVIF and JPEG XL: takes long.
    budget : float, optional
        Time to take, in seconds above 0: after it no further point is measured; models come first.
    verbose : bool, optional
        Show progress; by default where standard error is a terminal.

    Returns
    -------
    Rates
        A list of `isthmus.codec.rate_distortion.Point`, and what it says of every model.

    Raises
    ------
    ImportError
        If a format is asked for that cannot be written here.
    ValueError
        If a model cannot decode, a format is not known, or images are none that a format can hold
        or of another range than a model knows.

    Examples
    --------
    >>> import isthmus as ist
    >>> images = ist.load_images("digits")
    >>> found = ist.rate_distortion({"pca": ist.PCA(16).fit(images.train)}, images, ["png"])
    >>> [point.codec for point in found][-2:]
    ['png, a file each', 'png, one sheet']
    >>> found.measured.words
    'on 359 images the model never saw'
    """
    limit = Limit(budget)
    split = split if isinstance(images, Images) else "all"
    named = by_name(models)
    part = measured_part(list(named.values()), as_images(images), split)
    some = part.test if count is None else sample_of(part.test, count)
    chosen = formats_of(formats)
    measured = points_of(named, some, chosen, points, verbose, thorough)
    found = Rates(limit.until(measured, "points"), some, part.measured.of(len(some)))
    if left := [name for name in FORMATS if list(formats) == ["all"] and name not in chosen]:
        found.said = f"{', '.join(left)} left out: they {HINT}"
    return found
