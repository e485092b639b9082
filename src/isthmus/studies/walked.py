"""Walks through the codes of every model: one number changed at a time, and morphs."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from isthmus.latent.codes import codes_of
from isthmus.studies.pictures import SHEET_WIDTH, STRIP_WIDTH, Pictures, some
from isthmus.verbs.morph import morph
from isthmus.verbs.traverse import ordered, traverse

if TYPE_CHECKING:
    from isthmus.base import Representation
    from isthmus.data.images import Images
    from isthmus.studies.outcome import Study

ROWS = 8
"""Latent dimensions whose traversals are drawn: those that matter most."""
MORPHS = 2
"""Pairs of held-out images that are morphed into each other."""
ENCODED = 400
"""Held-out images that show how far every latent dimension goes."""


def shown(study: Study, pictures: Pictures) -> dict[str, Any]:
    """Return traversals and morphs of every model whose codes are vectors that it can decode."""
    held = some(study.images.test, ENCODED)
    able = {name: model for name, model in study.models.items() if _walks(model)}
    if not able or len(held) < 2:
        return {"traversals": [], "morphs": [], "unable": [], "lead": ""}
    lead = (
        f"From one held-out image, every row changes one number of its code from the least to the "
        f"greatest it takes on held-out images; the {ROWS} numbers that matter most are shown."
    )
    return {
        "lead": lead,
        "traversals": list(
            pictures.each(
                "walk",
                {name: partial(_traversal, name, able[name], held, pictures) for name in able},
            ).values()
        ),
        "morphs": _morphs(able, held, pictures),
        "unable": [name for name in study.models if name not in able],
    }


def _walks(model: Representation) -> bool:
    return model.can("decode") and model.has_vectors


def _traversal(
    name: str, model: Representation, held: Images, pictures: Pictures
) -> dict[str, Any]:
    codes = codes_of(model, held)
    dims = ordered(model, codes)[:ROWS]
    steps = min(9, pictures.columns(SHEET_WIDTH))
    images = traverse(model, codes[len(codes) // 2], dims, steps, among=held)
    flat = images.reshape(-1, *images.shape[2:])
    what = "variance" if model.kl_ is None else "KL divergence"
    how = f"Numbers {', '.join(map(str, dims))} of {codes.shape[1]}, ordered by {what}."
    picture = pictures.embed(pictures.draw(flat, steps))
    return {"name": name, "how": how, **picture}


def _morphs(able: dict[str, Any], held: Images, pictures: Pictures) -> list[dict[str, Any]]:
    steps = max(3, min(9, pictures.columns(STRIP_WIDTH) // MORPHS - 1))
    pairs = [_pair(held, i) for i in range(min(MORPHS, len(held) // 2))]
    ends = np.concatenate([_laid_out(a, b, steps) for a, b in pairs])
    rows = [{"name": "Originals", "note": "first and last", **_row(ends, steps, pictures)}]
    draw = {
        name: partial(_morph_row, name, model, pairs, steps, pictures)
        for name, model in able.items()
    }
    return [*rows, *pictures.each("morph", draw).values()]


def _morph_row(
    name: str, model: Representation, pairs: list[Any], steps: int, pictures: Pictures
) -> dict[str, Any]:
    images = np.concatenate([_gap(morph(model, a, b, steps)) for a, b in pairs])
    return {"name": name, "note": "", **_row(images, steps, pictures)}


def _pair(held: Images, i: int) -> tuple[np.ndarray, np.ndarray]:
    """Return two images, of different classes where these are known."""
    a = i * len(held) // MORPHS
    others = np.arange(len(held))
    if held.y is not None and (held.y != held.y[a]).any():
        others = others[held.y != held.y[a]]
    b = int(others[(i + 1) * len(others) // (MORPHS + 1)])
    return np.asarray(held[a])[0], np.asarray(held[b])[0]


def _laid_out(a: np.ndarray, b: np.ndarray, steps: int) -> np.ndarray:
    row = np.full((steps + 1, *a.shape), np.nan, dtype=np.float32)
    scale = 255 if a.dtype == np.uint8 else 1
    row[0], row[steps - 1] = a / scale, b / scale
    return row


def _gap(images: np.ndarray) -> np.ndarray:
    """Return the images and one that is left blank, before the next pair begins."""
    return np.concatenate([images, np.full_like(images[:1], np.nan)])


def _row(images: np.ndarray, steps: int, pictures: Pictures) -> dict[str, Any]:
    return pictures.embed(pictures.draw(images[:-1], len(images) - 1))
