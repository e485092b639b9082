"""Tensors: sharing memory with arrays, devices, seeds, distances."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np
import torch

Seed: TypeAlias = int | np.random.Generator | np.random.RandomState | None
"""What a `random_state` can be."""
MEGABYTE = 2**20
BROKEN = LookupError, TypeError, ValueError, ArithmeticError, RuntimeError, AttributeError
"""What reading a file that does not hold together may end in."""
PLAIN = "ISTHMUS_PLAIN"
"""Environment variable that, set to 1, turns every fast path off."""


def is_plain() -> bool:
    """Return whether fast paths are switched off, so that all is computed by torch's own layers.

    They are the integer products of `Nearest` and of PCA, bfloat16 that nobody asked for, the
    gradients written by hand (chains of dense layers, transposed convolutions, the likelihood of
    binary pixels), the optimisers that move all weights at once, and what is told to the C library
    about memory. The variable is read whenever one of them could be taken.
    """
    return os.environ.get(PLAIN, "0") not in ("", "0")


def _keep_freed_memory(block: int, all_in_all: int) -> None:
    """Tell the C library up to which size, and how much, it keeps freed blocks for the next use.

    By default it hands them back to the system, and every batch pays for getting its pages anew:
    a third of the time of a small network's training step.
    """
    if sys.platform == "linux" and not is_plain():
        trim_threshold, mmap_threshold = -1, -3  # M_TRIM_THRESHOLD, M_MMAP_THRESHOLD of glibc
        with contextlib.suppress(OSError, AttributeError):  # other C libraries do without
            libc = ctypes.CDLL(None)
            libc.mallopt(mmap_threshold, block)
            libc.mallopt(trim_threshold, all_in_all)
            libc.malloc_trim(0)


def _keep_small_blocks() -> None:
    # larger ones would leave holes that nothing fits into
    _keep_freed_memory(8 * MEGABYTE, 128 * MEGABYTE)


_keep_small_blocks()


@contextlib.contextmanager
def same_blocks_again() -> Iterator[None]:
    """Keep large freed blocks as well, where every step asks for the same ones: in training.

    A step of a network that keeps images at their full size would wait for the system a tenth of
    its time. What was kept goes back at the end.
    """
    _keep_freed_memory(1024 * MEGABYTE, 2047 * MEGABYTE)
    try:
        yield
    finally:
        _keep_small_blocks()


FAR = 16
"""Rows are taken about their mean where its square is so many times their mean squared distance
from it: nearer to the origin, that would cost more than it gains."""
DOUBT = 2**-10
"""Squared distances below this share of ``|x|^2 + |c|^2`` are computed from differences."""


def origin_of(c: torch.Tensor) -> torch.Tensor | None:
    """Return the mean of the rows if they lie far from the origin and near each other, else None.

    Examples
    --------
    >>> origin_of(torch.tensor([[3000.0, 0.0], [3001.0, 0.0]]))
    tensor([3000.5000,    0.0000])
    >>> origin_of(torch.tensor([[0.0, 1.0], [1.0, 0.0]]))
    """
    mean = c.mean(0)
    spread = float((c - mean).square().sum(1).mean())
    return mean if float(mean.square().sum()) > FAR * spread else None


def squared_distances(
    x: torch.Tensor, c: torch.Tensor, square: torch.Tensor | None = None
) -> torch.Tensor:
    """Return ``|x - c|^2`` for every pair, (n, k), to three digits at the least.

    Written out, ``|x|^2 - 2 x c + |c|^2`` is one matrix product instead of n k differences. Far
    from the origin its terms cancel: there both are taken about the mean of `c`, and what is small
    beside the terms all the same is computed again, from differences.

    Parameters
    ----------
    x, c : tensors of shape (n, d) and (k, d)
        The rows.
    square : tensor of shape (n,), optional
        ``|x|^2``, where it is known; then rows are taken as they lie.

    Raises
    ------
    ValueError
        If the squares are too large for the type of the values.

    Examples
    --------
    >>> x = torch.tensor([[3000.0], [3001.0], [3003.0]])
    >>> squared_distances(x, x[:2])
    tensor([[0., 1.],
            [1., 0.],
            [9., 4.]])
    """
    if torch.compiler.is_compiling():  # or being exported: there no value can be looked at
        middle = c.mean(0)
        x, c = x - middle, c - middle
        d = torch.addmm((c * c).sum(1), x, c.T, alpha=-2)
        return d.add((x * x).sum(1, keepdim=True)).clamp(min=0)
    if square is None:
        if (origin := origin_of(c)) is not None:
            x, c = x - origin, c - origin
        square = torch.linalg.vector_norm(x, dim=1).square_()  # keeps no squares of all values
    offset = (c * c).sum(1)
    check_finite(4 * (square.max() + offset.max()) if len(x) else offset.max())
    d = torch.addmm(offset, x, c.T, alpha=-2).add_(square[:, None])
    doubtful = torch.nonzero(d.amin(1) < DOUBT * (square + offset.max()))[:, 0]
    if len(doubtful):
        small = d[doubtful] < DOUBT * (square[doubtful, None] + offset)
        rows, columns = torch.nonzero(small).T
        at_once = max(1, MEGABYTE // x.shape[1])
        for i, j in zip(doubtful[rows].split(at_once), columns.split(at_once), strict=True):
            d[i, j] = (x[i] - c[j]).square().sum(1)
    return d


def check_finite(result: torch.Tensor) -> None:
    """Raise ValueError where a result shows that values were too large for their type."""
    if not torch.compiler.is_compiling() and not bool(torch.isfinite(result).all()):
        raise ValueError(
            "the values are too large: sums of them or of their squares overflow; divide them by "
            "a number, or give float64, which reaches further than float32"
        )


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


@contextlib.contextmanager
def usual_torch() -> Iterator[None]:
    """Compute as if the caller had changed nothing about torch: the same numbers come out.

    Inference mode, autocast, another default type or device of tensors end for the time being, and
    gradients are off: what needs them turns them on.
    """
    dtype, device = torch.get_default_dtype(), torch.get_default_device()
    with contextlib.ExitStack() as stack:
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.no_grad())
        for kind in ("cpu", "cuda"):
            if torch.is_autocast_enabled(kind):
                stack.enter_context(torch.autocast(kind, enabled=False))
        if device.type != "cpu":
            stack.enter_context(torch.device("cpu"))
        if dtype != torch.float32:
            torch.set_default_dtype(torch.float32)
            stack.callback(torch.set_default_dtype, dtype)
        yield


def with_float64(x: torch.Tensor) -> torch.Tensor:
    """Return a tensor where there is arithmetic in float64: some devices have none."""
    return x if x.device.type in ("cpu", "cuda") else x.cpu()


def seed_of(random_state: Seed) -> int:
    """Return a seed drawn from an int, a Generator, a RandomState, or fresh entropy for None."""
    if random_state is None or isinstance(random_state, int | np.integer):
        return int(np.random.SeedSequence(random_state).generate_state(1, np.uint64)[0] >> 1)
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**31))
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(2**63))
    raise ValueError(f"random_state={random_state!r} must be None, an int or a numpy generator")


def generator(random_state: Seed, device: torch.device | str = "cpu") -> torch.Generator:
    """Return a torch generator of its own, seeded from `random_state`."""
    return torch.Generator(device=device).manual_seed(seed_of(random_state))


@contextlib.contextmanager
def chance_of(rng: torch.Generator) -> Iterator[None]:
    """Let torch's global generators, which new layers and dropout draw from, follow a seed.

    Their own state is put back afterwards.

    Examples
    --------
    >>> with chance_of(generator(0)):
    ...     first = torch.rand(2)
    >>> with chance_of(generator(0)):
    ...     print(bool((torch.rand(2) == first).all()))
    True
    """
    cuda = [rng.device] if rng.device.type == "cuda" else []
    with torch.random.fork_rng(cuda):
        torch.default_generator.manual_seed(rng.initial_seed())
        for device in cuda:
            with torch.cuda.device(device):
                torch.cuda.manual_seed(rng.initial_seed())
        yield


def has_int8_products(device: torch.device) -> bool:
    """Return whether products of 8-bit integers are fast and exact there.

    Elsewhere sums may saturate: also on a processor that could, if a library was told not to.
    """
    supported = getattr(torch.cpu, "_is_vnni_supported", lambda: False)
    known = device.type == "cpu" and hasattr(torch, "_int_mm")
    if not known or is_plain() or not supported():
        return False
    most = torch.full((16, 64), 127, dtype=torch.int8)
    return bool((torch._int_mm(most, most.T) == 64 * 127**2).all())


def has_bfloat16(device: torch.device) -> bool:
    """Return whether the device multiplies in bfloat16; emulated it would be slow."""
    if is_plain():
        return False
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    return device.type == "cpu" and supported()


def as_bytes(x: torch.Tensor) -> torch.Tensor | None:
    """Return 8-bit values, or such values divided by 255, as uint8; None for all others."""
    if x.dtype != torch.float32:
        return x if x.dtype == torch.uint8 else None
    whole = (x * 255).round_().clamp_(0, 255)
    return whole.to(torch.uint8) if torch.equal(whole / 255, x) else None


class Nearest:
    """Finds the nearest row of `c`; of 8-bit images by products of integers, four times as fast.

    For them the rows are rounded to 256 levels between the least and the greatest value, as fine
    as images are themselves: only rows at nearly equal distances can change places.
    """

    widest = 65_536  # sums of so many products of 8-bit integers stay below 2^31

    def __init__(self, c: torch.Tensor):
        self.c = c
        self.codes: torch.Tensor | None = None
        if has_int8_products(c.device) and c.shape[1] <= self.widest:
            low, high = float(c.min()), float(c.max())
            step = max(high - low, 1e-6) / 255
            levels = ((c - low) / step).round_().clamp_(0, 255) - 128
            self.codes = levels.to(torch.int8).T.contiguous()
            # |c|^2 / 2 - x c for x = (p + 128) / 255, in units of step / 255, less a constant
            levels = levels.double()
            offset = (low + step * (levels + 128)).square().sum(1) * 255 / (2 * step)
            offset -= 128 * levels.sum(1)
            self.offset = (offset - offset.min()).clamp_(max=2**29).round_().to(torch.int32)

    def __call__(self, values: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """Return an index for every image, given as it is packed (n, d) and as floats."""
        if self.codes is not None and (p := as_bytes(values)) is not None:
            products = torch._int_mm((p ^ 128).view(torch.int8), self.codes)
            return products.sub_(self.offset).argmax(1)
        return squared_distances(x, self.c).argmin(1)


def deviation_of(chunks: Iterator[torch.Tensor]) -> np.ndarray:
    """Return the standard deviation of every pixel, adding up about a first guess of the mean."""
    guess: Any = None
    n, total, square, room = 0, torch.zeros(()), torch.zeros(()), torch.zeros(())
    for x in chunks:
        if guess is None:
            guess = x.mean(0)
            total, square = torch.zeros_like(guess, dtype=torch.float64).repeat(2, 1)
            room = torch.empty_like(x)  # new pieces every time would leave holes in memory
        apart = torch.sub(x, guess, out=room[: len(x)])
        n += len(x)
        total += apart.sum(0)
        square += apart.square_().sum(0)
    variance = square / n - (total / n) ** 2
    return variance.clamp(min=0).sqrt().to(guess).cpu().numpy()
