"""The page about the reproduction, written from the results of the recipes."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isthmus.reproduction.recipes import DECKS, RECIPES
from isthmus.reproduction.runner import RESULT, result_of
from isthmus.reproduction.said import departures
from isthmus.system.files import refuse_existing, replacing, replacing_folder

if TYPE_CHECKING:
    from PIL.Image import Image

Result = dict[str, Any]

WIDEST = 1100
"""Pixels of a picture on the page; wider ones are reduced."""

QUALITY = 80
VERDICTS = {True: "yes", False: "**no**", None: "-"}

SEE = {
    "A": {"encode": "verbs/encode.md", "compress": "verbs/compress.md",
          "generate": "verbs/generate.md", "map": "verbs/map.md"},
    "B": {"denoise": "verbs/denoise.md", "fine-tune": "verbs/finetune.md",
          "morph": "verbs/morph.md", "edit": "verbs/edit.md"},
    "C": {"the per-pixel network": "verbs/segment.md", "probe": "verbs/probe.md"},
    "D": {"the live demo": "explore.md", "traverse": "verbs/traverse.md"},
    "E": {"territory": "verbs/territory.md", "morph": "verbs/morph.md",
          "walk through the plane": "explore.md"},
}  # fmt: skip
"""Pages of what a deck asks for."""

HEADING = "# The decks, reproduced\n"
OPENING = """
What five slide decks say about learning narrow representations of images, beside what came out
when their settings were run with isthmus, and [where ours depart from theirs](#where-ours-depart).
"±" is half of the 95 % interval of a mean over seeds, by Student's t; pictures and notes are of
the first seed. This page is generated from the results:

```
isthmus reproduce --all
isthmus reproduce --document {path} --force
```
"""


def write_document(
    path: str | Path, root: str | Path = "runs/reproduce", *, force: bool = False
) -> int:
    """Write the page from the results in a folder, its pictures beside it; return their number.

    Recipes that are on the page already and not in the folder stay as they are.

    Parameters
    ----------
    path : str or Path
        The page, ending in .md; pictures go to a folder of that name beside it.
    root : str or Path
        Folder of all results.
    force : bool
        Write it anew where it is.

    Returns
    -------
    int
        How many recipes are on the page.

    Raises
    ------
    ValueError
        If the name does not end in .md, or there are no results.
    OSError
        If it cannot be written, or something else would be overwritten.
    """
    path, root = Path(path), Path(root)
    refuse_document(path, force=force)
    if not any(result_of(root / name) for name in RECIPES):
        raise ValueError(f"there are no results in {root}; run `isthmus reproduce NAME` first")
    homes = _homes(path.with_suffix(""), root)
    results = [result_of(homes[name]) or {} for name in RECIPES if name in homes]
    with replacing_folder(path.with_suffix(""), force=True, published=True) as folder:
        shown = {
            result["recipe"]: _copied(result, homes[result["recipe"]], folder)
            for result in results
        }
    with replacing(path) as temporary:
        temporary.write_text(_page(results, shown, path), encoding="utf-8")
    return len(results)


def _homes(page: Path, root: Path) -> dict[str, Path]:
    """Return the folder of every recipe's result: a new one, or the page's where it is fuller."""
    homes: dict[str, Path] = {}
    for name in RECIPES:
        there, here = result_of(page / name), result_of(root / name)
        if here and (there is None or here["share"] >= there["share"]):
            homes[name] = root / name
        elif there:
            homes[name] = page / name
    return homes


def refuse_document(path: str | Path, *, force: bool = False) -> None:
    """Raise where a page could not be written, before any work is done.

    Raises
    ------
    ValueError
        If the name does not end in .md.
    FileExistsError
        If it is there and `force` is not given, or something is there that is no page of ours.
    """
    path = Path(path)
    if path.suffix != ".md":
        raise ValueError(f"{path} must end in .md")
    if path.exists() and not path.read_text(encoding="utf-8").startswith(HEADING):
        raise FileExistsError(f"{path} is not a page of this kind: give another name")
    refuse_existing(path, force=force, folder=False)
    refuse_existing(path.with_suffix(""), force=force, folder=True)


def _copied(result: Result, home: Path, folder: Path) -> list[tuple[str, str]]:
    """Copy the pictures of a recipe, smaller where that can be; return title and place of each."""
    name, copies = result["recipe"], []
    (folder / name).mkdir()
    for picture in result["pictures"]:
        source = home / Path(picture["file"]).name  # never from elsewhere
        target = folder / name / source.name
        done = target.suffix in (".svg", ".webp")
        target = Path(shutil.copy(source, target)) if done else _small(source, target)
        copies.append({"file": target.name, "title": picture["title"]})
    (folder / name / RESULT).write_text(
        json.dumps(result | {"pictures": copies}, indent=1) + "\n", encoding="utf-8"
    )
    return [(copy["title"], f"{name}/{copy['file']}") for copy in copies]


def _small(source: Path, target: Path) -> Path:
    """Write a picture as WebP, without loss unless a little loss halves it; return where."""
    from PIL import Image

    target = target.with_suffix(".webp")
    with Image.open(source) as opened:
        picture = _narrow(opened.convert("RGB"))
    picture.save(target, lossless=True, method=6)
    lossy = target.with_suffix(".lossy")
    picture.save(lossy, "webp", quality=QUALITY, method=6)
    if 2 * lossy.stat().st_size < target.stat().st_size:
        os.replace(lossy, target)
    lossy.unlink(missing_ok=True)
    return target


def _narrow(picture: Image) -> Image:
    from PIL import Image

    if picture.width <= WIDEST:
        return picture
    size = WIDEST, round(picture.height * WIDEST / picture.width)
    return picture.resize(size, Image.Resampling.LANCZOS)


def _page(results: Sequence[Result], shown: dict[str, list[tuple[str, str]]], path: Path) -> str:
    shown_path = path.name if path.is_absolute() else path.as_posix()
    parts = [HEADING + OPENING.format(path=shown_path), _overview(results), _failed(results)]
    parts += [_departed({result["recipe"] for result in results})]
    for deck, title in DECKS.items():
        of_deck = [result for result in results if result["deck"] == deck]
        if of_deck:
            parts.append(f"## Deck {deck}: {title}\n{_see_also(deck, path.parent)}")
        parts += [_section(result, shown[result["recipe"]], path.stem) for result in of_deck]
    return "\n".join(part for part in parts if part).rstrip() + "\n"


def _see_also(deck: str, beside: Path) -> str:
    """Return links to the pages of what a deck asks for, where they lie beside this one."""
    links = [
        f"[{words}]({place})" for words, place in SEE.get(deck, {}).items()
        if (beside / place).is_file()
    ]  # fmt: skip
    return f"\nBy hand, with images of your own: {', '.join(links)}.\n" if links else ""


def _overview(results: Sequence[Result]) -> str:
    """Return a row a deck: recipes, claims, and what they took."""
    rows = []
    for deck, title in DECKS.items():
        of_deck = [result for result in results if result["deck"] == deck]
        known = sum(recipe.deck == deck for recipe in RECIPES.values())
        minutes = sum(result["seconds"] for result in of_deck) / 60
        link = f"{deck}: {title}"
        link = f"[{link}](#{_anchor(f'Deck {link}')})" if of_deck else link
        done = f"{len(of_deck)} of {known}"
        rows.append((link, done, "{} of {}".format(*claims_of(of_deck)), f"{minutes:.1f}"))
    made = sorted({result["made_with"] for result in results})
    table = _table(("deck", "recipes done", "claims that hold", "minutes"), rows)
    return f"{table}\n\nMade with {'; '.join(made)}.\n"


def claims_of(results: Iterable[Result]) -> tuple[int, int]:
    """Return how many claims of the decks hold, and of how many it is known."""
    verdicts = [figure["holds"] for result in results for figure in result["figures"]]
    return verdicts.count(True), verdicts.count(True) + verdicts.count(False)


def _failed(results: Sequence[Result]) -> str:
    """Return the claims that do not hold, all in one place."""
    lines = [
        f"- [{result['recipe']}](#{_anchor(result['recipe'])}): {_cell(figure['what'])}: "
        f"{'asked is' if result['deck'] == 'F' else 'the deck says'} {_number(figure['deck'])}, "
        f"ours is {_ours(figure)}. "
        f"{_sentence(figure['note'])}".rstrip()
        for result in results
        for figure in result["figures"]
        if figure["holds"] is False
    ]
    return "\n".join(["## Where a deck's claim does not hold\n", *lines, ""]) if lines else ""


def _departed(done: set[str]) -> str:
    """Return where settings depart from the decks', what these leave open, and what is not run."""
    found = list(departures())
    sides = {
        "deck and ours differ": [row for row in found if row.deck is not None],
        "the deck does not say": [row for row in found if row.deck is None],
    }
    lines = ["## Where ours depart\n"]
    if missing := [name for name in RECIPES if name not in done]:
        lines.append(f"Not run yet, and not on this page: {', '.join(missing)}.\n")
    for title, rows in sides.items():
        cells = [
            (_linked(row.recipe, done), row.what, _set(row.deck), _set(row.ours), _cell(row.why))
            for row in rows
        ]
        lines.append(f"{_sentence(title).rstrip('.')}:\n")
        lines.append(_table(("recipe", "setting", "deck", "ours", "why"), cells) + "\n")
    return "\n".join(lines)


def _linked(name: str, done: set[str]) -> str:
    return f"[{name}](#{_anchor(name)})" if name in done else name


def _set(value: object) -> str:
    """Return a setting as it is read; those of several networks one after the other."""
    if isinstance(value, dict):
        return "; ".join(f"{name} {_set(each)}" for name, each in value.items())
    if isinstance(value, list):
        return ", ".join(map(_set, value))
    return _number(value)


def _section(result: Result, pictures: Sequence[tuple[str, str]], folder: str) -> str:
    lines = [f"### {result['recipe']}\n", f"{_sentence(result['about'])}\n"]
    if result["share"] < 1:
        lines.append(
            f"> A rehearsal with {result['share']:.2%} of the work: its figures mean nothing.\n"
        )
    lines.append(f"`{result['command']}` took {_duration(result['seconds'])}{_seeds(result)}.\n")
    if result["figures"]:
        rows = [
            (
                *map(_cell, (f["what"], _number(f["deck"]), _ours(f))),
                "not tested" if _untested(f) else VERDICTS[f["holds"]],
                _cell(f["note"]),
            )
            for f in result["figures"]
        ]
        lines.append(_table(("what", "deck", "ours", "holds?", "note"), rows) + "\n")
    lines += [f"![{title}]({folder}/{place})\n" for title, place in pictures]
    return "\n".join(lines)


def _seeds(result: Result) -> str:
    n = result.get("seeds", 1)
    return f" with {n} seeds" if n > 1 else ""


def _ours(figure: Result) -> str:
    """Return what came out, with its interval over seeds where there are several."""
    within = f" ± {_number(figure['within'])}" if "within" in figure else ""
    return _number(figure["ours"]) + within


def _untested(figure: Result) -> bool:
    """Return whether a deck says what ours is not held against; a setting of both is no claim."""
    return figure["holds"] is None and figure["deck"] not in (None, figure["ours"])


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = list(head)
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _sentence(text: str) -> str:
    """Return a text that starts with a capital and ends with a full stop, if it is one at all.

    Examples
    --------
    >>> _sentence("one was lost"), _sentence("")
    ('One was lost.', '')
    """
    return f"{text[0].upper()}{text[1:].rstrip('.')}." if text else ""


def _cell(text: str) -> str:
    return " ".join(str(text).replace("|", r"\|").split())


def _number(value: object) -> str:
    """Return a figure as it is read: thousands apart, four digits of a fraction.

    Examples
    --------
    >>> _number(32164), _number(0.0123456), _number(2.0), _number(None)
    ('32,164', '0.01235', '2', '-')
    """
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.4g}" if isinstance(value, float) else str(value)


def _duration(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 100 else f"{seconds / 60:.1f} min"


def _anchor(title: str) -> str:
    """Return the address of a heading within a page.

    Examples
    --------
    >>> _anchor("Deck A: six models, one page")
    'deck-a-six-models-one-page'
    """
    kept = "".join(c for c in title.lower() if c.isalnum() or c in " -_")
    return kept.replace(" ", "-")
