"""How are fixes of many sockets written together? One writer per site shard: judge, write in one call, answer everybody.

The writer clocks itself: while a call is under way, offers gather; when it returns, what has gathered is the next batch, and while that is
on its way to Redis and its disk, the one before is answered. Nothing is answered before its call has succeeded, and everything in order. A
call whose answer is lost is repeated under the same batch id, so it counts once.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import structlog

from core.clock import Clock
from core.errors import Unavailable
from core.ids import IdSource, SiteId, TechnicianId
from core.right_of_way import RightOfWay
from core.side_by_side import side_by_side
from tracking import books
from tracking.fix import Fix, Judged, Lane, OutcomeError
from tracking.fix_verdict import DEFAULT_RULES, Mark, VerdictRules, judge
from tracking.offer import Answer, Offer, is_backlog, outcome
from tracking.packing import pack_part
from tracking.ports import Counts, LiveFeed, Part, Positions, WriteStatus, Written
from tracking.standing import Standing

log = structlog.get_logger(__name__)

BATCH_FIXES = 500
SLICE = 64
"""Offers answered and handed on in one turn of the event loop, some two milliseconds."""
GIVES_WAY_S = 0.5
"""So long a batch waits for what is urgent, in all: a flood of presses leaves each writer two batches a second."""
RETRY_FOR_S = 2.0
"""How long an unanswered call is repeated before its senders are told to keep their fixes."""
RETRY_FIRST_S = 0.05
PROBE_S = 0.5
_LIVE = Lane.LIVE
"""Found faster than a member of an enum, which each fix would ask for twice."""


@dataclass(slots=True)
class _Batch:
    """Offers that are written together. `waits_until_s`: how long it gives way, by the monotonic clock."""

    taken: Sequence[tuple[Offer, Standing]]
    waits_until_s: float
    judged: Sequence[Sequence[Judged]] = ()
    superseded: Collection[int] = ()


class BatchFlow:
    """The writer of one site shard. `on_answered` gets every offer back exactly once, with its outcome, those of a slice together."""

    def __init__(
        self, site_id: SiteId, shard: int, positions: Positions, feed: LiveFeed, counts: Counts, clock: Clock, ids: IdSource,
        on_answered: Callable[[Sequence[Answer]], None], rules: VerdictRules = DEFAULT_RULES, way: RightOfWay | None = None,
    ) -> None:
        self.is_away = False
        """True while Redis does not answer: offers are refused at the door."""
        self._site_id, self._shard = site_id, shard
        self._positions, self._feed, self._counts = positions, feed, counts
        self._clock, self._ids, self._rules = clock, ids, rules
        self._on_answered = on_answered
        self._way = way or RightOfWay()
        self._live: deque[tuple[Offer, Standing]] = deque()
        self._backlog: deque[tuple[Offer, Standing]] = deque()
        self._in_flight: Sequence[tuple[Offer, Standing]] = ()
        self._unanswered: Sequence[tuple[Offer, Standing]] = ()
        self._to_answer: asyncio.Queue[_Batch] = asyncio.Queue()
        """One batch at most."""
        self._wake = asyncio.Event()

    def put(self, offer: Offer, standing: Standing) -> None:
        """Queue `offer` for the next batch; live ones go before backlogs."""
        if not (self._live or self._backlog):
            self._wake.set()
        (self._backlog if is_backlog(offer) else self._live).append((offer, standing))

    async def run(self) -> None:
        """Write batch after batch until cancelled; then give back what is not answered and what is still queued."""
        self._to_answer = asyncio.Queue()
        try:
            await side_by_side(self._write(), self._answer())
        finally:
            self._give_back()

    async def _write(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._live or self._backlog:
                waits_until_s = self._clock.monotonic() + GIVES_WAY_S
                await self._give_way(waits_until_s)
                await self._write_batch(_Batch(self._taken(), waits_until_s))

    async def _answer(self) -> None:
        while True:
            batch = await self._to_answer.get()
            await self._accept(batch)
            self._to_answer.task_done()

    async def _give_way(self, until_s: float) -> None:
        await self._way.given(self._clock, until_s - self._clock.monotonic())

    def _taken(self) -> list[tuple[Offer, Standing]]:
        """Take offers up to the size of a batch: live ones first, but one backlog at least, so that it gets through too."""
        taken: list[tuple[Offer, Standing]] = []
        fixes = 0
        while self._live and fixes < BATCH_FIXES:
            taken.append(self._live.popleft())
            fixes += len(taken[-1][0].fixes)
        taken += [self._backlog.popleft()] if self._backlog else []
        fixes += len(taken[-1][0].fixes)
        while self._backlog and fixes < BATCH_FIXES:
            taken.append(self._backlog.popleft())
            fixes += len(taken[-1][0].fixes)
        return taken

    async def _write_batch(self, batch: _Batch) -> None:
        self._in_flight = batch.taken
        batch.judged, marks = self._judged(batch.taken)
        written = await self._written(_parts(batch.taken, batch.judged))
        # Its senders hear of the batch before first.
        await self._to_answer.join()
        self._in_flight = ()
        if written is None or written.status is WriteStatus.FULL:
            self._answer_all(batch.taken, OutcomeError.BUSY)
            if written is None:
                await self._wait_until_back()
            return
        self._counts.add(books.BATCHES)
        batch.superseded = written.superseded
        for number, (_, standing) in enumerate(batch.taken):
            if number not in written.superseded:
                standing.mark = marks[number]
        self._unanswered = batch.taken
        self._to_answer.put_nowait(batch)

    def _judged(self, taken: Sequence[tuple[Offer, Standing]]) -> tuple[list[list[Judged]], list[Mark]]:
        """Judge every fix against the mark left by those before it, in this batch too. Marks are kept only if the write succeeds."""
        latest: dict[TechnicianId, Mark] = {}
        judged: list[list[Judged]] = []
        marks: list[Mark] = []
        for offer, standing in taken:
            technician_id = offer.sender.technician_id
            mark = latest.get(technician_id, standing.mark)
            verdicts = []
            for fix in offer.fixes:
                verdict, mark = judge(mark, fix, offer.received_ms, self._rules)
                verdicts.append(verdict)
            latest[technician_id] = mark
            judged.append(verdicts)
            marks.append(mark)
        return judged, marks

    async def _written(self, parts: list[Part]) -> Written | None:
        """Call the batch function, again and again under one id while it stays unanswered; None when it still is after a while."""
        batch_id, pause_s = self._ids.new_id(), RETRY_FIRST_S
        give_up_at = self._clock.monotonic() + RETRY_FOR_S
        while True:
            try:
                return await self._positions.write(self._site_id, self._shard, batch_id, parts)
            except Unavailable:
                self._counts.add(books.WRITE_FAILURES)
                if self._clock.monotonic() + pause_s > give_up_at:
                    return None
            await self._clock.sleep(pause_s)
            pause_s *= 2

    async def _accept(self, batch: _Batch) -> None:
        """Answer a written batch, slice by slice, so that others get their turns between."""
        for start in range(0, len(batch.taken), SLICE):
            if start:
                await asyncio.sleep(0)
                await self._give_way(batch.waits_until_s)
            end = min(start + SLICE, len(batch.taken))
            self._unanswered = batch.taken[end:]
            self._accept_slice(batch, range(start, end))

    def _accept_slice(self, batch: _Batch, numbers: range) -> None:
        live: list[Fix] = []
        answers: list[Answer] = []
        for number in numbers:
            offer = batch.taken[number][0]
            if number in batch.superseded:
                answers.append((offer, outcome(offer, OutcomeError.SUPERSEDED)))
                continue
            for one in batch.judged[number]:
                if one.lane is _LIVE:
                    live.append(one.fix)
                for reason in one.reasons:
                    self._counts.add(books.VERDICTS, 1, reason=reason.value)
            answers.append((offer, outcome(offer)))
        self._on_answered(answers)
        self._hand_on(live)

    def _hand_on(self, live: list[Fix]) -> None:
        if not live:
            return
        try:
            self._feed.feed(live)
        except Exception:
            log.exception("live_feed_failed")

    async def _wait_until_back(self) -> None:
        """Tell everybody to wait, refuse at the door, and look again every half second."""
        self.is_away = True
        log.warning("positions_away", site_id=self._site_id, shard=self._shard)
        while self.is_away:
            self._give_back_queued()
            await self._clock.sleep(PROBE_S)
            try:
                await self._positions.ping()
            except Unavailable:
                continue
            self.is_away = False
        log.info("positions_back", site_id=self._site_id, shard=self._shard)

    def _give_back(self) -> None:
        for held in (self._unanswered, self._in_flight):
            self._answer_all(held, OutcomeError.BUSY)
        self._unanswered = self._in_flight = ()
        self._give_back_queued()

    def _give_back_queued(self) -> None:
        for queue in (self._live, self._backlog):
            self._answer_all(queue, OutcomeError.BUSY)
            queue.clear()

    def _answer_all(self, taken: Sequence[tuple[Offer, Standing]] | deque[tuple[Offer, Standing]], error: OutcomeError) -> None:
        self._on_answered([(offer, outcome(offer, error)) for offer, _ in taken])


def _parts(taken: Sequence[tuple[Offer, Standing]], judged: list[list[Judged]]) -> list[Part]:
    """Return the parts of a batch; of each technician only the newest live fix of all carries the marker."""
    newest: dict[TechnicianId, tuple[int, Fix]] = {}
    for number, verdicts in enumerate(judged):
        for one in verdicts:
            if one.lane is _LIVE:
                # Live fixes of one technician ascend in time, because each was judged against the one before.
                newest[one.fix.technician_id] = (number, one.fix)
    parts = []
    for number, (offer, _) in enumerate(taken):
        carries, fix = newest.get(offer.sender.technician_id, (-1, None))
        marker = fix if carries == number else None
        parts.append(Part(offer.sender.device_id, offer.sender.session_no, pack_part(judged[number]), len(offer.fixes), marker))
    return parts
