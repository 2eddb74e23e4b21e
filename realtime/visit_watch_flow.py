"""Who watches which visit, and what are they shown? The story of the customer's view, for all watched visits of this worker.

Called by `ws_visit` (join, leave), by `fanout` (fixes, pokes) and by the supervisor (`run`). On joining: read the visit from SQL,
subscribe to the technician's fixes, only then read the last known one; so nothing falls between. Every visit is read again every 5 s,
and at once on a
poke; while reading fails, `customer_view` lets no position leave as soon as the knowledge is 10 s old.
"""

import asyncio
from collections.abc import Collection, Iterable
from typing import Protocol

import structlog

from core.clock import Clock
from core.errors import NotFound, Unavailable
from core.ids import SiteId, VisitId
from core.right_of_way import RightOfWay
from realtime.fanout import Fanout
from realtime.ports import Arrivals, LastKnown, Poke, PokeTopic, VisitState, VisitWindow, Watched
from realtime.visit_shown import feature_of, shown_position, subject_of
from realtime.wake import Wake
from realtime.watching import NewestFix
from realtime.wire_values import Arrival, PositionFeature, VisitFace
from tracking.customer_view import UNVERIFIED_MAX_MS, Hidden
from tracking.fix import Fix
from visits.stage import Stage

log = structlog.get_logger(__name__)

SWEEP_S = 5.0
"""Half of what `customer_view` tolerates, so that one failed reading hides nothing yet."""
CHUNK = 50
"""Visits read in one query, and looked at in one turn of the event loop: some three milliseconds, by estimate."""
GIVES_WAY_S = 1.0
"""So long each of the two rounds of a sweep waits for what is urgent: a position leaves only for ten seconds after its visit was read."""


_UNVERIFIED = Hidden.UNVERIFIED


class VisitWatcher(Protocol):
    """One socket that watches a visit. All synchronous."""

    def on_snapshot(self) -> None:
        """Everything may have changed: send the room's whole state."""
        ...

    def on_face(self, face: VisitFace) -> None:
        """The words changed."""
        ...

    def on_position(self, feature: PositionFeature | None, arrival: Arrival | None) -> None:
        """The position or the arrival changed; only the newest matters."""
        ...

    def on_ended(self) -> None:
        """There is nothing to watch any more under this link."""
        ...


class VisitRoom:
    """One watched visit: its state as last read, the newest fix, what is shown, and who watches. Meets `fanout.FixWatcher`."""

    __slots__ = ("_clock", "_gap_s", "_shown", "arrival", "newest", "state", "subject", "watched", "watchers")

    def __init__(self, watched: Watched, clock: Clock, state: VisitState) -> None:
        self.watched = watched
        self.state = state
        self.subject = subject_of(state, clock.now_ms())
        self.arrival: Arrival | None = None
        self.watchers: tuple[VisitWatcher, ...] = ()
        self.newest = NewestFix()
        self._shown: Fix | None = None
        """The fix whose position the watchers have; what was made of it has left every cache by the time of the next one."""
        self._gap_s: float | None = None
        self._clock = clock

    def on_fix(self, fix: Fix) -> None:
        """Take a live fix of the technician: show it if it is newer and may be shown."""
        before = self.newest.fix
        if self.newest.offer(fix):
            self.show(None if before is None else (fix.at_ms - before.at_ms) / 1000)

    def verify(self, state: VisitState) -> None:
        """Take the visit as it was read a moment ago; watchers hear what changed."""
        before, self.state = self.state, state
        self.subject = subject_of(state, self._clock.now_ms())
        if state.face != before.face:
            for watcher in self.watchers:
                watcher.on_face(state.face)
        self.show(None)

    def show(self, gap_s: float | None) -> None:
        """Compute what may be shown now; tell the watchers if it changed."""
        fix = self.newest.fix
        shown = shown_position(self.state, self.subject, self._clock.now_ms(), fix, gap_s)
        if shown.hidden is _UNVERIFIED:
            return
        before, self._shown = self._shown, None if shown.feature is None else fix
        if self._shown is not before:
            self._gap_s = gap_s
            self._tell(shown.feature)

    def presentable(self) -> PositionFeature | None:
        """Return the position as far as it may leave at this moment, for a snapshot: none while the visit has not been read for 10 s."""
        is_verified = self._clock.now_ms() - self.subject.verified_at_ms <= UNVERIFIED_MAX_MS
        return self._feature() if is_verified else None

    def expect(self, arrival: Arrival | None) -> None:
        """Take a new arrival window; watchers hear it when it differs by more than its time of making."""
        before, self.arrival = self.arrival, arrival
        if _window_of(before) != _window_of(arrival):
            self._tell(self._feature())

    def _feature(self) -> PositionFeature | None:
        return None if self._shown is None else feature_of(self._shown, self._gap_s)

    def _tell(self, feature: PositionFeature | None) -> None:
        for watcher in self.watchers:
            watcher.on_position(feature, self.arrival)


