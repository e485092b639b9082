"""Scores of drawn images: against their definitions, and by whether they see what is wrong."""

import sys
from unittest import mock

import numpy as np
import pytest
import torch

from isthmus import PCA, Images, generate, load_images
from isthmus.metrics import features, generation, kernel, prdc
from isthmus.metrics.copies import copies, most_copied, nearest
from isthmus.metrics.features import features_for, features_from
from isthmus.metrics.ground import Ground
from isthmus.metrics.halves import over_halves
from isthmus.studies.measure import measure


def clouds(n=60, m=50, d=4, shift=0.4, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)), 1.1 * rng.normal(size=(m, d)) + shift


def test_the_kernel_distance_is_the_mean_over_all_pairs_of_different_vectors():
    real, drawn = clouds()

    def k(x, y):
        return (x @ y / len(x) + 1) ** 3

    def mean(one, two, same):
        pairs = [(i, j) for i in range(len(one)) for j in range(len(two)) if not same or i != j]
        return np.mean([k(one[i], two[j]) for i, j in pairs])

    expected = mean(real, real, True) + mean(drawn, drawn, True) - 2 * mean(real, drawn, False)
    assert kernel.kernel_distance(real, drawn) == pytest.approx(expected, rel=1e-12)


def test_the_kernel_distance_is_unbiased_and_takes_no_more_memory_than_a_chunk(monkeypatch):
    alike = [
        kernel.kernel_distance(*np.random.default_rng(seed).normal(size=(2, 25, 3)))
        for seed in range(200)
    ]
    assert abs(np.mean(alike)) < 3 * np.std(alike) / np.sqrt(200)
    assert min(alike) < 0
    whole = kernel.kernel_distance(*clouds())
    monkeypatch.setattr(kernel, "CHUNK", 7)
    assert kernel.kernel_distance(*clouds()) == pytest.approx(whole, rel=1e-12)


def by_hand(real, drawn, k):
    """Precision, recall, density and coverage, pair by pair."""

    def far(x, y):
        return np.linalg.norm(x - y)

    def reach(all_of):
        return [sorted(far(x, y) for y in all_of)[k] for x in all_of]

    of_real, of_drawn = reach(real), reach(drawn)
    inside = np.array([[far(r, d) < of_real[i] for d in drawn] for i, r in enumerate(real)])
    back = np.array([[far(r, d) < of_drawn[j] for j, d in enumerate(drawn)] for r in real])
    nearest = [min(far(r, d) for d in drawn) for r in real]
    covered = np.mean([near < most for near, most in zip(nearest, of_real, strict=True)])
    return inside.any(0).mean(), back.any(1).mean(), inside.sum(0).mean() / k, covered


@pytest.mark.parametrize("k", [1, 5])
def test_neighborhoods_are_those_of_their_papers(k, monkeypatch):
    real, drawn = clouds()
    monkeypatch.setattr(prdc, "CHUNK", 17)
    found = prdc.neighborhoods(real, drawn, k)
    assert found == pytest.approx(by_hand(real, drawn, k))
    assert 0 < found.coverage < found.recall < 1


@pytest.mark.parametrize("n", [60, 300])
def test_neighborhoods_are_those_of_prdc(n):
    real, drawn = clouds(n, 50)
    theirs = pytest.importorskip("prdc", reason="it is of the tests' environment")
    expected = theirs.compute_prdc(real_features=real, fake_features=drawn, nearest_k=5)
    found = prdc.neighborhoods(real, drawn, 5)._asdict()
    assert found == pytest.approx(expected)


