"""Files of images of every format, written small, and what reads them."""

import contextlib
import csv
import gzip
import io
import json
import struct
import zipfile
import zlib

import numpy as np

import isthmus as ist

GREY = (np.arange(12 * 8 * 9) % 251).astype(np.uint8).reshape(12, 8, 9)
LABELS = np.arange(12) % 3


def write_pngs(folder):
    from PIL import Image

    rng = np.random.default_rng(0)
    modes = {"a.png": "L", "b.png": "RGBA", "c.png": "P", "d.png": "LA"}
    for name, mode in modes.items():
        pixels = rng.integers(0, 255, (9, 7, 3), dtype=np.uint8)
        Image.fromarray(pixels).convert(mode).save(folder / name)
    Image.fromarray(rng.integers(0, 65535, (9, 7)).astype(np.uint16)).save(folder / "e.png")


def write_deep(folder):
    """Write PNGs of 16 bits a value, with and without colors and transparency."""
    kept = []
    for kind, bands in ((0, 1), (2, 3), (4, 2), (6, 4)):
        values = np.random.default_rng(kind).integers(0, 2**16, (9, 1 + 7 * bands)).astype(">u2")
        rows = b"".join(b"\0" + row[1:].tobytes() for row in values)
        chunks = {b"IHDR": struct.pack(">IIBBBBB", 7, 9, 16, kind, 0, 0, 0)}
        chunks |= {b"IDAT": zlib.compress(rows), b"IEND": b""}
        kept.append(folder / f"{bands}.png")
        content = b"".join(_chunk(*chunk) for chunk in chunks.items())
        kept[-1].write_bytes(b"\x89PNG\r\n\x1a\n" + content)
    return kept


def _chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def write_pictures(folder):
    """Write pictures of every format."""
    from PIL import Image, ImageCms

    write_pngs(folder)
    pixels = np.random.default_rng(1).integers(0, 255, (9, 7, 3), dtype=np.uint8)
    image = Image.fromarray(pixels)
    for name in ("f.jpg", "g.gif", "h.bmp", "i.webp", "j.ppm", "k.tif", "l.pcx", "m.jp2"):
        image.save(folder / name)
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(folder / "n.jpg", exif=exif)
    image.convert("CMYK").save(folder / "o.jpg")
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()
    image.save(folder / "p.jpg", icc_profile=profile)
    for name, kind in (("q.avif", "AVIF"), ("r.qoi", "QOI")):
        with contextlib.suppress(KeyError, OSError):  # not every Pillow writes them
            image.save(folder / name, kind)
    return sorted(path for path in folder.iterdir() if path.is_file())


def read_beside(path):
    """Read the folder that a file is in."""
    return looked_at(ist.load_images(path.parent))


def read_images(path):
    return looked_at(ist.load_images(path))


def read_any(path):
    """Read a file by its name, and so that it fits."""
    images = looked_at(ist.load_images(path))
    if images.ndim == 4 and len(images) < 1000:
        ist.load_images(path, size=4)
    return images


def looked_at(images):
    repr(images)
    np.asarray(images[:2]).sum()
    return images


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
    import scipy.sparse

    things = {"x": GREY, "y": LABELS, "c": np.array(["ab", "c"], object)}
    scipy.io.savemat(folder / "a.mat", things)
    scipy.io.savemat(folder / "b.mat", things, do_compression=True)
    scipy.io.savemat(folder / "c.mat", {"x": GREY.reshape(12, 72), "y": LABELS}, format="4")
    more = {"s": {"a": [1, 2], "b": "text"}, "t": np.array(["ab", "ä"]), "z": GREY[0] * 1j}
    more |= {
        "l": GREY[0, 0] > 9,
        "p": scipy.sparse.eye(5, format="csc"),
        "m": np.array([1, "a"], object),
    }
    scipy.io.savemat(folder / "d.mat", things | more, do_compression=True)
    (folder / "e.mat").write_bytes(big_endian(x=GREY, y=LABELS[:, None].astype(np.uint8)))
    return [folder / f"{name}.mat" for name in "abcde"]


