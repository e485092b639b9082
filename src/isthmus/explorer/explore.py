"""The explorer opened from Python, and exports: a folder for any file server, or an ONNX file."""

from __future__ import annotations

import secrets
import warnings
import webbrowser
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isthmus.explorer import onnx
from isthmus.explorer.inputs import Inputs, ModelsLike, inputs_of, one_model
from isthmus.explorer.manifest import View
from isthmus.explorer.server import Running, create_app, hosts_for
from isthmus.explorer.static import page_files, write_folder
from isthmus.fitted.heldout import half_of
from isthmus.studies.folders import is_study
from isthmus.studies.outcome import Study
from isthmus.system.files import refuse_existing

if TYPE_CHECKING:
    from isthmus.verbs.parameters import Source


class Explorer:
    """The explorer while it is served: in a thread, until `close`, or until Python ends.

    Attributes
    ----------
    url : str
        Its address, with the secret part that lets a browser in.
    images : Images
        What is shown.
    models : list of str
        Names of the models.
    """

    def __init__(self, view: View, page: dict[str, Path], host: str, port: int):
        token = secrets.token_urlsafe(24)
        self._running = Running(create_app(view, page, token, hosts_for(host)), host, port)
        shown = f"[{host}]" if ":" in host else host
        self.url = f"http://{shown}:{self._running.port}/{token}/#token={token}"
        self.images, self.models = view.images, list(view.model_data)

    def wait(self) -> None:
        """Wait until it is closed, or for Ctrl-C, which closes it."""
        try:
            self._running.wait()
        except KeyboardInterrupt:
            self.close()

    def close(self) -> None:
        """End it; a second time does nothing."""
        self._running.close()

    def __enter__(self) -> Explorer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Explorer({self.url})"

    def _repr_html_(self) -> str:
        return f'<a href="{self.url}" target="_blank">{self.url}</a>'


def explore(
    models: ModelsLike,
    images: Source | None = None,
    *,
    names: Iterable[str] | None = None,
    layouts: Iterable[str] = (),
    split: str = "all",
    count: int | None = None,
    budget: float | None = None,
    host: str = "127.0.0.1",
    port: int = 0,
    open_browser: bool = True,
    verbose: bool = False,
) -> Explorer:
    """Walk through codes by hand in the browser: a map, sliders, morphs, drawing, comparison.

    It returns once the page is served, which a thread goes on doing: a notebook can go on. In a
    script ``explore(...).wait()`` stays until Ctrl-C.

    Parameters
    ----------
    models : Study, Representation, str, Path, or list or dict of them
        A study, or the folder of one; or fitted models or their files.
    images : Images, array, or anything `load_images` reads
        What they are shown on, of many bands three at a time; the images of the study by default.
        A source is read as the models need it.
    names : iterable of str, optional
        Which models of a study; all by default.
    layouts : iterable of {"tsne", "umap"}
        Layouts beside principal components; they take minutes for tens of thousands of images.
    split : {"all", "train", "test"}
        Which of the images.
    count : int, optional
        Up to this many, evenly spaced.
    budget : float, optional
        Time to take for `layouts`, in seconds above 0: t-SNE is left as it is then, and what has
        not begun is left out.
    host : str
        Address to serve at; from other machines, too, where it is not one of this machine alone.
    port : int
        Port to serve at; 0 is any free one.
    open_browser : bool
        Open the page in the browser.
    verbose : bool
        Show progress on standard error.

    Returns
    -------
    Explorer
        With its `url`, and `close`.

    Raises
    ------
    ValueError
        If models and images do not go together, or a parameter is out of its range.
    OSError
        If something cannot be read, the port is taken, or the page has not been built.
    ImportError
        If starlette or uvicorn is not installed.

    Examples
    --------
    >>> import isthmus as ist
    >>> images = ist.load_images("digits")
    >>> model = ist.PCA(8).fit(images.train)
    >>> page = ist.explore(model, images, count=100, open_browser=False)  # doctest: +SKIP
    >>> page.url  # doctest: +SKIP
    'http://127.0.0.1:38415/x.../#token=x...'
    >>> page.close()  # doctest: +SKIP
    """
    check(count, port)  # before any work is done
    page = page_files()
    found = _inputs_of(models, images, names)
    view = _view(found, split, count, layouts=layouts, live=True, show=verbose, budget=budget)
    explorer = Explorer(view, page, host, port)
    if open_browser:
        webbrowser.open(explorer.url)
    return explorer


def export(
    models: ModelsLike,
    path: str | Path,
    images: Source | None = None,
    *,
    part: str = "decode",
    names: Iterable[str] | None = None,
    layouts: Iterable[str] = (),
    split: str = "all",
    count: int | None = None,
    budget: float | None = None,
    force: bool = False,
    verbose: bool = False,
) -> Path:
    """Write a model as an ONNX file, or the explorer as a folder that any file server can serve.

    Parameters
    ----------
    models : Representation, Study, str, Path, or list or dict of them
        For an ONNX file one model, or its file; for a folder whatever `explore` takes.
    path : str or Path
        A name that ends in .onnx, or a folder.
    images : Images, array, or anything `load_images` reads, optional
        What a folder shows; the images of the study by default.
    part : {"decode", "encode", "predict"}
        Of an ONNX file: codes to images, images to codes, or images to probabilities of classes.
    names, layouts, split, count, budget
        Of a folder: as for `explore`.
    force : bool
        Replace a file or an explorer that is there.
    verbose : bool
        Show progress on standard error.

    Returns
    -------
    Path
        What was written.

    Raises
    ------
    ValueError
        If the model cannot do that, or only by a search, or models and images do not go together.
    FileExistsError
        If something is there, unless `force`.
    ImportError
        If onnx or onnxscript is not installed.

    Examples
    --------
    >>> import isthmus as ist, tempfile
    >>> model = ist.PCA(4).fit(ist.load_images("digits"))
    >>> ist.export(model, Path(tempfile.mkdtemp()) / "pca.onnx").name
    'pca.onnx'
    """
    path = Path(path)
    if path.suffix == ".onnx":
        refuse_existing(path, force=force, folder=False)
        onnx.export(one_model(models), path, part)
        return path
    if images is None and not _brings_images(models):
        raise ValueError(
            f"{path} must end in .onnx, or be a folder for the explorer: give the images to show"
        )
    check(count, to=path, force=force)
    found = _inputs_of(models, images, names)
    view = _view(found, split, count, layouts=layouts, live=False, show=verbose, budget=budget)
    write_folder(view, path, force=force, show=verbose)
    return path


def _brings_images(models: ModelsLike) -> bool:
    known = isinstance(models, Study | Inputs)
    return known or (isinstance(models, str | Path) and is_study(models))


def check(
    count: int | None = None, port: int = 0, to: Path | None = None, *, force: bool = False
) -> None:
    """Refuse what cannot be done, before any work is."""
    if count is not None and count < 1:
        raise ValueError(f"count={count} must be at least 1")
    if not 0 <= port <= 65_535:
        raise ValueError(f"port={port} must be from 0 to 65535")
    if to is not None:
        refuse_existing(to, force=force, folder=True)
    page_files()


def _inputs_of(models: ModelsLike, images: Source | None, names: Iterable[str] | None) -> Inputs:
    found = inputs_of(models, images, names)
    if found.note and not isinstance(models, Inputs):  # a command has said it
        warnings.warn(found.note, stacklevel=3)
    return found


def _view(found: Inputs, split: str, count: int | None, **options: Any) -> View:
    images = half_of(found.images, split)
    images = images if count is None else images.evenly(count)
    return View(found.models, images, title=found.title, scores=found.scores, **options)
