"""What follows a PIN where nothing was pressed? A silent incident that no phone shows: after the duress PIN, and after three wrong ones."""

from functools import partial
from typing import Protocol

from core.clock import Clock
from core.ids import IdSource, IncidentId, SiteId, TechnicianId
from core.unit_of_work import Tx
from safety.evidence import Event, EventKind
from safety.incident import Flag, flagged
from safety.ladder_flow import LadderFlow
from safety.ports import Also, Incidents
from safety.sos_tap import PersonKind, Receipt, Road, SosTap, TriggerKind


class Raiser(Protocol):
    """Raises an incident and writes something else with it. Met by `sos_flow.SosFlow`."""

    async def raise_sos(self, tap: SosTap, also: Also | None = None) -> Receipt:
        """See `SosFlow.raise_sos`."""
        ...


class DuressFlow:
    """Raises silent incidents, each in one transaction with what it is known by and with what her phone is shown."""

    def __init__(self, incidents: Incidents, sos: Raiser, ladder: LadderFlow, clock: Clock, ids: IdSource) -> None:
        self._incidents = incidents
        self._sos = sos
        self._ladder = ladder
        self._clock = clock
        self._ids = ids

    async def raise_for(self, she: TechnicianId, site_id: SiteId, reason: str, also: Also | None = None) -> None:
        """Raise the alarm for her, marked as duress, or mark the one that is open; `also` is written with it."""
        await self._sos.raise_sos(self._tap("duress", she, site_id, reason), partial(self._marked, also))

    async def cry_for(self, she: TechnicianId, site_id: SiteId, reason: str) -> None:
        """Raise the alarm for her without duress, as silently: she answered that not all is well, and somebody may read along."""
        await self._sos.raise_sos(self._tap("cry", she, site_id, reason))

    async def doubt_for(self, she: TechnicianId, site_id: SiteId, also: Also | None = None) -> None:
        """Tell the desk in half a minute that somebody tries PINs on her phone, unless she enters the true one by then.

        Her phone is asked nothing: whoever holds it would learn that somebody noticed.
        """
        reason = "Three wrong PINs in a row were entered on her phone, and nothing was pressed."
        await self._sos.raise_sos(self._tap("wrong-pins", she, site_id, reason, TriggerKind.WRONG_PINS), also)

    async def _marked(self, also: Also | None, tx: Tx, incident_id: IncidentId) -> None:
        incident, now = await self._incidents.get(tx, incident_id), self._clock.now()
        forced = flagged(incident, Flag.DURESS, raises_severity=True)
        # Silent: a press that her phone still shows must not look cancelled, for the true PIN would not have cancelled it.
        data = {"kind": "duress", "is_silent": True}
        event = Event(incident_id=incident.id, seq=0, kind=EventKind.PIN_ACCEPTED, actor=incident.raised_by, at=now, data=data)
        await self._incidents.save(tx, forced, [event])
        await self._ladder.hurry(tx, forced, now)
        if also is not None:
            await also(tx, incident_id)

    def _tap(self, name: str, she: TechnicianId, site_id: SiteId, reason: str, kind: TriggerKind = TriggerKind.TAP) -> SosTap:
        return SosTap(
            tap_id=f"{name}-{self._ids.new_id()}", who=f"technician:{she}", person=PersonKind.TECHNICIAN, site_id=site_id, road=Road.HTTP,
            kind=kind, technician_id=she, is_silent=True, reason=reason,
        )  # fmt: skip
