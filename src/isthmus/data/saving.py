"""Images written as a folder of PNG files, as .npz or as .parquet."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from isthmus.data.beside import beside, flat_columns
from isthmus.data.kept import IN_SCHEMA, MAPS, facts_of
from isthmus.data.label_maps import NO_CLASS, ignored_in, is_mask
from isthmus.data.ranges import to_bytes
from isthmus.data.shown import columns_of
from isthmus.system.files import refuse_existing, replacing, replacing_folder

if TYPE_CHECKING:
    from isthmus.data.images import Images

COLUMNS = ("name", "label", "split")
"""What is kept of every image beside its attributes and factors."""


def write_images(images: Images, path: Path, force: bool = False) -> Path:
    """Write images to a folder, a .npz or a .parquet file, and return the path."""
    writers = {"": _to_folder, ".npz": _to_npz, ".parquet": _to_parquet}
    if path.suffix.lower() not in writers:
        raise ValueError(f"{path}: images are saved as a folder, as .npz or as .parquet")
    refuse_existing(path, force=force, folder=not path.suffix)
    writers[path.suffix.lower()](images, path, force)
    return path


def _to_folder(images: Images, path: Path, force: bool) -> None:
    _refuse_lost(images)
    if images.label_maps is not None:
        return _to_pairs(images, path, force)
    columns = columns_of(images)
    labels, split = columns.get("label"), columns.get("split")
    sorted_in = labels is not None and None not in labels and len(set(labels)) > 1
    save, names, files = _as_png(images), _names_of(images), list[str]()
    with replacing_folder(path, force=force) as folder:
        for row, name in enumerate(names):
            parts = [] if split is None else [split[row]]
            parts += [_as_name(labels[row])] if sorted_in and labels is not None else []
            file = folder.joinpath(*parts, f"{name}.png")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(save(row))
            files.append(file.relative_to(folder).as_posix())
        told = {} if sorted_in or labels is None else {"label": labels}
        if beside := told | flat_columns(images):
            _write_table(folder / "metadata.csv", {"file_name": files} | beside)


def _refuse_lost(images: Images) -> None:
    """Raise if images have what is lost in a folder of PNG files."""
    lost = {"pixels without data": images.without_data() is not None}
    if images.label_maps is not None:
        beside = images.y is not None or images.attributes or images.factors
        lost["labels, attributes or factors beside label maps"] = bool(beside)
        lost["which class of label maps is to be ignored"] = not _is_told_by_name(images)
    if what := next((what for what, is_lost in lost.items() if is_lost), None):
        raise ValueError(f"a folder of PNG files does not keep {what}: save as .npz or .parquet")


def _is_told_by_name(images: Images) -> bool:
    """Return whether the ignored class is one that readers of label maps know: 255, or void."""
    names, ignored = images.map_classes or [], images.ignored_class
    by_name = ignored_in(names)
    if ignored is None or by_name is not None:
        return by_name == ignored
    return ignored == NO_CLASS and not is_mask(images.label_maps, None, len(names) or None)


def _to_pairs(images: Images, path: Path, force: bool) -> None:
    """Write images and label maps as SegNet's layout has them, with the names of the classes."""
    from PIL import Image

    maps, save = np.asarray(images.label_maps), _as_png(images)
    most = int(maps[maps != NO_CLASS].max(initial=0))
    names = images.map_classes or list(map(str, range(most + 1)))
    with replacing_folder(path, force=force) as folder:
        for row, name in enumerate(_names_of(images)):
            part = "test" if images.is_test is not None and images.is_test[row] else "train"
            for parent in (folder / part, folder / f"{part}annot"):
                parent.mkdir(exist_ok=True)
            (folder / part / f"{name}.png").write_bytes(save(row))
            Image.fromarray(maps[row]).save(folder / f"{part}annot" / f"{name}.png")
        (folder / "classes.txt").write_text("\n".join(names) + "\n", encoding="utf-8")


def _write_table(path: Path, columns: dict[str, list[Any]]) -> None:
    """Write columns as csv; what is none, or no number, is left empty."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        for cells in zip(*columns.values(), strict=True):
            writer.writerow("" if cell is None or cell != cell else cell for cell in cells)


def _names_of(images: Images) -> list[str]:
    """Return a name for every image: that of its file where each has another."""
    width = len(str(len(images)))
    if images.names is not None:
        stems = [_as_name(Path(str(name)).stem) for name in images.names]
        if len({stem.lower() for stem in stems}) == len(stems):
            return stems
    return [f"{row:0{width}}" for row in range(len(images))]


def _as_name(text: str) -> str:
    return re.sub(r"[^\w .+()-]", "_", text).strip(" .") or "_"


def _as_png(images: Images) -> Callable[[int], bytes]:
    """Return what makes a PNG file of a row."""
    from PIL import Image

    if images.ndim != 4 or images.shape[3] not in (1, 3):
        raise ValueError(
            f"{images.source} holds images of shape {images.shape[1:]}, of which there are no PNG "
            "files: save them as .npz or .parquet"
        )
    ends = images.value_range

    def png(row: int) -> bytes:
        pixels = to_bytes(np.asarray(images[row])[0], ends)
        file = io.BytesIO()
        Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).save(file, "PNG")
        return file.getvalue()

    return png


def _to_npz(images: Images, path: Path, force: bool) -> None:
    columns = {
        name: np.array(["" if cell is None else cell for cell in cells])
        for name, cells in columns_of(images).items()
        if name in COLUMNS
    }
    known: dict[str, Any] = {"images": np.asarray(images), **columns, **beside(images)}
    known |= {name: json.dumps(fact) for name, fact in facts_of(images).items()}
    if images.label_maps is not None:
        known[MAPS] = images.label_maps
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **known)


def _to_parquet(images: Images, path: Path, force: bool) -> None:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise ImportError(
            'writing .parquet needs pyarrow: pip install "isthmus[files]"'
        ) from error
    cells: Any = None
    if images.ndim == 4 and images.shape[3] in (1, 3) and images.dtype == np.uint8:
        png, names = _as_png(images), _names_of(images)
        paths = [f"{name}.png" for name in names]
        if (known := columns_of(images).get("name")) and len(set(known)) == len(known):
            paths = known
        cells = [{"bytes": png(row), "path": path} for row, path in enumerate(paths)]
    columns = {name: c for name, c in columns_of(images).items() if name in COLUMNS}
    columns = {"image": _lists(np.asarray(images)) if cells is None else cells} | columns
    if images.label_maps is not None:
        columns[MAPS] = _lists(images.label_maps)
    facts = {IN_SCHEMA + n.encode(): json.dumps(fact) for n, fact in facts_of(images).items()}
    with replacing(path) as temporary:
        table = pyarrow.table({**columns, **flat_columns(images)})
        parquet.write_table(table.replace_schema_metadata(facts), temporary)


def _lists(array: np.ndarray) -> Any:
    """Return an array as a column of lists of lists of numbers of its type."""
    import pyarrow

    column = pyarrow.array(array.ravel())
    for length in array.shape[:0:-1]:
        column = pyarrow.FixedSizeListArray.from_arrays(column, length)
    return column
