"""By which ladder and rules does a site watch, and what does it lack? Read by its desk, changed by its owners, every change kept."""

from collections.abc import Sequence
from typing import Protocol

from core.caller import Caller, Role
from core.clock import Clock
from core.ids import SiteId
from core.unit_of_work import Tx, UnitOfWork
from safety.desk_flow import dispatcher_of
from safety.ladder import Ladder
from safety.ladder import checked as checked_ladder
from safety.preflight import Finding
from safety.site_rules import SiteRules
from safety.site_rules import checked as checked_rules
from safety.watch_ports import Change, RuleBook


class Findings(Protocol):
    """Looks at what a site lacks. Met by `preflight_flow.PreflightFlow`."""

    async def findings(self, tx: Tx, site_id: SiteId) -> Sequence[Finding]:
        """Return what would keep a tap from being answered now."""
        ...


class SiteSafetyFlow:
    """Ladders and rules of sites; without `preflight` it only reads and writes them."""

    def __init__(self, work: UnitOfWork, rules: RuleBook, preflight: Findings | None, clock: Clock) -> None:
        self._work = work
        self._rules = rules
        self._preflight = preflight
        self._clock = clock

    async def ladder(self, caller: Caller, site_id: SiteId) -> Ladder:
        """Return the site's ladder."""
        caller.must_reach(site_id)
        async with self._work.read() as tx:
            return await self._rules.ladder(tx, site_id)

    async def put_ladder(self, caller: Caller, site_id: SiteId, ladder: Ladder) -> Ladder:
        """Set the site's ladder as its owner; raises `BadInput` for one that is none. It holds for every rung from now on."""
        by = _owner(caller, site_id)
        async with self._work.begin() as tx:
            await self._rules.put_ladder(tx, site_id, checked_ladder(ladder), by, self._clock.now())
        return ladder

    async def rules(self, caller: Caller, site_id: SiteId) -> SiteRules:
        """Return the site's rules."""
        caller.must_reach(site_id)
        async with self._work.read() as tx:
            return await self._rules.of(tx, site_id)

    async def put_rules(self, caller: Caller, site_id: SiteId, rules: SiteRules) -> SiteRules:
        """Set the site's rules as its owner; raises `BadInput` for intervals that make no sense."""
        by = _owner(caller, site_id)
        async with self._work.begin() as tx:
            await self._rules.put(tx, site_id, checked_rules(rules), by, self._clock.now())
        return rules

    async def changes(self, caller: Caller, site_id: SiteId) -> Sequence[Change]:
        """Return who changed ladder or rules, newest first."""
        caller.must_reach(site_id)
        caller.must_be(Role.SUPERVISOR)
        async with self._work.read() as tx:
            return await self._rules.changes(tx, site_id)

    async def findings(self, caller: Caller, site_id: SiteId) -> Sequence[Finding]:
        """Return what would keep a tap from being answered now; empty when all is well."""
        caller.must_reach(site_id)
        if self._preflight is None:
            return []
        async with self._work.read() as tx:
            return await self._preflight.findings(tx, site_id)


def _owner(caller: Caller, site_id: SiteId) -> str:
    caller.must_reach(site_id)
    caller.must_be(Role.OWNER)
    return f"dispatcher:{dispatcher_of(caller)}"
