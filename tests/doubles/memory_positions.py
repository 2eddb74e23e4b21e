"""Live positions in memory: what `tracking.redis_positions` does, without a server, and able to fail on request."""

import asyncio
from collections.abc import Callable, Sequence

from core.geo import GEO_SET_MAX_LAT, LatLon, distance_m
from core.ids import DeviceId, SiteId, TechnicianId
from core.redis_keys import shard_of
from tracking import packing
from tracking.fix import Fix
from tracking.ports import Near, Part, WriteStatus, Written
from tracking.redis_positions import PositionsAway

Place = tuple[SiteId, int]


class MemoryPositions:
    """Meets `tracking.ports.Positions`.

    `away` makes every call fail before it does anything; `lose_answers` makes the next so many writes fail after they did everything;
    while `answers` is cleared, writes that did everything are not answered.
    """

    def __init__(self, worker_id: str = "w1", *, shards: int = 1, stream_bytes: int = 1 << 20) -> None:
        self.shards = shards
        self.away = False
        self.lose_answers = 0
        self.answers = asyncio.Event()
        self.answers.set()
        self.writes: list[int] = []
        """Number of fixes of each write that reached the server, repeated ones included."""
        self.streams: dict[Place, list[tuple[bytes, int, int]]] = {}
        """Stream entries: blob, fixes in it, total after it."""
        self.on_write: Callable[[], None] | None = None
        self._worker_id = worker_id
        self._stream_bytes = stream_bytes
        self._last: dict[SiteId, dict[TechnicianId, Fix]] = {}
        self._fences: dict[DeviceId, int] = {}
        self._answered: dict[Place, tuple[str, Written]] = {}

    async def write(self, site_id: SiteId, shard: int, batch_id: str, parts: Sequence[Part]) -> Written:
        self._must_be_there()
        if self.on_write is not None:
            self.on_write()
        self.writes.append(sum(part.fixes for part in parts))
        known_id, known = self._answered.get((site_id, shard), ("", None))
        if known is not None and known_id == batch_id:
            written = Written(WriteStatus.REPEATED, known.superseded, known.epoch, known.total)
        else:
            written = self._write(site_id, shard, batch_id, parts)
        if self.lose_answers > 0:
            self.lose_answers -= 1
            raise PositionsAway
        await self.answers.wait()
        return written

    def _write(self, site_id: SiteId, shard: int, batch_id: str, parts: Sequence[Part]) -> Written:
        stream = self.streams.setdefault((site_id, shard), [])
        if sum(len(blob) for blob, _, _ in stream) > self._stream_bytes:
            return Written(WriteStatus.FULL)
        superseded = frozenset(number for number, part in enumerate(parts) if self._is_superseded(part))
        kept = [part for number, part in enumerate(parts) if number not in superseded]
        total = (stream[-1][2] if stream else 0) + sum(part.fixes for part in kept)
        if kept:
            blob = packing.join(packing.pack_head(self._worker_id, batch_id), [part.body for part in kept])
            stream.append((blob, sum(part.fixes for part in kept), total))
        for part in kept:
            self._move(site_id, part.marker)
        written = Written(WriteStatus.WRITTEN, superseded, "epoch-1", total)
        self._answered[(site_id, shard)] = (batch_id, written)
        return written

    def _is_superseded(self, part: Part) -> bool:
        fence = self._fences.get(part.device_id, 0)
        self._fences[part.device_id] = max(fence, part.session_no)
        return 0 < part.session_no < fence

    def _move(self, site_id: SiteId, marker: Fix | None) -> None:
        known = self._last.setdefault(site_id, {})
        if marker is not None and (marker.technician_id not in known or known[marker.technician_id].at_ms < marker.at_ms):
            known[marker.technician_id] = marker

    async def take_fence(self, site_id: SiteId, technician_id: TechnicianId, device_id: DeviceId) -> int:
        self._must_be_there()
        self._fences[device_id] = self._fences.get(device_id, 0) + 1
        return self._fences[device_id]

    async def last_known(self, site_id: SiteId, technician_ids: Sequence[TechnicianId]) -> dict[TechnicianId, Fix]:
        self._must_be_there()
        known = self._last.get(site_id, {})
        return {each: known[each] for each in technician_ids if each in known}

    async def all_known(self, site_id: SiteId) -> dict[TechnicianId, Fix]:
        self._must_be_there()
        return dict(self._last.get(site_id, {}))

    async def nearby(self, site_id: SiteId, place: LatLon, radius_m: float, limit: int, fresh_from_ms: int) -> list[Near]:
        self._must_be_there()
        near = [Near(fix, distance_m(place, fix.place)) for fix in self._last.get(site_id, {}).values() if abs(fix.lat) <= GEO_SET_MAX_LAT]
        near = [one for one in near if one.distance_m <= radius_m and one.fix.at_ms >= fresh_from_ms]
        return sorted(near, key=lambda one: one.distance_m)[:limit]

    async def ping(self) -> None:
        self._must_be_there()

    async def sweep(self, site_id: SiteId, before_ms: int) -> int:
        self._must_be_there()
        known = self._last.get(site_id, {})
        old = [each for each, fix in known.items() if fix.at_ms < before_ms]
        for each in old:
            del known[each]
        return len(old)

    def shard_of(self, technician_id: TechnicianId) -> int:
        return shard_of(technician_id, self.shards)

    def stored(self) -> list[tuple[str, int, int]]:
        """Return the keys (device, epoch, seq) of all fixes in the streams, in order, repeated ones too."""
        batches = [packing.unpack(blob) for stream in self.streams.values() for blob, _, _ in stream]
        return [(one.fix.device_id, one.fix.device_epoch, one.fix.seq) for batch in batches for one in batch.judged()]

    def _must_be_there(self) -> None:
        if self.away:
            raise PositionsAway
