"""k-means: every image is replaced by the nearest of k centroids."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import KW_ONLY, dataclass
from itertools import takewhile
from typing import Any, ClassVar

import numpy as np
import torch

from isthmus.data.images import Images
from isthmus.data.torch_images import reader
from isthmus.data.values import as_array
from isthmus.estimators import ClusterMixin
from isthmus.models.codebook import Codebook
from isthmus.models.patchwise import PatchWise
from isthmus.passes import InPasses
from isthmus.tensors import generator, origin_of, squared_distances

SEEDING_SAMPLE = 32
"""Images per cluster in the random sample on which the first centroids are chosen."""
SEEDING_PASSES = 20
"""Passes over that sample that settle the first centroids before all images are looked at."""
SEEDING_TIME = 0.3
"""Share of a time limit after which they are taken as they are."""
GROUP = 2
"""Centroids that share one lower bound, unless bounds take more than `BOUND_BYTES` then."""
BOUND_BYTES = 2**27
BLOCK, BLOCK_VALUES = 1024, 2**24
"""Images whose distances to all centroids are computed in one matrix product."""


@dataclass(eq=False, repr=False)
class KMeans(PatchWise, Codebook, ClusterMixin, InPasses):
    r"""Clusters by nearest centroid, minimising the inertia :math:`\sum_i |x_i - c_{z_i}|^2`.

    Lloyd's iteration (assign every image to the nearest centroid, move every centroid to the mean
    of its images) with bounds that leave out images which cannot have changed their cluster: the
    result is Lloyd's, most of the arithmetic is not done. A code is the index of a centroid.

    Parameters
    ----------
    n_clusters : int or None
        How many centroids, at least 1 and at most the number of images; None is 32, or as many as
        there are images, or are given by `init`.
    init : {"k-means++", "random"} or array of shape (n_clusters, ...)
        First centroids: "k-means++" draws images with probability proportional to the squared
        distance to those already drawn, "random" draws them evenly; or given. Drawing looks at 32
        images per cluster.
    n_init : int
        Runs from different starts, at least 1; the one of least inertia is kept.
    max_iter : int
        Passes over the images at most.
    tol : float
        Stop when the squared shift of all centroids falls below `tol` times the mean variance.
    noise : float
        Standard deviation of the Gaussian noise that `sample` adds to a centroid, at least 0, in
        the units of the images.

    Attributes
    ----------
    n_clusters_ : int
        How many centroids there are.
    cluster_centers_ : ndarray of shape (n_clusters_, d)
        The centroids; `codebook_` is the same array.
    labels_ : ndarray of shape (n,)
        The cluster of every training image.
    inertia_ : float
        Sum of squared distances to the nearest centroid.

    Raises
    ------
    ValueError
        If there are more clusters than images, or a parameter is out of its range.

    References
    ----------
    S. Lloyd, Least squares quantization in PCM, 1982. D. Arthur and S. Vassilvitskii, k-means++,
    2007. Y. Ding et al., Yinyang k-means, 2015 (the bounds).

    Examples
    --------
    >>> import isthmus as ist
    >>> images = ist.load_images("digits")
    >>> model = ist.KMeans(10, random_state=0).fit(images.train)
    >>> model.encode(images.test).shape, model.decode([3]).shape
    ((359,), (1, 8, 8, 1))
    """

    n_clusters: int | None = None
    _: KW_ONLY
    init: Any = "k-means++"
    n_init: int = 1
    max_iter: int = 300
    tol: float = 1e-4
    noise: float = 0.1

    width = "n_clusters"
    study_rank, study_weight = 1, 0.3
    _at_least: ClassVar = {"n_init": 1, "max_iter": 1, "tol": 0, "noise": 0}

    def _fit(self, images: Images) -> None:
        self._check_parameters()
        rng = generator(self.random_state, self.device_)
        best = min(self._runs(images, rng), key=lambda run: run["inertia"])
        self.codebook_ = best["centers"].cpu().numpy()
        self.labels_, self.inertia_ = best["labels"].cpu().numpy(), best["inertia"]
        self.n_iter_, self.stopped_ = best["n_iter"], best["stopped"]
        self.counts_ = np.bincount(self.labels_, minlength=self.n_clusters_)

    @property
    def cluster_centers_(self) -> np.ndarray:
        """The centroids, (n_clusters_, d)."""
        return self.codebook_

    def _widest(self, images: Images) -> dict[str, int]:
        return {"n_samples": len(images)}

    def _learn_width(self, images: Images) -> None:
        super()._learn_width(images)
        if self.n_clusters is None and not isinstance(self.init, str):
            self.n_clusters_ = len(self.init)

    def _runs(self, images: Images, rng: torch.Generator) -> Iterator[dict[str, Any]]:
        for i in range(self.n_init):
            if i and self._clock.is_over(self.max_seconds):
                return
            lloyd = _Lloyd(self._seeds(images, rng), images, self._input)
            lloyd.run(self._passes(self.max_iter), self.tol)
            yield {"n_iter": self.n_iter_, "stopped": self.stopped_, **lloyd.finish()}

    def _seeds(self, images: Images, rng: torch.Generator) -> torch.Tensor:
        if not isinstance(self.init, str):
            given = np.array(as_array(self.init), dtype=np.float64, order="C")
            given = given.reshape(len(given), -1)
            if given.shape != (self.n_clusters_, self.n_features_in_):
                raise ValueError(
                    f"init has shape {np.shape(self.init)}, expected {self.n_clusters_} centroids "
                    f"of {self.n_features_in_} numbers"
                )
            return torch.from_numpy(given).to(self._tensor(next(images.chunks(1))))
        if self.init not in ("k-means++", "random"):
            raise ValueError(f"init={self.init!r} must be 'k-means++', 'random' or an array")
        rows = torch.randperm(len(images), generator=rng, device=rng.device).cpu().numpy()
        if self.init == "random":
            return self._tensor(np.asarray(images[rows[: self.n_clusters_]]))
        sample = images[np.sort(rows[: SEEDING_SAMPLE * self.n_clusters_])]
        centers = _plus_plus(
            self._tensor(np.asarray(sample)), self.n_clusters_, rng, self._is_early
        )
        if len(sample) == len(images):
            return centers
        settling = _Lloyd(centers, sample, self._input)
        settling.run(takewhile(self._is_early, range(SEEDING_PASSES)), self.tol)
        return settling.finish()["centers"]

    def _is_early(self, done: int) -> bool:
        return self._time_used() < SEEDING_TIME

    def _sample(self, n: int, rng: torch.Generator) -> torch.Tensor:
        c = torch.from_numpy(self.codebook_).to(rng.device)
        units = torch.randint(len(c), (n,), generator=rng, device=rng.device)
        noise = torch.randn(n, c.shape[1], generator=rng, device=rng.device, dtype=c.dtype)
        return c[units] + self.noise * noise

    def parts(self) -> dict[str, np.ndarray]:
        """Return the centroids as images, the most used first."""
        order = np.argsort(-self.counts_, kind="stable")
        return {"centroids": self.codebook_[order].reshape(-1, *self.image_shape_)}

    def _health(self, images: Images) -> list[str]:
        findings = []
        if empty := int((self.counts_ == 0).sum()):
            findings.append(
                f"{empty} of {self.n_clusters_} clusters are empty: lower n_clusters, "
                "or look for repeated images"
            )
        return findings + self._unsettled()


def _plus_plus(
    x: torch.Tensor, k: int, rng: torch.Generator, is_early: Callable[[int], bool]
) -> torch.Tensor:
    """Draw k rows by greedy k-means++: the best of a few candidates each time.

    When it is no longer early, those that are missing are drawn at once.
    """
    trials = 2 + int(np.log(k))
    found = x
    if (origin := origin_of(x)) is not None:
        x = x - origin
    square = (x * x).sum(1)
    first = torch.randint(len(x), (1,), generator=rng, device=x.device)
    chosen = [first]
    nearest = squared_distances(x, x[first], square)[:, 0]
    for _ in takewhile(is_early, range(1, k)):
        total = nearest.cumsum(0)
        draws = torch.rand(trials, generator=rng, device=x.device, dtype=x.dtype) * total[-1]
        candidates = torch.searchsorted(total, draws).clamp_(max=len(x) - 1)
        distances = squared_distances(x, x[candidates], square)
        distances = torch.minimum(distances, nearest[:, None])
        best = distances.sum(0).argmin()
        nearest = distances[:, best].contiguous()
        chosen.append(candidates[best][None])
    if missing := k - len(chosen):
        chance = nearest.clamp(min=torch.finfo(x.dtype).tiny)
        chosen.append(torch.multinomial(chance, missing, generator=rng))
    return found[torch.cat(chosen)]


class _Lloyd:
    """One run of Lloyd's iteration with Yinyang bounds.

    For every image the distance to its centroid is at most `upper`, and to every other centroid of
    group g at least ``lower[:, g] - drift[g]``. When centroids move, both are loosened by how far;
    an image is looked at again only when they no longer prove that its centroid is the nearest.
    Images and centroids that lie far from the origin are taken about the middle of the first.
    """

    def __init__(
        self, centers: torch.Tensor, images: Images, read: Callable[[torch.Tensor], torch.Tensor]
    ):
        self.origin = origin_of(centers)
        self.centers = centers if self.origin is None else centers - self.origin
        self.read = read
        self.packed = reader(images)
        n, k = len(images), len(centers)
        self.block = max(1, min(BLOCK, BLOCK_VALUES // centers.shape[1]))
        self.of_group = max(GROUP, -(-4 * n * k // BOUND_BYTES))
        self.groups = -(-k // self.of_group)
        self.labels = torch.full((n,), -1, device=centers.device)
        self.upper = centers.new_full((n,), torch.inf)
        self.lower = centers.new_zeros((n, self.groups))
        self.drift = centers.new_zeros(self.groups)
        # float64 but for bytes, or sums of distant images would lose what tells them apart
        wide = centers.dtype if images.dtype == np.uint8 else torch.float64
        self.sums = torch.zeros_like(centers, dtype=wide)
        self.counts = self.sums.new_zeros(k)
        self.square = centers.new_zeros(n)  # |x|^2

    def run(self, passes: Iterable[int], tol: float) -> None:
        """Assign and move until nothing changes or little moves, at most this many times."""
        for _ in passes:
            settled = not self.assign() and not self._can_restart()
            if settled or self.move() <= tol * self.mean_variance():
                break

    def assign(self) -> int:
        """Give every image to its nearest centroid; return how many changed theirs."""
        first, changed = bool(self.labels[0] < 0), 0
        for rows in self._doubtful():
            x = self._values(rows)
            if first:
                self.square[rows] = (x * x).sum(1)
            d = squared_distances(x, self.centers, self.square[rows])
            nearest, labels = d.min(1, keepdim=True)
            others = self._least_of_groups(d.scatter_(1, labels, torch.inf))
            self.upper[rows] = nearest.sqrt_()[:, 0]
            self.lower[rows] = others.sqrt_().add_(self.drift)
            changed += self._hand_over(x, rows, labels[:, 0])
        return changed

    def _can_restart(self) -> bool:
        """Return whether a cluster is empty while an image lies away from its centroid."""
        away = float(self.upper.max()) > 1e-6 * np.sqrt(float(self.square.max()))
        return away and bool((self.counts < 0.5).any())

    def _doubtful(self) -> Iterator[torch.Tensor]:
        pieces = zip(self.upper.split(BLOCK), self.lower.split(BLOCK), strict=True)
        doubtful = torch.cat([upper >= (lower - self.drift).amin(1) for upper, lower in pieces])
        doubt = torch.nonzero(doubtful)[:, 0]
        return iter(doubt.split(self.block) if len(doubt) else ())

    def _values(self, rows: torch.Tensor) -> torch.Tensor:
        x = self.read(self.packed(rows.cpu()).to(self.centers.device))
        return x if self.origin is None else x - self.origin

    def _least_of_groups(self, d: torch.Tensor) -> torch.Tensor:
        if padding := self.groups * self.of_group - d.shape[1]:
            d = torch.nn.functional.pad(d, (0, padding), value=torch.inf)
        return d.view(len(d), self.groups, self.of_group).amin(2)

    def _hand_over(self, x: torch.Tensor, rows: torch.Tensor, labels: torch.Tensor) -> int:
        old = self.labels[rows]
        moved = torch.nonzero(old != labels)[:, 0]
        if len(moved):
            x, old, new = x[moved], old[moved], labels[moved]
            known = torch.nonzero(old >= 0)[:, 0]
            self._add(x, new, 1)
            self._add(x[known], old[known], -1)
            self.labels[rows[moved]] = new
        return len(moved)

    def _add(self, x: torch.Tensor, to: torch.Tensor, sign: int) -> None:
        self.sums.index_add_(0, to, x.to(self.sums), alpha=sign)
        self.counts.index_add_(0, to, torch.full_like(to, sign, dtype=self.counts.dtype))

    def move(self) -> float:
        """Move every centroid to the mean of its images; return the sum of squared shifts."""
        means = (self.sums / self.counts[:, None].clamp(min=1)).to(self.centers)
        empty = torch.nonzero(self.counts < 0.5)[:, 0]
        if len(empty):  # start again from the images that lie farthest from their centroids
            farthest = self.upper.topk(len(empty)).indices.sort().values
            means[empty] = self._values(farthest)
        shift = (means - self.centers).norm(dim=1)
        self.centers = means
        # a little more than the shift, so that rounding never makes a bound claim too much
        self.upper += shift[self.labels] * (1 + 1e-5)
        self.drift += self._group_shift(shift) * (1 + 1e-5)
        return float((shift.double() ** 2).sum())

    def _group_shift(self, shift: torch.Tensor) -> torch.Tensor:
        padding = self.groups * self.of_group - len(shift)
        return torch.nn.functional.pad(shift, (0, padding)).view(self.groups, -1).amax(1)

    def mean_variance(self) -> float:
        """Return the variance of a pixel, averaged over pixels."""
        n, d = len(self.labels), self.centers.shape[1]
        mean = self.sums.sum(0).double() / n
        square = float(self.square.sum(dtype=torch.float64))
        return max(0.0, (square / n - float(mean @ mean)) / d)

    def finish(self) -> dict[str, Any]:
        """Return the centroids as they are now, and labels and inertia for them."""
        inertia, centers = 0.0, self.centers
        if self.origin is not None:  # as they will be kept, rounded
            centers = self.centers + self.origin
            self.centers = centers - self.origin
        for rows in torch.arange(len(self.labels)).split(self.block):
            d = squared_distances(self._values(rows), self.centers, self.square[rows])
            d, self.labels[rows] = d.min(1)
            inertia += float(d.sum(dtype=torch.float64))
        return {"centers": centers, "labels": self.labels, "inertia": inertia}
