"""The others of a fare: a site, visits with their acts, a router, a meter, timers, each holding what a test put there."""

from datetime import UTC, datetime, timedelta

import msgspec

from core.errors import Unavailable
from core.geo import LatLon, distance_m
from core.ids import SiteId, TechnicianId, VisitId
from core.timers import Timer
from tracking.fares.metered import Grade, Metered, Slice
from tracking.fares.settlement import settle_distance
from tracking.router import Route, RouteSource
from visits.events import StageChanged
from visits.site import Site
from visits.stage import CLOSED, Act, Stage
from visits.visit import PersonRef, Place, Visit

SITE = SiteId("beijing")
VISIT = VisitId("00000000-0000-7000-8000-00000000aaaa")
ANNA, BERTA = TechnicianId("anna"), TechnicianId("berta")
HOME = LatLon(39.908, 116.397)
FAR = LatLon(39.978, 116.397)
"""Some 7.8 km north of `HOME`."""
NOON_SHANGHAI = datetime(2026, 3, 4, 4, 0, tzinfo=UTC)


def a_visit(**changes) -> Visit:
    """Return a visit at `HOME` at two in the afternoon, assigned to Anna."""
    start = NOON_SHANGHAI + timedelta(hours=2)
    visit = Visit(
        id=VISIT,
        site_id=SITE,
        stage=Stage.ASSIGNED,
        version=1,
        service_kind="massage",
        place=Place(point=HOME, address="1 Chang'an Avenue"),
        window_start=start,
        window_end=start + timedelta(minutes=30),
        planned_min=60,
        customer=PersonRef(name="Chen"),
        door_code="1234",
        created_at=NOON_SHANGHAI,
        updated_at=NOON_SHANGHAI,
        technician_id=ANNA,
    )
    return msgspec.structs.replace(visit, **changes)


class MemorySites:
    """Meets `FareSites` with one site."""

    def __init__(self, currency: str = "CNY") -> None:
        self.site = Site(id=SITE, name="Beijing", zone="Asia/Shanghai", currency=currency)

    async def get(self, tx, id):
        return self.site if id == self.site.id else None


class MemoryVisits:
    """Meets `FareVisits`; `go` moves a visit as the visit's own flow would, only shorter."""

    def __init__(self, *visits: Visit) -> None:
        self.held = {visit.id: visit for visit in visits}
        self.told: dict[str, list[StageChanged]] = {visit.id: [] for visit in visits}
        self.locked: list[VisitId] = []

    async def get(self, tx, id, *, lock=False):
        self.locked += [id] if lock else []
        return self.held.get(id)

    async def acts(self, tx, visit_id):
        return self.told[visit_id]

    def go(self, after: Stage, act: Act, at: datetime, *, actor: str = "device:d1", reason: str | None = None, **changes) -> StageChanged:
        before = self.held[VISIT]
        stamps = {Stage.DEPARTED: "departed_at", Stage.ARRIVED: "arrived_at", Stage.ENDED: "ended_at", Stage.LEFT: "left_at"}
        stamps |= {Stage.ABORTED_UNSAFE: "ended_at"}
        stamped = {stamps[after]: at} if after in stamps and act is not Act.REASSIGN else {}
        closed = {"closed_at": at} if after in CLOSED else {}
        self.held[VISIT] = msgspec.structs.replace(before, stage=after, version=before.version + 1, **stamped, **closed, **changes)
        event = StageChanged(
            visit_id=VISIT,
            site_id=SITE,
            technician_id=self.held[VISIT].technician_id,
            before=before.stage,
            after=after,
            act=act,
            actor=actor,
            happened_at=at,
            server_at=at,
            reason=reason,
            version=before.version + 1,
        )
        self.told[VISIT].append(event)
        return event


class FixedRouter:
    """Meets `Router`: straight line times 1.3 at 20 km/h, or away."""

    def __init__(self) -> None:
        self.is_away = False
        self.asked: list[tuple[LatLon, LatLon]] = []

    async def route(self, start: LatLon, end: LatLon, depart_at: datetime) -> Route:
        self.asked.append((start, end))
        if self.is_away:
            raise Unavailable("The routing engine is away.")
        metres = distance_m(start, end) * 1.3
        return Route(metres=metres, seconds_p50=metres / 5.5, seconds_p90=metres / 4, source=RouteSource.ENGINE)


class FixedWays:
    """Meets `MeteredWays` with the way that a test gives; None: no fix came."""

    def __init__(self) -> None:
        self.way: Metered | None = None
        self.asked: list[tuple[str, int, int]] = []

    async def metered(self, technician_id, start_ms, end_ms):
        self.asked.append((technician_id, start_ms, end_ms))
        return settle_distance([], start_ms, end_ms) if self.way is None else self.way


class FixedWhereabouts:
    """Meets `Whereabouts`."""

    def __init__(self, place: LatLon | None) -> None:
        self.place = place

    async def place_of(self, site_id, technician_id):
        return self.place


class SpyTimers:
    """Meets the part of `Timers` that flows write."""

    def __init__(self) -> None:
        self.set_: dict[tuple[str, str], Timer] = {}

    async def set(self, tx, timer: Timer) -> None:
        self.set_[timer.kind, timer.subject] = timer


def a_way(distance_mm: int = 10_000_000, *, start_ms: int = 0, seconds: int = 1800, grade: Grade = Grade.A, digest: str = "d1") -> Metered:
    """Return a metered way at one speed."""
    end_ms = start_ms + seconds * 1000
    return Metered(
        distance_mm=distance_mm,
        low_mm=distance_mm * 98 // 100,
        high_mm=distance_mm * 101 // 100,
        grade=grade,
        start_ms=start_ms,
        end_ms=end_ms,
        moving_ms=end_ms - start_ms,
        slow_ms=0,
        waiting_ms=0,
        fixes=360,
        digest=digest,
        algorithm="test",
        slices=(Slice(start_ms, end_ms, distance_mm),),
    )
