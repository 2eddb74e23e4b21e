"""Answers that come while one is written are written together; one that cannot be written harms no other."""

import asyncio

import pytest

from notifications.together_flow import MOST_TOGETHER, Together

pytestmark = pytest.mark.anyio


class Book:
    """Notes each call; waits in it until `go` is set; refuses what is in `bad`."""

    def __init__(self):
        self.calls = []
        self.bad = set()
        self.go = asyncio.Event()

    async def write(self, items):
        self.calls.append(list(items))
        await self.go.wait()
        if self.bad & set(items):
            raise ValueError(items)


async def settled():
    for _ in range(10):
        await asyncio.sleep(0)


async def test_the_first_is_written_at_once_and_the_others_after_it_together():
    book = Book()
    together = Together(book.write)
    tasks = [asyncio.create_task(together.written(number)) for number in range(4)]
    await settled()
    assert book.calls == [[0, 1, 2, 3]]  # nothing was under way, and all four came in one turn
    late = [asyncio.create_task(together.written(number)) for number in (4, 5)]
    await settled()
    assert len(book.calls) == 1

    book.go.set()

    await asyncio.gather(*tasks, *late)
    assert book.calls == [[0, 1, 2, 3], [4, 5]]


async def test_a_group_has_a_bound():
    book = Book()
    book.go.set()
    together = Together(book.write)

    await asyncio.gather(*(together.written(number) for number in range(MOST_TOGETHER + 10)))

    assert [len(call) for call in book.calls] == [MOST_TOGETHER, 10]


async def test_one_that_cannot_be_written_fails_alone():
    book = Book()
    book.go.set()
    book.bad = {2}
    together = Together(book.write)

    found = await asyncio.gather(*(together.written(number) for number in range(4)), return_exceptions=True)

    assert [type(each) for each in found] == [type(None), type(None), ValueError, type(None)]


async def test_an_ended_lane_leaves_nobody_waiting():
    book = Book()
    together = Together(book.write)
    tasks = [asyncio.create_task(together.written(number)) for number in range(3)]
    await settled()
    tasks.append(asyncio.create_task(together.written(3)))
    await settled()
    writer = together.task()
    assert writer is not None

    writer.cancel()

    found = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 5)
    assert all(isinstance(each, asyncio.CancelledError) for each in found)
    assert together.task() is None
