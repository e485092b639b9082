"""Change files of every format at random, and look at what becomes of whoever reads them.

``make fuzz MINUTES=60``, or ``python tests/fuzz/run.py --mutants 400 --only model,isth``. Each
target is worked on by a process of its own, which is watched: how it ends, how long a mutant takes
on the processor, and how much memory. What ends in anything but a result or a ValueError, OSError,
ImportError or MemoryError is kept in a folder, beside a line in its `found.jsonl`.
"""

import argparse
import json
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
from fuzz import targets

EXPECTED = (ValueError, OSError, ImportError, MemoryError)
"""What reading a damaged file may raise: the command line makes one line of it."""
SECONDS, MEGABYTES = 10, 500
"""On the processor and of memory, at most."""
PATIENCE = 120
"""Seconds on the clock after which a mutant is given up."""
AT_ONCE = 200
"""Mutants that one process reads."""


def mutant(name, seeds, number):
    """Return the file to be changed, its bytes as they were, and the bytes of a mutant."""
    rng = np.random.default_rng([number, *name.encode()])
    seed = seeds[int(rng.integers(len(seeds)))]
    content = seed.read_bytes()
    changes = targets.TARGETS[name].change
    return seed, content, changes[int(rng.integers(len(changes)))](content, rng)


def judged(name, seeds, number):
    """Return how reading a mutant ended: "read", "refused" or the error, and a line about it."""
    seed, content, changed = mutant(name, seeds, number)
    seed.write_bytes(changed)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            targets.TARGETS[name].read(seed)
        unnoticed = targets.TARGETS[name].sealed and changed != content
        return "unnoticed" if unnoticed else "read", ""
    except EXPECTED as error:
        greedy = "Unable to allocate" in str(error) or "MemoryError" in str(error)
        return "greedy" if greedy else "refused", str(error)[:200]
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(last.filename).name}:{last.lineno}"
        return "traceback", f"{type(error).__name__} in {where}: {str(error)[:200]}"
    finally:
        seed.write_bytes(content)


def peak():
    """Return the most memory since the last `forget_peak`, in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith("VmHWM"))


def forget_peak():
    Path("/proc/self/clear_refs").write_text("5")


def work(name, seeds, numbers, out):
    """Read mutants one after another; leave a line of each in a file."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_DATA, (2**32, 2**32))  # the machine is not to suffer
    with out.open("a") as file:
        for number in numbers:
            file.write(json.dumps({"began": number}) + "\n")
            file.flush()
            forget_peak()
            before, began = peak(), time.process_time()
            end, words = judged(name, seeds, number)
            seconds = time.process_time() - began
            grown = {"seconds": round(seconds, 2), "peak": peak(), "grown": peak() - before}
            facts = {"number": number, "end": end, "words": words, **grown}
            file.write(json.dumps(facts) + "\n")
            file.flush()


def watched(name, seeds, numbers, out):
    """Have a process read mutants; return those that are left after it ended, and how it did."""
    pid = os.fork()
    if pid == 0:
        devnull = os.open(os.devnull, os.O_WRONLY)
        os.dup2(devnull, 1)
        os.dup2(devnull, 2)
        work(name, seeds, numbers, out)
        os._exit(0)
    size, still = -1, time.monotonic()
    while not (ended := os.waitpid(pid, os.WNOHANG))[0]:
        if (there := out.stat().st_size if out.exists() else 0) != size:
            size, still = there, time.monotonic()
        if time.monotonic() - still > PATIENCE:
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.05)
    return ended[1]


def run_target(name, numbers, folder):
    """Read all mutants of a target; return a line of each."""
    seeds, out = targets.seeds_of(name, folder / "seeds"), folder / "lines.jsonl"
    left, found = list(numbers), []
    while left:
        now = left[:AT_ONCE]
        status = watched(name, seeds, now, out)
        lines = [json.loads(line) for line in out.read_text().splitlines()]
        out.unlink()
        found += [line for line in lines if "end" in line]
        done = {line["number"] for line in found}
        left = [number for number in left if number not in done]
        if status and lines:  # the one that it died of
            died, how = lines[-1].get("began", -1), os.WTERMSIG(status) or "exit"
            end = "endless" if how == signal.SIGKILL else "signal"
            found.append({"number": died, "end": end, "words": str(how), "seconds": 0, "peak": 0})
            left = [number for number in left if number != died]
        elif status:
            raise SystemExit(f"{name}: the process ended before it began")
    return found


def told(name, found):
    """Return a line about a target."""
    ends = [line["end"] for line in found]
    counts = {end: ends.count(end) for end in sorted(set(ends))}
    slow = sum(line["seconds"] > SECONDS for line in found)
    large = sum(line["peak"] > MEGABYTES for line in found)
    worst = max(line["seconds"] for line in found), max(line["peak"] for line in found)
    over = f"over {SECONDS} s: {slow}, over {MEGABYTES} MB: {large}"
    ends = ", ".join(f"{number} {end}" for end, number in counts.items())
    return f"{name:17} {len(found):6}: {ends}; {over}; worst {worst[0]:.1f} s, {worst[1]} MB"


def bad(line):
    """Return whether a mutant ended as none may."""
    over = line["seconds"] > SECONDS or line["peak"] > MEGABYTES
    return over or line["end"] not in ("read", "refused")


def keep(name, folder, found, kept):
    """Keep what ended badly: the mutant, and a line."""
    seeds = sorted_seeds(name, folder)
    for line in filter(bad, found):
        seed, _, changed = mutant(name, seeds, line["number"])
        file = f"{name.replace(' ', '-')}-{line['number']}-{seed.name}"
        (kept / file).write_bytes(changed)
        with (kept / "found.jsonl").open("a") as lines:
            lines.write(json.dumps({"target": name, "file": file, **line}) + "\n")


def sorted_seeds(name, folder):
    """Return the seeds as a target's process has had them."""
    shutil.rmtree(folder / "again", ignore_errors=True)
    return targets.seeds_of(name, folder / "again")


def main():
    """Fuzz: see the top."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, help="go on for so long, with other mutants")
    parser.add_argument("--mutants", type=int, default=400, help="of each target and round")
    parser.add_argument("--first", type=int, default=0, help="number of the first mutant")
    parser.add_argument("--only", help="targets, as model,isth")
    parser.add_argument("--keep", type=Path, help="folder for mutants that ended badly")
    given = parser.parse_args()
    until = time.monotonic() + 60 * (given.minutes or 0)
    kept = given.keep or Path(tempfile.mkdtemp(prefix="isthmus-fuzz-"))
    kept.mkdir(parents=True, exist_ok=True)
    os.environ["ISTHMUS_CACHE"] = tempfile.mkdtemp(prefix="isthmus-fuzz-cache-")
    names = given.only.split(",") if given.only else list(targets.TARGETS)
    first, badly = given.first, 0
    while True:
        for name in names:
            with tempfile.TemporaryDirectory() as folder:
                numbers = range(first, first + given.mutants)
                found = run_target(name, numbers, Path(folder))
                keep(name, Path(folder), found, kept)
            badly += sum(map(bad, found))
            print(told(name, found), flush=True)
        first += given.mutants
        if time.monotonic() > until:
            break
    print(f"{badly} ended badly, kept in {kept}")
    raise SystemExit(min(badly, 1))


if __name__ == "__main__":
    main()
