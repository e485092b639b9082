"""What image files take as JPEG and WebP, at the quality that a compressed file has."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from isthmus.codec.archive import PicturesJob
from isthmus.codec.formats import read_back
from isthmus.data.images import evenly_spaced
from isthmus.data.pictures import Picture
from isthmus.validation import one_of

PEERS: dict[str, tuple[range, dict[str, dict[str, Any]]]] = {
    "jpeg": (
        range(2, 97),
        {
            "4:2:0": {"subsampling": 2, "optimize": True, "progressive": True},
            "4:4:4": {"subsampling": 0, "optimize": True, "progressive": True},
        },
    ),
    "webp": (
        range(101),
        {"4:2:0": {"method": 6}, "sharp 4:2:0": {"method": 6, "use_sharp_yuv": True}},
    ),
}
"""Qualities and ways to write each format, the best of which is taken."""
MEASURED_PIXELS = 3_000_000
"""Pixels of the pictures that are compared, at most, evenly spaced over all."""
DRAWS = 400
"""Resamples of the pictures that intervals are from."""


class Cost(NamedTuple):
    """Bytes and squared error of every picture."""

    nbytes: np.ndarray
    squared: np.ndarray

    def psnr(self, values: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Return the PSNR of all of them together, for every row of weights."""
        return -10 * np.log10((weights @ self.squared) / (weights @ values) + 1e-12)


@dataclass
class Compared:
    """Some of the pictures of a compressed file.

    Attributes
    ----------
    pictures : list of Picture
        Of 8 bits: the formats hold no more.
    ours : Cost
        What the file takes for them, tables, names and the model counted by their pixels.
    values : ndarray
        Numbers of every picture.
    """

    pictures: list[Picture]
    ours: Cost
    values: np.ndarray

    @classmethod
    def of(cls, job: PicturesJob) -> Compared | None:
        """Take some of a file; None where none has 8 bits."""
        rows = np.array([row for row in range(len(job.values)) if not job.deep[row]], int)
        if not len(rows):
            return None
        every = np.array(job.values)
        share = every / every.sum() * (job.nbytes - job.alpha_bytes - sum(job.bits) / 8)
        pixels = job.pictures.sizes[rows].prod(1).sum()
        few = int(len(rows) * min(1.0, MEASURED_PIXELS / pixels))
        rows = rows[evenly_spaced(len(rows), max(1, few))]
        cost = Cost((np.array(job.bits) / 8 + share)[rows], np.array(job.squared)[rows])
        return cls([job.pictures[row] for row in rows.tolist()], cost, every[rows])

    @cached_property
    def psnr(self) -> float:
        """Of what comes back of them."""
        return float(self.ours.psnr(self.values, np.ones(len(self.values))))

    @cached_property
    def weights(self) -> np.ndarray:
        """How often every picture is in each resample; the first has each once."""
        n, rng = len(self.pictures), np.random.default_rng(0)
        drawn = rng.multinomial(n, np.full(n, 1 / n), DRAWS if n > 1 else 0)
        return np.concatenate([np.ones((1, n)), drawn.reshape(-1, n)])

    def beside(self, formats: Iterable[str]) -> list[dict[str, Any]]:
        """Return a record for the file, and one for every format, all at the same PSNR.

        None at all where no format is looked at.
        """
        n, own = len(self.pictures), float(self.ours.nbytes.sum())
        known = {"bytes an image": round(own / n), "PSNR in dB": round(self.psnr, 2)}
        rows: list[dict[str, Any]]
        rows = [{"format": "isthmus", "setting": "", **known, "isthmus takes": "100%"}]
        tried = []
        for name in formats:
            tried.append(name)
            found = [self._against(name, setting) for setting in PEERS[name][1]]
            able = [row for row in found if row is not None]
            if able:
                rows.append(min(able, key=lambda row: row["bytes an image"]))
        return rows if tried else []

    def _against(self, name: str, way: str) -> dict[str, Any] | None:
        """Return what a format takes at the same PSNR; None if it does not reach it."""
        qualities, ways = PEERS[name]
        seen = dict[int, Cost]()

        def reached(quality: int) -> bool:
            seen[quality] = self._written(name, quality, ways[way])
            return bool(seen[quality].psnr(self.values, self.weights[:1])[0] >= self.psnr)

        low, high = qualities[0], qualities[-1]
        if not reached(high) or reached(low):
            return None
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if reached(middle) else (middle, high)
        total = self._at(seen[low], seen[high])
        ratio = self.weights @ self.ours.nbytes / total
        within = np.percentile(ratio, (2.5, 97.5)) if len(ratio) > 1 else (ratio[0], ratio[0])
        says = f"{ratio[0]:.0%} ({within[0]:.0%} to {within[1]:.0%})"
        return {
            "format": name,
            "setting": f"quality {high}, {way}",
            "bytes an image": round(float(total[0]) / len(self.pictures)),
            "PSNR in dB": round(self.psnr, 2),
            "isthmus takes": says,
        }

    def _at(self, low: Cost, high: Cost) -> np.ndarray:
        """Return the bytes at our PSNR, of every resample."""
        ours, below, above = (
            cost.psnr(self.values, self.weights) for cost in (self.ours, low, high)
        )
        along = ((ours - below) / np.maximum(above - below, 1e-9)).clip(-2, 3)
        few, many = (np.log(self.weights @ cost.nbytes) for cost in (low, high))
        return np.exp(few + along * (many - few))

    def _written(self, name: str, quality: int, options: dict[str, Any]) -> Cost:
        """Return what pictures take, as many at a time as there are processors."""
        with ThreadPoolExecutor(os.cpu_count()) as pool:  # their own code leaves Python free
            found = list(pool.map(lambda p: _cost(p, name, quality, options), self.pictures))
        return Cost(*(np.array(each, float) for each in zip(*found, strict=True)))


def _cost(picture: Picture, name: str, quality: int, options: dict[str, Any]) -> tuple[int, float]:
    """Return the bytes of a picture without its transparency, and the squared error of it."""
    nbytes, back = read_back(picture.pixels, name, quality=quality, **options)
    wrong = back.astype(np.float32) - picture.pixels
    return nbytes, float(np.square(wrong, dtype=np.float64).sum()) / 255**2


def check_formats(formats: Sequence[str]) -> None:
    """Raise ValueError if there is no such format to compare with."""
    for name in formats:
        one_of("formats", name, tuple(PEERS))
