"""The command line: parse, call, print."""

from __future__ import annotations

import atexit
import gc
import inspect
import os
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from isthmus import __version__, signature
from isthmus.cli.completion import completion
from isthmus.cli.inputs import (
    images_from,
    in_half,
    learnt_in_words,
    rows_from,
    to_learn_from,
    watched,
)
from isthmus.cli.options import (
    LOADING,
    AsJson,
    Force,
    Learnt,
    Out,
    RowsAsked,
    Sources,
    Validation,
    option_for,
    taking,
    values_of,
)
from isthmus.cli.output import (
    changed_in,
    print_changed,
    print_json,
    print_skipped,
    print_table,
)
from isthmus.cli.own import Allow, Families, import_allowed
from isthmus.cli.panels import Panels
from isthmus.cli.record import noted, rerun
from isthmus.cli.unforeseen import in_one_line
from isthmus.cli.volume import with_volume
from isthmus.cli.words import epilog_of
from isthmus.system.files import refuse_existing
from isthmus.system.pace import on_core
from isthmus.system.stops import STOPS, terminable

if TYPE_CHECKING:
    from isthmus.base import Representation
    from isthmus.data.images import Images

IMPORTING = 2.0
"""Seconds of work up to which a process has done nothing but to import this."""

app = typer.Typer(
    name="isthmus",
    cls=Panels,
    help="Learn narrow representations of images: fit, compare, and look at what they keep.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
fit_app = typer.Typer(
    cls=Families.made_by(lambda name: _fit_command(name)),
    no_args_is_help=True,
    help="Fit one family and save the model.",
    epilog=epilog_of("fit"),
)
app.add_typer(fit_app, name="fit")
app.command(epilog=epilog_of("rerun"))(with_volume(rerun))
app.command(epilog=epilog_of("completion"))(with_volume(completion))


def _say_version(asked: bool) -> None:
    if asked:
        typer.echo(f"isthmus {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_say_version, is_eager=True, help="Print the version."),
    ] = False,
    allow: Allow = None,
) -> None:
    """Take the options that stand before a command."""
    import_allowed(allow or ())


@app.command(epilog=epilog_of("models"))
@with_volume
def models(as_json: AsJson = False) -> None:
    """List the families and what each can do."""
    from isthmus.families import family, loadable

    verbs = ("fit", "encode", "decode", "sample")
    rows = []
    for name in loadable():
        can = {verb: family(name).can(verb) for verb in verbs}
        rows.append({"model": name, "about": signature.caption(name), **can})
    if as_json:
        print_json(rows)
        return
    for row in rows:
        row.update({verb: "yes" if row[verb] else "-" for verb in verbs})
    print_table(rows)


def _fit(
    name: str, source: list[str], to: Path, split: str, force: bool, as_json: bool, **options: Any
) -> None:
    from isthmus.families import family

    refuse_existing(to, force=force, folder=False)
    in_half(None, split)
    loading = {key: options.pop(key) for key in LOADING}
    if (patch := options.get("patch") or 0) > 0 and _in_own_sizes(source, loading):
        loading |= {"per": "patch", "size": str(patch)}
    images = images_from(source, **loading)
    if (rows := options.pop("rows")) is not None:
        images = images.with_split()[rows_from(rows, images)]
    learnt = to_learn_from(images, split)
    other = options.pop("validation", None)
    given = {"validation": images_from(other, **loading | {"labels": None})} if other else {}
    model = family(name)(**values_of(name, options), verbose=watched())
    model.fit(learnt, **given)
    model.set_params(verbose=False).save(to)  # who uses it decides for themselves
    STOPS.written.append(to)
    facts = {"model": str(to), "family": name, **_facts(model, images, learnt, split)}
    if as_json:
        print_json(facts | changed_in(images))
        return
    print_skipped(images)
    print_changed(images)
    for key, value in facts.items():
        if key != "health":
            typer.echo(f"{key:>9}  {value}")
    for finding in model.health_:
        typer.echo(f"   health  {finding}")


