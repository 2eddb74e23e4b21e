"""How does the demo get its people and its past? A site, a desk, technicians with phones, visits in all stages, before the hub opens.

Everything goes through the flows of visits, with a clock that runs behind, so that the past obeys the same rules as the present. Done
again at every start: accounts are kept, yesterday's visits are closed, today's begin.
"""

from datetime import datetime, timedelta

import msgspec

from core.caller import Caller, CallerKind, Role, Scope
from core.errors import Conflict, HubError, NotSignedIn
from core.geo import LatLon
from core.ids import SiteId, TechnicianId, VisitId
from hub.demo_cast import NAMES, Opening, Part
from hub.demo_desk import desk_phones
from hub.demo_fares import agree, price_site
from hub.local_people import Local, operator_of
from hub.local_site import LocalSite
from hub.past_clock import PastClock
from hub.wire_fares import fare_flows
from tracking.router_flow import FactorRouter
from visits.arrival import SeenPosition
from visits.desk_access_flow import NewDispatcher
from visits.link_rights import LinkHolder
from visits.people_flow import NewTechnician
from visits.service import VerifiedLevel
from visits.site import EmergencyNumber, Site, SiteSettings
from visits.stage import OPEN, Stage
from visits.visit import PersonRef, Place, Told, Visit, VisitDraft

SITE = SiteId("lampmouth")
USER = "demo"
NOTICE = "1"
SHIFT_OPENED_S = 3 * 3600.0
SHIFT_ENDS_H = 9
BOOKED_S = 3600.0
DEPARTED_S = 270.0
"""Longer ago than the three minutes in which a customer sees nothing, to protect the technician's home."""


class Accounts(msgspec.Struct, frozen=True, kw_only=True):
    """Who can sign in: the desk's log-in, the platform's key, each technician's id and the token of her phone, in the order of the cast."""

    user: str
    password: str
    api_key: str
    technicians: tuple[tuple[TechnicianId, str], ...]


class Begun(msgspec.Struct, frozen=True, kw_only=True):
    """One technician's beginning: her phone's token and the visit she has, None for a free one."""

    part: Part
    technician_id: TechnicianId
    token: str
    visit: Visit | None


