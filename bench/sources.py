"""Every kind of source through k-means, a study and the explorer: `python bench/sources.py`.

It needs pandas, polars, datasets, pyarrow, av, zarr and tifffile. Thirty drawn photographs of
several sizes are written in every way people hold images. In Python they are loaded, fitted,
studied within 20 seconds, and explored: the page, its points, an image and its code are asked for.
Where a way is a file, the command line does the same, in this process. Names of sources as
arguments take these alone.
"""

import contextlib
import io
import json
import os
import re
import sys
import tempfile
import traceback
import urllib.request
import warnings
import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

N, KINDS = 30, ["ant", "bee", "cow"]
STUDY = {"models": ["kmeans", "pca", "autoencoder"], "budget": 20, "max_steps": 5}
OPTIONS = {"size": "--size", "resize": "--resize", "columns": "--columns", "labels": "--labels",
           "nth": "--nth"}  # fmt: skip
SHOWN = ("labels", "columns", "size", "resize")
"""Options of the explorer: all else a model knows."""


class Home:
    """The photographs, as files and in memory."""

    def __init__(self, folder):
        rng = np.random.default_rng(0)
        self.folder, self.y = folder, [i % 3 for i in range(N)]
        self.labels, self.pictures, self.paths = [KINDS[k] for k in self.y], [], []
        for i, label in enumerate(self.labels):
            sides = (int(rng.integers(60, 100)), int(rng.integers(60, 100)))
            small = rng.integers(0, 256, (6, 5, 3), dtype=np.uint8) // 2 + 40 * self.y[i]
            self.pictures.append(Image.fromarray(small.astype(np.uint8)).resize(sides))
            path = folder / "my photos" / label / f"ü {i:02d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            self.pictures[-1].save(path)
            self.paths.append(path)
        self.arrays = [np.asarray(picture) for picture in self.pictures]
        self.even = np.stack([np.asarray(p.resize((24, 20))) for p in self.pictures])
        self.grey = self.even.mean(-1).astype(np.uint8)
        self.parts = ["test" if i % 5 == 4 else "train" for i in range(N)]
        self.names = [path.relative_to(folder).as_posix() for path in self.paths]

    def new(self, name):
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        return folder

    def bytes_of(self, i):
        return self.paths[i].read_bytes()


class Way(NamedTuple):
    """How images are held: what makes it, and how it is read."""

    make: object
    options: dict | None = None


WAYS = {}


def way(name, **options):
    def added(make):
        WAYS[name] = Way(make, options)
        return make

    return added


@way("folder of classes")
def _(home):
    return str(home.folder / "my photos")


@way("list of paths")
def _(home):
    return [str(path) for path in home.paths]


@way("glob")
def _(home):
    return str(home.folder / "my photos" / "*" / "*.png")


@way("zip of a folder")
def _(home):
    path = home.folder / "photos.zip"
    with zipfile.ZipFile(path, "w") as file:
        for each in home.paths:
            file.write(each, each.relative_to(home.folder))
    return str(path)


@way("list of PIL images")
def _(home):
    return home.pictures


for rule in ("crop", "pad", "stretch"):

    @way(f"list of arrays of several sizes, {rule}", size=32, resize=rule)
    def _(home):
        return home.arrays


@way("csv table")
def _(home):
    path = home.folder / "labels.csv"
    rows = zip(home.names, home.labels, home.parts, strict=True)
    path.write_text("\n".join(["path,label,split", *map(",".join, rows)]), encoding="utf-8")
    return str(path)


@way("table with named columns", columns={"image": "photo", "label": "species", "split": "fold"})
def _(home):
    path = home.folder / "named.tsv"
    rows = zip(map(str, range(N)), home.names, home.labels, home.parts, strict=True)
    lines = ["number\tphoto\tspecies\tfold", *map("\t".join, rows)]
    path.write_text("\n".join(lines), encoding="utf-8")
    return str(path)


@way("--labels beside a folder", labels="LABELS")
def _(home):
    path = home.new("flat")
    for each in home.paths:
        (path / each.name).write_bytes(each.read_bytes())
    rows = zip((each.name for each in home.paths), home.labels, strict=True)
    lines = "\n".join(["name,label", *map(",".join, rows)])
    (home.folder / "beside.csv").write_text(lines, encoding="utf-8")
    return str(path)


@way("DataFrame of pandas")
def _(home):
    import pandas as pd

    return pd.DataFrame({"path": list(map(str, home.paths)), "label": home.labels, "age": home.y})


@way("DataFrame of polars")
def _(home):
    import polars as pl

    return pl.DataFrame({"path": list(map(str, home.paths)), "label": home.labels, "age": home.y})


@way("DataFrame of pictures")
def _(home):
    import pandas as pd

    return pd.DataFrame({"picture": home.pictures, "kind": pd.Categorical(home.labels)})


