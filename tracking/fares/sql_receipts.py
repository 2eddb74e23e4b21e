"""Keeps receipts in SQL. Meets `ports.Receipts`; rows are added, never changed. Atomic with the caller's transaction."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from core.errors import Conflict
from core.ids import SiteId, TechnicianId, VisitId
from core.unit_of_work import Tx
from tracking.fares.receipt import Receipt
from tracking.fares.tables import fare_receipts

_COLUMNS = (
    "visit_id",
    "number",
    "site_id",
    "technician_id",
    "closed_ms",
    "settled_ms",
    "customer_minor",
    "technician_minor",
    "currency",
    "digest",
)


class SqlReceipts:
    """Receipts by visit and number."""

    async def add(self, tx: Tx, receipt: Receipt) -> None:
        """See `ports.Receipts.add`."""
        values = {name: getattr(receipt, name) for name in _COLUMNS} | {"receipt": msgspec.json.encode(receipt).decode()}
        try:
            await tx.conn.execute(insert(fare_receipts).values(values))
        except IntegrityError:
            raise Conflict(f"Receipt {receipt.number} of this visit is there already. Read it; settling again gives the same.") from None

    async def latest(self, tx: Tx, visit_id: VisitId) -> Receipt | None:
        """See `ports.Receipts.latest`."""
        found = await self.all_of(tx, visit_id)
        return found[-1] if found else None

    async def all_of(self, tx: Tx, visit_id: VisitId) -> Sequence[Receipt]:
        """See `ports.Receipts.all_of`."""
        wanted = select(fare_receipts.c.receipt).where(fare_receipts.c.visit_id == visit_id).order_by(fare_receipts.c.number)
        return _decoded(await tx.conn.execute(wanted))

    async def of_technician(self, tx: Tx, technician_id: TechnicianId, from_ms: int, until_ms: int) -> Sequence[Receipt]:
        """See `ports.Receipts.of_technician`."""
        table = fare_receipts.c
        is_hers = (table.technician_id == technician_id) & (table.closed_ms >= from_ms) & (table.closed_ms < until_ms)
        return _decoded(await tx.conn.execute(select(table.receipt).where(is_hers).order_by(table.closed_ms, table.number)))

    async def of_site(self, tx: Tx, site_id: SiteId, from_ms: int, limit: int) -> Sequence[Receipt]:
        """See `ports.Receipts.of_site`."""
        table = fare_receipts.c
        wanted = select(table.receipt).where((table.site_id == site_id) & (table.closed_ms >= from_ms))
        newest: dict[VisitId, Receipt] = {}
        for receipt in _decoded(await tx.conn.execute(wanted.order_by(table.closed_ms.desc(), table.number.desc()).limit(limit))):
            newest.setdefault(receipt.visit_id, receipt)
        return list(newest.values())


def _decoded(rows: Any) -> list[Receipt]:
    return [msgspec.json.decode(row.receipt, type=Receipt) for row in rows]
