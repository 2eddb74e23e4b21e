"""What can be shown of an incident, to whom? Report, export and disclosure, and the hold that keeps its data.

Everything that leaves is one JSON file made of the log; its SHA-256 stands in the log itself, so that what was given can be proved.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

import msgspec

from core.caller import Caller, Role
from core.clock import Clock
from core.errors import NotFound
from core.ids import IdSource, IncidentId
from core.unit_of_work import Tx, UnitOfWork
from safety.desk_flow import dispatcher_of
from safety.disclosure import Disclosure, approved, checked, given
from safety.evidence import Event, EventKind, first_break
from safety.incident import Flag, Incident
from safety.ports import IncidentReader, Incidents
from safety.report import Report, report_of
from safety.row_check import Difference, differences

FORMAT = "porchlight.incident/1"


class Disclosures(Protocol):
    """Requests for evidence."""

    async def get(self, tx: Tx, disclosure_id: str) -> Disclosure:
        """Return the request, held for this transaction; raises `NotFound`."""
        ...

    async def of(self, tx: Tx, incident_id: IncidentId) -> Sequence[Disclosure]:
        """Return the requests of an incident, oldest first."""
        ...

    async def put(self, tx: Tx, request: Disclosure) -> None:
        """Write the request."""
        ...


class Tracks(Protocol):
    """Her way around an incident. Met by tracking's ledger."""

    async def track(self, incident: Incident, until: datetime) -> Sequence[dict[str, Any]]:
        """Return her fixes from half an hour before to `until`, with a `gap_s` where nothing was heard."""
        ...


class Export(msgspec.Struct, frozen=True, kw_only=True):
    """One incident as one file. `broken_at`: the first event that was changed afterwards; `differs`: where its row says something else
    than its log; `track`: her way, in order."""

    format: str
    exported_at: datetime
    incident: Incident
    report: Report
    events: Sequence[Event]
    broken_at: int | None
    differs: Sequence[Difference]
    track: Sequence[dict[str, Any]]