@way("metadata.csv in a folder")
def _(home):
    folder = home.new("described")
    for each in home.paths:
        (folder / each.name).write_bytes(each.read_bytes())
    rows = zip((each.name for each in home.paths), home.labels, strict=True)
    lines = "\n".join(["file_name,label", *map(",".join, rows)])
    (folder / "metadata.csv").write_text(lines, encoding="utf-8")
    return str(folder)


@way("zip with metadata.csv")
def _(home):
    WAYS["metadata.csv in a folder"].make(home)
    path = home.folder / "described.zip"
    with zipfile.ZipFile(path, "w") as file:
        for each in sorted((home.folder / "described").iterdir()):
            file.write(each, each.name)
    return str(path)


@way("COCO file")
def _(home):
    path = home.folder / "annotations.json"
    held = {
        "images": [{"id": i, "file_name": name} for i, name in enumerate(home.names)],
        "annotations": [{"image_id": i, "category_id": k} for i, k in enumerate(home.y)],
        "categories": [{"id": k, "name": name} for k, name in enumerate(KINDS)],
    }
    path.write_text(json.dumps(held), encoding="utf-8")
    return str(path)


@way("folder of train, val, test")
def _(home):
    folder = home.new("parted")
    for i, each in enumerate(home.paths):
        part = "test" if i % 5 == 4 else "val" if i % 5 == 3 else "train"
        path = folder / part / home.labels[i] / each.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(each.read_bytes())
    return str(folder)


def dataset(home, rows=range(N)):
    from datasets import ClassLabel, Dataset, Features
    from datasets import Image as Picture

    columns = {"image": [str(home.paths[i]) for i in rows], "label": [home.y[i] for i in rows]}
    kinds = Features({"image": Picture(), "label": ClassLabel(names=KINDS)})
    return Dataset.from_dict(columns, features=kinds)


def datasets(home):
    from datasets import DatasetDict

    return DatasetDict(train=dataset(home, range(24)), test=dataset(home, range(24, N)))


WAYS["Dataset of Hugging Face"] = Way(dataset)
WAYS["DatasetDict"] = Way(datasets)


@way("Dataset of Hugging Face, filtered")
def _(home):
    return dataset(home).filter(lambda row: row["label"] < 2).shuffle(seed=0)


@way("Dataset of Hugging Face, with_format torch")
def _(home):
    return dataset(home).with_format("torch")


@way("IterableDataset of Hugging Face")
def _(home):
    return dataset(home).to_iterable_dataset()


@way("folder of save_to_disk")
def _(home):
    path = home.folder / "saved"
    if not path.exists():
        dataset(home).save_to_disk(path)
    return str(path)


@way("folder of save_to_disk, DatasetDict")
def _(home):
    path = home.folder / "saved parts"
    if not path.exists():
        datasets(home).save_to_disk(path)
    return str(path)


@way(".arrow file")
def _(home):
    WAYS["folder of save_to_disk"].make(home)
    return str(next((home.folder / "saved").glob("*.arrow")))


@way("parquet of paths")
def _(home):
    import polars as pl

    path = home.folder / "paths.parquet"
    pl.DataFrame({"path": home.names, "label": home.labels}).write_parquet(path)
    return str(path)


@way("parquet of bytes")
def _(home):
    path = home.folder / "bytes.parquet"
    dataset(home).to_parquet(path)
    return str(path)


@way("folder of parquet")
def _(home):
    folder = home.new("shards")
    for part, held in datasets(home).items():
        held.to_parquet(folder / f"{part}-00000-of-00001.parquet")
    return str(folder)


class Items:
    """A Dataset of torch."""

    def __init__(self, home, tensors=False):
        import torch

        self.home = home
        self.held = torch.from_numpy(home.even).movedim(-1, 1) if tensors else home.pictures

    def __len__(self):
        return N

    def __getitem__(self, row):
        return self.held[row], self.home.y[row]


class ImageFolder(Items):
    """As that of torchvision."""

    transform = target_transform = None
    loader, classes = staticmethod(Image.open), KINDS

    def __init__(self, home):
        super().__init__(home)
        self.samples = [(str(path), k) for path, k in zip(home.paths, home.y, strict=True)]


def loader(home):
    import torch

    return torch.utils.data.DataLoader(Items(home, tensors=True), batch_size=8, shuffle=True)


def random_split(home):
    import torch

    parts = torch.utils.data.random_split(Items(home), [20, 10])
    return dict(zip(("train", "test"), parts, strict=True))


