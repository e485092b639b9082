import warnings
from importlib import import_module
from itertools import permutations
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.datasets import load_digits

from isthmus import load_images
from isthmus import metrics as scores
from isthmus.metrics.needs import NEEDS
from isthmus.metrics.similarity import _half, scales_of
from isthmus.metrics.table import said
from isthmus.studies.evidence import Evidence

RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def digits():
    bunch = load_digits()
    return (bunch.images / 16).astype(np.float32), bunch.target


@pytest.fixture(scope="module")
def mnist(data_folder):
    return np.asarray(load_images("mnist").test[:200])[..., 0]


def noisy(X, amount=0.1):
    noise = np.random.default_rng(1).normal(0, amount, X.shape)
    return np.clip(X + noise, 0, 1).astype(np.float32)


def skimage_ssim(X, Y):
    metrics = pytest.importorskip("skimage.metrics", reason="scikit-image is the reference")
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    channels = -1 if X.ndim == 4 else None
    each = [
        metrics.structural_similarity(
            x.astype(float), y.astype(float), data_range=1.0, channel_axis=channels, **options
        )
        for x, y in zip(X, Y, strict=True)
    ]
    return np.mean(each)


def test_mse_and_psnr_agree_with_scikit_image(digits):
    metrics = pytest.importorskip("skimage.metrics", reason="scikit-image is the reference")
    X, Y = digits[0], noisy(digits[0])
    exact = X.astype(float), Y.astype(float)
    assert scores.mse(X, Y) == pytest.approx(metrics.mean_squared_error(*exact), rel=1e-6)
    expected = metrics.peak_signal_noise_ratio(*exact, data_range=1.0)
    assert scores.psnr(X, Y) == pytest.approx(expected, abs=1e-6)


def test_ssim_agrees_with_scikit_image_on_mnist(mnist):
    X = mnist / np.float32(255)
    Y = noisy(X)
    assert scores.ssim(X, Y) == pytest.approx(skimage_ssim(X, Y), abs=1e-6)
    assert scores.ssim(mnist, Y) == pytest.approx(scores.ssim(X, Y), abs=1e-9)


@pytest.mark.parametrize("shape", [(5, 24, 24), (3, 11, 11), (3, 11, 30), (4, 17, 13, 3)])
def test_ssim_agrees_with_scikit_image_where_the_window_fits(digits, shape):
    size = int(np.prod(shape))
    X = np.resize(np.kron(digits[0][:60], np.ones((3, 3), np.float32)), size).reshape(shape)
    Y = noisy(X)
    assert scores.ssim(X, Y) == pytest.approx(skimage_ssim(X, Y), abs=1e-6)


def test_ssim_of_small_images_counts_every_pixel_of_the_reflected_image(digits):
    X, Y = digits[0][:20], noisy(digits[0][:20])
    around = ((0, 0), (5, 5), (5, 5))  # skimage then crops exactly what was reflected
    expected = skimage_ssim(np.pad(X, around, "symmetric"), np.pad(Y, around, "symmetric"))
    assert scores.ssim(X, Y) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("shape", [(2, 7, 5), (1, 1, 1), (2, 3, 40, 2), (1, 10, 10)])
def test_ssim_is_1_for_equal_images_of_any_size(shape):
    X = RNG.random(shape, dtype=np.float32)
    assert scores.ssim(X, X) == pytest.approx(1)


def test_ssim_falls_with_noise_and_does_not_depend_on_the_chunks(digits, monkeypatch):
    X = digits[0]
    values = [scores.ssim(X, noisy(X, amount)) for amount in (0.02, 0.1, 0.3)]
    assert values == sorted(values, reverse=True)
    monkeypatch.setattr("isthmus.metrics.reconstruction.chunk_rows", lambda shape: 32 * 7)
    assert scores.ssim(X, noisy(X, 0.1)) == pytest.approx(values[1], rel=1e-12)


def torch_msssim(X, Y, scales):
    """Return MS-SSIM by the parts of pytorch-msssim, in double precision and over any scales."""
    torch, theirs = (pytest.importorskip(name) for name in ("torch", "pytorch_msssim.ssim"))
    x, y = (torch.from_numpy(Z.reshape(*Z.shape[:3], -1)).permute(0, 3, 1, 2) for Z in (X, Y))
    window = theirs._fspecial_gauss_1d(11, 1.5).repeat(x.shape[1], 1, 1, 1).double()
    weights = torch.tensor([0.0448, 0.2856, 0.3001, 0.2363, 0.1333][:scales], dtype=torch.float64)
    parts = []
    for scale in range(scales):
        x, y = (torch.nn.functional.avg_pool2d(z, 2) for z in (x, y)) if scale else (x, y)
        alike, contrast = theirs._ssim(x, y, 1, window, size_average=False)
        parts.append(torch.relu(alike if scale == scales - 1 else contrast))
    powers = torch.stack(parts) ** (weights / weights.sum())[:, None, None]
    return powers.prod(0).mean().numpy()


