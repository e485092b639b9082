"""Photograph the views of the explorer, on a desk and on a phone, for docs/explore.md.

    isthmus study mnist -o runs/mnist
    python examples/explorer_pictures.py runs/mnist --to docs/explore
    isthmus fit pixelnet camvid --n-attributes 8 --channels 16 --crop 160 \
        --class-weight balanced --max-steps 500 --epochs 10 --seed 0 \
        -o runs/camvid.safetensors
    python examples/explorer_pictures.py runs/camvid.safetensors camvid --to docs/explore
    isthmus fit pca L7_ETMs.tif --patch 8 --n-components 4 -o patches.safetensors
    isthmus fit kmeans L7_ETMs.tif --patch 1 -k 6 -o cover.safetensors
    isthmus explore patches.safetensors cover.safetensors L7_ETMs.tif --no-browser
    python examples/explorer_pictures.py ADDRESS --to docs/explore

The server is started with a few of the images, headless Chromium does on the page what a person
would do, and every view becomes NAME-1440.webp and NAME-390.webp. `--views map,lasso` takes only
those. Needs playwright, chromium and the built page.
"""

from __future__ import annotations

import argparse
import io
import json
import re
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from isthmus.system.files import replacing

OF_A_STUDY = [
    *("--models", "pca,som,kmeans,autoencoder-conv,autoencoder-denoising,vae,classifier-conv"),
    *("--count", "8000"),
]
OF_PHOTOS = ["--split", "test", "--count", "60"]
SCREENS = {1440: 900, 390: 844}
PHONE = 760  # pixels below which everything lies below each other
FLAGS = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
PATIENCE = 120  # seconds that a busy machine may take
QUALITIES = (80, 65, 50, 35, 25)
LARGEST = 60_000  # bytes of a picture, where one of the qualities gets there
DARK = ("thumbnails", "space")
SET_VALUE = "(b, v) => { b.value = v; b.dispatchEvent(new Event('input', {bubbles: true})) }"


class Shown:
    """What the page shows, and the labels of its images, to choose them by."""

    def __init__(self, url: str):
        self.url, self.root = url, url.split("#")[0] + "data/"
        self.manifest = json.loads(self._read("manifest.json"))
        self.labels = np.zeros(0, "<u2")
        if any(colour["id"] == "label" for colour in self.manifest["colours"]):
            self.labels = np.frombuffer(self._read("colours/label.u16"), "<u2")

    def _read(self, name: str) -> bytes:
        with urllib.request.urlopen(self.root + name) as answer:
            return answer.read()

    def of(self, label: int, count: int = 1) -> str:
        """Return the first images of a label, as the address has them."""
        return ",".join(map(str, np.flatnonzero(self.labels == label)[:count]))


def _stroke(page: Page, places: np.ndarray, *, release: bool = True) -> None:
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=2)
    if release:
        page.mouse.up()


def _over(page: Page, selector: str, shares: np.ndarray) -> np.ndarray:
    """Return places on the screen, given as shares of an element's width and height."""
    box = page.locator(selector).first.bounding_box()
    return shares * [box["width"], box["height"]] + [box["x"], box["y"]]


def _scroll_to(page: Page, selector: str) -> None:
    page.locator(selector).first.evaluate("e => e.scrollIntoView({block: 'start'})")


def _is_phone(page: Page) -> bool:
    return page.viewport_size["width"] < PHONE


def _press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def _nothing(page: Page) -> None:
    pass


def _hover(page: Page) -> None:
    at = _over(page, ".map", np.array([0.62, 0.5]))
    page.touchscreen.tap(*at) if _is_phone(page) else page.mouse.move(*at, steps=3)
    page.wait_for_selector(".tip:not([hidden])")


