"""PixelNet: a few attributes for every pixel, and from them its class or the image."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import KW_ONLY, dataclass, replace
from typing import Any, Self

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted
from torch import nn
from torch.nn import functional

from isthmus.base import has_twin, numbers_of
from isthmus.data.images import Images, with_channels
from isthmus.data.label_maps import NO_CLASS, without_class
from isthmus.data.nodata import filled
from isthmus.data.values import ArrayLike, ImagesLike
from isthmus.estimators import available_if
from isthmus.fitted import health
from isthmus.nets.fused import INVERSES, OUTPUTS
from isthmus.nets.pixels import (
    PIXELS,
    in_tiles,
    pixel_encoder,
    pixel_head,
    varied,
    weights_of_classes,
)
from isthmus.neural import NeuralRepresentation
from isthmus.training import Fused, Step
from isthmus.validation import one_of

STUDY_PIXELS = 10_000_000
"""Pixels that a study trains on."""
HEALTH_PIXELS = 2**20
"""Pixels of the training images that the findings about a fit are made on."""


@dataclass(eq=False, repr=False)
class PixelNet(NeuralRepresentation):
    r"""Encodes every pixel by a convolutional network: :math:`a = f(x)`, (h, w, k) numbers.

    A second, small network reads the attributes. Where there are label maps it gives the class of
    every pixel, minimising the mean over pixels p of :math:`-w_{y_p} \log \mathrm{softmax}_{y_p}
    g(a)_p`; where there are none it gives the image back, minimising :math:`\|x - g(a)\|^2`.
    Images may have any height and width, and others than those fitted on; large ones are worked on
    tile by tile.

    Parameters
    ----------
    n_attributes : int or None
        Numbers for every pixel, at least 1; None is 20.
    channels : int
        Filters of every convolution, at least 1; the transposed ones have twice as many.
    target : {"auto", "classes", "image"}
        What is learnt from the attributes: "classes", the label maps, or "image"; "auto" takes the
        label maps where there are any.
    ignored_class : int or None
        A class, its number from 0, whose pixels are not learnt from and that is never predicted;
        None takes what the images say. Pixels of 255 have no class in any case.
    class_weight : {None, "balanced"} or tuple of float
        Weight of every class in the loss, at least 0; "balanced" is the median frequency of all
        classes divided by that of the class, so that rare classes count as much as frequent ones.
    crop : int or None
        Side in pixels, at least 1, of the square that is cut from every training image anew in
        every epoch.
    flip : bool
        Mirror half of the training images, left to right.

    Attributes
    ----------
    encoder_, head_ : torch.nn.Module
        The networks, from the image to the attributes and from these on.
    supervised_ : bool
        Whether it learnt label maps.
    n_classes_ : int
        How many classes there are; 0 where it learnt images.
    map_classes_ : list of str or None
        Their names, where the images have said them.
    history_ : dict of str to list of float
        epoch, loss, seconds and with label maps accuracy after every epoch, and the same of the
        images held out as val_loss and val_accuracy.

    Raises
    ------
    ValueError
        If images are vectors, label maps have another size or unknown classes, all their pixels
        are to be ignored, or a weight is negative.

    References
    ----------
    J. Long, E. Shelhamer and T. Darrell, Fully convolutional networks for semantic segmentation,
    2015.
    D. Eigen and R. Fergus, Predicting depth, surface normals and semantic labels with a common
    multi-scale convolutional architecture, 2015 (median frequency balancing).

    Examples
    --------
    >>> import isthmus as ist
    >>> X = np.random.default_rng(0).integers(0, 256, (20, 12, 10, 3), dtype=np.uint8)
    >>> reddish = (X[..., 0] > X[..., 1]).astype(np.uint8)
    >>> model = ist.PixelNet(4, channels=8, epochs=2, random_state=0).fit(X, reddish)
    >>> model.encode(X).shape, model.predict(X).shape
    ((20, 12, 10, 4), (20, 12, 10))
    """

    n_attributes: int | None = None
    _: KW_ONLY
    channels: int = 64
    target: str = "auto"
    ignored_class: int | None = None
    class_weight: Any = None
    crop: int | None = None
    flip: bool = False
    batch_size: int = 4
    init: str = "he_normal"

    width, default_width = "n_attributes", 20
    learns_maps, study_rank = True, 3
    codes_pixels = True

    @classmethod
    def for_study(cls, images: Images, width: int | None = None, **parameters: Any) -> Self:
        """Return an unfitted model of few channels, trained on about 10 million pixels."""
        area = int(np.prod(images.shape[1:3]))
        batch = min(128, max(1, 2**14 // area))
        steps = max(100, STUDY_PIXELS // (batch * area))
        epochs = min(300, -(-steps * batch // len(images)))
        given = {"channels": 16, "batch_size": batch, "epochs": epochs, "max_steps": steps}
        return cls(width, **given | parameters)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array, tags.input_tags.three_d_array = False, True
        return tags

    def _widest(self, images: Images) -> dict[str, int]:
        return {}  # as many as are asked for

    def _check_parameters(self) -> None:
        super()._check_parameters()
        for name, value in (("channels", self.channels), ("crop", self.crop)):
            if value is not None and value < 1:
                raise ValueError(f"{name}={value} must be at least 1")

    def _gapless(self, images: Images) -> Images:
        return filled(images)

    def _with_targets(self, images: Images, y: np.ndarray | None) -> Images:
        """Return the images with the label maps to learn, if any; labels of images are no maps."""
        one_of("target", self.target, ("auto", "classes", "image"))
        maps = images.label_maps if y is None or np.ndim(y) == 1 else np.asarray(y)
        if maps is None and self.target == "classes":
            raise ValueError(
                "target='classes' needs label maps: y of (n, h, w), or Images with label_maps"
            )
        ignored = images.ignored_class if self.ignored_class is None else self.ignored_class
        maps = None if self.target == "image" else maps
        return replace(images, label_maps=maps, ignored_class=ignored)

    def _with_known_targets(self, images: Images, y: np.ndarray | None) -> Images:
        maps = images.label_maps if y is None else np.asarray(y)
        if self.supervised_ and maps is None:
            raise ValueError("validation= needs label maps: give Images with them, or (X, y)")
        return replace(images, label_maps=maps if self.supervised_ else None)

    def _prepare(self, images: Images) -> None:
        self._scale_to(images, "auto")
        output = self.output_
        self._scale_to(images, "linear")
        self.output_ = output
        self.supervised_ = images.label_maps is not None
        self.n_classes_, self.map_classes_, self.ignored_ = (
            0,
            images.map_classes,
            images.ignored_class,
        )
        if self.supervised_:
            counts = self._counted(images)
            self.class_weights_ = weights_of_classes(self.class_weight, counts, self.ignored_)

    def _counted(self, images: Images) -> np.ndarray:
        """Return how many pixels every class has, none for the ignored one; learn how many."""
        counts = np.zeros(256, dtype=np.int64)
        for maps in images.label_maps:
            counts += np.bincount(maps.ravel(), minlength=256)
        counts[self._unlearnt] = 0
        if not counts.any():
            raise ValueError(f"all pixels are of the ignored class {self.ignored_}: give others")
        known = images.map_classes
        self.n_classes_ = int(counts.nonzero()[0][-1]) + 1 if known is None else len(known)
        return counts[: self.n_classes_]

    @property
    def _unlearnt(self) -> list[int]:
        return [NO_CLASS] if self.ignored_ is None else [NO_CLASS, self.ignored_]

    def networks(self) -> dict[str, nn.Module]:
        """Return the networks: see `NeuralRepresentation.networks`."""
        n_in = with_channels(self.image_shape_)[2]
        return {
            "encoder_": pixel_encoder(n_in, self.channels, self.n_attributes_),
            "head_": pixel_head(self.n_attributes_, self.n_classes_ or n_in),
        }

    def _convolves(self) -> bool:
        return True

    def _input(self, x: torch.Tensor) -> torch.Tensor:
        """Return packed images as pictures (n, c, h, w), the channels last in memory."""
        return super()._input(x).view(x.shape).permute(0, 3, 1, 2)

    def _targets(self, images: Images) -> torch.Tensor | None:
        if not self.supervised_:
            return None
        # while fitting, pixels of the ignored class are of 255 too
        maps, ignored = torch.from_numpy(np.array(images.label_maps)), self.ignored_
        return maps if ignored is None else maps.masked_fill_(maps == ignored, NO_CLASS)

    def _before(self, images: Images, rng: torch.Generator) -> None:
        # so deep a network would run past the mean, to where all is black and gradients end
        if not self.supervised_:
            mean = super()._scaled(torch.tensor(self.offset_))
            self.head_.bias.data.fill_(INVERSES[self.output_](mean).item())

    def losses(self, x: torch.Tensor, rng: torch.Generator, targets: Any = None) -> Iterator[Step]:
        """Add up the gradients of a few images at a time: a batch of large ones needs no more."""
        learning = torch.is_grad_enabled()
        x, t = varied(x, targets, self.crop, self.flip, rng) if learning else (x, targets)
        loss_of: Any = self._image_loss if t is None else self._class_loss
        whole = x.numel() if t is None else self._weight_of(t)
        size = max(1, PIXELS // (x.shape[2] * x.shape[3]))
        total: dict[str, torch.Tensor] = {}
        for i in range(0, len(x), size):
            logs = loss_of(x[i : i + size], None if t is None else t[i : i + size], whole)
            if learning:
                logs["loss"].backward()
            total = {k: v.detach() + total.get(k, 0) for k, v in logs.items()}
        yield (Fused if learning else Step)("model", total["loss"], total)

    def _class_loss(
        self, x: torch.Tensor, t: torch.Tensor, whole: dict[str, torch.Tensor]
    ) -> dict[str, torch.Tensor]:
        logits = self.head_(self._attributes(x)).permute(0, 2, 3, 1)
        logits, t = logits.reshape(-1, self.n_classes_).float(), t.reshape(-1).long()
        weights = self._learned("class_weights_", logits)
        loss = functional.cross_entropy(
            logits, t, weights, ignore_index=NO_CLASS, reduction="sum"
        ).div(whole["weight"])
        right = (logits.detach().argmax(1) == t).sum() / whole["pixels"]
        return {"loss": loss, "accuracy": right}

    def _weight_of(self, t: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return the weight and the number of pixels that are learnt from, at least 1."""
        counts = torch.bincount(t.flatten(), minlength=256)[: self.n_classes_]
        weight = (counts * self._learned("class_weights_", counts.float())).sum()
        return {"weight": weight.clamp(min=1e-9), "pixels": counts.sum().clamp(min=1)}

    def _image_loss(self, x: torch.Tensor, t: None, whole: float) -> dict[str, torch.Tensor]:
        y = OUTPUTS[self.output_](self.head_(self._attributes(x)).float())
        target = super()._scaled(x)
        return {"loss": functional.mse_loss(y, target, reduction="sum") / whole}

    def _scaled(self, x: torch.Tensor) -> torch.Tensor:
        """Return images centred and scaled by one number each: a deep network learns sooner."""
        return (x - self.offset_) / self.scale_

    def _attributes(self, x: torch.Tensor) -> torch.Tensor:
        return self.encoder_(self._scaled(x))

    def _encode(self, x: torch.Tensor) -> torch.Tensor:
        return in_tiles(self._attributes, x).permute(0, 2, 3, 1)

    def _classes(self, x: torch.Tensor) -> torch.Tensor:
        logits = self.head_(self._attributes(x))
        if self.ignored_ is not None and self.ignored_ < self.n_classes_:
            logits[:, self.ignored_] = -torch.inf
        return logits.argmax(1, keepdim=True).to(torch.uint8)

    @property
    def _predict(self) -> Callable[[torch.Tensor], torch.Tensor]:
        return self._where(True, lambda x: in_tiles(self._classes, x)[:, 0])

    @property
    def _decode(self) -> Callable[[torch.Tensor], torch.Tensor]:
        return self._where(False, lambda z: in_tiles(self._pictured, z).permute(0, 2, 3, 1))

    def _pictured(self, z: torch.Tensor) -> torch.Tensor:
        return self._image(self.head_(z))

    def _where(self, supervised: bool, twin: Callable[..., Any]) -> Callable[..., Any]:
        """Return a twin, or say that it is not there: which one it is depends on the fit."""
        if getattr(self, "supervised_", supervised) != supervised:
            raise AttributeError(
                "it learnt label maps" if self.supervised_ else "it learnt images"
            )
        return twin

    @available_if(has_twin("_predict"))
    def predict(self, X: ImagesLike) -> np.ndarray:
        """Return label maps: the most likely class of every pixel, uint8 (n, h, w)."""
        check_is_fitted(self)
        return self._map(self._predict, self._check(X, reset=False))

    @available_if(has_twin("_decode"))
    def decode(self, Z: ArrayLike) -> np.ndarray:
        """Return the images of attributes (n, h, w, k), of any height and width."""
        check_is_fitted(self)
        codes = self._check_codes(Z)
        size = max(1, PIXELS // max(1, codes.shape[2] * codes.shape[3]))
        back = self._gather(self._decode, codes.split(size), len(codes))
        return back.reshape(*back.shape[:3], *self.image_shape_[2:])

    def score(self, X: ImagesLike, y: ArrayLike | None = None) -> float:
        """Return the share of pixels predicted right, or minus the mean squared error.

        Parameters
        ----------
        X : Images or array of shape (n, h, w) or (n, h, w, c)
            Images.
        y : array of shape (n, h, w), optional
            Label maps, where `X` has none.
        """
        check_is_fitted(self)
        images = self._check(X, reset=False, fewest=1)
        if not self.supervised_:
            return -float(self._map(self._squared_error, images).mean(dtype=np.float64))
        if y is not None:
            images = replace(images, label_maps=y, ignored_class=self.ignored_)
        if images.label_maps is None:
            raise ValueError("a score needs label maps: score(X, y), or Images with label_maps")
        known = ~without_class(images.label_maps, self.ignored_)
        return float((self.predict(images) == images.label_maps)[known].mean())

    def _squared_error(self, x: torch.Tensor) -> torch.Tensor:
        back = in_tiles(lambda x: self._pictured(self._attributes(x)), x)
        return (back - x).square().mean((1, 2, 3))

    @property
    def class_labels_(self) -> list[str] | None:
        """The classes of label maps, None where images were learnt."""
        unnamed = [f"class {i}" for i in range(self.n_classes_)]
        return list(self.map_classes_ or unnamed) if self.n_classes_ else None

    def _check_codes(self, Z: ArrayLike) -> torch.Tensor:
        Z = numbers_of(Z, [np.float32], allow_nd=True, ensure_2d=False)
        if Z.ndim != 4 or Z.shape[3] != self.n_attributes_:
            raise ValueError(
                f"PixelNet has codes of {self.code_}, (n, h, w, k); got an array of {Z.shape}"
            )
        return self._as_code(torch.from_numpy(np.ascontiguousarray(Z)).to(self.device_))

    def _as_code(self, z: torch.Tensor) -> torch.Tensor:
        return z.permute(0, 3, 1, 2)

    def _together(self, batch: int) -> float:
        area = int(np.prod(self.image_shape_[:2]))
        part = min(self.crop**2, area) if self.crop else area
        return min(batch, max(1, PIXELS // part)) * part / area

    def _rows(self, images: Images) -> int:
        return max(1, PIXELS // int(np.prod(images.shape[1:3])))

    def _health(self, images: Images) -> list[str]:
        findings = super()._health(images)
        some = self.affordable(images, max(2, HEALTH_PIXELS // int(np.prod(images.shape[1:3]))))
        a = self.encode(some)
        dead = health.dead_numbers(a.mean((0, 1, 2)), a.std((0, 1, 2)))
        remedy = "use a lower learning_rate, or another random_state"
        findings += health.dead_code(dead, self.n_attributes_, "attributes", remedy)
        return findings + (self._missed(some) if self.supervised_ else [])

    def _missed(self, images: Images) -> list[str]:
        """Name the classes that occur in images and are never predicted there."""
        there = set(np.unique(images.label_maps).tolist()) - set(self._unlearnt)
        missed = sorted(there - set(np.unique(self.predict(images)).tolist()))
        if not missed:
            return []
        names = images.map_classes or [str(i) for i in range(256)]
        return [
            f"never predicted: class {', '.join(names[i] for i in missed)}; give it more epochs, "
            "or class_weight='balanced'"
        ]
