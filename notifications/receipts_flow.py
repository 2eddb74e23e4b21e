"""What does a receipt change? Found attempt, compared rank, settled notice: one transaction, committed before the carrier hears 200.

Called by the callback edges and by polling in `looks_flow`. A process that dies before the commit answers nothing, so the carrier
repeats; one that repeats what is known changes nothing.
"""

import msgspec
import structlog

from core.clock import Clock
from core.ids import NoticeId
from core.unit_of_work import Tx, UnitOfWork
from notifications.delivery import Receipt, counts
from notifications.error_class import ErrorClass
from notifications.ports import Attempt, OutboxStore
from notifications.settlement import after_receipt
from notifications.settlement_flow import SettlementFlow

log = structlog.get_logger(__name__)


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What a carrier says of an attempt: named by its `provider_id`, or by `notice_id` and `attempt` where the answer that told it is
    lost.
    """

    receipt: Receipt
    provider_id: str | None = None
    notice_id: NoticeId | None = None
    attempt: int | None = None
    error: ErrorClass | None = None
    code: str | None = None


class ReceiptsFlow:
    """Applies receipts."""

    def __init__(self, *, work: UnitOfWork, outbox: OutboxStore, settlement: SettlementFlow, clock: Clock) -> None:
        self._work = work
        self._outbox = outbox
        self._settlement = settlement
        self._clock = clock

    async def apply(self, report: Report) -> bool:
        """Apply a receipt; return whether it counted. Late, repeated and unknown ones are logged and change nothing."""
        async with self._work.begin(urgent=True) as tx:
            attempt = await self._outbox.attempt_of(
                tx, notice_id=report.notice_id, number=report.attempt, provider_id=report.provider_id
            )
            if attempt is None:
                log.warning("receipt_unknown", receipt=report.receipt)
                return False
            return _is_news(attempt, report) and await self._apply(tx, attempt, report)

    async def _apply(self, tx: Tx, found: Attempt, report: Report) -> bool:
        now = self._clock.now()
        row = (await self._outbox.locked(tx, [found.notice_id]))[found.notice_id]
        # Read again now that the notice is held: another receipt may have come between.
        attempt = await self._outbox.attempt_of(tx, notice_id=found.notice_id, number=found.number)
        if attempt is None or not _is_news(attempt, report):
            return False
        await self._outbox.put_receipt(tx, attempt, report.receipt, report.provider_id, report.error, report.code, now)
        is_latest = attempt.number == row.attempts
        settled = after_receipt(row, report.receipt, report.error, report.code, now, is_latest=is_latest)
        await self._settlement.carry_out(tx, [settled], now)
        log.info("receipt", notice=row.id, receipt=report.receipt, state=settled.row.state, code=report.code)
        return True


def _is_news(attempt: Attempt, report: Report) -> bool:
    if is_news := counts(attempt.receipt, report.receipt):
        return is_news
    log.info("receipt_late", notice=attempt.notice_id, receipt=report.receipt, known=attempt.receipt)
    return False
