"""Arrays that stay in their files: Zarr, OME-TIFF, and what a fit takes of large ones."""

import resource
import subprocess
import sys

import numpy as np
import pytest

import isthmus as ist
from isthmus.data import ondisk

tifffile = pytest.importorskip("tifffile")
RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (30, 6, 7, 3), dtype=np.uint8)
STACK = RNG.integers(0, 200, (2, 3, 4, 6, 7))
AS_IMAGES = STACK.transpose(0, 2, 3, 4, 1).reshape(8, 6, 7, 3)
DYES = ["DAPI", "GFP", "RFP"]


@pytest.fixture(params=["in memory", "on disk"], autouse=True)
def kept(request, monkeypatch, tmp_path):
    monkeypatch.setenv("ISTHMUS_CACHE", str(tmp_path / "cache"))
    if request.param == "on disk":
        monkeypatch.setattr(ondisk, "IN_MEMORY_BYTES", 0)
    return request.param


def rows(array):
    """Return the images as an array in a file, three rows at a time."""
    return ondisk.OnDisk(
        array.shape, array.dtype, lambda a, b: array[a:b], ("test", array.sum().item()), 3
    )


def test_rows_of_an_array_on_disk():
    there = rows(IMAGES)
    assert (there.shape, there.ndim, len(there), there.nbytes) == (
        IMAGES.shape,
        4,
        30,
        IMAGES.nbytes,
    )
    chosen = [
        slice(4, 20),
        slice(20, 4),
        slice(None, None, 2),
        [7, 1, 1, 29],
        -1,
        np.arange(30) > 25,
    ]
    for index in chosen:
        np.testing.assert_array_equal(np.asarray(there[index]), IMAGES[index])
        np.testing.assert_array_equal(np.asarray(there[2:29][1:]), IMAGES[3:29])
    images = ist.Images(there)
    part = images[5:25][[3, 1]]
    np.testing.assert_array_equal(np.asarray(part), IMAGES[[8, 6]])
    np.testing.assert_array_equal(np.concatenate(list(images[5:25].chunks(7))), IMAGES[5:25])
    np.testing.assert_array_equal(there[4:9].mapped(), IMAGES[4:9])
    with pytest.raises(ValueError, match="row 30"):
        np.asarray(ondisk.OnDisk((31, 6, 7, 3), there.dtype, there.fetch, (), 3))


@pytest.mark.parametrize(
    "make",
    [
        lambda: ist.PCA(2, random_state=0),
        lambda: ist.KMeans(3, random_state=0),
        lambda: ist.SOM((2, 2), random_state=0, max_iter=1),
        lambda: ist.Autoencoder(2, epochs=1, random_state=0),
    ],
)
def test_families_learn_the_same_from_disk(make):
    there, here = make().fit(ist.Images(rows(IMAGES))), make().fit(IMAGES)
    np.testing.assert_array_equal(there.encode(IMAGES), here.encode(IMAGES))
    np.testing.assert_array_equal(there.encode(ist.Images(rows(IMAGES))), here.encode(IMAGES))


def test_size_and_color_are_changed_as_they_are_read():
    there = ist.load_images(ist.Images(rows(IMAGES)), size=4, color="grey")
    assert isinstance(there.data, ondisk.OnDisk)
    here = ist.load_images(IMAGES, size=4, color="grey")
    np.testing.assert_array_equal(np.asarray(there), np.asarray(here))
    assert there.changed == here.changed or not here.changed


@pytest.mark.parametrize("packed", [None, "zlib"])
@pytest.mark.parametrize("kind", ["u1", "u2", "f4", ">u2"])
def test_stacks_of_ome_tiff(tmp_path, kept, packed, kind):
    path = tmp_path / "a.ome.tif"
    tifffile.imwrite(
        path,
        STACK.astype(kind),
        ome=True,
        photometric="minisblack",
        compression=packed,
        byteorder=">" if ">" in kind else "<",
        metadata={"axes": "TCZYX", "Channel": {"Name": DYES}},
    )
    other = tifffile.imread(path).transpose(0, 2, 3, 4, 1).reshape(8, 6, 7, 3)
    images = ist.load_images(path)
    assert (kept == "on disk") == isinstance(images.data, ondisk.OnDisk)
    assert images.shape == (8, 6, 7, 3)
    assert images.meta["band_names"] == DYES
    np.testing.assert_array_equal(np.asarray(images), other)
    np.testing.assert_array_equal(np.asarray(ist.load_images(path, nth=3)), other[::3])


