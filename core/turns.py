"""Whose turn is it to write? So many writers at once; of those who wait, urgent ones first, fair among equals.

Of `URGENT_TURNS` turns one goes to whoever else waits: an answer that cannot be written down, because presses keep coming, would be taken
for a lost one, and its emergency told again.
"""

import asyncio
from collections import deque
from typing import Generic, Protocol, TypeVar

URGENT_TURNS = 8
"""Urgent writers in a row while others wait."""


class Joinable(Protocol):
    """What a waiting urgent writer may be let into instead of getting a turn of its own (`core.sql_shared`)."""

    def leave(self) -> None:
        """Be told that a writer who was let in is done, or never came."""
        ...


J = TypeVar("J", bound=Joinable)


class Turns(Generic[J]):
    """Whoever got a turn gives it back with `pass_on`; whoever was let into something `leave`s that."""

    def __init__(self, count: int) -> None:
        self._free = count
        self._urgent: deque[asyncio.Future[J | None]] = deque()
        self._ordinary: deque[asyncio.Future[J | None]] = deque()
        self._urgent_in_a_row = 0

    @property
    def is_wanted(self) -> bool:
        """Tell whether ordinary writers wait, and no urgent one."""
        return bool(self._ordinary) and not self._urgent

    @property
    def is_urgent_next(self) -> bool:
        """Tell whether an urgent writer waits whose turn is next."""
        self._forget_the_gone()
        return bool(self._urgent) and not self._is_others_turn

    async def take(self, *, urgent: bool) -> J | None:
        """Wait for a turn, which is None, or for something to join."""
        if self._free:
            self._free -= 1
            return None
        waiter: asyncio.Future[J | None] = asyncio.get_running_loop().create_future()
        (self._urgent if urgent else self._ordinary).append(waiter)
        try:
            return await waiter
        except asyncio.CancelledError:
            # The turn may have been handed over in the same tick as the cancellation: then it must go on to the next.
            if waiter.done() and not waiter.cancelled():
                given = waiter.result()
                self.pass_on() if given is None else given.leave()
            raise

    def pass_on(self) -> None:
        """Give a turn back: to whoever is next, if somebody waits."""
        while self._urgent or self._ordinary:
            waiter = self._next()
            if not waiter.done():
                waiter.set_result(None)
                return
        self._free += 1

    def let_in(self, joinable: J) -> bool:
        """Let the urgent writer who is next join instead of waiting; False where none is."""
        if not self.is_urgent_next:
            return False
        self._next().set_result(joinable)
        return True

    @property
    def _is_others_turn(self) -> bool:
        return self._urgent_in_a_row >= URGENT_TURNS and bool(self._ordinary)

    def _forget_the_gone(self) -> None:
        while self._urgent and self._urgent[0].done():
            self._urgent.popleft()

    def _next(self) -> asyncio.Future[J | None]:
        if self._urgent and not self._is_others_turn:
            self._urgent_in_a_row += 1
            return self._urgent.popleft()
        self._urgent_in_a_row = 0
        return self._ordinary.popleft()
