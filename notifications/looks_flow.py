"""Who looks after notices that went silent? Dead workers' leases, lost answers, lost receipts, ended patience.

One loop for the urgent lanes and one for the others; each row names its next look. After a restart everything overdue is looked at first.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

import msgspec
import structlog

from core.clock import Clock
from core.unit_of_work import Tx, UnitOfWork
from notifications.carrier import CLOCK_SLACK_S, SEND_DEADLINE_S, CarrierName, Found, FoundHow
from notifications.delivery import ENDS
from notifications.fallback import Cause
from notifications.follow_up import Look, due_looks, next_look_at
from notifications.letters import letter_of
from notifications.notice import Enqueued, Lane, NoticeState
from notifications.outbox_flow import Carriers, woken_or_after
from notifications.ports import Carrier, OutboxStore, RecipientBook
from notifications.receipts_flow import ReceiptsFlow, Report
from notifications.settlement import SILENCE, after_look, after_silence, fallen_back
from notifications.settlement_flow import SettlementFlow
from notifications.templates import Templates

log = structlog.get_logger(__name__)

BATCH = 50
MAX_NAP_S = 0.5
"""Patience is counted in seconds; half of one is how exact it has to be."""
URGENT: tuple[Lane, ...] = (Lane.P0, Lane.P1)
ORDINARY: tuple[Lane, ...] = (Lane.P2, Lane.P3)


class LooksFlow:
    """Looks after notices. `run_once` does everything that is due now."""

    def __init__(
        self,
        *,
        works: Mapping[Lane, UnitOfWork],
        outbox: OutboxStore,
        recipients: RecipientBook,
        receipts: ReceiptsFlow,
        settlement: SettlementFlow,
        carriers: Carriers,
        templates: Templates,
        clock: Clock,
        signature: str = "Porchlight",
    ) -> None:
        self._works = works
        self._outbox = outbox
        self._recipients = recipients
        self._receipts = receipts
        self._settlement = settlement
        self._carriers = carriers
        self._templates = templates
        self._clock = clock
        self._signature = signature
        self._never = asyncio.Event()
        self.on_resend: Callable[[frozenset[Lane]], None] = lambda _lanes: None
        """Told the lanes in which something is to be sent again, after the commit; wiring sets it to `OutboxFlow.wake`."""

    async def run_once(self, lanes: Sequence[Lane] = URGENT) -> int:
        """Look after what is due in `lanes`, up to one batch; return how many rows that were."""
        async with self._works[lanes[0]].begin(urgent=Lane.P0 in lanes) as tx:
            rows = await self._outbox.claim_looks(tx, lanes, self._clock.now(), BATCH)
        if len(rows) == 1:
            await self._look(rows[0])
        else:
            await asyncio.gather(*(self._look(row) for row in rows))
        return len(rows)

    async def run(self, lanes: Sequence[Lane]) -> None:
        """Look after `lanes` until cancelled."""
        while True:
            if await self._anything_due(lanes) and await self.run_once(lanes):
                continue
            await woken_or_after(self._never, self._clock, MAX_NAP_S)

    async def _anything_due(self, lanes: Sequence[Lane]) -> bool:
        async with self._works[lanes[0]].read() as tx:
            moment = await self._outbox.next_moment(tx, lanes)
        return moment is not None and moment <= self._clock.now()

    async def _look(self, row: Enqueued) -> None:
        for look in due_looks(row, self._clock.now()):
            match look:
                case Look.RECOVER:
                    await self._recover(row)
                case Look.RECONCILE:
                    await self._reconcile(row)
                case Look.FALL_BACK:
                    await self._fall_back(row)
                case Look.POLL:
                    await self._poll(row)
        await self._set_next_look(row)

    async def _recover(self, row: Enqueued) -> None:
        now = self._clock.now()
        async with self._works[row.notice.lane].begin(urgent=True) as tx:
            fresh = (await self._outbox.locked(tx, [row.id]))[row.id]
            if Look.RECOVER in due_looks(fresh, now):
                await self._outbox.answer_attempts(tx, [(row.id, fresh.attempts, SILENCE)], now)
                await self._settlement.carry_out(tx, [after_silence(fresh, now)], now)
                log.warning("notice_recovered", notice=row.id, lane=row.notice.lane, attempts=fresh.attempts)

    async def _reconcile(self, row: Enqueued) -> None:
        found = await self._found(row)
        now = self._clock.now()
        async with self._works[row.notice.lane].begin(urgent=True) as tx:
            fresh = (await self._outbox.locked(tx, [row.id]))[row.id]
            if fresh.state is NoticeState.AMBIGUOUS:
                attempt = await self._outbox.attempt_of(tx, notice_id=row.id, number=fresh.attempts)
                waited_s = (now - attempt.started_at).total_seconds() if attempt is not None else 0.0
                found = await self._not_of_others(tx, found, fresh)
                if attempt is not None and found.outcomes:
                    await self._outbox.answer_attempts(tx, [(row.id, attempt.number, found.outcomes[0])], now)
                settled = after_look(fresh, found, now, waited_s)
                await self._settlement.carry_out(tx, [settled], now)
                log.warning("notice_reconciled", notice=row.id, found=found.how, state=settled.row.state)
                lanes = frozenset({row.notice.lane})
                tx.after_commit(lambda: self.on_resend(lanes))

    async def _not_of_others(self, tx: Tx, found: Found, row: Enqueued) -> Found:
        # Texts to one number look alike where the carrier was asked to forget the words: one that we know by its id is another one.
        mine = []
        for outcome in found.outcomes:
            known = await self._outbox.attempt_of(tx, provider_id=outcome.provider_id)
            if known is None or known.notice_id == row.id:
                mine.append(outcome)
        if found.how is not FoundHow.THERE:
            return found
        # Two letters to one phone whose answers are both lost: fewer are there than were sent, and one of them is not this one.
        since = (row.first_sent_at or row.created_at) - timedelta(seconds=CLOCK_SLACK_S)
        others = 0 if found.is_sure else await self._outbox.unsure_beside(tx, row, since)
        return Found(FoundHow.THERE, tuple(mine)) if len(mine) > others else Found(FoundHow.ABSENT)

    async def _found(self, row: Enqueued) -> Found:
        carrier = self._carrier(row)
        if carrier is None or row.first_sent_at is None:
            return Found(FoundHow.ABSENT)
        if not carrier.can_find:
            return Found(FoundHow.ABSENT)
        async with self._works[row.notice.lane].read() as tx:
            people = await self._recipients.by_ids(tx, [row.notice.recipient_id])
        letter = letter_of(row, people.get(row.notice.recipient_id), self._templates, self._signature)
        try:
            async with asyncio.timeout(SEND_DEADLINE_S + 1.0):
                return await carrier.find(letter, row.first_sent_at)
        except Exception as error:
            log.error("carrier_cannot_find", notice=row.id, error=type(error).__name__)
            return Found(FoundHow.UNKNOWN)

    async def _fall_back(self, row: Enqueued) -> None:
        now = self._clock.now()
        async with self._works[row.notice.lane].begin(urgent=True) as tx:
            fresh = (await self._outbox.locked(tx, [row.id]))[row.id]
            if Look.FALL_BACK in due_looks(fresh, now):
                await self._settlement.carry_out(tx, [fallen_back(fresh, Cause.SLOW, now)], now)

    async def _poll(self, row: Enqueued) -> None:
        carrier = self._carrier(row)
        if carrier is None or row.provider_id is None:
            return
        try:
            async with asyncio.timeout(SEND_DEADLINE_S + 1.0):
                outcome = await carrier.status(row.provider_id)
        except Exception as error:
            log.error("carrier_cannot_tell", notice=row.id, error=type(error).__name__)
            return
        if outcome.receipt is not None:
            log.info("notice_polled", notice=row.id, receipt=outcome.receipt, is_end=outcome.receipt in ENDS)
            await self._receipts.apply(
                Report(
                    receipt=outcome.receipt,
                    provider_id=row.provider_id,
                    notice_id=row.id,
                    attempt=row.attempts,
                    error=outcome.error,
                    code=outcome.code,
                )
            )

    async def _set_next_look(self, row: Enqueued) -> None:
        now = self._clock.now()
        async with self._works[row.notice.lane].begin() as tx:
            fresh = (await self._outbox.locked(tx, [row.id]))[row.id]
            # Only the look taken here is moved on: whoever settled meanwhile has set its own.
            if fresh.look_at == row.look_at:
                await self._outbox.save(tx, [_looking_next(fresh, now)], now)

    def _carrier(self, row: Enqueued) -> Carrier | None:
        return None if row.carrier is None else self._carriers.get((CarrierName(row.carrier), row.notice.channel))


def _looking_next(row: Enqueued, now: datetime) -> Enqueued:
    match row.state:
        case NoticeState.ACCEPTED:
            look_at = next_look_at(row, now)
        case NoticeState.SENDING:
            look_at = row.lease_until
        case _:
            look_at = None
    return msgspec.structs.replace(row, look_at=look_at)
