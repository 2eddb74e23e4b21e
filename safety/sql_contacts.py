"""Emergency contacts in SQL; numbers and names stand with the recipients, sealed."""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy import or_, select, update

from core.ids import TechnicianId
from core.unit_of_work import Tx
from safety.contact import Contact
from safety.tables import contacts


class SqlContacts:
    """See `safety.person_ports.Contacts`."""

    async def of(self, tx: Tx, technician_id: TechnicianId, now: datetime) -> Sequence[Contact]:
        """See `Contacts.of`."""
        counts = or_(contacts.c.removed_at.is_(None), contacts.c.removed_at > now)
        found = select(contacts).where(contacts.c.technician_id == technician_id, counts).order_by(contacts.c.takes_effect_at)
        return [Contact(**row._mapping) for row in await tx.conn.execute(found)]

    async def add(self, tx: Tx, contact: Contact) -> None:
        """See `Contacts.add`."""
        await tx.conn.execute(contacts.insert().values(**msgspec.structs.asdict(contact)))

    async def save(self, tx: Tx, contact: Contact) -> None:
        """See `Contacts.save`."""
        await tx.conn.execute(update(contacts).where(contacts.c.id == contact.id).values(**msgspec.structs.asdict(contact)))
