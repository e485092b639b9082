"""Named sets: what they are called, where they come from, how they are read."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from isthmus.data.glyphs import CHARACTERS, glyph_array
from isthmus.data.idx import read_idx_folder
from isthmus.data.images import Images
from isthmus.progress import Bar

BLOCK_BYTES = 2**18
TIMEOUT_SECONDS = 30

FASHION_CLASSES = [
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
]


@dataclass(frozen=True)
class NamedSet:
    """A set of images with a name.

    Parameters
    ----------
    caption : str
        What it is, for the list of sets.
    load : callable
        From the folder of its files to Images.
    files : dict of str to str
        Name and checksum of every file; empty for a set that is part of an installed package.
    mirrors : tuple of str
        Addresses of folders that hold the files, in the order they are tried.
    download_bytes : int
        Size of the files together.
    """

    caption: str
    load: Callable[[Path], Images]
    files: dict[str, str] = field(default_factory=dict)
    mirrors: tuple[str, ...] = ()
    download_bytes: int = 0


class SetInfo(NamedTuple):
    """One line of the list of named sets."""

    name: str
    caption: str
    state: str


def named_sets() -> list[SetInfo]:
    """Return name, caption and whereabouts of every named set.

    Examples
    --------
    >>> [row.state for row in named_sets() if row.name == "digits"]
    ['embedded']
    """
    return [SetInfo(name, known.caption, _state(name)) for name, known in CATALOG.items()]


def load(name: str, verbose: bool | None = None) -> Images:
    """Return a named set, downloading what is missing."""
    known = CATALOG[name]
    folder = fetch(name, verbose=verbose) if known.files else Path()
    try:
        return replace(known.load(folder), source=name)
    except ValueError as error:
        raise ValueError(f"{error}; delete that file, and it will be downloaded again") from error


def data_root() -> Path:
    """Return the folder of the named sets: ISTHMUS_DATA, or one in the user's cache folder."""
    import platformdirs

    given = os.environ.get("ISTHMUS_DATA")
    return Path(given) if given else Path(platformdirs.user_cache_dir("isthmus"), "data")


def fetch(
    name: str,
    *,
    mirrors: Sequence[str] | None = None,
    root: str | Path | None = None,
    verbose: bool | None = None,
) -> Path:
    """Return the folder with the files of a named set, after downloading those that are missing.

    A download that was cut off is continued. Every file is checked before it gets its name, so
    what lies in the folder is not checked again.

    Parameters
    ----------
    name : str
        A set of the catalog.
    mirrors : sequence of str, optional
        Addresses to try, instead of those in the catalog.
    root : str or Path, optional
        The folder of all sets; `data_root` by default.
    verbose : bool, optional
        Whether to show progress; None shows it on a terminal.

    Raises
    ------
    OSError
        If a file can be had from no mirror, or the folder cannot be written.
    """
    known = CATALOG[name]
    folder = Path(root or data_root(), name)
    for file, checksum in known.files.items():
        if not _is_here(folder, file):
            try:
                folder.mkdir(parents=True, exist_ok=True)
                _fetch_file(folder / file, checksum, mirrors or known.mirrors, verbose)
            except OSError as error:
                raise OSError(
                    f"{name}: {file} is neither in {folder} nor could it be downloaded: {error}. "
                    f"Put {', '.join(known.files)} in that folder, or set ISTHMUS_DATA to the "
                    f"folder that holds {name}/ with them"
                ) from error
    return folder


def _is_here(folder: Path, file: str) -> bool:
    return (folder / file).exists() or (folder / file.removesuffix(".gz")).exists()


def _state(name: str) -> str:
    known = CATALOG[name]
    folder = data_root() / name
    size = f"{known.download_bytes / 2**20:.0f} MiB"
    if not known.files:
        return "embedded"
    if all(_is_here(folder, file) for file in known.files):
        return f"{size} in {folder}"
    return f"not here yet: downloads {size}"


