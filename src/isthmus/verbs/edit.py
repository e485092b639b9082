"""Edits: directions in the space of codes along which something grows, and steps along them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np

from isthmus.data.images import Images, as_images, to_unit
from isthmus.fitted.heldout import Halves, halves
from isthmus.latent.codes import codes_of
from isthmus.validation import able, hint, one_of
from isthmus.verbs.parameters import ArrayLike, ImagesLike, Model, Rows
from isthmus.verbs.result import caption_of
from isthmus.verbs.ways import Ways

WAYS = {"mean": "mean difference", "probe": "linear probe"}
FEW = 3
"""Images that are edited where none are named."""
DRAWN = 100
"""Images on a picture, at most."""


class Directions(NamedTuple):
    """Two directions in the space of codes along which something grows."""

    mean: np.ndarray
    probe: np.ndarray


def directions(codes: ArrayLike, labels: ArrayLike) -> Directions:
    r"""Return the directions in which codes of one group differ from those of the other.

    The mean difference is :math:`\bar z_1 - \bar z_0`. The probe is the normal of the plane by
    which a logistic regression tells the groups apart, as long as the mean difference is in its
    direction: adding either to a code moves it, on average, from one group to the other.

    Parameters
    ----------
    codes : array of shape (n, k)
        Codes of images.
    labels : array of shape (n,)
        0 or False for those without, 1 or True for those with; -1 for those of neither group.

    Returns
    -------
    Directions
        ``mean`` and ``probe``, each (k,).

    Raises
    ------
    ValueError
        If a group is empty, or the labels are others.

    References
    ----------
    L. Larsen et al., Autoencoding beyond pixels using a learned similarity metric, 2016 (mean).
    Y. Shen et al., Interpreting the latent space of GANs for semantic face editing, 2020 (probe).

    Examples
    --------
    >>> codes = np.array([[0.0, 1.0], [0.0, 2.0], [3.0, 1.0], [3.0, 2.0]])
    >>> directions(codes, [0, 0, 1, 1]).mean
    array([3., 0.])
    """
    from sklearn.linear_model import LogisticRegression

    codes, labels = np.asarray(codes, dtype=np.float64), np.asarray(labels).astype(int)
    if codes.ndim != 2 or labels.shape != (len(codes),) or not set(labels) <= {-1, 0, 1}:
        raise ValueError(
            f"codes of shape {codes.shape} and labels of shape {labels.shape}: expected (n, k), "
            "and n labels 0 or 1, or -1 for neither"
        )
    if not {0, 1} <= set(labels):
        raise ValueError("a group is empty: labels must be 0 for some codes and 1 for others")
    mean = codes[labels == 1].mean(0) - codes[labels == 0].mean(0)
    grouped = labels >= 0
    scale = codes[grouped].std(0) + 1e-12
    probe = LogisticRegression(max_iter=500).fit(codes[grouped] / scale, labels[grouped])
    normal = probe.coef_[0] / scale
    normal /= max(np.linalg.norm(normal), 1e-12)
    return Directions(mean, normal * (normal @ mean))


class Edited(Ways):
    """Images edited with several strengths, an array (n, strengths, ...); see `Ways`."""

    halves: ClassVar[bool] = True

    def record(self) -> dict[str, Any]:
        """Return what is known of them as JSON can hold it."""
        drawn = {} if self.measured is None else {"drawn": self.measured.words}
        return super().record() | drawn


def edit(
    model: Model,
    images: ImagesLike,
    direction: ArrayLike | None = None,
    strengths: tuple[float, ...] | Sequence[float] = (-1.0, 0.0, 1.0, 2.0),
    *,
    from_: str | int | None = None,
    to: str | int | None = None,
    attribute: str | None = None,
    by: str = "mean",
    rows: Rows | None = None,
    tile_size: int | None = None,
) -> Edited:
    r"""Move images along a direction in their codes, as from one class to another.

    The codes are moved by a strength times the direction, :math:`z + s\,d`. The direction from
    one class to another is learned from the images of both that the model learnt from, or that
    are to learn from.

    Along a direction of `directions` a strength of 1 is the whole way from the middle of one
    group to that of the other; 0 is the reconstruction, below 0 leads away from the group.

    Parameters
    ----------
    model : Representation
        Fitted, and able to decode vectors.
    images : Images or array of shape (n, ...), or codes of shape (n, k)
        What to edit.
    direction : array of shape (k,), optional
        ``directions(...).mean``, ``directions(...).probe``, or any other. Needed where no classes
        are given.
    strengths : sequence of float
        How far to go, any numbers, one edited image for each: 1 is from the middle of one class to
        the other.
    from_ : str or int, optional
        Class to leave, by its name or its number.
    to : str or int, optional
        Class to go to.
    attribute : str, optional
        An attribute or factor of the images that is to be changed, in place of their class:
        `from_` and `to` are values of it, by default its first and its last, as 0 and 1.
    by : {"mean", "probe"}
        How the direction from class to class is found: "mean" is the difference of their means,
        "probe" the normal of a plane between them.
    rows : sequence of int, optional
        Which of the images to edit, numbers from 0; by default all, or of class `from_` the first
        three that the model has not learnt from.
    tile_size : int, optional
        Pixels of the longer side of an image in a picture; by default 48 to 128.

    Returns
    -------
    Edited
        An array (n, len(strengths), ...): a row of images for every image, in the order of the
        strengths; all are decoded together.

    Raises
    ------
    ValueError
        If a code of the model is an index, an image is of another shape, the direction is not as
        wide as a code, there are no strengths or infinite ones, or no image is of a class.

    References
    ----------
    L. Larsen et al., Autoencoding beyond pixels using a learned similarity metric, 2016.

    Examples
    --------
    >>> import isthmus as ist
    >>> images = ist.load_images("digits")
    >>> pca = ist.PCA(10).fit(images.train)
    >>> threes_and_eights = np.select([images.train.y == 3, images.train.y == 8], [0, 1], -1)
    >>> found = ist.directions(pca.encode(images.train), threes_and_eights)
    >>> ist.edit(pca, images.test[:5], found.mean, strengths=[0, 1, 2]).shape
    (5, 3, 8, 8, 1)
    >>> ist.edit(pca, images, from_=3, to=8).found["images"]
    [60, 91, 98]
    """
    one_of("by", by, WAYS)
    headline, found = "Moved along a direction", {}
    if attribute is not None:
        images = as_images(images).by_attribute(attribute)
        ends = images.classes or [""]
        from_, to = ends[0] if from_ is None else from_, ends[-1] if to is None else to
    if (direction is None) != (from_ is not None and to is not None):
        raise ValueError("a direction is needed, or the classes from_ and to between which it is")
    if direction is None:
        images = as_images(images)
        parts = halves(model, images)
        labels = _label(images, from_, "from_"), _label(images, to, "to")
        rows = _few_of(parts, labels[0], from_) if rows is None else rows
        direction, learned = _learned(model, parts.train, labels, by)
        headline, found = f"From {from_} to {to} by the {WAYS[by]}", {"learned from": learned}
    chosen: Any = images
    chosen = chosen if rows is None else chosen[np.asarray(rows)]
    edited = Edited.of(_moved(model, chosen, direction, strengths), model).in_tiles(tile_size)
    return _told(edited, images, rows, headline, strengths, by=by, **found)


def _moved(
    model: Model, images: ImagesLike, direction: ArrayLike, strengths: ArrayLike
) -> np.ndarray:
    decode, codes = able(model, "decode"), codes_of(model, images)
    direction = np.asarray(direction, dtype=np.float32)
    steps = np.asarray(strengths, dtype=np.float32)
    if direction.shape != codes.shape[1:]:
        raise ValueError(
            f"direction of shape {direction.shape}: {type(model).__name__} has codes of "
            f"{codes.shape[1]} numbers, so it must have the shape {codes.shape[1:]}; "
            "directions(codes, labels).mean is one"
        )
    if steps.ndim != 1 or not len(steps) or not np.isfinite(steps).all():
        raise ValueError(f"strengths={strengths!r} must be some finite numbers, as (-1, 0, 1, 2)")
    moved = codes[:, None] + steps[:, None] * direction
    edited = decode(moved.reshape(-1, codes.shape[1]))
    decoded: np.ndarray = edited.reshape(len(codes), len(steps), *edited.shape[1:])
    return decoded


def _told(
    edited: Edited,
    images: ImagesLike,
    rows: Rows | None,
    headline: str,
    strengths: Any,
    **found: Any,
) -> Edited:
    """Return what was edited with what it was and what a picture is told."""
    asked = list(range(len(edited))) if rows is None else [int(row) for row in rows]
    drawn = {f"image {row}": way for row, way in zip(asked[:DRAWN], edited, strict=False)}
    heads = [f"{value:+g}" if value else "0" for value in strengths]
    if isinstance(images, Images):
        edited.images = images[np.asarray(asked)]
        shown = to_unit(np.asarray(edited.images[:DRAWN]))
        shown = shown.reshape(len(shown), 1, *edited.shape[2:])
        names = [caption_of(images, row) for row in asked[:DRAWN]]
        both = np.concatenate([shown, edited[:DRAWN]], axis=1)
        drawn, heads = dict(zip(names, both, strict=True)), ["original", *heads]
    headline = f"{headline}: added to the code with the strength above"
    found |= {"images": asked, "strengths": [float(value) for value in strengths]}
    return edited.told(drawn, headline, heads, **found)


def _label(images: Images, given: Any, name: str) -> int:
    """Return the label of a class, given by its name or its number."""
    if images.y is None:
        raise ValueError(f"{name}={given!r}: {images.source} has no labels; give a set that has")
    names = images.classes or [str(label) for label in sorted(set(images.y.tolist()) - {-1})]
    if given in names:
        label = names.index(given) if images.classes else int(given)
    elif str(given).isdigit() and (int(given) < len(names) or not images.classes):
        label = int(given)
    else:
        few = ", ".join(names[:12]) + (" ..." if len(names) > 12 else "")
        raise ValueError(f"{name}={given!r}: the classes are {few}{hint(given, names)}")
    if not (images.y == label).any():
        raise ValueError(f"{name}={given!r}: no image is of that class")
    return label


def _few_of(parts: Halves, label: int, given: str | int | None) -> list[int]:
    """Return the first held-out images of a class."""
    rows: list[int] = parts.rows[parts.test.y == label][:FEW].tolist()
    if not rows:
        raise ValueError(f"from_={given!r}: no held-out image is of that class; name some by rows")
    return rows


def _learned(
    model: Model, train: Images, labels: tuple[int, int], by: str
) -> tuple[np.ndarray, dict[str, int]]:
    """Return a direction from one class to another, and from how many images it was learned."""
    both = train.where(np.isin(np.asarray(train.y), labels))
    groups = (np.asarray(both.y) == labels[1]).astype(int)
    found = directions(codes_of(model, both), groups)
    return getattr(found, by), {"from": int((groups == 0).sum()), "to": int(groups.sum())}
