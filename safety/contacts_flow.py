"""How does she name whom to tell? Contacts wait a day before they count, removals too, and each keeps the place only while confirmed."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from core.caller import Caller
from core.clock import Clock
from core.errors import BadInput, NotFound, NotSignedIn
from core.ids import IdSource, TechnicianId
from core.unit_of_work import UnitOfWork
from safety.contact import CHANGE_WAITS, CONFIRMED_FOR, Contact, new_contact
from safety.person_ports import ContactBook, ContactFace, Contacts


class ShownContact(msgspec.Struct, frozen=True, kw_only=True):
    """A contact as she reads it. `knows_place_until`: confirm before then, or he will not learn where she is."""

    id: str
    name: str
    number_masked: str
    counts_from: datetime
    counts_until: datetime | None
    shares_place: bool
    knows_place_until: datetime | None


class ContactsFlow:
    """Keeps her contacts."""

    def __init__(self, work: UnitOfWork, contacts: Contacts, book: ContactBook, clock: Clock, ids: IdSource) -> None:
        self._work = work
        self._contacts = contacts
        self._book = book
        self._clock = clock
        self._ids = ids

    async def mine(self, caller: Caller) -> Sequence[ShownContact]:
        """Return her contacts, oldest first."""
        async with self._work.read() as tx:
            found = await self._contacts.of(tx, _she(caller), self._clock.now())
            faces = await self._book.faces(tx, [contact.recipient_id for contact in found])
        return [_shown(contact, faces[contact.recipient_id]) for contact in found if contact.recipient_id in faces]

    async def add(self, caller: Caller, name: str, number: str, language: str, *, shares_place: bool) -> str:
        """Name a contact; return its id. It counts in a day. Raises `BadInput` for a number that cannot exist or a sixth contact."""
        if not name.strip():
            raise BadInput("A contact needs a name.")
        now, she = self._clock.now(), _she(caller)
        async with self._work.begin() as tx:
            count = len(await self._contacts.of(tx, she, now))
            recipient_id = await self._book.add(tx, next(iter(caller.sites)), she, name.strip(), number, language)
            made = new_contact(self._ids.new_id(), she, recipient_id, now, shares_place=shares_place, count=count)
            await self._contacts.add(tx, made)
        return made.id

    async def confirm(self, caller: Caller, contact_id: str) -> None:
        """Say that a contact still holds, for 90 days more."""
        await self._change(caller, contact_id, lambda contact, now: msgspec.structs.replace(contact, confirmed_at=now))

    async def remove(self, caller: Caller, contact_id: str) -> None:
        """Remove a contact; he is still told for a day. Removing twice changes nothing."""
        await self._change(
            caller, contact_id, lambda contact, now: msgspec.structs.replace(contact, removed_at=contact.removed_at or now + CHANGE_WAITS)
        )

    async def _change(self, caller: Caller, contact_id: str, change) -> None:  # type: ignore[no-untyped-def]
        now = self._clock.now()
        async with self._work.begin() as tx:
            found = {contact.id: contact for contact in await self._contacts.of(tx, _she(caller), now)}
            if contact_id not in found:
                raise NotFound("There is no such contact of yours.")
            await self._contacts.save(tx, change(found[contact_id], now))


def _she(caller: Caller) -> TechnicianId:
    if caller.technician_id is None:
        raise NotSignedIn
    return caller.technician_id


def _shown(contact: Contact, face: ContactFace) -> ShownContact:
    return ShownContact(
        id=contact.id, name=face.name, number_masked=face.number_masked, counts_from=contact.takes_effect_at,
        counts_until=contact.removed_at,
        shares_place=contact.shares_place, knows_place_until=contact.confirmed_at + CONFIRMED_FOR if contact.shares_place else None,
    )  # fmt: skip
