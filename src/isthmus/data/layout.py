"""The order of an array's axes: which of them counts the images."""

from __future__ import annotations

import numpy as np

LAYOUTS = ("nd", "dn", "nhw", "hwn", "nhwc", "nchw", "hwcn", "hw", "hwc", "chw")
"""Examples; any order of the letters of one of nd, nhw, nhwc, hw and hwc is understood."""

AXES = {"".join(sorted(axes)): axes for axes in ("nd", "nhw", "nhwc", "hw", "hwc")}

STORED = {2: "nd", 3: "nhw", 4: "nhwc"}
"""The order of axes where nothing is said."""

CHANNELS = (1, 3, 4)
"""How many channels photographs have."""
SMALLEST, FEWEST = 8, 16
"""Rows and columns of what is taken for images of 1 to 4 channels, of others, by shape alone."""


def check_layout(layout: str) -> str:
    """Return a layout in small letters, or raise ValueError if it is none.

    Examples
    --------
    >>> check_layout("NCHW")
    'nchw'
    """
    letters = layout.lower() if isinstance(layout, str) else ""
    if letters != "auto" and "".join(sorted(letters)) not in AXES:
        raise ValueError(
            f"layout={layout!r}: expected 'auto', or a letter for every axis: n images, h rows, w "
            f"columns, c channels, d numbers of a vector, as {', '.join(LAYOUTS)}"
        )
    return letters


def arranged(array: np.ndarray, layout: str, source: str = "the array") -> np.ndarray:
    """Return a view of an array with its axes in the order of `Images`.

    Parameters
    ----------
    array : ndarray
        Its axes are in the order of `layout`.
    layout : str
        See `check_layout`; "auto" leaves the array as it is.
    source : str
        What to call the array in an error.

    Examples
    --------
    >>> arranged(np.zeros((28, 20, 7)), "hwn").shape, arranged(np.zeros((9, 7)), "dn").shape
    ((7, 28, 20), (7, 9))
    >>> arranged(np.zeros((5, 6, 200)), "hwc").shape
    (1, 5, 6, 200)
    """
    if layout == "auto":
        return array
    if len(layout) != array.ndim:
        raise ValueError(
            f"layout={layout!r} is of {len(layout)} axes, but {source} has the shape {array.shape}"
        )
    turned = array.transpose(axes_of(layout))
    return turned if "n" in layout else turned[None]


def laid_out(
    array: np.ndarray, layout: str, fresh: bool = True, source: str = "the array"
) -> tuple[np.ndarray, dict[str, str]]:
    """Return an array with its axes in the order of `Images`, and what that order was before.

    Parameters
    ----------
    array : ndarray
        Of any layout.
    layout : str
        See `check_layout`; "auto" guesses (`guessed_layout`).
    fresh : bool
        Whether it was not laid out before: else nothing is guessed.
    source : str
        What to call the array in an error.

    Examples
    --------
    >>> turned, note = laid_out(np.zeros((5, 3, 32, 32)), "auto")
    >>> turned.shape, note
    ((5, 32, 32, 3), {'layout': 'nchw', 'layout_why': 'nchw'})
    """
    order = check_layout(layout)
    if order != "auto":
        return arranged(array, order, source), {"layout": order, "layout_why": ""}
    order, why = guessed_layout(array) if fresh else ("", "")
    return (arranged(array, order), {"layout": order, "layout_why": why}) if order else (array, {})


def guessed_layout(array: np.ndarray) -> tuple[str, str]:
    """Return the layout that a shape shows where it is another than that of `Images`, and why.

    Channels first are told by their number, 1 to 4 where the last axis is longer than that, or by
    rows and columns behind them that are alike; one image in color by its three axes, of bytes.

    Examples
    --------
    >>> guessed_layout(np.zeros((9, 13, 64, 64))), guessed_layout(np.zeros((9, 64, 64, 13)))
    (('nchw', 'bands'), ('', ''))
    >>> guessed_layout(np.zeros((48, 64, 3), np.uint8))
    ('hwc', 'hwc')
    """
    if array.ndim == 4 and array.shape[3] > max(CHANNELS):
        _, first, middle, last = array.shape
        if first <= max(CHANNELS) and min(middle, last) >= SMALLEST:
            return "nchw", "nchw"
        if first < middle == last and middle >= FEWEST:
            return "nchw", "bands"
    if array.ndim == 3 and array.dtype == np.uint8 and array.shape[2] in CHANNELS[1:]:
        return ("hwc", "hwc") if min(array.shape[:2]) >= FEWEST else ("", "")
    return "", ""


