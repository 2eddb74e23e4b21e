"""Who is told that she is near, or late? The journey's progress, turned into an estimate by the router, and told once a visit.

Fed as a sink by the recorder of a site shard, in its process; asks the router in rounds of its own, so that a slow engine holds up nobody's
fixes. A recorder that dies forgets only what the next fix says again.
"""

from collections.abc import Sequence
from datetime import datetime

import structlog

from core.clock import Clock, from_ms
from core.errors import Unavailable
from core.ids import VisitId
from core.unit_of_work import UnitOfWork
from hub.join_customer_texts import CustomerTexts, clock_times
from tracking.approach import Progress
from tracking.arrival import Arrival, arrival
from tracking.arrival_news import OLD_MS, News, news
from tracking.ports import OpenVisit
from tracking.router import Router
from visits.customer_text import CustomerText
from visits.ports import Stores
from visits.site import Site
from visits.stage import Stage

log = structlog.get_logger(__name__)
EVERY_S = 2.0
LOOK_EVERY_S = 10.0
"""A visit is looked at so often: what is told is a matter of minutes, and each look asks the router."""
REMEMBERED = 10_000
TEXTS = {News.ARRIVING: CustomerText.ARRIVING, News.LATE: CustomerText.LATE}


class ArrivalTextsFlow:
    """Tells customers about arrivals. Meets `tracking.ports.JourneySink` for `Progress`; `run_once` does what the sink noted."""

    def __init__(self, *, work: UnitOfWork, stores: Stores, texts: CustomerTexts, router: Router, clock: Clock) -> None:
        self._work, self._stores, self._texts = work, stores, texts
        self._router, self._clock = router, clock
        self._newest: dict[VisitId, tuple[OpenVisit, Progress]] = {}
        self._told: dict[tuple[VisitId, News], None] = {}
        self._look_at_ms: dict[VisitId, int] = {}

    def __call__(self, name: str, visit: OpenVisit, outputs: Sequence[Progress]) -> None:
        """Note where she is on her way."""
        self._newest[visit.visit_id] = (visit, outputs[-1])

    async def run_once(self) -> None:
        """Look at every visit that moved since the last time."""
        due = self._due()
        if not due:
            return
        async with self._work.read() as tx:
            sites = {site_id: await self._stores.sites.get(tx, site_id) for site_id in {visit.site_id for visit, _ in due}}
        for visit, seen in due:
            if (site := sites[visit.site_id]) is not None:
                await self._look(visit, seen, site)

    def _due(self) -> list[tuple[OpenVisit, Progress]]:
        """Take the visits whose time has come; the others keep their newest place until then."""
        now_ms = self._clock.now_ms()
        for visit_id in [each for each, (_, seen) in self._newest.items() if self._is_over(each, seen, now_ms)]:
            del self._newest[visit_id]
        taken = [each for each in self._newest if self._look_at_ms.get(each, 0) <= now_ms]
        if len(self._look_at_ms) > REMEMBERED:
            self._look_at_ms.clear()
        self._look_at_ms.update(dict.fromkeys(taken, now_ms + int(LOOK_EVERY_S * 1000)))
        return [self._newest.pop(each) for each in taken]

    def _is_over(self, visit_id: VisitId, seen: Progress, now_ms: int) -> bool:
        return (visit_id, News.ARRIVING) in self._told or now_ms - seen.at_ms > OLD_MS

    async def _look(self, visit: OpenVisit, seen: Progress, site: Site) -> None:
        now_ms = self._clock.now_ms()
        try:
            route = await self._router.route(seen.place, visit.place, from_ms(now_ms))
        except Unavailable:
            return
        await self._tell(visit, arrival(route, seen.at_ms, now_ms), site)

    async def _tell(self, open_visit: OpenVisit, expected: Arrival, site: Site) -> None:
        found = news(expected, open_visit.window_end_ms, site.settings.arriving_min * 60_000)
        if found is None or (open_visit.visit_id, found) in self._told:
            return
        earliest, latest = from_ms(expected.earliest_ms), from_ms(expected.latest_ms)
        await self._enqueue(open_visit.visit_id, found, clock_times(earliest, latest, site), latest)
        self._told[(open_visit.visit_id, found)] = None
        if len(self._told) > REMEMBERED:
            self._told.pop(next(iter(self._told)))

    async def _enqueue(self, visit_id: VisitId, found: News, time: str, latest: datetime) -> None:
        async with self._work.begin() as tx:
            visit = await self._stores.visits.get(tx, visit_id)
            if visit is not None and visit.stage is Stage.DEPARTED:
                is_new = await self._texts.tell(tx, visit, TEXTS[found], time=time, expires_at=latest)
                log.info("arrival_told", visit_id=visit_id, news=found, is_new=is_new)
