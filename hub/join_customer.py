"""How does a visit become what its customer sees? Links of SQL, positions of Redis and the router, joined for sockets and pages."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from core.clock import Clock, from_ms, to_ms
from core.errors import Unavailable
from core.geo import LatLon
from core.ids import SiteId
from hub.join_fares import FareSights
from realtime.page_model import CustomerPage
from realtime.ports import LastKnown, VisitState, Watched
from realtime.visit_shown import shown_position, subject_of
from realtime.wire_values import Arrival, VisitFace
from tracking.arrival import Arrival as Estimate
from tracking.arrival import arrival
from tracking.fix import Fix
from tracking.router import Router
from visits.link_flow import LinkFlow, Opened
from visits.service import VerifiedLevel
from visits.stage import Stage, public_stage
from visits.visit import Visit

_VERIFIED = {VerifiedLevel.CONTACT: "contact", VerifiedLevel.IDENTITY: "identity", VerifiedLevel.CERTIFIED: "certified"}
FARTHEST_M = 300_000.0
"""Nobody is sent farther than this: such a way says that a position is wrong."""
REMEMBERED = 10_000
"""Windows told last, by address: more than one worker watches at a time."""


def face_of(opened: Opened) -> VisitFace:
    """Return what the holder of the link may read, in facts."""
    visit, site, she = opened.visit, opened.site, opened.technician
    return VisitFace(
        stage=public_stage(visit.stage).value,
        service=site.service(visit.service_kind).title,
        technician_name=she.shown_name if she else None,
        verified=_VERIFIED.get(she.verified_level) if she else None,
        door_code=visit.door_code if opened.rights.door_code else None,
        window_start_ms=to_ms(visit.window_start),
        window_end_ms=to_ms(visit.window_end),
        planned_min=visit.planned_min + visit.extended_min,
        departed_at_ms=_ms(visit.departed_at),
        arrived_at_ms=_ms(visit.arrived_at),
        started_at_ms=_ms(visit.started_at),
        ended_at_ms=_ms(visit.ended_at),
        place=[round(visit.place.point.lon, 6), round(visit.place.point.lat, 6)],
        time_zone=site.zone,
        locale=visit.customer.language or site.locale,
        site_name=site.name,
        desk_phone=site.desk_phone,
        emergency_number=_emergency_number(opened),
        position_allowed=site.settings.customer_sees_position,
    )


def state_of(opened: Opened) -> VisitState:
    """Return the visit as its watchers need it."""
    visit = opened.visit
    return VisitState(
        visit_id=visit.id,
        site_id=visit.site_id,
        stage=visit.stage,
        face=face_of(opened),
        version=visit.version,
        technician_id=visit.technician_id,
        place=visit.place.point,
        departed_at_ms=_ms(visit.departed_at),
        departed_from=visit.departed_from,
        closed_at_ms=_ms(visit.closed_at),
        position_allowed=opened.site.settings.customer_sees_position,
    )


class LinkWindow:
    """Meets `realtime.ports.VisitWindow`: what stands in SQL behind watched links."""

    def __init__(self, links: LinkFlow) -> None:
        self._links = links

    async def states(self, watched: Sequence[Watched]) -> Mapping[Watched, VisitState]:
        """See `VisitWindow.states`."""
        standing = await self._links.standing([each.link_id for each in watched if each.link_id is not None])
        found = ((each, standing.get(each.link_id)) for each in watched if each.link_id is not None)
        return {each: state_of(opened) for each, opened in found if opened is not None and opened.visit.id == each.visit_id}


class RouterArrivals:
    """Meets `realtime.ports.Arrivals` over a router."""

    def __init__(self, router: Router) -> None:
        self._router = router
        self._shown: dict[LatLon, Estimate] = {}

    async def window(self, at: LatLon, place: LatLon, now_ms: int) -> Arrival | None:
        """See `Arrivals.window`; the window told last for a place stays until it is wrong by a minute."""
        try:
            route = await self._router.route(at, place, from_ms(now_ms))
        except Unavailable:
            return None
        if route.metres > FARTHEST_M:
            return None
        found = arrival(route, now_ms, now_ms, self._shown.pop(place, None))
        self._shown[place] = found
        if len(self._shown) > REMEMBERED:
            self._shown.pop(next(iter(self._shown)))
        return Arrival(
            earliest_ms=found.earliest_ms, latest_ms=found.latest_ms, as_of_ms=found.as_of_ms, distance_m=round(found.distance_m)
        )


class CustomerPages:
    """Meets the customer's half of `realtime.http_pages.PageData`."""

    def __init__(
        self, links: LinkFlow, last_known: LastKnown, arrivals: RouterArrivals, clock: Clock, fares: FareSights | None = None
    ) -> None:
        self._links, self._fares = links, fares
        self._last_known = last_known
        self._arrivals = arrivals
        self._clock = clock

    async def customer_page(self, link_token: str, now_ms: int) -> CustomerPage | None:
        """See `PageData.customer_page`: words always, the position where it may leave, the arrival while she is on her way."""
        opened = await self._links.open(link_token)
        if opened is None:
            return None
        state = state_of(opened)
        fix = await self._fix(opened.visit)
        shown = shown_position(state, subject_of(state, now_ms), now_ms, fix)
        expected = None
        if fix is not None and state.stage is Stage.DEPARTED and state.place is not None:
            expected = await self._arrivals.window(fix.place, state.place, now_ms)
        fare = None if self._fares is None else await self._fares.of_opened(opened.visit, opened.site, state.face.technician_name)
        return CustomerPage(site_id=SiteId(state.site_id), visit=state.face, position=shown.feature, arrival=expected, fare=fare)

    async def _fix(self, visit: Visit) -> Fix | None:
        if visit.technician_id is None or visit.stage is not Stage.DEPARTED:
            return None
        try:
            return (await self._last_known.last_known(visit.site_id, [visit.technician_id])).get(visit.technician_id)
        except Unavailable:
            return None  # Redis away: the page still has its words


def _ms(at: datetime | None) -> int | None:
    return None if at is None else to_ms(at)


def _emergency_number(opened: Opened) -> str | None:
    numbers = {number.service: number.number for number in opened.site.emergency_numbers}
    return numbers.get("police") or next(iter(numbers.values()), None)
