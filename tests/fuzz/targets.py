"""One target a format: files of the kind to begin with, how they are changed, and what reads them.

A target's seeds are folders, in each of which one file is changed; more come from `corpus`, files
that ended badly once, and from `tests/golden`.
"""

import contextlib
import csv
import gzip
import io
import json
import shutil
import struct
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import numpy as np

import isthmus as ist
from fuzz import mutators as by

HERE = Path(__file__).parent
CORPUS, GOLDEN = HERE / "corpus", HERE.parent / "golden"
GREY = (np.arange(12 * 8 * 9) % 251).astype(np.uint8).reshape(12, 8, 9)
LABELS = np.arange(12) % 3


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
    """

    write: Callable
    read: Callable
    change: tuple = (by.of_bytes,)
    corpus: str = ""
    sealed: bool = False


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
    write_pngs(pictures)
    for embed in (True, False):
        path = made["tiles" + "-embedded" * embed] = folder / f"tiles{'-embedded' * embed}.isth"
        ist.compress(of_tiles(), pictures, path, quality=9.0, embed=embed)
    return list(made.values())


@cache
def of_tiles():
    with tempfile.TemporaryDirectory() as folder:
        write_pngs(Path(folder))
        return ist.PCA(2).fit(ist.load_images(folder, per="patch", size=4, color="grey"))


def read_archive(path):
    """Read a file by the model in it, and by the one it was written with."""
    models = {"tiles": of_tiles, "tiles-embedded": of_tiles}
    models |= {name: partial(fitted, name) for name in ("pca", "kmeans", "som", "pixelnet")}
    if path.stem in models:
        list(ist.decompress(path, models[path.stem]()).files or [])
    list(ist.decompress(path).files or [])


def write_pngs(folder):
    from PIL import Image

    rng = np.random.default_rng(0)
    modes = {"a.png": "L", "b.png": "RGBA", "c.png": "P", "d.png": "LA"}
    for name, mode in modes.items():
        pixels = rng.integers(0, 255, (9, 7, 3), dtype=np.uint8)
        Image.fromarray(pixels).convert(mode).save(folder / name)
    Image.fromarray(rng.integers(0, 65535, (9, 7)).astype(np.uint16)).save(folder / "e.png")


def write_pictures(folder):
    """Write pictures of every format."""
    from PIL import Image

    write_pngs(folder)
    pixels = np.random.default_rng(1).integers(0, 255, (9, 7, 3), dtype=np.uint8)
    image = Image.fromarray(pixels)
    for name in ("f.jpg", "g.gif", "h.bmp", "i.webp", "j.ppm", "k.tif", "l.pcx", "m.jp2"):
        image.save(folder / name)
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(folder / "n.jpg", exif=exif)
    image.convert("CMYK").save(folder / "o.jpg")
    return sorted(path for path in folder.iterdir() if path.is_file())


def read_beside(path):
    """Read the folder that a file is in."""
    return _looked_at(ist.load_images(path.parent))


def read_images(path):
    return _looked_at(ist.load_images(path))


def read_any(path):
    """Read a file by its name, and so that it fits."""
    images = _looked_at(ist.load_images(path))
    if images.ndim == 4 and len(images) < 1000:
        ist.load_images(path, size=4)
    return images


def _looked_at(images):
    repr(images)
    np.asarray(images[:2]).sum()
    return images


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
    ist.reproduce((), folder=root, document=root / "page.md")


def write_record(folder):
    from isthmus.cli.record import RECORD

    words = ["study", "digits", "-o", "runs/x"]
    facts = {"in": "/", "line": "isthmus", "command": words, "folder": "runs/x", "date": "2026"}
    facts |= {"options": {"budget": None}, "versions": {"isthmus": "0.1"}}
    (folder / RECORD).write_text(json.dumps(facts))
    return [folder / RECORD]


def read_record(path):
    from isthmus.cli import record

    found = record._read(path.parent)
    record._words(found, path.parent)


def write_npy(folder):
    np.save(folder / "a.npy", GREY)
    np.save(folder / "b.npy", GREY.reshape(12, -1) / np.float32(255))
    return [folder / "a.npy", folder / "b.npy"]


def write_npz(folder):
    np.savez(folder / "a.npz", x=GREY, y=LABELS)
    np.savez_compressed(folder / "b.npz", x_train=GREY, y_train=LABELS, x_test=GREY, y_test=LABELS)
    classes = np.zeros((12, 6), np.int64)
    np.savez_compressed(folder / "c.npz", imgs=GREY, latents_classes=classes)
    return [folder / name for name in ("a.npz", "b.npz", "c.npz")]


def write_mat(folder):
    import scipy.io

    things = {"x": GREY, "y": LABELS, "c": np.array(["ab", "c"], object)}
    scipy.io.savemat(folder / "a.mat", things)
    scipy.io.savemat(folder / "b.mat", things, do_compression=True)
    scipy.io.savemat(folder / "c.mat", {"x": GREY.reshape(12, 72), "y": LABELS}, format="4")
    return [folder / name for name in ("a.mat", "b.mat", "c.mat")]


def write_h5(folder):
    import h5py

    with h5py.File(folder / "a.h5", "w") as file:
        file["y"] = LABELS
        file.create_dataset("x", data=GREY, compression="gzip")
    with h5py.File(folder / "b.h5", "w", libver="latest") as file:
        file["train/x"], file["train/y"] = GREY, LABELS
        file["train"].attrs["units"] = "counts"
    with h5py.File(folder / "c.mat", "w", userblock_size=512) as file:
        file["x"] = GREY.T
        file["x"].attrs["MATLAB_class"] = np.bytes_("uint8")
    head = b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM"
    content = (folder / "c.mat").read_bytes()
    (folder / "c.mat").write_bytes(head.ljust(512, b"\0") + content[512:])
    return [folder / name for name in ("a.h5", "b.h5", "c.mat")]


def write_idx(folder):
    content = struct.pack(">HBB3I", 0, 8, 3, *GREY.shape) + GREY.tobytes()
    (folder / "a-images-idx3-ubyte").write_bytes(content)
    labels = struct.pack(">HBBI", 0, 8, 1, 12) + LABELS.astype(np.uint8).tobytes()
    (folder / "a-labels-idx1-ubyte").write_bytes(labels)
    (folder / "b.gz").write_bytes(gzip.compress(content))
    return [folder / "a-images-idx3-ubyte", folder / "b.gz"]


def write_parquet(folder):
    import pyarrow
    from pyarrow import parquet

    rows = {"x": [row.ravel().tolist() for row in GREY], "label": LABELS.tolist()}
    parquet.write_table(pyarrow.table(rows), folder / "a.parquet")
    buffer = io.BytesIO()
    from PIL import Image

    Image.fromarray(GREY[0]).save(buffer, "png")
    cells = [{"bytes": buffer.getvalue(), "path": "0.png"}] * 3
    parquet.write_table(pyarrow.table({"image": cells}), folder / "b.parquet")
    return [folder / "a.parquet", folder / "b.parquet"]


def write_tiff(folder):
    import tifffile

    tags = [(42113, "s", 0, "7", True)]
    known = {"photometric": "minisblack", "extratags": tags}
    bands = GREY.transpose(1, 2, 0)
    tifffile.imwrite(folder / "a.tif", bands, compression="zlib", planarconfig="contig", **known)
    tifffile.imwrite(folder / "b.tif", bands.astype(np.int16), planarconfig="contig", **known)
    tifffile.imwrite(folder / "c.tif", GREY.astype(np.float32), photometric="minisblack")
    tifffile.imwrite(folder / "d.tif", np.tile(GREY[0], (4, 4)), tile=(16, 16))
    return [folder / f"{name}.tif" for name in "abcd"]


ENVI = """ENVI
samples = 9
lines = 8
bands = 12
header offset = 0
data type = 1
interleave = bsq
byte order = 0
wavelength = {1, 2, 3, 4, 5, 6,
 7, 8, 9, 10, 11, 12}
