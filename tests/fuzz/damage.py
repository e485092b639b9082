"""Change one byte of a model, a checkpoint, a map and a .isth file, at many places, one by one.

``python tests/fuzz/damage.py --places 2000`` prints a table for `bench/fuzz.md`: at how many of
the places, evenly spaced over the whole file, reading it said in one line that it is damaged.
"""

import argparse
import os
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
from fuzz import targets
from fuzz.run import EXPECTED


def noticed(path, read, places, rng):
    """Yield for each place whether another byte there is noticed."""
    content = path.read_bytes()
    for at in np.linspace(0, len(content) - 1, min(places, len(content))).astype(int).tolist():
        changed = bytearray(content)
        changed[at] ^= int(rng.integers(1, 256))
        path.write_bytes(changed)
        try:
            read(path)
        except EXPECTED as error:
            yield at, "\n" not in str(error)
        else:
            yield at, False
    path.write_bytes(content)


def main():
    """Damage files, and say what was noticed."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--places", type=int, default=2000, help="of each file")
    parser.add_argument("--seed", type=int, default=0, help="of what the bytes become")
    given = parser.parse_args()
    os.environ["ISTHMUS_CACHE"] = tempfile.mkdtemp(prefix="isthmus-damage-")
    warnings.simplefilter("ignore")
    print("| file | bytes | places | noticed |\n|---|---:|---:|---:|")
    missed = 0
    for name in (each for each, target in targets.TARGETS.items() if target.sealed):
        with tempfile.TemporaryDirectory() as folder:
            path = max(
                targets.seeds_of(name, Path(folder, "seeds")), key=lambda seed: seed.stat().st_size
            )
            rng = np.random.default_rng(given.seed)
            found = list(noticed(path, targets.TARGETS[name].read, given.places, rng))
            told = sum(well for _, well in found)
            print(f"| {name} | {path.stat().st_size:,} | {len(found):,} | {told:,} |", flush=True)
        missed += len(found) - told
        for at in [at for at, well in found if not well][:10]:
            print(f"{name}: byte {at} was not noticed", file=sys.stderr)
    sys.exit(min(missed, 1))


if __name__ == "__main__":
    main()
