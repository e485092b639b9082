"""Files from the first address that has them: continued, checked, and only then named."""

from __future__ import annotations

import gzip
import hashlib
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import IO

from isthmus.system.leftovers import prefix_for, sweep
from isthmus.system.progress import Bar

BLOCK_BYTES = 2**18
TIMEOUT_SECONDS = 30


def fetch_file(
    path: Path, checksum: str, mirrors: Sequence[str], verbose: bool | None = None
) -> None:
    """Download a file; a download that was cut off is continued.

    Parameters
    ----------
    path : Path
        What the file becomes; its name is also its name at every address.
    checksum : str
        As ``sha256:...`` or ``md5:...``.
    mirrors : sequence of str
        Addresses of folders, in the order they are tried.
    verbose : bool, optional
        Whether to show progress; None shows it on a terminal.

    Raises
    ------
    OSError
        If no address has the file, with the reason of each.
    """
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


def unpack(archive: Path, name: str) -> None:
    """Unpack the folder `name` of a tar file beside it; nothing is written anywhere else.

    Raises
    ------
    ValueError
        If the archive is damaged, lacks the folder, or would write elsewhere.
    """
    target = archive.with_name(name)
    sweep(archive.parent)
    with tempfile.TemporaryDirectory(prefix=prefix_for(target), dir=archive.parent) as temporary:
        try:
            with tarfile.open(archive) as file:
                for member in file:
                    _extract(file, member, Path(temporary))
        except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise ValueError(f"{archive} cannot be unpacked: {error}") from error
        unpacked = Path(temporary, name)
        if not unpacked.is_dir():
            raise ValueError(f"{archive} cannot be unpacked: no folder {name} in it")
        unpacked.replace(target)


def _extract(file: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    """Write a plain file of an archive; Python's own filters came with 3.11.4 only."""
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts or not (member.isreg() or member.isdir()):
        raise tarfile.TarError(f"{member.name} is no plain file or folder inside of it")
    if source := file.extractfile(member):  # None of a folder
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        with source, (folder / path).open("wb") as copy:
            shutil.copyfileobj(source, copy)


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


def _copy(answer: IO[bytes], file: IO[bytes], bar: Bar) -> int:
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
