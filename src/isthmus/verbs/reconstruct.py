"""Reconstruct: what is left of images after the narrow code."""

from __future__ import annotations

from functools import partial

from isthmus.data.pictures import as_pictures
from isthmus.latent.codes import remade
from isthmus.validation import able, renamed
from isthmus.verbs.decoded import Decoded
from isthmus.verbs.parameters import ImagesLike, Model
from isthmus.verbs.remade import Remade


@renamed(X="images")
def reconstruct(
    model: Model,
    images: ImagesLike,
    *,
    own_size: bool = False,
    overlap: float = 0.5,
    tile_size: int | None = None,
    verbose: bool | None = None,
) -> Decoded:
    """Encode images and decode them again, to see what the code keeps.

    Parameters
    ----------
    model : Representation
        Fitted, and able to decode.
    images : Images, array of shape (n, ...), or image files
        Images of the shape the model was fitted on.
    own_size : bool
        Keep the size, colours, depth and transparency of image files: they are cut into tiles of
        the size of the model's images, and the results are blended.
    overlap : float
        Share of a side by which such tiles overlap, 0 to 0.9.
    tile_size : int, optional
        Pixels of the longer side of an image in a picture; by default 48 to 128.
    verbose : bool, optional
        Show progress; by default where standard error is a terminal.

    Returns
    -------
    Decoded
        A float array in the shape of the images fitted on; see `isthmus.verbs.result.Result` for
        what else it can. Of image files in their own size it is the first, and `files` has all.

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
    able(model, "decode")
    files = as_pictures(images) if own_size else None
    if files is not None:
        made = Remade.by(model, files, partial(remade, model), overlap, verbose)
        return Decoded.of_files(made, model)
    return Decoded.of(remade(model, images), model, images).in_tiles(tile_size)
