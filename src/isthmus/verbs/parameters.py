"""Types of the parameters of verbs; `isthmus.cli.parameters` says how a command reads each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from isthmus.base import Representation
    from isthmus.data.values import ArrayLike as ArrayLike
    from isthmus.data.values import ImagesLike as ImagesLike

    Model: TypeAlias = Representation
    Models: TypeAlias = Model | Mapping[str, Model]
    Source: TypeAlias = str | Path | ImagesLike
    Code: TypeAlias = np.ndarray
    CodesLike: TypeAlias = ArrayLike | str | Path
else:
    Model = Any
    """A fitted Representation; for a command a file."""
    Models = Any
    """A fitted Representation, or several by their names; for a command one file or several."""
    ImagesLike = Any
    """Images, or an array (n, ...); for a command a source."""
    Source = Any
    """Anything `load_images` reads, which the verb reads itself; for a command a source."""
    ArrayLike = Any
    """An array or a list of numbers; for a command a .npy file, or numbers as 0,3,5."""
    CodesLike = Any
    """Codes, or a file of them; for a command the file, or numbers as 0,3,5."""
    Code = Any
    """A code, an array (k,); for a command the number of one of the images."""
NewFile = str | Path
"""A file that a verb writes by itself, as it goes; for a command what -o says."""
Words = Sequence[str]
"""Some of the words that are listed; for a command knn,svm."""
Rows = Sequence[int] | np.ndarray
"""Which of the images; for a command 3,17 or 0-9 or all."""
Seconds = float
"""A time in seconds; for a command 90s, 5m or 1h."""
Watch = bool | Callable[[Any], Any]
"""Called with the result as far as it is; for a command whether that is written on the way."""
Count = int | str
"""How many: a number, a share as 5%, or auto where a verb can choose."""
AUTO = "auto"
Labels = int | str | Path
"""How many labels to learn from, or a table of labels; see `isthmus.data.tables`."""


def by_name(models: Models) -> Mapping[str, Any]:
    """Return models by their names, one alone by that of its class.

    Examples
    --------
    >>> by_name({"a": 3}), by_name(3)
    ({'a': 3}, {'int': 3})
    """
    return models if isinstance(models, Mapping) else {type(models).__name__: models}
