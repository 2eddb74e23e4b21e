"""Who goes first within one process? What a person in danger waits for; whoever has patient work asks before each piece of it.

A press takes some twenty turns of the event loop from the request to its receipt. On a worker that is busy with fixes each of them may be
as long as a batch, so the press is late by their sum although it needs a few milliseconds itself. So whoever is urgent takes the right of
way for as long as that lasts, and patient work (batches of fixes, arrival texts) waits for its end, but never longer than it says: a flood
of urgent things slows fixes down and does not stop them.

Python's collector of garbage gives way too: it looks through the young objects of a busy worker for some ten milliseconds at a time.
"""

import asyncio
import gc
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from core.clock import Clock

T = TypeVar("T")
COLLECTED_AFTER_S = 0.02
"""The receipt is written after the right of way was given up; the collector is not to begin in between."""
UNCOLLECTED = 200
"""So many takers with no time for the collector between them: then it works all the same, or a flood would fill the memory."""


class RightOfWay:
    """One for each process: a floor has it. Takers do not wait for each other."""

    def __init__(self) -> None:
        self._takers = self._in_a_row = 0
        self._is_free = asyncio.Event()
        self._is_free.set()

    @property
    def is_free(self) -> bool:
        """Tell whether nothing urgent is under way."""
        return self._takers == 0

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Have the right of way while inside. Hold it for work of this process and its database, never while a carrier is talked to."""
        self._takers += 1
        self._in_a_row += 1
        self._is_free.clear()
        (gc.disable if self._in_a_row < UNCOLLECTED else gc.enable)()
        try:
            yield
        finally:
            self._takers -= 1
            if self._takers == 0:
                self._is_free.set()
                self._collect_soon()

    def bespeak(self, seconds: float) -> None:
        """Have the right of way for `seconds` from now: for whoever sees something urgent come before its own flow begins."""
        held = self.taken()
        held.__enter__()
        asyncio.get_running_loop().call_later(seconds, held.__exit__, None, None, None)

    def _collect_soon(self) -> None:
        try:
            asyncio.get_running_loop().call_later(COLLECTED_AFTER_S, self._collect)
        except RuntimeError:  # no loop runs: nothing would do it later
            self._collect()

    def _collect(self) -> None:
        if self._takers == 0:
            self._in_a_row = 0
            gc.enable()

    async def given(self, clock: Clock, at_most_s: float) -> None:
        """Wait until nothing urgent is under way, at most `at_most_s` seconds of `clock`; at once where that is so already."""
        if self._takers == 0 or at_most_s <= 0:
            return
        waits = {asyncio.ensure_future(self._is_free.wait()), asyncio.ensure_future(clock.sleep(at_most_s))}
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def slices(self, items: Sequence[T], size: int, clock: Clock, at_most_s: float) -> AsyncIterator[Sequence[T]]:
        """Yield `items` by `size` at a time, each slice in a turn of the event loop of its own and after what is urgent.

        For rounds over everybody: a thousand small steps in one turn are a pause that every press may run into. What is urgent is waited
        for `at_most_s` seconds of `clock` in all.
        """
        until_s = clock.monotonic() + at_most_s
        for start in range(0, len(items), size):
            if start:
                await asyncio.sleep(0)
            await self.given(clock, until_s - clock.monotonic())
            yield items[start : start + size]
