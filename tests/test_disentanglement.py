import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.metrics import mutual_info_score

from isthmus import metrics as scores

N = 6000
ANGLE = np.pi / 5


@pytest.fixture(scope="module")
def factors():
    rng = np.random.default_rng(0)
    return {
        "shape": rng.integers(0, 3, N),
        "size": rng.integers(0, 6, N),
        "angle": rng.uniform(-90, 90, N),
    }


@pytest.fixture(scope="module")
def aligned(factors):
    """A dimension for every factor, and two that say nothing."""
    noise = np.random.default_rng(1).normal(size=(N, 2))
    return np.column_stack([factors["angle"] / 90, factors["shape"], factors["size"], noise])


@pytest.fixture(scope="module")
def noise():
    return np.random.default_rng(2).normal(size=(N, 5))


def turned(Z):
    turn = [[np.cos(ANGLE), np.sin(ANGLE)], [-np.sin(ANGLE), np.cos(ANGLE)]]
    return Z @ np.array(turn)


def test_kl_is_the_closed_form():
    rng = np.random.default_rng(0)
    mean, log_variance = rng.normal(size=(2, 50, 4))
    ours = scores.kl_per_dimension(mean, log_variance)
    z = mean[..., None] + np.exp(log_variance / 2)[..., None] * rng.normal(size=(50, 4, 20000))
    ratio = z**2 - (z - mean[..., None]) ** 2 / np.exp(log_variance)[..., None]
    drawn = 0.5 * (ratio - log_variance[..., None])
    np.testing.assert_allclose(ours, drawn.mean((0, 2)), atol=0.02)
    assert scores.kl_per_dimension(np.zeros((3, 2)), np.zeros((3, 2))).tolist() == [0, 0]


def test_active_units_by_variance_and_by_kl():
    mean = np.random.default_rng(0).normal(size=(500, 3)) * [1, 0.05, 0.2]
    assert scores.active_units(mean).tolist() == [True, False, True]
    # a dimension can be sure of nothing but its mean: the KL sees that, the variance does not
    log_variance = np.broadcast_to([0.0, -3.0, 0.0], mean.shape)
    assert scores.active_units(0 * mean, log_variance).tolist() == [False, True, False]


def entropy(counts):
    """Miller and Madow, written out."""
    p = counts[counts > 0] / counts.sum()
    return -(p * np.log(p)).sum() + (len(p) - 1) / (2 * counts.sum())


@pytest.mark.parametrize(
    "table",
    [
        [[50, 0], [0, 50]],
        [[25, 25], [25, 25]],
        [[45, 5], [5, 45]],
        [[30, 0, 10], [0, 40, 0], [5, 5, 30]],
        [[22, 3, 1, 0], [0, 17, 9, 2]],
        [[900, 20], [20, 60], [0, 1000]],
    ],
)
@pytest.mark.parametrize("kind", [int, np.float32, float, str])
def test_information_of_a_known_table(table, kind):
    table = np.array(table)
    z, v = (np.repeat(i.ravel(), table.ravel()) for i in np.indices(table.shape))
    about = entropy(table.sum(0))
    wanted = (entropy(table.sum(1)) + about - entropy(table)) / about
    found = scores.mutual_information(z[:, None] / 7, v.astype(kind))[0, 0]
    assert found == pytest.approx(np.clip(wanted, 0, 1), abs=1e-12)
    assert table.sum() < 1000 or found == pytest.approx(
        normalised(table), abs=3 / table.sum()
    )  # of many images it is the plain one


def normalised(table):
    rows, columns = (np.indices(table.shape)[i].ravel() for i in range(2))
    z, v = np.repeat(rows, table.ravel()), np.repeat(columns, table.ravel())
    return mutual_info_score(z, v) / mutual_info_score(v, v)


def test_information_through_a_noisy_channel():
    rng = np.random.default_rng(0)
    v = rng.integers(0, 2, 200_000)
    z = v ^ (rng.random(len(v)) < 0.11)
    wanted = 1 + 0.11 * np.log2(0.11) + 0.89 * np.log2(0.89)
    assert scores.mutual_information(z[:, None], v)[0, 0] == pytest.approx(wanted, abs=0.01)


FEW = [20, 50, 100, 300]


def drawn(kind, n, seed):
    rng = np.random.default_rng(seed)
    return rng.random((n, 3)) if kind == "numbers" else rng.integers(0, kind, (n, 3))


