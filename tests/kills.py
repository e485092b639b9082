"""Kill and interrupt every long command at random moments, and look what is left of its work.

    python tests/kills.py --kills 100 --interrupts 40

Each command is run once in peace. Then it is begun again and again in folders of its own and
stopped at a random moment, and the same command is run once more. What was finished has to be
there after the stop, nothing temporary after the second run, and its result has to be that of the
run in peace, to the last bit. `tests/test_kills.py` does two, at moments that no clock chooses.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CHILD = """
import sys
class Hook:  # patches what the commands import, when they do: an interrupt meets them alone
    def find_spec(self, name, path=None, target=None):
        if name == "isthmus.data.folder":
            import isthmus.data.cache as cache
            cache.memory_allowed = lambda: 0  # images are packed on disk
        if name == "isthmus.training.epochs":
            import isthmus.training.checkpoints as checkpoints
            checkpoints.CHECKPOINT_SECONDS = 0.2
{at}
sys.meta_path.insert(0, Hook())
from isthmus.cli import start
start()
"""
"""The program isthmus, on small machines."""


@dataclass
class Command:
    """A long command.

    Attributes
    ----------
    words : str
        As it is typed.
    again : str
        Words that are added the second time.
    results : callable
        What the folder it ran in holds, to be compared.
    finished : callable
        Raises if what lies under its final name is not whole.
    """

    words: str
    again: str = ""
    results: Callable[[Path], Any] = field(default=lambda folder: files(folder))
    finished: Callable[[Path], Any] = field(default=lambda folder: None)


def files(folder: Path) -> dict[str, bytes]:
    """Return all files of a folder that say nothing of when they were made."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "command.json"
    }


def weights(folder: Path) -> dict[str, Any]:
    """Return what models have learned, and the scores of studies but for seconds and memory."""
    from safetensors.numpy import load_file

    found: dict[str, Any] = {}
    for path in sorted(folder.rglob("*.safetensors")):
        tensors = load_file(path)
        found[path.name] = {name: values.tobytes() for name, values in sorted(tensors.items())}
    for path in folder.rglob("scores.json"):
        for row in json.loads(path.read_text())["scores"]:
            found[row["model"]] = {k: v for k, v in row.items() if k not in PASSING}
    return found


PASSING = ("seconds", "peak_memory_mb", "parameters")


def figures(folder: Path) -> dict[str, Any]:
    """Return what recipes have found, but how long that took."""
    found = {}
    for path in folder.rglob("result.json"):
        result = json.loads(path.read_text())
        rows = [(row["what"], row["ours"]) for row in result["figures"]]
        found[result["recipe"]] = [row for row in rows if "second" not in row[0]]
        found |= {p.name: p.read_bytes() for p in sorted(path.parent.glob("*.png"))}
    return found


def study_is_whole(folder: Path) -> list[str]:
    """Return the models of a study, all of which have to be there."""
    import isthmus as ist

    if not (folder / "s").is_dir():
        return []
    found = ist.load_study(folder / "s")
    return [name for name in found.models if found.models[name] is not None]


def loads(folder: Path) -> None:
    """Load every model and compressed file there is."""
    import isthmus as ist

    for path in folder.glob("*.safetensors"):
        ist.load_model(path)
    for path in folder.glob("*.isth"):
        ist.decompress(path)


def unpacked(folder: Path) -> dict[str, bytes]:
    """Return the compressed file."""
    return {path.name: path.read_bytes() for path in folder.glob("*.isth")}


NETWORK = "--hidden 64 --latent-dim 4"
COMMANDS = {
    "fit": Command(
        f"fit autoencoder digits -o ae.safetensors {NETWORK} --epochs 40 --checkpoint fit.ckpt",
        "--force", weights, loads,
    ),
    "study": Command(
        "study digits --models kmeans,pca,nmf,autoencoder --width 4 --max-steps 300 -o s",
        "--resume", weights,
        study_is_whole,
    ),
    "compress": Command(
        "compress {given}/pca.safetensors digits -o d.isth", "--force", unpacked, loads
    ),
    "reproduce": Command("reproduce e-glyphs --share 0.02 -o r", "", figures),
    "packing": Command("data {given}/photos --size 32 --json", "", lambda folder: None),
    "export": Command("export {given}/pca.safetensors digits -o e -n 300", "--force", files),
}  # fmt: skip


def prepared(given: Path) -> None:
    """Make what commands are given: a model, and a folder of pictures."""
    import numpy as np
    from PIL import Image

    import isthmus as ist

    ist.PCA(8, random_state=0).fit(ist.load_images("digits").train).save(given / "pca.safetensors")
    photos, rng = given / "photos", np.random.default_rng(0)
    photos.mkdir()
    for i in range(600):
        picture = rng.integers(0, 255, (6, 6, 3), dtype=np.uint8)
        Image.fromarray(picture).resize((200, 200)).save(photos / f"{i:04d}.png")


