"""What PINs need from others: where they are kept, and how they are hashed. Joined in `hub/wiring.py`."""

from datetime import datetime
from typing import Protocol

import msgspec

from core.ids import TechnicianId
from core.unit_of_work import Tx
from safety.pin_pace import Pace


class StoredPins(msgspec.Struct, frozen=True):
    """The slow hashes of both PINs of a technician."""

    true_hash: str
    duress_hash: str


class Pins(Protocol):
    """Where the PINs' hashes are kept."""

    async def get(self, tx: Tx, technician_id: TechnicianId) -> StoredPins | None:
        """Return both hashes, None when she has set none."""
        ...

    async def put(self, tx: Tx, technician_id: TechnicianId, pins: StoredPins, now: datetime) -> None:
        """Write both hashes at once."""
        ...

    async def drop(self, tx: Tx, technician_id: TechnicianId) -> None:
        """Forget both hashes; without any it changes nothing."""
        ...

    async def refused(self, tx: Tx, technician_id: TechnicianId) -> int:
        """Count a wrong PIN; return how many there were in a row, this one included. 0 when she has set none."""
        ...

    async def forgive(self, tx: Tx, technician_id: TechnicianId) -> None:
        """Begin to count wrong PINs anew."""
        ...

    async def pace(self, tx: Tx, technician_id: TechnicianId) -> Pace | None:
        """Return how fast her PINs may be tried, locked for this transaction; None when she has set none."""
        ...

    async def keep_pace(self, tx: Tx, technician_id: TechnicianId, pace: Pace) -> None:
        """Write it."""
        ...


class PinHashes(Protocol):
    """The slow, peppered hash of a PIN. Runs beside the event loop."""

    async def hashed(self, pin: str) -> str:
        """Return the hash."""
        ...

    async def fits(self, stored: str, pin: str) -> bool:
        """Tell whether `pin` has that hash; takes the same time for a right and a wrong one."""
        ...
