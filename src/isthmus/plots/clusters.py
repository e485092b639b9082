"""Clusters drawn: a row of images each, and their places in the plane."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from isthmus.data.images import Images, to_unit
from isthmus.data.names import files_called
from isthmus.plots.figures import on_background
from isthmus.plots.maps import draw
from isthmus.plots.strips import PAPER, labelled_rows, titled

if TYPE_CHECKING:
    from PIL.Image import Image


ROWS = 20
"""Clusters drawn, at most: the largest."""


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
    from isthmus.plots.pixels import limits_of

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
    return f"{words}\n{100 * count / (y >= 0).sum():.0f} % are {name}"


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
