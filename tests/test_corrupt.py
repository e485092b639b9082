"""Noise, turning and scaling of whole batches."""

import numpy as np
import pytest
import torch
from scipy.ndimage import map_coordinates

from isthmus.data.corrupt import NOISES, check_noise, corrupt, resize, rotate, warped
from isthmus.data.images import Images
from isthmus.data.rotated import rotated

BATCH = (torch.arange(8 * 50 * 40) % 2).reshape(8, 50, 40).float()


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("kind", NOISES)
def test_noise_follows_its_generator_alone(kind):
    state = torch.get_rng_state()
    first, same = (corrupt(BATCH, kind, 0.3, seeded()) for _ in range(2))
    assert torch.equal(first, same)
    assert not torch.equal(first, corrupt(BATCH, kind, 0.3, seeded(1)))
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(BATCH, (torch.arange(16000) % 2).reshape(8, 50, 40).float())


@pytest.mark.parametrize("kind", NOISES)
@pytest.mark.parametrize("level", [0, 0.0, (0, 0)])
def test_no_noise_changes_nothing(kind, level):
    assert torch.equal(corrupt(BATCH, kind, level, seeded()), BATCH)


@pytest.mark.parametrize("shape", [(9, 6, 1), (5, 8, 3)])
def test_warped_images_are_those_of_scipy(shape):
    x = torch.rand((4, *shape), generator=seeded()).flatten(1)
    moves = 0.3 * (2 * torch.rand((4, 2, 3), generator=seeded(1)) - 1).double().numpy()
    found = warped(x, shape, 0.3, seeded(1)).view(4, *shape).numpy()
    down, right = ((2 * np.arange(n) + 1) / n - 1 for n in shape[:2])
    p = np.stack([*np.meshgrid(right, down), np.ones(shape[:2])])
    for image, move, result in zip(x.view(4, *shape).numpy(), moves, found, strict=True):
        source = np.tensordot(move + np.eye(2, 3), p, 1)[::-1]  # row and column, from -1 to 1
        places = [((at + 1) * n - 1) / 2 for at, n in zip(source, shape[:2], strict=True)]
        for c in range(shape[2]):
            expected = map_coordinates(image[..., c], places, order=1, mode="nearest")
            np.testing.assert_allclose(result[..., c], expected, atol=1e-5)


def test_gaussian_noise_has_its_deviation():
    noise = corrupt(BATCH.double(), "gaussian", 0.2, seeded()) - BATCH
    assert noise.dtype == torch.float64
    assert float(noise.std()) == pytest.approx(0.2, rel=0.03)
    assert float(noise.mean()) == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize(
    ("kind", "changed", "values"),
    [
        ("bit_flip", 0.3, {-1.0, 3.0}),
        ("salt_and_pepper", 0.15, {-1.0, 3.0}),
        ("masking", 0.15, {-1.0, 3.0}),
    ],
)
def test_probabilities(kind, changed, values):
    x = BATCH * 4 - 1  # half of the values are low already
    noisy = corrupt(x, kind, 0.3, seeded(), low=-1, high=3)
    assert float((noisy != x).float().mean()) == pytest.approx(changed, abs=0.01)
    assert set(noisy.unique().tolist()) == values
    if kind == "masking":
        assert (noisy[noisy != x] == -1).all()


def test_salt_and_pepper_are_as_likely():
    noisy = corrupt(torch.full((100, 100), 0.5), "salt_and_pepper", 0.4, seeded())
    assert float((noisy == 0).float().mean()) == pytest.approx(0.2, abs=0.02)
    assert float((noisy == 1).float().mean()) == pytest.approx(0.2, abs=0.02)


@pytest.mark.parametrize("shape", [(2000, 100), (2000, 10, 10, 1)])
def test_a_range_is_drawn_for_every_image(shape):
    flipped = corrupt(torch.zeros(shape), "bit_flip", (0.1, 0.5), seeded())
    share = flipped.flatten(1).mean(1)
    assert float(share.mean()) == pytest.approx(0.3, abs=0.01)
    assert float(share.std()) == pytest.approx(np.sqrt(0.4**2 / 12 + 0.21 / 100), rel=0.1)


