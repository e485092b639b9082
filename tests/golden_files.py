"""Files of every kind that isthmus writes, kept so that later versions read them for ever.

``python tests/golden_files.py FOLDER`` writes them with the version that is there, in a minute:
models of every family, two compressed files, two maps, the folder of a study, an export of the
explorer, what every command says as JSON, and in `expected.npz` what all of that gave then.
`tests/golden/0.1` was made so, once; do not make it anew, but another folder beside it where files
change. Only public names are used, so that this module survives where things move.
"""

from __future__ import annotations

import contextlib
import io
import json
import math
import os
import runpy
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import isthmus as ist

SHOWN = 8
"""Images of digits whose codes and reconstructions are kept, the first ones."""
ARCHIVED, EXPORTED = 40, 48
"""Images of the compressed files, and of the export."""
FEW = {"epochs": 3, "random_state": 0}
SMALL = {"epochs": 40, "random_state": 0, "hidden": (12,)}
CONV = FEW | {"architecture": "conv", "channels": (4, 6), "hidden": (8,)}
GAN = {"max_steps": 20, "encoder_epochs": 1, "random_state": 0}
MODELS: dict[str, Callable[[], Any]] = {
    "kmeans": lambda: ist.KMeans(6, random_state=0),
    "kmeans-pixels": lambda: ist.KMeans(3, random_state=0),
    "pca": lambda: ist.PCA(4, random_state=0),
    "nmf": lambda: ist.NMF(4, random_state=0, max_iter=20),
    "som": lambda: ist.SOM((3, 4), topology="hexagonal", random_state=0),
    "autoencoder": lambda: ist.Autoencoder(3, **SMALL),
    "autoencoder-conv": lambda: ist.Autoencoder(3, **CONV),
    "vae": lambda: ist.VAE(3, **SMALL),
    "vae-conv": lambda: ist.VAE(3, **CONV),
    "gan": lambda: ist.GAN(3, generator=(12,), discriminator=(12,), **GAN),
    "gan-conv": lambda: ist.GAN(3, architecture="conv", channels=(4, 6), **GAN),
    "classifier": lambda: ist.Classifier(6, **SMALL),
    "classifier-conv": lambda: ist.Classifier(6, **CONV),
    "pixelnet": lambda: ist.PixelNet(2, channels=4, max_steps=20, random_state=0),
    "pixelnet-images": lambda: ist.PixelNet(
        2, channels=4, max_steps=20, random_state=0, target="image"
    ),
}
ARCHIVES = {
    "plain": ("pca", {"quality": 14.0}),
    "lossless": ("pca", {"lossless": True}),
    "embedded": ("vae", {"quality": 11.0, "embed": True}),
    "indices": ("som", {}),
}
"""Compressed files: the model, and the options."""
FIT = "--split train --random-state 0 -o new.safetensors --force"
COMMANDS = {
    "models": "models",
    "data": "data",
    "data digits": "data digits -o digits.png",
    "study": "study digits --models kmeans,pca --width 4 -o study-new",
    "study --explain": "study digits --models kmeans,pca --width 4 --explain",
    "fit kmeans": f"fit kmeans digits --n-clusters 6 {FIT}",
    "fit pca": f"fit pca digits --n-components 4 {FIT}",
    "fit nmf": f"fit nmf digits --n-components 4 --max-iter 20 {FIT}",
    "fit som": f"fit som digits --grid 3,4 {FIT}",
    "fit autoencoder": f"fit autoencoder digits --latent-dim 3 --hidden 12 --max-steps 3 {FIT}",
    "fit vae": f"fit vae digits --latent-dim 3 --hidden 12 --max-steps 3 {FIT}",
    "fit gan": "fit gan digits --latent-dim 3 --generator 12 --discriminator 12 --max-steps 3 "
    f"--encoder-epochs 1 {FIT}",
    "fit classifier": f"fit classifier digits --n-features 6 --hidden 12 --max-steps 3 {FIT}",
    "fit pixelnet": f"fit pixelnet digits --n-attributes 2 --channels 4 --max-steps 2 {FIT}",
    "encode": "encode models/pca.safetensors digits --split test -o z.npy",
    "decode": "decode models/pca.safetensors codes.npy -o images.npy",
    "reconstruct": "reconstruct models/vae.safetensors digits --split test -o back.npy",
    "generate": "generate models/vae.safetensors -n 12 --seed 3 -o drawn.npy",
    "generate --among": "generate models/pca.safetensors -n 12 --among digits --sampler gaussian "
    "-o among.npy",
    "morph": "morph models/pca.safetensors models/vae.safetensors digits --images 0,5,9 "
    "--steps 5 -o morph.npy",
    "edit": "edit models/pca.safetensors digits --from 3 --to 8 -o edit.npy",
    "traverse": "traverse models/pca.safetensors digits --steps 5 -o traverse.npy",
    "traverse classes": "traverse models/som.safetensors digits --start classes -o classes.npy",
    "denoise": "denoise models/autoencoder.safetensors digits --split test -o clean.npy",
    "denoise --noise": "denoise models/pca.safetensors digits --noise gaussian:0.3 -o noise.png",
    "compress": "compress models/pca.safetensors digits --split test -o new.isth",
    "decompress": "decompress archives/plain.isth --model models/pca.safetensors -o pixels.npy",
    "rd": "rd models/pca.safetensors digits --formats png -o rates.json",
    "segment": "segment models/kmeans-pixels.safetensors few -o segments",
    "export": "export models/vae.safetensors -o vae.onnx",
    "explore": f"explore study -n {EXPORTED} --models kmeans,autoencoder --export explorer",
    "map": "map models/pca.safetensors digits --method pca -n 200 --data places.npz -o map.png",
    "map --on": "map models/pca.safetensors digits --on maps/pca.npz -n 20 -o on.png",
    "nearest": "nearest models/pca.safetensors digits --images 0-4 -k 3 -o nearest.csv",
    "territory": "territory models/pca.safetensors digits --resolution 12 -n 60 --copies 2 "
    "-o territory.png",
    "probe": "probe models/pca.safetensors digits --labels 60 -o probes",
    "cluster": "cluster models/pca.safetensors digits --split test -o clusters",
    "novelty": "novelty models/pca.safetensors digits --split test -n 5 -o novelty",
    "finetune": "finetune models/autoencoder.safetensors digits --labels 50 --epochs 1 "
    "-o tuned.safetensors",
    "reproduce": "reproduce",
}
"""What is asked of every command, in a folder that holds the golden files; see `prepared`."""
LEFT_OUT = ("seconds", "minutes", "peak_memory_mb", "model_bytes", "MiB", "where")
"""What JSON says of this machine rather than of the images."""