def _fetch_file(path: Path, checksum: str, mirrors: Sequence[str], verbose: bool | None) -> None:
    from http.client import HTTPException

    part = path.with_name(f"{path.name}.part")
    failures = []
    for mirror in mirrors:
        try:
            _download(f"{mirror.rstrip('/')}/{path.name}", part, verbose)
            _check(part, checksum)
        except (OSError, HTTPException) as error:
            words = str(error).removeprefix("<urlopen error ").removesuffix(">")
            failures.append(f"{mirror}: {words}")
        else:
            part.replace(path)
            return
    raise OSError("; ".join(failures))


def _download(url: str, part: Path, verbose: bool | None) -> None:
    """Append to `part` what is missing of it."""
    from urllib.error import HTTPError
    from urllib.request import Request, urlopen

    start = part.stat().st_size if part.exists() else 0
    headers = {"User-Agent": "isthmus"} | ({"Range": f"bytes={start}-"} if start else {})
    try:
        answer = urlopen(Request(url, headers=headers), timeout=TIMEOUT_SECONDS)
    except HTTPError as error:
        if error.code == 416 and start:  # nothing is missing: let the checksum decide
            return
        raise
    with answer:
        resumed = answer.status == 206
        length = int(answer.headers.get("Content-Length") or 0)
        with part.open("ab" if resumed else "wb") as file, Bar(part.stem, length, verbose) as bar:
            got = _copy(answer, file, bar)
        if got < length:
            raise OSError(
                f"the connection ended after {got} of {length} bytes; try again to go on"
            )


def _copy(answer: Any, file: Any, bar: Bar) -> int:
    got = 0
    while block := answer.read(BLOCK_BYTES):
        file.write(block)
        got += len(block)
        bar.advance(len(block))
    return got


def _check(part: Path, checksum: str) -> None:
    algorithm, _, expected = checksum.partition(":")
    with part.open("rb") as file:
        found = hashlib.file_digest(file, algorithm).hexdigest()
    if found != expected:
        part.unlink()
        raise OSError(f"wrong checksum, deleted ({algorithm} {found}, expected {expected})")


def _digits(folder: Path) -> Images:
    from sklearn.datasets import load_digits

    digits = load_digits()
    # The pixels are counts from 0 to 16.
    data = np.rint(digits.images * (255 / 16)).astype(np.uint8)
    classes = [str(name) for name in digits.target_names]
    return Images(data, y=digits.target, classes=classes).split(0.2, random_state=0)


def _glyphs(folder: Path) -> Images:
    return Images(glyph_array(), y=np.arange(len(CHARACTERS)), classes=list(CHARACTERS))


def _fashion(folder: Path) -> Images:
    return replace(read_idx_folder(folder), classes=FASHION_CLASSES)


CATALOG = {
    "digits": NamedSet("1,797 handwritten digits of 8x8, from scikit-learn", _digits),
    "glyphs": NamedSet("32 characters of 5x7 bits", _glyphs),
    "mnist": NamedSet(
        "70,000 handwritten digits of 28x28",
        read_idx_folder,
        files={
            "train-images-idx3-ubyte.gz": "sha256:"
            "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            "train-labels-idx1-ubyte.gz": "sha256:"
            "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            "t10k-images-idx3-ubyte.gz": "sha256:"
            "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            "t10k-labels-idx1-ubyte.gz": "sha256:"
            "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        },
        mirrors=(
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
        ),
        download_bytes=11_594_722,
    ),
    "fashion-mnist": NamedSet(
        "70,000 articles of clothing of 28x28, in ten classes",
        _fashion,
        files={
            "train-images-idx3-ubyte.gz": "md5:8d4fb7e6c68d591d4c3dfef9ec88bf0d",
            "train-labels-idx1-ubyte.gz": "md5:25c81989df183df01b3e8a0aad5dffbe",
            "t10k-images-idx3-ubyte.gz": "md5:bef4ecab320f06d8554ea6380940ec79",
            "t10k-labels-idx1-ubyte.gz": "md5:bb300cfdad3c16e7a12a480ee83cd310",
        },
        mirrors=("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",),
        download_bytes=30_878_645,
    ),
}
"""One line for every set; a loader above it where the files are of an unusual kind."""
