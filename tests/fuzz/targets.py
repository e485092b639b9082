"""One target a format: files of the kind to begin with, how they are changed, and what reads them.

A target's seeds are folders, in each of which one file is changed; more come from `corpus`, files
that ended badly once, and from `tests/golden`.
"""

import contextlib
import csv
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from unittest import mock

import numpy as np

import isthmus as ist
from fuzz import mutators as by
from fuzz import sources as of
from isthmus.explorer.tags import Tags

HERE = Path(__file__).parent
CORPUS, GOLDEN = HERE / "corpus", HERE.parent / "golden"


@dataclass(frozen=True)
class Target:
    """A format.

    Parameters
    ----------
    write : callable
        Writes seeds into a folder; returns the files to be changed.
    read : callable
        Reads what is at a path as a command would.
    change : tuple of callables
        From bytes and a generator to other bytes.
    corpus : str
        How files of the corpus that are of the kind are called.
    sealed : bool
        Whether every change of bytes has to be noticed.
    shapes : tuple of tuples
        Of the images that the seeds hold, one after another.
    """

    write: Callable
    read: Callable
    change: tuple = (by.of_bytes,)
    corpus: str = ""
    sealed: bool = False
    shapes: tuple = ()


@cache
def digits():
    return ist.load_images("digits")[:40]


@cache
def fitted(name):
    few = {"max_steps": 2, "random_state": 0}
    made = {
        "kmeans": lambda: ist.KMeans(3, random_state=0),
        "pca": lambda: ist.PCA(3),
        "nmf": lambda: ist.NMF(3, max_iter=3, random_state=0),
        "som": lambda: ist.SOM((2, 3), max_iter=2, random_state=0),
        "autoencoder": lambda: ist.Autoencoder(2, hidden=(4,), **few),
        "vae-conv": lambda: ist.VAE(2, architecture="conv", channels=(3,), hidden=(4,), **few),
        "gan": lambda: ist.GAN(2, generator=(4,), discriminator=(4,), encoder_epochs=1, **few),
        "classifier": lambda: ist.Classifier(3, hidden=(4,), **few),
        "pixelnet": lambda: ist.PixelNet(2, channels=2, **few),
    }
    return made[name]().fit(digits())


def in_folder(files, folder):
    """Copy files into folders of their own; return the copies."""
    copies = []
    for number, path in enumerate(files):
        copies.append(folder / f"{number}" / path.name)
        copies[-1].parent.mkdir(parents=True)
        shutil.copy(path, copies[-1])
    return copies


def write_models(folder):
    """Write models of today."""
    names = ("kmeans", "pca", "nmf", "som", "autoencoder", "vae-conv", "gan", "classifier")
    paths = [folder / f"{name}.safetensors" for name in (*names, "pixelnet")]
    for path in paths:
        fitted(path.stem).save(path)
    return paths


def golden_models(folder):
    """Take models of releases, the small ones."""
    found = [p for p in sorted(GOLDEN.rglob("*.safetensors")) if p.stat().st_size < 15_000]
    return in_folder(found, folder)


def read_model(path):
    """Load a model and do with it what can be done."""
    model = ist.load_model(path)
    shape = tuple(model.image_shape_)
    if np.prod(shape) > 10_000:  # a model of any size may be of large images
        shape = (4, 4, *shape[2:]) if model.any_size else shape
    few = np.zeros((2, *shape), np.float32)
    codes = model.encode(few)
    for verb in ("decode", "predict"):
        if model.can(verb):
            getattr(model, verb)(codes if verb == "decode" else few)
    if model.can("sample") and np.prod(model.image_shape_) <= 10_000:
        model.sample(2, random_state=0)
    model.parts()
    ist.info(path)


def write_checkpoint(folder):
    """Write the checkpoint of a fit."""
    path = folder / "fit.safetensors"
    _resumed(path, 1)
    return [path]


def _resumed(path, epochs):
    given = {"hidden": (4,), "epochs": epochs, "random_state": 0, "checkpoint": str(path)}
    return ist.Autoencoder(2, **given).fit(digits())


def write_maps(folder):
    """Write maps of several kinds."""
    y = digits()
    found = {"pca.npz": ist.Map.of(fitted("pca"), y, method="pca")}
    found["grid.npz"] = ist.Map.of(fitted("som"), y)
    found["wide.npz"] = ist.Map.of(fitted("nmf"), y, method="pca", dimensions=3)
    for name, one in found.items():
        one.save(folder / name)
    return [folder / name for name in found]


def golden_maps(folder):
    """Take maps of releases."""
    return in_folder(sorted((GOLDEN / "0.1/maps").iterdir()), folder)


def read_map(path):
    found = ist.Map.load(path)
    if found.method != "grid":
        found.place_codes(np.zeros((2, len(found.mean))))


