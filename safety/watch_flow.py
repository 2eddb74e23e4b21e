"""Who notices that she has not been heard of? One timer a visit: it reminds her, then asks, and the question raises the alarm unanswered.

Started by each `StageChanged` inside its transaction, moved by check-ins and extensions, fired by `core.timers_flow`. A missed deadline
raises a trigger through `sos_flow`, whose incident waits for her own answer before anybody is alarmed; a site's shadow mode only notes it.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

import msgspec

from core.caller import Caller
from core.clock import Clock, to_ms
from core.errors import NotFound
from core.geo import distance_m
from core.ids import DeviceId, IdSource, VisitId
from core.timers import Timer, Timers
from core.unit_of_work import Tx, UnitOfWork
from safety.check_in import CheckIn, Deadline, Watch, counts_for, deadlines_of, is_away
from safety.detectors.detection import Detection, UsedFix, Watching, mode_of
from safety.detectors.silence import Capability
from safety.detectors.turns import Move, Turn, key_of, moves, next_look
from safety.journal_ports import TapRaiser
from safety.site_rules import SiteRules
from safety.watch_ports import Capabilities, CheckIns, Detections, NewestFixes, Prompts, RuleBook, WatchedVisit, WatchedVisits
from safety.watch_tap import tap_of
from visits.events import StageChanged

WATCH_TIMER = "safety.watch"


class _Look(msgspec.Struct, frozen=True):
    """Everything that one round decides by."""

    visit: WatchedVisit
    rules: SiteRules
    deadlines: tuple[Deadline, ...]
    modes: Mapping[Watch, Watching]
    lasting: Mapping[Watch, Detection]
    fix: UsedFix | None

    @property
    def since(self) -> dict[Watch, datetime]:
        return {watch: each.entered_at for watch, each in self.lasting.items()}

    @property
    def again(self) -> timedelta:
        return timedelta(minutes=self.rules.watch.again_min)


class WatchFlow:
    """Watches over visits by deadlines, each by the rules of its site."""

    def __init__(
        self, work: UnitOfWork, visits: WatchedVisits, check_ins: CheckIns, prompts: Prompts, sos: TapRaiser, timers: Timers, clock: Clock,
        rules: RuleBook, detections: Detections, fixes: NewestFixes, capabilities: Capabilities, ids: IdSource,
    ) -> None:  # fmt: skip
        self._work = work
        self._visits = visits
        self._check_ins = check_ins
        self._prompts = prompts
        self._sos = sos
        self._timers = timers
        self._clock = clock
        self._rules = rules
        self._detections = detections
        self._fixes = fixes
        self._capabilities = capabilities
        self._ids = ids

    async def on_stage_changed(self, tx: Tx, event: StageChanged) -> None:
        """Wait for the next thing that this stage asks for, or for nothing: a listener of the visits' flow."""
        now = self._clock.now()
        if event.before is not event.after:
            lasting = [each.id for each in await self._detections.lasting(tx, event.visit_id)]
            await self._detections.leave(tx, lasting, now)
        await self._arm(tx, event.visit_id, now)

    async def check_in(self, caller: Caller, visit_id: VisitId, check_in_id: str, device_at: datetime) -> None:
        """Take a sign of life; a queued one from long ago moves no deadline that lies after it. Raises `NotFound` for another's visit."""
        now = self._clock.now()
        async with self._work.begin() as tx:
            visit = await self._visits.get(tx, visit_id)
            if visit is None or caller.technician_id != visit.technician_id:
                raise NotFound("There is no such visit of yours.")
            given = CheckIn(id=check_in_id, visit_id=visit_id, technician_id=visit.technician_id, device_at=min(device_at, now), at=now)
            waited_for = await self._deadlines(tx, visit, await self._rules.of(tx, visit.site_id))
            is_new = await self._check_ins.add(tx, given)
            if is_new and all(counts_for(given.device_at, now, each.due_at) for each in waited_for if each.watch is Watch.CHECK_IN):
                await self._arm(tx, visit_id, now)

    async def all_is_well(self, tx: Tx, visit_id: VisitId, answer_id: str) -> None:
        """Count her answer to a question as the sign of life that it is, in the transaction of the answer."""
        now = self._clock.now()
        visit = await self._visits.get(tx, visit_id)
        if visit is not None:
            given = CheckIn(id=answer_id, visit_id=visit_id, technician_id=visit.technician_id, device_at=now, at=now)
            await self._check_ins.add(tx, given)
            await self._arm(tx, visit_id, now)

    async def on_watch_timer(self, timer: Timer) -> None:
        """Remind her, ask or note what a threshold says, and leave what is over."""
        now, visit_id = self._clock.now(), VisitId(timer.subject)
        reminded = list(timer.payload.get("reminded", ()))
        look = await self._look(visit_id)
        if look is None:
            return
        turns = moves(look.deadlines, look.since, look.modes, reminded, now, look.again)
        # The trigger first: it is the same however often it is raised, and a question that was noted but not raised would stay unasked.
        entered = [await self._entered(look, move) for move in turns if move.turn is Turn.ENTER]
        async with self._work.begin() as tx:
            visit = await self._visits.get(tx, visit_id)
            if visit is None or visit.stage is not look.visit.stage:
                return
            left = [look.lasting[move.watch].id for move in turns if move.turn is Turn.LEAVE]
            await self._detections.leave(tx, left, now)
            for detection in entered:
                await self._detections.add(tx, detection)
                if detection.mode is Watching.ON:
                    await self._prompts.ask(tx, visit, detection.watch, is_reminder=False)
            reminded += await self._remind(tx, look, turns)
            await self._set_next(tx, look, turns, reminded, now)

    async def _remind(self, tx: Tx, look: _Look, turns: tuple[Move, ...]) -> list[str]:
        near = [move.watch for move in turns if move.turn is Turn.REMIND]
        for watch in near:
            await self._prompts.ask(tx, look.visit, watch, is_reminder=True)
        return [key_of(deadline) for deadline in look.deadlines if deadline.watch in near]

    async def _entered(self, look: _Look, move: Move) -> Detection:
        visit, mode = look.visit, look.modes[move.watch]
        incident_id = None
        if mode is Watching.ON:
            incident_id = (await self._sos.raise_sos(tap_of(visit, move.watch, move.at))).incident_id
        deadline = next(each for each in look.deadlines if each.watch is move.watch)
        facts = {"due_at": deadline.due_at, "leave_at": deadline.leave_at, "since": visit.since, "planned_min": visit.planned_min}
        if look.fix is not None and visit.place is not None:
            facts["distance_m"] = round(_distance_m(visit, look.fix))
        return Detection(
            id=self._ids.new_id(), site_id=visit.site_id, watch=move.watch, visit_id=visit.visit_id, technician_id=visit.technician_id,
            stage=visit.stage, mode=mode, entered_at=move.at, incident_id=incident_id, facts=facts,
            fixes=() if look.fix is None else (look.fix,),
        )  # fmt: skip

    async def _set_next(self, tx: Tx, look: _Look, turns: tuple[Move, ...], reminded: list[str], now: datetime) -> None:
        since = {watch: at for watch, at in look.since.items() if watch not in {move.watch for move in turns if move.turn is Turn.LEAVE}}
        since |= {move.watch: move.at for move in turns if move.turn is Turn.ENTER}
        due_at = next_look(look.deadlines, since, look.modes, now, look.again)
        if due_at is None:
            return
        payload = {"reminded": reminded[-8:]}
        await self._timers.set(tx, Timer(kind=WATCH_TIMER, subject=look.visit.visit_id, due_at=due_at, payload=payload))

    async def _look(self, visit_id: VisitId) -> _Look | None:
        async with self._work.read() as tx:
            visit = await self._visits.get(tx, visit_id)
            if visit is None:
                return None
            rules = await self._rules.of(tx, visit.site_id)
            deadlines = await self._deadlines(tx, visit, rules)
            found = await self._detections.lasting(tx, visit_id)
            lasting: dict[Watch, Detection] = {each.watch: each for each in found if each.watch is not Watch.SILENCE}
        fix = await self._fixes.of(visit.site_id, visit.technician_id) if deadlines or lasting else None
        deadlines = _that_apply(visit, rules, deadlines, fix, was_away=Watch.CHECK_OUT in lasting)
        return _Look(visit, rules, deadlines, await self._modes(rules, fix), lasting, fix)

    async def _modes(self, rules: SiteRules, fix: UsedFix | None) -> dict[Watch, Watching]:
        declared: Mapping[DeviceId, Capability] = {}
        if fix is not None:
            async with self._work.read() as tx:
                declared = await self._capabilities.of(tx, [DeviceId(fix.device_id)])
        capability = declared.get(DeviceId(fix.device_id), Capability.UNKNOWN) if fix is not None else Capability.UNKNOWN
        return {watch: mode_of(rules.detectors, watch, capability) for watch in Watch}

    async def _arm(self, tx: Tx, visit_id: VisitId, now: datetime) -> None:
        """Look at the visit anew when its next deadline, or its reminder, comes; at once where something lasts that may be over."""
        visit = await self._visits.get(tx, visit_id)
        waited_for = () if visit is None else await self._deadlines(tx, visit, await self._rules.of(tx, visit.site_id))
        if not waited_for:
            await self._timers.cancel(tx, WATCH_TIMER, visit_id)
            return
        lasting = await self._detections.lasting(tx, visit_id)
        moments = [now] if lasting else [moment for each in waited_for for moment in (each.remind_at, each.due_at) if moment > now]
        await self._timers.set(tx, Timer(kind=WATCH_TIMER, subject=visit_id, due_at=min(moments, default=now)))

    async def _deadlines(self, tx: Tx, visit: WatchedVisit, rules: SiteRules) -> tuple[Deadline, ...]:
        newest = await self._check_ins.newest(tx, visit.visit_id)
        heard_at = newest.device_at if newest is not None and newest.device_at > visit.since else None
        return deadlines_of(visit.stage, visit.since, visit.planned_min, heard_at, visit.zone, rules.watch, is_risky=visit.is_risky)


def _that_apply(
    visit: WatchedVisit, rules: SiteRules, deadlines: tuple[Deadline, ...], fix: UsedFix | None, *, was_away: bool
) -> tuple[Deadline, ...]:
    """Return what is waited for where she is: whoever has gone is asked for her check-out, whoever has not to leave.

    Where nobody knows where she is she is taken to be there still, and where a site does not ask for check-outs it asks her to leave.
    """
    is_told = fix is not None and visit.place is not None and fix.at_ms >= to_ms(visit.since)
    is_gone = is_told and is_away(_distance_m(visit, fix), rules.watch, was_away=was_away)
    dropped = set() if is_gone else {Watch.CHECK_OUT}
    if is_gone and mode_of(rules.detectors, Watch.CHECK_OUT) is Watching.ON:
        dropped = {Watch.NOT_LEFT}
    return tuple(each for each in deadlines if each.watch not in dropped)


def _distance_m(visit: WatchedVisit, fix: UsedFix | None) -> float:
    return 0.0 if visit.place is None or fix is None else distance_m(visit.place, fix.place)
