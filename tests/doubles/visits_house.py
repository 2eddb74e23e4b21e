"""The flows of visits on a real store, with doubles for what other packages bring; and people to act in it."""

from datetime import timedelta
from typing import Any

from core.caller import Caller, CallerKind, Role, Scope
from core.geo import LatLon
from core.ids import SiteId, VisitId
from core.sql_timers import SqlTimers
from core.timers_flow import TimersFlow
from visits.access_flow import AccessFlow
from visits.arrival import SeenPosition
from visits.booking_flow import BookingFlow
from visits.customer_note_flow import CustomerNoteFlow
from visits.departure_flow import DepartureFlow
from visits.desk_access_flow import DeskAccessFlow
from visits.link_flow import LinkFlow
from visits.people_flow import NewTechnician, PeopleFlow
from visits.pyotp_codes import PyotpCodes
from visits.roster_flow import RosterFlow
from visits.service import VerifiedLevel
from visits.shift_flow import ShiftFlow
from visits.shift_gate_flow import ShiftGateFlow
from visits.site import Site
from visits.site_flow import SiteFlow
from visits.sql_stores import sql_stores
from visits.stage import Stage
from visits.visit import PersonRef, Place, Told, Visit, VisitDraft
from visits.visit_flow import VisitFlow
from visits.visit_look_flow import VisitLookFlow

MUNICH, TURIN = SiteId("munich"), SiteId("turin")
HOME, DOOR = LatLon(48.1000, 11.5000), LatLon(48.1372, 11.5755)
OWNER = Caller(kind=CallerKind.DISPATCHER, id="owner", sites=frozenset({MUNICH}), roles=frozenset({Role.OWNER}))
DESK = Caller(kind=CallerKind.DISPATCHER, id="desk", sites=frozenset({MUNICH}), roles=frozenset({Role.DISPATCHER}))
PLATFORM = Caller(kind=CallerKind.API, id="key", sites=frozenset({MUNICH}), scopes=frozenset(Scope))
STRANGER = Caller(kind=CallerKind.API, id="other", sites=frozenset({TURIN}), scopes=frozenset(Scope))


class FakePasswords:
    """Meets `Passwords` without the slowness; `f1:` is the older kind of hash."""

    async def hash(self, password: str) -> str:
        return f"f2:{password[::-1]}"

    async def verify(self, stored: str | None, password: str) -> bool:
        return stored is not None and stored[3:] == password[::-1]

    def is_outdated(self, stored: str) -> bool:
        return stored.startswith("f1:")


class SpyPokes:
    def __init__(self) -> None:
        self.poked: list[tuple[str, str, str]] = []

    async def poke(self, site: SiteId, topic: str, id: str) -> None:
        self.poked.append((site, topic, id))


class FixedPosition:
    """Meets `LastKnown` with one position for everyone."""

    def __init__(self) -> None:
        self.seen: SeenPosition | None = None

    async def last_known(self, site: SiteId, technician_id: str) -> SeenPosition | None:
        return self.seen


