"""Scores of drawn images: against their definitions, and by whether they see what is wrong."""

import importlib.util

import numpy as np
import pytest

from isthmus.metrics import generation, kernel, prdc
from isthmus.metrics.halves import over_halves


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


@pytest.mark.skipif(importlib.util.find_spec("prdc") is None, reason="prdc is not installed")
@pytest.mark.parametrize("n", [60, 300])
def test_neighborhoods_are_those_of_prdc(n):
    from prdc import compute_prdc  # type: ignore[import-not-found]

    real, drawn = clouds(n, 50)
    expected = compute_prdc(real_features=real, fake_features=drawn, nearest_k=5)
    found = prdc.neighborhoods(real, drawn, 5)._asdict()
    assert found == pytest.approx(expected)


def test_distances_are_those_of_torch_fidelity():
    fid = pytest.importorskip("torch_fidelity.metric_fid", exc_type=ImportError)
    kid = pytest.importorskip("torch_fidelity.metric_kid", exc_type=ImportError)
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
        (lambda one, two: float(two.mean() - one.mean()), 0.5),
        (lambda one, two: generation.gaussians_apart(one, two), None),
        (kernel.kernel_distance, None),
        (lambda one, two: prdc.neighborhoods(one, two).coverage, None),
        (lambda one, two: prdc.neighborhoods(one, two).density, None),
    ],
    ids=["mean", "frechet", "kernel", "coverage", "density"],
)
def test_intervals_over_halves_hold_the_mean_of_a_score_as_often_as_they_say(score, truth):
    repeats = 40
    found = []
    for seed in range(repeats):
        rng = np.random.default_rng(seed)
        pair = rng.normal(size=(80, 2)), rng.normal(size=(80, 2)) + 0.5
        found.append((score(*pair), over_halves(score, *pair, seed)))
    middle = np.mean([value for value, _ in found]) if truth is None else truth
    hold = [abs(value - middle) <= within for value, within in found]
    assert 0.81 < np.mean(hold) <= 1  # of 40: 95 % less four standard deviations
    values, widths = zip(*found, strict=True)
    assert 0.6 < np.mean(widths) / (1.96 * np.std(values)) < 1.7


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
