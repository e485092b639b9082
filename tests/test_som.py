import numpy as np
import pytest
import torch

import isthmus as ist
from isthmus.metrics.table import METRICS
from isthmus.models import som
from isthmus.models.som import grid_distances
from isthmus.studies.evidence import Evidence


@pytest.fixture(scope="module")
def X():
    return np.asarray(ist.load_images("digits")).reshape(-1, 64) / 255


def unfitted_on(X, **parameters):
    """A map whose rules can be called one by one."""
    model = ist.SOM(**{"random_state": 0} | parameters)
    model.n_features_in_ = X.shape[1]
    model._learn_width(ist.Images(X))
    return model


def test_batch_rule_without_neighbors_is_lloyds_step(X):
    X = X[:150]  # fewer images than twice the units: one part
    model = unfitted_on(X, grid=(8, 10), sigma=1e-3, max_iter=1)
    images, rng = ist.Images(X), torch.Generator().manual_seed(0)
    start = torch.from_numpy(X[:80].copy())
    (moved,) = model._by_batch(images, start, model._distances().double(), rng)
    best = ((X[:, None] - X[None, :80]) ** 2).sum(2).argmin(1)
    for unit in range(80):
        np.testing.assert_allclose(moved[unit], X[best == unit].mean(0), atol=1e-12)


def test_batch_rule_is_a_weighted_mean_over_the_grid(X):
    X = X[:10]
    model = unfitted_on(X, grid=(2, 3), sigma=0.8, max_iter=1)
    distance = model._distances().double()
    (moved,) = model._by_batch(
        ist.Images(X), torch.from_numpy(X[:6].copy()), distance, torch.Generator()
    )
    best = ((X[:, None] - X[None, :6]) ** 2).sum(2).argmin(1)
    weights = np.exp(-(distance.numpy()[:, best] ** 2) / (2 * 0.8**2))
    expected = weights @ X / weights.sum(1, keepdims=True)
    np.testing.assert_allclose(moved, expected, atol=1e-12)


@pytest.mark.parametrize("neighborhood", ["gaussian", "bubble"])
def test_online_rule_is_its_formula(X, neighborhood):
    """Taken on coordinates and many images at once, it must be what it is one by one."""
    model = unfitted_on(X, grid=(4, 5), rule="online", neighborhood=neighborhood)
    distance = model._distances().double()
    rates, sigmas = np.linspace(0.5, 0.1, 40), np.linspace(2.5, 0.5, 40)
    units, by_hand = torch.from_numpy(X[-20:].copy()), X[-20:].copy()
    model._pull(units, torch.from_numpy(X[:40].copy()), distance, rates, sigmas)
    for x, rate, sigma in zip(X, rates, sigmas, strict=False):
        d = distance.numpy()[((by_hand - x) ** 2).sum(1).argmin()]
        h = np.exp(-(d**2) / (2 * sigma**2)) if neighborhood == "gaussian" else d <= sigma
        by_hand += rate * h[:, None] * (x - by_hand)
    np.testing.assert_allclose(units, by_hand, atol=1e-10)


def test_radius_and_rate_fall_to_the_end(X, monkeypatch):
    seen = []

    def pull(self, c, x, distance, rates, sigmas):
        seen.extend(zip(rates, sigmas, strict=True))

    monkeypatch.setattr(ist.SOM, "_pull", pull)
    ist.SOM((4, 6), rule="online", max_iter=2).fit(X[:100])
    assert len(seen) == 200
    np.testing.assert_allclose(seen[0], (0.5, 3))
    np.testing.assert_allclose(seen[-1], (0.5 * som.LAST_RATE, som.LAST_SIGMA["gaussian"]))
    assert np.all(np.diff(seen, axis=0) < 0)


def test_hexagonal_neighbors_are_six_at_distance_one():
    d = grid_distances([5, 6], "hexagonal", periodic=False).numpy()
    inside = 2 * 6 + 2
    assert np.isclose(d[inside], 1, atol=1e-6).sum() == 6
    assert (np.delete(d[inside], inside) > 0.99).all()
    model = ist.SOM((5, 6), topology="hexagonal")
    model.grid_ = [5, 6]
    assert model._neighbors().sum(1).reshape(5, 6)[1:-1, 1:-1].tolist() == [[6] * 4] * 3


