"""A console's topics follow their truth, whichever pokes are lost and whatever is away meanwhile."""

import json

import pytest

from realtime.console_watch_flow import ConsoleWatch
from realtime.credential_watch_flow import CredentialWatch
from realtime.fanout import Fanout
from realtime.ports import Poke, PokeTopic
from realtime.topic_room_flow import TopicRoom
from tests.doubles.socket_ports import (
    SITE,
    TECHNICIAN,
    MemoryAccess,
    MemoryLastKnown,
    MemoryTopic,
    device_caller,
    dispatcher_caller,
    fix_at,
)

pytestmark = pytest.mark.anyio


class Mirror:
    """A console that keeps what it is told, as a page does."""

    def __init__(self) -> None:
        self.rooms: dict[str, TopicRoom] = {}
        self.shown: dict[str, dict[str, dict]] = {}
        self.deltas = 0
        self.behind: list[int | None] = []

    def on_reset(self, topic):
        room = self.rooms.get(topic)
        if room is not None:
            self.shown[topic] = {key: json.loads(bytes(raw)) for key, raw in room.items.items.items()}

    def on_behind(self, topic):
        self.behind.append(self.rooms[topic].behind_since_ms)

    def on_change(self, topic, change):
        self.deltas += 1
        shown = self.shown.setdefault(topic, {})
        shown.update({key: json.loads(bytes(raw)) for key, raw in change.put.items()})
        for key in change.drop:
            del shown[key]


class House:
    def __init__(self, clock) -> None:
        self.clock = clock
        self.incidents = MemoryTopic()
        self.last_known = MemoryLastKnown()
        self.fanout = Fanout()
        self.watch = ConsoleWatch({"incidents": self.incidents}, self.last_known, self.fanout, clock)
        self.fanout.watch_pokes(self.watch)

    async def join(self, topic: str, mirror: Mirror | None = None) -> Mirror:
        mirror = mirror or Mirror()
        mirror.rooms[topic] = await self.watch.join(SITE, topic, mirror)
        mirror.on_reset(topic)
        return mirror


@pytest.fixture
def house(clock):
    return House(clock)


async def test_a_topic_begins_with_all_its_items(house):
    house.incidents.put("i1", state="raised")

    mirror = await house.join("incidents")

    assert mirror.shown["incidents"] == {"i1": {"id": "i1", "state": "raised"}}


@pytest.mark.parametrize("can_tell", [True, False])
async def test_changes_reach_the_console_with_the_next_tick(house, can_tell):
    house.incidents.can_tell = can_tell
    house.incidents.put("i1")
    mirror = await house.join("incidents")
    house.incidents.put("i2", state="raised")
    house.incidents.put("i2", state="claimed")
    house.incidents.drop("i1")

    await house.watch.tick()
    await house.watch.tick()

    assert mirror.shown["incidents"] == {"i2": {"id": "i2", "state": "claimed"}}
    assert mirror.deltas == 1


async def test_a_poke_does_not_wait_for_the_tick(house):
    mirror = await house.join("incidents")
    house.incidents.put("i1")

    house.fanout.poke_here(SITE, Poke(PokeTopic.INCIDENTS, "i1"))
    await house.watch.refresh_poked()

    assert "i1" in mirror.shown["incidents"]


async def test_consoles_hear_that_a_topic_cannot_be_read_and_since_when_and_that_it_can_again(house):
    mirror = await house.join("incidents")
    await house.watch.tick()
    read_ms = house.clock.now_ms()
    house.incidents.is_away = True
    for _ in range(4):
        house.clock.move(1)
        await house.watch.tick()
    assert mirror.behind == []
    for _ in range(3):
        house.clock.move(1)
        await house.watch.tick()
    assert mirror.behind == [read_ms]
    house.incidents.is_away = False
    await house.watch.tick()
    assert mirror.behind == [read_ms, None]


async def test_a_topic_that_is_away_comes_back_by_itself(house):
    house.incidents.put("i1")
    house.incidents.is_away = True
    mirror = await house.join("incidents")
    assert not mirror.rooms["incidents"].is_loaded
    await house.watch.tick()
    house.incidents.is_away = False

    await house.watch.tick()

    assert "i1" in mirror.shown["incidents"]


