"""Images by their names: which of a set a word means."""

from __future__ import annotations

import difflib
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from fnmatch import fnmatchcase

from isthmus.data.images import Images


class Finder:
    """Finds images by name: by their path, by the end of it, without its suffix, by a pattern.

    Where nothing is called, the number of an image is its name.

    Parameters
    ----------
    images : Images
        Among which to look.

    Examples
    --------
    >>> import numpy as np
    >>> images = Images(np.zeros((3, 2, 2)), names=["cat/1.png", "dog/1.png", "dog/2.png"])
    >>> find = Finder(images).rows
    >>> find("cat/1.png"), find("2.png"), find("2"), find("dog/*"), find("photos/dog/1.png")
    ([0], [2], [2], [1, 2], [1])
    """

    def __init__(self, images: Images):
        names = range(len(images)) if images.names is None else images.names.tolist()
        self._known(names, images.source)

    @classmethod
    def of(cls, names: Iterable[str], source: str) -> Finder:
        """Return a finder among files that are not read yet."""
        finder = cls.__new__(cls)
        finder._known(names, source)
        return finder

    def _known(self, names: Iterable[object], source: str) -> None:
        self.source = source
        self.files = list(map(str, names))
        self.names = [composed(name) for name in self.files]
        self._by_end: dict[str, list[int]] = defaultdict(list)
        for row, name in enumerate(self.names):
            for end in dict.fromkeys((_end(name), _end(_stem(name)))):
                self._by_end[end].append(row)

    def rows(self, word: str) -> list[int]:
        """Return the rows of all images that a word may mean, in order."""
        word = composed(word).replace("\\", "/").removeprefix("./")
        found = [row for row in self._by_end.get(_end(word), ()) if _alike(self.names[row], word)]
        exact = [row for row in found if self.names[row] == word]
        if not found and set("*?[") & set(word):
            return [row for row, name in enumerate(self.names) if fnmatchcase(name, word)]
        return exact or found

    def between(self, rows: list[int]) -> str:
        """Return in words that an image may be any of several, and what to do."""
        some = " and ".join(self.names[row] for row in rows[:2])
        return f"may be {some}: give more of its path"

    def hint(self, word: str) -> str:
        """Return what may have been meant, "" where nothing is near."""
        ends = dict.fromkeys(map(_end, self.names))
        near = difflib.get_close_matches(_end(composed(word)), ends, 1)
        return f"; did you mean {near[0]}?" if near else ""


def files_called(images: Images, rows: Iterable[int]) -> list[str]:
    """Return what the files of images are called, for a caption; "" if they have no names.

    Folders and suffixes are left out.

    Examples
    --------
    >>> import numpy as np
    >>> files_called(Images(np.zeros((2, 2, 2)), names=["a/1.png", "a/2.png"]), [1])
    ['2']
    """
    known = images.names is not None
    return [file_called(str(images.names[row])) if known else "" for row in rows]


def file_called(name: str) -> str:
    """Return a name without its folders and its suffix.

    Examples
    --------
    >>> file_called("a/b.c.png")
    'b.c'
    """
    return _stem(_end(composed(name)))


def composed(text: str) -> str:
    """Return text with every accented letter as one character: file systems differ in that."""
    return unicodedata.normalize("NFC", text)


def _end(name: str) -> str:
    return name.rpartition("/")[2]


def _stem(name: str) -> str:
    stem, dot, _ = name.rpartition(".")
    return stem if dot and stem and not stem.endswith("/") else name


def _alike(name: str, word: str) -> bool:
    """Return whether the shorter of two paths is the end of the other, suffix or not."""
    return any(
        f"/{a}".endswith(f"/{word}") or f"/{word}".endswith(f"/{a}") for a in (name, _stem(name))
    )
