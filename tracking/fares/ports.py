"""What do fares need from stores and from others?

Ports, met by the `sql_*` edges here, by visits and by tracking, joined in `hub/wiring.py`.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Protocol

import msgspec

from core.geo import LatLon
from core.ids import SiteId, TechnicianId, VisitId
from core.unit_of_work import Tx
from tracking.fares.metered import Metered
from tracking.fares.policy import FarePolicy
from tracking.fares.quote import Quote
from tracking.fares.receipt import Receipt
from tracking.fares.tariff import Tariff
from tracking.fares.tariff_terms import Mode
from tracking.fix import Judged
from visits.events import StageChanged
from visits.site import Site
from visits.visit import Visit


class SiteTariff(msgspec.Struct, frozen=True, kw_only=True):
    """One stored tariff version of a site.

    `hash` names it for ever, `text` is the file as it was uploaded, `retired` hides it from new quotes.
    """

    site_id: SiteId
    hash: str
    tariff: Tariff
    text: str
    added_ms: int
    is_retired: bool = False


class VisitFare(msgspec.Struct, frozen=True, kw_only=True):
    """What was agreed for a visit: the accepted quote, the one in force (another after a reassignment or a move), the policy of then."""

    visit_id: VisitId
    site_id: SiteId
    accepted_quote_id: str
    quote_id: str
    accepted_minor: int
    currency: str
    policy: FarePolicy
    accepted_ms: int


class Tariffs(Protocol):
    """Stored tariffs: versions are added and retired, never changed."""

    async def add(self, tx: Tx, stored: SiteTariff) -> bool:
        """Store a version; adding the same version again changes nothing but that it is no longer retired. Return whether it was new."""
        ...

    async def of_site(self, tx: Tx, site_id: SiteId) -> Sequence[SiteTariff]:
        """Return every version of a site, retired ones too, oldest first."""
        ...

    async def by_hash(self, tx: Tx, site_id: SiteId, tariff_hash: str) -> SiteTariff | None:
        """Return one version, retired or not, None where the site never had it."""
        ...

    async def valid(self, tx: Tx, site_id: SiteId, mode: Mode, day: date) -> SiteTariff | None:
        """Return the version in force: of those not retired with this mode and `valid_from` not after `day`, the latest."""
        ...

    async def retire(self, tx: Tx, site_id: SiteId, tariff_hash: str) -> bool:
        """Hide a version from new quotes; return whether there is one."""
        ...


class Quotes(Protocol):
    """Stored quotes, what was accepted for which visit, and the sites' policies."""

    async def add(self, tx: Tx, quote: Quote) -> None:
        """Store a quote; a quote never changes."""
        ...

    async def get(self, tx: Tx, quote_id: str) -> Quote | None:
        """Return a quote, None without one."""
        ...

    async def fare_of(self, tx: Tx, visit_id: VisitId, *, lock: bool = False) -> VisitFare | None:
        """Return what was agreed for a visit; `lock` holds it until the transaction ends."""
        ...

    async def put_fare(self, tx: Tx, fare: VisitFare) -> None:
        """Store what was agreed, over an earlier agreement for the same visit."""
        ...

    async def policy_of(self, tx: Tx, site_id: SiteId) -> FarePolicy:
        """Return the site's policy, the defaults where it has stored none."""
        ...

    async def put_policy(self, tx: Tx, site_id: SiteId, policy: FarePolicy, now: datetime) -> None:
        """Store the site's policy; quotes and visits already agreed keep theirs."""
        ...

    async def forget_unused(self, tx: Tx, before_ms: int) -> int:
        """Delete quotes that expired before `before_ms` and were never accepted; return how many."""
        ...


class Receipts(Protocol):
    """Stored receipts: added, never changed or deleted."""

    async def add(self, tx: Tx, receipt: Receipt) -> None:
        """Store a receipt; raises `Conflict` when its number is taken for this visit, because another worker settled it meanwhile."""
        ...

    async def latest(self, tx: Tx, visit_id: VisitId) -> Receipt | None:
        """Return the newest receipt of a visit, None before it is settled."""
        ...

    async def all_of(self, tx: Tx, visit_id: VisitId) -> Sequence[Receipt]:
        """Return the receipt and its amendments, oldest first."""
        ...

    async def of_technician(self, tx: Tx, technician_id: TechnicianId, from_ms: int, until_ms: int) -> Sequence[Receipt]:
        """Return her receipts of visits closed in [from_ms, until_ms)."""
        ...

    async def of_site(self, tx: Tx, site_id: SiteId, from_ms: int, limit: int) -> Sequence[Receipt]:
        """Return the newest receipt of each visit closed since `from_ms`, newest first, at most `limit`."""
        ...


class FareSites(Protocol):
    """Finds sites. Met by `visits.sql_sites`."""

    async def get(self, tx: Tx, id: SiteId, /) -> Site | None:
        """Return the site, None without one."""
        ...


class FareVisits(Protocol):
    """Finds visits and what happened to them. Met by `visits.sql_visits`."""

    async def get(self, tx: Tx, id: VisitId, /, *, lock: bool = False) -> Visit | None:
        """Return the visit, None without one; `lock` holds it until the transaction ends."""
        ...

    async def acts(self, tx: Tx, visit_id: VisitId, /) -> Sequence[StageChanged]:
        """Return all acts, oldest first."""
        ...


class MeteredWays(Protocol):
    """Meters a way from the stored fixes. Met by `settlement_flow`."""

    async def metered(self, technician_id: TechnicianId, start_ms: int, end_ms: int) -> Metered:
        """Return the way she made between two moments, one metering device; without a fix 0 mm, grade C, one gap over all of it.

        The same stored fixes give the same answer, byte for byte.
        """
        ...


class FixLedger(Protocol):
    """Stored fixes. Met by `tracking.sql_fixes`."""

    async def track(self, tx: Tx, technician_id: TechnicianId, from_ms: int, until_ms: int, limit: int) -> Sequence[Judged]:
        """Return her fixes with from_ms <= fix time < until_ms, whatever their verdict, at most `limit`."""
        ...


class Whereabouts(Protocol):
    """Where is she now? Met by tracking's live positions."""

    async def place_of(self, site_id: SiteId, technician_id: TechnicianId) -> LatLon | None:
        """Return her newest position, None without one or when the store is away. Never raises."""
        ...
