"""Rasters and codes that keep their place, in a real browser: bands, label maps, cells."""

from __future__ import annotations

import numpy as np
import pytest

import isthmus as ist
from explorer_browser import TOKEN, opened_browser, served, watched_page
from isthmus.data.images import to_unit
from isthmus.explorer.manifest import View

pytest.importorskip("uvicorn", reason="needs uvicorn to serve the page")
pytest.importorskip("starlette", reason="needs starlette to serve the page")

COLOURS = np.array([(66, 133, 224), (240, 138, 36), (53, 165, 94)])
"""Of the first three classes."""


@pytest.fixture(scope="module")
def scene(data_folder):
    """A part of the Landsat scene, half as high again as wide, with a class for every pixel."""
    whole = np.asarray(ist.load_images(data_folder / "landsat7" / "L7_ETMs.tif"))
    pixels = whole[:, 200:296, 250:314]
    cover = ist.KMeans(3, patch=1, random_state=0).fit(pixels)
    maps = cover.encode(pixels).astype(np.uint8)
    named = {"label_maps": maps, "map_classes": ["first", "second", "third"]}
    return ist.Images(pixels, **named), {"cover": cover, "pca": ist.PCA(4, patch=8).fit(pixels)}


@pytest.fixture(scope="module")
def context():
    with opened_browser() as context:
        yield context


@pytest.fixture
def watched(context, scene, tmp_path_factory):
    images, models = scene
    view = View(models, images, cache=tmp_path_factory.mktemp("cache"), show=False)
    with (
        served(view) as (url, _),
        watched_page(context, url, f"token={TOKEN}&") as made,
    ):
        yield made


def in_bands(images, values, bands) -> np.ndarray:
    """Bands of an image between their 2nd and 98th percentile, as bytes."""
    known = to_unit(np.asarray(images))
    low, high = np.percentile(known.reshape(-1, known.shape[-1]), [2, 98], axis=0)[:, bands]
    return np.rint(255 * ((to_unit(values)[..., bands] - low) / (high - low)).clip(0, 1))


def shows(watched, selector, wanted, within=1):
    def is_so() -> bool:
        seen = watched.colours(selector)
        return seen.shape == wanted.shape and np.abs(seen - wanted).max() <= within

    watched.eventually(is_so)


def test_bands_are_chosen_for_originals_and_decoded_images(watched, scene):
    images, models = scene
    image, back = np.asarray(images)[0], ist.reconstruct(models["pca"], images)[0]
    watched.open("model=pca&picked=0")
    shows(watched, "#chosen", in_bands(images, image, [5, 3, 0]))
    shows(watched, "#reconstruction", in_bands(images, back, [5, 3, 0]))
    box = watched.page.locator("#chosen").bounding_box()
    assert box["height"] / box["width"] == pytest.approx(96 / 64, rel=0.02)
    summary = watched.page.locator(".bands summary")
    assert summary.inner_text() == "Bands 6, 4, 1 of 6 as red, green, blue"
    summary.click()
    assert "percentiles 2 and 98 of a band over all images" in watched.page.inner_text(".bands")
    watched.page.get_by_label("Red", exact=True).select_option("band 3")
    watched.page.get_by_label("Green", exact=True).select_option("band 2")
    shows(watched, "#chosen", in_bands(images, image, [2, 1, 0]))
    shows(watched, "#reconstruction", in_bands(images, back, [2, 1, 0]))
    assert watched.view()["bands"] == "2,1,0"
    watched.button("As at first").click()
    shows(watched, "#chosen", in_bands(images, image, [5, 3, 0]))
    watched.open("tab=draw", wait=".tab-body .notice")
    assert "6 bands" in watched.page.inner_text(".tab-body")


def test_label_maps_lie_over_a_raster(watched, scene):
    images, _ = scene
    watched.open("tab=pixels&picked=0&bands=2,1,0")
    watched.page.wait_for_selector("#overlay")
    counts = np.bincount(images.label_maps.ravel())
    shares = [round(100 * count / images.label_maps.size) for count in counts]
    words = [f"{name}, {share} % of pixels" for name, share in zip(
        images.map_classes, shares, strict=True)]  # fmt: skip
    assert watched.page.locator(".classes li").all_inner_texts() == words
    watched.slide("Strength of the classes", 1)
    shows(watched, "#overlay", COLOURS[images.label_maps[0]])
    watched.slide("Strength of the classes", 0)
    shows(watched, "#overlay", in_bands(images, np.asarray(images)[0], [2, 1, 0]))


def test_a_cell_says_what_its_code_means(watched, scene):
    images, models = scene
    watched.open("tab=cells&picked=0&model=pca")
    box = watched.page.locator(".board").bounding_box()
    watched.page.mouse.click(box["x"] + box["width"] * 0.3, box["y"] + box["height"] * 0.3)
    watched.page.wait_for_selector("h3:has-text('Cell in row 3, column 2')")
    watched.page.keyboard.press("ArrowRight")
    watched.page.wait_for_selector("h3:has-text('Cell in row 3, column 3')")
    codes = models["pca"].encode(images)
    shows(watched, "#changed", in_bands(images, models["pca"].decode(codes)[0], [5, 3, 0]))
    codes[0, 3, 3, 1] = low = np.percentile(codes[..., 1], 2)
    watched.slide("Number 1 of the cell", float(low))
    shows(watched, "#changed", in_bands(images, models["pca"].decode(codes)[0], [5, 3, 0]))
    assert watched.page.locator("#steps canvas").count() == 5


def test_a_map_of_indices_lies_over_the_image(watched, scene):
    images, models = scene
    watched.open("tab=cells&picked=0&model=cover")
    watched.page.wait_for_selector("#overlay")
    watched.slide("Strength of the classes", 1)
    shows(watched, "#overlay", COLOURS[models["cover"].encode(images)[0]])
    assert watched.page.locator(".classes li").count() == 3
    watched.slide("Index of the cell", 2)
    changed = models["cover"].encode(images)
    changed[0, 48, 32] = 2
    shows(watched, "#changed", in_bands(images, models["cover"].decode(changed)[0], [5, 3, 0]))


def test_a_cube_is_seen_by_the_bands_its_header_names_below_a_map(context, data_folder, tmp_path):
    cube = ist.load_images(data_folder / "hyperspectral" / "jasperRidge2_R198.hdr")
    cover = ist.KMeans(3, patch=1, random_state=0).fit(cube)
    view = View({"cover": cover}, cube, cache=tmp_path, show=False)
    with (
        served(view) as (url, _),
        watched_page(context, url, f"token={TOKEN}&") as watched,
    ):
        watched.open("picked=0")
        shows(watched, "#chosen", in_bands(cube, np.asarray(cube)[0], [31, 16, 3]))
        watched.page.locator(".bands summary").click()
        names = watched.page.get_by_label("Red", exact=True).locator("option").all_inner_texts()
        assert (len(names), names[0]) == (198, "band 1, 399 nm")
        watched.button("Red's alone, in grey").click()
        shows(watched, "#chosen", in_bands(cube, np.asarray(cube)[0], [31, 31, 31]))
        watched.open("picked=0&tab=cells")
        watched.page.wait_for_selector("#overlay")
        watched.slide("Strength of the classes", 1)
        shows(watched, "#overlay", COLOURS[cover.encode(cube)[0]])