async def test_positions_are_told_once_a_tick_and_only_the_newest(house):
    house.last_known.fixes[TECHNICIAN] = fix_at(1_000)
    mirror = await house.join("positions")
    for at_ms in (2_000, 4_000, 3_000):
        house.fanout.feed([fix_at(at_ms)])
    assert mirror.deltas == 0

    await house.watch.tick()

    assert (mirror.deltas, mirror.shown["positions"][TECHNICIAN]["at_ms"]) == (1, 4_000)


async def test_a_position_of_another_site_is_not_told(house):
    mirror = await house.join("positions")
    house.fanout.learn_site("tech-9", "site-9")

    house.fanout.feed([fix_at(1_000, technician="tech-9")])
    await house.watch.tick()

    assert mirror.shown["positions"] == {}


async def test_the_first_fix_of_a_connected_technician_is_told(house):
    mirror = await house.join("positions")
    house.fanout.learn_site(TECHNICIAN, SITE)

    house.fanout.feed([fix_at(1_000)])
    await house.watch.tick()

    assert mirror.shown["positions"][TECHNICIAN]["lon"] == 11.0


async def test_a_technician_of_unknown_site_is_looked_up_once(house):
    mirror = await house.join("positions")
    house.fanout.feed([fix_at(1_000), fix_at(1_000, technician="tech-9")])
    house.last_known.fixes[TECHNICIAN] = fix_at(1_000)
    await house.watch.tick()

    assert list(mirror.shown["positions"]) == [TECHNICIAN]
    house.last_known.fixes["tech-2"] = fix_at(1_000, technician="tech-2")
    house.fanout.feed([fix_at(2_000, technician="tech-9")])
    await house.watch.tick()
    assert list(mirror.shown["positions"]) == [TECHNICIAN]


async def test_a_swept_position_disappears(house):
    house.last_known.fixes[TECHNICIAN] = fix_at(1_000)
    mirror = await house.join("positions")
    house.last_known.fixes.clear()
    for _ in range(30):
        await house.watch.tick()

    assert mirror.shown["positions"] == {}


async def test_a_gap_reads_the_positions_again(house):
    house.last_known.is_away = True
    mirror = await house.join("positions")
    house.last_known.is_away = False
    house.last_known.fixes[TECHNICIAN] = fix_at(1_000)

    house.fanout.gap()
    await house.watch.refresh_poked()

    assert TECHNICIAN in mirror.shown["positions"]


async def test_a_late_console_sees_what_an_early_one_sees(house):
    early = await house.join("positions")
    house.fanout.learn_site(TECHNICIAN, SITE)
    house.fanout.feed([fix_at(1_000)])
    await house.watch.tick()

    late = await house.join("positions")
    house.fanout.feed([fix_at(2_000)])
    await house.watch.tick()

    assert late.shown == early.shown


async def test_leaving_closes_the_room(house):
    mirror = await house.join("positions")
    house.watch.leave(mirror.rooms["positions"], mirror)

    assert house.fanout.watched_sites() == frozenset()


async def test_one_failing_watcher_does_not_harm_the_others(house):
    class Broken:
        def on_fix(self, fix):
            raise RuntimeError("broken")

    house.fanout.learn_site(TECHNICIAN, SITE)
    house.fanout.watch_technician(SITE, TECHNICIAN, Broken())
    mirror = await house.join("positions")

    house.fanout.feed([fix_at(1_000)])
    await house.watch.tick()

    assert TECHNICIAN in mirror.shown["positions"]


async def test_revoked_credentials_end_their_sockets_once(clock):
    access = MemoryAccess()
    credentials = CredentialWatch(access, clock)
    ended: list[str] = []
    one, other = device_caller("dev-1"), dispatcher_caller()
    credentials.add(one, lambda: ended.append("a"))
    credentials.add(one, lambda: ended.append("b"))
    credentials.add(other, lambda: ended.append("c"))
    access.over.add("dev-1")

    assert await credentials.run_once() == 1
    assert await credentials.run_once() == 0
    assert ended == ["a", "b"]
    assert len(credentials) == 1


async def test_a_closed_socket_is_not_asked_about_again(clock):
    credentials = CredentialWatch(MemoryAccess(), clock)

    def end() -> None:
        raise AssertionError("it was removed")

    credentials.add(device_caller(), end)
    credentials.remove(device_caller(), end)
    credentials.remove(device_caller(), end)

    assert len(credentials) == 0