@pytest.mark.parametrize(
    ("shape", "scales"), [((2, 176, 208), 5), ((1, 192, 176, 3), 5), ((4, 28, 28), 2)]
)
def test_ms_ssim_agrees_with_pytorch_msssim(digits, shape, scales):
    X = np.resize(np.kron(digits[0], np.ones((1, 4, 4))), shape)
    Y = noisy(X).astype(float)
    assert scales_of(*shape[1:3]) == scales
    assert scores.ms_ssim(X, Y) == pytest.approx(float(torch_msssim(X, Y, scales)), abs=1e-6)


def test_ms_ssim_reaches_its_ends_and_is_of_as_many_scales_as_fit(digits):
    X = np.kron(digits[0][:6], np.ones((1, 4, 4)))
    assert scores.ms_ssim(X, X) == pytest.approx(1)
    assert scores.ms_ssim(X, 1 - X) < 0.01  # nothing alike
    assert scores.ms_ssim(X[..., :9], noisy(X)[..., :9]) == scores.ssim(
        X[..., :9], noisy(X)[..., :9]
    )
    assert [scales_of(n, 300) for n in (20, 21, 40, 41, 80, 81, 160, 161)] == [
        *(1, 2, 2, 3, 3, 4, 4, 5)
    ]
    wide = np.random.default_rng(0).random((1, 21, 23))  # an odd side: its last row twice
    padded = np.pad(wide, ((0, 0), (0, 1), (0, 1)), "edge")
    half = padded.reshape(1, 11, 2, 12, 2).mean((2, 4))
    assert np.allclose(_half(wide), half)


def test_mae_is_the_mean_of_absolute_differences(digits):
    X, Y = digits[0], noisy(digits[0])
    assert scores.mae(X, Y) == pytest.approx(np.abs(X - Y).mean(), rel=1e-6)
    assert scores.mae(X, X) == 0
    assert scores.mae(np.zeros_like(X), np.ones_like(X)) == 1


def test_ssim_of_constant_images_is_the_luminance_term():
    X, Y = np.full((1, 20, 20), 0.5), np.full((1, 20, 20), 0.25)
    expected = (2 * 0.5 * 0.25 + 1e-4) / (0.5**2 + 0.25**2 + 1e-4)
    assert scores.ssim(X, Y) == pytest.approx(expected, rel=1e-9)


def test_a_data_range_scales_images_and_leaves_the_scores(digits):
    X, Y = digits[0], noisy(digits[0])
    assert scores.ssim(8 * X, 8 * Y, data_range=8) == pytest.approx(scores.ssim(X, Y))
    assert scores.psnr(8 * X, 8 * Y, data_range=8) == pytest.approx(scores.psnr(X, Y))


def test_equal_images_have_infinite_psnr_and_nan_is_not_hidden(digits):
    X = digits[0]
    assert scores.psnr(X, X) == np.inf
    assert np.isnan(scores.mse(X, np.full_like(X, np.nan)))


@pytest.mark.parametrize(
    ("score", "X", "Y", "message"),
    [
        (scores.mse, np.zeros((2, 3)), np.zeros((3, 2)), "must agree"),
        (scores.mse, np.zeros((0, 3)), np.zeros((0, 3)), "nothing to compare"),
        (scores.ssim, np.zeros((2, 64)), np.zeros((2, 64)), "vectors"),
    ],
)
def test_images_that_cannot_be_compared_are_refused(score, X, Y, message):
    with pytest.raises(ValueError, match=message):
        score(X, Y)


@pytest.mark.parametrize("score", [scores.psnr, scores.ssim])
def test_a_data_range_of_0_is_refused(score):
    with pytest.raises(ValueError, match="data_range=0"):
        score(np.zeros((1, 4, 4)), np.zeros((1, 4, 4)), data_range=0)


@pytest.mark.parametrize("score", [scores.cluster_accuracy, scores.purity, scores.nmi, scores.ari])
def test_renamed_classes_are_perfect_clusters(digits, score):
    y = digits[1]
    assert score(y, RNG.permutation(10)[y] + 100) == pytest.approx(1)


