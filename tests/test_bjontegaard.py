"""Bjøntegaard's deltas: closed forms, and another way to integrate."""

import math

import numpy as np
import pytest

from isthmus.metrics.bjontegaard import at_quality, bd_psnr, bd_rate, bjontegaard, front

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
