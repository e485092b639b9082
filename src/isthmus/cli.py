"""The command line: parse, call, print."""

from __future__ import annotations

import inspect
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from isthmus import signature
from isthmus.files import refuse_existing
from isthmus.models import FAMILIES

app = typer.Typer(
    name="isthmus",
    help="Learn narrow representations of images: fit, compare, and look at what they keep.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
fit_app = typer.Typer(no_args_is_help=True, help="Fit one family and save the model.")
app.add_typer(fit_app, name="fit")

Source = Annotated[
    str, typer.Argument(help="A named set (see `isthmus data`), a folder, or a file of images.")
]
ModelFile = Annotated[Path, typer.Argument(help="A model saved by `isthmus fit` or a study.")]
Out = Annotated[Path, typer.Option("--out", "-o", help="Where to write.")]
Force = Annotated[bool, typer.Option("--force", help="Overwrite what is there.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")]
Seed = Annotated[int, typer.Option("--seed", help="Seed of everything random.")]
Size = Annotated[
    str | None, typer.Option(help="Height and width of the images: 64, or 48x64.", show_default=False)
]
Resize = Annotated[str, typer.Option(help="How they get it: crop, pad or stretch.")]
Color = Annotated[str, typer.Option(help="Channels: auto, grey or rgb.")]
Split = Annotated[str, typer.Option(help="Which images: all, train or test.")]


@app.command()
def study(
    source: Source,
    output: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Folder of the report.", show_default="runs/SOURCE"),
    ] = None,
    models: Annotated[
        str | None, typer.Option(help="Families, as kmeans,pca.", show_default="all")
    ] = None,
    budget: Annotated[
        str | None, typer.Option(help="Time for everything: 90s, 5m, 1h.", show_default="none")
    ] = None,
    width: Annotated[
        int | None, typer.Option(help="Numbers in a code.", show_default="32")
    ] = None,
    size: Size = None,
    resize: Resize = "crop",
    color: Color = "auto",
    seed: Seed = 0,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Fit every family, measure all on held-out images, write a report."""
    from isthmus.models import family
    from isthmus.study import check_folder

    names = [name.strip() for name in models.split(",")] if models else list(FAMILIES)
    seconds = _seconds(budget)
    folder = output or Path("runs") / (Path(source).name or "study")
    check_folder(folder, force=force)
    for name in names:
        family(name)
    from isthmus.study import study as run

    images = _load(source, size, resize, color)
    result = run(
        images, names, budget=seconds, width=width, random_state=seed, verbose=_watched(as_json)
    )
    result.command = _command()
    report = result.report(folder, force=force)
    if as_json:
        _print_json({"report": str(report), "scores": result.scores, "notes": result.notes})
        return
    _print_scores(result.scores)
    for note in result.notes:
        typer.echo(note)
    _print_skipped(images)
    typer.echo(f"report: {report}")


@app.command()
def encode(
    model: ModelFile,
    source: Source,
    output: Out,
    split: Split = "all",
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Write the codes of images to a .npy file."""
    loaded, images = _model_and_images(model, source, split, output, force)
    _save_array(output, loaded.encode(images), as_json)


@app.command()
def decode(
    model: ModelFile,
    codes: Annotated[Path, typer.Argument(help="Codes in a .npy file.")],
    output: Out,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Turn codes back into images: a .npy file, a .png sheet or a folder of PNG files."""
    from isthmus.store import load_model

    refuse_existing(output, force=force)
    loaded = load_model(model)
    _save_images(output, _able(loaded, "decode")(_codes(codes)), force, as_json)


@app.command()
def reconstruct(
    model: ModelFile,
    source: Source,
    output: Out,
    split: Split = "all",
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Encode images and decode them again: what is left after the narrow code."""
    from isthmus.walks import reconstruct as run

    loaded, images = _model_and_images(model, source, split, output, force)
    _able(loaded, "decode")
    _save_images(output, run(loaded, images), force, as_json)


@app.command()
def generate(
    model: ModelFile,
    output: Out,
    count: Annotated[int, typer.Option("--count", "-n", help="How many images.")] = 16,
    seed: Seed = 0,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Draw new images: a .npy file, a .png sheet or a folder of PNG files."""
    from isthmus.store import load_model

    refuse_existing(output, force=force)
    loaded = load_model(model)
    _save_images(output, _able(loaded, "sample")(count, random_state=seed), force, as_json)


@app.command()
def data(
    source: Annotated[
        str | None, typer.Argument(help="What to look at; none lists the named sets.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Contact sheet to write.", show_default="NAME.png"),
    ] = None,
    count: Annotated[int, typer.Option("--count", "-n", help="Images on the sheet.")] = 100,
    size: Size = None,
    resize: Resize = "crop",
    color: Color = "auto",
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """List the named sets, or say what is in a source and draw a contact sheet of it."""
    if source is None:
        _list_sets(as_json)
        return
    images = _load(source, size, resize, color)
    path = output or Path(f"{Path(source).stem or 'images'}.png")
    if output is not None:
        refuse_existing(output, force=force)
    facts = _facts(images)
    if as_json:
        _print_json(facts)
    else:
        for name, value in facts.items():
            typer.echo(f"{name:>8}  {value}")
        _print_skipped(images)
    _save_images(path, images[_evenly(len(images), count)], True, quiet=as_json)


@app.command()
def models(as_json: AsJson = False) -> None:
    """List the families and what each can do."""
    from isthmus.models import family

    verbs = ("fit", "encode", "decode", "sample")
    rows = []
    for name in FAMILIES:
        can = {verb: verb == "fit" or hasattr(family(name), f"_{verb}") for verb in verbs}
        rows.append({"model": name, "about": signature.caption(name), **can})
    if as_json:
        _print_json(rows)
        return
    marks = [{k: {True: "yes", False: "-"}.get(v, v) for k, v in row.items()} for row in rows]
    _print_table(marks)


def _fit(name: str, source: str, to: Path, force: bool, as_json: bool, **options: Any) -> None:
    from isthmus.models import family

    refuse_existing(to, force=force)
    loading = {key: options.pop(key) for key in ("size", "resize", "color")}
    images = _load(source, **loading)
    model = family(name)(**_values(name, options), verbose=_watched(as_json))
    model.fit(images.train)
    model.save(to)
    facts = {"model": str(to), "family": name, "code": model.code_, "health": model.health_}
    if hasattr(model, "decode"):
        half = "test" if images.is_test is not None else "train"
        facts[f"{half} mse"] = round(-model.score(getattr(images, half)), 8)
    if as_json:
        _print_json(facts)
        return
    _print_skipped(images)
    for key, value in facts.items():
        if key != "health":
            typer.echo(f"{key:>9}  {value}")
    for finding in model.health_:
        typer.echo(f"   health  {finding}")


def _fit_command(name: str) -> Callable[..., None]:
    """Return the command `fit NAME`, its options made from the family's signature."""

    def command(**given: Any) -> None:
        _fit(name, **given)

    shared = inspect.signature(data, eval_str=True).parameters
    fields = [("source", Source, inspect.Parameter.empty), ("to", Out, inspect.Parameter.empty)]
    for parameter in signature.parameters(name):
        if parameter.name != "verbose":
            fields.append((parameter.name, *_option(parameter)))
    for key in ("size", "resize", "color", "force", "as_json"):
        fields.append((key, shared[key].annotation, shared[key].default))
    command.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            inspect.Parameter(key, inspect.Parameter.KEYWORD_ONLY, annotation=kind, default=default)
            for key, kind, default in fields
        ]
    )
    command.__annotations__ = {key: kind for key, kind, _ in fields}
    command.__doc__ = signature.caption(name)
    return command


def _option(parameter: signature.Parameter) -> tuple[Any, Any]:
    """Return the annotation and default of the option that stands for a parameter."""
    kinds = {"int": int, "float": float, "bool": bool}
    kind: Any = kinds.get(parameter.annotation.removesuffix(" | None"), str)
    if parameter.name == "random_state":
        kind = int
    default = parameter.default
    if isinstance(default, tuple):
        default = ",".join(map(str, default))
    kind = kind | None if default is None else kind
    text = parameter.help.replace("[", "\\[")
    return Annotated[kind, typer.Option(help=text, show_default=default is not None)], default


def _values(name: str, options: dict[str, Any]) -> dict[str, Any]:
    """Return parameter values from options: "512,256" is a tuple of numbers again."""
    for parameter in signature.parameters(name):
        given = options.get(parameter.name)
        if isinstance(parameter.default, tuple) and isinstance(given, str):
            try:
                options[parameter.name] = tuple(int(part) for part in given.split(",") if part)
            except ValueError:
                flag = parameter.name.replace("_", "-")
                raise ValueError(f"--{flag} {given!r}: expected whole numbers as 512,256") from None
    return options


for _name in FAMILIES:
    fit_app.command(_name)(_fit_command(_name))


def _load(source: str, size: str | None, resize: str, color: str) -> Any:
    from isthmus.data.readers import load_images

    return load_images(source, size=_size(size), fit=resize, color=color)


def _size(text: str | None) -> int | tuple[int, int] | None:
    if text is None:
        return None
    if not re.fullmatch(r"\d+(x\d+)?", text):
        raise ValueError(f"--size {text!r}: expected one number or HEIGHTxWIDTH, as 64 or 48x64")
    sides = [int(side) for side in text.split("x")]
    return sides[0] if len(sides) == 1 else (sides[0], sides[1])


def _seconds(text: str | None) -> float | None:
    if text is None:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", text.strip())
    if not match or not float(match[1]):
        raise ValueError(f"--budget {text!r}: expected a time such as 90s, 5m or 1h")
    return float(match[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[match[2]]


def _model_and_images(path: Path, source: str, split: str, output: Path, force: bool) -> tuple:
    """Load a model, and images the way it needs them."""
    from isthmus.base import as_channels
    from isthmus.data.readers import load_images
    from isthmus.store import load_model

    refuse_existing(output, force=force)
    if split not in ("all", "train", "test"):
        raise ValueError(f"--split {split!r} must be all, train or test")
    model = load_model(path)
    wanted: dict[str, Any] = {}
    if len(model.image_shape_) > 1 and Path(source).is_dir():
        h, w, c = as_channels(model.image_shape_)
        wanted = {"size": (h, w), "color": {1: "grey", 3: "rgb"}.get(c, "auto")}
    images = load_images(source, **wanted)
    _print_skipped(images)
    return model, images if split == "all" else getattr(images, split)


def _able(model: Any, verb: str) -> Callable[..., Any]:
    if not hasattr(model, verb):
        raise ValueError(f"{type(model).__name__} cannot {verb}; `isthmus models` lists who can")
    return getattr(model, verb)


def _codes(path: Path) -> Any:
    import numpy as np

    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    try:
        return np.load(path, allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise ValueError(f"{path} is not a .npy file of codes ({error})") from None


def _save_array(path: Path, array: Any, as_json: bool = False) -> None:
    import numpy as np

    from isthmus.files import replacing

    if path.suffix != ".npy":
        raise ValueError(f"{path} must end in .npy")
    with replacing(path) as temporary:
        np.save(temporary, array)
    _say_written(path, array, as_json)


def _save_images(
    path: Path, images: Any, force: bool, as_json: bool = False, quiet: bool = False
) -> None:
    """Write images as a .npy file, a .png contact sheet, or a folder of PNG files."""
    from isthmus.files import replacing, replacing_folder
    from isthmus.views.figures import sheet, write_images

    if path.suffix == ".npy":
        _save_array(path, images, as_json)
        return
    if path.suffix == ".png":
        with replacing(path) as temporary:
            sheet(images).save(temporary)
    elif path.suffix:
        raise ValueError(f"{path}: expected a name ending in .npy or .png, or a folder")
    else:
        with replacing_folder(path, force=force) as folder:
            write_images(folder, images)
    if not quiet:
        _say_written(path, images, as_json)


def _say_written(path: Path, array: Any, as_json: bool) -> None:
    if as_json:
        _print_json({"file": str(path), "shape": list(array.shape), "dtype": str(array.dtype)})
    else:
        typer.echo(f"wrote {path}: shape {tuple(array.shape)}, {array.dtype}")


def _facts(images: Any) -> dict[str, Any]:
    low = min(chunk.min() for chunk in images.chunks()).item()
    high = max(chunk.max() for chunk in images.chunks()).item()
    facts = {
        "source": images.source,
        "count": len(images),
        "shape": list(images.shape[1:]),
        "dtype": str(images.dtype),
        "range": [low, high],
        "classes": images.classes,
        "factors": sorted(images.factors) or None,
        "split": None,
        "skipped": len(images.skipped),
    }
    if images.is_test is not None:
        facts["split"] = f"{len(images.train)} train, {len(images.test)} test"
    return {key: value for key, value in facts.items() if value is not None}


def _list_sets(as_json: bool) -> None:
    from isthmus.data.catalog import named_sets

    rows = [dict(zip(("set", "about", "where"), row, strict=True)) for row in named_sets()]
    _print_json(rows) if as_json else _print_table(rows)


def _evenly(n: int, count: int) -> Any:
    import numpy as np

    return np.unique(np.linspace(0, n - 1, min(n, max(1, count))).round().astype(int))


def _print_scores(scores: list[dict[str, Any]]) -> None:
    shown = ("model", "code", "mse", "psnr", "ssim", "bits_per_image", "svm_accuracy", "seconds")
    rows = [{k: record.get(k) for k in shown} for record in scores]
    _print_table([{k.replace("_", " "): _short(v) for k, v in row.items()} for row in rows])


def _short(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _print_table(rows: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for name in rows[0]:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(str(value).replace("[", "\\[") for value in row.values()))
    Console(soft_wrap=not sys.stdout.isatty()).print(table)


def _print_skipped(images: Any) -> None:
    for name, reason in images.skipped[:10]:
        typer.echo(f"skipped {name}: {reason}", err=True)
    if len(images.skipped) > 10:
        typer.echo(f"skipped {len(images.skipped) - 10} more", err=True)


def _print_json(value: Any) -> None:
    typer.echo(json.dumps(value, default=str))


def _watched(as_json: bool) -> bool:
    return sys.stderr.isatty() and not as_json


def _command() -> str:
    import shlex

    return shlex.join(["isthmus", *sys.argv[1:]])


def main() -> None:
    """Run the command line; an error of the user is one line on standard error and exit code 2."""
    usage_error = typer.BadParameter.__base__
    click_error = usage_error.__base__ if usage_error else Exception
    try:
        code = app(standalone_mode=False)
    except typer.Abort:
        code = 130
    except click_error as error:  # type: ignore[misc]
        code = _complain(getattr(error, "format_message", lambda: str(error))())
    except KeyboardInterrupt:
        code = _complain("interrupted", 130)
    except MemoryError:
        code = _complain("not enough memory; try --size with a smaller size")
    except (ValueError, OSError, ImportError) as error:
        code = _complain(str(error) or type(error).__name__)
    sys.exit(code if isinstance(code, int) else 0)


def _complain(message: str, code: int = 2) -> int:
    typer.echo(f"isthmus: {' '.join(message.split())}", err=True)
    return code


if __name__ == "__main__":
    main()
