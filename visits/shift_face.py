"""What may be read of a shift? The same for her and for the desk."""

from datetime import datetime

import msgspec

from core.clock import from_ms
from core.ids import ShiftId, SiteId, TechnicianId
from visits.shift import Shift, ShiftEnd, ShiftState


class PauseFace(msgspec.Struct, frozen=True):
    """A break; `until_at` null while it lasts."""

    from_at: datetime
    until_at: datetime | None


class ShiftFace(msgspec.Struct, frozen=True, kw_only=True):
    """A shift. `unwatched`: when it opened, nobody would have been reached by a tap."""

    id: ShiftId
    site_id: SiteId
    technician_id: TechnicianId
    state: ShiftState
    opened_at: datetime
    planned_end: datetime
    notice_version: str
    unwatched: bool
    pauses: tuple[PauseFace, ...]
    closed_at: datetime | None = None
    closed_by: ShiftEnd | None = None


def shift_face(shift: Shift) -> ShiftFace:
    """Return a shift as it may be read."""
    return ShiftFace(
        id=shift.id,
        site_id=shift.site_id,
        technician_id=shift.technician_id,
        state=shift.state,
        opened_at=shift.opened_at,
        planned_end=shift.planned_end,
        notice_version=shift.notice_version,
        unwatched=shift.unwatched,
        pauses=tuple(
            PauseFace(from_ms(pause.from_ms), None if pause.until_ms is None else from_ms(pause.until_ms)) for pause in shift.pauses
        ),
        closed_at=shift.closed_at,
        closed_by=shift.closed_by,
    )
