"""Sprites drawn by their factors, and the public file of such sprites."""

import numpy as np
import pytest

from isthmus.data.corrupt import rotate
from isthmus.data.readers import load_images
from isthmus.data.sprite_shapes import FACTORS, N_SPRITES, SIZES, render_sprites
from isthmus.data.sprites import sprites


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ISTHMUS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def one(shape=0, scale=5, orientation=0, x=16, y=16):
    return render_sprites([[shape, scale, orientation, x, y]])[0, ..., 0]


def centre(image):
    mass = image / image.sum()
    down, right = np.mgrid[:64, :64]
    return np.array([(mass * right).sum(), (mass * down).sum()])


def test_there_are_as_many_as_in_dsprites():
    assert N_SPRITES == 3 * 6 * 40 * 32 * 32 == 737_280
    assert FACTORS["orientation"][[0, -1]].tolist() == [0, 2 * np.pi]


def test_places_move_by_whole_pixels():
    for shape in range(3):
        home = one(shape, x=0, y=0)
        for x, y in ((31, 0), (0, 31), (31, 31), (5, 20)):
            np.testing.assert_array_equal(one(shape, x=x, y=y), np.roll(home, (y, x), (0, 1)))
            assert not one(shape, x=x, y=y)[[0, -1]].any()
            assert not one(shape, x=x, y=y)[:, [0, -1]].any()
    assert (centre(one(x=31, y=0)) - centre(one(x=0, y=31))).tolist() == pytest.approx([31, -31])


def test_scales_grow_the_area():
    for shape in range(3):
        areas = np.array([(one(shape, scale) > 0).sum() for scale in range(6)])
        assert (np.diff(areas) > 0).all()
        np.testing.assert_allclose(areas / areas[-1], FACTORS["scale"] ** 2, atol=0.03)


@pytest.mark.parametrize("shape", range(3))
def test_orientations_turn_counter_clockwise(shape):
    upright = one(shape)
    assert (upright == upright[:, ::-1])[:, 1:].mean() > 0.95  # every shape is as its mirror image
    for orientation in (3, 11, 26, 39):
        degrees = np.degrees(FACTORS["orientation"][orientation])
        padded = np.pad(upright, ((0, 1), (0, 1)))[1:, 1:]  # its centre is pixel 32, not 31.5
        turned = rotate(padded[None, :, :, None], degrees)[0, ..., 0]
        drawn = one(shape, orientation=orientation)
        drawn = np.pad(drawn, ((0, 1), (0, 1)))[1:, 1:]
        assert ((turned > 127) != (drawn > 127)).sum() < 0.25 * (drawn > 0).sum()


def test_a_heart_stands_on_its_point():
    heart = one(2) > 0
    rows = np.flatnonzero(heart.any(axis=1))
    assert heart[rows[-1]].sum() <= 3
    top = np.flatnonzero(heart[rows[0]])
    assert len(np.flatnonzero(np.diff(top) > 1)) == 1  # two lobes
    assert heart.sum(axis=1).argmax() < rows.mean()


def test_a_random_choice_is_the_same_every_time():
    some, same = sprites(200), sprites(200)
    np.testing.assert_array_equal(some.data, same.data)
    assert set(np.unique(some.data)) == {0, 255}
    assert not np.array_equal(sprites(200, random_state=1).y, some.y)
    drawn = render_sprites(np.stack([some.factors[name] for name in FACTORS], axis=1))
    np.testing.assert_array_equal(some.data, drawn)
    numbers = np.ravel_multi_index(tuple(some.factors[name] for name in FACTORS), SIZES)
    assert len(set(numbers)) == 200
    np.testing.assert_array_equal(sprites(indices=numbers).data, some.data)
    assert some.classes == ["square", "ellipse", "heart"]
    np.testing.assert_array_equal(some.y, some.factors["shape"])


