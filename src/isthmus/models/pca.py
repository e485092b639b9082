"""Principal component analysis: the best linear code of a given width."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np
import scipy.linalg
import torch

from isthmus.base import Representation
from isthmus.data.images import Images
from isthmus.tensors import as_bytes, generator, has_int8_products, readable_tensor

COVARIANCE_LIMIT = 4096
"""Widest image whose d x d covariance is decomposed as it is."""
GRAM_LIMIT = 4096
"""Most images whose n x n products are decomposed instead, when images are wider than that."""


INTEGER_ROWS = 2048
"""Images multiplied at once as 8-bit integers; the sums of their products stay below 2^31."""


@dataclass(eq=False, repr=False)
class PCA(Representation):
    r"""Projects on the k directions of largest variance: :math:`z = W (x - \mu)`.

    The rows of W are the eigenvectors of the covariance with the k largest eigenvalues; decoding
    is the transpose, :math:`\hat x = W^T z + \mu`, the best reconstruction that a linear code of k
    numbers can give. `fit` adds up sums over chunks, so a memory-mapped set needs no more memory
    than a small one, and the result is exact (but for "randomized").

    Parameters
    ----------
    n_components : int
        Width of the code, 1 to min(number of images, numbers in an image).
    whiten : bool
        Scale every component to unit variance.
    solver : {"auto", "covariance", "gram", "randomized"}
        Decompose the (d, d) covariance, the (n, n) products of the images, or a random projection
        refined by 4 passes (Halko et al.); "auto" takes the first that is small, else the last.
    random_state, device, verbose
        See `Representation`.

    Attributes
    ----------
    components_ : ndarray of shape (n_components, d)
        Principal axes, largest variance first; in each the entry of largest size is positive.
    mean_ : ndarray of shape (d,)
        The mean image.
    explained_variance_, explained_variance_ratio_ : ndarray of shape (n_components,)
        Variance along every axis, and its share of the whole.
    singular_values_ : ndarray of shape (n_components,)
        Of the centred images.

    Raises
    ------
    ValueError
        If `n_components` or `solver` is out of its range.

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

    n_components: int = 32
    _: KW_ONLY
    whiten: bool = False
    solver: str = "auto"

    width = "n_components"

    def _fit(self, images: Images) -> None:
        n, d = len(images), self.n_features_in_
        if not 1 <= self.n_components <= min(n, d):
            raise ValueError(
                f"n_components={self.n_components} must be between 1 and the smaller of "
                f"n_samples={n} and n_features={d}"
            )
        solve = {
            "covariance": self._by_covariance,
            "gram": self._by_gram,
            "randomized": self._by_projection,
        }
        solver = self._choose(n, d) if self.solver == "auto" else self.solver
        if solver not in solve:
            raise ValueError(f"solver={solver!r} must be 'auto', {', '.join(map(repr, solve))}")
        mean, variance, axes, total = solve[solver](images)
        dtype = np.float64 if images.dtype == np.float64 else np.float32
        signs = np.sign(np.take_along_axis(axes, np.abs(axes).argmax(1)[:, None], 1))
        self.components_ = np.ascontiguousarray(axes * np.where(signs == 0, 1, signs), dtype=dtype)
        self.mean_ = mean.astype(dtype)
        self.explained_variance_ = np.maximum(variance, 0).astype(dtype)
        self.explained_variance_ratio_ = self.explained_variance_ / dtype(total or 1)
        self.singular_values_ = np.sqrt(self.explained_variance_ * (n - 1))

    @staticmethod
    def _choose(n: int, d: int) -> str:
        if d <= COVARIANCE_LIMIT and d <= 4 * n:
            return "covariance"
        return "gram" if n <= GRAM_LIMIT else "randomized"

    def _by_covariance(self, images: Images) -> tuple:
        mean, scatter = self._scatter(images)
        covariance = scatter / (len(images) - 1)
        variance, axes = _largest(covariance, self.n_components)
        return mean, variance, axes, np.trace(covariance)

    def _scatter(self, images: Images) -> tuple[np.ndarray, np.ndarray]:
        """Return the mean, and the sum of products of the images about it, as float64."""
        sums = _integer_sums(images) if has_int8_products(self._device()) else None
        total, products, guess = sums or _sums(self._tensors(images))
        offset = total / len(images)
        return guess + offset, products - len(images) * np.outer(offset, offset)

    def _mean(self, images: Images) -> torch.Tensor:
        total = torch.zeros(self.n_features_in_, dtype=torch.float64, device=self._device())
        for x in self._tensors(images):
            total += x.sum(0)
        return total / len(images)

    def _by_gram(self, images: Images) -> tuple:
        """Decompose X X^T, which has the same eigenvalues as X^T X and is smaller here."""
        mean = self._mean(images)
        x = torch.cat([x - mean.to(x) for x in self._tensors(images)])
        square, left = _largest(_float64(x @ x.T), self.n_components)
        axes = torch.from_numpy(left).to(x) @ x
        axes /= axes.norm(dim=1, keepdim=True).clamp(min=1e-30)
        total = float((x * x).sum(dtype=torch.float64))
        scale = len(images) - 1
        return mean.cpu().numpy(), square / scale, axes.cpu().numpy(), total / scale

    def _by_projection(self, images: Images) -> tuple:
        """Find the leading subspace by repeated passes over a random one, then decompose in it."""
        mean, n = self._mean(images), len(images)
        width = min(self.n_components + 16, n, self.n_features_in_)
        rng = generator(self.random_state, mean.device)
        base = torch.randn(len(mean), width, generator=rng, device=mean.device)
        for _ in range(4):
            base, _ = torch.linalg.qr(self._pass(images, mean, base))
        narrow, total = mean.new_zeros((width, width)), 0.0
        for x in self._tensors(images):
            x = x - mean.to(x)
            total += float((x * x).sum(dtype=torch.float64))
            z = x @ base.to(x)
            narrow += z.T @ z
        variance, inner = _largest((narrow / (n - 1)).cpu().numpy(), self.n_components)
        axes = inner @ base.T.double().cpu().numpy()
        return mean.cpu().numpy(), variance, axes, total / (n - 1)

    def _pass(self, images: Images, mean: torch.Tensor, base: torch.Tensor) -> torch.Tensor:
        moved = torch.zeros_like(base)
        for x in self._tensors(images):
            x = x - mean.to(x)
            moved += (x.T @ (x @ base.to(x))).to(moved)
        return moved

    def _scale(self, like: torch.Tensor) -> torch.Tensor:
        variance = self.explained_variance_
        least = variance.max() * torch.finfo(like.dtype).eps
        return torch.from_numpy(np.sqrt(np.maximum(variance, least))).to(like)

    def _encode(self, x: torch.Tensor) -> torch.Tensor:
        axes, mean = self._learned("components_", x), self._learned("mean_", x)
        z = torch.addmm(-(axes @ mean), x, axes.T)
        return z / self._scale(z) if self.whiten else z

    def _decode(self, z: torch.Tensor) -> torch.Tensor:
        z = z * self._scale(z) if self.whiten else z
        return torch.addmm(self._learned("mean_", z), z, self._learned("components_", z))

    def _sample(self, n: int, rng: torch.Generator) -> torch.Tensor:
        like = torch.from_numpy(self.mean_).to(rng.device)
        z = torch.randn(n, self.n_components, generator=rng, device=rng.device, dtype=like.dtype)
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
                f"{idle} of {self.n_components} components carry no variance: "
                f"n_components={self.n_components - idle} keeps everything"
            ]
        return []


