"""Every setting of every deck, by name: one line in a table, one function in its deck's file."""

from __future__ import annotations

from isthmus.reproduction.recipe import DECKS as DECKS
from isthmus.reproduction.recipe import Recipe
from isthmus.reproduction.recipes_abc import ABC
from isthmus.reproduction.recipes_def import DEF

RECIPES: dict[str, Recipe] = ABC | DEF
"""Name to recipe, in the order of the decks."""
