"""Models on disk: one safetensors file, everything that is no array as JSON in its header."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from isthmus.fitted.declared import check_learned
from isthmus.fitted.packed import MODULE, Named, name_of_code, packed, unpacked
from isthmus.fitted.parameters import check_parameters
from isthmus.fitted.tensor_files import bytes_of, read_tensors, write_tensors
from isthmus.tensors import BROKEN, chance_of, find_device, usual_torch

if TYPE_CHECKING:
    from isthmus.base import Representation

VERSION = 2
"""Version of the file layout; a newer file than the reader knows is refused.

1: values as JSON has them, so that tuples, arrays of words and keys that are numbers were lost.
2: these are marked, see `packed`; the header says what wrote the file, when, and from what images.
"""
KEY = "isthmus_model"


def save_model(model: Representation, path: str | Path, *, dated: bool = True) -> None:
    """Write a fitted model to one file: learned arrays as tensors, the rest as JSON.

    Parameters come back equal to what they are, but for random generators and models (such as the
    one that a Classifier started from), which come back as None, and functions, classes and
    callbacks, of which the name is kept: see `Named`.

    Parameters
    ----------
    model : Representation
        Fitted.
    path : str or Path
        Name of the file; an older one is replaced once the new one is whole.
    dated : bool
        Whether the file says when it was written; without, the same model makes the same bytes.

    Raises
    ------
    NotFittedError
        If the model has not learned anything yet.
    ValueError
        If its class could not be found again: a file holds the name of a family, or of a module
        and a class in it, no code.
    """
    tensors, header = _contents(model, dated)
    _warn_of_code(model)
    write_tensors(path, tensors, KEY, header)


def size_of(model: Representation) -> tuple[int, int]:
    """Return how many numbers a fitted model has learned, and how many bytes its file takes.

    These are the real numbers that the file holds: weights of networks and what normalises their
    layers, components, prototypes, means.

    Raises
    ------
    NotFittedError, ValueError
        As `save_model`.

    Examples
    --------
    >>> import isthmus as ist
    >>> images = ist.load_images("digits")
    >>> size_of(ist.KMeans(10).fit(images.train))[0]
    640
    """
    tensors, header = _contents(model)
    learned = sum(tensor.numel() for tensor in tensors.values() if tensor.is_floating_point())
    return learned, bytes_of(tensors, KEY, header)


def _contents(
    model: Representation, dated: bool = True
) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    from sklearn.utils.validation import check_is_fitted

    from isthmus.families import stored_name

    family = stored_name(model)
    check_is_fitted(model)
    tensors: dict[str, torch.Tensor] = {}
    facts: dict[str, Any] = {}
    for name, value in vars(model).items():
        if not name.endswith("_"):
            continue
        if isinstance(value, nn.Module):
            tensors |= {f"{name}/{k}": v.cpu().contiguous() for k, v in value.state_dict().items()}
        elif isinstance(value, np.ndarray) and value.dtype.kind in "fiub":
            native = value.astype(value.dtype.newbyteorder("="), copy=False)
            tensors[name] = torch.from_numpy(np.ascontiguousarray(native))
        else:
            facts[name] = packed(list(value) if name.endswith("shape_") else value)
    header = {
        "version": VERSION,
        "family": family,
        "source": facts.pop("source_", None),
        "date": datetime.now(UTC).isoformat(timespec="seconds") if dated else None,
        "written_by": _versions(),
        "parameters": {k: packed(v) for k, v in model.get_params(deep=False).items()},
        "learned": facts,
    }
    return tensors, header


def _warn_of_code(model: Representation) -> None:
    """Say which parameters a file cannot hold."""
    given = {name: code for name, one, code in _code_of(model) if not isinstance(one, Named)}
    if given:
        named = ", ".join(f"{name}={code}" for name, code in given.items())
        warnings.warn(
            f"the file keeps the name of {named}, no code: loaded, the model encodes and decodes; "
            f"to fit it again, give {' and '.join(given)} anew",
            UserWarning,
            stacklevel=4,
        )


def _versions() -> dict[str, str]:
    from isthmus import __version__

    return {"isthmus": __version__, "torch": str(torch.__version__), "numpy": np.__version__}


@usual_torch()
def load_model(
    path: str | Path, device: str = "auto", *, allow: Iterable[str] = (), **modules: nn.Module
) -> Representation:
    """Read a model's file; nothing in it is executed.

    The parameters, and what is raised, are those of `isthmus.load_model`, which takes models of
    studies too.

    Examples
    --------
    >>> import isthmus as ist, tempfile
    >>> images = ist.load_images("digits")
    >>> path = Path(tempfile.mkdtemp()) / "digits.safetensors"
    >>> ist.PCA(10).fit(images.train).save(path)
    >>> ist.load_model(path).encode(images.test).shape
    (359, 10)
    """
    tensors, header = read_tensors(path, KEY)
    version = header.get("version", 0)
    if not isinstance(version, int) or version > VERSION:
        raise ValueError(
            f"{path} has file version {version}, this isthmus reads up to {VERSION}: "
            f"{_advice(header) or 'upgrade isthmus'}"
        )
    if device != "auto":
        find_device(device)
    own = _find_classes(path, header, allow) or bool(modules)
    header = _with_modules(path, header, modules)
    try:
        return _made(_upgraded(header) if version < 2 else header, tensors, device, own)
    except BROKEN as error:
        reason = f"{error}; {_advice(header)}" if _advice(header) else error
        raise ValueError(f"{path} does not hold together as an isthmus model: {reason}") from None


def _find_classes(path: str | Path, header: dict[str, Any], allow: Iterable[str]) -> bool:
    """Find the classes of one's own that a file names, or say what to do; return if it does."""
    from isthmus.families import stored_class

    learned = header.get("learned")
    origin = learned.get("origin_") if isinstance(learned, dict) else None
    found = False
    for named in (header, origin):
        name = named.get("family") if isinstance(named, dict) else None
        if isinstance(name, str) and ":" in name:
            try:
                found = bool(stored_class(name, allow))
            except ValueError as error:
                raise ValueError(f"{path}: {error}") from None
    return found


