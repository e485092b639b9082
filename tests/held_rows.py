"""Rows of `test_source_table.py`: what people hold in Python, tables of files, saved data sets."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from PIL import Image

from test_held import Frame, encoded

N, H, W = 6, 8, 9
LABELS = ["ant", "bee", "cow", "ant", "bee", "cow"]


class Items:
    """As a Dataset of torch."""

    def __init__(self, pictures, labels=LABELS):
        self.pictures, self.labels = pictures, labels

    def __len__(self):
        return len(self.pictures)

    def __getitem__(self, row):
        return self.pictures[row], self.labels[row]


class Stream:
    """Gives pictures one by one, as often as it is asked."""

    def __init__(self, pictures):
        self.pictures = pictures

    def __iter__(self):
        return iter(self.pictures)


def channels_first(raw):
    return [torch.from_numpy(np.moveaxis(each, -1, 0).copy()) for each in raw]


IN_PYTHON = {
    "Dataset of arrays": ("nhwc", lambda raw: Items(list(raw)), LABELS),
    "Dataset of tensors": ("nchw", lambda raw: Items(channels_first(raw)), LABELS),
    "generator of arrays": ("nhwc", lambda raw: Stream(list(raw)), None),
    "generator of batches": ("nhwc", lambda raw: Stream([raw[:4], raw[4:]]), None),
}
TYPES = ("uint8", "bool", "uint16", "12 bits in uint16", "int16 of 0..255", "float32",
         "float32 of 0..255", "signed float32")  # fmt: skip


def in_python(numbers, values):
    """Yield source, values, layout, what makes it, what it is, its range and its labels."""
    for kind, (layout, wrap, labels) in IN_PYTHON.items():
        for name in TYPES:
            dtype, low, high, read, ends = values[name]
            raw = numbers((N, H, W, 3), low, high, dtype)
            yield (kind, name, layout, lambda _, raw=raw, wrap=wrap: wrap(raw),
                   lambda _, raw=raw, read=read: read(raw), ends, labels)  # fmt: skip


def photos(folder, mode):
    """Write images, and return their paths inside the folder."""
    rng, paths = np.random.default_rng(1), []
    shape = (H, W) if mode == "L" else (H, W, len(mode))
    for i in range(N):
        path = folder / "my photos" / f"ü {i}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(rng.integers(0, 256, shape, dtype=np.uint8)).save(path)
        paths.append(path.relative_to(folder).as_posix())
    return paths


def by_pillow(folder):
    files = sorted(folder.glob("**/*.png"))
    found = np.stack([np.asarray(Image.open(file)) for file in files]) / 255
    return found if found.ndim == 4 else found[..., None]


def csv(folder, mode):
    lines = [
        f"{path};{k};{i}"
        for i, (path, k) in enumerate(zip(photos(folder, mode), LABELS, strict=True))
    ]
    (folder / "t.csv").write_text("\n".join(["path;class;age", *lines]), encoding="utf-8")
    return folder / "t.csv"


def tsv(folder, mode):
    lines = [f"ü {i}\t{label}" for i, label in enumerate(LABELS)]
    photos(folder, mode)
    (folder / "t.tsv").write_text("\n".join(["id\tkind", *lines]), encoding="utf-8")
    return folder / "t.tsv"


def jsonl(folder, mode):
    records = [{"image": p, "label": k} for p, k in zip(photos(folder, mode), LABELS, strict=True)]
    (folder / "t.jsonl").write_text("\n".join(map(json.dumps, records)), encoding="utf-8")
    return folder / "t.jsonl"


def coco(folder, mode):
    names = ["ant", "bee", "cow"]
    held = {
        "images": [{"id": i, "file_name": p} for i, p in enumerate(photos(folder, mode))],
        "annotations": [{"image_id": i, "category_id": i % 3} for i in range(N)],
        "categories": [{"id": i, "name": name} for i, name in enumerate(names)],
    }
    (folder / "t.json").write_text(json.dumps(held), encoding="utf-8")
    return folder / "t.json"


def paths_in_parquet(folder, mode):
    columns = {"file_name": photos(folder, mode), "label": LABELS}
    pq.write_table(pa.table(columns), folder / "t.parquet")
    return folder / "t.parquet"


def described(folder, mode):
    lines = [f"{path},{label}" for path, label in zip(photos(folder, mode), LABELS, strict=True)]
    (folder / "metadata.csv").write_text("\n".join(["file_name,label", *lines]), encoding="utf-8")
    return folder


def frame(folder, mode):
    paths = [str(folder / path) for path in photos(folder, mode)]
    return Frame(path=paths, label=LABELS)


def arrow(folder, mode):
    paths = photos(folder, mode)
    cells = [{"bytes": encoded(Image.open(folder / path)), "path": None} for path in paths]
    table = pa.table({"image": cells, "label": LABELS})
    with pa.ipc.new_stream(str(folder / "data.arrow"), table.schema) as stream:
        stream.write_table(table)
    return folder / "data.arrow"


def saved(folder, mode):
    arrow(folder, mode)
    (folder / "dataset_info.json").write_text("{}")
    return folder


FILES = [csv, tsv, jsonl, coco, paths_in_parquet, described, frame, arrow, saved]


def files():
    """Yield the same of sources that name files, or hold them; Pillow reads these files."""
    for make in FILES:
        for mode in ("L", "RGB"):
            yield (make.__name__, "uint8", mode,
                   lambda folder, make=make, mode=mode: make(folder, mode),
                   by_pillow, (0, 1), LABELS)  # fmt: skip
