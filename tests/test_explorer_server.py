"""What the explorer's server answers, and what it refuses."""

import io
import itertools
import threading
from concurrent.futures import ThreadPoolExecutor, as_completed

import numpy as np
import pytest
from PIL import Image

import isthmus as ist
from isthmus.data.images import to_unit
from isthmus.explorer import api, limits
from isthmus.explorer.manifest import View

pytest.importorskip("starlette")
pytest.importorskip("httpx2")

from starlette.testclient import TestClient

from isthmus.explorer.server import HEADERS, create_app, hosts_for

SHORT = {"max_steps": 30, "random_state": 0}
TOKEN = "the-token"
API = f"/{TOKEN}/api/{TOKEN}"


@pytest.fixture(scope="module")
def view(tmp_path_factory):
    images = ist.load_images("digits")
    train = images.train
    models = {
        "pca": ist.PCA(6).fit(train),
        "kmeans": ist.KMeans(12, random_state=0).fit(train),
        "vae": ist.VAE(4, hidden=(32,), **SHORT).fit(train),
        "nmf": ist.NMF(5, random_state=0).fit(train),
        "classifier": ist.Classifier(5, **SHORT).fit(train),
        "pixelnet": ist.PixelNet(3, channels=8, **SHORT).fit(train),
    }
    return View(models, images, cache=tmp_path_factory.mktemp("cache"), show=False)


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    for name in ("index.html", "script.js", "runtime.wasm"):
        (folder / name).write_text(f"<!doctype html>{name}")
    return {path.name: path for path in folder.iterdir()}


@pytest.fixture(scope="module")
def client(view, page):
    app = create_app(view, page, TOKEN, hosts=("testserver",))
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def ask(client, verb, body=b"", **query):
    body = body.tobytes() if isinstance(body, np.ndarray) else body
    return client.post(f"{API}/{verb}", content=body, params=query)


def array(answer):
    assert answer.status_code == 200, answer.text[:300]
    dtype = {"f32": "<f4", "i32": "<i4", "u8": "u1"}[answer.headers["X-Type"]]
    shape = [int(side) for side in answer.headers["X-Shape"].split(",")]
    return np.frombuffer(answer.content, dtype).reshape(shape)


def refused(answer, status):
    assert answer.status_code == status, answer.text[:300]
    assert list(answer.json()) == ["error"]
    assert len(answer.json()["error"]) > 10
    return answer.json()["error"]


def codes_of(view, name, n=5):
    codes = np.asarray(view.model_data[name].codes[:n])
    return codes.astype("<i4" if codes.ndim == 1 else "<f4")


@pytest.mark.parametrize("name", ["pca", "kmeans", "vae", "nmf"])
def test_decode_is_what_the_model_decodes(client, view, name):
    codes = codes_of(view, name)
    found = array(ask(client, "decode", codes, model=name))
    truth = view.model_data[name].model.decode(codes)
    assert found.dtype == np.uint8
    assert found.std() > 10
    assert np.abs(found / 255 - truth.clip(0, 1)).max() <= 1 / 255


@pytest.mark.parametrize("name", ["pca", "kmeans", "vae", "nmf", "classifier"])
def test_encode_is_what_the_model_encodes(client, view, name):
    pixels = np.asarray(view.images[:7])
    found = array(ask(client, "encode", pixels, model=name))
    np.testing.assert_allclose(found, view.model_data[name].model.encode(pixels), atol=1e-5)
    np.testing.assert_allclose(found, codes_of(view, name, 7), atol=1e-4)


def test_denoise_predict_segment_and_images(client, view):
    pixels = np.asarray(view.images[:3])
    models = {name: data.model for name, data in view.model_data.items()}
    back = array(ask(client, "denoise", pixels, model="pca"))
    assert np.abs(back / 255 - ist.denoise(models["pca"], pixels).clip(0, 1)).max() <= 1 / 255
    said = array(ask(client, "predict", pixels, model="classifier"))
    np.testing.assert_allclose(said, models["classifier"].predict_proba(pixels), atol=1e-6)
    attributes = array(ask(client, "segment", pixels, model="pixelnet"))
    np.testing.assert_allclose(attributes, models["pixelnet"].encode(pixels), atol=1e-5)
    again = array(ask(client, "decode", attributes, model="pixelnet"))
    assert again.shape == (3, 8, 8, 1)
    rows = np.array([0, 1796, 5], "<i4")
    np.testing.assert_array_equal(
        array(ask(client, "images", rows)), np.asarray(view.images[rows])
    )


