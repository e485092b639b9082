"""What notebooks and tables show of images: a strip of them, their classes, range and size."""

from __future__ import annotations

import io
from base64 import b64encode
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from isthmus.data.ranges import in_words, to_bytes

if TYPE_CHECKING:
    from isthmus.data.images import Images

STRIP, SIDE = 10, 64
"""Images in a strip, and pixels of the side of one in a notebook."""
LISTED = 12
"""Classes that are listed."""


def in_html(images: Images) -> str:
    """Return images as a notebook shows them."""
    facts = {
        "images": f"{len(images):,} of {'x'.join(map(str, images.shape[1:]))}, {images.dtype}",
        "range": in_words(images.value_range) if len(images) else "",
        "size": size_of(images),
        "classes": ", ".join(f"{name} {n:,}" for name, n in counts_of(images)[:LISTED]),
        "held out": "" if images.is_test is None else f"{int(images.is_test.sum()):,}",
        "read": "; ".join(each.words for each in images.decisions if each.by == "guess"),
    }
    rows = "".join(
        f"<tr><th style='text-align:left'>{name}</th><td style='text-align:left'>{escape(text)}"
        "</td></tr>"
        for name, text in facts.items()
        if text
    )
    head = f"<b>Images</b> {escape(images.source)}<br>{_strip(images)}"
    return f"<div>{head}<table>{rows}</table></div>"


def size_of(images: Images) -> str:
    """Return how many bytes images take, in words.

    Examples
    --------
    >>> from isthmus import Images
    >>> size_of(Images(np.zeros((100, 32, 32), np.uint8)))
    '100.0 KiB'
    """
    size = float(images.nbytes)
    for unit in ("B", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"


def counts_of(images: Images) -> list[tuple[str, int]]:
    """Return the classes that images have, and how many there are of each."""
    if images.y is None:
        return []
    found, counts = np.unique(images.y[images.y >= 0], return_counts=True)
    names = images.classes or {label: str(label) for label in found.tolist()}
    return [(names[k], n) for k, n in zip(found.tolist(), counts.tolist(), strict=True)]


def _strip(images: Images) -> str:
    """Return a few images as one picture, "" of what is none."""
    if images.ndim != 4 or not len(images) or images.shape[3] not in (1, 3):
        return ""
    some = to_bytes(np.asarray(images.evenly(STRIP)), images.value_range)
    row = np.concatenate(list(some), axis=1)
    height, width = row.shape[:2]
    png = b64encode(_png(row[..., 0] if row.shape[2] == 1 else row)).decode()
    zoomed = f"width:{round(width * SIDE / height)}px;height:{SIDE}px;image-rendering:pixelated"
    return f"<img alt='some of the images' style='{zoomed}' src='data:image/png;base64,{png}'>"


def _png(pixels: np.ndarray) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def as_columns(images: Images) -> dict[str, Any]:
    """Return what is known of every image, each a column of a table."""
    every = {**images.factors, **images.attributes}
    named = {name: values for name, values in every.items() if values.ndim == 1}
    return columns_of(images) | named


def columns_of(images: Images) -> dict[str, Any]:
    """Return the columns of names, labels, parts of the split and sizes, as far as known."""
    columns: dict[str, Any] = {}
    if images.names is not None:
        columns["name"] = list(map(str, images.names))
    if images.y is not None:
        named = images.classes or [str(label) for label in range(int(images.y.max(initial=0)) + 1)]
        labels = images.y.tolist()
        columns["label"] = [named[label] if label >= 0 else None for label in labels]
    if images.is_test is not None:
        columns["split"] = ["test" if each else "train" for each in images.is_test]
    if images.sizes is not None:
        columns["height"], columns["width"] = np.asarray(images.sizes).T
    return columns
