"""How does somebody wait for a work no longer than he can, without paying a turn of a busy loop for each end of it?

A task begins in the next turn of the event loop, and who waits for one with a deadline (`asyncio.wait`) hears of its end two turns later.
On a worker full of fixes a turn is a millisecond or several, and a press is waited for twice on its way. An `Attempt` takes its first step
in place, so that one that waits for nothing is over at once, and wakes whoever waits for its answer in the turn after its end.
"""

import asyncio
import sys
from collections.abc import Coroutine
from contextvars import copy_context
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Attempt(Generic[T]):
    """A work in a task of its own, begun in place. It goes on when nobody waits for it any more, until it is cancelled."""

    def __init__(self, work: Coroutine[Any, Any, T]) -> None:
        self.answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        """What the work returned or raised; `TimeoutError` once it was given up."""
        self.task = _begun(self._answering(work))

    def give_up(self, why: str) -> None:
        """Answer with a `TimeoutError` where there is no answer yet. The work goes on."""
        if not self.answer.done():
            self.answer.set_exception(TimeoutError(why))

    async def _answering(self, work: Coroutine[Any, Any, T]) -> T:
        try:
            found = await work
        except asyncio.CancelledError:
            self.answer.cancel()
            raise
        except BaseException as failure:
            if not self.answer.done():
                self.answer.set_exception(failure)
            raise
        if not self.answer.done():
            self.answer.set_result(found)
        return found


async def within(asked: Coroutine[Any, Any, T], seconds: float) -> T:
    """Return what `asked` answers within `seconds`, else raise `TimeoutError` at once: what is given up ends by itself.

    `asyncio.timeout` would wait for the end of it, and a connection that does not answer takes seconds to close.
    """
    attempt = Attempt(asked)
    attempt.task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
    if attempt.answer.done():
        return attempt.answer.result()
    deadline = asyncio.get_running_loop().call_later(seconds, attempt.give_up, f"No answer within {seconds:g} s.")
    try:
        return await attempt.answer
    finally:
        deadline.cancel()
        attempt.task.cancel()


def _begun(work: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
    """Return the task of `work`, whose first step is taken already."""
    loop = asyncio.get_running_loop()
    if sys.version_info >= (3, 12):
        return asyncio.Task(work, loop=loop, eager_start=True)
    context = copy_context()
    rest = _Rest(work)
    task: asyncio.Task[T] = loop.create_task(rest, context=context)
    around = asyncio.current_task()
    # Deadlines inside the step belong to the task, not to whoever begins it: the way of the standard library's page "Extending".
    if around is not None:
        asyncio.tasks._leave_task(loop, around)
    asyncio.tasks._enter_task(loop, task)
    try:
        context.run(rest.begin)
    finally:
        asyncio.tasks._leave_task(loop, task)
        if around is not None:
            asyncio.tasks._enter_task(loop, around)
    return task


class _Rest(Coroutine[Any, Any, T]):
    """A coroutine whose first step was taken: its task hears of what that step came to in the place of a first step of its own."""

    def __init__(self, work: Coroutine[Any, Any, T]) -> None:
        self._work = work
        self._is_told = True
        self._waits_for: Any = None
        self._end: BaseException | None = None

    def begin(self) -> None:
        """Take the first step."""
        self._is_told = False
        try:
            self._waits_for = self._work.send(None)
        except BaseException as end:
            self._end = end

    def send(self, value: Any) -> Any:
        """See `Coroutine.send`."""
        if self._is_told:
            return self._work.send(value)
        self._is_told = True
        if self._end is not None:
            raise self._end
        waits_for, self._waits_for = self._waits_for, None
        return waits_for

    def throw(self, *failure: Any) -> Any:
        """See `Coroutine.throw`."""
        if self._end is not None:
            raise self._end
        self._is_told = True
        return self._work.throw(*failure)

    def close(self) -> None:
        """See `Coroutine.close`."""
        self._work.close()

    def __await__(self) -> Any:
        """Not asked for: only a task steps this."""
        raise NotImplementedError