@pytest.mark.parametrize("bands", [2, 5])
def test_of_many_bands_three_are_shown(bands, page, tmp_path):
    rng = np.random.default_rng(0)
    images = ist.Images(rng.integers(0, 256, (12, 6, 7, bands), dtype=np.uint8))
    images.meta["shown_bands"] = [1, 0]
    models = {"pca": ist.PCA(2).fit(images), "kmeans": ist.KMeans(3, random_state=0).fit(images)}
    view = View(models, images, cache=tmp_path, show=False)
    assert view.manifest["images"]["shape"] == [6, 7, 3]
    assert all("encode" not in model["can"] for model in view.manifest["models"])
    with TestClient(create_app(view, page, TOKEN, hosts=("testserver",))) as client:
        shown = array(ask(client, "images", np.arange(2, dtype="<i4")))
        for channel, band in ((0, 1), (1, 0)):
            assert (
                np.corrcoef(shown[..., channel].ravel(), images.data[:2, ..., band].ravel())[0, 1]
                > 0.99
            )
        assert array(ask(client, "decode", codes_of(view, "pca"), model="pca")).shape == (
            5,
            6,
            7,
            3,
        )
        assert (
            Image.open(io.BytesIO(client.get(f"/{TOKEN}/data/atlas/0.png").content)).mode == "RGB"
        )
        assert len(client.get(f"/{TOKEN}/data/prototypes/kmeans.u8").content) == 3 * 6 * 7 * 3
        words = refused(ask(client, "encode", shown, model="pca"), 404)
        assert f"3 of {bands} bands" in words


@pytest.fixture(scope="module")
def raster():
    """Six bands, each of another range, and the classes of their pixels."""
    rng = np.random.default_rng(1)
    maps = rng.integers(0, 3, (4, 9, 14)).astype(np.uint8)
    values = 10.0 * np.arange(1, 7) * (maps[..., None] + rng.uniform(0, 0.4, (4, 9, 14, 6)))
    known = {"label_maps": maps, "map_classes": ["sea", "sand", "wood"]}
    return ist.Images(values.astype(np.float32), **known)


@pytest.fixture(scope="module")
def places(raster, page, tmp_path_factory):
    """Codes of a raster that keep their place, and the server that shows them."""
    models = {
        "patches": ist.PCA(3, patch=4).fit(raster),
        "cover": ist.KMeans(3, patch=1, random_state=0).fit(raster),
        "vectors": ist.PCA(2).fit(raster),
    }
    view = View(models, raster, cache=tmp_path_factory.mktemp("places"), show=False)
    with TestClient(create_app(view, page, TOKEN, hosts=("testserver",))) as client:
        yield view, client


def in_bands(raster, images, bands):
    low, high = np.percentile(np.asarray(raster).reshape(-1, 6), [2, 98], axis=0)[:, bands]
    return np.rint(255 * ((images[..., bands] - low) / (high - low)).clip(0, 1))


def test_any_three_bands_are_red_green_and_blue(places, raster):
    view, client = places
    bands = view.manifest["images"]["bands"]
    assert (bands["shown"], bands["names"][5], list(bands["percentiles"])) == (
        [5, 3, 0], "band 6", [2, 98],
    )  # fmt: skip
    low = np.percentile(np.asarray(raster).reshape(-1, 6), 2, axis=0)
    np.testing.assert_allclose(bands["ends"][0], low, rtol=1e-5)
    ids, values = np.arange(2, dtype="<i4"), np.asarray(raster)[:2]
    usual = array(ask(client, "images", ids))
    np.testing.assert_allclose(usual, in_bands(raster, values, [5, 3, 0]), atol=1)
    chosen = array(ask(client, "images", ids, bands="1,1,4"))
    np.testing.assert_allclose(chosen, in_bands(raster, values, [1, 1, 4]), atol=1)
    back = view.model_data["vectors"].model.decode(codes_of(view, "vectors", 2))
    said = array(
        ask(client, "decode", codes_of(view, "vectors", 2), model="vectors", bands="2,0,1")
    )
    np.testing.assert_allclose(said, in_bands(raster, back, [2, 0, 1]), atol=1)
    sheet = array(ask(client, "sheet", page=0, bands="1,1,4"))
    np.testing.assert_array_equal(sheet[0, :9, :14], chosen[0])
    file = Image.open(io.BytesIO(client.get(f"/{TOKEN}/data/atlas/0.png").content))
    np.testing.assert_array_equal(np.asarray(file)[:9, :14], usual[0])


