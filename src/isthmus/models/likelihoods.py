"""How probable images are under a VAE: estimates of log p(x), in nats."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted

from isthmus.base import PASS_BYTES
from isthmus.nets import bounds
from isthmus.system.progress import track
from isthmus.tensors import generator, usual_torch
from isthmus.validation import one_of

if TYPE_CHECKING:  # what it is mixed into
    from isthmus.data.values import ImagesLike
    from isthmus.neural import NeuralRepresentation as Base
    from isthmus.tensors import Seed
else:
    Base = object

MOST_DRAWS = 1000
"""Codes that are decoded at a time while the likelihood is estimated, or fewer."""


class Likelihoods(Base):
    """Mixin of a family with ``_posterior(x)`` and ``_error(x, z)``: the bound, and log p(x)."""

    def elbo(
        self,
        X: ImagesLike,
        n_samples: int = 1,
        *,
        refine: int = 0,
        binarize: str = "none",
        random_state: Seed = 0,
    ) -> np.ndarray:
        """Return the lower bound of log p(x) of every image in nats (beta = 1), (n,).

        Parameters
        ----------
        X : Images or array
            Under a bernoulli likelihood only binary images have a probability; for grey pixels
            the figure is minus a cross-entropy, and compares with nothing but itself.
        n_samples : int
            Draws of the code of every image; the KL is exact.
        refine : int
            Steps of descent from the encoder's posterior to the one that suits every image best.
        binarize : {"none", "draw", "threshold"}
            Make grey pixels 0 or 1 first: drawn with the pixel as the probability (the same
            for the same seed, here and in `log_likelihood`), or 1 from 0.5 up.
        random_state : int, Generator, RandomState or None
            Seed of all draws.
        """
        return self._estimate(
            lambda error, ratio, kl: -error.mean(0) - kl,
            *(X, n_samples, refine, binarize, random_state),
        )

    def log_likelihood(
        self,
        X: ImagesLike,
        n_samples: int = 500,
        *,
        binarize: str = "none",
        random_state: Seed = 0,
    ) -> np.ndarray:
        """Return an importance-sampled log p(x) of every image in nats, (n,).

        ``log mean_i p(x|z_i) p(z_i) / q(z_i|x)`` over draws from q(z|x): a lower bound in
        expectation, which rises to log p(x) as `n_samples` grows. `refine` apart, see `elbo`.
        """
        return self._estimate(
            lambda error, ratio, _: bounds.importance_bound(ratio - error),
            *(X, n_samples, 0, binarize, random_state),
        )

    @usual_torch()
    def _estimate(
        self,
        bound: Callable[..., Any],
        X: ImagesLike,
        n_samples: int,
        refine: int,
        binarize: str,
        seed: Seed,
    ) -> np.ndarray:
        """Return the bound made of draws of -log p(x|z), log p(z) - log q(z|x), and the KL."""
        check_is_fitted(self)
        if self.cell is not None:
            raise ValueError(
                f"a VAE with a code for every {self.cell}x{self.cell} pixels does not know which "
                "lie side by side, and so no likelihood of images: fit one of whole images"
            )
        one_of("binarize", binarize, bounds.BINARIZATIONS)
        if n_samples < 1 or refine < 0:
            raise ValueError(
                f"n_samples={n_samples} must be at least 1, refine={refine} 0 or more"
            )
        images = self._check(X, reset=False)
        coins = generator(seed, self.device_)
        rng, found = generator(coins.initial_seed(), self.device_), []
        rows = min(MOST_DRAWS, self._rows(images))
        total = -(-len(images) // rows)
        for chunk in track(images.chunks(rows), "likelihood", total, self.verbose):
            x = self._tensor(chunk)
            if self.likelihood_ == "bernoulli" and not 0 <= float(x.min()) <= float(x.max()) <= 1:
                raise ValueError("a bernoulli likelihood needs values in [0, 1]; scale the images")
            x = self._scaled(bounds.binarized(x, binarize, coins))
            q = bounds.refined(self._posterior(x), partial(self._error, x), refine, rng)
            draws = zip(*self._draws(x, q, n_samples, rng), strict=True)
            kl = bounds.kl_divergence(*q).sum(1)
            found.append(bound(*map(torch.cat, draws), kl).cpu().double())
        return torch.cat(found).numpy() if found else np.empty(0)

    def _draws(
        self,
        x: torch.Tensor,
        q: tuple[torch.Tensor, torch.Tensor],
        n_samples: int,
        rng: torch.Generator,
    ) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Yield -log p(x|z) and log p(z) - log q(z|x), (draws, n) each, a bounded number each."""
        at_once = max(1, min(MOST_DRAWS, PASS_BYTES // (4 * x.shape[1])) // len(x))
        for start in range(0, n_samples, at_once):
            z = bounds.reparameterize(q[0], q[1], rng, min(at_once, n_samples - start))
            yield self._error(x, z), bounds.log_ratio(z, *q)
