"""Rules and ladders of sites in SQL; every change is kept beside with who made it. A stored body that no longer fits falls back loudly."""

from datetime import datetime
from typing import Any, TypeVar

import msgspec
from sqlalchemy import select

from core.ids import IdSource, SiteId
from core.sql import upsert
from core.unit_of_work import Tx
from safety.ladder import DEFAULT, Ladder
from safety.site_rules import SiteRules
from safety.tables import ladders, safety_audit, site_rules
from safety.watch_ports import Change

T = TypeVar("T")


class SqlSiteRules:
    """See `safety.watch_ports.RuleBook`. `defaults`: what holds for sites that have set nothing."""

    def __init__(self, ids: IdSource, defaults: SiteRules) -> None:
        self._ids = ids
        self._defaults = defaults

    async def of(self, tx: Tx, site_id: SiteId) -> SiteRules:
        """See `RuleBook.of`."""
        body = (await tx.conn.execute(select(site_rules.c.body).where(site_rules.c.site_id == site_id))).scalar()
        return self._defaults if body is None else msgspec.json.decode(body, type=SiteRules)

    async def put(self, tx: Tx, site_id: SiteId, rules: SiteRules, by: str, now: datetime) -> None:
        """See `RuleBook.put`."""
        await self._replace(tx, site_rules, "rules", site_id, await self.of(tx, site_id), rules, by, now)

    async def ladder(self, tx: Tx, site_id: SiteId) -> Ladder:
        """See `RuleBook.ladder`."""
        body = (await tx.conn.execute(select(ladders.c.body).where(ladders.c.site_id == site_id))).scalar()
        return DEFAULT if body is None else msgspec.json.decode(body, type=Ladder)

    async def put_ladder(self, tx: Tx, site_id: SiteId, ladder: Ladder, by: str, now: datetime) -> None:
        """See `RuleBook.put_ladder`."""
        await self._replace(tx, ladders, "ladder", site_id, await self.ladder(tx, site_id), ladder, by, now)

    async def changes(self, tx: Tx, site_id: SiteId) -> list[Change]:
        """See `RuleBook.changes`."""
        found = select(safety_audit).where(safety_audit.c.site_id == site_id).order_by(safety_audit.c.at.desc()).limit(200)
        return [
            Change(what=row.what, before=msgspec.json.decode(row.before), after=msgspec.json.decode(row.after), by=row.by, at=row.at)
            for row in await tx.conn.execute(found)
        ]

    async def _replace(
        self, tx: Tx, table: Any, what: str, site_id: SiteId, before: object, after: object, by: str, now: datetime
    ) -> None:
        body = _text(after)
        values = {"body": body, "set_by": by, "set_at": now}
        insert = upsert(tx.dialect, table).values(site_id=site_id, **values)
        await tx.conn.execute(insert.on_conflict_do_update(index_elements=[table.c.site_id], set_=values))
        kept = {"id": self._ids.new_id(), "site_id": site_id, "what": what, "before": _text(before), "after": body, "by": by, "at": now}
        await tx.conn.execute(safety_audit.insert().values(**kept))


def _text(value: object) -> str:
    return msgspec.json.encode(value).decode()
