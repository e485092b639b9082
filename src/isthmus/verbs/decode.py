"""Decode: codes back to images."""

from __future__ import annotations

from isthmus.validation import able
from isthmus.verbs.decoded import Decoded
from isthmus.verbs.parameters import ArrayLike, Model


def decode(model: Model, codes: ArrayLike) -> Decoded:
    """Turn codes back into images.

    Parameters
    ----------
    model : Representation
        Fitted, and able to decode.
    codes : array of shape (n,), (n, k) or (n, ...)
        Codes as `encode` makes them, in a .npy file.

    Returns
    -------
    Decoded
        A float array in the shape of the images fitted on; see `isthmus.verbs.result.Result` for
        what else it can.

    Raises
    ------
    ValueError
        If the model cannot decode, or codes are of another shape than its own.

    Examples
    --------
    >>> import isthmus as ist
    >>> images = ist.load_images("digits")
    >>> pca = ist.PCA(10).fit(images.train)
    >>> ist.decode(pca, ist.encode(pca, images.test))
    Decoded(359 images, (359, 8, 8, 1), float32)
    """
    return Decoded.of(able(model, "decode")(codes), model)
