"""How far a share that was counted may be from the true one."""

from __future__ import annotations

import math


def wilson(right: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return Wilson's interval of a share: where the true one lies, by what was counted.

    ``(p + z^2 / 2n -+ z sqrt(p (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n)`` with ``p = right / n``
    and z the quantile of the normal distribution: the shares from which p is at most z standard
    errors away. Unlike ``p -+ z sqrt(p (1 - p) / n)`` it stays within 0 and 1 and has a width
    where p is 0 or 1.

    Parameters
    ----------
    right : int
        How many were right, 0 to `n`.
    n : int
        How many were counted, at least 1.
    confidence : float
        How often such an interval holds the true share, between 0 and 1.

    Returns
    -------
    (float, float)
        Its lower and its upper end.

    Raises
    ------
    ValueError
        If a number is out of its range.

    References
    ----------
    Wilson, "Probable inference, the law of succession, and statistical inference", 1927.

    Examples
    --------
    >>> [round(end, 4) for end in wilson(90, 100)]
    [0.8256, 0.9448]
    """
    from scipy.special import ndtri

    if n < 1 or not 0 <= right <= n:
        raise ValueError(f"right={right} of n={n}: expected at least 1 counted, 0 to n of them")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence={confidence} must be between 0 and 1, as 0.95")
    z, p = float(ndtri(0.5 + confidence / 2)), right / n
    middle, scale = p + z**2 / (2 * n), 1 + z**2 / n
    reach = z * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    low, high = (middle - reach) / scale, (middle + reach) / scale
    return max(0.0, min(p, low)), min(1.0, max(p, high))  # p lies within, rounding aside
