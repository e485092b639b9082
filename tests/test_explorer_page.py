"""The explorer's page in a real browser, held against what Python's models say."""

from __future__ import annotations

import contextlib
import io
import json
import re
import zipfile
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from PIL import Image

from explorer_browser import file_server, opened_browser, watched_page
from explorer_folder import write_folder
from isthmus.data.readers import load_images

POLICY = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self' blob:"

pytest.importorskip("onnx", reason="needs onnx to write decoders")


class Site:
    """The folder behind `python -m http.server`, and what it was written from."""

    def __init__(self, folder: Path, url: str, models: dict):
        self.folder, self.url, self.models = folder, url, models
        self.manifest = json.loads((folder / "data/manifest.json").read_text())
        self.by_name = {model["name"]: model for model in self.manifest["models"]}

    def numbers(self, file: str, kind: str = "<f4") -> np.ndarray:
        return np.fromfile(self.folder / "data" / file, kind)

    def codes(self, name: str) -> np.ndarray:
        entry = self.by_name[name]
        if entry["code"] == "index":
            return self.numbers(entry["codes"], "<i4")
        return self.numbers(entry["codes"]).reshape(-1, entry["width"])

    def layout(self, name: str, number: int = 0) -> tuple[dict, np.ndarray]:
        layout = self.by_name[name]["layouts"][number]
        return layout, self.numbers(layout["file"]).reshape(-1, layout["dimensions"])

    def decoded(self, name: str, code) -> np.ndarray:
        return as_bytes(self.models[name].decode(np.asarray(code, np.float32)[None])[0])

    def decoded_any(self, name: str, code) -> np.ndarray:
        if self.by_name[name]["code"] == "vector":
            return self.decoded(name, code)
        return as_bytes(self.models[name].codebook_[int(code)].reshape(8, 8, 1))

    def image(self, number: int) -> np.ndarray:
        page = Image.open(self.folder / f"data/atlas/{number // 256}.png")
        row, column = divmod(number % 256, 16)
        return np.asarray(page)[row * 8 : row * 8 + 8, column * 8 : column * 8 + 8]


def as_bytes(image: np.ndarray) -> np.ndarray:
    return (np.asarray(image)[..., 0].clip(0, 1) * 255).round().astype(np.uint8)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("explorer")
    models = write_folder(folder)
    with file_server(folder) as url:
        yield Site(folder, url, models)


@pytest.fixture(scope="module")
def context():
    with opened_browser() as context:
        yield context


@pytest.fixture
def watched(context, site):
    with watched_page(context, site.url) as made:
        yield made


def floats(text: str) -> np.ndarray:
    return np.array([float(x) for x in text.split(",")])


def test_opens_and_an_image_is_chosen_by_a_click(watched, site):
    watched.open()
    _, places = site.layout("pca")
    lonely = int(np.argmax(nearest_gap(places)))
    watched.page.mouse.click(*watched.at(places[lonely]))
    watched.shows("#chosen", site.image(lonely), 0)
    watched.shows("#reconstruction", site.decoded("pca", site.codes("pca")[lonely]))
    watched.shows("#decoded", site.decoded("pca", site.codes("pca")[lonely]))
    assert watched.view()["picked"] == str(lonely)
    facts = watched.page.inner_text(".tab-body dl")
    assert str(site.numbers("colours/label.u16", "<u2")[lonely]) in facts


def nearest_gap(places: np.ndarray) -> np.ndarray:
    apart = ((places[:, None] - places[None]) ** 2).sum(-1)
    np.fill_diagonal(apart, np.inf)
    return apart.min(1)


def test_hover_shows_image_and_reconstruction(watched, site):
    watched.open("model=vae")
    _, places = site.layout("vae")
    lonely = int(np.argmax(nearest_gap(places)))
    watched.page.mouse.move(*watched.at(places[lonely]))
    watched.page.wait_for_selector(".tip:not([hidden])")
    watched.shows(".tip canvas >> nth=0", site.image(lonely), 0)
    watched.shows(".tip canvas >> nth=1", site.decoded("vae", site.codes("vae")[lonely]))
    assert f"image {lonely}" in watched.page.inner_text(".tip")


