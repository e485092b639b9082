"""Every fast path beside what it stands in for, on any processor.

A path that the processor lacks is emulated: integer products by torch's own, which are exact and
slow, and bfloat16 by asking for it.
"""

import ctypes

import numpy as np
import pytest
import torch

import isthmus as ist
from isthmus import tensors
from isthmus.nets.bounds import bernoulli_error
from isthmus.nets.dense import dense
from isthmus.nets.fused import chain_loss
from isthmus.nets.pixels import Doubling
from isthmus.nets.transposed import TransposedConv
from isthmus.tensors import Nearest, squared_distances
from isthmus.training import OPTIMISERS, optimizer

CPU = torch.device("cpu")


def with_integers(patch):
    """Give the processor exact integer products, if it has none."""
    if not tensors.has_int8_products(CPU):
        patch.setattr(torch.cpu, "_is_vnni_supported", lambda: True, raising=False)
        patch.setattr(torch, "_int_mm", lambda a, b: a.int() @ b.int(), raising=False)
    assert tensors.has_int8_products(CPU)


@pytest.fixture
def fast_and_plain(monkeypatch):
    """Return what a function returns with all fast paths, and with none."""

    def both(function):
        monkeypatch.setenv("ISTHMUS_PLAIN", "0")
        with monkeypatch.context() as patch:
            with_integers(patch)
            fast = function()
        monkeypatch.setenv("ISTHMUS_PLAIN", "1")
        return fast, function()

    return both


@pytest.fixture(scope="module")
def digits():
    return ist.load_images("digits").train[:600]


@pytest.mark.parametrize(
    ("value", "plain"), [("1", True), ("yes", True), ("0", False), ("", False)]
)
def test_one_variable_turns_all_off(value, plain, monkeypatch):
    monkeypatch.setenv("ISTHMUS_PLAIN", "0")
    with_integers(monkeypatch)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True, raising=False)
    monkeypatch.setenv("ISTHMUS_PLAIN", value)
    assert tensors.is_plain() is plain
    assert tensors.has_int8_products(CPU) is not plain
    assert tensors.has_bfloat16(CPU) is not plain
    precision = ist.Autoencoder(architecture="conv")._precision(CPU)
    assert precision == ("float32" if plain else "bfloat16")
    weights = [torch.zeros(2, requires_grad=True)]
    kinds = [optimizer(name, weights, 0.1).param_groups[0] for name in OPTIMISERS]
    assert any(kind.get("fused") for kind in kinds) is not plain
    assert any(kind.get("foreach") for kind in kinds) is not plain
    told = []
    monkeypatch.setattr(tensors.sys, "platform", "linux")
    monkeypatch.setattr(ctypes, "CDLL", told.append)
    with tensors.same_blocks_again():
        pass
    assert bool(told) is not plain


def test_integer_products_that_saturate_are_not_used(monkeypatch):
    """As without the instructions for them, or where a library is told not to use those."""
    monkeypatch.setenv("ISTHMUS_PLAIN", "0")
    monkeypatch.setattr(torch.cpu, "_is_vnni_supported", lambda: True, raising=False)
    product = lambda a, b: (a.int() @ b.int()).clamp(max=2**19)  # noqa: E731
    monkeypatch.setattr(torch, "_int_mm", product, raising=False)
    assert not tensors.has_int8_products(CPU)


def test_the_variable_is_off_where_it_is_not_set(monkeypatch):
    monkeypatch.delenv("ISTHMUS_PLAIN", raising=False)
    assert not tensors.is_plain()


def test_nearest_rows(digits, fast_and_plain):
    """Units rounded to 256 levels: only those at nearly equal distances change places."""
    values = torch.from_numpy(np.asarray(digits).reshape(-1, 64))
    x = values.float() / 255
    c = x[:100] * 0.7 + x[100:200] * 0.4 - 0.05
    exact = squared_distances(x, c)
    fast, plain = fast_and_plain(lambda: Nearest(c)(values, x))
    assert torch.equal(plain, exact.argmin(1))
    excess = exact.gather(1, fast[:, None])[:, 0] - exact.min(1).values
    assert float(excess.max()) < 0.02
    assert float((fast == plain).float().mean()) > 0.95


def test_nearest_rows_of_bytes_and_of_bytes_over_255(digits, fast_and_plain):
    values = torch.from_numpy(np.asarray(digits).reshape(-1, 64))
    x = values.float() / 255
    for of_bytes, of_floats in fast_and_plain(
        lambda: (Nearest(x[:50])(values, x), Nearest(x[:50])(x, x))
    ):
        assert torch.equal(of_bytes, of_floats)
    (found, by_bytes), _ = fast_and_plain(
        lambda: (Nearest(x[:50])(values, x), Nearest(x[:50])(values, x + 1))
    )
    assert torch.equal(found, by_bytes)  # the floats are not looked at


