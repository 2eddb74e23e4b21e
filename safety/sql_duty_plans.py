"""The desk's plan and its answers in SQL."""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy import delete, insert, select

from core.ids import DispatcherId, IncidentId, SiteId
from core.unit_of_work import Tx
from safety.duty_plan import DutyPlan
from safety.evidence import Event, EventKind
from safety.incident import Flag, Incident, State
from safety.response_times import Answer, answer_of
from safety.sql_incidents import SqlIncidents
from safety.tables import duty_plans, incident_events, incidents

_TIMED = [
    kind.value
    for kind in (EventKind.RAISED, EventKind.TOLD, EventKind.CLAIMED, EventKind.PRESSED_AGAIN, EventKind.ANSWERED, EventKind.PIN_ACCEPTED)
]
_NO_ALARM = frozenset({State.PENDING, State.DISMISSED})


class SqlDutyPlans:
    """See `safety.duty_plan_flow.DutyPlans`."""

    async def between(self, tx: Tx, site_id: SiteId, from_at: datetime, until_at: datetime) -> Sequence[DutyPlan]:
        """See `DutyPlans.between`."""
        found = select(duty_plans).where(
            duty_plans.c.site_id == site_id, duty_plans.c.from_at < until_at, duty_plans.c.until_at > from_at
        )
        return [
            DutyPlan(
                id=row.id, site_id=SiteId(row.site_id), dispatcher_id=DispatcherId(row.dispatcher_id), from_at=row.from_at,
                until_at=row.until_at,
            )
            for row in await tx.conn.execute(found.order_by(duty_plans.c.from_at))
        ]  # fmt: skip

    async def is_used(self, tx: Tx, site_id: SiteId, since: datetime) -> bool:
        """See `DutyPlans.is_used`."""
        found = select(duty_plans.c.id).where(duty_plans.c.site_id == site_id, duty_plans.c.until_at > since).limit(1)
        return (await tx.conn.execute(found)).first() is not None

    async def add(self, tx: Tx, plan: DutyPlan, by: str, now: datetime) -> None:
        """See `DutyPlans.add`."""
        await tx.conn.execute(insert(duty_plans).values(**msgspec.structs.asdict(plan), made_by=by, made_at=now))

    async def remove(self, tx: Tx, site_id: SiteId, plan_id: str) -> bool:
        """See `DutyPlans.remove`."""
        mine = (duty_plans.c.id == plan_id) & (duty_plans.c.site_id == site_id)
        return (await tx.conn.execute(delete(duty_plans).where(mine))).rowcount == 1


class SqlAnswers:
    """See `safety.response_times_flow.Answers`."""

    def __init__(self, incidents: SqlIncidents) -> None:
        self._incidents = incidents

    async def since(self, tx: Tx, site_id: SiteId, since: datetime) -> Sequence[Answer]:
        """See `Answers.since`."""
        found = select(incidents.c.id).where(incidents.c.site_id == site_id, incidents.c.raised_at >= since).order_by(incidents.c.raised_at)
        ids = [IncidentId(id) for id in (await tx.conn.execute(found)).scalars()]
        known = [await self._incidents.find(tx, id) for id in ids]
        counted = [each for each in known if each is not None and _is_alarm(each)]
        return [answer_of(each, await self._timed(tx, each.id)) for each in counted]

    async def _timed(self, tx: Tx, incident_id: IncidentId) -> Sequence[Event]:
        found = select(incident_events).where(incident_events.c.incident_id == incident_id, incident_events.c.kind.in_(_TIMED))
        return [
            Event(
                incident_id=incident_id, seq=row.seq, kind=EventKind(row.kind), actor=row.actor, at=row.at,
                data=msgspec.json.decode(row.data),
            )
            for row in await tx.conn.execute(found.order_by(incident_events.c.seq))
        ]  # fmt: skip


def _is_alarm(incident: Incident) -> bool:
    return Flag.DRILL not in incident.flags and incident.state not in _NO_ALARM