def write_archives(folder):
    """Write compressed files that hold their models."""
    made = {}
    for name, given in {
        "pca": {"quality": 12.0},
        "kmeans": {},
        "som": {"lossless": True},
        "pixelnet": {"quality": 8.0},
    }.items():
        made[name] = folder / f"{name}.isth"
        ist.compress(fitted(name), digits(), made[name], embed=True, **given)
    pictures = folder / "pictures"
    pictures.mkdir()
    of.write_pngs(pictures)
    for embed in (True, False):
        path = made["tiles" + "-embedded" * embed] = folder / f"tiles{'-embedded' * embed}.isth"
        ist.compress(of_tiles(), pictures, path, quality=9.0, embed=embed)
    return list(made.values())


@cache
def of_tiles():
    with tempfile.TemporaryDirectory() as folder:
        of.write_pngs(Path(folder))
        return ist.PCA(2).fit(ist.load_images(folder, per="patch", size=4, color="grey"))


def read_archive(path):
    """Read a file by the model in it, and by the one it was written with."""
    models = {"tiles": of_tiles, "tiles-embedded": of_tiles}
    models |= {name: partial(fitted, name) for name in ("pca", "kmeans", "som", "pixelnet")}
    if path.stem in models:
        list(ist.decompress(path, models[path.stem]()).files or [])
    if path.stem != "tiles":  # it is the one without its model
        list(ist.decompress(path).files or [])


def write_study(folder):
    """Take the study of a release."""
    shutil.copytree(GOLDEN / "0.1/study", folder / "study")
    return [folder / "study/scores.json"]


def read_study(path):
    study = ist.load_study(path.parent)
    repr(study)
    study.table()
    ist.info(path.parent)


def write_results(folder):
    """Take results of recipes as docs have them."""
    for name in ("a-kmeans-2", "e-glyphs"):
        shutil.copytree(HERE.parents[1] / "docs/reproduction" / name, folder / name / name)
    return sorted(folder.rglob("result.json"))


def read_result(path):
    root = path.parent.parent
    ist.reproduce((), folder=root, document=root / "page.md", force=True)


def write_record(folder):
    from isthmus.system.owned import RECORD

    words = ["study", "digits", "-o", "runs/x"]
    facts = {"in": "/", "line": "isthmus", "command": words, "folder": "runs/x", "date": "2026"}
    facts |= {"options": {"budget": None}, "versions": {"isthmus": "0.1"}}
    (folder / RECORD).write_text(json.dumps(facts))
    return [folder / RECORD]


def read_record(path):
    from isthmus.cli import record

    found = record._read(path.parent)
    record._words(found, path.parent)