def digits() -> Any:
    """All digits, with which pixels are ink."""
    images = ist.load_images("digits")
    maps = (np.asarray(images)[..., 0] > 127).astype(np.uint8)
    return replace(images, label_maps=maps)


def learnt_from(name: str, images: Any) -> Any:
    """The images that a golden model was fitted on."""
    few = images.train[:200]
    return few[:20].pixels() if name.endswith("pixels") else few


def numbers_of(name: str, model: Any, images: Any) -> dict[str, np.ndarray]:
    """What a model says of the first images, and what it draws, by the names of its verbs."""
    few = images[:SHOWN]
    few = few[:1].pixels() if name.endswith("pixels") else few
    found: dict[str, Any] = {"encode": model.encode(few), "transform": model.transform(few)}
    if hasattr(model, "decode"):
        found["decode"] = model.decode(found["encode"])
    if hasattr(model, "sample"):
        found["sample"] = model.sample(4, random_state=5)
    for verb in ("predict", "predict_proba", "score"):
        if hasattr(model, verb):
            found[verb] = getattr(model, verb)(few)
    if hasattr(model, "posterior"):
        found["posterior mean"], found["posterior variance"] = model.posterior(few)
    for kind in ("parts", "planes"):
        for part, values in getattr(model, kind)().items():
            found[f"{kind} {part}"] = np.asarray(values)[:4]
    return {f"{name}/{verb}": np.asarray(values) for verb, values in found.items()}


