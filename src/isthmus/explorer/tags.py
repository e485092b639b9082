"""Words that a person gave to images, kept for the next time the same images are explored."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from isthmus.system.files import replacing

MOST_WORDS, LONGEST = 1000, 200
"""Words, and characters of one."""


class Tags:
    """The words of one set of images, and the ids that each was given to.

    They lie beside the user's own data, not in the cache: nobody can compute them again.

    Parameters
    ----------
    key : str
        A fingerprint of the images.
    count : int
        How many these are.
    root : Path, optional
        Where they lie.

    Examples
    --------
    >>> import tempfile
    >>> tags = Tags("a", 3, Path(tempfile.mkdtemp()))
    >>> tags.write(b'{"odd": [2, 0, 2]}')
    >>> tags.read()
    {'odd': [0, 2]}
    """

    def __init__(self, key: str, count: int, root: Path | None = None):
        import platformdirs

        root = root or Path(platformdirs.user_data_dir("isthmus"))
        self.path, self.count = root / "tags" / f"{key}.json", count

    def read(self) -> dict[str, list[int]]:
        """Return words with their ids; none where the file is not there or damaged."""
        try:
            return self._checked(json.loads(self.path.read_bytes()))
        except (OSError, ValueError, RecursionError):
            return {}

    def write(self, body: bytes) -> None:
        """Keep words instead of those that are there.

        Raises
        ------
        ValueError
            If they are not words with ids of images.
        OSError
            If they cannot be kept.
        """
        try:
            tags = self._checked(json.loads(body))
        except RecursionError:
            raise ValueError("tags are nested too deep") from None
        with replacing(self.path) as temporary:
            temporary.write_text(json.dumps(tags), encoding="utf-8")

    def _checked(self, tags: Any) -> dict[str, list[int]]:
        if not isinstance(tags, dict) or len(tags) > MOST_WORDS:
            raise ValueError(f"tags are no more than {MOST_WORDS} words with ids of images")
        return {self._word(word): self._ids(ids) for word, ids in tags.items()}

    def _word(self, word: str) -> str:
        if not 0 < len(word) <= LONGEST:
            raise ValueError(f"a tag is a word of up to {LONGEST} characters")
        return word

    def _ids(self, ids: Any) -> list[int]:
        if not isinstance(ids, list) or any(type(each) is not int for each in ids):
            raise ValueError("a tag is for a list of ids")
        if any(not 0 <= each < self.count for each in ids):
            raise ValueError(f"a tag is for images 0 to {self.count - 1}")
        return sorted(set(ids))
