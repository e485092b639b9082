"""Tensors: sharing memory with arrays, devices, seeds, distances."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch


def squared_distances(x: torch.Tensor, c: torch.Tensor, *, shifted: bool = False) -> torch.Tensor:
    """Return ``|x - c|^2`` for every pair, (n, k); `shifted` leaves out ``|x|^2``.

    Written out, ``|x|^2 - 2 x c + |c|^2`` is one matrix product instead of n k differences.
    """
    d = torch.addmm((c * c).sum(1), x, c.T, alpha=-2)
    return d if shifted else d.add_((x * x).sum(1, keepdim=True))


def readable_tensor(array: np.ndarray) -> torch.Tensor:
    """Return a tensor sharing memory with `array`, even if that is read-only (a memory map)."""
    if array.flags.writeable:
        return torch.from_numpy(np.ascontiguousarray(array))
    # torch has no read-only tensors and warns; the contract is that no twin writes into its input
    shared = np.ascontiguousarray(array).view()
    interface = dict(
        shared.__array_interface__, data=(shared.__array_interface__["data"][0], False)
    )
    holder = type("Readable", (), {"__array_interface__": interface, "keep": shared})()
    return torch.from_numpy(np.asarray(holder))


def find_device(name: str) -> torch.device:
    """Return the torch device of that name; "auto" is a GPU if there is one, else the CPU."""
    if name != "auto":
        try:
            return torch.empty(0, device=name).device
        except (RuntimeError, AssertionError) as error:
            raise ValueError(f"device={name!r} cannot be used here: {error}") from None
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def seed_of(random_state: Any) -> int:
    """Return a seed drawn from an int, a Generator, a RandomState, or fresh entropy for None."""
    if random_state is None or isinstance(random_state, int | np.integer):
        return int(np.random.SeedSequence(random_state).generate_state(1, np.uint64)[0] >> 1)
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**31))
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(2**63))
    raise ValueError(f"random_state={random_state!r} must be None, an int or a numpy generator")


def generator(random_state: Any, device: torch.device | str = "cpu") -> torch.Generator:
    """Return a torch generator of its own, seeded from `random_state`."""
    return torch.Generator(device=device).manual_seed(seed_of(random_state))
