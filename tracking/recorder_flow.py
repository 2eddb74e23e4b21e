"""The story of a fix, second half: read from the stream, in order, and committed with the offset it stands at.

    lease -> offset from SQL -> read -> journeys -> [fixes + journey checkpoints + offset in one transaction] -> tell -> trim

One recorder of a site shard is active at a time by a lease; what truly keeps two apart is the offset's version in SQL. After any failure
the recorder forgets what it held in memory and begins again from SQL: whatever was committed is skipped, whatever was not is read again.
"""

import asyncio
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec
import structlog

from core.clock import Clock
from core.errors import Unavailable
from core.ids import SiteId
from core.side_by_side import side_by_side
from core.unit_of_work import Tx, UnitOfWork
from tracking import books, packing
from tracking.fix import Judged
from tracking.journey_flow import JourneyFlow, Taken
from tracking.ledger import BEGINNING, Entry, Offset, StreamState, advanced, booked, follows, mended
from tracking.ports import Counts, FixStream, Ledger

log = structlog.get_logger(__name__)

AHEAD = 2
"""So many transactions wait at most to be written, whose fixes the journeys have taken."""
Piece = tuple[Entry, list[Judged]]
"""Some fixes of one entry, mostly all of them."""


class _Ready(NamedTuple):
    """One transaction before it begins: its pieces, their fixes, and what the journeys made of them."""

    pieces: list[Piece]
    judged: list[Judged]
    taken: Taken


class RecorderSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How a recorder paces itself."""

    rows: int = 1000
    """Fixes a transaction, so that SQLite's lock is held for milliseconds only. A database without such a lock takes more."""
    entries: int = 120
    """Entries a read; each holds up to about 500 fixes. Only within a read are fixes taken while others are written."""
    gather_s: float = 0.05
    """Pause after a small transaction, to make the next one larger: what follows from a fix, such as an arrival, may wait so long. See
    `sql_fixes.gather_s`."""
    wait_ms: int = 1000
    lease_ms: int = 10_000
    renew_s: float = 3.0
    trim_s: float = 0.5
    retry_s: float = 1.0
    failover_s: float = 2.0


class Superseded(Exception):
    """Another recorder has moved the offset: step back."""