@pytest.mark.parametrize("k", [2, 3, 5])
def test_cluster_accuracy_is_the_best_of_all_matchings(k):
    y, labels = RNG.integers(4, size=80), RNG.integers(k, size=80)
    size = max(k, 4)
    best = max(np.mean(np.array(names)[labels] == y) for names in permutations(range(size)))
    assert scores.cluster_accuracy(y, labels) == pytest.approx(best)


def test_a_class_cut_in_two_is_pure_but_half_wrong_one_to_one():
    y, labels = np.repeat([0, 1], 40), np.repeat([0, 1, 2, 3], 20)
    assert scores.cluster_accuracy(y, labels) == 0.5
    assert scores.purity(y, labels) == 1


def test_purity_is_never_below_one_to_one_accuracy():
    for _ in range(20):
        y, labels = RNG.integers(5, size=50), RNG.integers(7, size=50)
        assert scores.purity(y, labels) >= scores.cluster_accuracy(y, labels)


@pytest.mark.parametrize("score", [scores.cluster_accuracy, scores.purity, scores.nmi, scores.ari])
def test_unlabelled_images_do_not_change_clustering_scores(score):
    y, labels = RNG.integers(3, size=60), RNG.integers(4, size=60)
    hidden = np.where(np.arange(60) % 3 == 0, -1, y)
    assert score(hidden, labels) == score(y[hidden >= 0], labels[hidden >= 0])
    with pytest.raises(ValueError, match="none of 60 images"):
        score(np.full(60, -1), labels)


def test_clusters_finds_separated_blobs_and_keeps_indices():
    y = np.repeat(np.arange(4), 30)
    Z = 10 * np.eye(4)[y] + RNG.normal(size=(120, 4))
    labels = scores.clusters(Z.reshape(120, 2, 1, 2), k=4)
    assert scores.cluster_accuracy(y, labels) == 1
    assert np.array_equal(labels, scores.clusters(Z, k=4))
    assert np.array_equal(scores.clusters(y, k=2), y)


def test_clusters_of_collapsed_codes_do_not_warn():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert scores.clusters(np.ones((20, 3)), k=4).shape == (20,)


@pytest.mark.parametrize("k", [0, 6])
def test_clusters_refuses_a_k_outside_1_to_n(k):
    with pytest.raises(ValueError, match=f"k={k}"):
        scores.clusters(np.zeros((5, 2)), k=k)


PROBES = [scores.knn_accuracy, scores.linear_accuracy, scores.svm_accuracy]


@pytest.mark.parametrize("probe", PROBES)
def test_probes_read_digits_and_repeat_themselves(digits, probe):
    X, y = digits
    halves = X[::2], y[::2], X[1::2], y[1::2]
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        accuracy = probe(*halves, limit=300, test_limit=400)
    assert 0.85 < accuracy <= 1
    assert accuracy == probe(*halves, limit=300, test_limit=400)
    assert np.array_equal(state, np.random.get_state()[1])  # noqa: NPY002


@pytest.mark.parametrize("probe", PROBES)
def test_probes_read_indices_as_names_not_numbers(probe):
    index = RNG.permutation(np.repeat(np.arange(20), 40))
    y = np.random.default_rng(3).integers(3, size=20)[index]  # no order along the index
    assert probe(index[:600], y[:600], index[600:], y[600:]) == 1


@pytest.mark.parametrize("probe", PROBES)
def test_probes_find_chance_where_the_code_tells_nothing(probe):
    Z, y = np.zeros((2000, 3)), np.arange(2000) % 2
    assert probe(Z[:1000], y[:1000], Z[1000:], y[1000:]) == pytest.approx(0.5, abs=0.06)


def test_neighbours_at_equal_distance_are_not_taken_class_by_class():
    index, y = np.zeros(1000, dtype=int), np.repeat([0, 1], [100, 900])
    assert scores.knn_accuracy(index, y, index, y, limit=500) == 0.9


@pytest.mark.parametrize("probe", PROBES)
def test_unlabelled_images_take_no_part_in_probes(digits, probe):
    X, y = digits[0][:400], digits[1][:400]
    hidden = np.where(np.arange(400) % 4 == 0, -1, y)
    assert probe(X, hidden, X[:100], y[:100]) > 0.7
    assert probe(X, y, X[:8], hidden[:8]) in {0, *(i / 6 for i in range(1, 7))}
    with pytest.raises(ValueError, match="no test image"):
        probe(X, y, X[:8], np.full(8, -1))


