"""The story of a booking: a platform or a dispatcher books a visit, and books it again with the same `external_ref` to change it."""

from datetime import datetime

import msgspec

from core.caller import Caller
from core.clock import Clock
from core.errors import Conflict, NotFound
from core.ids import IdSource, SiteId, VisitId
from core.unit_of_work import Tx, UnitOfWork
from visits.act_rights import actor_of
from visits.door_code import DIGITS
from visits.events import StageChanged
from visits.ports import Stores
from visits.refusal import NotAssignable
from visits.site import Site
from visits.stage import Stage
from visits.visit import Visit, VisitDraft, drafted, must_be_version, phones_of, redrafted
from visits.visit_flow import VisitFlow


class Booked(msgspec.Struct, frozen=True):
    """The visit, and whether it was made by this booking."""

    visit: Visit
    is_new: bool


class BookingFlow:
    """Makes and changes visits before she sets out."""

    def __init__(self, *, work: UnitOfWork, clock: Clock, ids: IdSource, stores: Stores, visit_flow: VisitFlow) -> None:
        self._work = work
        self._clock = clock
        self._ids = ids
        self._stores = stores
        self._visit_flow = visit_flow

    async def book(self, caller: Caller, site_id: SiteId, draft: VisitDraft) -> Booked:
        """Make the visit, or change the one of the same `external_ref`; the same booking again changes nothing.

        Raises `BadInput` with every fault, `NotFound` for an unknown site, `Conflict` once she has set out.
        """
        try:
            return await self._book(caller, site_id, draft)
        except Conflict:
            # An equal booking may have won the race for the external_ref: then this one changes what that one made.
            return await self._book(caller, site_id, draft)

    async def change(self, caller: Caller, visit_id: VisitId, draft: VisitDraft, expected_version: int | None) -> Visit:
        """Change what was agreed; raises `Conflict` once she has set out or when the version moved on."""
        async with self._work.begin() as tx:
            visit = await self._stores.visits.get(tx, visit_id, lock=True)
            if visit is None or visit.site_id not in caller.sites:
                raise NotFound("There is no such visit, or it is not yours to see. Check the id.")
            must_be_version(visit, expected_version)
            return await self._redraft(tx, caller, await self._site(tx, caller, visit.site_id), visit, draft)

    async def _book(self, caller: Caller, site_id: SiteId, draft: VisitDraft) -> Booked:
        async with self._work.begin() as tx:
            site = await self._site(tx, caller, site_id)
            known = None
            if draft.external_ref is not None:
                known = await self._stores.visits.by_ref(tx, site_id, draft.external_ref, lock=True)
            if known is not None:
                return Booked(await self._redraft(tx, caller, site, known, draft), is_new=False)
            return Booked(await self._draft(tx, caller, site, draft), is_new=True)

    async def _draft(self, tx: Tx, caller: Caller, site: Site, draft: VisitDraft) -> Visit:
        now = self._clock.now()
        visit = drafted(VisitId(self._ids.new_id()), site, draft, self._ids.new_digits(DIGITS), now)
        await self._stores.visits.add(tx, visit)
        await self._visit_flow.announce(tx, _event(visit, None, actor_of(caller), now))
        return visit

    async def _redraft(self, tx: Tx, caller: Caller, site: Site, visit: Visit, draft: VisitDraft) -> Visit:
        now = self._clock.now()
        after = redrafted(visit, site, draft, now)
        if after is not visit:
            await self._must_not_be_blocked(tx, after)
            await self._stores.visits.save(tx, after, visit.version)
            await self._visit_flow.announce(tx, _event(after, visit.stage, actor_of(caller), now))
        return after

    async def _must_not_be_blocked(self, tx: Tx, visit: Visit) -> None:
        """Raise `NotAssignable` where a change would send whoever is assigned to somebody whom she must not meet."""
        technicians = self._stores.technicians
        for phone in phones_of(visit) if visit.technician_id is not None else ():
            if await technicians.blocked(tx, visit.technician_id, technicians.customer_key(phone)):  # type: ignore[arg-type]
                reason = "She is not to be sent to this customer. Give the visit to somebody else first."
                raise NotAssignable(reason, reasons=[reason])

    async def _site(self, tx: Tx, caller: Caller, site_id: SiteId) -> Site:
        site = await self._stores.sites.get(tx, site_id) if site_id in caller.sites else None
        if site is None:
            raise NotFound(f"There is no site {site_id!r} that this credential reaches. Check the site.")
        return site


def _event(visit: Visit, before: Stage | None, actor: str, now: datetime) -> StageChanged:
    return StageChanged(
        visit_id=visit.id,
        site_id=visit.site_id,
        technician_id=visit.technician_id,
        former_technician_id=visit.technician_id,
        before=before,
        after=visit.stage,
        act=None,
        actor=actor,
        happened_at=now,
        server_at=now,
        version=visit.version,
    )
