"""Studies read back from their folders."""

from __future__ import annotations

import inspect
from collections import UserDict
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isthmus.data.images import Images
from isthmus.data.like import of_fixed_size
from isthmus.data.readers import load_images
from isthmus.fitted.store import load_model
from isthmus.studies.each import read_each
from isthmus.studies.folders import record_of, stopped_before
from isthmus.studies.outcome import Study
from isthmus.studies.plan import Effort, Schedule
from isthmus.studies.prepare import LONGEST_SIDE, read_images

if TYPE_CHECKING:
    from isthmus.base import Representation


BESIDE = ("plan", "left_out", "unsaved", "waiting", "spent", "formats", "beside")
"""What a record says of a study besides its scores, which older ones may not."""


class StoredStudy(Study):
    """A study read back: its images are read again when they are first asked for."""

    _images: Any

    @property
    def images(self) -> Images:
        """What was studied, with its split."""
        if callable(self._images):
            self._images = self._images()
        return self._images

    @images.setter
    def images(self, images: Images | Callable[[], Images]) -> None:
        self._images = images


class StoredModels(UserDict[str, Any]):
    """Models by name, each read from its file when it is first asked for."""

    def __init__(self, files: dict[str, Path], read: Callable[[Path], Any]):
        super().__init__(files)
        self.read = read

    def __getitem__(self, name: str) -> Representation:
        if isinstance(self.data[name], Path):
            self.data[name] = self.read(self.data[name])
        return self.data[name]


def load_study(
    folder: str | Path, images: object = None, *, device: str = "auto", allow: Iterable[str] = ()
) -> Study:
    """Read a study from the folder that its report is in.

    It has the models, scores, notes and plan, and makes its report again. Models and images are
    read when they are first asked for.

    Parameters
    ----------
    folder : str or Path
        What `Study.report` or `isthmus study` wrote.
    images : Images, array, or anything `load_images` reads, optional
        The images of the study, if they cannot be read again from where they were, because they
        were made in Python or lie elsewhere now.
    device : str
        Where the models are to compute; see `isthmus.load_model`.
    allow : iterable of str
        Modules of which files may name a class; see `isthmus.load_model`.

    Returns
    -------
    Study
        Like the one that `isthmus.study` returned.

    Raises
    ------
    ValueError
        If the folder holds no study, or the record of it is damaged; when images are asked for, if
        they cannot be read again, or are others.

    Examples
    --------
    >>> import isthmus as ist, tempfile
    >>> folder = Path(tempfile.mkdtemp()) / "mine"
    >>> page = ist.study("digits", models=["kmeans", "pca"], width=4).report(folder)
    >>> result = ist.load_study(folder)
    >>> result
    Study(digits, 2 models: kmeans, pca)
    >>> result.models["pca"].encode(result.images.test).shape
    (359, 4)
    """
    folder = Path(folder)
    record = record_of(folder)
    files = _files(folder / "models", [row["model"] for row in record["scores"]])
    models = StoredModels(files, partial(load_model, device=device, allow=allow))
    effort = record.get("effort")
    known = {key: record[key] for key in BESIDE if key in record}
    each, unread = read_each(folder)
    return StoredStudy(
        partial(_images_of, folder, record, models, images),  # type: ignore[arg-type]
        models,
        record["scores"],
        [*_notes(record), *unread],
        int(record.get("random_state", 0)),
        record.get("command"),
        **known,
        schedule=Schedule([], None, effort=Effort(**effort)) if effort else Schedule([], None),
        source=record["source"],
        options=record.get("options", {}),
        each=each,
    )


def _notes(record: dict[str, Any]) -> list[str]:
    """Return the notes of a study; of one that was killed, what it lacks."""
    notes, waiting = record.get("notes", []), record.get("waiting", [])
    told = not waiting or any(stopped_before(waiting) in note for note in notes)
    return notes if told else [*notes, f"It was stopped; {stopped_before(waiting)}"]


def _files(folder: Path, names: list[str]) -> dict[str, Path]:
    """Return the files of models, in the order of the scores, those without scores at the end."""
    files = {path.stem: path for path in sorted(folder.glob("*.safetensors"))}
    return {name: files.pop(name) for name in names if name in files} | files


def _images_of(
    folder: Path, record: dict[str, Any], models: StoredModels, given: object
) -> Images:
    """Return the images of a study: those given, or read again; they have to be the same."""
    seed, options = int(record.get("random_state", 0)), _loading(record)
    if given is not None or options is not None:
        again = record.get("options", {}).get("files", record["source"])
        given = again if given is None else given
        images = _read(folder, given, partial(read_images, given, seed, options or {}))[0]
    else:
        source = record["source"]
        images = _read(folder, source, partial(_read_like, source, models))
        images = images if images.is_test is not None else images.split(seed=seed)
    return _same(images, record, folder)


def _loading(record: dict[str, Any]) -> dict[str, Any] | None:
    """Return how the images of a study were loaded; older studies do not say it."""
    options = record.get("options")
    if options is None:
        return None
    known = inspect.signature(load_images).parameters  # others say how it was made
    loading = {key: value for key, value in options.items() if key in known}
    return {k: tuple(v) if isinstance(v, list) else v for k, v in loading.items()}


def _read(folder: Path, source: object, read: Callable[[], Any]) -> Any:
    try:
        return read()
    except (ValueError, OSError) as error:
        raise ValueError(
            f"the images of the study, {str(source)!r}, cannot be read again ({error}): give "
            f"them, load_study({str(folder)!r}, images) or `isthmus explore {folder} SOURCE`"
        ) from None


def _read_like(source: str, models: StoredModels) -> Images:
    """Return images of a source as the first model takes them that does not take all."""
    name = of_fixed_size(models)
    if name is None:
        return load_images(source, longest=LONGEST_SIDE)  # as the study did
    return load_images(source, like=models[name])


def _same(images: Images, record: dict[str, Any], folder: Path) -> Images:
    """Return images, having checked that the record of the study can be of them."""
    found, known = _counts(images), (*record["shape"], record["test"])
    if found != known:
        raise ValueError(
            f"{images.source} has images of shape {found[:-1]}, {found[-1]:,} of them held out; "
            f"the study in {folder} is of {known[:-1]}, {known[-1]:,} held out: give its images"
        )
    return images


def _counts(images: Images) -> tuple[int, ...]:
    return (*images.shape, int(images.is_test.sum()))
