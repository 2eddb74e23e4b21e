"""The contract of live positions, met by the double in memory and by a real Valkey."""

import math
from collections.abc import AsyncIterator

import pytest
from redis import asyncio as aioredis
from redis.exceptions import ResponseError

from core import redis_keys
from core.geo import GEO_SET_MAX_LAT, LatLon, moved
from tests.doubles.fake_clock import FakeClock
from tests.doubles.fixed_ids import FixedIds
from tests.doubles.memory_positions import MemoryPositions
from tracking import packing
from tracking.fix import Fix, Judged, Lane, Reason
from tracking.ports import Part, Positions, WriteStatus
from tracking.redis_line import RedisLine
from tracking.redis_positions import PositionsAway, RedisPositions, reader_client, writer_client
from tracking.redis_script import RedisScript

pytestmark = pytest.mark.anyio
SITE, HERE, NOW_MS = "site", LatLon(31.2, 121.5), 1_772_442_000_000


@pytest.fixture(params=["memory", "valkey"])
async def positions(request: pytest.FixtureRequest, clock: FakeClock, ids: FixedIds) -> AsyncIterator[Positions]:
    if request.param == "memory":
        yield MemoryPositions(stream_bytes=20_000)
        return
    await _flushed(request)
    url = request.getfixturevalue("redis_url")
    writer, reader = writer_client(url), reader_client(url)
    yield RedisPositions(writer, reader, clock, ids, "w1", stream_bytes=20_000)
    await writer.aclose()
    await reader.aclose()


async def _flushed(request: pytest.FixtureRequest) -> None:
    client = aioredis.Redis.from_url(request.getfixturevalue("redis_url"))
    await client.flushall()
    await client.aclose()


def fix(technician: str = "t1", *, at_ms: int = NOW_MS, place: LatLon = HERE, seq: int = 1) -> Fix:
    return Fix(f"d-{technician}", 7, seq, technician, at_ms, at_ms, NOW_MS, place.lat, place.lon)


def part(one: Fix, session_no: int = 0, *, marks: bool = True) -> Part:
    judged = Judged(one, Lane.LIVE if marks else Lane.LEDGER_ONLY)
    return Part(one.device_id, session_no, packing.pack_part([judged]), 1, one if marks else None)


async def test_the_newest_fix_is_last_known_whatever_comes_later(positions: Positions) -> None:
    await positions.write(SITE, 0, "b1", [part(fix(at_ms=NOW_MS))])
    await positions.write(SITE, 0, "b2", [part(fix(at_ms=NOW_MS - 5000, seq=2))])
    assert (await positions.last_known(SITE, ["t1", "t9"])) == {"t1": fix(at_ms=NOW_MS)}
    await positions.write(SITE, 0, "b3", [part(fix(at_ms=NOW_MS + 1, seq=3))])
    assert (await positions.all_known(SITE))["t1"].seq == 3


async def test_a_fix_that_moves_no_marker_is_only_appended(positions: Positions) -> None:
    written = await positions.write(SITE, 0, "b1", [part(fix(), marks=False)])
    assert (written.status, written.total) == (WriteStatus.WRITTEN, 1)
    assert await positions.all_known(SITE) == {}


async def test_a_repeated_batch_is_written_once_and_answered_alike(positions: Positions) -> None:
    await positions.take_fence(SITE, "t1", "d-t1")
    await positions.take_fence(SITE, "t1", "d-t1")
    parts = [part(fix("t1"), 1), part(fix("t2"))]
    first = await positions.write(SITE, 0, "b1", parts)
    again = await positions.write(SITE, 0, "b1", parts)
    assert (first.status, again.status) == (WriteStatus.WRITTEN, WriteStatus.REPEATED)
    assert first.superseded == again.superseded == frozenset({0})
    assert (first.epoch, first.total) == (again.epoch, again.total)
    assert (await positions.write(SITE, 0, "b2", [part(fix("t3"))])).total == 2


async def test_an_older_session_is_left_out_and_the_rest_of_the_batch_goes_through(positions: Positions) -> None:
    old = await positions.take_fence(SITE, "t1", "d-t1")
    new = await positions.take_fence(SITE, "t1", "d-t1")
    written = await positions.write(SITE, 0, "b1", [part(fix("t1"), old), part(fix("t2")), part(fix("t1", seq=2), new)])
    assert written.superseded == {0}
    assert written.total == 2
    assert set(await positions.all_known(SITE)) == {"t1", "t2"}