def _lasso(page: Page) -> None:
    _press(page, "Lasso")
    around = np.linspace(0, 2 * np.pi, 25)
    loop = np.stack([0.62 + 0.12 * np.cos(around), 0.4 + 0.16 * np.sin(around)], 1)
    _stroke(page, _over(page, ".map", loop))
    page.get_by_label("Tag").fill("to look at again")
    _press(page, "Add tag")
    page.wait_for_selector(".tags button")
    if _is_phone(page):
        _scroll_to(page, ".now")


def _decode(page: Page) -> None:
    _press(page, "Decode")
    way = np.array([[0.4, 0.6], [0.5, 0.5], [0.66, 0.36]])
    _stroke(page, _over(page, ".map", way), release=False)


def _draw(page: Page) -> None:
    """Draw a three, and lay a little noise on it."""
    turns = np.linspace(-150, 80, 14) * np.pi / 180
    bow = 0.16 * np.stack([np.cos(turns), np.sin(turns)], 1)
    three = [bow + np.array([0.48, 0.33]), bow[::-1] * [1, -1] + np.array([0.48, 0.65])]
    _stroke(page, _over(page, "#sheet", np.concatenate(three)))
    page.get_by_label("Noise laid on it").evaluate(SET_VALUE, 0.25)
    page.wait_for_selector(".results[data-done] section:last-child .odds")
    page.wait_for_selector(".results canvas[aria-label=Denoised]")
    if _is_phone(page):
        page.wait_for_timeout(3000)
        _scroll_to(page, ".sketch .tools")
        page.evaluate("scrollBy(0, -110)")  # below the tabs, which stay


def _press_unit(page: Page) -> None:
    page.locator(".units button").nth(33).click()
    page.wait_for_selector("#members .thumbnails")


def _press_sample(page: Page) -> None:
    page.locator("#wall button").nth(4).click()
    page.wait_for_selector(".beside .thumbnails button")


def _half_way(page: Page) -> None:
    page.get_by_label("Way from image to image").evaluate(SET_VALUE, 1.5)


def _stronger(page: Page) -> None:
    page.wait_for_selector(".strip canvas")
    page.get_by_label("Strength", exact=True).first.evaluate(SET_VALUE, 1)


def _choose_bands(page: Page) -> None:
    page.locator(".bands summary").click()
    for colour, band in (("Red", 3), ("Green", 2), ("Blue", 1)):
        page.get_by_label(colour, exact=True).select_option(f"band {band}")


def _choose_cell(page: Page) -> None:
    at = _over(page, ".board", np.array([0.8, 0.45]))
    page.mouse.click(*at)
    page.wait_for_selector("#steps canvas")
    _scroll_to(page, "#overlay")
    if _is_phone(page):
        page.evaluate("scrollBy(0, -110)")


def _open_help(page: Page) -> None:
    _press(page, "Help")


def _cut_off(page: Page) -> None:
    page.context.set_offline(True)
    _press(page, "Randomise")
    page.wait_for_selector("text=does not answer")


View = tuple[str, Callable[[Page], None]]
"""The words of its address, and what is done there."""


def views_of_a_study(shown: Shown) -> dict[str, View]:
    """Return what is photographed of a study of digits."""
    three, four, seven, nine = (shown.of(label) for label in (3, 4, 7, 9))
    groups = f"more={shown.of(9, 40)}&less={shown.of(4, 40)}"
    return {
        "map": ("model=autoencoder-conv", _nothing),
        "thumbnails": (f"model=vae&camera=0.25,0.1,9,0.6,0.4&picked={four}", _nothing),
        "hover": ("model=vae", _hover),
        "look": (f"model=vae&picked={seven}&colour=error-vae", _nothing),
        "lasso": ("model=vae", _lasso),
        "space": ("model=autoencoder-conv&layout=pca-3", _nothing),
        "sliders": (f"tab=sliders&model=vae&picked={three}", _nothing),
        "decode": ("tab=sliders&model=vae", _decode),
        "morph": (f"tab=morph&model=autoencoder-conv&morph={three},{seven},{four}", _half_way),
        "edit": (f"tab=edit&model=vae&{groups}&picked={four}", _stronger),
        "draw": ("tab=draw&model=vae", _draw),
        "compare": (f"tab=compare&compare=pca,vae,autoencoder-conv,som&picked={nine}", _nothing),
        "units": ("tab=units&model=som", _press_unit),
        "centroids": ("tab=units&model=kmeans", _press_unit),
        "generate": ("tab=generate&model=vae", _press_sample),
        "help": ("model=vae", _open_help),
        "trouble": (f"tab=sliders&model=vae&picked={three}", _cut_off),
    }


