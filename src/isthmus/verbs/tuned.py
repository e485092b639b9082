"""What finetune returns."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from isthmus.fitted.heldout import MeasuredOn
from isthmus.metrics import compared
from isthmus.metrics.labels import Accuracy
from isthmus.metrics.paired import Difference
from isthmus.verbs import repeated
from isthmus.verbs.probing import ends_of, in_words, over_draws
from isthmus.verbs.result import Charted, said_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure


MODEL = "classifier.safetensors"
"""The model in a folder."""

FINETUNED, PROBE, SCRATCH, HEAD = "finetuned", "linear probe", "from scratch", "head only"


@dataclass(repr=False)
class Tuned(Charted):
    """What `finetune` made.

    Attributes
    ----------
    model : Classifier
        The recommended network, fitted on all labels; it can be saved, and told to `predict`.
    tuned : Accuracy
        The accuracy of the finetuned network (or of the head alone) on held-out images.
    scratch : Accuracy, optional
        That of the same network trained with the same labels from random weights.
    title : str
        The model, the labels and the images in words.
    counted_on : MeasuredOn
        These images, and whether the model started from had learnt from them; `measured` as well.
    labels_seen : int or None
        Labels that the model started from had learnt from already; None where it does not say.
    probe : Accuracy, optional
        That of a linear probe: a head alone, on the encoder as it is.
    held_back : dict of str to Accuracy
        By network how often it is right on those labels that were held back to choose by.
    best : str
        The recommended network: the best on the labels held back, "" where none were.
    frozen : bool
        Whether only a head was trained on the model.
    file : str
        Where the model was last written to; "" if nowhere.
    """

    saves: ClassVar[tuple[str, ...]] = (".safetensors", ".csv", ".png", ".svg", "")
    table_name: ClassVar[str] = "finetune"
    metric: ClassVar[str] = "accuracy"
    halves: ClassVar[bool] = True
    model: Any
    tuned: Accuracy
    scratch: Accuracy | None
    title: str
    counted_on: MeasuredOn
    labels_seen: int | None
    probe: Accuracy | None = None
    held_back: dict[str, Accuracy] = field(default_factory=dict)
    best: str = ""
    frozen: bool = False
    file: str = ""

    @property
    def measured(self) -> MeasuredOn:
        """The images the accuracies were evaluated on."""
        return self.counted_on

    @property
    def scores(self) -> dict[str, Any]:
        """How many labels were learnt from, and the accuracies by name."""
        found = {name: each.accuracy for name, each in self.accuracies().items()}
        said = {"recommended": self.best} if self.best else {}
        return {"labels": self.tuned.n_labels, "before": self.started_from, **found, **said}

    def remarks(self) -> list[str]:
        """Return which network is recommended, and why; which cannot be told from the best."""
        said = [f"recommended: {self.recommended}"] if self.best else []
        said += compared.in_words(self.accuracies())
        if self.gain and self.repeats[1:]:
            tie = "a tie" if self.gain.is_tie else "better" if self.gain.value > 0 else "worse"
            said.append(f"{self._first} less {SCRATCH}: {compared.points(self.gain)}, {tie}")
        what, kept = "draws of the labels", "the model and what is recommended"
        return said + repeated.in_words(self.random_state, self.repeats, what, kept)

    @property
    def gain(self) -> Difference | None:
        """How far the network (or the head alone) is ahead of the one from scratch."""
        return compared.ahead(self.tuned, self.scratch)

    @property
    def _first(self) -> str:
        return HEAD if self.frozen else FINETUNED

    @property
    def recommended(self) -> str:
        """Which network to take, and why; no held-out image has a say in it."""
        if not self.held_back:
            return f"{self.best}; there are too few labels to choose by" if self.best else ""
        shares = [f"{name} {each.accuracy:.0%}" for name, each in self.held_back.items()]
        n = next(iter(self.held_back.values())).n_test
        return f"{self.best}, by {n} labels held back from learning ({', '.join(shares)})"

    @property
    def note(self) -> str:  # type: ignore[override]
        """Which of the networks the model is."""
        return f"the model is {self.best}" if self.best else ""

    def table(self) -> list[dict[str, Any]]:
        """Return a record for every accuracy, with its 95 % interval."""
        return [
            {"network": name, "labels": each.n_labels, **ends_of(each)}
            | over_draws(each, self.repeats)
            for name, each in self.accuracies().items()
        ]

    def record(self) -> dict[str, Any]:
        """Return all figures, those of every network by its name."""
        facts = {"model": self.file or in_words(self.model), "labels": self.tuned.n_labels}
        facts |= {"labels_seen_before": self.labels_seen, **said_of(self.measured)}
        facts |= {"recommended": self.best, "why": self.recommended} if self.best else {}
        facts["compared"] = compared.as_record(self.accuracies())
        facts |= repeated.as_record(self.random_state, self.repeats)
        if self.gain and self.repeats[1:]:
            facts["gain"] = compared.ends_of(self.gain, "ahead")
        return facts | {name: each.record() for name, each in self.accuracies().items()}

    def save(self, path: str | Path, *, force: bool = False) -> Path:
        """Write the model, or figures and the chart, or all to a folder; see `Result.save`."""
        path = super().save(path, force=force)
        if path.suffix in ("", ".safetensors"):
            self.file = str(path if path.suffix else path / MODEL)
        return path

    def _to_safetensors(self, path: Path) -> None:
        self.model.save(path)

    def _to_folder(self, folder: Path) -> None:
        super()._to_folder(folder)
        self.model.save(folder / MODEL)

    def chart(self) -> Figure:
        """Return both accuracies with their intervals as a chart."""
        from isthmus.plots.accuracies import accuracy_chart

        return accuracy_chart(self.accuracies(), self.title, self.measured.name)

    def accuracies(self) -> dict[str, Accuracy]:
        """Return the accuracies by name."""
        known = {self._first: self.tuned, PROBE: self.probe, SCRATCH: self.scratch}
        return {name: each for name, each in known.items() if each is not None}

    @property
    def started_from(self) -> str:
        """What is to be said of the labels that the model started from had seen."""
        if self.labels_seen is None:
            return "the model started from learnt from labels, of how many it does not say"
        if self.labels_seen:
            return f"the model started from had learnt from {self.labels_seen:,} labels already"
        return "the model started from had seen no label"