def big_endian(**arrays):
    """Return a MATLAB file of bytes as a machine writes it that has the high byte first."""

    def element(kind, content):
        return struct.pack(">2I", kind, len(content)) + content + bytes(-len(content) % 8)

    out = b"MATLAB 5.0 MAT-file".ljust(124) + b"\x01\x00MI"
    for name, values in arrays.items():
        shape = struct.pack(f">{values.ndim}i", *values.shape)
        head = element(6, struct.pack(">2I", 9, 0)) + element(5, shape) + element(1, name.encode())
        out += element(14, head + element(2, values.tobytes("F")))
    return out


def write_h5(folder):
    import h5py

    with h5py.File(folder / "a.h5", "w") as file:
        file["y"] = LABELS
        file.create_dataset("x", data=GREY, compression="gzip")
    with h5py.File(folder / "b.h5", "w", libver="latest") as file:
        file["train/x"], file["train/y"] = GREY, LABELS
        file["train"].attrs["units"] = "counts"
    with h5py.File(folder / "c.mat", "w", userblock_size=512) as file:
        file["x"], file["y"] = GREY.T, LABELS[:, None]
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
    tifffile.imwrite(folder / "e.tif", bands, planarconfig="contig", bigtiff=True, **known)
    return [folder / f"{name}.tif" for name in "abcde"]


def write_ome(folder):
    import tifffile

    stack, few = GREY.reshape(4, 3, 8, 9), {"compression": "zlib"}
    known = {"axes": "TCYX", "Channel": {"Name": ["r", "g", "b"]}}
    tifffile.imwrite(folder / "a.ome.tif", stack, ome=True, metadata=known)
    tifffile.imwrite(folder / "b.ome.tif", stack, ome=True, metadata=known, **few)
    return [folder / "a.ome.tif", folder / "b.ome.tif"]


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
BIP = (
    "data type = 4\ninterleave = bip\ndefault bands = {3, 2, 1}\nband names = {" + "x," * 11 + "x}"
)


def write_envi(folder):
    place = "map info = {UTM, 1, 1, 600000, 4100000, 30, 30, 33, North, WGS-84}\n"
    (folder / "a.hdr").write_text(ENVI + place)
    (folder / "a.img").write_bytes(GREY.tobytes())
    for name, lines in {"b": "data type = 2\ninterleave = bil\nbyte order = 1", "c": BIP}.items():
        head, _, rest = ENVI.partition("data type")
        (folder / f"{name}.hdr").write_text(f"{head}{lines}\n{rest.partition('order = 0')[2]}")
        (folder / f"{name}.dat").write_bytes(
            GREY.astype(">i2" if name == "b" else "<f4").tobytes()
        )
    return [folder / f"{name}.hdr" for name in "abc"]


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
    return looked_at(ist.load_images(folder))


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


