"""What metrics are computed from: held-out images, codes and samples of a model, made once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from isthmus.codec.costs import Costs
from isthmus.data.images import Images, evenly_spaced
from isthmus.data.ranges import Range, is_nominal
from isthmus.fitted.heldout import Halves, halves
from isthmus.latent.codes import features, mapped, pixels_of, range_for, remade, vectors
from isthmus.metrics.altered import altered
from isthmus.metrics.factor_scores import FEW_TREES, with_intervals
from isthmus.metrics.generation import projection_of
from isthmus.metrics.intervals import Estimate
from isthmus.metrics.needs import NEEDS
from isthmus.metrics.outliers import neighbour_distance
from isthmus.metrics.similarity import likeness
from isthmus.studies.drawn import Samples
from isthmus.studies.itself import Itself
from isthmus.studies.probable import Likely
from isthmus.verbs.cluster import expected, group_codes
from isthmus.verbs.known_factors import known_factors
from isthmus.verbs.novelty import errors_of
from isthmus.verbs.probe import HELD, LABELS, labelled_halves
from isthmus.verbs.traverse import ordered

if TYPE_CHECKING:
    from isthmus.base import Representation

MEASURED_BYTES = 256 * 2**20
"""Held-out images that are measured, as float32, at most; and at most `MOST` of them."""
MOST = 10_000
FEWEST, NUMBERS = 200, 2**22
"""Where fewer are asked for: so many, or as many as have so many numbers together."""
CODED = 2**23
"""Numbers in the held-out images that are compressed, at most."""
SOME = 2**21
"""Numbers in the images that are decoded for one of the slower metrics, at most; see `_few`."""
MOST_FACTORS, WIDEST = 1000, 64
"""Held-out images whose factors are held against codes, and width of these codes, at most."""
DRAWN = 1000
"""Images drawn to be compared with as many held-out ones, at most."""
FEWEST_DRAWN = 40
"""Held-out images that tell how real drawn ones look, at least."""
FEWEST_ALTERED = 10
"""Held-out images that tell how well altered ones are seen, at least."""
WIDTH = 50
"""Principal components of the real images that samples are compared in, at most."""
LEADING = 5
"""Latent dimensions that are kept to see how much few of them say."""


class Evidence(Samples, Likely, Itself, Mapping[str, Any]):
    """What `isthmus.metrics.needs.NEEDS` lists, of one model: made when it is first asked for.

    What a model or its images do not have is None.

    Parameters
    ----------
    model : Representation
        Fitted on ``images.train``.
    images : Images
        With or without a split.
    most : int
        Held-out images measured and labels learnt from, at most.
    seed : int
        Of the subsets, clusters and samples.
    cost : dict
        ``seconds`` and ``peak_memory_mb`` of the fit, if they are known.
    """

    def __init__(
        self, model: Representation, images: Images, most: int, seed: int, cost: Mapping[str, Any]
    ) -> None:
        self.model, self.all, self.seed = model, images, seed
        self.seconds, self.peak_memory_mb = cost.get("seconds"), cost.get("peak_memory_mb")
        self.most_labels = min(LABELS, most)
        train, held, *_ = halves(model, images)
        self.learned, self.held = train, held
        if most < MOST:
            most = min(most, max(FEWEST, NUMBERS // pixels_of(images)))
            held = held.evenly(most)
        self.images = held[: max(1, min(MOST, MEASURED_BYTES // (4 * pixels_of(images))))]
        self.train = train.evenly(2 * most)

    def __getitem__(self, name: str) -> Any:
        if name not in NEEDS:
            raise KeyError(name)
        return getattr(self, name)

    def __iter__(self) -> Iterator[str]:
        return iter(NEEDS)

    def __len__(self) -> int:
        return len(NEEDS)

    @cached_property
    def codes(self) -> np.ndarray:
        """Codes of the held-out images."""
        return features(self.model, self.images)

    @cached_property
    def train_codes(self) -> np.ndarray:
        """Codes of training images."""
        return features(self.model, self.train)

    @property
    def decode(self) -> Callable[[np.ndarray], np.ndarray] | None:
        """The decoder, of codes that are kept as they are encoded."""
        able = self.model.can("decode") and not self.model.any_size
        return self.model.decode if able else None

    @cached_property
    def reconstructions(self) -> np.ndarray | None:
        """Held-out images decoded from their codes."""
        if not self.model.can("decode"):
            return None
        if self.decode is not None:
            return self.decode(self.codes).reshape(self.images.shape)
        back = mapped(lambda x: remade(self.model, x), self.images, "decode")
        return back.reshape(self.images.shape)

    @property
    def pictures(self) -> Images | None:
        """Held-out images that have rows and columns."""
        return self.images if self.images.ndim == 4 else None

    @cached_property
    def likeness(self) -> dict[str, Estimate]:
        """Structural similarity of pictures and their reconstructions, {} where there are none."""
        if self.pictures is None or self.reconstructions is None:
            return {}
        return likeness(self.pictures, self.reconstructions, self.value_range)

    @property
    def value_range(self) -> Range | None:
        """What black and white are; the units of a table are its own."""
        ends = range_for(self.model, self.images)
        return ends if self.images.ndim == 4 or is_nominal(ends) else None

    @cached_property
    def costs(self) -> Costs | None:
        """The compressed file of held-out images; None where codes are of pixels, or not finite.

        It is of as many as have `CODED` numbers together, or of 200.
        """
        in_patches = self.model.can("decode") and self.model.cell is not None
        able = self.decode is not None or in_patches
        if not able or not np.isfinite(self.codes).all() or not self.codes.size:
            return None
        most = max(FEWEST, CODED // pixels_of(self.images))
        images = self.images.evenly(most)
        if in_patches:
            return Costs(self.model, images)
        codes = self.codes[evenly_spaced(len(self.images), most)]
        return Costs(self.model, images, codes.reshape(-1, *self.model.code_shape_))

    @property
    def coded_bits(self) -> Estimate | None:
        """Bits of that file an image."""
        if self.costs is None:
            return None
        return Estimate(self.costs.usual.per_image, self.costs.usual.within)

    @cached_property
    def few_images(self) -> Images | None:
        """Some held-out images, where codes are vectors that can be decoded."""
        vectors = self.codes.ndim == 2 and self.codes.shape[1] and np.isfinite(self.codes).all()
        able = self.model.can("decode") and vectors and self.model.has_vectors
        return _few(self.images) if able else None

    @cached_property
    def few_codes(self) -> np.ndarray:
        """Codes of these."""
        assert self.few_images is not None
        return features(self.model, self.few_images)

    @property
    def from_leading(self) -> np.ndarray:
        """The same images, decoded from few numbers of their codes."""
        return from_leading(self.model, self.train_codes, self.few_codes)

    @cached_property
    def _compared(self) -> tuple[np.ndarray, np.ndarray] | None:
        return samples(self.model, self.images, self.seed)

    @property
    def real(self) -> np.ndarray | None:
        """Features of held-out images."""
        return self._compared and self._compared[0]

    @property
    def drawn(self) -> np.ndarray | None:
        """Features of samples."""
        return self._compared and self._compared[1]

    @cached_property
    def _anomalies(self) -> tuple[np.ndarray, np.ndarray] | None:
        return anomaly_scores(self.model, _few(self.images), self.train, self.seed)

    @property
    def whole(self) -> np.ndarray | None:
        """Anomaly scores of some held-out images."""
        return self._anomalies and self._anomalies[0]

    @property
    def foreign(self) -> np.ndarray | None:
        """Those of the same images with a block of another one in them."""
        return self._anomalies and self._anomalies[1]

    @cached_property
    def _halves(self) -> Halves | None:
        if self.all.y is None:
            return None
        try:
            found = labelled_halves(
                self.model, self.all, random_state=self.seed, most=self.most_labels
            )
        except ValueError:  # no classes to tell apart
            return None
        return found._replace(test=found.test.evenly(max(len(self.images), FEWEST)))

    @cached_property
    def _all_labelled(self) -> bool:
        return bool((np.asarray(self.all.y) != -1).all())

    def _read(self, half: Images, known: str, of: Images) -> np.ndarray:
        """Return codes of labelled images, those that are known if these are all there are."""
        same = self._all_labelled and len(half) == len(of)
        return getattr(self, known) if same else features(self.model, half)

    @cached_property
    def probe_codes(self) -> np.ndarray | None:
        """Codes of labelled training images."""
        return self._halves and self._read(self._halves.train, "train_codes", self.train)

    @cached_property
    def test_codes(self) -> np.ndarray | None:
        """Codes of labelled held-out images."""
        return self._halves and self._read(self._halves.test, "codes", self.images)

    @property
    def probe_labels(self) -> np.ndarray | None:
        """Labels of training images."""
        return self._halves and self._halves.train.y

    @property
    def test_labels(self) -> np.ndarray | None:
        """Labels of held-out images."""
        return self._halves and self._halves.test.y

    @property
    def labels(self) -> int | None:
        """How many labels probes learn from."""
        return self._halves and len(self._halves.train)

    @property
    def probed_on(self) -> int | None:
        """How many images probes are evaluated on."""
        return self._halves and min(HELD, len(self._halves.test))

    @property
    def classes(self) -> np.ndarray | None:
        """Classes of held-out images, if any is known."""
        y = self.images.y if self._halves else None
        return y if y is not None and (np.asarray(y) != -1).any() else None

    @cached_property
    def factor_scores(self) -> dict[str, Estimate] | None:
        """Scores of codes against what is known of the images beside their classes."""
        if not (self.images.factors or self.images.attributes):
            return None
        few = self.images.evenly(MOST_FACTORS)
        known, rows = known_factors(few)
        fits = self.codes.ndim == 2 and self.codes.shape[1] <= WIDEST
        if not known or len(rows) < FEWEST or not fits:
            return None
        codes = self.codes[evenly_spaced(len(self.images), MOST_FACTORS)][rows]
        settings: dict[str, Any] = {"trees": FEW_TREES, "parts": 4, "without": ("explicitness",)}
        found = with_intervals(codes, known, **settings, random_state=self.seed)
        return {name: each for name, each in found.items() if np.isfinite(each.value)}

    @cached_property
    def clusters(self) -> np.ndarray:
        """Clusters of held-out codes by k-means, as many as there are classes."""
        count = expected(self.images)
        return group_codes(self.model, self.codes, "kmeans", count, random_state=self.seed).labels


def _few(images: Images, most: int = 300, least: int = 8) -> Images:
    return images.evenly(min(most, max(least, SOME // pixels_of(images)), len(images)))


def anomaly_scores(
    model: Representation, images: Images, train: Images, seed: int = 0
) -> tuple[np.ndarray, np.ndarray] | None:
    """Return anomaly scores of images, and of the same with a block of another one in each.

    They are errors of reconstructions, or where there are none distances to the nearest codes of
    training images.
    """
    if len(images) < FEWEST_ALTERED:
        return None
    both = [images, replace(images, data=altered(np.asarray(images), seed), rows=None)]
    if model.can("decode"):
        found = [errors_of(model, part) for part in both]
    else:
        known, *asked = [vectors(model, part) for part in (train, *both)]
        found = [neighbour_distance(part, known) for part in asked]
    return (found[0], found[1]) if np.isfinite(found).all() else None


def samples(
    model: Representation, held: Images, seed: int = 0
) -> tuple[np.ndarray, np.ndarray] | None:
    """Return features of held-out images and of as many drawn ones.

    These are the leading principal components of the held-out images, 50 or a fourth of their
    number: the same for all models of a study. There are none of fewer than 40 images.

    Examples
    --------
    >>> import isthmus as ist
    >>> images = ist.load_images("digits")
    >>> [part.shape for part in samples(ist.PCA(8).fit(images.train), images.test)]
    [(359, 50), (359, 50)]
    """
    if len(held) < FEWEST_DRAWN or not model.can("sample"):
        return None
    real = np.asarray(_few(held, DRAWN, FEWEST_DRAWN))
    drawn = np.asarray(model.sample(len(real), random_state=seed)).reshape(len(real), -1)
    if not np.isfinite(drawn).all():
        return None
    project = projection_of(real, min(WIDTH, len(real) // 4))
    return project(real), project(drawn)


def from_leading(
    model: Representation, train: np.ndarray, test: np.ndarray, n: int = LEADING
) -> np.ndarray:
    """Return images decoded from the leading numbers of their codes alone.

    All others are set to their mean of training codes; the leading ones are those with the
    greatest KL divergence or variance, as in a traversal.
    """
    kept = ordered(model, train, train.shape[1])[:n]
    codes = np.tile(train.mean(0, dtype=np.float64), (len(test), 1))
    codes[:, kept] = test[:, kept]
    return np.asarray(model.decode(codes.astype(train.dtype)))
