"""Where do live positions live? In Redis: geo-set, last-known, fix times and the stream, all written by one function call a batch.

A call costs tens of microseconds of Python, so there is one a batch, never one a fix. The writing client has no retries (a repeated write
goes through the batch id instead) and no socket timeout (a timer per reply costs a third of the throughput): a watchdog stands around the
whole call.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from redis import asyncio as aioredis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import OutOfMemoryError, ReadOnlyError
from redis.exceptions import TimeoutError as RedisTimeoutError

from core import redis_keys
from core.clock import Clock
from core.errors import Unavailable
from core.geo import GEO_SET_MAX_LAT, LatLon
from core.ids import DeviceId, IdSource, SiteId, TechnicianId
from tracking import packing
from tracking.fix import Fix
from tracking.ports import Near, Part, WriteStatus, Written
from tracking.redis_line import RedisLine
from tracking.redis_packed import pack_in_c
from tracking.redis_script import RedisScript

WATCHDOG_S = 5.0
STREAM_BYTES = 256 << 20
"""At this size of one shard's stream the recorder is far behind: the hub stops acknowledging instead of filling the machine's memory."""
SWEEP_COUNT = 1000
_OVERFETCH = 3
"""Stale members are filtered after the search, so more than asked for are read."""
_AWAY = (RedisConnectionError, RedisTimeoutError, OutOfMemoryError, ReadOnlyError, TimeoutError, OSError)
_NOT_A_MARKER = ("", "", "", "", "")


class PositionsAway(Unavailable):
    """Redis does not answer, so nothing can be said about live positions. Keep what you have and try again."""

    code = "positions_away"


def writer_client(url: str) -> aioredis.Redis:
    """Return the client for writing: no retries, no socket timeout. Give it to `RedisPositions` and to nobody else."""
    return pack_in_c(aioredis.Redis.from_url(url, socket_timeout=None, socket_connect_timeout=2, retry=Retry(NoBackoff(), 0)))


def reader_client(url: str) -> aioredis.Redis:
    """Return the client for reading commands: short timeout, one retry."""
    return aioredis.Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2, retry=Retry(NoBackoff(), 1))


class RedisPositions:
    """Meets `tracking.ports.Positions`. `worker_id` names this process for the life of it; `writer` and `reader` as made above."""

    def __init__(
        self, writer: aioredis.Redis, reader: aioredis.Redis, clock: Clock, ids: IdSource, worker_id: str, *,
        shards: int = 1, stream_bytes: int = STREAM_BYTES, watchdog_s: float = WATCHDOG_S,
    ) -> None:
        self.shards = shards
        # redis-py's stubs promise text and bytes alike; these clients decode nothing, so it is bytes.
        self._reader: Any = reader
        self._clock = clock
        self._worker_id = worker_id
        self._stream_bytes = stream_bytes
        self._watchdog_s = watchdog_s
        self._fresh_epoch = ids.new_id
        self._writer = writer
        self._write = RedisScript(RedisLine(writer), "batch.lua", "write_batch")
        self._sweep = RedisScript(RedisLine(reader), "sweep.lua", "sweep")

    async def write(self, site_id: SiteId, shard: int, batch_id: str, parts: Sequence[Part]) -> Written:
        """See `Positions.write`."""
        args: list[Any] = [
            redis_keys.live_channel(site_id, shard), self._worker_id, batch_id, self._clock.now_ms(), self._stream_bytes,
            self._fresh_epoch(), packing.pack_head(self._worker_id, batch_id),
        ]
        for part in parts:
            args += (part.device_id, part.session_no, part.body, part.fixes)
            args += _NOT_A_MARKER if part.marker is None else _marker(part.marker)
        async with self._watched():
            return _written(await self._write.call(_batch_keys(site_id, shard), args))

    async def take_fence(self, site_id: SiteId, technician_id: TechnicianId, device_id: DeviceId) -> int:
        """See `Positions.take_fence`."""
        key = redis_keys.device_fences(site_id, self.shard_of(technician_id))
        async with self._watched():
            return int(await self._writer.hincrby(key, device_id, 1))

    async def last_known(self, site_id: SiteId, technician_ids: Sequence[TechnicianId]) -> dict[TechnicianId, Fix]:
        """See `Positions.last_known`."""
        by_shard: dict[int, list[TechnicianId]] = {}
        for technician_id in technician_ids:
            by_shard.setdefault(self.shard_of(technician_id), []).append(technician_id)
        found: dict[TechnicianId, Fix] = {}
        async with self._watched():
            for shard, ids in by_shard.items():
                blobs = await self._reader.hmget(redis_keys.last_known(site_id, shard), ids)
                found.update({each: packing.unpack_fix(blob) for each, blob in zip(ids, blobs, strict=True) if blob is not None})
        return found

    async def all_known(self, site_id: SiteId) -> dict[TechnicianId, Fix]:
        """See `Positions.all_known`."""
        found: dict[TechnicianId, Fix] = {}
        async with self._watched():
            for shard in range(self.shards):
                blobs = await self._reader.hvals(redis_keys.last_known(site_id, shard))
                found.update({fix.technician_id: fix for fix in map(packing.unpack_fix, blobs)})
        return found

    async def nearby(self, site_id: SiteId, place: LatLon, radius_m: float, limit: int, fresh_from_ms: int) -> list[Near]:
        """See `Positions.nearby`. Beyond the geo-set's latitudes nobody is near."""
        if abs(place.lat) > GEO_SET_MAX_LAT:
            return []
        near: list[Near] = []
        async with self._watched():
            for shard in range(self.shards):
                near += await self._nearby_in(site_id, shard, place, radius_m, limit)
        fresh = [one for one in near if one.fix.at_ms >= fresh_from_ms]
        return sorted(fresh, key=lambda one: one.distance_m)[:limit]

    async def ping(self) -> None:
        """See `Positions.ping`. Goes through the writer: it is the one that must be well again."""
        async with self._watched():
            await self._writer.ping()

    async def sweep(self, site_id: SiteId, before_ms: int) -> int:
        """See `Positions.sweep`."""
        swept = 0
        async with self._watched():
            for shard in range(self.shards):
                while (count := int(await self._sweep.call(_batch_keys(site_id, shard)[:3], [before_ms, SWEEP_COUNT]))) > 0:
                    swept += count
        return swept

    def shard_of(self, technician_id: TechnicianId) -> int:
        """Return the shard of a technician."""
        return redis_keys.shard_of(technician_id, self.shards)

    async def _nearby_in(self, site_id: SiteId, shard: int, place: LatLon, radius_m: float, limit: int) -> list[Near]:
        found = await self._reader.geosearch(
            redis_keys.live_positions(site_id, shard), longitude=place.lon, latitude=place.lat, radius=radius_m, unit="m",
            sort="ASC", count=limit * _OVERFETCH, withdist=True,
        )
        if not found:
            return []
        blobs = await self._reader.hmget(redis_keys.last_known(site_id, shard), [technician for technician, _ in found])
        pairs = zip(found, blobs, strict=True)
        return [Near(packing.unpack_fix(blob), float(distance)) for (_, distance), blob in pairs if blob is not None]

    @asynccontextmanager
    async def _watched(self) -> AsyncIterator[None]:
        """Turn every way in which Redis can be away into `PositionsAway`; leave errors of our own making as they are."""
        try:
            async with asyncio.timeout(self._watchdog_s):
                yield
        except _AWAY as away:
            raise PositionsAway from away


def _batch_keys(site_id: SiteId, shard: int) -> list[str]:
    """Return the keys of the batch function in its order."""
    kinds = (
        redis_keys.live_positions, redis_keys.last_known, redis_keys.last_known_at, redis_keys.fix_stream,
        redis_keys.batch_ids, redis_keys.device_fences, redis_keys.stream_state,
    )
    return [key(site_id, shard) for key in kinds]


def _marker(fix: Fix) -> tuple[Any, ...]:
    in_geo_set = -GEO_SET_MAX_LAT <= fix.lat <= GEO_SET_MAX_LAT
    # To a millimetre, as the geo-set's limit is given: the shortest text of a number takes twice as long to find.
    return (fix.technician_id, fix.at_ms, b"%.8f" % fix.lon if in_geo_set else b"", b"%.8f" % fix.lat, packing.pack_fix(fix))


def _written(answer: list[Any]) -> Written:
    status, epoch, total, superseded = (_text(part) for part in answer)
    numbers = frozenset(int(number) for number in superseded.split(",") if number)
    return Written(WriteStatus(status), numbers, epoch, int(total))


def _text(part: Any) -> str:
    return part.decode() if isinstance(part, bytes) else str(part)
