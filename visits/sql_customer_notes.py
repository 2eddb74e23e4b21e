"""Notes on customers in SQL: found by the keyed digest of a phone, their words sealed."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import insert, select, update

from core.ids import SiteId
from core.key_ring import KeyRing
from core.unit_of_work import Tx
from visits.customer_note import CustomerNote, RiskKind
from visits.sql_seal import Seal
from visits.tables import blocked_pairs, customer_notes


class SqlCustomerNotes:
    """See `visits.people_stores.CustomerNotes`."""

    def __init__(self, keys: KeyRing) -> None:
        self._seal = Seal(keys)

    async def add(self, tx: Tx, note: CustomerNote) -> None:
        """See `CustomerNotes.add`."""
        row = {
            "id": note.id, "site_id": note.site_id, "customer_key": note.customer_key, "kinds": msgspec.json.encode(note.kinds).decode(),
            "note_sealed": self._seal.close(note.note), "told_sealed": self._seal.close(note.told), "made_by": note.made_by,
            "made_at": note.made_at, "until": note.until,
        }  # fmt: skip
        await tx.conn.execute(insert(customer_notes).values(row))

    async def get(self, tx: Tx, note_id: str) -> CustomerNote | None:
        """See `CustomerNotes.get`."""
        row = (await tx.conn.execute(select(customer_notes).where(customer_notes.c.id == note_id))).one_or_none()
        return None if row is None else self._note(row)

    async def of(self, tx: Tx, site_id: SiteId, customer_keys: Sequence[str], now: datetime) -> Sequence[CustomerNote]:
        """See `CustomerNotes.of`."""
        if not customer_keys:
            return []
        found = select(customer_notes).where(*_in_force(site_id, customer_keys, now)).order_by(customer_notes.c.made_at.desc())
        return [self._note(row) for row in await tx.conn.execute(found)]

    async def is_risky(self, tx: Tx, site_id: SiteId, customer_keys: Sequence[str], now: datetime) -> bool:
        """See `CustomerNotes.is_risky`."""
        if not customer_keys:
            return False
        noted = select(customer_notes.c.id).where(*_in_force(site_id, customer_keys, now)).limit(1)
        blocked = select(blocked_pairs.c.id).where(
            blocked_pairs.c.site_id == site_id, blocked_pairs.c.customer_key.in_(customer_keys)
        )
        return any([(await tx.conn.execute(each)).first() is not None for each in (noted, blocked.limit(1))])

    async def withdraw(self, tx: Tx, note_id: str, by: str, reason: str, now: datetime) -> bool:
        """See `CustomerNotes.withdraw`."""
        mine = (customer_notes.c.id == note_id) & customer_notes.c.withdrawn_at.is_(None)
        gone = {"withdrawn_by": by, "withdrawn_at": now, "withdrawn_reason_sealed": self._seal.close(reason)}
        return (await tx.conn.execute(update(customer_notes).where(mine).values(gone))).rowcount == 1

    def _note(self, row: Any) -> CustomerNote:
        return CustomerNote(
            id=row.id, site_id=row.site_id, customer_key=row.customer_key, kinds=msgspec.json.decode(row.kinds, type=tuple[RiskKind, ...]),
            note=self._seal.must_open(row.note_sealed, str), told=self._seal.open(row.told_sealed, str), made_by=row.made_by,
            made_at=row.made_at, until=row.until,
        )  # fmt: skip


def _in_force(site_id: SiteId, customer_keys: Sequence[str], now: datetime) -> tuple[Any, ...]:
    notes = customer_notes.c
    return notes.site_id == site_id, notes.customer_key.in_(customer_keys), notes.withdrawn_at.is_(None), notes.until > now
