"""What the page is fed: the manifest, arrays by exact name, folders, and the command."""

import importlib.util
import json
import os
import re
import signal
import socket
import threading
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
from PIL import Image

import isthmus as ist
from isthmus.explorer import manifest as views
from isthmus.explorer import static as folders
from isthmus.explorer.inputs import inputs_of
from isthmus.explorer.manifest import View
from isthmus.explorer.model_data import ModelData

SHORT = {"max_steps": 30, "random_state": 0}
TYPES = {".f32": "<f4", ".i32": "<i4", ".u16": "<u2", ".u8": "u1"}


@pytest.fixture(scope="module")
def images():
    images = ist.load_images("digits")
    images.factors["ink"] = np.asarray(images).mean((1, 2, 3))
    images.factors["quarter"] = np.arange(len(images)) % 4
    images.y = np.where(np.arange(len(images)) == 5, -1, images.y)
    return images


@pytest.fixture(scope="module")
def models(images):
    train = images.train
    return {
        "pca": ist.PCA(6).fit(train),
        "som": ist.SOM((4, 5), topology="hexagonal", random_state=0).fit(train),
        "two": ist.VAE(2, hidden=(32,), **SHORT).fit(train),
        "one": ist.Autoencoder(1, hidden=(32,), **SHORT).fit(train),
        "pixels": ist.PixelNet(4, channels=8, **SHORT).fit(train),
    }


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def view(models, images, cache):
    return View(models, images, cache=cache, show=False)


def values(view, name, *shape):
    path = view.files[f"data/{name}"]()
    return np.fromfile(path, TYPES[Path(name).suffix]).reshape(*shape)


def entry(view, name):
    return next(model for model in view.manifest["models"] if model["name"] == name)


def colour(view, ident):
    return next(colour for colour in view.manifest["colours"] if colour["id"] == ident)


def test_images_to_train_on_come_first_and_keep_their_row(view, images):
    splits = view.manifest["splits"]
    assert splits == [
        {"name": "train", "start": 0, "end": 1438},
        {"name": "test", "start": 1438, "end": 1797},
    ]
    np.testing.assert_array_equal(np.asarray(view.images[:1438]), np.asarray(images.train))
    row = int(view.manifest["names"][1440].removeprefix("image "))
    np.testing.assert_array_equal(np.asarray(view.images[1440]), np.asarray(images[row]))


def test_codes_are_what_the_models_encode(view, models):
    for name in ("pca", "two", "one"):
        model = entry(view, name)
        codes = values(view, model["codes"], 1797, model["width"])
        np.testing.assert_array_equal(codes, models[name].encode(view.images))
        np.testing.assert_allclose(model["mean"], codes.mean(0), atol=1e-4)
        np.testing.assert_allclose(model["deviation"], codes.std(0), atol=1e-4)
        assert sorted(model["order"]) == list(range(model["width"]))
        useful = np.array(model["usefulness"])[model["order"]]
        assert (np.diff(useful) <= 1e-6).all()
        inside = (codes >= model["low"]) & (codes <= model["high"])
        np.testing.assert_allclose(inside.mean(0), 0.98, atol=0.01)
    units = values(view, entry(view, "som")["codes"], 1797)
    np.testing.assert_array_equal(units, models["som"].encode(view.images))
    assert entry(view, "pixels")["codes"] is None


def test_linear_layouts_go_back_to_codes(view):
    found = {
        (m["name"], la["id"], la["dimensions"])
        for m in view.manifest["models"]
        for la in m["layouts"]
    }
    assert found == {
        ("pca", "pca", 2), ("pca", "pca", 3), ("som", "grid", 2), ("two", "code", 2),
        ("one", "code", 2), ("pixels", "pca", 2), ("pixels", "pca", 3),
    }  # fmt: skip
    for model in view.manifest["models"]:
        for layout in model["layouts"]:
            places = values(view, layout["file"], 1797, layout["dimensions"])
            assert np.abs(places).max() == pytest.approx(1)
    for name in ("two", "one"):
        model = entry(view, name)
        (layout,) = model["layouts"]
        places = values(view, layout["file"], 1797, 2)
        codes = values(view, model["codes"], 1797, model["width"])
        np.testing.assert_allclose(back(layout, places), codes, atol=1e-4)
    flat = entry(view, "pca")["layouts"][0]
    codes = values(view, "codes/pca.f32", 1797, 6)
    near = back(flat, values(view, flat["file"], 1797, 2))
    left = ((codes - near) ** 2).sum() / ((codes - codes.mean(0)) ** 2).sum()
    variance = codes.var(0)
    assert left == pytest.approx(1 - variance[:2].sum() / variance.sum(), abs=0.01)


