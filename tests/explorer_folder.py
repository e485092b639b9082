"""A static folder of the explorer by the contract in web/README.md, for tests of the page.

It is written without the package's own export, so that each is a check of the other. By hand:
``python tests/explorer_folder.py DIR``, then ``python -m http.server -d DIR``.
"""

from __future__ import annotations

import json
import math
import shutil
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

import isthmus as ist
from isthmus.data.images import to_unit
from isthmus.metrics.table import described

PAGE = Path(__file__).parents[1] / "src" / "isthmus" / "explorer" / "page"
COUNT = 600
SIDE, COLUMNS = 8, 16


class Flat(torch.nn.Module):
    """A verb of a model as a network from whole images, or to them."""

    def __init__(self, verb: Any, shape: tuple[int, ...]):
        super().__init__()
        self.verb, self.shape = verb, shape

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.verb(x.flatten(1)).reshape(-1, *self.shape)


def write_network(path: Path, verb: Any, given: torch.Tensor, shape: tuple[int, ...]) -> None:
    rows = {"x": {0: "m"}}
    net = Flat(verb, shape).eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracer is on its way out, and much quicker
        torch.onnx.export(net, (given,), path, input_names=["x"], dynamic_axes=rows, dynamo=False)


def fitted() -> tuple[dict[str, Any], np.ndarray, np.ndarray]:
    images = ist.load_images("digits").train[:COUNT]
    models = {
        "pca": ist.PCA(8),
        "vae": ist.VAE(4, hidden=(32,), epochs=80, random_state=0),
        "kmeans": ist.KMeans(16, random_state=0),
        "som": ist.SOM((6, 6), random_state=0),
    }
    for model in models.values():
        model.fit(images)
    for net in (models["vae"].encoder_, models["vae"].decoder_):
        net.requires_grad_(False)  # constants, to the tracer
    return models, to_unit(np.asarray(images)), np.asarray(images.y)


def write_atlas(folder: Path, pixels: np.ndarray) -> int:
    """Write tiles, columns x columns a page, and return how many pages there are."""
    (folder / "atlas").mkdir()
    each = COLUMNS**2
    pages = math.ceil(len(pixels) / each)
    for page in range(pages):
        tiles = np.zeros((each, SIDE, SIDE), np.uint8)
        here = pixels[page * each : (page + 1) * each, ..., 0]
        tiles[: len(here)] = here
        sheet = tiles.reshape(COLUMNS, COLUMNS, SIDE, SIDE).swapaxes(1, 2)
        Image.fromarray(sheet.reshape(COLUMNS * SIDE, -1)).save(folder / f"atlas/{page}.png")
    return pages


def linear_layouts(folder: Path, name: str, z: np.ndarray) -> list[dict[str, Any]]:
    """Write two and three principal axes of the codes, and how a place becomes a code."""
    mean = z.mean(0)
    axes = np.linalg.svd(z - mean, full_matrices=False)[2]
    found = []
    for d in (2, 3):
        places = (z - mean) @ axes[:d].T
        scale = np.abs(places).max(0)
        file = f"layouts/{name}-pca-{d}.f32"
        (places / scale).astype("<f4").tofile(folder / file)
        inverse = {"mean": mean.tolist(), "axes": (axes[:d] * scale[:, None]).tolist()}
        found.append({"id": "pca", "title": "principal axes", "dimensions": d, "file": file})
        found[-1]["inverse"] = inverse
    return found


def curved_layout(folder: Path, name: str, places: np.ndarray) -> dict[str, Any]:
    """Write places that no formula takes back to codes."""
    file = f"layouts/{name}-curved-2.f32"
    curved = np.tanh(places / np.abs(places).max(0))
    curved.astype("<f4").tofile(folder / file)
    entry = {"id": "curved", "title": "curved", "dimensions": 2, "file": file}
    return {**entry, "inverse": None}


def vector_entry(folder: Path, name: str, model: Any, pixels: np.ndarray) -> dict[str, Any]:
    z = np.asarray(model.encode(pixels), np.float32)
    z.astype("<f4").tofile(folder / f"codes/{name}.f32")
    k = z.shape[1]
    with torch.no_grad():
        decode, encode = (f"onnx/{name}-{verb}.onnx" for verb in ("decode", "encode"))
        write_network(folder / decode, model._decode, torch.from_numpy(z[:2]), (SIDE, SIDE, 1))
        x = torch.from_numpy(pixels[:2].astype(np.float32))
        write_network(folder / encode, model._encode, x, (k,))
    deviation = z.std(0)
    return {
        "code": "vector",
        "width": k,
        "codes": f"codes/{name}.f32",
        "order": np.argsort(-deviation).tolist(),
        "usefulness": (deviation / deviation.max()).tolist(),
        "low": np.quantile(z, 0.01, axis=0).tolist(),
        "high": np.quantile(z, 0.99, axis=0).tolist(),
        "mean": z.mean(0).tolist(),
        "deviation": deviation.tolist(),
        "layouts": [*linear_layouts(folder, name, z), curved_layout(folder, name, z[:, :2])],
        "grid": None,
        "samplers": ["gaussian", "prior"] if name == "vae" else ["gaussian"],
        "onnx": {"decode": decode, "encode": encode},
    }