async def test_a_batch_of_superseded_parts_only_appends_nothing(positions: Positions) -> None:
    await positions.take_fence(SITE, "t1", "d-t1")
    await positions.take_fence(SITE, "t1", "d-t1")
    written = await positions.write(SITE, 0, "b1", [part(fix(), 1)])
    assert (written.superseded, written.total) == ({0}, 0)
    assert await positions.all_known(SITE) == {}


async def test_a_full_stream_is_told_and_takes_nothing(positions: Positions) -> None:
    for number in range(400):
        written = await positions.write(SITE, 0, f"b{number}", [part(fix(seq=number, at_ms=NOW_MS + number))])
        if written.status is WriteStatus.FULL:
            break
    assert written.status is WriteStatus.FULL
    assert (await positions.last_known(SITE, ["t1"]))["t1"].seq == number - 1


async def test_nearby_is_ordered_limited_and_fresh(positions: Positions) -> None:
    far, near = moved(HERE, 90, 900), moved(HERE, 0, 100)
    out = moved(HERE, 0, 5000)
    await positions.write(SITE, 0, "b1", [part(fix("far", place=far)), part(fix("near", place=near)), part(fix("out", place=out))])
    await positions.write(SITE, 0, "b2", [part(fix("stale", place=near, at_ms=NOW_MS - 600_000))])
    found = await positions.nearby(SITE, HERE, 1000, 10, NOW_MS - 60_000)
    assert [one.fix.technician_id for one in found] == ["near", "far"]
    assert [one.distance_m for one in found] == pytest.approx([100, 900], abs=2)
    assert len(await positions.nearby(SITE, HERE, 1000, 1, NOW_MS - 60_000)) == 1


async def test_a_fix_near_the_pole_is_known_but_near_nobody(positions: Positions) -> None:
    await positions.write(SITE, 0, "b1", [part(fix(place=LatLon(80.0, 10.0)))])
    await positions.write(SITE, 0, "b2", [part(fix(place=LatLon(86.0, 10.0), at_ms=NOW_MS + 1))])
    assert (await positions.last_known(SITE, ["t1"]))["t1"].lat == 86.0
    assert await positions.nearby(SITE, LatLon(80.0, 10.0), 1000, 10, 0) == []
    assert await positions.nearby(SITE, LatLon(86.0, 10.0), 1000, 10, 0) == []


async def test_last_known_is_the_fix_as_it_was_alone_in_its_part_or_not(positions: Positions) -> None:
    full = Fix("d-t1", 7, 1, "t1", NOW_MS, NOW_MS - 9, NOW_MS, 31.2, 121.5, 5.0, 9.0, 90.0, 12.5, 71.0, True)
    first, second = fix("t2"), fix("t2", at_ms=NOW_MS + 1, seq=2)
    judged = [Judged(first, Lane.LIVE), Judged(second, Lane.LIVE), Judged(fix("t2", seq=3), Lane.LEDGER_ONLY, (Reason.STALE,))]
    await positions.write(SITE, 0, "b1", [part(full), Part("d-t2", 0, packing.pack_part(judged), 3, second)])
    assert await positions.last_known(SITE, ["t1", "t2"]) == {"t1": full, "t2": second}


async def test_the_last_latitude_that_a_geo_set_takes_is_not_rounded_beyond_it(positions: Positions) -> None:
    edge = LatLon(GEO_SET_MAX_LAT, 180.0)
    just_below = LatLon(math.nextafter(GEO_SET_MAX_LAT, 0), math.nextafter(180.0, 0))
    written = await positions.write(SITE, 0, "b1", [part(fix("edge", place=edge)), part(fix("below", place=just_below))])
    assert written.status is WriteStatus.WRITTEN
    assert set(await positions.all_known(SITE)) == {"edge", "below"}


async def test_a_sweep_forgets_who_has_long_been_silent(positions: Positions) -> None:
    await positions.write(SITE, 0, "b1", [part(fix("old", at_ms=NOW_MS - 10)), part(fix("new"))])
    assert await positions.sweep(SITE, NOW_MS) == 1
    assert set(await positions.all_known(SITE)) == {"new"}
    assert [one.fix.technician_id for one in await positions.nearby(SITE, HERE, 10, 10, 0)] == ["new"]


