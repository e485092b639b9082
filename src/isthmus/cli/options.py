"""Options of the command line: those that commands share, and those of a family."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from isthmus import signature

SOURCE = (
    "A named set (see `isthmus data`), a folder, a file of images, image files, a pattern as "
    "'photos/*.jpg', or - for a list of paths on standard input."
)
Source = Annotated[str, typer.Argument(metavar="SOURCE", help=SOURCE)]
Sources = Annotated[list[str], typer.Argument(metavar="SOURCE...", help=SOURCE)]
MODEL = "A saved model, or one of a study: STUDY:NAME, or STUDY for the best of it."
ModelOrNone = Annotated[Path | None, typer.Argument(metavar="[MODEL]", help=MODEL)]
SourceLeft = Annotated[str | None, typer.Argument(metavar="SOURCE", help=SOURCE)]
"""Where MODEL may be left out: one word alone is SOURCE."""
ModelFile = Annotated[Path, typer.Argument(metavar="MODEL", help=MODEL)]
Out = Annotated[Path, typer.Option("--out", "-o", help="Where to write.")]
Force = Annotated[bool, typer.Option("--force", help="Overwrite what is there.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")]
Seed = Annotated[int, typer.Option("--seed", help="Seed of everything random.")]
Budget = Annotated[
    str | None,
    typer.Option(metavar="90s|5m|1h", help="Time to take; what is done by then is kept."),
]
Size = Annotated[
    str | None,
    typer.Option(help="Height and width of the images: 64, or 48x64.", show_default=False),
]
Resize = Annotated[
    str | None,
    typer.Option(
        metavar="crop|pad|stretch",
        help="How images get that size: scaled and cut, scaled and padded, each side by itself.",
        show_default="crop; with a model as it was fitted",
    ),
]
Color = Annotated[
    str,
    typer.Option(metavar="auto|grey|rgb", help="Channels; auto as files are, or as the model."),
]
Dtype = Annotated[str, typer.Option(help="Type of the pixels: uint8, or float32 for more depth.")]
Bits = Annotated[
    int | None,
    typer.Option(help="Bits that files of 16 bits use.", show_default="8 to 16, as all need"),
]
Layout = Annotated[
    str, typer.Option(help="Axes of an array in a file: dn (columns are images), hwn, nchw, ...")
]
Ends = Annotated[
    str | None,
    typer.Option(
        "--value-range",
        metavar="BLACK,WHITE|keep",
        help="Which numbers of the source are black and white, as 0,4095; keep leaves numbers.",
        show_default="by their type, or a guess",
    ),
]
Nth = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Take every so many-th frame of videos and animations.",
        show_default="1 of a video, the first frame of an animation",
    ),
]
Per = Annotated[str, typer.Option(help="What one sample is: image, pixel, or patch (of --size).")]
LabelTable = Annotated[
    str | None,
    typer.Option(
        "--labels",
        help="Labels: a table of names of images and labels (.csv, .jsonl, .json, .parquet).",
        show_default=False,
    ),
]
Columns = Annotated[
    str | None,
    typer.Option(
        help="What columns of a table hold, as image=photo,label=species,split=fold.",
        show_default="known by their names",
    ),
]
LOADING: dict[str, tuple[Any, Any]] = {
    "size": (Size, None),
    "resize": (Resize, None),
    "color": (Color, "auto"),
    "dtype": (Dtype, "uint8"),
    "bits": (Bits, None),
    "layout": (Layout, "auto"),
    "value_range": (Ends, None),
    "nth": (Nth, None),
    "per": (Per, "image"),
    "labels": (LabelTable, None),
    "columns": (Columns, None),
}
"""Options that say how images are loaded, and their defaults."""
Split = Annotated[str, typer.Option(metavar="all|train|test", help="Which of the images.")]
LIKE = {name: LOADING[name] for name in ("size", "resize", "color", "labels", "columns")}
"""What can be said of images that are loaded as a model takes them, unless a verb means another
thing by that name."""
Validation = Annotated[
    str | None,
    typer.Option(
        help="Images to choose the best epoch by, in place of a share of the training images: a "
        "named set, a folder, or a file.",
        show_default=False,
    ),
]
Learnt = Annotated[
    str, typer.Option(metavar="all|train|test", help="Which of the images to learn from.")
]

RowsAsked = Annotated[
    str | None,
    typer.Option(
        "--images",
        help="Which images of SOURCE: numbers from 0 as 3,17 or 0-9, or names of files.",
        show_default="all",
    ),
]
Evenly = Annotated[
    int, typer.Option("--count", "-n", help="Up to this many images, evenly spaced.", min=1)
]

WIDEST = 15
"""Characters that the words an option allows may take beside it; longer ones end its help."""
SPELLED = {
    "random_state": ("--seed",),
    "count": ("--count", "-n"),
    "k": ("--count", "-n"),
    "max_seconds": ("--budget",),
    "reference": ("--among",),
    "n_clusters": ("--n-clusters", "-k"),
    "rows": ("--images",),
    "watch": ("--live",),
    "names": ("--models",),
    "layouts": ("--maps",),
    "open_browser": ("--browser",),
    "every": ("--all",),
}
"""Options that are not called as the parameters they stand for alone."""


OF_KIND: dict[str, Any] = {"random_state": int, "max_seconds": str}
"""Types of options that are not those of their parameters: a time is written as 5m."""


def flags_of(name: str) -> tuple[str, ...]:
    """Return how the option is spelled that stands for a parameter.

    Examples
    --------
    >>> flags_of("random_state"), flags_of("max_steps"), flags_of("from_")
    (('--seed',), ('--max-steps',), ('--from',))
    """
    return SPELLED.get(name, (f"--{name.rstrip('_').replace('_', '-')}",))


def taking(
    command: Callable[..., None], fields: Iterable[tuple[str, Any, Any]], caption: str
) -> Callable[..., None]:
    """Return a command with the parameters that typer is to see: name, annotation, default."""
    listed = list(fields)
    by_keyword = inspect.Parameter.KEYWORD_ONLY
    command.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            inspect.Parameter(name, by_keyword, annotation=kind, default=default)
            for name, kind, default in listed
        ]
    )
    command.__annotations__ = {name: kind for name, kind, _ in listed}
    command.__doc__ = caption
    return command


def option_for(parameter: signature.Parameter, *also: str) -> tuple[Any, Any]:
    """Return annotation and default of the option of a parameter, which is `also` spelled so."""
    kinds = {"int": int, "float": float, "bool": bool, "Watch": bool}
    kind: Any = kinds.get(parameter.annotation.removesuffix(" | None"), str)
    if parameter.name in OF_KIND:
        kind = OF_KIND[parameter.name]
    default = parameter.default
    if isinstance(default, tuple) or ("tuple[" in parameter.annotation and default is not None):
        kind = str
        default = ",".join(map(str, default)) if isinstance(default, tuple) else str(default)
    kind = kind | None if default is None else kind
    name = parameter.name
    odd = name in SPELLED or name.endswith("_") or also
    spelled = (*flags_of(name), *also) if odd else ()
    metavar = "|".join([*_written_as(parameter), *parameter.choices])
    fits = 0 < len(metavar) <= WIDEST
    help = _told(parameter, fits)
    more: dict[str, Any] = {"metavar": metavar} if fits else {}
    option = typer.Option(*spelled, help=plainly(help), show_default=default is not None, **more)
    return Annotated[kind, option], default


def _written_as(parameter: signature.Parameter) -> list[str]:
    """Return how a value is written, where that is not as in Python."""
    if parameter.name == "max_seconds" or "Seconds" in parameter.annotation:
        return ["90s", "5m", "1h"]
    return ["3,17|a.jpg"] if "Rows" in parameter.annotation else []


def _told(parameter: signature.Parameter, shown: bool) -> str:
    """Return help; where it does not name the words that are allowed, they stand at its end."""
    text = re.sub(r"\bNone (?=is|makes|takes|means)", "the default ", parameter.help)
    text = re.sub(r"(?<=\. )the default", "The default", text)
    named = all(re.search(rf"\b{re.escape(word)}(?!\w)", text) for word in parameter.choices)
    if shown or named:
        return text
    return f"{text} One of {', '.join(parameter.choices)}."


def plainly(text: str) -> str:
    r"""Return help without the marks of reStructuredText.

    Examples
    --------
    >>> plainly("the norm :math:`z`, of ``x[0]``")
    'the norm z, of x\\[0]'
    """
    return re.sub(r":math:`([^`]*)`", r"\1", text).replace("``", "").replace("[", "\\[")


def values_of(name: str, options: dict[str, Any]) -> dict[str, Any]:
    """Return parameter values from options: "512,256" is a tuple of numbers again."""
    for parameter in signature.parameters(name):
        given = options.get(parameter.name)
        if isinstance(given, str) and parameter.name == "max_seconds":
            options[parameter.name] = seconds_of(given, "--budget")
        elif isinstance(given, str) and "tuple[" in parameter.annotation:
            options[parameter.name] = numbers_of(parameter, given)
    return options


def numbers_of(parameter: signature.Parameter, given: str) -> Any:
    """Return the numbers that "512,256" stands for, one alone where the parameter may be one."""
    whole = "float" not in parameter.annotation
    try:
        numbers = tuple((int if whole else float)(part) for part in given.split(",") if part)
    except ValueError:
        flag = flags_of(parameter.name)[0]
        kind = "whole numbers as 512,256" if whole else "a number, or several as 0.1,0.5"
        raise ValueError(f"{flag} {given!r}: expected {kind}") from None
    alone = len(numbers) == 1 and not parameter.annotation.startswith("tuple")
    return numbers[0] if alone else numbers


def size_of(text: str | None) -> int | tuple[int, int] | None:
    """Return the size that "64" or "48x64" (height first) stands for.

    Examples
    --------
    >>> size_of("48x64")
    (48, 64)
    """
    if text is None:
        return None
    if not re.fullmatch(r"\d+(x\d+)?", text):
        raise ValueError(f"--size {text!r}: expected one number or HEIGHTxWIDTH, as 64 or 48x64")
    sides = [int(side) for side in text.split("x")]
    return sides[0] if len(sides) == 1 else (sides[0], sides[1])


def ends_of(text: str | None) -> str | tuple[float, float] | None:
    """Return the value range that "0,4095" stands for, or "keep" and "auto" as they are.

    Examples
    --------
    >>> ends_of("0,4095"), ends_of("keep")
    ((0.0, 4095.0), 'keep')
    """
    if text is None or text in ("keep", "auto"):
        return text
    try:
        low, high = map(float, text.split(","))
    except ValueError:
        raise ValueError(
            f"--value-range {text!r}: expected black and white as 0,255, or keep"
        ) from None
    return low, high


def seconds_of(text: str, option: str) -> float:
    """Return the seconds that "90s", "5m" or "1h" stands for.

    Examples
    --------
    >>> seconds_of("5m", "--budget")
    300.0
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", text.strip())
    if not match or not float(match[1]):
        raise ValueError(f"{option} {text!r}: expected a time such as 90s, 5m or 1h")
    return float(match[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[match[2]]