class DemoSeedFlow:
    """Fills the demo's site. `clock`: the one that the flows of `local` were built with."""

    def __init__(self, local: Local, clock: PastClock) -> None:
        self._local = local
        self._people = local.people
        self._floor = local.floor
        self._clock = clock
        self._fares = fare_flows(local.floor, local.people.stores, FactorRouter(), None)
        self._desk = operator_of(SITE)

    async def accounts(self, known: LocalSite | None) -> Accounts:
        """Return the accounts that `known` remembers if they still work, else make new ones."""
        if known is not None and (kept := await self._kept(known)) is not None:
            return kept
        self._clock.ago_s = SHIFT_OPENED_S + 600
        await self._make_site()
        password = f"lantern-{self._floor.ids.new_digits(4)}-{self._floor.ids.new_digits(4)}"
        user = await self._make_dispatcher(password)
        key = await self._people.access.make_api_key(self._desk, "Demo platform", frozenset({SITE}), frozenset(Scope))
        technicians = tuple([await self._make_technician(number, name) for number, name in enumerate(NAMES)])
        return Accounts(user=user, password=password, api_key=key.token, technicians=technicians)

    async def begin(self, accounts: Accounts, parts: list[Part]) -> list[Begun]:
        """Close what is left of an earlier run, open the shifts and bring each part to its opening."""
        self._clock.ago_s = 0.0
        await price_site(self._fares, SITE)
        await self._close_leftovers()
        begun = []
        for part, (technician_id, token) in zip(parts, accounts.technicians, strict=True):
            caller = await self._people.access.caller_of_token(token)
            await self._open_shift(caller)
            begun.append(Begun(part=part, technician_id=technician_id, token=token, visit=await self._visit(part, technician_id, caller)))
        await self._past(parts, accounts)
        self._clock.ago_s = 0.0
        return begun

    async def customer_token(self, visit: Visit) -> str:
        """Return the token of a new customer's link to `visit`."""
        return (await self._people.links.make(self._desk, visit.id, LinkHolder.CUSTOMER, "demo")).token

    async def enrolment_code(self, accounts: Accounts) -> str:
        """Return a fresh one-time code with which a browser becomes one more phone of the first technician."""
        return await self._people.people.offer_enrolment(self._desk, accounts.technicians[0][0])

    async def _kept(self, known: LocalSite) -> Accounts | None:
        try:
            for token in (known.shown.api_key, *known.phones.values()):
                await self._people.access.caller_of_token(token)
        except (NotSignedIn, HubError):
            return None
        if len(known.phones) != len(NAMES):
            return None
        return Accounts(
            user=known.shown.dispatcher.user,
            password=known.shown.dispatcher.password,
            api_key=known.shown.api_key,
            technicians=tuple((TechnicianId(id), token) for id, token in known.phones.items()),
        )

    async def _make_site(self) -> None:
        site = Site(
            id=SITE,
            name="Lampmouth",
            zone="Europe/Dublin",
            currency="EUR",
            locale="en",
            desk_phone="+35315550100",
            emergency_numbers=(EmergencyNumber("police", "112"), EmergencyNumber("ambulance", "112")),
            settings=SiteSettings(cadence_on_the_way_s=1, cadence_waiting_s=10),
        )
        try:
            await self._people.sites.make(site)
        except Conflict:
            return  # an earlier demo made it; its accounts are gone, so new ones follow

    async def _make_dispatcher(self, password: str) -> str:
        for number in range(1, 100):
            user = USER if number == 1 else f"{USER}{number}"
            new = NewDispatcher(user=user, name="Demo Desk", password=password, sites=frozenset({SITE}), roles=frozenset({Role.OWNER}))
            try:
                entered = await self._people.desk.enter(self._desk, new)
            except Conflict:
                continue
            await desk_phones(self._local, SITE, entered.id)
            return user
        raise Conflict("A hundred demos have begun in this data folder. Remove it, or choose another with --data.")

    async def _make_technician(self, number: int, name: str) -> tuple[TechnicianId, str]:
        new = NewTechnician(name=name, phone=f"+3538555501{number:02d}", verified_level=VerifiedLevel.CERTIFIED)
        technician = await self._people.people.enter(self._desk, SITE, new)
        code = await self._people.people.offer_enrolment(self._desk, technician.id)
        enrolled = await self._people.people.enrol(code, f"{name.split()[0]}'s phone", "demo", "the demo")
        return technician.id, enrolled.token

    async def _close_leftovers(self) -> None:
        async with self._floor.truth.read() as tx:
            left = await self._people.stores.visits.open_of_site(tx, SITE, OPEN)
        told = Told(reason="The demo begins anew.")
        for visit in left:
            if visit.stage in (Stage.CREATED, Stage.ASSIGNED, Stage.DEPARTED, Stage.ARRIVED):
                await self._people.visits.cancel(self._desk, visit.id, told)
                continue
            if visit.stage is Stage.IN_SERVICE:
                await self._people.visits.end(self._desk, visit.id, told)
            await self._people.visits.leave(self._desk, visit.id, told)

    async def _open_shift(self, caller: Caller) -> None:
        self._clock.ago_s = 0.0
        planned_end = self._clock.now() + timedelta(hours=SHIFT_ENDS_H)
        if await self._people.shifts.current(caller) is not None:
            await self._people.shifts.close(caller)
        self._clock.ago_s = SHIFT_OPENED_S
        await self._people.shifts.open(caller, planned_end, NOTICE)

    async def _visit(self, part: Part, technician_id: TechnicianId, caller: Caller) -> Visit | None:
        if part.opening is Opening.FREE:
            await self._book(part)
            return None
        self._clock.ago_s = BOOKED_S
        visit = await self._book(part)
        visit = await self._people.visits.assign(self._desk, visit.id, technician_id, Told())
        await agree(self._fares, visit, part.start.point, self._clock.now() + timedelta(seconds=BOOKED_S))
        for act, ago_s in _HISTORY[part.opening]:
            self._clock.ago_s = ago_s
            visit = await self._act(act, caller, visit, part)
        self._clock.ago_s = 0.0
        return visit

    async def _past(self, parts: list[Part], accounts: Accounts) -> None:
        """Add three visits that are over: one went well, one was called off, at one nobody opened."""
        part, free = next((part, accounts.technicians[part.number][0]) for part in parts if part.opening is Opening.FREE)
        told = Told(reason="as it happened earlier today")
        for end in ("left", "cancelled", "no_show"):
            self._clock.ago_s = 2.5 * 3600
            visit = await self._book(part)
            await self._people.visits.assign(self._desk, visit.id, free, Told())
            await agree(self._fares, visit, part.start.point, self._clock.now() + timedelta(seconds=600))
            for act in _PAST[end]:
                self._clock.ago_s -= 600
                await getattr(self._people.visits, act)(*_arguments(act, self._desk, visit.id, told))

    async def _act(self, act: str, caller: Caller, visit: Visit, part: Part) -> Visit:
        visits = self._people.visits
        at_home, at_door = _seen(part.start.point), _seen(part.end.point)
        if act == "depart":
            return await visits.depart(caller, visit.id, at_home)
        if act == "arrive":
            return await visits.arrive(caller, visit.id, at_door)
        if act == "start":
            return await visits.start(caller, visit.id, visit.door_code, at_door)
        return await visits.end(caller, visit.id, at_door)

    async def _book(self, part: Part) -> Visit:
        now = self._clock.now()
        draft = draft_of(part, now + timedelta(seconds=BOOKED_S), now + timedelta(seconds=BOOKED_S + 1800))
        return (await self._people.booking.book(self._platform(), SITE, draft)).visit

    def _platform(self) -> Caller:
        return Caller(kind=CallerKind.API, id="demo", sites=frozenset({SITE}), scopes=frozenset(Scope))


