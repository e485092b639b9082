import itertools

import pytest
import torch
from torch import nn

from isthmus.nets.dense import ACTIVATIONS, INITIALISERS, dense, initialise
from isthmus.nets.fused import LOSSES, OUTPUTS, chain_loss


def reference(layers, x, output, loss):
    """The loss by the plainest torch there is."""
    y = OUTPUTS[output](nn.Sequential(*layers)(x))
    return {
        "mse": lambda: ((y - x) ** 2).mean(),
        "mae": lambda: (y - x).abs().mean(),
        "bce": lambda: nn.functional.binary_cross_entropy(y, x),
    }[loss]()


@pytest.mark.parametrize(
    ("activation", "output", "loss"),
    [
        (activation, output, loss)
        for activation, output, loss in itertools.product(ACTIVATIONS, OUTPUTS, LOSSES)
        if loss != "bce" or output == "sigmoid"
    ],
)
def test_gradients_by_hand_equal_those_of_the_graph(activation, output, loss, monkeypatch):
    monkeypatch.setenv("ISTHMUS_PLAIN", "0")
    rng = torch.Generator().manual_seed(0)
    encoder, decoder = dense([9, 7, 3], activation, activation), dense([3, 7, 9], activation)
    layers = [*encoder, *decoder]
    for net in (encoder, decoder):
        initialise(net, "glorot_normal", rng)
        net.double()
    x = torch.rand(20, 9, generator=rng, dtype=torch.float64)
    weights = [w for layer in layers for w in layer.parameters()]
    expected = reference(layers, x, output, loss)
    gradients = torch.autograd.grad(expected, weights)
    value, fused = chain_loss(layers, x, x, output, loss)
    assert fused
    torch.testing.assert_close(value, expected.detach())
    for weight, gradient in zip(weights, gradients, strict=True):
        torch.testing.assert_close(weight.grad, gradient)
    with torch.no_grad():
        again, fused = chain_loss(layers, x, x, output, loss)
    assert not fused
    torch.testing.assert_close(again, value)


@pytest.mark.parametrize("name", list(INITIALISERS))
def test_initialisers_draw_from_their_generator_only(name):
    before = torch.get_rng_state()
    nets = [dense([30, 20, 10], "relu") for _ in range(2)]
    for net in nets:
        initialise(net, name, torch.Generator().manual_seed(5))
    assert torch.equal(nets[0][0].weight, nets[1][0].weight)
    assert torch.equal(torch.get_rng_state(), before)
    assert float(nets[0][0].bias.detach().abs().sum()) == 0


def test_positive_uniform_is_deck_e():
    net = dense([500, 399], "relu")
    initialise(net, "positive_uniform", torch.Generator().manual_seed(0))
    weight = net[0].weight.detach()
    assert float(weight.min()) >= 0
    assert float(weight.max()) <= 1 / 20
    assert float(weight.mean()) == pytest.approx(1 / 40, rel=0.01)