def test_a_limited_choice_keeps_the_proportion_of_every_class():
    from isthmus.metrics.probes import stratified

    y = np.repeat([-1, 0, 1, 2], [50, 600, 300, 100])
    rows = stratified(y, 100, random_state=0)
    assert len(np.unique(rows)) == 100
    assert np.allclose(np.bincount(y[rows]), [60, 30, 10], atol=1)
    assert not np.array_equal(rows, stratified(y, 100, random_state=1))


@pytest.mark.parametrize("probe", PROBES)
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y_train": [0, 0, 0, -1]}, "at least 2 classes"),
        ({"y_train": [0, 1]}, "one label per image"),
        ({"Z_test": np.zeros((4, 3))}, "test codes of shape"),
        ({"limit": 0}, "limit=0"),
    ],
)
def test_probes_name_what_they_cannot_use(probe, change, message):
    arguments = {"Z_train": np.eye(4), "y_train": [0, 1, 0, 1]}
    arguments |= {"Z_test": np.eye(4), "y_test": [0, 1, 0, 1]}
    with pytest.raises(ValueError, match=message):
        probe(**arguments | change)


def test_0_neighbours_are_refused():
    with pytest.raises(ValueError, match="k=0"):
        scores.knn_accuracy(np.eye(2), [0, 1], np.eye(2), [0, 1], k=0)


@pytest.mark.parametrize("sigma", [0.3, 4.0])
@pytest.mark.parametrize("step", [0.1, 0.25])
def test_a_quantised_gaussian_costs_its_entropy_less_the_log_of_the_step(sigma, step):
    z = np.random.default_rng(2).normal(0, sigma, size=(2, 100_000))
    q = np.rint(z / (step * sigma)).astype(int)
    expected = 0.5 * np.log2(2 * np.pi * np.e * sigma**2) - np.log2(step * sigma)
    assert scores.cross_entropy(q[0], q[1]) == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize("k", [2, 10, 256])
def test_uniform_indices_cost_log2_k(k):
    rng = np.random.default_rng(4)
    bits, step = scores.bits_per_image(rng.integers(k, size=50_000), rng.integers(k, size=5000))
    assert step is None
    assert bits == pytest.approx(np.log2(k), rel=0.02)


def test_several_indices_per_image_cost_the_sum():
    train, test = np.random.default_rng(4).integers(8, size=(2, 20_000, 2, 3))
    assert scores.bits_per_image(train, test)[0] == pytest.approx(18, rel=0.01)


def test_unseen_symbols_cost_the_escape_and_their_distance():
    seen = np.repeat(np.arange(4), 100)  # 404 smoothed counts and the escape
    far = np.array([3 + 5], dtype=np.uint8)
    assert scores.cross_entropy(seen, far) == pytest.approx(np.log2(405) + 2 * 2 + 2)
    assert scores.cross_entropy(seen, [-1]) == pytest.approx(np.log2(405) + 2)
    assert scores.cross_entropy(seen, [2]) == pytest.approx(np.log2(405 / 101))


class Plane:
    """Codes of a plane in 3-D with noise off it: decoding is exact but for the noise."""

    def __init__(self, n=4000, noise=0.5):
        rng = np.random.default_rng(5)
        self.Z = rng.normal(size=(n, 2)) * [3.0, 0.1]
        self.X = np.column_stack([self.Z, rng.normal(0, noise, n)])
        self.calls = 0

    def decode(self, Z):
        self.calls += 1
        assert len(Z) <= 1000
        return np.column_stack([Z, np.zeros(len(Z))])

    def bits(self, tolerance=0.01, **options):
        return scores.bits_per_image(self.Z, self.Z, self.decode, self.X, tolerance, **options)


def test_the_step_is_the_one_that_uses_up_the_tolerance():
    plane = Plane()
    bits, step = plane.bits(0.01)
    # The mse of noise 0.5 on one of three values may rise by 1 %: step^2 (9 + 0.01) / 12 of it.
    expected = np.sqrt(0.01 * 0.25 * 12 / 9.01)
    assert step == pytest.approx(expected, rel=0.08)
    assert bits == pytest.approx(2 * (0.5 * np.log2(2 * np.pi * np.e) - np.log2(step)), rel=0.05)
    assert plane.calls <= 13


def test_more_tolerance_never_costs_more_bits():
    plane = Plane()
    found = [plane.bits(tolerance) for tolerance in (0, 0.001, 0.01, 0.1, 1.0, 1e6)]
    bits, steps = zip(*found, strict=True)
    assert list(bits) == sorted(bits, reverse=True)
    assert list(steps) == sorted(steps)
    assert bits[-1] < 0.1


