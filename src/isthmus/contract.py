"""What can be asked of a model about itself: what it can do, and what its codes are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import MethodType
from typing import Any, ClassVar

import numpy as np
import torch
from torch import nn

from isthmus.data.images import Images, with_channels
from isthmus.tensors import find_device

TWINS = {
    "encode": "_encode",
    "decode": "_decode",
    "sample": "_sample",
    "predict_proba": "_classify",
}
"""The mathematics of public verbs, on a batch of tensors."""
OF_WHOLES = ("sample", "finetune", "locate", "elbo", "log_likelihood")
"""What a model of grids of any size cannot do, though its family can: these are of images."""
FACTS = {"segment": "codes_pixels", "finetune": "has_encoder"}
"""Class attributes that say whether a verb of `isthmus.verbs` has something to work on."""


class _Asked:
    """A method that a class answers as its instances do."""

    def __init__(self, answer: Callable[..., Any]):
        self.answer, self.__doc__ = answer, answer.__doc__

    def __get__(self, model: object, cls: type) -> Callable[..., Any]:
        return MethodType(self.answer, cls if model is None else model)


class Contract:
    """Mixin of every model: the only place that knows the kinds of codes, and who can what.

    A family whose code is not a vector says so by `code_shape_`, and by `codes_pixels` if every
    pixel has one; all the rest follows. Codes of a grid of one size are flattened by `transform`
    and `isthmus.latent.codes`, and `decode` takes them flat or as they are: all verbs work on
    them. Those of a grid of any size are `pooled`, and `decode` takes them as they are.

    Attributes
    ----------
    code_shape_ : tuple
        Shape of the code of one image: () of an index, (k,) of a vector, (rows, columns, k) of a
        grid, (rows, columns) of a grid of indices; with None for rows and columns where images may
        be of any size, as where every pixel or patch of one has a code.
    code_kind_ : {"index", "vector", "grid", "indices", "pixels"}
        The same in a word; "indices" is a grid of them.
    code_width_ : int
        Features that `transform` gives: the numbers of a vector, a grid or a pixel's code; of a
        grid of any size mean and deviation of each number; of indices the prototypes, to each of
        which there is a distance, or of which a grid has a share.
    code_ : str
        The code of one image in words.
    prototypes_ : ndarray of shape (code_width_, d)
        What every index stands for; there where these are of images or of patches. If they lie on
        a map, ``can("locate")`` is true, and ``grid_`` its rows and columns.
    cell : int or None
        Side in pixels of what has a code each, where images of any size have grids of codes.
    any_size : bool
        Whether images of other sizes than those fitted on are taken as well.
    has_vectors : bool
        Whether a code is a vector, or a grid that becomes one: `decode` takes it as such.
    class_labels_ : list or None
        The classes that `predict` tells apart; None where it tells none.
    device_ : torch.device
        Where the arithmetic runs.
    networks_ : dict of str to torch.nn.Module
        The fitted networks by the names of their attributes.
    settings : dict
        Its own parameters by name, without those of what it is made of.
    convolves, starts_linear : bool
        Whether neighbouring pixels share weights, and networks begin at principal components, as
        its parameters stand.
    kl_, code_mean_, code_deviation_ : ndarray of shape (code_width_,) or None
        Of every latent dimension: its KL divergence from the prior, and what it was on training
        images, where the family learns that.

    Examples
    --------
    >>> import isthmus as ist
    >>> ist.PCA.can("decode"), ist.PCA(2).can("predict"), ist.SOM.can("locate")
    (True, False, True)
    >>> ist.KMeans(4).fit(ist.load_images("digits")).code_shape_
    ()
    """

    codes_pixels = False  # every pixel has a code
    patch = None  # type: Any  # side of the patches that have a code each, one by one
    needs_labels = False  # whether `fit` asks for labels
    learns_maps = needs_positive = False  # label maps, and values of 0 and more
    encodes_by_search = False  # `encode` goes on until it has settled: no formula to export
    has_encoder = False  # a network that maps an image to a vector, to go on learning from
    has_standard_prior = False  # codes are meant to follow N(0, I)
    kl_ = code_mean_ = code_deviation_ = None  # type: Any
    study_rank, study_weight, study_cost = 2, 1.0, 1.0  # see `isthmus.studies.needs`
    study_steps = 0  # of gradients, as a rule; 0 of a closed form
    variants: ClassVar[dict[str, dict[str, Any]]] = {}  # further rows of a study: name, parameters

    @_Asked
    def can(self: Any, verb: str) -> bool:
        """Return whether a model, or any model of a class, can do something.

        Parameters
        ----------
        verb : str
            "encode", "decode", "sample", "predict", "predict_proba", "locate", "elbo" or another
            method; "segment", if every pixel has a code; "finetune", if a classifier can go on
            from its encoder.
        """
        if verb in OF_WHOLES and not isinstance(self, type) and self.cell is not None:
            return False
        # a class has all public verbs, and its instances only those whose twins it has
        twins = TWINS if isinstance(self, type) else {}
        return bool(getattr(self, (twins | FACTS).get(verb, verb), False))

    def parts(self) -> dict[str, np.ndarray]:
        """Return what the model learned that can be drawn, each an array of images."""
        return {}

    def planes(self) -> dict[str, np.ndarray]:
        """Return what the model learned as numbers on a grid, each of shape (rows, columns)."""
        return {}

    @property
    def code_shape_(self: Any) -> tuple[int | None, ...]:
        """Shape of the code of one image; () of an index, None where any number will do."""
        width = int(getattr(self, f"{self.width}_"))
        return (None, None, width) if self.any_size else (width,)

    def code_shape_of(self, shape: Sequence[int]) -> tuple[int, ...]:
        """Return the shape of the code of an image of a shape: of pixels, as high and wide."""
        sides = iter(shape)
        return tuple(next(sides) if side is None else side for side in self.code_shape_)

    @property
    def cell(self) -> int | None:
        """Side in pixels of what has a code each, where images of any size have grids of codes."""
        side: int | None = self.patch
        return side

    @property
    def any_size(self) -> bool:
        """Whether images of other sizes than those fitted on are taken as well."""
        return self.codes_pixels or self.cell is not None

    @property
    def code_kind_(self) -> str:
        """The kind of the code: "index", "vector", "grid", "indices" or "pixels"."""
        if self.codes_pixels:
            return "pixels"
        return {0: "index", 1: "vector", 2: "indices"}.get(len(self.code_shape_), "grid")

    @property
    def has_vectors(self) -> bool:
        """Whether a code is a vector of numbers, or a grid that `decode` takes as one."""
        return self.code_kind_ in ("vector", "grid") and None not in self.code_shape_

    @property
    def code_width_(self) -> int:
        """How many features `transform` gives."""
        known = int(np.prod([side for side in self.code_shape_ if side is not None]))
        return 2 * known if self.code_kind_ == "grid" and not self.has_vectors else known

    def pooled(self, codes: np.ndarray) -> np.ndarray:
        """Return what `encode` gave as one index, or one row of features, an image.

        A grid of one size is flattened. One of any size is mean and deviation of each number, one
        of indices the share of each, codes of pixels are their mean.

        Examples
        --------
        >>> import isthmus as ist
        >>> model = ist.KMeans(4, patch=4, random_state=0).fit(ist.load_images("digits"))
        >>> model.pooled(np.array([[[0, 0], [1, 3]]]))
        array([[0.5 , 0.25, 0.  , 0.25]], dtype=float32)
        """
        kind = self.code_kind_
        if kind == "pixels":
            return np.asarray(codes.mean((1, 2)))
        if kind == "indices":
            n, k, cells = len(codes), self.code_width_, int(np.prod(codes.shape[1:]))
            own = codes.reshape(n, cells) + k * np.arange(n)[:, None]  # indices of each its own
            counts = np.bincount(own.ravel(), minlength=n * k).reshape(n, k)
            return (counts / np.float32(cells)).astype(np.float32)
        if kind == "grid" and not self.has_vectors:
            return np.concatenate([codes.mean((1, 2)), codes.std((1, 2))], axis=1)
        return codes.reshape(len(codes), -1) if kind == "grid" else codes

    @property
    def seen_width_(self) -> int | None:
        """How many numbers an image that it learnt from has; None where that varies."""
        return getattr(self, "n_features_in_", None)

    @property
    def code_(self) -> str:
        """The code of one image in words."""
        sides = " x ".join(str(side) for side in self.code_shape_ if side is not None)
        return f"{sides} numbers" + " a pixel" * self.codes_pixels + self._a_patch

    @property
    def _a_patch(self) -> str:
        """What a code is of, where that is no whole image."""
        side = self.cell
        what = "patch" if self.patch is not None else "cell"
        return "" if side is None else f" a {what} of {side}x{side}"

    def _check_shape(self, images: Images) -> None:
        """Refuse images of another shape than those fitted on."""
        name, fitted_on = type(self).__name__, vars(self)["image_shape_"]
        known = with_channels(fitted_on)
        if self.any_size and images.ndim == 2:
            raise ValueError(
                f"{name} needs images (n, h, w) or (n, h, w, c), got vectors of "
                f"{images.shape[1]} numbers: reshape them to images"
            )
        free = 2 if self.any_size else 0
        if with_channels(images.shape[1:])[free:] != known[free:]:
            advice = "load them with the same size and colour as the training images"
            raise ValueError(
                f"{name} was fitted on images of shape {fitted_on}, got "
                f"{images.shape[1:]}; "
                + (f"any height and width will do, with {known[-1]} channels" if free else advice)
            )

    @property
    def settings(self: Any) -> dict[str, Any]:
        """The parameters of the model itself by name."""
        return dict(self.get_params(deep=False))

    @property
    def convolves(self) -> bool:
        """Whether neighbouring pixels share weights."""
        return self.learns_maps or self.settings.get("architecture") == "conv"

    @property
    def starts_linear(self) -> bool:
        """Whether networks begin at principal components."""
        return False

    @property
    def class_labels_(self: Any) -> list[Any] | None:
        """The classes that `predict` tells apart, None where it tells none."""
        return self.classes_.tolist() if hasattr(self, "classes_") else None

    @property
    def device_(self: Any) -> torch.device:
        """Where the arithmetic runs."""
        return find_device(self.device)

    @property
    def networks_(self) -> dict[str, nn.Module]:
        """The fitted networks by the names of their attributes."""
        return {k: v for k, v in vars(self).items() if isinstance(v, nn.Module)}

    @property
    def _n_features_out(self) -> int:
        return self.code_width_  # which is how scikit-learn asks
