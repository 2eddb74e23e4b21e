"""Signs of life: kept alike by the double and by Valkey, gathered over sockets and stock phones, shown on the console."""

import json

import pytest
from redis import asyncio as aioredis

from core.errors import Unavailable
from core.ids import TechnicianId
from realtime.fanout import Fanout
from realtime.positions_room_flow import HEARD_TICKS, PositionsRoom
from realtime.presence_flow import PresenceFlow
from realtime.redis_presence import KEPT_MS, RedisPresence
from tests.doubles.socket_ports import SITE, TECHNICIAN, MemoryLastKnown, MemoryPhones, fix_at
from tracking.fix import Sender

pytestmark = pytest.mark.anyio
OTHER = TechnicianId("tech-2")


@pytest.fixture(params=["memory", "valkey"])
def phones(request, clock):
    if request.param == "memory":
        return MemoryPhones()
    return RedisPresence(request.getfixturevalue("redis"), clock)


async def test_signs_of_life_are_read_back_by_technician(phones, clock):
    now_ms = clock.now_ms()
    await phones.note(SITE, {TECHNICIAN: now_ms, OTHER: now_ms - 5_000})

    assert await phones.heard(SITE) == {TECHNICIAN: now_ms, OTHER: now_ms - 5_000}
    assert await phones.heard("another") == {}


async def test_an_older_sign_never_replaces_a_newer(phones, clock):
    now_ms = clock.now_ms()
    await phones.note(SITE, {TECHNICIAN: now_ms})
    await phones.note(SITE, {TECHNICIAN: now_ms - 60_000})

    assert await phones.heard(SITE) == {TECHNICIAN: now_ms}


async def test_valkey_forgets_after_a_day(redis, clock):
    phones = RedisPresence(redis, clock)
    await phones.note(SITE, {TECHNICIAN: clock.now_ms()})
    clock.move(KEPT_MS / 1000 + 1)
    await phones.note(SITE, {OTHER: clock.now_ms()})

    assert await phones.heard(SITE) == {OTHER: clock.now_ms()}


async def test_redis_away_is_said_in_words(clock):
    phones = RedisPresence(aioredis.Redis.from_url("redis://127.0.0.1:1"), clock)

    with pytest.raises(Unavailable):
        await phones.heard(SITE)
    with pytest.raises(Unavailable):
        await phones.note(SITE, {TECHNICIAN: 1})


async def test_a_round_puts_the_newest_sign_of_each_technician_and_only_what_is_new():
    phones, here = MemoryPhones(), [(_sender("dev-1"), 1_000), (_sender("dev-2"), 3_000)]
    flow = PresenceFlow(phones, lambda: here)

    flow.heard(_sender("stock"), 2_000, 80.0)
    await flow.run_once()
    await flow.run_once()

    assert phones.noted == [{TECHNICIAN: 3_000}]


async def test_a_round_that_failed_is_made_up_for():
    phones = MemoryPhones()
    flow = PresenceFlow(phones, lambda: [])
    flow.heard(_sender("stock"), 2_000, None)
    phones.is_away = True
    with pytest.raises(Unavailable):
        await flow.run_once()
    phones.is_away = False
    await flow.run_once()

    assert phones.noted == [{TECHNICIAN: 2_000}]


async def test_the_console_shows_a_phone_that_speaks_without_a_position():
    phones, last_known = MemoryPhones(), MemoryLastKnown()
    await phones.note(SITE, {TECHNICIAN: 7_000})
    room = PositionsRoom(SITE, last_known, Fanout(), phones)
    await room.open()

    item = _items(room)[TECHNICIAN]
    assert (item["seen_at_ms"], item["lat"]) == (7_000, None)

    room.on_fix(fix_at(8_000))
    await phones.note(SITE, {TECHNICIAN: 9_000})
    for _ in range(HEARD_TICKS):
        await room.refresh()
    item = _items(room)[TECHNICIAN]
    assert (item["seen_at_ms"], item["at_ms"]) == (9_000, 8_000)


async def test_the_console_keeps_what_it_knew_while_redis_is_away():
    phones = MemoryPhones()
    await phones.note(SITE, {TECHNICIAN: 7_000})
    room = PositionsRoom(SITE, MemoryLastKnown(), Fanout(), phones)
    await room.open()
    phones.is_away = True
    for _ in range(HEARD_TICKS):
        await room.refresh()

    assert _items(room)[TECHNICIAN]["seen_at_ms"] == 7_000


def _sender(device: str) -> Sender:
    return Sender(device, TECHNICIAN, SITE, 1, 7)


def _items(room) -> dict:
    return {key: json.loads(bytes(raw)) for key, raw in room.items.items.items()}
