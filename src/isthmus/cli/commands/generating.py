"""The command `generate`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from isthmus.cli.inputs import images_for, watched
from isthmus.cli.options import AsJson, Force, ModelFile, Out, Seed
from isthmus.cli.output import save_images
from isthmus.files import refuse_existing


def generate(
    model: ModelFile,
    output: Out,
    count: Annotated[int, typer.Option("--count", "-n", help="How many images.")] = 16,
    sampler: Annotated[
        str | None,
        typer.Option(
            help="Draw codes from: prior, gaussian, mixture or flow.",
            show_default="prior, or mixture with --among",
        ),
    ] = None,
    among: Annotated[
        str | None, typer.Option(help="Images whose codes those drawn are to be like.")
    ] = None,
    temperature: Annotated[
        float, typer.Option(help="Below 1 codes keep to the middle of what is likely.")
    ] = 1.0,
    seed: Seed = 0,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Draw new images: a .npy file, a .png sheet or a folder of PNG files."""
    from isthmus.codes import range_for
    from isthmus.store import load_model
    from isthmus.verbs.generate import generate as run

    refuse_existing(output, force=force)
    loaded = load_model(model)
    sampler = sampler or ("prior" if among is None else "mixture")
    images = None if among is None else images_for(loaded, among)
    images = images if images is None else images.train
    options: dict[str, Any] = {"temperature": temperature, "random_state": seed}
    save_images(
        output,
        run(loaded, count, images, sampler, **options, verbose=watched(as_json)),
        force,
        as_json,
        ends=range_for(loaded, images),
    )
