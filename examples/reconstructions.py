"""Draw held-out images above what each model of a study keeps of them.

`isthmus study mnist -o runs/four --models kmeans,pca,autoencoder,vae --budget 2m`, then
`python examples/reconstructions.py runs/four mnist docs/reconstructions.png`.
"""

import json
import sys
from pathlib import Path

import numpy as np

import isthmus as ist
from isthmus.data.images import to_unit
from isthmus.plots import sheet
from isthmus.system.files import replacing

COLUMNS = 14


def main(folder: str, source: str, picture: str) -> None:
    """Load the models of the study in `folder` and write the picture."""
    shown = ist.load_images(source).test.evenly(COLUMNS)
    rows, captions = [to_unit(np.asarray(shown))], ["original"]
    for record in json.loads((Path(folder) / "scores.json").read_text(encoding="utf-8"))["scores"]:
        model = ist.load_model(Path(folder) / "models" / f"{record['model']}.safetensors")
        rows.append(ist.reconstruct(model, shown))
        captions.append(f"{record['model']}, {record['psnr']:.1f} dB")
    parts = [sheet(row, columns=COLUMNS, background="white") for row in rows]
    with replacing(picture) as path:
        stacked(parts, captions).save(path)


def stacked(parts, captions):
    """Return the pictures below each other, each with its caption on the left."""
    from PIL import Image, ImageDraw

    left, height = 190, max(part.height for part in parts)
    page = Image.new("RGB", (left + parts[0].width, height * len(parts)), "white")
    draw = ImageDraw.Draw(page)
    for row, (part, caption) in enumerate(zip(parts, captions, strict=True)):
        page.paste(part.convert("RGB"), (left, row * height))
        draw.text((8, row * height + height // 2 - 8), caption, fill="black", font_size=15)
    return page


if __name__ == "__main__":
    main(*sys.argv[1:])