def test_distances_are_those_of_torch_fidelity():
    vision = ("", ".datasets", ".models", ".transforms", ".transforms.functional")
    with mock.patch.dict(sys.modules, {"torchvision" + of: mock.MagicMock() for of in vision}):
        fid, kid = (
            pytest.importorskip("torch_fidelity.metric_" + of, reason="make test installs it")
            for of in ("fid", "kid")
        )
    import torch

    real, drawn = clouds(50, 50, 8)
    one, two = torch.from_numpy(real), torch.from_numpy(drawn)
    each = [fid.fid_features_to_statistics(x) for x in (one, two)]
    (expected,) = fid.fid_statistics_to_metric(*each, False).values()
    assert generation.gaussians_apart(real, drawn) == pytest.approx(expected)
    expected, _ = kid.kid_features_to_metric(
        one, two, kid_subsets=2, kid_subset_size=50, verbose=False
    ).values()
    assert kernel.kernel_distance(real, drawn) == pytest.approx(expected)
    assert kernel.kernel_over_subsets(real, drawn, 2, 50)[0] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("score", "truth"),
    [
        (generation.gaussians_apart, None),
        (kernel.kernel_distance, None),
        (lambda one, two: prdc.neighborhoods(one, two).coverage, None),
        (lambda one, two: float(two.mean() - one.mean()), 0.5),
    ],
    ids=["frechet", "kernel", "coverage", "mean"],
)
def test_intervals_over_halves_hold_the_mean_of_a_score_as_often_as_they_say(score, truth):
    found = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        pair = rng.normal(size=(80, 2)), rng.normal(size=(80, 2)) + 0.5
        found.append((score(*pair), over_halves(score, *pair, seed)))
    middle = np.mean([value for value, _ in found]) if truth is None else truth
    hold = [abs(value - middle) <= within for value, within in found]
    assert 0.8 <= np.mean(hold) <= 1  # of 20: 95 % less three standard deviations
    values, widths = zip(*found, strict=True)
    assert 0.6 < np.mean(widths) / (1.96 * np.std(values)) < 1.8


def test_few_vectors_have_no_interval():
    assert over_halves(kernel.kernel_distance, *clouds(19, 50)) is None
    assert kernel.kernel_estimate(*clouds(10, 10)).within is None
    assert prdc.estimates(*clouds(1, 1)) == {}


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: kernel.kernel_distance(np.zeros((3, 2)), np.zeros((3, 4))), "shape"),
        (lambda: kernel.kernel_over_subsets(*clouds(), 0, 5), "subsets=0"),
        (lambda: kernel.kernel_over_subsets(*clouds(), 3, 51), "2 to 50"),
        (lambda: prdc.neighborhoods(*clouds(), 50), "k=50"),
    ],
)
def test_what_cannot_be_compared_is_refused(call, said):
    with pytest.raises(ValueError, match=said):
        call()


def test_the_frechet_distance_of_wide_features_is_that_of_narrow_ones():
    rng = np.random.default_rng(0)
    narrow = rng.normal(size=(30, 20)), rng.normal(size=(25, 20)) * 1.3
    wide = [np.hstack([each, np.zeros((len(each), 20))]) for each in narrow]
    assert generation.gaussians_apart(*wide) == pytest.approx(
        generation.gaussians_apart(*narrow), rel=1e-6
    )


def patterned(shape, n=150, seed=0):
    """Stripes of four directions, and which of them."""
    rng = np.random.default_rng(seed)
    y = rng.integers(4, size=n)
    rows, columns = np.mgrid[: shape[0], : shape[1]] / max(shape[:2])
    angle = y[:, None, None] * np.pi / 4
    waves = np.sin(
        9 * (rows * np.cos(angle) + columns * np.sin(angle))
        + rng.uniform(0, 6, size=n)[:, None, None]
    )
    images = np.repeat(0.5 + 0.3 * waves[..., None], shape[2], 3) + 0.02 * rng.normal(
        size=(n, *shape)
    )
    return Images(images.astype(np.float32), y=y)


