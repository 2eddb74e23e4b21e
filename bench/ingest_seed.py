"""Who takes part in the bench? A site with as many technicians under way as wanted, each visited for by one customer with a link.

Made through the flows of visits before the hub starts, with a clock that runs behind: everybody departed long enough ago, and drives far
enough from where she set out, that her customer may see her.
"""

import asyncio
import sys
from datetime import timedelta
from pathlib import Path

import msgspec

from bench.ingest_load import Pair
from core.caller import Caller, CallerKind, Scope
from core.clock import SystemClock
from core.geo import LatLon
from core.ids import SiteId
from hub import migrate
from hub.local_people import Local, local_people, operator_of
from hub.past_clock import PastClock
from hub.settings import Settings, load
from visits.arrival import SeenPosition
from visits.link_rights import LinkHolder
from visits.people_flow import NewTechnician
from visits.service import VerifiedLevel
from visits.site import Site
from visits.visit import PersonRef, Place, Told, VisitDraft

SITE = SiteId("bench")
ON_SHIFT_S = 500.0
"""How long somebody was on shift before she set out."""
DEPARTED_S = 400.0
"""Longer ago than the three minutes in which a customer sees nothing."""


def start_of(number: int) -> LatLon:
    """Return where a technician set out: points of a grid, 0.02 degrees apart."""
    return LatLon(10.0 + (number // 25) * 0.02, 20.0 + (number % 25) * 0.02)


def centre_of(number: int) -> LatLon:
    """Return the centre of her circle: about 1.1 km north of where she set out, so that all of it is outside the hidden 500 m."""
    start = start_of(number)
    return LatLon(start.lat + 0.01, start.lon)


async def seed(count: int, settings: Settings | None = None, departed_s: float = DEPARTED_S) -> list[Pair]:
    """Bring the schema up to date and make `count` pairs who set out `departed_s` ago, by the environment's settings or these."""
    settings = settings or load()
    settings.store.data_dir.mkdir(parents=True, exist_ok=True)
    await migrate.upgrade(settings.store.truth_url, settings.store.fixes_url)
    clock = PastClock(SystemClock())
    async with local_people(settings, clock) as local:
        await local.people.sites.make(Site(id=SITE, name="Bench", zone="UTC", currency="EUR"))
        return [await _pair(local, clock, number, departed_s) for number in range(count)]


async def _pair(local: Local, clock: PastClock, number: int, departed_s: float) -> Pair:
    people, desk = local.people, operator_of(SITE)
    platform = Caller(kind=CallerKind.API, id="bench", sites=frozenset({SITE}), scopes=frozenset(Scope))
    clock.ago_s = departed_s + ON_SHIFT_S
    technician = await people.people.enter(desk, SITE, NewTechnician(name=f"Bench {number}", verified_level=VerifiedLevel.CERTIFIED))
    code = await people.people.offer_enrolment(desk, technician.id)
    token = (await people.people.enrol(code, "bench", "bench", "127.0.0.1")).token
    caller = await people.access.caller_of_token(token)
    await people.shifts.open(caller, clock.now() + timedelta(hours=8), "1")
    visit = (await people.booking.book(platform, SITE, _draft(number, clock))).visit
    await people.visits.assign(desk, visit.id, technician.id, Told())
    clock.ago_s = departed_s
    await people.visits.depart(caller, visit.id, Told(position=SeenPosition(point=start_of(number), accuracy_m=6.0)))
    clock.ago_s = 0.0
    link = (await people.links.make(desk, visit.id, LinkHolder.CUSTOMER, "bench")).token
    centre = centre_of(number)
    return Pair(token, link, centre.lat, centre.lon)


def _draft(number: int, clock: PastClock) -> VisitDraft:
    centre, now = centre_of(number), clock.now()
    home = LatLon(centre.lat + 0.05, centre.lon)
    return VisitDraft(
        service_kind="massage",
        place=Place(point=home, address=f"{number} Bench Road"),
        window_start=now + timedelta(minutes=30),
        window_end=now + timedelta(minutes=60),
        customer=PersonRef(name="Bench", phone=f"+35385560{number:04d}", language="en"),
    )


def main() -> None:
    """Write the pairs as JSON into the file named by the second argument; the first is how many."""
    pairs = asyncio.run(seed(int(sys.argv[1])))
    Path(sys.argv[2]).write_bytes(msgspec.json.encode(pairs))


if __name__ == "__main__":
    main()
