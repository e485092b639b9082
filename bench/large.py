"""Memory that sets larger than it take: `python bench/large.py > bench/large.md`. Linux only.

A memory-mapped file of noise of 3 GiB, to which every family is fitted in a process of its own, as
a study makes it; a folder of 200,000 images of 8x8 pixels, packed on disk; and the names of a
million files. What counts is anonymous memory (RssAnon), looked at every 20 ms: pages of the file
itself belong to the system, which may take them back. Words on the command line choose rows:
`python bench/large.py kmeans vae packing listing`.
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
NAMES = 1_000_000
FEW = {"max_steps": 100, "epochs": 1, "max_iter": 2, "validation_fraction": 0.01}
FEW |= {"max_seconds": 300}  # a GAN's encoder learns from all images
"""What of a fit is enough to see its memory: nothing new is allocated later."""


class Anonymous:
    """Watches the anonymous memory of this process; `peak` is the most of it."""

    def __enter__(self):
        self.before, self.peak, self.done = anonymous(), 0, threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()
        return self

    def _watch(self):
        while not self.done.wait(0.02):
            self.peak = max(self.peak, anonymous())

    def __exit__(self, *_):
        self.done.set()
        self.thread.join()


def anonymous():
    return status("RssAnon") + status("RssShmem")


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


def names(_):
    """In a process of its own: what is known of a million files before any is opened."""
    from isthmus.data.folder import Path, entry_of_path, in_order

    places = (Path(f"/nowhere/{i // 1000:04d}/{i:07d}.png") for i in range(NAMES))
    report(lambda: in_order(entry_of_path(place, str(place)) for place in places))


def report(work):
    started = time.process_time()
    with Anonymous() as memory:
        work()
    found = {"seconds": time.process_time() - started, "total": memory.peak / 2**20}
    print(json.dumps(found | {"beyond": (memory.peak - memory.before) / 2**20}))


def measured(*arguments):
    command = [sys.executable, __file__, "in-a-process", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return None, (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
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
    figures = f"- | - | {why}"
    if found:
        figures = f"{found['seconds']:.0f} | {found['beyond']:.0f} | {found['total']:.0f}"
    print(f"| {name} | {figures} |", flush=True)


def main(asked):
    from isthmus.families import every_name

    families = [name for name in every_name() if name in asked or not asked]
    print("Memory that sets larger than it take: `python bench/large.py`. MiB of anonymous memory")
    print("beyond what is in use with images and libraries loaded, and of the whole process.\n")
    print("| work | seconds of a processor | most beyond | most in all |")
    print("|---|---:|---:|---:|")
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        path = Path(folder) / "large.npy"
        if families:
            write(path, SHAPE)
        for name in families:
            said(f"{name}, 3 GiB", "fit", str(path), name)
        path.unlink(missing_ok=True)
        if "packing" in asked or not asked:
            tiny = Path(folder, "tiny")
            tiny.mkdir()
            tiny_images(tiny)
            said(f"packing {FILES:,} images", "pack", str(tiny))
        if "listing" in asked or not asked:
            said(f"listing {NAMES:,} files", "names", "")


if __name__ == "__main__":
    if sys.argv[1:2] == ["in-a-process"]:
        {"fit": fit, "pack": pack, "names": names}[sys.argv[2]](*sys.argv[3:])
    else:
        main(sys.argv[1:])
