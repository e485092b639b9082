"""The contract: public verbs check, convert and batch; private twins are mathematics on a batch.

A family subclasses `Representation` and writes ``_fit(images)`` and ``_encode(x)``, and where it
can ``_decode(z)`` and ``_sample(n, generator)``. A public verb exists exactly when its twin does,
so ``hasattr(model, "decode")`` answers "can it?". Twins are given float tensors on the model's
device: ``x`` is ``(n, d)`` for flat families, scaled so that uint8 0..255 is 0..1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from isthmus.contract import TWINS, Contract
from isthmus.data.fitting import loading_of
from isthmus.data.images import CHUNK_BYTES, Images, chunk_rows
from isthmus.data.like import bits_for, read_as
from isthmus.data.nodata import check_data, check_finite
from isthmus.data.numbers import KEEP
from isthmus.data.ondisk import OnDisk
from isthmus.data.values import ArrayLike, ImagesLike, as_array, as_values, to_array
from isthmus.estimators import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    available_if,
)
from isthmus.fitted import health
from isthmus.fitted.heldout import kept_hashes, part_to_train_on, row_hashes
from isthmus.signature import documented
from isthmus.system.progress import track
from isthmus.tensors import Seed, generator, readable_tensor, usual_torch
from isthmus.validation import width_of

VALUES = [np.float64, np.float32, np.uint8]
"""The types that the numbers of images are packed as."""
PASS_BYTES = 2 * 2**20
"""Size of one chunk while encoding and decoding, as float32: it stays in the processor's cache."""


def has_twin(twin: str) -> Callable[[Any], bool]:
    """Return what checks that a model has a private twin, for a public verb that needs it."""

    def check(model: Representation) -> bool:
        if hasattr(model, twin):
            return True
        raise AttributeError(f"{type(model).__name__} cannot {twin[1:]}")

    return check


