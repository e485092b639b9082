"""Draw held-out images above what each family keeps of them.

`python examples/reconstructions.py SOURCE PICTURE`, for instance `mnist docs/reconstructions.png`.
"""

import sys

import numpy as np

import isthmus as ist
from isthmus.data.images import to_unit
from isthmus.files import replacing
from isthmus.views import sheet

COLUMNS = 14


def main(source: str, picture: str) -> None:
    """Study the source and write the picture."""
    result = ist.study(source, budget=300)
    shown = result.images.test.evenly(COLUMNS)
    rows = [to_unit(np.asarray(shown))]
    captions = ["original"]
    for record in result.scores:
        rows.append(ist.reconstruct(result.models[record["model"]], shown))
        captions.append(f"{record['family']}, {record['code']}: {record['psnr']:.1f} dB")
    captions = [text for row in captions for text in [row] + [""] * (COLUMNS - 1)]
    with replacing(picture) as path:
        sheet(np.concatenate(rows), columns=COLUMNS, captions=captions, background="white").save(
            path
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