def test_points_are_drawn_in_the_colours_of_the_legend(watched, site):
    watched.open()
    for rgb in ((66, 133, 224), (240, 138, 36), (53, 165, 94)):
        watched.eventually(lambda rgb=rgb: watched.painted(rgb) > 50)
    watched.page.locator(".category").nth(0).click()
    assert watched.view()["hidden"] == "0"
    watched.eventually(lambda: watched.painted((66, 133, 224)) < 20)


def test_lasso_selects_tags_and_exports(watched, site):
    watched.open()
    _, places = site.layout("pca")
    inside = np.flatnonzero((np.abs(places - [0.3, 0.2]) < 0.25).all(1))
    corners = [(0.05, -0.05), (0.55, -0.05), (0.55, 0.45), (0.05, 0.45)]
    watched.drag(*map(watched.at, [*corners, corners[0]]), key="Shift")
    watched.eventually(  # corners of the mouse are whole pixels
        lambda: abs(int(watched.page.inner_text(".tab-body h2").split(":")[1]) - len(inside)) <= 2
    )
    watched.page.get_by_label("Tag").fill("=odd, ones")
    watched.button("Add tag").click()
    rows = watched.saved("Save CSV").decode().splitlines()
    assert rows[0].startswith("id,name,split,tags,label,error of pca")
    ids = [int(row.split(",")[0]) for row in rows[1:]]
    assert len(set(ids) ^ set(inside.tolist())) <= 2
    assert '"\'=odd, ones"' in rows[1]  # no formula
    last = [float(x) for x in rows[1].split(",")[-8:]]
    np.testing.assert_allclose(last, site.codes("pca")[ids[0]], atol=1e-5)
    with zipfile.ZipFile(io.BytesIO(watched.saved("Save folder (zip)"))) as folder:
        assert len(folder.namelist()) == len(ids) + 1
        found = Image.open(folder.open(f"selection/{ids[3]:06}.png")).convert("L")
    np.testing.assert_array_equal(np.asarray(found), site.image(ids[3]))


def test_a_slider_changes_pixels_as_the_model_says(watched, site):
    watched.open("tab=sliders&picked=5&model=vae")
    code = site.codes("vae")[5].copy()
    watched.shows("#decoded", site.decoded("vae", code))
    first = site.by_name["vae"]["order"][0]
    assert watched.page.locator(".slider-row span").first.inner_text() == str(first)
    code[first] = (site.by_name["vae"]["low"][first] + site.by_name["vae"]["high"][first]) / 3
    watched.slide(f"Number {first}", float(code[first]))
    watched.shows("#decoded", site.decoded("vae", code))
    watched.button("Reset to mean").click()
    watched.shows("#decoded", site.decoded("vae", site.by_name["vae"]["mean"]))
    watched.button("Randomise").click()
    watched.shows("#decoded", site.decoded("vae", floats(watched.view()["code"])))


def test_a_drag_over_empty_space_decodes(watched, site):
    watched.open("model=pca")
    watched.button("Decode").click()
    watched.drag(watched.at((-0.9, 0.6)), watched.at((-0.5, 0.9)), watched.at((-0.8, 0.8)))
    place = floats(watched.view()["place"])
    np.testing.assert_allclose(place, (-0.8, 0.8), atol=0.01)
    inverse = site.layout("pca")[0]["inverse"]
    code = np.array(inverse["mean"]) + place @ np.array(inverse["axes"])
    watched.shows("#decoded", site.decoded("pca", code))


def test_a_layout_without_inverse_decodes_by_its_neighbours(watched, site):
    watched.open("model=pca&layout=curved-2")
    watched.button("Decode").click()
    watched.drag(watched.at((0.2, 0.1)), watched.at((0.33, 0.21)))
    place = floats(watched.view()["place"])
    _, places = site.layout("pca", 2)
    apart = np.sqrt(((places - place) ** 2).sum(1))
    near = np.argsort(apart)[:8]
    code = np.average(site.codes("pca")[near], axis=0, weights=1 / apart[near])
    watched.shows("#decoded", site.decoded("pca", code), 2)  # the address rounds the place


def test_three_dimensions_turn(watched, site):
    watched.open("layout=pca-3&colour=pca-error")
    before = watched.page.locator("canvas.points").screenshot()
    watched.drag((300, 300), (420, 360))
    yaw, pitch = floats(watched.view()["camera"])[3:]
    assert (yaw, pitch) == (pytest.approx(0.6 + 120 * 0.008), pytest.approx(0.4 + 60 * 0.008))
    watched.eventually(lambda: watched.page.locator("canvas.points").screenshot() != before)


