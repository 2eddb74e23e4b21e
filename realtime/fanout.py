"""Who is told of a live fix, or that something changed? This worker's own distribution, filled by its own writer and by Redis.

`Fanout.feed` meets tracking's `LiveFeed`: watchers on the same worker are fed at once, not by way of Redis. Fixes of other workers come in
by `redis_fanout` through the same door. Watchers order what they get, so copies are harmless.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import structlog

from core.ids import SiteId, TechnicianId
from realtime.ports import Poke
from realtime.rooms import Rooms
from tracking.fix import Fix

log = structlog.get_logger(__name__)


class FixWatcher(Protocol):
    """Wants the live fixes of a technician or a site."""

    def on_fix(self, fix: Fix) -> None:
        """Take a fix that may be older than, or equal to, one taken before. Must not wait."""
        ...


class PokeWatcher(Protocol):
    """Wants to know what changed in a site."""

    def on_poke(self, site_id: SiteId, poke: Poke) -> None:
        """Something changed: look soon. Must not wait."""
        ...

    def on_gap(self) -> None:
        """Pokes and fixes may have been missed: look at everything soon. Must not wait."""
        ...


class Fanout:
    """Rooms of one worker: technicians watched (by visits), sites watched (by consoles), and everybody who listens to pokes."""

    def __init__(self) -> None:
        self._technicians: Rooms[tuple[SiteId, TechnicianId], FixWatcher] = Rooms()
        self._by_technician: Rooms[TechnicianId, FixWatcher] = Rooms()
        self._sites: Rooms[SiteId, FixWatcher] = Rooms()
        self._site_of: dict[TechnicianId, SiteId] = {}
        self._homeless: set[TechnicianId] = set()
        self._poke_watchers: list[PokeWatcher] = []
        self._by_topic: dict[str, list[Callable[[str], None]]] = {}
        self._interest: Callable[[], None] = lambda: None
        self._settled: Callable[[], Awaitable[None]] | None = None

    def connect(self, on_interest: Callable[[], None], settled: Callable[[], Awaitable[None]]) -> None:
        """Join Redis to this: `on_interest` hears when what is watched changes, `settled` waits until all of it is subscribed to."""
        self._interest, self._settled = on_interest, settled

    async def settled(self) -> None:
        """Wait until fixes of everything watched reach this worker (at most a second); read snapshots only after it."""
        if self._settled is not None:
            await self._settled()

    def learn_site(self, technician_id: TechnicianId, site_id: SiteId) -> None:
        """Note whose site a technician's fixes belong to: a fix itself does not say."""
        self._site_of[technician_id] = site_id
        self._homeless.discard(technician_id)

    def homeless(self) -> frozenset[TechnicianId]:
        """Return technicians whose fixes came while a site was watched, without anybody having said which site is theirs."""
        return frozenset(self._homeless)

    def watch_technician(self, site_id: SiteId, technician_id: TechnicianId, watcher: FixWatcher) -> None:
        """Send `watcher` the live fixes of a technician from now on."""
        self._by_technician.join(technician_id, watcher)
        if self._technicians.join((site_id, technician_id), watcher):
            self._interest()

    def unwatch_technician(self, site_id: SiteId, technician_id: TechnicianId, watcher: FixWatcher) -> None:
        """Stop that; stopping twice changes nothing."""
        self._by_technician.leave(technician_id, watcher)
        if self._technicians.leave((site_id, technician_id), watcher):
            self._interest()

    def watch_site(self, site_id: SiteId, watcher: FixWatcher) -> None:
        """Send `watcher` the live fixes of all technicians of a site from now on."""
        if self._sites.join(site_id, watcher):
            self._interest()

    def unwatch_site(self, site_id: SiteId, watcher: FixWatcher) -> None:
        """Stop that."""
        if self._sites.leave(site_id, watcher):
            self._interest()

    def watch_pokes(self, watcher: PokeWatcher) -> None:
        """Send `watcher` every poke of every site; for the life of the worker."""
        self._poke_watchers.append(watcher)

    def on_topic(self, topic: str, act: Callable[[str], None]) -> None:
        """Call `act` with the id of every poke about `topic`; for the life of the worker."""
        self._by_topic.setdefault(topic, []).append(act)

    def watched_sites(self) -> frozenset[SiteId]:
        """Return the sites whose every fix is wanted."""
        return frozenset(self._sites.keys())

    def watched_technicians(self) -> frozenset[tuple[SiteId, TechnicianId]]:
        """Return the technicians whose fixes are wanted, with their sites."""
        return frozenset(self._technicians.keys())

    def feed(self, fixes: Sequence[Fix]) -> None:
        """Meet `tracking.ports.LiveFeed`: hand on this worker's own live fixes. Never raises."""
        self._hand_on(fixes)

    def feed_from(self, site_id: SiteId, fixes: Sequence[Fix]) -> None:
        """Hand on live fixes of another worker, whose site is known by the channel."""
        for fix in fixes:
            self.learn_site(fix.technician_id, site_id)
        self._hand_on(fixes)

    def poke_here(self, site_id: SiteId, poke: Poke) -> None:
        """Hand a poke to this worker's watchers."""
        for watcher in self._poke_watchers:
            _safely(watcher.on_poke, site_id, poke)
        for act in self._by_topic.get(poke.topic, ()):
            _safely(act, poke.id)

    def gap(self) -> None:
        """Tell everybody that something may have been missed."""
        for watcher in self._poke_watchers:
            _safely(watcher.on_gap)

    def _hand_on(self, fixes: Sequence[Fix]) -> None:
        is_any_site_watched = len(self._sites) > 0
        for fix in fixes:
            for watcher in self._by_technician.watchers(fix.technician_id):
                try:
                    watcher.on_fix(fix)
                except Exception:
                    log.exception("watcher_failed")
            if is_any_site_watched:
                self._hand_to_site(fix)

    def _hand_to_site(self, fix: Fix) -> None:
        site_id = self._site_of.get(fix.technician_id)
        if site_id is None:
            self._homeless.add(fix.technician_id)
            return
        for watcher in self._sites.watchers(site_id):
            _safely(watcher.on_fix, fix)


def _safely(act: Callable[..., None], *args: object) -> None:
    """One watcher's failure is its own: neither the writer of fixes nor other watchers may notice."""
    try:
        act(*args)
    except Exception:
        log.exception("watcher_failed")
