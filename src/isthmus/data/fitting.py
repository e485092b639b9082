"""What was done to images so that all have one shape: noted as they are read, said, and undone."""

from __future__ import annotations

from typing import Any

import numpy as np

SCALED, CUT, PADDED, STRETCHED, GREYED, COLORED, FLATTENED, ROUNDED = (1 << i for i in range(8))
"""Bits of `Images.changes`."""
SIZE_BITS = SCALED | CUT | PADDED | STRETCHED
SIZE_WORDS = {SCALED: "scaled", CUT: "cut", PADDED: "padded with black", STRETCHED: "stretched"}
COLOR_WORDS = {
    GREYED: "turned to grey",
    COLORED: "turned to RGB",
    FLATTENED: "with transparency laid over white",
    ROUNDED: "rounded to 8 bits",
}
LISTED = 3
"""Sizes that are named in a sentence, at most."""
DEFAULTS: dict[str, Any] = {
    "fit": "crop",
    "color": "auto",
    "dtype": "uint8",
    "per": "image",
    "bits": None,
    "value_range": None,
    "range_by": None,
    "nth": None,
    "layout": "auto",
}
"""How images are loaded unless something else is asked for: of models that do not know."""


def size_changes(sizes: np.typing.ArrayLike, size: tuple[int, int], fit: str) -> np.ndarray:
    """Return what `fit` does to images of these heights and widths, (n,) bits.

    What is less than a pixel of the result is not counted as cut, padded or stretched.

    Examples
    --------
    >>> size_changes([(64, 64), (128, 128), (481, 321)], (64, 64), "crop").tolist()
    [0, 1, 3]
    """
    there, wanted = np.reshape(sizes, (-1, 2)), np.array(size)
    ratios = wanted / there
    scale = (ratios.min(1) if fit == "pad" else ratios.max(1))[:, None]
    # of "pad" whole pixels are filled, as `padded` rounds them
    covered = np.maximum(1, np.rint(there * scale)) if fit == "pad" else there * scale
    differs = (np.abs(covered - wanted) > 1 - 1e-9).any(1)
    other = {"crop": CUT, "pad": PADDED, "stretch": STRETCHED}[fit]
    found = np.where(differs, other, 0)
    is_stretched = (found & STRETCHED) > 0
    scaled = (ratios != 1).any(1) if fit == "stretch" else scale[:, 0] != 1
    return (found | np.where(scaled & ~is_stretched, SCALED, 0)).astype(np.uint8)


def in_words(changes: np.ndarray, sizes: np.ndarray | None, size: tuple[int, ...]) -> str:
    """Return one sentence on how many images were changed and how, "" where none was.

    Parameters
    ----------
    changes : ndarray of uint8 of shape (n,)
        The bits of every image.
    sizes : ndarray of int of shape (n, 2) or None
        Height and width as they were read.
    size : tuple of int
        Height and width as they are.

    Examples
    --------
    >>> in_words(np.array([3, 0, 16]), np.array([[481, 321], [64, 64], [64, 64]]), (64, 64))
    '2 of 3 images were changed: 1 scaled and cut (from 481x321 to 64x64), 1 turned to grey'
    """
    count = int((changes != 0).sum())
    if not count:
        return ""
    parts = []
    for bits in np.unique(changes & SIZE_BITS).tolist():
        if bits:
            number = int((changes & SIZE_BITS == bits).sum())
            parts.append(f"{number:,} {' and '.join(_words(SIZE_WORDS, bits))}")
    if parts and sizes is not None:
        changed = sizes[(changes & SIZE_BITS) != 0]
        parts[-1] += f" (from {_listed(changed)} to {size[0]}x{size[1]})"
    for bit, words in COLOR_WORDS.items():
        if number := int((changes & bit != 0).sum()):
            parts.append(f"{number:,} {words}")
    verb = "image was" if len(changes) == 1 else "images were"
    return f"{count:,} of {len(changes):,} {verb} changed: {', '.join(parts)}"


def _words(words: dict[int, str], bits: int) -> list[str]:
    return [word for bit, word in words.items() if bits & bit]


def _listed(sizes: np.ndarray) -> str:
    """Return sizes in words, the most frequent first."""
    found, counts = np.unique(sizes, axis=0, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    named = [f"{h}x{w}" for h, w in found[order[:LISTED]].tolist()]
    if len(found) > LISTED:
        more = len(found) - LISTED
        named.append(f"{more:,} other size{'s' * (more > 1)}")
    return " and ".join([", ".join(named[:-1])] * (len(named) > 1) + named[-1:])


def padded(
    size: tuple[float, float], within: tuple[int, int]
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the size of an image that lies within another one, and its upper left corner there.

    Examples
    --------
    >>> padded((100, 50), (64, 64))
    ((64, 32), (0, 16))
    """
    ratio = min(within[0] / size[0], within[1] / size[1])
    height, width = (max(1, round(side * ratio)) for side in size)
    return (height, width), ((within[0] - height) // 2, (within[1] - width) // 2)


def loading_of(given: object) -> dict[str, Any]:
    """Return how images were loaded, or those that a model was fitted on, which remembers it."""
    known = getattr(given, "fitting_", getattr(given, "loading", {}))
    return {name: known.get(name, value) for name, value in DEFAULTS.items()}
