"""What a recipe is: a setting of a deck, and the function that carries it out."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from isthmus.reproduction.run import Run


@dataclass(frozen=True)
class Recipe:
    """A setting of a deck.

    Parameters
    ----------
    deck : str
        Letter of the deck.
    about : str
        What it is, in one line.
    minutes : float
        How long it takes, roughly, on two cores.
    function : str
        Which function of `isthmus.reproduction.deck_X` does it.
    options : dict
        The numbers of the setting, given to that function.
    departures : dict
        Where it departs from what the deck says, or the deck says nothing: what is set, by its
        name in `isthmus.reproduction.said.SAID`, and why.
    seeds : int
        How often it is done, each time with another seed; rehearsals once. `minutes` are of all.
    """

    deck: str
    about: str
    minutes: float
    function: str
    options: dict[str, Any] = field(default_factory=dict)
    departures: dict[str, str] = field(default_factory=dict)
    seeds: int = 1

    def run(self, run: Run) -> None:
        """Carry it out on an `isthmus.reproduction.run.Run`."""
        module = import_module(f"isthmus.reproduction.deck_{self.deck.lower()}")
        getattr(module, self.function)(run, **self.options)


DECKS = {
    "A": "six unsupervised models, one interface",
    "B": "the autoencoder lesson",
    "C": "representing data, with labels and per pixel",
    "D": "beta-VAE on rotated digits",
    "E": "a small autoencoder, looked at closely",
    "F": "beyond the decks: what a code is good for",
}
"""Letter to title."""
