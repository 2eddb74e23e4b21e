"""Is each site watched? Asked before an assignment, when a shift opens, and every minute, when what is lacking alarms the site's owners."""

from collections.abc import Awaitable, Callable, Sequence

import structlog

from core.clock import Clock
from core.ids import SiteId
from core.unit_of_work import Tx, UnitOfWork
from notifications.ports import Alarms
from safety.preflight import Finding, alarms, findings, reasons_against
from safety.watch_ports import RuleBook, WatchersSource
from visits.person import Technician
from visits.site import Site

log = structlog.get_logger(__name__)
EVERY_S = 60.0
LookAhead = Callable[[Tx, SiteId], Awaitable[Sequence[Finding]]]
"""Looks at the hours to come. Met by `duty_plan_flow.DutyPlanFlow.ahead`, with the site's zone."""


class PreflightFlow:
    """Meets the visits' `AssignmentGate` and shift preflight."""

    def __init__(
        self, work: UnitOfWork, source: WatchersSource, alarms: Alarms, sites: Callable[[], Awaitable[Sequence[SiteId]]], clock: Clock,
        rules: RuleBook, ahead: LookAhead | None = None,
    ) -> None:  # fmt: skip
        self._work = work
        self._source = source
        self._alarms = alarms
        self._sites = sites
        self._clock = clock
        self._rules = rules
        self._ahead = ahead

    async def reasons_against(self, tx: Tx, site: Site, technician: Technician) -> list[str]:
        """Return why nobody should be sent out now; empty where the site only warns."""
        mode = (await self._rules.of(tx, site.id)).preflight
        return reasons_against(await self.findings(tx, site.id), mode)

    async def is_watched(self, tx: Tx, site: Site) -> bool:
        """Tell whether a tap would reach somebody now."""
        return not await self.findings(tx, site.id)

    async def findings(self, tx: Tx, site_id: SiteId) -> tuple[Finding, ...]:
        """Return what a site lacks."""
        return findings(await self._source.watchers(tx, site_id), self._clock.now())

    async def ahead(self, tx: Tx, site_id: SiteId) -> Sequence[Finding]:
        """Return what a site will lack in the hours to come; it is told, and stops nothing."""
        return [] if self._ahead is None else await self._ahead(tx, site_id)

    async def run_once(self) -> None:
        """Alarm the owners of every site that lacks something; the same lack alarms once an hour."""
        for site_id in await self._sites():
            async with self._work.begin() as tx:
                for told in alarms([*await self.findings(tx, site_id), *await self.ahead(tx, site_id)]):
                    await self._alarms.raise_operator_alarm(tx, site_id, told.code, told.detail, who=told.who)

    async def run(self) -> None:
        """Look every minute until cancelled."""
        while True:
            await self._clock.sleep(EVERY_S)
            await self.run_once()