def export_numbers(folder: Path) -> dict[str, np.ndarray]:
    """What the files of an export hold, but for its pictures and networks."""
    kinds = {".f32": "<f4", ".i32": "<i4", ".u16": "<u2", ".u8": "u1"}
    files = sorted(path for path in folder.rglob("*") if path.suffix in kinds)
    return {str(path.relative_to(folder)): np.fromfile(path, kinds[path.suffix]) for path in files}


def prepared(golden: Path, place: Path) -> Path:
    """Fill an empty folder with what commands are given: golden files, and a few PNG files."""
    for part in ("models", "archives", "maps", "study"):
        shutil.copytree(golden / part, place / part)
    np.save(place / "codes.npy", np.load(golden / "expected.npz")["pca/encode"])
    (place / "page").mkdir()
    (place / "page" / "index.html").write_text("<!doctype html><title>page</title>")
    images = ist.load_images("digits")
    for row, array in enumerate(np.asarray(images[:4])):
        path = place / "few" / str(images.y[row]) / f"{row}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(array[..., 0]).save(path)
    return place


@contextlib.contextmanager
def built_page(folder: Path) -> Iterator[None]:
    """Have a page of the explorer that needs no node to be built."""
    from isthmus.explorer import static as home

    before, home.PAGE = home.PAGE, folder
    try:
        yield
    finally:
        home.PAGE = before


def run(arguments: str, place: Path) -> str:
    """What a command writes to standard output where it is run in a folder."""
    before, sys.argv = sys.argv, ["isthmus", *arguments.split()]
    try:
        with (
            contextlib.chdir(place),
            built_page(place / "page"),
            contextlib.redirect_stdout(io.StringIO()) as out,
        ):
            runpy.run_module("isthmus", run_name="__main__")
    except SystemExit as stop:
        if stop.code:
            raise RuntimeError(f"isthmus {arguments}: exit code {stop.code}") from None
    finally:
        sys.argv = before
    return out.getvalue()


def said(arguments: str, place: Path) -> dict[str, Any]:
    """What a command says as JSON but for what the machine decides, and the array it writes."""
    answer = without(json.loads(run(f"{arguments} --json", place)))
    name = arguments.split()[-1]
    return {"json": answer} | ({"array": few_of(place / name)} if name.endswith(".npy") else {})


def without(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without(each) for key, each in value.items() if key not in LEFT_OUT}
    if isinstance(value, list):
        return [without(each) for each in value if not is_of_the_clock(each)]
    return value


def is_of_the_clock(value: Any) -> bool:
    """Return whether it is the ranking by speed, which another run may have otherwise."""
    return isinstance(value, dict) and value.get("purpose") == "speed"


def few_of(path: Path) -> dict[str, Any]:
    """How large an array is, and a few of its values."""
    array = np.load(path)
    some = array.ravel()[np.linspace(0, array.size - 1, 12).astype(int)]
    return {"shape": list(array.shape), "type": str(array.dtype), "some": some.tolist()}