def write_zarr_3(folder):
    """Write an array of version 3, and images in OME-Zarr."""
    chunks = {"name": "regular", "configuration": {"chunk_shape": [6, 8, 9]}}
    facts = {"zarr_format": 3, "node_type": "array", "shape": list(GREY.shape), "fill_value": 0}
    facts |= {"data_type": "uint8", "chunk_grid": chunks, "attributes": {}}
    facts |= {"chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}}}
    facts |= {"dimension_names": ["c", "y", "x"], "storage_transformers": []}
    scale = {"version": "0.5", "axes": [{"name": name} for name in "cyx"]}
    ome = {"multiscales": [scale | {"datasets": [{"path": "0"}]}]}
    group = {"zarr_format": 3, "node_type": "group", "attributes": {"ome": ome}}
    level = {"name": "gzip", "configuration": {"level": 1}}
    for store in (folder / "a.zarr", folder / "b.zarr/0"):
        packed = store.name == "a.zarr"
        codecs = [{"name": "bytes"}, *([level] if packed else [])]
        for row in range(2):
            place, content = store / f"c/{row}/0/0", GREY[6 * row : 6 * row + 6].tobytes()
            place.parent.mkdir(parents=True)
            place.write_bytes(gzip.compress(content, mtime=0) if packed else content)
        (store / "zarr.json").write_text(json.dumps(facts | {"codecs": codecs}))
    (folder / "b.zarr/zarr.json").write_text(json.dumps(group))
    names = ("a.zarr/zarr.json", "a.zarr/c/1/0/0", "b.zarr/zarr.json", "b.zarr/0/zarr.json")
    return [folder / name for name in names]


def read_zarr(path):
    """Read the store that a file is in."""
    found = next(each for each in path.parents if each.suffix == ".zarr")
    return looked_at(ist.load_images(found))


def read_frames(path):
    """Read every frame of an animation or a video, and every second one."""
    ist.load_images(path, nth=2)
    return looked_at(ist.load_images(path, nth=1))


def write_saved(folder):
    """Write folders as `save_to_disk` of datasets and the sharded sets on its hub are."""
    import pyarrow
    from pyarrow import parquet

    label = {"names": ["a", "b", "c"], "_type": "ClassLabel"}
    meta = {"huggingface": json.dumps({"info": {"features": {"label": label}}})}
    rows = {"x": [row.ravel().tolist() for row in GREY], "label": LABELS.tolist()}
    table = pyarrow.table(rows).replace_schema_metadata(meta)
    for part in ("train", "test"):
        place = folder / "saved" / part
        place.mkdir(parents=True)
        file = pyarrow.OSFile(str(place / "data.arrow"), "wb")
        with file, pyarrow.ipc.new_stream(file, table.schema) as stream:
            stream.write_table(table)
        (place / "state.json").write_text('{"_data_files": [{"filename": "data.arrow"}]}')
        (place / "dataset_info.json").write_text("{}")
        (folder / "shards").mkdir(exist_ok=True)
        parquet.write_table(table, folder / f"shards/{part}-0.parquet")
    (folder / "saved/dataset_dict.json").write_text('{"splits": ["train", "test"]}')
    names = ("saved/dataset_dict.json", "saved/test/state.json", "saved/train/data.arrow")
    return [folder / name for name in (*names, "shards/train-0.parquet")]


def read_saved(path):
    """Read the folder of a set that a file is in."""
    found = next(each for each in path.parents if each.name in ("saved", "shards"))
    return looked_at(ist.load_images(found))


def write_described(folder):
    """Write pictures with metadata beside them, as Hugging Face and Roboflow have it."""
    write_pngs(folder)
    rows = [{"file_name": f"{name}.png", "label": "cat", "age": 3} for name in "abcde"]
    (folder / "metadata.jsonl").write_text("\n".join(map(json.dumps, rows)))
    images = [{"id": row, "file_name": f"{name}.png"} for row, name in enumerate("abcde")]
    boxes = [{"image_id": row, "category_id": 1} for row in range(5)]
    coco = {"images": images, "annotations": boxes, "categories": [{"id": 1, "name": "cat"}]}
    (folder / "roboflow").mkdir()
    write_pngs(folder / "roboflow")
    (folder / "roboflow/_annotations.coco.json").write_text(json.dumps(coco))
    return [folder / "metadata.jsonl", folder / "roboflow/_annotations.coco.json"]


def write_mnist(folder):
    """Write the four files of a set in the format of MNIST."""
    for part, rows in {"train": GREY, "t10k": GREY[:4]}.items():
        content = struct.pack(">HBB3I", 0, 8, 3, *rows.shape) + rows.tobytes()
        (folder / f"{part}-images-idx3-ubyte.gz").write_bytes(gzip.compress(content, mtime=0))
        labels = LABELS[: len(rows)].astype(np.uint8)
        content = struct.pack(">HBBI", 0, 8, 1, len(rows)) + labels.tobytes()
        (folder / f"{part}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(content, mtime=0))
    return [folder / "train-images-idx3-ubyte.gz", folder / "t10k-labels-idx1-ubyte.gz"]


def write_sprites(folder):
    """Write dSprites as it is distributed, small."""
    sizes = (1, 1, 2, 2, 2, 2)
    classes = np.stack(np.meshgrid(*map(np.arange, sizes), indexing="ij"), -1).reshape(-1, 6)
    pixels = (np.arange(16 * 64 * 64).reshape(16, 64, 64) % 7 < 3).astype(np.uint8)
    known = {"latents_classes": classes, "latents_values": classes / 2.0}
    np.savez_compressed(folder / "a.npz", imgs=pixels, **known)
    return [folder / "a.npz"]


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
    return looked_at(ist.load_images(path.parent, labels=path))
