"""What follows a duress PIN where nothing was pressed? A silent incident that no phone shows, marked as duress at the desk."""

from datetime import datetime

from core.clock import Clock
from core.ids import SiteId, TechnicianId
from core.unit_of_work import UnitOfWork
from safety.evidence import Event, EventKind
from safety.incident import Flag, flagged
from safety.journal_ports import TapRaiser
from safety.ports import Incidents, Pokes
from safety.sos_tap import PersonKind, Road, SosTap


class DuressFlow:
    """Raises silent incidents."""

    def __init__(self, work: UnitOfWork, incidents: Incidents, sos: TapRaiser, pokes: Pokes, clock: Clock) -> None:
        self._work = work
        self._incidents = incidents
        self._sos = sos
        self._pokes = pokes
        self._clock = clock

    async def raise_for(self, she: TechnicianId, site_id: SiteId, reason: str) -> None:
        """Raise the alarm for her; a second PIN within the minute joins the first."""
        now = self._clock.now()
        receipt = await self._sos.raise_sos(_silent_tap("duress", she, site_id, reason, now))
        async with self._work.begin(urgent=True) as tx:
            incident = await self._incidents.get(tx, receipt.incident_id)
            forced = flagged(incident, Flag.DURESS, raises_severity=True)
            # Silent: a press that her phone still shows must not look cancelled, for the true PIN would not have cancelled it.
            data = {"kind": "duress", "is_silent": True}
            event = Event(incident_id=incident.id, seq=0, kind=EventKind.PIN_ACCEPTED, actor=incident.raised_by, at=now, data=data)
            await self._incidents.save(tx, forced, [event])
            tx.after_commit(lambda: self._pokes.poke(site_id, "incidents", incident.id))

    async def cry_for(self, she: TechnicianId, site_id: SiteId, reason: str) -> None:
        """Raise the alarm for her without duress, as silently: she answered that not all is well, and somebody may read along."""
        await self._sos.raise_sos(_silent_tap("cry", she, site_id, reason, self._clock.now()))


def _silent_tap(kind: str, she: TechnicianId, site_id: SiteId, reason: str, now: datetime) -> SosTap:
    return SosTap(
        tap_id=f"{kind}-{int(now.timestamp()) // 60}", who=f"technician:{she}", person=PersonKind.TECHNICIAN, site_id=site_id,
        road=Road.HTTP, technician_id=she, is_silent=True, reason=reason,
    )  # fmt: skip
