"""The commands `export` and `explore`, by hand: they take models and images, or a study.

The last of several words is the images; no signature says so. What there is to choose has the
names that it has in Python, which a test holds.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from isthmus.cli.inputs import (
    in_half,
    in_options,
    loading,
    parted,
    rows_from,
    warn_of_seen,
    watched,
)
from isthmus.cli.options import (
    AsJson,
    Color,
    Columns,
    Force,
    LabelTable,
    Out,
    Resize,
    RowsAsked,
    Size,
    Split,
    seconds_of,
)
from isthmus.cli.output import changed_in, print_changed, print_json, print_skipped, say
from isthmus.cli.parameters import words_from

HERE = ("127.0.0.1", "localhost", "::1")
"""Addresses that nobody else can reach."""


Shown = Annotated[
    list[str],
    typer.Argument(
        metavar="MODEL... SOURCE",
        help="Models and the images to show, or the folder of a study.",
    ),
]
Names = Annotated[
    str | None,
    typer.Option("--models", help="Which models of a study, as pca,vae.", show_default="all"),
]
Layouts = Annotated[
    str | None,
    typer.Option(
        "--maps",
        help="Further maps of the codes, which take minutes: tsne, umap.",
        show_default="none",
    ),
]
Count = Annotated[
    int | None,
    typer.Option("--count", "-n", help="Up to this many, evenly spaced.", show_default="all"),
]
Within = Annotated[
    str | None,
    typer.Option("--budget", help="Time for --maps, as 90s, 5m or 1h; what is done then is kept."),
]


@dataclass
class Chosen:
    """Which of the images are shown, and how they are read."""

    split: str
    rows: str | None
    asked: dict[str, Any]

    def of(self, images: Any) -> Any:
        """Return those of the images."""
        half = in_half(images, self.split)
        return half if self.rows is None else half.with_split()[rows_from(self.rows, half)]

    def refuse_loading(self, study: str) -> None:
        """Refuse to read the images of a study otherwise than they were."""
        if any(value not in (None, "auto") for value in self.asked.values()):
            options = ", ".join(f"--{name}" for name in self.asked)
            raise ValueError(
                f"{options} are for a SOURCE: the images of {study} are shown "
                "as the study read them"
            )


def export(
    models: Shown,
    path: Out,
    part: Annotated[str, typer.Option(help="Of an ONNX file: decode, encode or predict.")] = (
        "decode"
    ),
    names: Names = None,
    layouts: Layouts = None,
    split: Split = "all",
    rows: RowsAsked = None,
    size: Size = None,
    resize: Resize = None,
    color: Color = "auto",
    labels: LabelTable = None,
    columns: Columns = None,
    count: Count = None,
    budget: Within = None,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Write a model as an ONNX file (.onnx), or the explorer as a folder for any file server."""
    from isthmus.studies.folders import is_study

    asked = {"resize": resize, "color": color, "labels": labels, "columns": columns}
    chosen = Chosen(split, rows, loading(size, **asked))
    if path.suffix == ".onnx" or (len(models) == 1 and not is_study(models[0])):
        _write_onnx(models, path, part, force, as_json)
    else:
        given, options = _opened(models, names, layouts, chosen, count, path, force)
        _write(given, options | _within(budget), path, as_json, force=force)


def _write_onnx(models: list[str], path: Path, part: str, force: bool, as_json: bool) -> None:
    from isthmus.explorer.explore import export as run
    from isthmus.explorer.onnx import ends
    from isthmus.fitted.store import load_model

    if len(models) > 1:
        raise ValueError(f"{path}: an ONNX file is of one model, got {' '.join(models)}")
    loaded = load_model(models[0])
    say(run(loaded, path, part=part, force=force), {"maps": ends(loaded, part)}, as_json)


