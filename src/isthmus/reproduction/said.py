"""What the decks say of their settings, and where the recipes depart from it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from importlib import import_module, resources
from typing import Any, NamedTuple

from isthmus.reproduction.recipe import Recipe
from isthmus.reproduction.recipes import RECIPES


class Departure(NamedTuple):
    """Where a recipe does not do what its deck says, or its deck does not say what it did.

    Attributes
    ----------
    recipe, what : str
        Which setting of which recipe.
    deck, ours : object
        What the deck says and what was done; None where it says nothing, or it is no number.
    why : str
        The reason.
    """

    recipe: str
    what: str
    deck: Any
    ours: Any
    why: str


@cache
def said() -> dict[str, dict[str, tuple[Any, str]]]:
    """Return every setting of the decks, from ``said.json``: by recipe, then by what is set.

    Each is what the deck says, None where it says nothing and the choice is ours; and where the
    recipe has it: an option of its own, or a constant of its deck's modules, a point leading into
    a dict. Where that is "", it is no number but a thing that is done otherwise.
    """
    text = resources.files("isthmus.reproduction").joinpath("said.json").read_text("utf-8")
    found = json.loads(text)
    return {name: {what: tuple(of) for what, of in each.items()} for name, each in found.items()}


def set_to(recipe: Recipe, where: str) -> Any:
    """Return what a recipe sets: an option, or a constant of its deck's modules.

    Examples
    --------
    >>> set_to(RECIPES["a-pca-10"], "n_components"), set_to(RECIPES["c-features"], "EPOCHS")
    (10, 100)
    """
    first, *rest = where.split(".", 1)
    if first in recipe.options:
        value = recipe.options[first]
    else:
        module = import_module(f"isthmus.reproduction.deck_{recipe.deck.lower()}")
        function = getattr(module, recipe.function)
        value = vars(import_module(function.__module__)).get(first, getattr(module, first, None))
    value = value[rest[0]] if rest else value
    return json.loads(json.dumps(value.tolist() if hasattr(value, "tolist") else value))


def departures(recipes: dict[str, Recipe] = RECIPES) -> Iterator[Departure]:
    """Yield where recipes depart from their decks, and what the decks leave to us.

    Raises
    ------
    ValueError
        If a departure has no reason in its recipe, or a reason is given for none.
    """
    for name, recipe in recipes.items():
        reasons = dict(recipe.departures)
        for what, (deck, where) in said().get(name, {}).items():
            ours = set_to(recipe, where) if where else None
            if where and ours == deck:
                continue
            if what not in reasons:
                raise ValueError(
                    f"{name}: {what} is {ours!r}, of the deck {deck!r}: say why in its departures"
                )
            yield Departure(name, what, deck, ours, reasons.pop(what))
        if reasons:
            raise ValueError(f"{name} departs from what no deck says: {', '.join(reasons)}")
