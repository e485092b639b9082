"""Named sets, and how they are downloaded."""

import gzip
import hashlib
import struct
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from isthmus.data import catalog
from isthmus.data.catalog import NamedSet, fetch, named_sets
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
    entry = NamedSet("for tests", lambda folder: None, files={"a.bin": checksum})
    monkeypatch.setitem(catalog.CATALOG, "trial", entry)


@pytest.fixture(autouse=True)
def known(monkeypatch):
    add_to_catalog(monkeypatch, "sha256")


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


def test_fashion_has_names_for_its_classes(tmp_path, monkeypatch):
    monkeypatch.setenv("ISTHMUS_DATA", str(tmp_path))
    folder = tmp_path / "fashion-mnist"
    folder.mkdir()
    for part in ("train", "t10k"):
        head = struct.pack(">HBB3I", 0, 8, 3, 10, 2, 2)
        (folder / f"{part}-images-idx3-ubyte").write_bytes(head + bytes(40))
        head = struct.pack(">HBBI", 0, 8, 1, 10)
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(head + bytes(range(10)))
    images = load_images("fashion-mnist")
    assert images.classes[images.y[9]] == "Ankle boot"
    assert len(images.test) == 10
