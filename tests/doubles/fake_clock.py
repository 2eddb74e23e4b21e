"""A clock that moves only when a test moves it."""

import asyncio
import heapq
import itertools
from datetime import UTC, datetime, timedelta

from core.clock import from_ms, to_ms
from core.units import Millis

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


class FakeClock:
    """Meets `core.clock.Clock`. Sleepers wake in due order while `advance` moves the time."""

    def __init__(self, start: datetime = START) -> None:
        self._start_ms = to_ms(start)
        self._elapsed_s = 0.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = itertools.count()

    def now(self) -> datetime:
        return from_ms(self._start_ms) + timedelta(seconds=self._elapsed_s)

    def now_ms(self) -> Millis:
        return to_ms(self.now())

    def monotonic(self) -> float:
        return self._elapsed_s

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._elapsed_s + seconds, next(self._order), waiter))
        await waiter

    async def wake_next(self) -> None:
        """Move the time to the next sleeper's moment, if anybody sleeps."""
        if self._sleepers:
            await self.advance(self._sleepers[0][0] - self._elapsed_s)

    def move(self, seconds: float) -> None:
        """Move the time without letting anything run: for rules and flows that only read it."""
        self._elapsed_s += seconds

    async def advance(self, seconds: float) -> None:
        """Move the time, waking each sleeper at its own moment and letting it run before the next."""
        end_s = self._elapsed_s + seconds
        while self._sleepers and self._sleepers[0][0] <= end_s:
            due_s, _, waiter = heapq.heappop(self._sleepers)
            self._elapsed_s = max(self._elapsed_s, due_s)
            if not waiter.done():
                waiter.set_result(None)
            for _ in range(10):
                await asyncio.sleep(0)  # lets the sleeper run up to its next wait
        self._elapsed_s = end_s
