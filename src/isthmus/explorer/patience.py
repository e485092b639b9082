"""Connections that do not send a whole request are closed."""

from __future__ import annotations

from asyncio import TimerHandle
from functools import cache
from typing import Any

PATIENCE = 10.0
"""Seconds that the head of a request may take to arrive."""


@cache
def patient() -> type[Any]:
    """Return uvicorn's protocol for connections, which waits for the head of a request so long."""
    from uvicorn.protocols.http.h11_impl import H11Protocol

    class Patient(H11Protocol):
        waiting: TimerHandle | None = None

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._look()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            self._look()

        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            self._rest()

        def _look(self) -> None:
            """Begin to wait where no request is whole, and not anew with every byte of one."""
            if self.cycle is not None and not self.cycle.response_complete:
                self._rest()
            elif self.waiting is None:
                self.waiting = self.loop.call_later(PATIENCE, self._give_up)

        def _rest(self) -> None:
            if self.waiting is not None:
                self.waiting.cancel()
                self.waiting = None

        def _give_up(self) -> None:
            self.waiting = None
            if self.cycle is None or self.cycle.response_complete:
                self.transport.close()

    return Patient
