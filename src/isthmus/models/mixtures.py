"""What codes are like: a mixture of normal distributions fitted to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from isthmus.data.images import evenly_spaced

if TYPE_CHECKING:  # what it is mixed into
    from isthmus.neural import NeuralRepresentation as Base
else:
    Base = object

DRAWN = 5000
"""Codes that the mixture is fitted to, at most."""
COMPONENTS, PER_COMPONENT, PASSES = 50, 50, 20
"""Normal distributions in it at most, codes that each stands for, and steps of EM."""
ENTRIES = 2**16
"""Numbers in their covariances, at most, for time."""
LEAST_VARIANCE = 1e-4
"""Added to the variance of every component, so that a few codes make no needle."""


class Mixture(NamedTuple):
    """Normal distributions and how often each is drawn from.

    Attributes
    ----------
    weights : ndarray of shape (c,)
        Shares, which add up to 1.
    means : ndarray of shape (c, k)
        Their centres.
    roots : ndarray of shape (c, k, k)
        Lower triangles R, the covariances being R R^T.
    """

    weights: np.ndarray
    means: np.ndarray
    roots: np.ndarray


def mixture_of(codes: np.ndarray, count: int, random_state: int = 0, passes: int = 100) -> Mixture:
    """Return a mixture of so many normal distributions, fitted to codes (n, k) by EM.

    Parameters
    ----------
    codes : ndarray of shape (n, k)
        Of a spread near 1.
    count : int
        Components.
    random_state : int
        Where it begins.
    passes : int
        Over the codes, at most.

    Examples
    --------
    >>> codes = np.random.default_rng(0).normal(3, 2, (1000, 1))
    >>> mixture_of(codes, 1).means.round().tolist()
    [[3.0]]
    """
    import warnings

    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture
    from threadpoolctl import threadpool_limits

    model = GaussianMixture(
        count, reg_covar=LEAST_VARIANCE, random_state=random_state, max_iter=passes
    )
    # threads gain nothing in products as small as these, and wait for each other on a busy machine
    with threadpool_limits(1, "blas"), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a few passes do
        found = model.fit(codes)
    return Mixture(found.weights_, found.means_, np.linalg.cholesky(found.covariances_))


class DrawsLikeCodes(Base):
    """Mixin of a VAE: what codes are drawn from, its prior or a mixture that is like the codes."""

    def _fit_mixture(self, mean: np.ndarray, log_var: np.ndarray) -> None:
        """Learn what the codes of all images are like taken together, to draw more of them."""
        for name in ("weights", "means", "roots"):
            self.__dict__.pop(f"mixture_{name}_", None)  # of an earlier fit
        if self.prior == "normal" or (self.prior == "auto" and not self.n_axes_):
            return
        rows = evenly_spaced(len(mean), DRAWN)
        noise = np.random.default_rng(0).normal(size=(len(rows), self.latent_dim_))
        codes = mean[rows] + np.exp(log_var[rows] / 2) * noise
        most = min(COMPONENTS, len(rows) // PER_COMPONENT, ENTRIES // self.latent_dim_**2)
        found = mixture_of(codes, max(1, most), passes=PASSES)
        for name, values in found._asdict().items():
            setattr(self, f"mixture_{name}_", values.astype(np.float32))

    def _sample(self, n: int, rng: torch.Generator) -> torch.Tensor:
        z = torch.randn(n, self.latent_dim_, generator=rng, device=rng.device)
        if hasattr(self, "mixture_means_"):
            weights, means, roots = (
                self._learned(f"mixture_{name}_", z) for name in ("weights", "means", "roots")
            )
            which = torch.multinomial(weights, n, replacement=True, generator=rng)
            for i in which.unique():
                z[which == i] = means[i] + z[which == i] @ roots[i].T
        return self._decode(z)
