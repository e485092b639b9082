"""The commands `compress`, `decompress` and `rd`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from isthmus.cli.inputs import model_and_images, watched
from isthmus.cli.options import AsJson, Force, ModelFile, Out, Source, Split
from isthmus.cli.output import changed_in, print_json
from isthmus.files import refuse_existing, replacing, replacing_folder

Compressed = Annotated[Path, typer.Argument(help="A file written by `isthmus compress`.")]


def compress(
    model: ModelFile,
    source: Source,
    output: Out,
    quality: Annotated[
        float | None,
        typer.Option(help="PSNR to reach, in dB.", show_default="5 % more error than unrounded"),
    ] = None,
    rate: Annotated[
        float | None, typer.Option(help="Bytes an image, instead.", show_default=False)
    ] = None,
    lossless: Annotated[
        bool, typer.Option("--lossless", help="Keep every pixel of uint8 images.")
    ] = False,
    embed: Annotated[
        bool, typer.Option("--embed", help="Put the model into the file as well.")
    ] = False,
    split: Split = "all",
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Compress images to a small file of codes (.isth)."""
    from isthmus.codec.compress import compress as run

    loaded, images = model_and_images(model, source, split, output, force, quiet=lossless)
    options: dict[str, Any] = {
        "quality": quality,
        "rate": rate,
        "lossless": lossless,
        "embed": embed,
    }
    found = run(loaded, images, output, **options, found_at=str(model), verbose=watched(as_json))
    facts = {
        "file": str(output),
        "images": found.count,
        "bytes": found.nbytes,
        "bytes an image": round(found.bytes_per_image, 3),
        "model's bytes": found.model_nbytes,
        "PSNR in dB": "lossless" if lossless else round(found.psnr, 3),
    }
    if as_json:
        facts = {key.replace(" ", "_").replace("'s", ""): v for key, v in facts.items()}
        print_json(facts | changed_in(images))
        return
    if found.note:
        facts["note"] = found.note
    for key, value in facts.items():
        typer.echo(f"{key:>14}  {value}")


def decompress(
    file: Compressed,
    output: Out,
    model: Annotated[
        Path | None,
        typer.Option(help="The model it was compressed by.", show_default="where it was then"),
    ] = None,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Turn a compressed file back into images: a .npy file or a folder of PNG files."""
    from isthmus.codec.compress import Opened
    from isthmus.store import load_model

    refuse_existing(output, force=force)
    if output.suffix not in (".npy", ""):
        raise ValueError(f"{output}: expected a name ending in .npy, or a folder")
    opened = Opened.read(file, load_model(model) if model else None, search=True)
    write = _write_array if output.suffix else _write_folder
    note = write(opened, output, force, watched(as_json))
    facts = {"file": str(output), "shape": [opened.count, *opened.reader.shape]}
    if as_json:
        print_json(facts | ({"sizes": note} if note else {}))
        return
    typer.echo(f"wrote {output}: shape {facts['shape']}{note and ', '}{note}")


def _write_array(opened: Any, path: Path, force: bool, verbose: bool) -> str:
    """Write images to a .npy file, a part at a time."""
    import numpy as np

    start = 0
    with replacing(path) as temporary:
        shape, dtype = (opened.count, *opened.reader.shape), opened.dtype
        array = np.lib.format.open_memmap(temporary, "w+", dtype=dtype, shape=shape)
        for images, _ in opened.frames(verbose):
            array[start : start + len(images)] = images
            start += len(images)
        array.flush()
    return ""


def _write_folder(opened: Any, path: Path, force: bool, verbose: bool) -> str:
    """Write images to PNG files under the names they had; say what became of their sizes."""
    from isthmus.plots.pngs import PngFolder

    sizes, start = opened.sizes, 0
    with replacing_folder(path, force=force) as folder:
        pngs = PngFolder(folder, opened.count, opened.ends)
        for images, names in opened.frames(verbose):
            some = None if sizes is None else sizes[start : start + len(images)]
            pngs.add(images, names or None, some, opened.fit)
            start += len(images)
    return pngs.note
