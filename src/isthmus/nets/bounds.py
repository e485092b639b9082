"""What the objective of a variational autoencoder is made of, in nats, as plain functions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch.nn.functional import binary_cross_entropy_with_logits, softplus

from isthmus.tensors import is_plain

if TYPE_CHECKING:
    from torch import nn

LOG_2PI = math.log(2 * math.pi)
BINARIZATIONS = ("none", "draw", "threshold")
RATE = 0.05
"""Step size at which posteriors are refined, in units of the prior's deviation."""
LEAST_SIGMA = 1e-3
"""Least deviation of pixels fitted to the images: a perfect fit would end at none."""


def binarized(x: torch.Tensor, how: str, rng: torch.Generator) -> torch.Tensor:
    """Return grey pixels as they are, drawn as 0 or 1 with that probability, or 1 from 0.5 up."""
    if how == "draw":
        return torch.bernoulli(x, generator=rng)
    return x if how == "none" else (x >= 0.5).to(x.dtype)


def reparameterize(
    mean: torch.Tensor, log_var: torch.Tensor, rng: torch.Generator, k: int = 1
) -> torch.Tensor:
    """Return k draws of ``z = mean + deviation * noise``, (k, n, d), so that gradients pass.

    Examples
    --------
    >>> reparameterize(torch.zeros(3, 2), torch.zeros(3, 2), torch.Generator(), 5).shape
    torch.Size([5, 3, 2])
    """
    noise = torch.randn((k, *mean.shape), generator=rng, device=mean.device)
    return mean + (0.5 * log_var).exp() * noise


