"""What commands are given: models, images and codes, opened and checked."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from isthmus.cli.options import ends_of, size_of
from isthmus.cli.output import print_changed, print_skipped

if TYPE_CHECKING:
    from isthmus.base import Representation
    from isthmus.data.images import Images


def images_from(source: str | list[str], **options: Any) -> Images:
    """Return the images of a source, loaded as the options of a command say: see `loading`."""
    from isthmus.data.readers import load_images

    return load_images(source, **loading(**options))


def loading(
    size: str | None = None, value_range: str | None = None, **others: Any
) -> dict[str, Any]:
    """Return what `load_images` is to be told, from the options of a command.

    Examples
    --------
    >>> loading("48x64", resize="pad", bits=12)
    {'size': (48, 64), 'value_range': None, 'resize': 'pad', 'bits': 12}
    """
    return {"size": size_of(size), "value_range": ends_of(value_range), **others}


def model_from(given: str | Path, verb: str = "") -> Representation:
    """Return the model of a file; of a study the one named, or its best for a verb, and say it."""
    from isthmus.studies.opening import load_model

    return load_model(given, verb=verb)


def parted(words: list[str]) -> tuple[list[str], str | list[str]]:
    """Return which words of "MODEL... SOURCE..." are models, and which are images.

    The first is a model and the last are images; between them images begin where a word is no
    file of a model and no study.
    """
    n = next((i for i, word in enumerate(words[1:-1], 1) if not _may_be_model(word)), -1)
    return words[:n], words[n:] if len(words[n:]) > 1 else words[-1]


def _may_be_model(word: str) -> bool:
    from isthmus.data.formats import IMAGE_NAME
    from isthmus.studies.folders import is_study

    if Path(word).is_file():
        return not IMAGE_NAME.fullmatch(Path(word).name)
    study = is_study(word) or is_study(word.rpartition(":")[0] or "-")
    return study or word.endswith(".safetensors")


def place_of(given: str | Path, verb: str = "") -> tuple[Path, str]:
    """Return the file of a model, and which model of a study that is."""
    if Path(given).is_file():
        return Path(given), ""
    from isthmus.studies.best import model_file

    return model_file(given, verb)


def warn_of_seen(models: Any, images: Images, split: str) -> None:
    """Say on standard error if a model learnt from images that are called held-out ones."""
    from isthmus.fitted.heldout import judged

    found = judged(models, images) if split == "test" else None
    if found is not None and found.held_out is False:
        typer.echo(f"isthmus: --split test is {found.words.removeprefix('on ')}", err=True)


def in_half(images: Any, split: str) -> Any:
    """Return all images, those to train on, or those held out."""
    from isthmus.fitted.heldout import HALVES, half_of
    from isthmus.validation import one_of

    try:
        one_of("split", split, HALVES)
        return images if images is None else half_of(images, split)
    except ValueError as error:
        raise ValueError(in_options(str(error), {"split": "--split"})) from None


def in_options(message: str, options: dict[str, str]) -> str:
    """Return a message with parameters called as the options that stand for them.

    Examples
    --------
    >>> in_options("k=0 must be 1 to 9", {"k": "-k"})
    '-k 0 must be 1 to 9'
    """
    for name, option in options.items():
        message = re.sub(rf"(?<![\w.]){name}=", f"{option} ", message)
    return message


def to_learn_from(images: Images, split: str) -> Images:
    """Return the images that `fit` learns from: those of a half, or all with no split any more."""
    from dataclasses import replace

    learnt = in_half(replace(images, is_test=None) if split == "all" else images, split)
    if len(learnt) < 2 <= len(images):
        raise ValueError(
            f"the {split} part of {len(images)} images of {images.source} is {len(learnt)}, at "
            "least 2 are needed to learn from: --split all takes all"
        )
    return learnt


def learnt_in_words(images: Images, learnt: Images, split: str) -> str:
    """Return how many images were learnt from, how many were not, and who said so.

    Examples
    --------
    >>> import numpy as np
    >>> from isthmus.data.images import Images
    >>> images = Images(np.zeros((600, 4)))
    >>> learnt_in_words(images, images.train, "train")
    'learnt from 480 of 600, 120 are held out (a fifth by chance, seed 0)'
    """
    n, rest = len(images), len(images) - len(learnt)
    if split == "test":
        return f"learnt from the {len(learnt):,} of {n:,} that others hold out"
    if split == "all" or not rest:
        return f"learnt from all {n:,}, none is held out"
    chance = "" if images.is_test is not None else " (a fifth by chance, seed 0)"
    return f"learnt from {len(learnt):,} of {n:,}, {rest:,} are held out{chance}"


def images_for(model: Any, source: str, asked: dict[str, Any]) -> Images:
    """Return the images of a source in one size, as a model or a dict of several takes them."""
    return in_sizes(model, source, asked=asked)[0]


def in_sizes(
    model: Any,
    source: str | list[str],
    split: str = "all",
    per: str | None = None,
    own: bool = False,
    quiet: bool = False,
    whole: bool = False,
    rows: str | None = None,
    asked: dict[str, Any] | None = None,
) -> list[Any]:
    """Return the images of a source as a model takes them, or a dict of several; say what changed.

    They are one set of one size, unless they may keep their `own` and the model takes any; those
    of the split and of these `rows`, or the `whole` where a verb itself is told which to take.
    `load_images` is given what is `asked` of their size, how they get it, and of their colour.
    """
    from isthmus.data.like import like_all
    from isthmus.data.readers import in_own_sizes, load_images
    from isthmus.data.several import expanded
    from isthmus.latent.codes import check_range

    if model is None:
        raise ValueError(
            "without a model image files are taken as they are: leave out --size, --resize, "
            "--color, --whole and --lossless, or give MODEL before SOURCE"
        )
    models = model if isinstance(model, dict) else {"": model}
    name, note = like_all(models)
    files = expanded(source)  # once: standard input cannot be read twice
    images = load_images(files, like=models[name], per=per, **asked or {})
    print_skipped(images)
    half = in_half(images, split)
    for each in models.values():
        check_range(each, half)
    warn_of_seen(list(models.values()), half, split)
    images = images if whole else half
    images = images if rows is None else images.with_split()[rows_from(rows, images)]
    sets = in_own_sizes(images, files, models[name], per or "image") if own else [images]
    if not quiet:
        print_changed(*sets)
    if images.changed and note:
        typer.echo(f"isthmus: {note}", err=True)
    return sets


def in_files(
    model: Any, source: str | list[str], split: str = "all", rows: str | None = None
) -> Any:
    """Return image files as they are: some of them, as `in_sizes` chooses; None of other sources.

    So it is where a model's images are none that files hold, as vectors.
    """
    from isthmus.data.pictures import as_pictures
    from isthmus.verbs.remade import takes_files

    models = model if isinstance(model, dict) else {"": model}
    if not all(each is None or takes_files(each) for each in models.values()):
        return None
    pictures = as_pictures(source)
    if pictures is None and model is None:
        raise ValueError(f"{source} is no folder of image files: give a model, MODEL, before it")
    if pictures is None:
        return None
    print_skipped(pictures)
    known = in_half(pictures.known(), split)
    known = known if rows is None else known[rows_from(rows, known)]
    return pictures.of(known.factors["row"].tolist())


def watched() -> bool:
    """Return whether progress is to be shown."""
    from isthmus.system.progress import is_shown  # what it takes is not for help to load

    return is_shown()


def rows_from(text: str, images: Images, option: str = "images") -> list[int]:
    """Return the rows of images that "3,17", "0-9", "all" or "cat/1.jpg,cat/2.jpg" stands for.

    Examples
    --------
    >>> import numpy as np
    >>> from isthmus.data.images import Images
    >>> rows_from("3,8-10", Images(np.zeros((20, 4))))
    [3, 8, 9, 10]
    """
    if text == "all":
        return list(range(len(images)))
    words = [word.strip() for word in text.split(",")]
    ends = [re.fullmatch(r"(\d+)(?:-(\d+))?", word) for word in words]
    if not all(ends):
        return _rows_named(text, words, images, option)
    spans = ((int(each[1]), int(each[2] or each[1])) for each in ends if each)
    rows = [row for first, last in spans for row in range(first, last + 1)]
    beyond = [row for row in rows if row >= len(images)]
    if beyond or not rows:
        n = len(images)
        raise ValueError(f"--{option} {text!r}: there are {n} images, 0 to {n - 1}")
    return rows


def _rows_named(text: str, words: list[str], images: Images, option: str) -> list[int]:
    """Return the rows of images that are called so; a name may hold a comma itself."""
    from isthmus.data.names import Finder

    if images.names is None:
        raise ValueError(
            f"--{option} {text!r}: expected numbers as 3,17,40 or 0-9, or all; the images of "
            f"{images.source} have no names"
        )
    finder, rows = Finder(images), list[int]()
    for word in [text] if finder.rows(text) else words:
        found = finder.rows(word)
        if len(found) > 1 and not set("*?[") & set(word):
            raise ValueError(f"--{option} {word!r} {finder.between(found)}")
        if not found:
            raise ValueError(
                f"--{option} {word!r}: no image of {images.source} is called so{finder.hint(word)}"
            )
        rows += found
    return rows


def numbers_from(text: str, option: str, kind: type = float) -> list[Any]:
    """Return the numbers in "-1,0,2.5".

    Examples
    --------
    >>> numbers_from("-1,0,2.5", "--strengths")
    [-1.0, 0.0, 2.5]
    """
    try:
        return [kind(part) for part in text.split(",")]
    except ValueError:
        example = "0,3,5" if kind is int else "-1,0,1.5"
        raise ValueError(f"{option} {text!r}: expected numbers as {example}") from None
