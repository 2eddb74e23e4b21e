"""Can this coroutine finish without waiting? Run it at once as far as it goes; hand on only what must wait.

A socket write nearly always goes straight into the kernel's buffer. Giving each one to a task costs more than the write itself, on the way
that every fix takes; `start` runs it in place and returns the rest only when the socket is full. (Python 3.12 has eager tasks for this.)
"""

from collections.abc import Coroutine, Generator
from typing import Any


class Rest:
    """The unfinished rest of a coroutine that `start` began. Await it exactly once."""

    def __init__(self, coroutine: Coroutine[Any, Any, None], first: Any) -> None:
        self._coroutine = coroutine
        self._first = first

    def __await__(self) -> Generator[Any, Any, None]:
        """Wait for what the coroutine waits for, then let it go on."""
        try:
            yield self._first
        except BaseException as error:
            # A cancellation or time-out of whoever waits is the coroutine's own business, as it would be under a plain await.
            self._coroutine.throw(error)
        return (yield from self._coroutine.__await__())


def start(coroutine: Coroutine[Any, Any, None]) -> Rest | None:
    """Run `coroutine` up to its first real wait; return None when it is finished, else its rest. Its exceptions come out here."""
    try:
        first = coroutine.send(None)
    except StopIteration:
        return None
    return Rest(coroutine, first)