def test_known_label_maps_are_at_hand(places, raster, client):
    view, of_raster = places
    assert view.manifest["images"]["label_maps"] == ["sea", "sand", "wood"]
    maps = array(ask(of_raster, "labels", np.array([3, 0], "<i4")))
    np.testing.assert_array_equal(maps, raster.label_maps[[3, 0]])
    assert "no label maps" in refused(ask(client, "labels", np.array([0], "<i4")), 404)


def test_a_cell_is_decoded_with_another_code(places, raster):
    view, client = places
    entry = next(m for m in view.manifest["models"] if m["name"] == "patches")
    assert (entry["code"], entry["codes"], entry["samplers"]) == ("cells", None, [])
    cells, model = entry["cells"], view.model_data["patches"].model
    assert [cells[k] for k in ("kind", "rows", "columns", "side", "width")] == [
        "vector", 3, 4, 4, 3,
    ]  # fmt: skip
    codes = model.encode(raster)
    np.testing.assert_allclose(cells["high"], np.percentile(codes.reshape(-1, 3), 99, axis=0))
    one = np.array([2], "<i4")
    found = array(ask(client, "encode", one, model="patches", by="id"))
    np.testing.assert_allclose(found, codes[[2]], atol=1e-4)
    other = np.array([[9, 0, 0], [0, -9, 5]], "<f4")
    said = array(ask(client, "cell", other, model="patches", id=2, row=1, column=3))
    for image, code in zip(said, other, strict=True):
        grid = codes[[2]].copy()
        grid[0, 1, 3] = code
        wanted = in_bands(raster, model.decode(grid, (9, 14)), [5, 3, 0])
        np.testing.assert_allclose(image, wanted[0], atol=1)
    same = array(ask(client, "cell", codes[2, 1, 3].astype("<f4"), model="patches", id=2,
                     row=1, column=3))  # fmt: skip
    np.testing.assert_array_equal(
        same, array(ask(client, "denoise", one, model="patches", by="id"))
    )


def test_a_map_of_indices_is_one_index_a_cell(places, raster):
    view, client = places
    model = view.model_data["cover"].model
    found = array(ask(client, "encode", np.array([1], "<i4"), model="cover", by="id"))
    assert found.dtype == np.int32
    np.testing.assert_array_equal(found, model.encode(raster)[[1]])
    assert view.model_data["cover"].codes.shape == (4, 3)  # shares of the indices: places of a map
    other = array(ask(client, "cell", np.array([2], "<i4"), model="cover", row=8, column=13))
    wanted = in_bands(raster, model.codebook_[2].reshape(1, 1, 6), [5, 3, 0])
    np.testing.assert_allclose(other[0, 8, 13], wanted[0, 0], atol=1)


