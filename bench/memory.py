"""Fit from disk a set four times as large as the memory allowed: `python bench/memory.py`.

Writes a memory-mapped set of noise of 4 GiB, then fits each family in a process that may have
1 GiB of private memory beyond what Python and torch hold once they are loaded: the system holds it
to that (RLIMIT_DATA), an allocation beyond it fails. Linux only.
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


def write(path):
    rng = np.random.default_rng(0)
    data = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=SHAPE)
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


def private():
    """Return the bytes of private memory of this process, used or only reserved."""
    status = Path("/proc/self/status").read_text()
    return 1024 * int(status.split("VmData:")[1].split()[0])


def main():
    if len(sys.argv) == 3:
        fit(*sys.argv[1:])
        return
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        path = Path(folder) / "large.npy"
        write(path)
        print("| fit | set, GiB | allowed, GiB | seconds | more private memory after it, MiB |")
        print("|---|---:|---:|---:|---:|")
        for name, model in FITS.items():
            command = [sys.executable, __file__, path, model]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                sys.exit(f"{name} did not stay within the limit:\n{done.stderr}")
            found = json.loads(done.stdout)
            print(
                f"| {name} | {np.prod(SHAPE) / 2**30:.0f} | {ALLOWED / 2**30:.0f} "
                f"| {found['seconds']:.0f} | {found['more']:.0f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
