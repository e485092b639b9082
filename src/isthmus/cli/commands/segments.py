"""The command `segment`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import typer

from isthmus.cli.inputs import in_half, in_sizes, watched
from isthmus.cli.options import AsJson, Force, ModelFile, Out, Source, Split
from isthmus.cli.output import changed_in, print_json
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
    from isthmus.metrics.segmentation import agreement, summed
    from isthmus.plots.pngs import unused
    from isthmus.progress import track
    from isthmus.store import load_model
    from isthmus.verbs.segment import segment as run

    if output.suffix:
        raise ValueError(f"{output}: segment writes a folder, give a name without a suffix")
    refuse_existing(output, force=force)
    loaded = load_model(model)
    in_half(None, split)
    sets = in_sizes(loaded, source, split, per="image", own=True)
    count, facts, tables = sum(map(len, sets)), list[dict[str, Any]](), list[Any]()
    stems: set[str] = set()
    rows = [(images, row) for images in sets for row in range(len(images))]
    with replacing_folder(output, force=force) as folder:
        for images, row in track(rows, "segmenting", count, watched(as_json)):
            stem, found = unused(_stem(images, row), stems), run(loaded, images[row : row + 1])
            _save(found, stem, folder)
            facts.append(found.table()[0] | {"image": stem})
            tables.append(found.confusion)
        summary: dict[str, Any] = {"images": count}
        summary |= agreement(summed(tables), sets[0].ignored_class) | changed_in(*sets)
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
        typer.echo(f"{key:>16}  {round(value, 4) if isinstance(value, float) else value}")


def _stem(images: Any, row: int) -> str:
    """Return what the files about an image begin with."""
    from isthmus.plots.pngs import stem_of

    if images.names is not None:
        return stem_of(str(images.names[row])).replace("/", "-").lstrip(".")
    source = Path(images.source).stem if len(images) == 1 else ""
    return source or f"{row:0{len(str(len(images) - 1))}d}"


def _save(found: Any, stem: str, folder: Path) -> None:
    """Write what is said of one image."""
    import numpy as np

    from isthmus.data.geotiff import write_tiff
    from isthmus.data.nodata import with_nan
    from isthmus.plots.overlays import draw_attributes, draw_segments

    image = found.images
    empty = image.without_data()
    first = image.meta.get("shown_bands", [])
    shown = with_nan(np.asarray(image), empty)[0]
    shown = shown[..., first] if len(first) == 3 else shown
    if found.attributes is not None:
        nothing = None if empty is None else "nan"
        write_tiff(folder / f"{stem}-attributes.tif", found.attributes[0], image.meta, nothing)
        picture = draw_attributes(shown, found.attributes[0], f"{stem}: {found.model.code_}")
        picture.save(folder / f"{stem}-attributes.png")
    if found.label_maps is not None:
        kind: Any = np.uint8 if len(found.classes) < 256 else np.uint16
        label_map = found.label_maps[0].astype(kind)  # what has no data becomes the highest
        nothing = None if empty is None else str(np.iinfo(kind).max)
        write_tiff(folder / f"{stem}-classes.tif", label_map, image.meta, nothing)
        title = f"{stem}: image, classes over it, classes"
        draw_segments(shown, label_map, found.classes, title).save(folder / f"{stem}-classes.png")
