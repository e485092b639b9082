"""Videos: pictures one after another, MP4 or WebM."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from PIL.Image import Image

CODECS = {".mp4": "libx264", ".webm": "libvpx-vp9"}
"""Suffix to what writes the frames; browsers and players know both."""
FPS = 30
QUALITY = "20"
"""Constant rate factor: lower is larger and better, 0 to 51 or 63."""


def check_video(path: Path) -> None:
    """Raise ImportError if a path is that of a video, and nothing here can write one."""
    if path.suffix in CODECS and find_spec("av") is None:
        raise ImportError(f"{path}: videos need av: pip install 'isthmus[video]'; .gif needs none")


def save_video(path: Path, pictures: Sequence[Image], times: Sequence[int]) -> None:
    """Write pictures as a video, by the suffix of `path`: .mp4 (H.264) or .webm (VP9).

    Parameters
    ----------
    path : Path
        Where to write.
    pictures : sequence of Image
        Of one size; white is added where a side is odd.
    times : sequence of int
        How long each is seen, in milliseconds.
    """
    check_video(path)
    from av import VideoFrame
    from av import open as container

    frames = [_even(picture) for picture in pictures]
    with container(str(path), "w", format=path.suffix[1:]) as file:
        options = {"crf": QUALITY, "b": "0"}
        stream: Any = file.add_stream(CODECS[path.suffix], rate=FPS, options=options)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        for frame, time in zip(frames, times, strict=True):
            for _ in range(max(1, round(time * FPS / 1000))):
                packets = stream.encode_lazy(VideoFrame.from_ndarray(frame, format="rgb24"))
                file.mux(list(packets))
        file.mux(list(stream.encode_lazy(None)))


def _even(picture: Image) -> np.ndarray:
    """Return pixels (h, w, 3) whose sides are even, as these codecs want them."""
    pixels = np.asarray(picture.convert("RGB"))
    beyond = [(0, side % 2) for side in pixels.shape[:2]]
    return np.pad(pixels, [*beyond, (0, 0)], constant_values=255)