def stored_axes(
    shape: tuple[int, ...], dtype: np.dtype, layout: str, source: str
) -> tuple[str, dict[str, str]]:
    """Return the axes of an array that stays in its file, as `rows_of` has them, and a note.

    Examples
    --------
    >>> stored_axes((9, 3, 64, 64), np.dtype(np.uint8), "auto", "a.h5:x")
    ('ncyx', {'layout': 'nchw', 'layout_why': 'nchw'})
    >>> stored_axes((9, 64, 64), np.dtype(np.uint8), "auto", "a.h5:x")
    ('nyx', {})
    """
    like = np.broadcast_to(np.zeros((), dtype), shape)
    arranged(like, layout, source)  # refuses what is of other axes
    order, why = (layout, "") if layout != "auto" else guessed_layout(like)
    letters = (order or STORED[len(shape)]).translate(str.maketrans("hw", "yx"))
    return letters, {"layout": order, "layout_why": why} if order else {}


def layout_as_fitted(shape: tuple[int, ...], usual: str, expected: object) -> str:
    """Return the layout of an array: that of those a model was fitted on, unless it fits as it is.

    Examples
    --------
    >>> layout_as_fitted((8, 9, 50), "hwn", (8, 9, 1))
    'hwn'
    >>> layout_as_fitted((50, 8, 9), "hwn", (8, 9, 1)), layout_as_fitted((50, 8), "hwn", (8,))
    ('auto', 'auto')
    """
    if usual == "auto" or len(usual) != len(shape):
        return "auto"
    as_is = (*shape[1:], 1) if len(shape) == 3 else tuple(shape[1:])
    if as_is == expected and _image_shape(usual, shape) != expected:
        return "auto"
    return usual


def axes_of(layout: str) -> list[int]:
    """Return where the axes that `Images` want, in their order, are in a layout."""
    return [layout.index(axis) for axis in AXES["".join(sorted(layout))]]


def matlab_layout(
    shape: tuple[int, ...],
    n_labels: int | None,
    source: str,
    expected: tuple[int, ...] | None = None,
) -> str:
    """Return the layout of an array that MATLAB wrote, which often counts the images last.

    Where labels lie beside it, it is their number that tells the axis of the images. Without them,
    only what can hardly be anything else is decided: one image alone, pictures whose sides are
    alike (n, h, h), photographs (n, h, w, c) or (h, w, c, n), and what alone has images of the
    `expected` shape.

    Raises
    ------
    ValueError
        If the shape can be read in several ways.

    Examples
    --------
    >>> matlab_layout((560, 1965), 1965, "faces.mat:ff")
    'dn'
    >>> matlab_layout((32, 32, 3, 500), None, "train.mat:X")
    'hwcn'
    """
    first, last = {2: ("nd", "dn"), 3: ("nhw", "hwn"), 4: ("nhwc", "hwcn")}[len(shape)]
    if n_labels is not None and (n_labels == shape[0]) != (n_labels == shape[-1]):
        return first if n_labels == shape[0] else last
    if shape[0] == 1 or (len(shape) == 3 and shape[0] != shape[1] == shape[2]):
        return first
    if len(shape) == 4 and (shape[3] in CHANNELS) != (shape[2] in CHANNELS):
        return first if shape[3] in CHANNELS else last
    ways = [first, last, *{3: ["hwc"], 4: ["nchw"]}.get(len(shape), [])]
    fitting = [way for way in ways if _image_shape(way, shape) == expected]
    if len(fitting) == 1:
        return fitting[0]
    raise ValueError(
        f"{source} has the shape {shape}, which can be read in several ways: say "
        f"{', '.join(f'{_in_words(way, shape)} by layout={way!r}' for way in ways)} (--layout)"
    )


def _image_shape(layout: str, shape: tuple[int, ...]) -> tuple[int, ...]:
    axes = AXES["".join(sorted(layout))].replace("n", "")
    sides = tuple(shape[layout.index(axis)] for axis in axes)
    return (*sides, 1) if axes == "hw" else sides


def _in_words(layout: str, shape: tuple[int, ...]) -> str:
    """Return what an array of this shape holds, if that is its layout."""
    sides = {axis: shape[layout.index(axis)] for axis in layout}
    if "d" in sides:
        return f"{sides['n']} images of {sides['d']} numbers"
    size = f"{sides['h']}x{sides['w']}"
    if "n" not in sides:
        return f"one image of {size} with {sides['c']} bands"
    channels = f" with {sides['c']} channels" if "c" in sides else ""
    return f"{sides['n']} images of {size}{channels}"
