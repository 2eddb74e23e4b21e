"""Links, and the record of looks, in SQL."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import bindparam, insert, select, update

from core.ids import LinkId, SiteId, VisitId
from core.unit_of_work import Tx
from visits.link_rights import Link, LinkHolder, LinkStanding
from visits.sql_sites import settings_in
from visits.tables import links, looks, sites, visits
from visits.visit_stores import Look, Page

_STANDING = (
    select(links, visits.c.closed_at, sites.c.details)
    .join(visits, visits.c.id == links.c.visit_id)
    .join(sites, sites.c.id == visits.c.site_id)
)
_STANDING_OF = _STANDING.where(links.c.id == bindparam("of_id"))
_STANDING_BY_TOKEN = _STANDING.where(links.c.token_hash == bindparam("of_hash"))


class SqlLinks:
    """See `visits.ports.Links` for the contract."""

    async def add(self, tx: Tx, link: Link, token_hash: str) -> None:
        """See `Links.add`."""
        await tx.conn.execute(insert(links).values(token_hash=token_hash, **msgspec.structs.asdict(link)))

    async def get(self, tx: Tx, id: LinkId) -> Link | None:
        """See `Links.get`."""
        return await self._one(tx, links.c.id == id)

    async def get_many(self, tx: Tx, ids: Sequence[LinkId]) -> Sequence[Link]:
        """See `Links.get_many`."""
        return [_link(row) for row in await tx.conn.execute(select(links).where(links.c.id.in_(ids)))] if ids else []

    async def by_token(self, tx: Tx, token_hash: str) -> Link | None:
        """See `Links.by_token`."""
        return await self._one(tx, links.c.token_hash == token_hash)

    async def standing_of(self, tx: Tx, id: LinkId) -> LinkStanding | None:
        """See `Links.standing_of`."""
        return _standing((await tx.conn.execute(_STANDING_OF, {"of_id": id})).one_or_none())

    async def standing_by_token(self, tx: Tx, token_hash: str) -> LinkStanding | None:
        """See `Links.standing_by_token`."""
        return _standing((await tx.conn.execute(_STANDING_BY_TOKEN, {"of_hash": token_hash})).one_or_none())

    async def of_visit(self, tx: Tx, visit_id: VisitId) -> Sequence[Link]:
        """See `Links.of_visit`."""
        return [_link(row) for row in await tx.conn.execute(select(links).where(links.c.visit_id == visit_id).order_by(links.c.id))]

    async def revoke(self, tx: Tx, id: LinkId, now: datetime) -> bool:
        """See `Links.revoke`."""
        in_force = (links.c.id == id) & links.c.revoked_at.is_(None)
        return (await tx.conn.execute(update(links).where(in_force).values(revoked_at=now))).rowcount == 1

    async def _one(self, tx: Tx, condition: Any) -> Link | None:
        row = (await tx.conn.execute(select(links).where(condition))).one_or_none()
        return None if row is None else _link(row)


class SqlLooks:
    """See `visits.ports.Looks` for the contract."""

    async def note(self, tx: Tx, look: Look) -> None:
        """See `Looks.note`."""
        await tx.conn.execute(insert(looks).values(**msgspec.structs.asdict(look)))

    async def has(self, tx: Tx, looker: str, what: str, subject: str) -> bool:
        """See `Looks.has`."""
        same = (looks.c.subject == subject) & (looks.c.what == what) & (looks.c.looker == looker)
        return (await tx.conn.execute(select(looks.c.id).where(same).limit(1))).first() is not None

    async def page(self, tx: Tx, sites: frozenset[SiteId], page: Page, *, subject: str | None = None) -> Sequence[Look]:
        """See `Looks.page`."""
        wanted = select(looks).where(looks.c.site_id.in_(sites)).order_by(looks.c.id.desc()).limit(page.limit)
        if page.after is not None:
            wanted = wanted.where(looks.c.id < page.after)
        if subject is not None:
            wanted = wanted.where(looks.c.subject == subject)
        return [Look(**row._mapping) for row in await tx.conn.execute(wanted)]


def _standing(row: Any) -> LinkStanding | None:
    return None if row is None else LinkStanding(link=_link(row), closed_at=row.closed_at, settings=settings_in(row.details))


def _link(row: Any) -> Link:
    return Link(
        id=row.id,
        site_id=row.site_id,
        visit_id=row.visit_id,
        holder=LinkHolder(row.holder),
        label=row.label,
        made_by=row.made_by,
        made_at=row.made_at,
        revoked_at=row.revoked_at,
    )
