"""The order of an array's axes: which of them counts the images."""

from __future__ import annotations

import numpy as np

LAYOUTS = ("nd", "dn", "nhw", "hwn", "nhwc", "nchw", "hwcn", "hw", "hwc", "chw")
"""Examples; any order of the letters of one of nd, nhw, nhwc, hw and hwc is understood."""

AXES = {"".join(sorted(axes)): axes for axes in ("nd", "nhw", "nhwc", "hw", "hwc")}

CHANNELS = (1, 3, 4)
"""How many channels photographs have."""


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
