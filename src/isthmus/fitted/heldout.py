"""What a model has learnt from: a hash of every row, and which images of a set it has never seen.

A score of images that a model learnt from says little of others. Every verb that measures asks
`halves` for images to learn from and images to measure on, and says `MeasuredOn.words`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from isthmus.data.images import Images, as_images, chunk_rows
from isthmus.validation import one_of

if TYPE_CHECKING:
    from isthmus.base import Representation
    from isthmus.verbs.parameters import ImagesLike

HALVES = ("all", "train", "test")
"""What a split says."""
MOST = 200_000
"""Hashes that a model keeps, at most, the smallest: a random sample of the rows, as hashes are."""
FEWEST = 10
"""Images that a model has not seen; of fewer nothing could be said, and all are measured."""
CHUNK = 2**20
"""Bytes hashed at a time: they stay in the processor's cache."""
BLOCK = 2**15
"""Pairs of words hashed at once; of larger images block after block, so that factors are few."""
ONWARD = np.uint64(0x9E3779B97F4A7C15)
"""What the hash of the blocks so far is multiplied by, odd, before the next is added."""
EXACT = 1e-3
"""How near to a whole number 255 times a float is if it was a byte."""


def part_to_train_on(X: ImagesLike, y: np.ndarray | None) -> tuple[Any, Any]:
    """Return what to learn from: of Images with both parts of a split the part to train on."""
    if not isinstance(X, Images) or X.is_test is None or X.is_test.all() or not X.is_test.any():
        return X, y
    if y is not None and len(y) != len(X):
        raise ValueError(f"y has {len(y)} entries for {len(X)} images of {X.source}")
    return X.train, None if y is None else np.asarray(y)[~X.is_test]


def half_of(images: Images, split: str) -> Images:
    """Return all images, those to train on, or those held out.

    Examples
    --------
    >>> len(half_of(Images(np.zeros((10, 3))), "test"))
    2
    """
    if split == "all":
        return images
    images = images.with_split()  # once
    half_rows(images, split)
    return getattr(images, split)


def half_rows(images: Images, split: str) -> np.ndarray:
    """Return the rows of all images, of those to train on, or of those held out.

    Examples
    --------
    >>> half_rows(Images(np.zeros((4, 3)), is_test=[True, False, False, True]), "test").tolist()
    [0, 3]
    """
    one_of("split", split, HALVES)
    if split == "all":
        return np.arange(len(images))
    rows = np.flatnonzero(images.with_split().is_test == (split == "test"))
    if not len(rows):
        none = "none is held out" if split == "test" else "all are held out"
        raise ValueError(
            f"split={split!r}: of {len(images)} image(s) of {images.source} {none}; "
            "split='all' takes what there is"
        )
    return rows


