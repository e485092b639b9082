"""What the verbs found, drawn: accuracies and curves, rows of clusters, anomalous images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from isthmus.data.images import Images, to_unit
from isthmus.data.names import files_called
from isthmus.plots.charts import LINES
from isthmus.plots.figures import on_background
from isthmus.plots.maps import draw
from isthmus.plots.strips import GAP, PAPER, labelled_rows, titled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from PIL.Image import Image

NAMES = {"knn": "nearest codes", "linear": "linear", "svm": "SVM (Gaussian)"}
ROWS = 20
"""Clusters drawn, at most: the largest."""
COLUMNS = 10
"""Anomalous images in a row."""


def accuracy_chart(
    found: Mapping[str, Any], title: str, measured: str = "held-out images"
) -> Figure:
    """Draw accuracies as points with their 95 % intervals, a line for every name.

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
        value, low, high = 100 * each.accuracy, 100 * each.low, 100 * each.high
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
    axis.set_xlabel(f"accuracy on {n:,} {measured}, %, with its 95 % interval")
    _finish(figure, axis, title)
    return figure


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
    >>> from isthmus.metrics.labels import Point
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
        axis.vlines(places, lower, upper, color=LINES[0], linewidth=4, label="half of them")
        axis.plot(places, middle, "o", color=LINES[1], markersize=4, label="the middle one")
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


def cluster_rows(groups: Any, images: Images, title: str, count: int = 8) -> Image:
    """Draw a row for every cluster: its middle at the left, its edge at the right.

    Parameters
    ----------
    groups : Groups
        See `isthmus.metrics.group`; the 20 largest clusters are drawn.
    images : Images
        Of which every one has a cluster; labels say what a cluster mostly holds.
    title : str
        Above all rows.
    count : int
        Images of the middle, and of the edge.

    Raises
    ------
    ValueError
        If there is no cluster.

    Examples
    --------
    >>> from isthmus.metrics import group
    >>> images = Images(np.random.default_rng(0).random((9, 8, 8)))
    >>> cluster_rows(group(np.arange(9.0)[:, None], "kmeans", 2), images, "Nine", 2).height
    168
    """
    n_clusters = int(groups.labels.max()) + 1
    if not n_clusters:
        raise ValueError("no cluster was found: nothing to draw; try a smaller min_size")
    count = min(count, -(-int((groups.labels == 0).sum()) // 2))  # the largest has no more
    rows, captions = {}, {}
    for cluster in range(min(n_clusters, ROWS)):
        middle, edge = groups.middle_and_edge(cluster, count)
        name = _caption(groups.labels == cluster, cluster, images)
        rows[name] = np.concatenate(
            [_padded(images, middle, count + 1), _padded(images, edge, count)]
        )
        blank = [""] * (count + 1 - len(middle))
        captions[name] = [*files_called(images, middle), *blank, *files_called(images, edge)]
    if n_clusters > ROWS:
        title += f"; the {ROWS} largest of {n_clusters}"
    heads = ["" for _ in range(2 * count + 1)]
    heads[0], heads[count + 1] = "middle", "edge"
    captions = captions if images.names is not None else {}
    return labelled_rows(rows, title, heads=heads, captions=captions, limits=_limits(rows))


def _limits(rows: Mapping[str, np.ndarray]) -> Any:
    from isthmus.plots.figures import limits_of

    seen = np.concatenate(list(rows.values()))
    return limits_of(seen[np.isfinite(seen.reshape(len(seen), -1)).all(1)])


def _padded(images: Images, rows: np.ndarray, width: int) -> np.ndarray:
    """Return images as floats, and nothing where a row is shorter than the others."""
    tiles = np.full((width, *images.shape[1:]), np.nan, dtype=np.float32)
    if len(rows):
        tiles[: len(rows)] = to_unit(np.asarray(images[rows]))
    return tiles


def _caption(members: np.ndarray, cluster: int, images: Images) -> str:
    """Return which cluster it is, how large, and which class most of its images are of."""
    n = int(members.sum())
    words = f"cluster {cluster}\n{n:,} image{'s' * (n != 1)}"
    y = None if images.y is None else np.asarray(images.y)[members]
    if y is None or not (y >= 0).any():
        return words
    label, count = (int(v.item()) for v in _most_frequent(y[y >= 0]))
    name = images.classes[label] if images.classes else str(label)
    return f"{words}\n{100 * count / (y >= 0).sum():.0f} % are {name[:18]}"


def _most_frequent(y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    found, counts = np.unique(y, return_counts=True)
    best = counts.argmax()
    return found[best], counts[best]


def cluster_map(places: np.ndarray, images: Images, labels: np.ndarray, title: str) -> Image:
    """Draw images where their codes lie in the plane, in the colours of their clusters.

    Examples
    --------
    >>> images = Images(np.random.default_rng(0).random((9, 8, 8)))
    >>> places = np.random.default_rng(0).random((9, 2))
    >>> cluster_map(places, images, np.arange(9) % 2, "Nine").width
    784
    """
    picture = draw(places, np.asarray(images), labels, size=760)
    return titled(on_background(picture, PAPER), title)


def anomaly_rows(
    parts: Sequence[tuple[str, Images, np.ndarray | None, np.ndarray]], title: str
) -> Image:
    """Draw images above their reconstructions, with their scores and names, ten in a row.

    Parameters
    ----------
    parts : sequence of (name, images, reconstructions or None, scores)
        Each begins a new row.
    title : str
        Above everything.

    Examples
    --------
    >>> images = Images(np.random.default_rng(0).random((12, 8, 8)))
    >>> anomaly_rows([("Anomalous", images, np.asarray(images), np.arange(12))], "Twelve").size
    (662, 330)
    """
    from isthmus.plots.figures import limits_of

    drawn = [to_unit(np.asarray(images)) for _, images, _, _ in parts]
    limits = limits_of(np.concatenate(drawn))
    strips = []
    for (name, images, backs, scores), pixels in zip(parts, drawn, strict=True):
        for start in range(0, len(images), COLUMNS):
            here = slice(start, start + COLUMNS)
            rows = {name: pixels[here]}
            if backs is not None:
                rows["Reconstructed"] = backs[here].reshape(rows[name].shape)
            heads = [f"{score:#.3g}" for score in scores[here]]
            called = files_called(images, range(len(images))[here])
            captions = {list(rows)[-1]: called} if any(called) else {}
            strips.append(labelled_rows(rows, heads=heads, captions=captions, limits=limits))
    return titled(_stacked(strips), title)


def _stacked(pictures: Sequence[Image]) -> Image:
    """Return pictures under each other, their right ends where they are."""
    from PIL import Image

    width = max(picture.width for picture in pictures)
    height = sum(picture.height for picture in pictures) - GAP * (len(pictures) - 1)
    canvas, top = Image.new("RGB", (width, height), PAPER), 0
    for picture in pictures:
        canvas.paste(picture, (0, top))
        top += picture.height - GAP
    return canvas
