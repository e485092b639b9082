import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.metrics import mutual_info_score

from isthmus import scores

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


def test_information_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    z, v = rng.integers(0, 5, 20000), rng.integers(0, 4, 20000)
    z = np.where(rng.random(20000) < 0.5, v, z)
    chance = 4 * 3 / (2 * 20000)
    wanted = (mutual_info_score(z, v) - chance) / mutual_info_score(v, v)
    assert scores.mutual_information(z[:, None], v)[0, 0] == pytest.approx(wanted)


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


@pytest.mark.parametrize(
    ("call", "message"),
    [
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
