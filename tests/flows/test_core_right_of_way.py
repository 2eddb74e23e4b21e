"""Patient work waits for what is urgent, and never longer than it says."""

import asyncio

import pytest

from core.right_of_way import RightOfWay

pytestmark = pytest.mark.anyio


async def settled():
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_free_way_is_given_at_once(clock):
    way = RightOfWay()

    await way.given(clock, 60.0)

    assert way.is_free


async def test_patient_work_goes_on_when_the_last_taker_is_done(clock):
    way = RightOfWay()
    first, second = way.taken(), way.taken()
    first.__enter__()
    second.__enter__()
    waiting = asyncio.create_task(way.given(clock, 60.0))
    await settled()
    first.__exit__(None, None, None)
    await settled()
    assert not waiting.done()

    second.__exit__(None, None, None)

    await asyncio.wait_for(waiting, 5)


async def test_patient_work_waits_no_longer_than_it_says(clock):
    way = RightOfWay()
    with way.taken():
        waiting = asyncio.create_task(way.given(clock, 0.5))
        await settled()
        await clock.advance(0.4)
        assert not waiting.done()
        await clock.advance(0.2)
        assert waiting.done()


async def test_who_fails_gives_the_way_back():
    way = RightOfWay()
    with pytest.raises(RuntimeError), way.taken():
        raise RuntimeError

    assert way.is_free
