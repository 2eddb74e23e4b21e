"""What does the package need from technology and from others? Ports, met by edges here and by the packages above, joined in
`hub/wiring.py`; the stores are in `visit_stores.py` and `people_stores.py`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from core.errors import BadInput
from core.geo import LatLon
from core.ids import SiteId, TechnicianId
from core.unit_of_work import Tx
from visits.arrival import SeenPosition
from visits.events import ShiftChanged, StageChanged
from visits.people_stores import ApiKeys, Attempts, CustomerNotes, Devices, Dispatchers, Technicians, Tickets
from visits.person import Device, Technician
from visits.shift import Interval, Shift
from visits.site import Site
from visits.visit_stores import Links, Looks, Shifts, Sites, Visits


class StageListener(Protocol):
    """Hears of every act. Safety arms timers, notifications tell people, fares freeze a receipt."""

    async def on_stage_changed(self, tx: Tx, event: StageChanged) -> None:
        """Take part in the act: write through `tx` only, no network. Raising undoes the act."""
        ...


class ShiftListener(Protocol):
    """Hears of every act on a shift."""

    async def on_shift_changed(self, tx: Tx, event: ShiftChanged) -> None:
        """Take part in the act: write through `tx` only, no network. Raising undoes the act."""
        ...


class AssignmentGate(Protocol):
    """May speak against new assignments: safety's preflight. Never against a shift."""

    async def reasons_against(self, tx: Tx, site: Site, technician: Technician) -> list[str]:
        """Return why nobody, or not she, should be sent out now, a sentence with a cure each; empty when nothing speaks against it."""
        ...


class Pokes(Protocol):
    """Tells other workers that something changed in SQL. Best effort, after the commit."""

    async def poke(self, site: SiteId, topic: str, id: str) -> None:
        """Say that `id` of `topic` (visit, shift, device, technician, link, session, site) changed."""
        ...


class LastKnown(Protocol):
    """Where is she now? Met by tracking's live positions."""

    async def last_known(self, site: SiteId, technician_id: TechnicianId) -> SeenPosition | None:
        """Return her newest position with its age, None without one or when the store is away. Never raises."""
        ...


class IntervalSource(Protocol):
    """Another reason to locate her beside her shift: an open incident of hers."""

    async def intervals(
        self, tx: Tx, technician_ids: Sequence[TechnicianId], since: datetime
    ) -> Mapping[TechnicianId, Sequence[Interval]]:
        """Return the intervals of each of them that were not over at `since`; whoever has none may be left out."""
        ...


class ShiftNotices(Protocol):
    """Tells her about her shift. Met by notifications."""

    async def planned_end_came(self, tx: Tx, shift: Shift) -> None:
        """Remind her: the planned end is here or near."""
        ...

    async def closed_by_hub(self, tx: Tx, shift: Shift) -> None:
        """Tell her that the hub closed the shift."""
        ...


class DeviceAlerts(Protocol):
    """Warns of a new phone: it could be a thief's. Met by notifications."""

    async def device_enrolled(self, tx: Tx, technician: Technician, device: Device, older: Sequence[Device]) -> None:
        """Tell the desk, and the `older` phones still in force, that `device` was enrolled."""
        ...


class PreflightMark(Protocol):
    """Is anybody watching? Met by safety's preflight."""

    async def is_watched(self, tx: Tx, site: Site) -> bool:
        """Tell whether a tap would reach somebody now; a shift opened otherwise is marked `unwatched`, never refused."""
        ...


class Datums(Protocol):
    """Turns positions of other datums into WGS-84. Met by tracking."""

    def to_wgs84(self, datum: str, point: LatLon) -> LatLon:
        """Return `point` in WGS-84; raises `BadInput` naming the known datums (wgs84, gcj02, bd09) for another."""
        ...


class OnlyWgs84:
    """Meets `Datums` for a hub that takes WGS-84 alone."""

    def to_wgs84(self, datum: str, point: LatLon) -> LatLon:
        """See `Datums.to_wgs84`."""
        if datum != "wgs84":
            raise BadInput(f"The datum {datum!r} is not taken here. Send positions in wgs84.")
        return point


class Passwords(Protocol):
    """Slow hashes of passwords; runs beside the event loop."""

    async def hash(self, password: str) -> str:
        """Return a fresh salted hash in its own text form."""
        ...

    async def verify(self, stored: str | None, password: str) -> bool:
        """Tell whether `password` made `stored`; for None do the same work and say no, so that time tells nothing."""
        ...

    def is_outdated(self, stored: str) -> bool:
        """Tell whether `stored` was made with weaker parameters than today's."""
        ...


class OneTimeCodes(Protocol):
    """Time-based codes of an authenticator app (RFC 6238)."""

    def new_secret(self) -> str:
        """Return a fresh shared secret, base32, at least 160 bits."""
        ...

    def uri(self, secret: str, user: str) -> str:
        """Return the otpauth URI that an app reads from a QR code."""
        ...

    def step_of(self, secret: str, code: str, at: datetime) -> int | None:
        """Return the half minute `code` belongs to, at most one away from `at`; None when it fits none."""
        ...


@dataclass(frozen=True, kw_only=True)
class Stores:
    """All stores of the package; `sql_stores.sql_stores` makes the real ones."""

    sites: Sites
    technicians: Technicians
    devices: Devices
    dispatchers: Dispatchers
    attempts: Attempts
    api_keys: ApiKeys
    tickets: Tickets
    shifts: Shifts
    visits: Visits
    links: Links
    looks: Looks
    notes: CustomerNotes
