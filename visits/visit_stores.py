"""What must a store of sites, shifts, visits and links be able to do? Ports, met by `sql_*`.

Stores take the flow's transaction; what they return is a snapshot of it. `lock=True` keeps the row as it is until the end.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from core.ids import LinkId, ShiftId, SiteId, TechnicianId, VisitId
from core.unit_of_work import Tx
from visits.arrival import Departure
from visits.events import StageChanged
from visits.link_rights import Link, LinkStanding
from visits.shift import Shift
from visits.site import Site
from visits.stage import Stage
from visits.visit import Visit


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Which part of a list: ids after `after` (None: from the start), at most `limit`, in the order of creation."""

    after: str | None = None
    limit: int = 50


class VisitFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which visits: of any of `sites`; the rest narrows it, None or empty not."""

    sites: frozenset[SiteId]
    stages: frozenset[Stage] = frozenset()
    technician_id: TechnicianId | None = None
    external_ref: str | None = None


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody read something personal: `looker` is kind:id, `what` such as visit, `subject` its id."""

    id: str
    site_id: SiteId
    looker: str
    what: str
    subject: str
    reason: str | None = None
    at: datetime


class Sites(Protocol):
    """Stored sites."""

    async def get(self, tx: Tx, id: SiteId) -> Site | None:
        """Return the site, None without one."""
        ...

    async def all(self, tx: Tx) -> Sequence[Site]:
        """Return every site, by id."""
        ...

    async def add(self, tx: Tx, site: Site, now: datetime) -> None:
        """Store a new one; raises `Conflict` when the id is taken."""
        ...

    async def save(self, tx: Tx, site: Site, now: datetime) -> None:
        """Store version n over version n-1; raises `Conflict` when another was stored meanwhile."""
        ...


class Shifts(Protocol):
    """Stored shifts with their pauses."""

    async def add(self, tx: Tx, shift: Shift) -> None:
        """Store a new one; raises `Conflict` when she has an open one."""
        ...

    async def save(self, tx: Tx, shift: Shift, reason: str | None = None) -> None:
        """Store version n over version n-1; raises `Conflict` when another was stored meanwhile."""
        ...

    async def get(self, tx: Tx, id: ShiftId, *, lock: bool = False) -> Shift | None:
        """Return the shift, None without one."""
        ...

    async def open_of(self, tx: Tx, technician_id: TechnicianId, *, lock: bool = False) -> Shift | None:
        """Return her open or paused shift, None without one."""
        ...

    async def open_of_many(self, tx: Tx, technician_ids: Sequence[TechnicianId]) -> Mapping[TechnicianId, Shift]:
        """Return the open or paused shifts of those who have one."""
        ...

    async def since(self, tx: Tx, technician_id: TechnicianId, since: datetime) -> Sequence[Shift]:
        """Return her shifts that were open at `since` or later, oldest first."""
        ...

    async def since_of_many(self, tx: Tx, technician_ids: Sequence[TechnicianId], since: datetime) -> Sequence[Shift]:
        """Return the same of all of them, in one query."""
        ...

    async def page(self, tx: Tx, sites: frozenset[SiteId], page: Page, *, only_open: bool = False) -> Sequence[Shift]:
        """Return part of the shifts of `sites`."""
        ...


class Visits(Protocol):
    """Stored visits and their acts."""

    async def add(self, tx: Tx, visit: Visit) -> None:
        """Store a new one; raises `Conflict` when its external_ref is taken in the site."""
        ...

    async def save(self, tx: Tx, visit: Visit, expected: int) -> None:
        """Store it over version `expected`; raises `Conflict` when another was stored meanwhile."""
        ...

    async def get(self, tx: Tx, id: VisitId, *, lock: bool = False) -> Visit | None:
        """Return the visit, None without one."""
        ...

    async def get_many(self, tx: Tx, ids: Sequence[VisitId]) -> Sequence[Visit]:
        """Return those of `ids` that exist, in no order."""
        ...

    async def by_ref(self, tx: Tx, site: SiteId, external_ref: str, *, lock: bool = False) -> Visit | None:
        """Return the visit of an external_ref, None without one."""
        ...

    async def page(self, tx: Tx, which: VisitFilter, page: Page) -> Sequence[Visit]:
        """Return part of the visits that `which` names."""
        ...

    async def of_technician(self, tx: Tx, technician_id: TechnicianId, stages: frozenset[Stage]) -> Sequence[Visit]:
        """Return her visits in any of `stages`, by window."""
        ...

    async def name_and_visits(
        self, tx: Tx, technician_id: TechnicianId, stages: frozenset[Stage]
    ) -> tuple[str | None, Sequence[Visit]]:
        """Return her shown name, None where there is no such technician, and her visits as `of_technician`. One statement: every press of
        a technician asks it.
        """
        ...

    async def open_of_site(self, tx: Tx, site: SiteId, stages: frozenset[Stage]) -> Sequence[Visit]:
        """Return the visits of a site in any of `stages`, by window."""
        ...

    async def set_departure(self, tx: Tx, id: VisitId, departure: Departure) -> None:
        """Note whether her setting out is proved; no new version, since nobody decided anything."""
        ...

    async def count_miss(self, tx: Tx, id: VisitId) -> None:
        """Note a wrong door code; no new version."""
        ...

    async def raise_link_version(self, tx: Tx, id: VisitId) -> None:
        """Note that a link of the visit was made or revoked; no new version."""
        ...

    async def note_act(self, tx: Tx, id: str, event: StageChanged, idempotency_key: str | None) -> None:
        """Store the act, with the key under which it may be repeated."""
        ...

    async def has_act(self, tx: Tx, visit_id: VisitId, idempotency_key: str) -> str | None:
        """Return which act was done under this key, `created` for the making of the visit, None for an unknown key."""
        ...

    async def acts(self, tx: Tx, visit_id: VisitId) -> Sequence[StageChanged]:
        """Return all acts, oldest first."""
        ...


class Links(Protocol):
    """Stored links."""

    async def add(self, tx: Tx, link: Link, token_hash: str) -> None:
        """Store a new one."""
        ...

    async def get(self, tx: Tx, id: LinkId) -> Link | None:
        """Return the link, revoked or not, None without one."""
        ...

    async def get_many(self, tx: Tx, ids: Sequence[LinkId]) -> Sequence[Link]:
        """Return those of `ids` that exist, in no order."""
        ...

    async def by_token(self, tx: Tx, token_hash: str) -> Link | None:
        """Return the link of a token, revoked or not, None without one."""
        ...

    async def standing_of(self, tx: Tx, id: LinkId) -> LinkStanding | None:
        """Return the link with what says whether it still counts, None without one."""
        ...

    async def standing_by_token(self, tx: Tx, token_hash: str) -> LinkStanding | None:
        """As `standing_of`, by the link's token. One statement: every press of a customer asks it."""
        ...

    async def of_visit(self, tx: Tx, visit_id: VisitId) -> Sequence[Link]:
        """Return the links of a visit, oldest first."""
        ...

    async def revoke(self, tx: Tx, id: LinkId, now: datetime) -> bool:
        """Revoke it; False when it was revoked before."""
        ...


class Looks(Protocol):
    """The record of who read what personal things."""

    async def note(self, tx: Tx, look: Look) -> None:
        """Store one look."""
        ...

    async def has(self, tx: Tx, looker: str, what: str, subject: str) -> bool:
        """Tell whether this look was noted before."""
        ...

    async def page(self, tx: Tx, sites: frozenset[SiteId], page: Page, *, subject: str | None = None) -> Sequence[Look]:
        """Return part of the looks, newest first, or those at one subject."""
        ...
