"""The commands `export` and `explore`."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from isthmus.cli.inputs import in_half, warn_of_seen, watched
from isthmus.cli.options import AsJson, Force, ModelFile, Out, Split
from isthmus.cli.output import changed_in, print_changed, print_json, print_skipped, say

HERE = ("127.0.0.1", "localhost", "::1")
"""Addresses that nobody else can reach."""


def export(
    model: ModelFile,
    output: Out,
    part: Annotated[str, typer.Option(help="decode, encode or predict.")] = "decode",
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Write the decoder of a model, or its encoder, as an ONNX file."""
    from isthmus.explorer.explore import export as run
    from isthmus.explorer.onnx import ends
    from isthmus.store import load_model

    loaded = load_model(model)
    say(run(loaded, output, part=part, force=force), {"maps": ends(loaded, part)}, as_json)


def explore(
    given: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL... SOURCE",
            help="Models and the images to show, or the folder of a study.",
        ),
    ],
    to: Annotated[
        Path | None,
        typer.Option("--export", help="Write a folder for any file server instead."),
    ] = None,
    models: Annotated[
        str | None,
        typer.Option(help="Which models of a study, as pca,vae.", show_default="all"),
    ] = None,
    layout: Annotated[
        str | None,
        typer.Option(help="Further layouts, which take minutes: tsne, umap.", show_default="none"),
    ] = None,
    split: Split = "all",
    count: Annotated[
        int | None,
        typer.Option("--count", "-n", help="At most so many, evenly spaced.", show_default="all"),
    ] = None,
    host: Annotated[str, typer.Option(help="Address to serve at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to serve at; 0 is any free one.")] = 0,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the page in the browser.")
    ] = True,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Walk through codes by hand in the browser: a map, sliders, morphs, drawing, comparison."""
    from isthmus.explorer.explore import check
    from isthmus.explorer.opened import opened

    check(count, port, to, force=force)  # before any work is done
    found = opened(*_words(given), words_of(models))
    images = in_half(found.images, split)
    print_skipped(images)
    print_changed(images)
    if found.note:
        typer.echo(f"isthmus: {found.note}", err=True)
    warn_of_seen(list(found.models.values()), images, split)
    found = replace(found, images=images)
    options = {"layouts": words_of(layout) or (), "count": count, "verbose": watched(as_json)}
    if to is not None:
        _write(found, to, as_json, force=force, **options)
    else:
        _serve(found, browser, as_json, host=host, port=port, **options)


def _words(given: list[str]) -> tuple[Any, str | None]:
    """Return models, or the folder of a study, and a source of images."""
    from isthmus.studies.stored import is_study

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
    return given[:-1], given[-1]


def words_of(text: str | None) -> list[str] | None:
    """Return the words of "pca,vae".

    Examples
    --------
    >>> words_of("pca, vae")
    ['pca', 'vae']
    """
    return None if text is None else [word.strip() for word in text.split(",") if word.strip()]


def _write(found: Any, to: Path, as_json: bool, **options: Any) -> None:
    from isthmus.explorer.explore import export as run

    run(found, to, **options)
    size = sum(path.stat().st_size for path in to.rglob("*") if path.is_file())
    count = options["count"]
    shown = found.images if count is None else found.images.evenly(count)
    facts = {"images": len(shown), "models": list(found.models)}
    say(to, facts | {"MiB": round(size / 2**20, 1)}, as_json, shown)


def _serve(found: Any, browser: bool, as_json: bool, **options: Any) -> None:
    import webbrowser

    from isthmus.explorer.explore import explore as run

    explorer = run(found, open_browser=False, **options)
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