def _with_modules(
    path: str | Path, header: dict[str, Any], modules: Mapping[str, nn.Module]
) -> dict[str, Any]:
    """Return a header with modules of the user's where these were when it was written."""
    there: dict[str, str] = {}

    def given(value: Any, name: str = "") -> Any:
        if isinstance(value, list):
            return [given(one, name) for one in value]
        if not isinstance(value, dict):
            return value
        if MODULE in value:
            there[name] = str(value[MODULE])
            return modules.get(name)
        return {key: given(one, key) for key, one in value.items()}

    header = given(header)
    if missing := [f"{name} was {of}" for name, of in there.items() if name not in modules]:
        asked = ", ".join(f"{name}=..." for name in there)
        raise ValueError(
            f"{path} holds the weights of modules of your own and no code, {', '.join(missing)}: "
            f"build them as they were, and load_model(path, {asked})"
        )
    if other := next((name for name in modules if name not in there), ""):
        raise ValueError(f"{path} has no module {other!r} (it has: {', '.join(there) or None})")
    return header


def _made(
    header: dict[str, Any], tensors: dict[str, torch.Tensor], device: str, own: bool
) -> Representation:
    """Return the model that a header and tensors describe, both as its family declares them."""
    from isthmus.families import family

    parameters = {k: unpacked(v) for k, v in header["parameters"].items()}
    check_parameters(header["family"], parameters)
    model = family(header["family"])(**parameters)
    model.device = _usable(model.device) if device == "auto" else device
    facts = {name: unpacked(value) for name, value in header["learned"].items()}
    arrays = {name: tensor.numpy() for name, tensor in tensors.items() if "/" not in name}
    # the width was not told apart from the parameter before
    before = {f"{model.width}_": getattr(model, model.width), "source_": header.get("source")}
    check_learned(model, before | facts | arrays)
    for name, value in (before | facts | arrays).items():
        setattr(model, name, tuple(value) if name.endswith("shape_") else value)
    states = _states(tensors)
    if not own:  # code of one's own may do anything, but build itself without memory
        _check_shapes(_networks(model, torch.device("meta")), states)
    for name, net in _networks(model, torch.device("cpu")).items():
        _fill(net, states.get(name, {}))
        # the same layout in memory as after the fit, and so the same sums to the last bit
        net = net.to(model.device_, memory_format=torch.channels_last)
        setattr(model, name, net.eval())
    return model


