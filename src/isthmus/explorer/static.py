"""The explorer as a folder that any file server can serve, without network and without Python."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from isthmus.explorer.manifest import View
from isthmus.system.files import refuse_existing, replacing_folder
from isthmus.system.progress import track

PAGE = Path(__file__).parent / "page"
"""Where the built page lies: Vite writes it there, and the wheel brings it along."""


def page_files(folder: Path | None = None) -> dict[str, Path]:
    """Return every file of the built page by its name on the server.

    Raises
    ------
    FileNotFoundError
        If the page has not been built.
    """
    folder = folder or PAGE
    if not (folder / "index.html").is_file():
        raise FileNotFoundError(
            "the explorer's page is not built: run `make page` in the source checkout (it needs "
            "node, or takes it from PyPI), or install isthmus from a wheel"
        )
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): path for path in files}


def all_files(view: View, page: dict[str, Path]) -> dict[str, Callable[[], Path]]:
    """Return the table of all files but the manifest: the page's and the view's."""
    return {name: (lambda path=path: path) for name, path in page.items()} | view.files


def write_folder(
    view: View, path: str | Path, *, force: bool = False, show: bool | None = None
) -> None:
    """Write the page and everything it is fed; the folder appears when it is whole.

    Parameters
    ----------
    view : View
        Made with ``live=False``.
    path : str or Path
        The folder.
    force : bool
        Replace what isthmus wrote there.
    show : bool or None
        Show progress; None shows it where standard error is a terminal.

    Raises
    ------
    FileExistsError
        If the folder holds anything, or with `force` anything that isthmus did not write.
    FileNotFoundError
        If the page has not been built.
    """
    refuse_existing(path, force=force, folder=True)
    files = all_files(view, page_files())
    with replacing_folder(path, force=force, published=True) as folder:
        for name, made in track(files.items(), "exporting", len(files), show):
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(made(), target)
        (folder / "data" / "manifest.json").write_bytes(view.manifest_bytes())
