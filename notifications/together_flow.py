"""How are answers of an emergency lane written down without a transaction for each? Those that come while one is written go together.

Nobody waits for company: the first answer is written at once, and whatever has come by the end of that transaction is the next one. With
one emergency that is one answer at a time; with two hundred at once it is a few transactions instead of hundreds, which would stand between
the next press and the one writer of SQLite.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")
MOST_TOGETHER = 50


class Together(Generic[T]):
    """Hands items to `write`, up to `MOST_TOGETHER` in a call and one call at a time. A failing group is written again one by one."""

    def __init__(self, write: Callable[[Sequence[T]], Awaitable[None]]) -> None:
        self._write = write
        self._waiting: deque[tuple[T, asyncio.Future[None]]] = deque()
        self._writer: asyncio.Task[None] | None = None

    async def written(self, item: T) -> None:
        """Return when `item` is written; raises what `write` raises for it."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, done))
        if self._writer is None:
            self._writer = asyncio.create_task(self._write_all())
        await done

    def task(self) -> asyncio.Future[None] | None:
        """Return what is under way, for whoever ends the lane: cancelled, it gives up everything that waits."""
        return self._writer

    async def _write_all(self) -> None:
        group: list[tuple[T, asyncio.Future[None]]] = []
        try:
            while self._waiting:
                group = [self._waiting.popleft() for _ in range(min(MOST_TOGETHER, len(self._waiting)))]
                await self._write_group(group)
        finally:
            self._writer = None
            for _, done in (*group, *self._waiting):
                done.cancel()
            self._waiting.clear()

    async def _write_group(self, group: Sequence[tuple[T, asyncio.Future[None]]]) -> None:
        try:
            await self._write([item for item, _ in group])
        except Exception as error:
            if len(group) == 1:
                _fail(group[0][1], error)
                return
            for one in group:
                await self._write_group([one])
            return
        for _, done in group:
            if not done.done():
                done.set_result(None)


def _fail(done: asyncio.Future[None], error: Exception) -> None:
    if not done.done():
        done.set_exception(error)