@pytest.mark.parametrize(
    ("shape", "n", "kind"),
    [
        ((8, 8, 1), 150, "labels"),
        ((20, 30, 6), 150, "shifts"),
        ((64, 64, 3), 30, "random"),
        ((130, 140, 1), 30, "random"),
        ((7, 5, 1), 30, "random"),
        ((1, 40, 1), 120, "shifts"),
    ],
)
def test_features_suit_images_of_any_size_and_repeat_themselves(shape, n, kind, monkeypatch):
    monkeypatch.setattr(features, "FEWEST", 2)
    images = patterned(shape, n)
    images = images if kind == "labels" else Images(np.asarray(images))
    torch.manual_seed(5)
    before = torch.get_rng_state()
    found = [features_from(each, 0.05, 0) for each in (images, images[:])]
    assert torch.equal(torch.get_rng_state(), before)
    assert [each.kind for each in found] == [kind, kind]
    one, two = (each.of(images) for each in found)
    assert one.shape == (n, 64)
    np.testing.assert_array_equal(one, two)
    np.testing.assert_allclose(one.std(0)[one.std(0) > 0.5], 1, rtol=1e-6)
    assert features_from(images, 0.05, 0) is found[0]  # learned once
    assert not np.array_equal(features_from(images, 0.05, 1).of(images), one)


def test_learned_features_know_classes_and_need_no_clock():
    images = patterned((8, 8, 1), 300)
    seen = features_from(images, 0.6)
    from sklearn.neighbors import KNeighborsClassifier

    fit = KNeighborsClassifier(5).fit(seen.of(images), images.y)
    new = patterned((8, 8, 1), 100, 1)
    assert fit.score(seen.of(new), new.y) > 0.9
    assert seen.words == "features of a small network that learned the 4 classes of 300 images"
    assert features_from(images, 1e-3).kind == "random"


def test_flat_images_are_compared_as_they_are():
    assert features_for(Images(np.zeros((40, 9), np.float32))) is None
    with pytest.raises(ValueError, match="no rows and columns"):
        features_for(Images(np.zeros((40, 9), np.float32)), "encoder.onnx")
    with pytest.raises(ValueError, match="rows and columns"):
        features_from(Images(np.zeros((40, 9), np.float32)))


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    """Files that give the mean of every channel: of channels first, and of channels last."""
    pytest.importorskip("onnxruntime")
    from onnx import TensorProto, helper, save

    def written(name, shape, axes):
        given = helper.make_tensor_value_info("image", TensorProto.FLOAT, shape)
        taken = helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", 3])
        node = helper.make_node("ReduceMean", ["image"], ["embedding"], axes=axes, keepdims=0)
        graph = helper.make_graph([node], "means", [given], [taken])
        made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
        made.ir_version = 8
        save(made, folder / name)
        return folder / name

    folder = tmp_path_factory.mktemp("encoders")
    return {
        "first": written("first.onnx", ["n", 3, "h", "w"], [2, 3]),
        "last": written("last.onnx", ["n", 16, 16, 3], [1, 2]),
    }


@pytest.mark.parametrize("which", ["first", "last"])
@pytest.mark.parametrize("depth", [1, 3])
def test_features_of_a_file_are_what_its_encoder_makes_of_resized_images(encoder, which, depth):
    rng = np.random.default_rng(0)
    flat = rng.uniform(size=(40, 1, 1, depth)).astype(np.float32)
    images = Images(np.broadcast_to(flat, (40, 10, 12, depth)).copy())
    seen = features_for(images, encoder[which])
    expected = np.broadcast_to(flat[:, 0, 0], (40, 3))
    np.testing.assert_allclose(seen.of(images), expected, atol=1e-4)
    assert (seen.kind, seen.words) == ("file", f"features of {which}.onnx")
    own = Images(np.asarray(images) * 300 - 100)  # units of their own
    low, high = own.value_range
    expected = (np.broadcast_to(flat[:, 0, 0], (40, 3)) * 300 - 100 - low) / (high - low)
    np.testing.assert_allclose(features_for(own, encoder[which]).of(own), expected, atol=1e-4)


