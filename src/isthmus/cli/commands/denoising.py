"""The command `denoise`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from isthmus.cli.inputs import images_for, measured_half, save_from, watched
from isthmus.cli.options import AsJson, Force, Out, Seed
from isthmus.cli.output import changed_in, print_json, print_table
from isthmus.files import refuse_existing, replacing
from isthmus.validation import able

SHOWN = 12


def denoise(
    models: Annotated[
        list[str], typer.Argument(help="Models, and last the images.", metavar="MODEL... SOURCE")
    ],
    output: Out,
    noise: Annotated[
        str | None,
        typer.Option(
            help="Add noise first, and compare with filters: gaussian:0.3,salt_and_pepper:0.2",
            show_default=False,
        ),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(
            help="Which images: all, train or test.", show_default="all; test with --noise"
        ),
    ] = None,
    seed: Seed = 0,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Take the noise out of images, or measure how well that goes beside classical filters.

    Without --noise the images are noisy as they are; they are written clean as a .npy file, a .png
    sheet or a folder. With it the images are clean: a table says what models and filters make of
    them once noise is added, and a .png shows it.
    """
    from isthmus.store import load_model

    *files, source = models
    if not files:
        raise ValueError("denoise needs a model and a source: isthmus denoise MODEL SOURCE -o OUT")
    refuse_existing(output, force=force)
    loaded = {Path(file).stem: load_model(file) for file in files}
    for model in loaded.values():
        able(model, "decode")
    if noise is None:
        _clean(loaded, source, split or "all", output, force, as_json)
    else:
        images = images_for(loaded, source)
        parts = measured_half(list(loaded.values()), images, split or "test")
        _compare(loaded, *parts, noise, output, seed, as_json)


def _clean(
    loaded: dict[str, Any], source: str, split: str, output: Path, force: bool, as_json: bool
) -> None:
    from isthmus.verbs.denoise import denoise as run

    if len(loaded) > 1:
        raise ValueError("one model at a time writes clean images; --noise compares several")
    (model,) = loaded.values()
    save_from(output, model, source, split, run, force, as_json)


def _compare(
    loaded: dict[str, Any],
    half: Any,
    train: Any,
    measured: Any,
    noise: str,
    output: Path,
    seed: int,
    as_json: bool,
) -> None:
    from isthmus.verbs.denoise import MEASURED, denoising_table, in_columns

    if output.suffix != ".png":
        raise ValueError(f"{output}: with --noise expected a name ending in .png")
    noises = noises_of(noise)
    reference, show = train.evenly(20_000), watched(as_json)
    rows = denoising_table(loaded, half, noises, reference, random_state=seed, verbose=show)
    with replacing(output) as temporary:
        _picture(loaded, half, noises[0], seed).save(temporary)
    measured = measured.of(min(MEASURED, len(half)))
    if as_json:
        facts = {"file": str(output), "measured": measured.words}
        print_json(facts | {"rows": [row._asdict() for row in rows]} | changed_in(half))
        return
    typer.echo(f"{half.source}: {measured.words}")
    print_table(in_columns(rows))
    typer.echo(f"PSNR in dB, filters at their best setting; wrote {output}")


def _picture(loaded: dict[str, Any], half: Any, noise: tuple[str, float], seed: int) -> Any:
    """Return clean and noisy images, and what models and filters make of them."""
    import numpy as np

    from isthmus.codes import range_for
    from isthmus.data.corrupt import with_noise
    from isthmus.data.images import to_unit
    from isthmus.plots.strips import labelled_rows
    from isthmus.verbs.denoise import denoise as run
    from isthmus.verbs.denoise import median, non_local_means

    few, ends = half.evenly(SHOWN), range_for(next(iter(loaded.values())), half)
    clean, noisy = to_unit(np.asarray(few)), with_noise(few, *noise, seed, ends)
    rows = {"clean": clean, "noisy": noisy}
    rows |= {name: run(model, noisy).reshape(clean.shape) for name, model in loaded.items()}
    sigma = float(np.sqrt(np.mean((noisy - clean) ** 2)))
    for filtered in (median, non_local_means):
        name, found = next(iter(filtered(noisy, sigma)))
        rows[name.replace(", ", "\n")] = found
    kind, level = noise
    words = f"Noisy in, clean out: {kind.replace('_', ' ')} noise of {level:g}"
    return labelled_rows(rows, words, limits=ends)


def noises_of(text: str) -> list[tuple[str, float]]:
    """Return kinds and levels of noise from "gaussian:0.3,masking:0.5".

    Examples
    --------
    >>> noises_of("gaussian:0.3,masking:0.5")
    [('gaussian', 0.3), ('masking', 0.5)]
    """
    from isthmus.data.corrupt import check_noise

    found = []
    for part in text.split(","):
        kind, _, level = part.strip().partition(":")
        try:
            found.append((kind, float(level)))
        except ValueError:
            raise ValueError(
                f"--noise {part!r}: expected a kind and a level, as gaussian:0.3"
            ) from None
        check_noise(*found[-1])
    return found
