"""Thirty-two characters of 7 rows and 5 columns, drawn for this project as they are printed here.

They are the ASCII codes 0x60 to 0x7f: the back-quote, a to z, braces, bar and tilde, and a full
block for the code DEL. All 32 differ, so a model with enough room can tell them all apart.
"""

from __future__ import annotations

import numpy as np

CHARACTERS = "`abcdefghijklmnopqrstuvwxyz{|}~\x7f"

DRAWINGS = """
.#... ..... #.... ..... ....# ..... ..##. .....
..#.. ..... #.... ..... ....# ..... .#..# .####
...#. .###. ####. .#### .#### .###. .#... #...#
..... ....# #...# #.... #...# #...# ###.. #...#
..... .#### #...# #.... #...# ##### .#... .####
..... #...# #...# #.... #...# #.... .#... ....#
..... .#### ####. .#### .#### .#### .#... .###.

#.... ..#.. ...#. #.... .##.. ..... ..... .....
#.... ..... ..... #.... ..#.. ..... ..... .....
####. .##.. ..##. #..#. ..#.. ##.#. ####. .###.
#...# ..#.. ...#. #.#.. ..#.. #.#.# #...# #...#
#...# ..#.. ...#. ##... ..#.. #.#.# #...# #...#
#...# ..#.. #..#. #.#.. ..#.. #.#.# #...# #...#
#...# .###. .##.. #..#. .###. #.#.# #...# .###.

..... ..... ..... ..... .#... ..... ..... .....
####. .#### ..... ..... .#... ..... ..... .....
#...# #...# #.##. .#### ####. #...# #...# #...#
#...# #...# ##..# #.... .#... #...# #...# #...#
####. .#### #.... .###. .#... #...# #...# #.#.#
#.... ....# #.... ....# .#..# #...# .#.#. #.#.#
#.... ....# #.... ####. ..##. .#### ..#.. .#.#.

..... ..... ..... ...## ..#.. ##... ..... #####
..... ..... ..... ..#.. ..#.. ..#.. ..... #####
#...# #...# ##### ..#.. ..#.. ..#.. .#... #####
.#.#. .#.#. ...#. .#... ..#.. ...#. #.#.# #####
..#.. ..#.. ..#.. ..#.. ..#.. ..#.. ...#. #####
.#.#. .#... .#... ..#.. ..#.. ..#.. ..... #####
#...# #.... ##### ...## ..#.. ##... ..... #####
"""


def glyph_array() -> np.ndarray:
    """Return the drawings as (32, 7, 5, 1) uint8, ink 255 on 0.

    Examples
    --------
    >>> glyph_array().shape
    (32, 7, 5, 1)
    """
    bands = [[row.split() for row in band.split("\n")] for band in DRAWINGS.strip().split("\n\n")]
    marks = [[[list(cell) for cell in row] for row in band] for band in bands]
    ink = np.array(marks) == "#"  # (4 bands, 7 rows, 8 characters, 5 columns)
    return ink.transpose(0, 2, 1, 3).reshape(32, 7, 5, 1).astype(np.uint8) * np.uint8(255)