data ignore value = 3
"""
"""Header of the bands of `GREY`, or of others like them."""


def write_envi(folder):
    place = "map info = {UTM, 1, 1, 600000, 4100000, 30, 30, 33, North, WGS-84}\n"
    (folder / "a.hdr").write_text(ENVI + place)
    (folder / "a.img").write_bytes(GREY.tobytes())
    return [folder / "a.hdr"]


def write_zip(folder):
    pictures = folder / "pictures"
    pictures.mkdir()
    write_pngs(pictures)
    with zipfile.ZipFile(folder / "a.zip", "w") as archive:
        for path in sorted(pictures.iterdir()):
            archive.write(path, f"train/cat/{path.name}")
            archive.write(path, f"test/dog/{path.name}")
    return [folder / "a.zip"]


def write_flowers(folder):
    import scipy.io
    from PIL import Image

    (folder / "jpg").mkdir()
    for number in (1, 2, 3):
        Image.fromarray(np.tile(GREY[number], (2, 2))).save(folder / f"jpg/image_0000{number}.jpg")
    scipy.io.savemat(folder / "imagelabels.mat", {"labels": np.array([[1, 2, 102]])})
    ids = {"trnid": np.array([[1]]), "valid": np.array([[2]]), "tstid": np.array([[3]])}
    scipy.io.savemat(folder / "setid.mat", ids)
    return [folder / "imagelabels.mat", folder / "setid.mat"]


def write_segnet(folder):
    from PIL import Image

    for part in ("train", "trainannot"):
        (folder / part).mkdir()
        for row in range(2):
            Image.fromarray(GREY[row] % 3).save(folder / part / f"{row}.png")
    (folder / "classes.txt").write_text("sky\nroad\nvoid\n")
    lines = [f"train/{row}.png trainannot/{row}.png" for row in range(2)]
    (folder / "train.txt").write_text("\n".join(lines))
    return [folder / "trainannot/0.png", folder / "train.txt", folder / "classes.txt"]


def read_segnet(path):
    folder = path.parent if path.parent.name not in ("trainannot", "train") else path.parent.parent
    return _looked_at(ist.load_images(folder))


def write_tables(folder):
    write_pngs(folder)
    rows = [{"name": f"{name}.png", "label": "cat", "age": 3} for name in "abcde"]
    with (folder / "a.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
    (folder / "b.jsonl").write_text("\n".join(map(json.dumps, rows)))
    images = [{"id": row, "file_name": f"{name}.png"} for row, name in enumerate("abcde")]
    boxes = [{"image_id": row, "category_id": 1} for row in range(5)]
    coco = {"images": images, "annotations": boxes, "categories": [{"id": 1, "name": "cat"}]}
    (folder / "c.json").write_text(json.dumps(coco))
    pixels = [[f"p{i}" for i in range(16)], *GREY.reshape(-1, 16)[:9].tolist()]
    with (folder / "d.csv").open("w", newline="") as file:
        csv.writer(file).writerows(pixels)
    return [folder / name for name in ("a.csv", "b.jsonl", "c.json", "d.csv")]


def write_arrow(folder):
    import pyarrow
    from pyarrow import feather

    rows = {"x": [row.ravel().tolist() for row in GREY], "label": LABELS.tolist()}
    feather.write_feather(pyarrow.table(rows), folder / "a.feather", compression="uncompressed")
    return [folder / "a.feather"]


def write_zarr(folder):
    import zlib

    store = folder / "a.zarr"
    store.mkdir()
    facts = {"zarr_format": 2, "shape": list(GREY.shape), "chunks": [6, 8, 9], "dtype": "|u1"}
    facts |= {"compressor": {"id": "zlib", "level": 1}, "fill_value": 0, "order": "C"}
    (store / ".zarray").write_text(json.dumps(facts | {"filters": None}))
    for row in range(2):
        content = zlib.compress(GREY[6 * row : 6 * row + 6].tobytes())
        (store / f"{row}.0.0").write_bytes(content)
    return [store / ".zarray", store / "0.0.0"]


def write_moving(folder):
    from PIL import Image

    frames = [Image.fromarray(np.tile(row, (2, 2))) for row in GREY[:3]]
    for name in ("a.gif", "b.png", "c.webp", "d.tif"):
        frames[0].save(folder / name, save_all=True, append_images=frames[1:])
    kept = [folder / name for name in ("a.gif", "b.png", "c.webp", "d.tif")]
    with contextlib.suppress(ImportError):
        import av

        with av.open(folder / "e.mp4", "w") as file:
            stream = file.add_stream("mpeg4", rate=5)
            stream.width, stream.height, stream.pix_fmt = 32, 16, "yuv420p"
            for row in GREY[:6]:
                pixels = np.ascontiguousarray(np.tile(row[..., None], (2, 4, 3))[:16, :32])
                frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
                file.mux(stream.encode(frame))
            file.mux(stream.encode(None))
        kept.append(folder / "e.mp4")
    return kept


def write_labels(folder):
    write_pngs(folder)
    with (folder / "labels.csv").open("w", newline="") as file:
        rows = [["name", "label"], *([f"{name}.png", "cat"] for name in "abcde")]
        csv.writer(file).writerows(rows)
    return [folder / "labels.csv"]


def read_labels(path):
    return _looked_at(ist.load_images(path.parent, labels=path))


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
    "pictures": Target(write_pictures, read_beside),
    "npy": Target(write_npy, read_any),
    "npz": Target(write_npz, read_any, (by.of_bytes, by.of_npz), "npz_*"),
    "mat": Target(write_mat, read_any, corpus="mat_*"),
    "hdf5": Target(write_h5, read_any, corpus="h5_*"),
    "idx": Target(write_idx, read_any),
    "parquet": Target(write_parquet, read_any),
    "tiff": Target(write_tiff, read_any, corpus="tiff*"),
    "envi": Target(write_envi, read_any, corpus="hand--envi*.hdr"),
    "zip": Target(write_zip, read_any, (by.of_bytes, by.of_zip), "zip_*"),
    "flowers": Target(write_flowers, read_beside),
    "segnet": Target(write_segnet, read_segnet),
    "labels": Target(write_labels, read_labels),
    "tables": Target(write_tables, read_any, (by.of_bytes, by.of_json)),
    "arrow": Target(write_arrow, read_any),
    "zarr": Target(write_zarr, read_beside, (by.of_bytes, by.of_json)),
    "moving": Target(write_moving, read_any),
    "codes": Target(write_codes, read_codes, (by.of_bytes, by.of_npz)),
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
