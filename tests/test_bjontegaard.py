"""Bjøntegaard's deltas: closed forms, and another way to integrate."""

import math

import numpy as np
import pytest

from isthmus.codec.rate_curves import Each, Point, curves_of, deltas, resampled_of, within_at
from isthmus.metrics.bjontegaard import at_quality, bd_psnr, bd_rate, bjontegaard, front
from isthmus.metrics.paired import resampled

PSNR = np.array([20.0, 21.5, 24.0, 27.0, 31.0, 33.0])
RATES = np.array([3.0, 4.0, 7.0, 13.0, 40.0, 90.0])


@pytest.mark.parametrize("factor", [0.25, 0.9, 1.0, 3.0])
def test_a_constant_factor_in_rate_is_just_that(factor):
    found = bjontegaard((factor * RATES, PSNR), (RATES, PSNR))
    assert found.rate == pytest.approx(factor - 1, abs=1e-9)
    assert (found.low, found.high, found.overlap) == (20, 33, 1)
    assert math.copysign(1, found.psnr) == math.copysign(1, 1 - factor) or factor == 1


@pytest.mark.parametrize("more", [-2.0, 0.0, 1.25])
def test_a_constant_gain_in_quality_is_just_that(more):
    found = bjontegaard((RATES, PSNR + more), (RATES, PSNR))
    assert found.psnr == pytest.approx(more, abs=1e-9)
    assert (found.rate <= 0) == (more >= 0)
    assert found.overlap == pytest.approx((13 - abs(more)) / (13 + abs(more)))


def test_straight_curves_have_a_closed_form():
    """log r = q / 4 against q / 5: the mean of q / 20 from 20 to 28 is 1.2."""
    one, other = np.linspace(20, 28, 4), np.linspace(12, 30, 7)
    found = bd_rate((np.exp(one / 4), one), (np.exp(other / 5), other))
    assert found == pytest.approx(math.expm1(24 / 20))


def test_curves_are_what_another_rule_integrates_them_to():
    """Hermite's cubics with Fritsch and Butland's slopes, written here, summed by trapezoids."""

    def slopes(x, y):
        h, d = np.diff(x), np.diff(y) / np.diff(x)
        inner = (
            3 * (h[1:] + h[:-1]) / ((2 * h[1:] + h[:-1]) / d[:-1] + (h[1:] + 2 * h[:-1]) / d[1:])
        )

        def end(h0, h1, d0, d1):
            slope = ((2 * h0 + h1) * d0 - h0 * d1) / (h0 + h1)
            return 0.0 if slope * d0 <= 0 else slope

        return np.array([end(h[0], h[1], d[0], d[1]), *inner, end(h[-1], h[-2], d[-1], d[-2])])

    def at(x, y, q):
        m, i = slopes(x, y), np.clip(np.searchsorted(x, q) - 1, 0, len(x) - 2)
        h = x[i + 1] - x[i]
        t = (q - x[i]) / h
        parts = (1 + 2 * t) * (1 - t) ** 2 * y[i], t * (1 - t) ** 2 * h * m[i]
        return sum(parts) + t**2 * (3 - 2 * t) * y[i + 1] + t**2 * (t - 1) * h * m[i + 1]

    other = np.array([5.0, 9.0, 12.0, 30.0, 70.0]), np.array([19.0, 22.0, 25.5, 29.0, 32.0])
    q = np.linspace(20, 32, 20_001)
    gap = at(PSNR, np.log(RATES), q) - at(other[1], np.log(other[0]), q)
    wanted = math.expm1(np.trapezoid(gap, q) / 12)
    assert bd_rate((RATES, PSNR), other) == pytest.approx(wanted, rel=1e-6)
    b = pytest.importorskip("bjontegaard", reason="it is of the tests' environment")
    theirs = b.bd_rate(*other, RATES, PSNR, method="pchip", require_matching_points=False)
    assert 100 * wanted == pytest.approx(theirs, rel=1e-6)


def test_what_has_nothing_in_common_is_said_so():
    found = bjontegaard((RATES, PSNR), (RATES, PSNR + 20))
    assert found.rate is None
    assert found.overlap == 0
    assert found.words == "no quality in common"
    assert bd_psnr((RATES, PSNR), (RATES * 100, PSNR)) is None
    assert "no rate in common" in bjontegaard((RATES, PSNR), (RATES * 100, PSNR)).words
    assert bd_rate(([3.0], [20.0]), (RATES, PSNR)) is None


