"""What do a queue and an event weigh that nobody waits at? Here next to nothing: a connection has them as long as it is idle.

`asyncio.Queue` and `asyncio.Event` bring five deques of some 700 bytes with them, a tenth of an idle connection. These two do what
uvicorn's protocol asks of its own, which one task reads from at a time.
"""

import asyncio
from typing import Any


class Inbox:
    """A queue of messages with one reader."""

    __slots__ = ("_messages", "_reader")

    def __init__(self) -> None:
        self._messages: list[Any] = []
        self._reader: asyncio.Future[None] | None = None

    def empty(self) -> bool:
        """Tell whether nothing waits."""
        return not self._messages

    def put_nowait(self, message: Any) -> None:
        """Add a message."""
        self._messages.append(message)
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    async def get(self) -> Any:
        """Return the oldest message, as soon as there is one."""
        while not self._messages:
            self._reader = asyncio.get_running_loop().create_future()
            try:
                await self._reader
            finally:
                self._reader = None
        return self._messages.pop(0)


class Gate:
    """Open or closed, as an `asyncio.Event` is set or not; everybody waits while it is closed."""

    __slots__ = ("_is_open", "_waiting")

    def __init__(self) -> None:
        self._is_open = False
        self._waiting: tuple[asyncio.Future[None], ...] = ()

    def is_set(self) -> bool:
        """Tell whether it is open."""
        return self._is_open

    def set(self) -> None:
        """Open it and let everybody through."""
        self._is_open = True
        waiting, self._waiting = self._waiting, ()
        for one in waiting:
            if not one.done():
                one.set_result(None)

    def clear(self) -> None:
        """Close it."""
        self._is_open = False

    async def wait(self) -> bool:
        """Return once it is open."""
        if not self._is_open:
            passing: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting = (*self._waiting, passing)
            try:
                await passing
            finally:
                self._waiting = tuple(one for one in self._waiting if one is not passing)
        return True
