"""What is recorded in the bench of the recorder, and how is its speed told? Full entries of drivers on their way, 5 s apart."""

import math
from collections.abc import Mapping, Sequence

import msgspec
from redis import asyncio as aioredis

from core import redis_keys
from core.geo import LatLon
from core.ids import DeviceId, SiteId, TechnicianId
from tracking import packing
from tracking.fix import Fix, Judged, Lane
from tracking.packing import Batch

SITE = SiteId("bench")
TECHNICIANS = 500
INTERVAL_MS = 5_000
AIM_SQLITE, AIM_POSTGRESQL = 60_000, 30_000


class Driver(msgspec.Struct, frozen=True):
    """A technician on her way, in circles around `centre`."""

    technician_id: TechnicianId
    centre: LatLon


class Speed(msgspec.Struct, frozen=True, kw_only=True):
    """One database: fixes a second by the wall, and per CPU second of the recorders' processes (a database server's own not counted)."""

    recorders: int
    fixes_per_s: float
    fixes_per_cpu_s: float
    fixes: int
    seconds: float
    aim_per_s: float
    reached: bool


def speed(recorders: int, fixes: int, seconds: float, cpu_s: float, aim_per_s: float) -> Speed:
    """Return the figures of one run."""
    per_s = round(fixes / seconds)
    return Speed(
        recorders=recorders, fixes_per_s=per_s, fixes_per_cpu_s=round(fixes / cpu_s), fixes=fixes, seconds=round(seconds, 2),
        aim_per_s=aim_per_s, reached=per_s >= aim_per_s,
    )


def entries(drivers: Sequence[Driver], turns: range, start_ms: int) -> list[bytes]:
    """Return packed batches, one a turn, each with one fix of every driver; turn 0 is at `start_ms`."""
    return [
        packing.pack(Batch("bench", f"batch-{turn}", [[_judged(driver, number, turn, start_ms)] for number, driver in enumerate(drivers)]))
        for turn in turns
    ]


async def fill(redis: aioredis.Redis, blobs: Mapping[int, Sequence[bytes]], fixes: Mapping[int, int], before: Mapping[int, int]) -> None:
    """Append entries to the streams of some shards at once, as the batch function does one by one.

    By shard: the `blobs`, how many `fixes` each of them holds, and how many fixes were appended `before`.
    """
    async with redis.pipeline(transaction=True) as pipe:
        for shard, bodies in blobs.items():
            stream, state, total = redis_keys.fix_stream(SITE, shard), redis_keys.stream_state(SITE, shard), before[shard]
            for body in bodies:
                total += fixes[shard]
                pipe.xadd(stream, {"b": body, "n": fixes[shard], "t": total})
            pipe.hset(state, mapping={"epoch": "bench", "total": str(total)})
        await pipe.execute()


def _judged(driver: Driver, number: int, turn: int, start_ms: int) -> Judged:
    at_ms, angle = start_ms + turn * INTERVAL_MS, turn * 0.15 + number
    fix = Fix(
        DeviceId(f"d{driver.technician_id[1:]}"), 1, turn, driver.technician_id, at_ms, at_ms, at_ms + 200,
        driver.centre.lat + math.sin(angle) * 0.003, driver.centre.lon + math.cos(angle) * 0.004, 6.0, 9.0, math.degrees(angle) % 360,
        None, 71.0,
    )
    return Judged(fix, Lane.LIVE)