def test_opposite_edges_of_a_torus_meet():
    flat, torus = (grid_distances([4, 6], "rectangular", periodic=p).numpy() for p in (0, 1))
    assert (flat[0, 5], torus[0, 5]) == (5, 1)
    assert (flat[0, 18], torus[0, 18]) == (3, 1)
    assert torus[0, 23] == pytest.approx(np.sqrt(2))
    assert torus.max() == pytest.approx(np.hypot(2, 3))
    six = grid_distances([4, 6], "hexagonal", periodic=True).numpy()
    assert (np.isclose(six, 1, atol=1e-6).sum(1) == 6).all()


def test_u_matrix_by_hand():
    model = ist.SOM(2, random_state=0).fit(np.random.default_rng(0).random((9, 2)))
    model.codebook_ = np.array([[0.0, 0], [3, 0], [0, 4], [0, 0]])
    np.testing.assert_allclose(
        model.u_matrix(), [[7 / 3, (3 + 5 + 3) / 3], [(4 + 5 + 4) / 3, 7 / 3]], atol=1e-6
    )


@pytest.mark.parametrize("rule", ["batch", "online"])
def test_a_line_and_a_square_are_mapped_in_order(rule):
    line = np.linspace(0, 1, 200)[:, None]
    model = ist.SOM((1, 12), rule=rule, random_state=0, init="random").fit(line)
    assert abs(np.diff(np.sign(np.diff(model.codebook_[:, 0])))).sum() == 0
    assert model.topographic_error(line) == model.topographic_error_ == 0
    square = np.random.default_rng(0).random((1000, 2))
    flat = ist.SOM((8, 8), rule=rule, random_state=0).fit(square)
    assert flat.topographic_error_ < 0.05
    assert flat.quantization_error_ < 0.07
    assert flat.health_ == []