def test_ome_tiff_of_colors(tmp_path):
    path = tmp_path / "a.ome.tif"
    tifffile.imwrite(path, IMAGES, ome=True, photometric="rgb", metadata={"axes": "TYXS"})
    np.testing.assert_array_equal(np.asarray(ist.load_images(path)), IMAGES)


@pytest.mark.parametrize("version", [2, 3])
def test_arrays_and_groups_of_zarr(tmp_path, version):
    zarr = pytest.importorskip("zarr")
    path = str(tmp_path / "a.zarr")
    array = zarr.create_array(path, shape=IMAGES.shape, chunks=(8, 6, 7, 3), dtype="u1",
                              zarr_format=version)  # fmt: skip
    array[:] = IMAGES
    np.testing.assert_array_equal(np.asarray(ist.load_images(path)), zarr.open(path)[:])
    turned = ist.load_images(path, layout="nwhc")
    np.testing.assert_array_equal(np.asarray(turned), IMAGES.transpose(0, 2, 1, 3))
    group = zarr.create_group(str(tmp_path / "g.zarr"), zarr_format=version)
    deep = RNG.integers(0, 4096, (10, 6, 7), dtype=np.uint16)
    group.create_array("scans", data=deep)
    group.create_array("label", data=np.arange(10) % 2)
    images = ist.load_images(tmp_path / "g.zarr")
    np.testing.assert_array_equal(np.asarray(images), np.asarray(ist.load_images(deep)))
    assert (images.y.tolist(), images.loading["bits"]) == ([0, 1] * 5, 12)
    group.create_array("more", data=IMAGES)
    with pytest.raises(ValueError, match="several arrays"):
        ist.load_images(tmp_path / "g.zarr")
    assert ist.load_images(f"{tmp_path}/g.zarr:more").shape == IMAGES.shape


@pytest.mark.parametrize("version", [2, 3])
def test_ome_zarr(tmp_path, version):
    zarr = pytest.importorskip("zarr")
    group = zarr.create_group(str(tmp_path / "a.ome.zarr"), zarr_format=version)
    group.create_array("0", data=STACK.astype("u1"))
    group.create_array("1", data=STACK.astype("u1")[..., ::2, ::2])
    scales = [
        {"axes": [{"name": axis} for axis in "tczyx"], "datasets": [{"path": "0"}, {"path": "1"}]}
    ]
    ome = {"multiscales": scales, "omero": {"channels": [{"label": dye} for dye in DYES]}}
    group.attrs.update({"ome": ome} if version == 3 else ome)
    images = ist.load_images(tmp_path / "a.ome.zarr")
    np.testing.assert_array_equal(np.asarray(images), AS_IMAGES)
    assert images.meta["band_names"] == DYES


VALUES = {
    "bytes as int": RNG.integers(0, 256, (30, 6, 7, 3)),
    "bytes as float": RNG.integers(0, 256, (30, 6, 7, 3)).astype("f4"),
    "fractions": RNG.random((30, 6, 7)) * 255,
    "12 bits": RNG.integers(0, 4096, (30, 6, 7), dtype=np.uint16),
    "other order": RNG.integers(0, 65536, (30, 6, 7)).astype(">u2"),
    "signed": RNG.integers(-900, 900, (30, 6, 7, 2), dtype=np.int16),
    "half": RNG.random((30, 6, 7)).astype("f2"),
    "bits": RNG.integers(0, 2, (30, 6, 7)).astype(bool),
    "channels first": RNG.integers(0, 256, (30, 3, 12, 13), dtype=np.uint8),
    "vectors": RNG.integers(0, 256, (30, 70)),
}