class SpyNotices:
    """Meets `ShiftNotices` and `DeviceAlerts`."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []

    async def planned_end_came(self, tx: Any, shift: Any) -> None:
        self.told.append(("planned_end_came", shift.id))

    async def closed_by_hub(self, tx: Any, shift: Any) -> None:
        self.told.append(("closed_by_hub", shift.id))

    async def device_enrolled(self, tx: Any, technician: Any, device: Any, older: Any) -> None:
        self.told.append(("device_enrolled", device.id, [each.id for each in older]))


class FixedPreflight:
    """Meets `PreflightMark` and `AssignmentGate`."""

    def __init__(self) -> None:
        self.watched = True
        self.reasons: list[str] = []

    async def is_watched(self, tx: Any, site: Any) -> bool:
        return self.watched

    async def reasons_against(self, tx: Any, site: Any, technician: Any) -> list[str]:
        return list(self.reasons)


class SpyListener:
    """Meets `StageListener`."""

    def __init__(self) -> None:
        self.heard: list[Any] = []
        self.objects = False

    async def on_stage_changed(self, tx: Any, event: Any) -> None:
        if self.objects:
            raise RuntimeError("the listener objects")
        self.heard.append(event)


class VisitsHouse:
    """Everything of visits on one unit of work."""

    def __init__(self, work: Any, clock: Any, ids: Any, keys: Any) -> None:
        self.work, self.clock, self.ids = work, clock, ids
        self.stores = sql_stores(keys, ids)
        self.pokes, self.last_known, self.notices = SpyPokes(), FixedPosition(), SpyNotices()
        self.preflight, self.listener = FixedPreflight(), SpyListener()
        base: dict[str, Any] = {"work": work, "clock": clock, "ids": ids, "stores": self.stores}
        poking: dict[str, Any] = {**base, "pokes": self.pokes}
        self.visits = VisitFlow(**poking, last_known=self.last_known, gates=(self.preflight,))
        self.visits.listen(self.listener)
        self.booking = BookingFlow(**base, visit_flow=self.visits)
        self.looks = VisitLookFlow(**base)
        self.notes = CustomerNoteFlow(**base)
        self.departures = DepartureFlow(work=work, stores=self.stores)
        self.shifts = ShiftFlow(**poking, timers=SqlTimers(work), notices=self.notices, preflight=self.preflight)
        self.timers = TimersFlow(SqlTimers(work), clock)
        for kind, handler in self.shifts.timer_handlers().items():
            self.timers.handle(kind, handler)
        self.gate = ShiftGateFlow(work=work, clock=clock, stores=self.stores)
        self.people = PeopleFlow(**poking, alerts=self.notices)
        self.roster = RosterFlow(work=work, stores=self.stores)
        self.desk = DeskAccessFlow(**poking, passwords=FakePasswords(), codes=PyotpCodes())
        self.access = AccessFlow(**poking)
        self.links = LinkFlow(**poking)
        self.sites = SiteFlow(work=work, clock=clock, stores=self.stores, pokes=self.pokes)

    async def opened(self) -> "VisitsHouse":
        """Make two sites."""
        await self.sites.make(Site(id=MUNICH, name="Munich", zone="Europe/Berlin", currency="EUR"))
        await self.sites.make(Site(id=TURIN, name="Turin", zone="Europe/Rome", currency="EUR"))
        return self

    async def technician(self, name: str = "Lin Wei", *, on_shift: bool = False) -> Caller:
        """Enter a technician, enrol a phone, perhaps open her shift; return her phone as a caller."""
        new = NewTechnician(name=name, phone="+4915112345678", verified_level=VerifiedLevel.IDENTITY)
        technician = await self.people.enter(PLATFORM, MUNICH, new)
        code = await self.people.offer_enrolment(PLATFORM, technician.id)
        enrolled = await self.people.enrol(code, "phone", "android", "192.0.2.1")
        caller = await self.access.caller_of_token(enrolled.token)
        if on_shift:
            await self.shifts.open(caller, self.clock.now() + timedelta(hours=8), "1")
        return caller

    def draft(self, **changes: Any) -> VisitDraft:
        now = self.clock.now()
        fields: dict[str, Any] = {
            "service_kind": "massage",
            "place": Place(point=DOOR, address="Marienplatz 1", floor="3", entry_code="4711"),
            "window_start": now + timedelta(hours=1),
            "window_end": now + timedelta(hours=2),
            "customer": PersonRef(name="Ada", phone="+491701234567", language="de"),
        }
        return VisitDraft(**{**fields, **changes})

    async def visit(self, stage: Stage = Stage.CREATED, her: Caller | None = None) -> Visit:
        """Book a visit and bring it up to `stage` on the ordinary way."""
        visit = (await self.booking.book(PLATFORM, MUNICH, self.draft())).visit
        for act in _WAY[: _STAGES.index(stage)]:
            self.clock.move(60)
            assert her is not None
            visit = await act(self, her, visit)
        return visit

    def at(self, point: LatLon, accuracy_m: float | None = 10.0) -> None:
        """Let her be seen at `point`."""
        self.last_known.seen = SeenPosition(point=point, accuracy_m=accuracy_m)


async def _assign(house: VisitsHouse, her: Caller, visit: Visit) -> Visit:
    assert her.technician_id is not None
    return await house.visits.assign(PLATFORM, visit.id, her.technician_id, Told())


async def _depart(house: VisitsHouse, her: Caller, visit: Visit) -> Visit:
    house.at(HOME)
    return await house.visits.depart(her, visit.id, Told())


async def _arrive(house: VisitsHouse, her: Caller, visit: Visit) -> Visit:
    house.at(DOOR)
    return await house.visits.arrive(her, visit.id, Told())


async def _start(house: VisitsHouse, her: Caller, visit: Visit) -> Visit:
    return await house.visits.start(her, visit.id, visit.door_code[3:], Told())


async def _end(house: VisitsHouse, her: Caller, visit: Visit) -> Visit:
    return await house.visits.end(her, visit.id, Told())


async def _leave(house: VisitsHouse, her: Caller, visit: Visit) -> Visit:
    return await house.visits.leave(her, visit.id, Told())


_WAY = [_assign, _depart, _arrive, _start, _end, _leave]
_STAGES = [Stage.CREATED, Stage.ASSIGNED, Stage.DEPARTED, Stage.ARRIVED, Stage.IN_SERVICE, Stage.ENDED, Stage.LEFT]
NO_VISIT = VisitId("00000000-0000-7000-8000-999999999999")
