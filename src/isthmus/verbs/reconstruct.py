"""Reconstruct: what is left of images after the narrow code."""

from __future__ import annotations

from isthmus.validation import able, renamed
from isthmus.verbs.decoded import Decoded
from isthmus.verbs.parameters import ImagesLike, Model


@renamed(X="images")
def reconstruct(model: Model, images: ImagesLike, *, tile_size: int | None = None) -> Decoded:
    """Encode images and decode them again, to see what the code keeps.

    Parameters
    ----------
    model : Representation
        Fitted, and able to decode.
    images : Images or array of shape (n, ...)
        Images of the shape the model was fitted on.
    tile_size : int, optional
        Pixels of the longer side of an image in a picture; by default 48 to 128.

    Returns
    -------
    Decoded
        A float array in the shape of the images fitted on; see `isthmus.verbs.result.Result` for
        what else it can.

    Raises
    ------
    ValueError
        If the model cannot decode, or images are of another shape than those fitted on.

    Examples
    --------
    >>> import isthmus as ist
    >>> images = ist.load_images("digits")
    >>> back = ist.reconstruct(ist.PCA(10).fit(images.train), images.test)
    >>> back
    Decoded(359 images of digits, (359, 8, 8, 1), float32)
    >>> round(back.scores["psnr"], 1)
    17.2
    """
    back = able(model, "decode")(model.encode(images))
    return Decoded.of(back, model, images).in_tiles(tile_size)
