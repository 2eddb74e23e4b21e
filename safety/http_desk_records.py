"""What the desk did and is to do, over HTTP: response times, the plan of its duty, the daily drills."""

from datetime import datetime

import msgspec

from core.caller import CallerKind
from core.errors import BadInput, NotAllowed, NotFound
from core.http_endpoint import Call, Endpoint
from core.ids import DispatcherId, SiteId
from safety.canary import CanaryRun
from safety.canary_flow import CanaryFlow
from safety.duty_plan import DutyPlan, Gap
from safety.duty_plan_flow import DutyPlanFlow
from safety.response_times import Answer, Month
from safety.response_times_flow import ResponseTimesFlow


class ResponseTimes(msgspec.Struct, frozen=True):
    """Months, newest first, and the single alarms of the last 31 days."""

    months: list[Month]
    recent: list[Answer]


class PlanQuery(msgspec.Struct, frozen=True):
    """Which hours, with zone; the next twelve without."""

    from_at: datetime | None = None
    until_at: datetime | None = None


class PlanBody(msgspec.Struct, frozen=True, kw_only=True):
    """Who is to watch, from when until when (RFC 3339 with zone)."""

    dispatcher_id: str
    from_at: datetime
    until_at: datetime


class Plan(msgspec.Struct, frozen=True):
    """Who is planned, and the hours for which nobody is."""

    items: list[DutyPlan]
    gaps: list[Gap]


class Drills(msgspec.Struct, frozen=True):
    """The daily drills of a site, newest first."""

    items: list[CanaryRun]


def endpoints(times: ResponseTimesFlow, plans: DutyPlanFlow, canary: CanaryFlow) -> list[Endpoint]:
    """Return the rows."""

    async def response_times(call: Call) -> ResponseTimes:
        months, recent = await times.of_site(call.caller, _site(call))
        return ResponseTimes(list(months), list(recent))

    async def planned(call: Call) -> Plan:
        query: PlanQuery = call.query
        items, gaps = await plans.planned(call.caller, _site(call), _zoned(query.from_at), _zoned(query.until_at))
        return Plan(list(items), list(gaps))

    async def plan(call: Call) -> DutyPlan:
        body: PlanBody = call.body
        return await plans.plan(call.caller, _site(call), DispatcherId(body.dispatcher_id), body.from_at, body.until_at)

    async def remove(call: Call) -> None:
        await plans.remove(call.caller, _site(call), call.path["plan_id"])

    async def drills(call: Call) -> Drills:
        return Drills(list(await canary.drills(call.caller, _site(call))))

    base, desk = "/v1/sites/{site_id}/safety", frozenset({CallerKind.DISPATCHER})
    errors = (BadInput, NotAllowed, NotFound)
    return [
        Endpoint(
            method="GET", path=f"{base}/response-times", name="response_times", tag="site safety", callers=desk, handler=response_times,
            summary="Read how fast alarms were answered, against 10, 40 and 120 s, month by month.", response=ResponseTimes, errors=errors,
        ),
        Endpoint(
            method="GET", path=f"{base}/plan", name="duty_plan", tag="site safety", callers=desk, handler=planned, query=PlanQuery,
            summary="Read who is planned for the desk, and when nobody is.", response=Plan, errors=errors,
        ),
        Endpoint(
            method="POST", path=f"{base}/plan", name="plan_duty", tag="site safety", callers=desk, handler=plan, request=PlanBody,
            summary="Plan a dispatcher's duty, as a supervisor.", response=DutyPlan, status=201, errors=errors,
        ),
        Endpoint(
            method="DELETE", path=f"{base}/plan/{{plan_id}}", name="unplan_duty", tag="site safety", callers=desk, handler=remove,
            summary="Take a duty out of the plan, as a supervisor.", errors=errors,
        ),
        Endpoint(
            method="GET", path=f"{base}/drills", name="drills", tag="site safety", callers=desk, handler=drills,
            summary="Read how the daily drills of the whole chain went.", response=Drills, errors=errors,
        ),
    ]  # fmt: skip


def _site(call: Call) -> SiteId:
    return SiteId(call.path["site_id"])


def _zoned(at: datetime | None) -> datetime | None:
    if at is not None and at.tzinfo is None:
        raise BadInput("Times need a zone. Write them as 2026-03-02T22:00:00+08:00.")
    return at
