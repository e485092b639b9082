"""The state of an unfinished fit on disk, and what tells that it belongs to the same fit."""

from __future__ import annotations

import hashlib
import json
import math
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from isthmus.data.images import Images
from isthmus.tensors import read_tensors, write_tensors

KEY = "isthmus_checkpoint"
HASHED_BYTES = 64 * 2**20
"""Bytes of images that are hashed in full; of larger sets evenly spaced images, and the sums."""
MAY_DIFFER = {
    "epochs",
    "max_steps",
    "max_seconds",
    "patience",
    "checkpoint",
    "log_dir",
    "verbose",
    "device",
}
"""Parameters a resumed fit may have other values for than the fit it resumes."""
UNKNOWN_BEFORE = ("data", "targets")
"""What the checkpoints of older versions do not say."""

State = dict[str, torch.Tensor]


class Checkpoint(NamedTuple):
    """What a checkpoint holds.

    Attributes
    ----------
    tensors : dict of str to Tensor
        Weights, the best of them, optimisers, random generators, the order of the images.
    facts : dict
        The settings of the fit, its history, and how far it had come.
    """

    tensors: State
    facts: dict[str, Any]

    def group(self, prefix: str) -> State:
        """Return the tensors whose names begin so, without that beginning."""
        return {k.removeprefix(prefix): v for k, v in self.tensors.items() if k.startswith(prefix)}

    def save(self, path: str) -> None:
        """Write the file, whole or not at all."""
        tensors = {name: value.contiguous() for name, value in self.tensors.items()}
        write_tensors(path, tensors, {KEY: json.dumps(self.facts)})


def settings_of(model: Any, images: Images, n_train: int) -> dict[str, str]:
    """Return everything a resumed fit must share with the first, in words."""
    settings = {k: repr(v) for k, v in model.get_params().items() if k not in MAY_DIFFER}
    settings["images"] = f"{n_train} training images of shape {model.image_shape_}"
    settings["data"] = _hash_of_images(images)
    targets = model._targets(images)
    settings["targets"] = "none" if targets is None else _hash(targets.cpu().numpy())
    return settings


def _hash(array: np.ndarray) -> str:
    data = np.ascontiguousarray(array).data
    return hashlib.blake2b(data, digest_size=16, person=array.dtype.str.encode()).hexdigest()


def _hash_of_images(images: Images) -> str:
    """Return a hash of evenly spaced images, of all where they are few, and of the sums of all."""
    each = max(1, math.prod(images.shape[1:]) * images.dtype.itemsize)
    some = np.asarray(images.evenly(max(2, HASHED_BYTES // each)))
    sums = [float(chunk.sum(dtype=np.float64)) for chunk in images.chunks()]
    return _hash(some) + _hash(np.array([len(images), *sums]))


def read_checkpoint(path: str | None, settings: dict[str, str]) -> Checkpoint | None:
    """Return the checkpoint of a fit with these settings; None if there is none yet.

    Raises
    ------
    ValueError
        If it is damaged, or belongs to another fit.
    """
    if not path or not Path(path).exists():
        return None
    tensors, facts = read_tensors(path, KEY)
    there = facts["fit"]
    if any(name not in there for name in UNKNOWN_BEFORE):
        warnings.warn(
            f"{path} is of an older isthmus and does not say what images it learnt from: make "
            "sure that these are the same",
            UserWarning,
            stacklevel=2,
        )
        there = {name: settings[name] for name in UNKNOWN_BEFORE} | there
    other = [
        _difference(name, there.get(name)) for name in settings if _differs(name, there, settings)
    ]
    if other:
        raise ValueError(f"{path} belongs to another fit: {', '.join(other)}; remove it")
    return Checkpoint(tensors, facts)


def _differs(name: str, there: dict[str, str], here: dict[str, str]) -> bool:
    # a generator given as it is has no value to compare; its draws are in the checkpoint
    drawn = name == "random_state" and " at 0x" in here[name]
    return there.get(name) != here[name] and not drawn


def _difference(name: str, value: str | None) -> str:
    if name in UNKNOWN_BEFORE:
        return {"data": "it learnt from other images", "targets": "it learnt other targets"}[name]
    return f"{name} is {value} there"


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: State) -> None:
    """Give an optimiser the state whose tensors are named by weight and kind, as "3/exp_avg"."""
    state: dict[int, State] = {}
    for name, value in tensors.items():
        index, key = name.split("/")
        state.setdefault(int(index), {})[key] = value
    groups = optimizer.state_dict()["param_groups"]
    weights: list[torch.Tensor] = [w for g in optimizer.param_groups for w in g["params"]]
    for place, values in state.items():  # laid out as the weights are: the fused step asks so
        for key, value in values.items():
            if value.shape == weights[place].shape:
                values[key] = torch.empty_like(weights[place]).copy_(value)
    optimizer.load_state_dict({"state": state, "param_groups": groups})
