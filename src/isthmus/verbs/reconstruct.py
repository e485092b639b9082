"""Reconstruct: what is left of images after the narrow code."""

from __future__ import annotations

from typing import Any

import numpy as np


def reconstruct(model: Any, X: Any) -> np.ndarray:
    """Return what is left of images after the narrow code: ``decode(encode(X))``.

    Parameters
    ----------
    model : Representation
        Fitted, and able to decode.
    X : Images or array of shape (n, ...)
        Images of the shape the model was fitted on.

    Returns
    -------
    ndarray
        Float, in the shape of the images fitted on.

    Examples
    --------
    >>> import isthmus as ist
    >>> images = ist.load_images("digits")
    >>> ist.reconstruct(ist.PCA(10).fit(images.train), images.test).shape
    (359, 8, 8, 1)
    """
    return model.decode(model.encode(X))
