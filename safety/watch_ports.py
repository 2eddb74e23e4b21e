"""What watching over visits needs from others: visits, questions to her, signs of life, the rules of sites. Joined in `hub/`."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

import msgspec

from core.geo import LatLon
from core.ids import DeviceId, SiteId, TechnicianId, VisitId
from core.unit_of_work import Tx
from safety.check_in import CheckIn, Watch
from safety.detectors.detection import Detection, UsedFix
from safety.detectors.precision import Hit
from safety.detectors.silence import Capability
from safety.ladder import Ladder
from safety.preflight import Watchers
from safety.site_rules import SiteRules
from visits.stage import Stage


class WatchedVisit(msgspec.Struct, frozen=True, kw_only=True):
    """What watching over a visit needs to know of it. `since`: when it entered `stage`; `planned_min` with all extensions."""

    visit_id: VisitId
    site_id: SiteId
    technician_id: TechnicianId
    stage: Stage
    since: datetime
    planned_min: int
    zone: str
    place: LatLon | None = None
    is_risky: bool = False


class WatchedVisits(Protocol):
    """Reads visits for the watches. Met by visits."""

    async def get(self, tx: Tx, visit_id: VisitId) -> WatchedVisit | None:
        """Return the visit as committed or as being written in this transaction; None when nobody is assigned."""
        ...


class Underway(msgspec.Struct, frozen=True, kw_only=True):
    """A visit on which somebody is out, as silence needs it. `began_at`: when she set out, or the stage began."""

    visit_id: VisitId
    site_id: SiteId
    technician_id: TechnicianId
    stage: Stage
    began_at: datetime


class VisitsUnderway(Protocol):
    """Lists the visits on which somebody is out. Met by `sql_underway`."""

    async def of_site(self, tx: Tx, site_id: SiteId) -> Sequence[Underway]:
        """Return the visits of a site from `departed` until before `left`."""
        ...


class NewestFixes(Protocol):
    """The newest live fixes. Met over tracking's live positions."""

    async def of_site(self, site_id: SiteId) -> Mapping[TechnicianId, UsedFix] | None:
        """Return the newest live fix of everyone of the site; None while nobody can know, because the store is away."""
        ...

    async def of(self, site_id: SiteId, technician_id: TechnicianId) -> UsedFix | None:
        """Return her newest live fix; None without one, or while nobody can know. Answers within 0.2 s."""
        ...


class Capabilities(Protocol):
    """What phones have declared. Met by `sql_underway`."""

    async def of(self, tx: Tx, device_ids: Sequence[DeviceId]) -> Mapping[DeviceId, Capability]:
        """Return what those of `device_ids` declared that have declared anything."""
        ...


class Detections(Protocol):
    """Stored detections. Met by `sql_detections`."""

    async def lasting(self, tx: Tx, visit_id: VisitId) -> Sequence[Detection]:
        """Return the detections of a visit that were not left."""
        ...

    async def lasting_at(self, tx: Tx, site_id: SiteId, watch: Watch) -> Sequence[Detection]:
        """Return the detections of one watch of a site that were not left."""
        ...

    async def add(self, tx: Tx, detection: Detection) -> None:
        """Write a detection; the same (visit, watch, moment) again changes nothing."""
        ...

    async def leave(self, tx: Tx, ids: Sequence[str], now: datetime) -> None:
        """Write that these have ended."""
        ...

    async def page(self, tx: Tx, site_id: SiteId, watch: Watch | None, after: str | None, limit: int) -> Sequence[Detection]:
        """Return the detections of a site, newest first."""
        ...

    async def hits(self, tx: Tx, site_id: SiteId, since: datetime) -> Sequence[Hit]:
        """Return every detection of a site since then with what became of it."""
        ...


class CheckIns(Protocol):
    """Signs of life."""

    async def add(self, tx: Tx, check_in: CheckIn) -> bool:
        """Write a check-in; return False when its id is there already."""
        ...

    async def newest(self, tx: Tx, visit_id: VisitId) -> CheckIn | None:
        """Return the check-in with the latest device time, None without any."""
        ...


class Prompts(Protocol):
    """Asks her, in words that look like an ordinary app notice, because somebody may be reading over her shoulder."""

    async def ask(self, tx: Tx, visit: WatchedVisit, watch: Watch, *, is_reminder: bool) -> None:
        """Show the reminder or question on her phone, after the commit; best effort, the deadline stands behind it."""
        ...


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One change of a ladder or of rules: what it was, what it became, by whom (`kind:id`), when."""

    what: str
    before: Any
    after: Any
    by: str
    at: datetime


class RuleBook(Protocol):
    """The rules of each site."""

    async def of(self, tx: Tx, site_id: SiteId) -> SiteRules:
        """Return the site's rules, the hub's defaults where it has set none."""
        ...

    async def put(self, tx: Tx, site_id: SiteId, rules: SiteRules, by: str, now: datetime) -> None:
        """Write the site's rules, and beside them who changed what."""
        ...

    async def ladder(self, tx: Tx, site_id: SiteId) -> Ladder:
        """Return the site's ladder, the default where it has set none."""
        ...

    async def put_ladder(self, tx: Tx, site_id: SiteId, ladder: Ladder, by: str, now: datetime) -> None:
        """Write the site's ladder, and beside it who changed what."""
        ...

    async def changes(self, tx: Tx, site_id: SiteId) -> Sequence[Change]:
        """Return who changed what, newest first."""
        ...


class WatchersSource(Protocol):
    """What preflight looks at."""

    async def watchers(self, tx: Tx, site_id: SiteId) -> Watchers:
        """Return the site's ladder, people, sound tests and channels as they are now."""
        ...