def test_scatter_of_pca(digits, fast_and_plain):
    fast, plain = fast_and_plain(lambda: ist.PCA(20, solver="covariance").fit(digits))
    np.testing.assert_allclose(fast.components_, plain.components_, atol=1e-5)
    np.testing.assert_allclose(fast.explained_variance_, plain.explained_variance_, rtol=1e-5)
    np.testing.assert_allclose(fast.mean_, plain.mean_, atol=1e-6)


def of_layer(layer, x):
    """What a layer returns, and the gradients of something made of it."""
    for weight in layer.parameters():
        weight.grad = None
    x = x.clone().requires_grad_()
    y = layer(x)
    (y * y.detach().cos()).sum().backward()
    return [y.detach(), x.grad, *(weight.grad for weight in layer.parameters())]


@pytest.mark.parametrize(
    "layer",
    [
        TransposedConv(5, 1, 4, 2, 1, (1, 0)),  # one product and a fold
        TransposedConv(5, 8, 4, 2, 1, (0, 1)),
        Doubling(5, 4),
    ],
    ids=["fold", "gradient", "doubling"],
)
def test_layers(layer, fast_and_plain):
    x = torch.linspace(-1, 1, 2 * 5 * 6 * 4).double().sin().view(2, 5, 6, 4)
    fast, plain = fast_and_plain(lambda: of_layer(layer.double(), x))
    torch.testing.assert_close(fast, plain, rtol=1e-10, atol=1e-10)


def test_chains_of_dense_layers(fast_and_plain):
    layers = [*dense([9, 7, 3], "tanh", "tanh"), *dense([3, 7, 9], "tanh")]
    for layer in layers:
        layer.double()
        for weight in layer.parameters():
            weight.data = torch.linspace(-1, 1, weight.numel()).double().view_as(weight)
    x = torch.linspace(0, 1, 90).double().view(10, 9)

    def loss_and_gradients():
        weights = [weight for layer in layers for weight in layer.parameters()]
        for weight in weights:
            weight.grad = None
        loss, fused = chain_loss(layers, x, x, "sigmoid", "bce")
        if not fused:
            loss.backward()
        return fused, [loss.detach(), *(weight.grad for weight in weights)]

    (fast_is_fused, fast), (plain_is_fused, plain) = fast_and_plain(loss_and_gradients)
    assert (fast_is_fused, plain_is_fused) == (True, False)
    torch.testing.assert_close(fast, plain, rtol=1e-6, atol=1e-7)  # the graph ends in float32


def test_likelihood_of_binary_pixels(fast_and_plain):
    x = torch.linspace(0, 1, 35).double().view(5, 7)
    a = torch.linspace(-3, 3, 105).double().view(3, 5, 7)

    def value_and_gradient():
        logits = a.clone().requires_grad_()
        error = bernoulli_error(logits, x)
        error.square().sum().backward()
        return error.detach(), logits.grad

    torch.testing.assert_close(*fast_and_plain(value_and_gradient))


@pytest.mark.parametrize("name", OPTIMISERS)
def test_optimisers(name, fast_and_plain):
    def moved():
        weights = [torch.linspace(-1, 1, n, requires_grad=True) for n in (3, 8)]
        taken = optimizer(name, weights, 0.01)
        for _ in range(10):
            for weight in weights:
                weight.grad = weight.detach().cos()
            taken.step()
        return [weight.detach() for weight in weights]

    torch.testing.assert_close(*fast_and_plain(moved), rtol=1e-5, atol=1e-6)


FITS = {
    "autoencoder": lambda: ist.Autoencoder(4, hidden=(16,), max_steps=20, random_state=0),
    "conv": lambda: ist.Autoencoder(
        4, architecture="conv", max_steps=5, random_state=0, precision="float32"
    ),
    "vae": lambda: ist.VAE(4, hidden=(16,), max_steps=20, random_state=0),
}


@pytest.mark.parametrize("name", FITS)
def test_fits_agree_to_rounding(name, digits, fast_and_plain):
    fast, plain = fast_and_plain(lambda: FITS[name]().fit(digits).history_["loss"])
    np.testing.assert_allclose(fast, plain, rtol=1e-4)


def test_a_fit_in_bfloat16_agrees_to_a_few_percent(digits):
    given = {"architecture": "conv", "max_steps": 20, "random_state": 0}
    loss = [
        ist.Autoencoder(4, precision=precision, **given).fit(digits).history_["loss"][-1]
        for precision in ("bfloat16", "float32")
    ]
    assert loss[0] == pytest.approx(loss[1], rel=0.05)


@pytest.mark.parametrize("rule", ["batch", "online"])
def test_a_map_has_the_same_quality(rule, digits, fast_and_plain):
    """Where rounding decides which unit an image pulls, maps go apart but none is worse."""
    fast, plain = fast_and_plain(
        lambda: ist.SOM(5, rule=rule, max_iter=8, random_state=0).fit(digits).quantization_error_
    )
    assert fast == pytest.approx(plain, rel=0.02)