def test_morph_goes_from_image_to_image(watched, site):
    watched.open("tab=morph&morph=3,7&model=vae")
    codes = site.codes("vae")
    watched.shows("#morphed", site.decoded("vae", codes[3]))
    watched.slide("Way from image to image", 0.5)
    watched.shows("#morphed", site.decoded("vae", (codes[3] + codes[7]) / 2))
    gif = Image.open(io.BytesIO(watched.saved("Save GIF")))
    assert gif.n_frames == 17
    gif.seek(16)
    last = np.asarray(gif.convert("L"), int)[::20, ::20][:8, :8]
    assert np.abs(last - site.decoded("vae", codes[7])).max() <= 1
    watched.button("Play").click()
    moving = watched.pixels("#morphed")
    watched.eventually(lambda: (watched.pixels("#morphed") != moving).any())


def test_edit_moves_along_the_difference_of_groups(watched, site):
    watched.open("tab=edit&more=10-20&less=30-35,40&picked=3&model=pca")
    codes = site.codes("pca")
    watched.page.get_by_label("Strength", exact=True).first.wait_for()
    direction = codes[10:21].mean(0) - codes[[*range(30, 36), 40]].mean(0)
    watched.page.wait_for_selector(".strip canvas")
    watched.slide("Strength", 1.5)
    watched.shows("#decoded", site.decoded("pca", codes[3] + 1.5 * direction))


def test_draw_is_seen_by_every_model(watched, site):
    watched.open("tab=draw")
    box = watched.page.locator("#sheet").bounding_box()
    where = lambda x, y: (box["x"] + x * box["width"], box["y"] + y * box["height"])  # noqa: E731
    watched.drag(where(0.5, 0.1), where(0.5, 0.9))
    watched.page.wait_for_selector(".results[data-done] section:last-child .thumbnails")
    seen = watched.pixels(".seen canvas")
    assert seen[1:7, 3:5].min() > 100
    assert seen[:, 0].max() == 0
    sketch = (seen[None, ..., None] / 255).astype(np.float32)
    for name, model in site.models.items():
        section = f"section[aria-label='{name}']"
        code = model.encode(sketch)[0]
        watched.shows(f"{section} canvas[aria-label=Reconstruction]", site.decoded_any(name, code))
    apart = ((site.codes("pca") - site.models["pca"].encode(sketch)) ** 2).sum(1)
    first = watched.page.locator("section[aria-label=pca] .thumbnails button").first
    assert first.get_attribute("aria-label") == f"image {np.argmin(apart)}"
    assert "nearest images" in watched.page.inner_text("section[aria-label=pca] .class")


def test_a_dropped_file_is_read(watched, site, tmp_path):
    Image.fromarray(site.image(9)).save(tmp_path / "nine.png")
    watched.open("tab=draw")
    watched.page.set_input_files("input[type=file]", tmp_path / "nine.png")
    watched.shows(".seen canvas", site.image(9), 0)
    (tmp_path / "broken.png").write_bytes(b"no image")
    watched.page.set_input_files("input[type=file]", tmp_path / "broken.png")
    watched.page.wait_for_selector(".status:has-text('broken.png could not be opened')")


@pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
def test_a_file_is_fitted_as_the_commands_do_it(watched, site, tmp_path, fit):
    manifest = site.manifest | {"images": site.manifest["images"] | {"fit": fit}}
    watched.answer("manifest.json", body=json.dumps(manifest))
    rng = np.random.default_rng(0)
    coarse = Image.fromarray(rng.integers(0, 256, (5, 9, 3), dtype=np.uint8))
    wide = coarse.resize((90, 50), Image.Resampling.BICUBIC)
    clear = wide.rotate(90, expand=True).convert("RGBA")
    clear.putalpha(wide.rotate(90, expand=True).convert("L"))
    files = {"wide.png": wide, "clear.png": clear, "grey.png": wide.convert("L").resize((13, 9))}
    watched.open("tab=draw")
    for name, image in files.items():
        alone = tmp_path / name.removesuffix(".png")
        alone.mkdir()
        image.save(alone / name)
        expected = np.asarray(load_images(alone, size=8, color="grey", resize=fit))[0, ..., 0]
        watched.page.set_input_files("input[type=file]", alone / name)
        watched.shows(".seen canvas", expected, 2)


