"""What is said of an error that nobody foresaw: one line, and a file with all of it."""

from __future__ import annotations

import os
import platform
import shlex
import sys
import tempfile
import traceback
from datetime import UTC, datetime
from pathlib import Path

from isthmus import __version__
from isthmus.data.cache import cache_folder

REPORT = "please report it, with that file: SECURITY.md and the issues of the project say how"


def in_one_line(error: BaseException) -> str:
    """Return the line that a command ends with, having written the traceback to a file.

    Examples
    --------
    >>> in_one_line(KeyError("of nobody's"))[:62]
    "this is a fault of isthmus, KeyError: of nobody's; the whole o"
    """
    words = " ".join(str(error.args[0] if error.args else "").split())[:200]
    what = f"this is a fault of isthmus, {type(error).__name__}{f': {words}' * bool(words)}"
    path = _written(_report(error))
    where = f"the whole of it is in {path}" if path else "no file could be written with more"
    return f"{what}; {where}; {REPORT}"


def _report(error: BaseException) -> str:
    """Return all that whoever mends it has to know."""
    facts = {
        "command": shlex.join(["isthmus", *sys.argv[1:]]),
        "isthmus": __version__,
        "python": sys.version.split()[0],
        "system": platform.platform(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    head = "".join(f"{name}: {value}\n" for name, value in facts.items())
    return head + "\n" + "".join(traceback.format_exception(error))


def _written(text: str) -> Path | None:
    """Write a text to a new file, beside the caches or where temporary files go."""
    for folder in (cache_folder().parent / "errors", Path(tempfile.gettempdir())):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(".txt", "isthmus-error-", folder)
            with os.fdopen(handle, "w", encoding="utf-8", errors="replace") as file:
                file.write(text)
            return Path(name)
        except OSError:
            continue
    return None
