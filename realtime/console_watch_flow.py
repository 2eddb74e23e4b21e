"""What is on the console? Topics of sites, each a set of items in memory that follows its truth; every console gets snapshot and deltas
of it.

Called by `ws_console` (join, leave), by `fanout` (fixes, pokes) and by the supervisor (`run`). A room is one topic of one site, shared by
all consoles of this worker: its items are read and encoded once. Rooms of SQL topics ask their source for changes every second, and at once
on a
poke, so that nothing depends on Redis; positions follow the live fixes, told once a second.

A console joins and is given its snapshot in the same breath as it begins to hear deltas, so nothing falls between.
"""

import asyncio
from collections.abc import Mapping
from contextlib import nullcontext

import structlog

from core.clock import Clock
from core.ids import SiteId
from core.right_of_way import RightOfWay
from realtime.fanout import Fanout
from realtime.ports import HeardPhones, LastKnown, Poke, PokeTopic, TopicSource
from realtime.positions_room_flow import PositionsRoom
from realtime.topic_room_flow import ConsoleWatcher, SourceRoom, TopicRoom
from realtime.wake import Wake
from realtime.wire import Topic

log = structlog.get_logger(__name__)

TICK_S = 1.0
"""Positions are told and sources asked so often: a person cannot follow more, and an incident's poke is a second late at most when lost."""
REFRESH_S = 5.0


class ConsoleWatch:
    """All topics watched by consoles of this worker. `sources`: by topic name; `positions` needs none."""

    def __init__(
        self, sources: Mapping[str, TopicSource], last_known: LastKnown, fanout: Fanout, clock: Clock, phones: HeardPhones | None = None,
        *, way: RightOfWay | None = None,
    ) -> None:
        self._sources = sources
        self._phones = phones
        self._last_known = last_known
        self._fanout = fanout
        self._clock = clock
        self._way = way or RightOfWay()
        self._wake = Wake(clock)
        self._rooms: dict[tuple[SiteId, str], TopicRoom] = {}
        self._poked: set[tuple[SiteId, str]] = set()
        self._gap = False

    def topics(self) -> frozenset[str]:
        """Return the topics that can be watched here."""
        return frozenset(self._sources) | {str(Topic.POSITIONS)}

    async def join(self, site_id: SiteId, topic: str, watcher: ConsoleWatcher) -> TopicRoom:
        """Show a topic of a site from now on, beginning with a snapshot as soon as there is one. Raises `KeyError` for an unknown topic."""
        room = self._rooms.get((site_id, topic))
        if room is not None:
            room.watchers = (*room.watchers, watcher)
            watcher.on_reset(topic)
            return room
        room = self._rooms[(site_id, topic)] = self._room(site_id, topic)
        room.watchers = (watcher,)
        try:
            await room.open()
        except BaseException:
            self.leave(room, watcher)
            raise
        return room

    def leave(self, room: TopicRoom, watcher: ConsoleWatcher) -> None:
        """Stop showing; the last one to leave closes the room. Leaving twice changes nothing."""
        room.watchers = tuple(one for one in room.watchers if one is not watcher)
        if not room.watchers and self._rooms.get((room.site_id, room.topic)) is room:
            del self._rooms[(room.site_id, room.topic)]
            room.close()

    def on_poke(self, site_id: SiteId, poke: Poke) -> None:
        """See `fanout.PokeWatcher`: a topic's poke makes its room look at once."""
        if (site_id, poke.topic) in self._rooms:
            self._poked.add((site_id, poke.topic))
            self._wake.now()

    def on_gap(self) -> None:
        """See `fanout.PokeWatcher`: positions may be missing; other topics look every second anyway."""
        self._gap = True
        self._wake.now()

    async def run(self) -> None:
        """Follow every truth until cancelled."""
        tick_at_s = self._clock.monotonic() + TICK_S
        while True:
            await self._wake.sleep(tick_at_s - self._clock.monotonic())
            if self._clock.monotonic() >= tick_at_s:
                tick_at_s = self._clock.monotonic() + TICK_S
                await self.tick()
            else:
                await self.refresh_poked()

    async def tick(self) -> None:
        """One second has passed: refresh every room."""
        self._poked.clear()
        await asyncio.gather(*(self._refresh(room) for room in list(self._rooms.values())))

    async def refresh_poked(self) -> None:
        """Refresh the rooms that pokes named; after a gap read all positions again."""
        poked, self._poked = self._poked, set()
        after_gap, self._gap = self._gap, False
        for room in list(self._rooms.values()):
            if after_gap and isinstance(room, PositionsRoom):
                await room.reread()
            if (room.site_id, room.topic) in poked:
                with self._way.taken() if room.topic == PokeTopic.INCIDENTS else nullcontext():
                    await self._refresh(room)

    async def _refresh(self, room: TopicRoom) -> None:
        began_ms, was_read = self._clock.now_ms(), False
        try:
            async with asyncio.timeout(REFRESH_S):
                was_read = await room.refresh()
        except Exception:
            log.exception("topic_failed", topic=room.topic)
        room.judge(began_ms, self._clock.now_ms(), was_read=was_read)

    def _room(self, site_id: SiteId, topic: str) -> TopicRoom:
        if topic == Topic.POSITIONS:
            return PositionsRoom(site_id, self._last_known, self._fanout, self._phones)
        return SourceRoom(site_id, topic, self._sources[topic])