def back(layout, places):
    return np.array(layout["inverse"]["mean"]) + places @ np.array(layout["inverse"]["axes"])


def test_units_lie_apart_on_the_grid(view, models):
    places = values(view, "layouts/som-grid-2.f32", 1797, 2)
    units = values(view, "codes/som.i32", 1797)
    middles = np.array([places[units == unit].mean(0) for unit in np.unique(units)])
    apart = np.linalg.norm(middles[:, None] - middles, axis=2) + np.eye(len(middles))
    spread = max(np.ptp(places[units == unit], axis=0).max() for unit in np.unique(units))
    assert spread < 1.1 * apart.min()
    assert entry(view, "som")["grid"] == {"rows": 4, "columns": 5, "topology": "hexagonal"}


def test_colours_are_labels_factors_errors_novelty_and_clusters(view, models, images):
    labels = values(view, "colours/label.u16", 1797)
    known = view.images.y >= 0
    np.testing.assert_array_equal(labels[known], view.images.y[known])
    assert labels[~known].tolist() == [65535]
    assert colour(view, "label")["categories"] == list("0123456789")
    ink = colour(view, "factor-ink")
    assert ink["kind"] == "number"
    assert ink["range"][1] == pytest.approx(images.factors["ink"].max())
    assert colour(view, "factor-quarter")["categories"] == ["0", "1", "2", "3"]
    errors = values(view, "colours/error-pca.f32", 1797)
    np.testing.assert_allclose(
        errors,
        ist.novelty(models["pca"], view.images, by="error", verbose=False).scores,
        rtol=1e-4,
    )
    strange = values(view, "colours/novelty-pca.f32", 1797)
    truth = ist.novelty(models["pca"], view.images, verbose=False).scores
    np.testing.assert_allclose(strange, truth, rtol=1e-5)
    clusters = values(view, "colours/cluster-som.u16", 1797)
    units = values(view, "codes/som.i32", 1797)
    assert all(len(set(clusters[units == unit])) == 1 for unit in np.unique(units))
    assert colour(view, "cluster-pca")["model"] == "pca"


def test_unknown_figures_are_no_colour_or_have_none(images, tmp_path):
    few = images.test[:30]
    few.factors = {"none": np.full(30, np.nan), "some": np.r_[np.nan, np.arange(29.0)]}
    view = View({"pca": ist.PCA(2).fit(images)}, few, cache=tmp_path, show=False)
    assert colour(view, "factor-some")["range"] == [0, 28]
    assert "factor-none" not in [known["id"] for known in view.manifest["colours"]]
    json.loads(view.manifest_bytes())
    one = View({"pca": ist.PCA(2).fit(images)}, images[:1], cache=tmp_path, show=False)
    assert one.manifest["images"]["count"] == 1


def test_thumbnails_are_the_images(view, images):
    atlas = view.manifest["images"]["atlas"]
    assert (atlas["tile"], atlas["pages"]) == ([8, 8], 1)
    with Image.open(view.files["data/atlas/0.png"]()) as sheet:
        pixels = np.asarray(sheet)
    row, column = divmod(1500, atlas["columns"])
    tile = pixels[8 * row : 8 * row + 8, 8 * column : 8 * column + 8]
    np.testing.assert_array_equal(tile, np.asarray(view.images[1500])[0, ..., 0])


def test_large_images_have_small_thumbnails_on_several_sheets(tmp_path):
    rng = np.random.default_rng(0)
    large = ist.Images(rng.integers(0, 256, (1100, 100, 50, 3), dtype=np.uint8))
    view = View({"pca": ist.PCA(2).fit(large[:20])}, large, cache=tmp_path, show=False)
    atlas = view.manifest["images"]["atlas"]
    assert atlas == {"columns": 32, "tile": [64, 32], "pages": 2}
    with Image.open(view.files["data/atlas/1.png"]()) as sheet:
        assert (sheet.size, sheet.mode) == ((32 * 32, 32 * 64), "RGB")
        first = np.asarray(sheet)[:64, :32].astype(float)
    wanted = np.asarray(large[1024])[0].astype(float)
    assert abs(first.mean() - wanted.mean()) < 1
    assert view.manifest["names"] is None


