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
    from isthmus.data.described import depth, no_data

    for name, reason in images.skipped[:10]:
        typer.echo(f"skipped {name}: {reason}", err=True)
    if len(images.skipped) > 10:
        typer.echo(f"skipped {len(images.skipped) - 10} more", err=True)
    if (images.loading.get("bits") or 16) < 16:
        typer.echo(f"isthmus: values are read by {depth(images)}", err=True)
    if {"no_data", "left_out"} & images.meta.keys() and (words := no_data(images)):
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
    from isthmus.data.described import in_words

    if as_json:
        print_json({"file": str(path), **facts, **changed_in(*sets)})
        return
    for name, value in facts.items():
        typer.echo(
            f"{name:>12}  {in_words(value if isinstance(value, list | dict) else _short(value))}"
        )
    typer.echo(f"wrote {path}")
