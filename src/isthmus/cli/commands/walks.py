"""The commands `isthmus morph`, `edit` and `traverse`: walks through the codes of a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from isthmus.cli.inputs import check_kind, model_and_images, numbers_from
from isthmus.cli.options import AsJson, Force, ModelFile, Out, Seed, Source, Split
from isthmus.cli.output import save_ways, say
from isthmus.validation import able

if TYPE_CHECKING:
    import numpy as np

MOVING = (".png", ".gif", ".webp", ".npy")
KNOWN = 2000
"""Images whose codes say how far every number goes, evenly spaced over the source."""
ROWS, ROWS_A_CLASS = 8, 2
"""Numbers of a code that are shown unless others are asked for."""

Steps = Annotated[int, typer.Option(help="Images in a row, or from one image to the next.")]


def traverse(
    model: ModelFile,
    source: Source,
    output: Out,
    start: Annotated[
        str, typer.Option(help="The number of an image; random; or classes, one image of each.")
    ] = "0",
    dims: Annotated[
        str | None,
        typer.Option(help="Which numbers of the code: 0,3,5.", show_default="the most useful"),
    ] = None,
    count: Annotated[
        int | None,
        typer.Option("--count", "-n", help="How many of them.", show_default="8; of classes 2"),
    ] = None,
    steps: Steps = 9,
    split: Split = "all",
    seed: Seed = 0,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Change one number of a code at a time, a row a number: .png, .gif, .webp or .npy."""
    check_kind(output, MOVING)
    if steps < 2:
        raise ValueError(f"--steps {steps} must be at least 2: the lowest and the highest value")
    chosen = None if dims is None else numbers_from(dims, "--dims", int)
    loaded, images = model_and_images(model, source, split, output, force)
    able(loaded, "decode")
    walk = _prototypes if loaded.code_kind_ == "index" else _numbers
    starts = _starts(images, start)
    most = count or (ROWS_A_CLASS if len(starts) > 1 else ROWS)
    rows, facts = walk(loaded, images, starts, chosen, most, steps, seed)
    is_index = walk is _prototypes
    title = f"Around {_called(starts)}: " + (
        "prototypes beside its own"
        if is_index
        else "one number of the code changes, the rest stay"
    )
    heads = [] if is_index else ["lowest", *[""] * (steps - 2), "highest"]
    save_ways(output, rows, title, images, heads=heads)
    shape = [len(rows), *next(iter(rows.values())).shape]
    say(output, {"start": start, **facts, "shape": shape}, as_json, images)


def _called(starts: dict[str, Any]) -> str:
    name, _, label = next(iter(starts)).partition("\n")
    if len(starts) > 1:
        return "one image of each class"
    return f"{name} ({label})" if label else name


def _starts(images: Any, start: str) -> dict[str, int | None]:
    """Return which images to start from by their names; None stands for a random code."""
    import numpy as np

    from isthmus.verbs.result import caption_of, class_of

    if start == "random":
        return {"a random code": None}
    if start == "classes":
        if images.y is None:
            raise ValueError(f"--start classes: {images.source} has no labels; give a number")
        labels, rows = np.unique(images.y, return_index=True)
        rows = rows[labels >= 0].tolist()
        return {class_of(images, row): row for row in rows}
    if not start.isdigit() or int(start) >= len(images):
        raise ValueError(
            f"--start {start!r} must be random, classes, or the number of an image, 0 to "
            f"{len(images) - 1}"
        )
    return {caption_of(images, int(start)): int(start)}


def _numbers(
    model: Any, images: Any, starts: dict, dims: Any, most: int, steps: int, seed: int
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return rows for numbers of the code, from every start, and how useful these numbers are."""
    import numpy as np

    from isthmus.codes import codes_of
    from isthmus.verbs.traverse import ordered, traverse

    codes = codes_of(model, images.evenly(KNOWN))
    dims = dims or ordered(model, codes)[:most]
    if max(dims) >= codes.shape[1] or min(dims) < 0:
        raise ValueError(f"--dims: {dims} must be some of 0 to {codes.shape[1] - 1}")
    use = getattr(model, "kl_", None)
    what, use = ("variance", codes.var(0)) if use is None else ("KL", np.asarray(use))
    low, high = np.percentile(codes, [1, 99], axis=0)
    values = np.linspace(low, high, steps).T[dims]
    rows = {}
    walks = [
        traverse(model, _code(model, images, row, codes, seed), dims, values=values)
        for row in starts.values()
    ]
    for i, dim in enumerate(dims):
        for name, walk in zip(starts, walks, strict=True):
            note = f"from {name}" if len(starts) > 1 else f"{what} {use[dim]:.2g}"
            rows[f"number {dim}\n{note}"] = walk[i]
    return rows, {"dims": dims, what: [round(float(use[dim]), 4) for dim in dims]}


def _code(model: Any, images: Any, row: int | None, codes: np.ndarray, seed: int) -> np.ndarray:
    from isthmus.codes import codes_of
    from isthmus.verbs.traverse import random_code

    return random_code(codes, seed) if row is None else codes_of(model, images[row])[0]


def _prototypes(
    model: Any, images: Any, starts: dict, dims: Any, most: int, steps: int, seed: int
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return rows of prototypes around that of every start."""
    import numpy as np

    from isthmus.verbs.traverse import neighbors, traverse

    on_grid = model.can("locate")
    names = ("down the rows", "along the columns") if on_grid else ("nearest centroids",)
    dims = list(range(len(names))) if dims is None else dims
    rows, found = {}, {}
    for name, row in starts.items():
        drawn = int(np.random.default_rng(seed).integers(model.code_width_))
        unit = drawn if row is None else int(model.encode(images[row])[0])
        for dim, way in zip(dims, traverse(model, unit, dims, steps), strict=True):
            key = f"{names[dim]}\nfrom {name}" if len(starts) > 1 else names[dim]
            rows[key] = way
            found[key.replace("\n", ", ")] = neighbors(model, unit, steps)[dim].tolist()
    return rows, {"prototypes": found}