def write_codes(folder):
    codes = fitted("pca").encode(digits()[:4])
    np.save(folder / "a.npy", codes)
    np.savez(folder / "b.npz", codes=codes)
    rows = [["pca0", "pca1", "pca2"], *codes.tolist()]
    with (folder / "c.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return [folder / "a.npy", folder / "b.npz", folder / "c.csv"]


def read_codes(path):
    from isthmus.verbs.decode import codes_in

    fitted("pca").decode(codes_in(fitted("pca"), path))


def write_tags(folder):
    tags = Tags("a", 12, folder)
    tags.write(b'{"odd": [2, 0, 2], "even": [1]}')
    return [tags.path]


def read_tags(path):
    """Read tags that are kept, and take them as a page sends them."""
    tags = Tags("a", 12, path.parent.parent)
    tags.read()
    tags.write(path.read_bytes())


@contextlib.contextmanager
def all_on_disk(folder):
    """Keep every packed array in a cache of a folder."""
    with contextlib.ExitStack() as stack:
        for module in ("folder", "moving"):
            stack.enter_context(
                mock.patch(f"isthmus.data.{module}.memory_allowed", return_value=0)
            )
        stack.enter_context(mock.patch.dict(os.environ, {"ISTHMUS_CACHE": str(folder)}))
        yield


def write_cache(folder):
    """Pack images and frames into a cache."""
    for name, write in {"still": of.write_pngs, "moving": of.write_moving}.items():
        (folder / name).mkdir()
        write(folder / name)
        with all_on_disk(folder / f"cache-{name}"):
            ist.load_images(folder / name, nth=1 if name == "moving" else None)
    return sorted(folder.rglob("images/*"))


def read_cache(path):
    """Read what is packed; whatever is damaged in the cache, the images are the same."""
    cache = path.parents[1]
    name = cache.name.removeprefix("cache-")
    source, nth = cache.parent / name, 1 if name == "moving" else None
    before = {each: each.read_bytes() for each in path.parent.iterdir()}
    with all_on_disk(cache):
        found = of.looked_at(ist.load_images(source, nth=nth))
        pixels = np.array(found)
    for each, content in before.items():
        each.write_bytes(content)
    expected = ist.load_images(source, nth=nth)
    if not np.array_equal(pixels, expected) or list(found.names) != list(expected.names):
        raise RuntimeError("other images than there are")
    return found


ONE, TWO = (12, 8, 9, 1), (12, 72)
"""Shapes of the images that most seeds hold."""
TARGETS = {
    "model": Target(write_models, read_model, (by.of_bytes, by.one_bit), sealed=True),
    "model forged": Target(write_models, read_model, (by.of_tensors,), "st_*"),
    "model of old": Target(golden_models, read_model, (by.of_tensors, by.of_bytes), "st_*"),
    "checkpoint": Target(
        write_checkpoint, lambda path: _resumed(path, 2), (by.of_bytes, by.one_bit), sealed=True
    ),
    "checkpoint forged": Target(
        write_checkpoint, lambda path: _resumed(path, 2), (by.of_tensors,)
    ),
    "map": Target(write_maps, read_map, (by.of_bytes, by.one_bit), sealed=True),
    "map forged": Target(write_maps, read_map, (by.of_npz,), "map_*"),
    "map of old": Target(golden_maps, read_map, (by.of_bytes, by.of_npz)),
    "isth": Target(write_archives, read_archive, (by.of_bytes, by.one_bit), sealed=True),
    "isth forged": Target(write_archives, read_archive, (by.of_sections,), "isth_*"),
    "study": Target(write_study, read_study, (by.of_json, by.of_json, by.of_bytes)),
    "result": Target(write_results, read_result, (by.of_json, by.of_json, by.of_bytes)),
    "record": Target(write_record, read_record, (by.of_json, by.of_bytes)),
    "tags": Target(write_tags, read_tags, (by.of_json, by.of_bytes)),
    "cache": Target(write_cache, read_cache, (by.of_json, by.of_bytes)),
    "codes": Target(write_codes, read_codes, (by.of_bytes, by.of_npz, by.of_lines)),
    "pictures": Target(
        of.write_pictures, of.read_beside, (by.of_bytes, by.of_packed), "picture_*"
    ),
    "deep": Target(of.write_deep, of.read_beside, (by.of_bytes, by.of_packed)),
    "npy": Target(of.write_npy, of.read_any, shapes=(ONE, TWO)),
    "npz": Target(
        of.write_npz,
        of.read_any,
        (by.of_bytes, by.of_npz),
        "npz_*",
        shapes=(ONE, (24, 8, 9, 1), ONE),
    ),
    "sprites": Target(
        of.write_sprites, of.read_any, (by.of_bytes, by.of_npz), shapes=((16, 64, 64, 1),)
    ),
    "mat": Target(
        of.write_mat,
        of.read_any,
        (by.of_bytes, by.of_mat),
        "mat_*",
        shapes=(ONE, ONE, TWO, ONE, ONE),
    ),
    "hdf5": Target(of.write_h5, of.read_any, corpus="h5_*", shapes=(ONE,) * 3),
    "idx": Target(of.write_idx, of.read_any, (by.of_bytes, by.of_packed), shapes=(ONE,) * 2),
    "mnist": Target(
        of.write_mnist, of.read_beside, (by.of_bytes, by.of_packed), shapes=((16, 8, 9, 1),) * 2
    ),
    "parquet": Target(of.write_parquet, of.read_any, shapes=(TWO, (3, 8, 9, 1))),
    "arrow": Target(of.write_arrow, of.read_any, shapes=(TWO,)),
    "saved": Target(
        of.write_saved, of.read_saved, (by.of_bytes, by.of_json), shapes=((24, 72),) * 4
    ),
    "tiff": Target(
        of.write_tiff,
        of.read_any,
        corpus="tiff*",
        shapes=((1, 8, 9, 12), (1, 8, 9, 12), ONE, (1, 32, 36, 1), (1, 8, 9, 12)),
    ),
    "ome": Target(of.write_ome, of.read_any, shapes=((4, 8, 9, 3),) * 2),
    "envi": Target(
        of.write_envi,
        of.read_any,
        (by.of_bytes, by.of_lines),
        "hand--envi*.hdr",
        shapes=((1, 8, 9, 12),) * 3,
    ),
    "zarr": Target(
        of.write_zarr, of.read_zarr, (by.of_bytes, by.of_json, by.of_packed), shapes=(ONE,) * 2
    ),
    "zarr 3": Target(
        of.write_zarr_3,
        of.read_zarr,
        (by.of_bytes, by.of_json, by.of_packed),
        shapes=((1, 8, 9, 12),) * 4,
    ),
    "zip": Target(
        of.write_zip, of.read_any, (by.of_bytes, by.of_zip), "zip_*", shapes=((10, 9, 7, 3),)
    ),
    "flowers": Target(of.write_flowers, of.read_beside, (by.of_bytes, by.of_mat)),
    "segnet": Target(of.write_segnet, of.read_segnet, (by.of_bytes, by.of_packed, by.of_lines)),
    "labels": Target(of.write_labels, of.read_labels, (by.of_bytes, by.of_lines)),
    "tables": Target(of.write_tables, of.read_any, (by.of_bytes, by.of_json, by.of_lines)),
    "described": Target(of.write_described, of.read_beside, (by.of_bytes, by.of_json)),
    "moving": Target(of.write_moving, of.read_any, (by.of_bytes, by.of_packed)),
    "frames": Target(of.write_moving, of.read_frames, (by.of_bytes, by.of_packed)),
}
"""Every format that is read, by name."""


def seeds_of(name, folder):
    """Write the seeds of a target into a folder; return the files that are to be changed."""
    target = TARGETS[name]
    folder.mkdir(parents=True)
    kept = target.write(folder)
    if target.corpus:
        kept += in_folder(sorted(CORPUS.glob(target.corpus)), folder / "corpus")
    return kept
