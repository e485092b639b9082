"""Models as ONNX files, which run in a page, in other languages and without torch."""

from __future__ import annotations

import contextlib
import json
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from isthmus.data.images import with_channels
from isthmus.families import name_of
from isthmus.system.files import replacing
from isthmus.validation import one_of

if TYPE_CHECKING:
    from isthmus.base import Representation

PARTS = ("decode", "encode", "predict")
OPSET = 18
"""Version of the operators: one that the runtimes of the last years know, in browsers too."""
VERSION = 1
"""Version of what the file says of itself."""
ROWS = 2
"""Rows of the example that the graph is drawn from; it takes any number."""
NAMES = {
    "decode": ("codes", "images"),
    "encode": ("images", "codes"),
    "predict": ("images", "probabilities"),
}
"""What goes in and what comes out."""


class Part(nn.Module):
    """A verb of a model as a network: images are ``(m, h, w, c)``, indices 32-bit.

    Parameters
    ----------
    model : Representation
        Fitted.
    part : {"decode", "encode", "predict"}
        The verb.
    """

    def __init__(self, model: Representation, part: str):
        super().__init__()
        self.model, self.part, self.shape = model, part, picture_shape(model)
        for name, net in model.networks_.items():
            self.add_module(name, net)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return what the verb makes of a batch."""
        return self._decoded(x) if self.part == "decode" else self._encoded(x)

    def _decoded(self, z: torch.Tensor) -> torch.Tensor:
        y = self.model.twin("decode")(z if z.is_floating_point() else z.long()).float()
        return y.unflatten(1, self.shape) if y.ndim <= len(self.shape) else y

    def _encoded(self, x: torch.Tensor) -> torch.Tensor:
        z = self.model.twin("encode" if self.part == "encode" else "predict_proba")(x)
        z = z.flatten(1) if self.model.code_kind_ == "grid" else z
        return z.float() if z.is_floating_point() else z.int()


def can_export(model: Representation, part: str) -> bool:
    """Return whether a model has a verb that a fixed graph can stand for.

    A code that is searched for (NMF, a GAN without encoder or with ``invert_steps``) has none, nor
    has a model of patches, which takes images of any size.

    Examples
    --------
    >>> import isthmus as ist
    >>> images = ist.load_images("digits")
    >>> can_export(ist.PCA(4).fit(images), "encode"), can_export(ist.NMF(4).fit(images), "encode")
    (True, False)
    """
    if model.cell is not None:
        return False
    if part == "encode":
        return model.can("encode") and not model.encodes_by_search
    return model.can("predict_proba" if part == "predict" else part)


def export(model: Representation, path: str | Path, part: str = "decode") -> None:
    """Write a verb of a fitted model to one ONNX file, which says itself what it is.

    Numbers are float32 and indices int32; the first axis is as long as the batch. Images are
    ``(m, h, w, c)`` with the values that `decode` returns: uint8 0..255 is 0..1. The file's
    metadata hold family, code, shapes and ranges as JSON under "isthmus".

    Parameters
    ----------
    model : Representation
        Fitted.
    path : str or Path
        Name of the file, ending in .onnx; an older one is replaced once the new one is whole.
    part : {"decode", "encode", "predict"}
        Codes to images, images to codes, or images to probabilities of classes.

    Raises
    ------
    ValueError
        If the model cannot do that, or only by a search.
    ImportError
        If onnx or onnxscript is not installed.

    Examples
    --------
    >>> import isthmus as ist, tempfile
    >>> path = Path(tempfile.mkdtemp()) / "pca.onnx"
    >>> export(ist.PCA(4).fit(ist.load_images("digits")), path)
    >>> path.stat().st_size > 1000
    True
    """
    path = Path(path)
    if path.suffix != ".onnx":
        raise ValueError(f"{path} must end in .onnx")
    found = packed(model, part)
    with replacing(path) as temporary:
        temporary.write_bytes(found)


def packed(model: Representation, part: str = "decode") -> bytes:
    """Return what `export` writes."""
    _check(model, part)
    (given, found), m = NAMES[part], torch.export.Dim("m")
    with torch.no_grad(), _quiet():
        program: Any = torch.onnx.export(
            Part(_on_cpu(model), part).eval(), (_example(model, part),), input_names=[given],
            output_names=[found], dynamic_shapes=({0: m},), opset_version=OPSET, dynamo=True,
            verbose=False,
        )  # fmt: skip
    proto = program.model_proto
    _forget_where(proto)
    _describe(proto, model, part)
    return proto.SerializeToString()


def _check(model: Representation, part: str) -> None:
    from sklearn.utils.validation import check_is_fitted

    one_of("part", part, PARTS)
    check_is_fitted(model)
    name = type(model).__name__
    if part == "encode" and model.encodes_by_search:
        raise ValueError(
            f"this {name} searches for a code step by step, so there is no graph of its encode to "
            "export; its decode can be"
        )
    if model.cell is not None:
        raise ValueError(
            f"this {name} has a code for every {model.cell}x{model.cell} pixels of images of any "
            "size, and a graph is of one size: fit one of whole images to export it"
        )
    if not can_export(model, part):
        raise ValueError(f"this {name} cannot {part}; `isthmus models` lists who can")
    try:
        import onnx  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError:
        raise ImportError(
            "exporting needs onnx and onnxscript: pip install 'isthmus[onnx]'"
        ) from None


def _on_cpu(model: Representation) -> Representation:
    """Return the model, or a copy of one that lies on another device."""
    if model.device_.type == "cpu":
        return model
    import copy

    twin = copy.deepcopy(model).set_params(device="cpu")
    for net in twin.networks_.values():
        net.cpu()
    return twin


def picture_shape(model: Representation) -> tuple[int, ...]:
    """Return the shape of one image, with its channels; of a vector, (d,)."""
    return with_channels(model.image_shape_)


def code_shape(model: Representation) -> tuple[int, ...]:
    """Return the shape of the code of one image: (), (k,) or, of every pixel, (h, w, k).

    A grid is flattened to a vector.
    """
    if model.code_kind_ == "grid":
        return (model.code_width_,)
    return model.code_shape_of(picture_shape(model))


def ends(model: Representation, part: str) -> str:
    """Return what goes in and what comes out, with their shapes.

    Examples
    --------
    >>> import isthmus as ist
    >>> ends(ist.PCA(4).fit(ist.load_images("digits")), "encode")
    'images (m, 8, 8, 1) to codes (m, 4)'
    """
    shapes = {"codes": code_shape(model), "images": picture_shape(model)}
    shapes["probabilities"] = (len(model.class_labels_ or ()),)
    named = (f"{name} ({', '.join(map(str, ('m', *shapes[name])))})" for name in NAMES[part])
    return " to ".join(named)


def _example(model: Representation, part: str) -> torch.Tensor:
    shape = code_shape(model) if part == "decode" else picture_shape(model)
    kind = torch.float32 if shape else torch.int32
    return torch.zeros(ROWS, *shape, dtype=kind)


def _forget_where(proto: Any) -> None:
    """Take out what the exporter writes of files and lines on this machine: nobody needs it."""
    inner = (node for function in proto.functions for node in function.node)
    for part in (proto.graph, *proto.graph.node, *proto.functions, *inner):
        part.ClearField("metadata_props")


def _describe(proto: Any, model: Representation, part: str) -> None:
    """Write into the file what it is: an ONNX file needs no second one beside it."""
    from isthmus import __version__

    proto.producer_name, proto.producer_version = "isthmus", __version__
    proto.doc_string = f"{part} of {model!r}"
    facts = {
        "version": VERSION,
        "family": name_of(model),
        "part": part,
        "code": model.code_,
        "code_shape": code_shape(model),
        "image_shape": picture_shape(model),
        "range": getattr(model, "range_", None),
        "classes": _classes(model),
    }
    proto.metadata_props.add(key="isthmus", value=json.dumps(facts))


def _classes(model: Representation) -> list[str] | None:
    labels = model.class_labels_ if model.can("predict_proba") else None
    return None if labels is None else list(map(str, labels))


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep to ourselves what the exporter says of libraries that are not needed."""
    log = logging.getLogger("torch.onnx")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)
