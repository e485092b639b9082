"""What the two players of a GAN lose."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.functional import softplus

from isthmus.tensors import squared_distances

GAMES = ("non_saturating", "wgan_gp")
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
    log 4 where D cannot tell. "wgan_gp" is :math:`D(G(z)) - D(x)` and `penalty` times `steepness`.

    References
    ----------
    I. Goodfellow et al., Generative adversarial nets, 2014. I. Gulrajani et al., Improved training
    of Wasserstein GANs, 2017.

    Examples
    --------
    >>> x, y, rng = torch.zeros(3, 1), torch.zeros(3, 1), torch.Generator()
    >>> loss_of_discriminator(nn.Identity(), x, y, "non_saturating", 10.0, rng).exp()
    tensor(4.)
    """
    of_real, of_drawn = net(torch.cat((real, drawn))).float().chunk(2)
    if game == "non_saturating":
        return softplus(-of_real).mean() + softplus(of_drawn).mean()
    return of_drawn.mean() - of_real.mean() + penalty * steepness(net, real, drawn, rng)


def loss_of_generator(of_drawn: torch.Tensor, game: str) -> torch.Tensor:
    r"""Return what the generator loses: :math:`\zeta(-D(G(z)))`, or for "wgan_gp" `-D(G(z))`.

    Examples
    --------
    >>> loss_of_generator(torch.zeros(3), "non_saturating").exp()
    tensor(2.)
    """
    return softplus(-of_drawn).mean() if game == "non_saturating" else -of_drawn.mean()


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
