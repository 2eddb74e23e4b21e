"""API keys, one-use tickets and counted log-in attempts in SQL: log-ins work while Redis is away."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import delete, insert, select, update

from core.caller import Scope
from core.ids import IdSource, SiteId
from core.key_ring import KeyRing
from core.unit_of_work import Tx
from visits.credential import ATTEMPTS_WINDOW, ApiKey, Ticket
from visits.sql_seal import Seal
from visits.tables import api_keys, log_in_attempts, tickets

_TICKETS_KEPT = timedelta(hours=1)


class SqlApiKeys:
    """See `visits.ports.ApiKeys` for the contract."""

    async def add(self, tx: Tx, key: ApiKey, token_hash: str) -> None:
        """See `ApiKeys.add`."""
        lists = {"sites": msgspec.json.encode(sorted(key.sites)).decode(), "scopes": msgspec.json.encode(sorted(key.scopes)).decode()}
        await tx.conn.execute(
            insert(api_keys).values(
                id=key.id, token_hash=token_hash, label=key.label, made_by=key.made_by, made_at=key.made_at, **lists
            )
        )

    async def get(self, tx: Tx, id: str) -> ApiKey | None:
        """See `ApiKeys.get`."""
        return await self._one(tx, api_keys.c.id == id)

    async def by_token(self, tx: Tx, token_hash: str) -> ApiKey | None:
        """See `ApiKeys.by_token`."""
        return await self._one(tx, api_keys.c.token_hash == token_hash)

    async def all(self, tx: Tx) -> Sequence[ApiKey]:
        """See `ApiKeys.all`."""
        return [_api_key(row) for row in await tx.conn.execute(select(api_keys).order_by(api_keys.c.id))]

    async def revoke(self, tx: Tx, id: str, now: datetime) -> bool:
        """See `ApiKeys.revoke`."""
        in_force = (api_keys.c.id == id) & api_keys.c.revoked_at.is_(None)
        return (await tx.conn.execute(update(api_keys).where(in_force).values(revoked_at=now))).rowcount == 1

    async def _one(self, tx: Tx, condition: Any) -> ApiKey | None:
        row = (await tx.conn.execute(select(api_keys).where(condition))).one_or_none()
        return None if row is None else _api_key(row)


class SqlTickets:
    """See `visits.ports.Tickets` for the contract."""

    async def add(self, tx: Tx, ticket: Ticket, token_hash: str, now: datetime) -> None:
        """See `Tickets.add`."""
        await tx.conn.execute(delete(tickets).where(tickets.c.expires_at < now - _TICKETS_KEPT))
        await tx.conn.execute(insert(tickets).values(token_hash=token_hash, **msgspec.structs.asdict(ticket)))

    async def take(self, tx: Tx, token_hash: str, now: datetime) -> Ticket | None:
        """See `Tickets.take`."""
        fresh = (tickets.c.token_hash == token_hash) & tickets.c.used_at.is_(None) & (tickets.c.expires_at > now)
        taken = update(tickets).where(fresh).values(used_at=now).returning(*(tickets.c[name] for name in Ticket.__struct_fields__))
        row = (await tx.conn.execute(taken)).one_or_none()
        return None if row is None else Ticket(**row._mapping)


class SqlAttempts:
    """See `visits.ports.Attempts` for the contract."""

    def __init__(self, keys: KeyRing, ids: IdSource) -> None:
        self._seal = Seal(keys)
        self._ids = ids

    async def recent(self, tx: Tx, who: str, since: datetime) -> Sequence[datetime]:
        """See `Attempts.recent`."""
        of_who = (log_in_attempts.c.who_key == self._key(who)) & (log_in_attempts.c.at > since)
        return [row.at for row in await tx.conn.execute(select(log_in_attempts.c.at).where(of_who).order_by(log_in_attempts.c.at))]

    async def note(self, tx: Tx, who: str, at: datetime) -> None:
        """See `Attempts.note`."""
        await tx.conn.execute(delete(log_in_attempts).where(log_in_attempts.c.at < at - 2 * ATTEMPTS_WINDOW))
        await tx.conn.execute(insert(log_in_attempts).values(id=self._ids.new_id(), who_key=self._key(who), at=at))

    async def forget(self, tx: Tx, who: str) -> None:
        """See `Attempts.forget`."""
        await tx.conn.execute(delete(log_in_attempts).where(log_in_attempts.c.who_key == self._key(who)))

    def _key(self, who: str) -> str:
        return self._seal.key("attempt", who) or ""


def _api_key(row: Any) -> ApiKey:
    return ApiKey(
        id=row.id,
        label=row.label,
        sites=msgspec.json.decode(row.sites, type=frozenset[SiteId]),
        scopes=msgspec.json.decode(row.scopes, type=frozenset[Scope]),
        made_by=row.made_by,
        made_at=row.made_at,
        revoked_at=row.revoked_at,
    )
