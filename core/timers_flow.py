"""Who fires the timers? One round: claim what is due, hand each to the handler of its kind, forget it.

Run by the supervisor in every worker. A handler that fails leaves its timer leased; it fires again when the lease ends.
"""

import asyncio
from collections.abc import Sequence

import structlog

from core.clock import Clock
from core.timers import Timer, TimerHandler, Timers

log = structlog.get_logger(__name__)

BATCH = 8
BATCHES = 4
"""Under way together: enough to keep a database busy, few enough that a press, which waits for its turn among them, waits some 50 ms."""
LEASE_S = 15.0
"""Longer than any handler's deadline, short enough that a dead worker's timer is late by a quarter of a minute at most."""
HANDLER_DEADLINE_S = 10.0
MAX_NAP_S = 1.0
"""The sweep: a timer set by another worker, whose wake-up we missed, is at most this late."""


class TimersFlow:
    """The house's alarm clock. Handlers are registered by kind in `hub/wiring.py`."""

    def __init__(self, timers: Timers, clock: Clock) -> None:
        self._timers = timers
        self._clock = clock
        self._handlers: dict[str, TimerHandler] = {}
        self._wake = asyncio.Event()

    def handle(self, kind: str, handler: TimerHandler) -> None:
        """Register the handler of `kind`; a second one for the same kind is a wiring mistake and raises `ValueError`."""
        if kind in self._handlers:
            raise ValueError(f"Timer kind {kind!r} has a handler already; choose another kind.")
        self._handlers[kind] = handler

    def wake(self) -> None:
        """Look at the timers now, because one was set that may be due soon."""
        self._wake.set()

    async def run_once(self, limit: int = BATCH * BATCHES) -> int:
        """Fire what is due, up to `limit`; return how many timers were claimed."""
        due = await self._timers.claim_due(self._clock.now(), limit, LEASE_S)
        await self._fire_all(due)
        return len(due)

    async def run(self) -> None:
        """Fire timers until cancelled. A handler that hangs holds up its own batch, not the next."""
        under_way: set[asyncio.Task[None]] = set()
        try:
            while True:
                under_way = {task for task in under_way if not task.done()}
                if len(under_way) == BATCHES:
                    await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
                    continue
                due = await self._timers.claim_due(self._clock.now(), BATCH, LEASE_S)
                if due:
                    under_way.add(asyncio.create_task(self._fire_all(due), name="timers"))
                if len(due) < BATCH:
                    await self._nap()
        finally:
            for task in under_way:
                task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)

    async def _fire_all(self, due: Sequence[Timer]) -> None:
        acted = await asyncio.gather(*(self._fire(timer) for timer in due))
        try:
            await self._timers.done([timer for timer, has_acted in zip(due, acted, strict=True) if has_acted])
        except Exception:
            log.exception("timers_not_forgotten", count=len(due))  # they fire again when their lease ends, and find nothing to do

    async def _nap(self) -> None:
        self._wake.clear()
        due_at = await self._timers.next_due_at()
        nap_s = MAX_NAP_S if due_at is None else min(MAX_NAP_S, max(0.01, (due_at - self._clock.now()).total_seconds()))
        waker = asyncio.ensure_future(self._wake.wait())
        sleeper = asyncio.ensure_future(self._clock.sleep(nap_s))
        _, pending = await asyncio.wait({waker, sleeper}, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()

    async def _fire(self, timer: Timer) -> bool:
        """Tell whether the timer's handler did what it had to do."""
        handler = self._handlers.get(timer.kind)
        if handler is None:
            log.error("timer_without_handler", kind=timer.kind, subject=timer.subject)
            return False
        try:
            async with asyncio.timeout(HANDLER_DEADLINE_S):
                await handler(timer)
        except Exception:
            log.exception("timer_failed", kind=timer.kind, subject=timer.subject, attempts=timer.attempts)
            return False
        return True
