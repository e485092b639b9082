"""Spatial codes: a grid for images of any size, from networks that are convolutions only."""

import numpy as np
import pytest
import torch

import isthmus as ist
from isthmus.nets.pixels import in_tiles
from isthmus.nets.scalars import Levels, indices_of, values_of
from isthmus.nets.spatial import SEEN, down, side_of_cell, up
from isthmus.training.costs import activations, products

SMALL = {"architecture": "spatial", "channels": (8,), "max_steps": 30, "random_state": 0}


@pytest.fixture(scope="module")
def photographs():
    """Smooth pictures of several sizes, in colour."""
    rng = np.random.default_rng(0)
    sizes = ((40, 56), (56, 40), (37, 61), (64, 64), (40, 56))
    waves = rng.normal(size=(len(sizes), 6, 3, 3))
    found = []
    for (h, w), each in zip(sizes, waves, strict=True):
        y, x = np.mgrid[:h, :w][..., None] / 12
        value = sum(np.sin(a[0] * y + a[1] * x + a[2]) for a in each)
        found.append(np.uint8(127.5 * (1 + value / 6)))
    return found


@pytest.mark.parametrize("family", [ist.Autoencoder, ist.VAE])
def test_it_begins_as_pca_of_its_cells_and_learns_beyond(family, photographs):
    options = SMALL | {"validation_fraction": 0.0}
    begun = family(3, **options | {"max_steps": 1, "learning_rate": 1e-12}).fit(photographs)
    pca = ist.PCA(3, patch=4).fit(photographs)
    X = photographs[3][None]
    theirs = pca.decode(pca.encode(X))
    assert begun.cell == 4
    assert begun.encode(X).shape == pca.encode(X).shape == (1, 16, 16, 3)
    if family is ist.Autoencoder:  # a VAE's mean is drawn to the prior
        assert begun.decode(begun.encode(X)) == pytest.approx(theirs.clip(0, 1), abs=0.02)
    learned = family(3, **options | {"max_steps": 150, "learning_rate": 3e-3}).fit(photographs)
    assert learned.score(X) > 1.05 * begun.score(X)


@pytest.mark.parametrize("network", [down, up])
@pytest.mark.parametrize("channels", [(3,), (2, 3), (2, 2, 2, 2)])
def test_a_tile_sees_no_further_than_is_known_and_tiles_change_nothing(network, channels):
    rng = torch.Generator().manual_seed(0)
    net, side = network(1, channels, 2, "tanh").double(), side_of_cell(channels)
    for weight in net.parameters():
        torch.nn.init.normal_(weight, 0, 0.5, generator=rng)
    step, gain = (side, 1 / side) if network is down else (1, side)
    n, shape = 2 * SEEN + 5, (1, 1 if network is down else 2)
    x = torch.rand(*shape, n * step, 2 * step, generator=rng, dtype=torch.float64)
    far = x.clone()
    far[:, :, :step] += 1
    unmoved = net(x)[:, :, int((SEEN + 1) * step * gain) :]
    assert torch.equal(net(far)[:, :, int((SEEN + 1) * step * gain) :], unmoved)
    wide = torch.rand(*shape, 30 * step, 18 * step, generator=rng, dtype=torch.float64)
    tiled = in_tiles(net, wide, 4 * step, margin=SEEN * step, gain=gain)
    assert torch.allclose(tiled, net(wide), atol=1e-12)


