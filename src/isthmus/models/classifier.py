"""Classifier: a network trained with labels, whose last features but one are the code."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import KW_ONLY, dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
import torch
from sklearn.base import clone
from sklearn.utils import assert_all_finite, check_consistent_length, column_or_1d
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted
from torch import nn
from torch.nn import functional

from isthmus.data.images import Images, with_channels
from isthmus.data.tables import labels_of
from isthmus.data.values import ArrayLike, ImagesLike
from isthmus.estimators import ClassifierMixin
from isthmus.fitted import health
from isthmus.fitted.heldout import kept_hashes, labels_seen
from isthmus.models.modules import TakesModules
from isthmus.models.pretrained import described, narrowed, twin, with_encoder
from isthmus.nets.coders import ARCHITECTURES, encoder
from isthmus.nets.dense import ACTIVATIONS, dense
from isthmus.neural import NeuralRepresentation
from isthmus.training import Step
from isthmus.validation import one_of

CENTRED = 10_000
"""Images by which the features of another model are standardised for the head, at most."""
FEWEST_HELD = 30
"""Held-out images that tell the accuracy, at least; of fewer, the training images do."""
SCALING = ("output_", "range_", "offset_", "scale_")
"""What a fit learnt about the values of images; a copied encoder goes on with its own."""


@dataclass(eq=False, repr=False)
class Classifier(ClassifierMixin, TakesModules, NeuralRepresentation):
    r"""Encodes by the features from which a linear layer tells the classes: :math:`z = f(x)`.

    Encoder and head are trained together to minimise the mean cross-entropy
    :math:`-\log \mathrm{softmax}_y(W f(x) + b)`. It is the supervised twin of the autoencoder: the
    same encoder, with a head in place of the decoder. It can start from the encoder of another
    model, learnt without labels.

    Parameters
    ----------
    n_features : int or None
        Width of the code, at least 1; None is 20. Not used with `pretrained`.
    architecture : {"dense", "conv"}
        "dense" has dense layers only, "conv" strided convolutions before them.
    hidden : tuple of int
        Units of the dense layers before the code, at least 1 each.
    channels : tuple of int
        Filters of the convolutions, at least 1 each, 4x4 with stride 2: each halves height and
        width.
    activation : {"relu", "leaky_relu", "tanh", "sigmoid", "softmax", "linear"}
        Activation after every hidden layer.
    code_activation : {"relu", "leaky_relu", "tanh", "sigmoid", "softmax", "linear"}
        After the code.
    pretrained : fitted model, str or None
        What to start from: a model with an encoder network, such as an Autoencoder or a VAE (of
        which the mean is taken), or the file of one. The model itself is left as it is.
    encoder : torch.nn.Module or None
        In Python, one of your own that makes codes (n, k) of pictures (n, c, h, w), or of vectors
        (n, d). A copy of it learns, from the weights it has; k is the width.
    frozen : bool
        Train the head only and leave the encoder of `pretrained`, or your own, as it is.
    shift : int
        Move every training image by up to so many pixels, anew in every epoch.
    class_weight : {None, "balanced"} or dict
        Weight of every class in the loss; "balanced" gives all classes equal shares.

    Attributes
    ----------
    encoder_, head_ : torch.nn.Sequential
        The networks.
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    history_ : dict of str to list of float
        epoch, loss, accuracy and seconds after every epoch, and the same of the images held out as
        val_loss and val_accuracy.

    Raises
    ------
    ValueError
        If there are no labels or fewer than two classes, a parameter is out of its range, or
        `pretrained` has no encoder for such images.

    References
    ----------
    D. Rumelhart, G. Hinton and R. Williams, Learning representations by back-propagating errors,
    1986.
    Y. Bengio et al., Greedy layer-wise training of deep networks, 2007 (pre-training).

    Examples
    --------
    >>> import isthmus as ist
    >>> images = ist.load_images("digits")
    >>> model = ist.Classifier(16, hidden=(64,), random_state=0).fit(images.train)
    >>> model.encode(images.test).shape, model.score(images.test) > 0.9
    ((359, 16), True)
    """

    n_features: int | None = None
    _: KW_ONLY
    architecture: str = "dense"
    hidden: tuple[int, ...] = ()
    channels: tuple[int, ...] = (32, 64, 128)
    activation: str = "relu"
    code_activation: str = "relu"
    pretrained: Any = None
    encoder: nn.Module | None = None
    frozen: bool = False
    shift: int = 0
    class_weight: Any = None

    width = "n_features"
    default_width = 20
    study_rank, study_good, study_weight = 3, 500, 0.5
    needs_labels = has_encoder = True
    variants: ClassVar[dict[str, dict[str, Any]]] = {"conv": {"architecture": "conv"}}

    @classmethod
    def for_study(cls, images: Images, width: int | None = None, **parameters: Any) -> Self:
        """Return an unfitted model that suits the images, with features that cannot die.

        Of colour photographs, which lie far from 0, rectifiers left 1 or 2 of 32 alive.
        """
        given = {"code_activation": "leaky_relu"} | parameters
        return super().for_study(images, width, **given)

    def __sklearn_clone__(self) -> Classifier:
        """Return an unfitted copy; what it starts from stays fitted."""
        parameters = self.get_params(deep=False)
        pretrained = parameters.pop("pretrained")
        copied = {name: clone(value, safe=False) for name, value in parameters.items()}
        return type(self)(**copied, pretrained=pretrained)

    def _widest(self, images: Images) -> dict[str, int]:
        return {}  # labels may ask for more numbers than an image has

    def _check_parameters(self) -> None:
        super()._check_parameters()
        one_of("architecture", self.architecture, ARCHITECTURES)
        one_of("activation", self.activation, ACTIVATIONS)
        one_of("code_activation", self.code_activation, ACTIVATIONS)
        self._check_units("hidden", "channels")
        if self.shift < 0 or (self.shift and len(self.image_shape_) == 1):
            raise ValueError(f"shift={self.shift} must be at least 0, and 0 for vectors")
        if self.encoder is not None and self.pretrained is not None:
            raise ValueError("encoder= and pretrained= both say what to start from: give one")
        if self.frozen and self.pretrained is None and self.encoder is None:
            raise ValueError("frozen=True needs pretrained: a model whose encoder is kept")

    def _with_targets(self, images: Images, y: np.ndarray | None) -> Images:
        """Return the labelled images, with their classes as indices into `classes_`."""
        images, y = _with_labels(images, y)
        self.classes_, index = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(
                f"Classifier needs at least 2 classes to tell apart, got {len(self.classes_)} "
                f"class in {len(y)} labelled images"
            )
        return replace(images, y=index)

    def _with_known_targets(self, images: Images, y: np.ndarray | None) -> Images:
        images, y = _with_labels(images, y)
        if other := np.setdiff1d(y, self.classes_).tolist():
            raise ValueError(f"validation= has the class {other[0]!r}, which is not learned")
        return replace(images, y=np.searchsorted(self.classes_, y))

    def _prepare(self, images: Images) -> None:
        self._scale_to(images, "auto")
        self.n_classes_ = len(self.classes_)
        self.origin_: dict[str, Any] | None = None
        weights = compute_class_weight(
            self.class_weight, classes=self.classes_, y=self.classes_[images.y]
        )
        self.class_weights_ = (weights / weights[images.y].mean()).astype(np.float32)
        if self.pretrained is None:
            return
        model = with_encoder(self.pretrained, self.image_shape_)
        self.origin_ = described(model)
        self.n_features_ = self.origin_["width"]
        for name in SCALING:
            setattr(self, name, getattr(model, name, getattr(self, name)))
        if not hasattr(model, "output_"):  # a family of one's own, which scales no values
            self.output_ = "sigmoid"

    def _remember(self, images: Images) -> None:
        """Keep which images were learnt from, those of the model it started from included."""
        super()._remember(images)
        self.labels_seen_: int | None = len(images)
        if self.pretrained is None:
            return
        model = with_encoder(self.pretrained, self.image_shape_)
        before, labels = getattr(model, "train_hashes_", None), labels_seen(model)
        self.labels_seen_ = None if labels is None else labels + len(images)
        if before is None:  # saved by an isthmus that did not keep them
            del self.train_hashes_
        else:
            self.train_hashes_ = kept_hashes(self.train_hashes_, before)

    def networks(self) -> dict[str, nn.Module]:
        """Return the networks: see `NeuralRepresentation.networks`."""
        if self.origin_ is None:
            shape = (self.architecture, self.image_shape_, self.channels)
            n_features = self.n_features_
            net = self._own_encoder() or encoder(
                *shape, (*self.hidden, n_features), self.activation, self.code_activation
            )
        else:
            start: Any = twin(self.origin_)
            n_features = self.origin_["width"]
            net = narrowed(start.networks()["encoder_"], n_features)
        return {"encoder_": net, "head_": dense((n_features, self.n_classes_), "linear")}

    def _before(self, images: Images, rng: torch.Generator) -> None:
        """Give the encoder the weights it starts from."""
        if self.pretrained is not None:
            model = with_encoder(self.pretrained, self.image_shape_)
            start = narrowed(model.encoder_, model.code_width_)
            self.encoder_.load_state_dict(start.state_dict())
        if self._standardises():
            self.encoder_.eval()
            z = self._map(self._encode, images.evenly(CENTRED))
            self.center_ = z.mean(0)
            self.spread_ = np.maximum(z.std(0), 1e-3 * z.std(0).max() + 1e-6)
            self.encoder_.train(not self.frozen)

    def _standardises(self) -> bool:
        """Return whether the head is given standardised features: those learnt elsewhere are."""
        return self.origin_ is not None or (self.frozen and self.encoder is not None)

    def players(self) -> dict[str, list[nn.Module]]:
        """Return both networks, or the head where the encoder is to stay as it is."""
        return {"model": [self.head_] if self.frozen else [self.encoder_, self.head_]}

    def _convolves(self) -> bool:
        return any(isinstance(layer, nn.Conv2d) for layer in self.encoder_)

    def _dealt(self, order: torch.Tensor, images: Images) -> torch.Tensor:
        """Deal the classes out evenly: of each the same share is held out, of rare ones none."""
        y, place = torch.from_numpy(images.y)[order], torch.empty(len(order))
        for members in (torch.nonzero(y == c)[:, 0] for c in range(self.n_classes_)):
            place[members] = (torch.arange(len(members)) + 0.5) / len(members)
        return order[place.argsort(stable=True)]

    def _targets(self, images: Images) -> torch.Tensor:
        return torch.from_numpy(images.y)

    def losses(self, x: torch.Tensor, rng: torch.Generator, targets: Any = None) -> Iterator[Step]:
        """Yield the steps on a batch: see `NeuralRepresentation.losses`."""
        learning = torch.is_grad_enabled()
        if learning and self.shift:
            x = _shifted(x, with_channels(self.image_shape_), self.shift, rng)
        with torch.set_grad_enabled(learning and not self.frozen):
            z = self._encode(x)
        logits = self._logits(z).float()
        weights = self._learned("class_weights_", logits)
        # over the mean weight of all images: a batch of light classes counts little
        loss = functional.cross_entropy(logits, targets, weights, reduction="sum") / len(x)
        right = (logits.detach().argmax(1) == targets).float().mean()
        yield Step("model", loss, {"loss": loss, "accuracy": right})

    def _encode(self, x: torch.Tensor) -> torch.Tensor:
        return self.encoder_(self._scaled(x))

    def _logits(self, z: torch.Tensor) -> torch.Tensor:
        """Return what the head says of features; those of another model are standardised first."""
        if self._standardises():
            z = (z - self._learned("center_", z)) / self._learned("spread_", z)
        return self.head_(z)

    def _classify(self, x: torch.Tensor) -> torch.Tensor:
        return self._logits(self._encode(x)).softmax(1)

    def predict_proba(self, X: ImagesLike) -> np.ndarray:
        """Return the probability of every class for every image, (n, n_classes)."""
        check_is_fitted(self)
        return self._map(self._classify, self._check(X, reset=False))

    def predict(self, X: ImagesLike) -> np.ndarray:
        """Return the most likely label of every image, as labels were given: names, or numbers."""
        best = self.predict_proba(X).argmax(1)
        return np.asarray(self.classes_)[best]

    def score(
        self, X: ImagesLike, y: ArrayLike | None = None, sample_weight: ArrayLike | None = None
    ) -> float:
        """Return the share of the labelled images whose label is predicted.

        Parameters
        ----------
        X : Images or array of shape (n, d), (n, h, w) or (n, h, w, c)
            Images.
        y : array of shape (n,), optional
            Labels, where `X` has none.
        sample_weight : array of shape (n,), optional
            How much every image counts.
        """
        y = labels_of(X) if y is None and isinstance(X, Images) else y
        if y is None:
            raise ValueError("a score needs labels: give score(X, y), or Images with y")
        labels, predicted = column_or_1d(y), self.predict(X)
        check_consistent_length(predicted, labels)
        known = _labelled(X, labels)
        if not known.any():
            raise ValueError("a score needs at least 1 labelled image")
        weights = None if sample_weight is None else np.asarray(sample_weight)[known]
        return float(np.average((predicted == labels)[known], weights=weights))

    @property
    def code_shape_(self) -> tuple[int, ...]:
        """The shape of the code: as many numbers as the head reads."""
        return (int(self.head_[0].in_features),)

    def _health(self, images: Images) -> list[str]:
        findings = super()._health(images)
        most = np.bincount(images.y).max() / len(images)
        told = self._n_validated(len(images)) >= FEWEST_HELD
        accuracy = self.history_["val_accuracy" if told else "accuracy"][-1]
        if not accuracy > most:
            findings.append(
                f"{accuracy:.1%} are right, no more than if the most frequent class were always "
                "the answer: try another learning_rate, more epochs, or class_weight='balanced'"
            )
        z = self._map(self._encode, self.affordable(images, 2000)).astype(np.float64)
        dead = health.dead_numbers(z.mean(0), z.std(0))
        remedy = "use code_activation='leaky_relu' or a lower learning_rate"
        return findings + health.dead_code(dead, z.shape[1], "features", remedy)


def _with_labels(images: Images, y: np.ndarray | None) -> tuple[Images, np.ndarray]:
    """Return the images that have labels, and these as they were given: numbers, or names."""
    y = labels_of(images) if y is None else y
    if y is None:
        raise ValueError(
            "Classifier requires y to be passed, but the target y is None: give fit(X, y), or "
            "Images with y"
        )
    y = column_or_1d(y, warn=True)
    check_consistent_length(images, y)
    assert_all_finite(y, input_name="y")
    check_classification_targets(y)
    known = _labelled(images, y)
    return images if known.all() else images[known], y[known]


def _labelled(images: object, y: np.ndarray) -> np.ndarray:
    """Return which labels are known: -1 is none, except where the classes are -1 and 1."""
    if y.dtype.kind not in "if" and isinstance(images, Images) and images.y is not None:
        given = labels_of(images)
        y = images.y if given is not None and np.array_equal(given, y) else y
    if y.dtype.kind not in "if" or set(np.unique(y)) == {-1, 1}:
        return np.ones(len(y), dtype=bool)
    return y != -1


def _shifted(
    x: torch.Tensor, shape: tuple[int, ...], most: int, rng: torch.Generator
) -> torch.Tensor:
    """Return every image moved by a random number of pixels; its edge fills what opens."""
    h, w, _ = shape
    i = torch.arange(len(x), device=x.device).view(-1, 1, 1)
    rows, columns = (_places(len(x), side, most, rng).to(x.device) for side in (h, w))
    return x.view(-1, *shape)[i, rows[:, :, None], columns[:, None, :]].reshape(len(x), -1)


def _places(n: int, side: int, most: int, rng: torch.Generator) -> torch.Tensor:
    moved = torch.randint(-most, most + 1, (n, 1), generator=rng, device=rng.device)
    return (moved + torch.arange(side, device=rng.device)).clamp_(0, side - 1)
