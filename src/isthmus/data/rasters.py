"""Rasters of many bands, such as satellites take: ENVI and TIFF, each read as one image."""

from __future__ import annotations

import logging
import math
import warnings
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from isthmus.data.arrays import damage_explained, library
from isthmus.data.cache import check_unpacked, held, key_of, stamp_of
from isthmus.data.decode import Rule, check_bands, read_header
from isthmus.data.depth import deep_values
from isthmus.data.images import Images
from isthmus.data.nodata import no_data_in
from isthmus.data.numbers import KEEP
from isthmus.data.ometiff import check_end, stack_of
from isthmus.data.several import read_files
from isthmus.system.files import plain

if TYPE_CHECKING:
    from PIL.Image import Image

ENVI_TYPES = {
    1: "u1",
    2: "i2",
    3: "i4",
    4: "f4",
    5: "f8",
    12: "u2",
    13: "u4",
    14: "i8",
    15: "u8",
}
"""The numbers that ENVI gives to types; 6 and 9 are complex, and not read."""

ENVI_AXES = {"bsq": (1, 2, 0), "bil": (0, 2, 1), "bip": (0, 1, 2)}
"""Where rows, columns and bands are in a file, by its interleave."""

ENVI_SUFFIXES = (".img", ".dat", ".bsq", ".bil", ".bip", ".raw")
"""What the numbers beside a header may be called; no suffix at all is usual too."""

MOST_HEADER = 2**24
"""Bytes of an ENVI header that are read."""

ENVI_KEPT = (
    "wavelength units",
    "map info",
    "coordinate system string",
    "data ignore value",
    "reflectance scale factor",
)
"""What else of a header is kept, as it is written there."""

GEO_TAGS = (33550, 33922, 34264, 34735, 34736, 34737, 42113)
"""TIFF tags that say where on the earth a raster lies, and which value stands for nothing."""

AS_THEY_ARE = {"value_range": KEEP, "range_by": "file", "layout": "nhwc"}
"""How numbers of rasters are read, as `Images.loading` has it."""

RGB = 2
"""The photometric interpretation of colors."""

DESCRIPTION = 270
"""The TIFF tag of a text, which OME-TIFF has its XML in."""

ALPHA = ((1,), (2,))
"""What the samples of a pixel beside its color are, where they are how opaque it is."""

NOT_NUMBERS = {0, 3, 5, 6, 8}
"""Photometric interpretations that need a decoder of photographs: inverted grey, palettes, CMYK,
YCbCr and Lab."""


def read_envi(path: Path, inside: str | None, rule: Rule, verbose: bool | None) -> Images:
    """Read an ENVI raster, given its header or the file with the numbers."""
    header, numbers = _envi_files(path)
    with damage_explained(header, "ENVI"):
        fields = _envi_fields(header)
        shape, dtype, offset = _envi_layout(fields)
        axes = ENVI_AXES[fields["interleave"].lower()]
        meta = _envi_meta(fields, shape[2])
    expected, found = offset + math.prod(shape) * dtype.itemsize, numbers.stat().st_size
    height, width, n_bands = shape
    # one line, sample or band more than the header says would be at least as much as this
    least = math.prod(shape) // max(shape) * dtype.itemsize
    if not 0 <= found - expected < least:
        raise ValueError(
            f"{header} contradicts its file: {height} lines x {width} samples x {n_bands} bands "
            f"of {dtype.itemsize} bytes after {offset} are {expected} bytes, "
            f"{numbers.name} has {found}"
        )
    stored = tuple(shape[axis] for axis in np.argsort(axes))
    array = np.memmap(numbers, dtype, "r", offset, stored).transpose(axes)
    rest = f"its last {found - expected} bytes, which {header.name} does not count"
    skipped = [(numbers.name, rest)] if found > expected else []
    return _raster((numbers, header), array[None], meta, path, skipped)


def read_tiff(path: Path, inside: str | None, rule: Rule, verbose: bool | None) -> Images:
    """Read a TIFF file: a picture as in a folder, of a raster the bands as they are.

    Pages of the same shape are further images.
    """
    with library("tifffile", path):
        import tifffile
    _quiet()
    explained = damage_explained(path, "TIFF", but=(PermissionError, ImportError))
    with explained, tifffile.TiffFile(path) as file:
        if stack := stack_of(file, path, rule.nth):
            return Images(stack[0], source=str(path), meta=stack[1], loading=dict(AS_THEY_ARE))
        every: list[Any] = list(file.pages)
        pages = [page for page in every if not page.subfiletype & 0b101]  # overviews and masks
        pages = pages[:: rule.nth or 1]
        first = pages[0]
        alike = [page for page in pages if (page.shape, page.dtype) == (first.shape, first.dtype)]
        others = [f"page {page.index}" for page in pages if page not in alike]
        for page in alike:
            _check_extent(page, path.stat().st_size)
        pictured = not rule.raster and _is_picture(first)
        if pictured and len(pages) == 1 and _is_read_in_folders(path):
            return read_files([path], rule, verbose)
        arrays = [_page_array(page, path) for page in alike]
        array = np.stack(arrays) if len(arrays) > 1 else arrays[0][None]
        skipped = [(name, "of another shape") for name in others]
        if pictured and array.dtype == np.uint16 and array.shape[3] in (1, 3):
            return Images(array, source=str(path), skipped=skipped, **rule.numbers)
        return _raster((path,), array, _geography(first), path, skipped)


