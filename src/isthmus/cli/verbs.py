"""Commands made from the signatures and docstrings of verbs, as those of `fit` from families."""

from __future__ import annotations

import gc
import inspect
import os
import shlex
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from isthmus import signature
from isthmus.cli.inputs import (
    in_files,
    in_options,
    in_sizes,
    loading,
    model_from,
    parted,
    place_of,
    watched,
)
from isthmus.cli.options import (
    LIKE,
    LOADING,
    AsJson,
    Evenly,
    Force,
    ModelFile,
    ModelOrNone,
    RowsAsked,
    Source,
    SourceLeft,
    Sources,
    Split,
    option_for,
    plainly,
    taking,
)
from isthmus.cli.output import changed_in, print_json, print_skipped, print_table
from isthmus.cli.parameters import Known, said_as, value_of
from isthmus.system.stops import STOPS
from isthmus.verbs import VERBS

if TYPE_CHECKING:
    from isthmus.verbs.result import Result

EMPTY = inspect.Parameter.empty
MODELS = typer.Argument(metavar="MODEL...", help="One saved model or several, before images.")
OPTIONAL = "Model | None"
KINDS: dict[str, Any] = {
    "Model": ModelFile,
    OPTIONAL: ModelOrNone,
    "Models": Annotated[list[Path], MODELS],
    "Source": Sources,
}
"""Arguments by the types of `isthmus.verbs.parameters`."""
OURS = ("verbose", "began", "found_at", "force")
"""Parameters that a command sets itself."""
CHOOSING = {"split": (Split, "all"), "rows": (RowsAsked, None)} | LIKE
"""Options that choose among the images of SOURCE, unless the verb does that itself, and their size
and colour."""


def command_of(name: str) -> Callable[..., None]:
    """Return the command of a verb, its options made from the verb's signature."""
    verb = signature.function(name, VERBS[name].home)

    def command(**given: Any) -> None:
        _run(verb, given)

    return taking(command, _fields(verb), plainly(verb.caption))


def source_of(verb: signature.Function) -> str:
    """Return which parameter SOURCE is: images that have to be given; "" if there are none."""
    sources = (each.name for each in verb.parameters if _is_source(each))
    return next(sources, "")


def chosen_by(verb: signature.Function) -> list[str]:
    """Return the options that choose among the images of SOURCE, where the verb does not."""
    known = {parameter.name for parameter in verb.parameters}
    if not source_of(verb):
        return []
    if signature.constant("halves", verb.returns, verb.home):
        known.add("split")
    return [name for name in CHOOSING if name not in known]


def _is_source(parameter: signature.Parameter) -> bool:
    return parameter.annotation == "ImagesLike" and parameter.default is signature.REQUIRED


def _fields(verb: signature.Function) -> Iterator[tuple[str, Any, Any]]:
    """Yield name, annotation and default of every argument and option."""
    for parameter in verb.parameters:
        if parameter.name not in OURS and not _is_written(parameter):
            yield parameter.name, *_field(parameter, verb)
    if any(parameter.name == "began" for parameter in verb.parameters):
        yield "context", typer.Context, EMPTY
    yield from ((name, *field) for name, field in LOADING.items() if verb.loads)
    yield from ((name, *CHOOSING[name]) for name in chosen_by(verb))
    if most := _evenly(verb):
        yield "count", Evenly, most
    usual = signature.constant("usual", verb.returns, verb.home)
    out = typer.Option("--out", "-o", help=_ways(verb), show_default=usual or False)
    if signature.constant("only_saved", verb.returns, verb.home):
        yield "output", Annotated[list[Path], out], EMPTY
    else:
        yield "output", Annotated[list[Path] | None, out], None
    yield "force", Force, False
    yield "as_json", AsJson, False


def _evenly(verb: signature.Function) -> int | None:
    """Return how many images a verb is given, at most; None where it is given all."""
    return signature.constant("evenly", verb.returns, verb.home)


def _takes_several(verb: signature.Function) -> bool:
    """Return whether SOURCE may be several files: no other argument may be several as well."""
    required = [each for each in verb.parameters if each.default is signature.REQUIRED]
    return bool(required) and _is_source(required[-1]) and required[0].annotation != "Models"


def _field(parameter: signature.Parameter, verb: signature.Function) -> tuple[Any, Any]:
    if parameter.default is not signature.REQUIRED:
        return option_for(parameter)
    if parameter.annotation in KINDS:
        return KINDS[parameter.annotation], None if parameter.annotation == OPTIONAL else EMPTY
    if _is_source(parameter):
        if _may_lack_model(verb):
            return SourceLeft, None
        return Sources if _takes_several(verb) else Source, EMPTY
    argument = typer.Argument(metavar=parameter.name.upper(), help=plainly(parameter.help))
    return Annotated[str, argument], EMPTY


def _may_lack_model(verb: signature.Function) -> bool:
    """Return whether MODEL, the first argument, may be left out."""
    return verb.parameters[0].annotation == OPTIONAL


