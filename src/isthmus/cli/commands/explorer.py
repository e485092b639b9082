"""The commands `export` and `explore`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from isthmus.cli.inputs import in_half, warn_of_seen, watched
from isthmus.cli.options import AsJson, Force, ModelFile, Out, Split
from isthmus.cli.output import changed_in, print_changed, print_json, print_skipped, say
from isthmus.files import refuse_existing

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
    from isthmus.explorer.onnx import NAMES, code_shape, picture_shape
    from isthmus.explorer.onnx import export as run
    from isthmus.store import load_model

    refuse_existing(output, force=force)
    loaded = load_model(model)
    run(loaded, output, part)
    shapes = {"codes": code_shape(loaded), "images": picture_shape(loaded)}
    shapes["probabilities"] = (len(loaded.class_labels_ or ()),)
    ends = (f"{name} ({', '.join(map(str, ('m', *shapes[name])))})" for name in NAMES[part])
    say(output, {"maps": " to ".join(ends)}, as_json)


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
    from isthmus.explorer.folder import check_folder, page_files
    from isthmus.explorer.opened import opened
    from isthmus.explorer.view import View

    if count is not None and count < 1:
        raise ValueError(f"--count {count} must be at least 1")
    if not 0 <= port <= 65_535:
        raise ValueError(f"--port {port} must be from 0 to 65535")
    if to is not None:
        check_folder(to, force=force)
    page = page_files()  # before any work is done
    found = opened(given, words_of(models))
    print_skipped(found.images)
    print_changed(found.images)
    if found.note:
        typer.echo(f"isthmus: {found.note}", err=True)
    images = in_half(found.images, split)
    warn_of_seen(list(found.models.values()), images, split)
    view = View(
        found.models,
        images if count is None else images.evenly(count),
        title=found.title,
        layouts=words_of(layout) or (),
        scores=found.scores,
        live=to is None,
        show=watched(as_json),
    )
    if to is not None:
        _write(view, to, force, as_json)
    else:
        _serve(view, page, host, port, browser, as_json)


def words_of(text: str | None) -> list[str] | None:
    """Return the words of "pca,vae".

    Examples
    --------
    >>> words_of("pca, vae")
    ['pca', 'vae']
    """
    return None if text is None else [word.strip() for word in text.split(",") if word.strip()]


def _write(view: Any, to: Path, force: bool, as_json: bool) -> None:
    from isthmus.explorer.folder import write_folder

    write_folder(view, to, force=force, show=watched(as_json))
    size = sum(path.stat().st_size for path in to.rglob("*") if path.is_file())
    facts = {"images": len(view.images), "models": list(view.exhibits)}
    say(to, facts | {"MiB": round(size / 2**20, 1)}, as_json, view.images)


def _serve(
    view: Any, page: dict[str, Path], host: str, port: int, browser: bool, as_json: bool
) -> None:
    import secrets
    import webbrowser

    from isthmus.explorer.server import create_app, hosts_for, serve

    token = secrets.token_urlsafe(24)
    app = create_app(view, page, token, hosts_for(host))

    def ready(port: int) -> None:
        shown = f"[{host}]" if ":" in host else host
        url = f"http://{shown}:{port}/{token}/#token={token}"
        print_json({"url": url} | changed_in(view.images)) if as_json else typer.echo(
            f"{url}\nCtrl-C ends it"
        )
        if host not in HERE:
            typer.echo(
                "isthmus: others can reach this; only who has the address gets in", err=True
            )
        if browser:
            webbrowser.open(url)

    serve(app, host, port, ready)