def test_points_that_others_beat_do_not_count():
    worse = np.append(RATES, [50.0, 13.0]), np.append(PSNR, [25.0, 26.0])
    assert bd_rate(worse, (RATES, PSNR)) == pytest.approx(0, abs=1e-12)
    assert front(*worse)[1].tolist() == PSNR.tolist()


def test_a_curve_counts_at_its_lowest_point_below_it():
    assert at_quality(RATES, PSNR, 10) == pytest.approx(3)
    assert at_quality(RATES, PSNR, 24) == pytest.approx(7)
    assert at_quality(RATES, PSNR, 33.1) is None


@pytest.mark.parametrize("rates", [[0.0, 1.0], [np.nan, 1.0], [1.0]])
def test_rates_that_are_none_are_refused(rates):
    with pytest.raises(ValueError, match="rates"):
        bd_rate((rates, [20.0, 21.0]), (RATES, PSNR))


def coded(rng, n, name, rates, quality):
    """Return a codec that takes more for images which are harder for all, and errs more there."""
    hard, own = rng
    sizes = rates[:, None] * np.exp(hard + 0.2 * own.normal(size=(len(rates), n)))
    errors = 10 ** (-quality[:, None] / 10) * np.exp(hard + 0.2 * own.normal(size=(1, n)))
    return [
        Point(name, 0, s.mean(), -10 * np.log10(e.mean()), 1, each=Each(s, e))
        for s, e in zip(sizes, errors, strict=True)
    ]


def both(seed, n=150):
    rng = np.random.default_rng(seed)
    hard = 0.5 * rng.normal(size=n)
    ours = coded((hard, rng), n, "ours", 0.8 * RATES[::2], PSNR[::2])
    return ours + coded((hard, rng), n, "jpeg, one sheet", RATES[1:], PSNR[1:])


def test_intervals_are_those_of_whole_curves_drawn_again():
    """The first order by which points move, beside curves of every resample integrated anew."""
    points = both(0)
    again = {name: resampled_of(points, name) for name in ("ours", "jpeg, one sheet")}
    found = deltas(curves_of(points), "ours", again)["jpeg, one sheet"]
    curves = list(again.values())
    anew = [
        bjontegaard(*((rates[i], psnr[i]) for rates, psnr in curves))
        for i in range(len(curves[0][0]))
    ]
    for ends, each in ((found.rate_ends, "rate"), (found.psnr_ends, "psnr")):
        exact = np.quantile([getattr(one, each) for one in anew], (0.025, 0.975))
        assert np.ptp(ends) == pytest.approx(np.ptp(exact), rel=0.1)
        assert np.mean(ends) == pytest.approx(np.mean(exact), abs=0.1 * np.ptp(exact))
    assert found.rate_ends[0] < found.rate < found.rate_ends[1]
    half = within_at(curves_of(points)["ours"], again["ours"], 24.0)
    exact = [at_quality(r, q, 24.0) for r, q in zip(*again["ours"], strict=True)]
    assert half == pytest.approx(np.ptp(np.quantile(exact, (0.025, 0.975))) / 2, rel=0.1)


def test_images_are_paired_and_the_interval_holds_the_truth_as_often_as_it_says():
    truth = bd_rate((0.8 * RATES[::2], PSNR[::2]), (RATES[1:], PSNR[1:]))
    held, widths, alone = 0, [], []
    for seed in range(100):
        points = both(seed)
        again = {name: resampled_of(points, name) for name in ("ours", "jpeg, one sheet")}
        found = deltas(curves_of(points), "ours", again)["jpeg, one sheet"]
        held += found.rate_ends[0] < truth < found.rate_ends[1]
        widths.append(np.ptp(np.log1p(found.rate_ends)) / 2)
        alone.append(within_at(curves_of(points)["ours"], again["ours"], 24.0) / 5.6)
    assert 0.89 <= held / 100 <= 1.0
    assert np.mean(widths) < 0.5 * np.mean(alone)  # what is hard is so for both


def test_single_images_have_no_say_in_whether_points_agree():
    one, other = (Point("a", 0, 1, 2, 3, each=Each(np.arange(n), np.arange(n))) for n in (2, 3))
    assert one == other
    assert resampled_of([one._replace(each=None)], "a") is None
    exact = Each(np.ones(3), np.array([0.0, 0.0, 0.1]))  # some resamples lose nothing at all
    assert resampled_of([Point("a", 0, 1, 20, 3, each=exact)], "a") is None
    drawn = Each(np.arange(9.0), np.arange(1.0, 10), 18.0).again()
    np.testing.assert_allclose(drawn[0], resampled(np.arange(9.0)[:, None])[:, 0] + 2)