WAYS |= {
    "Dataset of torch": Way(Items),
    "Dataset of tensors": Way(lambda home: Items(home, tensors=True)),
    "ImageFolder": Way(ImageFolder),
    "DataLoader": Way(loader),
    "parts of random_split": Way(random_split),
    "generator of pairs": Way(lambda home: zip(home.pictures, home.labels, strict=True)),
    "generator of arrays": Way(lambda home: (each for each in home.arrays)),
    "dict of arrays": Way(lambda home: {"images": home.even, "labels": home.labels}),
    "array": Way(lambda home: home.even),
    "tensor (n, c, h, w)": Way(lambda home: Items(home, tensors=True).held),
}


@way("npz")
def _(home):
    path = home.folder / "arrays.npz"
    np.savez(path, images=home.even, labels=home.labels)
    return str(path)


@way("video", nth=1)
def _(home):
    from isthmus.plots.videos import save_video

    path = home.folder / "clip.mp4"
    save_video(path, [Image.fromarray(each) for each in home.even], [40] * N)
    return str(path)


def animation(home, suffix):
    path = home.folder / f"walk.{suffix}"
    first, *others = [Image.fromarray(each) for each in home.even]
    more = {"lossless": True} if suffix == "webp" else {}
    first.save(path, save_all=True, append_images=others, **more)
    return str(path)


WAYS["animated GIF"] = Way(lambda home: animation(home, "gif"), {"nth": 1})
WAYS["animated WebP"] = Way(lambda home: animation(home, "webp"), {"nth": 2})
WAYS["TIFF of many pages"] = Way(lambda home: animation(home, "tif"))


def zarr(home, version):
    import zarr

    path = home.folder / f"scans{version}.zarr"
    if not path.exists():
        group = zarr.create_group(str(path), zarr_format=version)
        group.create_array("images", data=home.even)
        group.create_array("labels", data=np.array(home.y))
    return str(path)


WAYS["Zarr, version 2"] = Way(lambda home: zarr(home, 2))
WAYS["Zarr, version 3"] = Way(lambda home: zarr(home, 3))


