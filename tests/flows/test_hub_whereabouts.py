"""Where she was last, for a press without a position: from this worker's memory while it is fresh, else from Redis, else memory again."""

import pytest

from core.errors import Unavailable
from hub.join_safety import AS_GOOD_MS, BETTER_THAN_NONE_MS, Whereabouts
from tracking.fix import Fix

pytestmark = pytest.mark.anyio


def fix(clock, *, ago_ms, lat):
    at_ms = clock.now_ms() - ago_ms
    return Fix(
        device_id="d", device_epoch=1, seq=1, technician_id="t", at_ms=at_ms, device_at_ms=at_ms, received_ms=at_ms, lat=lat, lon=121.5
    )


class Redis:
    def __init__(self, found):
        self.found, self.asked = found, 0

    async def last_known(self, site_id, technician_ids):
        self.asked += 1
        if self.found is None:
            raise Unavailable
        return {each.technician_id: each for each in self.found}


def where(redis, clock, remembered):
    return Whereabouts(redis, lambda _she: remembered, clock)


async def test_a_fix_of_moments_ago_needs_no_question(clock):
    redis = Redis([])

    found = await where(redis, clock, fix(clock, ago_ms=AS_GOOD_MS, lat=31.0)).position_of("site", "t")

    assert found.place.lat == 31.0
    assert redis.asked == 0


async def test_an_older_one_gives_way_to_what_another_worker_took(clock):
    redis = Redis([fix(clock, ago_ms=1_000, lat=32.0)])

    found = await where(redis, clock, fix(clock, ago_ms=AS_GOOD_MS + 1, lat=31.0)).position_of("site", "t")

    assert found.place.lat == 32.0


@pytest.mark.parametrize(("ago_ms", "is_found"), [(BETTER_THAN_NONE_MS, True), (BETTER_THAN_NONE_MS + 1, False)])
async def test_without_redis_a_position_of_the_last_hour_is_told(clock, ago_ms, is_found):
    found = await where(Redis(None), clock, fix(clock, ago_ms=ago_ms, lat=31.0)).position_of("site", "t")

    assert (found is not None) is is_found


async def test_what_redis_has_forgotten_is_not_told(clock):
    found = await where(Redis([]), clock, fix(clock, ago_ms=AS_GOOD_MS + 1, lat=31.0)).position_of("site", "t")

    assert found is None


async def test_somebody_never_seen_has_no_position(clock):
    assert await where(Redis([]), clock, None).position_of("site", "t") is None
