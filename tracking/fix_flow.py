"""The story of a fix, first half: offered by a socket or a request, checked, held against her shift, judged, written, answered.

    offer -> checked (each fix by itself) -> standing (on shift? by the fix's own time) -> batch (verdict, one call) -> answer, live feed

`offer` never waits and never touches a network; per fix there is no await, no log line and no query.
"""

import asyncio
from collections.abc import Callable, Sequence

import msgspec
import structlog

from core.clock import Clock
from core.errors import Busy
from core.ids import DeviceId, IdSource, SiteId, TechnicianId
from core.redis_keys import shard_of
from core.right_of_way import RightOfWay
from tracking import books
from tracking.batch_flow import BatchFlow
from tracking.fix import Fix, Outcome, OutcomeError, RawFix, Reason, Sender
from tracking.fix_verdict import DEFAULT_RULES, VerdictRules
from tracking.offer import Answer, Offer, checked, outcome
from tracking.ports import Counts, LiveFeed, Positions, ShiftGate
from tracking.skew import Skew, observed
from tracking.standing import Standing, off_shift_refusals
from tracking.standing_flow import Standings

log = structlog.get_logger(__name__)

REMEMBERED_CLOCKS = 50_000


class FixFlowSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`max_held`: fixes held in memory before the hub says busy (about 1 KB each); `rules`: limits of the live verdict."""

    max_held: int = 20_000
    rules: VerdictRules = DEFAULT_RULES


class FixFlow:
    """Takes in fixes. Build one a worker, keep `run` running, give it what phones send through `offer`."""

    def __init__(
        self, positions: Positions, gate: ShiftGate, feed: LiveFeed, counts: Counts, clock: Clock, ids: IdSource,
        settings: FixFlowSettings | None = None, way: RightOfWay | None = None,
    ) -> None:
        self._positions, self._feed, self._counts = positions, feed, counts
        self._clock, self._ids = clock, ids
        self._settings = settings or FixFlowSettings()
        self._way = way or RightOfWay()
        self._standings = Standings(gate, positions, counts, clock, self._on_standing, self._on_no_standing)
        self._writers: dict[tuple[SiteId, int], BatchFlow] = {}
        self._tasks: asyncio.TaskGroup | None = None
        self._clocks: dict[DeviceId, Skew] = {}
        self._held = 0
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def held(self) -> int:
        """Return how many fixes wait for an answer."""
        return self._held

    @property
    def is_away(self) -> bool:
        """Tell whether any writer of this worker is waiting for Redis: a fault for health."""
        return any(writer.is_away for writer in self._writers.values())

    def offer(
        self, sender: Sender, fixes: Sequence[RawFix], *, batch_id: str | None, on_done: Callable[[Outcome], None],
        sent_at_ms: int | None = None,
    ) -> None:
        """Take in the fixes of one frame or request.

        Args:
            sender: whose they are, by the credential.
            fixes: as sent; each is judged by itself.
            batch_id: the phone's own name of the frame, given back in the outcome.
            on_done: called exactly once, never from within `offer`: when all fixes are durable or refused, or nothing came of them.
            sent_at_ms: the phone's clock when it sent the frame, None when it did not say.
        Raises: `Busy` when nothing can be taken now; then `on_done` is not called and the phone keeps its fixes.
        """
        writer = self._writer(sender)
        if writer.is_away or self._held + len(fixes) > self._settings.max_held:
            self._counts.add(books.RETURNED, len(fixes), error=OutcomeError.BUSY.value)
            raise Busy
        now_ms = self._clock.now_ms()
        good, refused = checked(sender, fixes, self._skew(sender.device_id, fixes, sent_at_ms, now_ms), now_ms)
        offer = Offer(sender, good, refused, batch_id, on_done, self._standings.next_number(), now_ms, writer)
        if not self._held:
            self._idle.clear()
        self._held += len(fixes)
        if good:
            self._standings.submit(offer)
        else:
            self._answer_soon(offer)

    def note_clock(self, device_id: DeviceId, sent_at_ms: int) -> None:
        """Learn a device's clock from a frame without fixes, such as `hello`."""
        self._skew(device_id, (), sent_at_ms, self._clock.now_ms())

    def note_unreadable(self, fixes: int) -> None:
        """Count fixes that were answered as malformed before they came here."""
        if fixes:
            self._counts.add(books.RECEIVED, fixes)
            self._counts.add(books.REJECTED, fixes, reason=Reason.MALFORMED.value)

    def note_unread(self) -> None:
        """Count a frame that was not read, because its phone had been told to wait."""
        self._counts.add(books.UNREAD)

    def forget(self, technician_id: TechnicianId) -> None:
        """Read her intervals anew before the next fix: call it whenever a shift or incident of hers has changed, on every worker."""
        self._standings.forget(technician_id)

    def last_of(self, technician_id: TechnicianId) -> Fix | None:
        """Return the last fix that moved her marker, as far as this worker took or read it; another worker may have a newer one."""
        return self._standings.last_of(technician_id)

    async def run(self) -> None:
        """Read standings and write batches until cancelled; then every held offer has been answered."""
        try:
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                for writer in self._writers.values():
                    tasks.create_task(writer.run())
                tasks.create_task(self._standings.run())
        finally:
            self._tasks = None
            self._standings.fail_waiting()

    async def drained(self) -> None:
        """Return when nothing is held: every offer has been answered. For a clean end, before `run` is cancelled."""
        await self._idle.wait()

    def _writer(self, sender: Sender) -> BatchFlow:
        shard = shard_of(sender.technician_id, self._positions.shards)
        writer = self._writers.get((sender.site_id, shard))
        if writer is None:
            writer = self._writers[(sender.site_id, shard)] = BatchFlow(
                sender.site_id, shard, self._positions, self._feed, self._counts, self._clock, self._ids, self._answered,
                self._settings.rules, self._way,
            )
            if self._tasks is not None:
                self._tasks.create_task(writer.run())
        return writer

    def _skew(self, device_id: DeviceId, fixes: Sequence[RawFix], sent_at_ms: int | None, now_ms: int) -> Skew:
        known = self._clocks.get(device_id, _NO_SKEW)
        if sent_at_ms is None:
            return known
        newest_ms = max((fix.at_ms for fix in fixes), default=None)
        skew = self._clocks[device_id] = observed(known, sent_at_ms, now_ms, newest_ms)
        if len(self._clocks) > REMEMBERED_CLOCKS:
            del self._clocks[next(iter(self._clocks))]
        return skew

    def _on_standing(self, offer: Offer, standing: Standing, off_shift: Sequence[Fix]) -> None:
        """Her standing will do: refuse what was off shift, queue the rest."""
        if off_shift:
            offer.refused = [*offer.refused, *off_shift_refusals(off_shift)]
            refused = {id(fix) for fix in off_shift}
            offer.fixes = [fix for fix in offer.fixes if id(fix) not in refused]
        if offer.fixes:
            offer.writer.put(offer, standing)
        else:
            self._answer_soon(offer)

    def _answer_soon(self, offer: Offer) -> None:
        asyncio.get_running_loop().call_soon(self._answered, [(offer, outcome(offer))])

    def _on_no_standing(self, offer: Offer) -> None:
        self._answered([(offer, outcome(offer, OutcomeError.BUSY))])

    def _answered(self, answers: Sequence[Answer]) -> None:
        """Count and tell outcomes. A failing callback is its owner's fault and stops nobody else."""
        received = appended = 0
        for offer, result in answers:
            fixes = len(offer.fixes) + len(offer.refused)
            self._held -= fixes
            if result.error is not None:
                self._counts.add(books.RETURNED, fixes, error=result.error.value)
            else:
                received += fixes
                appended += len(offer.fixes)
                for _, reason in offer.refused:
                    self._counts.add(books.REJECTED, 1, reason=reason.value)
            try:
                offer.on_done(result)
            except Exception:
                log.exception("outcome_not_told")
        if received:
            self._counts.add(books.RECEIVED, received)
            self._counts.add(books.APPENDED, appended)
        if not self._held:
            self._idle.set()


_NO_SKEW = Skew()