def test_compare_links_hover_and_selection(watched, site):
    watched.open("tab=compare&compare=pca,vae,som")
    assert watched.page.locator(".map").count() == 3
    _, places = site.layout("pca")
    lonely = int(np.argmax(nearest_gap(places)))
    watched.page.mouse.move(*watched.at(places[lonely]))
    watched.page.wait_for_function("document.querySelectorAll('.tip:not([hidden])').length === 3")
    for i, name in enumerate(("pca", "vae", "som")):
        wanted = site.decoded_any(name, site.codes(name)[lonely])
        watched.shows(f".map >> nth={i} >> .tip canvas >> nth=1", wanted)
    table = watched.page.inner_text("table")
    mse = site.by_name["vae"]["scores"]["mse"]
    assert f"{mse:.4g}" in table
    assert "MSE ↓" in table
    assert "SVM ↑\t97.3 %" in table
    assert "nmi" not in table  # which nobody has
    watched.page.get_by_role("checkbox", name="som").uncheck()
    watched.page.wait_for_function("document.querySelectorAll('.map').length === 2")


@pytest.mark.parametrize("name", ["kmeans", "som"])
def test_units_show_their_members(watched, site, name):
    watched.open(f"tab=units&model={name}", wait=None)
    units = watched.page.locator(".units button")
    units.nth(5).click()
    members = np.flatnonzero(site.codes(name) == 5)
    watched.page.wait_for_selector(f"h3:has-text('Unit 5: {len(members)} images')")
    assert watched.page.locator("#members .thumbnails button").count() == min(len(members), 48)
    watched.shows("#decoded", site.decoded_any(name, 5))


def test_samples_go_on_the_map_beside_their_nearest_image(watched, site):
    watched.open("tab=generate&model=vae")
    watched.page.locator("#wall button").nth(7).click()
    watched.page.wait_for_selector(".beside .thumbnails button")
    view = watched.view()
    code = floats(view["code"])
    watched.shows("#decoded", site.decoded("vae", code))
    watched.shows("#wall canvas >> nth=7", site.decoded("vae", code))
    near = np.argmin(((site.codes("vae") - code) ** 2).sum(1))
    shown = watched.page.locator(".beside .thumbnails button")
    assert shown.get_attribute("aria-label") == f"image {near}"
    inverse = site.layout("vae")[0]["inverse"]
    place = (code - inverse["mean"]) @ np.linalg.pinv(np.array(inverse["axes"]))
    np.testing.assert_allclose(floats(view["place"]), place, atol=1e-3)


def test_the_address_restores_the_view(watched, site):
    address = "tab=sliders&model=vae&layout=pca-2&colour=vae-error&camera=0.1,0.2,2,0.6,0.4"
    code = [0.25, -0.5, 1.0, 0.125]
    rest = f"&code={','.join(map(str, code))}&picked=4&selection=2-9,12"
    watched.open(address + rest)
    watched.shows("#decoded", site.decoded("vae", code))
    watched.shows("#chosen", site.image(4), 0)
    watched.page.keyboard.press("5")
    view = watched.view()
    assert view["tab"] == "draw"
    assert view["selection"] == "2-9,12"
    assert view["camera"] == "0.1,0.2,2,0.6,0.4"


def test_keys_do_what_the_help_says(watched, site):
    watched.open()
    watched.page.keyboard.press("]")
    watched.page.keyboard.press("]")
    watched.shows("#chosen", site.image(1), 0)
    watched.page.keyboard.press("?")
    watched.page.wait_for_selector("dialog[open]")
    watched.page.keyboard.press("Escape")
    watched.page.locator(".map").focus()
    for _ in range(3):
        watched.page.keyboard.press("Shift+ArrowRight")
    np.testing.assert_allclose(floats(watched.view()["place"]), (0.12, 0), atol=1e-6)
    watched.page.keyboard.press("t")
    assert watched.page.locator("html").get_attribute("data-theme") == "light"


FOCUSED = """() => { const e = document.activeElement;
    return e.ariaLabel || e.labels?.[0]?.innerText || e.innerText }"""