def test_a_constant_dimension_costs_nothing():
    plane = Plane()
    wide = np.insert(plane.Z, 1, 7.5, axis=1)
    decode = lambda Z: plane.decode(np.delete(Z, 1, axis=1))  # noqa: E731
    assert scores.bits_per_image(wide, wide, decode, plane.X) == plane.bits()
    constant = np.full((50, 2), 3.0)
    assert scores.bits_per_image(constant, constant, lambda Z: Z, constant)[0] == 0


def test_a_dimension_without_influence_costs_nothing():
    """Collapsed latents of a VAE vary a little, and the decoder does not look at them."""
    plane = Plane()
    idle = np.random.default_rng(9).normal(size=(len(plane.Z), 30)) * 0.05
    wide = np.column_stack([plane.Z, idle])
    decode = lambda Z: plane.decode(Z[:, :2] + 1e-4 * Z[:, 2:4])  # noqa: E731
    assert scores.bits_per_image(wide, wide, decode, plane.X)[0] == pytest.approx(
        plane.bits()[0], rel=0.01
    )


def test_a_code_that_loses_nothing_has_a_finite_size():
    Z = np.random.default_rng(6).normal(size=(2000, 3)).astype(np.float32)
    bits, step = scores.bits_per_image(Z, Z, lambda Z: Z, Z)
    assert 1 / 512 <= step < 0.01
    assert 3 * 7 < bits < 3 * 12


def test_dense_codes_are_decoded_in_their_own_shape():
    Z = np.random.default_rng(7).normal(size=(300, 2, 2, 3)).astype(np.float32)
    seen = []
    scores.bits_per_image(Z, Z, lambda Z: seen.append((Z.shape, Z.dtype)) or Z, Z, limit=100)
    assert set(seen) == {((100, 2, 2, 3), np.dtype(np.float32))}


@pytest.mark.parametrize(
    ("train", "test", "options", "message"),
    [
        (np.zeros((4, 2)), np.zeros((4, 3)), {}, "shape"),
        (np.zeros((4, 2)), np.zeros((4, 2)), {}, "need decode"),
        (np.zeros((4, 2)), np.full((4, 2), np.nan), {}, "NaN"),
        (np.zeros(4, dtype=int), np.zeros(4), {}, "float64"),
        (np.zeros((4, 2)), np.zeros((4, 2)), {"tolerance": -1}, "tolerance=-1"),
        (np.zeros((4, 2)), np.zeros((4, 2)), {"X_test": np.zeros((3, 2))}, "3 images"),
    ],
)
def test_codes_that_cannot_be_measured_are_refused(train, test, options, message):
    if options:
        options = {"decode": lambda Z: Z, "X_test": np.zeros((4, 2))} | options
    with pytest.raises(ValueError, match=message):
        scores.bits_per_image(train, test, **options)


def test_every_metric_of_the_table_has_a_function_and_says_what_it_is():
    for key, metric in scores.METRICS.items():
        module, _, name = metric.function.rpartition(".")
        found = import_module(f"isthmus.metrics.{module}") if module else None
        assert found is None or callable(getattr(found, name)), key
        assert metric.meaning.endswith("."), key
        assert metric.better in ("lower", "higher"), key
        assert all((metric.title, metric.scale, metric.needs)), key


def test_a_study_can_hand_out_all_that_its_metrics_need():
    made = [*dir(Evidence), "images", "seed", "seconds", "peak_memory_mb"]
    assert set(NEEDS) <= set(made)
    asked = {need for metric in scores.METRICS.values() if metric.studied for need in metric.needs}
    assert asked == set(NEEDS) - {"pictures"}  # which the example of CONTRIBUTING.md asks for
    with pytest.raises(KeyError):
        Evidence.__getitem__(SimpleNamespace(model=1), "model")


def test_figures_are_written_with_their_unit():
    written = [scores.METRICS[key].said(0.25) for key in ("psnr", "nmi", "svm_accuracy", "mse")]
    assert written == ["0.2 dB", "0.250", "25.0 %", "0.250"]
    psnr = scores.METRICS["psnr"]
    assert [psnr.said(float(x)) for x in ("inf", "nan")] == ["∞ dB", "\N{EN DASH} dB"]
    assert [said("knn", 0.5, "accuracy"), said("labels", 5, "accuracy")] == ["50.0 %", "5"]
    assert psnr.heading == "PSNR, dB ↑"
