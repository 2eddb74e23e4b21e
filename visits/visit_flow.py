"""The story of a visit: it is given to her, she sets out, arrives, starts with the door code, ends, leaves; or it is called or broken off.

Called by `http_visits` and the sockets. Every act: load and lock, may she, was it done before, is it the version she saw, decide by a rule,
store, note the act, tell the listeners in the same transaction, poke after it.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any

from core.caller import Caller, CallerKind
from core.clock import Clock
from core.errors import BadInput, Conflict, HubError, NotAllowed, NotFound
from core.ids import IdSource, TechnicianId, VisitId
from core.unit_of_work import Tx, UnitOfWork
from visits.act_rights import actor_of, must_be_allowed
from visits.arrival import (
    ArrivalVerdict,
    Departure,
    SeenPosition,
    cure_of,
    departure_after_arrival,
    judge_arrival,
)
from visits.door_code import DoorVerdict, judge_door_code
from visits.events import StageChanged
from visits.person import reasons_against
from visits.ports import AssignmentGate, LastKnown, Pokes, StageListener, Stores
from visits.refusal import NotAssignable, NotThere, ShiftNotOpen, VisitUnderway, door_refusal, no_show_refusal
from visits.shift import ShiftState
from visits.site import Site
from visits.stage import UNDERWAY, Act, Stage, advance, public_stage
from visits.visit import Told, Visit, happened_at, moved, must_be_version, no_show_from, phones_of

MAX_EXTEND_MIN = 480


Change = Callable[[Tx, Site, Visit, datetime], Awaitable[Visit]]
HasPins = Callable[[TechnicianId], Awaitable[bool]]


class VisitFlow:
    """Acts on visits. Every method returns the visit after the act, or raises a `HubError` that says what to do instead."""

    def __init__(
        self,
        *,
        work: UnitOfWork,
        clock: Clock,
        ids: IdSource,
        stores: Stores,
        pokes: Pokes,
        last_known: LastKnown,
        gates: Sequence[AssignmentGate] = (),
    ) -> None:
        self._work = work
        self._clock = clock
        self._ids = ids
        self._stores = stores
        self._pokes = pokes
        self._last_known = last_known
        self._gates = gates
        self._listeners: list[StageListener] = []
        self._has_pins: HasPins | None = None

    def listen(self, listener: StageListener) -> None:
        """Let `listener` take part in every act from now on. Called in `hub/wiring.py` only."""
        self._listeners.append(listener)

    def ask_pins_of(self, has_pins: HasPins) -> None:
        """Let her phone lengthen a service only with her PIN where she has set one. Called in `hub/` only."""
        self._has_pins = has_pins

    async def assign(self, caller: Caller, visit_id: VisitId, technician_id: TechnicianId, told: Told) -> Visit:
        """Give the visit to a technician; raises `NotAssignable` with every reason that speaks against it."""
        return await self._act(caller, visit_id, Act.ASSIGN, told, self._giving(Act.ASSIGN, technician_id))

    async def reassign(self, caller: Caller, visit_id: VisitId, technician_id: TechnicianId, told: Told) -> Visit:
        """Give it to another technician; visit, link and quote stay. Raises `NotAssignable` with every reason against it."""
        return await self._act(caller, visit_id, Act.REASSIGN, told, self._giving(Act.REASSIGN, technician_id))

    async def depart(self, caller: Caller, visit_id: VisitId, told: Told) -> Visit:
        """She sets out. Needs her shift open and no other visit underway; stays unconfirmed until movement is seen."""
        seen = await self._seen(caller, told)
        start = None if seen is None or seen.mocked else seen.point

        async def depart(tx: Tx, _site: Site, visit: Visit, at: datetime) -> Visit:
            await self._must_be_free(tx, visit)
            return moved(visit, Act.DEPART, at, self._clock.now(), departure=Departure.UNCONFIRMED, departed_from=start)

        return await self._act(caller, visit_id, Act.DEPART, told, depart, seen)

    async def arrive(self, caller: Caller, visit_id: VisitId, told: Told) -> Visit:
        """She is there. Raises `NotThere` with the verdict unless her position shows it; a dispatcher says it with a reason."""
        seen = await self._seen(caller, told)

        async def arrive(_tx: Tx, site: Site, visit: Visit, at: datetime) -> Visit:
            verdict = judge_arrival(visit.place.point, seen, site.settings)
            if caller.kind is not CallerKind.DISPATCHER and verdict is not ArrivalVerdict.ACCEPTED:
                raise NotThere(cure_of(verdict), verdict=verdict.value)
            point = seen.point if seen is not None and verdict is ArrivalVerdict.ACCEPTED else None
            departure = departure_after_arrival(visit.departure, visit.departed_from, point, site.settings)
            return moved(visit, Act.ARRIVE, at, self._clock.now(), departure=departure)

        return await self._act(caller, visit_id, Act.ARRIVE, told, arrive, seen)

    async def start(self, caller: Caller, visit_id: VisitId, door_code: str | None, told: Told) -> Visit:
        """The service starts with the customer's half of the door code; raises `WrongDoorCode`. A dispatcher gives a reason instead."""
        if (refusal := await self._check_door(caller, visit_id, door_code, told)) is not None:
            raise refusal
        return await self._act(caller, visit_id, Act.START, told, self._moving(Act.START), await self._seen(caller, told))

    async def extend(self, caller: Caller, visit_id: VisitId, minutes: int, told: Told, *, is_pin_checked: bool = False) -> Visit:
        """Add 1 to 480 minutes to the service; the overrun timer moves. Raises `NotAllowed` where her phone must give her PIN first."""
        if not is_pin_checked:
            await self._must_need_no_pin(caller)
        if not 1 <= minutes <= MAX_EXTEND_MIN:
            raise BadInput(f"minutes is {minutes}; 1 to {MAX_EXTEND_MIN} are possible.")

        async def extend(_tx: Tx, _site: Site, visit: Visit, at: datetime) -> Visit:
            return moved(visit, Act.EXTEND, at, self._clock.now(), extended_min=visit.extended_min + minutes)

        return await self._act(caller, visit_id, Act.EXTEND, told, extend)

    async def end(self, caller: Caller, visit_id: VisitId, told: Told) -> Visit:
        """The service is over; safety stays until she has left."""
        return await self._act(caller, visit_id, Act.END, told, self._moving(Act.END), await self._seen(caller, told))

    async def leave(self, caller: Caller, visit_id: VisitId, told: Told) -> Visit:
        """She is out: the visit closes."""
        return await self._act(caller, visit_id, Act.LEAVE, told, self._moving(Act.LEAVE), await self._seen(caller, told))

    async def cancel(self, caller: Caller, visit_id: VisitId, told: Told) -> Visit:
        """Call it off, with a reason; possible until the service starts."""
        return await self._act(caller, visit_id, Act.CANCEL, told, self._moving(Act.CANCEL))

    async def abort_unsafe(self, caller: Caller, visit_id: VisitId, told: Told) -> Visit:
        """Break off because it is not safe; outside this reads as an ordinary end."""
        return await self._act(caller, visit_id, Act.ABORT_UNSAFE, told, self._moving(Act.ABORT_UNSAFE), await self._seen(caller, told))

    async def no_show(self, caller: Caller, visit_id: VisitId, told: Told) -> Visit:
        """Nobody opened. Raises `TooEarly` before the service's waiting time is over; a dispatcher may say it at once."""

        async def no_show(_tx: Tx, site: Site, visit: Visit, at: datetime) -> Visit:
            from_at = no_show_from(visit, site.service(visit.service_kind).policy.no_show_min)
            if caller.kind is not CallerKind.DISPATCHER and from_at is not None and at < from_at:
                raise no_show_refusal(from_at, site.zone)
            return moved(visit, Act.NO_SHOW, at, self._clock.now())

        return await self._act(caller, visit_id, Act.NO_SHOW, told, no_show, await self._seen(caller, told))

    async def announce(self, tx: Tx, event: StageChanged, idempotency_key: str | None = None) -> None:
        """Note the act and tell the listeners, inside `tx`; poke other workers after it. Used by `booking_flow` too."""
        await self._stores.visits.note_act(tx, self._ids.new_id(), event, idempotency_key)
        for listener in self._listeners:
            await listener.on_stage_changed(tx, event)
        tx.after_commit(lambda: self._pokes.poke(event.site_id, "visit", event.visit_id))

    async def _act(
        self, caller: Caller, visit_id: VisitId, act: Act, told: Told, change: Change, seen: SeenPosition | None = None
    ) -> Visit:
        async with self._work.begin() as tx:
            visit = await self._visit(tx, caller, visit_id)
            if await self._was_done(tx, visit, act, told):
                return visit
            _must_be_possible(caller, act, visit, told)
            at = happened_at(visit, self._clock.now(), told)
            after = await change(tx, await self._site(tx, visit), visit, at)
            await self._stores.visits.save(tx, after, visit.version)
            event = _event(visit, after, act, actor_of(caller), told, at, self._clock.now(), seen)
            await self.announce(tx, event, told.idempotency_key)
            return after

    async def _was_done(self, tx: Tx, visit: Visit, act: Act, told: Told) -> bool:
        if told.idempotency_key is None:
            return False
        done = await self._stores.visits.has_act(tx, visit.id, told.idempotency_key)
        if done is not None and done != act:
            raise Conflict(f"This idempotency key was used to {done} the visit before. Use a new key for a new act.")
        return done is not None

    async def _check_door(self, caller: Caller, visit_id: VisitId, typed: str | None, told: Told) -> HubError | None:
        async with self._work.begin() as tx:
            visit = await self._visit(tx, caller, visit_id)
            site = await self._site(tx, visit)
            if visit.stage is not Stage.ARRIVED or caller.kind is CallerKind.DISPATCHER or not _needs_code(site, visit):
                return None
            must_be_allowed(caller, Act.START, visit, told.reason)
            tries = site.settings.door_code_tries
            verdict = judge_door_code(visit.door_code, typed or "", visit.door_code_misses, tries)
            if verdict is DoorVerdict.WRONG and typed:
                await self._stores.visits.count_miss(tx, visit.id)
            return door_refusal(verdict, max(0, tries - visit.door_code_misses - bool(typed)))

    async def _must_need_no_pin(self, caller: Caller) -> None:
        if caller.kind is not CallerKind.DEVICE or caller.technician_id is None or self._has_pins is None:
            return
        if await self._has_pins(caller.technician_id):
            raise NotAllowed("Your phone lengthens a service only with your PIN: use POST /v1/me/extensions, or call the desk.")

    def _giving(self, act: Act, technician_id: TechnicianId) -> Change:
        async def give(tx: Tx, site: Site, visit: Visit, at: datetime) -> Visit:
            await self._must_be_assignable(tx, site, visit, technician_id)
            return moved(visit, act, at, self._clock.now(), technician_id=technician_id)

        return give

    def _moving(self, act: Act) -> Change:
        async def move(_tx: Tx, _site: Site, visit: Visit, at: datetime) -> Visit:
            return moved(visit, act, at, self._clock.now())

        return move

    async def _must_be_assignable(self, tx: Tx, site: Site, visit: Visit, technician_id: TechnicianId) -> None:
        technicians = self._stores.technicians
        technician = await technicians.get(tx, technician_id)
        if technician is None or technician.site_id != site.id:
            raise NotFound("There is no such technician in this site. Check technician_id.")
        keys = [technicians.customer_key(phone) for phone in phones_of(visit)]
        blocked = [pair for key in keys for pair in await technicians.blocked(tx, technician_id, key)]
        reasons = reasons_against(technician, site, site.service(visit.service_kind), blocked)
        for gate in self._gates:
            reasons += await gate.reasons_against(tx, site, technician)
        if reasons:
            raise NotAssignable(" ".join(reasons), reasons=reasons)

    async def _must_be_free(self, tx: Tx, visit: Visit) -> None:
        if visit.technician_id is None:
            raise Conflict("Nobody is assigned. Assign a technician first.")
        # Locking the shift makes two departures of hers, and its closing, take turns.
        shift = await self._stores.shifts.open_of(tx, visit.technician_id, lock=True)
        if shift is None or shift.state is not ShiftState.OPEN:
            raise ShiftNotOpen("Her shift is not open: nothing may be located now. Open or resume the shift first.")
        underway = await self._stores.visits.of_technician(tx, visit.technician_id, UNDERWAY)
        if underway:
            raise VisitUnderway("Another visit of hers is underway. Finish that one first.", visit_id=underway[0].id)

    async def _seen(self, caller: Caller, told: Told) -> SeenPosition | None:
        if told.position is not None or caller.technician_id is None or caller.kind is not CallerKind.DEVICE:
            return told.position
        for site in caller.sites:
            return await self._last_known.last_known(site, caller.technician_id)
        return None

    async def _visit(self, tx: Tx, caller: Caller, visit_id: VisitId) -> Visit:
        visit = await self._stores.visits.get(tx, visit_id, lock=True)
        is_hers = caller.kind is not CallerKind.DEVICE or (visit is not None and visit.technician_id == caller.technician_id)
        if visit is None or visit.site_id not in caller.sites or not is_hers:
            raise NotFound("There is no such visit, or it is not yours to see. Check the id.")
        return visit

    async def _site(self, tx: Tx, visit: Visit) -> Site:
        site = await self._stores.sites.get(tx, visit.site_id)
        if site is None:
            raise NotFound("The visit's site is gone. Tell the operator.")
        return site


def _must_be_possible(caller: Caller, act: Act, visit: Visit, told: Told) -> None:
    must_be_allowed(caller, act, visit, told.reason)
    must_be_version(visit, told.expected_version)
    # Refuse in words the caller may read: only the desk is told of a visit broken off for safety.
    advance(visit.stage if caller.kind is CallerKind.DISPATCHER else public_stage(visit.stage), act)


def _needs_code(site: Site, visit: Visit) -> bool:
    return site.service(visit.service_kind).policy.needs_door_code


def _event(
    before: Visit, after: Visit, act: Act, actor: str, told: Told, at: datetime, now: datetime, seen: SeenPosition | None
) -> StageChanged:
    fields: dict[str, Any] = {"position": seen, "reason": told.reason, "device_at": told.device_at}
    return StageChanged(
        visit_id=after.id,
        site_id=after.site_id,
        technician_id=after.technician_id,
        former_technician_id=before.technician_id,
        before=before.stage,
        after=after.stage,
        act=act,
        actor=actor,
        happened_at=at,
        server_at=now,
        version=after.version,
        **fields,
    )
