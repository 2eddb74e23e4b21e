"""What happens when she presses? One transaction: trigger, incident, event, notices, timer; then the receipt.

Called by every road a tap can take (`ws_technician`, `http_sos`, phones, SMS, desk). Idempotent by (who, tap_id): the second press of the
same tap gets the first one's receipt; two transports racing meet at the unique key, and the loser adopts the winner.
"""

import contextlib
from datetime import datetime, timedelta
from typing import Any

import msgspec

from core.clock import Clock
from core.ids import IncidentId
from core.unit_of_work import Tx, UnitOfWork
from safety.evidence import Event, EventKind
from safety.flood import FLOOD_OF, is_only_counted
from safety.incident import REOPEN_WITHIN_S, Act, Flag, Incident, State, moved
from safety.ladder_flow import LadderFlow
from safety.ports import Also, Incidents, LastKnown, People, Pokes, TapRaced
from safety.sos_tap import Position, Receipt, SosTap, TriggerKind, has_waited, is_clock_doubtful, kept_since, late_words, position_words

SEVERITY = {
    TriggerKind.TAP: 2, TriggerKind.MISSED_CHECK_IN: 1, TriggerKind.DETECTOR: 1, TriggerKind.WRONG_PINS: 1, TriggerKind.CANARY: 0,
}  # fmt: skip
"""0 drill, 1 suspicion, 2 a person pressed, 3 a person pressed and something made it graver."""
REOPENED_WITHIN = timedelta(seconds=REOPEN_WITHIN_S)


class _Undone(Exception):
    """A rehearsal is over."""


class SosFlow:
    """Raises incidents. Everything it needs to be safe is SQL; positions and pokes are best effort."""

    def __init__(
        self, work: UnitOfWork, incidents: Incidents, ladder: LadderFlow, people: People, last_known: LastKnown, pokes: Pokes,
        clock: Clock,
    ) -> None:  # fmt: skip
        self._work = work
        self._incidents = incidents
        self._ladder = ladder
        self._people = people
        self._last_known = last_known
        self._pokes = pokes
        self._clock = clock

    async def raise_sos(self, tap: SosTap, also: Also | None = None) -> Receipt:
        """Return the receipt of `tap` once its incident is committed; a repeated tap gets the first receipt again.

        `also` is written in the same transaction, so that neither is ever there without the other; where two roads race, twice.
        """
        last_known = None
        if tap.position is None and tap.technician_id is not None:
            last_known = await self._last_known.position_of(tap.site_id, tap.technician_id)
        try:
            return await self._raise_once(tap, last_known, also)
        except TapRaced:
            # Two roads raced to the unique key (who, tap_id); the winner has committed, so its receipt is there now.
            return await self._raise_once(tap, last_known, also)

    async def rehearse(self, tap: SosTap) -> None:
        """Do all that raising `tap` does before its commit, and undo it; raises what the press would meet."""
        with contextlib.suppress(_Undone):
            async with self._work.begin() as tx:
                await self._raise(tx, tap, None, self._clock.now())
                raise _Undone

    async def _raise_once(self, tap: SosTap, last_known: Position | None, also: Also | None) -> Receipt:
        async with self._work.begin(urgent=True) as tx:
            receipt = await self._raise(tx, tap, last_known, self._clock.now())
            if also is not None:
                await also(tx, receipt.incident_id)
        return receipt

    async def _raise(self, tx: Tx, tap: SosTap, last_known: Position | None, now: datetime) -> Receipt:
        if (known := await self._incidents.receipt_of(tx, tap)) is not None:
            return known
        tap = await self._placed(tx, tap)
        open_one, ended = await self._incidents.standing_of(tx, tap.who, now - REOPENED_WITHIN)
        if open_one is None:
            incident_id = await self._open(tx, tap, ended, last_known, now)
        else:
            incident_id = await self._join(tx, open_one, tap, last_known, now)
            await self._incidents.add_trigger(tx, tap, incident_id, now)
        return Receipt(tap_id=tap.tap_id, incident_id=incident_id, status="received", at=now)

    async def _placed(self, tx: Tx, tap: SosTap) -> SosTap:
        if tap.visit_id is None and tap.technician_id is not None:
            return msgspec.structs.replace(tap, visit_id=await self._people.visit_now(tx, tap.technician_id))
        return tap

    def _poke_after(self, tx: Tx, tap: SosTap, incident_id: IncidentId) -> None:
        tx.after_commit(lambda: self._pokes.poke(tap.site_id, "incidents", incident_id))
        if (she := tap.technician_id) is not None:
            # From now on she is followed off shift too: whoever remembers her intervals reads them anew.
            tx.after_commit(lambda: self._pokes.poke(tap.site_id, "shifts", she))

    async def _open(self, tx: Tx, tap: SosTap, before: Incident | None, last_known: Position | None, now: datetime) -> IncidentId:
        is_question = tap.kind in (TriggerKind.MISSED_CHECK_IN, TriggerKind.DETECTOR, TriggerKind.WRONG_PINS)
        incident = Incident(
            id=tap.incident_id,
            site_id=tap.site_id,
            code=await self._incidents.new_code(tx, tap.site_id, tap.incident_id),
            state=State.PENDING if is_question and before is None else State.RAISED,
            severity=SEVERITY[tap.kind],
            technician_id=tap.technician_id,
            visit_id=tap.visit_id,
            raised_by=tap.who,
            raised_at=kept_since(tap, now) or now,
            device_at=tap.device_at,
            flags=_flags(tap, now),
            reopens=None if before is None else before.id,
        )
        await self._ladder.open(tx, incident, _pressed(EventKind.RAISED, incident.id, tap, last_known, now), tap, now)
        self._poke_after(tx, tap, incident.id)
        return incident.id

    async def _join(self, tx: Tx, incident: Incident, tap: SosTap, last_known: Position | None, now: datetime) -> IncidentId:
        presses, newest = await self._incidents.pressed(tx, incident.id, FLOOD_OF)
        joined = _joined(incident, tap, now, is_flood=presses >= FLOOD_OF)
        if joined is incident and is_only_counted(presses, newest, now):
            return incident.id
        has_risen = joined.severity > incident.severity or (Flag.DRILL in incident.flags and Flag.DRILL not in joined.flags)
        await self._incidents.save(tx, joined, [_pressed(EventKind.PRESSED_AGAIN, incident.id, tap, last_known, now)])
        # An owner sees it and decides; a ladder climbs only where nobody has answered.
        if joined.owner_id is None and (joined.state is not incident.state or has_risen):
            await self._ladder.start(tx, msgspec.structs.replace(joined, lap=joined.lap + 1), now)
        self._poke_after(tx, tap, incident.id)
        return incident.id


