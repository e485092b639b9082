"""Models on disk: one safetensors file, everything that is no array as JSON in its header."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from isthmus.files import plain, replacing
from isthmus.tensors import usual_torch

VERSION = 1
"""Version of the file layout; a newer file than the reader knows is refused."""
KEY = "isthmus_model"


def save_model(model: Any, path: str | Path) -> None:
    """Write a fitted model to one file: learned arrays as tensors, the rest as JSON.

    Parameters
    ----------
    model : Representation
        Fitted.
    path : str or Path
        Name of the file; an older one is replaced once the new one is whole.

    Raises
    ------
    NotFittedError
        If the model has not learned anything yet.
    """
    from sklearn.utils.validation import check_is_fitted

    from isthmus.models import name_of

    check_is_fitted(model)
    tensors: dict[str, torch.Tensor] = {}
    facts: dict[str, Any] = {}
    for name, value in vars(model).items():
        if not name.endswith("_"):
            continue
        if isinstance(value, nn.Module):
            tensors |= {f"{name}/{k}": v.cpu().contiguous() for k, v in value.state_dict().items()}
        elif isinstance(value, np.ndarray) and value.dtype.kind in "fiub":
            tensors[name] = torch.from_numpy(np.ascontiguousarray(value))
        else:
            facts[name] = plain(value)
    header = {
        "version": VERSION,
        "family": name_of(model),
        "parameters": {k: plain(v) for k, v in model.get_params(deep=False).items()},
        "learned": facts,
    }
    write_tensors(path, tensors, {KEY: json.dumps(header)})


@usual_torch()
def load_model(path: str | Path) -> Any:
    """Read a model written by `save`; nothing in the file is executed.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    Representation
        Fitted, with the parameters it was made with.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged, is no isthmus model, or was written by a newer isthmus.

    Examples
    --------
    >>> import isthmus as ist, tempfile
    >>> images = ist.load_images("digits")
    >>> path = Path(tempfile.mkdtemp()) / "digits.safetensors"
    >>> ist.PCA(10).fit(images.train).save(path)
    >>> ist.load_model(path).encode(images.test).shape
    (359, 10)
    """
    from isthmus.models import family

    tensors, header = read_tensors(path, KEY)
    if header.get("version", 0) > VERSION:
        raise ValueError(
            f"{path} has file version {header['version']}, this isthmus reads up to {VERSION}: "
            "upgrade isthmus"
        )
    try:
        model = family(header["family"])(**_tupled(header["parameters"]))
        for name, value in header["learned"].items():
            setattr(model, name, tuple(value) if name.endswith("shape_") else value)
        for name, tensor in tensors.items():
            if "/" not in name:
                setattr(model, name, tensor.numpy())
        for name, net in getattr(model, "_networks", dict)().items():
            prefix = f"{name}/"
            state = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
            net.load_state_dict(state)
            # the same layout in memory as after the fit, and so the same sums to the last bit
            net = net.to(model._device(), memory_format=torch.channels_last)
            setattr(model, name, net.eval())
    except (KeyError, TypeError, ValueError, RuntimeError, AttributeError) as error:
        raise ValueError(f"{path} does not hold together as an isthmus model: {error}") from None
    return model


def write_tensors(
    path: str | Path, tensors: dict[str, torch.Tensor], metadata: dict[str, str]
) -> None:
    """Write a safetensors file, whole or not at all.

    Raises
    ------
    OSError
        If the file cannot be written, or the disk is full.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    with replacing(path) as temporary:
        try:
            save_file(tensors, temporary, metadata)
        except SafetensorError as error:  # it has no class of its own for a full disk
            raise OSError(str(error)) from None


def read_tensors(path: str | Path, key: str) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Return the tensors of a safetensors file and the JSON under `key` in its header.

    Raises
    ------
    FileNotFoundError, ValueError
        If there is no such file, or it is damaged or foreign.
    """
    from safetensors import SafetensorError, safe_open

    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            header = json.loads(metadata[key])
            return {name: file.get_tensor(name).clone() for name in list(file.keys())}, header
    except (SafetensorError, KeyError, ValueError, OSError) as error:
        what = key.replace("_", " ")
        raise ValueError(
            f"{path} is damaged or not an {what} file ({_first_line(error)})"
        ) from None


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0][:100] if str(error) else type(error).__name__


def _tupled(parameters: dict[str, Any]) -> dict[str, Any]:
    return {k: tuple(v) if isinstance(v, list) else v for k, v in parameters.items()}
