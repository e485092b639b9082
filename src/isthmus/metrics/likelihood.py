"""How probable images are under a model, of what kind that is, and what its posterior says."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from isthmus.data.images import Images, as_images, evenly_spaced
from isthmus.metrics.intervals import Estimate
from isthmus.metrics.posterior import active_units, divergences
from isthmus.tensors import seed_of
from isthmus.validation import one_of

if TYPE_CHECKING:
    from isthmus.base import Representation
    from isthmus.data.values import ImagesLike

KINDS = {
    "density": "log density of the values as they are",
    "draw": "log probability of pixels drawn black or white by their gray (dynamic binarization)",
    "threshold": "log probability of pixels cut at 0.5 (static binarization)",
    "binary": "log probability of pixels that are black or white",
    "gray": "minus a cross-entropy of gray pixels: no likelihood",
}
"""What a figure is of: those of different kinds compare with nothing of one another."""
DRAWS = 100
"""Importance samples of every image."""
BOUND_DRAWS = 10
"""Draws for the bound, whose KL is exact."""
MIXED = 2000
"""Images whose posteriors make up the aggregate posterior, at most, evenly spaced."""
ROWS = 256
"""Codes whose density is computed at a time."""


class Likelihood(NamedTuple):
    """How probable images are, in nats an image; see `likelihood`.

    Attributes
    ----------
    kind : {"density", "draw", "threshold", "binary", "gray"}
        What the figures are of; `KINDS` says it in words.
    images, draws : int
        How many images, and importance samples of each.
    bound, log_likelihood : Estimate
        The evidence lower bound, and the importance-sampled log p(x): means over the images with
        half of the 95 % interval, and those of every image.
    kl : ndarray of shape (k,)
        KL divergence of every latent dimension.
    active : ndarray of bool of shape (k,)
        Which dimensions say more than 0.01 nats.
    aggregate : float
        KL divergence of the aggregate posterior, the codes of all images together, from the prior.
    information : float
        What a code tells of which image it is: the rest of the KL, at most the logarithm of how
        many images are looked at.
    divergence : Estimate
        The KL of all dimensions together: the mean over images.
    aggregate_within : float
        Half of the 95 % interval of `aggregate`.
    """

    kind: str
    images: int
    draws: int
    bound: Estimate
    log_likelihood: Estimate
    kl: np.ndarray
    active: np.ndarray
    aggregate: float
    information: float
    divergence: Estimate
    aggregate_within: float

    @property
    def words(self) -> str:
        """What was measured, in a sentence."""
        return (
            f"{KINDS[self.kind]}: {self.log_likelihood.value:.2f} nats by {self.draws} importance "
            f"samples, bound {self.bound.value:.2f}, over {self.images:,} images; "
            f"{int(self.active.sum())} of {len(self.active)} latent dimensions are active"
        )


def likelihood(
    model: Representation,
    X: ImagesLike,
    n_samples: int = DRAWS,
    *,
    binarize: str | None = None,
    random_state: int = 0,
) -> Likelihood:
    r"""Return how probable images are under a VAE, all of those given.

    The log-likelihood is importance-sampled: a lower bound of log p(x) in expectation that rises
    to it with the number of samples. The divergence of the posteriors from the prior is, on
    average over images, :math:`I(x; z) + KL(q(z) \| p(z))`, where q(z) is the mixture of all
    posteriors: what a code tells, and how far the codes of all images together are from the prior
    that new ones are drawn from.

    Parameters
    ----------
    model : VAE
        Fitted.
    X : Images or ndarray of shape (n, ...)
        At least two.
    n_samples : int
        Importance samples of every image, at least 1.
    binarize : {"none", "draw", "threshold"}, optional
        How gray pixels are made black or white; by default as the model learned from them.
    random_state : int
        Seed of all draws.

    Raises
    ------
    ValueError
        If the model has no bound, or there are fewer than two images.

    References
    ----------
    Y. Burda et al., Importance weighted autoencoders, 2016. M. Hoffman and M. Johnson, ELBO
    surgery, 2016 (the aggregate posterior).

    Examples
    --------
    >>> import isthmus as ist
    >>> images = ist.load_images("digits")
    >>> found = likelihood(ist.VAE(2, epochs=2).fit(images.train), images.test, 10)
    >>> found.kind, found.images, found.bound.value <= found.log_likelihood.value
    ('density', 359, True)
    """
    if not model.can("elbo"):
        name = type(model).__name__ + (" of grids of codes" if model.cell else "")
        raise ValueError(f"{name} has no bound of log p(x); a VAE with one code an image has")
    images = as_images(X)
    if len(images) < 2:
        raise ValueError(f"{len(images)} images: a mean with an interval takes at least 2")
    learned: Any = model.get_params(deep=False)
    how = learned["binarize"] if binarize is None else binarize
    one_of("binarize", how, ("none", "draw", "threshold"))
    asked: dict[str, Any] = {"binarize": how, "random_state": seed_of(random_state) % 2**31}
    bound = _over_images(model.elbo(images, min(n_samples, BOUND_DRAWS), **asked))
    value = _over_images(model.log_likelihood(images, n_samples, **asked))
    mean, log_variance = model.posterior(images)
    kl = divergences(mean, log_variance)
    parts = [_over_images(part) for part in _aggregate(mean, log_variance, random_state)]
    return Likelihood(
        _kind(model, images, how), len(images), n_samples, bound, value, kl.mean(0),
        active_units(mean, log_variance), parts[0].value, parts[1].value,
        _over_images(kl.sum(1)), parts[0].within or 0.0,
    )  # fmt: skip


def _kind(model: Any, images: Images, how: str) -> str:
    """Return what a likelihood is of."""
    if model.likelihood_ == "gaussian":
        return "density"
    if how != "none":
        return how
    low, high = images.value_range
    top = 255 if images.data.dtype == np.uint8 else high
    binary = all(np.isin(chunk, (low, top)).all() for chunk in images.chunks())
    return "binary" if binary else "gray"


def _over_images(values: np.ndarray) -> Estimate:
    within = 1.96 * float(values.std(ddof=1)) / math.sqrt(len(values))
    return Estimate(float(values.mean()), within, values)


def aggregate_posterior(
    mean: np.ndarray, log_variance: np.ndarray, random_state: int = 0
) -> tuple[float, float]:
    r"""Return :math:`KL(q(z) \| p(z))` and :math:`I(x; z)` of Gaussian posteriors, in nats.

    By one draw from the posterior of every image, whose density is that of the mixture of all; of
    more than 2,000 images these are evenly spaced.

    Parameters
    ----------
    mean, log_variance : ndarray of shape (n, k)
        Of the posterior of every image.
    random_state : int
        Seed of the draws.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> apart, told = aggregate_posterior(np.zeros((500, 2)), np.zeros((500, 2)))  # collapsed
    >>> abs(round(apart, 6)), abs(round(told, 6))
    (0.0, 0.0)
    """
    apart, told = _aggregate(mean, log_variance, random_state)
    return float(apart.mean()), float(told.mean())


def _aggregate(
    mean: np.ndarray, log_variance: np.ndarray, random_state: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return what `aggregate_posterior` gives the means of, of every draw."""
    some = evenly_spaced(len(mean), MIXED)
    mean, log_variance = (np.asarray(a, dtype=np.float64)[some] for a in (mean, log_variance))
    noise = np.random.default_rng(random_state).normal(size=mean.shape)
    z = mean + np.exp(0.5 * log_variance) * noise
    own = -0.5 * (math.log(2 * math.pi) + log_variance + noise**2).sum(1)
    prior = -0.5 * (math.log(2 * math.pi) + z**2).sum(1)
    mixed = np.concatenate(
        [_mixture(z[start : start + ROWS], mean, log_variance) for start in range(0, len(z), ROWS)]
    )
    return mixed - prior, own - mixed


def _mixture(z: np.ndarray, mean: np.ndarray, log_variance: np.ndarray) -> np.ndarray:
    """Return the log density of codes under the mixture of all posteriors."""
    from scipy.special import logsumexp

    precision = np.exp(-log_variance)
    squares = z**2 @ precision.T - 2 * z @ (mean * precision).T + (mean**2 * precision).sum(1)
    constant = (math.log(2 * math.pi) + log_variance).sum(1)
    found: np.ndarray = logsumexp(-0.5 * (squares + constant), axis=1) - math.log(len(mean))
    return found
