"""On what does a phone's cadence depend? Shift, stages, newest press and site of many technicians, read from one snapshot."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec
from sqlalchemy import select

from core.clock import Clock
from core.ids import SiteId, TechnicianId
from core.unit_of_work import Tx, UnitOfWork
from safety.evidence import Event, EventKind
from safety.public_face import pressed_at
from safety.tables import incident_events, incidents
from tracking.cadence import CLOSE_FOR, Circumstances
from visits.ports import Stores
from visits.shift import Shift, ShiftState
from visits.site import SiteSettings
from visits.stage import UNDERWAY, Stage
from visits.tables import technicians, visits

_PRESSES = (EventKind.RAISED.value, EventKind.PRESSED_AGAIN.value)


class SqlCircumstances:
    """Meets `realtime.cadence_flow.KnownCircumstances`."""

    def __init__(self, work: UnitOfWork, stores: Stores, clock: Clock) -> None:
        self._work = work
        self._stores = stores
        self._clock = clock

    async def of(self, technician_ids: Sequence[TechnicianId]) -> Mapping[TechnicianId, Circumstances]:
        """See `KnownCircumstances.of`."""
        async with self._work.read() as tx:
            settings = await self._settings(tx, technician_ids)
            shifts = await self._stores.shifts.open_of_many(tx, technician_ids)
            stages = await self._stages(tx, technician_ids)
            presses = await self._presses(tx, technician_ids)
        return {
            who: Circumstances(shift=_state(shifts.get(who)), stages=stages.get(who, ()), pressed_at=presses.get(who), settings=chosen)
            for who, chosen in settings.items()
        }

    async def _settings(self, tx: Tx, technician_ids: Sequence[TechnicianId]) -> dict[TechnicianId, SiteSettings]:
        rows = (await tx.conn.execute(select(technicians.c.id, technicians.c.site_id).where(technicians.c.id.in_(technician_ids)))).all()
        sites = {site_id: await self._stores.sites.get(tx, SiteId(site_id)) for site_id in {row.site_id for row in rows}}
        found = ((TechnicianId(row.id), sites[row.site_id]) for row in rows)
        return {who: site.settings for who, site in found if site is not None}

    async def _stages(self, tx: Tx, technician_ids: Sequence[TechnicianId]) -> dict[TechnicianId, tuple[Stage, ...]]:
        underway = visits.c.technician_id.in_(technician_ids) & visits.c.stage.in_([stage.value for stage in UNDERWAY])
        found: dict[TechnicianId, tuple[Stage, ...]] = {}
        for row in await tx.conn.execute(select(visits.c.technician_id, visits.c.stage).where(underway)):
            found[row.technician_id] = (*found.get(row.technician_id, ()), Stage(row.stage))
        return found

    async def _presses(self, tx: Tx, technician_ids: Sequence[TechnicianId]) -> dict[TechnicianId, datetime]:
        """Return when each pressed last, as far as her phone shows it. Incidents are few, so they are looked for by time, not by person."""
        wanted = (
            select(incidents.c.raised_by, incident_events)
            .join(incidents, incidents.c.id == incident_events.c.incident_id)
            .where(incident_events.c.at > self._clock.now() - CLOSE_FOR, incident_events.c.kind.in_(_PRESSES))
            .where(incidents.c.raised_by.in_([f"technician:{who}" for who in technician_ids]))
            .order_by(incident_events.c.at)
        )
        found: dict[TechnicianId, datetime] = {}
        for row in await tx.conn.execute(wanted):
            data = msgspec.json.decode(row.data)
            event = Event(incident_id=row.incident_id, seq=row.seq, kind=EventKind(row.kind), actor="", at=row.at, data=data)
            if (at := pressed_at([event])) is not None:
                found[TechnicianId(row.raised_by.removeprefix("technician:"))] = at
        return found


def _state(shift: Shift | None) -> ShiftState | None:
    return None if shift is None else shift.state
