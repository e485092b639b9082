"""How much memory fits need: `python bench/memory.py > bench/memory.md`. Linux only.

First every family on MNIST, as a study makes it, in a process of its own: the most memory that was
in use (VmHWM) beyond what was in use with the images loaded. Networks learn for 200 steps and a
validation, after which nothing new is allocated.

Then sets larger than memory: a memory-mapped set of noise of 4 GiB, fitted in a process that may
have 1 GiB of private memory beyond what Python and torch hold once they are loaded. The system
holds it to that (RLIMIT_DATA): an allocation beyond it fails.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from sklearn.base import clone

ALLOWED = 2**30
SHAPE = (4 * ALLOWED // 1024, 32, 32)
FITS = {
    "k-means, k=16, 5 passes": "ist.KMeans(16, max_iter=5, random_state=0)",
    "PCA, k=50": "ist.PCA(50)",
    "PCA, k=50, randomised": "ist.PCA(50, solver='randomized', random_state=0)",
}


def write(path, shape=SHAPE):
    rng = np.random.default_rng(0)
    data = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=shape)
    for start in range(0, len(data), 2**16):
        block = data[start : start + 2**16]
        factors = rng.integers(0, 16, (len(block), 1, 1), dtype=np.uint8)
        block[:] = rng.integers(0, 128, block.shape, dtype=np.uint8) + 8 * factors


def fit(path, model):
    """In a process of its own: fit under the limit, print the seconds and the private peak."""
    import isthmus as ist

    data = ist.load_images(path)
    model = eval(model, {"ist": ist})
    clone(model).fit(data[:5000])  # threads and libraries are loaded now
    before = private()
    resource.setrlimit(resource.RLIMIT_DATA, (before + ALLOWED, before + ALLOWED))
    started = time.perf_counter()
    model.fit(data)
    seconds = time.perf_counter() - started
    print(json.dumps({"seconds": seconds, "more": (private() - before) / 2**20}))


def fit_mnist(name):
    """In a process of its own: fit a family to MNIST, print the seconds and the peak."""
    import isthmus as ist
    from isthmus.families import named

    images = ist.load_images("mnist").train
    cls, parameters = named(name)
    model = cls.for_study(images, None, random_state=0, **parameters)
    if "max_steps" in model.get_params():
        model.set_params(epochs=1, max_steps=200)
    np.asarray(images).sum()  # all pages are read
    before = status("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    started = time.perf_counter()
    model.fit(images)
    seconds = time.perf_counter() - started
    print(json.dumps({"seconds": seconds, "peak": (status("VmHWM") - before) / 2**20}))


def private():
    """Return the bytes of private memory of this process, used or only reserved."""
    return status("VmData")


def status(what):
    return 1024 * int(Path("/proc/self/status").read_text().split(f"{what}:")[1].split()[0])


def measured(*arguments):
    command = [sys.executable, __file__, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{arguments} failed:\n{done.stderr}")
    return json.loads(done.stdout)


def every_family():
    from isthmus.families import every_name

    print("Every family fitted to the 60,000 digits of MNIST.\n")
    print("| family | seconds of fitting | most memory beyond the data, MiB |")
    print("|---|---:|---:|")
    for name in every_name():
        found = measured(name)
        print(f"| {name} | {found['seconds']:.0f} | {found['peak']:.0f} |", flush=True)


def larger_than_memory():
    print("\nFits from disk under a limit of memory.\n")
    print("| fit | set, GiB | allowed, GiB | seconds | more private memory after it, MiB |")
    print("|---|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        path = Path(folder) / "large.npy"
        write(path)
        for name, model in FITS.items():
            found = measured(path, model)
            print(
                f"| {name} | {np.prod(SHAPE) / 2**30:.0f} | {ALLOWED / 2**30:.0f} "
                f"| {found['seconds']:.0f} | {found['more']:.0f} |",
                flush=True,
            )


def main():
    if len(sys.argv) == 3:
        fit(*sys.argv[1:])
    elif len(sys.argv) == 2:
        fit_mnist(sys.argv[1])
    else:
        print("Memory that fits need: `python bench/memory.py`.\n")
        every_family()
        larger_than_memory()


if __name__ == "__main__":
    main()
