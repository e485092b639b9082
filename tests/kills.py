"""Kill and interrupt every long command at random moments, and look what is left of its work.

    python tests/kills.py --kills 108 --interrupts 42 > bench/kills.md

Each command is run once in peace. Then it is begun again and again in folders of its own and
stopped: by the clock, while it is still being imported, and just before one of the changes that it
makes to files, which finds the last write as often as any. The same command is run once more. What
was finished has to be there after the stop, nothing temporary after the second run, and its result
has to be that of the run in peace, to the last bit. A stop that came too late counts for nothing
and is tried again. `tests/test_kills.py` does two, at moments that no clock chooses.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import re
import shlex
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

PASSING = ("seconds", "memory", "code_rate", "file_kb", "parameters")
"""What the scores of a study hold that another run need not find again."""
MOMENTS = ("change", "clock", "change", "import", "change", "clock")
"""What chooses the moments of stops, in turns."""
CHANGES = frozenset({
    "open", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.chmod", "os.truncate",
    "os.utime", "tempfile.mkstemp", "tempfile.mkdtemp", "shutil.rmtree",
})  # fmt: skip
"""Events of Python before which a command may be stopped; of `open` those that write."""
PROGRESS = re.compile(r"isthmus: [^;]* [\d,]+/[\d,]+")
"""What a long command says on the way: more of it where the machine is slow."""
TRIES, PATIENCE = 4, 300.0
"""Stops for one that is in time, and seconds that a command may take."""


def nothing() -> None:
    """Do what is done to commands that are not to be stopped."""


def files(folder: Path) -> dict[str, bytes]:
    """Return all files of a folder that say nothing of when they were made."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "command.json"
    }


def no_files(folder: Path) -> dict[str, bytes]:
    """Return nothing: what there is may be written anew."""
    return {}


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
        What lies there under final names and has to stay; raises if it is not whole.
    """

    words: str
    again: str = ""
    results: Callable[[Path], dict[str, Any]] = field(default=files)
    finished: Callable[[Path], dict[str, bytes]] = field(default=no_files)


def weights(folder: Path) -> dict[str, Any]:
    """Return what models have learned, and the scores of studies but for seconds and memory."""
    from safetensors.numpy import load_file

    found: dict[str, Any] = {}
    for path in sorted(folder.rglob("[!.]*.safetensors")):
        tensors = load_file(path)
        found[path.name] = {name: values.tobytes() for name, values in sorted(tensors.items())}
    for path in folder.rglob("scores.json"):
        for row in json.loads(path.read_text())["scores"]:
            found[row["model"]] = {
                k: v for k, v in row.items() if not any(part in k for part in PASSING)
            }
    return found


def figures(folder: Path) -> dict[str, Any]:
    """Return what recipes have found, but how long that took."""
    found: dict[str, Any] = {}
    for path in folder.rglob("result.json"):
        result = json.loads(path.read_text())
        rows = [(row["what"], row["ours"]) for row in result["figures"]]
        found[result["recipe"]] = [row for row in rows if "second" not in row[0]]
        found |= {p.name: p.read_bytes() for p in sorted(path.parent.glob("*.png"))}
    return found


def study_is_whole(folder: Path) -> dict[str, bytes]:
    """Return the files of the models of a study that are measured; all there are have to load."""
    import isthmus as ist

    if not (folder / "s").is_dir():
        return {}
    found = ist.load_study(folder / "s")
    assert all(model is not None for model in found.models.values())
    return {
        f"s/models/{name}.safetensors": (
            folder / "s" / "models" / f"{name}.safetensors"
        ).read_bytes()
        for name in (record["model"] for record in found.scores)
    }


def loads(folder: Path) -> dict[str, bytes]:
    """Load every model and compressed file there is: they are written anew the second time."""
    import isthmus as ist

    for path in folder.glob("[!.]*.safetensors"):
        ist.load_model(path)
    for path in folder.glob("[!.]*.isth"):
        ist.decompress(path)
    return {}


def recipes(folder: Path) -> dict[str, bytes]:
    """Return the files of recipes that are finished, all of which have to be there."""
    for path in (folder / "r").glob("[!.]*"):
        assert (path / "result.json").is_file(), f"{path.name} is half of a recipe"
    figures(folder)
    return {}


def cached(folder: Path) -> dict[str, bytes]:
    """Return what is packed."""
    import numpy as np

    for path in (folder / "cache" / "images").glob("[!.]*.npy"):
        np.load(path)
    return {}


NETWORK = "--hidden 64 --latent-dim 4"
COMMANDS = {
    "fit": Command(
        f"fit autoencoder digits -o ae.safetensors {NETWORK} --epochs 40 --checkpoint fit.ckpt",
        "--force", weights, loads,
    ),
    "study": Command(
        "study digits --models kmeans,pca,nmf,autoencoder --width 4 --max-steps 60 -o s",
        "--resume", weights, study_is_whole,
    ),
    "compress": Command(
        "compress {given}/pca.safetensors digits -o d.isth", "--force", files, loads
    ),
    "reproduce": Command("reproduce e-glyphs --share 0.02 -o r", "--force", figures, recipes),
    "packing": Command("data {given}/photos --size 32 --json", "", files, cached),
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


@dataclass
class Process:
    """A command that is running in a folder."""

    pid: int
    said: Path

    def ends(self, seconds: float = PATIENCE) -> int | None:
        """Wait; return the exit code, negative after a signal, None if it still runs."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.005)
        return None

    def words(self) -> str:
        """Return what it wrote on standard error."""
        return self.said.read_text()


