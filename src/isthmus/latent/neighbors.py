"""Nearest neighbors among codes, exactly or by an index."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch

from isthmus.system.progress import track
from isthmus.tensors import DOUBT, squared_distances
from isthmus.validation import one_of

BLOCK = 1024
"""Queries, and codes of an index, that are compared in one matrix product."""


AT_ONCE = 2**20
"""Differences of codes in memory at a time."""


TIED = 1e-12
"""Distances that differ by a smaller share than this may be equal."""


TREE_WIDTH = 12
"""Up to this width a tree skips most of the codes: 14 times as fast as products at 8 numbers, as
fast at 16, a quarter as fast at 32 (100,000 codes, one thread)."""


METHODS = ("auto", "exact", "tree", "faiss")


class Neighbors(NamedTuple):
    """The nearest images of every query, the nearest first.

    Attributes
    ----------
    rows : ndarray of int of shape (q, k)
        Which images they are.
    distances : ndarray of shape (q, k)
        How far their codes are from that of the query, in the units of the codes.
    """

    rows: np.ndarray
    distances: np.ndarray


class Best:
    """The k nearest rows seen so far, for sets that are never in memory as a whole.

    Every chunk is compared by one matrix product (see `isthmus.tensors.squared_distances`), in the
    precision of the queries, and what may be kept once more from differences: equal rows are at
    equal distances, and the first of them comes first.

    Parameters
    ----------
    queries : array of shape (q, d)
        What to be near to.
    k : int
        How many rows to keep.
    without : array of int of shape (q,), optional
        A row that is never kept for each of them: itself; -1 for none.

    Examples
    --------
    >>> best = Best(np.array([[0.0], [9.0]]), 2)
    >>> best.see(np.array([[1.0], [8.0]]))
    >>> best.see(np.array([[2.0], [4.0]]))
    >>> best.found().rows.tolist(), best.found().distances.tolist()
    ([[0, 2], [1, 3]], [[1.0, 2.0], [1.0, 5.0]])
    """

    def __init__(self, queries: np.ndarray, k: int, without: np.ndarray | None = None):
        self.queries, self.k, self.without, self.seen = queries, k, without, 0
        self.square = np.full((len(queries), k), np.inf, queries.dtype)
        self.rows = np.full((len(queries), k), -1, np.int64)

    def see(self, chunk: np.ndarray) -> None:
        """Look at the next rows, (m, d)."""
        chunk = np.ascontiguousarray(chunk, self.queries.dtype)
        queries = torch.from_numpy(np.ascontiguousarray(self.queries))
        square = squared_distances(queries, torch.from_numpy(chunk)).numpy()
        if self.without is not None:
            own = np.asarray(self.without) - self.seen
            there = np.flatnonzero((own >= 0) & (own < len(chunk)))
            square[there, own[there]] = np.inf
        bound = self.square[:, -1]
        if len(chunk) > self.k and not np.isfinite(bound).all():
            bound = np.minimum(bound, np.partition(square, self.k - 1, axis=1)[:, self.k - 1])
        slack = 1 + 64 * np.finfo(square.dtype).eps / DOUBT
        query, row = np.nonzero((square <= (bound * slack)[:, None]) & (square < np.inf))
        self._keep(query, row + self.seen, self._exactly(chunk, query, row))
        self.seen += len(chunk)

    def _exactly(self, chunk: np.ndarray, query: np.ndarray, row: np.ndarray) -> np.ndarray:
        """Return squared distances of pairs from differences.

        Products round rows that are the same to distances that are not.
        """
        square = np.empty(len(query), self.queries.dtype)
        step = max(1, AT_ONCE // chunk.shape[1])
        for at in (slice(start, start + step) for start in range(0, len(query), step)):
            square[at] = np.square(self.queries[query[at]] - chunk[row[at]]).sum(1)
        return square

    def _keep(self, query: np.ndarray, row: np.ndarray, square: np.ndarray) -> None:
        """Keep the k nearest of those kept before and of further pairs; of equals the first."""
        before = np.repeat(np.arange(len(self.rows)), self.k)
        query = np.concatenate([before, query])
        row = np.concatenate([self.rows.ravel(), row])
        square = np.concatenate([self.square.ravel(), square])
        order = np.lexsort((row, square, query))
        first = np.searchsorted(query[order], np.arange(len(self.rows)))
        kept = order[first[:, None] + np.arange(self.k)]
        self.square, self.rows = square[kept], row[kept]

    def found(self) -> Neighbors:
        """Return what is nearest of all that was seen; of equals the first comes first."""
        some = (self.rows >= 0).any(0)
        return Neighbors(self.rows[:, some], np.sqrt(self.square[:, some]))


def nearest_codes(
    Z: np.ndarray,
    others: np.ndarray,
    k: int = 1,
    without: np.ndarray | None = None,
    show: bool | None = False,
) -> Neighbors:
    """Return which of other codes are nearest to every code, exactly; of equals the first.

    Examples
    --------
    >>> found = nearest_codes(np.array([[0.1], [0.9]]), np.array([[1.0], [0.0], [0.0]]), 2)
    >>> found.rows.tolist(), found.distances.round(6).tolist()
    ([[1, 2], [0, 1]], [[0.1, 0.1], [0.1, 0.9]])
    """
    blocks = blocks_of(Z, k, without)
    for block in track(blocks, "neighbours", len(blocks), show):
        for start in range(0, len(others), 8 * BLOCK):
            block.see(others[start : start + 8 * BLOCK])
    return joined([block.found() for block in blocks])


class Index:
    """Codes kept for many searches, so that the images need not be encoded again.

    Parameters
    ----------
    codes : array of shape (n, k)
        Vectors, such as `isthmus.latent.codes.vectors` returns.
    method : {"auto", "exact", "tree", "faiss"}
        "exact" compares with all codes by matrix products. "tree" is scikit-learn's k-d tree,
        exact too: it is here anyway, and skips most of the codes if they are narrow, as codes are
        meant to be. "faiss" is a graph of neighbours (HNSW) from the optional faiss, which may
        miss some: for millions of wide codes. "auto" is always exact: a tree up to 12 numbers,
        products beyond.

    Raises
    ------
    ValueError
        If codes are no vectors or not finite, or `method` is not one of these.
    ImportError
        If faiss is asked for and not installed.

    References
    ----------
    J. Bentley, Multidimensional binary search trees used for associative searching, 1975.
    Y. Malkov and D. Yashunin, Efficient and robust approximate nearest neighbor search using
    hierarchical navigable small world graphs, 2018.

    Examples
    --------
    >>> import isthmus as ist
    >>> images = ist.load_images("digits")
    >>> pca = ist.PCA(8).fit(images.train)
    >>> index = Index(pca.encode(images.train))
    >>> index.method, ist.nearest(pca, images.test[:3], index, k=4).rows.shape
    ('tree', (3, 4))
    """

    def __init__(self, codes: np.ndarray, method: str = "auto"):
        one_of("method", method, METHODS)
        codes = np.ascontiguousarray(codes, dtype=np.float32)
        if codes.ndim != 2 or not codes.size or not np.isfinite(codes).all():
            raise ValueError(f"codes of shape {codes.shape}: expected (n, k), all of them finite")
        if method == "auto":
            method = "tree" if codes.shape[1] <= TREE_WIDTH else "exact"
        self.codes, self.method = codes, method
        engine = {"tree": _tree, "faiss": _graph}.get(method)
        self._engine: Any = engine(codes) if engine else None

    def __len__(self) -> int:
        return len(self.codes)

    def search(self, vectors: np.ndarray, k: int, without: np.ndarray | None = None) -> Neighbors:
        """Return the k nearest codes of every vector; see `nearest`."""
        vectors = np.asarray(vectors, dtype=np.float32)
        if vectors.ndim != 2 or vectors.shape[1] != self.codes.shape[1]:
            raise ValueError(
                f"vectors of shape {vectors.shape}: the codes of this index are "
                f"{self.codes.shape[1]} numbers wide"
            )
        without = checked(k, len(self), without, len(vectors))
        if self.method == "exact":
            return nearest_codes(vectors, self.codes, k, without)
        more = min(len(self), k + 1 + (without is not None))
        if self.method == "tree":
            distances, rows = self._engine.query(vectors.astype(np.float64), more)
        else:
            squares, rows = self._engine.search(vectors, more)
            distances = np.sqrt(np.maximum(squares, 0))
        found = _dropped(rows, distances, k, without)
        return self._untied(vectors, found, distances, without) if self.method == "tree" else found

    def _untied(
        self,
        vectors: np.ndarray,
        found: Neighbors,
        distances: np.ndarray,
        without: np.ndarray | None,
    ) -> Neighbors:
        """Return the first of equally near rows; a tree returns any of them."""
        order = np.lexsort((found.rows, found.distances))
        rows, near = (np.take_along_axis(a, order, 1) for a in found)
        step = np.diff(distances, axis=1)
        tied = (step[:, near.shape[1] - 1 :] <= TIED * distances[:, -1:]).any(1)
        if tied.any():
            some = None if without is None else without[tied]
            again = nearest_codes(vectors[tied], self.codes, near.shape[1], some)
            rows[tied], near[tied] = again
        return Neighbors(rows, near)


def _tree(codes: np.ndarray) -> Any:
    from sklearn.neighbors import KDTree

    return KDTree(codes)


def _graph(codes: np.ndarray) -> Any:
    try:
        import faiss
    except ImportError:
        raise ImportError(
            "method='faiss' needs faiss, which is not installed: pip install 'isthmus[search]', "
            "or use method='auto'"
        ) from None
    graph = faiss.IndexHNSWFlat(codes.shape[1], 32)
    graph.hnsw.efSearch = 64
    graph.add(codes)
    return graph


def checked(k: int, n: int, without: np.ndarray | None, queries: int) -> np.ndarray | None:
    """Return what to leave out, having checked how many can be found."""
    if without is not None:
        without = np.asarray(without)
        if without.shape != (queries,) or without.dtype.kind not in "iu":
            raise ValueError(
                f"without of shape {without.shape}: expected a row for each of {queries} queries"
            )
    others = n - bool(without is not None and (without >= 0).any())
    if not 1 <= k <= others:
        raise ValueError(f"k={k} must be 1 to {others}, how many images there are to find")
    return without


def blocks_of(vectors: np.ndarray, k: int, without: np.ndarray | None) -> list[Best]:
    """Return what looks for the nearest of vectors, a block of them each."""
    vectors = vectors.astype(np.float64)  # codes are narrow: exactness costs little
    parts = [slice(i, i + BLOCK) for i in range(0, len(vectors), BLOCK)]
    return [Best(vectors[p], k, None if without is None else without[p]) for p in parts]


def joined(found: list[Neighbors]) -> Neighbors:
    """Return what several blocks of queries have found as one."""
    return Neighbors(*(np.concatenate(parts) for parts in zip(*found, strict=True)))


def _dropped(
    rows: np.ndarray, distances: np.ndarray, k: int, without: np.ndarray | None
) -> Neighbors:
    """Return k of k + 1 neighbours: all but the row that is left out, or but the last."""
    if without is not None:
        last = np.arange(rows.shape[1]) == rows.shape[1] - 1
        is_out = rows == without[:, None]
        is_out = np.where(is_out.any(1, keepdims=True), is_out, last)
        shape = (len(rows), rows.shape[1] - 1)
        rows, distances = rows[~is_out].reshape(shape), distances[~is_out].reshape(shape)
    return Neighbors(rows[:, :k], distances[:, :k])
