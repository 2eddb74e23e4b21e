"""The PINs' hashes in SQL; both are always written together."""

from datetime import datetime

from sqlalchemy import delete, select, update

from core.ids import TechnicianId
from core.sql import upsert
from core.unit_of_work import Tx
from safety.pin_pace import Pace
from safety.pin_ports import StoredPins
from safety.tables import pins


class SqlPins:
    """See `safety.pin_ports.Pins`."""

    async def get(self, tx: Tx, technician_id: TechnicianId) -> StoredPins | None:
        """See `Pins.get`."""
        row = (await tx.conn.execute(select(pins).where(pins.c.technician_id == technician_id))).one_or_none()
        return None if row is None else StoredPins(row.true_hash, row.duress_hash)

    async def put(self, tx: Tx, technician_id: TechnicianId, stored: StoredPins, now: datetime) -> None:
        """See `Pins.put`."""
        values = {"true_hash": stored.true_hash, "duress_hash": stored.duress_hash, "set_at": now}
        insert = upsert(tx.dialect, pins).values(technician_id=technician_id, **values)
        await tx.conn.execute(insert.on_conflict_do_update(index_elements=[pins.c.technician_id], set_=values))

    async def refused(self, tx: Tx, technician_id: TechnicianId) -> int:
        """See `Pins.refused`."""
        counted = update(pins).where(pins.c.technician_id == technician_id).values(refused=pins.c.refused + 1).returning(pins.c.refused)
        return (await tx.conn.execute(counted)).scalar_one_or_none() or 0

    async def forgive(self, tx: Tx, technician_id: TechnicianId) -> None:
        """See `Pins.forgive`."""
        await tx.conn.execute(update(pins).where(pins.c.technician_id == technician_id).values(refused=0))

    async def pace(self, tx: Tx, technician_id: TechnicianId) -> Pace | None:
        """See `Pins.pace`."""
        query = select(pins.c.wrong, pins.c.wrong_since, pins.c.free_at).where(pins.c.technician_id == technician_id).with_for_update()
        row = (await tx.conn.execute(query)).one_or_none()
        return None if row is None else Pace(wrong=row.wrong, since=row.wrong_since, free_at=row.free_at)

    async def keep_pace(self, tx: Tx, technician_id: TechnicianId, pace: Pace) -> None:
        """See `Pins.keep_pace`."""
        values = {"wrong": pace.wrong, "wrong_since": pace.since, "free_at": pace.free_at}
        await tx.conn.execute(update(pins).where(pins.c.technician_id == technician_id).values(values))

    async def drop(self, tx: Tx, technician_id: TechnicianId) -> None:
        """See `Pins.drop`."""
        await tx.conn.execute(delete(pins).where(pins.c.technician_id == technician_id))
