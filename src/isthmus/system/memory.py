"""How much memory a piece of work takes."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import sys
import threading

import psutil


def _return_freed_memory() -> None:
    gc.collect()
    trim()


def trim() -> None:
    """Give memory that was freed back to the system, where the C library keeps it."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):  # other C libraries do without
            ctypes.CDLL(None).malloc_trim(0)


class PeakMemory:
    """Watches the memory of this process; `peak` is the most beyond what it began with."""

    def __enter__(self) -> PeakMemory:
        self.process, self.done = psutil.Process(), threading.Event()
        _return_freed_memory()  # or what comes next would be served from it, unseen
        self.before = self.process.memory_info().rss
        self.peak = 0
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()
        return self

    def _watch(self) -> None:
        while not self.done.wait(0.01):
            self._look()

    def _look(self) -> None:
        self.peak = max(self.peak, self.process.memory_info().rss - self.before)

    def __exit__(self, *exc: object) -> None:
        self.done.set()
        self.thread.join()
        self._look()  # what is still in use counts, even if the thread never had its turn
