"""Who is on duty at a site, since when, and what does its ladder lack? Read for the console, which must know it after a reload."""

from collections.abc import Sequence
from typing import Protocol

from sqlalchemy import select

from core.caller import Caller
from core.clock import to_ms
from core.ids import SiteId
from core.unit_of_work import Tx, UnitOfWork
from safety.duty_sight import DutySight, Lacking, OnDuty
from safety.preflight import Finding
from safety.tables import duties
from visits.tables import dispatchers


class Preflight(Protocol):
    """What does a site lack? Met by `preflight_flow.PreflightFlow`."""

    async def findings(self, tx: Tx, site_id: SiteId) -> Sequence[Finding]:
        """Return what would keep a tap from being answered now."""
        ...

    async def ahead(self, tx: Tx, site_id: SiteId) -> Sequence[Finding]:
        """Return what the site will lack in the hours to come."""
        ...


class SqlDutyLook:
    """Meets `safety.http_duty.DutyLook`."""

    def __init__(self, work: UnitOfWork, preflight: Preflight) -> None:
        self._work = work
        self._preflight = preflight

    async def look(self, caller: Caller, site_id: SiteId) -> DutySight:
        """See `DutyLook.look`."""
        caller.must_reach(site_id)
        wanted = (
            select(duties.c.dispatcher_id, duties.c.since, duties.c.sound_ok_at, duties.c.is_lead, dispatchers.c.name)
            .join(dispatchers, dispatchers.c.id == duties.c.dispatcher_id)
            .where(duties.c.site_id == site_id, duties.c.until.is_(None))
            .order_by(duties.c.since)
        )
        async with self._work.read() as tx:
            rows = (await tx.conn.execute(wanted)).all()
            found = [*await self._preflight.findings(tx, site_id), *await self._preflight.ahead(tx, site_id)]
        people = [
            OnDuty(
                dispatcher_id=row.dispatcher_id, name=row.name, since_ms=to_ms(row.since),
                sound_ok_at_ms=None if row.sound_ok_at is None else to_ms(row.sound_ok_at),
                is_lead=row.is_lead,
            )
            for row in rows
        ]  # fmt: skip
        lacking = [Lacking(lack=each.lack.value, about=each.about, cure=each.cure) for each in found]
        return DutySight(site_id=site_id, items=people, lacking=lacking)