def _without_model(verb: signature.Function, given: dict[str, Any]) -> dict[str, Any]:
    """Return what was given: of MODEL and SOURCE one alone is SOURCE."""
    source = source_of(verb)
    if not _may_lack_model(verb) or given[source] is not None:
        return given
    if given["model"] is None:
        raise ValueError("SOURCE is missing: say which images, as a folder, a file or a named set")
    word = str(given["model"])
    if word.endswith(".safetensors"):
        raise ValueError(f"{word} is a model: say after it what is to be worked on, SOURCE")
    return given | {"model": None, source: word}


def _ways(verb: signature.Function) -> str:
    """Return what can be written where."""
    suffixes = signature.constant("saves", verb.returns, verb.home)
    *others, last = [suffix or "a folder" for suffix in suffixes]
    ways = f"Where to write: {', '.join(others)}{' or ' * bool(others)}{last}."
    return ways + " May be given several times." * bool(others)


def _run(verb: signature.Function, given: dict[str, Any]) -> None:
    """Read what a command was given, call the verb, write and say what it returns."""
    output, force, as_json = (given.pop(name) for name in ("output", "force", "as_json"))
    given = _without_model(verb, given)
    function = getattr(import_module(f"isthmus.{verb.home}"), verb.name)
    kind = get_type_hints(function)["return"]
    outputs = _places(verb, kind, given, output)
    if not given.get(kind.resumed_with):  # else the verb looks what is there
        outputs = [kind.check(path, force=force) for path in outputs]
    order = [*kind.saves, *(path.suffix for path in outputs)]
    outputs.sort(key=lambda path: order.index(path.suffix))  # what it is first of all, first
    given |= _ours(verb, given, outputs) | {"verbose": watched(), "force": force}
    own = kind.own_sizes and not any(given.get(name) for name in kind.one_size_with)
    own = own and not given.get("size")
    as_files = kind.as_files or bool(given.get(kind.as_files_with))
    as_files = (
        own and as_files and all(given[name] == LIKE[name][1] for name in _said_of_source(verb))
    )
    own = own and (kind.per == "image" or any(not path.suffix for path in outputs))
    try:
        sets, values = _read(verb, given, own, kind.per or None, as_files)
        source = source_of(verb)
        if given["began"]:
            gc.freeze()  # libraries stay: the memory of a fit is measured after a collection
        calls = [values | ({source: images} if source else {}) for images in sets]
        result = kind.joined([function(**call) for call in calls])
        if result.said:
            typer.echo(f"isthmus: {result.said}", err=True)
        _save(result, outputs[len(_written(verb)) :], force)
    except ValueError as error:
        flags = {name: f"--{name}" for name in LIKE}
        flags |= {each.name: said_as(each) for each in verb.parameters}
        raise ValueError(in_options(str(error), flags)) from error
    read = [each for each in (*sets, *values.values()) if hasattr(each, "changed")]
    say = _say_json if as_json else _say
    say(result, outputs, read)


def _places(
    verb: signature.Function, kind: Any, given: dict[str, Any], output: list[Path] | None
) -> list[Path]:
    """Return where to write: where it was told, or where a result like this usually is."""
    if given.get(kind.unwritten_with):
        return []
    if output or not kind.usual:
        return output or []
    name = _called_together(given[verb.parameters[0].name]) or verb.name
    return [Path(kind.usual.replace("SOURCE", name))]


def _called_together(words: list[str]) -> str:
    """Return what a source is called: of several files the folder that all lie in.

    Examples
    --------
    >>> _called_together(["digits"]), _called_together(["some/a.png", "some/b.png"])
    ('digits', 'some')
    """
    if len(words) == 1:
        return Path(words[0]).name
    return Path(os.path.commonpath([Path(word).absolute().parent for word in words])).name


def _save(result: Result, outputs: list[Path], force: bool) -> None:
    """Write a result, which knows the command line by then."""
    result.command = shlex.join(["isthmus", *sys.argv[1:]])
    for path in outputs:
        result.save(path, force=force)
        STOPS.written.append(path)


def _ours(verb: signature.Function, given: dict[str, Any], outputs: list[Path]) -> dict[str, Any]:
    """Return parameters that a command sets itself, and files that the verb writes itself."""
    context = given.pop("context", None)
    ours: dict[str, Any] = {"began": context and context.obj}
    if any(each.name == "found_at" for each in verb.parameters):
        file = given["model"]
        ours["found_at"] = None if file is None else str(place_of(file, verb.name)[0])
    written = _written(verb)
    return ours | dict.fromkeys(written) | dict(zip(written, outputs, strict=False))


def _written(verb: signature.Function) -> list[str]:
    """Return the parameters that are files which the verb writes itself."""
    return [each.name for each in verb.parameters if _is_written(each)]


def _is_written(parameter: signature.Parameter) -> bool:
    return parameter.annotation.startswith("NewFile")