class RecorderFlow:
    """The recorder of one site shard. Run one on every worker; the lease lets one of them work."""

    def __init__(
        self, site_id: SiteId, shard: int, stream: FixStream, work: UnitOfWork, ledger: Ledger, journeys: JourneyFlow, counts: Counts,
        clock: Clock, worker_id: str, settings: RecorderSettings | None = None,
    ) -> None:
        self.offset: Offset | None = None
        """What is recorded, while this recorder is the active one."""
        self.seen = StreamState()
        """The stream as it was last seen; `seen.total - offset.total` is the backlog."""
        self.is_failing = False
        """True while Redis or SQL keeps it from recording: a fault for health."""
        self._site_id, self._shard = site_id, shard
        self._stream, self._work, self._ledger, self._journeys = stream, work, ledger, journeys
        self._counts, self._clock, self._worker_id = counts, clock, worker_id
        self._settings = settings or RecorderSettings()
        self._renew_at_s = 0.0
        self._trim_at_s = 0.0

    async def run(self) -> None:
        """Record whenever the lease is free, until cancelled; survives Redis and SQL being away."""
        try:
            await side_by_side(self._keep_recording())
        finally:
            await self._step_down()

    async def load(self) -> None:
        """Begin from what is committed."""
        async with self._work.read() as tx:
            offset = await self._ledger.offset(tx, self._site_id, self._shard)
            await self._journeys.load(tx)
        self.offset = offset
        await self._look()

    async def step(self) -> int:
        """Read what waits (or wait a moment for it), record it, trim; return how many fixes were recorded. After `load`."""
        offset = self._loaded()
        entries = await self._stream.read(self._site_id, self._shard, offset.entry_id, self._settings.entries, self._settings.wait_ms)
        if not entries or not offset.epoch or not follows(offset, entries[0]):
            await self._mend()
            return 0
        self._note_seen(offset, entries[-1])
        await self._journeys.refresh()
        count = await self._record(entries)
        await self._trim()
        return count

    async def _keep_recording(self) -> None:
        while True:
            await self._clock.sleep(await self._turn())

    async def _turn(self) -> float:
        """Be the active recorder as long as it goes; return how long to pause before trying again, in seconds."""
        try:
            await self._lead()
        except Superseded:
            log.info("recorder_superseded", site_id=self._site_id, shard=self._shard)
        except Exception as error:
            # Redis or SQL away, disk full, a bug: in every case begin again from what is committed.
            await self._note_failure(error)
            return self._settings.retry_s
        finally:
            self.offset = None
            self._journeys.reset()
        return self._settings.failover_s

    async def _lead(self) -> None:
        self._renew_at_s = 0.0
        while await self._leads():
            if self.offset is None:
                await self.load()
            count = await self.step()
            self._note_health()
            if 0 < count < self._settings.rows // 2:
                await self._clock.sleep(self._settings.gather_s)
        # Redis answered, and somebody else records: whatever was wrong here no longer keeps fixes waiting. How far the stream has come is
        # looked at all the same: a flush takes the lease away too, and whoever gets it next must know what was lost.
        self._note_health()
        await self._look()

    async def _leads(self) -> bool:
        if self._clock.monotonic() < self._renew_at_s:
            return True
        self._renew_at_s = self._clock.monotonic() + self._settings.renew_s
        return await self._stream.hold_lease(self._site_id, self._shard, self._worker_id, self._settings.lease_ms)

    async def _step_down(self) -> None:
        try:
            await self._stream.release_lease(self._site_id, self._shard, self._worker_id)
        except Unavailable:
            log.info("lease_not_released", site_id=self._site_id, shard=self._shard)

    def _note_health(self) -> None:
        if self.is_failing:
            self.is_failing = False
            log.info("recorder_back", site_id=self._site_id, shard=self._shard)

    async def _note_failure(self, error: Exception) -> None:
        if not self.is_failing:
            self.is_failing = True
            log.error("recorder_failing", site_id=self._site_id, shard=self._shard, error=type(error).__name__, exc_info=error)
        try:
            # Even while SQL is away it must be known how much was appended: should the stream be flushed, that much is lost.
            await self._look()
        except Unavailable:
            return

    def _loaded(self) -> Offset:
        if self.offset is None:
            raise RuntimeError("The recorder has not loaded its offset: call load() first.")
        return self.offset

    def _transactions(self, entries: Sequence[Entry]) -> Iterator[list[Piece]]:
        """Cut entries that follow each other into transactions of limited size."""
        pieces: list[Piece] = []
        rows, offset = 0, self._loaded()
        for entry in entries:
            if not follows(offset, entry):
                break
            judged = self._unpacked(entry)[offset.skip :]
            while rows + len(judged) > self._settings.rows:
                room = self._settings.rows - rows
                yield [*pieces, (entry, judged[:room])] if room else pieces
                pieces, rows, judged = [], 0, judged[room:]
            pieces.append((entry, judged))
            rows += len(judged)
            offset = advanced(offset, entry, entry.fixes - offset.skip)
        if pieces:
            yield pieces

    def _unpacked(self, entry: Entry) -> list[Judged]:
        try:
            return packing.unpack(entry.blob).judged()
        except msgspec.MsgspecError as error:
            # Waiting would not make it readable, and would hold up all that follow.
            log.error("stream_entry_unreadable", site_id=self._site_id, shard=self._shard, entry_id=entry.entry_id, error=str(error))
            self._counts.add(books.LOST, entry.fixes)
            return []

    async def _record(self, entries: Sequence[Entry]) -> int:
        """Commit the entries, one transaction after the other, while the journeys take the fixes of the next ones.

        So SQLite's one lock is held for the writing only, and another recorder that holds it keeps the journeys here from nothing.
        """
        made: asyncio.Queue[_Ready | None] = asyncio.Queue(AHEAD)
        _, count = await side_by_side(self._make_ready(entries, made), self._commit_all(made))
        return int(count)

    async def _make_ready(self, entries: Sequence[Entry], made: asyncio.Queue[_Ready | None]) -> None:
        for pieces in self._transactions(entries):
            await made.put(await self._ready(pieces))
        await made.put(None)

    async def _commit_all(self, made: asyncio.Queue[_Ready | None]) -> int:
        count = 0
        while (ready := await made.get()) is not None:
            await self._commit(ready)
            count += len(ready.judged)
        return count

    async def _ready(self, pieces: list[Piece]) -> _Ready:
        judged = [one for _, each in pieces for one in each]
        return _Ready(pieces, judged, await self._journeys.take(judged))

    async def _commit(self, ready: _Ready) -> None:
        """Record fixes, checkpoints and offset in one transaction, then tell what the journeys found."""
        before = self._loaded()
        after = before
        for entry, judged in ready.pieces:
            is_last = after.skip + len(judged) >= entry.fixes or not judged
            after = advanced(after, entry, entry.fixes - after.skip if is_last else len(judged))
        async with self._work.begin() as tx:
            stored = await self._ledger.record(tx, ready.judged)
            await self._journeys.save(tx, ready.taken)
            after = booked(after, len(ready.judged), stored)
            await self._move(tx, before, after)
        self.offset = after
        self._counts.add(books.STORED, stored)
        self._counts.add(books.DUPLICATE, len(ready.judged) - stored)
        await self._journeys.tell(ready.taken)

    async def _move(self, tx: Tx, before: Offset, after: Offset) -> None:
        if not await self._ledger.move_offset(tx, before, after):
            raise Superseded

    async def _look(self) -> None:
        """See how the stream stands. A new life of it is left to `_mend`, which must still know how far the old one had come."""
        state = await self._stream.state(self._site_id, self._shard)
        is_same_life = self.seen.epoch in ("", state.epoch)
        if is_same_life and state.total >= self.seen.total:
            self.seen = state

    def _note_seen(self, offset: Offset, newest: Entry) -> None:
        """Remember how far the stream had come: should it be flushed before this is committed, that much is lost."""
        if self.seen.epoch in ("", offset.epoch) and newest.total > self.seen.total:
            self.seen = StreamState(offset.epoch, newest.total, newest.entry_id)

    async def _mend(self) -> None:
        """Find out whether the stream still continues what is recorded, and go on from where it does."""
        offset, seen = self._loaded(), self.seen
        state = await self._stream.state(self._site_id, self._shard)
        first, following = await self._first_after(BEGINNING), await self._first_after(offset.entry_id)
        seen_total = seen.total if seen.epoch == offset.epoch else offset.total
        after = mended(offset, state, seen_total, first, following)
        if state.epoch:
            self.seen = state
        if after is offset:
            return
        async with self._work.begin() as tx:
            await self._move(tx, offset, after)
        self.offset = after
        self._tell_mended(offset, after)

    def _tell_mended(self, before: Offset, after: Offset) -> None:
        lost, restarts = after.lost - before.lost, after.restarts - before.restarts
        if lost or restarts:
            log.error("fix_stream_broken", site_id=self._site_id, shard=self._shard, lost=lost, restarts=restarts)
            self._counts.add(books.LOST, lost)
            self._counts.add(books.FLUSHES, restarts)

    async def _first_after(self, entry_id: str) -> Entry | None:
        entries = await self._stream.read(self._site_id, self._shard, entry_id, 1, 1)
        return entries[0] if entries else None

    async def _trim(self) -> None:
        offset = self._loaded()
        if offset.entry_id != BEGINNING and self._clock.monotonic() >= self._trim_at_s:
            self._trim_at_s = self._clock.monotonic() + self._settings.trim_s
            await self._look()
            await self._stream.trim(self._site_id, self._shard, offset.entry_id)