def _is_picture(page: Any) -> bool:
    """Return whether nothing says that the numbers of a page were measured."""
    kind, alpha = int(page.photometric), tuple(map(int, page.extrasamples)) in ALPHA
    colors = page.samplesperpixel - alpha
    placed = any(code in page.tags for code in GEO_TAGS)
    alike = page.dtype in (bool, np.uint8, np.uint16) and colors == (3 if kind == RGB else 1)
    return not placed and (alike or kind in NOT_NUMBERS)


def is_measured(source: object) -> bool:
    """Return whether a source is a TIFF file that says that its numbers were measured."""
    from PIL import Image

    path = Path(source) if isinstance(source, str | Path) else Path()
    if path.suffix.lower() not in (".tif", ".tiff") or not path.is_file():
        return False
    with suppress(Exception), Image.open(path, formats=["TIFF"]) as image:
        tags: Any = getattr(image, "tag_v2", {})
        said = str(tags.get(DESCRIPTION, "")).strip()
        return said.endswith("OME>") or any(code in tags for code in GEO_TAGS)
    return False


def _is_read_in_folders(path: Path) -> bool:
    with path.open("rb") as file, suppress(Exception):  # whatever Pillow raises
        return bool(read_header(file))
    return False


def _quiet() -> None:
    """Keep what tifffile says of odd tags from standard error, where nobody asked for its log."""
    log = logging.getLogger("tifffile")
    if not log.handlers:
        log.addHandler(logging.NullHandler())


def _raster(
    files: Sequence[Path],
    array: np.ndarray,
    meta: dict[str, Any],
    source: Path,
    skipped: Iterable[tuple[str, str]] = (),
) -> Images:
    """Return Images (n, h, w, bands): uint8 and floats as they are, other numbers as float32."""
    if array.dtype == bool:
        array = array.astype(np.uint8) * np.uint8(255)
    if array.dtype not in (np.uint8, np.float32, np.float64) or not array.dtype.isnative:
        key = f"raster-{key_of('raster', 1, [stamp_of(file) for file in files])}"
        array = held(key, array.shape, np.float32, partial(_copy_rows, array))
    meta = meta | no_data_in(meta)
    read = dict(AS_THEY_ARE)
    return Images(array, source=str(source), meta=meta, skipped=list(skipped), loading=read)


def _copy_rows(array: np.ndarray, out: np.ndarray) -> None:
    for image, values in zip(out, array, strict=True):
        for row, numbers in zip(image, values, strict=True):  # it may be a large memory map
            row[...] = numbers


def _envi_files(path: Path) -> tuple[Path, Path]:
    """Return the header and the file of numbers, given either."""
    if path.suffix.lower() == ".hdr":
        stem = path.name[: -len(".hdr")]
        names = [stem, *(stem + suffix for suffix in ENVI_SUFFIXES)]
        return path, _beside(path, names, "file of numbers")
    return _beside(path, [f"{path.name}.hdr", f"{path.stem}.hdr"], "ENVI header"), path


def _beside(path: Path, names: Sequence[str], what: str) -> Path:
    there = {file.name.lower(): file for file in path.parent.iterdir() if file.is_file()}
    for name in names:
        if name.lower() in there:
            return there[name.lower()]
    raise ValueError(f"{path} has no {what} beside it: expected {' or '.join(names)}")


def _envi_fields(header: Path) -> dict[str, str]:
    with header.open("rb") as file:
        text = file.read(MOST_HEADER).decode("latin-1")
    if not text.startswith("ENVI"):
        raise ValueError("its first line is not ENVI")
    if text.count("{") != text.count("}"):
        raise ValueError("a brace is not closed")
    fields, lines = {}, iter(text.splitlines())
    for line in lines:
        name, equals, value = line.partition("=")
        if not equals or set(name) & set(";{}"):
            continue
        while "{" in value and "}" not in value:
            value += "\n" + next(lines)
        fields[name.strip().lower()] = value.strip().partition("}")[0] + "}" * ("}" in value)
    return fields


def _field(fields: dict[str, str], name: str) -> str:
    if not fields.get(name):
        raise ValueError(f"it does not say {name!r}")
    return fields[name]


def _envi_layout(fields: dict[str, str]) -> tuple[tuple[int, int, int], np.dtype, int]:
    """Return (lines, samples, bands), the type of the numbers, and where they begin."""
    height, width, n_bands = (int(_field(fields, name)) for name in ("lines", "samples", "bands"))
    kind, interleave = int(_field(fields, "data type")), _field(fields, "interleave").lower()
    if min(height, width, n_bands) < 1:
        raise ValueError(f"{height} lines, {width} samples and {n_bands} bands")
    if kind not in ENVI_TYPES:
        raise ValueError(f"data type {kind} is not one of {', '.join(map(str, ENVI_TYPES))}")
    if interleave not in ENVI_AXES:
        raise ValueError(f"interleave {interleave!r} is not one of {', '.join(ENVI_AXES)}")
    if fields.get("file compression", "0") != "0":
        raise ValueError("the numbers are compressed")
    order = ">" if fields.get("byte order", "0") == "1" else "<"
    offset = int(fields.get("header offset", "0"))
    if offset < 0:
        raise ValueError(f"a header offset of {offset}")
    return (height, width, n_bands), np.dtype(order + ENVI_TYPES[kind]), offset


