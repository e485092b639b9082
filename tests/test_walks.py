"""Ways through the space of codes, against what can be worked out by hand."""

import numpy as np
import pytest

import isthmus as ist
from isthmus.contract import Contract
from isthmus.latent.codes import code_of, codes_of, vectors
from isthmus.verbs.among_prototypes import neighbors
from isthmus.verbs.morph import between, through
from isthmus.verbs.traverse import ordered, random_code


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


@pytest.mark.parametrize(
    ("walk", "words"),
    [
        (lambda m, x: ist.morph(m, x[0], x[1], 1), "steps=1 must be at least 2"),
        (lambda m, x: ist.morph(m, x[0], x[1], how="round"), "'spherical'"),
        (lambda m, x: ist.morph(m, x[:2], x[1]), "expected one of them"),
        (lambda m, x: ist.morph(m, x[0], np.zeros((5, 5))), "expected one of them"),
        (lambda m, x: ist.traverse(m, x[0], dims=[6]), "0 to 5"),
        (lambda m, x: ist.traverse(m, x[0], dims=[]), "0 to 5"),
        (lambda m, x: ist.morph(m, x[:1]), "at least 2 images, got 1"),
        (lambda m, x: ist.traverse(m, x[0], dims=7), "dims=7 must be 1 to 6"),
        (lambda m, x: ist.traverse(m, x[0], steps=1), "steps=1 must be at least 2"),
        (lambda m, x: ist.edit(m, x[:2], np.ones(5)), r"must have the shape \(6,\)"),
        (lambda m, x: ist.edit(m, x[:2], np.ones(6), []), "some finite numbers"),
        (lambda m, x: ist.edit(m, x[:2], np.ones(6), [np.nan]), "some finite numbers"),
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


def test_a_way_through_several_images_is_their_ways_one_after_the_other(pca, images):
    a, b, c = images.test[0], images.test[1], images.test[7]
    both = np.concatenate([ist.morph(pca, a, b, 4), ist.morph(pca, b, c, 4)[1:]])
    for given in (images.test[[0, 1, 7]], [a, b, c], pca.encode(images.test[[0, 1, 7]])):
        np.testing.assert_allclose(ist.morph(pca, given, steps=4), both, atol=1e-6)
    np.testing.assert_allclose(through([[1.0], [0.0], [4.0]], 3).ravel(), [1, 0.5, 0, 2, 4])


def test_all_steps_are_decoded_together(pca, images):
    calls = []

    class Counting(Contract):
        image_shape_, code_shape_, encode = pca.image_shape_, (6,), pca.encode

        def decode(self, codes):
            calls.append(len(codes))
            return pca.decode(codes)

    ist.morph(Counting(), images.test[:4], steps=5)
    ist.edit(Counting(), images.test[:4], np.ones(6), [0, 1])
    assert calls == [13, 8]


def test_an_edit_of_a_linear_model_adds_the_decoded_direction(pca, images):
    direction = np.arange(6.0)
    edited = ist.edit(pca, images.test[:3], direction, [-1, 0, 2])
    zero = pca.decode(np.zeros((1, 6)))
    step = pca.decode(direction[None]) - zero
    base = ist.reconstruct(pca, images.test[:3])
    for column, strength in enumerate((-1, 0, 2)):
        np.testing.assert_allclose(edited[:, column], base + strength * step, atol=1e-4)


def test_an_edit_of_strength_one_moves_one_group_onto_the_other(pca, images):
    train = images.train
    groups = np.select([train.y == 3, train.y == 8], [0, 1], -1)
    found = ist.directions(pca.encode(train), groups)
    threes = train[np.flatnonzero(groups == 0)]
    moved = pca.encode(ist.edit(pca, threes, found.mean, [1])[:, 0])
    eights = pca.encode(train[np.flatnonzero(groups == 1)])
    np.testing.assert_allclose(moved.mean(0), eights.mean(0), atol=1e-3)


def test_edits_take_one_image_many_or_codes(pca, images):
    direction = np.ones(6)
    many = ist.edit(pca, images.test[:2], direction, [1.0])
    one = ist.edit(pca, np.asarray(images.test)[0], direction, [1.0])
    np.testing.assert_allclose(one, many[:1], atol=1e-6)
    np.testing.assert_allclose(
        ist.edit(pca, pca.encode(images.test[:2]), direction, [1.0]), many, atol=1e-6
    )
    np.testing.assert_allclose(codes_of(pca, np.asarray(images.test[:2])[..., 0]),
                               pca.encode(images.test[:2]))  # fmt: skip


def test_dims_as_a_number_are_the_most_useful_ones(images):
    model = ist.VAE(5, hidden=(16,), epochs=3, random_state=0).fit(images.train)
    model.kl_ = np.array([0.1, 3.0, 0.0, 2.0, 0.2])
    start = images.test[0]
    np.testing.assert_array_equal(
        ist.traverse(model, start, 2, 3), ist.traverse(model, start, [1, 3], 3)
    )
    pca = ist.PCA(3).fit(images.train)
    assert ordered(pca, pca.encode(images.train)) == [0, 1, 2]  # by variance, as PCA orders them
    assert ordered(pca, width=3) == [0, 1, 2]


def test_a_walk_may_start_from_some_of_many_images(images):
    test, pca = images.test, ist.PCA(10).fit(images.train)
    shown = ist.traverse(pca, test, steps=3, rows=[4, 9])
    assert shown.shape == (4, 3, 8, 8, 1)  # the two most useful, from either
    one = ist.traverse(pca, test[4], 2, 3, among=test)
    np.testing.assert_allclose(shown[::2], one, atol=1e-5)
    assert list(shown.drawn)[1] == f"number {shown.found['dims'][0]}\nfrom image 9\n{test.y[9]}"
    assert len(ist.traverse(pca, test)) == 8
    assert len(ist.traverse(pca, test, count=99)) == len(ist.traverse(pca, test[0])) == 10
    with pytest.warns(DeprecationWarning, match="images now"):
        assert len(ist.traverse(pca, start=test[0], count=3)) == 3
    with pytest.raises(ValueError, match="rows='class' must be one of 'classes', 'random'"):
        ist.traverse(pca, test, rows="class")


def test_a_walk_on_a_map_is_along_its_rows_and_columns(images):
    som = ist.SOM((4, 6), max_iter=3, random_state=0).fit(images.train)
    unit = int(som.encode(images.test[:1])[0])
    row, column = divmod(unit, 6)
    down, across = neighbors(som, images.test[0], 3)
    inside = [row - 1 >= 0, True, row + 1 < 4]
    assert [u for u, there in zip(down, inside, strict=True) if there] == [
        r * 6 + column for r in (row - 1, row, row + 1) if 0 <= r < 4
    ]
    assert [u >= 0 for u in down] == inside
    shown = ist.traverse(som, unit, steps=13)
    assert shown.shape == (2, 13, 8, 8, 1)
    blank = np.isnan(shown).all((2, 3, 4))
    assert (~blank).sum(1).tolist() == [4, 6]  # the whole column, and the whole row
    np.testing.assert_array_equal(shown[1, 6], som.codebook_[unit].reshape(8, 8, 1))
    np.testing.assert_array_equal(ist.traverse(som, unit, [1], 13), shown[1:])
    assert across[1] == unit


def test_a_walk_on_a_torus_has_no_edge(images):
    som = ist.SOM((4, 6), max_iter=2, periodic=True, random_state=0).fit(images.train)
    down, across = neighbors(som, 0, 5)
    assert down.tolist() == [12, 18, 0, 6, 12]
    assert across.tolist() == [4, 5, 0, 1, 2]


def test_a_walk_among_centroids_goes_outwards(images):
    model = ist.KMeans(7, random_state=0).fit(images.train)
    order = neighbors(model, images.test[0], 9)[0]
    own = model.encode(images.test[:1])[0]
    apart = np.linalg.norm(model.codebook_ - model.codebook_[own], axis=1)
    assert order[:7].tolist() == np.argsort(apart).tolist()
    assert order[7:].tolist() == [-1, -1]
    with pytest.raises(ValueError, match="dims=\\[1\\] must be some of 0 to 0"):
        ist.traverse(model, 0, [1])
    with pytest.raises(ValueError, match="codes run from 9"):
        ist.traverse(model, 9)


def test_random_codes_follow_the_codes_and_stay_among_them():
    rng = np.random.default_rng(0)
    codes = rng.normal(size=(500, 2)) @ np.array([[2.0, 1.0], [0.0, 0.5]]) + 5
    drawn = np.array([random_code(codes, seed) for seed in range(1500)])
    np.testing.assert_allclose(drawn.mean(0), codes.mean(0), atol=0.15)
    np.testing.assert_allclose(np.cov(drawn.T), np.cov(codes.T), atol=0.4)
    assert (drawn >= codes.min(0) - 1e-6).all()
    assert (random_code(np.abs(codes - 5), 3) >= 0).all()


def test_every_kind_of_code_has_vectors(images):
    few = images.train[:60]
    som = ist.SOM((3, 3), max_iter=2, random_state=0).fit(few)
    np.testing.assert_array_equal(vectors(som, few), som.transform(few))
    net = ist.PixelNet(3, epochs=1, random_state=0).fit(few)
    dense = net.encode(few)
    assert dense.ndim == 4
    np.testing.assert_allclose(vectors(net, few), dense.mean((1, 2)), atol=1e-6)