def _joined(incident: Incident, tap: SosTap, now: datetime, *, is_flood: bool = False) -> Incident:
    """Return the incident with a further trigger: graver where it is, the same version where nothing that people decide on changed.

    A flood of presses from a stolen token must not make every claim of the desk out of date.
    """
    added = (_flags(tap, now) - {Flag.DRILL, Flag.REVOKED_DEVICE, Flag.WAITED}) | ({Flag.PRESS_FLOOD} if is_flood else set())
    joined = msgspec.structs.replace(incident, severity=max(incident.severity, SEVERITY[tap.kind]), flags=incident.flags | added)
    if tap.kind is TriggerKind.TAP:
        if incident.state is State.PENDING:
            joined = moved(joined, Act.ESCALATE)
        elif incident.state is State.CANCEL_REQUESTED:
            # She presses again after a cancel: whoever cancelled, someone needs help now.
            joined = moved(joined, Act.DOUBT)
        # A real press ends her own practice, one from a phone in force is hers, whatever pressed before it, and one of now is of now.
        ends = {Flag.DRILL: not tap.is_drill, Flag.REVOKED_DEVICE: not tap.device_is_revoked, Flag.WAITED: not has_waited(tap, now)}
        cleared = {flag for flag, is_ended in ends.items() if is_ended}
        severity = max(2, joined.severity) if Flag.DRILL in joined.flags & cleared else joined.severity
        joined = msgspec.structs.replace(joined, flags=joined.flags - cleared, severity=severity)
    if joined == incident:
        return incident
    return msgspec.structs.replace(joined, version=incident.version + 1)


def _flags(tap: SosTap, now: datetime) -> frozenset[Flag]:
    held = {
        Flag.DRILL: tap.is_drill or tap.kind is TriggerKind.CANARY,
        Flag.REVOKED_DEVICE: tap.device_is_revoked,
        Flag.WRONG_PINS: tap.kind is TriggerKind.WRONG_PINS,
        Flag.WAITED: has_waited(tap, now),
        Flag.LOW_BATTERY: tap.battery_pct is not None and tap.battery_pct <= 10,
    }
    return frozenset(flag for flag, holds in held.items() if holds)


def _pressed(kind: EventKind, incident_id: IncidentId, tap: SosTap, last_known: Position | None, now: datetime) -> Event:
    since = kept_since(tap, now)
    data = {
        "kind": tap.kind.value,
        "tap_id": tap.tap_id,
        "road": tap.road.value,
        "person": tap.person.value,
        "words": f"{position_words(tap, last_known, now)} {late_words(tap, now)}".strip(),
        "position": _position(tap, last_known, since),
        "position_doubt": tap.position_doubt,
        "clock_doubtful": is_clock_doubtful(tap.device_at, now),
        "is_queued": tap.is_queued,
        "heard_at": since.isoformat() if since else None,
        "is_silent": tap.is_silent,
        "battery_pct": tap.battery_pct,
        "reason": tap.reason,
    }
    return Event(incident_id=incident_id, seq=0, kind=kind, actor=tap.who, at=now, device_at=tap.device_at, data=data)


def _position(tap: SosTap, last_known: Position | None, since: datetime | None) -> dict[str, Any] | None:
    """Return where she was as the log keeps it. What a press brought that SQL took late is as old as the press, not as the commit."""
    found = tap.position or (msgspec.structs.replace(last_known, is_last_known=True) if last_known else None)
    if found is None:
        return None
    is_dated = found.at is not None or tap.is_queued or since is None
    placed: dict[str, Any] = msgspec.to_builtins(found if is_dated else msgspec.structs.replace(found, at=since))
    return placed
