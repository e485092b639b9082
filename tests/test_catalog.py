"""Named sets, and how they are downloaded."""

import gzip
import hashlib
import io
import struct
import tarfile
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
import scipy.io
from PIL import Image

from isthmus.data import catalog
from isthmus.data.catalog import NamedSet, fetch, named_sets
from isthmus.data.corrupt import resize, rotate
from isthmus.data.flowers import FEW, SPECIES
from isthmus.data.glyphs import CHARACTERS
from isthmus.data.readers import load_images

CONTENT = np.random.default_rng(0).bytes(700_000)


@pytest.fixture
def server():
    """Files at an address on this machine; `served` notes which bytes were asked for."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            server.served.append((self.path, self.headers.get("Range")))
            content = server.files.get(self.path)
            if content is None:
                self.send_error(404)
                return
            start = int((self.headers.get("Range") or "bytes=0-")[6:-1])
            if not server.ranges:
                start = 0
            if start and start >= len(content):
                self.send_error(416)
                return
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(content) - start))
            self.end_headers()
            self.wfile.write(content[start : server.cut])

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.files = {"/good/a.bin": CONTENT, "/bad/a.bin": b"<html>please log in</html>"}
    server.served, server.ranges, server.cut = [], True, None
    server.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def add_to_catalog(monkeypatch, algorithm):
    checksum = f"{algorithm}:{hashlib.new(algorithm, CONTENT).hexdigest()}"
    entry = NamedSet("for tests", lambda folder, verbose: None, files={"a.bin": checksum})
    monkeypatch.setitem(catalog.CATALOG, "trial", entry)


@pytest.fixture(autouse=True)
def known(monkeypatch):
    add_to_catalog(monkeypatch, "sha256")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ISTHMUS_CACHE", str(tmp_path / "cache"))


def get(server, tmp_path, *paths):
    return fetch("trial", mirrors=[server.address + path for path in paths], root=tmp_path)


def files_in(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("algorithm", ["sha256", "md5"])
def test_a_file_is_downloaded_once(server, tmp_path, monkeypatch, algorithm):
    add_to_catalog(monkeypatch, algorithm)
    folder = get(server, tmp_path, "/good/")
    assert folder == tmp_path / "trial"
    assert (folder / "a.bin").read_bytes() == CONTENT
    get(server, tmp_path, "/good/")
    assert len(server.served) == 1
    assert files_in(folder) == ["a.bin"]


def start_part(tmp_path, content):
    (tmp_path / "trial").mkdir()
    (tmp_path / "trial" / "a.bin.part").write_bytes(content)


def test_a_part_is_continued(server, tmp_path):
    start_part(tmp_path, CONTENT[:400_000])
    folder = get(server, tmp_path, "/good")
    assert (folder / "a.bin").read_bytes() == CONTENT
    assert server.served == [("/good/a.bin", "bytes=400000-")]


def test_a_server_that_cannot_continue_starts_again(server, tmp_path):
    server.ranges = False
    start_part(tmp_path, CONTENT[:400_000])
    assert (get(server, tmp_path, "/good") / "a.bin").read_bytes() == CONTENT


def test_a_complete_part_needs_only_its_name(server, tmp_path):
    start_part(tmp_path, CONTENT)
    assert (get(server, tmp_path, "/good") / "a.bin").read_bytes() == CONTENT


def test_a_cut_connection_leaves_a_part_to_continue(server, tmp_path):
    server.cut = 300_000
    with pytest.raises(OSError, match="connection ended after 300000 of 700000 bytes"):
        get(server, tmp_path, "/good")
    assert (tmp_path / "trial" / "a.bin.part").stat().st_size == 300_000
    server.cut = None
    assert (get(server, tmp_path, "/good") / "a.bin").read_bytes() == CONTENT
    assert server.served[-1] == ("/good/a.bin", "bytes=300000-")


def test_a_wrong_checksum_is_deleted_and_told(server, tmp_path):
    with pytest.raises(OSError, match="wrong checksum, deleted"):
        get(server, tmp_path, "/bad")
    assert files_in(tmp_path / "trial") == []


@pytest.mark.parametrize("first", ["/missing", "/bad"])
def test_the_next_mirror_is_tried(server, tmp_path, first):
    assert (get(server, tmp_path, first, "/good") / "a.bin").read_bytes() == CONTENT


def test_without_a_network_the_error_says_what_to_do(tmp_path):
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as free:
        address = f"http://127.0.0.1:{free.server_port}/"
    with pytest.raises(OSError, match=r"trial: a\.bin is neither in") as error:
        fetch("trial", mirrors=[address], root=tmp_path)
    message = str(error.value)
    assert address in message
    assert "refused" in message
    assert str(tmp_path / "trial") in message
    assert "Put a.bin in that folder, or set ISTHMUS_DATA" in message


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=r"trial: a\.bin is neither in"):
        fetch("trial", mirrors=[], root=tmp_path / "file")


def test_the_list_of_sets(tmp_path, monkeypatch):
    monkeypatch.setenv("ISTHMUS_DATA", str(tmp_path))
    states = {row.name: row.state for row in named_sets()}
    assert states["digits"] == states["glyphs"] == "embedded"
    assert states["mnist"] == "not here yet: downloads 11 MiB"
    (tmp_path / "mnist").mkdir()
    for file in catalog.CATALOG["mnist"].files:
        (tmp_path / "mnist" / file.removesuffix(".gz")).touch()
    assert {row.name: row.state for row in named_sets()}["mnist"].startswith("11 MiB in ")


def test_a_damaged_file_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("ISTHMUS_DATA", str(tmp_path))
    (tmp_path / "mnist").mkdir()
    for file in catalog.CATALOG["mnist"].files:
        (tmp_path / "mnist" / file).write_bytes(gzip.compress(b"hello"))
    with pytest.raises(ValueError, match=r"train-images.*\.gz is damaged.*; delete that file"):
        load_images("mnist")


def test_digits():
    from sklearn.datasets import load_digits

    images = load_images("digits")
    assert images.shape == (1797, 8, 8, 1)
    assert images.dtype == np.uint8
    counts = images.data[..., 0] / 255 * 16
    np.testing.assert_allclose(counts, load_digits().images, atol=0.04)
    assert images.classes == list("0123456789")
    assert len(images.test) == 359
    assert np.bincount(images.test.y).min() >= 34
    assert load_images("digits").is_test.tolist() == images.is_test.tolist()


def test_glyphs():
    images = load_images("glyphs")
    assert images.shape == (32, 7, 5, 1)
    assert set(np.unique(images.data)) == {0, 255}
    assert len({image.tobytes() for image in images.data}) == 32
    assert "".join(images.classes) == CHARACTERS == "".join(map(chr, range(0x60, 0x80)))
    assert images.y.tolist() == list(range(32))
    assert images.is_test is None
    assert (images.data[-1] == 255).all()


def test_mnist(data_folder):
    images = load_images("mnist")
    assert images.source == "mnist"
    assert (images.train.shape, images.test.shape) == ((60000, 28, 28, 1), (10000, 28, 28, 1))
    assert images.y[:5].tolist() == [5, 0, 4, 1, 9]
    assert images.test.y[:5].tolist() == [7, 2, 1, 0, 4]
    assert images.classes == list("0123456789")
    assert images.data[0].max() == 255


def test_the_files_of_mnist_are_those_of_the_catalog(data_folder):
    for file, checksum in catalog.CATALOG["mnist"].files.items():
        content = (data_folder / "mnist" / file).read_bytes()
        assert checksum == f"sha256:{hashlib.sha256(content).hexdigest()}"


def write_small_mnist(folder, n=10):
    folder.mkdir(parents=True)
    pixels = np.random.default_rng(0).integers(0, 256, (n, 28, 28), dtype=np.uint8)
    for part in ("train", "t10k"):
        head = struct.pack(">HBB3I", 0, 8, 3, n, 28, 28)
        (folder / f"{part}-images-idx3-ubyte").write_bytes(head + pixels.tobytes())
        head = struct.pack(">HBBI", 0, 8, 1, n)
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(head + bytes(range(n)))
    return pixels


def test_rotated_mnist_is_made_of_mnist(tmp_path, monkeypatch):
    monkeypatch.setenv("ISTHMUS_DATA", str(tmp_path))
    pixels = write_small_mnist(tmp_path / "mnist")[..., None]
    images = load_images("rotated-mnist")
    assert (images.source, images.dtype) == ("rotated-mnist", np.uint8)
    assert (images.train.shape, images.test.shape) == ((20, 64, 64, 1), (20, 64, 64, 1))
    assert images.train.y.tolist() == np.repeat(range(10), 2).tolist()
    angles = images.train.factors["angle"]
    np.testing.assert_array_equal(images.train.data[::2], resize(pixels, (64, 64)))
    np.testing.assert_array_equal(images.train.data[1::2], rotate(pixels, angles[1::2], (64, 64)))
    assert 45 < abs(angles).max() <= 90
    states = {row.name: row.state for row in named_sets()}
    assert states["rotated-mnist"].startswith("11 MiB in ")
    assert states["rotated-mnist"].endswith("mnist, makes 547 MiB in the cache")


def test_fashion_has_names_for_its_classes(tmp_path, monkeypatch):
    monkeypatch.setenv("ISTHMUS_DATA", str(tmp_path))
    write_small_mnist(tmp_path / "fashion-mnist")
    images = load_images("fashion-mnist")
    assert images.classes[images.y[9]] == "Ankle boot"
    assert len(images.test) == 10


def flower(number):
    """A picture whose green says which of the few it is."""
    pixels = np.full((50, 60, 3), 128, np.uint8)
    pixels[..., 1] = FEW.index(number) * 10 if number in FEW else 5
    return Image.fromarray(pixels)


def jpeg(image):
    buffer = io.BytesIO()
    image.save(buffer, "JPEG")
    return buffer.getvalue()


def published_flowers(n=8189, present=FEW):
    """The files of the Oxford flowers with few of their photographs, by name."""
    buffers = {name: io.BytesIO() for name in ("102flowers.tgz", "imagelabels.mat", "setid.mat")}
    with tarfile.open(fileobj=buffers["102flowers.tgz"], mode="w:gz") as archive:
        for number in present:
            content = jpeg(flower(number))
            member = tarfile.TarInfo(f"jpg/image_{number:05d}.jpg")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    numbers = np.arange(1, n + 1)
    scipy.io.savemat(buffers["imagelabels.mat"], {"labels": (numbers % 102 + 1)[None]})
    parts = {"trnid": numbers[:-20:2], "valid": numbers[1:-20:2], "tstid": numbers[-20:]}
    scipy.io.savemat(buffers["setid.mat"], {k: v[None] for k, v in parts.items()})
    return {name: buffer.getvalue() for name, buffer in buffers.items()}


@pytest.fixture
def flowers(server, tmp_path, monkeypatch):
    """The published files at an address, as the catalog knows it."""
    files = published_flowers()
    server.files |= {f"/{name}": content for name, content in files.items()}
    sums = {name: f"md5:{hashlib.md5(content).hexdigest()}" for name, content in files.items()}
    for name in ("flowers", "flowers102"):
        known = replace(catalog.CATALOG[name], files=sums, mirrors=(server.address,))
        monkeypatch.setitem(catalog.CATALOG, name, known)
    monkeypatch.setenv("ISTHMUS_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


def test_flowers_are_downloaded_and_unpacked_once(server, flowers):
    for _ in range(2):
        images = load_images("flowers")
        assert images.shape == (24, 32, 32, 1)
        assert images.dtype == np.float32
        assert images.data.min() >= -1
        assert images.skipped == []
    assert len(server.served) == 3
    assert files_in(flowers) == ["flowers102"]
    assert files_in(flowers / "flowers102") == [
        "102flowers.tgz", "imagelabels.mat", "jpg", "setid.mat"
    ]  # fmt: skip
    (flowers / "flowers102" / "102flowers.tgz").unlink()
    whole = load_images("flowers102")
    assert whole.shape == (24, 64, 64, 3)
    assert len(server.served) == 3
    assert len(whole.skipped) == 8189 - 24
    numbers = np.array([int(name[6:11]) for name in whole.names])
    assert whole.y.tolist() == (numbers % 102).tolist()
    assert whole.classes == SPECIES
    assert whole.is_test.tolist() == (numbers > 8169).tolist()
    expected = np.array([FEW.index(number) * 10 for number in numbers])
    assert abs(whole.data[:, 5, 5, 1].astype(int) - expected).max() <= 4


def test_the_folder_of_the_flowers_is_known(flowers):
    load_images("flowers")
    images = load_images(flowers / "flowers102", size=20)
    assert images.shape == (24, 20, 20, 3)
    assert images.classes == SPECIES


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("imagelabels.mat", b"hello", r"imagelabels.mat is damaged.*; delete that file"),
        ("setid.mat", b"hello", r"setid.mat is damaged, or not a readable .mat file"),
    ],
)
def test_damaged_tables_of_the_flowers(flowers, file, content, message):
    load_images("flowers")
    (flowers / "flowers102" / file).write_bytes(content)
    with pytest.raises(ValueError, match=message):
        load_images("flowers102")


def test_labels_of_flowers_that_cannot_be(flowers):
    load_images("flowers")
    path = flowers / "flowers102" / "imagelabels.mat"
    scipy.io.savemat(path, {"labels": np.arange(104)[None]})
    with pytest.raises(ValueError, match=r"has labels from 0 to 103: expected 1 to 102"):
        load_images("flowers102")


def tar_of(name, kind=tarfile.REGTYPE, link=""):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        member = tarfile.TarInfo(name)
        member.type, member.linkname = kind, link
        archive.addfile(member)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        tar_of("jpg/../../../outside.txt"),
        tar_of("/outside.txt"),
        tar_of("jpg", tarfile.SYMTYPE, "/etc"),
        tar_of("other/a.jpg"),
        published_flowers(n=30)["102flowers.tgz"][:-5000],
        b"hello",
    ],
    ids=["up", "absolute", "link", "other", "cut", "none"],
)
def test_an_archive_writes_nowhere_else(flowers, content, tmp_path):
    (flowers / "flowers102").mkdir(parents=True)
    for name, right in published_flowers().items():
        (flowers / "flowers102" / name).write_bytes(right if name.endswith("mat") else content)
    with pytest.raises(ValueError, match=r"102flowers.tgz cannot be unpacked"):
        load_images("flowers")
    assert not list(tmp_path.rglob("outside.txt"))
    assert files_in(flowers / "flowers102") == ["102flowers.tgz", "imagelabels.mat", "setid.mat"]


def test_camvid_has_no_download(tmp_path, monkeypatch):
    monkeypatch.setenv("ISTHMUS_DATA", str(tmp_path))
    states = {row.name: row.state for row in named_sets()}
    assert states["camvid"] == "not here yet: has no download"
    assert states["flowers"] == "not here yet: downloads 329 MiB"
    assert states["sprites"] == "embedded, makes 234 MiB in the cache"
    with pytest.raises(
        OSError, match=r"camvid: .*camvid is not there; put the folder CamVid of h"
    ):
        load_images("camvid")


def test_few_flowers(data_folder):
    listed = (data_folder / "flowers102-64px" / "subset24.txt").read_text().split()
    assert listed == [f"image_{number:05d}.jpg" for number in FEW]
    images = load_images("flowers")
    assert images.shape == (24, 32, 32, 1)
    assert images.dtype == np.float32
    assert (images.data.min(), images.data.max()) == (-1, 1)
    assert images.is_test is None
    assert sorted(images.names) == sorted(listed)
    assert sorted(images.y) == list(range(24))
    sunflower = images.names.tolist().index("image_05414.jpg")
    assert images.classes[images.y[sunflower]] == "sunflower"


def test_flowers102(data_folder):
    images = load_images("flowers102")
    assert (images.train.shape, images.test.shape) == ((3647, 64, 64, 3), (433, 64, 64, 3))
    assert np.bincount(images.y).tolist() == [40] * 102
    assert images.skipped == []
    first = np.asarray(Image.open(data_folder / "flowers102-64px" / "jpg" / images.names[7]))
    np.testing.assert_array_equal(images.data[7], first)
    import csv

    with (data_folder / "flowers102-64px" / "labels.csv").open(encoding="utf-8") as file:
        named = {int(row["class_id"]): row["class_name"] for row in csv.DictReader(file)}
    assert [named[i].replace("lotus lotus", "lotus") for i in range(1, 103)] == SPECIES