def begun(words: str, folder: Path, at: str = "") -> subprocess.Popen[str]:
    """Begin a command in a folder, with a cache of its own; `at` is code that is to stop it."""
    folder.mkdir(parents=True, exist_ok=True)
    more = {"ISTHMUS_CACHE": str(folder / "cache"), "OMP_NUM_THREADS": "1"}
    child = [sys.executable, "-c", CHILD.format(at=at), *shlex.split(words)]
    return subprocess.Popen(
        child, cwd=folder, env=os.environ | more, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip


def left_over(folder: Path) -> list[str]:
    """Return the names of temporary files below a folder."""
    from isthmus.system.leftovers import is_temporary

    return [str(path) for path in folder.rglob("*") if is_temporary(path.name)]


def stopped(
    name: str, given: Path, root: Path, number: int, after: float
) -> tuple[Path, int, str]:
    """Stop a command by a signal after a time; return its folder, exit code and words."""
    folder = root / f"{name}-{random.randrange(10**9)}"
    process = begun(COMMANDS[name].words.format(given=given), folder)
    try:
        process.wait(after)
    except subprocess.TimeoutExpired:
        process.send_signal(number)
    _, err = process.communicate(timeout=300)
    return folder, process.returncode, err


def faults(name: str, given: Path, folder: Path, peace: Any) -> Iterator[str]:
    """Yield what is wrong after a stop, and after the same command once more."""
    command = COMMANDS[name]
    try:
        command.finished(folder)
    except Exception as error:
        yield f"not whole after the stop: {error}"
    again = begun(f"{command.words.format(given=given)} {command.again}", folder)
    _, err = again.communicate(timeout=300)
    if again.returncode:
        yield f"the second run ended with {again.returncode}: {err[-300:]}"
    elif command.results(folder) != peace:
        yield "the second run has another result"
    if left := left_over(folder):
        yield f"left over: {left}"


def by_signal(code: int, err: str, number: int) -> Iterator[str]:
    """Yield what is wrong with how an interrupted command ended."""
    expected = {signal.SIGINT: 130, signal.SIGTERM: 143}[signal.Signals(number)]
    if code not in (0, expected):
        yield f"exit code {code}"
    if "Traceback" in err:
        yield f"a traceback: {err[-600:]}"
    last = err.strip().splitlines()[-1:] or [""]
    if code == expected and not last[0].startswith(
        ("isthmus: interrupted", "isthmus: terminated")
    ):
        yield f"the last line is {last[0]!r}"


def campaign(kills: int, interrupts: int, names: list[str], root: Path) -> dict[str, Any]:
    """Carry it out; return the figures."""
    given = root / "given"
    given.mkdir()
    prepared(given)
    counted: dict[str, Any] = {}
    for name in names:
        folder = root / f"{name}-peace"
        started = time.monotonic()
        process = begun(COMMANDS[name].words.format(given=given), folder)
        _, err = process.communicate()
        took = time.monotonic() - started
        if process.returncode:
            raise SystemExit(f"{name} fails in peace: {err}")
        peace = COMMANDS[name].results(folder)
        plan = [signal.SIGKILL] * -(-kills // len(names))
        plan += [
            (signal.SIGINT, signal.SIGTERM)[i % 2] for i in range(-(-interrupts // len(names)))
        ]
        row: dict[str, Any] = {"seconds": round(took, 1), "stops": 0, "too late": 0, "faults": []}
        for number in plan:
            folder, code, err = stopped(name, given, root, number, random.uniform(0, took))
            row["stops"] += code != 0
            row["too late"] += code == 0
            said = [] if number == signal.SIGKILL else by_signal(code, err, number)
            row["faults"] += [f"{number.name}: {f}" for f in said]
            row["faults"] += [f"{number.name}: {f}" for f in faults(name, given, folder, peace)]
            shutil.rmtree(folder)
        counted[name] = row
        print(name, json.dumps(row), flush=True)
    return counted


def main() -> None:
    """Read what is asked for, and say what was found."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--interrupts", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("names", nargs="*", default=list(COMMANDS))
    asked = parser.parse_args()
    random.seed(asked.seed)
    with tempfile.TemporaryDirectory() as root:
        found = campaign(asked.kills, asked.interrupts, asked.names, Path(root))
    sys.exit(any(row["faults"] for row in found.values()))


if __name__ == "__main__":
    main()
