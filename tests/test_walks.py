"""Ways through the space of codes, against what can be worked out by hand."""

import numpy as np
import pytest

import isthmus as ist
from isthmus.walks import between, code_of, extent_of, grid


@pytest.fixture(scope="module")
def images():
    return ist.load_images("digits")


@pytest.fixture(scope="module")
def pca(images):
    return ist.PCA(6).fit(images.train)


def test_a_morph_starts_and_ends_with_the_reconstructions(pca, images):
    a, b = images.test[0], images.test[1]
    way = ist.morph(pca, a, b, 5)
    ends = ist.reconstruct(pca, images.test[:2])
    np.testing.assert_allclose(way[[0, -1]], ends, atol=1e-6)
    np.testing.assert_allclose(way[2], ends.mean(0), atol=1e-6)  # PCA is linear


def test_a_spherical_way_changes_length_evenly():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 7))
    lengths = np.linalg.norm(between(a, b, 11, "spherical"), axis=1)
    np.testing.assert_allclose(np.diff(lengths, 2), 0, atol=1e-6)
    np.testing.assert_allclose(between(a, b, 3, "spherical")[[0, -1]], [a, b], atol=1e-6)


@pytest.mark.parametrize("b", [[2.0, 0.0], [0.0, 0.0], [-1.0, 0.0]])
def test_a_spherical_way_without_an_angle_is_straight(b):
    straight, round_ = (between([1.0, 0.0], b, 5, how) for how in ("linear", "spherical"))
    np.testing.assert_allclose(round_, straight)


def test_traverse_changes_one_number_at_a_time(pca, images):
    start = images.test[3]
    shown = ist.traverse(pca, start, dims=[4, 1], values=[-1.0, 0.0, 2.0])
    codes = pca.encode(shown.reshape(-1, 8, 8, 1)).reshape(2, 3, 6)
    expected = np.tile(code_of(pca, start), (2, 3, 1))
    expected[0, :, 4] = expected[1, :, 1] = [-1, 0, 2]
    np.testing.assert_allclose(codes, expected, atol=1e-4)


def test_traverse_spans_the_codes_of_the_images_it_is_given(pca, images):
    shown = ist.traverse(pca, np.zeros(6, np.float32), steps=3, among=images.train)
    low, high = np.percentile(pca.encode(images.train), [1, 99], axis=0)
    codes = pca.encode(shown.reshape(-1, 8, 8, 1)).reshape(6, 3, 6)
    for dim in range(6):
        assert codes[dim, [0, 2], dim] == pytest.approx([low[dim], high[dim]], abs=1e-3)


def test_traverse_knows_the_spread_of_an_autoencoder(images):
    model = ist.Autoencoder(3, hidden=(16,), epochs=3, random_state=0).fit(images.train)
    by_hand = np.linspace(-2.5, 2.5, 4) * model.code_deviation_[:, None]
    by_hand = by_hand + model.code_mean_[:, None]
    start = images.test[0]
    np.testing.assert_allclose(
        ist.traverse(model, start, steps=4), ist.traverse(model, start, values=by_hand), atol=1e-5
    )


def test_an_image_may_come_in_any_of_its_shapes(pca, images):
    image = images.test[0]
    for form in (image, np.asarray(image)[..., 0], images.test[:1], np.asarray(image)[0]):
        np.testing.assert_array_equal(code_of(pca, form), pca.encode(images.test[:1])[0])
    flat = ist.PCA(6).fit(np.asarray(images.train).reshape(-1, 64))
    assert code_of(flat, np.zeros(64)).shape == (6,)
    np.testing.assert_array_equal(code_of(flat, np.arange(6.0)), np.arange(6))


def test_directions_of_groups_that_differ_in_one_number():
    rng = np.random.default_rng(0)
    labels = np.arange(4000) % 2
    codes = rng.normal(size=(4000, 3)) * [1, 1, 5]
    codes[:, 0] += 3 * labels
    mean, probe = ist.directions(codes, labels)
    np.testing.assert_allclose(mean[:2], [3, 0], atol=0.2)
    np.testing.assert_allclose(probe, [3, 0, 0], atol=0.2)  # the noisy third says nothing
    others = np.concatenate([codes, rng.normal(size=(50, 3)) + 100])
    again = ist.directions(others, np.concatenate([labels, np.full(50, -1)]))
    np.testing.assert_array_equal(again.mean, mean)


def test_territory_of_a_linear_model_is_a_voronoi_diagram():
    rng = np.random.default_rng(1)
    points = rng.normal(size=(12, 2)) * [2, 1]
    turn = np.linalg.qr(rng.normal(size=(5, 5)))[0][:2]
    images = points @ turn  # a plane among vectors of five numbers
    model = ist.PCA(2).fit(images)
    found = ist.territory(model, images, resolution=40)
    places = grid(np.zeros(2), found.extent, 40)
    nearest = ((places[:, None] - model.encode(images)) ** 2).sum(2).argmin(1)
    assert (found.owners.ravel() == nearest).mean() > 0.999
    np.testing.assert_allclose(found.shares, np.bincount(nearest, minlength=12) / 1600, atol=1e-3)
    assert extent_of(model.encode(images)) == found.extent


@pytest.mark.parametrize(
    ("walk", "words"),
    [
        (lambda m, x: ist.morph(m, x[0], x[1], 1), "steps=1 must be at least 2"),
        (lambda m, x: ist.morph(m, x[0], x[1], how="round"), "'spherical'"),
        (lambda m, x: ist.morph(m, x[:2], x[1]), "expected one of them"),
        (lambda m, x: ist.morph(m, x[0], np.zeros((5, 5))), "expected one of them"),
        (lambda m, x: ist.traverse(m, x[0], dims=[6]), "0 to 5"),
        (lambda m, x: ist.traverse(m, x[0], dims=[]), "0 to 5"),
        (lambda m, x: ist.territory(m, x), "two numbers an image"),
        (lambda m, x: ist.directions(m.encode(x), x.y), "labels 0 or 1"),
        (lambda m, x: ist.directions(m.encode(x), np.zeros(len(x))), "a group is empty"),
    ],
)
def test_bad_input(pca, images, walk, words):
    with pytest.raises(ValueError, match=words):
        walk(pca, images.test)


def test_indices_have_nothing_between_them(images):
    model = ist.KMeans(5, random_state=0).fit(images.train)
    with pytest.raises(ValueError, match="not a vector"):
        ist.morph(model, images.test[0], images.test[1])
