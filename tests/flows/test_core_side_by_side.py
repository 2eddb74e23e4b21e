"""Whoever is told to end ends, whatever breaks on the way."""

import asyncio
from typing import Any

import pytest

from core.side_by_side import side_by_side

pytestmark = pytest.mark.anyio


async def returns(what: Any) -> Any:
    await asyncio.sleep(0)
    return what


async def fails(why: str) -> None:
    await asyncio.sleep(0)
    raise OSError(why)


class Endless:
    """Runs until it is cancelled, then does what it was told to."""

    def __init__(self, at_its_end: Exception | None = None, *, swallows: int = 0) -> None:
        self._at_its_end, self._swallows = at_its_end, swallows
        self.begun, self.ended = asyncio.Event(), False

    async def run(self) -> None:
        self.begun.set()
        while True:
            try:
                await asyncio.get_running_loop().create_future()
            except asyncio.CancelledError:
                if self._swallows:
                    self._swallows -= 1
                    continue
                self.ended = True
                if self._at_its_end:
                    raise self._at_its_end from None
                raise


async def cancelled(*works: Endless) -> asyncio.Task[list[Any]]:
    task = asyncio.create_task(side_by_side(*(work.run() for work in works), again_s=0.001))
    for work in works:
        await work.begun.wait()
    task.cancel()
    await asyncio.wait([task])
    return task


async def test_it_returns_what_the_works_did_in_their_order():
    assert await side_by_side(returns(1), returns("two")) == [1, "two"]


async def test_the_first_failure_ends_the_others_and_is_raised_as_it_is():
    other = Endless()
    with pytest.raises(OSError, match="first"):
        await side_by_side(other.run(), fails("first"))
    assert other.ended


async def test_a_failure_after_the_first_is_not_the_one_that_is_raised():
    with pytest.raises(OSError, match="first"):
        await side_by_side(Endless(OSError("second")).run(), fails("first"))


async def test_a_cancellation_stays_one_although_a_work_breaks_on_its_way_out():
    breaks, other = Endless(OSError("The connection is closed.")), Endless()
    assert (await cancelled(breaks, other)).cancelled()
    assert breaks.ended
    assert other.ended


async def test_a_work_that_swallows_its_end_is_told_again():
    swallows = Endless(swallows=2)
    assert (await cancelled(swallows)).cancelled()
    assert swallows.ended


async def test_a_second_cancellation_does_not_leave_a_work_behind():
    swallows = Endless(swallows=5)
    task = asyncio.create_task(side_by_side(swallows.run(), again_s=0.001))
    await swallows.begun.wait()
    while not task.done():
        task.cancel()
        await asyncio.sleep(0)
    assert task.cancelled()
    assert swallows.ended
