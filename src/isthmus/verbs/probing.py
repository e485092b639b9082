"""What probe returns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from isthmus.fitted.heldout import MeasuredOn
from isthmus.metrics import compared
from isthmus.metrics.few_labels import Point
from isthmus.metrics.labels import Accuracy
from isthmus.verbs.parameters import Model
from isthmus.verbs.repeated import in_words as in_words_of
from isthmus.verbs.result import Charted

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(repr=False)
class Probing(Charted):
    """What `probe` found.

    Attributes
    ----------
    model : str
        The model in words: its family and its code.
    source : str
        Where the images came from.
    accuracies : dict of str to Accuracy
        By the name of the probe.
    counted_on : MeasuredOn
        The images the accuracies were evaluated on, and whether the model had learnt from them;
        `measured` as well.
    curve : dict of str to list of Point
        Accuracy at growing numbers of labels, by the name of the probe; empty unless asked for.
    """

    table_name: ClassVar[str] = "probes"
    metric: ClassVar[str] = "accuracy"
    halves: ClassVar[bool] = True
    model: str
    source: str
    accuracies: dict[str, Accuracy]
    counted_on: MeasuredOn
    curve: dict[str, list[Point]] = field(default_factory=dict)

    @property
    def measured(self) -> MeasuredOn:
        """The images the accuracies were evaluated on."""
        return self.counted_on

    @property
    def scores(self) -> dict[str, Any]:
        """The model in words, and the accuracies by the name of the probe."""
        return {"model": self.model, **{k: a.accuracy for k, a in self.accuracies.items()}}

    @property
    def shown(self) -> int:
        """All rows: they are few."""
        return len(self.table())

    def chart(self) -> Figure:
        """Return the curve, or without one the accuracies with their intervals, as a chart."""
        from isthmus.plots.accuracies import accuracy_chart, label_chart

        n_test = next(iter(self.accuracies.values())).n_test
        if self.curve:
            return label_chart(self.curve, self.model, self.source, n_test, self.measured.name)
        n_labels = next(iter(self.accuracies.values())).n_labels
        title = f"What probes read off {self.model}: {self.source}, {n_labels:,} labels"
        return accuracy_chart(self.accuracies, title, self.measured.name)

    def remarks(self) -> list[str]:
        """Return which probes cannot be told from the best one."""
        kept = in_words_of(self.random_state, self.repeats, "draws of the labels", "settings")
        return compared.in_words(self.accuracies) + kept

    def record(self) -> dict[str, Any]:
        """Return all figures, how far probes are behind the best, and what a search has chosen."""
        settings = {kind: each.settings for kind, each in self.accuracies.items()}
        facts = {"source": self.source, "settings": settings, "images": self.measured.count}
        return super().record() | facts | {"compared": compared.as_record(self.accuracies)}

    def table(self) -> list[dict[str, Any]]:
        """Return everything found as records, of the accuracies and of the curve."""
        kept = [
            {
                "probe": kind,
                "labels": a.n_labels,
                "draws": len(a.fits) or 1,
                **ends_of(a),
                "interval": "95 %",
                **beside(kind, a),
                **over_draws(a, self.repeats),
            }
            for kind, a in self.accuracies.items()
        ]
        return kept + [
            {
                "probe": kind,
                "labels": p.n_labels,
                "draws": p.draws,
                **ends_of(p),
                "interval": "draws",
                **beside(kind),
                **over_draws(None, self.repeats),
            }
            for kind, line in self.curve.items()
            for p in line
        ]


def beside(kind: str, found: Accuracy | None = None) -> dict[str, Any]:
    """Return what stands beside an accuracy: by classes, by chance, and what was searched for."""
    figures = [found and found.balanced, found and found.macro_f1]
    balanced, f1 = (each and round(each.value, 6) for each in figures)
    chance = found and found.chance
    facts = {"balanced_accuracy": balanced, "macro_f1": f1, "most frequent class": chance}
    return facts | {"searched": "C, gamma" if kind == "svm" else "nothing"}


def ends_of(found: Accuracy | Point) -> dict[str, float]:
    """Return an accuracy and its interval as a table has them."""
    return {name: round(getattr(found, name), 6) for name in ("accuracy", "low", "high")}


def over_draws(found: Accuracy | None, repeats: Sequence[Any]) -> dict[str, float | None]:
    """Return half the interval of an accuracy over draws of the labels, if there are several."""
    half = found and found.over_fits
    return {"over_draws": None if half is None else round(half, 6)} if len(repeats) > 1 else {}


def in_words(model: Model) -> str:
    """Return what a model is in a few words: its family and its code."""
    return f"{type(model).__name__} ({model.code_})"
