"""What a command leaves in every folder that it writes, and the same command once more."""

from __future__ import annotations

import glob
import os
import shlex
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from itertools import chain, combinations
from pathlib import Path
from typing import Annotated, Any

import typer

from isthmus import __version__
from isthmus.cli.options import AsJson, Force
from isthmus.system import schema
from isthmus.system.files import plain, reading, recording, refuse_existing
from isthmus.system.owned import RECORD

OUTPUTS = ("-o", "--out", "--export")
"""Options that name a folder to be written."""
WRITTEN = ("output", "to", "path", "folder", "document")
"""Parameters that are places where commands write."""
SAID: schema.Schema = {
    "command": schema.rows(schema.text),
    "folder?": schema.text,
    "in?": schema.text,
    "versions?": schema.table(schema.text),
}
"""What `RECORD` says."""
Folder = Annotated[Path, typer.Argument(help="A folder that a command wrote.", metavar="FOLDER")]
Elsewhere = Annotated[
    Path | None,
    typer.Option("--out", "-o", help="Another folder.", show_default="FOLDER itself, anew"),
]
Dry = Annotated[bool, typer.Option("--dry", help="Say the command, and do nothing.")]


def noted(callback: Callable[..., Any]) -> Callable[..., Any]:
    """Return a command that leaves its options in folders it writes, and what it reads alone."""

    @wraps(callback)
    def command(**given: Any) -> Any:
        _refuse_within(given.get("output"))
        with reading(_inputs(given)), recording(lambda path: _record(path, given)):
            return callback(**given)

    return command


def _inputs(given: dict[str, Any]) -> list[Path]:
    """Return the files and folders that a command is told to read."""
    values = (value for name, value in given.items() if name not in WRITTEN)
    each = chain.from_iterable(v if isinstance(v, list) else [v] for v in values)
    words = (str(value) for value in each if isinstance(value, str | Path) and str(value))
    return [path for word in words for path in _places(word)]


def _places(word: str) -> list[Path]:
    """Return the files and folders that a word names: as it is, STUDY:NAME, or a pattern.

    Examples
    --------
    >>> _places("."), _places(".:pca"), _places("digits"), len(_places("./*")) > 1
    ([PosixPath('.')], [PosixPath('.')], [], True)
    """
    path, inside = os.path.expanduser(word), ""
    while not os.path.exists(path):
        path, inside, _ = path.rpartition(":")
        if not inside:
            pattern = os.path.expanduser(word)
            return (
                list(map(Path, glob.glob(pattern, recursive=True))) if glob.has_magic(word) else []
            )
    return [Path(path)]


def _refuse_within(outputs: Any) -> None:
    """Refuse to write the same twice, or one result into the folder of another."""
    places = (
        [Path(os.path.realpath(each)) for each in outputs] if isinstance(outputs, list) else []
    )
    for place, later in combinations(sorted(places), 2):
        if later == place or place in later.parents:
            fault = "is given twice" if later == place else f"is in {place.name}"
            raise ValueError(f"-o {later.name} {fault}: what is written needs places of its own")


def _record(path: Path, given: dict[str, Any]) -> dict[str, Any]:
    """Return what is known of the command that writes a folder."""
    options = {
        name: value for name, value in given.items() if not isinstance(value, typer.Context)
    }
    return {
        "in": os.getcwd(),
        "line": shlex.join(["isthmus", *sys.argv[1:]]),
        "command": sys.argv[1:],
        "folder": str(path),
        "options": plain(options, unknown=str),
        "versions": _versions(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _versions() -> dict[str, str]:
    known = {"isthmus": __version__, "python": sys.version.split()[0]}
    for name in ("torch", "numpy"):
        if module := sys.modules.get(name):
            known[name] = str(module.__version__)
    return known


def rerun(
    context: typer.Context,
    folder: Folder,
    output: Elsewhere = None,
    dry: Dry = False,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Run the command that made a folder again, with the same options."""
    if output is not None:
        refuse_existing(output, force=force)
    record = _read(folder)
    words = _words(record, (output or folder).absolute())
    typer.echo(f"isthmus: {shlex.join(['isthmus', *words])}", err=True)
    now = _versions()["isthmus"]
    if (then := record.get("versions", {}).get("isthmus")) != now:
        typer.echo(f"isthmus: it was made by isthmus {then}, this is {now}", err=True)
    if dry:
        return
    words += ["--json"] if as_json and "--json" not in words else []
    if Path(record.get("in", ".")).is_dir():
        os.chdir(record.get("in", "."))  # the words may name files from there
    sys.argv[1:] = words
    root: Any = context.find_root().command
    root.main(args=words, standalone_mode=False, obj=time.monotonic())


def _read(folder: Path) -> dict[str, Any]:
    path = folder / RECORD
    if not path.is_file():
        raise ValueError(f"{folder} holds no {RECORD}: it is no folder that a command wrote")
    try:
        return schema.read_json(path.read_bytes(), SAID)
    except ValueError as error:
        raise ValueError(f"{path} is damaged ({error})") from None


def _words(record: dict[str, Any], folder: Path) -> list[str]:
    """Return the words of a command that is to write this folder, whatever is there.

    Examples
    --------
    >>> _words({"command": ["study", "digits", "-o", "runs/x"], "folder": "runs/x"}, Path("/y"))
    ['study', 'digits', '-o', '/y', '--force']
    >>> _words({"command": ["study", "digits"], "folder": "runs/digits"}, Path("/y"))
    ['study', 'digits', '-o', '/y', '--force']
    """
    words = [word for word in record["command"] if word != "--resume"]  # that was for once
    then = Path(str(record.get("folder")))
    named = [place for place, word in enumerate(words[1:], 1) if Path(word) == then]
    after = [place for place in named if words[place - 1] in OUTPUTS]
    glued = [place for place, word in enumerate(words) if _glued(word, then)]
    if after:
        words[after[-1]] = str(folder)
    elif glued:
        words[glued[-1]] = f"{words[glued[-1]].partition('=')[0]}={folder}"
    else:
        words += ["-o", str(folder)]
    return words if "--force" in words else [*words, "--force"]


def _glued(word: str, folder: Path) -> bool:
    """Return whether a word is "--out=FOLDER"."""
    option, sign, value = word.partition("=")
    return bool(sign) and option in OUTPUTS and Path(value) == folder