@pytest.mark.parametrize(
    ("verb", "query", "body", "status", "words"),
    [
        ("images", {"bands": "0,1"}, np.zeros(1, "<i4"), 400, "three of 0 to 5"),
        ("images", {"bands": "0,1,6"}, np.zeros(1, "<i4"), 400, "three of 0 to 5"),
        ("images", {"bands": "-1,1,2"}, np.zeros(1, "<i4"), 400, "bands='-1,1,2'"),
        ("sheet", {"page": "1"}, b"", 400, "page='1'"),
        ("cell", {"model": "patches", "row": "3"}, np.zeros(3, "<f4"), 400, "0 to 2"),
        ("cell", {"model": "patches", "id": "4"}, np.zeros(3, "<f4"), 400, "0 to 3"),
        ("cell", {"model": "patches"}, np.zeros(4, "<f4"), 400, "rows of 12 bytes"),
        ("cell", {"model": "cover"}, np.array([3], "<i4"), 400, "0 to 2"),
        ("cell", {"model": "vectors"}, np.zeros(3, "<f4"), 404, "cannot cell"),
        ("nearest", {"model": "patches"}, np.zeros(3, "<f4"), 404, "cannot nearest"),
        ("encode", {"model": "patches"}, bytes(378), 404, "3 of 6 bands"),
        ("encode", {"model": "patches", "by": "id"}, np.array([4], "<i4"), 400, "0 to 3"),
    ],
)
def test_what_is_asked_wrongly_of_places_is_refused(places, verb, query, body, status, words):
    assert words in refused(ask(places[1], verb, body, **query), status)


def test_nearest_finds_an_image_by_its_own_code(client, view):
    found = array(ask(client, "nearest", codes_of(view, "vae"), model="vae", k=3))
    assert found.shape == (5, 3)
    assert found[:, 0].tolist() == [0, 1, 2, 3, 4]
    unit = codes_of(view, "kmeans", 1)
    members = array(ask(client, "nearest", unit, model="kmeans", k=4))[0]
    assert (view.model_data["kmeans"].codes[members] == unit[0]).all()


@pytest.mark.parametrize(
    ("name", "sampler"),
    [("vae", "prior"), ("vae", "gaussian"), ("pca", "mixture"), ("kmeans", "prior")],
)
def test_samples_repeat_with_their_seed_and_follow_the_codes(client, view, name, sampler):
    query = {"model": name, "sampler": sampler, "n": 2000}
    drawn = array(ask(client, "sample", seed=1, **query))
    assert len(drawn) == 2000
    np.testing.assert_array_equal(drawn, array(ask(client, "sample", seed=1, **query)))
    assert not np.array_equal(drawn, array(ask(client, "sample", seed=2, **query)))
    codes = view.model_data[name].codes
    if sampler == "prior" and name == "vae":
        assert np.abs(drawn.mean(0)).max() < 0.15
        cold = array(ask(client, "sample", seed=1, temperature=0.5, **query))
        np.testing.assert_allclose(cold, drawn / 2, rtol=1e-5)
    elif codes.ndim == 2:
        assert np.abs(drawn.mean(0) - codes.mean(0)).max() < 0.2 * codes.std(0).max()
    else:
        assert set(drawn.tolist()) == set(codes.tolist())


def test_files_are_those_of_the_table(client, view):
    manifest = client.get(f"/{TOKEN}/data/manifest.json").json()
    assert manifest == view.manifest
    assert client.get(f"/{TOKEN}/").text == "<!doctype html>index.html"
    wasm = client.get(f"/{TOKEN}/runtime.wasm")
    assert wasm.headers["content-type"] == "application/wasm"
    named = [model["codes"] for model in manifest["models"] if model["codes"]]
    named += [layout["file"] for model in manifest["models"] for layout in model["layouts"]]
    named += [colour["file"] for colour in manifest["colours"]]
    for name in named:
        assert client.get(f"/{TOKEN}/data/{name}").status_code == 200, name
    codes = client.get(f"/{TOKEN}/data/codes/pca.f32").content
    kept = view.model_data["pca"].codes
    np.testing.assert_array_equal(np.frombuffer(codes, "<f4"), kept.ravel())


PATHS = [
    "data/%2e%2e/data/manifest.json", "..%2f..%2fetc%2fpasswd",
    "/etc/passwd", "//etc/passwd", "data/codes/pca.f32%00.png",
    "data\\\\manifest.json", "data/manifest.json/", "DATA/manifest.json", "index.html%2f..",
    "data/codes/..%5cpca.f32", "data/nothing.f32", "api", "openapi.json", "docs",
]  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_no_path_leads_anywhere_else(client, path):
    refused(client.get(f"/{TOKEN}/{path}"), 404)