@dataclass(kw_only=True, eq=False, repr=False)
class Representation(Contract, ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """What every family is: a scikit-learn estimator with the verbs fit, encode, decode, sample.

    What can be asked of it, as `can` and `code_shape_`, is in `isthmus.contract`.

    Parameters
    ----------
    random_state : int, Generator, RandomState or None
        Seed of everything random in `fit`; the global generators are never touched.
    device : str
        Where the arithmetic runs: "auto" takes a GPU if there is one, else "cpu".
    verbose : bool
        Show progress on standard error while fitting.
    """

    random_state: Any = None
    device: str = "auto"
    verbose: bool = False

    width = ""  # the parameter that says how wide the code is: "any kind of data, one parameter"
    default_width = 32  # what None stands for there, where the data allow so much
    keeps_float64 = True  # float64 in, float64 arithmetic and codes out
    _error_share = 0.0  # of the last fit, see `isthmus.fitted.health`
    asked_for: ClassVar[tuple[str, ...]] = ("_fit", "_encode")  # what a family has to have

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls.__doc__ = documented(cls)

    @classmethod
    def for_study(cls, images: Images, width: int | None = None, **parameters: Any) -> Self:
        """Return an unfitted model of a size that suits the images.

        Parameters
        ----------
        images : Images
            What it will be fitted on.
        width : int, optional
            Width of the code, where another than the default is wanted.
        **parameters
            Given to the model as they are.
        """
        widest = max(1, min(len(images), int(np.prod(images.shape[1:]))) // 2)
        return cls(**{cls.width: min(width or 32, widest)} | parameters)

    @usual_torch()
    def fit(self, X: ImagesLike, y: ArrayLike | None = None) -> Self:
        """Learn from images.

        Parameters
        ----------
        X : Images, or array, tensor or list of shape (n, d), (n, h, w) or (n, h, w, c)
            What to learn from; uint8 and booleans are read as 0..1, floats as they are, other
            integers in images by the rule of `isthmus.data.values.as_values`. Integers in vectors
            (n, d) are numbers, as everywhere in scikit-learn; uint8 alone is always 0..255. Of
            Images whose split is known only the part to train on is learnt from.
        y : ignored
            There for scikit-learn's pipelines.

        Returns
        -------
        self
        """
        part, labels = part_to_train_on(X, as_array(y))
        images = self._with_targets(self._check(part, reset=True, fewest=2), labels)
        self.range_, self.source_ = list(images.value_range), images.source
        self._learn_width(images)
        self._fit(images)
        self._error_share = self._share_of_spread(images)
        self.health_ = self._health(images)
        self.health_ += health.no_better_than_mean(self._error_share, self._remedy())
        self._remember(images)
        if len(getattr(self, "train_hashes_", ())) == 1 and health.are_the_same(images):
            self.health_ = health.all_the_same(len(images))
        return self

    def _learn_width(self, images: Images) -> None:
        """Learn how wide the code is, as ``n_components_`` of the parameter `n_components`."""
        if self.width:
            asked, limits = getattr(self, self.width), self._widest(images)
            chosen = width_of(self.width, asked, self.default_width, limits)
            setattr(self, f"{self.width}_", chosen)

    def _widest(self, images: Images) -> dict[str, int]:
        """Return what the width of the code may be at most, each limit by name."""
        return {"n_features": self.n_features_in_}

    def _remember(self, images: Images) -> None:
        """Keep what tells, of any image, whether it was learnt from."""
        self.train_hashes_ = kept_hashes(row_hashes(images))

    def _with_targets(self, images: Images, y: np.ndarray | None) -> Images:
        """Return the images with what a supervised family learns from beside them."""
        return images

    @available_if(has_twin("_encode"))
    def encode(self, X: ImagesLike) -> np.ndarray:
        """Return the code of every image.

        Returns
        -------
        ndarray of shape (n, *code_shape_)
            Indices (n,) for a codebook, vectors (n, k), or grids of them.
        """
        check_is_fitted(self)
        return self._map(self._encode, self._check(X, reset=False))

    @available_if(has_twin("_decode"))
    def decode(self, Z: ArrayLike) -> np.ndarray:
        """Return the image of every code, float, in the shape of the images fitted on."""
        check_is_fitted(self)
        flat = self._pieces(self._decode, self._check_codes(Z))
        return flat.reshape(len(flat), *self.image_shape_)

    def decode_as(self, Z: ArrayLike, shape: Sequence[int]) -> np.ndarray:
        """Return what `decode` does, for codes of images of a shape (h, w, c) or (d,)."""
        return self.decode(Z)

    @available_if(has_twin("_sample"))
    @usual_torch()
    def sample(self, n_samples: int = 1, *, random_state: Seed = None) -> np.ndarray:
        """Draw new images.

        Parameters
        ----------
        n_samples : int
            How many, at least 1.
        random_state : int, Generator, RandomState or None
            Seed of the draw.
        """
        check_is_fitted(self)
        if n_samples < 1:
            raise ValueError(f"n_samples={n_samples} must be at least 1")
        drawn: torch.Tensor = self._sample(n_samples, generator(random_state, self.device_))
        return drawn.reshape(n_samples, *self.image_shape_).cpu().numpy()

    def transform(self, X: ImagesLike) -> np.ndarray:
        """Return the codes as features (n, k): flat ones of a grid, of pixels their mean."""
        check_is_fitted(self)
        return self._map(self._features, self._check(X, reset=False))

    def _features(self, x: torch.Tensor) -> torch.Tensor:
        z: torch.Tensor = self._encode(x)
        if self.codes_pixels:
            return z.flatten(1, -2).mean(1)
        return z if z.ndim < 3 else z.flatten(1)

    @available_if(has_twin("_decode"))
    def inverse_transform(self, Z: ArrayLike) -> np.ndarray:
        """Return the image of every code; the same as `decode`."""
        return self.decode(Z)

    @available_if(has_twin("_decode"))
    @usual_torch()
    def score(self, X: ImagesLike, y: ArrayLike | None = None) -> float:
        """Return minus the mean squared error of the reconstruction: higher is better."""
        images = self._check(X, reset=False, fewest=1)
        given = (self._tensor(chunk) for chunk in images.chunks(self._rows(images)))
        wrong = (self._decode(self._encode(x)) - x for x in given)
        total = sum(float(part.double().square().sum()) for part in wrong)
        return -total / (len(images) * self.n_features_in_)

    def save(self, path: str | Path) -> None:
        """Write the fitted model to one safetensors file; `ist.load_model` reads it back."""
        from isthmus.fitted.store import save_model

        save_model(self, path)

    def _health(self, images: Images) -> list[str]:
        """Return findings about the fit in plain words, with the next thing to try."""
        return []

    def affordable(self, images: Images, most: int) -> Images:
        """Return up to this many images to measure something on after a fit."""
        return images.evenly(most)

    def _share_of_spread(self, images: Images) -> float:
        """Return the error of reconstructions as a share of what the mean image would have."""
        return health.error_share(self, images)

    def _remedy(self) -> str:
        """Return what to try where the mean image does as well as the model."""
        return f"give a larger {self.width}"

    def _check(self, X: ImagesLike, *, reset: bool, fewest: int = 0) -> Images:
        """Return `X` as finite Images of the shape fitted on; on `reset`, learn the shape."""
        name, bits = type(self).__name__, bits_for(self, X, reset)
        if not isinstance(X, Images):
            images, shape = self._check_array(as_array(X), reset, fewest, bits)
        elif len(X) < fewest:
            raise ValueError(f"{name} needs at least {fewest} images, got n_samples={len(X)}")
        else:
            images = self._gapless(X)
            shape = X.shape
            if X.dtype.kind == "f":
                check_finite(images)
        if reset:
            check_sides(name, shape)
            self.image_shape_ = tuple(int(side) for side in shape[1:])
            self.n_features_in_ = int(np.prod(self.image_shape_))
            # so that `load_images(like=)` does the same again
            self.fitting_ = loading_of(images) | {"bits": bits}
        self._check_shape(images)
        return images

    def _gapless(self, images: Images) -> Images:
        """Return images to work with, having refused such as have pixels without data."""
        check_data(images)
        return images

    def _check_array(
        self, X: ImagesLike, reset: bool, fewest: int, bits: int | None
    ) -> tuple[Images, tuple[int, ...]]:
        """Return finite Images by the rule of `as_values`, and the shape that decoded ones get.

        Tables go scikit-learn's way first.
        """
        X = to_array(X) if isinstance(X, Sequence) else X
        if getattr(X, "ndim", 2) <= 2:
            if isinstance(X, np.ndarray) and X.dtype.kind in "buif":
                X = as_values(X, value_range=KEEP)
            X = validate_data(self, X, dtype=VALUES, ensure_min_samples=fewest, reset=reset)
        array = to_array(X)
        asked, layout = (None, "auto") if reset else read_as(self, array)
        depth = {"bits": bits} if bits else {}
        images = Images(array, value_range=asked, layout=layout, loading=depth)
        large = isinstance(images.data, OnDisk)  # it is looked at in parts
        some = np.asarray(images.data[:fewest]) if large else images.data
        check_array(some, dtype=None, allow_nd=True, ensure_min_samples=fewest)
        if large:
            check_finite(images)
        return images, array.shape if array.ndim == 3 and len(images) == len(
            array
        ) else images.shape

    def _check_codes(self, Z: ArrayLike) -> torch.Tensor:
        """Return checked codes as `_decode` wants them."""
        shape: Any = tuple(side for side in self.code_shape_ if side is not None)
        codes = as_array(Z)
        if np.ndim(codes) > 1:  # of one axis scikit-learn would say how to reshape it
            codes = numbers_of(codes, [np.float64, np.float32], allow_nd=len(shape) > 1)
        if np.shape(codes)[1:] not in (shape, (int(np.prod(shape)),)):
            name = type(self).__name__
            raise ValueError(
                f"{name} has codes of {self.code_}, got an array of shape {np.shape(codes)}"
            )
        z = readable_tensor(codes).to(self.device_)
        z = z if self.keeps_float64 else z.to(torch.float32)
        return self._as_code(z)

    def _as_code(self, z: torch.Tensor) -> torch.Tensor:
        """Return codes as `_decode` wants them; those of a grid may be flat."""
        flat = len(self.code_shape_) > 1 and self.has_vectors and z.ndim == 2
        return z.unflatten(1, self.code_shape_) if flat else z

    def twin(self, verb: str) -> Callable[[torch.Tensor], torch.Tensor]:
        """Return the mathematics of a verb: from a batch of images, or of codes, as tensors.

        Examples
        --------
        >>> import isthmus as ist
        >>> pca = ist.PCA(2).fit(ist.load_images("digits"))
        >>> pca.twin("decode")(torch.zeros(3, 2)).shape
        torch.Size([3, 64])
        """
        twin = getattr(self, TWINS[verb])
        as_given = self._as_code if verb == "decode" else self._input
        return lambda x: twin(as_given(x))

    def _rows(self, images: Images) -> int:
        return max(1, chunk_rows(images.shape) * PASS_BYTES // CHUNK_BYTES)

    def _map(self, verb: Callable[[torch.Tensor], torch.Tensor], images: Images) -> np.ndarray:
        if not len(images):  # one image tells the shape and the type of the others
            low = 0 if images.dtype == np.uint8 else getattr(self, "range_", (0,))[0]
            one = np.full((1, *images.shape[1:]), low, images.dtype)
            return self._map(verb, Images(one))[:0]
        chunks = (self._tensor(chunk) for chunk in images.chunks(self._rows(images)))
        return self._gather(verb, chunks, len(images))

    def _pieces(self, verb: Callable[[torch.Tensor], torch.Tensor], Z: torch.Tensor) -> np.ndarray:
        rows = max(1, PASS_BYTES // (4 * self.n_features_in_))
        if not len(Z):
            return self._gather(verb, [Z.new_zeros((1, *Z.shape[1:]))], 1)[:0]
        return self._gather(verb, Z.split(rows), len(Z))

    @usual_torch()
    def _gather(
        self, verb: Callable[..., Any], chunks: Iterable[torch.Tensor], n: int
    ) -> np.ndarray:
        result, start = np.empty(0), 0
        for x in chunks:
            out = verb(x).cpu().numpy()
            if not start:
                result = np.empty((n, *out.shape[1:]), dtype=out.dtype)
            result[start : start + len(out)] = out
            start += len(out)
        return result

    def _tensor(self, chunk: np.ndarray) -> torch.Tensor:
        """Return a packed chunk as the twins want it: a float tensor on the device."""
        return self._input(readable_tensor(chunk).to(self.device_))

    def _input(self, x: torch.Tensor) -> torch.Tensor:
        """Return packed values as floats (n, d), uint8 scaled to 0..1."""
        x = x.flatten(1)
        if x.dtype == torch.uint8:
            return x.to(torch.float32).div_(255)
        return x if self.keeps_float64 else x.to(torch.float32)

    def _tensors(self, images: Images) -> Iterator[torch.Tensor]:
        """Yield large chunks for the statistics that `fit` adds up."""
        size = chunk_rows(images.shape)
        total = -(-len(images) // size)
        for chunk in track(images.chunks(size), type(self).__name__, total, self.verbose):
            yield self._tensor(chunk)

    def _learned(self, name: str, like: torch.Tensor) -> torch.Tensor:
        """Return a learned array as a tensor of the type and device of `like`."""
        return torch.from_numpy(getattr(self, name)).to(like)


def check_sides(name: str, shape: tuple[int, ...]) -> None:
    """Refuse images that have no pixels."""
    if 0 in shape[1:]:
        raise ValueError(
            f"{name} needs images of at least one value, got shape={tuple(shape)}: 0 feature(s)"
        )


def numbers_of(Z: ArrayLike, dtype: list[Any], **options: Any) -> np.ndarray:
    """Return codes, however they are given and be they none, as an array of finite numbers."""
    codes: np.ndarray = check_array(as_array(Z), dtype=dtype, ensure_min_samples=0, **options)
    return codes
