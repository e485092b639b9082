"""How images were read: which values and axes were taken for what, and who decided it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from isthmus.data.ranges import in_words

if TYPE_CHECKING:
    from isthmus.data.packing import PackedImages

WHY = {
    "bytes": "all numbers lie within it and some above 127",
    "unit": "all numbers lie within it",
    "own": "its least and greatest number, as the type does not say what white is",
    "bits": "the fewest of 8, 10, 12, 14 and 16 bits that hold all numbers",
    "nchw": "its second axis is of 1 to 4, its last is not",
    "bands": "its last two axes are alike and longer than the one before",
    "hwc": "bytes whose last axis is of 3 or 4: one image in color",
}
"""Reasons of guesses."""
WHO = {
    "type": "by the type of the numbers",
    "file": "as the file has them",
    "given": "as asked",
    "guess": "a guess",
}


class Decision(NamedTuple):
    """One thing that was decided as images were read.

    Attributes
    ----------
    about : str
        "range", "depth" or "layout".
    value : str
        As what they were read.
    by : str
        Who decided it: "type", "file", "given" or "guess".
    why : str
        The reason of a guess, "" of others.
    option : str
        The parameter of `load_images` that says otherwise.
    """

    about: str
    value: str
    by: str
    why: str
    option: str

    @property
    def words(self) -> str:
        """All of it in a line."""
        who = WHO[self.by]
        return (
            f"{self.about} {self.value}: {who}{f', {self.why} ({self.option})' * bool(self.why)}"
        )


def decisions_of(images: PackedImages) -> list[Decision]:
    """Return how images were read, as `loading` notes it."""
    known, found = images.loading, []
    if "range_by" in known:
        found.append(_range(images, known))
    if bits := known.get("bits"):
        by = "given" if known.get("bits_by") == "given" else "guess"
        why = WHY["bits"] if by == "guess" else ""
        found.append(Decision("depth", f"{bits} bits, {2**bits - 1} is white", by, why, "bits"))
    if layout := known.get("layout"):
        why = known.get("layout_why", "")
        by = "guess" if why else "file" if known.get("range_by") == "file" else "given"
        found.append(Decision("layout", layout, by, WHY.get(why, ""), "layout"))
    return found


def _bytes_seen(looked_at: int | None) -> str:
    """Return why numbers were taken for bytes; of large files some of them were looked at."""
    every = f"all of some {looked_at:,} numbers looked at" if looked_at else "all numbers"
    return WHY["bytes"].replace("all numbers", every)


def _range(images: PackedImages, known: dict[str, Any]) -> Decision:
    by, asked, cut = known["range_by"], known.get("value_range"), known.get("clipped")
    if isinstance(asked, list | tuple):
        why = f"{cut:,} numbers beyond it are cut off" if cut else ""
        why = _bytes_seen(known.get("looked_at")) if by == "guess" else why
        return Decision("range", in_words((asked[0], asked[1])), by, why, "value_range")
    if by == "file" and images.dtype == "uint8":
        by = "type"
    if by == "type":
        words = "0 to 255" if images.dtype == "uint8" else "0 to 1"
        return Decision("range", words, by, "", "value_range")
    nominal = images.value_range in ((0.0, 1.0), (-1.0, 1.0))
    why = "" if by != "guess" else WHY["unit" if nominal else "own"]
    return Decision("range", in_words(images.value_range), by, why, "value_range")
