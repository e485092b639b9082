"""What a metric is: its unit, which way is better, and what a study can compute it from."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from isthmus.metrics.intervals import Estimate
from isthmus.metrics.needs import NEEDS
from isthmus.metrics.units import brief, percent, significant

ANOMALIES = "Anomalies"
RECONSTRUCTION, SAMPLES, PROBES = "Reconstruction", "Samples", "Labels from codes"
CLUSTERS, COST, VERBS = "Clusters", "Cost", "Of a verb alone"
DISENTANGLED, LIKELIHOOD, UNITS = "Disentanglement", "Likelihood", "Units of a map"


@dataclass(frozen=True)
class Metric:
    """One line of the table.

    Attributes
    ----------
    key : str
        Its name in scores, files and JSON.
    title : str
        Its name in tables.
    group : str
        Under which heading it stands.
    unit : str
        Its unit; "%" of a share, which is 0 to 1 and written as a percentage; "" if it has none.
    better : {"higher", "lower"}
        Which way is better.
    function : str
        The function of `isthmus.metrics`, as ``module.name``. It returns a number, an `Estimate`,
        or None; "" where what is needed is the figure itself.
    needs : tuple of str
        What the function is given, in this order: names of `NEEDS`, if a study is to compute it.
    scale : str
        The unit in words.
    meaning : str
        What it says, in a sentence or two.
    decimals : int or None
        Decimals that are written; None for three significant digits.
    """

    key: str
    title: str
    group: str
    unit: str
    better: str
    function: str
    needs: tuple[str, ...]
    scale: str
    meaning: str
    decimals: int | None = None

    @property
    def arrow(self) -> str:
        """Direction of better values."""
        return "↓" if self.better == "lower" else "↑"

    @property
    def hint(self) -> str:
        """The words of a tooltip."""
        return f"{self.meaning} Unit: {self.scale}. {self.better.capitalize()} is better."

    @property
    def heading(self) -> str:
        """Title, unit and direction, for the head of a column."""
        unit = f", {self.unit}" if self.unit not in ("", "%") else ""
        return f"{self.title}{unit} {self.arrow}"

    @property
    def studied(self) -> bool:
        """Whether a study computes it."""
        return set(self.needs) <= set(NEEDS)

    def write(self, value: float) -> str:
        """Write a value without its unit; a share as a percentage."""
        if not math.isfinite(value):
            return "∞" if value > 0 else "\N{EN DASH}"
        if self.unit in ("%", "s"):
            return percent(value) if self.unit == "%" else brief(value)
        return significant(value) if self.decimals is None else f"{value:,.{self.decimals}f}"

    def said(self, value: float) -> str:
        """Write a value with its unit."""
        return self.write(value) + (f" {self.unit}" if self.unit not in ("", "%") else "")

    def of(self, known: Mapping[str, Any]) -> Estimate | None:
        """Compute it from what is known; None where something that it needs is not."""
        given = []
        for name in self.needs:  # what costs most comes last, and is not asked for in vain
            if (value := known[name]) is None:
                return None
            given.append(value)
        found = self.compute(*given)
        return found if found is None or isinstance(found, Estimate) else Estimate(float(found))

    def compute(self, *given: Any) -> Any:
        """Call the function of the metric with what it needs."""
        if not self.function:
            return given[0].get(self.key) if isinstance(given[0], Mapping) else given[0]
        module, _, name = self.function.rpartition(".")
        return getattr(import_module(f"isthmus.metrics.{module}"), name)(*given)
