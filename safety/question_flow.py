"""What does she answer, to a question of a watch and when she asks for more time? Her words, and a PIN where one could force her.

The duress PIN is answered exactly as the true one, at the same fixed moment, while the alarm is raised.
"""

from datetime import datetime

import msgspec

from core.caller import Caller
from core.clock import Clock
from core.errors import BadInput, NotSignedIn
from core.ids import TechnicianId, VisitId
from core.unit_of_work import Tx, UnitOfWork
from safety.duress_flow import DuressFlow
from safety.evidence import Event, EventKind
from safety.incident import Act, Flag, Incident, State, flagged, moved
from safety.ladder_flow import LadderFlow
from safety.person_ports import Extensions, SignsOfLife
from safety.pin import PinVerdict
from safety.pin_flow import PinFlow
from safety.ports import Incidents, People, Pokes
from safety.watch_ports import WatchedVisits
from visits.stage import Stage


class PinNeeded(BadInput):
    """In service an answer needs your PIN. Send it again with `pin`."""

    code = "pin_needed"


class Answered(msgspec.Struct, frozen=True):
    """What the phone hears: whether the answer counted. The same after a true and a duress PIN."""

    accepted: bool


class QuestionFlow:
    """Takes her answers."""

    def __init__(
        self, work: UnitOfWork, incidents: Incidents, ladder: LadderFlow, pins: PinFlow, visits: WatchedVisits, duress: DuressFlow,
        extensions: Extensions, pokes: Pokes, clock: Clock, people: People, signs: SignsOfLife | None = None,
    ) -> None:  # fmt: skip
        self._work = work
        self._incidents = incidents
        self._ladder = ladder
        self._pins = pins
        self._visits = visits
        self._duress = duress
        self._extensions = extensions
        self._pokes = pokes
        self._clock = clock
        self._people = people
        self._signs = signs

    async def answer(self, caller: Caller, *, is_ok: bool, pin: str | None) -> Answered:
        """Take the answer to what was asked; raises `PinNeeded` when she is in service and gave no PIN.

        A question that nobody asks any more is answered all the same: a cry and a duress PIN raise the alarm whenever they come.
        """
        she = _she(caller)
        if not is_ok:
            if not await self._settle(she, PinVerdict.WRONG, wants_help=True):
                await self._duress.cry_for(she, next(iter(caller.sites)), "She answered that not all is in order.")
            return Answered(accepted=True)
        turn = None if pin is None else await self._pins.turn(she)
        verdict = await self._verdict(she, pin)
        if verdict is PinVerdict.WRONG:
            await self._pins.refused(she)
        elif not await self._settle(she, verdict, wants_help=False, had_pin=pin is not None) and verdict is PinVerdict.DURESS:
            await self._duress.raise_for(she, next(iter(caller.sites)), "The duress PIN was entered to answer a question.")
        if turn is not None:
            await self._pins.fixed_moment(turn)
        return Answered(accepted=verdict is not PinVerdict.WRONG)

    async def extend(self, caller: Caller, visit_id: VisitId, minutes: int, pin: str) -> Answered:
        """Lengthen the service with her PIN. Under duress it is lengthened too, and the alarm is raised; a wrong PIN changes nothing."""
        she = _she(caller)
        turn = await self._pins.turn(she)
        verdict = await self._pins.verdict(she, pin)
        if verdict is PinVerdict.DURESS:
            # First: an extension that is refused must not keep the alarm from being raised.
            await self._duress.raise_for(she, next(iter(caller.sites)), "The duress PIN was entered to lengthen the service.")
        elif verdict is PinVerdict.TRUE:
            await self._pins.trusted(she)
        else:
            await self._pins.refused(she)
        try:
            if verdict is not PinVerdict.WRONG:
                await self._extensions.extend(caller, visit_id, minutes)
        finally:
            await self._pins.fixed_moment(turn)
        return Answered(accepted=verdict is not PinVerdict.WRONG)

    async def _verdict(self, she: TechnicianId, pin: str | None) -> PinVerdict:
        if pin is not None:
            verdict = await self._pins.verdict(she, pin)
            if verdict is PinVerdict.TRUE:
                await self._pins.trusted(she)
            return verdict
        # By her visit alone, whatever is asked or open: that a PIN is wanted must not tell how an earlier call for help stands.
        async with self._work.read() as tx:
            visit_id = await self._people.visit_now(tx, she)
            visit = None if visit_id is None else await self._visits.get(tx, visit_id)
        if visit is not None and visit.stage is Stage.IN_SERVICE and await self._pins.has_pins(she):
            raise PinNeeded
        return PinVerdict.TRUE

    async def _settle(self, she: TechnicianId, verdict: PinVerdict, *, wants_help: bool, had_pin: bool = False) -> bool:
        """Settle what is being asked; return False where nothing is, after writing a late answer into what it has become."""
        now = self._clock.now()
        async with self._work.begin(urgent=True) as tx:
            asked = await self._pending(tx, she)
            if asked is None:
                if verdict is PinVerdict.TRUE and not wants_help:
                    await self._note_late(tx, she, now, had_pin=had_pin)
                return False
            if wants_help:
                await self._raise(tx, moved(asked, Act.ESCALATE), [_event(asked, EventKind.ANSWERED, now, {"answer": "help"})], now)
            elif verdict is PinVerdict.TRUE and Flag.WRONG_PINS in asked.flags and not had_pin:
                # Somebody tried PINs on her phone: a word without one may be anybody's.
                await self._incidents.save(tx, asked, [_event(asked, EventKind.ANSWERED, now, {"answer": "ok", "had_pin": False})])
            elif verdict is PinVerdict.TRUE:
                await self._dismiss(tx, asked, now)
            else:
                forced = flagged(moved(asked, Act.ESCALATE), Flag.DURESS, raises_severity=True)
                await self._raise(tx, forced, [_event(asked, EventKind.PIN_ACCEPTED, now, {"kind": "duress"})], now)
            tx.after_commit(lambda: self._pokes.poke(asked.site_id, "incidents", asked.id))
        return True

    async def _note_late(self, tx: Tx, she: TechnicianId, now: datetime, *, had_pin: bool) -> None:
        raised = await self._incidents.open_of(tx, f"technician:{she}")
        if raised is not None:
            said = {"answer": "ok", "is_late": True, "had_pin": had_pin}
            # Her word comes after the alarm: the desk reads it and makes sure, the ladder goes on.
            await self._incidents.save(tx, raised, [_event(raised, EventKind.ANSWERED, now, said)])
            tx.after_commit(lambda: self._pokes.poke(raised.site_id, "incidents", raised.id))

    async def _pending(self, tx: Tx, she: TechnicianId) -> Incident | None:
        found = await self._incidents.open_of(tx, f"technician:{she}")
        return found if found is not None and found.state is State.PENDING else None

    async def _dismiss(self, tx: Tx, asked: Incident, now: datetime) -> None:
        ended = msgspec.structs.replace(moved(asked, Act.DISMISS), resolved_at=now)
        await self._incidents.save(tx, ended, [_event(asked, EventKind.PIN_ACCEPTED, now, {"kind": "true", "answer": "ok"})])
        await self._ladder.stop(tx, ended)
        if asked.visit_id is not None and self._signs is not None:
            await self._signs.all_is_well(tx, asked.visit_id, asked.id)

    async def _raise(self, tx: Tx, raised: Incident, events: list[Event], now: datetime) -> None:
        await self._incidents.save(tx, raised, events)
        await self._ladder.start(tx, raised, now)


def _she(caller: Caller) -> TechnicianId:
    if caller.technician_id is None:
        raise NotSignedIn
    return caller.technician_id


def _event(incident: Incident, kind: EventKind, now: datetime, data: dict[str, object]) -> Event:
    return Event(incident_id=incident.id, seq=0, kind=kind, actor=incident.raised_by, at=now, data=data)