def begun(
    words: str, folder: Path, before: Callable[[], Any] = nothing, *, anew: bool = False
) -> Process:
    """Begin a command in a folder, with a cache of its own.

    Parameters
    ----------
    words : str
        As it is typed.
    folder : Path
        Made if it is not there.
    before : callable
        Called in its process, a copy of this one.
    anew : bool
        Begin a Python of its own instead, which imports everything: return when it has begun to.
    """
    folder.mkdir(parents=True, exist_ok=True)
    began, begins = os.pipe()
    said = folder.with_name(f"{folder.name}.err")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of threads: none of them is needed
        pid = os.fork()
    if pid:
        os.close(begins)
        os.read(began, 1)  # a byte, or its end
        os.close(began)
        return Process(pid, said)
    code: Any = 1
    try:
        if not anew:
            os.close(begins)
        code = _carry_out(words, folder, said, before, begins if anew else None)
    except SystemExit as end:
        code = end.code or 0
    except BaseException:  # what Python would print
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def _carry_out(
    words: str, folder: Path, said: Path, before: Callable[[], Any], begins: int | None
) -> None:
    """Be the command."""
    os.chdir(folder)
    os.environ |= {"ISTHMUS_CACHE": str(folder / "cache"), "OMP_NUM_THREADS": "1"}
    for number, path in ((1, os.devnull), (2, said)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    if begins is not None:  # what comes sooner is Python's own beginning
        os.set_inheritable(begins, True)
        program = f"import os; os.close({begins}); from isthmus.cli import start; start()"
        os.execv(sys.executable, [sys.executable, "-c", program, *shlex.split(words)])
    import torch

    torch.set_num_threads(1)
    sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
    sys.argv = ["isthmus", *shlex.split(words)]
    on_a_small_machine()
    before()
    from isthmus.cli import start

    start()


def on_a_small_machine() -> None:
    """Have images packed on disk, and fits keep a checkpoint every moment."""
    from isthmus.data import folder
    from isthmus.training import checkpoints

    folder.memory_allowed = lambda: 0
    checkpoints.CHECKPOINT_SECONDS = 0.05


def at_change(which: int, do: Callable[[], Any]) -> None:
    """Do something just before this process changes a file for the nth time, below its folder."""
    seen, here = [0], os.path.join(os.getcwd(), "")

    def look(event: str, given: Any) -> None:
        if event not in CHANGES or not isinstance(given[0], str | os.PathLike):
            return
        if event == "open" and not given[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            return
        if os.path.abspath(given[0]).startswith(here):
            seen[0] += 1
            if seen[0] == which or which == 0:
                do()

    sys.addaudithook(look)


def left_over(folder: Path) -> list[str]:
    """Return the names of temporary files below a folder."""
    from isthmus.system.leftovers import is_temporary

    return [str(path) for path in folder.rglob("*") if is_temporary(path.name)]


@dataclass
class Peace:
    """What a command does when nobody stops it: seconds, changes of files, results, words."""

    seconds: float
    changes: int
    results: dict[str, Any]
    said: set[str]


def in_peace(words: str, results: Callable[[Path], dict[str, Any]], folder: Path) -> Peace:
    """Run a command, and count."""
    count = folder.with_name(f"{folder.name}.count")
    started = time.monotonic()
    process = begun(words, folder, lambda: at_change(0, partial(_one_more, count)))
    code = process.ends()
    if code:
        raise SystemExit(f"{words} ends with {code} in peace: {process.words()[-900:]}")
    took = time.monotonic() - started
    said = set(process.words().splitlines())
    return Peace(took, count.stat().st_size, results(folder), said)


def _one_more(count: Path) -> None:
    with count.open("ab") as file:
        file.write(b".")


def stopped(
    words: str, folder: Path, number: int, moment: str, peace: Peace, importing: float
) -> tuple[int | None, Process, str]:
    """Stop a command by a signal; return its exit code, None if it was over; it; and when."""
    which = random.randint(1, peace.changes)
    seconds = random.uniform(0, importing if moment == "import" else peace.seconds)
    if moment == "change":
        stop = partial(at_change, which, lambda: os.kill(os.getpid(), number))
        process = begun(words, folder, stop)
        code = process.ends()
        assert code is not None, f"{words} does not end"
        return code, process, f"{signal.Signals(number).name} before change {which}"
    process = begun(words, folder, anew=moment == "import")
    code, when = None, f"{signal.Signals(number).name} after {seconds:.2f} s, {moment}"
    if process.ends(seconds) is None:
        os.kill(process.pid, number)
        code = process.ends()
        assert code is not None, f"{words} does not end"
    return code, process, when


def faults(command: Command, words: str, folder: Path, peace: Peace) -> Iterator[tuple[str, str]]:
    """Yield what is wrong after a stop, and after the same command once more."""
    before: dict[str, bytes] = {}
    try:
        before = command.finished(folder)
    except Exception as error:
        yield "lost", f"not whole after the stop: {error!r}"
    again = begun(f"{words} {command.again}", folder)
    if code := again.ends():
        yield "other", f"the second run ended with {code}: {again.words()[-300:]}"
        return
    if other := differing(command.results(folder), peace.results):
        yield "other", f"the second run has other {other}"
    after = {name: (folder / name).read_bytes() for name in before if (folder / name).is_file()}
    if lost := differing(after, before):
        yield "lost", f"written anew: {lost}"
    if left := left_over(folder):
        yield "left", f"left over: {left}"


def differing(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    """Return the names of what is not the same in two tables."""
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))


def by_signal(code: int, err: str, number: int, peace: Peace) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with how an interrupted command ended."""
    expected = {signal.SIGINT: 130, signal.SIGTERM: 143}[signal.Signals(number)]
    if code != expected:
        yield "code", f"exit code {code}"
    if "Traceback" in err:
        yield "words", f"a traceback: {err[-900:]}"
    lines = (line for line in err.splitlines() if not PROGRESS.match(line))
    said = [line for line in lines if line not in peace.said]
    begins = ("isthmus: interrupted", "isthmus: terminated")[number == signal.SIGTERM]
    if len(said) != 1 or not said[0].startswith(begins):
        yield "words", f"it said {said}"


def one_stop(
    name: str, given: Path, root: Path, number: int, moment: str, peace: Peace, importing: float
) -> list[tuple[str, str]] | None:
    """Stop a command once; return what was wrong, None if it was too late."""
    command = COMMANDS[name]
    words = command.words.format(given=given)
    folder = root / f"{name}-{random.randrange(10**9)}"
    code, process, when = stopped(words, folder, number, moment, peace, importing)
    kill = number == signal.SIGKILL
    if code is None or (kill and code == 0):
        late = True
    else:  # after the last line of a command, Python itself is ended by the signal
        same = code in (0, -number) and not differing(command.results(folder), peace.results)
        late = same and not kill
    found = []
    if code is not None and not late:
        found += [] if kill else by_signal(code, process.words(), number, peace)
        found += faults(command, words, folder, peace)
    shutil.rmtree(folder)
    for kind, what in found:
        print(f"{name}, {when}: {kind}: {what}", file=sys.stderr, flush=True)
    return None if late else found


def row_of(
    name: str, given: Path, root: Path, kills: int, stops: int, importing: float, until: float
) -> Counter[str]:
    """Stop a command as often as is asked for, and as there is time; return what was counted."""
    words = COMMANDS[name].words.format(given=given)
    peace = in_peace(words, COMMANDS[name].results, root / f"{name}-peace")
    counted: Counter[str] = Counter(changes=peace.changes)
    plan = [signal.SIGKILL] * kills
    plan += [(signal.SIGINT, signal.SIGTERM)[i % 2] for i in range(stops)]
    for place, number in enumerate(random.sample(plan, len(plan))):
        if time.monotonic() > until:
            break
        moment = MOMENTS[(place + place // 6) % len(MOMENTS)]
        for _ in range(TRIES):
            found = one_stop(name, given, root, number, moment, peace, importing)
            if found is not None:
                counted["kills" if number == signal.SIGKILL else "stops"] += 1
                counted.update({kind for kind, _ in found})
                break
    return counted


COLUMNS = {
    "changes": "changes of files", "kills": "kills in time", "stops": "interrupts in time",
    "lost": "lost", "left": "left over", "other": "other result", "code": "wrong exit code",
    "words": "not one line",
}  # fmt: skip


def campaign(kills: int, interrupts: int, names: list[str], root: Path, seconds: float) -> int:
    """Carry it out, and print the figures; return how many faults there were."""
    given, bad = root / "given", 0
    given.mkdir()
    prepared(given)
    started = time.monotonic()
    begun("models --json", root / "models", anew=True).ends()
    importing = time.monotonic() - started
    print(f"| command | {' | '.join(COLUMNS.values())} |")
    print(f"|---|{'---:|' * len(COLUMNS)}")
    for name in names:
        each = -(-kills // len(names)), -(-interrupts // len(names))
        row = row_of(name, given, root, *each, importing, time.monotonic() + seconds)
        print(f"| {name} | {' | '.join(str(row[key]) for key in COLUMNS)} |", flush=True)
        bad += sum(row[key] for key in ("lost", "left", "other", "code", "words"))
    return bad


def main() -> None:
    """Read what is asked for, and say what was found."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--kills", type=int, default=108)
    parser.add_argument("--interrupts", type=int, default=42)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=math.inf, help="for each command")
    parser.add_argument("names", nargs="*", default=list(COMMANDS))
    asked = parser.parse_args()
    random.seed(asked.seed)
    # a shell has what it starts in the background ignore it
    signal.signal(signal.SIGINT, signal.default_int_handler)
    print(f"Long commands, stopped: `python tests/kills.py --seed {asked.seed}`.\n")
    with tempfile.TemporaryDirectory() as root:
        bad = campaign(asked.kills, asked.interrupts, asked.names, Path(root), asked.seconds)
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
