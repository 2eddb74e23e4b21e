"""The story of reading: who reads which visits, and the note that is kept when somebody reads about a person."""

from collections.abc import Awaitable, Callable, Sequence

from core.caller import Caller, CallerKind
from core.clock import Clock
from core.errors import NotFound
from core.ids import IdSource, SiteId, TechnicianId, VisitId
from core.unit_of_work import Tx, UnitOfWork
from visits.act_rights import actor_of
from visits.customer_note import CustomerNote
from visits.ports import Stores
from visits.stage import OPEN, PLACE_READABLE
from visits.visit import Visit, phones_of, place_readable_by
from visits.visit_face import ON_HER_WAY, ActFace, VisitFace, act_face, detailed, hers, listed
from visits.visit_stores import Look, Page, VisitFilter

HasPins = Callable[[TechnicianId], Awaitable[bool]]
NOTES = "customer_notes"
"""What a look at notes is called in the books."""


class VisitLookFlow:
    """Reads visits for people and programs (as faces) and for the packages above (as they are)."""

    def __init__(self, *, work: UnitOfWork, clock: Clock, ids: IdSource, stores: Stores) -> None:
        self._work = work
        self._clock = clock
        self._ids = ids
        self._stores = stores
        self._has_pins: HasPins | None = None

    def ask_pins_of(self, has_pins: HasPins) -> None:
        """Let her phone be offered only the acts that it can do: with PINs, lengthening is another path. Called in `hub/` only."""
        self._has_pins = has_pins

    async def page(self, caller: Caller, which: VisitFilter, page: Page) -> Sequence[VisitFace]:
        """Return part of the visits of the caller's sites, without anything personal."""
        async with self._work.read() as tx:
            return [listed(visit, caller.kind) for visit in await self._stores.visits.page(tx, which, page)]

    async def look(self, caller: Caller, visit_id: VisitId) -> VisitFace:
        """Return one visit as the caller may read it; a look of desk or platform is noted. Raises `NotFound` for another's."""
        if caller.kind is CallerKind.DEVICE and caller.technician_id is not None:
            return await self._look_of_technician(caller, visit_id)
        async with self._work.begin() as tx:
            visit = await self._must_reach(tx, caller, visit_id)
            await self._note(tx, caller, visit)
            return detailed(visit, caller.kind, await self._notes(tx, visit))

    async def mine(self, caller: Caller) -> Sequence[VisitFace]:
        """Return the technician's open visits, by window; place and customer only while she may read them."""
        if caller.technician_id is None:
            return []
        async with self._work.read() as tx:
            found = await self._stores.visits.of_technician(tx, caller.technician_id, OPEN)
        return [await self.hers(caller, visit) for visit in found]

    async def hers(self, caller: Caller, visit: Visit) -> VisitFace:
        """Return a visit as its technician reads it, with what she should know of the customer; that she read it is noted once."""
        she = caller.technician_id
        if she is None:
            raise NotFound("There is no such visit of yours. Check the id, or whether it was given to somebody else.")
        has_pins = self._has_pins is not None and await self._has_pins(she)
        async with self._work.read() as tx:
            is_shown = place_readable_by(visit, she) and visit.stage in ON_HER_WAY
            notes = await self._notes(tx, visit) if is_shown else []
            is_new = bool(notes) and not await self._stores.looks.has(tx, actor_of(caller), NOTES, visit.id)
        if is_new:
            async with self._work.begin() as tx:
                await self._note(tx, caller, visit, NOTES)
        return hers(visit, she, has_pins=has_pins, notes=notes)

    async def acts(self, caller: Caller, visit_id: VisitId) -> Sequence[ActFace]:
        """Return every act on a visit, oldest first; for the desk."""
        async with self._work.begin() as tx:
            visit = await self._must_reach(tx, caller, visit_id)
            await self._note(tx, caller, visit)
            return [act_face(event) for event in await self._stores.visits.acts(tx, visit_id)]

    async def looks(self, caller: Caller, subject: str | None, page: Page) -> Sequence[Look]:
        """Return who read what in the caller's sites, newest first."""
        async with self._work.read() as tx:
            return await self._stores.looks.page(tx, caller.sites, page, subject=subject)

    async def get(self, visit_id: VisitId) -> Visit | None:
        """Return the visit as it is, for the packages above; they decide who may read what."""
        async with self._work.read() as tx:
            return await self._stores.visits.get(tx, visit_id)

    async def open_of_site(self, site_id: SiteId) -> Sequence[Visit]:
        """Return the visits of a site from `assigned` up to before `left`, for journeys and the console."""
        async with self._work.read() as tx:
            return await self._stores.visits.open_of_site(tx, site_id, PLACE_READABLE)

    async def _look_of_technician(self, caller: Caller, visit_id: VisitId) -> VisitFace:
        async with self._work.read() as tx:
            visit = await self._must_reach(tx, caller, visit_id)
        if caller.technician_id is None or visit.technician_id != caller.technician_id:
            raise NotFound("There is no such visit of yours. Check the id, or whether it was given to somebody else.")
        return await self.hers(caller, visit)

    async def _notes(self, tx: Tx, visit: Visit) -> Sequence[CustomerNote]:
        keys = [self._stores.technicians.customer_key(phone) for phone in phones_of(visit)]
        return await self._stores.notes.of(tx, visit.site_id, keys, self._clock.now())

    async def _must_reach(self, tx: Tx, caller: Caller, visit_id: VisitId) -> Visit:
        visit = await self._stores.visits.get(tx, visit_id)
        if visit is None or visit.site_id not in caller.sites:
            raise NotFound("There is no such visit, or it is not yours to see. Check the id.")
        return visit

    async def _note(self, tx: Tx, caller: Caller, visit: Visit, what: str = "visit") -> None:
        await self._stores.looks.note(
            tx,
            Look(
                id=self._ids.new_id(),
                site_id=visit.site_id,
                looker=actor_of(caller),
                what=what,
                subject=visit.id,
                at=self._clock.now(),
            ),
        )