def test_the_tab_key_goes_through_the_page_in_its_order(watched, site):
    watched.open("tab=look")
    watched.page.mouse.click(3, 3)  # else some browsers take the first Tab for themselves
    choices = ["Model", "Layout", "Colour", "Move", "Lasso", "Decode", "Share", "Theme", "Help"]
    wanted = [*choices, "Map of images by pca", *map(str, range(10)), "Look"]
    for name in wanted:
        watched.page.keyboard.press("Tab")
        assert watched.page.evaluate(FOCUSED).startswith(name)


def test_arrows_move_the_map_and_go_from_tab_to_tab(watched):
    watched.open()
    watched.page.locator(".map").focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowUp", "+"):
        watched.page.keyboard.press(key)
    assert watched.view()["camera"] == "0.16,0.08,1.3,0.6,0.4"
    watched.page.keyboard.press("0")
    assert "camera" not in watched.view()
    watched.page.locator("#tab-look").focus()
    for key, tab in (("ArrowLeft", "Cells"), ("Home", "Look"), ("ArrowRight", "Sliders")):
        watched.page.keyboard.press(key)
        assert watched.page.evaluate(FOCUSED) == tab
        assert watched.page.inner_text("[role=tab][aria-selected=true]") == tab
    watched.page.keyboard.press("End")
    watched.page.wait_for_selector(
        ".tab-body .notice:has-text('No model here has codes of cells')"
    )
    watched.page.keyboard.press("ArrowLeft")
    watched.page.wait_for_selector("#wall canvas")


def test_what_needs_a_selection_says_so(watched):
    watched.open("tab=look")
    watched.page.wait_for_selector("section[aria-label=Selection]:has-text('draw a line around')")
    watched.page.keyboard.press("3")
    watched.button("Add those selected").click()
    watched.page.wait_for_selector(".status:has-text('Nothing is selected')")
    watched.button("Add the chosen image").click()
    watched.page.wait_for_selector(".status:has-text('Choose an image on the map first')")
    watched.page.keyboard.press("4")
    watched.button("Take those selected").first.click()
    watched.page.wait_for_selector(".status:has-text('Nothing is selected')")


def test_a_finger_that_is_lifted_leaves_the_tip(context, site):
    phone = context.browser.new_context(has_touch=True, viewport={"width": 390, "height": 844})
    with watched_page(phone, site.url) as watched:
        watched.open("model=pca")
        _, places = site.layout("pca")
        lonely = int(np.argmax(nearest_gap(places)))
        watched.page.touchscreen.tap(*watched.at(places[lonely]))
        watched.shows("#chosen", site.image(lonely), 0)
        watched.shows(".tip canvas >> nth=0", site.image(lonely), 0)
        assert watched.page.is_visible(".tip")
    phone.close()


NAMELESS = """() => [...document.querySelectorAll('button, select, input, canvas, [role=region]')]
    .filter(e => e.getClientRects().length && !e.closest('[aria-hidden]'))
    .filter(e => !e.ariaHidden && !e.ariaLabel && !e.labels?.length
        && !(e.tagName === 'BUTTON' && e.innerText.trim()) && !e.matches('canvas.points'))
    .map(e => e.outerHTML)"""


def test_every_tab_fits_a_phone_and_names_its_controls(watched):
    watched.page.set_viewport_size({"width": 390, "height": 844})
    watched.open("picked=3&morph=1,2&more=4&selection=4-9&model=vae")
    for tab in watched.page.locator("[role=tab]").all():
        tab.click()
        watched.drawn()
        assert watched.page.evaluate(NAMELESS) == []
        wide = "document.documentElement.scrollWidth <= innerWidth"
        assert watched.page.evaluate(wide), f"{tab.inner_text()} is too wide"


def test_a_strict_policy_is_kept(watched, site):
    def add(route):
        answer = route.fetch()
        route.fulfill(
            response=answer, headers={**answer.headers, "content-security-policy": POLICY}
        )

    watched.page.route(re.compile(r"/(#.*)?$|\.js$"), add)
    watched.open("tab=sliders&picked=5&model=vae")
    watched.shows("#decoded", site.decoded("vae", site.codes("vae")[5]))
    made = """() => new Promise(done => setTimeout(() => {
        try { new Function('1'); done(true) } catch { done(false) } }))"""
    assert not watched.page.evaluate(made)  # the policy was there