@pytest.mark.parametrize("n", FEW)
@pytest.mark.parametrize("kind", ["numbers", 2, 5, 10, 60])
def test_gap_of_few_images(n, kind):
    """A code that is the factors has a gap of 1, one that knows none has none: whatever n is."""
    found = [
        (scores.mig(drawn(kind, n, seed), drawn(kind, n, seed)),
         scores.mig(drawn(kind, n, seed + 99), drawn(kind, n, seed)),
         scores.mutual_information(drawn("numbers", n, seed + 99), drawn(kind, n, seed)).mean())
        for seed in range(12)
    ]  # fmt: skip
    same, other, information = np.transpose(found)
    assert same.mean() > (0.95 if n >= 100 else 0.85)
    assert other.mean() < (0.04 if n >= 100 else 0.15)
    assert information.mean() < (0.03 if n >= 100 else 0.1)


def test_gap_of_a_hundred_images_was_a_third():
    v = np.random.default_rng(0).random((100, 2))
    assert scores.mig(v, v) > 0.95
    v = np.random.default_rng(0).integers(0, 10, (100, 2))
    assert scores.mig(v, v) > 0.95


@pytest.mark.parametrize("n", [60, 1000])
@pytest.mark.parametrize("values", [2, 7, 40, 1000])
def test_factors_are_the_same_by_any_type_name_and_order(n, values):
    rng = np.random.default_rng(values)
    v = rng.integers(0, values, (n, 2))
    Z = np.column_stack([v[:, 0] + rng.normal(0, 0.2 * values, n), v[:, 1], rng.random(n)])
    wanted = scores.mutual_information(Z, v)
    score = scores.factor_vae_score(Z, v, random_state=1)
    for kind in (np.int16, np.uint64, np.float32, float):
        np.testing.assert_array_equal(scores.mutual_information(Z, v.astype(kind)), wanted)
        assert scores.factor_vae_score(Z, v.astype(kind), random_state=1) == score
    order = rng.permutation(n)
    np.testing.assert_allclose(scores.mutual_information(Z[order], v[order]), wanted)
    np.testing.assert_allclose(scores.mutual_information(1e9 + 1e3 * Z, v), wanted, atol=0.02)
    np.testing.assert_allclose(scores.mutual_information(Z, 1e6 + v / 3), wanted)
    if values < 20:
        names = np.array([f"name {i}" for i in rng.permutation(values)])
        np.testing.assert_allclose(scores.mutual_information(Z, names[v]), wanted)
        np.testing.assert_allclose(scores.mutual_information(Z, names[v].astype(object)), wanted)
        np.testing.assert_allclose(
            scores.mutual_information(Z, {"a": names[v[:, 0]], "b": v[:, 1] - 5}), wanted
        )


def test_a_constant_dimension_knows_nothing_and_a_rare_value_is_a_value():
    v = np.arange(100) % 4
    Z = np.column_stack([np.ones(100), v, 1e30 * v])
    assert scores.mutual_information(Z, v)[:, 0].tolist() == [
        0,
        pytest.approx(1),
        pytest.approx(1),
    ]
    assert scores.mig(Z[:, :2], v) == pytest.approx(1)
    rare = np.r_[np.zeros(95), np.arange(1, 6)]  # most of its cells would be one
    assert scores.mutual_information(rare[:, None], rare, bins=2)[0, 0] == pytest.approx(1)
    assert abs(scores.rank_correlation(np.arange(100.0)[:, None], rare)[0]) < 1
    truth = np.arange(100) < 50
    assert scores.mutual_information(Z, truth).max() < 0.1


def test_information_finds_the_dimension_of_every_factor(aligned, factors):
    table = scores.mutual_information(aligned, factors)
    assert table.shape == (5, 3)
    assert table.argmax(0).tolist() == [1, 2, 0]
    assert np.sort(table, axis=0)[-1].min() > 0.98
    assert np.sort(table, axis=0)[-2].max() < 0.01


def test_information_does_not_change_with_the_scale_of_a_dimension(aligned, factors):
    bent = np.column_stack([np.exp(3 * aligned[:, 0]), 1e-6 * aligned[:, 1:]])
    np.testing.assert_allclose(
        scores.mutual_information(bent, factors), scores.mutual_information(aligned, factors)
    )


