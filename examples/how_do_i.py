"""Make the pictures of docs/how-do-i.md whose commands need a folder of photographs.

`python examples/how_do_i.py docs/how-do-i`; `python examples/how_do_i.py study FOLDER` makes the
figures of its first answer. The folder of photographs is cut out of the two pictures that
come with scikit-learn (china.jpg by danielbuechele, flower.jpg by vultilion, both CC BY 2.0).
"""

import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

PHOTOS = {
    "Gärten": [(0, 0, 240, 320), (30, 250, 200, 180), (180, 130, 200, 270), (210, 20, 217, 260)],
    "Blüten": [(20, 40, 330, 240), (60, 200, 260, 220), (0, 130, 210, 280), (200, 60, 200, 200)],
}
"""Top, left, height and width of parts of both photographs."""
NOISY = {
    "Gärten": [(0, 430, 240, 210), (220, 430, 200, 200)],
    "Blüten": [(20, 430, 200, 210), (190, 430, 220, 170)],
}
"""Parts that are none of those."""
NOISE = 25
"""Deviation of the noise, of 255."""
CLEAN = """
isthmus fit autoencoder photos --per patch --size 16 --latent-dim 128 --hidden 512 --noise 0.1
    --max-steps 2000 --seed 0 -o cleaner.safetensors
isthmus denoise cleaner.safetensors noisy -o clean -o clean.png
"""
PATCHES = """
isthmus fit pca photos --patch 8 --n-components 24 -o grid.safetensors
isthmus reconstruct grid.safetensors others --own-size -o back -o patches.png
"""
MORPH = """
isthmus fit pca photos --size 64 --n-components 6 -o pca.safetensors
isthmus morph pca.safetensors "photos/Gärten/Gärten 1.png" "photos/Blüten/Blüten 1.png"
    --steps 7 --tile-size 128 -o way.webp
"""
SMALL = """
isthmus compress photos -o photos.isth -o small.png
isthmus decompress photos.isth -o back
"""
STUDY = """
isthmus study photos -o runs/photos --budget 2m --seed 0
"""
OF_EACH = """
isthmus fit pca digits --width 16 -o digits.safetensors
isthmus generate digits.safetensors --per-class 50 -o new.png
"""


def main(folder: str) -> None:
    """Run the commands of the page, and copy what they draw into `folder`."""
    home = Path(folder).resolve()
    home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        make_photographs(Path(place))
        for commands, drawn in ((CLEAN, "clean"), (SMALL, "small"), (PATCHES, "patches")):
            run(commands, Path(place))
            kept(Path(place) / f"{drawn}.png", home / f"{drawn}.webp")
        run(MORPH, Path(place))
        run(OF_EACH, Path(place))
        (home / "generate.png").write_bytes((Path(place) / "new.png").read_bytes())
        (home / "morph.webp").write_bytes((Path(place) / "way.webp").read_bytes())


def study_photographs(place: Path) -> None:
    """Study flowers and streets of 32 x 32 pixels, of the sets flowers102 and camvid."""
    from dataclasses import replace

    import isthmus as ist

    for folder, name in (("flowers", "flowers102"), ("streets", "camvid")):
        images = ist.load_images(name, size=32).evenly(200)
        plain = replace(images, y=None, label_maps=None, is_test=None)
        plain.save(place / "photos" / folder)
    run(STUDY, place)


def kept(picture: Path, home: Path) -> None:
    """Write a picture in few bytes."""
    from PIL import Image

    with Image.open(picture) as image:
        image.save(home, quality=85, method=6)


def make_photographs(place: Path) -> None:
    """Write photographs of many sizes, and of other places, noisy ones too, into folders."""
    cut(place / "photos", PHOTOS, 0)
    cut(place / "others", NOISY, 0)
    cut(place / "noisy", NOISY, NOISE)


def cut(folder: Path, places: dict[str, list[tuple[int, int, int, int]]], noise: float) -> None:
    """Write parts of both photographs, with noise, into a folder for each."""
    from PIL import Image
    from sklearn.datasets import load_sample_images

    rng = np.random.default_rng(0)
    for (name, parts), whole in zip(places.items(), load_sample_images().images, strict=True):
        (folder / name).mkdir(parents=True)
        for number, (top, left, height, width) in enumerate(parts, 1):
            pixels = whole[top : top + height, left : left + width]
            pixels = pixels + rng.normal(scale=noise, size=pixels.shape)
            image = Image.fromarray(np.rint(pixels.clip(0, 255)).astype(np.uint8))
            image.save(folder / name / f"{name} {number}.png")


def run(commands: str, place: Path) -> None:
    """Run the commands in a folder; a line that begins with spaces goes on with the one before."""
    for command in commands.strip().replace("\n    ", " ").splitlines():
        words = shlex.split(command)[1:]
        subprocess.run([sys.executable, "-m", "isthmus", *words], cwd=place, check=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["study"]:
        study_photographs(Path(sys.argv[2]))
    else:
        main(*sys.argv[1:])
