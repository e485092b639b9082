"""Charts as SVG by hand: a page of a dozen of them is drawn in no time, in the page's colours."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from html import escape

PAD = (54.0, 14.0, 14.0, 42.0)
"""Room for the axes: left, top, right, bottom."""
LETTER = 6.4
"""Width of a letter of the labels, about."""


class Axis:
    """One axis: from values to places on the chart, and its ticks.

    Parameters
    ----------
    low, high : float
        Ends of the values.
    start, end : float
        Their places.
    log : bool
        Whether it is logarithmic.
    whole : bool
        Whether ticks are at whole numbers only.
    margin : float
        Room at both ends, as a share of the span.

    Examples
    --------
    >>> axis = Axis(0, 10, 0, 100)
    >>> axis.at(5), axis.ticks(5)
    (50.0, [0.0, 2.0, 4.0, 6.0, 8.0, 10.0])
    """

    def __init__(
        self,
        low: float,
        high: float,
        start: float,
        end: float,
        *,
        log: bool = False,
        whole: bool = False,
        margin: float = 0.0,
    ):
        self.scale: Callable[[float], float] = math.log10 if log else float
        self.log, self.whole, self.start, self.end = log, whole, start, end
        low, high = self.scale(low), self.scale(high)
        room = margin * (high - low) or (0.5 if high == low else 0.0)
        self.low, self.high = low - room, high + room

    def at(self, value: float) -> float:
        """Return the place of a value."""
        share = (self.scale(value) - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)

    def ticks(self, most: int = 5) -> list[float]:
        """Return about so many round values."""
        if self.log:
            powers = range(math.floor(self.low), math.ceil(self.high) + 1)
            marks = (1, 2, 5) if self.high - self.low < 2.5 else (1,)
            found = [m * 10.0**p for p in powers for m in marks]
            found = [v for v in found if self.low - 1e-9 <= math.log10(v) <= self.high + 1e-9]
            return found[:: max(1, math.ceil(len(found) / (most + 2)))]
        rough = (self.high - self.low) / most
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(m * power for m in (1, 2, 5, 10) if m * power >= rough * 0.999)
        step = max(1.0, step) if self.whole else step
        first = math.ceil(self.low / step - 1e-9)
        count = math.floor(self.high / step + 1e-9) - first
        return [round(step * (first + i), 12) for i in range(count + 1)]


class Chart:
    """An SVG under construction: axes first, then what is drawn on them.

    Parameters
    ----------
    width, height : float
        Of the whole chart; it is scaled to the room that the page gives it.

    Examples
    --------
    >>> chart = Chart(200, 100)
    >>> x, y = chart.axes((0, 1), (0, 1), "time", "loss")
    >>> chart.line([(0, 1), (1, 0)], x, y, "#3b7dd8")
    >>> chart.text()[:5]
    '<svg '
    """

    def __init__(self, width: float = 420, height: float = 260):
        self.width, self.height, self.parts = width, height, list[str]()

    def axes(
        self,
        across: tuple[float, float],
        upwards: tuple[float, float],
        x_label: str,
        y_label: str,
        *,
        log: tuple[bool, bool] = (False, False),
        whole: bool = False,
        margins: tuple[float, float] = (0.0, 0.05),
    ) -> tuple[Axis, Axis]:
        """Draw both axes with ticks, a faint grid and labels, and return them."""
        left, top, right, bottom = PAD
        right, bottom = self.width - right, self.height - bottom
        x = Axis(*across, left, right, log=log[0], whole=whole, margin=margins[0])
        y = Axis(*upwards, bottom, top, log=log[1], margin=margins[1])
        for value in x.ticks():
            self.rule(x.at(value), top, x.at(value), bottom)
            self.label(x.at(value), bottom + 15, short(value), "middle")
        for value in y.ticks():
            self.rule(left, y.at(value), right, y.at(value))
            self.label(left - 6, y.at(value) + 4, short(value), "end")
        self.parts.append(
            f'<path d="M{left} {top}V{bottom:.1f}H{right:.1f}" fill="none" stroke="currentColor"/>'
        )
        self.label((left + right) / 2, self.height - 6, x_label, "middle")
        middle = (top + bottom) / 2
        self.parts.append(
            f'<text transform="translate(12 {middle:.1f}) rotate(-90)" '
            f'text-anchor="middle">{escape(y_label)}</text>'
        )
        return x, y

    def rule(self, x1: float, y1: float, x2: float, y2: float) -> None:
        """Draw a faint line of the grid."""
        self.parts.append(
            f'<path d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}" stroke="currentColor" '
            'stroke-opacity=".13"/>'
        )

    def line(
        self,
        points: Sequence[tuple[float, float]],
        x: Axis,
        y: Axis,
        colour: str,
        *,
        dashed: bool = False,
        width: float = 1.8,
        opacity: float = 1.0,
    ) -> None:
        """Draw a line through points; where one has no place the line has a gap."""
        path, pen = [], "M"
        for value, height in points:
            if not math.isfinite(height) or (y.log and height <= 0):
                pen = "M"
                continue
            path.append(f"{pen}{x.at(value):.1f} {y.at(height):.1f}")
            pen = "L"
        dashes = ' stroke-dasharray="5 4"' if dashed else ""
        self.parts.append(
            f'<path d="{"".join(path)}" fill="none" stroke="{colour}" stroke-width="{width}" '
            f'stroke-opacity="{opacity}" stroke-linejoin="round"{dashes}/>'
        )

    def dot(self, at: tuple[float, float], colour: str, radius: float = 4, **known: float) -> None:
        """Draw a dot at a place."""
        opacity = known.get("opacity", 1.0)
        self.parts.append(
            f'<circle cx="{at[0]:.1f}" cy="{at[1]:.1f}" r="{radius}" fill="{colour}" '
            f'fill-opacity="{opacity}"/>'
        )

    def label(self, x: float, y: float, text: str, anchor: str = "start") -> None:
        """Write text at a place."""
        self.parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
        )

    def box(self, x: float, y: float, width: float, height: float, colour: str) -> None:
        """Draw a filled rectangle."""
        self.parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.2f}" height="{height:.2f}" '
            f'fill="{colour}"/>'
        )

    def text(self) -> str:
        """Return the SVG."""
        return (
            f'<svg viewBox="0 0 {self.width:g} {self.height:g}" role="img" font-size="11.5" '
            f'fill="currentColor" font-family="sans-serif">{"".join(self.parts)}</svg>'
        )


def short(value: float) -> str:
    """Write the value of a tick.

    Examples
    --------
    >>> short(0.05), short(2000.0), short(25000.0), short(1e-07)
    ('0.05', '2,000', '25k', '1e-07')
    """
    if abs(value) >= 1e4:
        power, sign = (1e6, "M") if abs(value) >= 1e6 else (1e3, "k")
        return f"{value / power:,.4g}{sign}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
