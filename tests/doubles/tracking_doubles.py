"""Small neighbours of tracking: a shift gate, a live feed, counters, visits."""

from collections import Counter
from collections.abc import Sequence

from core.ids import SiteId, TechnicianId
from tracking.fix import Fix
from tracking.ports import OpenVisit
from visits.shift import Interval

ALWAYS = (Interval(0, None),)


class FixedGate:
    """Meets `ShiftGate`: everybody is always on shift unless `shifts` says otherwise; `away` makes it fail."""

    def __init__(self) -> None:
        self.shifts: dict[TechnicianId, tuple[Interval, ...]] = {}
        self.reads = 0
        self.together: list[int] = []
        self.away = False

    async def intervals(self, technician_id: TechnicianId) -> tuple[Interval, ...]:
        self.reads += 1
        if self.away:
            raise ConnectionError("SQL is away.")
        return self.shifts.get(technician_id, ALWAYS)

    async def intervals_of(self, technician_ids: Sequence[TechnicianId]) -> dict[TechnicianId, tuple[Interval, ...]]:
        self.together.append(len(technician_ids))
        return {technician_id: await self.intervals(technician_id) for technician_id in technician_ids}


class KeptFeed:
    """Meets `LiveFeed`: keeps what it was fed."""

    def __init__(self) -> None:
        self.fixes: list[Fix] = []

    def feed(self, fixes: Sequence[Fix]) -> None:
        self.fixes += fixes


class KeptCounts:
    """Meets `Counts`: sums by name, and by name and labels."""

    def __init__(self) -> None:
        self.sums: Counter[str] = Counter()
        self.labelled: Counter[tuple[str, ...]] = Counter()

    def add(self, name: str, n: float = 1, /, **labels: str) -> None:
        self.sums[name] += int(n)
        self.labelled[(name, *labels.values())] += int(n)


class FixedVisits:
    """Meets `OpenVisits`."""

    def __init__(self, *visits: OpenVisit) -> None:
        self.visits = list(visits)

    async def open_visits(self, site_id: SiteId) -> Sequence[OpenVisit]:
        return [visit for visit in self.visits if visit.site_id == site_id]
