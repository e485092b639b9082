"""Scores of disentanglement on codes that are made to have, half have and not have it."""

import numpy as np
import pytest

from isthmus import metrics

N = 1200
SCORES = {
    "dci": lambda Z, v: min(metrics.dci(Z, v)[:2]),
    "sap": metrics.sap,
    "modularity": metrics.modularity,
    "irs": metrics.irs,
    "beta_vae": metrics.beta_vae_score,
}
OF_NOISE = {"beta_vae": 0.4, "modularity": 0.5}
"""What noise has at most: of three factors a third is guessed, and few dimensions know any."""


@pytest.fixture(autouse=True)
def few_trees(monkeypatch):
    monkeypatch.setattr("isthmus.metrics.factors.TREES", 8)


@pytest.fixture(scope="module")
def factors():
    rng = np.random.default_rng(0)
    return np.column_stack([rng.integers(0, 6, N) for _ in range(3)])


def turned(Z, angle):
    """Rotate the first two dimensions into each other."""
    turn = np.eye(Z.shape[1])
    turn[:2, :2] = [[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]
    return Z @ turn


@pytest.mark.parametrize("name", SCORES)
def test_own_dimensions_score_high_noise_low_and_a_turn_lies_between(name, factors):
    score, own = SCORES[name], factors.astype(float)
    noise = np.random.default_rng(1).normal(size=own.shape)
    high, low = score(own, factors), score(noise, factors)
    assert high > 0.97
    assert low < OF_NOISE.get(name, 0.15)
    if name != "beta_vae":  # which a linear classifier reads off a turned code as well
        assert low < score(turned(own, np.pi / 4), factors) < high - 0.05


@pytest.mark.parametrize("name", SCORES)
def test_order_sign_and_scale_of_dimensions_do_not_matter(name, factors):
    codes = turned(factors + np.random.default_rng(2).normal(0, 0.3, factors.shape), 0.4)
    score = SCORES[name]
    other = codes[:, [2, 0, 1]] * [-1.0, 1.0, -1.0]
    assert score(other, factors) == pytest.approx(score(codes, factors), abs=0.05)
    scaled = score(3 * codes, factors)  # by one number: irs weighs dimensions by their reach
    assert scaled == pytest.approx(score(codes, factors), abs=1e-6)


def test_informativeness_is_how_often_factors_are_told(factors):
    own = factors.astype(float)
    assert metrics.dci(own, factors).informativeness == 1
    noise = np.random.default_rng(3).normal(size=own.shape)
    assert metrics.dci(noise, factors).informativeness == pytest.approx(1 / 6, abs=0.05)


def test_explicitness_needs_a_line_and_not_a_fold(factors):
    own = factors[:, :1].astype(float)
    words = np.array(list("abcdef"))[factors[:, 0]]
    one_hot = np.eye(6)[factors[:, 0]]
    assert metrics.explicitness(one_hot, words) == pytest.approx(1.0)
    assert metrics.explicitness(own, words) < 0.9  # the values in the middle are between others
    noise = np.random.default_rng(4).normal(size=(N, 3))
    assert metrics.explicitness(noise, words) < 0.1


def test_sap_is_the_gap_of_squared_correlations():
    rng = np.random.default_rng(5)
    Z = rng.normal(size=(500, 4))
    v = {"one": Z[:, 0] + rng.normal(size=500), "two": Z[:, 1] + 0.5 * Z[:, 2]}
    gaps = []
    for values in v.values():
        r = np.sort([np.corrcoef(z, values)[0, 1] ** 2 for z in Z.T])
        gaps.append(r[-1] - r[-2])
    assert metrics.sap(Z, v) == pytest.approx(np.mean(gaps))
    halves = np.array(["no", "yes"])[(v["one"] > 0).astype(int)]
    r = np.sort([np.corrcoef(z, halves == "yes")[0, 1] ** 2 for z in Z.T])
    assert metrics.sap(Z, {"one": halves}) == pytest.approx(r[-1] - r[-2])


def test_irs_is_as_defined():
    rng = np.random.default_rng(6)
    v = rng.integers(0, 3, (200, 2))
    Z = np.column_stack([v[:, 0] + rng.normal(0, 0.2, 200), rng.normal(size=200)])
    best, reach = [], []
    for z in Z.T:
        far = np.abs(z - z.mean()).max()
        still = [
            1 - np.mean([np.abs(z[v[:, f] == x] - z[v[:, f] == x].mean()).max() for x in range(3)])
            / far
            for f in range(2)
        ]  # fmt: skip
        best.append(max(still))
        reach.append(far)
    expected = np.average(best, weights=reach)
    assert metrics.irs(Z, v, quantile=1.0) == pytest.approx(expected)


def test_modularity_is_as_defined(factors):
    codes = turned(factors + np.random.default_rng(7).normal(0, 0.3, factors.shape), 0.4)
    known = metrics.mutual_information(codes, factors)
    expected = [1 - (np.sum(r**2) - r.max() ** 2) / (2 * r.max() ** 2) for r in known]
    assert metrics.modularity(codes, factors) == pytest.approx(np.mean(expected))
    assert metrics.modularity(np.random.default_rng(8).normal(size=(N, 3)) * 0, factors) == 0


@pytest.mark.parametrize("name", ["sap", "modularity", "dci", "beta_vae_score", "irs"])
def test_what_cannot_be_scored_is_refused_in_a_line(name, factors):
    score = getattr(metrics, name)
    with pytest.raises(ValueError, match="expected one value each"):
        score(factors[:10].astype(float), factors)
    if name in ("modularity", "dci", "beta_vae_score"):
        with pytest.raises(ValueError, match="at least 2 are needed"):
            score(factors.astype(float), factors[:, 0])
    if name in ("sap", "dci"):
        with pytest.raises(ValueError, match="at least 2 are needed"):
            score(factors[:, :1].astype(float), factors)
