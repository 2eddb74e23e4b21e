"""How does the desk know what it did and is to do? Daily drills, response times and the plan of its duty, joined."""

from collections.abc import Mapping

from core.ids import SiteId
from core.unit_of_work import Tx
from hub.floor import Floor
from hub.join_safety import Accounts
from hub.wire_notices import Notices
from safety import http_desk_records
from safety.canary_flow import CANARY_CHECK_TIMER, CANARY_TIMER, CanaryFlow
from safety.duty_plan_flow import DutyPlanFlow
from safety.journal_ports import TapRaiser
from safety.ladder_flow import LadderFlow
from safety.ports import Pokes
from safety.response_times_flow import ResponseTimesFlow
from safety.sql_canary import SqlCanaryRuns
from safety.sql_duty_plans import SqlAnswers, SqlDutyPlans
from safety.sql_incidents import SqlIncidents
from safety.sql_site_rules import SqlSiteRules
from visits.ports import Stores


class SiteZones:
    """Meets `safety.response_times_flow.Zones`."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores

    async def zone_of(self, tx: Tx, site_id: SiteId) -> str:
        """See `Zones.zone_of`."""
        site = await self._stores.sites.get(tx, site_id)
        return "UTC" if site is None else site.zone


def duty_plans(floor: Floor, stores: Stores) -> DutyPlanFlow:
    """Return the plan of the desk's duty."""
    return DutyPlanFlow(floor.truth, SqlDutyPlans(), Accounts(stores), floor.clock, floor.ids)


def response_times(floor: Floor, stores: Stores) -> ResponseTimesFlow:
    """Return the reader of response times."""
    return ResponseTimesFlow(floor.truth, SqlAnswers(SqlIncidents(floor.keys)), SiteZones(stores), floor.clock)


def wire_desk_records(
    floor: Floor, notices: Notices, stores: Stores, sos: TapRaiser, incidents: SqlIncidents, ladder: LadderFlow, pokes: Pokes,
    rules: SqlSiteRules,
) -> None:
    """Build the drill, give it its timers and its place in health, and open the paths."""

    async def zones() -> Mapping[SiteId, str]:
        async with floor.truth.read() as tx:
            return {site.id: site.zone for site in await stores.sites.all(tx)}

    canary = CanaryFlow(
        floor.truth, SqlCanaryRuns(), incidents, sos, ladder, notices.alarms, rules, floor.timers, pokes, floor.clock, zones
    )
    floor.timers_flow.handle(CANARY_TIMER, canary.on_canary_timer)
    floor.timers_flow.handle(CANARY_CHECK_TIMER, canary.on_check_timer)
    floor.supervisor.rounds("canary_arm", canary.arm, every_s=60.0, deadline_s=10.0)
    floor.health.check("canary", canary.fault)
    floor.surface.endpoints += http_desk_records.endpoints(response_times(floor, stores), duty_plans(floor, stores), canary)
