"""When are acks told that came too soon after another? One timer for all devices of a worker wakes those that wait."""

import asyncio
from collections.abc import Callable


class LateAcks:
    """Connections whose next ack waits, at most `gap_ms` each."""

    def __init__(self, gap_ms: int) -> None:
        self._gap_s = gap_ms / 1000
        self._waiting: set[Callable[[], bool]] = set()

    def add(self, tell: Callable[[], bool]) -> None:
        """Call `tell` soon, and again as long as it returns True: the timer is everybody's, and was too early for this one."""
        if not self._waiting:
            asyncio.get_running_loop().call_later(self._gap_s, self._tell)
        self._waiting.add(tell)

    def _tell(self) -> None:
        waiting, self._waiting = self._waiting, set()
        for tell in waiting:
            if tell():
                self.add(tell)
