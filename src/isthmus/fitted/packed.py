"""Values of any kind as JSON can hold them, and back."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from isthmus.data.values import as_array

MODULE = "$module"
"""Key of the name of a module of the user's: its weights are among the tensors."""
ARRAYS = "biufUO"
"""Kinds of arrays that a header may hold: numbers, words, and objects that are either."""


def packed(value: Any) -> Any:
    """Return a value as JSON can hold it; tuples, arrays and keys that are no words are marked.

    Examples
    --------
    >>> packed({"hidden": (8, 4), "weight": {0: 0.5}})
    {'hidden': {'$tuple': [8, 4]}, 'weight': {'$dict': [[0, 0.5]]}}
    >>> unpacked(packed({"hidden": (8, 4), "weight": {0: 0.5}}))
    {'hidden': (8, 4), 'weight': {0: 0.5}}
    """
    value = as_array(value) if isinstance(value, torch.Tensor) else value
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, nn.Module):
        return {MODULE: f"{type(value).__module__}:{type(value).__qualname__}"}
    if name_of_code(value):
        return {"$name": name_of_code(value)}
    if isinstance(value, str | int | float | None):
        return value
    if isinstance(value, tuple):
        return {"$tuple": [packed(one) for one in value]}
    if isinstance(value, list):
        return [packed(one) for one in value]
    if isinstance(value, dict):
        if all(isinstance(key, str) and not key.startswith("$") for key in value):
            return {key: packed(one) for key, one in value.items()}
        return {"$dict": [[packed(key), packed(one)] for key, one in value.items()]}
    if isinstance(value, np.ndarray) and value.dtype.kind in ARRAYS:
        kind = "O" if value.dtype.kind == "O" else value.dtype.newbyteorder("=").str
        flat = [packed(one) for one in value.ravel().tolist()]
        return {"$array": flat, "type": kind, "shape": list(value.shape)}
    if isinstance(value, Path):
        return {"$path": str(value)}
    return str(value) if isinstance(value, torch.device) else None


def unpacked(value: Any) -> Any:
    """Return the value that `packed` was given."""
    if isinstance(value, list):
        return [unpacked(one) for one in value]
    if not isinstance(value, dict):
        return value
    if "$tuple" in value:
        return tuple(unpacked(value["$tuple"]))
    if "$dict" in value:
        return {unpacked(key): unpacked(one) for key, one in value["$dict"]}
    if "$path" in value:
        return Path(value["$path"])
    if "$name" in value:
        return Named(value["$name"])
    if "$array" not in value:
        return {key: unpacked(one) for key, one in value.items()}
    dtype = np.dtype(value["type"])
    if dtype.kind not in ARRAYS or len(value["$array"]) != math.prod(value["shape"]):
        raise ValueError(f"an array of type {dtype} and shape {value['shape']} is damaged")
    # how wide words are is seen anew: a damaged file might ask for any width
    array = np.empty(len(value["$array"]), object)
    array[:] = unpacked(value["$array"])
    return array.astype(str if dtype.kind == "U" else dtype).reshape(value["shape"])


class Named(str):
    """The name of a function, class or callback, "module:qualname": a file holds no code.

    A model that was loaded with one encodes and decodes; to be fitted again it has to be given
    the thing itself.
    """

    __slots__ = ()


def name_of_code(value: object) -> str:
    """Return "module:qualname" of a function, a class or a callback, "" of anything else.

    Examples
    --------
    >>> name_of_code(torch.optim.NAdam), name_of_code(0.5)
    ('torch.optim.nadam:NAdam', '')
    """
    if isinstance(value, Named):
        return str(value)
    told = any(name.startswith("on_") for name in dir(type(value)))
    if isinstance(value, nn.Module) or not (callable(value) or told):
        return ""
    named = value if hasattr(value, "__qualname__") else type(value)
    return f"{named.__module__}:{named.__qualname__}"
