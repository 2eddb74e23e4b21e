"""Who may do what, when, where? Visits' flows, joined with live positions and pokes; the floor of everything that knows people."""

from collections.abc import Sequence
from dataclasses import dataclass

from core.caller import Caller
from hub.floor import Floor
from hub.join_nothing import NoDeviceAlerts, NoPreflight, NoShiftNotices
from hub.join_pokes import JoinedPokes
from hub.join_tracking import SeenPositions
from hub.wire_live import Live
from visits.access_flow import AccessFlow
from visits.argon2_passwords import Argon2Passwords
from visits.booking_flow import BookingFlow
from visits.customer_note_flow import CustomerNoteFlow
from visits.departure_flow import DepartureFlow
from visits.desk_access_flow import DeskAccessFlow
from visits.link_flow import LinkFlow
from visits.people_flow import PeopleFlow
from visits.ports import AssignmentGate, DeviceAlerts, PreflightMark, ShiftNotices, Stores
from visits.pyotp_codes import PyotpCodes
from visits.roster_flow import RosterFlow
from visits.shift_flow import ShiftFlow
from visits.shift_gate_flow import ShiftGateFlow
from visits.site_flow import SiteFlow
from visits.sql_stores import sql_stores
from visits.visit_flow import VisitFlow
from visits.visit_look_flow import VisitLookFlow


@dataclass(kw_only=True)
class People:
    """Visits' flows of one worker."""

    stores: Stores
    pokes: JoinedPokes
    access: AccessFlow
    desk: DeskAccessFlow
    sites: SiteFlow
    people: PeopleFlow
    roster: RosterFlow
    shifts: ShiftFlow
    gate: ShiftGateFlow
    visits: VisitFlow
    booking: BookingFlow
    links: LinkFlow
    looks: VisitLookFlow
    notes: CustomerNoteFlow
    departures: DepartureFlow


def wire_visits(
    floor: Floor,
    live: Live,
    *,
    stores: Stores | None = None,
    pokes: JoinedPokes | None = None,
    shift_notices: ShiftNotices | None = None,
    device_alerts: DeviceAlerts | None = None,
    preflight: PreflightMark | None = None,
    gates: Sequence[AssignmentGate] = (),
) -> People:
    """Build the flows; what is not given is met by parts that do nothing."""
    work, clock, ids = floor.truth, floor.clock, floor.ids
    stores = stores or sql_stores(floor.keys, ids)
    pokes = pokes or JoinedPokes(live.pokes, work, stores)
    visits = VisitFlow(
        work=work, clock=clock, ids=ids, stores=stores, pokes=pokes, last_known=SeenPositions(live.positions, clock), gates=gates
    )
    shifts = ShiftFlow(
        work=work,
        clock=clock,
        ids=ids,
        stores=stores,
        timers=floor.timers,
        pokes=pokes,
        notices=shift_notices or NoShiftNotices(),
        preflight=preflight or NoPreflight(),
    )
    for kind, handler in shifts.timer_handlers().items():
        floor.timers_flow.handle(kind, handler)
    return People(
        stores=stores,
        pokes=pokes,
        access=AccessFlow(work=work, clock=clock, ids=ids, stores=stores, pokes=pokes),
        desk=DeskAccessFlow(
            work=work, clock=clock, ids=ids, stores=stores, passwords=Argon2Passwords(), codes=PyotpCodes(), pokes=pokes
        ),
        sites=SiteFlow(work=work, clock=clock, stores=stores, pokes=pokes),
        people=PeopleFlow(work=work, clock=clock, ids=ids, stores=stores, pokes=pokes, alerts=device_alerts or NoDeviceAlerts()),
        roster=RosterFlow(work=work, stores=stores),
        shifts=shifts,
        gate=ShiftGateFlow(work=work, clock=clock, stores=stores),
        visits=visits,
        booking=BookingFlow(work=work, clock=clock, ids=ids, stores=stores, visit_flow=visits),
        links=LinkFlow(work=work, clock=clock, ids=ids, stores=stores, pokes=pokes),
        looks=VisitLookFlow(work=work, clock=clock, ids=ids, stores=stores),
        notes=CustomerNoteFlow(work=work, clock=clock, ids=ids, stores=stores),
        departures=DepartureFlow(work=work, stores=stores),
    )


class SocketAccess:
    """Meets `realtime.ports.Access` over visits' access flow."""

    def __init__(self, access: AccessFlow) -> None:
        self._access = access

    async def caller_of_token(self, token: str) -> Caller:
        """See `Access.caller_of_token`."""
        return await self._access.caller_of_token(token)

    async def redeem_ticket(self, ticket: str) -> Caller:
        """See `Access.redeem_ticket`."""
        return await self._access.redeem_ticket(ticket)

    async def ended(self, callers: Sequence[Caller]) -> Sequence[Caller]:
        """See `Access.ended`."""
        return await self._access.ended(callers)


