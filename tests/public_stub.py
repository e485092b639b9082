"""Writes `src/isthmus/__init__.pyi`: where public names are, for type checkers and editors.

Run as ``python tests/public_stub.py`` after a family, a verb or another public name has come.
"""

from pathlib import Path

import isthmus

STUB = Path(isthmus.__file__).with_suffix(".pyi")


def text() -> str:
    """Return what the stub says by the tables of the package."""
    homes = sorted(isthmus._HOMES.items(), key=lambda item: (item[1], item[0]))
    lines = [f"from isthmus.{home} import {name} as {name}" for name, home in homes]
    return "\n".join(["# made by tests/public_stub.py", "", *lines, "", "__version__: str", ""])


if __name__ == "__main__":
    STUB.write_text(text(), encoding="utf-8")
