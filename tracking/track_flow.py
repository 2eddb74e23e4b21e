"""Which way did she take? The recorded track of one visit, for the desk."""

from core.caller import Caller
from core.clock import Clock
from core.errors import NotFound
from core.ids import VisitId
from core.unit_of_work import UnitOfWork
from tracking.fix import Judged
from tracking.ports import Ledger, TrackedVisits

MAX_FIXES = 20_000
"""Five hours and a half at a fix a second; a longer visit shows its beginning."""


class TrackFlow:
    """Reads tracks. `work`: on the fixes tables."""

    def __init__(self, visits: TrackedVisits, work: UnitOfWork, ledger: Ledger, clock: Clock) -> None:
        self._visits = visits
        self._work = work
        self._ledger = ledger
        self._clock = clock

    async def track(self, caller: Caller, visit_id: VisitId) -> list[Judged]:
        """Return the fixes of a visit from departure until it was over, or now, in order.

        Raises: `NotFound` for a visit that does not exist or that nobody has departed to; `NotAllowed` for another site's.
        """
        visit = await self._visits.tracked_visit(visit_id)
        if visit is None:
            raise NotFound("There is no such visit, or nobody has departed to it yet. Check the id.")
        caller.must_reach(visit.site_id)
        until_ms = self._clock.now_ms() + 1 if visit.until_ms is None else visit.until_ms
        async with self._work.read() as tx:
            return await self._ledger.track(tx, visit.technician_id, visit.from_ms, until_ms, MAX_FIXES)
