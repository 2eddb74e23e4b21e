"""The story of a warning: the desk writes what happened, and whoever is sent there next reads it before she sets out. Every look is noted.

Called by `http_customer_notes`; `visit_look_flow` puts what she may read beside her visit.
"""

from collections.abc import Sequence

from core.caller import Caller, CallerKind, Role
from core.clock import Clock
from core.errors import BadInput, NotFound
from core.ids import IdSource, SiteId, VisitId
from core.unit_of_work import Tx, UnitOfWork
from visits.act_rights import actor_of
from visits.customer_note import KEPT, CustomerNote, NoteFace, RiskKind, checked, for_desk, for_her
from visits.ports import Stores
from visits.site import is_phone
from visits.visit import Visit, phones_of, place_readable_by
from visits.visit_look_flow import NOTES
from visits.visit_stores import Look


class CustomerNoteFlow:
    """Writes, shows and withdraws notes."""

    def __init__(self, *, work: UnitOfWork, clock: Clock, ids: IdSource, stores: Stores) -> None:
        self._work = work
        self._clock = clock
        self._ids = ids
        self._stores = stores

    async def write(
        self, caller: Caller, kinds: Sequence[RiskKind], note: str, told: str | None, *, visit_id: VisitId | None = None,
        site_id: SiteId | None = None, customer_phone: str | None = None,
    ) -> CustomerNote:  # fmt: skip
        """Write a note on the customer of a visit, or on a phone at a site. Raises `BadInput` where neither names a customer."""
        now = self._clock.now()
        async with self._work.begin() as tx:
            where, phone = await self._whom(tx, caller, visit_id, site_id, customer_phone)
            written = checked(
                CustomerNote(
                    id=self._ids.new_id(), site_id=where, customer_key=self._stores.technicians.customer_key(phone),
                    kinds=tuple(dict.fromkeys(kinds)), note=note.strip(), told=(told or "").strip() or None, made_by=actor_of(caller),
                    made_at=now, until=now + KEPT,
                )
            )  # fmt: skip
            await self._stores.notes.add(tx, written)
        return written

    async def of_visit(self, caller: Caller, visit_id: VisitId) -> Sequence[NoteFace]:
        """Return the notes on a visit's customer as the caller may read them; that she read them is noted.

        Raises `NotFound` for a visit that is not hers to see, and for the technician outside `assigned` to `left`.
        """
        async with self._work.begin() as tx:
            visit = await self._stores.visits.get(tx, visit_id)
            is_hers = visit is not None and place_readable_by(visit, caller.technician_id)
            if visit is None or visit.site_id not in caller.sites or (caller.kind is CallerKind.DEVICE and not is_hers):
                raise NotFound("There is no such visit, or it is not yours to see. Check the id.")
            found = await self.told_of(tx, visit)
            if found:
                await self._note_look(tx, caller, visit)
        return [for_her(each) if caller.kind is CallerKind.DEVICE else for_desk(each) for each in found]

    async def told_of(self, tx: Tx, visit: Visit) -> Sequence[CustomerNote]:
        """Return the notes in force on those who booked or are visited, newest first."""
        keys = [self._stores.technicians.customer_key(phone) for phone in phones_of(visit)]
        return await self._stores.notes.of(tx, visit.site_id, keys, self._clock.now())

    async def withdraw(self, caller: Caller, note_id: str, reason: str) -> None:
        """Take a note out of force, as a supervisor and with a reason; it stays in the books. Raises `NotFound`."""
        caller.must_be(Role.SUPERVISOR)
        if not reason.strip():
            raise BadInput("Say why the note no longer holds: the next one who is sent there will not read it.")
        async with self._work.begin() as tx:
            found = await self._stores.notes.get(tx, note_id)
            is_theirs = found is not None and found.site_id in caller.sites
            if not is_theirs or not await self._stores.notes.withdraw(tx, note_id, actor_of(caller), reason, self._clock.now()):
                raise NotFound("There is no such note in force. Read the visit's notes again.")

    async def _whom(
        self, tx: Tx, caller: Caller, visit_id: VisitId | None, site_id: SiteId | None, phone: str | None
    ) -> tuple[SiteId, str]:
        if visit_id is not None:
            visit = await self._stores.visits.get(tx, visit_id)
            if visit is None or visit.site_id not in caller.sites:
                raise NotFound("There is no such visit, or it is not yours to see. Check the id.")
            if visit.customer.phone is None:
                raise BadInput("This visit's customer has no phone, by which a note would be found again. Ask the platform to add one.")
            return visit.site_id, visit.customer.phone
        if site_id is None or site_id not in caller.sites or phone is None or not is_phone(phone):
            raise BadInput("Name the customer: visit_id, or site_id and customer_phone as +491701234567.")
        return site_id, phone

    async def _note_look(self, tx: Tx, caller: Caller, visit: Visit) -> None:
        # Her page reads her visits twice a minute: that she has read the notes is one fact.
        who = actor_of(caller)
        if caller.kind is CallerKind.DEVICE and await self._stores.looks.has(tx, who, NOTES, visit.id):
            return
        look = Look(id=self._ids.new_id(), site_id=visit.site_id, looker=who, what=NOTES, subject=visit.id, at=self._clock.now())
        await self._stores.looks.note(tx, look)
