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
        """Write the rows and everything that follows from them in the caller's transaction; consoles are poked after the commit."""
        await self._outbox.save(tx, [one.row for one in settled], now)
        for one in settled:
            await self._follow(tx, one, now)
            if one.row.notice.lane.is_at_least_once:
                self._poke_later(tx, one.row)

    async def _follow(self, tx: Tx, one: Settled, now: datetime) -> None:
        notice = one.row.notice
        if one.falls_back is not None:
            added = await self._outbox.enqueue(tx, next_notices(notice, one.falls_back))
            log.warning("notice_falls_back", notice=one.row.id, cause=one.falls_back, added=len(added))
        if one.stopped:
            await self._recipients.mark_stopped(tx, notice.recipient_id, now)
        elif one.marks_number and one.row.error_code not in ("no_number", "no_texts", KNOWN_STOPPED):
            await self._recipients.mark_texts_failing(tx, notice.recipient_id, now)
        if one.alarms:
            await self._alarm(tx, one)

    async def _alarm(self, tx: Tx, one: Settled) -> None:
        notice = one.row.notice
        person = (await self._recipients.by_ids(tx, [notice.recipient_id])).get(notice.recipient_id)
        who = f"{person.name} {person.number_masked}" if person is not None else "a recipient"
        error = one.row.error_code or one.row.error_class or "unknown"
        # One alarm a responder; of customers, whom a carrier's bad day makes many, one an hour.
        about = notice.recipient_id if notice.lane.is_at_least_once else ""
        for code in one.alarms:
            detail = _SENTENCES[code].format(who=who, error=error)
            whose = "" if code == "carrier_refuses_us" else about
            await self._alarms.raise_operator_alarm(tx, notice.site_id, code, detail, about=whose, who=who, error=error)

    def _poke_later(self, tx: Tx, row: Enqueued) -> None:
        tx.after_commit(lambda: self._poke.poke(row.notice.site_id, TOPIC, row.id))