def test_the_named_set(cache, monkeypatch):
    images = load_images("sprites")
    assert (images.train.shape, images.test.shape) == ((50_000, 64, 64, 1), (10_000, 64, 64, 1))
    assert isinstance(images.data, np.memmap)
    assert len(list((cache / "images").glob("*.npy"))) == 1
    monkeypatch.setattr("isthmus.data.sprites.stamp", None)  # drawing them again would fail
    np.testing.assert_array_equal(load_images("sprites").data[-5:], images.data[-5:])
    for name, size in zip(FACTORS, SIZES, strict=True):
        assert np.bincount(images.test.factors[name]).min() > 0.8 * 10_000 / size


@pytest.mark.parametrize(
    ("factors", "message"),
    [
        (
            [[0, 0, 0, 0]],
            r"factors of shape \(1, 4\) .*indices of shape, scale, orientation, x, y",
        ),
        ([[0.5, 0, 0, 0, 0]], "type float64: expected whole numbers"),
        ([[0, 6, 0, 0, 0]], "scale runs from 6 to 6: expected 0 to 5"),
        ([[0, 0, 0, 0, 3], [0, 0, 0, 0, -1]], "y runs from -1 to 3: expected 0 to 31"),
    ],
)
def test_factors_that_cannot_be(factors, message):
    with pytest.raises(ValueError, match=message):
        render_sprites(factors)


@pytest.mark.parametrize("options", [{"n": 0}, {"n": 737_281}, {"indices": [-1]}])
def test_choices_that_cannot_be(options):
    with pytest.raises(ValueError, match="737"):
        sprites(**options)


def write_dsprites(path, n=30, **changes):
    rng = np.random.default_rng(0)
    classes = np.stack([np.zeros(n, int), *(rng.integers(0, size, n) for size in SIZES)], axis=1)
    arrays = {
        "metadata": np.array({"title": "made to be unpickled"}, dtype=object),
        "imgs": (render_sprites(classes[:, 1:])[..., 0] > 0).astype(np.uint8),
        "latents_classes": classes,
        "latents_values": classes.astype(float),
    }
    np.savez_compressed(path, **(arrays | changes))
    return classes


@pytest.mark.parametrize("limit", [0, 10**9])
def test_the_public_file(tmp_path, monkeypatch, limit):
    monkeypatch.setattr("isthmus.data.cache.IN_MEMORY_BYTES", limit)
    monkeypatch.setattr("isthmus.data.sprites.READ_ROWS", 7)
    path = tmp_path / "dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz"
    classes = write_dsprites(path)
    images = load_images(path)
    np.testing.assert_array_equal(images.data, render_sprites(classes[:, 1:]))
    for column, name in enumerate(FACTORS, start=1):
        np.testing.assert_array_equal(images.factors[name], classes[:, column])
    np.testing.assert_array_equal(images.y, classes[:, 1])
    assert isinstance(images.data, np.memmap) == (limit == 0)
    assert load_images(f"{path}:imgs").shape == (30, 64, 64, 1)


@pytest.mark.parametrize(
    "changes",
    [
        {"imgs": np.zeros((30, 64, 64))},
        {"latents_classes": np.zeros((29, 6), int)},
        {"latents_classes": np.array([{}] * 30, dtype=object)},
    ],
)
def test_a_damaged_public_file(tmp_path, changes):
    write_dsprites(tmp_path / "a.npz", **changes)
    with pytest.raises(ValueError, match=r"a.npz is damaged, or not a readable dSprites file"):
        load_images(tmp_path / "a.npz")


def test_a_cut_public_file(tmp_path):
    write_dsprites(tmp_path / "a.npz", n=300)
    content = bytearray((tmp_path / "a.npz").read_bytes())
    at = content.index(b"imgs.npy") + 2000
    content[at : at + 50] = bytes(50)
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(ValueError, match=r"a.npz is damaged"):
        load_images(tmp_path / "a.npz")
