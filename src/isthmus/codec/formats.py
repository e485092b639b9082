"""The image formats that codes are compared with: what files weigh, and what comes back."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

QUALITIES = {
    "jpeg": (2, 5, 10, 20, 35, 50, 75, 90),
    "webp": (0, 3, 8, 15, 25, 40, 60, 80),
    "avif": (0, 6, 12, 20, 30, 45, 60, 80),
}
"""Settings of the formats that lose something; PNG and lossless WebP have one each."""
EXACT = ("png", "webp-lossless")
FORMATS = (*QUALITIES, *EXACT)


def in_files(pixels: np.ndarray, name: str, quality: int) -> tuple[int, np.ndarray]:
    """Return the bytes of a file for each image (n, h, w, c), and the images read back."""
    files = [_written(image, name, quality) for image in pixels]
    return sum(size for size, _ in files), np.stack([image for _, image in files])


def on_one_sheet(pixels: np.ndarray, name: str, quality: int) -> tuple[int, np.ndarray]:
    """Return the bytes of one file with all images side by side, and the images read back."""
    size, sheet = _written(_sheet(pixels), name, quality)
    return size, _cut(sheet, pixels.shape)


def _written(image: np.ndarray, name: str, quality: int) -> tuple[int, np.ndarray]:
    """Return the bytes of a file of one image (h, w, c), and the image read back."""
    every: dict[str, dict[str, Any]] = {
        "png": {"optimize": True},
        "jpeg": {"quality": quality, "optimize": True},
        "webp": {"quality": quality, "method": 6},
        "webp-lossless": {"lossless": True, "quality": 90, "method": 6},
        "avif": {"quality": quality, "speed": 6},
    }
    return read_back(image, name.partition("-")[0], **every[name])


def read_back(image: np.ndarray, name: str, **options: Any) -> tuple[int, np.ndarray]:
    """Return the bytes of one image (h, w, c) in a format of Pillow's, and the image read back."""
    from PIL import Image

    stream, grey = io.BytesIO(), image.shape[-1] == 1
    picture = Image.fromarray(image[..., 0] if grey else image)
    picture.save(stream, format=name.upper(), **options)
    with Image.open(stream) as again:
        back = np.asarray(again.convert("L" if grey else "RGB"))
    return len(stream.getvalue()), back.reshape(image.shape)


def _sheet(images: np.ndarray) -> np.ndarray:
    """Return images side by side, as square as may be; empty places are 0."""
    n, h, w, c = images.shape
    columns = max(1, round(np.sqrt(n * h / w)))
    rows = -(-n // columns)
    padded = np.concatenate([images, np.zeros((rows * columns - n, h, w, c), images.dtype)])
    grid = padded.reshape(rows, columns, h, w, c).transpose(0, 2, 1, 3, 4)
    return grid.reshape(rows * h, columns * w, c)


def _cut(sheet: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return the images of a sheet."""
    n, h, w, c = shape
    grid = sheet.reshape(-1, h, sheet.shape[1] // w, w, c).transpose(0, 2, 1, 3, 4)
    return grid.reshape(-1, h, w, c)[:n]
