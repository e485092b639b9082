"""What commands are given: models, images and codes, opened and checked."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from isthmus.files import refuse_existing
from isthmus.options import size_of
from isthmus.terminal import print_skipped


def images_from(source: str, size: str | None, resize: str, color: str, per: str) -> Any:
    """Return the images of a source, loaded as the options of a command say."""
    from isthmus.data.readers import load_images

    return load_images(source, **loading(size, resize, color, per))


def loading(size: str | None, resize: str, color: str, per: str) -> dict[str, Any]:
    """Return what `load_images` is to be told, from the options of a command."""
    return {"size": size_of(size), "fit": resize, "color": color, "per": per}


def model_and_images(
    path: Path, source: str, split: str = "all", output: Path | None = None, force: bool = False
) -> tuple[Any, Any]:
    """Return a model, and images loaded the way it needs them.

    Raises
    ------
    ValueError, OSError
        If either cannot be read, or `output` could not be written.
    """
    from isthmus.store import load_model

    if output is not None:
        refuse_existing(output, force=force)
    in_half(None, split)
    model = load_model(path)
    return model, in_half(images_for(model, source), split)


def in_half(images: Any, split: str) -> Any:
    """Return all images, those to train on, or those held out."""
    if split not in ("all", "train", "test"):
        raise ValueError(f"--split {split!r} must be all, train or test")
    return images if split == "all" or images is None else getattr(images, split)


def images_for(model: Any, source: str) -> Any:
    """Return the images of a source, those of a folder in the size and colour a model knows."""
    from isthmus.data.images import with_channels
    from isthmus.data.readers import load_images

    wanted: dict[str, Any] = {}
    if len(model.image_shape_) > 1 and Path(source).is_dir():
        h, w, c = with_channels(model.image_shape_)
        wanted = {"size": (h, w), "color": {1: "grey", 3: "rgb"}.get(c, "auto")}
    images = load_images(source, **wanted)
    print_skipped(images)
    return images


def able(model: Any, verb: str) -> Callable[..., Any]:
    """Return a verb of a model, or say who has it."""
    if not hasattr(model, verb):
        raise ValueError(f"{type(model).__name__} cannot {verb}; `isthmus models` lists who can")
    return getattr(model, verb)


def codes_from(path: Path) -> Any:
    """Return the codes in a .npy file."""
    import numpy as np

    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    try:
        return np.load(path, allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise ValueError(f"{path} is not a .npy file of codes ({error})") from None


def watched(as_json: bool) -> bool:
    """Return whether a person is watching, so that progress should be shown."""
    return sys.stderr.isatty() and not as_json
