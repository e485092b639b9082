"""The command `isthmus finetune`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from isthmus.cli.inputs import model_and_images, watched
from isthmus.cli.options import AsJson, Force, ModelFile, Out, Seed, Source
from isthmus.cli.output import changed_in, print_json
from isthmus.files import refuse_existing


def finetune(
    model: ModelFile,
    source: Source,
    output: Out,
    labels: Annotated[int, typer.Option(help="Training labels to learn from.")] = 100,
    frozen: Annotated[
        bool, typer.Option("--frozen", help="Train the head only, leave the encoder as it is.")
    ] = False,
    epochs: Annotated[
        int | None,
        typer.Option(help="Passes over the labels.", show_default="300 steps, 15 or more"),
    ] = None,
    max_seconds: Annotated[
        float | None, typer.Option(help="Time for all training.", show_default="none")
    ] = None,
    chart: Annotated[
        Path | None, typer.Option(help="Also draw a chart: .png or .svg.", show_default=False)
    ] = None,
    seed: Seed = 0,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Train a classifier from the encoder of a model and a few labels; save it."""
    from isthmus.plots.saving import check_chart, save_figure
    from isthmus.verbs.finetune import finetune as run

    if output.suffix != ".safetensors":
        raise ValueError(f"--out {output}: expected a name ending in .safetensors")
    if chart is not None:
        refuse_existing(chart, force=force)
        check_chart(chart)
    loaded, images = model_and_images(model, source, output=output, force=force)
    given: dict[str, Any] = {"frozen": frozen, "epochs": epochs, "random_state": seed}
    given["max_seconds"] = max_seconds
    made = run(loaded, images, labels, **given, verbose=watched(as_json))
    made.model.save(output)
    if chart is not None:
        save_figure(chart, made.chart())
    if as_json:
        facts: dict[str, Any] = {"model": str(output), "labels": labels}
        facts |= {"labels_seen_before": made.labels_seen, "measured": made.measured.words}
        facts |= {name: each._asdict() for name, each in made.accuracies().items()}
        print_json(facts | changed_in(images))
        return
    typer.echo(f"{made.tuned.n_labels:,} labels, counted {made.measured.words}")
    typer.echo(made.started_from)
    for name, each in made.accuracies().items():
        ends = f"95 % {100 * each.low:.2f} to {100 * each.high:.2f}"
        typer.echo(f"{name:>12}  {100 * each.accuracy:.2f} % ({ends})")
    typer.echo(f"wrote {output}" + ("" if chart is None else f" and {chart}"))
