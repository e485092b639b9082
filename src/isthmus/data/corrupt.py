"""What denoising and augmentation share: noise, warps, turning, scaling of whole batches."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn import functional as F

from isthmus.data.images import as_images, to_unit
from isthmus.data.ranges import Range
from isthmus.validation import one_of

if TYPE_CHECKING:
    from isthmus.data.values import ArrayLike, ImagesLike

Level = float | tuple[float, float]

ROWS = 2**22
"""Values of the result that are computed in one go, one image at least."""


def corrupt(
    x: torch.Tensor,
    kind: str,
    level: Level,
    rng: torch.Generator,
    low: float = 0.0,
    high: float = 1.0,
) -> torch.Tensor:
    """Return a noisy copy of a batch.

    Parameters
    ----------
    x : Tensor of shape (n, ...)
        Floating-point images.
    kind : {"gaussian", "salt_and_pepper", "bit_flip", "masking"}
        "gaussian" adds normal noise of standard deviation ``level * (high - low)``, so that 0.1
        is as much noise for images in -1..1 as for the same in 0..1, and does not clip: clipping
        would darken what is bright. The others change every value with probability `level`: to
        `low` or `high`, either as likely as the other; to ``low + high - x``, which swaps the two
        values of binary images; or to `low`.
    level : float or (float, float)
        How much: at least 0, and for probabilities at most 1. A range stands for a level drawn
        for every image.
    rng : Generator
        Where the noise comes from, on the device of `x`.
    low, high : float
        Darkest and brightest value of the images.

    Raises
    ------
    ValueError
        If kind or level is not one of these.

    Examples
    --------
    >>> x = torch.tensor([[0.0, 1.0]])
    >>> corrupt(x, "bit_flip", 1.0, torch.Generator()).tolist()
    [[1.0, 0.0]]
    """
    check_noise(kind, level)
    if not np.any(level):
        return x
    return NOISES[kind](x, _levels(x, level, rng), rng, low, high)


def with_noise(
    images: ImagesLike,
    kind: str,
    level: Level,
    random_state: int = 0,
    value_range: Range | None = None,
) -> np.ndarray:
    """Return a noisy copy of images as floats; uint8 becomes 0..1 first.

    Parameters
    ----------
    images : Images or ndarray of shape (n, ...)
        Clean images.
    kind, level
        As for `corrupt`.
    random_state : int
        Seed of the noise.
    value_range : (float, float), optional
        What black and white are; that of the images by default (`Images.value_range`).

    Returns
    -------
    ndarray of float32 of shape (n, ...)

    Raises
    ------
    ValueError
        If kind or level is not one of these.

    Examples
    --------
    >>> with_noise(np.array([[0, 255]], dtype=np.uint8), "bit_flip", 1.0).tolist()
    [[1.0, 0.0]]
    >>> with_noise(np.array([[-1.0, 1.0, 0.5]]), "masking", 1.0).tolist()
    [[-1.0, -1.0, -1.0]]
    """
    low, high = value_range or as_images(images).value_range
    clean = torch.from_numpy(np.array(to_unit(np.asarray(images))))
    rng = torch.Generator().manual_seed(random_state)
    return corrupt(clean, kind, level, rng, low, high).numpy()


def check_noise(kind: str, level: Level) -> None:
    """Raise ValueError if `corrupt` has no such noise."""
    one_of("kind of noise", kind, NOISES)
    most = math.inf if kind == "gaussian" else 1.0
    ends = level if isinstance(level, tuple | list) else (level, level)
    numbers = len(ends) == 2 and all(isinstance(end, int | float | np.number) for end in ends)
    if not numbers or not 0 <= ends[0] <= ends[1] <= most or math.isinf(ends[1]):
        limit = "" if kind == "gaussian" else " and at most 1"
        raise ValueError(
            f"noise level {level!r} must be at least 0{limit} for {kind} noise: a number, or the "
            "lowest and the highest of a range"
        )


def _levels(x: torch.Tensor, level: Level, rng: torch.Generator) -> float | torch.Tensor:
    """Return the level of every image, so that it spreads over the image."""
    if not isinstance(level, tuple | list):
        return level
    drawn = torch.rand((len(x), *[1] * (x.ndim - 1)), generator=rng, device=x.device)
    return level[0] + (level[1] - level[0]) * drawn


def _chance(x: torch.Tensor, rng: torch.Generator) -> torch.Tensor:
    return torch.rand(x.shape, generator=rng, device=x.device)


def _gaussian(
    x: torch.Tensor, sigma: float | torch.Tensor, rng: torch.Generator, low: float, high: float
) -> torch.Tensor:
    noise = torch.randn(x.shape, generator=rng, device=x.device)
    return x + (noise * (sigma * (high - low))).to(x.dtype)


def _salt_and_pepper(
    x: torch.Tensor, p: float | torch.Tensor, rng: torch.Generator, low: float, high: float
) -> torch.Tensor:
    chance = _chance(x, rng)
    salted = torch.where(chance < p, torch.full_like(x, high), x)
    return torch.where(chance < p / 2, torch.full_like(x, low), salted)


def _bit_flip(
    x: torch.Tensor, p: float | torch.Tensor, rng: torch.Generator, low: float, high: float
) -> torch.Tensor:
    return torch.where(_chance(x, rng) < p, low + high - x, x)


def _masking(
    x: torch.Tensor, p: float | torch.Tensor, rng: torch.Generator, low: float, high: float
) -> torch.Tensor:
    return torch.where(_chance(x, rng) < p, torch.full_like(x, low), x)


NOISES: dict[str, Callable[..., torch.Tensor]] = {
    "gaussian": _gaussian,
    "salt_and_pepper": _salt_and_pepper,
    "bit_flip": _bit_flip,
    "masking": _masking,
}
"""Every kind of noise, by its name."""


def warped(
    x: torch.Tensor, shape: tuple[int, ...], most: float, rng: torch.Generator
) -> torch.Tensor:
    """Return images turned, slanted, stretched and moved at random, every one in its own way.

    The value at a place :math:`p`, from -1 to 1 in height and width, is the one that was at
    :math:`p + D p + t`, bilinearly; what lies beyond the edge is like the edge.

    Parameters
    ----------
    x : Tensor of shape (n, h w c)
        Flat floating-point images.
    shape : (h, w, c)
        Of one image.
    most : float
        The four entries of D and the two of t are uniform in [-most, most]: with 0.1 an image
        moves by 5 % of its size at most, grows or shrinks by 10 %, and turns by 6 degrees.
    rng : Generator
        Where they come from, on the device of `x`.

    Examples
    --------
    >>> warped(torch.ones(1, 4), (2, 2, 1), 0.5, torch.Generator()).tolist()
    [[1.0, 1.0, 1.0, 1.0]]
    """
    moves = most * (2 * torch.rand((len(x), 2, 3), generator=rng, device=x.device) - 1)
    moves[:, :, :2] += torch.eye(2, device=x.device)
    pictures = x.view(-1, *shape).permute(0, 3, 1, 2)
    grid = F.affine_grid(moves, list(pictures.shape), align_corners=False).to(x.dtype)
    moved = F.grid_sample(pictures, grid, padding_mode="border", align_corners=False)
    return moved.permute(0, 2, 3, 1).flatten(1)


def rotate(
    images: np.ndarray, degrees: ArrayLike, size: tuple[int, int] | None = None, black: float = 0
) -> np.ndarray:
    """Return images turned about their centres, bilinearly, with black where nothing was.

    Parameters
    ----------
    images : ndarray of shape (n, h, w, c)
        uint8 or float.
    degrees : float or ndarray of shape (n,)
        One angle for all or one an image; positive is counter-clockwise.
    size : (int, int), optional
        Height and width of the result: turned and enlarged in one interpolation.
    black : float
        What black is: -1 for images in -1..1.

    Examples
    --------
    >>> right = np.array([[[0, 0, 0], [0, 0, 9], [0, 0, 0]]], dtype=np.uint8)[..., None]
    >>> rotate(right, 90)[0, ..., 0].tolist()
    [[0, 9, 0], [0, 0, 0], [0, 0, 0]]
    """
    images, (height, width) = _checked(images), images.shape[1:3]
    angles = np.asarray(degrees, dtype=np.float64)
    if angles.shape not in ((), (len(images),)):
        raise ValueError(f"{angles.size} angles for {len(images)} images: expected one an image")
    if not np.isfinite(angles).all():
        raise ValueError("angles must be finite numbers of degrees")
    turn = torch.from_numpy(np.deg2rad(np.broadcast_to(angles, len(images)))).float()
    cos, sin = turn.cos()[:, None, None], turn.sin()[:, None, None]
    out = np.empty((len(images), *(size or (height, width)), images.shape[3]), images.dtype)
    down, right = _centres(out.shape[1])[:, None], _centres(out.shape[2])
    for part in _parts(out):
        # where a pixel comes from, in units of half the width and half the height
        across = cos[part] * right - sin[part] * height / width * down
        along = sin[part] * width / height * right + cos[part] * down
        x, grid = _channels_first(images[part]), torch.stack([across, along], dim=-1)
        turned = F.grid_sample(x - black, grid.to(x.dtype), align_corners=False)
        _write(out[part], turned.add_(black))
    return out


def _centres(n: int) -> torch.Tensor:
    """Return where the pixels of a side lie between -1 and 1."""
    return (2 * torch.arange(n) + 1) / n - 1


def resize(images: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return images of another height and width, bilinearly, antialiased where they shrink.

    Parameters
    ----------
    images : ndarray of shape (n, h, w, c)
        uint8 or float.
    size : (int, int)
        Height and width of the result.
    """
    images = _checked(images)
    out = np.empty((len(images), *size, images.shape[3]), images.dtype)
    for part in _parts(out):
        x = _channels_first(images[part])
        _write(out[part], F.interpolate(x, size, mode="bilinear", antialias=True))
    return out


def _checked(images: np.ndarray) -> np.ndarray:
    if images.ndim != 4:
        raise ValueError(f"expected images (n, h, w, c), got an array of shape {images.shape}")
    return images


def _parts(out: np.ndarray) -> Iterator[slice]:
    rows = max(1, ROWS // max(1, int(np.prod(out.shape[1:]))))
    return (slice(start, start + rows) for start in range(0, len(out), rows))


def _channels_first(images: np.ndarray) -> torch.Tensor:
    kind = images.dtype if images.dtype in (np.float32, np.float64) else np.float32
    return torch.from_numpy(images.transpose(0, 3, 1, 2).astype(kind))


def _write(out: np.ndarray, x: torch.Tensor) -> None:
    if out.dtype.kind in "iu":
        x = x.round_()
    out[...] = x.permute(0, 2, 3, 1).numpy()
