"""Models by their places, as on the command line: a file, STUDY:NAME, or STUDY for its best."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterable, Mapping
from functools import cache, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_type_hints

from isthmus.fitted import store

if TYPE_CHECKING:
    from torch import nn

    from isthmus.base import Representation

OPENS = "_opens_places"
"""The mark of a function that `opening` has returned."""


def load_model(
    path: str | Path,
    device: str = "auto",
    *,
    verb: str = "",
    allow: Iterable[str] = (),
    **modules: nn.Module,
) -> Representation:
    """Read a model that was saved, or one of a study; nothing in the file is executed.

    Parameters
    ----------
    path : str or Path
        A file; ``STUDY:NAME``, a model in the folder of a study; or that folder, for the best of
        its models, which a line on standard error says.
    device : str
        Where the model is to compute. "auto" is where it did before, or the best device there is
        if this machine has no such one; its parameter `device` then says which.
    verb : str
        What the best model of a study is wanted for, as "generate"; by default to represent.
    allow : iterable of str
        Modules or packages of which the file may name a class: these are imported, nothing else
        is. Families of isthmus, and those that are registered or that an installed package
        offers, need no permission.
    **modules : Module
        What the model was given of your own, as ``encoder=`` and ``decoder=`` of an `Autoencoder`:
        a file holds their weights and the names of their classes. Built as they were; those given
        are left as they are.

    Returns
    -------
    Representation
        Fitted, with the parameters it was made with.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged, is no isthmus model, or was written by a newer isthmus, if
        there is no such device, its class is of a module that is not allowed, a module of
        your own is not given, or a study has no such model.

    Examples
    --------
    >>> import isthmus as ist, tempfile
    >>> folder = Path(tempfile.mkdtemp()) / "mine"
    >>> page = ist.study("digits", models=["kmeans", "pca"], width=10).report(folder)
    >>> ist.load_model(f"{folder}:pca").encode(ist.load_images("digits").test).shape
    (359, 10)
    """
    place = Path(path)
    if not place.is_file():
        from isthmus.studies.best import model_file

        place, note = model_file(path, verb)
        if note:
            print(f"isthmus: {note}", file=sys.stderr)
    return store.load_model(place, device, allow=allow, **modules)


@cache
def opening(verb: Callable[..., Any]) -> Callable[..., Any]:
    """Return a verb that takes the places of models too, and of images what `load_images` reads.

    Images are then read as the model takes them; verbs that read image files as they are do that
    themselves.
    """
    known = inspect.signature(verb).parameters
    kinds = {name: str(each.annotation) for name, each in known.items()}
    opens = hasattr(verb, OPENS) or not any(kind.startswith("Model") for kind in kinds.values())
    if opens:
        return verb

    @wraps(verb)
    def called(*args: Any, **given: Any) -> Any:
        from isthmus.data.held import is_source

        named = dict(zip(kinds, args, strict=False)) | given
        models = {name for name in named if kinds.get(name, "").startswith("Model")}
        opened = {name: _opened(named[name], verb.__name__) for name in models}
        named |= opened
        model = next((each for each in opened.values() if each is not None), None)
        for name in named.keys() - models:
            if kinds.get(name, "").startswith("ImagesLike") and is_source(named[name]):
                named[name] = named[name] if _as_files(verb) else _read(named[name], model)
        values = [named.pop(name) for name, _ in zip(kinds, args, strict=False)]
        return verb(*values, *args[len(values) :], **named)

    setattr(called, OPENS, True)
    # functions are pickled by their names, so for other processes this one has to be found there
    setattr(sys.modules[verb.__module__], verb.__name__, called)
    return called


def _opened(model: Any, verb: str) -> Any:
    """Return a model, or several by their names, those that are places read."""
    if isinstance(model, Mapping):
        return {name: _opened(each, verb) for name, each in model.items()}
    return load_model(model, verb=verb) if isinstance(model, str | Path) else model


def _as_files(verb: Callable[..., Any]) -> bool:
    return bool(getattr(get_type_hints(verb)["return"], "as_files", False))


def _read(source: Any, model: Any) -> Any:
    """Return images of a source as a model takes them, or several models."""
    from isthmus.data.like import like_all
    from isthmus.data.readers import load_images

    models = model if isinstance(model, Mapping) else {"": model}
    return load_images(source, like=models[like_all(models)[0]])
