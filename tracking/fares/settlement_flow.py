"""Where do the fixes of a settlement come from? The ledger, read whole, and handed to `settlement` beside the event loop.

Meets `ports.MeteredWays` for `receipt_flow`. The recorder may still be behind: the receipt looks again later and amends itself.
"""

import asyncio
from collections.abc import Sequence

import structlog

from core.ids import TechnicianId
from core.unit_of_work import UnitOfWork
from tracking.fares.meter_fix import MeterFix, meter_fix
from tracking.fares.metered import Metered
from tracking.fares.ports import FixLedger
from tracking.fares.settlement import settle_distance
from tracking.fix import Judged

log = structlog.get_logger(__name__)
MAX_FIXES = 200_000
"""Two devices at one fix a second for more than a day: a way that is longer is cut there, and logged."""
BESIDE_THE_LOOP = 2_000
"""From so many fixes on (about 12 ms) the settlement runs in a thread, so that sockets are not kept waiting."""


class SettlementFlow:
    """Meters ways from the stored fixes. `work`: transactions on the fixes tables."""

    def __init__(self, work: UnitOfWork, ledger: FixLedger) -> None:
        self._work, self._ledger = work, ledger

    async def metered(self, technician_id: TechnicianId, start_ms: int, end_ms: int) -> Metered:
        """See `ports.MeteredWays.metered`; both moments belong to the way."""
        async with self._work.read() as tx:
            stored = await self._ledger.track(tx, technician_id, start_ms, end_ms + 1, MAX_FIXES)
        if len(stored) == MAX_FIXES:
            log.warning("way_cut", technician=technician_id, fixes=MAX_FIXES)
        if len(stored) < BESIDE_THE_LOOP:
            return _settled(stored, start_ms, end_ms)
        return await asyncio.to_thread(_settled, stored, start_ms, end_ms)


def _settled(stored: Sequence[Judged], start_ms: int, end_ms: int) -> Metered:
    return settle_distance((_plain(judged) for judged in stored), start_ms, end_ms)


def _plain(judged: Judged) -> MeterFix:
    fix = judged.fix
    key = (fix.device_id, fix.device_epoch, fix.seq)
    return meter_fix(fix.at_ms, fix.lat, fix.lon, fix.accuracy_m, fix.speed_mps, fix.mocked, key)
