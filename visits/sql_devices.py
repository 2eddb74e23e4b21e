"""Phones and their enrolment codes in SQL. Taking a code is one UPDATE: of two takers one gets it, on both databases."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, delete, insert, select, update

from core.ids import DeviceId, TechnicianId
from core.key_ring import KeyRing
from core.sql_counters import next_number
from core.unit_of_work import Tx
from visits.credential import Enrolment
from visits.person import Device
from visits.sql_seal import Seal
from visits.tables import devices, enrolments, technicians

_SHOWN = [column for column in devices.c if column.name != "token_hash"]
_BY_ID = select(*_SHOWN).where(devices.c.id == bindparam("of_id"))
_BY_TOKEN = select(*_SHOWN).where(devices.c.token_hash == bindparam("of_hash"))
_WITH_TECHNICIAN = devices.join(technicians, technicians.c.id == devices.c.technician_id)
_COUNTS = devices.c.revoked_at.is_(None) & technicians.c.is_active
_IN_FORCE_BY_TOKEN = _BY_TOKEN.select_from(_WITH_TECHNICIAN).where(_COUNTS)
"""Made once: a stock phone's every fix asks whose token it shows, and building a statement costs more than running it."""


class SqlDevices:
    """See `visits.ports.Devices` for the contract."""

    def __init__(self, keys: KeyRing) -> None:
        self._seal = Seal(keys)

    async def add(self, tx: Tx, device: Device, token_hash: str) -> None:
        """See `Devices.add`."""
        row = {column.name: getattr(device, column.name) for column in _SHOWN}
        await tx.conn.execute(insert(devices).values(**row, token_hash=token_hash))

    async def next_no(self, tx: Tx) -> int:
        """See `Devices.next_no`."""
        return await next_number(tx, "device_no")

    async def get(self, tx: Tx, id: DeviceId) -> Device | None:
        """See `Devices.get`."""
        return _one((await tx.conn.execute(_BY_ID, {"of_id": id})).one_or_none())

    async def by_token(self, tx: Tx, token_hash: str) -> Device | None:
        """See `Devices.by_token`."""
        return _one((await tx.conn.execute(_BY_TOKEN, {"of_hash": token_hash})).one_or_none())

    async def in_force_by_token(self, tx: Tx, token_hash: str) -> Device | None:
        """See `Devices.in_force_by_token`."""
        return _one((await tx.conn.execute(_IN_FORCE_BY_TOKEN, {"of_hash": token_hash})).one_or_none())

    async def in_force(self, tx: Tx, ids: Sequence[DeviceId]) -> frozenset[DeviceId]:
        """See `Devices.in_force`."""
        wanted = select(devices.c.id).select_from(_WITH_TECHNICIAN).where(devices.c.id.in_(ids), _COUNTS)
        return frozenset(DeviceId(id) for id in await tx.conn.scalars(wanted))

    async def of_technician(self, tx: Tx, technician_id: TechnicianId) -> Sequence[Device]:
        """See `Devices.of_technician`."""
        wanted = select(*_SHOWN).where(devices.c.technician_id == technician_id).order_by(devices.c.device_no)
        return [_device(row) for row in await tx.conn.execute(wanted)]

    async def revoke(self, tx: Tx, id: DeviceId, now: datetime) -> bool:
        """See `Devices.revoke`."""
        in_force = (devices.c.id == id) & devices.c.revoked_at.is_(None)
        return (await tx.conn.execute(update(devices).where(in_force).values(revoked_at=now))).rowcount == 1

    async def offer(self, tx: Tx, enrolment: Enrolment, code: str) -> None:
        """See `Devices.offer`."""
        unused = (enrolments.c.technician_id == enrolment.technician_id) & enrolments.c.used_at.is_(None)
        await tx.conn.execute(delete(enrolments).where(unused))
        await tx.conn.execute(
            insert(enrolments).values(
                id=enrolment.id,
                site_id=enrolment.site_id,
                technician_id=enrolment.technician_id,
                code_key=self._seal.key("enrolment", code),
                made_at=enrolment.made_at,
            )
        )

    async def take_offer(self, tx: Tx, code: str, now: datetime) -> Enrolment | None:
        """See `Devices.take_offer`."""
        unused = (enrolments.c.code_key == self._seal.key("enrolment", code)) & enrolments.c.used_at.is_(None)
        taken = update(enrolments).where(unused).values(used_at=now).returning(enrolments)
        row = (await tx.conn.execute(taken)).one_or_none()
        if row is None:
            return None
        return Enrolment(id=row.id, site_id=row.site_id, technician_id=row.technician_id, made_at=row.made_at)


def _one(row: Any) -> Device | None:
    return None if row is None else _device(row)


def _device(row: Any) -> Device:
    return Device(**row._mapping)
