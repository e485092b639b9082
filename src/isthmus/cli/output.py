"""What the command line says and writes: tables, JSON, arrays, sheets and folders of images."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import typer


def save_array(path: Path, array: Any, as_json: bool = False, of: Any = None) -> None:
    """Write an array to a .npy file; `of` are the Images it was made from."""
    import numpy as np

    from isthmus.files import replacing

    if path.suffix != ".npy":
        raise ValueError(f"{path} must end in .npy")
    with replacing(path) as temporary:
        np.save(temporary, array)
    _say_written(path, array, as_json, of)


def save_images(
    path: Path,
    images: Any,
    force: bool,
    as_json: bool = False,
    quiet: bool = False,
    of: Any = None,
    ends: tuple[float, float] | None = None,
) -> None:
    """Write images as a .npy file, a .png contact sheet, or a folder of PNG files.

    Parameters
    ----------
    path : Path
        Where to write.
    images : ndarray
        What to write.
    force, as_json, quiet : bool
        Overwrite what is there; say what was written as JSON; say nothing.
    of : Images, optional
        What was made into them: files in a folder get its names, and its sizes where they can.
    ends : (float, float), optional
        What black and white are in pictures: the range of the model or the set.
    """
    from isthmus.files import replacing
    from isthmus.plots.figures import limits_for, sheet

    if path.suffix == ".npy":
        save_array(path, images, as_json, of)
        return
    if path.suffix == ".png":
        with replacing(path) as temporary:
            sheet(images, limits=limits_for(images, ends)).save(temporary)
    elif path.suffix:
        raise ValueError(f"{path}: expected a name ending in .npy or .png, or a folder")
    else:
        save_folder(path, [(images, of)], force, as_json, quiet, ends)
        return
    if not quiet:
        _say_written(path, images, as_json, of)


def save_folder(
    path: Path,
    parts: list[tuple[Any, Any]],
    force: bool,
    as_json: bool,
    quiet: bool = False,
    ends: tuple[float, float] | None = None,
) -> None:
    """Write arrays of images, and the Images each was made from or None, to a folder of PNG files.

    They are called as those were, and have their size where it can be given back; `ends` are what
    black and white are.
    """
    from isthmus.files import replacing_folder
    from isthmus.plots.pngs import PngFolder

    with replacing_folder(path, force=force) as folder:
        pngs = PngFolder(folder, sum(len(images) for images, _ in parts), ends)
        for images, of in parts:
            known = {} if of is None else {"names": of.names, "sizes": of.sizes}
            pngs.add(images, **known, fit=of.loading.get("fit", "crop") if known else "crop")
    if len(parts) == 1:
        (images, of), *_ = parts
        if not quiet:
            _say_written(path, images, as_json, of, pngs.note)
        return
    facts = {"file": str(path), "images": pngs.written, "sizes": f"{len(parts)}, their own"}
    sentence = f"wrote {path}: {pngs.written:,} images, each in its own size"
    print_json(facts | changed_in(*(of for _, of in parts))) if as_json else typer.echo(sentence)


def _say_written(path: Path, array: Any, as_json: bool, of: Any = None, note: str = "") -> None:
    """Say what was written, of what images, and what became of their sizes."""
    if as_json:
        facts = {"file": str(path), "shape": list(array.shape), "dtype": str(array.dtype)}
        print_json(facts | ({"sizes": note} if note else {}) | changed_in(of))
    else:
        words = f"wrote {path}: shape {tuple(array.shape)}, {array.dtype}"
        typer.echo(f"{words}; {note}" if note else words)


def described(images: Any) -> dict[str, Any]:
    """Return what was read, in words and numbers."""
    facts = {
        "source": images.source,
        "count": len(images),
        "shape": list(images.shape[1:]),
        "dtype": str(images.dtype),
        "range": _ends(images),
        "classes": images.classes,
        "factors": {name: _spread(values) for name, values in sorted(images.factors.items())}
        or None,
        "label maps": _legend(images),
        "bands": _bands(images),
        "no data": _no_data(images),
        "depth": _depth(images),
        "split": f"{len(images.train)} train, {len(images.test)} test",
        "skipped": len(images.skipped),
        "changed": images.changed or None,
    }
    if images.is_test is None:
        facts["split"] += ", by chance: the source has none"
    return {key: value for key, value in facts.items() if value is not None}


def _ends(images: Any) -> list[float]:
    """Return the least and the greatest value, where there are data."""
    import numpy as np

    from isthmus.data.nodata import known_values

    ends = []
    for chunk in known_values(images.chunks(), images.meta.get("no_data")):
        known = chunk if chunk.dtype.kind != "f" else chunk[np.isfinite(chunk)]
        ends += [known.min().item(), known.max().item()] if known.size else []
    return [min(ends), max(ends)] if ends else [float("nan")] * 2


def _no_data(images: Any) -> str | None:
    """Return how many pixels have no data, or were left out for that."""
    from isthmus.data.nodata import in_words

    if "left_out" in images.meta:
        return f"{images.meta['left_out']:,} pixels without data are left out"
    empty = images.without_data()
    if empty is None:
        return None
    return in_words(images.meta.get("no_data"), int(empty.sum()), empty.size)


def in_words(value: Any) -> str:
    """Return a fact as a person reads it."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {words}" for name, words in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _spread(values: Any) -> str:
    """Return the range of a factor, and how many values of it there are if they can be counted."""
    import numpy as np

    if values.dtype.kind not in "iufb" or values.ndim > 1:
        return f"of {values.dtype}"
    low, high = values.min(), values.max()
    if values.dtype.kind == "f":
        return f"{low:.4g} to {high:.4g}"
    return f"{int(low)} to {int(high)} ({len(np.unique(values))} values)"


