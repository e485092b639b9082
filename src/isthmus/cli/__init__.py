"""The command line: `isthmus.cli.main`."""

import os
import signal
import sys
from contextlib import suppress
from types import FrameType
from typing import Any


def start() -> None:
    """Run the command line; Ctrl-C and SIGTERM are one line while it is being imported too."""
    usual: dict[int, Any] = {
        signal.SIGTERM: signal.SIG_DFL,
        signal.SIGINT: signal.default_int_handler,
    }
    taken = [number for number, handler in usual.items() if signal.getsignal(number) == handler]
    for number in taken:
        signal.signal(number, _end)
    try:
        from isthmus.cli.main import main

        main()
    except KeyboardInterrupt:
        _end(signal.SIGINT)
    except SystemExit as end:
        if end.code in (130, 143):
            _leave(end.code)
        raise
    finally:
        for number in taken:
            signal.signal(number, usual[number])


def _leave(code: int) -> None:
    """End with this code: Python would end by the signal if it came while a library ran a text."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


def _end(number: int, frame: FrameType | None = None) -> None:
    """End at once: of an exception, libraries that are being imported make others."""
    word = "terminated" if number == signal.SIGTERM else "interrupted"
    os.write(2, f"isthmus: {word}; nothing written\n".encode())
    os._exit(128 + number)
