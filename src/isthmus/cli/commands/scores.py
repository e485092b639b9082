"""The commands that say what a model is good for: probe and cluster."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from isthmus.cli.inputs import model_and_images, watched
from isthmus.cli.options import AsJson, Force, ModelFile, Seed, Source, Split
from isthmus.cli.output import changed_in, print_json, print_table
from isthmus.files import replacing_folder, save_table


def probe(
    model: ModelFile,
    source: Source,
    labels: Annotated[
        int | None, typer.Option(help="Training labels to learn from.", show_default="5000")
    ] = None,
    curve: Annotated[
        bool, typer.Option("--curve", help="Also learn from 10, 30, 100, ... labels.")
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", help="A folder, or a chart: .png or .svg.", show_default=False
        ),
    ] = None,
    seed: Seed = 0,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Say how well k-NN, a linear classifier and an SVM read the labels off the codes."""
    from isthmus.plots.saving import save_figure
    from isthmus.verbs.probe import probe as run

    _check_name(output, (".png", ".svg"))
    loaded, images = model_and_images(model, source, output=output, force=force)
    found = run(loaded, images, labels, curve=curve, random_state=seed, verbose=watched(as_json))
    rows = found.rows()
    if output is not None and output.suffix:
        save_figure(output, found.chart())
    elif output is not None:
        with replacing_folder(output, force=force) as folder:
            save_table(folder / "probes.csv", rows)
            for suffix in (".png", ".svg"):
                save_figure(folder / f"probes{suffix}", found.chart())
    if as_json:
        settings = {kind: each.settings for kind, each in found.accuracies.items()}
        facts: dict[str, Any] = {"model": found.model, "source": found.source}
        facts |= {"settings": settings, "images": found.measured.count}
        facts |= {"measured": found.measured.words, "held_out": found.measured.held_out}
        facts |= {"probes": rows, "file": _name(output)}
        print_json(facts | changed_in(images))
        return
    typer.echo(f"{found.model}, {found.source}: {found.measured.words}")
    print_table([_in_percent(row) for row in rows])
    _say(output)


def _in_percent(row: dict[str, Any]) -> dict[str, Any]:
    shares = ("accuracy", "low", "high")
    return {key: f"{100 * value:.2f}" if key in shares else value for key, value in row.items()}


def cluster(
    model: ModelFile,
    source: Source,
    output: Annotated[Path, typer.Option("--out", "-o", help="Folder to write.")],
    method: Annotated[str, typer.Option(help="kmeans, gmm or hdbscan.")] = "kmeans",
    n_clusters: Annotated[
        int | None, typer.Option(help="How many clusters.", show_default="as many as classes")
    ] = None,
    on: Annotated[str, typer.Option(help="Seek them among the codes, or on a map.")] = "codes",
    min_size: Annotated[
        int | None, typer.Option(help="Smallest cluster of hdbscan.", show_default="1 %")
    ] = None,
    split: Split = "all",
    seed: Seed = 0,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Turn codes into clusters, and draw the middle and the edge of each."""
    from isthmus.verbs.cluster import cluster as run

    _check_name(output)
    loaded, images = model_and_images(model, source, split, output, force)
    given: dict[str, Any] = {"on": on, "min_size": min_size, "random_state": seed}
    found = run(loaded, images, method, n_clusters, **given, verbose=watched(as_json))
    with replacing_folder(output, force=force) as folder:
        _write_clusters(folder, found)
    if as_json:
        facts = {"method": method, "on": on, "measured": found.measured.words}
        print_json(facts | found.scores | {"folder": str(output)} | changed_in(images))
        return
    typer.echo(f"{images.source}: {found.measured.words}")
    for key, value in found.scores.items():
        typer.echo(f"{key:>11}  {value if isinstance(value, int) else format(value, '.4f')}")
    if not found.scores["clusters"]:
        typer.echo("no cluster was found, so none is drawn: try a smaller --min-size, or --on map")
    _say(output)


def _write_clusters(folder: Path, found: Any) -> None:
    import numpy as np

    np.save(folder / "labels.npy", found.labels)
    groups = found.groups
    values = zip(groups.labels.tolist(), groups.distance, groups.certainty, strict=True)
    save_table(
        folder / "clusters.csv",
        [
            {
                "name": name,
                "cluster": label,
                "distance": "" if label < 0 else f"{distance:.6g}",
                "certainty": f"{certainty:.4f}",
            }
            for name, (label, distance, certainty) in zip(
                _names(found.images), values, strict=True
            )
        ],
    )
    if found.scores["clusters"]:
        found.picture().save(folder / "clusters.png", optimize=True)
    if found.map is not None:
        found.map_picture().save(folder / "map.png", optimize=True)


def _names(images: Any) -> list[str]:
    """Return what every image is called: its file, or its row."""
    if images.names is None:
        return [str(row) for row in range(len(images))]
    return [str(name) for name in images.names]


def _check_name(output: Path | None, suffixes: tuple[str, ...] = ()) -> None:
    if output is not None and output.suffix and output.suffix not in suffixes:
        kinds = f" or a name ending in {' or '.join(suffixes)}" if suffixes else ""
        raise ValueError(f"--out {output}: expected a folder{kinds}")


def _name(output: Path | None) -> str | None:
    return None if output is None else str(output)


def _say(output: Path | None) -> None:
    if output is not None:
        typer.echo(f"wrote {output}")