def row_hashes(images: Images) -> np.ndarray:
    r"""Return 32 bits an image that follow from its values alone, uint32 (n,).

    The same for uint8 and for these values divided by 255, and for (n, h, w) and (n, h, w, 1).
    Images keep theirs, and subsets of them have them from there.
    Values x read as words of 32 bits are hashed by multiply-shift, :math:`\lfloor (\sum_i a_i x_i
    \bmod 2^{64}) / 2^{32} \rfloor`: two different images agree once in 2^32.

    References
    ----------
    M. Dietzfelbinger et al., A reliable randomized algorithm for the closest-pair problem, 1997.

    Examples
    --------
    >>> X = np.array([[0, 51, 255], [0, 51, 254]], dtype=np.uint8)
    >>> first, second = row_hashes(X)
    >>> bool(first == second), row_hashes(X / 255).tolist() == [first, second]
    (False, True)
    """
    images = as_images(images)
    if images.hashes is not None:
        return images.hashes
    width = int(np.prod(images.shape[1:]))
    factors = _numbers(2 * min(BLOCK, (width + 1) // 2))
    size = CHUNK // max(1, width * images.dtype.itemsize)
    size = max(1, min(size, chunk_rows(images.shape)))
    found = [_hashed(chunk.reshape(len(chunk), -1), factors) for chunk in images.chunks(size)]
    images.hashes = np.concatenate([np.empty(0, np.uint32), *found])
    return images.hashes


def _hashed(rows: np.ndarray, factors: np.ndarray) -> np.ndarray:
    if rows.dtype == np.uint8:
        return _multiplied(rows, factors)
    rows = rows.astype(np.float32)
    with np.errstate(all="ignore"):  # of infinities and the like
        scaled = rows * np.float32(255)
        whole = np.rint(scaled)
        scaled -= whole
        near = np.abs(scaled, out=scaled).max(1, initial=0) < EXACT
    of_bytes = near & (whole.min(1, initial=0) >= 0) & (whole.max(1, initial=0) <= 255)
    found = np.empty(len(rows), dtype=np.uint32)
    found[of_bytes] = _multiplied(whole[of_bytes].astype(np.uint8), factors)
    rest = rows[~of_bytes] + np.float32(0)  # there are two zeros
    found[~of_bytes] = _multiplied(rest.view(np.uint8), factors)
    return found


def _multiplied(rows: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """Return the upper half of the sum of every word of 32 bits times a factor of its own.

    Two words at a time: low and high are a factor times both, and another times the high one.
    """
    rows = np.pad(rows, ((0, 0), (0, -rows.shape[1] % 8))) if rows.shape[1] % 8 else rows
    pairs = np.ascontiguousarray(rows).view("<u8")
    total, half = np.zeros(len(rows), dtype=np.uint64), np.uint64(32)
    for start in range(0, pairs.shape[1], BLOCK):
        block = pairs[:, start : start + BLOCK]
        n = block.shape[1]
        total *= ONWARD
        total += np.einsum("ij,j->i", block, factors[:n])
        total += np.einsum("ij,j->i", block >> half, factors[n : 2 * n])
    return (total >> half).astype(np.uint32)


def _numbers(n: int) -> np.ndarray:
    """Return the first numbers of splitmix64: the same on every machine, for ever."""
    z = np.arange(1, n + 1, dtype=np.uint64) * ONWARD
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def kept_hashes(*hashes: np.ndarray) -> np.ndarray:
    """Return what a model keeps of the hashes of its rows: sorted, each once, the smallest."""
    every = np.sort(np.concatenate(hashes))
    return every[np.append(True, every[1:] != every[:-1])[: len(every)]][:MOST]


def labels_seen(model: Representation) -> int | None:
    """Return how many labels a model learnt from; None where it does not say."""
    return getattr(model, "labels_seen_", None if model.needs_labels else 0)


@dataclass(frozen=True)
class MeasuredOn:
    """Which images a figure was measured on, and whether the model had learnt from them.

    Attributes
    ----------
    count : int
        Images measured.
    seen : int or None
        How many of them a model learnt from; None where a model does not say.
    left_out : int
        Held-out images that were left out because a model learnt from them.
    who : str
        "the model", or "the models" where several were measured.
    unit : str
        "images", or "pixels".

    Examples
    --------
    >>> MeasuredOn(120, 0).words, MeasuredOn(120, 120).words
    ('on 120 images the model never saw', 'on 120 images, all of which the model learnt from')
    """

    count: int
    seen: int | None
    left_out: int = 0
    who: str = "the model"
    unit: str = "images"

    @property
    def held_out(self) -> bool | None:
        """Whether no model learnt from any of them; None where that cannot be said."""
        return None if self.seen is None else not self.seen

    @property
    def name(self) -> str:
        """What the images are to be called."""
        kind = {True: "held-out ", False: "training ", None: ""}[self.held_out]
        return kind + self.unit

    def of(self, count: int) -> MeasuredOn:
        """Return what is to be said of a sample of so many of them."""
        seen = self.seen and round(self.seen * count / max(1, self.count))
        return replace(self, count=count, seen=seen)

    @property
    def words(self) -> str:
        """All of it, as the end of a sentence."""
        images = f"on {self.count:,} {self.unit if self.count != 1 else self.unit[:-1]}"
        if self.seen is None:
            return f"{images}; whether {self.who} learnt from them cannot be said"
        if self.seen:
            some = "all of " if self.seen == self.count else f"{self.seen:,} of "
            return f"{images}, {some if self.count > 1 else ''}which {self.who} learnt from"
        rest = f"; {self.left_out:,} more, learnt from, are left out" if self.left_out else ""
        return f"{images} {self.who} never saw{rest}"


class Halves(NamedTuple):
    """Images to learn from, images to measure on and their rows, and what is to be said of it."""

    train: Images
    test: Images
    rows: np.ndarray
    measured: MeasuredOn


def halves(models: Any, images: Images, known: np.ndarray | None = None) -> Halves:
    """Return images to learn from, and images to measure on that no model has learnt from.

    The split is that of the images, else the default one. Held-out images that a model learnt
    from are left out; of a set without a split of its own others that no model has seen take
    their place. Where fewer than 10 would be left, all are measured, and `measured` says so. A
    model that learnt from nothing but the part to train on has seen no held-out image, though
    one may be there twice.

    Parameters
    ----------
    models : Representation or list of Representation
        Fitted.
    images : Images
        With or without a split.
    known : ndarray of bool of shape (n,), optional
        Which images are of use: those with a label, say.

    Examples
    --------
    >>> import isthmus as ist
    >>> images = ist.load_images("digits")
    >>> halves(ist.PCA(4).fit(images.train), images).measured.words
    'on 359 images the model never saw'
    >>> halves(ist.PCA(4).fit(np.asarray(images)), images).measured.words
    'on 359 images, all of which the model learnt from'
    """
    models = _listed(models)
    parts = images.with_split()
    known = np.ones(len(images), dtype=bool) if known is None else known
    test, train = parts.is_test & known, ~parts.is_test & known
    seen, left_out = None, 0
    if _can_say(models, images):
        asked = row_hashes(images.where(test))  # as a rule they are new: others need no look
        new = not any(_may_hold(model, asked).any() for model in models)
        seen = np.zeros(len(images), dtype=bool) if new else _seen(models, parts)
    if seen is not None and (seen & test).any():
        fresh = test & ~seen
        if images.is_test is None:
            fresh |= _others(seen | test | ~known, int(test.sum() - fresh.sum()))
        if fresh.sum() >= min(FEWEST, test.sum()):
            left_out = int(test.sum() - fresh.sum())
            train = train if images.is_test is not None else known & ~fresh
            test = fresh
    count = None if seen is None else int((seen & test).sum())
    measured = MeasuredOn(int(test.sum()), count, left_out, _called(models))
    return Halves(images.where(train), images.where(test), np.flatnonzero(test), measured)


def measured_part(models: Any, images: Images, split: str) -> Halves:
    """Return the images of a split to measure on, for "test" those of `halves`, as that does.

    Examples
    --------
    >>> import isthmus as ist
    >>> images = ist.load_images("digits")
    >>> measured_part(ist.PCA(4).fit(images), images, "all").measured.words
    'on 1,797 images, 1,438 of which the model learnt from'
    """
    half = half_of(images, split)
    if split == "test":
        return halves(models, images)
    train = ~images.with_split().is_test
    rows = np.flatnonzero(train | (split == "all"))
    return Halves(images.where(train), half, rows, judged(models, half))


def judged(models: Any, *sets: Images) -> MeasuredOn:
    """Return what is to be said of figures measured on exactly these sets of images.

    Of models fitted on pixels every pixel is looked for; of images in another size than a model
    was fitted on nothing can be said.

    Examples
    --------
    >>> import isthmus as ist
    >>> images = ist.load_images("digits")
    >>> judged(ist.PCA(4).fit(images.train), images).words
    'on 1,797 images, 1,438 of which the model learnt from'
    """
    models, looked_at = _listed(models), list(map(as_images, sets))
    width = getattr(models[0], "seen_width_", None)
    of_pixels = any(each.ndim == 4 and each.shape[-1] == width for each in looked_at)
    if of_pixels:
        looked_at = [images.pixels() for images in looked_at]
    seen = None
    if all(_can_say(models, images) for images in looked_at):
        seen = sum(int(_seen(models, images.with_split()).sum()) for images in looked_at)
    unit = "pixels" if of_pixels else "images"
    return MeasuredOn(sum(map(len, looked_at)), seen, who=_called(models), unit=unit)


def _listed(models: Any) -> list[Any]:
    return list(models) if isinstance(models, list | tuple) else [models]


def _called(models: list[Any]) -> str:
    return "the model" if len(models) == 1 else "the models"


def _can_say(models: Sequence[Any], images: Images) -> bool:
    """Return whether all models know what they learnt from, and it was of this size."""
    width = int(np.prod(images.shape[1:]))
    return all(
        getattr(model, "train_hashes_", None) is not None and model.seen_width_ == width
        for model in models
    )


def _seen(models: Sequence[Any], parts: Images) -> np.ndarray:
    """Return which images any of the models may have learnt from."""
    hashes = row_hashes(parts)
    found = np.zeros(len(parts), dtype=bool)
    for model in models:
        seen = _may_hold(model, hashes)
        train = np.sort(hashes[~parts.is_test])
        if seen[parts.is_test].any() and _among(model.train_hashes_, train).all():
            seen[parts.is_test] = False
        found |= seen
    return found


def _may_hold(model: Representation, hashes: np.ndarray) -> np.ndarray:
    """Return which hashes a model keeps, or would if it had kept all."""
    kept = model.train_hashes_
    return _among(hashes, kept) | (len(kept) >= MOST and hashes > kept[-1])


def _among(values: np.ndarray, ordered: np.ndarray) -> np.ndarray:
    if not len(ordered):
        return np.zeros(len(values), dtype=bool)
    return ordered[np.searchsorted(ordered, values).clip(max=len(ordered) - 1)] == values


def _others(taken: np.ndarray, count: int) -> np.ndarray:
    """Return some of the images that are not taken, by chance."""
    free = np.random.default_rng(0).permutation(np.flatnonzero(~taken))
    found = np.zeros(len(taken), dtype=bool)
    found[free[:count]] = True
    return found