@pytest.mark.parametrize(
    ("kind", "level", "message"),
    [
        ("gaussian", -0.1, "noise level -0.1 must be at least 0 for gaussian noise"),
        ("masking", 1.5, "noise level 1.5 must be at least 0 and at most 1 for masking"),
        ("bit_flip", (0.4, 0.2), r"noise level \(0.4, 0.2\) must be"),
        ("bit_flip", (0.1, 0.2, 0.3), "must be at least 0"),
        ("gaussian", float("nan"), "noise level nan must be"),
        ("gaussian", float("inf"), "noise level inf must be"),
        ("gaussian", "much", "noise level 'much' must be"),
        ("gausian", 0.1, "kind of noise='gausian' must be one of .*; did you mean 'gaussian'"),
    ],
)
def test_noise_that_cannot_be(kind, level, message):
    for call in (lambda: check_noise(kind, level), lambda: corrupt(BATCH, kind, level, seeded())):
        with pytest.raises(ValueError, match=message):
            call()


def blob(height=24, width=24):
    """A smooth bright spot right of the centre, and a weaker one above it, in two channels."""
    down, right = np.mgrid[:height, :width] - np.array([height - 1, width - 1])[:, None, None] / 2
    spots = [np.exp(-((right - 6) ** 2 + down**2) / 8), np.exp(-(right**2 + (down + 6) ** 2) / 8)]
    return np.stack(spots, axis=-1)[None].astype(np.float32)


def test_turning_is_counter_clockwise():
    right, above = np.moveaxis(blob(), -1, 0)[..., None]
    np.testing.assert_allclose(rotate(right, 90), above, atol=1e-5)
    np.testing.assert_allclose(rotate(right, 180), right[:, :, ::-1], atol=1e-5)
    np.testing.assert_allclose(rotate(above, -90), right, atol=1e-5)


