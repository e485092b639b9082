"""The plan of a study: how a time budget is shared out among models.

Pure functions of what there is to fit and of the seconds there are; `Schedule` alone looks at a
clock, which can be given.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from isthmus.data.images import Images
from isthmus.studies.needs import FEWEST, MAIN, OTHER, Need
from isthmus.system.pace import Pace

FIT_SHARE = 0.6
"""Share of a time budget that is for fitting, at least; the rest is for measuring and drawing."""
AIM = 0.96
"""Share of a time budget at which a study means to be over."""
SCANT = 0.5
"""Share of the least time for a model that it is given where nothing else can use that."""
EARLY = 0.06
"""Share of a time budget that is left where a study is over too early."""
CLOSING = 0.8
"""Seconds that a report takes beside its models: libraries, the page, files."""
LAST = 0.5
"""Those of them that are taken when all is drawn: the page, files, the end of the process."""
LONGER = 10
"""Times its usual steps a network that keeps its best may take where a budget was asked for."""


@dataclass(frozen=True)
class Effort:
    """How much is measured and drawn of every model.

    Attributes
    ----------
    most : int
        Held-out images measured and training labels learnt from, at most.
    probes : tuple of str
        The probes.
    mapped : int
        Held-out images on a map by t-SNE; of none it is a projection.
    """

    most: int
    probes: tuple[str, ...] = ("knn", "linear", "svm")
    mapped: int = 500

    def measuring(self, need: Need, classes: int = 10) -> float:
        """Return the seconds of measuring a model; probes learn to tell so many classes apart."""
        read = 2 * (0.02 + 0.05 * self.most / 2000) * (0.7 + 0.03 * classes)
        if "svm" in self.probes:  # of rare classes nothing is sought
            read += (0.1 + 0.25 * self.most / 2000) * (0.85 + 0.015 * classes)
        read = read if classes else 0.0
        return 0.06 + read + 0.0003 * min(self.most, need.tested) * need.size

    def drawing(self, need: Need) -> float:
        """Return the seconds of drawing it."""
        return 0.1 + 0.03 * min(need.size, 10.0) + 0.0009 * min(self.mapped, need.tested)

    def after(self, need: Need, classes: int = 10) -> float:
        """Return the seconds of measuring and drawing it."""
        return self.measuring(need, classes) + self.drawing(need)


PASSED = 1.5e6
"""Numbers in the images that a model learns from, at most, for every second of a budget."""
EFFORTS = (
    Effort(2000),
    Effort(1000, mapped=400),
    Effort(500, ("knn", "linear"), 300),
    Effort(200, ("knn", "linear"), 0),
)
"""From thorough to hasty: accuracies are within 2, 3, 4 and 7 points (95 %)."""


def shares(needs: Sequence[Need], seconds: float) -> dict[str, float]:
    """Return the seconds of fitting of every model: by weight, within least and enough.

    All have their least; then they become good, the main ones first; then all gain what they can.
    What one leaves the others take: all get their weight times the same number of
    seconds, within these bounds.

    Examples
    --------
    >>> needs = [Need("a"), Need("b", enough=99.0), Need("c", enough=99.0, weight=3.0)]
    >>> shares(needs, 41)
    {'a': 1.0, 'b': 10.0, 'c': 30.0}
    """
    low = {need.name: need.least for need in needs}
    if (total := sum(low.values())) >= seconds:
        return {name: share * max(0.0, seconds) / total for name, share in low.items()}
    for rank in (MAIN, OTHER, math.inf):
        high = low | {need.name: need.well for need in needs if need.rank <= rank}
        if sum(high.values()) > seconds:
            return _levelled(needs, low, high, seconds)
        low = high
    return _levelled(needs, low, {need.name: need.enough for need in needs}, seconds)


def _levelled(
    needs: Sequence[Need], least: dict[str, float], most: dict[str, float], seconds: float
) -> dict[str, float]:
    """Return shares by weight that take all the seconds, if they may, each within bounds."""

    def at(level: float) -> dict[str, float]:
        return {n.name: min(most[n.name], max(least[n.name], n.weight * level)) for n in needs}

    if sum(most.values()) <= seconds:
        return most
    low, high = 0.0, seconds / min(n.weight for n in needs)
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if sum(at(middle).values()) <= seconds else (low, middle)
    return {name: round(share, 6) for name, share in at(low).items()}


def affordable(
    needs: Sequence[Need], after: Mapping[str, float], seconds: float, fewest: int = 1
) -> list[str]:
    """Return which models are worth fitting in that time, by rank, in the order given.

    Each is given its least, and all others what makes them good before there is another form of
    one of them; measuring and drawing take no time that fitting is to have. So many always are.

    Examples
    --------
    >>> needs = [Need("gan", 2, least=30.0), Need("pca", 1), Need("vae", 2, least=5.0)]
    >>> affordable(needs, dict.fromkeys(["gan", "pca", "vae"], 2.0), 12.0)
    ['pca', 'vae']
    """
    kept: list[Need] = []
    for need in sorted(needs, key=lambda need: need.rank):
        tried = [*kept, need]
        late = sum(after[n.name] for n in tried)
        asked = sum(n.well if n.rank <= OTHER < need.rank else n.least for n in tried)
        used = min(FIT_SHARE * seconds, sum(n.enough for n in tried))
        if late + asked <= seconds and late <= seconds - used:
            kept = tried
    kept = kept or sorted(needs, key=lambda need: need.rank)[:fewest]
    return [need.name for need in needs if need in kept]


def effort_for(needs: Sequence[Need], seconds: float, classes: int) -> Effort:
    """Return the most thorough effort at which all models leave enough time for fitting.

    Examples
    --------
    >>> [effort_for([Need("pca")], seconds, 10).most for seconds in (0.5, 60)]
    [200, 2000]
    """
    for effort in EFFORTS:
        late = sum(effort.after(need, classes) for need in needs)
        if late <= (1 - FIT_SHARE) * seconds:
            return effort
    return EFFORTS[-1]


@dataclass
class Schedule:
    """What is to be fitted in a time budget, and what of it is left.

    Parameters
    ----------
    needs : list of Need
        All models, in the order they are fitted.
    seconds : float or None
        The budget; None does without.
    classes : int
        That probes tell apart; 0 where there are no labels.
    began : float
        When the study began, by the clock.
    must : bool
        Whether all models are to be fitted, whatever is left for each.
    load : float
        Seconds that pass in one of work, as a first guess.
    rounds : int
        How often all models are to be fitted, each time in its share of the budget.
    clock, worked : callable
        Where the time comes from, and that in which this thread has worked.

    Attributes
    ----------
    effort : Effort
        How much of every model is measured and drawn.
    kept, left_out : list of str
        Models that are fitted, and those for which there is no time.
    """

    needs: list[Need]
    seconds: float | None
    classes: int = 10
    began: float = 0.0
    must: bool = False
    load: float = 1.0
    rounds: int = 1
    clock: Callable[[], float] = time.monotonic
    worked: Callable[[], float] = time.thread_time
    effort: Effort = EFFORTS[0]
    kept: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._pace = Pace(self.load, self.clock, self.worked)
        self._waiting, self._over = list(self.needs), list[Need]()
        self.kept = [need.name for need in self.needs]
        if self.seconds is not None:
            # settled once: probes that learn from other labels do not compare
            self.effort = effort_for(self.needs, self._quiet(), self.classes)
            self._choose()

    @property
    def pace(self) -> float:
        """Seconds that pass in one of a quiet machine, as it seems by now."""
        return self._pace.now

    @property
    def waiting(self) -> list[str]:
        """Models that have not begun, whether there is time for them or not."""
        return [need.name for need in self.needs if need not in self._over]

    def take_over(self, names: Collection[str], spent: float) -> None:
        """Note that models are there from before, when so many seconds were spent."""
        self.began -= spent
        self._over += [need for need in self.needs if need.name in names]
        self._choose()

    def left(self) -> float:
        """Return the seconds until the whole study is to be over, its report included."""
        if self.seconds is None:
            return math.inf
        return AIM * self.seconds / self.rounds - (self.clock() - self.began)

    def spare(self) -> float:
        """Return the seconds in which models that are over can be fitted again."""
        return math.inf if self.seconds is None else self.pace * self._quiet()

    def planned(self) -> dict[str, float]:
        """Return the seconds that every waiting model would be fitted for, by now."""
        seconds = self._quiet() - sum(self._after(need) for need in self._waiting)
        found = shares(self._waiting, seconds)
        return {name: share * self.pace for name, share in found.items()}

    def following(self) -> str | None:
        """Return the model to fit next; None where there is no time for any that is left.

        What there seemed to be no time for is looked at again: others may have taken less.
        """
        self._choose()
        return self._waiting[0].name if self._waiting else None

    def begin(self, name: str) -> float:
        """Return the seconds that a model has for its fit."""
        given = math.inf
        self._pace.look()
        if self.seconds is not None:
            given = max(0.1, self.planned().get(name, 0.0)) + self._spare()
            given += min(self.pace * self._starting(name), max(0.0, self.left() - given))
        self._over.append(self._need(name))
        self._waiting = [need for need in self._waiting if need.name != name]
        return given

    def fitted(self) -> None:
        """Note that a model is fitted, and is going to be measured."""
        self._pace.look()

    def measured(self, name: str) -> None:
        """Note that a model was measured: what that took tells how fast the machine is by now."""
        thought = self.effort.measuring(self._need(name), self.classes)
        self._pace.compare(self._pace.look(), thought)

    def affords(self, name: str, images: Images, seconds: float, by_steps: bool = False) -> int:
        """Return how many of the images a model can learn from in that time.

        Of networks it is steps that take it; but every model goes over the images once or twice.
        """
        if self.seconds is None:
            return len(images)
        passed = int(PASSED * self.seconds / math.prod(images.shape[1:]))
        share = 1.0 if by_steps else seconds / (self._need(name).enough * self.pace)
        share = 1.0 if share > 0.9 else share  # a few images are not worth a word
        return max(FEWEST, min(passed, int(len(images) * share)))

    def for_maps(self) -> float:
        """Return the seconds until which maps may be laid out; what else is drawn comes after."""
        if not self.effort.mapped:
            return 0.0
        plain = Effort(0, (), 0)
        rest = sum(plain.drawing(need) for need in self._over)
        seconds = self.left() - self.pace * (CLOSING + rest)
        one = max(
            (self.effort.drawing(need) - plain.drawing(need) for need in self._over), default=0
        )
        return seconds if seconds > self.pace * one else 0.0

    def is_late(self) -> bool:
        """Return whether no more pictures are to be drawn, for the report to be there in time."""
        return self.left() < self.pace * LAST

    def is_early(self) -> bool:
        """Return whether much of the time is left, and nothing to be fitted in it."""
        return (
            self.seconds is not None and not self.left_out and self.left() > EARLY * self.seconds
        )

    def left_in_words(self) -> str:
        """Return how much time is left, as the end of a sentence."""
        return "" if self.seconds is None else f", {max(0.0, self.left()):.0f} s left"

    def announced(self, source: str) -> str:
        """Return what is going to be done, and how long it takes, in a line."""
        models = f"{len(self.kept)} models of {source}"
        if self.seconds is None:
            return f"{models}: {', '.join(self.kept)}"
        late = sum(self._after(need) for need in self._waiting) + CLOSING
        total = AIM * self.seconds - self.left() + sum(self.planned().values()) + self.pace * late
        return f"{models}, about {min(total, self.seconds):.0f} s: {', '.join(self.kept)}"

    def _need(self, name: str) -> Need:
        return next(need for need in self.needs if need.name == name)

    def _after(self, need: Need) -> float:
        return self.effort.after(need, self.classes)

    def _quiet(self) -> float:
        """Return what is left for the waiting models, in seconds of a quiet machine."""
        drawn = sum(self.effort.drawing(need) for need in self._over)
        return self.left() / self.pace - CLOSING - drawn - self._starting()

    def _spare(self) -> float:
        """Return the seconds that no waiting model is thought to need, for one of them.

        What a model needs is a guess: where there is time it goes on until its steps are done.
        """
        needed = sum(self._after(need) + need.enough for need in self._waiting)
        return self.pace * max(0.0, self._quiet() - needed) / max(1, len(self._waiting))

    def _starting(self, name: str = "") -> float:
        """Return the seconds that the first network, or that of a name, takes to start."""
        waiting = [need.starting for need in self._waiting if name in ("", need.name)]
        over = [need.starting for need in self._over]
        return max(0.0, max(waiting, default=0.0) - max(over, default=0.0))

    def _choose(self) -> None:
        """Settle which of the models that are not over there is time for."""
        rest = [need for need in self.needs if need not in self._over]
        if self.seconds is not None and not self.must:
            self._waiting = rest  # the first network among them takes longer
            after = {need.name: self._after(need) for need in rest}
            kept = affordable(rest, after, self._quiet(), fewest=0 if self._over else 1)
            if not kept:  # little time for a model is better than none
                scant = [replace(need, least=SCANT * need.least) for need in rest]
                kept = affordable(scant, after, self._quiet(), fewest=0)[:1]
            rest = [need for need in rest if need.name in kept]
        self._waiting, there = rest, {need.name for need in (*self._over, *rest)}
        self.kept = [need.name for need in self.needs if need.name in there]
        self.left_out = [need.name for need in self.needs if need.name not in there]
