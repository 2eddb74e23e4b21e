"""What a customer is shown, from joining to the end of her link, with every reading of SQL and every fix in any order."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import NotFound, Unavailable
from core.geo import LatLon
from realtime.fanout import Fanout
from realtime.ports import Poke, PokeTopic, Watched
from realtime.visit_watch_flow import VisitWatch
from realtime.wire_values import VisitFace
from tests.doubles.fake_clock import FakeClock
from tests.doubles.socket_ports import SITE, TECHNICIAN, VISIT, FixedArrivals, MemoryLastKnown, MemoryVisits, fix_at
from visits.stage import Stage

pytestmark = pytest.mark.anyio

FAR = {"lat": 48.05, "lon": 11.05}


class SpyWatcher:
    def __init__(self) -> None:
        self.snapshots = 0
        self.faces: list[str] = []
        self.positions: list = []
        self.arrivals: list = []
        self.ended = 0

    def on_snapshot(self):
        self.snapshots += 1

    def on_face(self, face):
        self.faces.append(face.stage)

    def on_position(self, feature, arrival):
        self.positions.append(None if feature is None else feature.properties.at_ms)
        self.arrivals.append(arrival)

    def on_ended(self):
        self.ended += 1


class House:
    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.visits = MemoryVisits()
        self.last_known = MemoryLastKnown()
        self.fanout = Fanout()
        self.watch = VisitWatch(self.visits, self.last_known, FixedArrivals(), self.fanout, clock)
        self.fanout.watch_pokes(self.watch)
        self.watcher = SpyWatcher()

    @property
    def now_ms(self) -> int:
        return self.clock.now_ms()

    def depart(self, minutes_ago: float = 10, **more):
        return self.visits.put(Stage.DEPARTED, departed_at_ms=self.now_ms - int(minutes_ago * 60_000), **more)

    async def join(self, key):
        return await self.watch.join(key, self.watcher)


@pytest.fixture
def house(clock):
    return House(clock)


async def test_a_guessed_link_is_not_found(house):
    with pytest.raises(NotFound):
        await house.join(Watched("v", "l"))
    assert len(house.watch) == 0


async def test_joining_gives_a_snapshot_with_the_last_known_position(house):
    key = house.depart()
    house.last_known.fixes[TECHNICIAN] = fix_at(house.now_ms, **FAR)

    room = await house.join(key)

    assert house.watcher.snapshots == 1
    assert room.presentable().geometry.coordinates == [11.05, 48.05]
    assert room.arrival.earliest_ms == house.now_ms + 600_000


async def test_words_are_shown_while_redis_is_away(house):
    key = house.depart()
    house.last_known.is_away = True

    room = await house.join(key)

    assert (room.presentable(), house.watcher.snapshots) == (None, 1)


async def test_a_live_fix_is_shown_at_once_and_a_late_one_never(house):
    await house.join(house.depart())
    for at_ms in (house.now_ms, house.now_ms - 1_000, house.now_ms, house.now_ms + 1_000):
        house.fanout.feed([fix_at(at_ms, **FAR)])

    assert house.watcher.positions == [house.now_ms, house.now_ms + 1_000]


@pytest.mark.parametrize(
    "stage", [Stage.CREATED, Stage.ASSIGNED, Stage.ARRIVED, Stage.IN_SERVICE, Stage.ENDED, Stage.LEFT, Stage.CANCELLED]
)
async def test_no_position_leaves_but_on_the_way(house, stage):
    key = house.visits.put(stage, departed_at_ms=house.now_ms - 600_000)
    house.last_known.fixes[TECHNICIAN] = fix_at(house.now_ms, **FAR)

    room = await house.join(key)
    house.fanout.feed([fix_at(house.now_ms + 1, **FAR)])

    assert (room.presentable(), house.watcher.positions) == (None, [])


async def test_her_home_is_not_shown(house):
    room = await house.join(house.depart(departed_from=LatLon(48.0, 11.0)))
    house.fanout.feed([fix_at(house.now_ms, 48.001, 11.0)])

    assert room.presentable() is None
    house.fanout.feed([fix_at(house.now_ms + 1, **FAR)])
    assert room.presentable() is not None


async def test_a_site_may_show_no_position_at_all(house):
    room = await house.join(house.depart(position_allowed=False))
    house.fanout.feed([fix_at(house.now_ms, **FAR)])

    assert room.presentable() is None


async def test_arriving_takes_the_position_away(house):
    key = house.depart()
    await house.join(key)
    house.fanout.feed([fix_at(house.now_ms, **FAR)])
    house.visits.put(Stage.ARRIVED, key=key)

    house.fanout.poke_here(SITE, Poke(PokeTopic.VISITS, VISIT))
    await house.watch.refresh_poked()

    assert house.watcher.positions == [house.now_ms, None]
    assert house.watcher.faces == ["arrived"]


async def test_a_poke_about_another_visit_reads_nothing(house):
    await house.join(house.depart())
    reads = house.visits.reads

    house.fanout.poke_here(SITE, Poke(PokeTopic.VISITS, "other"))
    house.fanout.poke_here(SITE, Poke(PokeTopic.INCIDENTS, VISIT))
    await house.watch.refresh_poked()

    assert house.visits.reads == reads


async def test_a_lost_poke_is_made_good_by_the_sweep(house):
    key = house.depart()
    await house.join(key)
    house.visits.put(Stage.ARRIVED, key=key)

    await house.watch.sweep()

    assert house.watcher.faces == ["arrived"]


async def test_ten_seconds_without_sql_no_position_leaves(house):
    """0 s: joined. 10 s: still shown. 10.001 s: hidden, and nothing says so. SQL returns: the newest is shown."""
    room = await house.join(house.depart())
    house.visits.is_away = True
    house.clock.move(10)
    house.fanout.feed([fix_at(house.now_ms, **FAR)])
    assert room.presentable() is not None
    house.clock.move(0.001)
    house.fanout.feed([fix_at(house.now_ms, **FAR)])

    assert room.presentable() is None
    assert len(house.watcher.positions) == 1
    with pytest.raises(Unavailable):
        await house.watch.sweep()
    house.visits.is_away = False
    await house.watch.sweep()
    assert house.watcher.positions[-1] == house.now_ms


async def test_a_revoked_link_ends_the_watching(house):
    key = house.depart()
    await house.join(key)
    del house.visits.states_by_key[key]

    house.fanout.poke_here(SITE, Poke(PokeTopic.LINKS, VISIT))
    await house.watch.refresh_poked()

    assert house.watcher.ended == 1


async def test_another_technician_is_followed_from_then_on(house):
    key = house.depart()
    await house.join(key)
    house.fanout.feed([fix_at(house.now_ms, **FAR)])
    house.depart(key=key, technician_id="tech-2")
    await house.watch.sweep()

    house.fanout.feed([fix_at(house.now_ms + 1, **FAR)])
    house.fanout.feed([fix_at(house.now_ms + 2, technician="tech-2", **FAR)])

    assert house.watcher.positions == [house.now_ms, None, house.now_ms + 2]
    assert house.fanout.watched_technicians() == {(SITE, "tech-2")}


async def test_a_gap_reads_everything_again_and_sends_snapshots(house):
    room = await house.join(house.depart())
    house.last_known.fixes[TECHNICIAN] = fix_at(house.now_ms, **FAR)

    house.fanout.gap()
    await house.watch.refresh_poked()

    assert house.watcher.snapshots == 2
    assert room.presentable().properties.at_ms == house.now_ms


async def test_an_old_position_is_taken_away(house):
    room = await house.join(house.depart())
    house.fanout.feed([fix_at(house.now_ms, **FAR)])
    house.clock.move(15 * 60 + 1)

    await house.watch.sweep()

    assert room.presentable() is None
    assert house.watcher.positions[-1] is None


async def test_a_long_silence_is_told_with_the_next_position(house):
    room = await house.join(house.depart(minutes_ago=30))
    house.fanout.feed([fix_at(house.now_ms - 90_000, **FAR)])
    house.fanout.feed([fix_at(house.now_ms, 48.06, 11.06)])

    assert room.presentable().properties.gap_s == 90.0


async def test_words_alone_tell_that_words_changed(house):
    key = house.depart()
    await house.join(key)
    house.depart(key=key, face=VisitFace(stage="departed", technician_name="Lin"))

    await house.watch.sweep()
    await house.watch.sweep()

    assert house.watcher.faces == ["departed"]


async def test_the_last_to_leave_closes_the_room(house):
    key = house.depart()
    room = await house.join(key)
    other = SpyWatcher()
    await house.watch.join(key, other)

    house.watch.leave(room, house.watcher)
    assert len(house.watch) == 1
    house.watch.leave(room, other)
    house.watch.leave(room, other)

    assert len(house.watch) == 0
    assert house.fanout.watched_technicians() == frozenset()


async def test_the_loop_sweeps_every_five_seconds_and_survives_failures(house):
    await house.join(house.depart())
    house.visits.is_away = True
    task = asyncio.create_task(house.watch.run())
    for _ in range(5):
        await asyncio.sleep(0)  # lets the loop begin its first sleep
    before = house.visits.reads
    await house.clock.advance(10.5)
    task.cancel()

    assert house.visits.reads == before + 2


@given(st.permutations(range(6)), st.integers(0, 6))
async def test_a_late_watcher_sees_what_an_early_one_sees(order, join_after):
    house = House(FakeClock())
    key = house.depart(minutes_ago=60)
    early = await house.join(key)
    late = SpyWatcher()
    for place, number in enumerate(order):
        if place == join_after:
            await house.watch.join(key, late)
        house.fanout.feed([fix_at(house.now_ms - 6_000 + number * 1_000, 48.05 + number / 100, 11.05, seq=number)])

    assert early.newest.fix.seq == 5
    assert early.presentable().properties.at_ms == house.now_ms - 1_000
