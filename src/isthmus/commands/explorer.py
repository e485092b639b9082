"""The commands `export` and `explore`."""

from __future__ import annotations

from typing import Annotated

import typer

from isthmus.files import refuse_existing
from isthmus.options import AsJson, Force, ModelFile, Out
from isthmus.terminal import say


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
    shapes["probabilities"] = (len(getattr(loaded, "classes_", ())),)
    ends = (f"{name} ({', '.join(map(str, ('m', *shapes[name])))})" for name in NAMES[part])
    say(output, {"maps": " to ".join(ends)}, as_json)
