"""The command `segment`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import typer

from isthmus.cli.inputs import in_half, in_sizes, watched
from isthmus.cli.options import AsJson, Force, ModelFile, Out, Source, Split
from isthmus.cli.output import changed_in, print_json
from isthmus.cli.pngs import stem_of, unused
from isthmus.files import refuse_existing, replacing_folder


def segment(
    model: ModelFile,
    source: Source,
    output: Out,
    split: Split = "all",
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Give every pixel a class or attributes: label maps, overlays and TIFF files in a folder.

    What lies on the earth stays there: the TIFF files of a GeoTIFF or ENVI raster keep its place.
    """
    from isthmus.heldout import judged
    from isthmus.progress import track
    from isthmus.store import load_model

    if output.suffix:
        raise ValueError(f"{output}: segment writes a folder, give a name without a suffix")
    refuse_existing(output, force=force)
    loaded = load_model(model)
    in_half(None, split)
    sets = in_sizes(loaded, source, split, per="image", own=True)
    count, facts = sum(map(len, sets)), list[dict[str, Any]]()
    stems: set[str] = set()
    rows = [(images, row) for images in sets for row in range(len(images))]
    with replacing_folder(output, force=force) as folder:
        for images, row in track(rows, "segmenting", count, watched(as_json)):
            stem = unused(_stem(images, row), stems)
            facts.append(_one(loaded, images[row : row + 1], stem, folder))
        summary = {"images": count} | _scored(facts) | changed_in(*sets)
        if "global accuracy" in summary:
            summary["measured"] = judged(loaded, *sets).words
        (folder / "segments.json").write_text(
            json.dumps(summary | {"each": facts}, indent=1), encoding="utf-8"
        )
    shown = {"folder": str(output)} | summary
    if as_json:
        print_json(shown)
        return
    for key, value in shown.items():
        typer.echo(f"{key:>16}  {value}")


def _stem(images: Any, row: int) -> str:
    """Return what the files about an image begin with."""
    if images.names is not None:
        return stem_of(str(images.names[row])).replace("/", "-").lstrip(".")
    source = Path(images.source).stem if len(images) == 1 else ""
    return source or f"{row:0{len(str(len(images) - 1))}d}"


def _one(model: Any, image: Any, stem: str, folder: Path) -> dict[str, Any]:
    """Write what there is to say about one image; return how large its classes are."""
    import numpy as np

    from isthmus.data.geotiff import write_tiff
    from isthmus.data.nodata import with_nan
    from isthmus.plots.overlays import draw_attributes, draw_segments
    from isthmus.verbs.segment import segment as run

    found, facts = run(model, image), dict[str, Any](image=stem)
    empty = image.without_data()
    first = image.meta.get("shown_bands", [])
    shown = with_nan(np.asarray(image), empty)[0]
    shown = shown[..., first] if len(first) == 3 else shown
    if found.attributes is not None:
        nothing = None if empty is None else "nan"
        write_tiff(folder / f"{stem}-attributes.tif", found.attributes[0], image.meta, nothing)
        picture = draw_attributes(shown, found.attributes[0], f"{stem}: {model.code_}")
        picture.save(folder / f"{stem}-attributes.png")
    if found.label_maps is not None:
        names = _names(model, image)
        kind: Any = np.uint8 if len(names) < 256 else np.uint16
        label_map = found.label_maps[0].astype(kind)  # what has no data becomes the highest
        nothing = None if empty is None else str(np.iinfo(kind).max)
        write_tiff(folder / f"{stem}-classes.tif", label_map, image.meta, nothing)
        draw_segments(shown, label_map, names, f"{stem}: image, classes over it, classes").save(
            folder / f"{stem}-classes.png"
        )
        facts |= _about(label_map, names, image, empty)
    if empty is not None:
        facts["without data"] = int(empty.sum())
    return facts


def _names(model: Any, image: Any) -> list[str]:
    n = getattr(model, "n_classes_", None) or len(model.codebook_)
    known = image.map_classes or getattr(model, "map_classes_", None)
    return list(known or [f"class {k}" for k in range(n)])


def _about(label_map: Any, names: list[str], image: Any, empty: Any) -> dict[str, Any]:
    """Return the share of every class, and how many pixels are right where the truth is known."""
    import numpy as np

    from isthmus.data.label_maps import without_class

    seen = np.ones(label_map.shape, dtype=bool) if empty is None else ~empty[0]
    counts = np.bincount(label_map[seen], minlength=len(names)) / max(1, int(seen.sum()))
    facts: dict[str, Any] = {"shares": dict(zip(names, counts.round(4).tolist(), strict=True))}
    if image.label_maps is not None:
        truth = image.label_maps[0]
        known = seen & ~without_class(truth, image.ignored_class)
        facts |= {"right": int((truth == label_map)[known].sum()), "known": int(known.sum())}
    return facts


def _scored(facts: list[dict[str, Any]]) -> dict[str, Any]:
    known = sum(fact.get("known", 0) for fact in facts)
    right = sum(fact.get("right", 0) for fact in facts)
    return {"global accuracy": round(right / known, 4)} if known else {}
