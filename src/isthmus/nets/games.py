"""What the two players of a GAN lose."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.functional import softplus

from isthmus.tensors import squared_distances

GAMES = ("non_saturating", "relativistic", "wgan_gp")
KINDS = 100
"""Real images that stand for the kinds there are, at most."""


def loss_of_discriminator(
    net: nn.Module,
    real: torch.Tensor,
    drawn: torch.Tensor,
    game: str,
    penalty: float,
    rng: torch.Generator,
) -> torch.Tensor:
    r"""Return what the discriminator D loses over real images x and drawn ones G(z).

    "non_saturating" is cross-entropy, :math:`\zeta(-D(x)) + \zeta(D(G(z)))` with zeta softplus:
    log 4 where D cannot tell. "relativistic" is :math:`\zeta(D(G(z)) - D(x))`, of pairs, log 2
    where D cannot tell: every drawn image has a real one to be like, which leaves no kind out.
    "wgan_gp" is :math:`D(G(z)) - D(x)` and `penalty` times `steepness`.

    References
    ----------
    I. Goodfellow et al., Generative adversarial nets, 2014. I. Gulrajani et al., Improved training
    of Wasserstein GANs, 2017. A. Jolicoeur-Martineau, The relativistic discriminator, 2019.
    Y. Huang et al., The GAN is dead; long live the GAN! A modern GAN baseline, 2024.

    Examples
    --------
    >>> x, y, rng = torch.zeros(3, 1), torch.zeros(3, 1), torch.Generator()
    >>> loss_of_discriminator(nn.Identity(), x, y, "non_saturating", 10.0, rng).exp()
    tensor(4.)
    """
    of_real, of_drawn = net(torch.cat((real, drawn))).float().chunk(2)
    if game == "non_saturating":
        return softplus(-of_real).mean() + softplus(of_drawn).mean()
    if game == "relativistic":
        return softplus(of_drawn - of_real).mean()
    return of_drawn.mean() - of_real.mean() + penalty * steepness(net, real, drawn, rng)


def loss_of_generator(of_drawn: torch.Tensor, of_real: torch.Tensor, game: str) -> torch.Tensor:
    r"""Return what the generator loses, of what D says of drawn images and of real ones.

    :math:`\zeta(-D(G(z)))`, "relativistic" :math:`\zeta(D(x) - D(G(z)))`, for "wgan_gp"
    :math:`-D(G(z))`.

    Examples
    --------
    >>> loss_of_generator(torch.zeros(3), torch.zeros(3), "non_saturating").exp()
    tensor(2.)
    """
    if game == "wgan_gp":
        return -of_drawn.mean()
    return softplus((of_real if game == "relativistic" else 0) - of_drawn).mean()


@torch.enable_grad()
def steepness(
    net: nn.Module, real: torch.Tensor, drawn: torch.Tensor, rng: torch.Generator
) -> torch.Tensor:
    r"""Return :math:`(|\nabla D(\tilde x)| - 1)^2` at points between real and drawn images.

    References
    ----------
    I. Gulrajani et al., Improved training of Wasserstein GANs, 2017.

    Examples
    --------
    >>> x, y, rng = torch.zeros(3, 1), torch.ones(3, 1), torch.Generator()
    >>> steepness(lambda x: 3 * x, x, y, rng)
    tensor(4.)
    """
    share = torch.rand(len(real), 1, generator=rng, device=rng.device)
    between = torch.lerp(real, drawn, share).requires_grad_()
    (slope,) = torch.autograd.grad(net(between).sum(), between, create_graph=True)
    return (slope.float().norm(dim=1) - 1).square().mean()


@torch.enable_grad()
def slope(net: nn.Module, x: torch.Tensor) -> torch.Tensor:
    r"""Return the mean of :math:`|\nabla D(x)|^2` times the variance of x, all numbers together.

    Penalised at real images it is R1, at drawn ones R2: without a penalty the players circle about
    the solution, with it they come to rest there. The variance makes it the same in any units.

    References
    ----------
    L. Mescheder et al., Which training methods for GANs do actually converge?, 2018.

    Examples
    --------
    >>> slope(lambda x: 3 * x, torch.tensor([[-2.0], [2.0]]))
    tensor(36.)
    """
    x = x.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(net(x).sum(), x, create_graph=True)
    power = x.detach().float().var(0, correction=0).sum()
    return power * gradient.float().square().sum(1).mean()


def variety(x: torch.Tensor, drawn: torch.Tensor) -> float:
    """Return of the kinds that real images show the share that drawn ones do, (n, d) each.

    The first tenth of the real images, or 100, are one kind each; every other image is of the kind
    of the nearest of them.

    Examples
    --------
    >>> x = torch.arange(20.0)[:, None] % 2
    >>> variety(x, x), variety(x, torch.ones(20, 1))
    (1.0, 0.5)
    """
    n = min(KINDS, -(-len(x) // 10))  # each is met by ten images or so
    real, kinds = (
        len(squared_distances(y, x[:n]).argmin(1).unique()) for y in (x[n:], drawn[n : len(x)])
    )
    return kinds / real