def index_entry(folder: Path, name: str, model: Any, pixels: np.ndarray) -> dict[str, Any]:
    units = model.encode(pixels).astype("<i4")
    units.tofile(folder / f"codes/{name}.i32")
    prototypes = model.codebook_.reshape(-1, SIDE, SIDE, 1)
    (prototypes.clip(0, 1) * 255).round().astype(np.uint8).tofile(folder / f"prototypes/{name}.u8")
    numbers = ("order", "usefulness", "low", "high", "mean", "deviation")
    entry: dict[str, Any] = {name: [] for name in numbers}
    entry |= {"samplers": ["uniform"], "layouts": []}
    grid = {"rows": 6, "columns": 6, "topology": "hexagonal"} if name == "som" else None
    if grid:
        rng = np.random.default_rng(0)
        place = np.stack([units % 6, -(units // 6)], 1) / 3.0 + [-0.9, 0.9]
        entry["layouts"] = [curved_layout(folder, name, place + rng.normal(0, 0.05, place.shape))]
        entry["layouts"][0] |= {"id": "grid", "title": "grid of units"}
    shape = {"code": "index", "width": 1, "codes": f"codes/{name}.i32", "grid": grid}
    return {**entry, **shape, "onnx": {"decode": None, "encode": None}}


def write_colours(folder: Path, labels: np.ndarray, errors: dict[str, np.ndarray]) -> list[Any]:
    (folder / "colours").mkdir()
    labels.astype("<u2").tofile(folder / "colours/label.u16")
    plain = {"id": "label", "title": "label", "kind": "category", "model": None}
    found = [{**plain, "file": "colours/label.u16", "categories": [str(i) for i in range(10)]}]
    for name, error in errors.items():
        file = f"colours/{name}-error.f32"
        error.astype("<f4").tofile(folder / file)
        entry = {"id": f"{name}-error", "title": f"error of {name}", "kind": "number"}
        limits = [float(error.min()), float(error.max())]
        found.append({**entry, "model": name, "file": file, "range": limits})
    return found


def write_folder(target: Path, page: Path | None = PAGE) -> dict[str, Any]:
    """Write the page and its data to `target`, and return the models by name."""
    models, pixels, labels = fitted()
    if page is not None:
        shutil.copytree(page, target, dirs_exist_ok=True)
    folder = target / "data"
    for part in ("codes", "layouts", "onnx", "prototypes"):
        (folder / part).mkdir(parents=True)
    entries, errors = [], {}
    for name, model in models.items():
        make = index_entry if name in ("kmeans", "som") else vector_entry
        back = model.decode(model.encode(pixels))
        errors[name] = ((back - pixels) ** 2).mean((1, 2, 3))
        about = f"{type(model).__name__} fitted on {COUNT} digits"
        shared = {"name": name, "family": name, "about": about, "classes": None}
        can = ["encode", "decode", "sample"]
        scores = {"mse": float(errors[name].mean()), "svm_accuracy": 0.9725, "nmi": None}
        entries.append(
            {**shared, "can": can, "scores": scores, **make(folder, name, model, pixels)}
        )
    pages = write_atlas(folder, (pixels * 255).round().astype(np.uint8))
    manifest = {
        "version": 1,
        "title": "digits",
        "live": False,
        "images": {
            "count": len(pixels),
            "shape": [SIDE, SIDE, 1],
            "range": [0, 1],
            "atlas": {"columns": COLUMNS, "tile": [SIDE, SIDE], "pages": pages},
        },
        "splits": [
            {"name": "train", "start": 0, "end": 500},
            {"name": "test", "start": 500, "end": COUNT},
        ],
        "names": None,
        "colours": write_colours(folder, labels, errors),
        "metrics": described(["mse", "svm_accuracy"]),
        "models": entries,
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return models


if __name__ == "__main__":
    write_folder(Path(sys.argv[1]))