@pytest.mark.parametrize("angle", [0, 90, 180, -90])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_right_angles_move_whole_pixels(angle, dtype):
    images = np.random.default_rng(0).integers(0, 256, (3, 9, 9, 2)).astype(dtype)
    expected = np.rot90(images, angle // 90, axes=(1, 2))
    turned = rotate(images, angle)
    assert turned.dtype == dtype
    np.testing.assert_allclose(turned, expected, atol=0 if dtype == np.uint8 else 1e-2)


def test_turning_agrees_with_pillow():
    from PIL import Image

    image = blob(20, 30)[0, ..., 0]
    expected = Image.fromarray(image).rotate(33, Image.Resampling.BILINEAR)
    turned = rotate(image[None, ..., None], 33)[0, ..., 0]
    np.testing.assert_allclose(turned[1:-1, 1:-1], np.asarray(expected)[1:-1, 1:-1], atol=1e-3)


def test_every_image_has_its_own_angle_whatever_the_batch(monkeypatch):
    images = np.repeat((blob() * 255).astype(np.uint8), 7, axis=0)
    angles = np.linspace(-90, 90, 7)
    together = rotate(images, angles, (32, 32))
    monkeypatch.setattr("isthmus.data.corrupt.ROWS", 1)
    np.testing.assert_array_equal(together, rotate(images, angles, (32, 32)))
    plain = resize(images[:1], (32, 32))[0]
    np.testing.assert_array_equal(together[3, 1:-1, 1:-1], plain[1:-1, 1:-1])


def test_resizing_keeps_the_mean_and_averages():
    board = (np.indices((64, 64)).sum(axis=0) % 2 * 255).astype(np.uint8)[None, ..., None]
    assert abs(resize(board, (8, 8)).astype(float) - 127.5).max() <= 2
    large = resize((blob() * 255).astype(np.uint8), (64, 64))
    assert large.shape == (1, 64, 64, 2)
    assert large.mean() == pytest.approx((blob() * 255).mean(), rel=0.02)


@pytest.mark.parametrize(
    ("degrees", "message"),
    [([1, 2, 3], "3 angles for 1 images"), (np.nan, "finite"), ([[1]], "1 angles for 1 images")],
)
def test_angles_that_cannot_be(degrees, message):
    with pytest.raises(ValueError, match=message):
        rotate(blob(), degrees)


def test_plain_and_turned_side_by_side():
    images = Images(
        np.repeat((blob() * 255).astype(np.uint8)[..., :1], 6, axis=0),
        y=[0, 1, 2, 0, 1, 2],
        classes=["a", "b", "c"],
        is_test=[False, False, False, False, True, True],
    )
    both = rotated(images, size=None, limit=40, random_state=3)
    angles = both.factors["angle"]
    assert both.shape == (12, 24, 24, 1)
    assert angles.dtype == np.float32
    assert not angles[::2].any()
    assert (abs(angles[1::2]) <= 40).all()
    assert len(set(angles[1::2])) == 6
    assert both.y.tolist() == np.repeat(images.y, 2).tolist()
    assert (len(both.train), len(both.test)) == (8, 4)
    np.testing.assert_array_equal(both.data[::2], images.data)
    np.testing.assert_array_equal(both.data[1::2], rotate(images.data, angles[1::2]))
    same = rotated(images, size=None, limit=40, random_state=3)
    np.testing.assert_array_equal(both.data, same.data)
    assert not np.array_equal(rotated(images, limit=40, random_state=4).factors["angle"], angles)


def test_the_brightest_point_turns_by_the_angle():
    angles = np.array([-90, -45, 10, 60], dtype=np.float32)
    both = rotated(np.repeat(blob()[..., :1], 4, axis=0), size=48, angles=angles)
    for image, angle in zip(both.data[1::2, ..., 0], angles, strict=True):
        mass = image / image.sum()
        down, right = np.mgrid[:48, :48] - 23.5
        found = np.degrees(np.arctan2(-(mass * down).sum(), (mass * right).sum()))
        assert found == pytest.approx(angle, abs=0.5)


def test_shrinking_while_turning_averages_first():
    board = (np.indices((64, 64)).sum(axis=0) % 2 * 255).astype(np.uint8)[None]
    turned = rotated(board, size=8, angles=[0.0]).data[1]
    assert abs(turned[2:-2, 2:-2].astype(float) - 127.5).max() <= 2


def test_a_large_set_is_kept_on_disk(tmp_path, monkeypatch):
    monkeypatch.setenv("ISTHMUS_CACHE", str(tmp_path))
    monkeypatch.setattr("isthmus.data.cache.IN_MEMORY_BYTES", 1000)
    images = Images((blob() * 255).astype(np.uint8))
    first = rotated(images)
    assert isinstance(first.data, np.memmap)
    files = list((tmp_path / "images").glob("*.npy"))
    assert len(files) == 1
    monkeypatch.setattr("isthmus.data.rotated._fill", None)  # making it again would fail
    np.testing.assert_array_equal(rotated(images).data, first.data)
    monkeypatch.undo()
    monkeypatch.setenv("ISTHMUS_CACHE", str(tmp_path))
    monkeypatch.setattr("isthmus.data.cache.IN_MEMORY_BYTES", 1000)
    expected, content = np.array(first.data), files[0].read_bytes()
    files[0].unlink()  # what is mapped may not shrink
    files[0].write_bytes(content[:500])
    np.testing.assert_array_equal(rotated(images).data, expected)
    rotated(images, limit=10)
    assert len(list((tmp_path / "images").glob("*.npy"))) == 2


@pytest.mark.parametrize(
    ("images", "options", "message"),
    [
        (
            np.zeros((3, 8, 8)),
            {"angles": [1, 2]},
            r"angles of shape \(2,\) for 3 images: expected",
        ),
        (np.zeros((3, 8, 8)), {"angles": [1, 2, np.inf]}, "finite numbers of degrees"),
        (np.zeros((3, 8, 8)), {"limit": -5}, "limit=-5 must be 0 to 180"),
        (np.zeros((3, 8)), {}, r"only images can be turned, got vectors of shape \(3, 8\)"),
    ],
)
def test_sets_that_cannot_be_turned(images, options, message):
    with pytest.raises(ValueError, match=message):
        rotated(images, **options)
