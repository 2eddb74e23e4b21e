"""Who could come to her? Colleagues near by, offered to the desk; told only when a dispatcher chooses them, never by the hub itself."""

from collections.abc import Sequence

from core.caller import Caller
from core.clock import Clock
from core.errors import BadInput, NotFound
from core.geo import LatLon
from core.ids import IncidentId, TechnicianId
from core.unit_of_work import UnitOfWork
from safety.desk_flow import dispatcher_of
from safety.evidence import Event, EventKind
from safety.incident import Incident, kept, must_be_at
from safety.person_ports import Colleagues, Helper
from safety.ports import IncidentReader, Incidents, LastKnown, Pokes
from safety.sos_tap import Position

MOST = 10


class HelpersFlow:
    """Offers and tells colleagues."""

    def __init__(
        self, work: UnitOfWork, incidents: Incidents, reader: IncidentReader, colleagues: Colleagues, last_known: LastKnown, pokes: Pokes,
        clock: Clock,
    ) -> None:  # fmt: skip
        self._work = work
        self._incidents = incidents
        self._reader = reader
        self._colleagues = colleagues
        self._last_known = last_known
        self._pokes = pokes
        self._clock = clock

    async def near(self, caller: Caller, incident_id: IncidentId) -> Sequence[Helper]:
        """Return up to ten on-shift colleagues, nearest first; none where nobody knows where she is."""
        dispatcher_of(caller)
        async with self._work.read() as tx:
            incident = await self._reader.find(tx, incident_id)
            if incident is None or incident.site_id not in caller.sites:
                raise NotFound("There is no such incident, or it is not of your site.")
            events = await self._reader.events(tx, incident_id)
        place = await self._place(incident, events)
        return [] if place is None else await self._colleagues.near(incident, place, MOST)

    async def tell(self, caller: Caller, incident_id: IncidentId, version: int, whom: Sequence[TechnicianId]) -> Incident:
        """Ask the chosen colleagues for help, as the incident's owner; who was told stands in the log.

        Raises `BadInput` where none of them may be asked: only those on shift who offered it, and never one of a blocked pair.
        """
        by, now = dispatcher_of(caller), self._clock.now()
        if not 1 <= len(whom) <= MOST:
            raise BadInput(f"Choose 1 to {MOST} colleagues.")
        async with self._work.begin(urgent=True) as tx:
            incident = await self._incidents.get(tx, incident_id)
            caller.must_reach(incident.site_id)
            must_be_at(incident, version)
            changed = kept(incident, by, now)
            told = list(await self._colleagues.tell(tx, incident, whom, incident.code))
            if not told:
                raise BadInput("None of them may be asked: only those on shift who offered help. Look at the list again, or call somebody.")
            data = {"technician_ids": told, "passed_over": [each for each in whom if each not in told], "notices": len(told)}
            event = Event(incident_id=incident.id, seq=0, kind=EventKind.HELPERS_TOLD, actor=f"dispatcher:{by}", at=now, data=data)
            await self._incidents.save(tx, changed, [event])
            tx.after_commit(lambda: self._pokes.poke(incident.site_id, "incidents", incident.id))
        return changed

    async def _place(self, incident: Incident, events: Sequence[Event]) -> Position | None:
        if incident.technician_id is not None:
            known = await self._last_known.position_of(incident.site_id, incident.technician_id)
            if known is not None:
                return known
        pressed = [event.data["position"] for event in events if event.data.get("position")]
        return Position(place=LatLon(*pressed[-1]["place"])) if pressed else None
