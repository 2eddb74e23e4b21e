"""Frames of fixes wait while somebody calls for help; nothing else does, and none of them is lost or overtaken."""

import asyncio
import contextlib

import pytest

from core.right_of_way import RightOfWay
from realtime import set_aside_flow
from realtime.set_aside_flow import SetAside

pytestmark = pytest.mark.anyio
FIX = b'{"type":"fix","seq":%d}'


class Phone:
    def __init__(self):
        self.aside = 0
        self.read = []

    def read_late(self, buffer):
        self.read.append(buffer)


@contextlib.asynccontextmanager
async def running(aside):
    task = asyncio.create_task(aside.run())
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def settled():
    for _ in range(10):
        await asyncio.sleep(0)


async def test_without_an_urgent_act_nothing_is_set_aside(clock):
    assert not SetAside(RightOfWay(), clock).takes(Phone(), FIX % 1)


@pytest.mark.parametrize("frame", [b'{"type":"sos","tap_id":"a"}', '{"type":"pin"}', b'{"type":"status"}', b'{"seq":1,"type":"fix"}', b""])
async def test_a_press_a_pin_and_a_status_are_heard_at_once(clock, frame):
    way = RightOfWay()
    aside = SetAside(way, clock)
    with way.taken():
        assert not aside.takes(Phone(), frame)


@pytest.mark.parametrize("frame", [FIX % 1, '{"type":"fix","seq":1}', b'{"type":"fixes","fixes":[]}'])
async def test_fixes_are_read_when_she_has_her_receipt(clock, frame):
    way, phone = RightOfWay(), Phone()
    aside = SetAside(way, clock)
    async with running(aside):
        with way.taken():
            assert aside.takes(phone, frame)
            await settled()
            assert phone.read == []
        await settled()

    assert phone.read == [frame]
    assert phone.aside == 0


async def test_a_flood_of_presses_stops_no_fixes(clock):
    way, phone = RightOfWay(), Phone()
    aside = SetAside(way, clock)
    async with running(aside):
        with way.taken():
            aside.takes(phone, FIX % 1)
            await settled()
            await clock.advance(set_aside_flow.GIVES_WAY_S)

            assert phone.read == [FIX % 1]


async def test_a_flood_of_presses_leaves_two_rounds_a_second(clock):
    way, phone = RightOfWay(), Phone()
    aside = SetAside(way, clock)
    async with running(aside):
        with way.taken():
            for number in range(3 * set_aside_flow.ROUND):
                aside.takes(phone, FIX % number)
            for _ in range(2):
                await settled()
                await clock.advance(set_aside_flow.GIVES_WAY_S)
            await settled()

            assert len(phone.read) == 2 * set_aside_flow.ROUND


async def test_frames_of_one_phone_keep_their_order(clock):
    way, phone, other = RightOfWay(), Phone(), Phone()
    aside = SetAside(way, clock)
    with way.taken():
        aside.takes(phone, FIX % 1)
    # The way is free, but the phone's first frame has not been read yet.
    assert aside.takes(phone, FIX % 2)
    assert not aside.takes(other, FIX % 1)
    async with running(aside):
        await settled()

    assert phone.read == [FIX % 1, FIX % 2]
    assert not aside.takes(phone, FIX % 3)


async def test_a_turn_of_the_loop_reads_no_more_than_a_slice_and_the_next_ones_the_rest(clock):
    phones = [Phone() for _ in range(3 * set_aside_flow.SLICE)]
    aside = SetAside(RightOfWay(), clock)
    async with running(aside):
        at_once = [phone for phone in phones if not aside.takes(phone, FIX % 1)]
        assert at_once == phones[: set_aside_flow.SLICE]
        assert not aside.takes(Phone(), b'{"type":"sos","tap_id":"a"}')
        read = []
        for _ in range(6):
            read.append(sum(len(phone.read) for phone in phones))
            await asyncio.sleep(0)

        assert sorted(set(read)) == [0, set_aside_flow.SLICE, 2 * set_aside_flow.SLICE]
        assert not aside.takes(phones[0], FIX % 2)
        assert not aside.takes(phones[-1], FIX % 2)


async def test_what_is_set_aside_is_bounded(clock):
    way = RightOfWay()
    aside = SetAside(way, clock)
    with way.taken():
        took = sum(aside.takes(Phone(), FIX % number) for number in range(set_aside_flow.MOST_FRAMES + 5))

    assert took == set_aside_flow.MOST_FRAMES