def test_prototypes_and_classes(view, models):
    units = values(view, "prototypes/som.u8", 20, 8, 8, 1)
    truth = models["som"].decode(np.arange(20))
    assert np.abs(units / 255 - truth).max() <= 1 / 255
    assert entry(view, "pca")["classes"] is None


def test_a_second_start_computes_nothing(models, images, cache, view, monkeypatch):
    def fails(self, piece):
        raise AssertionError("computed again")

    monkeypatch.setattr(ModelData, "_measure", fails)
    again = View(models, images, cache=cache, show=False)
    assert again.manifest == view.manifest
    changed = np.asarray(images).copy()
    changed[7, 0, 0] ^= 1
    other = ist.Images(changed, y=images.y, is_test=images.is_test)
    with pytest.raises(AssertionError, match="computed again"):
        View(models, other, cache=cache, show=False)
    with pytest.raises(AssertionError, match="computed again"):
        View({"pca": ist.PCA(5).fit(images)}, images, cache=cache, show=False)


def test_neighbours_are_laid_out_when_asked_for(models, images, tmp_path):
    few = images.test[:120]
    view = View({"pca": models["pca"]}, few, layouts=["tsne"], cache=tmp_path, show=False)
    layout = entry(view, "pca")["layouts"][-1]
    assert (layout["id"], layout["title"], layout["inverse"]) == ("tsne", "t-SNE", None)
    places = values(view, layout["file"], 120, 2)
    near = np.argsort(((places[:, None] - places) ** 2).sum(2), axis=1)[:, 1:4]
    assert (few.y[near] == few.y[:, None]).mean() > 0.6
    with pytest.raises(ValueError, match="layout='map' must be one of"):
        View(models, few, layouts=["map"], cache=tmp_path)


def test_what_cannot_be_shown_is_refused(models, images, tmp_path):
    with pytest.raises(ValueError, match=r"shows images, .* \(9, 9\); `map` draws vectors"):
        View({"pca": ist.PCA(2).fit(np.eye(9))}, np.eye(9), cache=tmp_path)
    with pytest.raises(ValueError, match="of one size"):
        View(models, np.zeros((9, 7, 7)), cache=tmp_path)
    with pytest.raises(ValueError, match="at least one model"):
        View({}, images, cache=tmp_path)


@pytest.fixture
def page(tmp_path, monkeypatch):
    page = tmp_path / "built"
    (page / "assets").mkdir(parents=True)
    (page / "index.html").write_text("<!doctype html><title>page</title>")
    (page / "assets" / "a.js").write_text("1")
    monkeypatch.setattr(folders, "PAGE", page)
    monkeypatch.setenv("ISTHMUS_CACHE", str(tmp_path / "cache"))
    return page


def test_a_folder_holds_everything_and_decodes_by_itself(run, page, tmp_path, images):
    onnxruntime = pytest.importorskip("onnxruntime")
    pca = ist.PCA(4).fit(images.train)
    pca.save(tmp_path / "my model.safetensors")
    ist.KMeans(7, random_state=0).fit(images.train).save(tmp_path / "km.safetensors")
    asked = ("explore", "my model.safetensors", "km.safetensors", "digits", "-o", "out")
    code, out, err = run(*asked)
    assert (code, err) == (0, "")
    assert "wrote out" in out
    manifest = json.loads((tmp_path / "out/data/manifest.json").read_text())
    assert (manifest["live"], manifest["title"]) == (False, "digits")
    assert (tmp_path / "out/assets/a.js").is_file()
    first = manifest["models"][0]
    assert first["name"] == "my-model"
    named = [*re.findall(r'"((?:codes|layouts|colours|onnx)/[^"]+)"', json.dumps(manifest))]
    assert len(named) > 10
    for name in [*named, "atlas/0.png", "prototypes/km.u8"]:
        assert (tmp_path / "out/data" / name).stat().st_size > 50, name
    session = onnxruntime.InferenceSession(tmp_path / "out/data" / first["onnx"]["decode"])
    codes = np.fromfile(tmp_path / "out/data" / first["codes"], "<f4").reshape(-1, 4)[:5]
    np.testing.assert_allclose(
        session.run(None, {"codes": codes})[0], pca.decode(codes), atol=1e-4
    )
    assert "--force" in run(*asked)[2]
    assert run(*asked, "--force")[0] == 0
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "note").write_text("mine")
    code, _, err = run(*asked[:-1], "full", "--force")
    assert (code, "holds note, which isthmus did not write" in err) == (2, True)
    assert (tmp_path / "full" / "note").read_text() == "mine"


