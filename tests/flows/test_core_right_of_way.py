"""Patient work waits for what is urgent, and never longer than it says."""

import asyncio
import gc

import pytest

from core.clock import SystemClock
from core.right_of_way import COLLECTED_AFTER_S, UNCOLLECTED, RightOfWay

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


async def test_a_round_goes_slice_by_slice_and_lets_others_have_their_turn_between():
    heard = []

    async def round_over_all():
        async for some in RightOfWay().slices([1, 2, 3, 4, 5], 2, SystemClock(), 1.0):
            heard.append(list(some))

    async def somebody_else():
        for _ in range(2):
            await asyncio.sleep(0)
            heard.append("else")

    await asyncio.gather(round_over_all(), somebody_else())

    assert [one for one in heard if one != "else"] == [[1, 2], [3, 4], [5]]
    assert heard.index("else") < heard.index([5])


async def test_a_round_stops_between_two_slices_while_something_is_urgent_but_not_for_ever(clock):
    way, heard = RightOfWay(), []

    async def round_over_all():
        async for some in way.slices("abcd", 1, clock, 0.5):
            heard.append(some)
            if some == "b":
                urgent.__enter__()

    urgent = way.taken()
    going = asyncio.create_task(round_over_all())
    await settled()
    assert heard == ["a", "b"]
    await clock.advance(0.6)
    await asyncio.wait_for(going, 5)

    assert heard == ["a", "b", "c", "d"]
    urgent.__exit__(None, None, None)


async def test_the_collector_waits_for_the_urgent_and_a_moment_longer() -> None:
    way, loop = RightOfWay(), asyncio.get_running_loop()
    with way.taken():
        assert not gc.isenabled()
        with way.taken():
            pass
        assert not gc.isenabled()
    assert not gc.isenabled()
    collected = loop.create_future()
    loop.call_later(COLLECTED_AFTER_S, collected.set_result, None)
    await collected
    assert gc.isenabled()


async def test_in_a_flood_the_collector_works_all_the_same() -> None:
    way = RightOfWay()
    with way.taken():
        for _ in range(UNCOLLECTED):
            with way.taken():
                pass
        assert gc.isenabled()


def test_without_a_loop_the_collector_works_again_at_once() -> None:
    with RightOfWay().taken():
        assert not gc.isenabled()
    assert gc.isenabled()