def _sums(chunks: Iterator[torch.Tensor]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Add up images and their products about a first guess of the mean, which is returned too.

    Far from the origin, sums about zero would leave no digits for the variance.
    """
    first = next(chunks)
    guess, d = first.mean(0), first.shape[1]
    total, products = np.zeros(d), np.zeros((d, d))
    for x in itertools.chain([first], chunks):
        x = _engine(x) - _engine(guess)
        total += _float64(x.sum(0))
        products += _float64(x.T @ x)
    return total, products, _float64(_engine(guess))


def _engine(x: torch.Tensor) -> Any:
    """Return an array on the CPU, where numpy computes half of ``x.T @ x`` and mirrors it."""
    return x.numpy() if x.device.type == "cpu" else x


def _float64(x: Any) -> np.ndarray:
    return (x.cpu().numpy() if isinstance(x, torch.Tensor) else x).astype(np.float64)


def _integer_sums(images: Images) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Add up as `_sums` does, about 128 and in 8-bit integers: exact, and several times faster.

    None if the images are not 8-bit values, or such values divided by 255.
    """
    d = int(np.prod(images.shape[1:]))
    total, products = torch.zeros(d, dtype=torch.float64), torch.zeros(d, d, dtype=torch.int64)
    for chunk in images.chunks(INTEGER_ROWS):
        x = as_bytes(readable_tensor(chunk).reshape(len(chunk), d))
        if x is None:
            return None
        total += x.float().sum(0) - 128 * len(x)
        products += _upper((x ^ 128).view(torch.int8))
    mirrored = products + products.triu(1).T
    return total.numpy() / 255, mirrored.numpy() / 255**2, np.full(d, 128 / 255)


def _upper(x: torch.Tensor) -> torch.Tensor:
    """Return the upper triangle of ``x^T x`` for 8-bit integers, by blocks of columns."""
    d = x.shape[1]
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
