"""Principal component analysis: the best linear code of a given width."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import KW_ONLY, dataclass
from typing import Any, Self

import numpy as np
import scipy.linalg
import torch

from isthmus.base import Representation
from isthmus.data.images import CHUNK_BYTES, Images, chunk_rows
from isthmus.models.patchwise import PatchWise
from isthmus.tensors import as_bytes, check_finite, generator, has_int8_products, readable_tensor

LARGE = 2000
"""Images and numbers from which on a study finds components by random projections."""
LARGEST = 4096
"""Numbers in an image, or images, up to which the products of all of them are decomposed."""
DECOMPOSITION = 10
"""Time to decompose an m x m matrix, as a multiple of m^3 multiplications within a product."""
EXACT = 4e9
"""Multiplications up to which the products of float32 images are added up in float64."""
INTEGER_ROWS = 2048
"""Images multiplied at once as 8-bit integers; the sums of their products stay below 2^31."""


@dataclass(eq=False, repr=False)
class PCA(PatchWise, Representation):
    r"""Projects on the k directions of largest variance: :math:`z = W (x - \mu)`.

    The rows of W are the eigenvectors of the covariance with the k largest eigenvalues; decoding
    is the transpose, :math:`\hat x = W^T z + \mu`, the best reconstruction that a linear code of k
    numbers can give. `fit` adds up sums over chunks, so a memory-mapped set needs no more memory
    than a small one, and the result is exact (but for "randomized"). Where images vary in fewer
    directions than `n_components`, the other axes are orthogonal to those and have variance 0.

    Parameters
    ----------
    n_components : int or None
        Width of the code, 1 to min(number of images, numbers in an image); None is 32,
        or as many as carry any variance.
    whiten : bool
        Scale every component to unit variance; the code of a component without variance is 0.
    solver : {"auto", "covariance", "gram", "randomized"}
        What is decomposed: "covariance" the (d, d) covariance, "gram" the (n, n) products of the
        images, "randomized" a random projection refined by 4 passes (Halko et al.). "auto" takes
        the cheaper of the first two, by the products they need, ``n d^2`` and ``2 n^2 d``, and 10
        times the cube of the side of what is decomposed, d or n; "randomized" where both are above
        4,096.

    Attributes
    ----------
    n_components_ : int
        How many there are.
    components_ : ndarray of shape (n_components_, d)
        Principal axes, largest variance first; in each the entry of largest size is positive.
    mean_ : ndarray of shape (d,)
        The mean image.
    explained_variance_, explained_variance_ratio_ : ndarray of shape (n_components_,)
        Variance along every axis, and its share of the whole.
    singular_values_ : ndarray of shape (n_components_,)
        Of the centred images.

    Raises
    ------
    ValueError
        If `n_components` or `solver` is out of its range, or values are too large for their type.

    References
    ----------
    K. Pearson, On lines and planes of closest fit, 1901. N. Halko, P.-G. Martinsson, J. Tropp,
    Finding structure with randomness, 2011.

    Examples
    --------
    >>> import isthmus as ist
    >>> images = ist.load_images("digits")
    >>> pca = ist.PCA(20).fit(images.train)
    >>> pca.encode(images.test).shape
    (359, 20)
    >>> bool(pca.explained_variance_ratio_.sum() > 0.89)
    True
    """

    n_components: int | None = None
    _: KW_ONLY
    whiten: bool = False
    solver: str = "auto"

    width = "n_components"
    _passes = 4  # over the images, by the randomized solver
    study_rank, study_weight, study_cost = 1, 0.3, 1.0

    @classmethod
    def for_study(cls, images: Images, width: int | None = None, **parameters: Any) -> Self:
        """Return an unfitted model; components of many large images are found nearly."""
        many = min(len(images), int(np.prod(images.shape[1:]))) > LARGE
        chosen = {"solver": "randomized"} if many else {}
        return super().for_study(images, width, **chosen | parameters)

    def _widest(self, images: Images) -> dict[str, int]:
        return {"n_samples": len(images)} | super()._widest(images)

    def _fit(self, images: Images) -> None:
        n, d = len(images), self.n_features_in_
        solve = {
            "covariance": self._by_covariance,
            "gram": self._by_gram,
            "randomized": self._by_projection,
        }
        solver = self._choose(n, d) if self.solver == "auto" else self.solver
        if solver not in solve:
            raise ValueError(f"solver={solver!r} must be 'auto', {', '.join(map(repr, solve))}")
        dtype: Any = np.float64 if images.dtype == np.float64 else np.float32
        with np.errstate(over="ignore", invalid="ignore"):  # what is too large is refused
            mean, variance, axes, total = solve[solver](images)
            check_finite(torch.from_numpy(np.array([total]).astype(dtype)))
        variance = np.where(variance > self._noise(images, mean, variance, total), variance, 0)
        if self.n_components is None:  # no more than carry anything
            self.n_components_ = max(1, int((variance > 0).sum()))
            variance, axes = variance[: self.n_components_], axes[: self.n_components_]
        signs = np.sign(np.take_along_axis(axes, np.abs(axes).argmax(1)[:, None], 1))
        self.components_ = np.ascontiguousarray(axes * np.where(signs == 0, 1, signs), dtype=dtype)
        self.mean_ = mean.astype(dtype)
        self.explained_variance_ = variance.astype(dtype)
        self.explained_variance_ratio_ = (variance / (total or 1)).astype(dtype)
        self.singular_values_ = np.sqrt(variance * (n - 1)).astype(dtype)

    @staticmethod
    def _choose(n: int, d: int) -> str:
        """Return the solver that takes the fewest multiplications."""
        cost = {
            "covariance": n * d**2 + DECOMPOSITION * d**3 if d <= LARGEST else np.inf,
            "gram": 2 * n**2 * d + DECOMPOSITION * n**3 if n <= LARGEST else np.inf,
            "randomized": np.finfo(float).max,
        }
        return min(cost, key=lambda solver: cost[solver])

    def _noise(
        self, images: Images, mean: np.ndarray, variance: np.ndarray, total: float
    ) -> float:
        """Return the variance up to which an axis has none but that of rounding.

        That is the rounding of values, of their differences from the mean, and of products.
        """
        eps = np.finfo(np.float64 if images.dtype == np.float64 else np.float32).eps
        of_values = (eps / 4 * np.abs(mean).max()) ** 2
        of_products = 64 * np.finfo(float).eps if self._is_small(images) else 8 * eps
        return of_values + (4 * eps) ** 2 * total + of_products * variance.max()

    def _by_covariance(self, images: Images) -> tuple[Any, ...]:
        mean, scatter = self._scatter(images)
        covariance = scatter / (len(images) - 1)
        check_finite(torch.from_numpy(covariance))
        variance, axes = _largest(covariance, self.n_components_)
        return mean, variance, axes, np.trace(covariance)

    def _scatter(self, images: Images) -> tuple[np.ndarray, np.ndarray]:
        """Return the mean, and the sum of products of the images about it, as float64."""
        sums = _integer_sums(images) if has_int8_products(self.device_) else None
        return sums or _sums(self._tensors(images), self._is_small(images))

    def _is_small(self, images: Images) -> bool:
        return len(images) * self.n_features_in_**2 <= EXACT

    def _mean(self, images: Images) -> torch.Tensor:
        total = torch.zeros(self.n_features_in_, dtype=torch.float64, device=self.device_)
        for x in self._tensors(images):
            total += x.sum(0, dtype=torch.float64)
        return total / len(images)

    def _centred(self, images: Images, mean: torch.Tensor) -> Iterator[torch.Tensor]:
        """Yield the images about their mean, which has more digits than they."""
        for x in self._tensors(images):
            near = mean.to(x)
            yield (x - near).sub_((mean - near).to(x))

    def _by_gram(self, images: Images) -> tuple[Any, ...]:
        """Decompose X X^T, which has the same eigenvalues as X^T X and is smaller here."""
        mean, scale = self._mean(images), len(images) - 1
        x = torch.cat(list(self._centred(images, mean)))
        x -= x.mean(0)  # what rounding has left of it
        products = np.zeros((len(x), len(x)))
        for part in x.split(max(1, CHUNK_BYTES // (8 * len(x))), 1):
            wide = _engine(part.double())
            products += _float64(wide @ wide.T)
        check_finite(torch.from_numpy(products))
        _, left = _largest(products, self.n_components_)
        axes = torch.from_numpy(left).to(x) @ x
        # beyond the rank of the images these are but rounding: made orthogonal, then put in order
        base, _ = torch.linalg.qr(axes.T.double())
        variance, within = _within(base, x.split(chunk_rows(x.shape)), self.n_components_)
        return mean.cpu().numpy(), variance / scale, within, np.trace(products) / scale

    def _by_projection(self, images: Images) -> tuple[Any, ...]:
        """Find the leading subspace by repeated passes over a random one, then decompose in it."""
        mean, scale = self._mean(images), len(images) - 1
        width = min(self.n_components_ + 16, len(images), self.n_features_in_)
        rng = generator(self.random_state, mean.device)
        base = torch.randn(len(mean), width, generator=rng, device=mean.device, dtype=mean.dtype)
        unit, total = 0.0, 0.0
        for _ in range(self._passes):
            moved, total = torch.zeros_like(base), 0.0
            for x in self._centred(images, mean):
                unit = unit or float(x.abs().max()) or 1.0
                x /= unit  # its third power may not fit into the type
                moved += x.T @ (x @ base.to(x))
                total += float((x * x).sum(dtype=torch.float64)) * unit * unit
            check_finite(moved)
            check_finite(torch.tensor(total, dtype=torch.float64))
            base, _ = torch.linalg.qr(moved)
        variance, axes = _within(base, self._centred(images, mean), self.n_components_)
        return mean.cpu().numpy(), variance / scale, axes, total / scale

    def _scale(self, like: torch.Tensor) -> torch.Tensor:
        """Return the deviation of every component; 0 where there is none but of rounding."""
        variance = self.explained_variance_
        least = variance.max() * torch.finfo(like.dtype).eps
        return torch.from_numpy(np.sqrt(np.where(variance > least, variance, 0))).to(like)

    def _encode(self, x: torch.Tensor) -> torch.Tensor:
        z = (x - self._learned("mean_", x)) @ self._learned("components_", x).T
        check_finite(z)
        if self.whiten:
            scale = self._scale(z)
            z = torch.where(scale > 0, z / scale, 0)
        return z

    def _decode(self, z: torch.Tensor) -> torch.Tensor:
        z = z * self._scale(z) if self.whiten else z
        return torch.addmm(self._learned("mean_", z), z, self._learned("components_", z))

    def _sample(self, n: int, rng: torch.Generator) -> torch.Tensor:
        like = torch.from_numpy(self.mean_).to(rng.device)
        z = torch.randn(n, self.n_components_, generator=rng, device=rng.device, dtype=like.dtype)
        return self._decode(z if self.whiten else z * self._scale(like))

    def parts(self) -> dict[str, np.ndarray]:
        """Return the mean image and the components, as images."""
        return {
            "mean": self.mean_.reshape(1, *self.image_shape_),
            "components": self.components_.reshape(-1, *self.image_shape_),
        }

    def _health(self, images: Images) -> list[str]:
        ratio = self.explained_variance_ratio_
        idle = int((ratio < 1e-9).sum())
        if idle:
            return [
                f"{idle} of {self.n_components_} components carry no variance: "
                f"n_components={self.n_components_ - idle} keeps everything"
            ]
        return []


def _sums(chunks: Iterator[torch.Tensor], wide: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean of images, and the sum of their products about it.

    They are added up about a first guess of it: far from the origin, sums about zero would leave
    no digits for the variance. If `wide`, products are taken in float64.
    """
    first = next(chunks)
    guess, d, n = first.mean(0), first.shape[1], 0
    total, products = np.zeros(d), np.zeros((d, d))
    for x in itertools.chain([first], chunks):
        about = x - guess
        n, y = n + len(x), _engine(about.double() if wide else about)
        total += _float64(y.sum(0))
        products += _float64(y.T @ y)
    offset = total / n
    return _float64(guess) + offset, products - n * np.outer(offset, offset)


