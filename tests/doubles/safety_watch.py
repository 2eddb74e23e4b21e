"""A visit that is watched, as plain values: its stage, her fixes and what her phone declared; questions are only written down."""

from datetime import timedelta

import msgspec

from core.geo import LatLon
from core.sql_timers import SqlTimers
from safety.detectors.detection import UsedFix
from safety.ladder import DEFAULT
from safety.signal_flow import SignalFlow
from safety.silence_flow import SILENCE_TIMER, SilenceFlow
from safety.site_rules import SiteRules
from safety.sql_check_ins import SqlCheckIns
from safety.sql_detections import SqlDetections
from safety.sql_underway import SqlCapabilities
from safety.watch_flow import WATCH_TIMER, WatchFlow
from safety.watch_ports import Underway, WatchedVisit
from visits.events import StageChanged
from visits.stage import Act, Stage

DOOR = LatLon(48.1372, 11.5755)
SITE, SHE, VISIT, PHONE = "s1", "t1", "v1", "p1"


class OneVisit:
    """Meets `WatchedVisits`, `VisitsUnderway` and `People` with one visit."""

    def __init__(self, now):
        self.visit = WatchedVisit(
            visit_id=VISIT, site_id=SITE, technician_id=SHE, stage=Stage.ASSIGNED, since=now, planned_min=60, zone="UTC", place=DOOR
        )

    async def get(self, tx, visit_id):
        return self.visit if visit_id == VISIT else None

    async def visit_now(self, tx, technician_id):
        return None if self.visit.stage in (Stage.ASSIGNED, Stage.LEFT) else VISIT

    async def of_site(self, tx, site_id):
        seen = self.visit
        if seen.stage in (Stage.ASSIGNED, Stage.LEFT):
            return []
        return [Underway(visit_id=VISIT, site_id=SITE, technician_id=SHE, stage=seen.stage, began_at=seen.since)]


class HerFixes:
    """Meets `NewestFixes`; `is_away` is a store that does not answer."""

    def __init__(self):
        self.fix = None
        self.is_away = False

    def at(self, place, at_ms):
        self.fix = UsedFix(device_id=PHONE, seq=1, at_ms=at_ms, lat=place.lat, lon=place.lon, accuracy_m=8.0)

    async def of_site(self, site_id):
        return None if self.is_away else {} if self.fix is None else {SHE: self.fix}

    async def of(self, site_id, technician_id):
        return None if self.is_away else self.fix


class FixedRules:
    """Meets `RuleBook` with one set of rules."""

    def __init__(self):
        self.rules = SiteRules()

    async def of(self, tx, site_id):
        return self.rules

    async def ladder(self, tx, site_id):
        return DEFAULT

    def set(self, **changes):
        self.rules = msgspec.structs.replace(self.rules, **changes)


class SpyPrompts:
    """Meets `Prompts`."""

    def __init__(self):
        self.asked = []

    async def ask(self, tx, visit, watch, *, is_reminder):
        self.asked.append((watch.value, "reminder" if is_reminder else "question"))


class WatchHouse:
    """The watches on one database, over the flows of `safety_on`."""

    def __init__(self, work, clock, ids, hub):
        self.work, self.clock, self.hub = work, clock, hub
        self.visits, self.fixes, self.rules, self.prompts = OneVisit(clock.now()), HerFixes(), FixedRules(), SpyPrompts()
        self.detections, self.capabilities, timers = SqlDetections(), SqlCapabilities(), SqlTimers(work)
        self.watch = WatchFlow(
            work, self.visits, SqlCheckIns(), self.prompts, hub.sos, timers, clock, self.rules, self.detections, self.fixes,
            self.capabilities, ids,
        )
        self.signals = SignalFlow(work, hub.incidents, hub.incidents, hub.ladder, hub.pokes, clock)

        async def sites():
            return [SITE]

        self.silence = SilenceFlow(
            work, self.visits, self.visits, self.fixes, self.capabilities, self.detections, self.prompts, hub.sos, self.signals, timers,
            clock, ids, self.rules, sites,
        )
        hub.timers.handle(WATCH_TIMER, self.watch.on_watch_timer)
        hub.timers.handle(SILENCE_TIMER, self.silence.on_silence_timer)

    async def enter(self, stage, **changes):
        """Bring the visit to `stage` now."""
        before = self.visits.visit
        self.visits.visit = msgspec.structs.replace(before, stage=stage, since=self.clock.now(), **changes)
        await self._tell(before.stage, stage, Act.START)

    async def extend(self, minutes):
        """Lengthen the service."""
        before = self.visits.visit
        self.visits.visit = msgspec.structs.replace(before, planned_min=before.planned_min + minutes)
        await self._tell(before.stage, before.stage, Act.EXTEND)

    async def _tell(self, before, after, act):
        now = self.clock.now()
        event = StageChanged(
            visit_id=VISIT, site_id=SITE, technician_id=SHE, former_technician_id=SHE, before=before, after=after, act=act,
            actor="device:p1", happened_at=now, server_at=now, version=2,
        )  # fmt: skip
        async with self.work.begin() as tx:
            await self.watch.on_stage_changed(tx, event)

    async def pass_min(self, minutes, *, step_s=30, heard_at=None):
        """Let time pass and timers fire; with `heard_at` her phone reports that place all the while."""
        end = self.clock.now() + timedelta(minutes=minutes)
        while self.clock.now() < end:
            self.clock.move(step_s)
            if heard_at is not None:
                self.fixes.at(heard_at, self.clock.now_ms())
            await self.hub.timers.run_once()

    async def hits(self):
        """Return every detection, oldest first."""
        async with self.work.read() as tx:
            return list(reversed(await self.detections.page(tx, SITE, None, None, 200)))

    async def open(self):
        """Return the open incidents."""
        async with self.work.read() as tx:
            return await self.hub.incidents.open_at(tx, SITE)
