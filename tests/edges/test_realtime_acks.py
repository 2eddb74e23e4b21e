"""How far a device was acknowledged: kept on Valkey, a lower bound at every hello, and no word where nobody knows."""

import pytest
from redis import asyncio as aioredis

from core.errors import Unavailable
from core.ids import DeviceId
from realtime.ack_mark import AckMark
from realtime.ack_marks_flow import AckMarksFlow
from realtime.redis_acks import RedisAcks
from tests.doubles.socket_ports import SITE, TECHNICIAN
from tracking.fix import Sender

pytestmark = pytest.mark.anyio
DEVICE = DeviceId("dev-1")
SENDER = Sender(DEVICE, TECHNICIAN, SITE, 1, 7)


@pytest.fixture
def marks(redis):
    return RedisAcks(redis)


async def test_a_mark_is_read_back_by_device_and_site(marks):
    await marks.note(SITE, {DEVICE: AckMark(2**53 - 1, 41)})

    assert await marks.of(SITE, DEVICE) == AckMark(2**53 - 1, 41)
    assert await marks.of(SITE, DeviceId("dev-2")) is None
    assert await marks.of("elsewhere", DEVICE) is None


async def test_a_phone_hears_how_far_its_epoch_came_and_nothing_of_another(marks):
    here = [(SENDER, 41)]
    await AckMarksFlow(marks, lambda: here).run_once()
    another_worker = AckMarksFlow(marks, list)

    assert await another_worker.acked(SITE, DEVICE, 7) == 41
    assert await another_worker.acked(SITE, DEVICE, 8) is None


async def test_a_round_puts_only_what_grew(marks, redis):
    here = [(SENDER, 41)]
    flow = AckMarksFlow(marks, lambda: here)
    await flow.run_once()
    await redis.flushall()
    await flow.run_once()
    assert await marks.of(SITE, DEVICE) is None

    here[0] = (SENDER, 42)
    await flow.run_once()
    assert await marks.of(SITE, DEVICE) == AckMark(7, 42)


async def test_with_redis_away_nothing_is_known_and_the_phone_is_let_in():
    flow = AckMarksFlow(RedisAcks(aioredis.Redis.from_url("redis://127.0.0.1:1")), lambda: [(SENDER, 1)])

    assert await flow.acked(SITE, DEVICE, 7) is None
    with pytest.raises(Unavailable):
        await flow.run_once()
