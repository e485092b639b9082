"""The folder of a study while it goes on: what is finished lies there, whatever happens next."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from isthmus.fitted.store import in_words, load_model
from isthmus.studies.each import read_each
from isthmus.studies.folders import digest_of, record_of
from isthmus.studies.outcome import Study, reason_of
from isthmus.studies.plan import Effort
from isthmus.system.files import enlist, plain, replacing_folder
from isthmus.system.leftovers import sweep
from isthmus.system.stops import STOPS, in_one_go

LIVE = 0.1
"""Share of the time that reports written on the way may take."""
OF_TIME = ("verbose", "max_seconds", "device")
"""Parameters that say nothing of what a model is to become."""


class Kept:
    """Where a study is kept, every model as soon as it is finished, and who watches it.

    Parameters
    ----------
    study : Study
        Whose models are to come.
    folder : Path, optional
        It appears with the first model; from then on each file in it is replaced as a whole.
    watch : bool or callable
        Called with the study after every model; True writes the report.
    """

    def __init__(self, study: Study, folder: Path | None, watch: Any):
        if watch is True and folder is None:
            raise ValueError("watch=True writes a report: give a folder, or a function to call")
        self.study, self.folder, self.watch = study, folder, watch
        self.began, self.saved = False, set[str]()
        self.last, self.took = study.schedule.clock(), 0.0

    def look(self) -> None:
        """Keep what there is by now; who watches sees it as far as that takes little time."""
        clock = self.study.schedule.clock
        now = clock()
        due = bool(self.watch) and self.took <= LIVE * (now - self.last)
        try:
            self._write(page=due and self.watch is True)
        except OSError as error:  # there may be room at the end
            note = f"Models could not be kept on the way: {reason_of(error)}."
            self.study.notes += [note] * (note not in self.study.notes)
        if due and self.watch is not True:
            self.watch(self.study)
        if due:
            self.last, self.took = clock(), clock() - now

    def finish(self) -> None:
        """Write what there is with its report: no more models are to come."""
        if self.folder is not None:
            self.study.measure_formats()  # takes seconds, which are not a part of `in_one_go`
        self._write(page=True)

    def _write(self, *, page: bool) -> None:
        study, folder = self.study, self.folder
        if folder is None or not study.models:
            return
        with in_one_go():  # models that are finished are kept, whenever one is interrupted
            if self.began:
                enlist(folder, study.files())
                study.write(folder, self.saved, page=False)
            else:
                with replacing_folder(folder, force=True) as new:
                    study.write(new, page=False)
                enlist(folder, study.files())
            self.began, self.saved = True, set(study.models) - set(study.unsaved)
            STOPS.written += [folder] * (folder not in STOPS.written)
        if page:
            study.write_page(folder)
        study.page = folder / "report.html"

    def resume(self, models: Mapping[str, Any]) -> None:
        """Go on with what the folder holds, if it is there: models that are finished stay.

        Parameters
        ----------
        models : dict of str to Representation
            Unfitted, as they are asked for now: what was fitted otherwise is fitted anew.

        Raises
        ------
        ValueError
            If there is something else, or the study there is of other images.
        """
        study, folder = self.study, self.folder
        if folder is None:
            raise ValueError("resume=True goes on with a study: give its folder")
        sweep(folder.parent.absolute())
        if not folder.is_dir() or not any(folder.iterdir()):
            return
        sweep(folder / "models")
        record = record_of(folder)
        _check_same(study, record, folder)
        study.models, rows = _finished(folder, record, models)
        study.scores += rows
        each = read_each(folder)[0]
        study.each |= {name: each[name] for name in study.models if name in each}
        self.began, self.saved = True, set(study.models)
        _take_over(study, record)


def _check_same(study: Study, record: Mapping[str, Any], folder: Path) -> None:
    facts = {"images": digest_of(study.images), "random_state": study.random_state}
    words = {"images": "other images", "random_state": "another seed"}
    other = [words[name] for name, value in facts.items() if record.get(name) != value]
    if other:
        raise ValueError(
            f"{folder} holds a study of {' and '.join(other)}, which cannot be gone on with: "
            "choose another name, or begin anew with --force"
        )


def _finished(
    folder: Path, record: Mapping[str, Any], asked: Mapping[str, Any]
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the models that need not be fitted again, and their scores."""
    found, rows = {}, []
    for row in record["scores"]:
        name = row["model"]
        if name in record.get("waiting", ()) or not _is_as_asked(row, asked.get(name)):
            continue
        try:
            found[name] = load_model(folder / "models" / f"{name}.safetensors")
        except (ValueError, OSError):  # it is fitted again
            continue
        rows.append(row)
    return found, rows


def _is_as_asked(row: Mapping[str, Any], model: Any) -> bool:
    """Return whether a model was fitted as it is asked for now; what is not asked for stays."""
    if model is None:
        return True
    asked = plain(model.get_params(), finite=True, unknown=in_words)
    there = row.get("parameters", {})
    names = (asked.keys() | there.keys()) - set(OF_TIME)
    return all(asked.get(name) == there.get(name) for name in names)


def _take_over(study: Study, record: Mapping[str, Any]) -> None:
    """Let a study be what it was when it was stopped: its measures, its plan and its time."""
    effort = record.get("effort")
    if effort:
        study.schedule.effort = Effort(**effort | {"probes": tuple(effort["probes"])})
    there = {row["model"]: row for row in record.get("plan", ())}
    planned = {row["model"]: there.pop(row["model"], row) for row in study.plan}
    study.plan = [*planned.values(), *(row for name, row in there.items() if name in study.models)]
    said = tuple(f"{name} was measured " for name in study.models)
    study.notes += [note for note in record.get("notes", ()) if note.startswith(said)]
    study.spent = float(record.get("spent", 0.0))
    study.schedule.take_over(study.models, study.spent)
    if study.models:
        study.notes.append(f"Fitted before, and taken over: {', '.join(study.models)}.")
