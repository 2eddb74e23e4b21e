"""Whose phone has fallen silent? A look at every site a few times a minute, by a timer row: one worker looks, whichever is alive.

Judged against the stage, the site's thresholds and what the phone can do (`detectors.silence`); in mode `on` she is asked, in the shadow
it is noted. The same look marks open incidents whose signal is lost, which hurries their ladder. While the hub or its live positions were
away nobody could be heard: that time is nobody's silence.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from core.clock import Clock, from_ms, to_ms
from core.ids import DeviceId, IdSource, SiteId, TechnicianId
from core.right_of_way import RightOfWay
from core.timers import Timer, Timers
from core.unit_of_work import UnitOfWork
from safety.check_in import Watch
from safety.detectors.detection import Detection, UsedFix, Watching, mode_of
from safety.detectors.silence import Capability, Level, Silence, judged, silent_since_ms
from safety.journal_ports import TapRaiser
from safety.signal_flow import SignalFlow
from safety.site_rules import SiteRules
from safety.watch_ports import Capabilities, Detections, NewestFixes, Prompts, RuleBook, Underway, VisitsUnderway, WatchedVisits
from safety.watch_tap import tap_of

SILENCE_TIMER = "safety.silence"
EVERY_S = 15
SLICE = 64
"""Visits judged in one turn of the event loop."""
GIVES_WAY_S = 1.0
"""So long a look waits for what is urgent, in all."""
BLIND_AFTER_S = 45
"""Looks further apart than this mean that nobody listened in between."""


class _Turn(msgspec.Struct, frozen=True):
    visit: Underway
    fix: UsedFix
    silent_ms: int
    lasting: Detection | None


class SilenceFlow:
    """Looks at the phones of everyone who is out."""

    def __init__(
        self, work: UnitOfWork, underway: VisitsUnderway, visits: WatchedVisits, fixes: NewestFixes, capabilities: Capabilities,
        detections: Detections, prompts: Prompts, sos: TapRaiser, signals: SignalFlow, timers: Timers, clock: Clock, ids: IdSource,
        rules: RuleBook, sites: Callable[[], Awaitable[Sequence[SiteId]]], way: RightOfWay | None = None,
    ) -> None:  # fmt: skip
        self._work = work
        self._underway = underway
        self._visits = visits
        self._fixes = fixes
        self._capabilities = capabilities
        self._detections = detections
        self._prompts = prompts
        self._sos = sos
        self._signals = signals
        self._timers = timers
        self._clock = clock
        self._ids = ids
        self._rules = rules
        self._sites = sites
        self._way = way or RightOfWay()

    async def arm(self) -> None:
        """See that every site is looked at: called now and then by every worker, moves no timer that is set."""
        for site_id in await self._sites():
            async with self._work.begin() as tx:
                await self._timers.set_once(tx, Timer(kind=SILENCE_TIMER, subject=site_id, due_at=self._clock.now()))

    async def on_silence_timer(self, timer: Timer) -> None:
        """Look at one site, and set the next look."""
        site_id, now_ms = SiteId(timer.subject), self._clock.now_ms()
        fixes = await self._fixes.of_site(site_id)
        since_ms = _listening_since(timer, now_ms, is_blind=fixes is None)
        try:
            if fixes is not None:
                await self.look(site_id, fixes, since_ms)
        finally:
            payload = {"looked_at_ms": now_ms, "since_ms": since_ms}
            due_at = from_ms(now_ms) + timedelta(seconds=EVERY_S)
            async with self._work.begin() as tx:
                await self._timers.set(tx, Timer(kind=SILENCE_TIMER, subject=site_id, due_at=due_at, payload=payload))

    async def look(self, site_id: SiteId, fixes: Mapping[TechnicianId, UsedFix], since_ms: int) -> None:
        """Judge everyone of a site who is out, and the open incidents. `since_ms`: since when the hub has been listening."""
        now = self._clock.now()
        async with self._work.read() as tx:
            rules = await self._rules.of(tx, site_id)
            out = await self._underway.of_site(tx, site_id)
            lasting = {each.visit_id: each for each in await self._detections.lasting_at(tx, site_id, Watch.SILENCE)}
            heard_by = [DeviceId(fixes[each.technician_id].device_id) for each in out if each.technician_id in fixes]
            declared = await self._capabilities.of(tx, heard_by)
        await self._signals.look(site_id, fixes, since_ms, rules.silence)
        if mode_of(rules.detectors, Watch.SILENCE) is Watching.OFF:
            await self._leave(list(lasting.values()), now)
            return
        over = [each for id, each in lasting.items() if id not in {visit.visit_id for visit in out}]
        async for some in self._way.slices(out, SLICE, self._clock, GIVES_WAY_S):
            for visit in some:
                fix, before = fixes.get(visit.technician_id), lasting.get(visit.visit_id)
                over += await self._judge(visit, fix, declared, before, rules, since_ms, now)
        await self._leave(over, now)

    async def _judge(
        self, visit: Underway, fix: UsedFix | None, declared: Mapping[DeviceId, Capability], lasting: Detection | None, rules: SiteRules,
        since_ms: int, now: datetime,
    ) -> list[Detection]:  # fmt: skip
        """Return what is over; what has begun is noted, and asked about, here."""
        last_ms = silent_since_ms(None if fix is None else fix.last_ms, to_ms(visit.began_at), since_ms)
        capability = Capability.UNKNOWN if fix is None else declared.get(DeviceId(fix.device_id), Capability.UNKNOWN)
        before = Silence(level=Level.HEARD if lasting is None else Level.ASK)
        after = judged(before, visit.stage, last_ms, to_ms(now), capability, rules.silence)
        again = timedelta(minutes=rules.watch.again_min)
        if after.level is not Level.ASK or fix is None or last_ms is None:
            return [lasting] if lasting is not None and after.level is Level.HEARD else []
        if lasting is not None and now < lasting.entered_at + again:
            return []
        asked_at = from_ms(last_ms + rules.silence.ask_s * 1000) if lasting is None else lasting.entered_at + again
        await self._enter(visit, fix, rules, asked_at, last_ms)
        return [] if lasting is None else [lasting]

    async def _enter(self, visit: Underway, fix: UsedFix, rules: SiteRules, at: datetime, last_ms: int) -> None:
        mode, incident_id = mode_of(rules.detectors, Watch.SILENCE), None
        if mode is Watching.ON:
            incident_id = (await self._sos.raise_sos(tap_of(visit, Watch.SILENCE, at))).incident_id
        facts = {**msgspec.structs.asdict(rules.silence), "silent_since_ms": last_ms}
        async with self._work.begin() as tx:
            known = await self._detections.lasting(tx, visit.visit_id)
            detection = Detection(
                id=self._ids.new_id(), site_id=visit.site_id, watch=Watch.SILENCE, visit_id=visit.visit_id,
                technician_id=visit.technician_id, stage=visit.stage, mode=mode, entered_at=at, incident_id=incident_id, facts=facts,
                fixes=(fix,),
            )  # fmt: skip
            await self._detections.leave(tx, [each.id for each in known if each.watch is Watch.SILENCE], self._clock.now())
            await self._detections.add(tx, detection)
            watched = await self._visits.get(tx, visit.visit_id) if mode is Watching.ON else None
            if watched is not None:
                await self._prompts.ask(tx, watched, Watch.SILENCE, is_reminder=False)

    async def _leave(self, over: Sequence[Detection], now: datetime) -> None:
        if over:
            async with self._work.begin() as tx:
                await self._detections.leave(tx, [each.id for each in over], now)


def _listening_since(timer: Timer, now_ms: int, *, is_blind: bool) -> int:
    """Return since when the hub could hear: from now on where it is blind, or was away since the look before."""
    looked_at_ms = int(timer.payload.get("looked_at_ms", 0))
    if is_blind or now_ms - looked_at_ms > BLIND_AFTER_S * 1000:
        return now_ms
    return int(timer.payload.get("since_ms", now_ms))