class EvidenceFlow:
    """Shows, gives and keeps evidence."""

    def __init__(
        self, work: UnitOfWork, incidents: Incidents, reader: IncidentReader, disclosures: Disclosures, tracks: Tracks | None, clock: Clock,
        ids: IdSource,
    ) -> None:  # fmt: skip
        self._work = work
        self._incidents = incidents
        self._reader = reader
        self._disclosures = disclosures
        self._tracks = tracks
        self._clock = clock
        self._ids = ids

    async def report(self, caller: Caller, incident_id: IncidentId) -> Report:
        """Return the report of an incident, made from its log."""
        async with self._work.read() as tx:
            incident = await self._found(tx, caller, incident_id)
            return report_of(incident, await self._reader.events(tx, incident.id))

    async def export(self, caller: Caller, incident_id: IncidentId) -> bytes:
        """Return the incident as one JSON file, as a supervisor; that she took it stands in the log."""
        caller.must_be(Role.SUPERVISOR)
        content = await self.exported(caller, incident_id)
        async with self._work.begin(urgent=True) as tx:
            await self._log(tx, incident_id, caller, EventKind.LOOKED, {"what": "export", "sha256": hashlib.sha256(content).hexdigest()})
        return content

    async def exported(self, caller: Caller, incident_id: IncidentId) -> bytes:
        """Return the file without noting it: for the command line and for disclosures."""
        now = self._clock.now()
        async with self._work.read() as tx:
            incident = await self._found(tx, caller, incident_id)
            events = await self._reader.events(tx, incident.id)
        track = [] if self._tracks is None else await self._tracks.track(incident, incident.resolved_at or now)
        made = Export(
            format=FORMAT, exported_at=now, incident=incident, report=report_of(incident, events), events=events,
            broken_at=first_break(incident.id, events, incident.last_hash), differs=differences(incident, events), track=track,
        )  # fmt: skip
        return msgspec.json.format(msgspec.json.encode(made, order="deterministic"))

    async def hold(self, caller: Caller, incident_id: IncidentId, *, is_held: bool, reason: str) -> Incident:
        """Stop retention of everything about an incident, or let it go on; as a supervisor, with the reason."""
        caller.must_be(Role.SUPERVISOR)
        now = self._clock.now()
        async with self._work.begin(urgent=True) as tx:
            incident = await self._incidents.get(tx, incident_id)
            caller.must_reach(incident.site_id)
            flags = incident.flags | {Flag.LEGAL_HOLD} if is_held else incident.flags - {Flag.LEGAL_HOLD}
            changed = msgspec.structs.replace(incident, flags=flags)
            event = _event(incident_id, EventKind.HELD, caller, now, {"is_held": is_held, "reason": reason})
            await self._incidents.save(tx, changed, [event])
        return changed

    async def disclosures(self, caller: Caller, incident_id: IncidentId) -> Sequence[Disclosure]:
        """Return who asked for evidence, oldest first."""
        async with self._work.read() as tx:
            incident = await self._found(tx, caller, incident_id)
            return await self._disclosures.of(tx, incident.id)

    async def ask(
        self, caller: Caller, incident_id: IncidentId, authority: str, legal_reference: str, scope: str, *, is_emergency: bool
    ) -> Disclosure:
        """Ask for evidence to leave the house; raises `BadInput` naming what is missing."""
        now = self._clock.now()
        async with self._work.begin() as tx:
            await self._found(tx, caller, incident_id)
            request = checked(
                Disclosure(
                    id=self._ids.new_id(), incident_id=incident_id, authority=authority, legal_reference=legal_reference, scope=scope,
                    is_emergency=is_emergency, requested_by=dispatcher_of(caller), requested_at=now,
                )
            )  # fmt: skip
            await self._disclosures.put(tx, request)
        return request

    async def approve(self, caller: Caller, disclosure_id: str) -> Disclosure:
        """Approve a request as a supervisor who did not make it; after an emergency this is the review."""
        caller.must_be(Role.SUPERVISOR)
        async with self._work.begin() as tx:
            request = await self._disclosures.get(tx, disclosure_id)
            await self._found(tx, caller, request.incident_id)
            request = approved(request, dispatcher_of(caller))
            await self._disclosures.put(tx, request)
        return request

    async def give(self, caller: Caller, disclosure_id: str) -> bytes:
        """Return the file that is handed over, once enough people approved; its hash stands in the log."""
        caller.must_be(Role.SUPERVISOR)
        async with self._work.read() as tx:
            request = await self._disclosures.get(tx, disclosure_id)
        content = await self.exported(caller, request.incident_id)
        digest, now = hashlib.sha256(content).hexdigest(), self._clock.now()
        async with self._work.begin(urgent=True) as tx:
            request = given(await self._disclosures.get(tx, disclosure_id), now, digest)
            await self._disclosures.put(tx, request)
            data = {"disclosure_id": request.id, "authority": request.authority, "sha256": digest}
            await self._log(tx, request.incident_id, caller, EventKind.DISCLOSED, data)
        return content

    async def _log(self, tx: Tx, incident_id: IncidentId, caller: Caller, kind: EventKind, data: dict[str, Any]) -> None:
        incident = await self._incidents.get(tx, incident_id)
        await self._incidents.save(tx, incident, [_event(incident_id, kind, caller, self._clock.now(), data)])

    async def _found(self, tx: Tx, caller: Caller, incident_id: IncidentId) -> Incident:
        incident = await self._reader.find(tx, incident_id)
        if incident is None or incident.site_id not in caller.sites:
            raise NotFound("There is no such incident, or it is not of your site.")
        return incident


def _event(incident_id: IncidentId, kind: EventKind, caller: Caller, now: datetime, data: dict[str, Any]) -> Event:
    return Event(incident_id=incident_id, seq=0, kind=kind, actor=f"dispatcher:{caller.id}", at=now, data=data)
