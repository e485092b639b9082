"""Codes of many images, whatever kind of code a model has, a few images at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from isthmus.data.images import Images, as_images, chunk_rows, with_channels
from isthmus.data.ranges import SIGNED, UNIT, Range, in_words, is_nominal, nominal
from isthmus.data.values import ImagesLike, to_array
from isthmus.system.progress import track

if TYPE_CHECKING:
    from isthmus.base import Representation

APART = 0.5
"""How far images of -1..1 may go below 0 and still be of 0..1."""
NOISY = 6
"""Times as wide as a range may images be and still be of it, but noisy."""
MUCH_WIDER = 20
"""Width of a range from which images within 0..1 or -1..1 are none of it."""
PIECE_BYTES = 2**20
"""Images, as float32, worked on at a time: their codes per pixel may be much larger than they."""


def features(model: Representation, images: Images, *, show: bool | None = False) -> np.ndarray:
    """Return the codes of images as (n,) indices or (n, k) vectors, `pooled` by the model.

    `show` is whether a bar tells how far it is; None shows it where standard error is a terminal.
    """
    size = None if model.any_size else chunk_rows(images.shape)
    return mapped(lambda piece: model.pooled(model.encode(piece)), images, "encode", show, size)


def flattened(model: Representation, codes: np.ndarray) -> np.ndarray:
    """Return what `encode` gave, grids of one size as vectors (n, k), which `decode` takes too."""
    return model.pooled(codes) if model.has_vectors else codes


def remade(model: Representation, images: ImagesLike) -> np.ndarray:
    """Return images decoded from their codes, of the size that they have.

    Examples
    --------
    >>> from isthmus import PCA
    >>> model = PCA(4, patch=5).fit(np.zeros((3, 20, 20)))
    >>> remade(model, np.zeros((2, 12, 13))).shape
    (2, 12, 13)
    """
    codes = model.encode(images)
    return (
        model.decode_as(codes, as_images(images).shape[1:])
        if model.any_size
        else (model.decode(codes))
    )


def vectors(model: Representation, images: Images, *, show: bool | None = False) -> np.ndarray:
    """Return the codes of images as vectors (n, k), between which distances mean something.

    For a codebook these are the distances to all prototypes: an index says nothing of near or far.
    """
    if model.code_kind_ != "index":
        return features(model, images, show=show)
    return mapped(model.transform, images, "encode", show, chunk_rows(images.shape))


def mapped(
    verb: Callable[[Images], np.ndarray],
    images: Images,
    what: str,
    show: bool | None = False,
    size: int | None = None,
) -> np.ndarray:
    """Return what a verb says of images, read and worked on a few at a time, under a bar."""
    size = size or max(1, PIECE_BYTES // (4 * pixels_of(images)))
    total = -(-len(images) // size)
    return np.concatenate(
        [verb(piece) for piece in track(pieces(images, size), what, total, show)]
    )


def pieces(images: Images, size: int) -> Iterator[Images]:
    """Yield the images, `size` at a time; of no images one empty piece, which has a shape too."""
    return (images[i : i + size] for i in range(0, max(1, len(images)), size))


def pixels_of(images: Images) -> int:
    """Return how many numbers an image has."""
    return int(np.prod(images.shape[1:]))


def range_for(model: Representation, images: Images | None = None) -> Range:
    """Return what black and white are to a fitted model.

    Models of before it was kept are asked what their decoder can say, or the images are.

    Examples
    --------
    >>> from isthmus import PCA
    >>> range_for(PCA(2).fit(np.random.default_rng(0).uniform(-1, 1, (9, 5))))
    (-1.0, 1.0)
    """
    if known := getattr(model, "range_", None):
        return nominal(*known)
    said = {"sigmoid": UNIT, "tanh": SIGNED}.get(getattr(model, "output_", ""))
    return said or (UNIT if images is None else images.value_range)


def check_range(model: Representation, images: Images) -> Range:
    """Return what black and white are to a model, and refuse images to which they are others.

    Raises
    ------
    ValueError
        If it learned from images of another range, as uint8 where these are -1..1.
    """
    known, given = range_for(model, images), images.value_range
    if known == given:
        return known
    low = min(float(chunk.min()) for chunk in images.chunks())
    high = max(float(chunk.max()) for chunk in images.chunks())
    width, exact = known[1] - known[0], images.dtype == np.uint8
    if is_nominal(known):
        other = is_nominal(given) and known[0] - low > APART
        wrong = exact or other or high - low > NOISY * width
    else:
        unlike = max(abs(known[0]), abs(known[1] - 1)) > APART
        wrong = (exact and unlike) or (is_nominal(given) and width > MUCH_WIDER)
    if wrong:
        kind = "uint8, read as 0 to 1" if exact else f"from {in_words((low, high))}"
        raise ValueError(
            f"{type(model).__name__} was fitted on images from {in_words(known)}, these are "
            f"{kind}: scale them to its range, or fit a model on such images"
        )
    return known


def range_for_files(model: Representation) -> Range:
    """Return what black and white of image files are to a model, which has to know them.

    Raises
    ------
    ValueError
        If it learned from images of a range that files are not scaled to.
    """
    if range_for(model) == SIGNED:
        return SIGNED
    return check_range(model, Images(np.zeros((1, 1, 1), np.uint8)))


def common_range(models: Iterable[Any], images: Images) -> Range:
    """Return what black and white are to the first of some models, having checked all of them.

    Without any it is what they are in the images.
    """
    return [*(check_range(model, images) for model in models), images.value_range][0]


def code_of(model: Representation, image: object) -> np.ndarray:
    """Return the code (k,) of one image, or what is a code already as it is.

    Raises
    ------
    ValueError
        If it is neither one image of the shape fitted on nor one code, or codes are not vectors.
    """
    array = to_array(image)
    if _is_code(model, array.shape) and not _is_image(model, array):
        return array.astype(np.float32).ravel()
    code: np.ndarray = _encoded(model, one_image(model, array))[0]
    return code


def codes_of(model: Representation, several: object) -> np.ndarray:
    """Return the codes (n, k) of images, or what are codes already as they are.

    Parameters
    ----------
    model : Representation
        Fitted.
    several : Images, array of shape (n, ...), or a list
        Images or codes, one by one in a list.

    Raises
    ------
    ValueError
        If they are of another shape, or codes are not vectors.
    """
    if isinstance(several, Images):
        return _encoded(model, several)
    if isinstance(several, list | tuple):
        return np.stack([code_of(model, one) for one in several])
    array = to_array(several)
    if _is_image(model, array):
        return code_of(model, array)[None]
    images = _is_image(model, array[0]) if len(array) else True
    if _is_code(model, array.shape[1:]) and not images:
        return array.astype(np.float32).reshape(len(array), -1)
    return _encoded(model, array)


def _is_code(model: Representation, shape: tuple[int, ...]) -> bool:
    """Return whether an array of a shape may be a vector, or a grid as it is or flat."""
    return model.has_vectors and shape in (model.code_shape_, (model.code_width_,))


def _is_image(model: Representation, array: np.ndarray) -> bool:
    given, known = with_channels(array.shape), with_channels(tuple(model.image_shape_))
    return given == known or (model.any_size and len(given) == 3 and given[2] == known[2])


def one_image(model: Representation, image: object) -> np.ndarray:
    """Return one image as a set of one, checked."""
    array = to_array(image)
    shape = tuple(model.image_shape_)
    one = array[None] if _is_image(model, array) else array
    if len(one) != 1:
        raise ValueError(
            f"{type(model).__name__} was fitted on images of shape {shape}, got an array of shape "
            f"{array.shape}: expected one of them"
        )
    return one


def _encoded(model: Representation, images: Images | np.ndarray) -> np.ndarray:
    codes = flattened(model, model.encode(images))
    if codes.ndim != 2:
        raise ValueError(
            f"{type(model).__name__} has codes of shape {codes.shape[1:]} an image, not a vector "
            "of numbers: there is no way between them"
        )
    return codes
