"""The page in a real browser, answered by the real server: what only a server can say."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

import isthmus as ist
from explorer_browser import TOKEN, Watched, file_server, opened_browser, served, watched_page
from isthmus.data.images import Images, to_unit
from isthmus.explorer.manifest import View
from isthmus.explorer.static import write_folder

pytest.importorskip("uvicorn", reason="needs uvicorn to serve the page")
pytest.importorskip("starlette", reason="needs starlette to serve the page")

SIDE, COUNT = 16, 160
SHORT = {"random_state": 0, "max_steps": 120}
QUICK = {"random_state": 1, "max_steps": 60, "batch_size": 16, "learning_rate": 0.01}
COLOURS = np.array([(90, 150, 220), (110, 110, 110), (220, 40, 30)])
"""Of sky, road and car."""


def scenes() -> Images:
    """Return pictures of a road below the sky, every second one with a car on it."""
    rng = np.random.default_rng(0)
    maps = np.zeros((COUNT, SIDE, SIDE), np.uint8)
    for i, (horizon, left) in enumerate(rng.integers((5, 1), (9, 9), (COUNT, 2))):
        maps[i, horizon:] = 1
        if i % 2:
            maps[i, horizon + 1 : horizon + 5, left : left + 5] = 2
    pixels = (COLOURS[maps] + rng.normal(0, 8, (*maps.shape, 3))).clip(0, 255)
    named = {"classes": ["empty", "driven on"], "map_classes": ["sky", "road", "car"]}
    known = {"y": np.arange(COUNT) % 2, "label_maps": maps}
    return Images(pixels.astype(np.uint8), **known, **named, source="scenes")


@pytest.fixture(scope="module")
def view(tmp_path_factory):
    images = scenes()
    models = {
        "pca": ist.PCA(6).fit(images),
        "denoiser": ist.Autoencoder(8, hidden=(64,), noise=0.3, **SHORT).fit(images),
        "classifier": ist.Classifier(4, hidden=(32,), **SHORT).fit(images),
        "segmenter": ist.PixelNet(3, channels=8, **QUICK).fit(images),
        "attributes": ist.PixelNet(3, channels=4, target="image", max_steps=5).fit(images),
    }
    return View(models, images, cache=tmp_path_factory.mktemp("cache"), show=False)


@pytest.fixture(scope="module")
def address(view):
    with served(view) as (url, _):
        yield url


@pytest.fixture(scope="module")
def context():
    with opened_browser() as context:
        yield context


@pytest.fixture
def watched(context, address):
    with watched_page(context, address, f"token={TOKEN}&") as made:
        yield made


def model(view, name):
    return view.model_data[name].model


def in_bytes(values) -> np.ndarray:
    return (np.asarray(values).clip(0, 1) * 255).round()


def red(pixels) -> np.ndarray:
    """The channel that `Watched.pixels` reads."""
    return np.asarray(pixels, int)[..., 0]


def odds_shown(watched, selector: str) -> dict[str, float]:
    rows = watched.page.locator(f"{selector} li")
    rows.first.wait_for()
    words = [row.locator("span").all_inner_texts() for row in rows.all()]
    return {name: float(percent.rstrip(" %")) / 100 for name, percent in words}


def agree(shown: dict[str, float], odds: np.ndarray) -> None:
    classes = ("driven on", "empty")  # in the order of `classes_`
    assert list(shown) == [classes[i] for i in np.argsort(-odds)]
    np.testing.assert_allclose(list(shown.values()), np.sort(odds)[::-1], atol=0.006)


def test_a_chosen_image_shows_its_classes_and_its_nearest(watched, view):
    watched.open("model=pca&picked=7")
    shown = odds_shown(watched, "[aria-label='Classes by classifier']")
    agree(shown, model(view, "classifier").predict_proba(view.images[[7]])[0])
    codes = np.asarray(view.model_data["pca"].codes)
    near = np.argsort(((codes - codes[7]) ** 2).sum(1))[1:9]
    seen = watched.page.locator("section[aria-label='Chosen image'] .thumbnails button")
    names = seen.evaluate_all("all => all.map(button => button.ariaLabel)")
    assert names == [f"image {i}" for i in near]


def test_an_image_taken_to_the_sheet_is_classed_and_its_noise_taken_out(watched, view):
    watched.open("tab=draw&picked=7")
    watched.button("Take the chosen image").click()
    clean = np.asarray(view.images[[7]])
    classes = "section[aria-label=classifier] .odds"
    agree(odds_shown(watched, classes), model(view, "classifier").predict_proba(clean)[0])
    section = "section[aria-label=denoiser]"
    back = in_bytes(ist.reconstruct(model(view, "denoiser"), clean)[0])
    watched.shows(f"{section} canvas[aria-label=Reconstruction]", red(back))
    watched.slide("Noise laid on it", 0.3)
    watched.page.wait_for_selector(f"{section} canvas[aria-label=Denoised]")
    noisy = watched.colours(".seen canvas")
    assert 30 < (noisy - clean[0].astype(int)).std() < 80  # 0.3 of 255, cut off at both ends
    found = ist.denoise(model(view, "denoiser"), noisy[None].astype(np.uint8))
    watched.shows(f"{section} canvas[aria-label=Denoised]", red(in_bytes(found[0])))
    wrong = np.square(found[0] - to_unit(clean)[0]).mean()
    words = watched.page.inner_text(f"{section} .strip .words")
    assert float(words.split("pixel ")[1].split(",")[0]) == pytest.approx(wrong, rel=0.1)


@pytest.mark.parametrize("kind", ["png", "jpg", "tif"])
def test_a_file_is_seen_as_the_commands_read_it(watched, view, tmp_path, kind):
    rng = np.random.default_rng(0)
    photo = Image.fromarray(rng.integers(0, 256, (40, 60, 3), dtype=np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6
    photo.save(tmp_path / f"photo.{kind}", exif=exif)
    expected = np.asarray(ist.load_images(tmp_path, like=model(view, "classifier")))
    watched.open("tab=draw")
    watched.page.set_input_files("input[type=file]", tmp_path / f"photo.{kind}")
    watched.eventually(lambda: (watched.colours(".seen canvas") == expected[0]).all())
    classes = "section[aria-label=classifier] .odds"
    agree(odds_shown(watched, classes), model(view, "classifier").predict_proba(expected)[0])
    (tmp_path / "broken.png").write_bytes(b"no image")
    watched.page.set_input_files("input[type=file]", tmp_path / "broken.png")
    watched.page.wait_for_selector(".status:has-text('broken.png could not be opened')")
    watched.errors.clear()  # the browser notes every refusal


def test_a_drawing_is_classed(watched, view):
    watched.open("tab=draw")
    box = watched.page.locator("#sheet").bounding_box()
    across = [(box["x"] + x * box["width"], box["y"] + box["height"] / 2) for x in (0.2, 0.8)]
    watched.drag(*across)
    watched.page.wait_for_selector(".results[data-done]")
    net, classes = model(view, "classifier"), "section[aria-label=classifier] .odds"

    def is_classed() -> bool:
        drawn = watched.colours(".seen canvas")[None].astype(np.uint8)
        best = net.predict_proba(drawn)[0].max()
        return drawn.max() > 100 and abs(max(odds_shown(watched, classes).values()) - best) < 0.01

    watched.eventually(is_classed)


def test_label_maps_lie_over_the_photo_and_attributes_below(watched, view):
    watched.open("tab=pixels&picked=7")
    photo, net = np.asarray(view.images[[7]]), model(view, "segmenter")
    labels = net.predict(photo)[0]
    assert (labels == view.images.label_maps[7]).mean() > 0.9  # it has learnt them
    watched.page.wait_for_selector("#overlay")
    seen, counts = np.unique(labels, return_counts=True)
    shares = [round(100 * count / labels.size) or "under 1" for count in counts]
    words = [f"{CLASSES[i]}, {share} % of pixels" for i, share in zip(seen, shares, strict=True)]
    assert watched.page.locator(".classes li").all_inner_texts() == words
    watched.slide("Strength of the classes", 1)
    hues = "all => all.map(e => e.style.background.match(/\\d+/)[0])"
    painted = watched.page.locator(".classes .swatch").evaluate_all(hues)
    colours = dict(zip(seen, map(int, painted), strict=True))
    watched.shows("#overlay", np.vectorize(colours.get)(labels), 1)
    watched.slide("Strength of the classes", 0)
    watched.shows("#overlay", red(photo[0]), 0)
    for k, attribute in enumerate(np.moveaxis(net.encode(photo)[0], -1, 0)):
        low, high = attribute.min(), attribute.max()
        stretched = 255 * (attribute - low) / (high - low)
        watched.shows(f"[aria-label='Attribute {k}']", stretched.astype(int), 1)


CLASSES = ("sky", "road", "car")


def test_a_pixel_network_without_classes_shows_its_attributes(watched, view):
    watched.open("tab=pixels&picked=7")
    watched.page.locator(".tab-body select").select_option("attributes")
    # what the model before it had there goes first
    watched.page.wait_for_selector("#overlay", state="detached")
    watched.page.wait_for_selector(".wall figcaption:has-text('attribute 0: ')")
    watched.page.wait_for_selector(".tab-body [aria-label='The image']")
    captions = watched.page.locator(".wall figcaption").all_inner_texts()
    values = model(view, "attributes").encode(view.images[[7]])[0]
    for k, words in enumerate(captions):
        low, high = map(float, words.split(": ")[1].split(" to "))
        assert words.startswith(f"attribute {k}: ")
        assert (low, high) == pytest.approx((values[..., k].min(), values[..., k].max()), rel=0.06)


def test_a_server_that_is_gone_is_said_and_what_was_fetched_remains(context, view):
    with served(view) as (url, end):
        watched = Watched(context, url, f"token={TOKEN}&")
        watched.open("tab=look&picked=7&model=pca")
        watched.page.wait_for_selector(".tab-body .odds")
        end()
        watched.page.keyboard.press("]")
        watched.page.wait_for_selector(".tab-body [role=alert]:has-text('does not answer')")
        assert watched.page.locator("section[aria-label='Chosen image'] dt").count() > 3
        watched.page.keyboard.press("2")
        watched.button("Randomise").click()
        watched.page.wait_for_selector(".now:has-text('The server does not answer: is `isthmus')")
        watched.page.close()
    assert watched.errors
    assert all("ERR_CONNECTION_REFUSED" in error for error in watched.errors)


def test_an_exported_folder_needs_no_server_of_ours(context, view, tmp_path):
    pytest.importorskip("onnxscript", reason="needs onnxscript to export decoders")
    models = {name: model(view, name) for name in ("pca", "denoiser")}
    folder = tmp_path / "page"
    write_folder(View(models, view.images, live=False, show=False, cache=tmp_path), folder)
    with file_server(folder) as url, watched_page(context, url) as watched:
        for name, made in models.items():
            watched.open(f"tab=sliders&picked=9&model={name}")
            watched.shows("#decoded", red(in_bytes(ist.reconstruct(made, view.images[[9]])[0])))
