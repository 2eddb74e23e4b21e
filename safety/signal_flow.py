"""Can she still be heard, now that it matters? Marks open incidents whose signal is lost, which brings their ladder forward by a rung.

Lost data never makes an incident milder, and a signal that comes back is written down and clears nothing.
Source: reference on safety alerts, section 2.2, rule 8.
"""

from collections.abc import Mapping

from core.clock import Clock
from core.ids import SiteId, TechnicianId
from core.unit_of_work import Tx, UnitOfWork
from safety.detectors.detection import UsedFix
from safety.detectors.silence import SilenceSettings, is_lost
from safety.evidence import Event, EventKind
from safety.incident import Flag, Incident, State, flagged
from safety.ladder_flow import LadderFlow
from safety.ports import IncidentReader, Incidents, Pokes


class SignalFlow:
    """Follows the signal of those with an open incident."""

    def __init__(
        self, work: UnitOfWork, incidents: Incidents, reader: IncidentReader, ladder: LadderFlow, pokes: Pokes, clock: Clock
    ) -> None:
        self._work = work
        self._incidents = incidents
        self._reader = reader
        self._ladder = ladder
        self._pokes = pokes
        self._clock = clock

    async def look(self, site_id: SiteId, fixes: Mapping[TechnicianId, UsedFix], since_ms: int, settings: SilenceSettings) -> None:
        """Judge the open incidents of a site by the newest fixes; `since_ms`: since when the hub has been listening."""
        async with self._work.read() as tx:
            found = [each for each in await self._reader.open_at(tx, site_id) if each.state is not State.PENDING]
            were_lost = {each.id: await self._was_lost(tx, each) for each in found if each.technician_id in fixes}
        for incident in found:
            fix = None if incident.technician_id is None else fixes.get(incident.technician_id)
            if fix is None or incident.id not in were_lost:
                continue
            silent_s = (self._clock.now_ms() - max(fix.last_ms, since_ms)) / 1000
            now_lost = is_lost(were_lost[incident.id], silent_s, settings)
            if now_lost is not were_lost[incident.id]:
                await self._write(incident, fix, silent_s, now_lost=now_lost)

    async def _was_lost(self, tx: Tx, incident: Incident) -> bool:
        if Flag.SIGNAL_LOST not in incident.flags:
            return False
        said = [event for event in await self._reader.events(tx, incident.id) if event.kind is EventKind.SIGNAL]
        return bool(said) and bool(said[-1].data["is_lost"])

    async def _write(self, seen: Incident, fix: UsedFix, silent_s: float, *, now_lost: bool) -> None:
        now = self._clock.now()
        data = {"is_lost": now_lost, "silent_s": round(silent_s), "fix_at_ms": fix.at_ms, "accuracy_m": fix.accuracy_m}
        event = Event(incident_id=seen.id, seq=0, kind=EventKind.SIGNAL, actor="hub", at=now, data=data)
        async with self._work.begin(urgent=True) as tx:
            incident = await self._incidents.get(tx, seen.id)
            if not incident.is_open or incident.version != seen.version:
                return  # it has moved on; the next look is seconds away
            is_first = now_lost and Flag.SIGNAL_LOST not in incident.flags
            changed = flagged(incident, Flag.SIGNAL_LOST) if is_first else incident
            await self._incidents.save(tx, changed, [event])
            if is_first:
                await self._ladder.hurry(tx, changed, now)
            tx.after_commit(lambda: self._pokes.poke(seen.site_id, "incidents", seen.id))
