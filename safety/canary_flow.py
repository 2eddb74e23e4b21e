"""Would a press be heard today? Once a day the hub presses for itself, waits for the notice to arrive, and alarms when it does not.

A timer row a site and hour: whichever worker is alive fires it, and the day's name in the tap makes a second firing the same drill. The
drill goes the ordinary way (`sos_flow`, ladder, outbox, carrier, receipt); it ends by `stand_down`, which no other incident can.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from core.caller import Caller
from core.clock import Clock
from core.ids import IncidentId, RecipientId, SiteId
from core.timers import Timer, Timers
from core.unit_of_work import Tx, UnitOfWork
from notifications.notice import Channel, NoticeState
from notifications.ports import Alarms
from safety.canary import CanaryRun, Outcome, fault_of, missing, next_drill, words_of
from safety.evidence import Event, EventKind
from safety.incident import CANARY, Incident
from safety.journal_ports import TapRaiser
from safety.ladder_flow import LadderFlow
from safety.ports import Incidents, Pokes
from safety.site_rules import SiteRules
from safety.sos_tap import PersonKind, Road, SosTap, TriggerKind
from safety.stand_down import stood_down
from safety.watch_ports import RuleBook

CANARY_TIMER = "safety.canary"
CANARY_CHECK_TIMER = "safety.canary_check"
LOOK_EVERY_S = 5
SHOWN = 60


class CanaryRuns(Protocol):
    """Stored drills. Met by `sql_canary.SqlCanaryRuns`."""

    async def newest(self, tx: Tx, site_id: SiteId, limit: int) -> Sequence[CanaryRun]:
        """Return the drills of a site, newest first."""
        ...

    async def begin(self, tx: Tx, run: CanaryRun) -> None:
        """Write the drill of a day; a second one of the same day changes nothing."""
        ...

    async def end(self, tx: Tx, incident_id: str, outcome: Outcome, detail: str, now: datetime) -> None:
        """Write how a running drill ended."""
        ...

    async def states(self, tx: Tx, incident_id: str, recipient_id: RecipientId) -> Mapping[Channel, Sequence[NoticeState]]:
        """Return where the drill's notices to this recipient stand, by channel."""
        ...