def views_of_photos(shown: Shown) -> dict[str, View]:
    """Return what is photographed of a pixel network and its photos."""
    return {"pixels": ("tab=pixels&picked=20", _nothing)}


def views_of_grids(shown: Shown) -> dict[str, View]:
    """Return what is photographed of a raster and models whose codes keep their place."""
    return {
        "bands": ("picked=0&tab=cells&model=cover", _choose_bands),
        "cells": ("picked=0&tab=cells&model=patches", _choose_cell),
    }


def _settled(page: Page) -> None:
    page.wait_for_load_state("networkidle")
    for selector in (".map-state .notice:has-text('Loading')", "text=every pixel …"):
        page.wait_for_selector(selector, state="detached")
    page.wait_for_timeout(700)  # thumbnails come a few a frame


def photographed(browser: Browser, shown: Shown, name: str, view: View, width: int) -> bytes:
    """Return a view at one width as a PNG."""
    words, act = view
    context = browser.new_context(
        viewport={"width": width, "height": SCREENS[width]},
        has_touch=width < PHONE,
        color_scheme="dark" if name in DARK else "light",
    )
    page = context.new_page()
    page.set_default_timeout(PATIENCE * 1000)
    page.goto(f"{shown.url}&{words}")
    _settled(page)
    if width < PHONE and "tab=" in words and name not in ("compare", "decode"):
        _scroll_to(page, ".now")
    act(page)
    if act is not _cut_off:
        _settled(page)
        page.wait_for_selector(".status:empty", state="attached")
    picture = page.screenshot()
    context.close()
    return picture


def small(picture: bytes) -> bytes:
    """Return a PNG as a WebP of modest size; maps of many dots take the lower qualities."""
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    for quality in QUALITIES:
        file = io.BytesIO()
        image.save(file, "webp", quality=quality, method=6)
        if file.tell() <= LARGEST:
            break
    return file.getvalue()


@contextmanager
def served(given: list[str]) -> Iterator[str]:
    """Start the explorer and give its address; an address is given as it is."""
    if given[0].startswith("http"):
        yield given[0]
        return
    words = [*given, *(OF_A_STUDY if len(given) == 1 else OF_PHOTOS), "--no-browser"]
    command = [sys.executable, "-u", "-m", "isthmus.cli.main", "explore", *words]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        yield next(line.strip() for line in server.stdout if re.match("http", line))
    finally:
        server.terminate()
        server.wait()


def main() -> None:
    """Photograph what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("given", nargs="+", help="what `isthmus explore` is given, or its address")
    parser.add_argument("--to", type=Path, default=Path("docs/explore"))
    parser.add_argument("--views", help="which of them, as map,lasso")
    given = parser.parse_args()
    with served(given.given) as url, sync_playwright() as playwright:
        shown = Shown(url)
        grids = any(model["code"] == "cells" for model in shown.manifest["models"])
        alone = views_of_grids if grids else views_of_photos
        views = views_of_a_study(shown) if len(shown.labels) else alone(shown)
        chosen = given.views.split(",") if given.views else list(views)
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        for name in chosen:
            for width in SCREENS:
                picture = photographed(browser, shown, name, views[name], width)
                with replacing(given.to / f"{name}-{width}.webp") as path:
                    path.write_bytes(small(picture))
        browser.close()


if __name__ == "__main__":
    main()
