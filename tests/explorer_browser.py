"""A page in a real browser, every error of which counts."""

from __future__ import annotations

import io
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from PIL import Image

from explorer_folder import PAGE

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
SANDBOX = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
CUT = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"  # no network but the server
TOKEN = "the-token"
PATIENCE = 120  # seconds that a busy machine may take to show something
FILL = 0.46  # of the map's shorter side, that half the map takes

if CHROMIUM is None:
    pytest.skip("needs chromium to open the page", allow_module_level=True)
if not (PAGE / "index.html").is_file():
    pytest.skip("needs the page: `make page` builds it with node", allow_module_level=True)
sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright to open the page")


@contextmanager
def opened_browser() -> Iterator[Any]:
    """Give a browser's context that reaches no network but this machine."""
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*SANDBOX, CUT])
        yield browser.new_context(viewport={"width": 1200, "height": 800}, accept_downloads=True)
        browser.close()


@contextmanager
def file_server(folder: Path) -> Iterator[str]:
    """Serve a folder by Python's own file server, and give its address."""
    words = [sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1"]
    server = subprocess.Popen(words, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        port = re.search(rb"port (\d+)", server.stdout.readline())
        yield f"http://127.0.0.1:{int(port[1])}/"
    finally:
        server.terminate()
        server.wait()


@contextmanager
def served(view):
    """Serve the page and give its address and what ends the server."""
    import uvicorn

    from isthmus.explorer.server import create_app
    from isthmus.explorer.static import page_files

    app = create_app(view, page_files(), TOKEN)
    settings = {"log_level": "warning", "timeout_graceful_shutdown": 1}
    server = uvicorn.Server(uvicorn.Config(app, **settings))
    with socket.create_server(("127.0.0.1", 0)) as bound:
        thread = threading.Thread(target=server.run, args=([bound],))
        thread.start()
        while not server.started:
            time.sleep(0.01)

        def end() -> None:
            server.should_exit = True
            thread.join()

        yield f"http://127.0.0.1:{bound.getsockname()[1]}/{TOKEN}/", end
        end()


class Watched:
    """A page whose every error counts, but those that a test waits for."""

    def __init__(self, context, url: str, words: str = ""):
        """`words` come first in every address, such as the token of a server."""
        self.page, self.url, self.words = context.new_page(), url, words
        self.errors: list[str] = []
        self.page.set_default_timeout(PATIENCE * 1000)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", self.listen)

    def listen(self, message) -> None:
        if message.type in ("error", "warning"):
            self.errors.append(message.text)

    def open(self, view: str = "", wait: str | None = "#chosen") -> None:
        self.page.goto(f"{self.url}#{self.words}{view}")
        if wait:
            self.page.wait_for_selector(wait)
            self.page.wait_for_selector(".map-state .notice", state="detached")

    def pixels(self, selector: str) -> np.ndarray:
        """The first channel of a canvas."""
        return self.colours(selector)[..., 0]

    def colours(self, selector: str) -> np.ndarray:
        read = """c => { const pen = new OffscreenCanvas(c.width, c.height)
                .getContext('2d', {willReadFrequently: true});
            pen.drawImage(c, 0, 0);
            const {data} = pen.getImageData(0, 0, c.width, c.height);
            return [c.height, c.width, Array.from(data)] }
        """
        h, w, data = self.page.locator(selector).first.evaluate(read)
        return np.array(data, int).reshape(h, w, 4)[..., :3]

    def shows(self, selector: str, wanted: np.ndarray, within: int = 1) -> None:
        """Wait until a canvas shows an image, give or take a level of grey."""
        until = time.monotonic() + PATIENCE
        while True:
            seen = self.pixels(selector)
            if seen.shape == wanted.shape and np.abs(seen - wanted).max() <= within:
                return
            if time.monotonic() > until:
                pytest.fail(f"{selector} shows\n{seen}\nnot\n{wanted}")
            time.sleep(0.03)

    def view(self) -> dict[str, str]:
        # the address follows by a timer of 200 ms; timers fire in the order of their times, so
        # this one fires after it, however busy the machine is
        self.page.evaluate("new Promise(done => setTimeout(done, 300))")
        words = parse_qs(urlsplit(self.page.url).fragment)
        return {name: value[0] for name, value in words.items()}

    def drawn(self) -> None:
        """Wait until the browser has laid out and painted what was asked for last."""
        self.page.evaluate(
            "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
        )

    def eventually(self, check) -> None:
        """Wait until something is so."""
        until = time.monotonic() + PATIENCE
        while not check():
            assert time.monotonic() < until, "it never came to be so"
            self.page.wait_for_timeout(100)

    def painted(self, rgb: tuple[int, int, int]) -> int:
        """How many pixels of the map, above its legend, have a colour."""
        shot = Image.open(io.BytesIO(self.page.locator(".map").screenshot())).convert("RGB")
        above = np.asarray(shot, int)[: int(shot.height * 0.9)]
        return int((np.abs(above - rgb).max(-1) < 8).sum())

    def at(self, place) -> tuple[float, float]:
        """Where on the screen a place of the unmoved map lies."""
        box = self.page.locator(".map").first.bounding_box()
        scale = FILL * min(box["width"], box["height"])
        x = box["x"] + box["width"] / 2 + place[0] * scale
        return float(x), float(box["y"] + box["height"] / 2 - place[1] * scale)

    def drag(self, *points, key: str | None = None) -> None:
        mouse = self.page.mouse
        mouse.move(*points[0])
        if key:
            self.page.keyboard.down(key)
        mouse.down()
        for point in points[1:]:
            mouse.move(*point, steps=4)
        mouse.up()
        if key:
            self.page.keyboard.up(key)

    def slide(self, label: str, value: float) -> None:
        set_value = """(box, value) => { box.value = value;
            box.dispatchEvent(new Event('input', {bubbles: true})) }"""
        self.page.get_by_label(label, exact=True).first.evaluate(set_value, value)

    def button(self, name: str):
        return self.page.get_by_role("button", name=name, exact=True)

    def saved(self, name: str) -> bytes:
        with self.page.expect_download() as download:
            self.button(name).click()
        return Path(download.value.path()).read_bytes()

    def answer(self, path: str, **answer) -> None:
        self.page.route(re.compile(path), lambda route: route.fulfill(**answer))


@contextmanager
def watched_page(context, url: str, words: str = "") -> Iterator[Watched]:
    """Give a page on which nothing may go wrong."""
    made = Watched(context, url, words)
    yield made
    made.page.close()
    assert made.errors == []