class CanaryFlow:
    """Raises, watches and ends the drills. `sites`: every site with its time zone."""

    def __init__(
        self, work: UnitOfWork, runs: CanaryRuns, incidents: Incidents, sos: TapRaiser, ladder: LadderFlow, alarms: Alarms, rules: RuleBook,
        timers: Timers, pokes: Pokes, clock: Clock, sites: Callable[[], Awaitable[Mapping[SiteId, str]]],
    ) -> None:  # fmt: skip
        self._work = work
        self._runs = runs
        self._incidents = incidents
        self._sos = sos
        self._ladder = ladder
        self._alarms = alarms
        self._rules = rules
        self._timers = timers
        self._pokes = pokes
        self._clock = clock
        self._sites = sites

    async def arm(self) -> None:
        """See that every site that wants a drill has its timer: called now and then by every worker, moves none that is set."""
        for site_id, zone in (await self._sites()).items():
            async with self._work.begin() as tx:
                await self._set_next(tx, site_id, zone, await self._rules.of(tx, site_id))

    async def on_canary_timer(self, timer: Timer) -> None:
        """Raise today's drill and set tomorrow's; a timer of an hour that the site no longer wants does nothing."""
        site_id, _, at_h = timer.subject.rpartition("/")
        site_id, now, zone = SiteId(site_id), self._clock.now(), (await self._sites()).get(SiteId(site_id))
        async with self._work.read() as tx:
            rules = await self._rules.of(tx, site_id)
            day = now.astimezone(ZoneInfo(zone or "UTC")).date()
            done = {run.day for run in await self._runs.newest(tx, site_id, 3)}
        if zone is None or rules.canary_at_h != int(at_h):
            return
        receipt = None if day in done else await self._sos.raise_sos(_tap(site_id, day))
        async with self._work.begin() as tx:
            if receipt is not None:
                run = CanaryRun(site_id=site_id, day=day, incident_id=receipt.incident_id, started_at=receipt.at)
                await self._runs.begin(tx, run)
                await self._look_again(tx, run.incident_id, site_id, run.started_at, now)
            due_at = next_drill(now, int(at_h), zone, day)
            await self._timers.set(tx, Timer(kind=CANARY_TIMER, subject=timer.subject, due_at=due_at))

    async def on_check_timer(self, timer: Timer) -> None:
        """Look whether everything has arrived: then, or when time is up, the drill ends, with an alarm where something is missing."""
        now, site_id = self._clock.now(), SiteId(timer.payload["site_id"])
        started_at = datetime.fromisoformat(timer.payload["started_at"])
        async with self._work.begin(urgent=True) as tx:
            incident = await self._incidents.get(tx, IncidentId(timer.subject))
            canary = (await self._rules.of(tx, site_id)).canary
            states = await self._runs.states(tx, incident.id, RecipientId(canary.recipient_id or ""))
            lacking = missing(canary.channels, states)
            if lacking and now < started_at + timedelta(minutes=canary.within_min):
                await self._look_again(tx, incident.id, site_id, started_at, now)
                return
            detail = words_of(lacking, states, canary.within_min) if lacking else ""
            await self._runs.end(tx, incident.id, Outcome.FAILED if lacking else Outcome.PASSED, detail, now)
            if lacking:
                await self._alarms.raise_operator_alarm(tx, site_id, "canary_missing", detail)
            if incident.is_open:
                await self._end(tx, incident, detail, now)

    async def drills(self, caller: Caller, site_id: SiteId) -> Sequence[CanaryRun]:
        """Return the drills of a site, newest first."""
        caller.must_reach(site_id)
        async with self._work.read() as tx:
            return await self._runs.newest(tx, site_id, SHOWN)

    async def fault(self) -> str | None:
        """Return what is wrong with the drills of any site, for health; None when all is well."""
        now, found = self._clock.now(), []
        sites = await self._sites()
        async with self._work.read() as tx:
            for site_id in sites:
                if (await self._rules.of(tx, site_id)).canary_at_h is not None:
                    found.append(fault_of(await self._runs.newest(tx, site_id, 2), now))
        return " ".join(sentence for sentence in found if sentence) or None

    async def _set_next(self, tx: Tx, site_id: SiteId, zone: str, rules: SiteRules) -> None:
        if rules.canary_at_h is None:
            return
        done = await self._runs.newest(tx, site_id, 1)
        due_at = next_drill(self._clock.now(), rules.canary_at_h, zone, done[0].day if done else None)
        await self._timers.set_once(tx, Timer(kind=CANARY_TIMER, subject=f"{site_id}/{rules.canary_at_h}", due_at=due_at))

    async def _look_again(self, tx: Tx, incident_id: str, site_id: SiteId, started_at: datetime, now: datetime) -> None:
        payload = {"site_id": site_id, "started_at": started_at.isoformat()}
        due_at = now + timedelta(seconds=LOOK_EVERY_S)
        await self._timers.set(tx, Timer(kind=CANARY_CHECK_TIMER, subject=incident_id, due_at=due_at, payload=payload))

    async def _end(self, tx: Tx, incident: Incident, detail: str, now: datetime) -> None:
        ended = stood_down(incident, now)
        data = {"code": "drill", "note": detail or "Every notice of the drill arrived.", "hasty": False}
        event = Event(incident_id=ended.id, seq=0, kind=EventKind.RESOLVED, actor="hub", at=now, data=data)
        await self._incidents.save(tx, ended, [event])
        await self._ladder.stop(tx, ended)
        tx.after_commit(lambda: self._pokes.poke(ended.site_id, "incidents", ended.id))


def _tap(site_id: SiteId, day: date) -> SosTap:
    return SosTap(
        tap_id=f"drill:{day.isoformat()}", who=f"{CANARY}{site_id}", person=PersonKind.NOBODY, site_id=site_id, road=Road.HUB,
        kind=TriggerKind.CANARY, is_drill=True, reason="The daily drill of the whole chain.",
    )  # fmt: skip
