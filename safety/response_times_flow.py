"""How fast was the desk, incident by incident and month by month? Read for those who run it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from core.caller import Caller
from core.clock import Clock
from core.ids import SiteId
from core.unit_of_work import Tx, UnitOfWork
from safety.response_times import Answer, Month, months

PERIOD = timedelta(days=400)


class Answers(Protocol):
    """Reads how incidents were answered. Met by `sql_duty_plans.SqlAnswers`."""

    async def since(self, tx: Tx, site_id: SiteId, since: datetime) -> Sequence[Answer]:
        """Return the alarms of a site that were raised since then, oldest first; no drills, no questions that ended as such."""
        ...


class Zones(Protocol):
    """Reads time zones. Met by visits."""

    async def zone_of(self, tx: Tx, site_id: SiteId) -> str:
        """Return a site's time zone, UTC for an unknown site."""
        ...


class ResponseTimesFlow:
    """Reads response times."""

    def __init__(self, work: UnitOfWork, answers: Answers, zones: Zones, clock: Clock) -> None:
        self._work = work
        self._answers = answers
        self._zones = zones
        self._clock = clock

    async def of_site(self, caller: Caller, site_id: SiteId) -> tuple[Sequence[Month], Sequence[Answer]]:
        """Return the months of the last 400 days, newest first, and the single alarms of the last 31 days, newest first."""
        caller.must_reach(site_id)
        now = self._clock.now()
        async with self._work.read() as tx:
            found = await self._answers.since(tx, site_id, now - PERIOD)
            zone = await self._zones.zone_of(tx, site_id)
        recent = [each for each in reversed(found) if each.alarmed_at > now - timedelta(days=31)]
        return months(found, zone), recent
