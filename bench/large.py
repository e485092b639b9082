"""Memory that sets larger than it take: `python bench/large.py > bench/large.md`. Linux only.

A memory-mapped file of noise of 3 GiB, to which every family is fitted in a process of its own, as
a study makes it; and a folder of 200,000 images of 8x8 pixels, packed on disk. What counts is
anonymous memory (RssAnon), looked at every 20 ms, beyond what is in use with the images loaded:
pages of the file itself belong to the system, which may take them back.
"""

import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
from memory import status, write

SIZE = 3 * 2**30
SHAPE = (SIZE // 1024, 32, 32)
FILES = 200_000
FEW = {"max_steps": 100, "epochs": 1, "max_iter": 2}
"""What of a fit is enough to see its memory: nothing new is allocated later."""


class Anonymous:
    """Watches the anonymous memory of this process; `peak` is the most beyond the beginning."""

    def __enter__(self):
        self.before, self.peak, self.done = anonymous(), 0, threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()
        return self

    def _watch(self):
        while not self.done.wait(0.02):
            self.peak = max(self.peak, anonymous() - self.before)

    def __exit__(self, *_):
        self.done.set()
        self.thread.join()


def anonymous():
    return status("RssAnon")


def fit(path, name):
    """In a process of its own: fit a family, print the seconds and the peak."""
    import isthmus as ist
    from isthmus.families import named

    images = ist.load_images(path)
    cls, parameters = named(name)
    if cls.needs_labels:
        images = ist.Images(images.data, y=np.arange(len(images)) % 10)
    model = cls.for_study(images, None, random_state=0, **parameters)
    known = model.get_params()
    model.set_params(**{key: value for key, value in FEW.items() if key in known})
    report(lambda: model.fit(images))


def pack(folder):
    """In a process of its own: pack a folder of images on disk, print the seconds and the peak."""
    import isthmus as ist
    from isthmus.data import folder as packing

    packing.memory_allowed = lambda: 0
    report(lambda: ist.load_images(folder))


def report(work):
    started = time.process_time()
    with Anonymous() as memory:
        work()
    seconds = time.process_time() - started
    print(json.dumps({"seconds": seconds, "peak": memory.peak / 2**20}))


def measured(*arguments):
    command = [sys.executable, __file__, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return None, done.stderr.strip().splitlines()[-1]
    return json.loads(done.stdout), ""


def tiny_images(folder):
    from PIL import Image

    rng = np.random.default_rng(0)
    for i in range(FILES):
        place = folder / f"{i // 1000:03d}"
        place.mkdir(exist_ok=True)
        Image.fromarray(rng.integers(0, 255, (8, 8), np.uint8)).save(place / f"{i:06d}.png")


def said(name, *arguments):
    found, why = measured(*arguments)
    figures = f"{found['seconds']:.0f} | {found['peak']:.0f}" if found else f"- | {why}"
    print(f"| {name} | {figures} |", flush=True)


def main():
    from isthmus.families import every_name

    print("Memory that sets larger than it take: `python bench/large.py`.\n")
    print("| work | seconds of a processor | most anonymous memory, MiB |")
    print("|---|---:|---:|")
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        path = Path(folder) / "large.npy"
        write(path, SHAPE)
        for name in every_name():
            if name != "pixelnet":  # it learns from maps of pixels
                said(f"{name}, 3 GiB", "fit", str(path), name)
        path.unlink()
        tiny = Path(folder, "tiny")
        tiny.mkdir()
        tiny_images(tiny)
        said(f"packing {FILES:,} images", "pack", str(tiny))


if __name__ == "__main__":
    {"fit": fit, "pack": pack}[sys.argv[1]](*sys.argv[2:]) if len(sys.argv) > 1 else main()
