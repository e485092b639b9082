"""Numbers as a person reads them: significant digits, percentages, seconds."""

from __future__ import annotations

import math


def significant(value: float, digits: int = 3) -> str:
    """Write a number with a few significant digits, never as a power of ten where that is long.

    Examples
    --------
    >>> significant(0.0123456), significant(1234.5), significant(2.5e-7)
    ('0.0123', '1,234', '2.50e-07')
    """
    if value == 0:
        return "0"
    if abs(value) < 1e-4:
        return f"{value:.{digits - 1}e}"
    return f"{value:,.{max(0, digits - 1 - math.floor(math.log10(abs(value))))}f}"


def percent(value: float) -> str:
    """Write a share of one as a percentage.

    Examples
    --------
    >>> percent(0.9725)
    '97.2 %'
    >>> percent(0.0002)
    'less than 0.1 %'
    """
    return "less than 0.1 %" if 0 < value < 0.0005 else f"{100 * value:.1f} %"


def brief(value: float) -> str:
    """Write a time in seconds, no finer than it can be repeated.

    Examples
    --------
    >>> brief(0.0004), brief(0.519), brief(12.34), brief(1234.5)
    ('<0.01', '0.52', '12.3', '1,234')
    """
    if value < 0.01:
        return "<0.01"
    return f"{value:,.{2 if value < 10 else 1 if value < 100 else 0}f}"


def short(value: object) -> str:
    """Return any figure as a person reads it.

    Examples
    --------
    >>> short(1797), short(0.123456), short(None), short([3, 8])
    ('1797', '0.1235', '-', '3, 8')
    """
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, dict):
        return ", ".join(f"{key} {short(each)}" for key, each in value.items())
    return ", ".join(map(short, value)) if isinstance(value, list | tuple) else str(value)
