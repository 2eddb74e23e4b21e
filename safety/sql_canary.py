"""Daily drills in SQL: each site's runs, what became of their notices, and whose phone gets them."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime

from sqlalchemy import select, update

from core.ids import RecipientId, SiteId
from core.sql import upsert
from core.unit_of_work import Tx
from notifications.notice import Channel, NoticeState
from notifications.tables import notices, recipients
from safety.canary import CanaryRun, Outcome
from safety.incident import Incident
from safety.ladder import Group
from safety.ports import Responder
from safety.sql_duties import SqlResponders
from safety.tables import canary_runs
from safety.watch_ports import RuleBook


class SqlCanaryRuns:
    """See `safety.canary_flow.CanaryRuns`."""

    async def newest(self, tx: Tx, site_id: SiteId, limit: int) -> Sequence[CanaryRun]:
        """See `CanaryRuns.newest`."""
        found = select(canary_runs).where(canary_runs.c.site_id == site_id).order_by(canary_runs.c.day.desc()).limit(limit)
        return [
            CanaryRun(
                site_id=SiteId(row.site_id), day=date.fromisoformat(row.day), incident_id=row.incident_id, started_at=row.started_at,
                outcome=Outcome(row.outcome), ended_at=row.ended_at, detail=row.detail,
            )
            for row in await tx.conn.execute(found)
        ]  # fmt: skip

    async def begin(self, tx: Tx, run: CanaryRun) -> None:
        """See `CanaryRuns.begin`."""
        row = {
            "site_id": run.site_id, "day": run.day.isoformat(), "incident_id": run.incident_id, "started_at": run.started_at,
            "outcome": run.outcome.value, "detail": run.detail,
        }  # fmt: skip
        await tx.conn.execute(upsert(tx.dialect, canary_runs).values(row).on_conflict_do_nothing())

    async def end(self, tx: Tx, incident_id: str, outcome: Outcome, detail: str, now: datetime) -> None:
        """See `CanaryRuns.end`."""
        mine = (canary_runs.c.incident_id == incident_id) & (canary_runs.c.outcome == Outcome.RUNNING.value)
        await tx.conn.execute(update(canary_runs).where(mine).values(outcome=outcome.value, detail=detail, ended_at=now))

    async def states(self, tx: Tx, incident_id: str, recipient_id: RecipientId) -> Mapping[Channel, Sequence[NoticeState]]:
        """See `CanaryRuns.states`."""
        found = select(notices.c.channel, notices.c.state).where(
            notices.c.subject == incident_id, notices.c.recipient_id == recipient_id
        )
        states: dict[Channel, list[NoticeState]] = {}
        for row in await tx.conn.execute(found):
            states.setdefault(Channel(row.channel), []).append(NoticeState(row.state))
        return states


class SqlDrillResponders(SqlResponders):
    """See `safety.ports.Responders`: of a daily drill nobody is told but the canary's phone."""

    def __init__(self, rules: RuleBook) -> None:
        self._rules = rules

    async def of(self, tx: Tx, site_id: SiteId, group: Group, incident: Incident) -> Sequence[Responder]:
        """See `Responders.of`."""
        if not incident.is_canary:
            return await super().of(tx, site_id, group, incident)
        wanted = (await self._rules.of(tx, site_id)).canary.recipient_id
        found = select(recipients.c.id).where(recipients.c.id == wanted, recipients.c.site_id == site_id, recipients.c.is_active)
        return [Responder(recipient_id=RecipientId(id)) for id in (await tx.conn.execute(found)).scalars()]
