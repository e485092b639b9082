"""How smoothly the explorer's page pans many points, and how fast a drag is decoded.

``python bench/explorer_page.py`` makes 500,000 synthetic points with a linear decoder of 784
pixels, serves them as a folder, opens the page in headless Chromium (software rendering) and
prints a table. ``--study DIR`` does the same with the live explorer of a study, all of its images,
and the models named by ``--models``, of which the last decodes; start it once before, so that
codes are kept. On a machine that does anything else the figures say little.
"""

from __future__ import annotations

import argparse
import functools
import http.server
import json
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper, save
from PIL import Image
from playwright.sync_api import sync_playwright

PAGE = Path(__file__).parents[1] / "src" / "isthmus" / "explorer" / "page"
FLAGS = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
SIDE, WIDTH, COLUMNS = 28, 16, 73
SECONDS = 5

PANNING = """async seconds => {
    const map = document.querySelector('.map'), box = map.getBoundingClientRect();
    const [x0, y0] = [box.x + box.width / 2, box.y + box.height / 2];
    const send = (type, x, y) => map.dispatchEvent(new PointerEvent(type,
        {clientX: x, clientY: y, pointerId: 1, bubbles: true, pointerType: 'mouse'}));
    map.setPointerCapture = () => {};
    send('pointerdown', x0, y0);
    const stamps = [], start = performance.now();
    while (performance.now() - start < seconds * 1000) {
        const t = (performance.now() - start) / 1000;
        send('pointermove', x0 + 150 * Math.sin(2 * t), y0 + 100 * Math.cos(3 * t));
        stamps.push(await new Promise(requestAnimationFrame));
    }
    send('pointerup', x0, y0);
    return stamps }"""

DRAGGING = """async seconds => {
    const map = document.querySelector('.map'), box = map.getBoundingClientRect();
    const seen = document.querySelector('#decoded');
    const send = (type, x, y) => map.dispatchEvent(new PointerEvent(type,
        {clientX: x, clientY: y, pointerId: 1, bubbles: true, pointerType: 'mouse'}));
    map.setPointerCapture = () => {};
    const at = t => [box.x + box.width * (0.5 + 0.3 * Math.sin(t)),
        box.y + box.height * (0.5 + 0.3 * Math.cos(t))];
    send('pointerdown', ...at(0));
    const took = [], start = performance.now();
    while (performance.now() - start < seconds * 1000) {
        const asked = performance.now();
        send('pointermove', ...at((asked - start) / 500));
        while (!(Number(seen.dataset.decoded) > asked))
            await new Promise(done => setTimeout(done));
        took.push(Number(seen.dataset.decoded) - asked);
        await new Promise(requestAnimationFrame);
    }
    send('pointerup', ...at(0));
    return took }"""


def write_decoder(path: Path, weights: np.ndarray) -> None:
    shape = np.array([-1, SIDE, SIDE, 1])
    nodes = [
        helper.make_node("MatMul", ["codes", "weights"], ["flat"]),
        helper.make_node("Sigmoid", ["flat"], ["grey"]),
        helper.make_node("Reshape", ["grey", "shape"], ["images"]),
    ]
    given = helper.make_tensor_value_info("codes", TensorProto.FLOAT, ["m", WIDTH])
    out = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["m", SIDE, SIDE, 1])
    known = [numpy_helper.from_array(weights, "weights"), numpy_helper.from_array(shape, "shape")]
    graph = helper.make_graph(nodes, "decoder", [given], [out], known)
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)


