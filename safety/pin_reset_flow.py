"""What if she has forgotten her PINs? The operator drops them, and she chooses new ones; never while she calls for help.

Called by the command line. Her phone alone cannot do it: whoever holds it would drop them, too.
"""

from typing import Protocol

from core.errors import Conflict
from core.ids import TechnicianId
from core.unit_of_work import Tx, UnitOfWork
from safety.incident import Incident
from safety.pin_ports import Pins


class HerIncidents(Protocol):
    """The part of the incidents that is looked at. Met by `sql_incidents`."""

    async def open_of(self, tx: Tx, who: str) -> Incident | None:
        """See `Incidents.open_of`."""
        ...


class PinResetFlow:
    """Drops PINs."""

    def __init__(self, work: UnitOfWork, incidents: HerIncidents, pins: Pins) -> None:
        self._work = work
        self._incidents = incidents
        self._pins = pins

    async def forget(self, technician_id: TechnicianId) -> bool:
        """Drop both PINs; return whether there were any. Raises `Conflict` while an incident of hers is open."""
        async with self._work.begin() as tx:
            if await self._incidents.open_of(tx, f"technician:{technician_id}") is not None:
                raise Conflict("An incident of hers is open. End it first, then drop her PINs.")
            had_any = await self._pins.get(tx, technician_id) is not None
            await self._pins.drop(tx, technician_id)
        return had_any
