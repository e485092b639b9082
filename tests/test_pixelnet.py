import numpy as np
import pytest
import torch

import isthmus as ist
from isthmus.data.images import Images
from isthmus.models.pixelnet import NO_CLASS
from isthmus.nets import pixels
from isthmus.nets.dense import initialise
from isthmus.nets.pixels import Doubling, in_tiles, pixel_encoder, pixel_head, varied

LAYERS = [1792, *[36928] * 5, 73856, 73792, 36928, 73856, 73792, 36928, 11540, 2172]
"""Parameters of every layer of the lesson's network, 3 channels in and 12 classes out."""


def scenes(n=32, size=(20, 26), seed=0):
    """Noise in squares of one colour, and their classes: 1 reddish, 2 greenish, 0 neither."""
    rng = np.random.default_rng(seed)
    squares = rng.integers(0, 3, (n, *(-(-side // 4) for side in size)))
    maps = squares.repeat(4, 1).repeat(4, 2)[:, : size[0], : size[1]].astype(np.uint8)
    X = rng.integers(0, 60, (*maps.shape, 3), dtype=np.uint8)
    X[maps == 1, 0] += 150
    X[maps == 2, 1] += 150
    return X, maps


def small(**parameters):
    settings = {"channels": 16, "epochs": 30, "learning_rate": 2e-3, "random_state": 0}
    return ist.PixelNet(12, **settings | parameters)


@pytest.fixture(scope="module")
def segmenter():
    return small().fit(*scenes())


@pytest.fixture(scope="module")
def painter():
    return small(epochs=60).fit(scenes()[0])


def drawn(net, seed=0):
    initialise(net, "he_normal", torch.Generator().manual_seed(seed))
    return net.eval()


def test_parameter_counts_of_the_lesson_layer_by_layer():
    X = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3), dtype=np.uint8)
    maps = np.full((2, 8, 8), 11)
    model = ist.PixelNet(epochs=1).fit(X, maps)
    layers = [
        layer
        for net in (model.encoder_, model.head_)
        for layer in net.modules()
        if hasattr(layer, "weight")
    ]
    counts = [sum(weight.numel() for weight in layer.parameters()) for layer in layers]
    assert counts == LAYERS
    assert sum(counts) == 569_296


def test_doubling_is_the_transposed_convolution():
    layer = drawn(torch.nn.utils.skip_init(Doubling, 3, 5))
    torch.nn.init.normal_(layer.bias, generator=torch.Generator().manual_seed(1))
    x = torch.rand(2, 3, 4, 6, generator=torch.Generator().manual_seed(2))
    expected = torch.nn.functional.conv_transpose2d(x, layer.weight, layer.bias, 2, 1, 1)
    torch.testing.assert_close(layer(x), expected)
    assert layer(x).shape == (2, 5, 8, 12)


@pytest.mark.parametrize("size", [(97, 250), (230, 64), (198, 198), (129, 131)])
def test_tiles_give_the_answer_of_the_whole(size):
    encoder, head = drawn(pixel_encoder(2, 6, 5)), drawn(pixel_head(5, 3), 1)
    x = torch.rand(2, 2, *size, generator=torch.Generator().manual_seed(0))

    def net(x):
        return head(encoder(x))

    with torch.no_grad():
        whole = net(x)
        assert in_tiles(net, x, side=32).shape == whole.shape
        torch.testing.assert_close(in_tiles(net, x, side=32), whole, rtol=1e-4, atol=1e-5)


def test_margin_covers_what_a_pixel_depends_on():
    encoder, head = pixel_encoder(1, 3, 2).double(), pixel_head(2, 1).double()
    for weight in [*encoder.parameters(), *head.parameters()]:
        torch.nn.init.constant_(weight, 0.1)
    mean = [torch.nn.AvgPool2d(2) if isinstance(n, torch.nn.MaxPool2d) else n for n in encoder]
    x = torch.ones(1, 1, 160, 160, dtype=torch.float64, requires_grad=True)
    y = head(torch.nn.Sequential(*mean)(x))
    for place in range(80, 84):
        (gradient,) = torch.autograd.grad(y[0, 0, place, place], x, retain_graph=True)
        rows = gradient[0, 0].any(1).nonzero()
        assert place - rows.min() <= pixels.MARGIN
        assert rows.max() - place <= pixels.MARGIN


def test_large_images_are_worked_on_in_tiles(segmenter, painter, monkeypatch):
    X, _ = scenes(1, (100, 120), seed=5)
    codes, maps = segmenter.encode(X), segmenter.predict(X)
    back = painter.decode(painter.encode(X))
    monkeypatch.setattr(pixels.in_tiles, "__defaults__", (32,))
    np.testing.assert_allclose(segmenter.encode(X), codes, rtol=1e-3, atol=1e-4)
    assert (segmenter.predict(X) == maps).mean() > 0.9999
    np.testing.assert_allclose(painter.decode(painter.encode(X)), back, rtol=1e-3, atol=1e-4)


def test_learns_a_class_by_colour_and_place(segmenter):
    X, maps = scenes(8, seed=1)
    predicted = segmenter.predict(X)
    assert predicted.shape == maps.shape
    assert predicted.dtype == np.uint8
    assert (predicted == maps).mean() > 0.93  # which step rounds how decides the rest
    assert segmenter.score(X, maps) == pytest.approx((predicted == maps).mean())
    assert segmenter.history_["val_accuracy"][-1] > 0.93
    assert not any("never predicted" in finding for finding in segmenter.health_)
    assert not hasattr(segmenter, "decode")
    assert not hasattr(segmenter, "inverse_transform")


def test_learns_the_image_where_there_are_no_label_maps(painter):
    X, _ = scenes()
    codes = painter.encode(X)
    assert codes.shape == (*X.shape[:3], 12)
    assert codes.dtype == np.float32
    assert (codes >= 0).all()
    back, x = painter.decode(codes), X / 255
    assert back.shape == X.shape
    error = ((back - x) ** 2).mean()
    assert error < 0.25 * ((x.mean(0) - x) ** 2).mean()
    assert painter.score(X) == pytest.approx(-error, rel=1e-4)
    assert not hasattr(painter, "predict")
    assert painter.code_ == "12 numbers a pixel"


@pytest.mark.parametrize("size", [(20, 26), (1, 1), (3, 50), (41, 22)])
def test_images_of_other_sizes(segmenter, painter, size):
    X, _ = scenes(2, (60, 60))
    X = X[:, : size[0], : size[1]]
    assert segmenter.predict(X).shape == (2, *size)
    codes = painter.encode(X)
    assert codes.shape == (2, *size, 12)
    assert painter.decode(codes).shape == (2, *size, 3)
    assert np.isfinite(painter.score(X))


def test_grey_images_need_no_channel():
    X = np.random.default_rng(0).random((12, 9, 7))
    model = small(epochs=1).fit(X)
    assert model.decode(model.encode(X)).shape == X.shape
    maps = (X > 0.5).astype(int)
    assert small(epochs=1).fit(X, maps).predict(X).shape == X.shape


def test_images_bring_their_label_maps():
    X, maps = scenes()
    images = Images(X, label_maps=maps, map_classes=["none", "red", "green", "blue"])
    model = small(epochs=2).fit(images)
    assert model.n_classes_ == 4
    np.testing.assert_array_equal(
        model.predict(images),
        small(epochs=2, class_weight=(1, 1, 1, 1)).fit(images).predict(X),
    )
    assert not small(epochs=1, target="image").fit(images).supervised_
    assert model.score(images) == model.score(X, maps)


def test_ignored_class_has_no_gradient_and_is_never_predicted():
    X, maps = scenes(6)
    maps[:, :, :13] = 3
    images = Images(X, label_maps=maps, map_classes=list("abcd"), ignored_class=3)
    model = small(epochs=1).fit(images)
    x, given = model._input(torch.from_numpy(X)), model._targets(images)
    gradients = []
    model.head_.register_full_backward_hook(lambda net, before, after: gradients.append(after[0]))
    _, loss, logs = next(model.losses(x, torch.Generator(), given))
    assert not gradients[0][..., :13].any()
    assert gradients[0][..., 13:].abs().sum((1, 2, 3)).all()
    with torch.no_grad():
        logits = model.head_(model._attributes(x))
    known = torch.nn.functional.cross_entropy(logits[..., 13:], given[..., 13:].long())
    assert float(loss) == pytest.approx(float(known), rel=1e-5)
    right = (logits.argmax(1) == given)[..., 13:].float().mean()
    assert float(logs["accuracy"]) == pytest.approx(float(right))
    model.head_.bias.data[3] = 1e6
    assert 3 not in model.predict(X)
    assert model.score(X, maps) == pytest.approx((model.predict(X) == maps)[..., 13:].mean())


def test_masks_of_0_and_255_are_learnt_as_two_classes():
    X = scenes(8)[0]
    mask = (X[..., 0] > X[..., 1]).astype(np.uint8)
    net, masked = small(epochs=2), small(epochs=2)
    net.fit(X, mask)
    masked.fit(X, 255 * mask)
    np.testing.assert_array_equal(net.predict(X), masked.predict(X))
    assert masked.map_classes_ == ["0", "255"]
    assert masked.score(X, 255 * mask) == net.score(X, mask)
    void = small(epochs=2).fit(X, np.where(X[..., 2] > 30, 255, mask))
    assert void.ignored_ == 255
    assert void.score(X[:1], 255 * mask[:1]) == (void.predict(X[:1]) == 0)[mask[:1] == 0].mean()


def test_ignored_pixels_change_nothing():
    X, maps = scenes(6)
    maps[:, 5:9] = NO_CLASS
    weights = small(epochs=2).fit(X, maps).head_.weight
    other = small(epochs=2, ignored_class=2)
    maps[:, 5:9] = 2
    assert not torch.equal(other.fit(X, maps).head_.weight, weights)
    maps[maps == 2] = 77
    again = small(epochs=2, ignored_class=77).fit(X, maps)
    np.testing.assert_array_equal(again.predict(X), other.predict(X))


def test_balanced_weights_are_median_frequency():
    X, maps = scenes()
    model = small(epochs=1, class_weight="balanced").fit(X, maps)
    frequency = np.bincount(maps.ravel()) / maps.size
    np.testing.assert_allclose(model.class_weights_, np.median(frequency) / frequency, rtol=1e-6)


def test_gradients_do_not_depend_on_how_many_images_go_at_once(monkeypatch):
    X, maps = scenes(6)
    given = {"epochs": 1, "batch_size": 6, "precision": "float32"}
    together = small(**given).fit(X, maps)
    monkeypatch.setattr("isthmus.models.pixelnet.PIXELS", 600)
    apart = small(**given).fit(X, maps)
    torch.testing.assert_close(apart.head_.weight, together.head_.weight, rtol=1e-3, atol=1e-5)
    assert apart.history_["loss"] == pytest.approx(together.history_["loss"], rel=1e-5)


def test_pieces_of_images_and_maps_belong_together():
    maps = torch.arange(2 * 9 * 8).view(2, 9, 8)
    x = torch.stack([maps, maps + 1], 1).float()
    seen = set()
    for seed in range(20):
        pictures, given = varied(x, maps, 5, True, torch.Generator().manual_seed(seed))
        assert given.shape == (2, 5, 5)
        assert torch.equal(pictures[:, 0], given.float())
        seen.add(tuple(given[0].flatten().tolist()))
    assert len(seen) > 10
    assert varied(x, None, 50, False, torch.Generator())[0].shape == x.shape


def test_learns_from_pieces():
    rng = np.random.default_rng(0)
    maps = np.broadcast_to(np.arange(24).reshape(-1, 1, 1) % 2, (24, 20, 26))
    X = (rng.integers(0, 100, maps.shape) + 120 * maps).astype(np.uint8)
    model = small(crop=9, flip=True).fit(X, maps)
    assert model.score(X, maps) > 0.95


def test_same_seed_same_model(segmenter, tmp_path):
    X, maps = scenes()
    one, two = (small(epochs=2).fit(X, maps) for _ in range(2))
    np.testing.assert_array_equal(one.encode(X), two.encode(X))
    segmenter.save(tmp_path / "net.safetensors")
    back = ist.load_model(tmp_path / "net.safetensors")
    np.testing.assert_array_equal(back.predict(X), segmenter.predict(X))
    assert back.health_ == segmenter.health_
    assert not hasattr(back, "decode")


def test_saved_painter_can_still_decode(painter, tmp_path):
    painter.save(tmp_path / "net.safetensors")
    back = ist.load_model(tmp_path / "net.safetensors")
    codes = painter.encode(scenes(2)[0])
    np.testing.assert_array_equal(back.decode(codes), painter.decode(codes))
    assert not hasattr(back, "predict")


def test_missed_classes_are_named():
    X, maps = scenes(8)
    maps[0, 0, 0] = 3
    images = Images(X, label_maps=maps, map_classes=["none", "red", "green", "speck"])
    findings = small(epochs=2).fit(images).health_
    assert any("never predicted" in finding and "speck" in finding for finding in findings)


X, MAPS = scenes(4, (7, 7))


@pytest.mark.parametrize(
    ("data", "y", "parameters", "words"),
    [
        (X, MAPS[:, :5], {}, "label maps of another size"),
        (X, MAPS[:3], {}, "label maps of another size|entries for"),
        (X, MAPS.astype(float), {}, "whole numbers"),
        (X, MAPS.astype(int) - 1, {}, "unknown classes"),
        (X, MAPS.astype(int) + 300, {}, "unknown classes"),
        (X, np.full_like(MAPS, 4), {"ignored_class": 4}, "all pixels .* ignored class 4"),
        (X.reshape(4, -1), None, {}, "needs images .* got vectors of 147 numbers"),
        (X, None, {"target": "classes"}, "needs label maps"),
        (X, None, {"target": "class"}, "did you mean 'classes'"),
        (X, MAPS, {"class_weight": (1, -1, 1)}, "at least 0"),
        (X, MAPS, {"class_weight": (1, 1)}, "each of 3 classes"),
        (X, MAPS, {"class_weight": "balance"}, "did you mean 'balanced'"),
        (X, None, {"crop": 0}, "crop=0"),
        (X, None, {"channels": 0}, "channels=0"),
        (X, None, {"n_attributes": 0}, "n_attributes=0"),
    ],
)
def test_bad_input(data, y, parameters, words):
    with pytest.raises(ValueError, match=words):
        ist.PixelNet(**{"channels": 4, "epochs": 1} | parameters).fit(data, y)


def test_unknown_classes_of_named_ones():
    with pytest.raises(ValueError, match=r"unknown classes .* 2"):
        Images(X, label_maps=MAPS, map_classes=["a", "b"])


def test_bad_requests(segmenter, painter):
    with pytest.raises(ValueError, match="3 channels"):
        segmenter.predict(np.zeros((2, 8, 8)))
    with pytest.raises(ValueError, match="12 numbers a pixel"):
        painter.decode(np.zeros((2, 8, 8, 5), np.float32))
    with pytest.raises(AttributeError, match="decode"):
        segmenter.decode(np.zeros((2, 8, 8, 12), np.float32))
    with pytest.raises(ValueError, match="needs label maps"):
        segmenter.score(scenes(2)[0])


def test_size_of_a_study():
    images = Images(np.zeros((60_000, 28, 28), np.uint8))
    model = ist.PixelNet.for_study(images, random_state=0)
    assert (model.channels, model.n_attributes, model.epochs) == (16, None, 1)
    assert ist.PixelNet.for_study(images, 5).n_attributes == 5


@pytest.mark.parametrize("seed", range(3))
def test_mostly_black_images_do_not_come_back_black(seed):
    images = ist.load_images("digits")
    X = np.zeros((400, 24, 24), dtype=np.uint8)
    rows = np.random.default_rng(seed).integers(0, len(images), 400)
    X[:, 8:16, 8:16] = np.asarray(images)[rows, :, :, 0]
    model = ist.PixelNet(channels=16, batch_size=20, max_steps=60, epochs=4, random_state=seed)
    back = model.fit(X).decode(model.encode(X))
    assert np.square(back - X / 255).mean() < 0.5 * np.square(X / 255).mean()