def draft_of(part: Part, window_start: datetime, window_end: datetime) -> VisitDraft:
    """Return what the platform books for a part."""
    home = part.end
    return VisitDraft(
        service_kind=part.service,
        place=Place(point=home.point, address=f"{home.address}, Lampmouth", floor=f"{part.number % 4}", entry_code="4711"),
        window_start=window_start,
        window_end=window_end,
        customer=PersonRef(name=part.customer, phone=f"+3538555502{part.number:02d}", language="en"),
    )


def _arguments(act: str, desk: Caller, visit_id: VisitId, told: Told) -> tuple[object, ...]:
    return (desk, visit_id, None, told) if act == "start" else (desk, visit_id, told)


def _seen(point: LatLon) -> Told:
    return Told(position=SeenPosition(point=point, accuracy_m=6.0))


_PAST = {
    "left": ("depart", "arrive", "start", "end", "leave"),
    "cancelled": ("cancel",),
    "no_show": ("depart", "arrive", "no_show"),
}
_HISTORY: dict[Opening, tuple[tuple[str, float], ...]] = {
    Opening.BOOKED: (),
    Opening.ON_THE_WAY: (("depart", DEPARTED_S),),
    Opening.AT_THE_DOOR: (("depart", 900.0), ("arrive", 40.0)),
    Opening.AT_WORK: (("depart", 3000.0), ("arrive", 2200.0), ("start", 2100.0)),
    Opening.PACKING_UP: (("depart", 3400.0), ("arrive", 2900.0), ("start", 2800.0), ("end", 60.0)),
}
