"""A stock phone's reports become fixes and taps, are answered once durable, and never block the ones behind them."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime

import pytest

from core.caller import Caller, CallerKind, Scope
from core.errors import Busy, NotAllowed, NotFound, NotSignedIn, Unavailable
from core.geo import LatLon
from core.ids import SiteId, TechnicianId, VisitId
from tests.doubles.fake_clock import FakeClock
from tests.doubles.fixed_ids import FixedIds
from tests.doubles.memory_positions import MemoryPositions
from tests.doubles.tracking_doubles import FixedGate, KeptCounts, KeptFeed
from tracking import books
from tracking.fix import Reason, Sender
from tracking.fix_flow import FixFlow
from tracking.nearby_flow import NearbyFlow
from tracking.phones.osmand import reports
from tracking.phones.phone_flow import PhoneFlow
from tracking.phones.phone_report import PhoneReport
from tracking.ports import TrackedVisit
from tracking.track_flow import TrackFlow

pytestmark = pytest.mark.anyio


class Door:
    async def sender_of(self, device_token: str) -> Sender | None:
        return Sender("d1", "t1", "site", 0, 0) if device_token == "good" else None


class Taps:
    def __init__(self) -> None:
        self.taken: dict[str, tuple[datetime, LatLon | None]] = {}
        self.away = False

    async def tap(self, sender: Sender, tap_id: str, at: datetime, place: LatLon | None) -> None:
        if self.away:
            raise Unavailable
        self.taken[tap_id] = (at, place)


class Ear:
    def __init__(self) -> None:
        self.batteries: list[float | None] = []

    def heard(self, sender: Sender, at_ms: int, battery_pct: float | None) -> None:
        self.batteries.append(battery_pct)


class World:
    def __init__(self, clock: FakeClock) -> None:
        self.clock, self.positions, self.feed, self.counts = clock, MemoryPositions(), KeptFeed(), KeptCounts()
        self.taps, self.ear = Taps(), Ear()
        self.fixes = FixFlow(self.positions, FixedGate(), self.feed, self.counts, clock, FixedIds())
        self.phones = PhoneFlow(Door(), self.fixes, self.taps, self.ear, self.counts, clock)

    def said(self, **fields: str) -> list[PhoneReport]:
        return reports(list(fields.items()), "", b"", self.clock.now_ms())

    async def take(self, **fields: str) -> object:
        return await self.phones.take(await self.phones.sender("good"), self.said(**fields))


@pytest.fixture
async def world(clock: FakeClock) -> AsyncIterator[World]:
    world = World(clock)
    task = asyncio.create_task(world.fixes.run())
    yield world
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_report_is_stored_before_it_is_answered_and_a_repetition_has_the_same_key(world: World) -> None:
    at_s = str(world.clock.now_ms() // 1000)
    await world.take(lat="31.2", lon="121.5", timestamp=at_s)
    await world.take(lat="31.2", lon="121.5", timestamp=at_s)
    first, again = world.positions.stored()
    assert first == again
    assert len(world.feed.fixes) == 1


async def test_an_unusable_fix_is_taken_and_counted(world: World) -> None:
    await world.take(lat="abc", lon="1")
    await world.take(lat="0", lon="0")
    assert world.counts.labelled[(books.REJECTED, Reason.MALFORMED.value)] == 1
    assert world.counts.labelled[(books.REJECTED, Reason.ZERO_POSITION.value)] == 1
    assert world.counts.sums[books.RECEIVED] == 2
    assert world.positions.stored() == []


async def test_a_heartbeat_is_heard_and_moves_nothing(world: World) -> None:
    await world.take(batt="33")
    assert world.ear.batteries == [33.0]
    assert world.positions.stored() == []


async def test_an_alarm_is_a_tap_once_however_often_it_is_repeated_and_even_off_the_map(world: World) -> None:
    at_s = str(world.clock.now_ms() // 1000)
    for _ in range(3):
        await world.take(alarm="sos", timestamp=at_s)
    await world.take(alarm="sos", lat="999", lon="1", timestamp=str(int(at_s) + 5))
    assert [place for _, place in world.taps.taken.values()] == [None, None]
    assert len(world.taps.taken) == 2


async def test_an_alarm_is_durable_even_while_fixes_are_sent_back(world: World) -> None:
    await world.take(lat="31.2", lon="121.5")
    world.positions._stream_bytes = 0
    with pytest.raises(Busy):
        await world.take(alarm="sos", lat="31.2", lon="121.5")
    assert [place for _, place in world.taps.taken.values()] == [LatLon(31.2, 121.5)]


async def test_an_alarm_that_is_not_durable_is_not_answered(world: World) -> None:
    world.taps.away = True
    with pytest.raises(Unavailable):
        await world.take(alarm="sos", lat="31.2", lon="121.5")


async def test_an_unknown_token_is_refused(world: World) -> None:
    with pytest.raises(NotSignedIn):
        await world.phones.sender("bad")


async def test_nearby_tells_distance_and_age_of_fresh_positions(world: World) -> None:
    await world.take(lat="31.2", lon="121.5")
    world.clock.move(30)
    nearby = NearbyFlow(world.positions, world.clock)
    [she] = await nearby.near(SiteId("site"), LatLon(31.201, 121.5), 1000, 10, 60)
    assert (she.technician_id, she.age_s) == ("t1", 30.0)
    assert she.distance_m == pytest.approx(111, abs=1)
    assert await nearby.near(SiteId("site"), LatLon(31.201, 121.5), 1000, 10, 20) == []


class OneVisit:
    async def tracked_visit(self, visit_id: VisitId) -> TrackedVisit | None:
        if visit_id != "v1":
            return None
        return TrackedVisit(visit_id=visit_id, site_id=SiteId("site"), technician_id=TechnicianId("t1"), from_ms=0)


async def test_a_track_is_for_those_who_reach_its_site(clock: FakeClock) -> None:
    tracks = TrackFlow(OneVisit(), None, None, clock)  # type: ignore[arg-type]
    stranger = Caller(kind=CallerKind.API, sites=frozenset({SiteId("elsewhere")}), scopes=frozenset({Scope.POSITIONS_READ}))
    with pytest.raises(NotAllowed):
        await tracks.track(stranger, VisitId("v1"))
    with pytest.raises(NotFound):
        await tracks.track(stranger, VisitId("v9"))
