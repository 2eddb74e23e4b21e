"""Who plans the desk's duty, and who looks ahead? Plans are made by supervisors; the site's owners hear of hours without anybody."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from zoneinfo import ZoneInfo

from core.caller import Caller, Role
from core.clock import Clock
from core.errors import NotFound
from core.ids import DispatcherId, IdSource, SiteId
from core.unit_of_work import Tx, UnitOfWork
from safety.desk_flow import dispatcher_of
from safety.duty_plan import AHEAD, DutyPlan, Gap, checked, gaps
from safety.ports import DeskAccounts
from safety.preflight import Finding, Lack


class DutyPlans(Protocol):
    """Stored plans. Met by `sql_duty_plans.SqlDutyPlans`."""

    async def between(self, tx: Tx, site_id: SiteId, from_at: datetime, until_at: datetime) -> Sequence[DutyPlan]:
        """Return the plans of a site that touch this time, by their beginning."""
        ...

    async def is_used(self, tx: Tx, site_id: SiteId, since: datetime) -> bool:
        """Tell whether the site plans at all: whether any plan ends after `since`."""
        ...

    async def add(self, tx: Tx, plan: DutyPlan, by: str, now: datetime) -> None:
        """Write a plan."""
        ...

    async def remove(self, tx: Tx, site_id: SiteId, plan_id: str) -> bool:
        """Forget a plan; False when there is none."""
        ...


class DutyPlanFlow:
    """Keeps the plan."""

    def __init__(self, work: UnitOfWork, plans: DutyPlans, accounts: DeskAccounts, clock: Clock, ids: IdSource) -> None:
        self._work = work
        self._plans = plans
        self._accounts = accounts
        self._clock = clock
        self._ids = ids

    async def planned(
        self, caller: Caller, site_id: SiteId, from_at: datetime | None, until_at: datetime | None
    ) -> tuple[Sequence[DutyPlan], Sequence[Gap]]:
        """Return who is planned, and where nobody is, from now for twelve hours where nothing else is asked."""
        caller.must_reach(site_id)
        first = from_at or self._clock.now()
        last = until_at or first + AHEAD
        async with self._work.read() as tx:
            found = await self._plans.between(tx, site_id, first, last)
        return found, gaps(found, first, last)

    async def plan(self, caller: Caller, site_id: SiteId, whom: DispatcherId, from_at: datetime, until_at: datetime) -> DutyPlan:
        """Plan a dispatcher's duty as a supervisor. Raises `NotFound` for somebody who does not watch this site, `BadInput` for times."""
        caller.must_reach(site_id)
        caller.must_be(Role.SUPERVISOR)
        made = DutyPlan(id=self._ids.new_id(), site_id=site_id, dispatcher_id=whom, from_at=from_at, until_at=until_at)
        plan = checked(made)
        async with self._work.begin() as tx:
            account = await self._accounts.account(tx, whom)
            if account is None or site_id not in account.sites:
                raise NotFound("There is no such dispatcher at this site. See GET /v1/dispatchers, or porchlight dispatcher list.")
            await self._plans.add(tx, plan, f"dispatcher:{dispatcher_of(caller)}", self._clock.now())
        return plan

    async def remove(self, caller: Caller, site_id: SiteId, plan_id: str) -> None:
        """Take a duty out of the plan as a supervisor; raises `NotFound`."""
        caller.must_reach(site_id)
        caller.must_be(Role.SUPERVISOR)
        async with self._work.begin() as tx:
            if not await self._plans.remove(tx, site_id, plan_id):
                raise NotFound("There is no such planned duty at this site. Read the plan again.")

    async def ahead(self, tx: Tx, site_id: SiteId, zone: str) -> Sequence[Finding]:
        """Return the first hours ahead for which nobody is planned, as a finding; nothing for a site that does not plan."""
        now = self._clock.now()
        if not await self._plans.is_used(tx, site_id, now - 14 * AHEAD):
            return []
        found = gaps(await self._plans.between(tx, site_id, now, now + AHEAD), now, now + AHEAD)
        if not found:
            return []
        first, here = found[0], ZoneInfo(zone)
        hours = f"{first.from_at.astimezone(here):%H:%M} to {first.until_at.astimezone(here):%H:%M}"
        cure = f"Nobody is planned for the desk from {hours}. Plan somebody, or ask who watches then."
        return [Finding(lack=Lack.NOBODY_PLANNED, about=hours, cure=cure)]
