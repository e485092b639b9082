"""isthmus beside its peers: alternating runs on this machine, medians, ratios.

`make bench`, or `python bench/run.py [--repeats 5] [--only k-means] [--write]`. Seconds say
little on a shared machine; the ratio of medians of runs that took turns is what counts.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent

ROWS = [
    # job, ours, peer, what the figure is, least ratio to reach
    ("k-means, k=100, tol 1e-3", "ours-kmeans", "sklearn-kmeans", "inertia", 6.0),
    ("k-means, k=100, 100 passes", "ours-kmeans-100", "faiss-kmeans-100", "inertia", 3.0),
    *(
        (f"PCA, k={k}, {kind} images", f"ours-pca-{k}{tail}", f"sklearn-pca-{k}{tail}", "mse", 1.5)
        for kind, tail in (("uint8", "-uint8"), ("float32", ""))
        for k in (10, 50, 500)
    ),
    ("PCA of 8x8 patches, k=24", "ours-patches", "sklearn-patches", "variance kept", 1.5),
    (
        "PCA, k=50, from disk",
        "ours-incremental-pca",
        "sklearn-incremental-pca",
        "variance kept",
        10.0,
    ),
    ("autoencoder 784-20-784, an epoch", "ours-autoencoder", "keras-jax-autoencoder", "loss", 1.5),
    (
        "autoencoder 784-20-784, an epoch",
        "ours-autoencoder",
        "keras-torch-autoencoder",
        "loss",
        1.5,
    ),
    ("autoencoder 784-20-784, an epoch", "ours-autoencoder", "torch-autoencoder", "loss", 1.5),
    ("NMF, k=20", "ours-nmf", "sklearn-nmf", "Frobenius error", 2.0),
    ("SOM 10x10, a pass, per image", "ours-som-10", "minisom-10", "both errors", 1.0),
    ("SOM 30x30, per image", "ours-som-30", "minisom-30", "both errors", 300.0),
    ("SOM 30x30, 5 equal passes", "ours-som-30-equal", "minisom-30-equal", "both errors", 1.0),
    ("dense VAE of 829,232 weights, an epoch", "ours-vae", "pythae-vae", "loss", 4.0),
    ("conv VAE of 17.2 M weights, a step", "ours-conv-vae", "pythae-conv-vae", "loss", 4.0),
    ("beta-VAE of deck D, 64x64, an image", "ours-burgess", "torch-burgess", "loss", 2.5),
    ("PixelNet, an epoch of 60 street scenes", "ours-pixelnet", "torch-pixelnet", "loss", 1.0),
]


def run(name, seed):
    backend = {"keras-jax": "jax", "keras-torch": "torch"}.get("-".join(name.split("-")[:2]), "")
    environment = os.environ | {
        "BENCH_SEED": str(seed),
        "KERAS_BACKEND": backend,
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    done = subprocess.run(
        [sys.executable, HERE / "contestants.py", name],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"{name} failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def compare(ours, peer, repeats):
    """Run both in turns; return the medians of seconds and of quality of both."""
    runs = {ours: [], peer: []}
    for seed in range(repeats):
        for name in (ours, peer) if seed % 2 else (peer, ours):
            runs[name].append(run(name, seed))
    return [
        [statistics.median(r[key] for r in runs[name]) for key in ("seconds", "quality")]
        for name in (ours, peer)
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", default="", help="rows whose job or peer contains this")
    parser.add_argument("--write", action="store_true", help="write bench/results.md")
    options = parser.parse_args()
    lines = [
        "| job | peer | ours, s | peer, s | ratio | to reach | figure | ours | peer |",
        "|---|---|---:|---:|---:|---:|---|---:|---:|",
    ]
    print("\n".join(lines), flush=True)
    for job, ours, peer, figure, least in ROWS:
        if options.only not in f"{job} {peer}":
            continue
        (our_s, our_q), (peer_s, peer_q) = compare(ours, peer, options.repeats)
        name = peer.removesuffix("-autoencoder")
        lines.append(
            f"| {job} | {name} | {our_s:.3g} | {peer_s:.3g} | **{peer_s / our_s:.2f}** | {least} "
            f"| {figure} | {our_q:.7g} | {peer_q:.7g} |"
        )
        print(lines[-1], flush=True)
    if options.write:
        about = (
            f"Medians of {options.repeats} alternating runs, a process each, on {os.cpu_count()} "
            f"cores ({platform.machine()}, Python {platform.python_version()}): "
            f"`python bench/run.py --repeats {options.repeats} --write`.\n\n"
        )
        (HERE / "results.md").write_text(about + "\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
