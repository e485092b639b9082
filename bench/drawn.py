"""What each score of drawn images sees: real images, spoiled in ways that are known.

    python bench/drawn.py mnist $ISTHMUS_DATA/cifar10 > bench/drawn.md

Every line takes real held-out images that no reference has, spoils them, and says what the scores
make of them beside others as they are.
"""

import sys
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter

import isthmus as ist
from isthmus.metrics.features import features_for
from isthmus.metrics.ground import Ground
from isthmus.metrics.table import METRICS

LOST = 3
"""The class that is never drawn."""
SCORES = ("frechet", "kid", "precision", "recall", "density", "coverage")


def unit(images):
    """Return images as numbers from 0 to 1."""
    return np.asarray(images).astype(np.float32) / (255 if images.data.dtype == np.uint8 else 1)


def spoiled(ground):
    """Return images by what is wrong with them."""
    real, y = unit(ground.another), np.asarray(ground.another.y)
    rng = np.random.default_rng(0)
    board = (2 * (np.indices(real.shape[1:3]).sum(0) % 2) - 1)[..., None]
    left, half = (real[kept] for kept in (y != LOST, y < np.median(y)))
    copied = ground.train.sample(len(real), seed=0)
    return {
        "other real images": real,
        "checkerboard of 0.4": real + 0.4 * board,
        "checkerboard of 0.1": real + 0.1 * board,
        "noise of 0.1": real + 0.1 * rng.normal(size=real.shape),
        "blur of 0.5 pixels": gaussian_filter(real, (0, 0.5, 0.5, 0)),
        "blur of 1 pixel": gaussian_filter(real, (0, 1, 1, 0)),
        f"class {LOST} is missing": np.resize(left, real.shape),
        "half of the classes are missing": np.resize(half, real.shape),
        "copies of training images": unit(copied),
        "every fourth a copy": np.concatenate([unit(copied[: len(real) // 4]), real])[: len(real)],
    }


def line(name, found, by):
    """Return a line of a table."""
    cells = []
    for key in by:
        write = METRICS[key].write
        cells.append(f"{write(found[key].value)} ± {write(found[key].within or 0.0)}")
    return f"| {name} | {' | '.join(cells)} |"


def table(ground, made, space):
    """Print the scores of a space."""
    print(f"| drawn | {' | '.join(METRICS[key].title for key in SCORES)} |")
    print("|---|" + "---:|" * len(SCORES))
    for name, images in made.items():
        print(line(name, ground.like_real(images, space), SCORES))
    print()


def main(sets):
    """Print the tables of some sets."""
    print("# What scores of drawn images see\n")
    names = " ".join(Path(name).name for name in sets)
    print(f"By `python bench/drawn.py {names}`; half of the 95 % interval behind each.\n")
    for name in sets:
        images = ist.load_images(name)
        seen = features_for(images.train)
        ground = Ground(images.train, images.test, seen)
        made = spoiled(ground)
        print(f"## {Path(name).name}\n")
        print(f"{ground.count} images each. By {seen.words}:\n")
        table(ground, made, "features")
        print("By 50 principal components of pixels:\n")
        table(ground, made, "pixels")
        print(
            "Copies: as near to one training image as 1 of 100 held-out images is; nearer to\n"
            "training images than held-out ones are (half of all pairs by chance); C_T.\n"
        )
        print("| drawn | copied | nearer | C_T |\n|---|---:|---:|---:|")
        for what, each in made.items():
            found = ground.copies(each)
            print(
                f"| {what} | {found.copied.value:.1%} ± {found.copied.within:.1%} | "
                f"{found.nearer.value:.1%} ± {found.nearer.within:.1%} | {found.z:.1f} |"
            )
        print(flush=True)


if __name__ == "__main__":
    main(sys.argv[1:] or ["digits"])
