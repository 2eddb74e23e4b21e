"""One timer wakes every phone whose ack was too soon; one that it wakes too early is woken again."""

import asyncio
from functools import partial

import pytest

from realtime.ws_late_acks import SLICE, LateAcks

pytestmark = pytest.mark.anyio


async def test_a_phone_is_called_again_until_nothing_waits_for_it():
    acks, called, ended = LateAcks(gap_ms=1), [], asyncio.Event()

    def once() -> bool:
        called.append("once")
        return False

    def thrice() -> bool:
        called.append("thrice")
        if called.count("thrice") == 3:
            ended.set()
        return called.count("thrice") < 3

    for tell in (once, thrice, once):
        acks.add(tell)
    async with asyncio.timeout(5):
        await ended.wait()

    assert sorted(called) == ["once", "thrice", "thrice", "thrice"]


async def test_many_acks_are_told_over_several_turns_of_the_loop_and_each_once():
    acks, called, ended, turns = LateAcks(gap_ms=1), [], asyncio.Event(), []

    def tell(number: int) -> bool:
        called.append(number)
        asyncio.get_running_loop().call_soon(lambda: turns.append(len(called)))
        if len(called) == 3 * SLICE:
            ended.set()
        return False

    for number in range(3 * SLICE):
        acks.add(partial(tell, number))
    async with asyncio.timeout(5):
        await ended.wait()

    assert sorted(called) == list(range(3 * SLICE))
    assert turns[0] == SLICE  # whoever came between heard of one slice alone