def test_files_that_are_no_encoder_of_such_images_are_refused(encoder, tmp_path):
    bands = Images(np.zeros((4, 8, 8, 6), np.float32))
    with pytest.raises(ValueError, match=r"expected pictures .* with 6 channels"):
        features_for(bands, encoder["first"])
    (tmp_path / "wrong.onnx").write_bytes(b"no network")
    with pytest.raises(ValueError, match="no ONNX file that can be read"):
        features_for(bands, tmp_path / "wrong.onnx")
    with pytest.raises(ValueError, match="is no file"):
        features_for(bands, tmp_path / "none.onnx")


def test_the_nearest_training_image_is_that_of_all_distances(monkeypatch):
    from isthmus.metrics import copies as module

    rng = np.random.default_rng(0)
    train, images = rng.normal(size=(2, 130, 7)).astype(np.float32)
    monkeypatch.setattr(module, "CHUNK_NUMBERS", 60 * len(images))  # in three parts
    found = nearest(Images(images), Images(train))
    apart = np.linalg.norm(images[:, None].astype(float) - train, axis=2)
    np.testing.assert_array_equal(found.row, apart.argmin(1))
    np.testing.assert_allclose(found.distance, apart.min(1), rtol=1e-6)
    np.testing.assert_allclose(found.around, np.sort(apart)[:, :50].mean(1), rtol=1e-5)


def test_copies_are_told_from_images_that_are_plain_and_from_real_ones():
    rng = np.random.default_rng(1)
    train, held, new = rng.normal(size=(300, 20)), rng.normal(size=(200, 20)), None
    new = rng.normal(size=(200, 20))
    real, plain = copies(train, new, held), copies(train, 0.5 * new, held)
    some = np.where(rng.uniform(size=(200, 1)) < 0.3, train[:200] + 0.1, new)
    half = copies(train, some, held)
    assert abs(real.z) < 3
    assert abs(real.nearer.value - 0.5) < 2 * real.nearer.within
    assert real.copied.value <= 0.04
    assert plain.nearer.value > 0.95  # nearer to all of them
    assert plain.copied.value <= 0.02
    assert half.copied.value == pytest.approx(0.3, abs=0.08)
    assert half.copied.value - half.copied.within > half.copied_held.value
    assert half.z < -3
    likely = most_copied(half.drawn, 40)
    assert (half.drawn.row[likely] == likely).all()


def test_mann_and_whitneys_test_is_that_of_scipy():
    from scipy.stats import mannwhitneyu

    rng = np.random.default_rng(2)
    train, held, drawn = (
        rng.normal(size=(90, 5)),
        rng.normal(size=(60, 5)),
        rng.normal(size=(50, 5)),
    )
    found = copies(train, 0.9 * drawn, held)
    expected = mannwhitneyu(found.held.distance, found.drawn.distance)
    assert found.nearer.value == pytest.approx(expected.statistic / (60 * 50))
    assert 2 * _tail(found.z) == pytest.approx(expected.pvalue, rel=0.03)


def _tail(z):
    from scipy.stats import norm

    return norm.sf(abs(z))


@pytest.fixture(scope="module")
def digits():
    return load_images("digits")


@pytest.fixture(scope="module")
def ground(digits):
    seen = features_from(digits.train, 1.0)
    return Ground(digits.train, digits.test, seen)


def spoiled(digits, ground):
    """Other real images, and what is to be seen of each: a pattern, a blur, a digit less."""
    from scipy.ndimage import gaussian_filter

    real = np.asarray(ground.another).astype(np.float32) / digits.test.value_range[1]
    board = 2 * (np.indices(real.shape[1:3]).sum(0) % 2)[..., None] - 1
    left = real[np.asarray(ground.another.y) != 3]
    return {
        "real": real,
        "checkerboard": real + 0.4 * board,
        "faint": real + 0.1 * board,
        "blur": gaussian_filter(real, (0, 0.6, 0.6, 0)),
        "lost": np.concatenate([left, left])[: len(real)],
    }


