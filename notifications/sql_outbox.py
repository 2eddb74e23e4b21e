"""The outbox in SQL. Every method works in the transaction it is given; none waits for a network.

`enqueue` is called inside the transaction of an incident, a visit or a receipt, so a notice exists exactly if what it tells of exists.
Claims are leases: PostgreSQL skips rows that another worker holds, SQLite's one writer makes the question moot.

Who writes about notices holds them first, in the order of their ids, then writes of attempts, then of recipients in the order of theirs,
then adds notices. Attempts are held by nobody: who writes of one holds its notice. In two orders, two transactions would wait for each
other.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Integer, bindparam, func, insert, or_, select, tuple_, update

from core.clock import Clock
from core.ids import NoticeId, SiteId
from core.key_ring import KeyRing
from core.sql import upsert
from core.unit_of_work import Tx
from notifications.carrier import CarrierName, Outcome
from notifications.courtesy import REPLACES, send_at
from notifications.delivery import Receipt
from notifications.notice import Channel, Enqueued, Lane, Notice, NoticeState
from notifications.outbox_order import order_key
from notifications.ports import Attempt, QuietBook
from notifications.settlement import LEASE_S
from notifications.sql_many import change_rows
from notifications.sql_notices import KEPT, PURPOSE, SqlNotices, attempt_of_row
from notifications.tables import notice_attempts, notices

_INSERT: dict[str, Any] = {
    dialect: upsert(dialect, notices).on_conflict_do_nothing().returning(notices.c.id) for dialect in ("sqlite", "postgresql")
}
_ROWS_A_STATEMENT = 100
"""SQLite binds at most 32,766 values a statement; 100 rows of 29 columns stay far below."""
LOOK_LEASE_S = 15.0
"""A look that is not finished by then is taken up by another worker."""
_SAVED = (
    "state",
    "send_at",
    "lease_until",
    "look_at",
    "accepted_at",
    "is_repeat",
    "is_plain",
    "sender_turn",
    "has_fallen_back",
    "error_class",
    "error_code",
    "provider_id",
    "acknowledged_at",
    "acknowledged_how",
)
"""What a settlement changes; everything else of a row is written once, at enqueue or at claim."""
_OF_IDS = notices.c.id.in_(bindparam("ids", expanding=True))
_LOCKED = select(notices).where(_OF_IDS).order_by(notices.c.id).with_for_update()
_LIVING = select(*(notices.c[name] for name in ("state", *KEPT))).where(_OF_IDS).order_by(notices.c.id).with_for_update()
"""What may differ between two looks at a row."""


def _claim() -> Any:
    is_due = (
        (notices.c.state == NoticeState.PENDING.value)
        & (notices.c.send_at <= bindparam("now"))
        & notices.c.lane.in_(bindparam("lanes", expanding=True))
    )
    order = (notices.c.lane, notices.c.send_at, notices.c.created_at, notices.c.id)
    due = select(notices.c.id).where(is_due).order_by(*order).limit(bindparam("most", type_=Integer))
    chosen = due.with_for_update(skip_locked=True).cte("due")
    leased_until = bindparam("leased_until", type_=notices.c.lease_until.type)
    changed = {
        "state": NoticeState.SENDING.value, "send_at": None, "lease_until": leased_until, "look_at": leased_until,
        "attempts": notices.c.attempts + 1,
        "first_sent_at": func.coalesce(notices.c.first_sent_at, bindparam("now", type_=notices.c.first_sent_at.type)),
    }  # fmt: skip
    return update(notices).where(notices.c.id.in_(select(chosen.c.id))).values(changed).returning(*notices.c)


_CLAIM, _BEGIN_ATTEMPT = _claim(), insert(notice_attempts)
_CARRIED = update(notices).where(_OF_IDS).values(carrier=bindparam("by"))
"""Made once, as every emergency needs them: building a statement costs more than running it."""


class SqlOutbox(SqlNotices):
    """See `ports.Outbox`. `on_enqueued` is told the lanes that have new notices, after the commit; wiring sets it to `OutboxFlow.wake`.
    `on_letters` is told the site of those that can wait, which another process sends.
    `quiet` knows the sites' quiet hours; None for none.
    """

    def __init__(self, key_ring: KeyRing, clock: Clock) -> None:
        super().__init__(key_ring)
        self._clock = clock
        self.on_enqueued: Callable[[frozenset[Lane]], None] = lambda _lanes: None
        self.on_letters: Callable[[SiteId], None] = lambda _site: None
        self.quiet: QuietBook | None = None

    async def enqueue(self, tx: Tx, notices_: Sequence[Notice]) -> list[NoticeId]:
        """See `Outbox.enqueue`."""
        added: list[NoticeId] = []
        rows = [self._row(notice, await self._send_at(tx, notice)) for notice in notices_]
        for start in range(0, len(rows), _ROWS_A_STATEMENT):
            inserted = await tx.conn.execute(_INSERT[tx.dialect], rows[start : start + _ROWS_A_STATEMENT])
            new = {NoticeId(id) for id in inserted.scalars()}
            await self._withdraw_replaced(tx, [notice for notice in notices_[start : start + _ROWS_A_STATEMENT] if notice.id in new])
            added.extend(new)
        if added:
            lanes = frozenset(notice.lane for notice in notices_)
            tx.after_commit(lambda: self.on_enqueued(lanes))
            if not all(lane.is_at_least_once for lane in lanes):
                tx.after_commit(lambda: self.on_letters(notices_[0].site_id))
        return added

    async def cancel(self, tx: Tx, subject: str, *, channels: Sequence[Channel] = ()) -> int:
        """See `Outbox.cancel`."""
        pending = (notices.c.subject == subject) & (notices.c.state == NoticeState.PENDING)
        if channels:
            pending &= notices.c.channel.in_(channels)
        held = select(notices.c.id).where(pending).order_by(notices.c.id).with_for_update().cte("held")
        withdrawn = await tx.conn.execute(
            update(notices)
            .where(notices.c.id.in_(select(held.c.id)))
            .values(state=NoticeState.CANCELLED, send_at=None, look_at=None, settled_at=self._clock.now())
            .returning(notices.c.id)
        )
        return len(withdrawn.all())

    async def claim(self, tx: Tx, lanes: Collection[Lane], now: datetime, limit: int) -> list[Enqueued]:
        """Lease up to `limit` due notices of `lanes`, most urgent first, and count the attempt; no other worker gets them meanwhile."""
        given = {"lanes": list(lanes), "now": now, "most": limit, "leased_until": now + timedelta(seconds=LEASE_S)}
        claimed = await tx.conn.execute(_CLAIM, given)
        return sorted((self.enqueued(row) for row in claimed), key=order_key)

    async def begin_attempts(self, tx: Tx, begun: Sequence[tuple[Enqueued, CarrierName | None]], now: datetime) -> None:
        """Write one attempt for each claimed row, before any request leaves: a crash then shows that one may have."""
        if not begun:
            return
        await tx.conn.execute(
            _BEGIN_ATTEMPT,
            [
                {"notice_id": row.id, "number": row.attempts, "carrier": carrier or "", "started_at": now}
                for row, carrier in begun
            ],
        )
        for by in {carrier for _, carrier in begun}:
            ids = [row.id for row, carrier in begun if carrier is by]
            await tx.conn.execute(_CARRIED, {"ids": ids, "by": by})

    async def claim_looks(self, tx: Tx, lanes: Collection[Lane], now: datetime, limit: int) -> list[Enqueued]:
        """Take up to `limit` rows whose next look is due, earliest first; their look moves on, so that nobody else looks meanwhile."""
        is_due = (notices.c.look_at <= now) & notices.c.lane.in_(lanes)
        due = (
            select(notices.c.id).where(is_due).order_by(notices.c.look_at).limit(limit).with_for_update(skip_locked=True).cte("due")
        )
        taken = await tx.conn.execute(
            update(notices)
            .where(notices.c.id.in_(select(due.c.id)))
            .values(look_at=now + timedelta(seconds=LOOK_LEASE_S))
            .returning(*notices.c)
        )
        return sorted((self.enqueued(row) for row in taken), key=order_key)

    async def locked(
        self, tx: Tx, ids: Collection[NoticeId], known: Mapping[NoticeId, Notice] | None = None
    ) -> dict[NoticeId, Enqueued]:
        """Return the rows as they stand now, held until the transaction ends; `known` spares unsealing what the caller holds."""
        held = known or {}
        found = await tx.conn.execute(_LIVING if held.keys() >= set(ids) else _LOCKED, {"ids": list(ids)})
        return {NoticeId(row.id): self.enqueued(row, held.get(row.id)) for row in found}

    async def save(self, tx: Tx, rows: Sequence[Enqueued], now: datetime) -> None:
        """Write what a settlement changed of each row."""
        changes = [{"id": row.id, "settled_at": now, **{name: getattr(row, name) for name in _SAVED}} for row in rows]
        await change_rows(tx, notices, ("id",), changes)

    async def answer_attempts(self, tx: Tx, answers: Sequence[tuple[NoticeId, int, Outcome]], now: datetime) -> None:
        """Write what the carrier answered to each attempt (notice id, number)."""
        changes = [
            {
                "notice_id": notice_id,
                "number": number,
                "answered_at": now,
                "provider_id": outcome.provider_id,
                "receipt": outcome.receipt,
                "error_class": outcome.error,
                "error_code": outcome.code,
            }
            for notice_id, number, outcome in answers
        ]
        await change_rows(tx, notice_attempts, ("notice_id", "number"), changes, keeps_first=frozenset({"provider_id", "receipt"}))

    async def attempt_of(
        self, tx: Tx, *, notice_id: NoticeId | None = None, number: int | None = None, provider_id: str | None = None
    ) -> Attempt | None:
        """See `OutboxStore.attempt_of`."""
        by_provider = select(notice_attempts).where(notice_attempts.c.provider_id == provider_id)
        by_number = select(notice_attempts).where(notice_attempts.c.notice_id == notice_id, notice_attempts.c.number == number)
        for query in (by_provider if provider_id else None, by_number if notice_id and number else None):
            row = (await tx.conn.execute(query)).first() if query is not None else None
            if row is not None:
                return attempt_of_row(row)
        return None

    async def put_receipt(
        self, tx: Tx, attempt: Attempt, receipt: Receipt, provider_id: str | None, error: str | None, code: str | None, now: datetime
    ) -> None:
        """Write a receipt that counts on its attempt."""
        await tx.conn.execute(
            update(notice_attempts)
            .where(notice_attempts.c.notice_id == attempt.notice_id, notice_attempts.c.number == attempt.number)
            .values(
                receipt=receipt.value,
                receipt_at=now,
                provider_id=attempt.provider_id or provider_id,
                error_class=error or attempt.error_class,
                error_code=code or attempt.error_code,
            )
        )

    async def _send_at(self, tx: Tx, notice: Notice) -> datetime:
        now = self._clock.now()
        if self.quiet is None or notice.lane.is_at_least_once:
            return notice.send_at or now
        return send_at(notice, now, await self.quiet.quiet_of(tx, notice.site_id))

    async def _withdraw_replaced(self, tx: Tx, newer: Sequence[Notice]) -> None:
        for template in {notice.template for notice in newer} & REPLACES.keys():
            alike = [notice for notice in newer if notice.template == template]
            whose = tuple_(notices.c.subject, notices.c.recipient_id, notices.c.channel)
            is_said_better = or_(*(notices.c.template_key.startswith(f"{name}/", autoescape=True) for name in REPLACES[template]))
            await tx.conn.execute(
                update(notices)
                .where(whose.in_([(notice.subject, notice.recipient_id, notice.channel.value) for notice in alike]), is_said_better)
                .where(notices.c.state == NoticeState.PENDING, notices.c.attempts == 0)
                .where(notices.c.id.not_in([notice.id for notice in alike]))
                .values(state=NoticeState.CANCELLED, send_at=None, look_at=None, settled_at=self._clock.now())
            )

    def _row(self, notice: Notice, due_at: datetime) -> dict[str, object]:
        now = self._clock.now()
        return {
            "id": notice.id,
            "site_id": notice.site_id,
            "subject": notice.subject,
            "visit_id": notice.visit_id,
            "ladder_round": notice.ladder_round,
            "tier": notice.tier,
            "recipient_id": notice.recipient_id,
            "channel": notice.channel.value,
            "template_key": notice.template_key,
            "lane": notice.lane.value,
            "code": notice.short_code,
            "variables_sealed": self._key_ring.seal(PURPOSE, msgspec.json.encode(notice.variables).decode()),
            "next_recipients": msgspec.json.encode(notice.next_recipients).decode(),
            "state": NoticeState.PENDING.value,
            "created_at": now,
            "send_at": due_at,
            "expires_at": notice.expires_at,
            "attempts": 0,
            "is_repeat": False,
            "is_plain": False,
            "sender_turn": 0,
            "has_fallen_back": False,
        }
