"""What stands behind the sockets, in memory: credentials, fences, an intake with a ledger, visits, last known fixes, topics."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from core.caller import Caller, CallerKind, Role
from core.clock import Clock
from core.errors import Busy, NotSignedIn, Unavailable
from core.geo import LatLon
from core.ids import DeviceId, LinkId, SiteId, TechnicianId, VisitId
from realtime.fanout import Fanout
from realtime.ports import Poke, TopicChanges, TopicItems, VisitState, Watched
from realtime.wire_values import Arrival, VisitFace
from tracking.fix import Fix, Outcome, OutcomeError, RawFix, Reason, Sender
from visits.stage import Stage

SITE = SiteId("site-1")
TECHNICIAN = TechnicianId("tech-1")
VISIT = VisitId("visit-1")
LINK = LinkId("link-1")


def device_caller(device: str = "dev-1", technician: str = TECHNICIAN) -> Caller:
    return Caller(
        kind=CallerKind.DEVICE, id=device, sites=frozenset({SITE}), technician_id=TechnicianId(technician), device_id=DeviceId(device)
    )


def link_caller(visit: str = VISIT, link: str = LINK) -> Caller:
    return Caller(kind=CallerKind.LINK, id=link, sites=frozenset({SITE}), visit_id=VisitId(visit), link_id=LinkId(link))


def dispatcher_caller(*sites: str, user: str = "desk-1") -> Caller:
    reached = frozenset(SiteId(site) for site in sites) or frozenset({SITE})
    return Caller(kind=CallerKind.DISPATCHER, id=user, sites=reached, roles=frozenset({Role.DISPATCHER}))


class MemoryAccess:
    """Meets `realtime.ports.Access`."""

    def __init__(self) -> None:
        self.tokens: dict[str, Caller] = {}
        self.tickets: dict[str, Caller] = {}
        self.over: set[str] = set()

    async def caller_of_token(self, token: str) -> Caller:
        caller = self.tokens.get(token)
        if caller is None or caller.id in self.over:
            raise NotSignedIn
        return caller

    async def redeem_ticket(self, ticket: str) -> Caller:
        caller = self.tickets.pop(ticket, None)
        if caller is None:
            raise NotSignedIn
        return caller

    async def ended(self, callers: Sequence[Caller]) -> Sequence[Caller]:
        return [caller for caller in callers if caller.id in self.over]


class MemoryFence:
    """Meets `realtime.ports.Fence`."""

    def __init__(self) -> None:
        self.is_away = False
        self._taken: dict[str, int] = {}

    async def take_fence(self, site_id: SiteId, technician_id: TechnicianId, device_id: DeviceId) -> int:
        if self.is_away:
            raise Unavailable
        self._taken[device_id] = self._taken.get(device_id, 0) + 1
        return self._taken[device_id]

    def in_force(self, device_id: str) -> int:
        return self._taken.get(device_id, 0)


class MemoryIntake:
    """Meets `realtime.ports.Intake`: keeps every fix once by its identity, answers with the next tick, feeds the watchers.

    `is_full` refuses offers; `is_held` keeps answers back until `release`; `off_shift` holds seqs that are refused.
    """

    def __init__(self, fence: MemoryFence, fanout: Fanout, clock: Clock) -> None:
        self.ledger: dict[tuple[str, int, int], Fix] = {}
        self.times: dict[tuple[str, int, int], int] = {}
        self.senders: list[Sender] = []
        self.clocks: list[tuple[str, int]] = []
        self.off_shift: set[int] = set()
        self.unreadable = 0
        self.unread = 0
        self.is_full = False
        self.is_held = False
        self._held: list[Callable[[], None]] = []
        self._fence = fence
        self._fanout = fanout
        self._clock = clock

    def offer(
        self,
        sender: Sender,
        fixes: Sequence[RawFix],
        *,
        batch_id: str | None,
        on_done: Callable[[Outcome], None],
        sent_at_ms: int | None = None,
    ) -> None:
        if self.is_full:
            raise Busy
        self.senders.append(sender)

        def answer() -> None:
            on_done(self._store(sender, fixes))

        if self.is_held:
            self._held.append(answer)
        else:
            asyncio.get_running_loop().call_soon(answer)

    def note_clock(self, device_id: DeviceId, sent_at_ms: int) -> None:
        self.clocks.append((device_id, sent_at_ms))

    def note_unreadable(self, fixes: int) -> None:
        self.unreadable += fixes

    def note_unread(self) -> None:
        self.unread += 1

    def release(self) -> None:
        self.is_held = False
        held, self._held = self._held, []
        for answer in held:
            answer()

    def _store(self, sender: Sender, fixes: Sequence[RawFix]) -> Outcome:
        if 0 < sender.session_no < self._fence.in_force(sender.device_id):
            return Outcome([], [], OutcomeError.SUPERSEDED)
        stored, refused, live = [], [], []
        for raw in fixes:
            key = (sender.device_id, sender.device_epoch, raw.seq)
            if raw.seq in self.off_shift:
                refused.append((raw.seq, Reason.OFF_SHIFT))
                continue
            self.times[key] = self.times.get(key, 0) + 1
            if key not in self.ledger:
                self.ledger[key] = fix_of(sender, raw, self._clock.now_ms())
                live.append(self.ledger[key])
            stored.append(raw.seq)
        self._fanout.feed(live)
        return Outcome(stored, refused)


def fix_of(sender: Sender, raw: RawFix, now_ms: int) -> Fix:
    who = (sender.device_id, sender.device_epoch, raw.seq, sender.technician_id)
    return Fix(*who, raw.at_ms, raw.at_ms, now_ms, raw.lat, raw.lon, raw.accuracy_m, raw.speed_mps, raw.heading_deg)


def fix_at(at_ms: int, lat: float = 48.0, lon: float = 11.0, seq: int = 1, technician: str = TECHNICIAN, device: str = "dev-1") -> Fix:
    return Fix(DeviceId(device), 1, seq, TechnicianId(technician), at_ms, at_ms, at_ms, lat, lon, 5.0, 8.0, 90.0)


class MemoryVisits:
    """Meets `realtime.ports.VisitWindow`. `reads` counts queries; `is_away` makes them fail."""

    def __init__(self) -> None:
        self.states_by_key: dict[Watched, VisitState] = {}
        self.is_away = False
        self.reads = 0

    async def states(self, watched: Sequence[Watched]) -> Mapping[Watched, VisitState]:
        self.reads += 1
        if self.is_away:
            raise Unavailable
        return {key: self.states_by_key[key] for key in watched if key in self.states_by_key}

    def put(self, stage: Stage, **more: Any) -> Watched:
        """Put the visit `VISIT` under the link `LINK`."""
        key = more.pop("key", Watched(VISIT, LINK))
        fields: dict[str, Any] = {"technician_id": TECHNICIAN, "place": LatLon(48.1, 11.1), "departed_at_ms": 0}
        fields |= more
        face = fields.pop("face", VisitFace(stage=stage.value))
        self.states_by_key[key] = VisitState(visit_id=key.visit_id, site_id=SITE, stage=stage, face=face, **fields)
        return key


class MemoryLastKnown:
    """Meets `realtime.ports.LastKnown`."""

    def __init__(self) -> None:
        self.fixes: dict[TechnicianId, Fix] = {}
        self.is_away = False

    async def last_known(self, site_id: SiteId, technician_ids: Sequence[TechnicianId]) -> Mapping[TechnicianId, Fix]:
        known = await self.all_known(site_id)
        return {who: known[who] for who in technician_ids if who in known}

    async def all_known(self, site_id: SiteId) -> Mapping[TechnicianId, Fix]:
        if self.is_away:
            raise Unavailable
        return dict(self.fixes)


class MemoryPhones:
    """Meets `realtime.ports.HeardPhones`. `noted` keeps every call."""

    def __init__(self) -> None:
        self.noted: list[Mapping[TechnicianId, int]] = []
        self.is_away = False
        self._by_site: dict[SiteId, dict[TechnicianId, int]] = {}

    async def heard(self, site_id: SiteId) -> Mapping[TechnicianId, int]:
        if self.is_away:
            raise Unavailable
        return dict(self._by_site.get(site_id, {}))

    async def note(self, site_id: SiteId, heard: Mapping[TechnicianId, int]) -> None:
        if self.is_away:
            raise Unavailable
        self.noted.append(heard)
        known = self._by_site.setdefault(site_id, {})
        known.update({who: max(at_ms, known.get(who, 0)) for who, at_ms in heard.items()})


class FixedArrivals:
    """Meets `realtime.ports.Arrivals`: ten minutes, whoever asks."""

    async def window(self, at: LatLon, place: LatLon, now_ms: int) -> Arrival | None:
        return Arrival(earliest_ms=now_ms + 600_000, latest_ms=now_ms + 840_000, as_of_ms=now_ms, distance_m=5_000.0)


class MemoryTopic:
    """Meets `realtime.ports.TopicSource`: a log of changes. `can_tell` False: only snapshots; `is_away`: it fails."""

    def __init__(self) -> None:
        self.items: dict[str, dict[str, Any]] = {}
        self.can_tell = True
        self.is_away = False
        self._log: list[str] = []

    def put(self, item_id: str, **fields: Any) -> None:
        self.items[item_id] = {"id": item_id, **fields}
        self._log.append(item_id)

    def drop(self, item_id: str) -> None:
        del self.items[item_id]
        self._log.append(item_id)

    async def snapshot(self, site_id: SiteId) -> TopicItems:
        if self.is_away:
            raise Unavailable
        return TopicItems(list(self.items.values()), len(self._log))

    async def changes(self, site_id: SiteId, after: int) -> TopicChanges | None:
        if self.is_away:
            raise Unavailable
        if not self.can_tell:
            return None
        touched = set(self._log[after:])
        put = [self.items[key] for key in touched if key in self.items]
        return TopicChanges(put, [key for key in touched if key not in self.items], len(self._log))


class LocalPokes:
    """Meets `realtime.ports.Pokes` for one worker."""

    def __init__(self, fanout: Fanout) -> None:
        self._fanout = fanout
        self.sent: list[tuple[SiteId, Poke]] = []

    def poke(self, site_id: SiteId, topic: str, about: str) -> None:
        poke = Poke(str(topic), about)
        self.sent.append((site_id, poke))
        self._fanout.poke_here(site_id, poke)