def test_without_the_page_one_sentence_says_how_to_build_it(run, tmp_path, images, monkeypatch):
    monkeypatch.setattr(folders, "PAGE", tmp_path / "nowhere")
    ist.PCA(2).fit(images).save(tmp_path / "pca.safetensors")
    code, _, err = run("explore", "pca.safetensors", "digits", "--no-browser")
    assert (code, len(err.splitlines())) == (2, 1)
    assert "make page" in err


@pytest.fixture(scope="module")
def study(tmp_path_factory, images):
    folder = tmp_path_factory.mktemp("runs") / "mine"
    result = ist.study("digits", ["pca", "kmeans", "som"], width=4)
    result.report(folder)
    return folder


def test_a_study_brings_its_models_scores_and_split(study, tmp_path):
    found = inputs_of(str(study), names=["kmeans", "pca"])
    assert list(found.models) == ["kmeans", "pca"]
    assert found.title == "digits, study mine"
    assert found.scores["pca"]["mse"] > 0
    assert "family" not in found.scores["pca"]
    view = View(found.models, found.images, scores=found.scores, cache=tmp_path, show=False)
    assert entry(view, "pca")["scores"] == found.scores["pca"]
    assert len(inputs_of(str(study)).models) == 3


def test_what_is_given_wrongly_is_said(study, run, page, tmp_path):
    for given, words in (
        ([str(study), "--models", "vae"], "the study has pca, kmeans"),
        ([str(study), "digits", "digits"], "expected STUDY_FOLDER"),
        (["pca.safetensors"], "give MODEL... SOURCE"),
        (["nothing.safetensors", "digits"], "there is no file"),
        ([str(study), "--maps", "sne"], "must be one of"),
        ([str(study), "--count", "0"], "at least 1"),
        ([str(study), "--port", "99999"], "from 0 to 65535"),
    ):
        code, _, err = run("explore", *given, "--no-browser")
        assert (code, len(err.splitlines())) == (2, 1), err
        assert words in err
    broken = tmp_path / "broken"
    (broken / "models").mkdir(parents=True)
    (broken / "scores.json").write_text("{}")
    with pytest.raises(ValueError, match="damaged"):
        inputs_of(str(broken))


