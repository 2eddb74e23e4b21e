"""Detections in SQL: every hit of every detector, with the fixes it was judged by. Written by the watches, read for their precision."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import or_, select, update

from core.ids import IncidentId, SiteId, TechnicianId, VisitId
from core.sql import upsert
from core.unit_of_work import Tx
from safety.check_in import Watch
from safety.detectors.detection import Detection, UsedFix, Watching
from safety.detectors.precision import SHADOW_CONFIRMED_WITHIN, Hit
from safety.incident import OPEN, Flag, Resolution, State
from safety.tables import detections, incidents
from visits.stage import Stage

_OPEN = [state.value for state in OPEN]


class _Body(msgspec.Struct):
    facts: dict[str, Any]
    fixes: tuple[UsedFix, ...]


class SqlDetections:
    """See `safety.watch_ports.Detections`."""

    async def lasting(self, tx: Tx, visit_id: VisitId) -> Sequence[Detection]:
        """See `Detections.lasting`."""
        found = select(detections).where(detections.c.visit_id == visit_id, detections.c.left_at.is_(None))
        return [_detection(row) for row in await tx.conn.execute(found)]

    async def lasting_at(self, tx: Tx, site_id: SiteId, watch: Watch) -> Sequence[Detection]:
        """See `Detections.lasting_at`."""
        found = select(detections).where(
            detections.c.site_id == site_id, detections.c.watch == watch.value, detections.c.left_at.is_(None)
        )
        return [_detection(row) for row in await tx.conn.execute(found)]

    async def add(self, tx: Tx, detection: Detection) -> None:
        """See `Detections.add`."""
        plain = ("id", "site_id", "visit_id", "technician_id", "entered_at", "left_at", "incident_id")
        row = {name: getattr(detection, name) for name in plain}
        row |= {name: getattr(detection, name).value for name in ("watch", "stage", "mode")}
        row["body"] = msgspec.json.encode(_Body(detection.facts, detection.fixes)).decode()
        await tx.conn.execute(upsert(tx.dialect, detections).values(row).on_conflict_do_nothing())

    async def leave(self, tx: Tx, ids: Sequence[str], now: datetime) -> None:
        """See `Detections.leave`."""
        if ids:
            await tx.conn.execute(update(detections).where(detections.c.id.in_(ids), detections.c.left_at.is_(None)).values(left_at=now))

    async def forget_places(self, tx: Tx, before: datetime, limit: int = 500) -> int:
        """Take the coordinates out of hits older than `before`, except evidence of open and held incidents; return of how many.

        Time, device and accuracy stay, and so does the detector's record.
        """
        kept = select(incidents.c.id).where(incidents.c.state.in_(_OPEN) | incidents.c.flags.like(f"%{Flag.LEGAL_HOLD.value}%"))
        old = select(detections.c.id, detections.c.body).where(
            detections.c.entered_at < before, detections.c.body.like('%"lat":%'),
            or_(detections.c.incident_id.is_(None), detections.c.incident_id.not_in(kept)),
        )  # fmt: skip
        rows = (await tx.conn.execute(old.limit(limit))).all()
        for row in rows:
            body = msgspec.json.decode(row.body)
            body["fixes"] = [{name: value for name, value in fix.items() if name not in ("lat", "lon")} for fix in body["fixes"]]
            changed = update(detections).where(detections.c.id == row.id).values(body=msgspec.json.encode(body).decode())
            await tx.conn.execute(changed)
        return len(rows)

    async def page(self, tx: Tx, site_id: SiteId, watch: Watch | None, after: str | None, limit: int) -> Sequence[Detection]:
        """See `Detections.page`."""
        found = select(detections).where(detections.c.site_id == site_id).order_by(detections.c.id.desc()).limit(limit)
        if watch is not None:
            found = found.where(detections.c.watch == watch.value)
        if after is not None:
            found = found.where(detections.c.id < after)
        return [_detection(row) for row in await tx.conn.execute(found)]

    async def hits(self, tx: Tx, site_id: SiteId, since: datetime) -> Sequence[Hit]:
        """See `Detections.hits`."""
        found = select(detections).where(detections.c.site_id == site_id, detections.c.entered_at >= since)
        rows = (await tx.conn.execute(found.order_by(detections.c.entered_at))).all()
        raised = (await tx.conn.execute(select(incidents).where(incidents.c.site_id == site_id, incidents.c.raised_at >= since))).all()
        of = {row.id: row for row in raised}
        return [_hit(row, of.get(row.incident_id) or _soon_after(row, raised)) for row in rows]


def _soon_after(row: Any, raised: Sequence[Any]) -> Any:
    """Return the first incident of the same person within the hour after a shadow's hit, None without one."""
    if row.mode != Watching.SHADOW.value:
        return None
    until = row.entered_at + SHADOW_CONFIRMED_WITHIN
    same = [each for each in raised if each.technician_id == row.technician_id and row.entered_at <= each.raised_at <= until]
    return min(same, key=lambda each: each.raised_at, default=None)


def _hit(row: Any, incident: Any) -> Hit:
    return Hit(
        watch=Watch(row.watch), mode=Watching(row.mode), entered_at=row.entered_at,
        state=None if incident is None else State(incident.state),
        resolution=None if incident is None or incident.resolution is None else Resolution(incident.resolution),
    )  # fmt: skip


def _detection(row: Any) -> Detection:
    body = msgspec.json.decode(row.body, type=_Body)
    return Detection(
        id=row.id, site_id=SiteId(row.site_id), watch=Watch(row.watch), visit_id=VisitId(row.visit_id),
        technician_id=TechnicianId(row.technician_id), stage=Stage(row.stage), mode=Watching(row.mode), entered_at=row.entered_at,
        left_at=row.left_at, incident_id=None if row.incident_id is None else IncidentId(row.incident_id), facts=body.facts,
        fixes=body.fixes,
    )  # fmt: skip