def ome_tiff(home, channels):
    import tifffile

    path = home.folder / f"stack{channels}.ome.tif"
    names = ["DAPI", "GFP", "RFP", "Cy5"][:channels]
    stack = np.stack([home.grey // (k + 1) for k in range(channels)], 1)
    stack, axes = (stack, "TCYX") if channels > 1 else (home.grey, "TYX")
    known = {"axes": axes} | ({"Channel": {"Name": names}} if channels > 1 else {})
    tifffile.imwrite(path, stack, ome=True, photometric="minisblack", metadata=known)
    return str(path)


WAYS["OME-TIFF"] = Way(lambda home: ome_tiff(home, 1))
WAYS["OME-TIFF of two channels"] = Way(lambda home: ome_tiff(home, 2))
WAYS["OME-TIFF of four channels"] = Way(lambda home: ome_tiff(home, 4))


@way("registered reader")
def _(home):
    import isthmus as ist

    ist.register_reader(".rows", lambda path: np.loadtxt(path, dtype=np.uint8).reshape(N, 20, 24))
    path = home.folder / "scans.rows"
    np.savetxt(path, home.grey.reshape(N, -1), "%d")
    return str(path)


def visit(url):
    """Ask for what a browser asks for: the page, points, sheets, an image, its code, and back."""
    address, _, token = url.partition("#token=")

    def asked(name, body=None):
        with urllib.request.urlopen(address + name, body, timeout=60) as answer:
            return answer.read()

    assert b"<html" in asked("")
    known = json.loads(asked("data/manifest.json"))
    images = np.frombuffer(asked(f"api/{token}/images", np.arange(3, dtype="<i4").tobytes()), "u1")
    assert images.size == 3 * np.prod(known["images"]["shape"]), known["images"]
    asked("data/atlas/0.png")
    for model in known["models"]:
        for layout in model["layouts"]:
            points = np.frombuffer(asked(f"data/{layout['file']}"), "<f4")
            assert len(points) >= 2 * known["images"]["count"]
        codes = np.zeros((3, 1 if model["code"] == "index" else model["width"]), "<f4").tobytes()
        if "encode" in model["can"]:  # of many bands a page shows three, which no model takes
            codes = asked(f"api/{token}/encode?model={model['name']}", images.tobytes())
        back = asked(f"api/{token}/decode?model={model['name']}", codes)
        assert len(back) == images.size, (len(back), images.size)
    for colour in known["colours"]:
        asked(f"data/{colour['file']}")


class Visited:
    """An Explorer on which a command waits: it is visited, and closed."""

    def __init__(self):
        from isthmus.explorer.explore import Explorer

        self.explorer, self.wait, self.count = Explorer, Explorer.wait, 0

    def __enter__(self):
        def wait(explorer):
            visit(explorer.url)
            self.count += 1

        self.explorer.wait = wait
        return self

    def __exit__(self, *_):
        self.explorer.wait = self.wait


def command(*words):
    """Run a command in this process; return what it printed."""
    from isthmus.cli import main as cli

    out, err, before = io.StringIO(), io.StringIO(), sys.argv
    sys.argv = ["isthmus", *map(str, words)]
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            cli.main()
    except SystemExit as stop:
        if stop.code:
            raise RuntimeError(err.getvalue().strip() or f"exit {stop.code}") from None
    finally:
        sys.argv = before
    return out.getvalue()


def in_python(way, home, options, work):
    """Yield every verb of Python: its name, and what calls it."""
    import isthmus as ist

    held = {}

    def fit():
        images = ist.load_images(way.make(home), **options)
        held["model"] = ist.KMeans(3, random_state=0).fit(images)
        assert len(images) >= 10
        again = ist.load_images(way.make(home), like=held["model"], **beside(options))
        assert again.shape == images.shape, (again.shape, images.shape)

    def study():
        held["study"] = ist.study(way.make(home), folder=work / "study", **STUDY, **options)
        assert len(held["study"].scores) == len(STUDY["models"]), held["study"].notes
        ist.load_study(work / "study")

    def explore():
        def seen(*given):
            with ist.explore(*given, open_browser=False) as page:
                visit(page.url)

        seen(held["study"])
        seen(work / "study", *([] if are_files(way.make(home)) else [way.make(home)]))
        told = beside(options)
        source = way.make(home)
        seen(
            held["model"], ist.load_images(source, like=held["model"], **told) if told else source
        )

    return {"fit": fit, "study": study, "explore": explore}


def beside(options):
    return {name: value for name, value in options.items() if name in ("labels", "columns")}


def are_files(source):
    return all(
        isinstance(each, str) for each in (source if isinstance(source, list) else [source])
    )


def in_words(options, names=tuple(OPTIONS)):
    words = []
    for name in options.keys() & set(names):
        value = options[name]
        if isinstance(value, dict):
            value = ",".join(f"{k}={v}" for k, v in value.items())
        words += [OPTIONS[name], str(value)]
    return words


def on_command_line(way, home, options, work):
    source = way.make(home)
    several = source if isinstance(source, list) else [source]
    if not are_files(source):
        return {}
    more, known = in_words(options), in_words(options, SHOWN)
    model, folder = work / "model.safetensors", work / "words"
    names = ",".join(STUDY["models"])

    def data():
        json.loads(command("data", *several[:1], *more, "--json"))
        command("data", *several[:1], *more, "-o", work / "sheet.png")

    def fit():
        command("fit", "kmeans", *several, "-k", 3, "-o", model, *more)
        command("encode", model, *several, "-o", work / "codes.npy", *in_words(beside(options)))

    def study():
        command("study", *several, "--models", names, "--budget", "20s", "--max-steps", 5,
                "-o", folder, *more)  # fmt: skip

    def explore():
        with Visited() as visited:
            command("explore", folder, "--no-browser")
            command("explore", model, *several, "--no-browser", *known)
        assert visited.count == 2

    return {"data": data, "fit": fit, "study": study, "explore": explore}


def outcome(call):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            call()
        except BaseException as error:  # whatever it is, it is told
            if isinstance(error, KeyboardInterrupt):
                raise
            if "-v" in sys.argv:
                traceback.print_exc()
            words = re.sub(r"\s+", " ", f"{error}") or type(error).__name__
            kind = "" if isinstance(error, ValueError | RuntimeError) else type(error).__name__
            return f"{kind} {words}".strip()[:300].replace("|", "/")
    return "ok"


def main():
    asked = [word for word in sys.argv[1:] if word != "-v"]
    header = [*(f"Python {name}" for name in ("fit", "study", "explore")),
              *(f"isthmus {name}" for name in ("data", "fit", "study", "explore"))]  # fmt: skip
    print("Every kind of source: `python bench/sources.py`.\n")
    print(f"| source | {' | '.join(header)} |\n|---|{'---|' * len(header)}")
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        os.environ["ISTHMUS_CACHE"] = f"{folder}/cache"
        home = Home(Path(folder))
        for name, way in WAYS.items():
            if asked and name not in asked:
                continue
            with tempfile.TemporaryDirectory() as work:
                options = dict(way.options or {})
                if "labels" in options:
                    options["labels"] = str(home.folder / "beside.csv")
                found = {}
                for kind, verbs in (("Python", in_python), ("isthmus", on_command_line)):
                    made = verbs(way, home, options, Path(work))
                    found |= {f"{kind} {verb}": outcome(call) for verb, call in made.items()}
            failed += sum(words != "ok" for words in found.values())
            print(f"| {name} | {' | '.join(found.get(h, '-') for h in header)} |", flush=True)
    print(f"\n{failed} failed.")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
