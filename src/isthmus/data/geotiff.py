"""TIFF files of planes: label maps and attributes, lying on the earth where their raster does."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np

from isthmus.data.arrays import library
from isthmus.data.nodata import NO_DATA_TAG

Tag = tuple[int, int, int, Any]

DOUBLE, SHORT, ASCII = 12, 3, 2
"""Types of TIFF tags."""


def write_tiff(
    path: str | Path,
    planes: np.ndarray,
    meta: dict[str, Any] | None = None,
    no_data: str | None = None,
) -> None:
    """Write planes (h, w) or (h, w, k) to a TIFF file, with the place that `meta` says.

    Parameters
    ----------
    path : str or Path
        The file.
    planes : ndarray
        Whole numbers or floats.
    meta : dict, optional
        ``Images.meta`` of the raster: the tags of a GeoTIFF, or the "map info" of ENVI on WGS-84,
        in UTM or in degrees.
    no_data : str, optional
        Which value stands for nothing, as the file is to say it.

    Raises
    ------
    ImportError
        If tifffile is not installed.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "classes.tif"
    >>> write_tiff(path, np.zeros((4, 5), dtype=np.uint8))
    >>> path.stat().st_size < 1000
    True
    """
    with library("tifffile", Path(path)):
        import tifffile
    tags = [(*tag, True) for tag in place_of(meta or {})]
    if no_data is not None:
        tags.append((NO_DATA_TAG, ASCII, len(no_data) + 1, no_data, True))
    options: dict[str, Any] = {"extratags": tags} if tags else {}
    if planes.ndim == 3:
        options["planarconfig"] = "contig"
    tifffile.imwrite(
        path, planes, photometric="minisblack", compression="zlib", metadata=None, **options
    )


def place_of(meta: dict[str, Any]) -> list[Tag]:
    """Return the TIFF tags (code, type, count, value) that say where a raster lies.

    What stands for nothing in the raster is left out: it has no meaning among classes.

    Examples
    --------
    >>> place_of({"map_info": "UTM, 1, 1, 600000, 4100000, 30, 30, 33, North, WGS-84"})[0]
    (33550, 12, 3, (30.0, 30.0, 0.0))
    """
    if "geotiff" in meta:
        return [tuple(tag) for tag in meta["geotiff"] if tag[0] != NO_DATA_TAG]
    info = [part.strip() for part in str(meta.get("map_info", "")).split(",")]
    try:
        return _of_map_info(info)
    except (ValueError, IndexError, struct.error):
        return []


def _of_map_info(info: list[str]) -> list[Tag]:
    """Return the tags of ENVI's "map info": projection, a pixel, its place, and its size."""
    kind = info[0].lower()
    column, row, x, y, width, height = map(float, info[1:7])
    wgs84 = any("wgs" in part.lower() and "84" in part for part in info[7:])
    if kind == "utm" and wgs84:
        zone, south = int(info[7]), info[8].lower().startswith("s")
        model, code = (1, (3072, (32700 if south else 32600) + zone))
    elif kind.startswith("geographic") and wgs84:
        model, code = 2, (2048, 4326)
    else:
        raise ValueError("another projection")
    keys = [1, 1, 0, 3, 1024, 0, 1, model, 1025, 0, 1, 1, code[0], 0, 1, code[1]]
    tie = (column - 1, row - 1, 0.0, x, y, 0.0)  # ENVI counts from 1, at the pixel's corner
    return [
        (33550, DOUBLE, 3, (width, height, 0.0)),
        (33922, DOUBLE, 6, tie),
        (34735, SHORT, len(keys), tuple(keys)),
    ]
