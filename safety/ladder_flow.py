"""What happens while nobody answers? The ladder climbs by timers in SQL, tier after tier, until a person claims the incident.

Started by `sos_flow` in the tap's own transaction, woken by `core.timers_flow` in whichever worker is alive. Each step re-reads the
incident under lock, so a step that fires twice, late, or after a claim does nothing wrong.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import msgspec

from core.clock import Clock, from_ms, to_ms
from core.ids import IncidentId, RecipientId
from core.timers import Timer, Timers
from core.unit_of_work import Tx, UnitOfWork
from notifications.notice import Channel
from safety.evidence import Event, EventKind
from safety.incident import CANCEL_DOUBTED_AFTER_S, LEASE_S, OWNER_REMINDED_AFTER_S, PENDING_S, Act, Flag, Incident, State, lapsed, moved
from safety.ladder import Due, Group, Rung, after_her, due, those_beside
from safety.ports import Alerts, Footing, Incidents, Pokes, Responder, Responders
from safety.sos_tap import SosTap

LADDER_TIMER = "safety.ladder"
PENDING_TIMER = "safety.pending"
LEASE_TIMER = "safety.lease"
_CLIMBING = frozenset({State.RAISED, State.NOTIFYING, State.CANCEL_REQUESTED, State.EXHAUSTED})


class LadderFlow:
    """Tells people until one of them answers, and goes on when she who answered falls silent."""

    def __init__(
        self, work: UnitOfWork, incidents: Incidents, responders: Responders, alerts: Alerts, timers: Timers, pokes: Pokes, clock: Clock
    ) -> None:
        self._work = work
        self._incidents = incidents
        self._responders = responders
        self._alerts = alerts
        self._timers = timers
        self._pokes = pokes
        self._clock = clock

    async def open(self, tx: Tx, incident: Incident, raised: Event, tap: SosTap, now: datetime) -> None:
        """Write a new incident with its first event and the tap that opened it, and begin its ladder or her own question, in the
        caller's transaction.

        Written once, with its first rung told already. Raises `TapRaced` as `Incidents.add`.
        """
        if incident.state is State.PENDING:
            await self._incidents.add(tx, incident, [raised], tap, _pending_timer(incident, now))
            return
        told, events, now_due = await self._told(tx, incident, now, 0, now, [raised])
        # Last, because the site's counter of events makes whoever else writes to the site wait until the commit.
        await self._incidents.add(tx, told, [raised, *events], tap, _ladder_timer(told, now, now_due.next_step, now_due.next_at))

    async def start(self, tx: Tx, incident: Incident, now: datetime) -> None:
        """Begin the ladder at its foot, in the caller's transaction; a pending incident first waits for her own answer."""
        if incident.state is State.PENDING:
            await self._timers.set(tx, _pending_timer(incident, now))
            return
        await self._timers.cancel(tx, PENDING_TIMER, incident.id)
        await self._climb(tx, incident, now, 0, now)

    async def hold(self, tx: Tx, incident: Incident, now: datetime) -> None:
        """Stop climbing, because a dispatcher owns the incident; watch over her lease instead."""
        for kind in (LADDER_TIMER, PENDING_TIMER):
            await self._timers.cancel(tx, kind, incident.id)
        await self._alerts.withdraw(tx, incident)
        await self._timers.set(tx, Timer(kind=LEASE_TIMER, subject=incident.id, due_at=now + timedelta(seconds=OWNER_REMINDED_AFTER_S)))

    async def hurry(self, tx: Tx, incident: Incident, now: datetime) -> None:
        """Look at the ladder at once, because something made the incident graver that brings its rungs forward."""
        if incident.state in _CLIMBING:
            await self._timers.bring_forward(tx, LADDER_TIMER, incident.id, now)

    async def slow_down(self, tx: Tx, incident: Incident, now: datetime) -> None:
        """Give a dispatcher two minutes to make sure of a cancel; the ladder then goes on where it was, it never stops."""
        await self._timers.set(tx, _ladder_timer(incident, now, 0, now + timedelta(seconds=CANCEL_DOUBTED_AFTER_S)))

    async def stop(self, tx: Tx, incident: Incident) -> None:
        """Forget every timer of an ended incident."""
        for kind in (LADDER_TIMER, PENDING_TIMER, LEASE_TIMER):
            await self._timers.cancel(tx, kind, incident.id)

    async def on_ladder_timer(self, timer: Timer) -> None:
        """Climb one step, if the incident still waits for an answer and this timer belongs to its present lap."""
        now = self._clock.now()
        async with self._work.begin(urgent=True) as tx:
            incident = await self._incidents.get(tx, IncidentId(timer.subject))
            if incident.state not in _CLIMBING or timer.payload["lap"] != incident.lap:
                return
            if incident.state is State.CANCEL_REQUESTED:
                # A new lap, because what the old one told must be told again.
                incident = msgspec.structs.replace(moved(incident, Act.DOUBT), lap=incident.lap + 1)
                await self._incidents.save(tx, incident, [_event(incident, EventKind.DOUBTED, now, {})])
            await self._climb(tx, incident, from_ms(timer.payload["started_at_ms"]), timer.payload["step"], now)

    async def on_pending_timer(self, timer: Timer) -> None:
        """She did not answer the question in time: raise the alarm."""
        now = self._clock.now()
        async with self._work.begin(urgent=True) as tx:
            incident = await self._incidents.get(tx, IncidentId(timer.subject))
            if incident.state is not State.PENDING:
                return
            raised = moved(incident, Act.ESCALATE)
            await self._incidents.save(tx, raised, [_event(raised, EventKind.ANSWERED, now, {"answer": "none"})])
            await self._climb(tx, raised, now, 0, now)

    async def on_lease_timer(self, timer: Timer) -> None:
        """Remind the owner of a quiet incident; two minutes later take it from her and tell everyone again."""
        now = self._clock.now()
        async with self._work.begin(urgent=True) as tx:
            incident = await self._incidents.get(tx, IncidentId(timer.subject))
            if incident.owner_id is None or incident.lease_until is None or incident.state not in (State.OWNED, State.RESPONDING):
                return
            remind_at = incident.lease_until - timedelta(seconds=LEASE_S - OWNER_REMINDED_AFTER_S)
            if now < remind_at:
                await self._timers.set(tx, Timer(kind=LEASE_TIMER, subject=incident.id, due_at=remind_at))
            elif now < incident.lease_until:
                await self._remind(tx, incident, now)
            else:
                await self._lapse(tx, incident, now)

    async def _remind(self, tx: Tx, incident: Incident, now: datetime) -> None:
        await self._incidents.save(tx, incident, [_event(incident, EventKind.REMINDED, now, {"owner_id": incident.owner_id})])
        lapses_at = incident.lease_until or now
        await self._timers.set(tx, Timer(kind=LEASE_TIMER, subject=incident.id, due_at=lapses_at))
        tx.after_commit(lambda: self._pokes.poke(incident.site_id, "incidents", incident.id))

    async def _lapse(self, tx: Tx, incident: Incident, now: datetime) -> None:
        left = lapsed(incident)
        await self._incidents.save(tx, left, [_event(left, EventKind.LAPSED, now, {"owner_id": incident.owner_id})])
        await self._climb(tx, left, now, 0, now)

    async def _climb(self, tx: Tx, incident: Incident, started_at: datetime, step: int, now: datetime) -> None:
        told, events, now_due = await self._told(tx, incident, started_at, step, now)
        await self._timers.set(tx, _ladder_timer(told, started_at, now_due.next_step, now_due.next_at))
        await self._incidents.save(tx, told, events)
        tx.after_commit(lambda: self._pokes.poke(incident.site_id, "incidents", incident.id))

    async def _told(
        self, tx: Tx, incident: Incident, started_at: datetime, step: int, now: datetime, unwritten: Sequence[Event] = ()
    ) -> tuple[Incident, list[Event], Due]:
        """Tell the people of every rung that is due; return the incident after that and its events, neither of them written yet.

        `unwritten`: the press that made the incident, when that is not written yet either.
        """
        stands = await self._responders.footing(tx, incident.site_id)
        is_hurried = bool(incident.flags & {Flag.SIGNAL_LOST, Flag.DURESS})
        now_due = due(stands.ladder, started_at, step, now, is_hurried=is_hurried, is_unmanned=not stands.is_manned)
        lap = incident.lap + 1 if now_due.is_exhausted else incident.lap
        told = msgspec.structs.replace(incident, lap=lap)
        # One person stands on many rungs, and a second call at once would find her line busy. Texts of every tier reach her all the same.
        ringing = set[RecipientId]()
        # Of the hub's own drill only its phone is told, whoever is on duty.
        is_known = stands.on_duty is not None and not incident.is_canary
        known: dict[Group, Sequence[Responder]] = {Group.ON_DUTY: stands.on_duty or ()} if is_known else {}
        events = [await self._tell(tx, told, rung, now, ringing, unwritten, stands, known) for rung in now_due.rungs]
        told = self._after(told, now_due)
        if now_due.is_exhausted:
            events.append(_event(told, EventKind.EXHAUSTED, now, {"lap": lap}))
        return told, events, now_due

    @staticmethod
    def _after(incident: Incident, now_due: Due) -> Incident:
        if not now_due.rungs:
            return incident
        act = Act.EXHAUST if now_due.is_exhausted and incident.state is not State.RAISED else Act.NOTIFY
        return msgspec.structs.replace(moved(incident, act), tier=max(rung.tier for rung in now_due.rungs))

    async def _tell(
        self, tx: Tx, incident: Incident, rung: Rung, now: datetime, ringing: set[RecipientId], unwritten: Sequence[Event],
        stands: Footing, known: dict[Group, Sequence[Responder]],
    ) -> Event:  # fmt: skip
        people = await self._people(tx, incident, rung.groups, known)
        beside = await self._people(tx, incident, those_beside(stands.ladder, rung), known)
        count = await self._alerts.tell(tx, incident, rung, _with_next(rung, people, beside), ringing, unwritten)
        if not people:
            await self._alerts.nobody_to_tell(tx, incident, rung)
        data = {
            "tier": rung.tier,
            "after_s": rung.after_s,
            "channels": [channel.value for channel in rung.channels],
            "people": sorted(people),
            "notices": count,
            "is_manned": stands.is_manned,
        }
        return _event(incident, EventKind.TOLD, now, data)

    async def _people(
        self, tx: Tx, incident: Incident, groups: Iterable[Group], known: dict[Group, Sequence[Responder]]
    ) -> dict[RecipientId, Responder]:
        """Return the people of groups, each once. `known`: who was read for this step already."""
        people: dict[RecipientId, Responder] = {}
        for group in groups:
            if group not in known:
                known[group] = await self._responders.of(tx, incident.site_id, group, incident)
            for person in known[group]:
                people.setdefault(person.recipient_id, person)
        return people


def _ladder_timer(incident: Incident, started_at: datetime, step: int, due_at: datetime) -> Timer:
    payload = {"started_at_ms": to_ms(started_at), "step": step, "lap": incident.lap}
    return Timer(kind=LADDER_TIMER, subject=incident.id, due_at=due_at, payload=payload)


def _pending_timer(incident: Incident, now: datetime) -> Timer:
    return Timer(kind=PENDING_TIMER, subject=incident.id, due_at=now + timedelta(seconds=PENDING_S))


def _with_next(
    rung: Rung, people: dict[RecipientId, Responder], beside: dict[RecipientId, Responder]
) -> list[Responder]:
    """Return the rung's people, each of the desk knowing who is tried after her: nobody whom this rung calls anyway."""
    are_called = people if Channel.VOICE in rung.channels else {}
    free = [id for id in beside if id not in are_called]
    return [
        person if person.is_contact else msgspec.structs.replace(person, then=after_her(id, free)) for id, person in people.items()
    ]


def _event(incident: Incident, kind: EventKind, now: datetime, data: dict[str, object]) -> Event:
    return Event(incident_id=incident.id, seq=0, kind=kind, actor="hub", at=now, data=data)