def differences(now: Any, then: Any, rtol: float, atol: float, at: str = "") -> Iterator[str]:
    """Say where what a command says is less than it was, or something else.

    Words may be put better and records be added; names, which have no space in them, and numbers
    stay.
    """
    if isinstance(then, dict):
        if not isinstance(now, dict) or then.keys() - now.keys():
            yield f"{at}: {sorted(then)} became {now}"
            return
        for key, value in then.items():
            yield from differences(now[key], value, rtol, atol, f"{at}/{key}")
    elif isinstance(then, list):
        now = in_order(now, then)
        if not isinstance(now, list) or len(now) != len(then):
            yield f"{at}: {then} became {now}"
            return
        for i, (one, other) in enumerate(zip(now, then, strict=True)):
            yield from differences(one, other, rtol, atol, f"{at}/{i}")
    elif isinstance(then, float) and isinstance(now, int | float):
        both_nan = math.isnan(now) and math.isnan(then)
        if not both_nan and not math.isclose(now, then, rel_tol=rtol, abs_tol=atol):
            yield f"{at}: {then} became {now}"
    elif isinstance(then, str) and " " in then:
        if not isinstance(now, str):
            yield f"{at}: {then!r} became {now!r}"
    elif now != then:
        yield f"{at}: {then!r} became {now!r}"


def in_order(now: Any, then: list[Any]) -> Any:
    """Records in the order of older ones, found by the names in them; others are left out."""
    if not isinstance(now, list) or not all(isinstance(each, dict) for each in (*now, *then)):
        return now
    keys = [key for key, v in (then or [{}])[0].items() if isinstance(v, str) and " " not in v]
    names = [tuple(each.get(key) for key in keys) for each in then]
    if len(set(names)) < len(names):
        return now
    known = {tuple(each.get(key) for key in keys): each for each in now}
    return [known[name] for name in names if name in known]


def write(folder: Path) -> None:
    """Write all golden files to a folder that is not there yet."""
    folder.mkdir(parents=True)
    images = digits()
    expected: dict[str, np.ndarray] = {}
    fitted = write_models(folder / "models", images, expected)
    write_archives(folder / "archives", fitted, images, expected)
    write_maps(folder / "maps", fitted["pca"], images, expected)
    write_study(folder / "study", images)
    np.savez(folder / "expected.npz", **expected)
    with tempfile.TemporaryDirectory() as name:
        os.environ["ISTHMUS_CACHE"] = f"{name}/cache"
        place = prepared(folder, Path(name))
        answers = {key: said(arguments, place) for key, arguments in COMMANDS.items()}
        (folder / "commands.json").write_text(json.dumps(answers, indent=1) + "\n")
        shutil.copytree(place / "explorer" / "data", folder / "explorer")
    expected |= {f"explorer/{k}": v for k, v in export_numbers(folder / "explorer").items()}
    np.savez_compressed(folder / "expected.npz", **expected)


def write_models(folder: Path, images: Any, expected: dict[str, Any]) -> dict[str, Any]:
    from isthmus.fitted.store import save_model

    folder.mkdir()
    fitted = {}
    for name, make in MODELS.items():
        learnt = learnt_from(name, images)
        learnt = replace(learnt, label_maps=None) if name == "pixelnet-images" else learnt
        model = fitted[name] = make().fit(learnt)
        save_model(model, folder / f"{name}.safetensors", dated=False)
        expected |= numbers_of(name, model, images)
    return fitted


def write_archives(folder: Path, models: dict[str, Any], images: Any, expected: Any) -> None:
    folder.mkdir()
    for name, (model, options) in ARCHIVES.items():
        path = folder / f"{name}.isth"
        ist.compress(models[model], images[:ARCHIVED], path, **options)
        expected[f"archives/{name}"] = ist.decompress(path, models[model])


def write_maps(folder: Path, model: Any, images: Any, expected: dict[str, Any]) -> None:
    folder.mkdir()
    for method in ("pca", "tsne"):
        found = ist.Map.of(model, images[:60], method, random_state=0)
        found.save(folder / f"{method}.npz")
        expected[f"maps/{method}"] = found.points
        if method == "pca":
            expected["maps/placed"] = found.place(model, images[60:80])


def write_study(folder: Path, images: Any) -> None:
    models = {name: MODELS[name]() for name in ("kmeans", "pca", "autoencoder")}
    ist.study(replace(images, label_maps=None), models).report(folder)
    for name in ("report.html", "scores.csv"):
        (folder / name).unlink()


if __name__ == "__main__":
    write(Path(sys.argv[1]).absolute())
