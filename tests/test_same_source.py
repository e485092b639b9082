"""A model reads the source that it was fitted on as it did then, whatever was asked for."""

import io
import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

import isthmus as ist

N = 12
PHOTOS = np.random.default_rng(0).integers(0, 256, (N, 10, 9, 3), dtype=np.uint8)


def encoded(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


FILES = {f"{'ab'[i % 2]}/größe {i}.png": encoded(p[: 10 - i % 3]) for i, p in enumerate(PHOTOS)}


def zipped(folder):
    with zipfile.ZipFile(folder / "a.zip", "w") as archive:
        for name, content in FILES.items():
            archive.writestr(name, content)
    return folder / "a.zip"


def unpacked(folder):
    zipfile.ZipFile(zipped(folder)).extractall(folder / "a")
    return folder / "a"


def parquet(folder):
    cells = [{"bytes": content, "path": name} for name, content in FILES.items()]
    pq.write_table(pa.table({"image": cells}), folder / "a.parquet")
    return folder / "a.parquet"


def npy(folder, axes=(0, 1, 2, 3), array=PHOTOS):
    np.save(folder / "a.npy", array.transpose(axes))
    return folder / "a.npy"


def npz(folder):
    np.savez(folder / "a.npz", x=PHOTOS.transpose(1, 2, 3, 0), y=np.arange(N) % 3)
    return folder / "a.npz"


SOURCES = {
    "zip of one size": (zipped, {"size": 6, "color": "grey"}),
    "zip of floats": (zipped, {"size": (5, 6), "dtype": "float32"}),
    "folder that is padded": (unpacked, {"size": 6, "resize": "pad"}),
    "parquet": (parquet, {"size": 6, "color": "grey", "resize": "stretch"}),
    "npy": (npy, {"size": 6, "color": "grey"}),
    "npy of channels first": (lambda f: npy(f, (0, 3, 1, 2)), {"size": 6}),
    "npy of images last": (lambda f: npy(f, (1, 2, 3, 0)), {"layout": "hwcn", "size": 6}),
    "npy of wide numbers": (
        lambda f: npy(f, array=PHOTOS.astype(np.int16)), {"value_range": (0, 300)}
    ),
    "npz of images last": (npz, {"layout": "hwcn", "color": "grey"}),
    "numbers in memory": (lambda f: PHOTOS.transpose(1, 2, 3, 0), {"layout": "hwcn"}),
}  # fmt: skip


@pytest.mark.parametrize("kind", SOURCES)
def test_the_same_source_is_read_the_same(kind, tmp_path):
    make, asked = SOURCES[kind]
    source = make(tmp_path)
    images = ist.load_images(source, **asked)
    model = ist.KMeans(3, max_iter=2, random_state=0).fit(images)
    model.save(tmp_path / "m.safetensors")
    model = ist.load_model(tmp_path / "m.safetensors")
    again = ist.load_images(source, like=model)
    np.testing.assert_allclose(np.asarray(again), np.asarray(images), atol=1e-6)
    if not isinstance(source, np.ndarray):
        np.testing.assert_array_equal(ist.encode(model, source), model.encode(images))


def test_an_array_that_fits_as_it_is_is_left_so():
    model = ist.KMeans(2, max_iter=1).fit(ist.load_images(PHOTOS[..., 0].T, layout="whn"))
    assert ist.load_images(PHOTOS[:5, ..., 0], like=model).shape == (5, 10, 9, 1)


def test_folders_that_are_written_keep_the_names(tmp_path):
    source = unpacked(tmp_path)
    model = ist.PCA(2).fit(ist.load_images(source, size=6))
    ist.reconstruct(model, source).save(tmp_path / "out")
    found = {p.relative_to(tmp_path / "out").as_posix() for p in (tmp_path / "out").rglob("*.png")}
    assert set(FILES) <= found
