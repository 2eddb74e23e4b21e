"""What happens when she enters a PIN? The phone plays the same scene after the true and the duress PIN; the desk learns which it was.

Called by `http_sos` and `ws_technician`. Both hashes are compared every time and the answer leaves at a fixed moment, so that neither its
body nor its timing tells what was entered.
"""

from datetime import datetime

import msgspec

from core.clock import Clock
from core.errors import BadInput
from core.ids import TechnicianId
from core.unit_of_work import Tx, UnitOfWork
from safety.evidence import Event, EventKind
from safety.face_flow import newest_face
from safety.incident import Act, Flag, Incident, State, allowed, flagged, moved
from safety.ladder_flow import LadderFlow
from safety.pin import WRONG_PINS_ALARMING, PinVerdict, PresentPinNeeded, check_pair, verdict
from safety.pin_ports import PinHashes, Pins, StoredPins
from safety.pin_turn_flow import PinTurn, PinTurns
from safety.ports import Incidents, Pokes, SilentAlarms
from safety.public_face import FADES_AFTER, Phase, PublicFace, is_of_wrong_pins_alone, public_face


class PinAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What the phone hears: whether the PIN was accepted, and the face that it shows now. Nothing else, in either case."""

    accepted: bool
    face: PublicFace


class PinFlow:
    """Sets and checks PINs."""

    def __init__(
        self, work: UnitOfWork, incidents: Incidents, pins: Pins, hashes: PinHashes, ladder: LadderFlow, pokes: Pokes, clock: Clock
    ) -> None:
        self._work = work
        self._incidents = incidents
        self._pins = pins
        self._hashes = hashes
        self._ladder = ladder
        self._pokes = pokes
        self._clock = clock
        self._turns = PinTurns(work, pins, clock)
        self._alarms: SilentAlarms | None = None

    def alarm_by(self, alarms: SilentAlarms) -> None:
        """Let `alarms` raise what a PIN raises where nothing that her phone shows is open. Called in `hub/` only."""
        self._alarms = alarms

    async def set_pins(self, technician_id: TechnicianId, true_pin: str, duress_pin: str, present_pin: str | None = None) -> None:
        """Set both PINs at once; raises `PinsRefused` where the pair would endanger her.

        Where PINs are set already the one in force is needed, or whoever holds her phone would set his own: raises `PresentPinNeeded`.
        Under duress the change looks done and the alarm is raised; of the new pair the PIN that he takes for the true one calls for help.
        The first pair is not stored while an incident of hers is open.
        """
        check_pair(true_pin, duress_pin)
        is_first = not await self.has_pins(technician_id)
        if not is_first and present_pin is None:
            raise PresentPinNeeded
        turn = None if is_first or present_pin is None else await self.turn(technician_id)
        entered = PinVerdict.TRUE if turn is None or present_pin is None else await self._present(technician_id, present_pin)
        pair = (true_pin, duress_pin) if entered is PinVerdict.TRUE else (duress_pin, true_pin)
        stored = StoredPins(await self._hashes.hashed(pair[0]), await self._hashes.hashed(pair[1]))
        if entered is PinVerdict.DURESS and self._alarms is not None:
            # First: a change that is lost on the way must not take the alarm with it.
            await self._alarms.duress(technician_id, "The duress PIN was entered to change the PINs.")
        if entered is not PinVerdict.WRONG:
            async with self._work.begin() as tx:
                if not is_first or await self._incidents.open_of(tx, f"technician:{technician_id}") is None:
                    await self._pins.put(tx, technician_id, stored, self._clock.now())
        if turn is not None:
            await self.fixed_moment(turn)
        if entered is PinVerdict.WRONG:
            raise PresentPinNeeded("That is not the PIN in force. Nothing was changed.")

    async def _present(self, technician_id: TechnicianId, present_pin: str) -> PinVerdict:
        entered = await self.verdict(technician_id, present_pin)
        if entered is PinVerdict.WRONG:
            await self.refused(technician_id)
        elif entered is PinVerdict.TRUE:
            await self.trusted(technician_id)
        return entered

    async def enter(self, technician_id: TechnicianId, pin: str) -> PinAnswer:
        """Take an entered PIN and answer at the fixed moment; raises `BadInput` when she never set PINs (then only the desk can cancel)."""
        turn, who = await self.turn(technician_id), f"technician:{technician_id}"
        entered = await self.verdict(technician_id, pin)
        await (self.refused(technician_id) if entered is PinVerdict.WRONG else self._accepted(technician_id, entered))
        async with self._work.read() as tx:
            face = await newest_face(tx, self._incidents, who, self._clock.now())
        await self.fixed_moment(turn)
        return PinAnswer(accepted=entered is not PinVerdict.WRONG, face=face)

    async def refused(self, technician_id: TechnicianId) -> None:
        """Count a wrong PIN, whatever it was entered for. The third in a row makes an open incident graver and tells the desk of none.

        Her phone reads nothing of it. An answer that was given is never without the alarm: the count stays until the alarm is written.
        """
        async with self._work.begin(urgent=True) as tx:
            in_a_row = await self._pins.refused(tx, technician_id)
            await self._turns.count_wrong(tx, technician_id)
            incident = await self._incidents.open_of(tx, f"technician:{technician_id}")
            if incident is not None:
                await self._wrong(tx, technician_id, incident, in_a_row)
        if incident is None and in_a_row >= WRONG_PINS_ALARMING and self._alarms is not None:
            await self._alarms.wrong_pins(technician_id, lambda tx, _: self._pins.forgive(tx, technician_id))

    async def trusted(self, technician_id: TechnicianId) -> None:
        """Take note of a true PIN that was entered for something else: what only wrong ones before it had asked is settled."""
        now = self._clock.now()
        async with self._work.begin(urgent=True) as tx:
            await self._pins.forgive(tx, technician_id)
            incident = await self._incidents.open_of(tx, f"technician:{technician_id}")
            if incident is not None and await self._is_mere_doubt(tx, incident):
                await self._dismiss(tx, incident, now)

    async def turn(self, technician_id: TechnicianId) -> PinTurn:
        """Wait until a PIN of hers may be looked at: first of all, whatever it is for. See `PinTurns.take` for what it raises."""
        return await self._turns.take(technician_id)

    async def fixed_moment(self, turn: PinTurn) -> None:
        """Wait until the moment at which the answer to a PIN leaves, whatever the PIN was."""
        await self._turns.answer_moment(turn)

    async def has_pins(self, technician_id: TechnicianId) -> bool:
        """Tell whether she has set PINs."""
        async with self._work.read() as tx:
            return await self._pins.get(tx, technician_id) is not None

    async def verdict(self, technician_id: TechnicianId, pin: str) -> PinVerdict:
        """Return what was entered; raises `BadInput` when she never set PINs. For flows that act on it themselves."""
        async with self._work.read() as tx:
            stored = await self._pins.get(tx, technician_id)
        if stored is None:
            raise BadInput("No PINs are set for this account. Speak to the desk; set PINs at a quiet moment.")
        is_true = await self._hashes.fits(stored.true_hash, pin)
        is_duress = await self._hashes.fits(stored.duress_hash, pin)
        return verdict(is_true=is_true, is_duress=is_duress)

    async def _accepted(self, technician_id: TechnicianId, entered: PinVerdict) -> None:
        now, who = self._clock.now(), f"technician:{technician_id}"
        async with self._work.begin(urgent=True) as tx:
            incident = await self._incidents.open_of(tx, who)
            is_shown = incident is not None and incident.state is not State.PENDING
            if is_shown or entered is PinVerdict.TRUE or self._alarms is None:
                await self._played(tx, technician_id, incident, entered, now)
                return
        # In one transaction with the alarm: her phone must never show that all is over while nobody was told.
        reason = "The duress PIN was entered while no incident was open."
        await self._alarms.duress(technician_id, reason, lambda tx, _: self._played(tx, technician_id, None, entered, now))

    async def _played(
        self, tx: Tx, technician_id: TechnicianId, incident: Incident | None, entered: PinVerdict, now: datetime
    ) -> None:  # fmt: skip
        await self._pins.forgive(tx, technician_id)
        if incident is not None:
            await (self._true if entered is PinVerdict.TRUE else self._duress)(tx, incident, now)
            tx.after_commit(lambda: self._pokes.poke(incident.site_id, "incidents", incident.id))
        await self._settle_older(tx, f"technician:{technician_id}", incident, entered, now)

    async def _settle_older(self, tx: Tx, who: str, open_one: Incident | None, entered: PinVerdict, now: datetime) -> None:
        # The desk may have ended what her phone still shows: the same PIN must lead to the same scene, whatever the desk did.
        for older in await self._incidents.raised_since(tx, [who], now - FADES_AFTER):
            shows = public_face(await self._incidents.events(tx, older.id), now).phase
            if (open_one is None or older.id != open_one.id) and shows is Phase.RECEIVED:
                await self._incidents.save(tx, older, [_event(older, EventKind.PIN_ACCEPTED, now, {"kind": entered.value})])

    async def _true(self, tx: Tx, incident: Incident, now: datetime) -> None:
        if await self._is_mere_doubt(tx, incident):
            await self._dismiss(tx, incident, now)
            return
        # A question is not shown as a press, so no PIN cancels it: neither may open the time off shift that a cancel does.
        said: dict[str, object] = {"kind": "true"}
        if incident.state is State.PENDING:
            said["is_silent"] = True
        event = _event(incident, EventKind.PIN_ACCEPTED, now, said)
        if Act.REQUEST_CANCEL not in allowed(incident.state) or Flag.DURESS in incident.flags:
            # Somebody owns it already (or a cancel waits), and sees the event and decides; or she was forced before, and whoever forces
            # her may have the true PIN by now: then nothing slows the ladder down.
            await self._incidents.save(tx, _touched(incident), [event])
            return
        asked = moved(incident, Act.REQUEST_CANCEL)
        await self._incidents.save(tx, asked, [event])
        await self._ladder.slow_down(tx, asked, now)

    async def _is_mere_doubt(self, tx: Tx, incident: Incident) -> bool:
        return incident.state is State.PENDING and is_of_wrong_pins_alone(await self._incidents.events(tx, incident.id))

    async def _dismiss(self, tx: Tx, doubted: Incident, now: datetime) -> None:
        ended = msgspec.structs.replace(moved(doubted, Act.DISMISS), resolved_at=now)
        said = {"kind": "true", "is_silent": True, "answer": "ok"}
        await self._incidents.save(tx, ended, [_event(doubted, EventKind.PIN_ACCEPTED, now, said)])
        await self._ladder.stop(tx, ended)
        tx.after_commit(lambda: self._pokes.poke(ended.site_id, "incidents", ended.id))

    async def _duress(self, tx: Tx, incident: Incident, now: datetime) -> None:
        forced = flagged(incident, Flag.DURESS, raises_severity=True)
        await self._incidents.save(tx, forced, [_event(incident, EventKind.PIN_ACCEPTED, now, {"kind": "duress"})])
        if forced.owner_id is None and Act.NOTIFY in allowed(forced.state):
            await self._ladder.start(tx, msgspec.structs.replace(forced, lap=forced.lap + 1), now)

    async def _wrong(self, tx: Tx, technician_id: TechnicianId, incident: Incident, in_a_row: int) -> None:
        # Its version stays: whoever tries PINs must not make every act of the desk out of date.
        graver = incident
        if in_a_row >= WRONG_PINS_ALARMING:
            graver = flagged(incident, Flag.WRONG_PINS, raises_severity=True)
            await self._pins.forgive(tx, technician_id)
        event = _event(incident, EventKind.PIN_REFUSED, self._clock.now(), {"in_a_row": in_a_row})
        await self._incidents.save(tx, graver, [event])
        tx.after_commit(lambda: self._pokes.poke(incident.site_id, "incidents", incident.id))


def _touched(incident: Incident) -> Incident:
    return msgspec.structs.replace(incident, version=incident.version + 1)


def _event(incident: Incident, kind: EventKind, now: datetime, data: dict[str, object]) -> Event:
    return Event(incident_id=incident.id, seq=0, kind=kind, actor=incident.raised_by, at=now, data=data)
