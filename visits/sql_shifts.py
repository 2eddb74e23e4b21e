"""Shifts with their pauses in SQL. `open_for` is unique: two phones opening at once get one shift and one conflict."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from core.clock import from_ms, to_ms
from core.errors import Conflict
from core.ids import ShiftId, SiteId, TechnicianId
from core.unit_of_work import Tx
from visits.shift import Interval, Shift, ShiftEnd
from visits.tables import shift_pauses, shifts
from visits.visit_stores import Page


class SqlShifts:
    """See `visits.ports.Shifts` for the contract."""

    async def add(self, tx: Tx, shift: Shift) -> None:
        """See `Shifts.add`."""
        try:
            await tx.conn.execute(insert(shifts).values(id=shift.id, **_row(shift)))
        except IntegrityError:
            raise Conflict("A shift of hers is open already. Go on with it, or close it first.") from None
        await _put_pauses(tx, shift)

    async def save(self, tx: Tx, shift: Shift, reason: str | None = None) -> None:
        """See `Shifts.save`."""
        values = _row(shift) | ({} if reason is None else {"closed_reason": reason})
        mine = (shifts.c.id == shift.id) & (shifts.c.version == shift.version - 1)
        stored = await tx.conn.execute(update(shifts).where(mine).values(**values))
        if stored.rowcount != 1:
            raise Conflict("The shift changed meanwhile. Read it again and decide anew.")
        await tx.conn.execute(delete(shift_pauses).where(shift_pauses.c.shift_id == shift.id))
        await _put_pauses(tx, shift)

    async def get(self, tx: Tx, id: ShiftId, *, lock: bool = False) -> Shift | None:
        """See `Shifts.get`."""
        return await self._one(tx, shifts.c.id == id, lock=lock)

    async def open_of(self, tx: Tx, technician_id: TechnicianId, *, lock: bool = False) -> Shift | None:
        """See `Shifts.open_of`."""
        return await self._one(tx, shifts.c.open_for == technician_id, lock=lock)

    async def open_of_many(self, tx: Tx, technician_ids: Sequence[TechnicianId]) -> Mapping[TechnicianId, Shift]:
        """See `Shifts.open_of_many`."""
        if not technician_ids:
            return {}
        found = await self._many(tx, select(shifts).where(shifts.c.open_for.in_(technician_ids)))
        return {shift.technician_id: shift for shift in found}

    async def since(self, tx: Tx, technician_id: TechnicianId, since: datetime) -> Sequence[Shift]:
        """See `Shifts.since`."""
        return await self.since_of_many(tx, [technician_id], since)

    async def since_of_many(self, tx: Tx, technician_ids: Sequence[TechnicianId], since: datetime) -> Sequence[Shift]:
        """See `Shifts.since_of_many`."""
        still_on = or_(shifts.c.closed_at.is_(None), shifts.c.closed_at >= since)
        wanted = select(shifts).where(shifts.c.technician_id.in_(technician_ids), still_on).order_by(shifts.c.opened_at)
        return await self._many(tx, wanted)

    async def page(self, tx: Tx, sites: frozenset[SiteId], page: Page, *, only_open: bool = False) -> Sequence[Shift]:
        """See `Shifts.page`."""
        wanted = select(shifts).where(shifts.c.site_id.in_(sites)).order_by(shifts.c.id).limit(page.limit)
        if page.after is not None:
            wanted = wanted.where(shifts.c.id > page.after)
        if only_open:
            wanted = wanted.where(shifts.c.closed_at.is_(None))
        return await self._many(tx, wanted)

    async def _one(self, tx: Tx, condition: Any, *, lock: bool) -> Shift | None:
        wanted = select(shifts).where(condition)
        found = await self._many(tx, wanted.with_for_update() if lock else wanted)
        return found[0] if found else None

    async def _many(self, tx: Tx, wanted: Any) -> list[Shift]:
        rows = (await tx.conn.execute(wanted)).all()
        pauses: dict[str, list[Interval]] = defaultdict(list)
        if rows:
            of_these = select(shift_pauses).where(shift_pauses.c.shift_id.in_([row.id for row in rows])).order_by(shift_pauses.c.place_no)
            for pause in await tx.conn.execute(of_these):
                until_ms = None if pause.until_at is None else to_ms(pause.until_at)
                pauses[pause.shift_id].append(Interval(to_ms(pause.from_at), until_ms))
        return [_shift(row, tuple(pauses[row.id])) for row in rows]


async def _put_pauses(tx: Tx, shift: Shift) -> None:
    rows = [
        {
            "shift_id": shift.id,
            "place_no": place_no,
            "from_at": from_ms(pause.from_ms),
            "until_at": None if pause.until_ms is None else from_ms(pause.until_ms),
        }
        for place_no, pause in enumerate(shift.pauses, start=1)
    ]
    if rows:
        await tx.conn.execute(insert(shift_pauses), rows)


def _row(shift: Shift) -> dict[str, Any]:
    return {
        "site_id": shift.site_id,
        "technician_id": shift.technician_id,
        "opened_at": shift.opened_at,
        "planned_end": shift.planned_end,
        "closed_at": shift.closed_at,
        "closed_by": shift.closed_by,
        "notice_version": shift.notice_version,
        "unwatched": shift.unwatched,
        "open_for": shift.technician_id if shift.closed_at is None else None,
        "version": shift.version,
    }


def _shift(row: Any, pauses: tuple[Interval, ...]) -> Shift:
    return Shift(
        id=row.id,
        site_id=row.site_id,
        technician_id=row.technician_id,
        opened_at=row.opened_at,
        planned_end=row.planned_end,
        notice_version=row.notice_version,
        pauses=pauses,
        closed_at=row.closed_at,
        closed_by=None if row.closed_by is None else ShiftEnd(row.closed_by),
        unwatched=row.unwatched,
        version=row.version,
    )
