"""How does a closed visit become a receipt, and an amendment when more comes to light? Gather the inputs, settle, store, look again.

Woken by timers: shortly after closing, when the recorder has caught up, and again when phones can no longer deliver late fixes. Called by
`http_receipts` and `porchlight fare replay`; hands to `receipt` and `bill` for every decision.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from core.clock import Clock, from_ms, to_ms
from core.errors import Conflict, NotFound
from core.ids import TechnicianId, VisitId
from core.timers import Timer, Timers
from core.unit_of_work import Tx, UnitOfWork
from tracking.fares.bill import Times
from tracking.fares.metered import Metered
from tracking.fares.policy import Cause, cause_of, ending_of
from tracking.fares.ports import FareSites, FareVisits, MeteredWays, Quotes, Receipts, Tariffs
from tracking.fares.receipt import Inputs, Receipt, differences, fixes_seen, receipt_of
from tracking.fares.statement import Statement, statement_of
from visits.events import StageChanged
from visits.stage import CLOSED, Stage
from visits.visit import Visit

SETTLE = "fare_settle"
"""Kind of the timer that settles a visit."""
LOOKS_AFTER_S = (90, 3_600, 72 * 3_600 + 600)
"""After closing: when the recorder has caught up; when most phones have found a network; when late delivery has ended (72 h)."""


class Replay(msgspec.Struct, frozen=True, kw_only=True):
    """A receipt computed again: `differences` as (field, stored, again), empty when identical."""

    stored: Receipt
    again: Receipt
    differences: tuple[tuple[str, Any, Any], ...]

    @property
    def is_identical(self) -> bool:
        """Tell whether the stored receipt can be proved."""
        return not self.differences

    @property
    def lost_fixes(self) -> int:
        """Return how many fixes fewer are stored now than the receipt stands on: forgotten after their time, or taken away."""
        return max(0, fixes_seen(self.stored) - fixes_seen(self.again))


class ReceiptFlow:
    """Settles visits and shows what was settled."""

    def __init__(
        self,
        *,
        work: UnitOfWork,
        receipts: Receipts,
        quotes: Quotes,
        tariffs: Tariffs,
        visits: FareVisits,
        sites: FareSites,
        ways: MeteredWays,
        timers: Timers,
        clock: Clock,
    ) -> None:
        self._work, self._receipts, self._quotes, self._tariffs = work, receipts, quotes, tariffs
        self._visits, self._sites, self._ways, self._timers, self._clock = visits, sites, ways, timers, clock

    async def on_stage_changed(self, tx: Tx, event: StageChanged) -> None:
        """Have a visit settled once it is closed."""
        if event.after in CLOSED:
            await self._look_later(tx, event.visit_id, 0)

    async def on_timer(self, timer: Timer) -> None:
        """Handle a `SETTLE` timer: settle or amend, then look again later."""
        visit_id, looked = VisitId(timer.subject), int(timer.payload.get("looked", 0)) + 1
        await self.settle(visit_id)
        if looked < len(LOOKS_AFTER_S):
            async with self._work.begin() as tx:
                await self._look_later(tx, visit_id, looked)

    async def settle(self, visit_id: VisitId) -> Receipt:
        """Return the visit's receipt, made now where there is none; settled again from the same fixes it is the same receipt.

        Late fixes that change something make an amendment; fixes forgotten since make none. Raises: `NotFound`, and `Conflict` before the
        visit is closed.
        """
        inputs, _ = await self._inputs(visit_id)
        async with self._work.begin() as tx:
            before = await self._receipts.latest(tx, visit_id)
            receipt = receipt_of(inputs, now_ms=self._clock.now_ms(), before=before)
            if receipt is not before:
                await self._receipts.add(tx, receipt)
        return receipt

    async def receipts_of(self, visit_id: VisitId) -> tuple[Visit, list[Receipt]]:
        """Return the visit with its receipt and amendments, oldest first; raises `NotFound` for an unknown visit."""
        async with self._work.read() as tx:
            visit = await self._visit(tx, visit_id)
            return visit, list(await self._receipts.all_of(tx, visit_id))

    async def replay(self, visit_id: VisitId) -> Replay:
        """Compute the newest receipt again from what is stored; raises `NotFound` where nothing was settled yet."""
        inputs, before = await self._inputs(visit_id)
        if before is None:
            raise NotFound("This visit was not settled yet. Settle it first, or wait until it is closed.")
        again = receipt_of(inputs, now_ms=before.settled_ms)
        return Replay(stored=before, again=again, differences=tuple(differences(before, again)))

    async def statement(self, technician_id: TechnicianId, from_ms: int, until_ms: int) -> Statement:
        """Return what a technician is paid for the ways of visits closed between two moments, such as those of a shift."""
        async with self._work.read() as tx:
            receipts = await self._receipts.of_technician(tx, technician_id, from_ms, until_ms)
        return statement_of(technician_id, from_ms, until_ms, receipts)

    async def _inputs(self, visit_id: VisitId) -> tuple[Inputs, Receipt | None]:
        async with self._work.read() as tx:
            visit = await self._closed(tx, visit_id)
            before = await self._receipts.latest(tx, visit_id)
            inputs = await self._stored_inputs(tx, visit, before)
        metered = await self._metered(visit)
        return msgspec.structs.replace(inputs, metered=metered), before

    async def _stored_inputs(self, tx: Tx, visit: Visit, before: Receipt | None) -> Inputs:
        acts = await self._visits.acts(tx, visit.id)
        fare = await self._quotes.fare_of(tx, visit.id)
        quote = None if fare is None else await self._quotes.get(tx, fare.quote_id)
        stored = None if quote is None else await self._tariffs.by_hash(tx, visit.site_id, quote.tariff_hash)
        site = await self._sites.get(tx, visit.site_id)
        agreed = await self._quotes.policy_of(tx, visit.site_id) if fare is None else fare.policy
        stages = [act.after for act in acts] or [visit.stage]
        return Inputs(
            visit_id=visit.id,
            site_id=visit.site_id,
            technician_id=visit.technician_id,
            currency="" if site is None else site.currency,
            ending=ending_of(stages),
            cause=_cause(acts),
            closed_ms=_closed_ms(visit),
            # A site that changes its policy does not change what was settled by the former one.
            policy=agreed if before is None else before.policy,
            quote=quote,
            tariff=None if stored is None else stored.tariff,
            times=_times(visit),
        )

    async def _metered(self, visit: Visit) -> Metered | None:
        if visit.technician_id is None or visit.departed_at is None:
            return None
        until = visit.arrived_at or visit.ended_at or visit.closed_at
        if until is None or until <= visit.departed_at:
            return None
        return await self._ways.metered(visit.technician_id, to_ms(visit.departed_at), to_ms(until))

    async def _closed(self, tx: Tx, visit_id: VisitId) -> Visit:
        visit = await self._visit(tx, visit_id)
        if visit.stage not in CLOSED:
            raise Conflict("The visit is not closed yet, so its fare is still provisional. Settle it after she has left.")
        return visit

    async def _visit(self, tx: Tx, visit_id: VisitId) -> Visit:
        visit = await self._visits.get(tx, visit_id)
        if visit is None:
            raise NotFound("There is no such visit. Check the id.")
        return visit

    async def _look_later(self, tx: Tx, visit_id: VisitId, looked: int) -> None:
        before_s = LOOKS_AFTER_S[looked - 1] if looked else 0
        due_at = from_ms(self._clock.now_ms() + (LOOKS_AFTER_S[looked] - before_s) * 1000)
        await self._timers.set(tx, Timer(kind=SETTLE, subject=visit_id, due_at=due_at, payload={"looked": looked}))


def _times(visit: Visit) -> Times:
    back = visit.left_at or visit.ended_at
    return Times(appointment_ms=to_ms(visit.window_start), back_ms=None if back is None else to_ms(back))


def _closed_ms(visit: Visit) -> int:
    return to_ms(visit.closed_at or visit.updated_at)


def _cause(acts: Sequence[StageChanged]) -> Cause:
    last = next((act for act in reversed(acts) if act.after in (Stage.CANCELLED, Stage.NO_SHOW)), None)
    return cause_of("", None) if last is None else cause_of(last.actor, last.reason)
