"""What happened to a visit or a shift? The events that the listeners of `ports` hear of, inside the transaction that made it happen."""

from datetime import datetime
from enum import StrEnum

import msgspec

from core.ids import SiteId, TechnicianId, VisitId
from visits.arrival import SeenPosition
from visits.shift import Shift
from visits.stage import Act, Stage


class StageChanged(msgspec.Struct, frozen=True, kw_only=True):
    """One act on one visit. `act` is None when it was made (`before` None) or its agreed details changed (`before` is `after`).

    `actor` is `kind:id`; `device_at` is the phone's word, None when nobody told; `happened_at` is that word made harmless, `server_at` when
    the hub knew. `technician_id` is the assignee after the act, `former_technician_id` differs after a reassign. `version` is the visit's.
    """

    visit_id: VisitId
    site_id: SiteId
    technician_id: TechnicianId | None
    before: Stage | None
    after: Stage
    act: Act | None
    actor: str
    device_at: datetime | None = None
    happened_at: datetime
    server_at: datetime
    position: SeenPosition | None = None
    reason: str | None = None
    former_technician_id: TechnicianId | None = None
    version: int = 1


class ShiftAct(StrEnum):
    """What happened to a shift."""

    OPENED = "opened"
    """She offers work from now on."""
    PAUSED = "paused"
    """A break began; she is not located."""
    RESUMED = "resumed"
    """The break is over."""
    REPLANNED = "replanned"
    """Its planned end moved."""
    CLOSED = "closed"
    """It is over: by her, by the desk or by itself."""


class ShiftChanged(msgspec.Struct, frozen=True, kw_only=True):
    """One act on one shift, which stands as `shift` after it."""

    shift: Shift
    act: ShiftAct
    at: datetime
