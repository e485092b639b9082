"""The verb cluster: any code turned into clusters, with their middles and edges."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from isthmus.data.images import Images, as_images, evenly_spaced
from isthmus.latent.codes import features, vectors
from isthmus.latent.neighbors import nearest_codes
from isthmus.metrics.cluster_scores import (
    SAMPLED,
    agreement_within,
    davies_bouldin,
    silhouette,
    stability,
)
from isthmus.metrics.groups import METHODS, Groups, group, placed
from isthmus.metrics.how_many import Tried, best_of, numbers_tried, ties_of
from isthmus.metrics.intervals import Estimate
from isthmus.validation import one_of
from isthmus.verbs.clustering import Clustering
from isthmus.verbs.laid_out import check_files
from isthmus.verbs.parameters import AUTO, Count, ImagesLike, Model, Seconds
from isthmus.verbs.repeated import means, seeds_of
from isthmus.verbs.within import Limit

MAPPED = 10_000
"""Codes laid out on a map, at most; the other images join the cluster of the nearest of them."""
CLUSTERS = 10
"""Clusters sought where neither their number is given nor classes are known."""


def cluster(
    model: Model,
    images: ImagesLike,
    method: str = "kmeans",
    n_clusters: Count | None = None,
    *,
    on: str = "codes",
    min_size: int | None = None,
    copy: bool = False,
    link: bool = False,
    repeats: int = 1,
    random_state: int = 0,
    budget: Seconds | None = None,
    verbose: bool | None = None,
) -> Clustering:
    r"""Cluster codes, and draw central and borderline images of each cluster.

    With labels they are judged by the best one-to-one matching m of clusters with classes,
    :math:`\max_m \frac 1 n \sum_i [m(l_i) = y_i]`, by NMI, ARI, AMI and purity; without, by
    the silhouette, the Davies-Bouldin index, and how far k-means finds the same from other seeds.

    Parameters
    ----------
    model : Representation
        Fitted, and able to encode. Of a codebook the prototypes of the images are clustered
        (middles, edges and maps are by the distances to all of them); codes per pixel are averaged
        over an image.
    images : Images or array of shape (n, ...)
        What to cluster.
    method : {"kmeans", "gmm", "hdbscan"}
        "kmeans" is k-means; "gmm" a mixture of Gaussians; "hdbscan" finds regions denser than what
        lies between them, and how many there are: images outside of them belong to no cluster.
    n_clusters : int or "auto", optional
        How many; by default as many as there are classes, or 10. "auto" chooses the number, 2 to
        20, by the codes alone: the one with the greatest mean silhouette (`metrics.how_many`);
        which others cannot be told from it, and how stable each is over seeds, is said.
        HDBSCAN finds it itself.
    on : {"codes", "map"}
        Cluster the "codes", or a t-SNE "map" of them in the plane. The map pulls groups apart,
        which helps HDBSCAN where codes are wide; its distances mean little. A map holds 10,000
        images, evenly chosen; others join the nearest of them.
    min_size : int, optional
        Fewest images in a cluster of HDBSCAN, at least 2; by default 1 %.
    copy : bool
        In a folder that is written, lay the files of the images out in a folder for every cluster,
        each under its own name; images that are no files are written as PNG.
    link : bool
        Lay the files out by symbolic links to where they are, which take no room.
    repeats : int
        Seeds of the starts and of the map, at least 1: figures that judge clusters are the means
        over them. Clusters, and their number, are those of the first.
    random_state : int
        Seed of the starts and of the map; repeats have the next.
    budget : float, optional
        Time to take, in seconds above 0: after it no further number of clusters is tried by
        "auto".
    verbose : bool, optional
        Show progress; by default where standard error is a terminal.

    Returns
    -------
    Clustering
        ``labels``, ``groups``, ``scores``, and ``picture()``.

    Raises
    ------
    ValueError
        If `method` or `on` is another, or a number is out of its range or not for the method.

    References
    ----------
    H. Kuhn, The Hungarian method for the assignment problem, 1955 (the matching).
    R. McConville et al., N2D: (not too) deep clustering via clustering the local manifold of an
    autoencoded embedding, 2021 (clusters on a map).

    Examples
    --------
    >>> import isthmus as ist
    >>> images = ist.load_images("digits")
    >>> found = ist.cluster(ist.PCA(16).fit(images.train), images.test, random_state=0)
    >>> found.labels.shape, found.scores["accuracy"] > 0.6
    ((359,), True)
    """
    limit = Limit(budget)
    one_of("method", method, METHODS)
    one_of("on", on, ("codes", "map"))
    _check_numbers(method, n_clusters, min_size)
    images = as_images(images)
    if copy and link:
        raise ValueError("copy=True and link=True are two ways to lay files out: choose one")
    if link:
        check_files(images)
    seeds = seeds_of(random_state, repeats)[1:]
    number = n_clusters if n_clusters and method != "hdbscan" else expected(images)
    sought: dict[str, Any] = {"n_clusters": number, "min_size": min_size}
    sought["random_state"] = random_state
    tried: list[Tried] = []

    def choose(codes: np.ndarray) -> int:
        within = partial(limit.until, what="numbers of clusters")
        tried.extend(numbers_tried(codes, random_state, within=within))
        return best_of(tried).clusters if tried else 1

    ways = {"codes": (_among_codes, features), "map": (_on_a_map, vectors)}
    seek, coded = ways[on]
    codes = coded(model, images, show=verbose)
    groups, places, rows = seek(model, images, codes, method, sought, choose)
    every = [_judged(model, images, groups.labels, random_state)]
    for seed in limit.until(seeds, "repeats", least=0, total=len(seeds)):
        again = seek(model, images, codes, method, sought | {"random_state": seed}, choose)
        every.append(_judged(model, images, again[0].labels, seed))
    values = [{name: each.value for name, each in one.items()} for one in every]
    found = _facts(groups.labels) | means(values)[0]
    if tried:
        found["chosen"] = _chosen(tried)
    laid_out = "copy" if copy else "link" if link else ""
    made = Clustering(groups, found, images, model, method, places, rows, laid_out)
    made.tried = tried
    made.within = {name: each.within for name, each in every[0].items()}
    made.repeats, made.random_state = values, random_state
    return made


Choose = Callable[[np.ndarray], int]
"""How many clusters there are to be among codes or places."""
Found = tuple[Groups, np.ndarray | None, np.ndarray | None]
"""Clusters, where the images of a map lie, and which these are."""


def _among_codes(
    model: Model,
    images: Images,
    codes: np.ndarray,
    method: str,
    sought: dict[str, Any],
    choose: Choose,
) -> Found:
    if sought["n_clusters"] == AUTO:
        near = codes if codes.ndim > 1 else vectors(model, images)
        sought |= {"n_clusters": choose(near)}
    groups = group_codes(model, codes, method, **sought)
    if codes.ndim == 1 and method == "kmeans":  # images of a prototype are not equally far in
        groups = placed(vectors(model, images), groups.labels)
    return groups, None, None


def _on_a_map(
    model: Model,
    images: Images,
    codes: np.ndarray,
    method: str,
    sought: dict[str, Any],
    choose: Choose,
) -> Found:
    rows = np.arange(len(images))
    rows = rows if len(rows) <= MAPPED else np.linspace(0, len(rows) - 1, MAPPED).astype(int)
    places = _map(codes[rows], sought["random_state"])
    if sought["n_clusters"] == AUTO:
        sought |= {"n_clusters": choose(places)}
    groups = group(places, method, **sought)
    if len(rows) < len(images):
        near = nearest_codes(codes, codes[rows]).rows[:, 0]
        groups = Groups(*(values[near] for values in groups))
    return groups, places, rows


def group_codes(
    model: Model, codes: np.ndarray, method: str, n_clusters: int, **options: Any
) -> Groups:
    """Return clusters of the codes of a model; see `isthmus.metrics.group`.

    An index says nothing of near and far, so indices are grouped by their prototypes, each as
    often as it occurs: all that such a code knows of an image is its prototype. A codebook of as
    many prototypes as there are to be clusters is these clusters.
    """
    if codes.ndim > 1:
        return group(codes, method, n_clusters, **options)
    used, rows, times = np.unique(codes, return_inverse=True, return_counts=True)
    prototypes = model.prototypes_[used].reshape(len(used), -1)
    if method != "kmeans":
        return group(prototypes[rows], method, n_clusters, **options)
    if not 1 <= n_clusters <= len(codes):
        return group(codes[:, None], method, n_clusters)  # which refuses
    few = group(prototypes, method, min(n_clusters, len(used)), times=times, **options)
    return Groups(*(values[rows] for values in few))


def _check_numbers(method: str, n_clusters: Count | None, min_size: int | None) -> None:
    if method == "hdbscan" and n_clusters not in (None, AUTO):
        raise ValueError(
            f"n_clusters={n_clusters}: hdbscan finds the number of clusters itself; set min_size, "
            "or use kmeans or gmm"
        )
    if method != "hdbscan" and min_size is not None:
        raise ValueError(
            f"min_size={min_size}: {method} has no smallest cluster; set n_clusters, or use "
            "hdbscan"
        )
    if isinstance(n_clusters, str) and n_clusters != AUTO:
        raise ValueError(f"n_clusters={n_clusters!r}: expected a number, or {AUTO!r}")
    for name, value, least in (("n_clusters", n_clusters, 1), ("min_size", min_size, 2)):
        if isinstance(value, int) and value < least:
            raise ValueError(f"{name}={value} must be at least {least}")


def expected(images: Images) -> int:
    """Return how many clusters are sought where nothing is said: one a class, or up to 10."""
    known = np.unique(images.y) if images.y is not None else np.empty(0)
    return int((known != -1).sum()) or min(CLUSTERS, len(images))


def _chosen(tried: list[Tried]) -> str:
    """Return how a number of clusters was chosen, and which cannot be told from it."""
    ties = ", ".join(map(str, ties_of(tried)))
    told = f"; not to be told from it: {ties}" if ties else ""
    return f"by the mean silhouette, of {tried[0].clusters} to {tried[-1].clusters}{told}"


def _map(codes: np.ndarray, random_state: int) -> np.ndarray:
    from isthmus.verbs.layouts import layout

    return layout(codes, random_state=random_state)


def _facts(labels: np.ndarray) -> dict[str, Any]:
    found: dict[str, Any] = {"images": len(labels), "clusters": int(labels.max()) + 1}
    return found | {"unclustered": float((labels < 0).mean())}


def _judged(model: Model, images: Images, labels: np.ndarray, seed: int) -> dict[str, Estimate]:
    """Return how good clusters are by the classes, if any are known, and by the codes alone."""
    found = {}
    if images.y is not None and (np.asarray(images.y) != -1).any():
        found = agreement_within(images.y, labels)
    rows = evenly_spaced(len(images), SAMPLED)
    codes, own = vectors(model, images[rows]), labels[rows]
    alone = {
        "silhouette": silhouette(codes, own),
        "davies_bouldin": davies_bouldin(codes, own),
        "stability": stability(codes, own, seed),
    }
    return found | {name: each for name, each in alone.items() if each is not None}