def test_the_token_is_needed_for_everything(client, view):
    body = codes_of(view, "pca").tobytes()
    for path in (
        "wrong/api/wrong",
        f"wrong/api/{TOKEN}",
        f"{TOKEN}/api/wrong",
        f"{TOKEN}/api/%F0",
    ):
        answer = client.post(f"/{path}/decode?model=pca", content=body)
        assert "wrong token" in refused(answer, 403)
    for path in ("/", "/data/manifest.json", "/index.html"):
        assert client.get(path).status_code in (403, 404)
        assert "images" not in client.get(path).text
    refused(client.get("/wrong/data/manifest.json"), 403)


def test_a_foreign_name_is_refused(client):
    path = f"/{TOKEN}/data/manifest.json"
    for host in ("evil.example", "evil.example:8000", "testserver.evil.example", ""):
        refused(client.get(path, headers={"Host": host}), 403)
    assert client.get(path, headers={"Host": "testserver:1234"}).status_code == 200
    for host in ("[::1]", "[::1]:80"):
        refused(client.get(path, headers={"Host": host}), 403)  # not among this one's names
    assert hosts_for("::1") == hosts_for("127.0.0.1")
    assert hosts_for("0.0.0.0") is None


def test_answers_carry_the_headers_of_security(client):
    for answer in (client.get(f"/{TOKEN}/"), client.get("/wrong/"), ask(client, "nothing")):
        for name, value in HEADERS.items():
            assert answer.headers[name] == value
    policy = HEADERS["Content-Security-Policy"]
    assert "script-src 'self' 'wasm-unsafe-eval';" in policy
    assert "worker-src 'self';" in policy
    assert "unsafe-inline" not in policy
    assert "http" not in policy


FLOATS = np.zeros((1, 6), "<f4")


@pytest.mark.parametrize(
    ("verb", "query", "body", "status", "words"),
    [
        ("decode", {"model": "pca"}, b"", 400, "0 bytes is not one or more rows of 24"),
        ("decode", {"model": "pca"}, b"12345", 400, "5 bytes"),
        ("decode", {"model": "pca"}, FLOATS.tobytes() + b"x", 400, "25 bytes"),
        ("decode", {"model": "pca"}, np.full((1, 6), np.nan, "<f4"), 400, "finite"),
        ("decode", {"model": "pca"}, np.full((1, 6), np.inf, "<f4"), 400, "finite"),
        ("decode", {"model": "kmeans"}, np.array([12], "<i4"), 400, "0 to 11"),
        ("decode", {"model": "kmeans"}, np.array([-1], "<i4"), 400, "0 to 11"),
        ("decode", {"model": "kmeans"}, b"123", 400, "rows of 4 bytes"),
        ("decode", {"model": "pca"}, np.zeros((4097, 6), "<f4"), 413, "at most 4096"),
        ("decode", {"model": "som"}, FLOATS, 404, "there are pca, kmeans"),
        ("decode", {}, FLOATS, 404, "no model ''"),
        ("decode", {"model": "classifier"}, FLOATS, 404, "cannot decode"),
        ("denoise", {"model": "classifier"}, bytes(64), 404, "cannot"),
        ("predict", {"model": "pca"}, bytes(64), 404, "cannot predict"),
        ("segment", {"model": "pca"}, bytes(64), 404, "cannot segment"),
        ("sample", {"model": "pixelnet"}, b"", 404, "cannot sample"),
        ("nearest", {"model": "pixelnet"}, FLOATS, 404, "cannot nearest"),
        ("encode", {"model": "pca"}, bytes(63), 400, "63 bytes"),
        ("encode", {"model": "pca"}, bytes(64 * 4097), 413, "at most 4096"),
        ("images", {}, np.array([1797], "<i4"), 400, "0 to 1796"),
        ("images", {}, np.array([-1], "<i4"), 400, "0 to 1796"),
        ("nearest", {"model": "pca", "k": "0"}, FLOATS, 400, "k='0'"),
        ("nearest", {"model": "pca", "k": "x"}, FLOATS, 400, "k='x'"),
        ("nearest", {"model": "pca"}, np.zeros((300, 6), "<f4"), 413, "at most 256"),
        ("sample", {"model": "vae", "n": "-1"}, b"", 400, "n='-1'"),
        ("sample", {"model": "vae", "n": "4097"}, b"", 400, "1 to 4096"),
        ("sample", {"model": "vae", "n": "9" * 5000}, b"", 400, "whole number"),
        ("sample", {"model": "vae", "n": "\u0663"}, b"", 400, "whole number"),
        ("sample", {"model": "vae", "temperature": "nan"}, b"", 400, "temperature"),
        ("sample", {"model": "vae", "temperature": "0"}, b"", 400, "above 0"),
        ("sample", {"model": "vae", "sampler": "flow"}, b"", 400, "sampler='flow'"),
        ("dance", {}, b"", 404, "there is no 'dance'"),
    ],
)
def test_what_is_malformed_is_refused_in_words(client, verb, query, body, status, words):
    assert words in refused(ask(client, verb, body, **query), status)


