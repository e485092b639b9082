"""Requests let in a few at a time, their bodies read up to a limit."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from isthmus.explorer.api import Refused

AT_WORK = 8
"""Requests worked on at once."""
WAITING = 256
"""Requests that wait for their turn, at most."""
MOST_BODY = 8 * 2**20
"""Bytes of a body."""
MOST_BODIES = 16 * MOST_BODY
"""Bytes of all bodies that have arrived and wait, or are on their way."""
PATIENCE = 20.0
"""Seconds that a body may take to arrive."""
DRAINED, LINGER = 8 * MOST_BODY, 2.0
"""Bytes and seconds of a refused body that are waited for."""


class Limits:
    """Lets so many work at once and lets others wait, up to a number.

    Parameters
    ----------
    at_work, waiting : int
        How many of each.

    Examples
    --------
    >>> async def one():
    ...     limits = Limits(1, 0)
    ...     async with limits.enter(), limits.places:
    ...         return "in"
    >>> asyncio.run(one())
    'in'
    """

    def __init__(self, at_work: int = AT_WORK, waiting: int = WAITING):
        self.places, self.most, self.inside = asyncio.Semaphore(at_work), at_work + waiting, 0
        self.nbytes = 0

    @asynccontextmanager
    async def enter(self) -> AsyncIterator[None]:
        """Be counted among those that work, wait, or send what they ask.

        Raises
        ------
        Refused
            With status 429, if too many wait already.
        """
        if self.inside >= self.most:
            raise Refused(429, f"{self.inside} requests are waiting already: try again")
        self.inside += 1
        try:
            yield
        finally:
            self.inside -= 1

    @asynccontextmanager
    async def reading(self, parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Read a body, see `body_of`, and count its bytes as long as it is needed.

        Raises
        ------
        Refused
            With status 429 if all bodies together are too large.
        """
        held = 0

        async def counted() -> AsyncIterator[bytes]:
            nonlocal held
            async for part in parts:
                held, self.nbytes = held + len(part), self.nbytes + len(part)
                if self.nbytes > MOST_BODIES:
                    raise Refused(429, "too much is being sent at once: try again")
                yield part

        try:
            yield await body_of(counted())
        finally:
            self.nbytes -= held


def check_announced(size: str | None) -> None:
    """Refuse what says itself that it is too large, before it waits or is read."""
    if size is not None and (not size.isdigit() or len(size) > 9 or int(size) > MOST_BODY):
        raise Refused(413, f"a body of {size[:20]} bytes: at most {MOST_BODY} are allowed")


async def body_of(parts: AsyncIterator[bytes]) -> bytes:
    """Return a body that is not larger than allowed, whatever its headers say.

    Raises
    ------
    Refused
        With status 413 if it is too large, 400 if it takes too long or breaks off.
    """
    from starlette.requests import ClientDisconnect

    try:
        async with asyncio.timeout(PATIENCE):
            return await _joined(parts)
    except TimeoutError:
        raise Refused(400, f"the body did not arrive within {PATIENCE:g} seconds") from None
    except ClientDisconnect:
        raise Refused(400, "the body broke off") from None


async def _joined(parts: AsyncIterator[bytes]) -> bytes:
    found, size = [], 0
    async for part in parts:
        size += len(part)
        if size > MOST_BODY:
            raise Refused(413, f"the body is larger than {MOST_BODY} bytes")
        found.append(part)
    return b"".join(found)


async def drained(parts: AsyncIterator[bytes]) -> None:
    """Read a body that is refused to its end, within reason, and throw it away.

    A connection that is closed on someone who still sends breaks down before the answer is read.
    """
    from starlette.requests import ClientDisconnect

    left = DRAINED
    with contextlib.suppress(ClientDisconnect, TimeoutError, RuntimeError):  # over already
        async with asyncio.timeout(LINGER):
            async for part in parts:
                left -= len(part)
                if left < 0:
                    return
