"""A convolution written out as a matrix."""

from __future__ import annotations

import math

import numpy as np


def convolution_matrix(
    kernel: np.ndarray, shape: tuple[int, int], stride: int = 1, padding: int = 0
) -> np.ndarray:
    r"""Return the matrix C of a convolution: :math:`\mathrm{vec}(k \star x) = C\,\mathrm{vec}(x)`.

    As everywhere in deep learning, convolution means correlation: the kernel is not turned round.
    The transposed convolution is the transposed matrix, :math:`C^T \mathrm{vec}(y)`: it takes an
    image of the convolution's output size to one of its input size, and is not its inverse.

    Parameters
    ----------
    kernel : array of shape (p, q)
        The filter.
    shape : (int, int)
        Height and width of the image.
    stride : int
        Step of the filter, at least 1.
    padding : int
        Rows and columns of zeros on every side, at least 0.

    Returns
    -------
    ndarray of shape (h' w', h w)
        One row for every pixel that comes out, one column for every pixel that goes in.

    Raises
    ------
    ValueError
        If the kernel does not fit into the padded image, or a number is out of its range.

    References
    ----------
    V. Dumoulin and F. Visin, A guide to convolution arithmetic for deep learning, 2016.

    Examples
    --------
    >>> image = np.array([[4, 5, 8, 7], [1, 8, 8, 8], [3, 6, 6, 4], [6, 5, 7, 8]])
    >>> C = convolution_matrix([[1, 4, 1], [1, 4, 3], [3, 3, 1]], image.shape)
    >>> (C @ image.ravel()).reshape(2, 2)
    array([[122, 148],
           [126, 134]])
    >>> C = convolution_matrix([[1, 2, 1], [2, 1, 2], [1, 1, 2]], (4, 4))
    >>> (C.T @ np.array([55, 52, 57, 50])).reshape(4, 4)
    array([[ 55, 162, 159,  52],
           [167, 323, 319, 154],
           [169, 264, 326, 204],
           [ 57, 107, 164, 100]])
    """
    kernel = np.asarray(kernel)
    if kernel.ndim != 2 or stride < 1 or padding < 0:
        raise ValueError(
            f"kernel of shape {kernel.shape}, stride={stride}, padding={padding}: expected a "
            "(p, q) kernel, a stride of at least 1 and a padding of at least 0"
        )
    out = [(n + 2 * padding - k) // stride + 1 for n, k in zip(shape, kernel.shape, strict=True)]
    if min(out) < 1:
        raise ValueError(
            f"a kernel of shape {kernel.shape} does not fit into an image of shape {shape} "
            f"with padding={padding}"
        )
    # row, column of the image under every entry of the kernel, for every place of the filter
    place_r, place_c, r, c = np.indices((*out, *kernel.shape)).reshape(4, -1)
    rows, columns = place_r * stride + r - padding, place_c * stride + c - padding
    inside = (rows >= 0) & (rows < shape[0]) & (columns >= 0) & (columns < shape[1])
    matrix = np.zeros((math.prod(out), math.prod(shape)), dtype=kernel.dtype)
    place, pixel = place_r * out[1] + place_c, rows * shape[1] + columns
    matrix[place[inside], pixel[inside]] = kernel[r, c][inside]
    return matrix