def _read(
    verb: signature.Function, given: dict[str, Any], own: bool, per: str | None, as_files: bool
) -> tuple[list[Any], dict[str, Any]]:
    """Return the images of SOURCE, in sets of one size, and the values of other parameters."""
    from isthmus.data.several import expanded

    model, sets, values = None, [None], dict[str, Any]()
    given = given | _told_apart(verb, given)
    asked = _asked(verb, given)
    for parameter in verb.parameters:
        name, word = parameter.name, given[parameter.name]
        known = Known(model, sets[0], asked)
        if parameter.annotation == "Models":
            files = _called(word)
            values[name] = {key: model_from(path, verb.name) for key, path in files.items()}
            model = values[name]
        elif parameter.annotation.startswith("Model"):
            values[name] = model = word if word is None else model_from(word, verb.name)
        elif name == source_of(verb):
            taken = _taken(verb, given, own)
            word = expanded(word)  # once: standard input cannot be read twice
            alone = in_files(model, word, taken["split"], taken["rows"]) if as_files else None
            more = taken | {"asked": asked}
            sets = [alone] if alone else in_sizes(model, word, per=per, own=own, **more)
        elif parameter.annotation == "Source":
            values[name] = word if len(word) > 1 else word[0]
        else:
            values[name] = value_of(parameter, word, known)
    if verb.loads:
        values |= loading(**{name: given[name] for name in LOADING})
    if _evenly(verb):
        sets = [_few(images, given["count"]) for images in sets]
        values = {key: _few(value, given["count"]) for key, value in values.items()}
    return sets, values


def _asked(verb: signature.Function, given: dict[str, Any]) -> dict[str, Any]:
    """Return what is asked of the images of SOURCE: their size, their colour, their labels."""
    return loading(**{name: given[name] for name in _said_of_source(verb)})


def _said_of_source(verb: signature.Function) -> list[str]:
    return [name for name in chosen_by(verb) if name in LIKE]


def _told_apart(verb: signature.Function, given: dict[str, Any]) -> dict[str, Any]:
    """Return models and SOURCE where both may be several words: the last alone is SOURCE's."""
    several = next((each.name for each in verb.parameters if each.annotation == "Models"), None)
    source = source_of(verb)
    if several is None or not source:
        return {}
    models, images = parted([*map(str, given[several]), given[source]])
    return {several: list(map(Path, models)), source: images}


def _taken(verb: signature.Function, given: dict[str, Any], own: bool) -> dict[str, Any]:
    """Return which images of SOURCE are taken, and whether changed ones are told of before."""
    names = [parameter.name for parameter in verb.parameters]
    both, quiet = (
        signature.constant(name, verb.returns, verb.home) for name in ("halves", "as_read_with")
    )
    return {
        "split": "all" if both else given.get("split") or "all",
        "rows": None if "rows" in names else given.get("rows"),
        "whole": "split" in names and not own,  # a half of a half is that half
        "quiet": bool(given.get(quiet)),
    }


def _few(value: Any, most: int) -> Any:
    """Return images evenly spaced, up to this many; anything else as it is."""
    return value.evenly(most) if hasattr(value, "evenly") else value


def _called(paths: list[Path]) -> dict[str, Path]:
    """Return files by their names, and with that of their folder where two have one name.

    Examples
    --------
    >>> list(_called([Path("a/pca.safetensors"), Path("b/pca.safetensors")]))
    ['pca', 'b/pca']
    """
    called: dict[str, Path] = {}
    for path in paths:
        stem = path.stem.rpartition(":")[2]  # of a study, as "runs/x:pca"
        called[stem if stem not in called else f"{path.parent.name}/{stem}"] = path
    return called


def _say_json(result: Result, outputs: list[Path], read: list[Any]) -> None:
    from isthmus.system.files import plain

    written: dict[str, Any] = {"file": str(outputs[0])} if outputs else {}
    written |= {"files": [str(path) for path in outputs]} if len(outputs) > 1 else {}
    folders = [str(path) for path in outputs if not path.suffix]
    written |= {"folder": folders[0]} if folders else {}
    print_json(written | plain(result.record()) | changed_in(*read))


TABLES = (".csv", ".parquet", ".npz", ".json")
"""Files that hold a table."""


def _say(result: Any, outputs: list[Path], read: list[Any]) -> None:
    """Say what was measured on what, and what was found."""
    from isthmus.metrics.table import said

    if result.measured is not None:
        typer.echo(f"{f'{read[0].source}: ' if read else ''}{result.measured.words}")
    for line in result.heading():
        typer.echo(line)
    rows = result.listed() if result.shown else []
    some, usual = rows[: result.shown], result.metric
    shown = [{key: said(key, v, usual) for key, v in row.items()} for row in some]
    if shown:
        print_table(shown, _rest(result, outputs))
    if len(rows) > len(shown) > 0:
        typer.echo(f"... and {len(rows) - len(shown):,} more")
    for line in result.remarks():
        typer.echo(line)
    if result.reads:
        print_skipped(result.images)
    if outputs:
        typer.echo(result.wrote(outputs))


def _rest(result: Any, outputs: list[Path]) -> str:
    """Return where the whole of a table is: a file that was written, or how to have one."""
    written = [path for path in outputs if path.suffix in (*TABLES, "")]
    return str(written[0]) if written else "-o table.csv" if ".csv" in result.saves else "--json"