class VisitWatch:
    """All watched visits of this worker."""

    def __init__(
        self, window: VisitWindow, last_known: LastKnown, arrivals: Arrivals, fanout: Fanout, clock: Clock, way: RightOfWay | None = None
    ) -> None:
        self._window = window
        self._last_known = last_known
        self._arrivals = arrivals
        self._fanout = fanout
        self._clock = clock
        self._way = way or RightOfWay()
        self._wake = Wake(clock)
        self._rooms: dict[Watched, VisitRoom] = {}
        self._dirty: set[VisitId] = set()
        self._all_dirty = False

    def __len__(self) -> int:
        """Return how many visits are watched."""
        return len(self._rooms)

    async def join(self, watched: Watched, watcher: VisitWatcher) -> VisitRoom:
        """Show `watched` to `watcher` from now on, beginning with a snapshot. Raises `NotFound` where there is nothing to watch."""
        state = (await self._window.states([watched])).get(watched)
        if state is None:
            raise NotFound
        room = self._rooms.get(watched)
        if room is None:
            room = self._rooms[watched] = VisitRoom(watched, self._clock, state)
            self._subscribe(room)
            is_new = True
        else:
            self._verify(room, state)
            is_new = False
        room.watchers = (*room.watchers, watcher)
        try:
            if is_new:
                await self._fanout.settled()
                await self._learn_last_known([room])
            await self._expect(room)
        except BaseException:
            self.leave(room, watcher)
            raise
        room.show(None)
        watcher.on_snapshot()
        return room

    def leave(self, room: VisitRoom, watcher: VisitWatcher) -> None:
        """Stop showing; the last one to leave closes the room. Leaving twice changes nothing."""
        room.watchers = tuple(one for one in room.watchers if one is not watcher)
        if not room.watchers and self._rooms.get(room.watched) is room:
            del self._rooms[room.watched]
            self._unsubscribe(room)

    def on_poke(self, _site_id: SiteId, poke: Poke) -> None:
        """See `fanout.PokeWatcher`: a visit or its links changed."""
        if poke.topic in (PokeTopic.VISITS, PokeTopic.LINKS):
            self._dirty.add(VisitId(poke.id))
            self._wake.now()

    def on_gap(self) -> None:
        """See `fanout.PokeWatcher`: something may have been missed, also fixes."""
        self._all_dirty = True
        self._wake.now()

    async def run(self) -> None:
        """Read again what was poked at once, and everything every 5 s, until cancelled."""
        sweep_at_s = self._clock.monotonic() + SWEEP_S
        while True:
            await self._wake.sleep(sweep_at_s - self._clock.monotonic())
            try:
                if self._clock.monotonic() >= sweep_at_s:
                    sweep_at_s = self._clock.monotonic() + SWEEP_S
                    await self.sweep()
                else:
                    await self.refresh_poked()
            except Exception:
                log.exception("visit_watch_failed")

    async def refresh_poked(self) -> None:
        """Read again the visits that pokes named; after a gap all of them, with their last known fixes and a fresh snapshot."""
        dirty, self._dirty = self._dirty, set()
        after_gap, self._all_dirty = self._all_dirty, False
        rooms = list(self._rooms.values())
        await self._reread(rooms if after_gap else [room for room in rooms if room.watched.visit_id in dirty])
        if after_gap:
            await self._learn_last_known(rooms)
            for room in rooms:
                for watcher in room.watchers:
                    watcher.on_snapshot()

    async def sweep(self) -> None:
        """Read all watched visits again and bring their arrival windows up to date."""
        await self._reread(list(self._rooms.values()))
        async for some in self._way.slices(list(self._rooms.values()), CHUNK, self._clock, GIVES_WAY_S):
            await asyncio.gather(*(self._expect(room) for room in some))

    async def _reread(self, rooms: Collection[VisitRoom]) -> None:
        async for keys in self._way.slices([room.watched for room in rooms], CHUNK, self._clock, GIVES_WAY_S):
            states = await self._window.states(keys)
            for key in keys:
                if (room := self._rooms.get(key)) is not None:
                    self._take_state(room, states.get(key))

    def _take_state(self, room: VisitRoom, state: VisitState | None) -> None:
        if state is not None:
            self._verify(room, state)
            return
        for watcher in room.watchers:
            watcher.on_ended()

    def _verify(self, room: VisitRoom, state: VisitState) -> None:
        before = room.state
        if (before.technician_id, before.site_id) == (state.technician_id, state.site_id):
            room.verify(state)
            return
        self._unsubscribe(room)
        room.newest = NewestFix()
        room.verify(state)
        self._subscribe(room)

    def _subscribe(self, room: VisitRoom) -> None:
        if room.state.technician_id is not None:
            self._fanout.watch_technician(room.state.site_id, room.state.technician_id, room)

    def _unsubscribe(self, room: VisitRoom) -> None:
        if room.state.technician_id is not None:
            self._fanout.unwatch_technician(room.state.site_id, room.state.technician_id, room)

    async def _learn_last_known(self, rooms: Iterable[VisitRoom]) -> None:
        by_site: dict[SiteId, list[VisitRoom]] = {}
        for room in rooms:
            by_site.setdefault(room.state.site_id, []).append(room)
        for site_id, inside in by_site.items():
            technicians = [room.state.technician_id for room in inside if room.state.technician_id is not None]
            try:
                known = await self._last_known.last_known(site_id, technicians) if technicians else {}
            except Unavailable:
                # The words still help; the next live fix brings the dot.
                continue
            for room in inside:
                if room.state.technician_id is not None and (fix := known.get(room.state.technician_id)) is not None:
                    room.on_fix(fix)

    async def _expect(self, room: VisitRoom) -> None:
        fix, place = room.newest.fix, room.state.place
        if room.state.stage is not Stage.DEPARTED or fix is None or place is None or fix.at_ms < (room.state.departed_at_ms or 0):
            room.expect(None)
            return
        try:
            room.expect(await self._arrivals.window(fix.place, place, fix.at_ms))
        except Unavailable:
            return


def _window_of(arrival: Arrival | None) -> tuple[int, int] | None:
    return None if arrival is None else (arrival.earliest_ms, arrival.latest_ms)