def test_what_is_wrong_with_drawn_images_moves_the_score_that_is_to_see_it(digits, ground):
    made = spoiled(digits, ground)
    seen = {name: ground.like_real(images, "features") for name, images in made.items()}

    def is_worse(name, score, times=1.0):
        one, other = seen[name][score], seen["real"][score]
        away = abs(one.value - other.value) > times * one.within
        return away and (one.value > other.value) == (score in ("frechet", "kid"))

    assert ground.by_chance["features"]["kid"].value == pytest.approx(seen["real"]["kid"].value)
    assert all(is_worse("checkerboard", score, 5) for score in ("frechet", "kid", "precision"))
    assert all(is_worse("faint", score, 2) for score in ("frechet", "kid", "density"))
    assert all(is_worse("blur", score, 2) for score in ("frechet", "kid", "precision"))
    assert seen["lost"]["coverage"].value < seen["real"]["coverage"].value - 0.03
    assert seen["lost"]["precision"].value > 0.9
    assert ground.copies(np.asarray(digits.train[:100])).copied.value == 1
    assert ground.copies(made["real"]).copied.value < 0.06


def test_few_or_flat_images_are_compared_as_far_as_they_can_be(digits):
    flat = Images(np.asarray(digits).reshape(len(digits), -1), is_test=digits.is_test)
    ground = Ground(flat.train, flat.test[:60], features_for(flat.train))
    assert (ground.count, list(ground.spaces)) == (30, ["pixels"])
    assert "Only 30 real images" in ground.doubts[0]
    with pytest.raises(ValueError, match="39 held-out images are too few"):
        Ground(flat.train, flat.test[:39], None)


@pytest.fixture
def few_steps(monkeypatch):
    """A network that learns in a tenth of the steps tells a PCA's draws from images as well."""
    monkeypatch.setattr(features, "MOST", 40)


@pytest.mark.usefixtures("few_steps")
def test_a_study_measures_samples_beside_other_real_images(digits):
    model = PCA(8).fit(digits.train)
    found = measure(model, digits, most=400, probes=())
    for key in ("feature_frechet", "kid", "precision", "recall", "density", "coverage"):
        assert np.isfinite([found[key], found[f"{key}_within"], found[f"{key}_real"]]).all(), key
    assert found["kid"] > found["kid_real"]
    assert found["precision"] < found["precision_real"]
    assert found["copied"] <= 0.05
    assert "small network that learned the 10 classes" in found["compared_by"]


@pytest.mark.usefixtures("few_steps")
def test_generate_says_how_real_its_draws_look(digits, tmp_path):
    model = PCA(8).fit(digits.train)
    plain = generate(model, 12, digits)
    made = generate(model, 12, digits, score=True)
    np.testing.assert_array_equal(np.asarray(made), np.asarray(plain))  # the score draws others
    found = {(row["score"], row["compared_by"]): row for row in made.table()}
    assert {by for _, by in found} == {"features", "pixels", "training images"}
    assert found["kid", "features"]["value"] > found["kid", "features"]["real"]
    assert made.scores["copied"] == found["copied", "training images"]["value"] <= 0.05
    assert made.record()["samples"] == made.table()
    said = " ".join(made.remarks())
    assert "none is clipped" in said
    assert "on 359 images the model never saw" in said
    assert "Only 179 real images" in said
    assert made.picture().height > plain.picture().height  # with the likeliest copies below
    assert np.shape(made.lifelike.pairs) == (2, 10, 8, 8, 1)
    made.save(tmp_path / "new")
    assert len(list((tmp_path / "new").glob("*.png"))) == 12


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"encoder": "a.onnx"}, "is of use with score"),
        ({"score": True, "per_class": 3}, "has a probe"),
        ({"score": True, "sampler": "prior", "among": None}, "score needs images to compare with"),
    ],
)
def test_scores_that_cannot_be_had_are_refused(digits, asked, said):
    model = PCA(4).fit(np.asarray(digits.train))
    with pytest.raises(ValueError, match=said):
        generate(model, 3, **{"among": digits, **asked})
