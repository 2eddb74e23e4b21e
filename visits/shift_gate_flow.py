"""When may she be located? Her shifts less their pauses, and whatever else allows it, such as an open incident of hers.

Called by tracking before a fix is kept. Reads SQL each time: a copy that lags would keep what must not be kept.
"""

from collections.abc import Sequence
from datetime import timedelta

from core.clock import Clock
from core.ids import TechnicianId
from core.unit_of_work import UnitOfWork
from visits.ports import IntervalSource, Stores
from visits.shift import LATE_FIX_H, Interval, located, merged


class ShiftGateFlow:
    """Meets `tracking.ports.ShiftGate`."""

    def __init__(self, *, work: UnitOfWork, clock: Clock, stores: Stores, sources: Sequence[IntervalSource] = ()) -> None:
        self._work = work
        self._clock = clock
        self._stores = stores
        self._sources = list(sources)

    def also(self, source: IntervalSource) -> None:
        """Let `source` allow locating too. Called in `hub/wiring.py` only."""
        self._sources.append(source)

    async def intervals(self, technician_id: TechnicianId) -> tuple[Interval, ...]:
        """Return when she may be located: the last 72 hours and what is open, ordered, not touching."""
        return (await self.intervals_of([technician_id]))[technician_id]

    async def intervals_of(self, technician_ids: Sequence[TechnicianId]) -> dict[TechnicianId, tuple[Interval, ...]]:
        """Return the same for each of them, from one snapshot."""
        since = self._clock.now() - timedelta(hours=LATE_FIX_H)
        found: dict[TechnicianId, list[Interval]] = {technician_id: [] for technician_id in technician_ids}
        async with self._work.read() as tx:
            for shift in await self._stores.shifts.since_of_many(tx, technician_ids, since):
                found[shift.technician_id] += located(shift)
            for source in self._sources:
                for technician_id, intervals in (await source.intervals(tx, technician_ids, since)).items():
                    found[technician_id] += intervals
        return {technician_id: merged(intervals) for technician_id, intervals in found.items()}
