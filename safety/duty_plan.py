"""Who is to watch, and when? The desk's plan, and the hours ahead for which nobody is planned.

A plan is an intention: who really watches goes on duty at the console. What the plan lacks is told ahead of time, so that somebody can
still be found; it stops nothing.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from core.errors import BadInput
from core.ids import DispatcherId, SiteId

LONGEST = timedelta(hours=24)
AHEAD = timedelta(hours=12)
"""So far ahead a gap is told: a working day is time enough to find somebody."""
SHORTEST_GAP = timedelta(minutes=5)


class DutyPlan(msgspec.Struct, frozen=True, kw_only=True):
    """One dispatcher's planned duty, from `from_at` to before `until_at`."""

    id: str
    site_id: SiteId
    dispatcher_id: DispatcherId
    from_at: datetime
    until_at: datetime


class Gap(msgspec.Struct, frozen=True):
    """From `from_at` to before `until_at` nobody is planned."""

    from_at: datetime
    until_at: datetime


def checked(plan: DutyPlan) -> DutyPlan:
    """Return the plan; raises `BadInput` for one that ends before it begins or lasts longer than a day."""
    if plan.from_at.tzinfo is None or plan.until_at.tzinfo is None:
        raise BadInput("from_at and until_at need a zone. Write them as 2026-03-02T22:00:00+08:00.")
    if not timedelta(0) < plan.until_at - plan.from_at <= LONGEST:
        raise BadInput("A planned duty ends after it begins, within 24 hours. Plan a longer one in parts.")
    return plan


def gaps(plans: Sequence[DutyPlan], from_at: datetime, until_at: datetime) -> tuple[Gap, ...]:
    """Return the hours between `from_at` and `until_at` for which nobody is planned, in order; a few minutes between two are none."""
    found, covered_until = [], from_at
    for plan in sorted(plans, key=lambda each: each.from_at):
        if min(plan.from_at, until_at) - covered_until >= SHORTEST_GAP:
            found.append(Gap(covered_until, min(plan.from_at, until_at)))
        covered_until = max(covered_until, plan.until_at)
    if until_at - covered_until >= SHORTEST_GAP:
        found.append(Gap(covered_until, until_at))
    return tuple(found)
