"""Steps among prototypes, for codes that are indices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from isthmus.latent.codes import one_image
from isthmus.verbs.parameters import Model
from isthmus.verbs.ways import Ways


class Traversal(Ways):
    """What becomes of images when numbers of their codes change, an array; see `Ways`."""

    @property
    def measured(self) -> None:
        """Nothing is measured."""


def steps_among(
    model: Model, starts: dict[str, Any], dims: Any, steps: int, seed: int
) -> Traversal:
    """Return rows of prototypes around that of every start."""
    names = axes_of(model)
    dims = chosen_dims(dims, len(names), lambda: list(range(len(names))))
    found: dict[str, np.ndarray] = {}
    for name, start in starts.items():
        if start is None:
            start = int(np.random.default_rng(seed).integers(len(model.prototypes_)))
        ways = neighbors(model, start, steps)
        for dim in dims:
            found[f"{names[dim]}\nfrom {name}" if len(starts) > 1 else names[dim]] = ways[dim]
    units = np.stack(list(found.values()))
    shown = model.decode(units.clip(min=0).ravel()).reshape(*units.shape, *model.image_shape_)
    shown[units < 0] = np.nan
    made = Traversal.of(shown, model)
    prototypes = {name.replace("\n", ", "): way.tolist() for name, way in found.items()}
    drawn = dict(zip(found, shown, strict=True))
    return made.told(drawn, "prototypes beside its own", [], prototypes=prototypes)


def neighbors(model: Model, start: Any, steps: int = 9) -> np.ndarray:
    """Return the prototypes around that of an image, row by row as `traverse` shows them.

    Parameters
    ----------
    model : Representation
        Fitted, its code an index.
    start : array or Images of one image, or int
        The image, or the index of a prototype.
    steps : int
        How many in a row.

    Returns
    -------
    ndarray of int of shape (2, steps) or (1, steps)
        Indices; -1 where there is none.
    """
    unit = _index_of(model, start)
    if not model.can("locate"):
        apart = ((model.prototypes_ - model.prototypes_[unit]) ** 2).sum(1)
        apart[unit] = -1.0  # another centroid may be equal to it
        nearest = np.argsort(apart, kind="stable")[None, :steps]
        return np.pad(nearest, ((0, 0), (0, steps - nearest.shape[1])), constant_values=-1)
    rows, columns = model.grid_
    row, column = divmod(unit, columns)
    along = np.arange(steps) - steps // 2
    down, across = row + along, column + along
    if model.periodic:  # opposite edges are joined
        down, across = down % rows, across % columns
    down = np.where((down >= 0) & (down < rows), down * columns + column, -1)
    across = np.where((across >= 0) & (across < columns), row * columns + across, -1)
    return np.stack([down, across])


def _index_of(model: Model, image: Any) -> int:
    if np.ndim(image) == 0:
        model.decode(np.array([image]))  # says which indices there are
        return int(image)
    return int(model.encode(one_image(model, image))[0])


def axes_of(model: Model) -> tuple[str, ...]:
    """Return the ways that lead on from a prototype."""
    return (
        ("down the rows", "along the columns") if model.can("locate") else ("nearest centroids",)
    )


def chosen_dims(dims: Any, width: int, order: Callable[[], list[int]]) -> list[int]:
    """Return the latent dimensions that are meant, checked."""
    if isinstance(dims, int | np.integer) and 1 <= dims <= width:
        return order()[: int(dims)]
    if isinstance(dims, int | np.integer):
        raise ValueError(
            f"dims={dims} must be 1 to {width}, how wide a code is; or a list of them"
        )
    chosen = list(range(width) if dims is None else dims)
    if not chosen or [dim for dim in chosen if not 0 <= dim < width]:
        raise ValueError(f"dims={chosen} must be some of 0 to {width - 1}, the latent dimensions")
    return chosen