def test_samples_of_an_index_are_drawn_as_they_occur(watched, site):
    watched.open("tab=generate&model=kmeans", wait=None)
    watched.page.locator("#wall button").nth(7).click()
    watched.page.wait_for_selector(".beside .thumbnails button")
    unit = int(watched.view()["code"])
    watched.shows("#decoded", site.decoded_any("kmeans", unit))
    shown = watched.page.locator(".beside .thumbnails button").get_attribute("aria-label")
    assert site.codes("kmeans")[int(shown.split()[1])] == unit


def test_pixel_networks_need_a_server_and_say_so(watched, site):
    manifest = with_pixelnet(site.manifest)
    watched.answer("manifest.json", body=json.dumps(manifest))
    watched.open("tab=pixels")
    watched.page.wait_for_selector(".tab-body:has-text('run `isthmus explore`')")


def with_pixelnet(manifest: dict) -> dict:
    plain = {**manifest["models"][0], "name": "net", "family": "pixelnet", "code": "pixels"}
    empty = {"codes": None, "layouts": [], "can": ["encode"], "classes": ["sky", "road"]}
    net = {**plain, **empty, "onnx": {"decode": None, "encode": None}}
    return {**manifest, "models": [*manifest["models"], net]}


BROKEN = {
    "missing": ({"status": 404, "body": "no"}, "data/manifest.json is missing"),
    "refused": ({"status": 500, "body": "no"}, "could not be fetched: status 500"),
    "no-json": ({"body": "{"}, "data/manifest.json is malformed"),
    "no-field": ({"body": '{"version": 1, "title": 3}'}, "title must be text, but is 3"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_manifest_is_said_in_words(watched, kind):
    answer, words = BROKEN[kind]
    watched.answer("manifest.json", **answer)
    watched.open(wait=None)
    alert = watched.page.locator("[role=alert]")
    alert.wait_for()
    assert words in alert.inner_text()
    if "status" in answer:
        assert "Failed to load resource" in watched.errors.pop()


def test_a_wrong_field_is_named(watched, site):
    manifest = json.loads(json.dumps(site.manifest))
    manifest["models"][1]["order"] = [0, 1]
    watched.answer("manifest.json", body=json.dumps(manifest))
    watched.open(wait=None)
    words = watched.page.locator("[role=alert]").inner_text()
    assert "models[1].order must be a list of 4" in words


def test_a_missing_decoder_is_said_and_the_rest_works(watched, site):
    watched.answer("vae-decode.onnx", status=404, body="no")
    watched.open("model=vae&picked=3")
    watched.page.wait_for_selector(".now:has-text('data/onnx/vae-decode.onnx is missing')")
    watched.page.get_by_label("Model").first.select_option("pca")
    watched.shows("#decoded", site.decoded("pca", site.codes("pca")[3]))
    assert watched.errors
    assert all("Failed to load resource" in error for error in watched.errors)
    watched.errors.clear()


def test_a_decoder_never_exported_is_said(watched, site):
    manifest = json.loads(json.dumps(site.manifest))
    manifest["models"][0]["onnx"]["decode"] = None
    watched.answer("manifest.json", body=json.dumps(manifest))
    watched.open("model=pca&picked=3")
    watched.page.wait_for_selector(".now:has-text('This folder holds no decoder of pca')")


def test_a_short_file_and_a_broken_decoder_are_said(watched):
    watched.answer("pca-pca-2.f32", body=b"1234")
    watched.answer("pca-decode.onnx", body=b"no network")
    watched.open("model=pca&picked=3", wait=None)
    watched.page.wait_for_selector(".map-state [role=alert]:has-text('holds 4 bytes, but 4800')")
    watched.page.wait_for_selector(".now:has-text('cannot be run in this page')")


def test_without_webgl_the_rest_works(watched, site):
    watched.page.add_init_script(
        "const get = HTMLCanvasElement.prototype.getContext;"
        "HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {"
        " return kind === 'webgl2' ? null : get.call(this, kind, ...rest) }"
    )
    watched.open("tab=sliders&picked=3", wait=None)
    watched.page.wait_for_selector(".map-state [role=alert]:has-text('no WebGL2')")
    watched.shows("#decoded", site.decoded("pca", site.codes("pca")[3]))


class Server:
    """Answers requests as web/README.md says the live server does."""

    def __init__(self, site: Site):
        self.site, self.tags = site, {"kept": [1, 2]}

    def __call__(self, route) -> None:
        url = urlsplit(route.request.url)
        _, _, token, verb = url.path.split("/")
        query = {name: value[0] for name, value in parse_qs(url.query).items()}
        body = route.request.post_data_buffer or b""
        if token != "secret":
            route.fulfill(status=403, body='{"error": "the token is wrong"}')
        elif verb == "tags":
            self.tags = json.loads(body) if body else self.tags
            route.fulfill(body=json.dumps(self.tags))
        elif verb == "sample":
            route.fulfill(status=429, body="busy")
        else:
            self.send(route, getattr(self, verb)(query, body))

    def send(self, route, values: np.ndarray) -> None:
        kind = {"float32": "f32", "uint8": "u8", "int32": "i32"}[values.dtype.name]
        shape = ",".join(map(str, values.shape))
        route.fulfill(body=values.tobytes(), headers={"X-Shape": shape, "X-Type": kind})

    def decode(self, query, body) -> np.ndarray:
        model = self.site.models[query["model"]]
        codes = np.frombuffer(body, "<f4").reshape(-1, model.code_width_)
        return (model.decode(codes).clip(0, 1) * 255).round().astype(np.uint8)

    def images(self, query, body) -> np.ndarray:
        ids = np.frombuffer(body, "<i4")
        return np.stack([self.site.image(i) for i in ids])[..., None]

    def nearest(self, query, body) -> np.ndarray:
        apart = ((self.site.codes(query["model"]) - np.frombuffer(body, "<f4")) ** 2).sum(1)
        return np.argsort(apart)[None, : int(query["k"])].astype(np.int32)

    def segment(self, query, body) -> np.ndarray:
        return (np.frombuffer(body, np.uint8).reshape(-1, 8, 8) > 127).astype(np.uint8)

    def encode(self, query, body) -> np.ndarray:
        images = np.frombuffer(body, np.uint8).reshape(-1, 8, 8)
        return np.stack([images, 255 - images], -1).astype(np.float32)  # a pixel's attributes


@pytest.fixture
def live(watched, site):
    manifest = {**with_pixelnet(site.manifest), "live": True}
    watched.answer("manifest.json", body=json.dumps(manifest))
    watched.server = Server(site)
    watched.page.route(re.compile("/api/"), watched.server)
    return watched


def test_a_live_server_answers_instead(live, site):
    live.open("token=secret&tab=sliders&picked=5&model=vae")
    live.shows("#decoded", site.decoded("vae", site.codes("vae")[5]))
    live.button("Reset to mean").click()
    live.shows("#decoded", site.decoded("vae", site.by_name["vae"]["mean"]))
    assert live.view()["token"] == "secret"


def test_live_pixel_networks_show_classes_and_attributes(live, site):
    live.open("token=secret&tab=pixels&picked=3")
    live.page.wait_for_selector("#overlay")
    assert re.findall(r"sky|road", live.page.inner_text(".classes")) == ["sky", "road"]
    live.shows("[aria-label='Attribute 0']", stretched(site.image(3)), 1)
    live.slide("Strength of the classes", 0)
    live.shows("#overlay", site.image(3), 0)


def stretched(image: np.ndarray) -> np.ndarray:
    low, high = int(image.min()), int(image.max())
    return (255 * (image.astype(float) - low) / (high - low)).astype(int)


def test_a_live_server_keeps_tags(live):
    live.open("token=secret&tab=look")
    live.page.wait_for_selector(".tags :text('kept (2)')")
    live.page.get_by_label("Remove tag kept").click()
    live.page.wait_for_selector(".tags", state="detached")
    live.eventually(lambda: live.server.tags == {})


def test_what_a_live_server_refuses_is_said(live):
    live.open("token=secret&tab=generate&model=vae")
    live.page.wait_for_selector(".status:has-text('it is too busy; try again')")
    live.page.goto("about:blank")
    live.open("token=wrong&picked=3&model=vae")
    live.page.wait_for_selector(".now:has-text('The server says: the token is wrong')")
    with contextlib.suppress(IndexError):
        while "Failed to load resource" in live.errors[-1]:
            live.errors.pop()
