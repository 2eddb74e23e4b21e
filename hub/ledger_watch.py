"""Is every acknowledged fix on its way into SQL, and has any been lost lately? Looked at from outside, by every worker.

The recorder is a process of its own, and perhaps another machine's: it may be dead or hang, and then says nothing of itself. So this reads
what it writes, the books in SQL, and holds them against the stream in Redis. Fixes that waited at one look and still wait some seconds
later, while the books stand still, are not being recorded. A loss is not a fault that mends itself: somebody has flushed Redis or rolled it
back, and should hear for an hour what it cost.
"""

from collections.abc import Awaitable, Callable, Sequence

import msgspec

from core.clock import Clock
from core.ids import SiteId
from core.unit_of_work import UnitOfWork
from tracking.ledger import Offset, StreamState
from tracking.ports import FixStream, Ledger

LOOK_S = 3.0
STILL_S = 5.0
"""The recorder moves its offset several times a second; SQLite's longest wait for another writer is five seconds."""
TOLD_S = 3600.0
Shard = tuple[SiteId, int]


class _Seen(msgspec.Struct):
    """One shard's books: the first and the latest as read, and since when fixes wait beside books that stand still, None: they do not."""

    first: Offset
    latest: Offset
    still_since_s: float | None = None


class LedgerWatch:
    """The books of all site shards since this worker started. `shards` names those that there are."""

    def __init__(
        self, work: UnitOfWork, ledger: Ledger, stream: FixStream, shards: Callable[[], Awaitable[Sequence[Shard]]], clock: Clock
    ) -> None:
        self._work, self._ledger, self._stream, self._shards, self._clock = work, ledger, stream, shards, clock
        self._seen: dict[Shard, _Seen] = {}
        self._blind_from_s = float("inf")
        self._lost_at_s = float("-inf")

    async def look(self) -> None:
        """Read books and streams once. What the books said at the first look is the past. Raises what SQL or Redis raises."""
        # A look that is under way is no fault until it takes long: health may be asked at any moment.
        self._blind_from_s = min(self._blind_from_s, self._clock.monotonic() + STILL_S)
        try:
            shards = await self._shards()
            async with self._work.read() as tx:
                offsets = [await self._ledger.offset(tx, *shard) for shard in shards]
            for shard, offset in zip(shards, offsets, strict=True):
                self._take(shard, offset, await self._stream.state(*shard))
        except BaseException:
            self._blind_from_s = float("-inf")
            raise
        self._blind_from_s = float("inf")

    async def behind(self) -> str | None:
        """Return what health says of fixes that are not being recorded, None when all are. Meets `hub.health.Check`."""
        now_s = self._clock.monotonic()
        if now_s >= self._blind_from_s:
            return "SQL or Redis does not tell how far the recorder has come. Fixes wait in Redis; it goes on by itself."
        late = [f"{site}/{shard}" for (site, shard), seen in self._seen.items() if _is_late(seen, now_s)]
        return f"Fixes of {', '.join(late)} are not recorded; they wait in Redis. It goes on by itself." if late else None

    async def lost(self) -> str | None:
        """Return what health says of losses, None when nothing was lost within the last hour. Meets `hub.health.Check`."""
        if self._clock.monotonic() - self._lost_at_s > TOLD_S:
            return None
        restarts = sum(seen.latest.restarts - seen.first.restarts for seen in self._seen.values())
        lost = sum(seen.latest.lost - seen.first.lost for seen in self._seen.values())
        return (
            f"The stream of fixes broke off {restarts} times, and at least {lost} acknowledged fixes were gone before they "
            "were recorded. Everything goes on by itself; find out who flushed Redis or restored an old copy of it."
        )

    def _take(self, shard: Shard, offset: Offset, state: StreamState) -> None:
        now_s, seen = self._clock.monotonic(), self._seen.setdefault(shard, _Seen(offset, offset))
        if (offset.lost, offset.restarts) != (seen.latest.lost, seen.latest.restarts):
            self._lost_at_s = now_s
        has_moved, seen.latest = offset.version != seen.latest.version, offset
        if not _waits(offset, state):
            seen.still_since_s = None
        elif has_moved or seen.still_since_s is None:
            seen.still_since_s = now_s


def _waits(offset: Offset, state: StreamState) -> bool:
    """Tell whether the stream holds more than is recorded: in this life of it, or in one that the recorder has not met yet."""
    return state.total > offset.total if state.epoch == offset.epoch else state.total > 0


def _is_late(seen: _Seen, now_s: float) -> bool:
    return seen.still_since_s is not None and now_s - seen.still_since_s > STILL_S
