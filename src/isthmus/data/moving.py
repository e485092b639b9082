"""Frames of videos and animations, each an image of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from isthmus.data.arrays import library
from isthmus.data.cache import (
    cache_folder,
    facts_of,
    keep_facts,
    key_of,
    memory_allowed,
    stamp_of,
    write_array,
)
from isthmus.data.decode import Rule, fit_image, is_grey
from isthmus.data.fitting import COLORED, GREYED, size_changes
from isthmus.data.folder import files_below, labels_of, nothing_readable
from isthmus.data.formats import MAX_PIXELS, VIDEOS, formats, reason, refuse_raw
from isthmus.data.images import Images
from isthmus.data.profiles import in_srgb
from isthmus.system import schema
from isthmus.system.progress import track

if TYPE_CHECKING:
    from PIL import Image


class Clip(NamedTuple):
    """A file of one frame or many, known from a first look."""

    name: str
    path: Path
    height: int
    width: int
    grey: bool
    n_frames: int  # that are taken


class Taken(NamedTuple):
    """Frames that came: of which clip, and their number in it; what was skipped, and why."""

    clips: list[int]
    numbers: list[int]
    skipped: list[tuple[str, str]]


NOTED: schema.Schema = {
    "clips": schema.rows(schema.count),
    "numbers": schema.rows(schema.count),
    "skipped": schema.rows(schema.rows(schema.text, 2)),
}
"""What is noted of a `Taken` in the cache."""


def check_nth(nth: int | None) -> int | None:
    """Return which frames are taken, every nth, or raise."""
    if nth is not None and not (isinstance(nth, int | np.integer) and nth >= 1):
        raise ValueError(f"nth={nth!r}: expected a number from 1: 10 takes every tenth frame")
    return nth


def read_video(path: Path, inside: str | None, rule: Rule, verbose: bool | None) -> Images:
    """Read the frames of a video."""
    return read_frames(path, [(path.name, path)], [], rule, verbose)


def read_animation(path: Path, inside: str | None, rule: Rule, verbose: bool | None) -> Images:
    """Read the frames of an animation, or the pages of a file."""
    return read_frames(path, [(path.name, path)], [], rule, verbose)


def read_moving(path: Path, inside: str | None, rule: Rule, verbose: bool | None) -> Images:
    """Read the frames of all videos and animations of a folder, and its images as one frame."""
    entries, hidden = files_below(path)
    files = [(entry.name, path / entry.name) for entry in entries]
    return read_frames(path, files, hidden, rule, verbose)


def read_frames(
    source: Path,
    files: list[tuple[str, Path]],
    hidden: list[tuple[str, str]],
    rule: Rule,
    verbose: bool | None,
) -> Images:
    """Return every nth frame of files, by the rule for folders; `hidden` are those left out."""
    clips, skipped = list[Clip](), list(hidden)
    for name, path in files:
        try:
            clips.append(_clip(name, path, rule.nth or 1))
        except ImportError as error:
            if len(files) == 1:
                raise
            skipped.append((name, str(error)))
        except Exception as error:  # readers raise almost anything on damaged files
            skipped.append((name, reason(error, name)))
    if not clips:
        raise nothing_readable(source, skipped)
    shape = _shape(clips, rule)
    data, taken = _held(source, clips, shape, rule, verbose)
    if not taken.numbers:
        raise nothing_readable(source, skipped + taken.skipped)
    return _images(source, data, clips, taken, rule, skipped)


def _shape(clips: list[Clip], rule: Rule) -> tuple[int, int, int, int]:
    grey = all(clip.grey for clip in clips) if rule.color == "auto" else rule.color == "grey"
    sides = np.repeat([clip[2:4] for clip in clips], [clip.n_frames for clip in clips], axis=0)
    height, width = rule.size_for(*np.median(sides, axis=0).tolist())
    return len(sides), height, width, 1 if grey else 3


def _images(
    source: Path,
    data: np.ndarray,
    clips: list[Clip],
    taken: Taken,
    rule: Rule,
    skipped: list[tuple[str, str]],
) -> Images:
    of = [clips[clip] for clip in taken.clips]
    sizes = np.array([clip[2:4] for clip in of])
    changes = size_changes(sizes, (data.shape[1], data.shape[2]), rule.fit)
    grey = np.array([clip.grey for clip in of])
    changes[grey != (data.shape[3] == 1)] |= COLORED if data.shape[3] > 1 else GREYED
    names = [f"{clip.name}#{number:06d}" for clip, number in zip(of, taken.numbers, strict=True)]
    return Images(
        data[: len(names)],
        names=names,
        source=str(source),
        skipped=sorted(skipped + taken.skipped),
        sizes=sizes,
        changes=changes,
        **labels_of([clip.name for clip in of]),
    )


def _clip(name: str, path: Path, nth: int) -> Clip:
    refuse_raw(name)
    if name.lower().endswith(VIDEOS):
        return _video(name, path, nth)
    with _opened(path) as image:
        count = getattr(image, "n_frames", 1)
        grey = all(_has_no_color(frame) for _, frame in _frames_of(image, nth))
        return Clip(name, path, image.height, image.width, grey, -(-count // nth))


def _video(name: str, path: Path, nth: int) -> Clip:
    with library("av", path, "video"):
        import av
    with av.open(str(path)) as file:
        if not file.streams.video:
            raise ValueError("it has no pictures")
        stream = file.streams.video[0]
        count = sum(packet.size > 0 for packet in file.demux(stream))
    first = next(iter(_video_frames(path, nth)), None)
    if first is None:
        raise ValueError("it has no pictures")
    grey = str(stream.format.name if stream.format else "").startswith("gray")
    return Clip(name, path, first[1].height, first[1].width, grey, max(1, -(-count // nth)))


def _frames(clip: Clip, nth: int) -> Iterator[tuple[int, Image.Image]]:
    """Yield every nth frame of a file and its number."""
    if clip.name.lower().endswith(VIDEOS):
        yield from _video_frames(clip.path, nth)
        return
    with _opened(clip.path) as image:
        yield from _frames_of(image, nth)


def _frames_of(image: Image.Image, nth: int) -> Iterator[tuple[int, Image.Image]]:
    for number in range(0, getattr(image, "n_frames", 1), nth):
        image.seek(number)
        yield number, image


def _video_frames(path: Path, nth: int) -> Iterator[tuple[int, Image.Image]]:
    import av

    with av.open(str(path)) as file:
        frames: Iterator[Any] = file.decode(video=0)
        for number, frame in enumerate(frames):
            if number % nth == 0:
                image = frame.to_image()
                if frame.rotation:  # telephones say how they were held
                    image = image.rotate(frame.rotation, expand=True)
                yield number, image


def _opened(path: Path) -> Image.Image:
    from PIL import Image

    image = Image.open(path, formats=formats())
    if image.width * image.height > MAX_PIXELS:
        raise Image.DecompressionBombError
    if image.mode.split(";")[0] in ("I", "F"):
        raise ValueError("of more than 8 bits: give it by its own name")
    return image


def _has_no_color(frame: Image.Image) -> bool:
    if is_grey(frame):
        return True
    colors = np.asarray(frame.convert("RGB"))
    return frame.mode != "P" and bool((colors == colors[..., :1]).all())


def _held(
    source: Path,
    clips: list[Clip],
    shape: tuple[int, int, int, int],
    rule: Rule,
    verbose: bool | None,
) -> tuple[np.ndarray, Taken]:
    """Return the frames, in memory or packed in the cache, and which of them came."""
    if int(np.prod(shape)) * np.dtype(rule.dtype).itemsize <= memory_allowed():
        data = np.empty(shape, rule.dtype)
        return data, _fill(data, clips, rule, verbose)
    stamps = [(clip.name, *stamp_of(clip.path)) for clip in clips]
    key = key_of("frames", 2, str(source.absolute()), rule[:5], rule.nth, stamps)
    cache = cache_folder() / f"{key}.npy"
    if (known := _from_cache(cache, len(clips))) is not None:
        return known
    made: list[Taken] = []
    write_array(
        cache, shape, rule.dtype, lambda data: made.append(_fill(data, clips, rule, verbose))
    )
    keep_facts(cache, made[0]._asdict())
    return np.load(cache, mmap_mode="r"), made[0]


def _from_cache(cache: Path, clips: int) -> tuple[np.ndarray, Taken] | None:
    """Return frames that were packed before; None if none were, or they are damaged."""
    facts = facts_of(cache, NOTED)
    if facts is None or len(facts["clips"]) != len(facts["numbers"]):
        return None
    taken = Taken(facts["clips"], facts["numbers"], [(a, b) for a, b in facts["skipped"]])
    try:
        data = np.load(cache, mmap_mode="r")
    except (OSError, ValueError, EOFError):
        return None
    whole = max(taken.clips, default=0) < clips and len(taken.numbers) <= len(data)
    return (data, taken) if whole else None


def _fill(data: np.ndarray, clips: list[Clip], rule: Rule, verbose: bool | None) -> Taken:
    taken = Taken([], [], [])
    frames = _every_frame(clips, rule.nth or 1, taken)
    for place, number, image in track(frames, "decoding frames", len(data), verbose):
        row = len(taken.numbers)
        if row == len(data):  # more came than the file said
            break
        flat = _flat(image, "L" if data.shape[3] == 1 else "RGB")
        pixels = np.asarray(fit_image(flat, (data.shape[1], data.shape[2]), rule.fit))
        pixels = pixels[..., None] if pixels.ndim == 2 else pixels
        data[row] = pixels if rule.dtype == "uint8" else pixels / np.float32(255)
        taken.clips.append(place)
        taken.numbers.append(number)
    return taken


def _every_frame(
    clips: list[Clip], nth: int, taken: Taken
) -> Iterator[tuple[int, int, Image.Image]]:
    """Yield the frames of all clips; where one breaks off, note it and go on with the next."""
    for place, clip in enumerate(clips):
        number = -1
        try:
            for number, image in _frames(clip, nth):
                yield place, number, image
        except Exception as error:  # as for the first look
            after = f" (after frame {number})" if number >= 0 else ""
            taken.skipped.append((clip.name, f"{reason(error, clip.name)}{after}"))


def _flat(image: Image.Image, mode: str) -> Image.Image:
    """Return a frame with transparency laid over white, and without a palette."""
    from PIL import Image

    image = in_srgb(image)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image if image.mode == mode else image.convert(mode)
