"""Readers of one's own: for kinds of files that isthmus does not know."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any, TypeVar, overload

import numpy as np

from isthmus.data.decode import Rule
from isthmus.data.formats import ALONE, OF_CAMERA, RAW
from isthmus.data.images import Images
from isthmus.data.layout import arranged
from isthmus.data.packed import Entry
from isthmus.data.ranges import to_bytes
from isthmus.data.values import ImagesLike, to_array

Function = TypeVar("Function", bound="Callable[[Path], ImagesLike]")

GROUP = "isthmus.readers"
"""Entry points by which an installed package offers readers: the suffix, its function."""

_own: dict[str, Callable[[Path], ImagesLike]] = {}  # by suffix


@overload
def register_reader(suffix: str, function: Function) -> Function: ...
@overload
def register_reader(suffix: str) -> Callable[[Function], Function]: ...
def register_reader(suffix: str, function: Any = None) -> Any:
    """Read files of a suffix by a function of your own, wherever images are asked for.

    `load_images`, and every verb that is given such a file, then calls it; size, color and range
    are brought about afterwards, as for all files. It comes before a reader of isthmus for the
    same suffix. In folders and zips it reads the files of that suffix, of one image each, which
    come as 8 bits. A package offers its readers to the command line too, without being imported,
    by entry points of the group ``isthmus.readers``: a suffix, without its dot or with it, and
    the function.

    Parameters
    ----------
    suffix : str
        How the names of the files or folders end, as ".dcm" or ".nii.gz"; in either case.
    function : callable
        Called with the path; returns `Images`, with what is known of them, or anything else that
        is an array of images: an array, a tensor, a list of pictures. A damaged file is to raise
        ValueError.

    Returns
    -------
    callable
        The function as it is, so that ``@ist.register_reader(".dcm")`` is a decorator.

    Raises
    ------
    ValueError
        If that is no suffix.
    TypeError
        If the function cannot be called.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> import isthmus as ist
    >>> @ist.register_reader(".rows")
    ... def read_rows(path):
    ...     return np.loadtxt(path, dtype=np.uint8, ndmin=2)[:, None, :]
    >>> path = Path(tempfile.mkdtemp(), "some.rows")
    >>> path.write_text("0 128 255 0")
    11
    >>> ist.load_images(path).shape
    (1, 1, 4, 1)
    """
    if not isinstance(suffix, str) or not suffix.strip(".") or set("/\\") & set(suffix):
        raise ValueError(f"suffix={suffix!r}: expected the end of a name, such as '.dcm'")
    if function is None:
        return lambda function: register_reader(suffix, function)
    if not callable(function):
        raise TypeError(f"function={function!r}: expected a function that is called with a path")
    _own[_dotted(suffix)] = function
    return function


def own_reader(path: Path) -> Callable[[Path, str | None, Rule, bool | None], Images] | None:
    """Return what reads a file of this name that is not of isthmus, None if nothing does."""
    name = path.name.lower()
    fitting = [suffix for suffix in {*_own, *_offered()} if name.endswith(suffix)]
    if not fitting:
        return None
    suffix = max(fitting, key=len)

    def read(path: Path, inside: str | None, rule: Rule, verbose: bool | None) -> Images:
        found = _function(suffix)(path)
        if isinstance(found, Images):
            return replace(found, source=str(path), loading=rule.numbers | found.loading)
        array = arranged(to_array(found, str(path)), rule.layout, str(path))
        return Images(array, source=str(path), loading=rule.numbers)

    return read


def by_own_readers(entries: list[Entry]) -> list[Entry]:
    """Return files of a folder or a zip, those with a reader of one's own as it reads them.

    Each has to hold one image, grey or in color; it comes as 8 bits.
    """
    if not suffixes():
        return entries
    return [
        entry._replace(open=partial(_png_of, entry)) if own_reader(Path(entry.name)) else entry
        for entry in entries
    ]


def _png_of(entry: Entry) -> IO[bytes]:
    """Return what a reader of one's own makes of a file, as a PNG file."""
    from PIL import Image

    with entry.open() as file, TemporaryDirectory() as folder:
        path = Path(getattr(file, "name", ""))
        if not isinstance(file, io.BufferedReader):  # in a zip
            path = Path(folder, Path(entry.name).name)
            path.write_bytes(file.read())
        reader: Any = own_reader(Path(entry.name))
        images = reader(path, None, Rule(), None)
        pixels = to_bytes(np.asarray(images), images.value_range)
    if len(pixels) != 1 or pixels.ndim != 4 or pixels.shape[3] not in (1, 3):
        raise ValueError(f"it holds images of shape {pixels.shape}: {ALONE}")
    out = io.BytesIO()
    Image.fromarray(pixels[0, ..., 0] if pixels.shape[3] == 1 else pixels[0]).save(out, "PNG")
    out.seek(0)
    return out


def suffixes() -> list[str]:
    """Return the suffixes that readers of one's own are there for."""
    return sorted({*_own, *_offered()})


def unknown_kind(path: Path, known: Iterable[str]) -> ValueError:
    """Return the error for a file that no reader is for; `known` are the suffixes of isthmus.

    Examples
    --------
    >>> unknown_kind(Path("a.txt"), [".npy"])
    ValueError('a.txt is of an unknown kind; known are ...
    """
    if path.name.lower().endswith(RAW):
        return ValueError(f"{path}: {OF_CAMERA}, or register a reader: isthmus.register_reader")
    every = ", ".join([*known, *suffixes()])
    return ValueError(
        f"{path} is of an unknown kind; known are folders, image files and {every}; "
        "isthmus.register_reader adds others"
    )


def _dotted(suffix: str) -> str:
    return f".{suffix.lower().lstrip('.')}"


@cache
def _offered() -> dict[str, Any]:
    from importlib.metadata import entry_points

    return {_dotted(point.name): point for point in entry_points(group=GROUP)}


def _function(suffix: str) -> Callable[[Path], Any]:
    """Return the function for a suffix, of this program or of an installed package."""
    if suffix in _own:
        return _own[suffix]
    point = _offered()[suffix]
    try:
        function: Callable[[Path], Any] = point.load()
    except Exception as error:  # whatever another's module may raise
        raise ValueError(
            f"the reader of {suffix} files, {point.value}, cannot be loaded: "
            f"{type(error).__name__}: {error}"
        ) from error
    return function
