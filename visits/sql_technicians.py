"""Technicians and blocked pairs in SQL; names and phones sealed."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from core.errors import Conflict
from core.ids import SiteId, TechnicianId
from core.key_ring import KeyRing
from core.unit_of_work import Tx
from visits.person import BlockedPair, Technician
from visits.service import VerifiedLevel
from visits.sql_seal import Seal
from visits.tables import blocked_pairs, shifts, technicians
from visits.visit_stores import Page

_BY_ID = select(technicians).where(technicians.c.id == bindparam("of_id"))
"""Made once, as with devices: whoever shows a device's token is looked up with her."""


class SqlTechnicians:
    """See `visits.ports.Technicians` for the contract."""

    def __init__(self, keys: KeyRing) -> None:
        self._seal = Seal(keys)

    async def get(self, tx: Tx, id: TechnicianId) -> Technician | None:
        """See `Technicians.get`."""
        row = (await tx.conn.execute(_BY_ID, {"of_id": id})).one_or_none()
        return None if row is None else self._technician(row)

    async def get_many(self, tx: Tx, ids: Sequence[TechnicianId]) -> Sequence[Technician]:
        """See `Technicians.get_many`."""
        wanted = select(technicians).where(technicians.c.id.in_(ids))
        return [self._technician(row) for row in await tx.conn.execute(wanted)] if ids else []

    async def page(self, tx: Tx, sites: frozenset[SiteId], page: Page, *, only_on_shift: bool = False) -> Sequence[Technician]:
        """See `Technicians.page`."""
        wanted = select(technicians).where(technicians.c.site_id.in_(sites)).order_by(technicians.c.id).limit(page.limit)
        if page.after is not None:
            wanted = wanted.where(technicians.c.id > page.after)
        if only_on_shift:
            wanted = wanted.where(technicians.c.id.in_(select(shifts.c.open_for).where(shifts.c.open_for.is_not(None))))
        return [self._technician(row) for row in await tx.conn.execute(wanted)]

    async def add(self, tx: Tx, technician: Technician) -> None:
        """See `Technicians.add`."""
        await tx.conn.execute(insert(technicians).values(**self._row(technician)))

    async def save(self, tx: Tx, technician: Technician) -> None:
        """See `Technicians.save`."""
        mine = (technicians.c.id == technician.id) & (technicians.c.version == technician.version - 1)
        stored = await tx.conn.execute(update(technicians).where(mine).values(**self._row(technician)))
        if stored.rowcount != 1:
            raise Conflict("Somebody changed this technician meanwhile. Read her again and decide anew.")

    def customer_key(self, phone: str) -> str:
        """See `Technicians.customer_key`."""
        return self._seal.key("customer", phone) or ""

    async def block(self, tx: Tx, pair: BlockedPair) -> None:
        """See `Technicians.block`."""
        row = {
            "id": pair.id,
            "site_id": pair.site_id,
            "technician_id": pair.technician_id,
            "customer_key": pair.customer_key,
            "reason_sealed": self._seal.close(pair.reason),
            "made_by": pair.made_by,
            "made_at": pair.made_at,
        }
        new = sqlite.insert(blocked_pairs) if tx.dialect == "sqlite" else postgresql.insert(blocked_pairs)
        await tx.conn.execute(new.values(row).on_conflict_do_nothing())

    async def unblock(self, tx: Tx, technician_id: TechnicianId, pair_id: str) -> bool:
        """See `Technicians.unblock`."""
        hers = (blocked_pairs.c.technician_id == technician_id) & (blocked_pairs.c.id == pair_id)
        return (await tx.conn.execute(delete(blocked_pairs).where(hers))).rowcount == 1

    async def blocked(self, tx: Tx, technician_id: TechnicianId, customer_key: str | None = None) -> Sequence[BlockedPair]:
        """See `Technicians.blocked`."""
        wanted = select(blocked_pairs).where(blocked_pairs.c.technician_id == technician_id).order_by(blocked_pairs.c.id)
        if customer_key is not None:
            wanted = wanted.where(blocked_pairs.c.customer_key == customer_key)
        return [self._pair(row) for row in await tx.conn.execute(wanted)]

    def _row(self, technician: Technician) -> dict[str, Any]:
        return {
            "id": technician.id,
            "site_id": technician.site_id,
            "name_sealed": self._seal.close(technician.name),
            "shown_name": technician.shown_name,
            "phone_sealed": self._seal.close(technician.phone),
            "phone_key": self._seal.key("technician", technician.phone),
            "language": technician.language,
            "verified_level": int(technician.verified_level),
            "is_active": technician.is_active,
            "helps_colleagues": technician.helps_colleagues,
            "version": technician.version,
            "created_at": technician.created_at,
        }

    def _technician(self, row: Any) -> Technician:
        return Technician(
            id=row.id,
            site_id=row.site_id,
            name=self._seal.must_open(row.name_sealed, str),
            shown_name=row.shown_name,
            phone=self._seal.open(row.phone_sealed, str),
            language=row.language,
            verified_level=VerifiedLevel(row.verified_level),
            is_active=row.is_active,
            helps_colleagues=row.helps_colleagues,
            version=row.version,
            created_at=row.created_at,
        )

    def _pair(self, row: Any) -> BlockedPair:
        return BlockedPair(
            id=row.id,
            site_id=row.site_id,
            technician_id=row.technician_id,
            customer_key=row.customer_key,
            reason=self._seal.must_open(row.reason_sealed, str),
            made_by=row.made_by,
            made_at=row.made_at,
        )
