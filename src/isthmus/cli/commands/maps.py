"""The command `isthmus map`: where codes lie."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from isthmus.cli.inputs import check_kind, images_for, model_and_images, watched
from isthmus.cli.options import AsJson, Force, ModelFile, Out, Seed, Source, Split
from isthmus.cli.output import say
from isthmus.files import refuse_existing, replacing

Count = Annotated[int, typer.Option("--count", "-n", help="At most so many, evenly spaced.")]


def map(
    model: ModelFile,
    source: Source,
    output: Out,
    method: Annotated[str, typer.Option(help="auto, pca, tsne, umap or grid.")] = "auto",
    dimensions: Annotated[int, typer.Option(help="2 or 3.")] = 2,
    color: Annotated[
        str | None,
        typer.Option(help="label, or a known factor.", show_default="label, if there are any"),
    ] = None,
    place: Annotated[
        str | None, typer.Option(help="New images to place on the map.", show_default=False)
    ] = None,
    on: Annotated[
        Path | None,
        typer.Option(help="A map saved by --data: place SOURCE on it.", show_default=False),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            help=".npz: the map, for --on; .parquet: places of the images drawn.",
            show_default=False,
        ),
    ] = None,
    count: Count = 2000,
    split: Split = "all",
    seed: Seed = 0,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Lay images out by their codes, and place new ones on the map: .png, and .npz or .parquet."""
    from isthmus.plots.saving import save_picture

    _check_map(output, data, place, on, force)
    loaded, images = model_and_images(model, source, split)
    images = images.evenly(count)
    found = _laid_out(loaded, images, on, method, dimensions, seed, as_json)
    shown, points = images, found.points
    if place is not None:
        shown = images_for(loaded, place).evenly(count)
    if place is not None or on is not None:
        points = found.place(loaded, shown)
    behind = None if points is found.points else found
    picture = _map_picture(points, shown, behind, color, images, found.method)
    with replacing(output) as temporary:
        save_picture(temporary, picture, photo=shown.shape[3:] == (3,))
    if data is not None:
        _save_data(data, found, points, shown)
    facts = {"method": found.method, "shape": points.shape, "data": data and str(data)}
    say(
        output,
        {key: value for key, value in facts.items() if value is not None},
        as_json,
        images,
        shown,
    )


def _check_map(
    output: Path, data: Path | None, place: str | None, on: Path | None, force: bool
) -> None:
    check_kind(output, (".png",))
    refuse_existing(output, force=force)
    if data is not None:
        check_kind(data, (".npz", ".parquet"))
        refuse_existing(data, force=force)
    if place is not None and on is not None:
        raise ValueError("--place and --on: give one; with --on it is SOURCE that is placed")
    if on is not None and data is not None and data.suffix == ".npz":
        raise ValueError(f"--data {data}: with --on the map is there already; use .parquet")


def _laid_out(
    model: Any, images: Any, on: Path | None, method: str, dimensions: int, seed: int, quiet: bool
) -> Any:
    from isthmus.verbs.map import Map

    if on is not None:
        return Map.load(on)
    return Map.of(model, images, method, dimensions, seed, watched(quiet))


def _map_picture(
    points: Any, shown: Any, behind: Any, color: str | None, laid_out: Any, method: str
) -> Any:
    """Return the map: images where they lie, those it was laid out by as dots if others came."""
    from isthmus.plots.figures import limits_of, on_background
    from isthmus.plots.maps import draw, draw_space
    from isthmus.plots.strips import PAPER, titled

    inks, ours, theirs = _colours(shown, behind, laid_out, color)
    options = {"colours": ours, "limits": limits_of(shown)}
    if behind is not None:
        options |= {"behind": behind.points, "behind_colours": theirs}
    picture = (draw if points.shape[1] == 2 else draw_space)(points, shown, **options)
    names = {"tsne": "t-SNE", "umap": "UMAP", "pca": "principal components"}
    names |= {"as is": "the numbers of the code themselves", "grid": "the grid of the map"}
    what = f"{len(shown):,} images of {shown.source} by their codes: {names[method]}"
    if behind is not None:
        what = f"{len(shown):,} images of {shown.source}, placed on a map of "
        what += f"{len(behind.points):,} (pale dots)"
    page = titled(on_background(picture, PAPER), what)
    return page if inks is None else inks.add_to(page)


def _colours(shown: Any, behind: Any, laid_out: Any, color: str | None) -> tuple[Any, Any, Any]:
    """Return the legend, and colours of the images shown and of those behind them."""
    from isthmus.plots.legends import Colours

    by = color or ("label" if shown.y is not None else None)
    if by is None:
        return None, None, None
    values = _values(shown, by)
    if by == "label":
        classes = shown.classes or [str(label) for label in range(int(values.max()) + 1)]
        inks = Colours.of("label", values, classes)
        known = None if behind is None else behind.y
    else:
        inks = Colours.of(by, values)
        known = laid_out.factors.get(by) if behind is not None and laid_out is not shown else None
    theirs = None if known is None else inks.pick(known)
    return inks, inks.pick(values), theirs


def _values(images: Any, by: str) -> Any:
    from isthmus.validation import hint

    known = dict(images.factors) | ({} if images.y is None else {"label": images.y})
    if by not in known:
        listed = ", ".join(sorted(known)) or "nothing"
        raise ValueError(f"--color {by!r}: of {images.source} is known: {listed}{hint(by, known)}")
    return known[by]


def _save_data(path: Path, found: Any, points: Any, shown: Any) -> None:
    from isthmus.verbs.result import class_of

    if path.suffix == ".npz":
        found.save(path)
        return
    from isthmus.data.parquet import write_columns

    columns = dict(zip("xyz", points.T, strict=False))
    columns |= {} if shown.names is None else {"name": shown.names}
    if shown.y is not None:
        columns["label"] = shown.y
        columns["class"] = [class_of(shown, row) or None for row in range(len(shown))]
    columns |= {f"factor {name}": v for name, v in shown.factors.items() if v.ndim == 1}
    write_columns(path, columns)