def _envi_meta(fields: dict[str, str], n_bands: int) -> dict[str, Any]:
    meta: dict[str, Any] = {}
    for key, name in (("wavelengths", "wavelength"), ("band_names", "band names")):
        if name in fields:
            meta[key] = _listed(fields[name])
            if len(meta[key]) != n_bands:
                raise ValueError(f"it lists {len(meta[key])} {key} for {n_bands} bands")
    if "wavelengths" in meta:
        meta["wavelengths"] = [float(text) for text in meta["wavelengths"]]
    if "default bands" in fields:  # counted from 1
        shown = [int(float(text)) - 1 for text in _listed(fields["default bands"])]
        meta["shown_bands"] = [band for band in shown if 0 <= band < n_bands]
    for key in ENVI_KEPT:
        if key in fields:
            meta[key.replace(" ", "_")] = fields[key].strip("{} ")
    return meta


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.strip("{} ").split(",")]


def _check_extent(page: Any, n_bytes: int) -> None:
    """Raise if the header of a page asks for more than the file has."""
    check_end(page, n_bytes)
    stored, said = sum(page.databytecounts), page.nbytes
    # what is empty may be packed very well, but not to nothing
    check_unpacked(f"the header contradicts its file: shape {page.shape}", said, 9 * stored)
    whole = page.bitspersample % 8 == 0 and not page.is_tiled
    if page.compression == 1 and whole and stored != said:
        raise ValueError(
            f"the header contradicts its file: shape {page.shape} of {page.dtype} is {said} "
            f"bytes, {stored} are there"
        )


def _page_array(page: Any, path: Path) -> np.ndarray:
    """Return one page as (h, w, bands), by tifffile, or by Pillow what tifffile cannot decode."""
    if int(page.photometric) in NOT_NUMBERS:
        return _by_pillow(page, path)
    try:
        return _by_tifffile(page)
    except Exception as error:
        lacking = ("imagecodecs", "not supported")  # what releases of tifffile say
        if not isinstance(error, ImportError) and not any(
            words in str(error) for words in lacking
        ):
            raise
        return _by_pillow(page, path, plain=True)


def _by_tifffile(page: Any) -> np.ndarray:
    """Return one page, mapped from the file where that is possible."""
    if page.is_memmappable:
        dtype = page.dtype.newbyteorder(page.parent.byteorder)
        path = page.parent.filehandle.path
        array = np.memmap(path, dtype, "r", page.dataoffsets[0], page.shape)
    else:
        array = page.asarray()
    turned = {"YX": (0, 1), "YXS": (0, 1, 2), "SYX": (1, 2, 0)}.get(page.axes)
    if turned is None:
        raise ValueError(f"axes {page.axes}: expected rows, columns and bands")
    array = array.transpose(turned)
    return array if array.ndim == 3 else array[..., None]


def _by_pillow(page: Any, path: Path, plain: bool = False) -> np.ndarray:
    """Return one page as Pillow reads it; of a `plain` one, only if these are its own numbers."""
    from PIL import Image, UnidentifiedImageError

    def opened() -> Image.Image:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # harmless, or an error soon
                image = Image.open(path, formats=["TIFF"])
                image.seek(page.index)
            check_bands(image)
        except (ValueError, UnidentifiedImageError) as error:
            raise _needs_imagecodecs(page, path) from error
        return image

    with opened() as image:
        deep = None if image.mode.startswith("I") else deep_values(image, opened)
        kept = plain or image.mode in ("1", "L", "LA", "RGB", "RGBA", "F", "I", "I;16", "I;16B")
        values = np.asarray(image if kept else image.convert("RGB")) if deep is None else deep
        values = values.astype(page.dtype) if image.mode.startswith("I") else values
    values = values if values.ndim == 3 else values[..., None]
    if plain and (values.shape[2], values.dtype) != (page.samplesperpixel, page.dtype):
        raise _needs_imagecodecs(page, path)
    return values


def _needs_imagecodecs(page: Any, path: Path) -> ImportError:
    return ImportError(
        f"{path}: {page.samplesperpixel} bands of {page.dtype}, compressed by "
        f"{page.compression.name}, need another package: pip install imagecodecs, or save it "
        "uncompressed or deflated"
    )


def _geography(page: Any) -> dict[str, Any]:
    """Return the tags that a GeoTIFF with the same frame needs: code, type, count and value."""
    tags = [page.tags[code] for code in GEO_TAGS if code in page.tags]
    return (
        {"geotiff": [[t.code, int(t.dtype), t.count, plain(t.value)] for t in tags]}
        if tags
        else {}
    )