def _within(
    base: torch.Tensor, chunks: Iterable[torch.Tensor], k: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the k largest sums of squares of centred images within a subspace, and their axes."""
    n, total = 0, base.new_zeros(base.shape[1])
    narrow = torch.outer(total, total)
    for x in chunks:
        z = x.double() @ base
        n, total = n + len(z), total + z.sum(0)
        narrow += z.T @ z
    narrow -= torch.outer(total, total) / n  # what rounding has left of the mean
    squares, inner = _largest(narrow.cpu().numpy(), k)
    return squares, inner @ base.T.cpu().numpy()


def _engine(x: torch.Tensor) -> np.ndarray | torch.Tensor:
    """Return an array on the CPU, where numpy computes half of ``x.T @ x`` and mirrors it."""
    return x.numpy() if x.device.type == "cpu" else x


def _float64(x: np.ndarray | torch.Tensor) -> np.ndarray:
    return (x.cpu().numpy() if isinstance(x, torch.Tensor) else x).astype(np.float64)


def _integer_sums(images: Images) -> tuple[np.ndarray, np.ndarray] | None:
    """Return what `_sums` does, in integers about 128: exact, and several times faster.

    None if the images are not 8-bit values, or such values divided by 255.
    """
    n, d = len(images), int(np.prod(images.shape[1:]))
    total, products = torch.zeros(d, dtype=torch.int64), torch.zeros(d, d, dtype=torch.int64)
    for chunk in images.chunks(INTEGER_ROWS):
        x = as_bytes(readable_tensor(chunk).reshape(len(chunk), d))
        if x is None:
            return None
        total += x.float().sum(0).long() - 128 * len(x)
        products += _upper((x ^ 128).view(torch.int8))
    # n times the scatter, still whole: a 64-bit sum of squares holds 20 million images
    scatter = (n * products - torch.outer(total, total).triu()).numpy()
    mirrored = scatter + np.triu(scatter, 1).T
    return (total.numpy() / n + 128) / 255, mirrored / (n * 255**2)


def _upper(x: torch.Tensor) -> torch.Tensor:
    """Return the upper triangle of ``x^T x`` for 8-bit integers, by blocks of columns."""
    d = x.shape[1]
    if d == 1:  # torch's product of a single row is garbage
        return x.int().T @ x.int()
    product = torch.zeros((d, d), dtype=torch.int32)
    block = max(16, -(-d // 4))
    for i in range(0, d, block):
        product[i : i + block, i:] = torch._int_mm(x[:, i : i + block].T, x[:, i:])
    return product.triu_()


def _largest(matrix: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the k largest eigenvalues of a symmetric matrix and their vectors as rows."""
    last = len(matrix) - 1
    if 10 * k < len(matrix):
        values, vectors = scipy.linalg.eigh(matrix, subset_by_index=[last - k + 1, last])
    else:  # the solver that finds all of them is the faster one for many
        values, vectors = np.linalg.eigh(matrix)
    return values[: -k - 1 : -1].copy(), vectors[:, : -k - 1 : -1].T.copy()
