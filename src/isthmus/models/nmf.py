"""Non-negative matrix factorisation: images as sums of parts, nothing taken away."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar

import numpy as np
import torch

from isthmus.data.images import CHUNK_BYTES, Images
from isthmus.data.scratch import scratch
from isthmus.models.patchwise import PatchWise
from isthmus.passes import InPasses
from isthmus.tensors import generator
from isthmus.validation import one_of

SWEEPS = 3
"""Updates of the codes in one pass: they cost little beside the products with the images."""
START_BYTES = CHUNK_BYTES
"""Size of the random sample, as float32, whose singular vectors start the parts."""
DOUBT = 1e5
"""Squared errors below so many roundings of ``|X|^2`` are computed from differences."""
LONGEST = 100
"""Rounds of 10 sweeps after which a code is taken as it is."""
CODES = 10_000
"""Training codes, evenly spaced over all, that `sample` learns from at most."""
QUANTILES = 101
"""Points at which the distribution of every latent dimension is kept for `sample`."""


@dataclass(eq=False, repr=False)
class NMF(PatchWise, InPasses):
    r"""Factorises images into non-negative codes and parts, :math:`X \approx U V`.

    Minimises :math:`|X - U V|^2` over :math:`U \ge 0` (a code an image) and :math:`V \ge 0` (the
    parts). Since nothing can be subtracted, parts tend to be local: strokes, patches. `fit` runs
    over the images in chunks, and needs of every chunk its products with the parts and with its
    codes alone: a memory-mapped set stays on disk, the codes (n, k) are held in memory. `encode`
    solves for the best code with the parts fixed, which has one answer (exact to rounding,
    whatever images it comes with). Every part is scaled to a largest value of 1. `sample` draws
    codes whose numbers each follow their distribution in training, with their rank correlations
    (a Gaussian copula), so they are never negative.

    Parameters
    ----------
    n_components : int or None
        Number of parts, 1 to min(number of images, numbers in an image); None is 32,
        or as many as there can be.
    solver : {"cd", "mu"}
        "cd" is coordinate descent, part by part (HALS); "mu" multiplicative updates: simpler and
        slower, numbers that are zero stay zero.
    max_iter : int
        Passes over the images at most.
    tol : float
        Stop when a pass lowers the error by less than this share of the error, at least 0.
    init : {"nndsvda", "random"}
        First parts: "nndsvda" takes the positive or negative sides of the singular vectors (of a
        random sample, where there are many images) with zeros filled by the mean, "random" random
        numbers.

    Attributes
    ----------
    n_components_ : int
        How many there are.
    components_ : ndarray of shape (n_components_, d)
        The parts.
    reconstruction_err_ : float
        Frobenius norm of X - U V over the training images.
    code_quantiles_, code_spread_ : ndarray
        Distribution of the training codes: quantiles of every number, and S with S S^T their
        correlation once every number is made Gaussian.

    Raises
    ------
    ValueError
        If a value is negative, in `fit` or `encode`, or a parameter is out of its range.

    References
    ----------
    D. Lee and S. Seung, Learning the parts of objects by non-negative matrix factorization, 1999;
    Algorithms for non-negative matrix factorization, 2001. A. Cichocki and A.-H. Phan, Fast local
    algorithms for large scale nonnegative matrix and tensor factorizations, 2009. C. Boutsidis
    and E. Gallopoulos, SVD based initialization, 2008.

    Examples
    --------
    >>> import isthmus as ist
    >>> images = ist.load_images("digits")
    >>> nmf = ist.NMF(16, random_state=0).fit(images.train)
    >>> codes = nmf.encode(images.test)
    >>> codes.shape, bool(codes.min() >= 0), bool(nmf.components_.min() >= 0)
    ((359, 16), True, True)
    """

    n_components: int | None = None
    _: KW_ONLY
    solver: str = "cd"
    max_iter: int = 200
    tol: float = 1e-4
    init: str = "nndsvda"

    width = "n_components"
    needs_positive = True
    study_rank, study_weight, study_cost = 3, 0.3, 6.0
    encodes_by_search = True
    _at_least: ClassVar = {"max_iter": 1, "tol": 0}

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.positive_only = True
        return tags

    def _fit(self, images: Images) -> None:
        self._check_parameters()
        rng = generator(self.random_state, self.device_)
        unit, rows = self._unit(images), self._rows(images)

        def read() -> Iterator[torch.Tensor]:
            for chunk in images.chunks(rows):
                yield self._tensor(chunk) if unit == 1 else self._tensor(chunk) / unit

        mean, square = _moments(read())
        start = self._start(images, unit, mean, rng)
        factors = _Factors(start, len(images), square, self.solver)
        errors = [square**0.5]
        for _ in self._passes(self.max_iter):
            errors.append(factors.improve(read))
            if errors[-2] - errors[-1] <= self.tol * errors[-1]:
                break
        parts, use, codes = (tensor.cpu().numpy() for tensor in factors.scaled())
        self.reconstruction_err_ = errors[-1] * unit
        self.drop_ = (errors[-2] - errors[-1]) / max(errors[-1], 1e-12)
        self.components_ = parts.astype(np.float64 if images.dtype == np.float64 else np.float32)
        self.use_ = use
        self._learn_to_sample(codes, unit)

    def _rows(self, images: Images) -> int:
        return 4 * super()._rows(images)  # the sweeps' many small steps want long rows

    def _widest(self, images: Images) -> dict[str, int]:
        return {"n_samples": len(images)} | super()._widest(images)

    def _check_parameters(self) -> None:
        one_of("solver", self.solver, UPDATES)
        one_of("init", self.init, ("nndsvda", "random"))
        super()._check_parameters()

    def _unit(self, images: Images) -> float:
        """Return the power of 2 that brings all values to 1 or less; refuse negative ones.

        Taken in this unit values neither overflow nor vanish when they are squared, and what
        counts as little is little beside them.
        """
        most = 0.0
        if images.dtype == np.uint8:
            return 1.0
        for chunk in images.chunks(self._rows(images)):
            x = self._tensor(chunk)
            _refuse_negative(x)
            most = max(most, float(x.max()))
        return 2.0 ** math.ceil(math.log2(most)) if most else 1.0

    def _start(
        self, images: Images, unit: float, mean: float, rng: torch.Generator
    ) -> torch.Tensor:
        most = max(2 * self.n_components_, START_BYTES // (4 * self.n_features_in_))
        order = torch.randperm(len(images), generator=rng, device=rng.device).cpu().numpy()
        x = self._tensor(np.asarray(images[np.sort(order[:most])])) / unit
        if self.init == "nndsvda":
            parts = _sides(*_singular(x, self.n_components_, rng))
            return torch.where(parts > 1e-6, parts, mean)
        shape = (self.n_components_, x.shape[1])
        parts = torch.rand(shape, generator=rng, device=x.device, dtype=x.dtype)
        return parts * (mean / self.n_components_) ** 0.5

    def _learn_to_sample(self, codes: np.ndarray, unit: float) -> None:
        codes = codes.astype(np.float64) * unit
        self.code_quantiles_ = np.quantile(codes, np.linspace(0, 1, QUANTILES), axis=0).T
        middle = np.stack([_ranks(column) for column in codes.T], 1) / len(codes)
        normal = torch.special.ndtri(torch.from_numpy(middle)).numpy()
        normal /= np.maximum(np.sqrt((normal**2).mean(0)), 1e-6)
        values, vectors = np.linalg.eigh(normal.T @ normal / len(normal))
        self.code_spread_ = vectors * np.sqrt(np.maximum(values, 0))

    def _encode(self, x: torch.Tensor) -> torch.Tensor:
        """Return the least-squares codes, each settled by itself: the batch does not matter."""
        _refuse_negative(x)
        parts = self._learned("components_", x).double()
        square, product = parts @ parts.T, parts @ x.double().T
        codes = _begin(product, square)
        open_, now = torch.arange(len(x), device=x.device), codes.clone()
        for _ in range(LONGEST):
            for _ in range(10):
                before = now.clone()
                _descend(now, product, square)
            codes[:, open_] = now
            moving = (now - before).abs().amax(0) > 1e-9 * now.amax(0)
            open_, now, product = open_[moving], now[:, moving], product[:, moving]
            if not len(open_):
                break
        return codes.T.to(x.dtype)

    def _decode(self, z: torch.Tensor) -> torch.Tensor:
        return z @ self._learned("components_", z)

    def _sample(self, n: int, rng: torch.Generator) -> torch.Tensor:
        parts = torch.from_numpy(self.components_).to(rng.device)
        normal = torch.randn(n, len(parts), generator=rng, device=rng.device, dtype=parts.dtype)
        drawn = (normal @ self._learned("code_spread_", normal).T).nan_to_num()
        place = torch.special.ndtr(drawn).T * (QUANTILES - 1)
        below = place.long().clamp_(max=QUANTILES - 2)
        table = self._learned("code_quantiles_", normal)
        low, high = table.gather(1, below), table.gather(1, below + 1)
        return torch.lerp(low, high, place - below).T @ parts

    def parts(self) -> dict[str, np.ndarray]:
        """Return the parts as images, each with a largest value of 1."""
        return {"parts": self.components_.reshape(-1, *self.image_shape_)}

    def _health(self, images: Images) -> list[str]:
        findings = []
        if dead := int((self.use_ <= 1e-6 * self.use_.max()).sum()):
            findings.append(
                f"{dead} of {self.n_components_} parts are dead (no image has them): "
                f"n_components={max(1, self.n_components_ - dead)} keeps everything"
            )
        last = f", the last of which lowered the error by {self.drop_:.2%}"
        return findings + self._unsettled(last)


class _Factors:
    """Codes and parts being improved in turns; the codes lie by chunk, each (k, rows).

    They are float64 from when on the error is too small for the type of the images.
    """

    def __init__(self, parts: torch.Tensor, n: int, square: float, solver: str):
        self.parts, self.square, self.solver = parts, square, solver
        self.codes: list[torch.Tensor] = []
        self.n = n
        # one piece of memory: many small ones between large chunks would keep these from reuse
        self._held = self._room()

    def _room(self) -> torch.Tensor:
        """Return room for all codes, on disk where they are many."""
        size = self.n * len(self.parts)
        if self.parts.device.type != "cpu":
            return self.parts.new_empty(size)
        return torch.from_numpy(scratch((size,), str(self.parts.dtype).removeprefix("torch.")))

    def _add(self, codes: torch.Tensor) -> None:
        """Keep the codes (k, rows) of one more chunk."""
        first = sum(map(torch.numel, self.codes))
        self.codes.append(self._held[first : first + codes.numel()].view_as(codes).copy_(codes))

    def improve(self, read: Callable[[], Iterator[torch.Tensor]]) -> float:
        """Update all codes, then the parts; return the Frobenius norm of what is left."""
        update, parts = UPDATES[self.solver], self.parts
        begin, inner = not self.codes, parts @ parts.T
        cross, outer = torch.zeros_like(parts), torch.zeros_like(inner)
        for i, x in enumerate(read()):
            x = x.to(parts)
            product = parts @ x.T
            if begin:
                self._add(_begin(product, inner, self.solver))
            codes = self.codes[i]
            for _ in range(SWEEPS):
                update(codes, product, inner)
            cross += codes @ x
            outer += codes @ codes.T
        for _ in range(SWEEPS):
            update(parts, cross, outer)
        fit = 2 * (parts * cross).sum(dtype=torch.float64)
        norm = ((parts @ parts.T) * outer).sum(dtype=torch.float64)
        left = self.square - float(fit - norm)
        if left < DOUBT * torch.finfo(parts.dtype).eps * self.square:
            self.parts, old, self.codes = parts.double(), self.codes, []
            self._held = self._room()
            for codes in old:
                self._add(codes.double())
            left = self.square = 0.0
            for x, codes in zip(read(), self.codes, strict=True):
                left += float((x - codes.T @ self.parts).square().sum())
                self.square += float(x.double().square().sum())
        return left**0.5

    def scaled(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return parts with a largest value of 1, the most of each in a code, and some codes."""
        peak = self.parts.amax(1, keepdim=True)
        peak = torch.where(peak > 0, peak, 1)
        use = torch.stack([codes.amax(1) for codes in self.codes]).amax(0) * peak[:, 0]
        some, start, step = [], 0, -(-self.n // CODES)
        for codes in self.codes:
            some.append(codes[:, -start % step :: step])
            start += codes.shape[1]
        return self.parts / peak, use, (torch.cat(some, 1) * peak).T


def _refuse_negative(x: torch.Tensor) -> None:
    if len(x) and (least := float(x.min())) < 0:
        raise ValueError(
            f"Negative values in data passed to NMF (such as {least:.4g}): it adds up "
            "non-negative parts; shift or scale the values to be 0 or more, or use PCA"
        )


def _moments(chunks: Iterator[torch.Tensor]) -> tuple[float, float]:
    """Return the mean of all values and the sum of their squares."""
    count, total, square = 0, 0.0, 0.0
    for x in chunks:
        count += x.numel()
        total += float(x.sum())
        square += float((x * x).sum())
    return total / count, square


def _begin(product: torch.Tensor, square: torch.Tensor, solver: str = "cd") -> torch.Tensor:
    """Return the least-squares solution with what is negative cut off; above 0 for "mu"."""
    ridge = 1e-6 * square.diagonal().mean() + torch.finfo(square.dtype).tiny
    codes = torch.linalg.solve(square + ridge * torch.eye(len(square)).to(square), product)
    least = 0.0 if solver == "cd" else 0.01 * float(codes.clamp(min=0).mean()) + 1e-12
    return codes.clamp_(min=least)


def _descend(codes: torch.Tensor, product: torch.Tensor, square: torch.Tensor) -> None:
    """Put every row of `codes` in turn where it is best, the others as they are, but not below 0.

    For codes: ``product = V x``, ``square = V V^T``; for parts: ``U^T X`` and ``U^T U``.
    """
    sizes = square.diagonal().tolist()
    for j, size in enumerate(sizes):
        if size > 0:
            slope = torch.addmv(product[j], codes.T, square[j], alpha=-1)
            codes[j].add_(slope, alpha=1 / size).clamp_(min=0)


def _multiply(codes: torch.Tensor, product: torch.Tensor, square: torch.Tensor) -> None:
    """Multiply by the ratio of what pulls up and what pulls down (Lee and Seung)."""
    down = (square @ codes).clamp_(min=torch.finfo(codes.dtype).tiny)
    codes.mul_(product).div_(down)


UPDATES = {"cd": _descend, "mu": _multiply}


def _ranks(values: np.ndarray) -> np.ndarray:
    """Return the mean of how many values are less, and how many less or equal."""
    order = np.sort(values)
    return (np.searchsorted(order, values) + np.searchsorted(order, values, "right")) / 2


def _singular(x: torch.Tensor, k: int, rng: torch.Generator) -> tuple[torch.Tensor, ...]:
    """Return the k largest singular triplets of `x`: by passes over a random subspace."""
    width = min(k + 16, *x.shape)
    base = torch.randn(x.shape[1], width, generator=rng, device=x.device, dtype=x.dtype)
    for _ in range(6):
        base, _ = torch.linalg.qr(x.T @ (x @ base))
    left, values, right = torch.linalg.svd(x @ base, full_matrices=False)
    return left[:, :k], values[:k], right[:k] @ base.T


def _sides(left: torch.Tensor, values: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """Return the positive or the negative side of every right vector, whichever weighs more."""
    sides = []
    for sign in (1, -1):
        u, v = (sign * left).clamp(min=0), (sign * right).clamp(min=0)
        weight = u.norm(dim=0) * v.norm(dim=1)
        unit = v / v.norm(dim=1, keepdim=True).clamp(min=1e-30)
        sides.append((weight, unit * (values * weight).sqrt()[:, None]))
    (up, positive), (down, negative) = sides
    return torch.where((up >= down)[:, None], positive, negative)
