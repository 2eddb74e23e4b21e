"""The story of the roster: who works in a site, and who is on shift now."""

from collections.abc import Sequence

import msgspec

from core.caller import Caller
from core.ids import SiteId
from core.unit_of_work import UnitOfWork
from visits.person import Technician
from visits.ports import Stores
from visits.shift import Shift
from visits.visit_stores import Page


class OnRoster(msgspec.Struct, frozen=True):
    """A technician and her open or paused shift."""

    technician: Technician
    shift: Shift | None

    @property
    def id(self) -> str:
        """Her id."""
        return self.technician.id


class RosterFlow:
    """Reads technicians together with their shifts."""

    def __init__(self, *, work: UnitOfWork, stores: Stores) -> None:
        self._work = work
        self._stores = stores

    async def page(self, caller: Caller, page: Page, site_id: SiteId | None, *, only_on_shift: bool) -> Sequence[OnRoster]:
        """Return part of the technicians of the caller's sites, or of one of them, in the order of being entered."""
        sites = caller.sites if site_id is None else caller.sites & {site_id}
        async with self._work.read() as tx:
            found = await self._stores.technicians.page(tx, sites, page, only_on_shift=only_on_shift)
            shifts = await self._stores.shifts.open_of_many(tx, [each.id for each in found])
        return [OnRoster(each, shifts.get(each.id)) for each in found]
