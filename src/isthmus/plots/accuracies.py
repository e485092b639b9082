"""What the verbs found, drawn: accuracies and curves, rows of clusters, anomalous images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from isthmus.plots.charts import LINES
from isthmus.plots.strips import PAPER

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DOT = "#888888"
NAMES = {"knn": "nearest codes", "linear": "linear", "svm": "SVM (Gaussian)"}


def accuracy_chart(
    found: Mapping[str, Any], title: str, measured: str = "held-out images"
) -> Figure:
    """Draw accuracies as points with their 95 % intervals, a line for every name.

    Of means over draws of the labels every draw is a dot, and the interval is that over draws.

    Parameters
    ----------
    found : dict of str to Accuracy
        See `isthmus.metrics.labels`.
    title : str
        Above the chart.
    measured : str
        What the images are that the accuracies were evaluated on.

    Examples
    --------
    >>> from isthmus.metrics.labels import Accuracy
    >>> figure = accuracy_chart({"linear": Accuracy(0.9, 0.83, 0.94, 50, 100, {})}, "Digits")
    >>> figure.axes[0].get_xlabel()
    'accuracy on 100 held-out images, %, with its 95 % interval'
    """
    figure, axis = _blank(7.2, 0.9 + 0.5 * len(found))
    for row, each in enumerate(found.values()):
        value = 100 * each.accuracy
        low, high = (100 * end for end in _ends(each))
        axis.plot(
            [100 * one.accuracy for one in each.fits], [row] * len(each.fits), ".", color=DOT
        )
        axis.errorbar(
            value,
            row,
            xerr=[[value - low], [high - value]],
            fmt="o",
            capsize=4,
            color=LINES[row % len(LINES)],
        )
        axis.annotate(
            f"{value:.1f}", (value, row), (0, 7), textcoords="offset points", ha="center"
        )
    axis.set_yticks(range(len(found)), [NAMES.get(name, name) for name in found])
    axis.set_ylim(len(found) - 0.4, -0.7)
    axis.margins(x=0.12)
    n = next(iter(found.values())).n_test
    draws = max(len(each.fits) for each in found.values())
    mean = f", mean of {draws} draws (dots)" if draws else ""
    axis.set_xlabel(f"accuracy on {n:,} {measured}, %{mean}, with its 95 % interval")
    _finish(figure, axis, title)
    return figure


def _ends(found: Any) -> tuple[float, float]:
    """Return the interval of an accuracy over images, or where there are several over draws."""
    if found.over_fits is None:
        return found.low, found.high
    return max(0.0, found.accuracy - found.over_fits), min(1.0, found.accuracy + found.over_fits)


def label_chart(
    curve: Mapping[str, Sequence[Any]],
    model: str,
    source: str,
    n_test: int,
    measured: str = "held-out images",
) -> Figure:
    """Draw accuracy against the number of labels: the mean, and from worst to best draw.

    Parameters
    ----------
    curve : dict of str to list of Point
        See `isthmus.metrics.labels`.
    model, source : str
        For the title.
    n_test : int
        Images every accuracy was evaluated on.
    measured : str
        What these images are.

    Examples
    --------
    >>> from isthmus.metrics.few_labels import Point
    >>> lines = {"linear": [Point(10, 0.5, 0.4, 0.6, 10), Point(30, 0.7, 0.7, 0.7, 1)]}
    >>> label_chart(lines, "PCA", "digits", 359).axes[0].get_xscale()
    'log'
    """
    figure, axis = _blank(7.2, 4.4)
    for i, (name, line) in enumerate(curve.items()):
        colour = LINES[i % len(LINES)]
        counts = [point.n_labels for point in line]
        low, mean, high = (
            [100 * getattr(point, end) for point in line] for end in ("low", "accuracy", "high")
        )
        axis.fill_between(counts, low, high, color=colour, alpha=0.16, linewidth=0)
        axis.plot(counts, mean, "o-", color=colour, label=NAMES.get(name, name), markersize=5)
    counts = sorted({point.n_labels for line in curve.values() for point in line})
    axis.set_xscale("log")
    axis.set_xticks(_apart(counts), [f"{count:,}" for count in _apart(counts)])
    axis.minorticks_off()
    axis.set_xlabel("labels learnt from")
    axis.set_ylabel(f"accuracy on {n_test:,} {measured}, %")
    axis.legend(frameon=False, loc="lower right", title="mean of draws; shaded worst to best")
    _finish(figure, axis, f"How many labels are enough: {model}, {source}")
    return figure


def code_chart(codes: np.ndarray, title: str) -> Figure:
    """Draw how far every latent dimension of codes (n, k) reaches, or how often each index is.

    Examples
    --------
    >>> code_chart(np.array([0, 2, 2]), "Indices").axes[0].get_ylabel()
    'images'
    """
    from matplotlib.ticker import MaxNLocator

    figure, axis = _blank(7.2, 3.2)
    if codes.ndim == 1:
        counts = np.bincount(codes)
        axis.bar(range(len(counts)), counts, color=LINES[0])
        axis.set(xlabel="index", ylabel="images")
    else:
        low, lower, middle, upper, high = np.percentile(codes, [2.5, 25, 50, 75, 97.5], axis=0)
        places = np.arange(codes.shape[1])
        axis.vlines(places, low, high, color=LINES[0], label="95 % of the images")
        axis.vlines(places, lower, upper, color=LINES[0], linewidth=4, label="the middle half")
        axis.plot(places, middle, "o", color=LINES[1], markersize=4, label="median")
        axis.set(xlabel="latent dimension", ylabel="value")
        axis.legend(frameon=False, fontsize=8, bbox_to_anchor=(1.01, 1), loc="upper left")
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    _finish(figure, axis, title)
    return figure


def _apart(counts: Sequence[int]) -> list[int]:
    """Return those counts whose ticks do not touch; the last is always one of them."""
    kept = [counts[-1]]
    for count in reversed(counts[:-1]):
        if count * 1.5 < kept[-1]:
            kept.append(count)
    return kept[::-1]


def _blank(width: float, height: float) -> tuple[Figure, Axes]:
    from isthmus.plots.chart import Chart

    figure = Chart(figsize=(width, height), layout="constrained", facecolor=PAPER)
    return figure, figure.subplots()


def _finish(figure: Figure, axis: Axes, title: str) -> None:
    axis.grid(alpha=0.25)
    axis.set_axisbelow(True)
    axis.spines[["top", "right"]].set_visible(False)
    figure.suptitle(title.replace("$", r"\$"), fontsize=11, x=0.01, ha="left")
