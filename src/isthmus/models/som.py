"""Self-organising map: prototypes on a grid, neighbours on the grid alike."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import KW_ONLY, dataclass
from typing import Any, Self, cast

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted

from isthmus.data.images import CHUNK_BYTES, Images
from isthmus.data.values import ImagesLike
from isthmus.models.codebook import Codebook
from isthmus.models.grids import are_neighbors, evenly_apart, grid_distances, of_study, side_for
from isthmus.models.patchwise import PatchWise
from isthmus.models.pca import PCA
from isthmus.passes import InPasses
from isthmus.tensors import (
    Nearest,
    deviation_of,
    generator,
    origin_of,
    readable_tensor,
    squared_distances,
)
from isthmus.validation import one_of

LAST_SIGMA = {"gaussian": 0.25, "bubble": 1.0}
"""Radius at the end of a fit: the direct neighbours still follow, a little."""
LAST_RATE = 0.02
"""Share of the learning rate that is left at the end of a fit."""
MOVES = 8
"""Parts of the first pass of the batch rule, after each of which the map moves; ever fewer later,
one in the last pass. No part has fewer images than there are units."""
RUN = 64  # neighbouring images that stay together when a pass is dealt out into parts
BLOCK = 1024
"""Images compared with all units in one matrix product."""
STEPS = 64
"""Steps of the online rule between two updates of the weights themselves."""
START_BYTES = CHUNK_BYTES
"""Size of the random sample, as float32, whose principal components start the map."""


@dataclass(eq=False, repr=False)
class SOM(PatchWise, Codebook, InPasses):
    r"""Spreads prototypes over a grid so that neighbours on the grid are alike.

    Every image pulls its best-matching unit b (the nearest) and, less, the units around it:
    :math:`c_j \mathrel{+}= \eta\, h_{jb} (x - c_j)`, with h falling with the distance on the grid
    over a radius sigma that shrinks during the fit. That is the online rule, one image at a time
    in random order. The batch rule puts every unit where that comes to rest,
    :math:`c_j = \sum_b h_{jb} s_b / \sum_b h_{jb} n_b` with s and n the sums and counts of the
    images by unit: far faster, and without a learning rate. It does so for parts of the images in
    the first passes, for all of them in the last; 8-bit images are compared there with units
    rounded to 256 levels, everywhere else exactly. A code is the index of a unit, row by row.

    Parameters
    ----------
    grid : int, (int, int) or None
        Rows and columns, at least 2 units together; one number is a square. None is 10 x 10, or a
        smaller square that so few images fill: about 5 sqrt(n) units, a quarter of n at most.
    topology : {"rectangular", "hexagonal"}
        "rectangular": 8 neighbours, 4 of them diagonal; "hexagonal": 6 at equal distance, odd rows
        are shifted by half a unit to the right.
    periodic : bool
        Join opposite edges (a torus), so that no unit lies at a border; hexagonal grids need an
        even number of rows for it.
    rule : {"batch", "online"}
        "batch" puts every unit at the weighted mean of the images around it, pass by pass;
        "online" moves it a little towards one image after the other.
    max_iter : int
        Passes over the images, at least 1.
    learning_rate : float
        Share of the way to the image that the best-matching unit goes in the first step of the
        online rule, above 0 and at most 1; it falls exponentially to a fiftieth.
    sigma : float or None
        First radius of the neighbourhood, in units, above 0; None is half the longer side. It
        falls exponentially to 0.25 ("bubble": 1).
    neighborhood : {"gaussian", "bubble"}
        h is exp(-d^2 / 2 sigma^2) ("gaussian"), or 1 up to a distance of sigma ("bubble").
    init : {"pca", "random"}
        Start as a flat sheet in the plane of the first two components ("pca"), or with "random"
        images.
    noise : float
        `sample` adds so many standard deviations of every pixel to a unit, at least 0.

    Attributes
    ----------
    codebook_ : ndarray of shape (units, d)
        The prototypes, row by row of the grid.
    grid_ : list of int
        Rows and columns.
    counts_ : ndarray of shape (units,)
        Training images of every unit.
    quantization_error_, topographic_error_ : float
        On the training images; see the methods.
    deviation_ : ndarray of shape (d,)
        Standard deviation of every pixel.
    shift_ : float
        Mean distance that units went in the last pass, as a share of the quantisation error.

    Raises
    ------
    ValueError
        If the grid has fewer than two units, or a parameter is out of its range.

    References
    ----------
    T. Kohonen, Self-organized formation of topologically correct feature maps, 1982; Essentials
    of the self-organizing map, 2013 (the batch rule).

    Examples
    --------
    >>> import isthmus as ist
    >>> images = ist.load_images("digits")
    >>> som = ist.SOM((6, 8), random_state=0).fit(images.train)
    >>> som.encode(images.test).shape, som.locate(images.test).shape, som.u_matrix().shape
    ((359,), (359, 2), (6, 8))
    >>> bool(som.topographic_error(images.test) < 0.4)
    True
    """

    grid: int | tuple[int, int] | None = None
    _: KW_ONLY
    topology: str = "rectangular"
    periodic: bool = False
    rule: str = "batch"
    max_iter: int = 25
    learning_rate: float = 0.5
    sigma: float | None = None
    neighborhood: str = "gaussian"
    init: str = "pca"
    noise: float = 0.1

    width = "grid"
    default_width, study_rank, study_weight, study_cost = 10, 3, 0.3, 0.6  # 10 of either side
    _closing = 2.0  # it finds the two nearest units of every image, and exactly
    _origin = cast(Any, None)  # what `fit` takes images and units about, far from 0

    @classmethod
    def for_study(cls, images: Images, width: int | None = None, **parameters: Any) -> Self:
        """Return an unfitted square map of about 5 sqrt(n) units, 900 at most."""
        return cls(**of_study(images.shape) | parameters)

    def _fit(self, images: Images) -> None:
        self._check_parameters()
        rng = generator(self.random_state, self.device_)
        self.deviation_ = deviation_of(map(self._tensor, images.chunks()))
        codebook = self._start(images, rng)
        # bytes never lie far from it, and are compared as they are
        origin = self._origin = None if images.dtype == np.uint8 else origin_of(codebook)
        codebook = codebook if origin is None else codebook - origin
        distance = self._distances().to(codebook)
        rule = self._by_batch if self.rule == "batch" else self._by_steps
        moved = rule(images, codebook, distance, rng)
        for after in moved:
            codebook, before = after, codebook
        self.codebook_ = codebook.cpu().numpy()
        if origin is not None:
            self.codebook_ += origin.cpu().numpy()
            self._origin = None
        nearest = self._map(self._two_nearest, images)
        self.counts_ = np.bincount(nearest[:, 0].astype(int), minlength=len(codebook))
        self.quantization_error_ = float(nearest[:, 2].mean())
        self.topographic_error_ = float(self._torn(nearest).mean())
        shift = float((codebook - before).norm(dim=1).mean())
        self.shift_ = shift / max(self.quantization_error_, 1e-12)

    def _learn_width(self, images: Images) -> None:
        sides = [self.grid] * 2 if isinstance(self.grid, int | np.integer) else self.grid
        if sides is None:
            side = side_for(len(images), self.default_width)
            odd = self.topology == "hexagonal" and self.periodic and side % 2
            sides = [side - odd, side] if len(images) >= side**2 else [2, 1]
        self.grid_ = [int(side) for side in sides]

    def _check_parameters(self) -> None:
        one_of("topology", self.topology, ("rectangular", "hexagonal"))
        one_of("rule", self.rule, ("batch", "online"))
        one_of("neighborhood", self.neighborhood, LAST_SIGMA)
        one_of("init", self.init, ("pca", "random"))
        if len(self.grid_) != 2 or min(self.grid_) < 1 or max(self.grid_) < 2:
            raise ValueError(
                f"grid={self.grid!r} must be rows and columns with at least 2 units together, "
                "such as (10, 10)"
            )
        if self.topology == "hexagonal" and self.periodic and self.grid_[0] % 2:
            raise ValueError(
                f"grid={self.grid!r}: a hexagonal grid joined into a torus needs an even number "
                f"of rows, such as {(self.grid_[0] + 1, self.grid_[1])}; or use periodic=False"
            )
        super()._check_parameters()
        for name, is_right, words in (
            ("learning_rate", 0 < self.learning_rate <= 1, "above 0, at most 1"),
            ("sigma", self.sigma is None or self.sigma > 0, "above 0, or None for half the grid"),
            ("noise", self.noise >= 0, "at least 0"),
        ):
            if not is_right:
                raise ValueError(f"{name}={getattr(self, name)} must be {words}")

    def _start(self, images: Images, rng: torch.Generator) -> torch.Tensor:
        rows, columns = self.grid_
        order = torch.randperm(len(images), generator=rng, device=rng.device).cpu().numpy()
        if self.init == "random":
            return self._tensor(np.asarray(images[np.resize(order, rows * columns)]))
        most = max(2, START_BYTES // (4 * self.n_features_in_))
        sample = images[np.sort(order[:most])]
        k = min(2, len(sample), self.n_features_in_)
        plane = PCA(k, solver="randomized", random_state=0, device=self.device).fit(sample)
        places = torch.cartesian_prod(evenly_apart(rows), evenly_apart(columns))
        places = places if rows > columns else places.flip(1)  # the longer side comes first
        axes = torch.from_numpy(plane.components_ * np.sqrt(plane.explained_variance_)[:, None])
        flat = places[:, : len(axes)].to(axes) @ axes
        return (torch.from_numpy(plane.mean_) + flat).to(rng.device)

    def _distances(self) -> torch.Tensor:
        return grid_distances(self.grid_, self.topology, self.periodic)

    def _sigma(self, done: float) -> float:
        """Return the radius when `done` (0 to 1) of the fit is behind."""
        first = max(self.grid_) / 2 if self.sigma is None else self.sigma
        return first * min(1.0, LAST_SIGMA[self.neighborhood] / first) ** done

    def _falloff(self, distance: torch.Tensor, sigma: float) -> torch.Tensor:
        if self.neighborhood == "bubble":
            return (distance <= sigma).to(distance)
        return torch.exp(distance.square() / (-2 * sigma**2))

    def _by_batch(
        self, images: Images, c: torch.Tensor, distance: torch.Tensor, rng: torch.Generator
    ) -> Iterator[torch.Tensor]:
        """Yield the units after every pass, having moved them once for every part of it."""
        most, last = max(1, min(MOVES, len(images) // len(c))), max(1, self.max_iter - 1)
        plan = [round(most ** (1 - i / last)) for i in range(self.max_iter)]
        moves, done = max(1, sum(plan) - 1), 0.0
        for n_parts in map(plan.__getitem__, self._passes(self.max_iter)):
            sums, counts = torch.zeros_like(c), c.new_zeros(len(c), 1)
            for part in _dealt(images, n_parts):
                keep = 1 - n_parts**-done  # of what the parts before have summed up
                sums, counts = sums * keep, counts * keep
                self._add_up(part, c, sums, counts)
                h = self._falloff(distance, self._sigma(done))
                weight = h @ counts
                c = torch.where(weight > 1e-12, (h @ sums) / weight.clamp(min=1e-12), c)
                done = min(1.0, max(done + 1 / moves, self._time_used()))
            yield c

    def _add_up(self, images: Images, c: torch.Tensor, sums: Any, counts: Any) -> None:
        """Add every image to the sum and the count of its best-matching unit."""
        find = Nearest(c)
        for chunk in images.chunks(BLOCK):
            values = readable_tensor(chunk).to(c.device)
            x = self._input(values)
            if self._origin is not None:
                values = x = x - self._origin
            best = find(values.reshape(len(x), -1), x)
            sums.index_add_(0, best, x)
            counts.index_add_(0, best, x.new_ones(len(x), 1))

    def _by_steps(
        self, images: Images, c: torch.Tensor, distance: torch.Tensor, rng: torch.Generator
    ) -> Iterator[torch.Tensor]:
        """Yield the units after every pass of the online rule."""
        total, steps = max(1, self.max_iter * len(images) - 1), itertools.count()
        for _ in self._passes(self.max_iter):
            seed = int(torch.randint(2**31, (1,), generator=rng, device=rng.device))
            c = c.clone()
            for values in images.batches(STEPS, seed):
                used = self._time_used()
                done = [max(used, next(steps) / total) for _ in values]
                rates = [self.learning_rate * LAST_RATE**share for share in done]
                sigmas = [self._sigma(share) for share in done]
                x = self._tensor(values)
                x = x if self._origin is None else x - self._origin
                self._pull(c, x, distance, rates, sigmas)
            yield c

    def _pull(
        self, c: torch.Tensor, x: torch.Tensor, distance: torch.Tensor, rates: Any, sigmas: Any
    ) -> None:
        """Take one step of the online rule for every image, and write the units into `c`.

        The rule is linear, so it can be taken on coordinates: a unit is a combination of what it
        was and of the images so far, of which the scalar products with these images are known.
        They are so in float64: what is near must be told from what is nearest.
        """
        n, wide, distance = len(x), x.double(), distance.double()
        begun, seen = wide.new_ones(1, len(c)), wide.new_zeros(n, len(c))
        # shares of c, shares of x, products with x
        state = torch.cat([begun, seen, wide @ c.double().T])
        targets = torch.cat([wide.new_zeros(n, 1), torch.eye(n).to(wide), wide @ wide.T], 1)
        square, length = c.double().square().sum(1), wide.square().sum(1)
        for i in range(n):
            product = state[1 + n + i]
            best = (square - 2 * product).argmin(0, keepdim=True)
            h = rates[i] * self._falloff(distance.index_select(0, best)[0], sigmas[i])
            stay = 1 - h
            square = stay * (stay * square + 2 * h * product) + h * h * length[i]
            state.lerp_(targets[i, :, None], h)
        state = state.to(x)
        c.mul_(state[0, :, None]).addmm_(state[1 : 1 + n].T, x)

    def _two_nearest(self, x: torch.Tensor) -> torch.Tensor:
        """Return the first and the second best-matching unit, and the distance to the first."""
        c = self._learned("codebook_", x)
        first, second = squared_distances(x, c).topk(2, 1, largest=False)[1].T
        return torch.stack([first, second, (x - c[first]).norm(dim=1)], 1)

    def _torn(self, nearest: np.ndarray) -> np.ndarray:
        """Return of which images the two nearest units are not neighbours."""
        first, second = nearest[:, :2].T.astype(int)
        return np.asarray(~self._neighbors()[first, second])

    def _neighbors(self) -> np.ndarray:
        return are_neighbors(self._distances(), self.topology).numpy()

    def locate(self, X: ImagesLike) -> np.ndarray:
        """Return the row and column of the best-matching unit of every image, (n, 2)."""
        return np.stack(np.divmod(self.encode(X), self.grid_[1]), -1)

    def u_matrix(self) -> np.ndarray:
        """Return the mean distance of every unit to its neighbours on the grid, (rows, columns).

        High values are borders between regions of the map, low ones the regions.
        """
        check_is_fitted(self)
        c = torch.from_numpy(self.codebook_)
        apart = squared_distances(c, c).sqrt_().numpy()
        near = self._neighbors()
        return (np.where(near, apart, 0).sum(1) / near.sum(1)).reshape(self.grid_)

    def hit_map(self, X: ImagesLike) -> np.ndarray:
        """Return how many images have every unit as their best-matching one, (rows, columns)."""
        return np.bincount(self.encode(X).ravel(), minlength=len(self.counts_)).reshape(self.grid_)

    def component_planes(self) -> np.ndarray:
        """Return the value of every pixel (and channel) over the map, (d, rows, columns)."""
        check_is_fitted(self)
        return self.codebook_.T.reshape(-1, *self.grid_)

    def quantization_error(self, X: ImagesLike) -> float:
        """Return the mean distance of the images to their best-matching units."""
        return float(self.errors_of(X)[0].mean())

    def topographic_error(self, X: ImagesLike) -> float:
        """Return the share of images whose two nearest units do not touch, as in `u_matrix`."""
        return float(self.errors_of(X)[1].mean())

    def errors_of(self, X: ImagesLike) -> tuple[np.ndarray, np.ndarray]:
        """Return of every image what the two errors are the means of, (n,) each."""
        check_is_fitted(self)
        nearest = self._map(self._two_nearest, self._check(X, reset=False)).reshape(-1, 3)
        return nearest[:, 2], self._torn(nearest)

    def _sample(self, n: int, rng: torch.Generator) -> torch.Tensor:
        c = torch.from_numpy(self.codebook_).to(rng.device)
        units = torch.randint(len(c), (n,), generator=rng, device=rng.device)
        noise = torch.randn(n, c.shape[1], generator=rng, device=rng.device, dtype=c.dtype)
        return c[units] + self.noise * self._learned("deviation_", c) * noise

    def parts(self) -> dict[str, np.ndarray]:
        """Return the units as images, (rows, columns, *shape): the map as a sheet."""
        return {"map": self.codebook_.reshape(*self.grid_, *self.image_shape_)}

    def planes(self) -> dict[str, np.ndarray]:
        """Return the distances between neighbours and the training images of every unit."""
        hits = self.counts_.reshape(self.grid_)
        return {"U-matrix: mean distance to neighbours": self.u_matrix(), "images a unit": hits}

    def _health(self, images: Images) -> list[str]:
        findings, units = [], len(self.codebook_)
        if (dead := int((self.counts_ == 0).sum())) > units / 10:
            findings.append(
                f"{dead} of {units} units are nearest to no image: take a smaller grid, "
                f"{len(images)} images fill about {5 * math.isqrt(len(images))} units"
            )
        if self.topographic_error_ > 0.5:
            findings.append(
                f"the map is twisted: for {self.topographic_error_:.0%} of the images the two "
                "nearest units are no neighbours; use init='pca', a larger sigma or max_iter"
            )
        if self.shift_ > 0.1:
            findings.append(
                f"still moving: in the last of {self.n_iter_} passes units went "
                f"{self.shift_:.0%} of the quantization error on average; raise {self._limit()}"
            )
        return findings


def _dealt(images: Images, parts: int) -> list[Images]:
    """Return the images in parts, each from all over the set."""
    if parts == 1:
        return [images]
    part = np.arange(len(images)) // RUN % parts
    return [images[np.flatnonzero(part == i)] for i in range(parts)]
