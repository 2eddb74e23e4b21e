"""Check-ins in SQL; a repeated id changes nothing."""

from sqlalchemy import select

from core.ids import VisitId
from core.sql import upsert
from core.unit_of_work import Tx
from safety.check_in import CheckIn
from safety.tables import check_ins


class SqlCheckIns:
    """See `safety.watch_ports.CheckIns`."""

    async def add(self, tx: Tx, check_in: CheckIn) -> bool:
        """See `CheckIns.add`."""
        values = {name: getattr(check_in, name) for name in CheckIn.__struct_fields__}
        insert = upsert(tx.dialect, check_ins).values(**values).on_conflict_do_nothing()
        return bool((await tx.conn.execute(insert)).rowcount)

    async def newest(self, tx: Tx, visit_id: VisitId) -> CheckIn | None:
        """See `CheckIns.newest`."""
        found = select(check_ins).where(check_ins.c.visit_id == visit_id).order_by(check_ins.c.device_at.desc()).limit(1)
        row = (await tx.conn.execute(found)).one_or_none()
        return None if row is None else CheckIn(**{name: getattr(row, name) for name in CheckIn.__struct_fields__})
