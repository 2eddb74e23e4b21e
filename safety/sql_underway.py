"""Who is out, and what can their phones do? Reads visits without anybody's name or address; keeps what phones have declared."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import func, select

from core.ids import DeviceId, SiteId
from core.sql import upsert
from core.unit_of_work import Tx
from safety.detectors.silence import WATCHED, Capability
from safety.tables import phone_capabilities
from safety.watch_ports import Underway
from visits.stage import Stage
from visits.tables import visits

_WATCHED = [stage.value for stage in WATCHED]


class SqlUnderway:
    """See `safety.watch_ports.VisitsUnderway`."""

    async def of_site(self, tx: Tx, site_id: SiteId) -> Sequence[Underway]:
        """See `VisitsUnderway.of_site`."""
        began_at = func.coalesce(visits.c.departed_at, visits.c.updated_at).label("began_at")
        columns = (visits.c.id, visits.c.site_id, visits.c.technician_id, visits.c.stage, began_at)
        found = select(*columns).where(visits.c.site_id == site_id, visits.c.stage.in_(_WATCHED), visits.c.technician_id.is_not(None))
        return [
            Underway(
                visit_id=row.id, site_id=row.site_id, technician_id=row.technician_id, stage=Stage(row.stage), began_at=row.began_at
            )
            for row in await tx.conn.execute(found)
        ]


class SqlCapabilities:
    """See `safety.watch_ports.Capabilities`."""

    async def of(self, tx: Tx, device_ids: Sequence[DeviceId]) -> Mapping[DeviceId, Capability]:
        """See `Capabilities.of`."""
        if not device_ids:
            return {}
        found = select(phone_capabilities).where(phone_capabilities.c.device_id.in_(device_ids))
        return {DeviceId(row.device_id): Capability(row.capability) for row in await tx.conn.execute(found)}

    async def put(self, tx: Tx, device_id: DeviceId, capability: Capability, now: datetime) -> None:
        """Write what a phone declared last."""
        values = {"capability": capability.value, "said_at": now}
        insert = upsert(tx.dialect, phone_capabilities).values(device_id=device_id, **values)
        await tx.conn.execute(insert.on_conflict_do_update(index_elements=[phone_capabilities.c.device_id], set_=values))
