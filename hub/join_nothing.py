"""What stands in a port while the package that meets it is not wired? Parts that say nothing and promise nothing."""

from collections.abc import Sequence

from core.unit_of_work import Tx
from visits.person import Device, Technician
from visits.shift import Shift
from visits.site import Site


class NoShiftNotices:
    """Meets `visits.ports.ShiftNotices`."""

    async def planned_end_came(self, tx: Tx, shift: Shift) -> None:
        """Tell nobody."""

    async def closed_by_hub(self, tx: Tx, shift: Shift) -> None:
        """Tell nobody."""


class NoDeviceAlerts:
    """Meets `visits.ports.DeviceAlerts`."""

    async def device_enrolled(self, tx: Tx, technician: Technician, device: Device, older: Sequence[Device]) -> None:
        """Tell nobody."""


class NoPreflight:
    """Meets `visits.ports.PreflightMark`: without safety nobody watches, and the shift says so."""

    async def is_watched(self, tx: Tx, site: Site) -> bool:
        """Say no."""
        return False