def test_images_of_any_size_and_kind_come_back_in_theirs(photographs, tmp_path):
    model = ist.Autoencoder(4, **SMALL).fit(photographs)
    for shape in ((1, 1), (3, 100), (17, 4), (64, 48)):
        X = np.random.default_rng(1).integers(0, 256, (2, *shape, 3), dtype=np.uint8)
        codes = model.encode(X)
        assert codes.shape == (2, -(-shape[0] // 4), -(-shape[1] // 4), 4)
        assert codes.shape[1:] == model.code_shape_of(shape)
        assert model.decode(codes, size=shape).shape == X.shape
        assert model.transform(X).shape == (2, model.code_width_)
    model.save(tmp_path / "m.safetensors")
    again = ist.load_model(tmp_path / "m.safetensors")
    assert np.array_equal(again.encode(X), codes)
    assert again.decode(codes).shape == (2, 64, 48, 3)
    assert model.encode(X[:0]).shape == (0, 16, 12, 4)
    assert model.decode(codes[:0]).shape == (0, 64, 48, 3)


@pytest.mark.parametrize(
    "values",
    [
        lambda r: r.uniform(-1, 1, (12, 9, 9)),
        lambda r: r.integers(0, 65536, (12, 20, 13, 6), dtype=np.uint16),
        lambda r: r.normal(250, 60, (12, 70, 70, 2)).astype(np.float32),
    ],
)
def test_other_values_and_bands(values):
    X = values(np.random.default_rng(0))
    for family in (ist.Autoencoder, ist.VAE):
        model = family(2, **SMALL | {"crop": 16}).fit(X)
        back = model.decode(model.encode(X), size=X.shape[1:3])
        assert back.shape == X.shape
        assert np.isfinite(back).all()
        assert model.image_shape_[:2] == ((12, 12) if X.shape[1] == 9 else (16, 16))


def test_fits_repeat_and_squares_are_drawn_from_all_over(photographs):
    codes = [
        ist.Autoencoder(2, **SMALL | {"crop": 16}).fit(photographs).encode(photographs[0][None])
        for _ in range(2)
    ]
    assert np.array_equal(*codes)
    model = ist.Autoencoder(2, **SMALL | {"crop": 16, "validation_fraction": 0.0})
    model._set_lattice()
    squares = model._check(photographs, reset=True, fewest=2)
    assert squares.shape[1:] == (16, 16, 3)
    assert len(squares) == 4 * sum(x.shape[0] * x.shape[1] for x in photographs) // 256


def test_levels_are_even_and_let_gradients_through():
    levels, z = (5, 2, 4), torch.linspace(-4, 4, 999).repeat(3, 1).T.requires_grad_()
    values = Levels(levels)(z)
    for column, n in enumerate(levels):
        assert values[:, column].unique().tolist() == pytest.approx(np.linspace(-1, 1, n))
    values.sum().backward()
    assert torch.allclose(z.grad, 1 - z.detach().tanh() ** 2, atol=1e-6)
    grids = torch.cartesian_prod(*(torch.linspace(-1, 1, n) for n in levels))
    assert indices_of(grids, levels).tolist() == list(range(40))
    assert torch.allclose(values_of(torch.arange(40), levels), grids)


def test_codes_of_levels_are_grids_of_indices(tmp_path):
    images = ist.load_images("digits")
    options = {"architecture": "spatial", "channels": (8,), "max_steps": 120, "random_state": 0}
    model, coarse = (
        ist.Autoencoder(quantizer="fsq", levels=levels, **options).fit(images.train)
        for levels in ((7, 7, 5, 5), (2, 2))
    )
    codes = model.encode(images.test)
    assert codes.shape == (359, 2, 2)
    assert codes.dtype == np.int64
    assert model.code_kind_ == "indices"
    assert model.code_ == "index a cell of 4x4, 1 of 1,225"
    assert len(np.unique(codes)) <= model.codes_used_ <= 1225
    assert model.score(images.test) > coarse.score(images.test)
    assert coarse.codes_used_ == 4
    assert coarse.transform(images.test).sum(1) == pytest.approx(1)
    model.save(tmp_path / "m.safetensors")
    again = ist.load_model(tmp_path / "m.safetensors")
    assert np.array_equal(again.decode(codes), model.decode(codes))
    for wrong, words in (
        (codes + 2000, "0 to 1224"),
        (codes * 0.5, "indices"),
        (codes[0], "rows"),
    ):
        with pytest.raises(ValueError, match=words):
            model.decode(wrong)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"patch": 4}, "two ways to grids"),
        ({"channels": ()}, "at least 1 each"),
        ({"crop": 0}, "crop=0"),
        ({"warp": 0.1}, "warp=0.1 is of codes of whole images"),
        ({"latent_dim": 99}, "numbers in a cell"),
        ({"quantizer": "vq"}, "quantizer='vq'"),
        ({"quantizer": "fsq"}, "latent_dim=2, but levels="),
        ({"quantizer": "fsq", "levels": (1, 5)}, "at least 2"),
        ({"quantizer": "fsq", "architecture": "dense"}, "give architecture='spatial'"),
    ],
)
def test_what_does_not_go_together_is_said(options, words, photographs):
    with pytest.raises(ValueError, match=words):
        ist.Autoencoder(**{"latent_dim": 2} | SMALL | options).fit(photographs)


def test_their_cost_is_known_beforehand():
    """Of every convolution what goes through it is as large as it says."""
    for net, x in (
        (down(3, (4, 6), 5, "relu"), torch.zeros(1, 3, 32, 48)),
        (up(3, (4, 6), 5, "relu"), torch.zeros(1, 5, 4, 6)),
    ):
        seen = []
        for layer in net.modules():
            if isinstance(layer, torch.nn.Conv2d):
                layer.register_forward_hook(
                    lambda layer, _, y, seen=seen: seen.append((layer, y.shape[1:]))
                )
        net(x)
        expected = sum(layer.weight.numel() * shape[1] * shape[2] for layer, shape in seen)
        assert products(net, (3, 32, 48)) == expected
        assert activations(net, (3, 32, 48)) >= sum(shape.numel() for _, shape in seen)


def test_what_grids_cannot_is_said(photographs):
    model = ist.VAE(2, **SMALL).fit(photographs[0][None].repeat(3, 0))
    X = photographs[0][None]
    assert not any(map(model.can, ("sample", "finetune", "elbo")))
    for verb, words in (
        (lambda: model.sample(2), "sample"),
        (lambda: model.elbo(X), "likelihood of images"),
        (lambda: model.encode(X[..., :2]), "3 channels"),
        (lambda: ist.Autoencoder(**SMALL).fit(np.zeros((9, 30))), "vectors"),
        (lambda: ist.Autoencoder(**SMALL).fit([X[0], X[0, :20, :, :2]]), "the same channels"),
    ):
        with pytest.raises((ValueError, AttributeError), match=words):
            verb()