def write_pages(folder: Path, count: int) -> int:
    """Write one page of noise under the name of every page there would be."""
    folder.mkdir()
    noise = np.random.default_rng(0).integers(0, 255, (COLUMNS * SIDE,) * 2, np.uint8)
    pages = -(-count // COLUMNS**2)
    Image.fromarray(noise).save(folder / "0.png", compress_level=1)
    for page in range(1, pages):
        shutil.copy(folder / "0.png", folder / f"{page}.png")
    return pages


def model_entry(axes: np.ndarray, deviation: np.ndarray) -> dict[str, Any]:
    ends = {"low": (-2 * deviation).tolist(), "high": (2 * deviation).tolist()}
    layout = {"id": "pca", "title": "axes", "dimensions": 2, "file": "layouts/linear-pca-2.f32"}
    inverse = {"mean": [0.0] * WIDTH, "axes": axes.tolist()}
    return {
        **{"name": "linear", "family": "linear", "about": "", "code": "vector", "width": WIDTH},
        **{"can": ["decode", "sample"], "codes": "codes/linear.f32", **ends, "grid": None},
        **{"order": list(range(WIDTH)), "usefulness": [1.0] * WIDTH, "mean": [0.0] * WIDTH},
        **{"deviation": deviation.tolist(), "layouts": [{**layout, "inverse": inverse}]},
        **{"samplers": ["gaussian"], "classes": None, "scores": {}},
        "onnx": {"decode": "onnx/linear-decode.onnx", "encode": None},
    }


def write_folder(folder: Path, count: int) -> None:
    shutil.copytree(PAGE, folder, dirs_exist_ok=True)
    data, rng = folder / "data", np.random.default_rng(0)
    for part in ("codes", "layouts", "colours", "onnx"):
        (data / part).mkdir(parents=True)
    groups = rng.integers(0, 10, count)
    centres = rng.normal(0, 2, (10, WIDTH)).astype(np.float32)
    codes = centres[groups] + rng.normal(0, 0.7, (count, WIDTH)).astype(np.float32)
    axes = np.eye(2, WIDTH) * np.abs(codes[:, :2]).max(0)[:, None]
    codes.tofile(data / "codes/linear.f32")
    (codes[:, :2] / np.abs(codes[:, :2]).max(0)).tofile(data / "layouts/linear-pca-2.f32")
    groups.astype("<u2").tofile(data / "colours/group.u16")
    write_decoder(data / "onnx/linear-decode.onnx", rng.normal(size=(WIDTH, SIDE**2)).astype("f4"))
    atlas = {"columns": COLUMNS, "tile": [SIDE, SIDE], "pages": write_pages(data / "atlas", count)}
    colour = {"id": "group", "title": "group", "kind": "category", "model": None}
    named = {"file": "colours/group.u16", "categories": [str(i) for i in range(10)]}
    images = {"count": count, "shape": [SIDE, SIDE, 1], "range": [0, 1], "atlas": atlas}
    manifest = {
        **{"version": 1, "title": f"{count:,} points", "live": False, "images": images},
        **{"splits": [], "names": None, "colours": [{**colour, **named}]},
        "models": [model_entry(axes, codes.std(0))],
    }
    (data / "manifest.json").write_text(json.dumps(manifest))


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *words: Any) -> None:
        pass


def served(folder: Path) -> http.server.ThreadingHTTPServer:
    handler = functools.partial(Quiet, directory=folder)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def measured(url: str) -> dict[str, float]:
    with sync_playwright() as playwright:
        path = shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(url)
        page.wait_for_selector(".map-state:empty", state="attached")
        opened = page.evaluate("performance.now()") / 1000
        page.wait_for_timeout(1500)
        stamps = np.array(page.evaluate(PANNING, SECONDS))
        page.get_by_role("button", name="Decode", exact=True).click()
        page.evaluate(DRAGGING, 1)  # the first opens the decoder
        took = np.array(page.evaluate(DRAGGING, SECONDS))
        browser.close()
    frames = np.diff(stamps)
    return {
        "seconds until the map is there": opened,
        "frames a second while panning": 1000 / frames.mean(),
        "slowest twentieth of frames, a second": 1000 / np.quantile(frames, 0.95),
        "drag to picture, median ms": float(np.median(took)),
        "drag to picture, p95 ms": float(np.quantile(took, 0.95)),
    }


def measured_folder(points: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        write_folder(Path(folder), points)
        server = served(Path(folder))
        rows = measured(f"http://127.0.0.1:{server.server_address[1]}/")
        server.shutdown()
    return rows


def measured_study(study: str, models: str) -> dict[str, float]:
    command = [sys.executable, "-m", "isthmus.cli.main", "explore", study, "--models", models]
    started = time.perf_counter()
    with subprocess.Popen([*command, "--no-browser"], stdout=subprocess.PIPE, text=True) as server:
        lines = iter(server.stdout.readline, "")
        url = next(found[0] for line in lines if (found := re.search(r"http://\S+", line)))
        seconds = time.perf_counter() - started
        try:
            rows = measured(f"{url}&model={models.split(',')[-1]}")
        finally:
            server.terminate()
    return {"seconds from the command to its address": seconds, **rows}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=500_000)
    parser.add_argument("--study")
    parser.add_argument("--models", default="pca,som,vae,autoencoder-conv")
    given = parser.parse_args()
    if given.study:
        what, rows = given.models, measured_study(given.study, given.models)
    else:
        what, rows = f"{given.points:,} points", measured_folder(given.points)
    print(f"| {what}, 1440 x 900, headless Chromium | |\n|---|---|")
    for name, value in rows.items():
        print(f"| {name} | {value:.1f} |")


if __name__ == "__main__":
    main()