def test_gap_of_aligned_turned_and_meaningless_codes(aligned, factors, noise):
    assert scores.mig(aligned, factors) > 0.97
    assert scores.mig(noise, factors) < 0.01
    even = np.random.default_rng(0).random((N, 2))
    assert scores.mig(even, even) > 0.97
    eighth = np.array([[1, 1], [-1, 1]]) / np.sqrt(2)
    assert scores.mig(even @ eighth, even) < 0.05
    assert scores.mig(turned(even), even) < 0.35


def test_gap_of_one_factor_alone(aligned, factors):
    doubled = np.column_stack([aligned, aligned[:, 0]])  # the angle is told twice
    assert scores.mig(doubled, factors["angle"]) < 0.01
    assert scores.mig(doubled, factors["shape"]) > 0.97


def test_variance_explained_follows_any_curve(factors):
    angle = factors["angle"]
    noise = np.random.default_rng(0).normal(size=N)
    bent, half, none = np.sinh(angle / 30), angle + angle.std() * noise, noise
    found = scores.variance_explained(np.column_stack([bent, half, none]), angle)
    np.testing.assert_allclose(found, [1, 0.5, 0], atol=0.03)


def test_as_many_cells_as_codes_explain_nothing():
    rng = np.random.default_rng(0)
    assert scores.variance_explained(rng.random((15, 2)), rng.random(15)).tolist() == [0, 0]


def test_rank_correlation_is_that_of_scipy(aligned, factors):
    ours = scores.rank_correlation(aligned, factors["angle"])
    theirs = [spearmanr(z, factors["angle"]).statistic for z in aligned.T]
    np.testing.assert_allclose(ours, theirs, atol=1e-12)
    assert scores.rank_correlation(np.ones((N, 1)), factors["angle"]).tolist() == [0]


def test_factor_vae_score_of_aligned_and_meaningless_codes(aligned, factors, noise):
    assert scores.factor_vae_score(aligned, factors) > 0.99
    assert scores.factor_vae_score(noise, factors) < 0.5
    assert scores.factor_vae_score(1e-3 * noise, factors) == 0


@pytest.mark.parametrize("n", [40, 100, 400])
@pytest.mark.parametrize("kind", ["numbers", 4, 10])
def test_factor_vae_score_of_few_images(n, kind):
    """Factors that are nearly alone in their value must not give all votes to dimension 0."""
    same = [
        scores.factor_vae_score(drawn(kind, n, s), drawn(kind, n, s), votes=200) for s in range(4)
    ]
    assert np.mean(same) > (0.95 if n >= 100 else 0.8)
    other = [
        scores.factor_vae_score(drawn(kind, n, s + 99), drawn(kind, n, s), votes=200)
        for s in range(4)
    ]
    assert np.mean(other) < 0.65
    alone = np.column_stack([np.arange(n), drawn(kind, n, 0)])
    assert scores.factor_vae_score(alone.astype(float), alone, votes=200) > 0.75


def test_variance_explained_far_from_the_origin(factors):
    angle = factors["angle"]
    Z = np.column_stack([angle, np.random.default_rng(0).normal(size=N)])
    near = scores.variance_explained(Z, angle)
    np.testing.assert_allclose(scores.variance_explained(Z + 1e6, angle + 1e8), near, atol=1e-5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda Z, v: scores.mig(Z, np.where(v > 0, v, np.nan)), "factor holds NaN"),
        (lambda Z, v: scores.mig(Z, [f"{i}.png" for i in range(30)]), "another word for every"),
        (lambda Z, v: scores.mig(Z[:, 0], v), r"expected vectors \(n, k\)"),
        (lambda Z, v: scores.mig(Z[:, :1], v), "at least 2 dimensions"),
        (lambda Z, v: scores.mig(Z, v[:-1]), "expected one value each"),
        (lambda Z, v: scores.mig(Z, 0 * v), "the same value everywhere"),
        (lambda Z, v: scores.mig(np.nan * Z, v), "NaN or infinity"),
        (lambda Z, v: scores.mutual_information(Z, v, bins=1), "bins=1 must be at least 2"),
        (lambda Z, v: scores.active_units(Z, Z[:, :1]), "expected"),
    ],
)
def test_bad_input_is_refused(call, message):
    Z = np.random.default_rng(0).normal(size=(30, 3))
    with pytest.raises(ValueError, match=message):
        call(Z, np.arange(30) % 3)
