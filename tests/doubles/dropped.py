"""A coroutine that is dropped at its Nth wait, as a dying process or an impatient deadline would drop it."""

import asyncio
from collections.abc import Coroutine, Generator
from typing import Any


class DroppedAt:
    """Awaits `work` up to its `wait`-th suspension (1 and up) and cancels it there; `was_dropped` tells whether it got that far."""

    def __init__(self, work: Coroutine[Any, Any, Any], wait: int) -> None:
        self._work = work
        self._wait = wait
        self.was_dropped = False

    def __await__(self) -> Generator[Any, Any, Any]:
        waits = 0
        try:
            waited_for = self._work.send(None)
            while True:
                waits += 1
                if waits == self._wait:
                    self.was_dropped = True
                    # Like Task.cancel: the awaited future is cancelled too, so that nothing answers it later.
                    if waited_for is not None:
                        waited_for._asyncio_future_blocking = False
                        waited_for.cancel()
                        yield None  # a cancelled future tells its callbacks in the next turn of the loop, and so does a real task
                    waited_for = self._work.throw(asyncio.CancelledError())
                else:
                    yield waited_for
                    waited_for = self._work.send(None)
        except StopIteration as done:
            return done.value
        except asyncio.CancelledError:
            return None
