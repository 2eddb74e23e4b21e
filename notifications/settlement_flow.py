"""What follows a settlement? The row is written, the chain goes on, the phone is marked, the operator hears: in one transaction.

Used by `outbox_flow`, `looks_flow` and `receipts_flow`; the deciding is done by `settlement`.
"""

from collections.abc import Sequence
from datetime import datetime

import structlog

from core.unit_of_work import Tx
from notifications.error_class import KNOWN_STOPPED
from notifications.fallback import next_notices
from notifications.notice import Enqueued
from notifications.ports import Alarms, OutboxStore, Poke, RecipientBook
from notifications.settlement import Settled

log = structlog.get_logger(__name__)

TOPIC = "notices"
_SENTENCES = {
    "notice_dead": "A notice to {who} was given up after as many tries as its error allows (error {error}). Tell them yourself.",
    "number_unreachable": "{who} takes no texts (error {error}). Calls go on; ask for another number.",
    "carrier_refuses_us": "The carrier refuses this hub (error {error}). Check account, token, sender number and balance.",
    "text_blocked": "A text to {who} was blocked for its words or route (error {error}); the minimal text is tried. Register the template.",
    "responder_stopped": "{who} answered STOP: texts to that phone are blocked, an emergency too. Ask for START.",
}


class SettlementFlow:
    """Carries out what `settlement` decided."""

    def __init__(self, *, outbox: OutboxStore, recipients: RecipientBook, alarms: Alarms, poke: Poke) -> None:
        self._outbox = outbox
        self._recipients = recipients
        self._alarms = alarms
        self._poke = poke

    async def carry_out(self, tx: Tx, settled: Sequence[Settled], now: datetime) -> None:
        """Write the rows, which the caller holds, and everything that follows from them in its transaction; consoles are poked after the
        commit. Step by step over all of them and each step in one order: `sql_outbox` says why.
        """
        await self._outbox.save(tx, [one.row for one in settled], now)
        for one in sorted(settled, key=lambda one: one.row.notice.recipient_id):
            await self._mark(tx, one, now)
        await self._fall_back(tx, [one for one in settled if one.falls_back is not None])
        for code, about in sorted(((code, one) for one in settled for code in one.alarms), key=_alarm_order):
            await self._alarm(tx, about, code)
        for one in settled:
            if one.row.notice.lane.is_at_least_once:
                self._poke_later(tx, one.row)

    async def _mark(self, tx: Tx, one: Settled, now: datetime) -> None:
        if one.stopped:
            await self._recipients.mark_stopped(tx, one.row.notice.recipient_id, now)
        elif one.marks_number and one.row.error_code not in ("no_number", "no_texts", KNOWN_STOPPED):
            await self._recipients.mark_texts_failing(tx, one.row.notice.recipient_id, now)

    async def _fall_back(self, tx: Tx, settled: Sequence[Settled]) -> None:
        steps = {one.row.id: next_notices(one.row.notice, one.falls_back) for one in settled if one.falls_back is not None}
        # Two of them may lead to one person: what the first says counts.
        wanted = {notice.id: notice for notices in reversed(steps.values()) for notice in notices}
        added = set(await self._outbox.enqueue(tx, [wanted[id] for id in sorted(wanted)]))
        for one in settled:
            count = sum(notice.id in added for notice in steps[one.row.id])
            log.warning("notice_falls_back", notice=one.row.id, cause=one.falls_back, added=count)

    async def _alarm(self, tx: Tx, one: Settled, code: str) -> None:
        notice = one.row.notice
        person = (await self._recipients.by_ids(tx, [notice.recipient_id])).get(notice.recipient_id)
        who = f"{person.name} {person.number_masked}" if person is not None else "a recipient"
        error = one.row.error_code or one.row.error_class or "unknown"
        # One alarm a responder; of customers, whom a carrier's bad day makes many, one an hour.
        about = notice.recipient_id if notice.lane.is_at_least_once else ""
        detail = _SENTENCES[code].format(who=who, error=error)
        whose = "" if code == "carrier_refuses_us" else about
        await self._alarms.raise_operator_alarm(tx, notice.site_id, code, detail, about=whose, who=who, error=error)

    def _poke_later(self, tx: Tx, row: Enqueued) -> None:
        tx.after_commit(lambda: self._poke.poke(row.notice.site_id, TOPIC, row.id))


def _alarm_order(alarm: tuple[str, Settled]) -> tuple[str, str, str]:
    code, one = alarm
    return code, one.row.notice.site_id, one.row.notice.recipient_id
