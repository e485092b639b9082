"""What a decoded image still misses, so that the pixels come back exactly.

A pixel is expected to be a mean of its neighbours and of the decoded image around it, with weights
fitted to the images and rounded to whole numbers. Pixels whose expectation and whose surroundings
are alike share a table of what they really are. Nothing depends on how a machine rounds, with one
exception: the decoded image itself is rounded to 0..255, so pixels of it that are all but half-way
between two values are listed in the file.

The order is such that what surrounds a pixel is known when it is its turn: channel by channel, and
within one along slanted lines, so that a whole line of all images is coded at once.
"""

from __future__ import annotations

import zlib

import numpy as np

from isthmus.codec.channels import decode_channel, encode_channel
from isthmus.codec.container import packed, unpacked
from isthmus.codec.entropy import inflated
from isthmus.codec.expected import EDGE, Field

CLOSE = 1 / 1024
"""Distance from half-way, in grey levels, within which another machine may round otherwise: four
times what single precision makes of a decoder's sums."""


def to_levels(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return decoded images as 0..255, and which pixels are close to half-way."""
    scaled = np.clip(np.asarray(images, dtype=np.float64) * 255, 0, 255)
    over = scaled - np.floor(scaled)
    return np.floor(scaled + 0.5).astype(np.uint8), np.abs(over - 0.5) < CLOSE


def residual(pixels: np.ndarray, decoded: np.ndarray) -> bytes:
    """Return what must be known besides decoded images to have the pixels.

    Parameters
    ----------
    pixels : ndarray of uint8 of shape (n, h, w, c)
        What is to come back.
    decoded : ndarray of float of shape (n, h, w, c)
        What the model makes of the codes.

    Examples
    --------
    >>> pixels = np.random.default_rng(0).integers(0, 9, (20, 8, 8, 1)).astype(np.uint8)
    >>> content = residual(pixels, pixels / 255)
    >>> bool((restored(content, pixels / 255) == pixels).all())
    True
    """
    levels, close = to_levels(decoded)
    field = Field.empty(levels)
    field.real[:, EDGE:-EDGE, EDGE:-EDGE] = pixels
    channels = [encode_channel(field, channel) for channel in range(pixels.shape[-1])]
    check = np.array([zlib.crc32(pixels.tobytes())], dtype="<u4")
    contents = [np.frombuffer(content, "u1") for content in (_listed(levels, close), *channels)]
    return packed(check, *contents)


def restored(content: bytes, decoded: np.ndarray) -> np.ndarray:
    """Return the pixels (n, h, w, c) that `residual` was given.

    Raises
    ------
    ValueError
        If the bytes are damaged, or this machine decodes otherwise than the one that wrote them.
    """
    n_channels = decoded.shape[-1]
    check, listed, *channels = unpacked(content, "<u4", "u1", *["u1"] * n_channels)
    levels = to_levels(decoded)[0]
    _settle(levels, decoded, listed.tobytes())
    field = Field.empty(levels)
    for channel, coded in enumerate(channels):
        decode_channel(field, channel, coded.tobytes())
    pixels = field.real[:, EDGE:-EDGE, EDGE:-EDGE].astype(np.uint8)
    if len(check) != 1 or zlib.crc32(pixels.tobytes()) != check[0]:
        raise ValueError(
            "the pixels do not come back: this machine decodes otherwise than the one that "
            "compressed them"
        )
    return pixels


def _listed(levels: np.ndarray, close: np.ndarray) -> bytes:
    """Return where pixels are close to half-way, and whether they were rounded to odd values."""
    places = np.flatnonzero(close)
    gaps = np.diff(places, prepend=0).astype("<u4")
    odd = np.packbits(levels.ravel()[places] & 1)
    planes = gaps.view("u1").reshape(-1, 4).T
    return zlib.compress(packed(np.ascontiguousarray(planes), odd), 9)


def _settle(levels: np.ndarray, decoded: np.ndarray, content: bytes) -> None:
    """Round the pixels listed as the machine did that wrote the file."""
    planes, odd = unpacked(inflated(content), "u1", "u1")
    if len(planes) % 4 or len(odd) != -(-len(planes) // 32):
        raise ValueError("the list of pixels is incomplete")
    places = np.cumsum(np.ascontiguousarray(planes.reshape(4, -1).T).view("<u4").ravel())
    if len(places) and places[-1] >= levels.size:
        raise ValueError("the list of pixels goes on beyond the images")
    below = np.floor(np.clip(decoded.ravel()[places].astype(np.float64) * 255, 0, 255))
    wanted = np.unpackbits(odd, count=len(places))
    levels.ravel()[places] = below + (below.astype(np.uint8) % 2 != wanted)
