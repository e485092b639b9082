"""Tensors: sharing memory with arrays, devices, seeds, distances."""

from __future__ import annotations

import contextlib
import ctypes
import sys
from typing import Any

import numpy as np
import torch


def _keep_freed_memory() -> None:
    """Tell the C library to keep freed blocks of up to 8 MB for the next allocation.

    By default it hands them back to the system, and every batch pays for getting its pages anew:
    a third of the time of a small network's training step. Larger blocks would leave holes that
    nothing fits into.
    """
    if sys.platform == "linux":
        trim_threshold, mmap_threshold = -1, -3  # M_TRIM_THRESHOLD, M_MMAP_THRESHOLD of glibc
        with contextlib.suppress(OSError, AttributeError):  # other C libraries do without
            libc = ctypes.CDLL(None)
            libc.mallopt(mmap_threshold, 8 * 2**20)
            libc.mallopt(trim_threshold, 128 * 2**20)


_keep_freed_memory()


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


def has_int8_products(device: torch.device) -> bool:
    """Return whether products of 8-bit integers are exact there: elsewhere sums may saturate."""
    supported = getattr(torch.cpu, "_is_vnni_supported", lambda: False)
    return device.type == "cpu" and hasattr(torch, "_int_mm") and supported()