@pytest.mark.parametrize("asked", [{}, {"value_range": (0, 100)}, {"dtype": "float32"}])
@pytest.mark.parametrize("kind", VALUES)
def test_files_of_numbers_are_read_as_arrays_are(tmp_path, kept, kind, asked):
    h5py, array = pytest.importorskip("h5py"), VALUES[kind]
    np.save(tmp_path / "a.npy", array)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("x", data=array, chunks=(4, *array.shape[1:]))
        file["y"] = np.arange(30) % 3
    here = ist.load_images(array, **asked)
    for name in ("a.npy", "a.h5"):
        there = ist.load_images(tmp_path / name, **asked)
        assert there.dtype == here.dtype
        np.testing.assert_array_equal(np.asarray(there), np.asarray(here))
        assert [each.words for each in there.decisions] == [e.words for e in here.decisions]
    assert (kept == "on disk") == isinstance(there.data, ondisk.OnDisk)
    assert there.y.tolist() == [0, 1, 2] * 10


def test_parts_of_hdf5_are_one_set(tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("x_train", data=IMAGES[:20], chunks=(3, 6, 7, 3))
        file["x_test"] = IMAGES[20:]
    images = ist.load_images(tmp_path / "a.h5")
    np.testing.assert_array_equal(np.asarray(images), IMAGES)
    np.testing.assert_array_equal(np.asarray(images[[25, 3, 19, 20]]), IMAGES[[25, 3, 19, 20]])
    np.testing.assert_array_equal(np.asarray(images.test), IMAGES[20:])


def test_a_damaged_part_of_hdf5_is_one_line(tmp_path, kept):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("x", data=np.repeat(IMAGES, 9, axis=0), chunks=(9, 6, 7, 3),
                            compression="gzip")  # fmt: skip
    data = bytearray((tmp_path / "a.h5").read_bytes())
    data[len(data) // 2 : len(data) // 2 + 900] = bytes(900)
    (tmp_path / "a.h5").write_bytes(data)
    with pytest.raises(ValueError, match=r"a\.h5 is damaged"):
        np.asarray(ist.load_images(tmp_path / "a.h5"))


def test_a_guess_of_a_large_file_says_at_how_much_it_looked(tmp_path, kept, monkeypatch):
    monkeypatch.setattr("isthmus.data.numbers.LOOKED_AT", 100)
    monkeypatch.setattr("isthmus.data.values.LOOKED_AT", 100)
    images = ist.Images(rows(VALUES["bytes as float"]))
    assert images.dtype == np.uint8
    assert "all of some 100 numbers looked at lie within it" in images.decisions[0].words


def test_a_map_of_other_numbers_is_fitted_in_parts(tmp_path, kept):
    np.save(tmp_path / "a.npy", VALUES["12 bits"])
    there = ist.PCA(2, random_state=0).fit(np.load(tmp_path / "a.npy", mmap_mode="r"))
    here = ist.PCA(2, random_state=0).fit(VALUES["12 bits"])
    np.testing.assert_array_equal(there.components_, here.components_)
    assert there.fitting_ == here.fitting_


def test_zarr_without_its_library_says_what_to_install(tmp_path, monkeypatch):
    (tmp_path / "a.zarr").mkdir()
    (tmp_path / "a.zarr" / "zarr.json").write_text("{}")
    monkeypatch.setitem(sys.modules, "zarr", None)
    with pytest.raises(ImportError, match=r"zarr: pip install \"isthmus\[zarr\]\""):
        ist.load_images(tmp_path / "a.zarr")


def test_a_large_map_gives_its_memory_back(tmp_path, kept):
    if kept == "in memory" or not hasattr(__import__("mmap"), "MADV_DONTNEED"):
        pytest.skip("once is enough, where memory can be given back")
    code = f"""
import numpy as np, resource, isthmus as ist
np.lib.format.open_memmap({str(tmp_path / "a.npy")!r}, "w+", "u1", (3000, 400, 400, 1))
images = ist.load_images({str(tmp_path / "a.npy")!r})
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(sum(int(chunk[0, 0, 0, 0]) for chunk in images.chunks()) +
      sum(int(chunk.max()) for chunk in images.chunks()))
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""
    assert resource
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert int(done.stdout.split()[1]) < 200  # MB, of 480