def _in_own_sizes(source: list[str], loading: dict[str, Any]) -> bool:
    """Return whether patches are to be cut out of image files as they are."""
    from isthmus.data.pictures import are_pictures

    asked = loading.get("size") or loading.get("longest") or loading.get("per") != "image"
    return not asked and are_pictures(source[0] if len(source) == 1 else source)


def _facts(model: Representation, images: Images, learnt: Images, split: str) -> dict[str, Any]:
    """Return what there is to say of a model that was fitted on some images of a set."""
    facts: dict[str, Any] = {"images": learnt_in_words(images, learnt, split)}
    if model.needs_labels and learnt.y is not None:
        facts["labels"] = f"{int((learnt.y != -1).sum()):,} of them"
    facts |= {"code": model.code_, "health": model.health_}
    if model.can("decode"):
        held = images.test if split == "train" and len(images.test) else None
        half, whole = ("train", learnt) if held is None else ("test", held)
        some = model.affordable(whole, len(whole))
        facts[f"{half} mse"] = round(-model.score(some), 8)
        if len(some) < len(whole):
            facts["measured"] = f"on {len(some):,} of {len(whole):,} images, as time is limited"
    return facts


def _fit_command(name: str) -> Callable[..., None]:
    """Return the command `fit NAME`, its options made from the family's signature."""

    def command(**given: Any) -> None:
        _fit(name, **given)

    empty = inspect.Parameter.empty
    fields: list[tuple[str, Any, Any]] = [("source", Sources, empty), ("to", Out, empty)]
    for parameter in filter(lambda p: p.is_option, signature.parameters(name)):
        if parameter.name != "verbose":
            also = ("--width",) if parameter.name == signature.width(name) else ()
            if parameter.name == "random_state":
                parameter = replace(parameter, default=0)  # the same model whenever it is asked
            fields.append((parameter.name, *option_for(parameter, *also)))
    if any(key == "validation_fraction" for key, _, _ in fields):
        fields.append(("validation", Validation, None))
    fields += [("split", Learnt, "train"), ("rows", RowsAsked, None)]
    fields += [(key, *LOADING[key]) for key in LOADING]
    fields += [("force", Force, False), ("as_json", AsJson, False)]
    return taking(noted(command), fields, signature.caption(name))


def main() -> None:
    """Run the command line; an error of the user is one line on standard error and exit code 2.

    Any other error is one line too, with the file that says more, and exit code 1.
    """
    # waiting threads of torch spin; on a shared machine that costs others, and us, far more than
    # it gains
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    warnings.formatwarning = lambda message, *_, **__: f"isthmus: {message}\n"
    atexit.register(gc.freeze)  # the process ends, and need not look for what it could free
    usage_error = typer.BadParameter.__base__
    click_error = usage_error.__base__ if usage_error else Exception
    STOPS.begin()
    code: Any = 0
    try:
        with terminable():
            code = app(standalone_mode=False, obj=_began())
    except typer.Abort:
        code = 130
    except click_error as error:  # type: ignore[misc]
        code = _complain(error.format_message())
    except KeyboardInterrupt:
        code = 130
    except MemoryError:
        code = _failed("not enough memory; try --size with a smaller size")
    except (ValueError, OSError, ImportError) as error:
        code = _failed(str(error) or type(error).__name__)
    except Exception as error:  # that nobody foresaw
        code = 130 if STOPS.came else _complain(in_one_line(error), 1)
    if code == 130:  # which typer makes of Ctrl-C as well
        STOPS.by(KeyboardInterrupt())
    if STOPS.code:
        code = _complain(STOPS.in_words(), STOPS.code)
    sys.exit(code if isinstance(code, int) else 0)


def _began() -> float:
    """Return when a command began, by the monotonic clock: with its process, if that is new."""
    worked, waited = on_core()
    return time.monotonic() - (worked + waited) * (worked < IMPORTING)


def _failed(message: str) -> int:
    """Say what went wrong, unless it was that a library was stopped while it was imported."""
    return 130 if STOPS.came and not STOPS.when else _complain(message)


def _complain(message: str, code: int = 2) -> int:
    if message:  # without words, help has been printed
        typer.echo(f"isthmus: {' '.join(message.split())}", err=True)
    return code


if __name__ == "__main__":
    main()
