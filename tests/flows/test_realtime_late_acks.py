"""One timer wakes every phone whose ack was too soon; one that it wakes too early is woken again."""

import asyncio

import pytest

from realtime.ws_late_acks import LateAcks

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
