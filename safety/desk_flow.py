"""What may a dispatcher do with an incident? Claim, note, call, respond, offer, accept, resolve, review; against the version she saw.

Called by `http_desk` and `ws_console`. Two dispatchers who claim at once meet at the version: one wins, the other is told who.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec

from core.caller import Caller, Role
from core.clock import Clock
from core.errors import BadInput, NotAllowed
from core.ids import DispatcherId, IncidentId
from core.unit_of_work import Tx, UnitOfWork
from safety.evidence import Event, EventKind
from safety.incident import (
    Act,
    Incident,
    Resolution,
    claimed,
    handed_over,
    is_hasty,
    kept,
    moved,
    must_be_at,
    must_own,
    resolved,
    reviewed,
)
from safety.ladder_flow import LadderFlow
from safety.ports import Alerts, DeskAccounts, Incidents, Pokes

Change = Callable[[Incident, datetime], Incident]


class DeskFlow:
    """The desk's acts. Each returns the incident as it now is; each renews the owner's lease."""

    def __init__(
        self, work: UnitOfWork, incidents: Incidents, ladder: LadderFlow, accounts: DeskAccounts, alerts: Alerts, pokes: Pokes, clock: Clock
    ) -> None:
        self._work = work
        self._incidents = incidents
        self._ladder = ladder
        self._accounts = accounts
        self._alerts = alerts
        self._pokes = pokes
        self._clock = clock

    async def claim(self, caller: Caller, incident_id: IncidentId, version: int) -> Incident:
        """Take the incident; raises `OutOfDate` naming the winner when someone was faster, `NotAllowed` for one's own.

        While nobody owns it any version will do: that the ladder climbed meanwhile is no reason to refuse whoever answers.
        """
        by = dispatcher_of(caller)

        def change(incident: Incident, now: datetime) -> Incident:
            if incident.owner_id is not None:
                must_be_at(incident, version)
            return claimed(incident, by, now, is_own=_is_own(caller, incident))

        return await self._change(caller, incident_id, None, change, EventKind.CLAIMED, {}, after=self._ladder.hold)

    async def note(self, caller: Caller, incident_id: IncidentId, text: str) -> Incident:
        """Add a note; anyone of the site's desk may, and the owner's note renews her lease."""
        by = dispatcher_of(caller)

        def change(incident: Incident, now: datetime) -> Incident:
            return kept(incident, by, now) if incident.owner_id == by else incident

        return await self._change(caller, incident_id, None, change, EventKind.NOTED, {"text": text})

    async def call(self, caller: Caller, incident_id: IncidentId, version: int, whom: str) -> Incident:
        """Record that the owner calls someone; `whom` such as `technician`, `customer`, `police`, `contact`."""
        by = dispatcher_of(caller)
        return await self._change(
            caller, incident_id, version, lambda incident, now: kept(incident, by, now), EventKind.CALLED, {"whom": whom}
        )

    async def respond(self, caller: Caller, incident_id: IncidentId, version: int, what: str) -> Incident:
        """Record that help is on its way; `what` in words. May be repeated."""
        by = dispatcher_of(caller)

        def change(incident: Incident, now: datetime) -> Incident:
            must_own(incident, by)
            return kept(moved(incident, Act.RESPOND), by, now)

        return await self._change(caller, incident_id, version, change, EventKind.RESPONDED, {"what": what})

    async def offer(self, caller: Caller, incident_id: IncidentId, version: int, to: DispatcherId, note: str) -> Incident:
        """Offer the incident to a colleague; it stays the owner's until she accepts. Raises `BadInput` for whoever could never accept."""
        by = dispatcher_of(caller)
        async with self._work.read() as tx:
            colleague = await self._accounts.account(tx, to)

        def change(incident: Incident, now: datetime) -> Incident:
            if to == by or colleague is None or incident.site_id not in colleague.sites:
                raise BadInput("Offer it to another dispatcher of this site: nobody else could accept it.")
            return msgspec.structs.replace(kept(incident, by, now), offered_to=to)

        return await self._change(caller, incident_id, version, change, EventKind.OFFERED, {"to": to, "note": note})

    async def accept(self, caller: Caller, incident_id: IncidentId, version: int) -> Incident:
        """Accept what was offered: ownership moves now. Raises `NotAllowed` for one's own call."""
        by = dispatcher_of(caller)

        def change(incident: Incident, now: datetime) -> Incident:
            return handed_over(incident, by, now, is_own=_is_own(caller, incident))

        return await self._change(caller, incident_id, version, change, EventKind.HANDED_OVER, {"to": by}, after=self._ladder.hold)

    async def resolve(self, caller: Caller, incident_id: IncidentId, version: int, code: Resolution, note: str) -> Incident:
        """End the incident with a code and a note; a hasty false alarm is flagged for a supervisor."""
        by, is_supervisor = dispatcher_of(caller), bool(caller.roles & {Role.SUPERVISOR, Role.OWNER})
        async with self._work.begin(urgent=True) as tx:
            incident, now = await self._read(tx, caller, incident_id, version), self._clock.now()
            ended = resolved(incident, by, code, note, now, is_supervisor=is_supervisor)
            data = {"code": code.value, "note": note, "hasty": is_hasty(await self._shown_at(tx, incident), code, now)}
            await self._incidents.save(tx, ended, [_event(ended, EventKind.RESOLVED, by, now, data)])
            await self._ladder.stop(tx, ended)
            if data["hasty"]:
                await self._alerts.hasty_resolution(tx, ended)
            self._poke_after(tx, ended)
        return ended

    async def _shown_at(self, tx: Tx, incident: Incident) -> datetime:
        """Return when it came into SQL, and so onto the console: after `raised_at` where SQL was away."""
        return await self._incidents.begun_at(tx, incident.id) or incident.raised_at

    async def review(self, caller: Caller, incident_id: IncidentId, version: int, note: str) -> Incident:
        """Sign the report as a second person; takes a supervisor."""
        caller.must_be(Role.SUPERVISOR)
        by = dispatcher_of(caller)
        return await self._change(
            caller, incident_id, version, lambda incident, _now: reviewed(incident, by), EventKind.REVIEWED, {"note": note}
        )

    async def _change(
        self, caller: Caller, incident_id: IncidentId, version: int | None, change: Change, kind: EventKind, data: dict[str, Any], *,
        after: Callable[[Tx, Incident, datetime], Any] | None = None,
    ) -> Incident:  # fmt: skip
        async with self._work.begin(urgent=True) as tx:
            incident, now = await self._read(tx, caller, incident_id, version), self._clock.now()
            changed = change(incident, now)
            await self._incidents.save(tx, changed, [_event(changed, kind, dispatcher_of(caller), now, data)])
            if after is not None:
                await after(tx, changed, now)
            self._poke_after(tx, changed)
        return changed

    async def _read(self, tx: Tx, caller: Caller, incident_id: IncidentId, version: int | None) -> Incident:
        incident = await self._incidents.get(tx, incident_id)
        caller.must_reach(incident.site_id)
        if version is not None:
            must_be_at(incident, version)
        return incident

    def _poke_after(self, tx: Tx, incident: Incident) -> None:
        tx.after_commit(lambda: self._pokes.poke(incident.site_id, "incidents", incident.id))


def can_end_duty(owned: int, others_on_duty: int, people_working: int) -> str | None:
    """Return why a dispatcher may not go off duty yet, None when she may."""
    if owned:
        return "You own an open incident. Hand it over first." if owned == 1 else f"You own {owned} open incidents. Hand them over first."
    if others_on_duty == 0 and people_working:
        return f"You are the last on duty while {people_working} technicians work. Find a colleague, or confirm that the desk stays empty."
    return None


def dispatcher_of(caller: Caller) -> DispatcherId:
    """Return the desk account of the caller; raises `NotAllowed` for any other kind of credential."""
    if caller.dispatcher_id is None:
        raise NotAllowed("This is an act of the desk. Sign in as a dispatcher.")
    return caller.dispatcher_id


def _is_own(caller: Caller, incident: Incident) -> bool:
    return caller.technician_id is not None and caller.technician_id == incident.technician_id


def _event(incident: Incident, kind: EventKind, by: DispatcherId, now: datetime, data: dict[str, Any]) -> Event:
    return Event(incident_id=incident.id, seq=0, kind=kind, actor=f"dispatcher:{by}", at=now, data=data)
