import itertools

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from isthmus.nets.coders import decoder, encoder
from isthmus.nets.conv import conv_decoder, conv_encoder, sides
from isthmus.nets.dense import ACTIVATIONS, initialise
from isthmus.nets.matrices import convolution_matrix
from isthmus.nets.transposed import TransposedConv


def test_convolution_of_the_lesson():
    image = np.array([[4, 5, 8, 7], [1, 8, 8, 8], [3, 6, 6, 4], [6, 5, 7, 8]])
    matrix = convolution_matrix([[1, 4, 1], [1, 4, 3], [3, 3, 1]], (4, 4))
    assert matrix.shape == (4, 16)
    assert (matrix @ image.ravel()).tolist() == [122, 148, 126, 134]


def test_transposed_convolution_of_the_lesson():
    """The slides print 104 for 107 and 117 for 114."""
    matrix = convolution_matrix([[1, 2, 1], [2, 1, 2], [1, 1, 2]], (4, 4))
    back = (matrix.T @ np.array([55, 52, 57, 50])).reshape(4, 4)
    assert back.tolist() == [
        [55, 162, 159, 52],
        [167, 323, 319, 154],
        [169, 264, 326, 204],
        [57, 107, 164, 100],
    ]


@pytest.mark.parametrize(
    ("kernel", "shape", "stride", "padding"),
    [
        (kernel, shape, stride, padding)
        for kernel, shape, stride, padding in itertools.product(
            [(1, 1), (3, 3), (2, 4)], [(5, 7), (8, 8)], [1, 2, 3], [0, 1, 2]
        )
    ],
)
def test_convolution_matrix_is_the_layer(kernel, shape, stride, padding):
    rng = np.random.default_rng(0)
    weight, x = rng.normal(size=kernel), rng.normal(size=shape)
    matrix = convolution_matrix(weight, shape, stride, padding)
    w, image = torch.from_numpy(weight)[None, None], torch.from_numpy(x)[None, None]
    y = F.conv2d(image, w, stride=stride, padding=padding)[0, 0]
    np.testing.assert_allclose(matrix @ x.ravel(), y.numpy().ravel(), atol=1e-12)
    rest = [(n + 2 * padding - k) % stride for n, k in zip(shape, kernel, strict=True)]
    back = F.conv_transpose2d(y[None, None], w, None, stride, padding, rest)[0, 0]
    np.testing.assert_allclose(matrix.T @ y.numpy().ravel(), back.numpy().ravel(), atol=1e-12)


@pytest.mark.parametrize(
    ("kernel", "shape", "stride", "padding", "words"),
    [
        ([[1, 1]], (1, 1), 1, 0, "does not fit"),
        ([1, 1], (4, 4), 1, 0, "expected a"),
        ([[1]], (4, 4), 0, 0, "stride"),
        ([[1]], (4, 4), 1, -1, "padding"),
    ],
)
def test_impossible_convolutions_are_refused(kernel, shape, stride, padding, words):
    with pytest.raises(ValueError, match=words):
        convolution_matrix(kernel, shape, stride, padding)


@pytest.mark.parametrize("shape", [(28, 28, 1), (7, 5, 3), (9, 16, 2), (33, 31, 6)])
@pytest.mark.parametrize("kernel", [3, 4])
def test_every_size_comes_back(shape, kernel):
    channels, widths = (4, 6), (8, 3)
    down = conv_encoder(shape, channels, widths, "relu", kernel=kernel, norm=True)
    up = conv_decoder(shape, channels, widths, "relu", kernel=kernel, norm=True)
    for net in (down, up):
        initialise(net, "he_normal", torch.Generator().manual_seed(0))
    x = torch.rand(5, int(np.prod(shape)))
    z = down(x)
    assert z.shape == (5, 3)
    assert up(z).shape == x.shape


@pytest.mark.parametrize("channels", [1, 3, 8])
@pytest.mark.parametrize("extra", [(0, 0), (1, 0)])
def test_our_transposed_layer_is_that_of_the_library(channels, extra, monkeypatch):
    monkeypatch.setenv("ISTHMUS_PLAIN", "0")
    ours = TransposedConv(5, channels, 4, 2, 1, extra).double()
    theirs = torch.nn.ConvTranspose2d(5, channels, 4, 2, 1, extra).double()
    theirs.load_state_dict(ours.state_dict())
    results = []
    for layer in (ours, theirs):
        x = torch.linspace(-1, 1, 2 * 5 * 6 * 4).double().sin().view(2, 5, 6, 4).requires_grad_()
        y = layer(x)
        (y * y.detach().cos()).sum().backward()
        results.append((y, x.grad, layer.weight.grad, layer.bias.grad))
    for mine, reference in zip(*results, strict=True):
        torch.testing.assert_close(mine, reference)


def test_sides_are_those_of_the_layers():
    for side, kernel in itertools.product(range(4, 40), (3, 4)):
        x = torch.zeros(1, 1, side, side)
        for expected in sides(side, 2, kernel)[1:]:
            x = F.conv2d(x, torch.zeros(1, 1, kernel, kernel), stride=2, padding=1)
            assert x.shape[-1] == expected


def test_flat_images_are_read_row_by_row_with_channels_last():
    net = conv_encoder((4, 4, 2), (1,), (1,), "linear")
    picture = net[0](torch.arange(32.0)[None])
    assert picture[0, 1, 0, 2] == 5  # row 0, column 2, channel 1
    assert picture.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(net[2](picture), torch.arange(32.0)[None])


@pytest.mark.parametrize("activation", [a for a in ACTIVATIONS if a != "softmax"])
def test_every_weight_gets_a_gradient(activation):
    down = encoder("conv", (8, 8), (3, 4), (6, 2), activation)
    up = decoder("conv", (8, 8), (3, 4), (6, 2), activation)
    for net in (down, up):
        initialise(net, "glorot_uniform", torch.Generator().manual_seed(0))
    up(down(torch.rand(6, 64))).square().sum().backward()
    for weight in (*down.parameters(), *up.parameters()):
        assert float(weight.grad.abs().sum()) > 0


@pytest.mark.parametrize(
    ("shape", "words"),
    [((64,), "needs images"), ((6, 30), "at least 8x8"), ((7, 7, 3), "too small")],
)
def test_what_cannot_be_convolved_is_refused(shape, words):
    with pytest.raises(ValueError, match=words):
        encoder("conv", shape, (4, 4, 4), (2,), "relu")