def _states(tensors: dict[str, torch.Tensor]) -> dict[str, dict[str, torch.Tensor]]:
    """Return the weights of networks by the names of these."""
    found: dict[str, dict[str, torch.Tensor]] = {}
    for key, tensor in tensors.items():
        name, slash, rest = key.partition("/")
        if slash:
            found.setdefault(name, {})[rest] = tensor
    return found


def _networks(model: Representation, device: torch.device) -> dict[str, Any]:
    """Return the networks that a model is made of; on "meta" their weights take no memory."""
    with chance_of(torch.Generator()), device:  # what layers are made with is replaced
        networks: dict[str, Any] = getattr(model, "networks", dict)()
    return networks


def _check_shapes(networks: dict[str, nn.Module], states: dict[str, Any]) -> None:
    """Refuse weights of other shapes than networks have, before any memory is taken for these."""
    if strangers := states.keys() - networks.keys():
        raise ValueError(f"{min(strangers)} is none of its networks")
    for name, net in networks.items():
        for key, weight in net.state_dict().items():
            there = states.get(name, {}).get(key)
            if isinstance(weight, torch.Tensor) and (
                there is None or (weight.is_meta and there.shape != weight.shape)
            ):
                raise ValueError(f"its {name} has other layers than its parameters say: {key}")


def _fill(net: nn.Module, state: dict[str, torch.Tensor]) -> None:
    try:
        net.load_state_dict(state)
    except RuntimeError as error:
        own = next((layer.what for layer in net.modules() if hasattr(layer, "what")), "")
        if not own:
            raise
        why = " ".join(str(error).split("\n", 1)[-1].split())[:200]
        raise ValueError(f"{own} is not built as the one that was saved: {why}") from None


def _usable(device: Any) -> str:
    """Return the device a model was made for, or the best one if it is not there."""
    try:
        find_device(device)
    except (ValueError, TypeError, RuntimeError):
        return str(find_device("auto"))
    return device


def _advice(header: dict[str, Any]) -> str:
    """Return what to do about a file that another isthmus wrote, "" if this one did."""
    theirs, ours = header.get("written_by"), _versions()["isthmus"]
    wrote = theirs.get("isthmus") if isinstance(theirs, dict) else None
    if wrote in (None, ours):
        return ""
    return f"isthmus {wrote} wrote it, this is {ours}: upgrade isthmus"


def _upgraded(header: dict[str, Any]) -> dict[str, Any]:
    """Return a header of version 1 as one of today: lists were tuples, or arrays of words."""
    parameters, learned = header["parameters"], dict(header["learned"])
    for name, dtype in (("classes_", None), ("feature_names_in_", object)):
        if isinstance(learned.get(name), list):
            learned[name] = packed(np.array(learned[name], dtype=dtype))
    tupled = {k: packed(tuple(v)) if isinstance(v, list) else v for k, v in parameters.items()}
    return header | {"parameters": tupled, "learned": learned}


def in_words(value: object) -> str:
    """Return a parameter in words that are the same in another process."""
    return name_of_code(value) or repr(value)


def check_code(model: Representation) -> None:
    """Refuse to fit a model of which a file knew no more than names.

    Raises
    ------
    ValueError
        If a parameter is one.
    """
    lost = {name: code for name, one, code in _code_of(model) if isinstance(one, Named)}
    if lost:
        was = ", ".join(f"{name} was {code}" for name, code in lost.items())
        again = ", ".join(f"{name}=..." for name in lost)
        raise ValueError(
            f"{was} when the model was saved, and a file holds no code: give it again, "
            f"set_params({again}), before fitting"
        )


def _code_of(model: Representation) -> Iterator[tuple[str, Any, str]]:
    """Yield the parameters that are code, or some of which is: their names, it, and its name."""
    for name, value in model.get_params(deep=False).items():
        for one in value if isinstance(value, tuple | list) else (value,):
            if code := name_of_code(one):
                yield name, one, code
