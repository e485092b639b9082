"""Images beside themselves turned by a known angle."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from isthmus.data.cache import held, key_of
from isthmus.data.idx import read_idx_folder
from isthmus.data.images import Images, as_images
from isthmus.data.ranges import is_nominal
from isthmus.system.progress import Bar

if TYPE_CHECKING:
    from isthmus.data.values import ArrayLike, ImagesLike

VERSION = 1
"""Raised whenever the same images would be turned into other pixels."""
STEP = 2000
"""Images turned between two moves of the progress bar."""


def rotated(
    images: ImagesLike,
    size: int | tuple[int, int] | None = 64,
    limit: float = 90.0,
    *,
    angles: ArrayLike | None = None,
    random_state: int = 0,
    verbose: bool | None = None,
) -> Images:
    """Return every image twice: plain, and turned about its centre.

    Image i becomes rows 2 i (plain) and 2 i + 1 (turned). The factor "angle" holds the degrees, 0
    for the plain ones; positive is counter-clockwise. What is turned out of the frame is lost, and
    what is turned into it is 0. Labels, names and the split are kept.

    Parameters
    ----------
    images : Images or array of shape (n, h, w) or (n, h, w, c)
        What to turn.
    size : int, (int, int) or None
        Height and width of the result, scaled bilinearly; None keeps them.
    limit : float
        Angles are drawn evenly from -limit to limit, 0 to 180 degrees.
    angles : array of shape (n,), optional
        The angles themselves, in degrees, instead of drawing them.
    random_state : int
        Seed of the angles.
    verbose : bool, optional
        Whether to show progress; None shows it on a terminal.

    Raises
    ------
    ValueError
        If there is not one angle an image, or the limit is out of range.

    Examples
    --------
    >>> both = rotated(np.zeros((3, 28, 28), dtype=np.uint8), angles=[10, -20, 90])
    >>> both.shape, both.factors["angle"].tolist()
    ((6, 64, 64, 1), [0.0, 10.0, 0.0, -20.0, 0.0, 90.0])
    """
    images = as_images(images)
    if images.ndim != 4:
        raise ValueError(f"only images can be turned, got vectors of shape {images.shape}")
    sides = images.shape[1:3] if size is None else (size, size) if isinstance(size, int) else size
    angles = (
        _angles(len(images), limit, random_state) if angles is None else _table(images, angles)
    )
    shape = (2 * len(images), *sides, images.shape[3])

    def fill(out: np.ndarray) -> None:
        _fill(out, images, angles, verbose)

    facts: list[Any] = [
        VERSION,
        shape,
        str(images.dtype),
        _digest(images),
        _digest(Images(angles[:, None])),
    ]
    facts += [_black(images)] if _black(images) else []
    data = held(f"rotated-{key_of(*facts)}", shape, images.dtype, fill)
    beside = images[np.repeat(np.arange(len(images)), 2)]
    factors = dict(beside.factors, angle=np.stack([np.zeros_like(angles), angles], axis=1).ravel())
    return Images(
        data,
        y=beside.y,
        classes=images.classes,
        factors=factors,
        names=beside.names,
        is_test=beside.is_test,
        skipped=images.skipped,
        source=f"{images.source}, rotated",
    )


def read_rotated_mnist(folder: Path, verbose: bool | None) -> Images:
    """Read MNIST, at 64x64, plain and turned by up to 90 degrees either way."""
    return rotated(read_idx_folder(folder), verbose=verbose)


def _angles(n: int, limit: float, random_state: int) -> np.ndarray:
    if not 0 <= limit <= 180:
        raise ValueError(f"limit={limit!r} must be 0 to 180 degrees")
    return np.random.default_rng(random_state).uniform(-limit, limit, n).astype(np.float32)


def _table(images: Images, angles: ArrayLike | None) -> np.ndarray:
    table = np.asarray(angles, dtype=np.float32)
    if table.shape != (len(images),):
        raise ValueError(
            f"angles of shape {table.shape} for {len(images)} images: expected one an image, "
            f"({len(images)},)"
        )
    if not np.isfinite(table).all():
        raise ValueError("angles must be finite numbers of degrees")
    return table


def _black(images: Images) -> float:
    """Return what to fill the corners with: 0, but for images in -1..1."""
    return images.value_range[0] if is_nominal(images.value_range) else 0.0


def _digest(images: Images) -> str:
    digest = hashlib.sha256()
    for chunk in images.chunks():
        digest.update(np.ascontiguousarray(chunk).data)
    return digest.hexdigest()


def _fill(out: np.ndarray, images: Images, angles: np.ndarray, verbose: bool | None) -> None:
    from isthmus.data.corrupt import resize, rotate  # torch takes a second to load

    size, black = out.shape[1:3], _black(images)
    shrinks = size[0] < images.shape[1] or size[1] < images.shape[2]
    with Bar("turning images", len(images), verbose) as bar:
        for start, chunk in zip(range(0, len(images), STEP), images.chunks(STEP), strict=True):
            plain = resize(chunk, size)
            turned = plain if shrinks else chunk  # what grows is interpolated once only
            rows = slice(2 * start, 2 * (start + len(chunk)))
            out[rows][0::2] = plain
            out[rows][1::2] = rotate(turned, angles[start : start + len(chunk)], size, black)
            bar.advance(len(chunk))