def raw(address, request, body=b""):
    """Return status and body of a request that no client has tidied."""
    with socket.create_connection(address, timeout=120) as line:
        line.sendall(request.encode() + b"\r\nHost: 127.0.0.1\r\nConnection: close\r\n")
        line.sendall(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        answer = b"".join(iter(lambda: line.recv(65536), b""))
    return int(answer.split()[1]), answer.partition(b"\r\n\r\n")[2]


@pytest.fixture
def heeds_ctrl_c():
    """Let Ctrl-C get through: what a shell starts in the background is to ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heeds_ctrl_c")
def test_the_command_serves_until_it_is_ended(run, page, study, monkeypatch):
    pytest.importorskip("uvicorn")
    found, opened_pages = {}, []

    def visit(url):
        try:
            parts = urlsplit(url)
            address, root = (parts.hostname, parts.port), parts.path
            assert parts.fragment == f"token={root.strip('/')}"
            assert len(root) > 30
            api = f"{root}api/{root.strip('/')}"
            found["page"] = raw(address, f"GET {root} HTTP/1.1")
            found["up"] = raw(address, f"GET {root}data/../data/manifest.json HTTP/1.1")
            found["etc"] = raw(address, f"GET {root}../../../../etc/passwd HTTP/1.1")
            code = np.zeros((1, 4), "<f4").tobytes()
            found["decode"] = raw(address, f"POST {api}/decode?model=pca HTTP/1.1", code)
            large = bytes(9 * 2**20)
            found["large"] = raw(address, f"POST {api}/decode?model=pca HTTP/1.1", large)
        except BaseException as error:
            found["error"] = error
        finally:
            os.kill(os.getpid(), signal.SIGINT)

    def browse(url):
        opened_pages.append(url)
        threading.Thread(target=visit, args=(url,)).start()

    monkeypatch.setattr("webbrowser.open", browse)
    code, out, err = run("explore", study, "--port", "0")
    assert "error" not in found, found["error"]
    assert (code, err) == (0, "")
    assert out.splitlines()[0] == opened_pages[0]
    assert found["page"][1].startswith(b"<!doctype html>")
    statuses = {name: status for name, (status, _) in found.items()}
    assert statuses == {"page": 200, "up": 404, "etc": 404, "decode": 200, "large": 413}
    truth = ist.load_model(study / "models" / "pca.safetensors").decode(np.zeros((1, 4)))
    pixels = np.frombuffer(found["decode"][1], np.uint8)
    assert np.abs(pixels / 255 - truth.clip(0, 1).ravel()).max() <= 1 / 255


def test_python_opens_what_the_command_opens(page, study, images, monkeypatch):
    pytest.importorskip("uvicorn")
    visited = []
    monkeypatch.setattr("webbrowser.open", visited.append)
    with ist.explore(study, names=["pca"], split="test", count=30) as explorer:
        assert visited == [explorer.url]
        assert explorer.url in repr(explorer)
        assert explorer.models == ["pca"]
        parts = urlsplit(explorer.url)
        address = parts.hostname, parts.port
        assert raw(address, f"GET {parts.path} HTTP/1.1")[0] == 200
        manifest = json.loads(raw(address, f"GET {parts.path}data/manifest.json HTTP/1.1")[1])
        assert manifest["images"]["count"] == 30
        assert manifest["title"] == "digits, study mine"
    explorer.close()  # it is already
    with pytest.raises(ConnectionError):
        raw(address, f"GET {parts.path} HTTP/1.1")


def test_python_exports_what_the_command_exports(run, page, study, tmp_path):
    pytest.importorskip("onnxruntime")
    options = ("--models", "pca,kmeans", "--split", "test", "-n", 50)
    assert run("explore", study, *options, "--out", "command")[0] == 0
    options = {"names": ["pca", "kmeans"], "split": "test", "count": 50}
    assert ist.export(ist.load_study(study), "python", **options) == Path("python")
    first, second = (
        {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*.*")}
        for root in (tmp_path / "command", tmp_path / "python")
    )
    assert first.keys() == second.keys()
    assert len(first) > 10
    said = [json.loads(each.pop("data/manifest.json")) for each in (first, second)]
    assert [each.pop("title") for each in said] == ["digits, study mine", "digits"]
    assert said[0] == said[1]
    assert first == second
    with pytest.raises(FileExistsError):
        ist.export(study, "python")


def test_models_in_any_form_are_opened(page, images, tmp_path):
    pca, kmeans = ist.PCA(2).fit(images.train), ist.KMeans(3, random_state=0).fit(images.train)
    pca.save(tmp_path / "mine.safetensors")
    for given, names in (
        (pca, ["pca"]),
        ([pca, kmeans, pca], ["pca", "kmeans", "pca-2"]),
        ({"a": pca, "b": tmp_path / "mine.safetensors"}, ["a", "b"]),
        (str(tmp_path / "mine.safetensors"), ["mine"]),
    ):
        found = inputs_of(given, images)
        assert list(found.models) == names
        assert found.images is images
    for call in (inputs_of, ist.explore):
        with pytest.raises(ValueError, match="give images"):
            call(pca)


def test_a_taken_port_is_said(run, page, study):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        code, _, err = run("explore", study, "--no-browser", "--port", port)
    assert (code, len(err.splitlines())) == (2, 1)
    assert "try another --port" in err


def test_many_clients_get_what_they_should_and_memory_is_steady():
    pytest.importorskip("uvicorn")
    path = Path(__file__).parents[1] / "bench" / "explorer_load.py"
    spec = importlib.util.spec_from_file_location("explorer_load", path)
    bench = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(bench)
    found = bench.with_own_server(clients=30, answers=400)
    assert found["alive"]
    assert found["wrong"] == 0, found
    assert {"200", "400", "403", "404", "405", "413"} <= set(found["statuses"])
    first, most = found["MiB settled, at most"]
    assert most < first + 60


def test_names_of_files_are_harmless():
    for name in ("../../etc/passwd", "a/b", "..", "", "ä ö"):
        safe = views.file_name(name, [])
        assert re.fullmatch(r"[\w.-]+", safe)
        assert not safe.startswith(".")
