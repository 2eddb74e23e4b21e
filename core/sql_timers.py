"""Timers in SQL. Claims are leases, committed before the handler runs; atomic on both databases; no retries here."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import bindparam, delete, func, or_, select, tuple_, update

from core.sql import upsert
from core.tables import timers
from core.timers import Timer
from core.unit_of_work import Tx, UnitOfWork


def setting(dialect: str) -> Any:
    """Return the statement that writes a timer's row, given as `row_of`, or moves the timer of its kind and subject and drops its lease."""
    insert = upsert(dialect, timers)
    anew = {
        "due_at": insert.excluded.due_at, "payload": insert.excluded.payload, "lease_until": None, "attempts": 0,
        "version": timers.c.version + 1,
    }
    return insert.on_conflict_do_update(index_elements=[timers.c.kind, timers.c.subject], set_=anew)


_SET = {dialect: setting(dialect) for dialect in ("sqlite", "postgresql")}
_CANCEL = delete(timers).where(timers.c.kind == bindparam("of_kind"), timers.c.subject == bindparam("of_subject"))
# A timer that was cancelled and set again counts its versions from 1 anew, so its moment is looked at too.
_DONE = _CANCEL.where(timers.c.version == bindparam("of_version"), timers.c.due_at == bindparam("was_due_at"))
"""Made once, as every press needs them: building a statement costs more than running it."""


def row_of(timer: Timer) -> dict[str, Any]:
    """Return what is written of a timer that is set; the table's defaults are the rest."""
    return {
        "kind": timer.kind, "subject": timer.subject, "due_at": timer.due_at, "payload": msgspec.json.encode(timer.payload).decode(),
    }  # fmt: skip


async def set_timer(tx: Tx, timer: Timer) -> None:
    """Do what `Timers.set` does, for whoever writes one together with something else."""
    await tx.conn.execute(_SET[tx.dialect], row_of(timer))


class SqlTimers:
    """See `core.timers.Timers` for the contract."""

    def __init__(self, work: UnitOfWork) -> None:
        self._work = work

    async def set(self, tx: Tx, timer: Timer) -> None:
        """See `Timers.set`."""
        await set_timer(tx, timer)

    async def set_once(self, tx: Tx, timer: Timer) -> None:
        """See `Timers.set_once`."""
        await tx.conn.execute(upsert(tx.dialect, timers).values(row_of(timer)).on_conflict_do_nothing())

    async def bring_forward(self, tx: Tx, kind: str, subject: str, due_at: datetime) -> None:
        """See `Timers.bring_forward`."""
        later = (timers.c.kind == kind) & (timers.c.subject == subject) & (timers.c.due_at > due_at)
        moved = {"due_at": due_at, "lease_until": None, "attempts": 0, "version": timers.c.version + 1}
        await tx.conn.execute(update(timers).where(later).values(moved))

    async def cancel(self, tx: Tx, kind: str, subject: str) -> None:
        """See `Timers.cancel`."""
        await tx.conn.execute(_CANCEL, {"of_kind": kind, "of_subject": subject})

    async def claim_due(self, now: datetime, limit: int, lease_s: float) -> Sequence[Timer]:
        """See `Timers.claim_due`."""
        is_free = or_(timers.c.lease_until.is_(None), timers.c.lease_until <= now)
        due = select(timers.c.kind, timers.c.subject).where(timers.c.due_at <= now, is_free).order_by(timers.c.due_at).limit(limit)
        chosen = due.with_for_update(skip_locked=True).cte("due")
        leased = {"lease_until": now + timedelta(seconds=lease_s), "attempts": timers.c.attempts + 1}
        claim = update(timers).where(tuple_(timers.c.kind, timers.c.subject).in_(select(chosen))).values(leased)
        # Urgent, because a rung of a ladder may be among them.
        async with self._work.begin(urgent=True) as tx:
            rows = (await tx.conn.execute(claim.returning(timers))).all()
        return sorted((_timer(row) for row in rows), key=lambda timer: timer.due_at)

    async def done(self, fired: Sequence[Timer]) -> None:
        """See `Timers.done`."""
        if not fired:
            return
        as_claimed = [
            {"of_kind": timer.kind, "of_subject": timer.subject, "of_version": timer.version, "was_due_at": timer.due_at}
            for timer in fired
        ]
        # Urgent, because the next batch is claimed after it.
        async with self._work.begin(urgent=True) as tx:
            await tx.conn.execute(_DONE, as_claimed)

    async def next_due_at(self) -> datetime | None:
        """See `Timers.next_due_at`."""
        async with self._work.read() as tx:
            earliest = select(func.min(timers.c.due_at)).where(timers.c.lease_until.is_(None))
            found: datetime | None = (await tx.conn.execute(earliest)).scalar()
            return found


def _timer(row: object) -> Timer:
    return Timer(
        kind=row.kind,  # type: ignore[attr-defined]
        subject=row.subject,  # type: ignore[attr-defined]
        due_at=row.due_at,  # type: ignore[attr-defined]
        payload=msgspec.json.decode(row.payload),  # type: ignore[attr-defined]
        attempts=row.attempts,  # type: ignore[attr-defined]
        version=row.version,  # type: ignore[attr-defined]
    )