def refined(
    posterior: tuple[torch.Tensor, torch.Tensor],
    error: Callable[[torch.Tensor], torch.Tensor],
    steps: int,
    rng: torch.Generator,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the posterior that suits every image best, found from the encoder's by descent.

    The encoder answers for all images at once and for none of them perfectly; whatever normal
    distribution is put in its place gives a lower bound of log p(x) as well.

    Parameters
    ----------
    posterior : mean and log-variance, tensors of shape (n, d)
        Where to start.
    error : callable
        From draws (k, n, d) to -log p(x|z), (k, n).
    steps : int
        Of Adam, whose step size falls to nothing along half a cosine.
    rng : Generator
        Where draws come from.

    References
    ----------
    Y. Kim et al., Semi-amortized variational autoencoders, 2018.
    """
    mean, log_var = parts = [part.detach().clone().requires_grad_() for part in posterior]
    optimizer = torch.optim.Adam(parts)
    with torch.enable_grad():
        for step in range(steps):
            z = reparameterize(mean, log_var, rng)
            loss = error(z).sum() + kl_divergence(mean, log_var).sum()
            for part, gradient in zip(parts, torch.autograd.grad(loss, parts), strict=True):
                part.grad = gradient
            optimizer.param_groups[0]["lr"] = RATE * 0.5 * (1 + math.cos(math.pi * step / steps))
            optimizer.step()
    return mean.detach(), log_var.detach()


def kl_divergence(mean: torch.Tensor, log_var: torch.Tensor) -> torch.Tensor:
    r"""Return :math:`\frac12(\mu^2 + \sigma^2 - 1 - \log \sigma^2)`: KL to N(0, 1), every number.

    Examples
    --------
    >>> kl_divergence(torch.tensor([0.0, 2.0]), torch.zeros(2))
    tensor([0., 2.])
    """
    return 0.5 * (mean.square() + log_var.exp() - 1 - log_var)


def log_normal(
    z: torch.Tensor, mean: torch.Tensor | float = 0.0, log_var: torch.Tensor | float = 0.0
) -> torch.Tensor:
    """Return the log density of every number under a normal distribution of its own."""
    scaled = (z - mean).square() * torch.exp(-torch.as_tensor(log_var))
    return -0.5 * (LOG_2PI + log_var + scaled)


def log_ratio(z: torch.Tensor, mean: torch.Tensor, log_var: torch.Tensor) -> torch.Tensor:
    """Return log p(z) - log q(z|x) of draws z (k, n, d), (k, n), the prior being N(0, I)."""
    return (log_normal(z) - log_normal(z, mean, log_var)).sum(-1)


def importance_bound(log_weights: torch.Tensor) -> torch.Tensor:
    r"""Return :math:`\log \frac1k \sum_i w_i` over the k rows of log weights.

    With :math:`w = p(x, z) / q(z | x)` and z drawn from q it is a lower bound of log p(x) in
    expectation, the tighter the larger k is.

    References
    ----------
    Y. Burda, R. Grosse and R. Salakhutdinov, Importance weighted autoencoders, 2016.

    Examples
    --------
    >>> importance_bound(torch.tensor([[1.0], [3.0]]).log()).exp()
    tensor([2.])
    """
    return torch.logsumexp(log_weights, 0) - math.log(len(log_weights))


def kl_terms(
    z: torch.Tensor, mean: torch.Tensor, log_var: torch.Tensor, n_images: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    r"""Return what the KL is made of: mutual information, total correlation, and the rest.

    .. math::
        \mathbb{E}\,KL(q(z|x)\,\|\,p(z)) = I(x; z) + KL(q(z)\,\|\,\prod_d q(z_d))
        + \sum_d KL(q(z_d)\,\|\,p(z_d))

    The density :math:`q(z)` is a mixture over all training images, of which only the batch is
    at hand. The image that z was drawn from counts as one of them, and every other one of the
    batch stands for an equal share of the rest, which makes the estimate of the density unbiased.
    The three add up to ``log q(z|x) - log p(z)`` exactly.

    Parameters
    ----------
    z, mean, log_var : tensors of shape (n, d)
        A draw for every image of a batch, and the posterior that it comes from.
    n_images : int
        Images in the training set, at least n.

    References
    ----------
    T. Q. Chen et al., Isolating sources of disentanglement in variational autoencoders, 2018.
    """
    n = len(z)
    own = log_normal(z, mean, log_var).sum(1)
    pairs = log_normal(z[:, None], mean, log_var)  # of every draw under every posterior
    log_share = torch.zeros(n, n, device=z.device)
    if n > 1:
        others = math.log((n_images - 1) / (n_images * (n - 1)))
        log_share = log_share.fill_(others).fill_diagonal_(-math.log(n_images))
    joint = torch.logsumexp(pairs.sum(2) + log_share, 1)
    single = torch.logsumexp(pairs + log_share[:, :, None], 1).sum(1)
    prior = log_normal(z).sum(1)
    return (own - joint).mean(), (joint - single).mean(), (single - prior).mean()


def permuted(z: torch.Tensor, rng: torch.Generator) -> torch.Tensor:
    """Return a batch (n, d) with every column shuffled on its own: draws of independent columns.

    References
    ----------
    H. Kim and A. Mnih, Disentangling by factorising, 2018.
    """
    return z.gather(0, torch.rand(z.shape, generator=rng, device=z.device).argsort(0))


def judged(net: nn.Module, z: torch.Tensor, rng: torch.Generator) -> torch.Tensor:
    """Return the loss of a network that tells codes from the same numbers shuffled."""
    joint, independent = net(torch.cat((z, permuted(z, rng)))).float().chunk(2)
    return 0.5 * (softplus(-joint).mean() + softplus(independent).mean())


def bernoulli_error(a: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """Return minus the log-likelihood of pixels `x` (n, d) under logits `a` (..., n, d), (..., n).

    Examples
    --------
    >>> bernoulli_error(torch.zeros(1, 2), torch.ones(1, 2)).exp()
    tensor([4.])
    """
    if is_plain():
        x = x.to(a.dtype).expand_as(a)
        return binary_cross_entropy_with_logits(a, x, reduction="none").sum(-1)
    apply: Callable[..., torch.Tensor] = BernoulliError.apply
    return apply(a, x)


class BernoulliError(torch.autograd.Function):
    r"""Minus the log-likelihood of pixels under logits, summed over the pixels of an image.

    :math:`\sum_d \log(1 + e^{a_d}) - x_d a_d`, whose gradient is :math:`\mathrm{sigmoid}(a) - x`:
    two passes over the pixels, where torch's own loss takes five.
    """

    @staticmethod
    def forward(ctx: Any, a: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """Return (..., n) for logits `a` (..., n, d) and images `x` (n, d)."""
        ctx.save_for_backward(a, x)
        return (softplus(a) - x * a).sum(-1)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:
        """Return the gradient of the logits."""
        a, x = ctx.saved_tensors
        return torch.sigmoid(a).sub_(x).mul_(gradient[..., None]), None


def gaussian_error(squared: torch.Tensor, d: int, sigma: torch.Tensor | float) -> torch.Tensor:
    """Return minus the log-likelihood of d values from the sum of their squared errors."""
    sigma = torch.as_tensor(sigma)
    return squared / (2 * sigma**2) + d * (torch.log(sigma) + 0.5 * LOG_2PI)
