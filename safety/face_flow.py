"""What may this phone read of its own press? Loads the events and asks `public_face`; no other road leads from incidents to a phone."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from core.caller import Caller, CallerKind
from core.clock import to_ms
from core.ids import IncidentId, TechnicianId
from core.unit_of_work import Tx, UnitOfWork
from safety.evidence import Event
from safety.incident import Incident
from safety.ports import IncidentReader
from safety.public_face import FADES_AFTER, QUIET, PublicFace, has_her_press, public_face, tracked_until
from visits.shift import Interval


class PressLog(Protocol):
    """The part of the incidents that a face is made of."""

    async def raised_since(self, tx: Tx, whos: Sequence[str], since: datetime) -> Sequence[Incident]:
        """See `IncidentReader.raised_since`."""
        ...

    async def events(self, tx: Tx, incident_id: IncidentId) -> list[Event]:
        """See `IncidentReader.events`."""
        ...


async def newest_face(tx: Tx, incidents: PressLog, who: str, now: datetime) -> PublicFace:
    """Return the face of the newest press that the phone of `who` knows of."""
    for incident in reversed(await incidents.raised_since(tx, [who], now - FADES_AFTER)):
        events = await incidents.events(tx, incident.id)
        if has_her_press(events):
            return public_face(events, now)
    return QUIET


class FaceFlow:
    """Reads incidents for those who are not the desk."""

    def __init__(self, work: UnitOfWork, incidents: IncidentReader) -> None:
        self._work = work
        self._incidents = incidents

    async def face_of(self, caller: Caller, now: datetime) -> PublicFace:
        """Return the face of the caller's newest press, `QUIET` when there is none to show."""
        who = f"customer:{caller.visit_id}" if caller.kind is CallerKind.LINK else f"technician:{caller.technician_id}"
        async with self._work.read() as tx:
            return await newest_face(tx, self._incidents, who, now)

    async def intervals(
        self, tx: Tx, technician_ids: Sequence[TechnicianId], since: datetime
    ) -> Mapping[TechnicianId, Sequence[Interval]]:
        """Return the intervals in which fixes of theirs are taken because of incidents: an `IntervalSource` of the shift gate."""
        found: dict[TechnicianId, list[Interval]] = {}
        by_name = {f"technician:{technician_id}": technician_id for technician_id in technician_ids}
        for incident in await self._incidents.raised_since(tx, list(by_name), since - FADES_AFTER):
            until = tracked_until(await self._incidents.events(tx, incident.id), incident.resolved_at)
            if until is None or until > max(since, incident.raised_at):
                interval = Interval(to_ms(incident.raised_at), None if until is None else to_ms(until))
                found.setdefault(by_name[incident.raised_by], []).append(interval)
        return found
