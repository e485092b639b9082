"""One rule for what the numbers of images are read as, of every type and from every container."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from isthmus.data.depth import depth_of, scaled
from isthmus.data.numbers import (
    BYTES,
    KEEP,
    LOOKED_AT,
    UNIT,
    Asked,
    are_bytes,
    are_dark_bytes,
    are_whole_bytes,
    beyond,
    check_value_range,
    ends_of,
    is_sampled,
    stretched,
)
from isthmus.data.ondisk import Held, OnDisk
from isthmus.data.pillow_pictures import pixels_of

if TYPE_CHECKING:
    import torch
    from numpy.typing import ArrayLike as Numbers

    from isthmus.data.images import Images

ArrayLike: TypeAlias = "Numbers | Sequence[object]"
"""An array, a tensor, a table, or a list of numbers or of pictures."""
ImagesLike: TypeAlias = "Images | ArrayLike"
"""Images, or what can become some."""
Pixels: TypeAlias = "Images | np.ndarray"
"""Images, or an array of them: what has a length, a shape and parts."""

EXACT = 2**24
"""Up to here float32 holds every whole number."""


def as_values(
    X: ImagesLike,
    dtype: str = "float32",
    source: str = "array",
    bits: int | None = None,
    value_range: Asked | None = None,
) -> np.ndarray:
    """Return the numbers of an array, tensor or list as native uint8, float32 or float64.

    The rule. uint8 is kept: 0 to 255 stand for 0 to 1. Booleans become 0 and 255. uint16 images,
    (n, h, w) or (n, h, w, c), are scaled by the depth of the set: 0 to ``2 ** bits - 1`` stand for
    0 to 1, with the smallest of 8, 10, 12, 14 and 16 bits that holds all of them. Numbers of any
    other type that lie from 0 to 255, some above 127, are taken for bytes: 0 to 255 stand for 0 to
    1, and whole ones become uint8; of vectors (n, d), which may be any table, only whole numbers
    of at least 64 columns. All others keep their numbers, uint16 vectors too: integers as float32
    where that holds them, else as float64; vectors of more than 16 bits are float64, as
    scikit-learn has them; floats as float32 up to 32 bits, else as float64. `value_range` says
    otherwise.

    Parameters
    ----------
    X : array, tensor, or list of pictures of one size
        Of any byte order and memory layout, on any device.
    dtype : {"float32", "uint8"}
        What uint16 images are scaled to: from 0 to 1, or 0 to 255.
    source : str
        What a message calls it.
    bits : int, optional
        Of uint16 images, where the depth is known.
    value_range : (float, float) or {"auto", "keep"}, optional
        The numbers that become 0 and 1; what lies beyond is cut off. "keep" leaves numbers of all
        types but uint8 and booleans as they are.

    Raises
    ------
    ValueError
        If these are no real numbers, or of pictures of different sizes.

    Examples
    --------
    >>> as_values(np.array([[[False, True]]])).tolist()
    [[[0, 255]]]
    >>> as_values(np.array([[[0, 65535]]], dtype=np.uint16)).tolist()
    [[[0.0, 1.0]]]
    >>> as_values(np.array([[[-3, 300]]])).dtype
    dtype('float32')
    """
    array = to_array(X, source)
    kind = array.dtype.kind
    if kind not in "buif":
        raise ValueError(
            f"{source} holds values of type {array.dtype}: expected numbers, that is integers, "
            "floats or booleans"
        )
    asked: Asked | None = range_asked(array, value_range)["value_range"]
    if isinstance(array, OnDisk):
        return _in_parts(array, dtype, source, bits, asked)
    if isinstance(asked, list):
        return stretched(array, asked[0], asked[1], clip=True)
    if kind == "b":
        return array.astype(np.uint8) * np.uint8(255)
    if array.dtype == np.uint8:
        return array
    if is_deep(array) and asked != KEEP:
        return scaled(array, bits, dtype)
    return array.astype(_float_for(array), copy=False)


def _in_parts(
    array: OnDisk, dtype: str, source: str, bits: int | None, asked: Asked | None
) -> Any:
    """Return an array that stays in its file, each part read by the rule when it is asked for."""
    kind, bits = _packed_type(array, dtype, asked), bits or depth_if_deep(array)
    if array.dtype == kind and not isinstance(asked, list):
        return array

    def read(rows: np.ndarray) -> np.ndarray:
        values = as_values(rows, dtype, source, bits, asked)
        if values.dtype == np.uint8 and kind == np.float32:  # all of this part are whole
            return values / np.float32(255)
        return values.astype(kind, copy=False)

    return array.through(read, array.shape[1:], kind, (bits, asked, dtype))


def _packed_type(array: OnDisk, dtype: str, asked: object) -> np.dtype[Any]:
    """Return the type that all parts of an array become."""
    if isinstance(asked, list):
        whole = tuple(asked) == BYTES and are_whole_bytes(array)
        return np.dtype(np.uint8 if whole else np.float32)
    if array.dtype.kind == "b" or array.dtype == np.uint8:
        return np.dtype(np.uint8)
    return np.dtype(dtype if is_deep(array) and asked != KEEP else _float_for(array))


def range_asked(
    array: Held, value_range: Asked | None = None, fresh: bool = True
) -> dict[str, Any]:
    """Return how numbers are to be read, as `Images.loading` notes it.

    Parameters
    ----------
    array : ndarray or OnDisk
        Of numbers of any type.
    value_range : (float, float) or {"auto", "keep"}, optional
        See `as_values`.
    fresh : bool
        Whether they were not read before: else nothing is guessed.

    Returns
    -------
    dict
        ``value_range`` is [black, white], "keep", or None where the type says it; ``range_by`` is
        "given", "type" or "guess"; ``bits`` of uint16 images; ``clipped`` how many are cut off;
        ``looked_at`` how many numbers a guess has seen, where these are not all.

    Examples
    --------
    >>> range_asked(np.array([[[0, 255]]]))
    {'value_range': [0.0, 255.0], 'range_by': 'guess'}
    """
    asked = check_value_range(value_range)
    if not isinstance(asked, str):
        cut = beyond(array, *asked)
        return {"value_range": list(asked), "range_by": "given"} | (
            {"clipped": cut} if cut else {}
        )
    if array.dtype.kind == "b" or array.dtype == np.uint8:
        return {"value_range": None, "range_by": "type"}
    if asked == KEEP:
        return {"value_range": KEEP, "range_by": "given"}
    if is_deep(array):
        return {"value_range": None, "range_by": "type", "bits": depth_if_deep(array)}
    found = fresh and (are_dark_bytes if asked == UNIT else are_bytes)(array)
    seen = {"looked_at": LOOKED_AT} if found and is_sampled(array) else {}
    return {"value_range": [0.0, 255.0] if found else KEEP, "range_by": "guess"} | seen


def to_array(X: object, source: str = "array") -> np.ndarray:
    """Return tensors, lists and pictures as an array, of whatever type that is."""
    array = as_array(X)
    if isinstance(array, np.memmap | OnDisk):
        return array  # type: ignore[return-value]
    try:
        return np.asarray(array)
    except (ValueError, TypeError) as error:  # lists of unequal length, and what is no data
        raise ValueError(f"{source} is no array of numbers: {error}") from None


def is_deep(array: object) -> bool:
    """Return whether these are 16-bit images: unsigned, and no vectors."""
    is_one = isinstance(array, np.ndarray | OnDisk)
    return is_one and array.dtype.str[1:] == "u2" and array.ndim > 2  # type: ignore[attr-defined]


def depth_if_deep(array: Held) -> int | None:
    """Return how many bits 16-bit images need, None for anything else."""
    return depth_of(int(ends_of(array)[1])) if is_deep(array) else None


def _float_for(array: Held) -> type:
    """Return the float type that keeps the numbers: float32, or where need be float64."""
    wide = array.dtype.itemsize > (2 if array.dtype.kind in "iu" else 4)
    if wide and array.dtype.kind in "iu" and array.ndim > 2 and array.size:
        low, high = ends_of(array)
        wide = max(high, -low) > EXACT
    return np.float64 if wide else np.float32


def as_array(X: Any) -> Any:
    """Return torch tensors, and lists of tensors, pictures or arrays, as one array.

    Anything else (arrays, tables, lists of numbers) comes back as it is.

    Examples
    --------
    >>> as_array([np.zeros((4, 5)), np.ones((4, 5))]).shape
    (2, 4, 5)
    """
    torch = sys.modules.get("torch")  # whoever has a tensor has loaded it
    if torch is not None and isinstance(X, torch.Tensor):
        return _from_tensor(X)
    if isinstance(X, np.ma.MaskedArray):
        if np.ma.is_masked(X):
            raise ValueError(
                f"{int(X.mask.sum())} values are masked: give X.filled(value), or images without "
                "masked pixels"
            )
        return X.data
    if _is_picture(X):
        return pixels_of(X)[None]
    listed = isinstance(X, list | tuple) or (
        isinstance(X, np.ndarray) and X.dtype == object and X.ndim == 1
    )
    if listed and len(X) and (hasattr(X[0], "__array_interface__") or hasattr(X[0], "__array__")):
        return _stacked([pixels_of(p) if _is_picture(p) else np.asarray(as_array(p)) for p in X])
    return X


def _is_picture(X: object) -> bool:
    """Return whether this is one picture of Pillow."""
    return hasattr(X, "getbands") and hasattr(X, "__array_interface__")


def _from_tensor(tensor: torch.Tensor) -> np.ndarray:
    """Return a tensor as an array; types that numpy does not have become float32."""
    import torch

    if tensor.layout is not torch.strided:
        raise ValueError(f"a tensor of layout {tensor.layout}: give X.to_dense()")
    try:
        tensor = tensor.detach().cpu()
        tensor = tensor.dequantize() if tensor.is_quantized else tensor
        if tensor.is_floating_point() and tensor.dtype not in (torch.float32, torch.float64):
            tensor = tensor.float()
        return tensor.resolve_neg().resolve_conj().numpy()
    except (RuntimeError, TypeError, NotImplementedError) as error:  # it holds no numbers
        raise ValueError(f"{str(error).splitlines()[0]}: give an array of numbers") from None


def _stacked(pictures: list[np.ndarray]) -> np.ndarray:
    shapes = sorted({picture.shape for picture in pictures})
    if len(shapes) > 1:
        listed = ", ".join(map(str, shapes[:3])) + (", ..." if len(shapes) > 3 else "")
        raise ValueError(
            f"pictures of different shapes ({listed}) are no array: bring them to one size and as "
            "many channels, or give load_images the folder of their files"
        )
    return np.stack(pictures)