def _legend(images: Any) -> str | None:
    """Return the classes of the pixels, and which of them does not count."""
    from isthmus.data.label_maps import NO_CLASS

    if images.label_maps is None:
        return None
    there = images.label_maps[images.label_maps != NO_CLASS]
    names = images.map_classes or list(map(str, range(int(there.max(initial=0)) + 1)))
    ignored = images.ignored_class
    rest = [name for row, name in enumerate(names) if row != ignored]
    without = [names[ignored]] if ignored in range(len(names)) else []
    without += ["255"] if there.size < images.label_maps.size else []
    end = f"; {' and '.join(without)} {'are' if without[1:] else 'is'} ignored" if without else ""
    return f"{len(rest)} classes: {', '.join(rest)}{end}"


def _bands(images: Any) -> str | None:
    """Return how many bands a raster has, and from where to where they reach."""
    waves = images.meta.get("wavelengths")
    if not waves:
        return None
    units = images.meta.get("wavelength_units", "")
    return f"{len(waves)}, {min(waves):g} to {max(waves):g} {units}".strip()


def _depth(images: Any) -> str | None:
    """Return by how many bits values of 16 bits were scaled, and what to do if that is wrong."""
    bits = images.loading.get("bits")
    if not bits:
        return None
    more = "" if bits == 16 else f", {2**bits - 1} is white; --bits 16 if they are dark images"
    return f"{bits} bits of 16{more}"


def print_scores(scores: list[dict[str, Any]]) -> None:
    """Print the scores that fit a terminal, a row for every model."""
    shown = ("model", "code", "mse", "psnr", "ssim", "bits_per_image", "svm_accuracy", "seconds")
    rows = [{k: record.get(k) for k in shown} for record in scores]
    print_table([{k.replace("_", " "): _short(v) for k, v in row.items()} for row in rows])


def print_answers(study: Any) -> None:
    """Print the scores of a study, and which representation is best for what."""
    from isthmus.studies.answers import answers
    from isthmus.studies.flags import judged, mean_image

    baseline = mean_image(study.images, study.scores)
    scores = judged(study, baseline)
    print_scores(scores)
    for answer in answers(scores, baseline):
        typer.echo(f"{answer.use:>10}  {answer.head}: {answer.words}")
    for score in scores:
        if problems := ", ".join(flag.short for flag in score["flags"]):
            typer.echo(f"{score['model']:>10}  {problems}")


def _short(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def print_table(rows: list[dict[str, Any]]) -> None:
    """Print rows with the same keys as a table."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for name in rows[0]:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(str(value).replace("[", "\\[") for value in row.values()))
    Console(soft_wrap=not sys.stdout.isatty()).print(table)


def print_skipped(images: Any) -> None:
    """Say on standard error which files could not be read, and why."""
    for name, reason in images.skipped[:10]:
        typer.echo(f"skipped {name}: {reason}", err=True)
    if len(images.skipped) > 10:
        typer.echo(f"skipped {len(images.skipped) - 10} more", err=True)
    if (images.loading.get("bits") or 16) < 16:
        typer.echo(f"isthmus: values are read by {_depth(images)}", err=True)
    if {"no_data", "left_out"} & images.meta.keys() and (words := _no_data(images)):
        more = "" if images.ndim == 2 else "; --per pixel leaves them out"
        typer.echo(f"isthmus: {words}{more}", err=True)


def print_changed(*sets: Any) -> None:
    """Say on standard error how many images were changed to the shape they have, and how."""
    for sentence in changed_in(*sets).values():
        typer.echo(f"isthmus: {sentence}", err=True)


def changed_in(*sets: Any) -> dict[str, str]:
    """Return what JSON says of images that were changed to the shape a model knows."""
    import numpy as np

    from isthmus.data.fitting import in_words

    known = [images for images in sets if images is not None]
    changed = [images.changed for images in known]
    several = len({images.shape[1:] for images in known}) > 1
    if several and len({images.source for images in known}) == 1:  # one source in its own sizes
        changed = [in_words(np.concatenate([images.changes for images in known]), None, ())]
    changed = [sentence for sentence in dict.fromkeys(changed) if sentence]
    return {"changed": "; ".join(changed)} if changed else {}


def print_json(value: Any) -> None:
    """Print a value on one line, for machines."""
    typer.echo(json.dumps(value, default=str))


def say(path: Path, facts: dict[str, Any], as_json: bool, *sets: Any) -> None:
    """Say what was written, what was found, and in JSON what was done to the sets of images."""
    if as_json:
        print_json({"file": str(path), **facts, **changed_in(*sets)})
        return
    for name, value in facts.items():
        typer.echo(
            f"{name:>12}  {in_words(value if isinstance(value, list | dict) else _short(value))}"
        )
    typer.echo(f"wrote {path}")
