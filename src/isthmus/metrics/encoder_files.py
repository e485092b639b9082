"""Encoders of other people, in ONNX files: features that images are compared by."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from isthmus.data.images import Images, as_images, to_unit
from isthmus.data.ranges import Range
from isthmus.tensors import usual_torch

FREE_STEP, FREE_LEAST = 32, 64
"""Where a file leaves the size open, sides are a multiple of this, and no less than that."""
ROWS = 32
"""Images that are encoded at a time."""
PREFERRED = ("embedding", "codes", "features")
"""Outputs that are taken first, if there are several."""


def encoder_of_file(
    path: str | Path, shape: tuple[int, ...], ends: Range = (0.0, 1.0)
) -> Callable[[Any], np.ndarray]:
    """Return a function from images (n, h, w, c) to what the encoder in a file makes of them.

    The file is an ONNX network that takes pictures as float32 from 0 to 1, channels first or last,
    as `isthmus export` writes them, too. Images are resized to the sides that it asks for; gray
    ones are given three times to one of colors. Of several outputs that is taken which is called
    "embedding", "codes" or "features", else the first; maps are averaged over their places.

    Parameters
    ----------
    path : path
        Of the file.
    shape : tuple of int
        Of an image (h, w, c).
    ends : (float, float)
        The values of black and of white.

    Raises
    ------
    ValueError
        If the file is no such network, or takes other images.
    ImportError
        If onnxruntime is not installed.
    """
    session = _opened(Path(path))
    taken = session.get_inputs()[0]
    last, sides = _layout(Path(path), taken.shape, shape)
    name = _output(Path(path), session)

    @usual_torch()
    def encode(images: Images | np.ndarray) -> np.ndarray:
        found = []
        for part in as_images(images).chunks(ROWS):
            x = _fitted(part, ends, sides, _channels(taken.shape, last))
            x = x.permute(0, 2, 3, 1) if last else x
            (out,) = session.run([name], {taken.name: np.ascontiguousarray(x.numpy())})
            found.append(out.mean((2, 3)) if out.ndim == 4 else out.reshape(len(out), -1))
        return np.concatenate(found).astype(np.float64)

    return encode


def _opened(path: Path) -> Any:
    """Return a network that onnxruntime has read, on one thread as all others here."""
    try:
        import onnxruntime
    except ImportError:
        raise ImportError(f"{path} needs onnxruntime: pip install 'isthmus[onnx]'") from None
    if not path.is_file():
        raise ValueError(f"features={str(path)!r} is no file; give an encoder as an ONNX file")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its own kinds, of no common class
        raise ValueError(f"{path} is no ONNX file that can be read: {error}") from None


def _channels(taken: list[Any], last: bool) -> int:
    return int(taken[3 if last else 1])


def _layout(path: Path, taken: list[Any], shape: tuple[int, ...]) -> tuple[bool, tuple[int, int]]:
    """Return whether channels come last, and the sides that a network takes."""
    depth = shape[2]
    several = (depth, 3) if depth == 1 else (depth,)
    fits = [len(taken) == 4 and taken[axis] in several for axis in (1, 3)]
    if not any(fits):
        raise ValueError(
            f"{path} takes arrays of shape {taken}: expected pictures (n, c, h, w) or "
            f"(n, h, w, c) with {' or '.join(map(str, several))} channels"
        )
    last = not fits[0]
    asked = taken[1:3] if last else taken[2:]
    free = [max(FREE_LEAST, -(-side // FREE_STEP) * FREE_STEP) for side in shape[:2]]
    sides = [a if isinstance(a, int) else b for a, b in zip(asked, free, strict=True)]
    return last, (sides[0], sides[1])


def _output(path: Path, session: Any) -> str:
    """Return the name of what is taken of a network."""
    names = {str(each.name): len(each.shape) for each in session.get_outputs()}
    for name in (*PREFERRED, *names):
        if names.get(name) in (2, 4):
            return name
    raise ValueError(f"{path} gives {', '.join(names)}: none is a vector or a map an image")


def _fitted(
    images: np.ndarray, ends: Range, sides: tuple[int, int], channels: int
) -> torch.Tensor:
    """Return images (n, h, w, c) as float32 (n, c, h, w) from 0 to 1, of these sides."""
    low, high = ends
    unit = (to_unit(images) - np.float32(low)) / np.float32(high - low)
    x = torch.from_numpy(unit.astype(np.float32)).permute(0, 3, 1, 2)
    x = x.expand(-1, channels, -1, -1)
    if tuple(x.shape[2:]) == sides:
        return x
    return F.interpolate(x, sides, mode="bilinear", antialias=True, align_corners=False)
