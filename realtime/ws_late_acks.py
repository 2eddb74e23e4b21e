"""When are acks told that came too soon after another? One timer for all devices of a worker wakes those that wait."""

import asyncio
from collections import deque
from collections.abc import Callable

SLICE = 64
"""Acks told in one turn of the event loop: a millisecond or two, by estimate."""


class LateAcks:
    """Connections whose next ack waits, at most `gap_ms` each."""

    def __init__(self, gap_ms: int) -> None:
        self._gap_s = gap_ms / 1000
        self._waiting: set[Callable[[], bool]] = set()
        self._due: deque[Callable[[], bool]] = deque()

    def add(self, tell: Callable[[], bool]) -> None:
        """Call `tell` soon, and again as long as it returns True: the timer is everybody's, and was too early for this one."""
        if not self._waiting:
            asyncio.get_running_loop().call_later(self._gap_s, self._tell)
        self._waiting.add(tell)

    def _tell(self) -> None:
        is_telling = bool(self._due)
        self._due.extend(self._waiting)
        self._waiting = set()
        if not is_telling:
            self._tell_some()

    def _tell_some(self) -> None:
        for _ in range(min(SLICE, len(self._due))):
            tell = self._due.popleft()
            if tell():
                self.add(tell)
        if self._due:
            asyncio.get_running_loop().call_soon(self._tell_some)
