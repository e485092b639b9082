"""Colors of classes."""

from __future__ import annotations

import colorsys

AZIMUTHS, ELEVATION = (-60, 30), 22


COLOURS = (
    *("#3b7dd8", "#e8871e", "#1a9e77", "#d64550", "#8a63d2", "#2fb0cf"),
    *("#d8619f", "#98961a", "#9c6b43", "#7b8794", "#6aae3a", "#5257c4"),
)
"""Middle tones, so that they show on white and on black, ordered so that neighbours differ."""

UNLABELLED = "#6f8fb5"


def palette(n: int) -> list[str]:
    """Return `n` colours for classes: twelve chosen by hand, beyond that hues in three tones.

    Examples
    --------
    >>> palette(2), len(set(palette(102)))
    (['#3b7dd8', '#e8871e'], 102)
    """
    if n <= len(COLOURS):
        return list(COLOURS[:n])
    tones = ((0.52, 0.62), (0.40, 0.75), (0.64, 0.50))
    hues = [(i / n, *tones[i % 3]) for i in range(n)]
    rgb = [colorsys.hls_to_rgb(hue, light, saturation) for hue, light, saturation in hues]
    return ["#" + "".join(f"{round(255 * value):02x}" for value in colour) for colour in rgb]
