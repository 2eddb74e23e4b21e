"""What happens when she enters a PIN? The phone plays the same scene after the true and the duress PIN; the desk learns which it was.

Called by `http_sos` and `ws_technician`. Both hashes are compared every time and the answer leaves at a fixed moment, so that neither its
body nor its timing tells what was entered.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime

import msgspec

from core.clock import Clock
from core.errors import BadInput
from core.ids import TechnicianId
from core.unit_of_work import Tx, UnitOfWork
from safety.evidence import Event, EventKind
from safety.face_flow import newest_face
from safety.incident import Act, Flag, Incident, allowed, flagged, moved
from safety.ladder_flow import LadderFlow
from safety.pin import WRONG_PINS_ALARMING, PinVerdict, PresentPinNeeded, check_pair, verdict
from safety.ports import Incidents, PinHashes, Pins, Pokes, StoredPins
from safety.public_face import FADES_AFTER, Phase, PublicFace, public_face

ANSWER_AFTER_S = 0.8
"""The answer leaves this long after the PIN came, or at the next multiple: far above two hashes and a commit (about 0.2 s)."""


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
        self._raise_duress: Callable[[TechnicianId], Awaitable[object]] | None = None

    def on_duress(self, act: Callable[[TechnicianId], Awaitable[object]]) -> None:
        """Let `act` raise the alarm where a duress PIN cancels nothing: no incident is open, or PINs are changed. Called in `hub/` only."""
        self._raise_duress = act

    async def set_pins(self, technician_id: TechnicianId, true_pin: str, duress_pin: str, present_pin: str | None = None) -> None:
        """Set both PINs at once; raises `PinsRefused` where the pair would endanger her.

        Where PINs are set already the one in force is needed, or whoever holds her phone would set his own: raises `PresentPinNeeded`.
        Under duress the change looks done and the alarm is raised; of the new pair the PIN that he takes for the true one calls for help.
        The first pair is not stored while an incident of hers is open.
        """
        began_s = self._clock.monotonic()
        check_pair(true_pin, duress_pin)
        async with self._work.read() as tx:
            is_first = await self._pins.get(tx, technician_id) is None
        entered = PinVerdict.TRUE if is_first else await self._present(technician_id, present_pin)
        pair = (true_pin, duress_pin) if entered is PinVerdict.TRUE else (duress_pin, true_pin)
        stored = StoredPins(await self._hashes.hashed(pair[0]), await self._hashes.hashed(pair[1]))
        if entered is PinVerdict.DURESS and self._raise_duress is not None:
            await self._raise_duress(technician_id)
        if entered is not PinVerdict.WRONG:
            async with self._work.begin() as tx:
                if not is_first or await self._incidents.open_of(tx, f"technician:{technician_id}") is None:
                    await self._pins.put(tx, technician_id, stored, self._clock.now())
        if not is_first:
            await self.fixed_moment(began_s)
        if entered is PinVerdict.WRONG:
            raise PresentPinNeeded("That is not the PIN in force. Nothing was changed.")

    async def _present(self, technician_id: TechnicianId, present_pin: str | None) -> PinVerdict:
        if present_pin is None:
            raise PresentPinNeeded
        entered, now = await self.verdict(technician_id, present_pin), self._clock.now()
        if entered is PinVerdict.WRONG:
            async with self._work.begin(urgent=True) as tx:
                incident = await self._incidents.open_of(tx, f"technician:{technician_id}")
                if incident is not None:
                    await self._wrong(tx, incident, now)
        return entered

    async def enter(self, technician_id: TechnicianId, pin: str) -> PinAnswer:
        """Take an entered PIN and answer at the fixed moment; raises `BadInput` when she never set PINs (then only the desk can cancel)."""
        began_s = self._clock.monotonic()
        entered = await self.verdict(technician_id, pin)
        answer = await self._apply(technician_id, entered)
        await self.fixed_moment(began_s)
        return answer

    async def fixed_moment(self, began_s: float) -> None:
        """Wait until the moment at which an answer to a PIN that came at `began_s` leaves, whatever the PIN was."""
        passed_s = self._clock.monotonic() - began_s
        await self._clock.sleep(ANSWER_AFTER_S - passed_s % ANSWER_AFTER_S)

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

    async def _apply(self, technician_id: TechnicianId, entered: PinVerdict) -> PinAnswer:
        now, who = self._clock.now(), f"technician:{technician_id}"
        async with self._work.begin(urgent=True) as tx:
            incident = await self._incidents.open_of(tx, who)
            if incident is not None:
                await _ACTS[entered](self, tx, incident, now)
                tx.after_commit(lambda: self._pokes.poke(incident.site_id, "incidents", incident.id))
            if entered is not PinVerdict.WRONG:
                await self._settle_older(tx, who, incident, entered, now)
            face = await newest_face(tx, self._incidents, who, now)
        if incident is None and entered is PinVerdict.DURESS and self._raise_duress is not None:
            await self._raise_duress(technician_id)
        return PinAnswer(accepted=entered is not PinVerdict.WRONG, face=face)

    async def _settle_older(self, tx: Tx, who: str, open_one: Incident | None, entered: PinVerdict, now: datetime) -> None:
        # The desk may have ended what her phone still shows: the same PIN must lead to the same scene, whatever the desk did.
        for older in await self._incidents.raised_since(tx, [who], now - FADES_AFTER):
            shows = public_face(await self._incidents.events(tx, older.id), now).phase
            if (open_one is None or older.id != open_one.id) and shows is Phase.RECEIVED:
                await self._incidents.save(tx, older, [_event(older, EventKind.PIN_ACCEPTED, now, {"kind": entered.value})])

    async def _true(self, tx: Tx, incident: Incident, now: datetime) -> None:
        event = _event(incident, EventKind.PIN_ACCEPTED, now, {"kind": "true"})
        if Act.REQUEST_CANCEL not in allowed(incident.state):
            # Somebody owns it already (or a cancel waits): the owner sees the event and decides.
            await self._incidents.save(tx, _touched(incident), [event])
            return
        asked = moved(incident, Act.REQUEST_CANCEL)
        await self._incidents.save(tx, asked, [event])
        await self._ladder.slow_down(tx, asked, now)

    async def _duress(self, tx: Tx, incident: Incident, now: datetime) -> None:
        forced = flagged(incident, Flag.DURESS, raises_severity=True)
        await self._incidents.save(tx, forced, [_event(incident, EventKind.PIN_ACCEPTED, now, {"kind": "duress"})])
        if forced.owner_id is None and Act.NOTIFY in allowed(forced.state):
            await self._ladder.start(tx, msgspec.structs.replace(forced, lap=forced.lap + 1), now)

    async def _wrong(self, tx: Tx, incident: Incident, now: datetime) -> None:
        events = await self._incidents.events(tx, incident.id)
        refused = 1 + sum(event.kind is EventKind.PIN_REFUSED for event in events)
        graver = flagged(incident, Flag.WRONG_PINS, raises_severity=True) if refused == WRONG_PINS_ALARMING else _touched(incident)
        await self._incidents.save(tx, graver, [_event(incident, EventKind.PIN_REFUSED, now, {"count": refused})])


_ACTS = {PinVerdict.TRUE: PinFlow._true, PinVerdict.DURESS: PinFlow._duress, PinVerdict.WRONG: PinFlow._wrong}


def _touched(incident: Incident) -> Incident:
    return msgspec.structs.replace(incident, version=incident.version + 1)


def _event(incident: Incident, kind: EventKind, now: datetime, data: dict[str, object]) -> Event:
    return Event(incident_id=incident.id, seq=0, kind=kind, actor=incident.raised_by, at=now, data=data)
