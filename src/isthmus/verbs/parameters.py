"""Types of the parameters of verbs; `isthmus.cli.parameters` says how a command reads each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

Model = Any
"""A fitted Representation; for a command a file."""
Models = Mapping[str, Any]
"""Fitted Representations by name; for a command one file or several."""
ImagesLike = Any
"""Images, or an array (n, ...); for a command a source."""
ArrayLike = Any
"""An array or a list of numbers; for a command a .npy file, or numbers as 0,3,5."""
Code = Any
"""A code, an array (k,); for a command the number of one of the images."""
Words = Sequence[str]
"""Some of the words that are listed; for a command knn,svm."""
Rows = Sequence[int] | np.ndarray
"""Which of the images; for a command 3,17 or 0-9 or all."""
