"""Traversals: one latent dimension changed at a time, or the prototypes around one."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from isthmus.data.images import Images, as_images
from isthmus.latent.codes import code_of, codes_of
from isthmus.validation import able, one_of, renamed
from isthmus.verbs.among_prototypes import Traversal, axes_of, chosen_dims, steps_among
from isthmus.verbs.parameters import ArrayLike, ImagesLike, Model, Rows
from isthmus.verbs.result import caption_of, class_of

KNOWN = 2000
"""Images whose codes say how far every number goes, evenly spaced over the set."""
MOST, MOST_OF_EACH = 8, 2
"""Latent dimensions that are changed unless others are asked for: of one image, of several."""


@renamed(start="images")
def traverse(
    model: Model,
    images: ImagesLike,
    dims: tuple[int, ...] | Sequence[int] | int | None = None,
    steps: int = 9,
    *,
    values: ArrayLike | None = None,
    among: ImagesLike | None = None,
    rows: Rows | str | None = None,
    count: int | None = None,
    random_state: int = 0,
    tile_size: int | None = None,
) -> Traversal:
    """Change one latent dimension at a time, one row for each.

    Where the code is an index, the walk is among the prototypes: on the grid of a map, from the
    best-matching unit along either axis; of centroids, from the nearest one to those nearest it.

    Parameters
    ----------
    model : Representation
        Fitted, and able to decode.
    images : Images or array of shape (n, ...), or array of shape (k,), or int
        The image, or the code (at least one number), to start from; or Images, of which `rows`
        says which.
    dims : int or sequence of int, optional
        Which latent dimensions, from 0; by default the `count` most useful. Of a map: 0 walks down
        the rows, 1 along the columns, whichever topology it has; of centroids there is only 0. In
        Python a number alone is that many of the most useful.
    steps : int
        How many values each of them takes, at least 2, evenly spaced from the lowest to the
        highest; for an index, how many prototypes, on a map half of them on either side of the
        best-matching unit.
    values : array of shape (steps,) or (len(dims), steps), optional
        The values themselves.
    among : Images or array of shape (n, ...), optional
        Images whose codes say how low and high: from their 1st to their 99th percentile. By
        default those that `rows` are of. For one image or code without them the span is 2.5
        standard deviations of the training codes around their mean where the model knows these,
        and else from -2.5 to 2.5.
    rows : {"classes", "random"} or sequence of int, optional
        Which of the images to start from, numbers from 0, the first by default; "classes" is one
        image of each class, "random" a code drawn from the normal distribution fitted to their
        codes.
    count : int, optional
        How many latent dimensions, at least 1, the most useful first; by default 8, and 2 from
        several images. From one image or code alone it is all, in their order.
    random_state : int
        Seed of the random code.
    tile_size : int, optional
        Pixels of the longer side of an image in a picture; by default 48 to 128.

    Returns
    -------
    Traversal
        An array (len(dims), steps, ...), a row of images for every latent dimension, and where
        it starts from several for each of them; NaN beyond the edge of a map, or where there are
        no more centroids.

    Raises
    ------
    ValueError
        If codes are one a pixel, a dimension is not one of their numbers, or `steps` is below 2.

    References
    ----------
    I. Higgins et al., beta-VAE: learning basic visual concepts with a constrained variational
    framework, 2017.

    Examples
    --------
    >>> import isthmus as ist
    >>> images = ist.load_images("digits")
    >>> pca = ist.PCA(10).fit(images.train)
    >>> ist.traverse(pca, images.test[0], dims=[0, 1], steps=7).shape
    (2, 7, 8, 8, 1)
    >>> ist.traverse(pca, images.test, rows="classes", dims=[0]).shape
    (10, 9, 8, 8, 1)
    >>> som = ist.SOM((5, 6), max_iter=5, random_state=0).fit(images.train)
    >>> ist.traverse(som, images.test[0], steps=5).shape
    (2, 5, 8, 8, 1)
    """
    if values is None and steps < 2:
        raise ValueError(f"steps={steps} must be at least 2")
    if count is not None and count < 1:
        raise ValueError(f"count={count} must be at least 1")
    able(model, "decode")
    alone = rows is None and not (isinstance(images, Images) and len(images) > 1)
    starts = {_name(images): images} if alone else _starts(as_images(images), rows)
    if among is None and not alone:
        among = as_images(images).evenly(KNOWN)
    if dims is None:
        dims = _most(model, count, alone, len(starts))
    if model.code_kind_ == "index":
        made = steps_among(model, starts, dims, steps, random_state)
    else:
        made = _numbers(model, starts, dims, steps, values, among, random_state)
    made.in_tiles(tile_size).images = images if isinstance(images, Images) else None
    made.headline = f"Around {_called(starts, rows)}: {made.headline}"
    made.found = {"start": _in_words(rows), **made.found, "shape": list(made.shape)}
    return made


def _most(model: Model, count: int | None, alone: bool, starts: int) -> int | None:
    """Return how many numbers are changed where none are named, None for all."""
    if count is None and (alone or model.code_kind_ == "index"):
        return None
    there = len(axes_of(model)) if model.code_kind_ == "index" else model.code_width_
    return min(count or (MOST if starts == 1 else MOST_OF_EACH), there)


def _in_words(rows: str | Rows | None) -> str:
    if rows is None or isinstance(rows, str):
        return rows or "0"
    return ", ".join(str(row) for row in rows)


def _name(start: object) -> str:
    """Return what one image or code is called."""
    return caption_of(start, 0) if isinstance(start, Images) else "what was given"


def _called(starts: Mapping[str, Any], rows: object) -> str:
    name, _, label = next(iter(starts)).partition("\n")
    if len(starts) > 1:
        return "one image of each class" if rows == "classes" else f"{len(starts)} images"
    return f"{name} ({label})" if label else name


def _starts(images: Images, rows: Any) -> dict[str, Any]:
    """Return images to start from by their names; None stands for a random code."""
    if isinstance(rows, str):
        one_of("rows", rows, ("classes", "random"))
    if isinstance(rows, str) and rows == "random":
        return {"a random code": None}
    if not isinstance(rows, str):
        return {
            caption_of(images, row): images[int(row)] for row in ([0] if rows is None else rows)
        }
    if images.y is None:
        raise ValueError(f"rows='classes': {images.source} has no labels; give numbers")
    labels, firsts = np.unique(images.y, return_index=True)
    return {class_of(images, row): images[int(row)] for row in firsts[labels >= 0]}


def _numbers(
    model: Model, starts: dict[str, Any], dims: Any, steps: int, values: Any, among: Any, seed: int
) -> Traversal:
    """Return rows for latent dimensions, from every start."""
    codes = None if among is None else codes_of(model, among)
    begun = [
        random_code(codes, seed) if start is None else code_of(model, start)
        for start in starts.values()
    ]
    width = len(begun[0])
    dims = chosen_dims(dims, width, lambda: ordered(model, codes, width))
    heads = [] if values is None else [f"{value:g}" for value in np.ravel(values)]
    if values is None:
        values = np.linspace(*_span(model, width, codes), steps).T[dims]
        heads = ["lowest", *[""] * (steps - 2), "highest"]
    values = np.asarray(values, dtype=np.float32)
    values = np.broadcast_to(values, (len(dims), values.shape[-1]))
    made = Traversal.of(_moved(model, np.stack(begun), dims, values), model)
    what, use = _use(model, codes)
    notes = [_note(name, what, use, dim, len(starts)) for dim in dims for name in starts]
    drawn = dict(zip(notes, np.asarray(made), strict=True))
    facts = {} if use is None else {what: [round(float(use[dim]), 4) for dim in dims]}
    headline = "one latent dimension changes, the rest stay"
    return made.told(drawn, headline, heads[: values.shape[1]], dims=list(map(int, dims)), **facts)


def _moved(model: Model, begun: np.ndarray, dims: Sequence[int], values: np.ndarray) -> np.ndarray:
    """Return images (len(dims) starts, steps, ...) of codes with one number changed."""
    moved = np.tile(begun[None, :, None], (len(dims), 1, values.shape[1], 1))
    for row, dim in enumerate(dims):
        moved[row, :, :, dim] = values[row]
    images = model.decode(moved.reshape(-1, begun.shape[1]))
    return images.reshape(-1, values.shape[1], *images.shape[1:])


def _use(model: Model, codes: np.ndarray | None) -> tuple[str, Any]:
    """Return how useful every latent dimension is, and what that is called."""
    if model.kl_ is not None:
        return "KL", np.asarray(model.kl_)
    return "variance", None if codes is None else np.asarray(codes).var(0)


def _note(name: str, what: str, use: np.ndarray | None, dim: int, starts: int) -> str:
    if starts > 1:
        return f"number {dim}\nfrom {name}"
    return f"number {dim}" if use is None else f"number {dim}\n{what} {use[dim]:.2g}"


def ordered(model: Model, codes: np.ndarray | None = None, width: int = 0) -> list[int]:
    """Return the latent dimensions, the most useful first: by KL where known, else by variance.

    Parameters
    ----------
    model : Representation
        A VAE knows the KL of every number, an autoencoder the deviation of its training codes.
    codes : array of shape (n, k), optional
        Codes whose variance counts where the KL is not known.
    width : int
        How many numbers there are, for a model that knows neither and without codes: their order
        is then their own, which for principal components is that of their variance.

    Examples
    --------
    >>> ordered(None, np.array([[0.0, 1.0], [0.0, 3.0]]))
    [1, 0]
    """
    use = None if model is None else model.kl_
    if use is None and codes is not None:
        use = np.asarray(codes).var(0)
    if use is None:
        use = np.zeros(width) if model.code_deviation_ is None else model.code_deviation_
    order: list[int] = np.argsort(-np.asarray(use), kind="stable").tolist()
    return order


def _span(model: Model, width: int, codes: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Return how low and how high every latent dimension goes."""
    if codes is not None:
        low, high = np.percentile(codes, [1, 99], axis=0)
        return low, high
    if model.code_mean_ is None:
        return np.full(width, -2.5), np.full(width, 2.5)
    reach = 2.5 * np.asarray(model.code_deviation_)
    return np.asarray(model.code_mean_) - reach, np.asarray(model.code_mean_) + reach


def random_code(codes: np.ndarray | None, random_state: int = 0) -> np.ndarray:
    """Return a code (k,) drawn from the normal distribution fitted to codes (n, k).

    It is kept within their lowest and highest values, number by number: codes that are never
    negative stay so.

    Examples
    --------
    >>> random_code([[1.0, 5.0], [1.0, 5.0]])
    array([1., 5.], dtype=float32)
    """
    codes = np.asarray(codes, dtype=np.float64)
    rng = np.random.default_rng(random_state)
    centred = codes - codes.mean(0)
    drawn = codes.mean(0) + rng.normal(size=len(codes)) @ centred / math.sqrt(len(codes))
    code: np.ndarray = drawn.clip(codes.min(0), codes.max(0)).astype(np.float32)
    return code
