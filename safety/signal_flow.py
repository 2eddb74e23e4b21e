"""Can she still be heard, now that it matters? Marks open incidents whose signal is lost, which brings their ladder forward by a rung.

Lost data never makes an incident milder, and a signal that comes back is written down and clears nothing.
Source: reference on safety alerts, section 2.2, rule 8.
"""

from collections.abc import Mapping

from core.clock import Clock
from core.ids import SiteId, TechnicianId
from core.unit_of_work import UnitOfWork
from safety.detectors.detection import UsedFix
from safety.detectors.silence import SilenceSettings, is_lost
from safety.evidence import Event, EventKind
from safety.incident import Flag, flagged
from safety.ladder_flow import LadderFlow
from safety.ports import IncidentReader, Incidents, OpenSignal, Pokes


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
            signals = await self._reader.open_signals(tx, site_id)
        for signal in signals:
            if (fix := fixes.get(signal.technician_id)) is None:
                continue
            silent_s = (self._clock.now_ms() - max(fix.last_ms, since_ms)) / 1000
            now_lost = is_lost(signal.was_lost, silent_s, settings)
            if now_lost is not signal.was_lost:
                await self._write(site_id, signal, fix, silent_s, now_lost=now_lost)

    async def _write(self, site_id: SiteId, seen: OpenSignal, fix: UsedFix, silent_s: float, *, now_lost: bool) -> None:
        now = self._clock.now()
        data = {"is_lost": now_lost, "silent_s": round(silent_s), "fix_at_ms": fix.at_ms, "accuracy_m": fix.accuracy_m}
        event = Event(incident_id=seen.incident_id, seq=0, kind=EventKind.SIGNAL, actor="hub", at=now, data=data)
        async with self._work.begin(urgent=True) as tx:
            incident = await self._incidents.get(tx, seen.incident_id)
            if not incident.is_open or incident.version != seen.version:
                return  # it has moved on; the next look is seconds away
            is_first = now_lost and Flag.SIGNAL_LOST not in incident.flags
            changed = flagged(incident, Flag.SIGNAL_LOST) if is_first else incident
            await self._incidents.save(tx, changed, [event])
            if is_first:
                await self._ladder.hurry(tx, changed, now)
            tx.after_commit(lambda: self._pokes.poke(site_id, "incidents", seen.incident_id))
