"""What does tracking know of visits, and visits of positions? Each package's ports, met over the other's flows and stores."""

from collections.abc import Awaitable, Sequence

from core.clock import Clock, from_ms, to_ms
from core.errors import BadInput, NotSignedIn, Unavailable
from core.geo import LatLon
from core.ids import SiteId, TechnicianId, VisitId
from tracking.approach import Progress
from tracking.datum import Datum
from tracking.datum import to_wgs84 as from_datum
from tracking.fix import Sender
from tracking.ports import OpenVisit, Positions, TrackedVisit
from visits.access_flow import AccessFlow
from visits.arrival import SeenPosition
from visits.departure_flow import DepartureFlow
from visits.visit import Visit
from visits.visit_look_flow import VisitLookFlow

PROVABLE_MS = 3_600_000
"""Sites confirm within minutes; an hour after departing nothing is asked any more."""
TRY_EVERY_MS = 5_000
"""Of a technician's own time: a transaction for each of her fixes would hold up the recording of everybody's."""
REMEMBERED = 10_000


class SeenPositions:
    """Meets `visits.ports.LastKnown` over live positions."""

    def __init__(self, positions: Positions, clock: Clock) -> None:
        self._positions = positions
        self._clock = clock

    async def last_known(self, site: SiteId, technician_id: TechnicianId) -> SeenPosition | None:
        """See `LastKnown.last_known`."""
        try:
            fix = (await self._positions.last_known(site, [technician_id])).get(technician_id)
        except Unavailable:
            return None
        if fix is None:
            return None
        age_s = max((self._clock.now_ms() - fix.at_ms) / 1000, 0.0)
        return SeenPosition(point=fix.place, accuracy_m=fix.accuracy_m, age_s=age_s, mocked=fix.mocked)


class KnownDatums:
    """Meets `visits.ports.Datums`."""

    def to_wgs84(self, datum: str, point: LatLon) -> LatLon:
        """See `Datums.to_wgs84`."""
        try:
            return from_datum(point, Datum(datum))
        except ValueError:
            known = ", ".join(each.value for each in Datum)
            raise BadInput(f"The datum {datum!r} is unknown. Use one of: {known}.") from None


class VisitsUnderWay:
    """Meets `tracking.ports.OpenVisits`."""

    def __init__(self, looks: VisitLookFlow) -> None:
        self._looks = looks

    async def open_visits(self, site_id: SiteId) -> Sequence[OpenVisit]:
        """See `OpenVisits.open_visits`."""
        return [_open_visit(visit, visit.technician_id) for visit in await self._looks.open_of_site(site_id) if visit.technician_id]


class VisitTracks:
    """Meets `tracking.ports.TrackedVisits`."""

    def __init__(self, looks: VisitLookFlow) -> None:
        self._looks = looks

    async def tracked_visit(self, visit_id: VisitId) -> TrackedVisit | None:
        """See `TrackedVisits.tracked_visit`: from setting out until leaving."""
        visit = await self._looks.get(visit_id)
        if visit is None or visit.technician_id is None or visit.departed_at is None:
            return None
        until = visit.left_at or visit.closed_at
        return TrackedVisit(
            visit_id=visit.id,
            site_id=visit.site_id,
            technician_id=visit.technician_id,
            from_ms=to_ms(visit.departed_at),
            until_ms=None if until is None else to_ms(until),
        )


class StockPhones:
    """Meets `tracking.ports.PhoneDoor`: a stock phone shows its device token in the path, and has neither epoch nor session."""

    def __init__(self, access: AccessFlow) -> None:
        self._access = access

    async def sender_of(self, device_token: str) -> Sender | None:
        """See `PhoneDoor.sender_of`."""
        try:
            caller = await self._access.caller_of_token(device_token)
        except NotSignedIn:
            return None
        if caller.device_id is None or caller.technician_id is None:
            return None
        return Sender(caller.device_id, caller.technician_id, next(iter(caller.sites)), 0, 0)


class DepartureSink:
    """A `tracking.ports.JourneySink`: what the journey sees of her way proves that she set out."""

    def __init__(self, departures: DepartureFlow) -> None:
        self._departures = departures
        self._settled: set[VisitId] = set()
        self._tried_ms: dict[VisitId, int] = {}

    def __call__(self, name: str, visit: OpenVisit, outputs: Sequence[Progress]) -> Awaitable[None] | None:
        """Confirm the departure by a place in five seconds, until it is confirmed or too late."""
        if visit.visit_id in self._settled or visit.departed_at_ms is None:
            return None
        return self._confirm(visit, visit.departed_at_ms, outputs)

    async def _confirm(self, visit: OpenVisit, departed_at_ms: int, outputs: Sequence[Progress]) -> None:
        for seen in outputs:
            if 0 <= seen.at_ms - self._tried_ms.get(visit.visit_id, -TRY_EVERY_MS) < TRY_EVERY_MS:
                continue
            self._tried_ms[visit.visit_id] = seen.at_ms
            is_late = seen.at_ms - departed_at_ms > PROVABLE_MS
            if is_late or await self._departures.confirm(visit.visit_id, seen.place, from_ms(seen.at_ms)):
                self._settled.add(visit.visit_id)
                break
        for remembered in (self._settled, self._tried_ms):
            if len(remembered) > REMEMBERED:
                remembered.clear()


def _open_visit(visit: Visit, technician_id: TechnicianId) -> OpenVisit:
    return OpenVisit(
        visit_id=visit.id,
        site_id=visit.site_id,
        technician_id=technician_id,
        stage=visit.stage,
        place=visit.place.point,
        window_start_ms=to_ms(visit.window_start),
        window_end_ms=to_ms(visit.window_end),
        departed_at_ms=None if visit.departed_at is None else to_ms(visit.departed_at),
        arrived_at_ms=None if visit.arrived_at is None else to_ms(visit.arrived_at),
    )