def test_measures_and_places(X):
    model = ist.SOM((5, 7), random_state=0).fit(X)
    d = np.sqrt(((X[:, None] - model.codebook_[None]) ** 2).sum(2))
    assert model.quantization_error(X) == pytest.approx(d.min(1).mean())
    assert model.quantization_error_ == model.quantization_error(X)
    first, second = np.argsort(d, 1)[:, :2].T
    away = np.maximum(abs(first // 7 - second // 7), abs(first % 7 - second % 7)) > 1
    assert model.topographic_error(X) == pytest.approx(away.mean())
    np.testing.assert_array_equal(model.locate(X), np.stack([first // 7, first % 7], 1))
    np.testing.assert_array_equal(model.hit_map(X), np.bincount(first, minlength=35).reshape(5, 7))
    np.testing.assert_array_equal(model.hit_map(X).ravel(), model.counts_)
    np.testing.assert_allclose(model.transform(X), d, atol=1e-6)
    planes = model.component_planes()
    assert planes.shape == (64, 5, 7)
    np.testing.assert_array_equal(planes[20, 3, 4], model.codebook_[3 * 7 + 4, 20])


def test_samples_are_units_with_the_noise_of_their_pixels(X):
    model = ist.SOM(3, noise=0.2, random_state=0).fit(X)
    np.testing.assert_allclose(model.deviation_, X.std(0), atol=1e-12)
    drawn = model.set_params(noise=0).sample(40, random_state=0)
    assert np.abs(drawn[:, None] - model.codebook_[None]).sum(2).min(1).max() == 0
    noisy = model.set_params(noise=0.2).sample(4000, random_state=0)
    still = model.set_params(noise=0).sample(4000, random_state=0)
    np.testing.assert_allclose((noisy - still).std(0), 0.2 * X.std(0), rtol=0.1)


def test_one_number_is_a_square_and_studies_get_a_fitting_size():
    images = ist.load_images("digits").train
    assert ist.SOM(3, random_state=0).fit(images).grid_ == [3, 3]
    assert ist.SOM.for_study(images).grid == (14, 14)
    assert ist.SOM.for_study(images[:5]).grid == (2, 2)
    assert ist.SOM.for_study(ist.Images(np.zeros((10**5, 2), np.uint8))).grid == (30, 30)


def test_findings(X):
    assert "nearest to no image" in ist.SOM(20, random_state=0).fit(X[:30]).health_[0]
    assert "still moving" in ist.SOM(5, max_iter=1, random_state=0).fit(X).health_[-1]
    torn = ist.SOM(8, sigma=0.01, init="random", random_state=0).fit(X)
    assert any("twisted" in finding for finding in torn.health_)


@pytest.mark.parametrize("passes", [2, 4])
def test_both_errors_are_below_minisoms_after_equal_passes(data_folder, passes):
    minisom = pytest.importorskip("minisom")
    images = ist.load_images("mnist").train[:3000]
    X = np.asarray(images).reshape(3000, -1) / np.float32(255)
    model = ist.SOM(10, max_iter=passes, random_state=0).fit(images)
    theirs = minisom.MiniSom(10, 10, 784, random_seed=0)
    theirs.random_weights_init(X)
    theirs.train_batch(X, passes * len(X))
    assert model.quantization_error_ < theirs.quantization_error(X)
    assert model.topographic_error_ < theirs.topographic_error(X)


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"grid": 1}, r"grid=1 must be rows and columns with at least 2 units"),
        ({"grid": (0, 5)}, r"grid=\(0, 5\) must be"),
        ({"grid": (-2, -2)}, r"grid=\(-2, -2\) must be"),
        ({"grid": (2, 2, 2)}, r"grid=\(2, 2, 2\) must be"),
        ({"grid": (3, 4), "topology": "hexagonal", "periodic": True}, r"even number .*\(4, 4\)"),
        ({"topology": "hexagon"}, "did you mean 'hexagonal'"),
        ({"rule": "batched"}, "did you mean 'batch'"),
        ({"neighborhood": "square"}, "neighborhood='square' must be one of"),
        ({"init": "plane"}, "init='plane' must be one of"),
        ({"max_iter": 0}, "max_iter=0 must be at least 1"),
        ({"learning_rate": -1}, "learning_rate=-1 must be above 0"),
        ({"sigma": 0}, "sigma=0 must be above 0"),
        ({"noise": -0.1}, "noise=-0.1 must be at least 0"),
    ],
)
def test_bad_parameters(parameters, words):
    with pytest.raises(ValueError, match=words):
        ist.SOM(**parameters).fit(np.random.default_rng(0).random((20, 4)))


@pytest.mark.parametrize("rule", ["batch", "online"])
def test_what_torch_is_told_does_not_matter(X, rule):
    X = X[:100].astype(np.float32)

    def numbers():
        model = ist.SOM((3, 4), rule=rule, max_iter=3, random_state=0).fit(X)
        measured = model.quantization_error(X), model.topographic_error(X)
        return [
            model.codebook_, model.u_matrix(), model.component_planes(), model.hit_map(X),
            model.locate(X), model.transform(X), model.sample(3, random_state=0), *measured,
        ]  # fmt: skip

    expected = numbers()
    with torch.inference_mode():
        inside = numbers()
    torch.set_default_dtype(torch.float64)
    try:
        wide = numbers()
    finally:
        torch.set_default_dtype(torch.float32)
    for found in (inside, wide):
        for mine, theirs in zip(found, expected, strict=True):
            np.testing.assert_array_equal(mine, theirs)


def test_a_study_has_both_errors_of_held_out_images_with_intervals():
    digits = ist.load_images("digits")[::3]
    model = ist.SOM((4, 4), random_state=0).fit(digits.train)
    known = Evidence(model, digits, 5000, 0, {})
    found = [METRICS[key].of(known) for key in ("quantization_error", "topographic_error")]
    assert found[0].value == pytest.approx(model.quantization_error(digits.test))
    assert found[1].value == pytest.approx(model.topographic_error(digits.test))
    for each in found:
        half = 1.96 * np.std(each.each, ddof=1) / np.sqrt(len(digits.test))
        assert each.within == pytest.approx(half, rel=1e-4)
    first, second = np.argsort(model.transform(digits.test), 1)[:, :2].T
    rows, columns = np.abs(np.subtract(*(np.stack(np.divmod(u, 4)) for u in (first, second))))
    assert found[1].value == pytest.approx(np.mean(np.maximum(rows, columns) > 1))
    other = Evidence(ist.PCA(2).fit(digits.train), digits, 9, 0, {})
    assert METRICS["topographic_error"].of(other) is None