@pytest.fixture
async def real(redis: aioredis.Redis, redis_url: str, clock: FakeClock, ids: FixedIds) -> AsyncIterator[RedisPositions]:
    writer, reader = writer_client(redis_url), reader_client(redis_url)
    yield RedisPositions(writer, reader, clock, ids, "w1", shards=3)
    await writer.aclose()
    await reader.aclose()


async def test_the_stream_and_the_channel_carry_the_same_blob(real: RedisPositions, redis: aioredis.Redis) -> None:
    async with redis.pubsub() as channel:
        await channel.subscribe(redis_keys.live_channel(SITE, 0))
        await channel.get_message(timeout=1)
        await real.write(SITE, 0, "b1", [part(fix("t1")), part(fix("t2"))])
        published = await channel.get_message(timeout=1)
    [(_, entry)] = await redis.xrange(redis_keys.fix_stream(SITE, 0))
    assert published is not None
    assert published["data"] == entry[b"b"]
    assert packing.unpack(entry[b"b"]) == packing.Batch("w1", "b1", [[Judged(fix("t1"), Lane.LIVE)], [Judged(fix("t2"), Lane.LIVE)]])
    assert (entry[b"n"], entry[b"t"]) == (b"2", b"2")


async def test_a_server_that_lost_its_functions_is_given_them_again(real: RedisPositions, redis: aioredis.Redis) -> None:
    await real.write(SITE, 0, "b1", [part(fix())])
    await redis.execute_command("FUNCTION", "FLUSH")
    assert (await real.write(SITE, 0, "b2", [part(fix(seq=2))])).status is WriteStatus.WRITTEN


async def test_after_a_flush_the_newest_session_fences_again(real: RedisPositions, redis: aioredis.Redis) -> None:
    first = await real.write(SITE, 0, "b1", [part(fix(), 41)])
    await redis.flushall()
    second = await real.write(SITE, 0, "b2", [part(fix(seq=2), 42)])
    assert second.epoch != first.epoch
    assert (await real.write(SITE, 0, "b3", [part(fix(seq=3), 41)])).superseded == {0}
    assert await real.take_fence(SITE, "t9", "other") == 1


async def test_nearby_and_snapshots_gather_over_shards(real: RedisPositions) -> None:
    for name in ("a", "b", "c", "d", "e", "f"):
        await real.write(SITE, real.shard_of(name), f"b-{name}", [part(fix(name))])
    assert len(await real.nearby(SITE, HERE, 100, 10, 0)) == 6
    assert set(await real.last_known(SITE, ["a", "f", "x"])) == {"a", "f"}
    assert await real.sweep(SITE, NOW_MS + 1) == 6


async def test_a_batch_of_five_hundred_parts_goes_in_one_call(real: RedisPositions) -> None:
    written = await real.write(SITE, 0, "b1", [part(fix(f"t{number}")) for number in range(500)])
    assert written.total == 500
    assert len(await real.all_known(SITE)) == 500


async def test_no_server_is_told_as_positions_away(clock: FakeClock, ids: FixedIds) -> None:
    nowhere = writer_client("unix:///nowhere/at/all.sock")
    positions = RedisPositions(nowhere, nowhere, clock, ids, "w1")
    with pytest.raises(PositionsAway):
        await positions.write(SITE, 0, "b1", [part(fix())])
    with pytest.raises(PositionsAway):
        await positions.last_known(SITE, ["t1"])
    await nowhere.aclose()


class OldServer(RedisLine):
    """A real line that behaves as to a server without functions."""

    async def call(self, *words: object) -> object:
        if str(words[0]) in ("FUNCTION LOAD", "FCALL"):
            raise ResponseError(f"unknown command '{words[0]}'")
        return await super().call(*words)


async def test_a_server_without_functions_gets_a_script_again_after_losing_it(redis: aioredis.Redis) -> None:
    await redis.zadd("times", {"old": 1.0, "new": 9.0})
    script = RedisScript(OldServer(redis), "sweep.lua", "sweep")
    assert await script.call(["geo", "last", "times"], [5, 10]) == 1
    await redis.script_flush()
    assert await script.call(["geo", "last", "times"], [10, 10]) == 1