def explore(
    models: Shown,
    path: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Write a folder for any file server instead."),
    ] = None,
    names: Names = None,
    layouts: Layouts = None,
    split: Split = "all",
    rows: RowsAsked = None,
    size: Size = None,
    resize: Resize = None,
    color: Color = "auto",
    labels: LabelTable = None,
    columns: Columns = None,
    count: Count = None,
    budget: Within = None,
    host: Annotated[str, typer.Option(help="Address to serve at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to serve at; 0 is any free one.")] = 0,
    open_browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the page in the browser.")
    ] = True,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Walk through codes by hand in the browser: a map, sliders, morphs, drawing, comparison."""
    asked = {"resize": resize, "color": color, "labels": labels, "columns": columns}
    chosen = Chosen(split, rows, loading(size, **asked))
    found, options = _opened(models, names, layouts, chosen, count, path, force, port)
    options |= _within(budget)
    if path is not None:
        _write(found, options, path, as_json, force=force)
    else:
        _serve(found, open_browser, as_json, host=host, port=port, **options)


def _opened(
    models: list[str],
    names: str | None,
    layouts: str | None,
    chosen: Chosen,
    count: int | None,
    path: Path | None,
    force: bool,
    port: int = 0,
) -> tuple[Any, dict[str, Any]]:
    """Return what is to be shown, checked and said, and the options it is shown with."""
    from isthmus.explorer.explore import check
    from isthmus.explorer.inputs import inputs_of

    check(count, port, path, force=force)  # before any work is done
    given = _words(models)
    if given[1] is None:
        chosen.refuse_loading(models[0])
    try:
        wanted = None if names is None else words_from(names)
        found = inputs_of(*given, wanted, **chosen.asked)
    except ValueError as error:
        raise ValueError(in_options(str(error), {n: f"--{n}" for n in chosen.asked})) from error
    images = chosen.of(found.images)
    print_skipped(images)
    print_changed(images)
    if found.note:
        typer.echo(f"isthmus: {found.note}", err=True)
    warn_of_seen(list(found.models.values()), images, chosen.split)
    return replace(found, images=images), {"layouts": words_from(layouts or ""), "count": count}


def _within(budget: str | None) -> dict[str, float]:
    return {} if budget is None else {"budget": seconds_of(budget, "--budget")}


def _words(given: list[str]) -> tuple[Any, str | list[str] | None]:
    """Return models, or the folder of a study, and a source of images.

    Examples
    --------
    >>> _words(["pca.safetensors", "vae.safetensors", "a.png", "b.png"])
    (['pca.safetensors', 'vae.safetensors'], ['a.png', 'b.png'])
    """
    from isthmus.studies.folders import is_study

    if is_study(given[0]):
        if len(given) > 2:
            raise ValueError(
                f"expected STUDY_FOLDER or STUDY_FOLDER SOURCE, got {' '.join(given)}"
            )
        return given[0], given[1] if len(given) == 2 else None
    if len(given) < 2:
        raise ValueError(
            f"{given[0]} is not the folder of a study: give MODEL... SOURCE, as in `isthmus "
            "explore pca.safetensors mnist`, or a folder that `isthmus study` wrote"
        )
    return parted(given)


def _write(found: Any, options: dict[str, Any], to: Path, as_json: bool, *, force: bool) -> None:
    from isthmus.explorer.explore import export as run

    run(found, to, **options, force=force, verbose=watched())
    size = sum(path.stat().st_size for path in to.rglob("*") if path.is_file())
    count = options["count"]
    shown = found.images if count is None else found.images.evenly(count)
    facts = {"images": len(shown), "models": list(found.models)}
    say(to, facts | {"MiB": round(size / 2**20, 1)}, as_json, shown)


def _serve(found: Any, browser: bool, as_json: bool, **options: Any) -> None:
    import webbrowser

    from isthmus.explorer.explore import explore as run

    explorer = run(found, open_browser=False, verbose=watched(), **options)
    with explorer, contextlib.suppress(KeyboardInterrupt):  # Ctrl-C is how it is ended
        if as_json:
            print_json({"url": explorer.url} | changed_in(explorer.images))
        else:
            typer.echo(f"{explorer.url}\nCtrl-C ends it")
        if options["host"] not in HERE:
            typer.echo(
                "isthmus: others can reach this; only who has the address gets in", err=True
            )
        if browser:
            webbrowser.open(explorer.url)
        explorer.wait()