def test_codes_far_away_are_pictures_still(client):
    found = array(ask(client, "decode", np.full((1, 6), 3e38, "<f4"), model="pca"))
    assert found.shape == (1, 8, 8, 1)


def test_large_bodies_are_refused_with_and_without_a_length(client):
    large = bytes(limits.MOST_BODY + 1)
    refused(ask(client, "encode", large, model="pca"), 413)

    def pieces():
        for _ in range(9):
            yield bytes(2**20)

    answer = client.post(f"{API}/encode?model=pca", content=pieces())
    assert "content-length" not in answer.request.headers
    refused(answer, 413)
    refused(client.post(f"{API}/encode", headers={"Content-Length": "9" * 30}), 413)


def test_other_methods_are_refused(client):
    refused(client.get(f"{API}/decode"), 404)
    refused(client.put(f"{API}/decode"), 405)
    refused(client.post(f"/{TOKEN}/data/manifest.json"), 405)


def test_an_accident_says_nothing_of_the_inside(client, view, monkeypatch):
    def fails(codes):
        raise RuntimeError("secret/path")

    monkeypatch.setattr(view.model_data["pca"].model, "decode", fails, raising=False)
    words = refused(ask(client, "decode", FLOATS, model="pca"), 500)
    assert "secret" not in words


def test_too_many_at_once_are_turned_away(view, page, monkeypatch):
    monkeypatch.setattr(limits.Limits.__init__, "__defaults__", (2, 3))
    going = threading.Event()
    arrived = threading.Semaphore(0)
    original = api.Verbs.answer

    def slow(*given):
        arrived.release()
        going.wait(240)
        return original(*given)

    monkeypatch.setattr(api.Verbs, "answer", slow)
    app = create_app(view, page, TOKEN, hosts=None)
    with TestClient(app) as client, ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(ask, client, "decode", FLOATS, model="pca") for _ in range(8)]
        assert arrived.acquire(timeout=120)
        assert arrived.acquire(timeout=120)
        # two are at work and three wait, so only those that were turned away can be answered
        turned_away = list(itertools.islice(as_completed(asked, timeout=120), 3))
        assert {answer.result().status_code for answer in turned_away} == {429}
        assert not arrived.acquire(blocking=False)  # no third one is at work
        going.set()
        statuses = sorted(answer.result().status_code for answer in asked)
    assert statuses == [200] * 5 + [429] * 3


def test_without_starlette_one_sentence_says_what_to_install(view, page, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "starlette", None)
    with pytest.raises(ImportError, match=r"pip install 'isthmus\[explore\]'"):
        create_app(view, page, TOKEN)


def test_signed_images_come_and_go_as_bytes(tmp_path, page):
    rng = np.random.default_rng(0)
    signed = ist.Images(rng.uniform(-1, 1, (40, 6, 6, 3)).astype(np.float32))
    view = View({"pca": ist.PCA(5).fit(signed)}, signed, cache=tmp_path, show=False)
    assert view.manifest["images"]["range"] == [-1, 1]
    with TestClient(create_app(view, page, TOKEN, hosts=None)) as client:
        pixels = array(ask(client, "images", np.arange(4, dtype="<i4")))
        np.testing.assert_allclose(pixels / 127.5 - 1, np.asarray(signed[:4]), atol=1 / 255)
        found = array(ask(client, "encode", pixels, model="pca"))
        np.testing.assert_allclose(found, view.model_data["pca"].codes[:4], atol=0.05)
    assert to_unit(pixels).max() <= 1
