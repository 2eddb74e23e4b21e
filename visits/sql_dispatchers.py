"""Dispatchers, their second factor and their sessions in SQL. What may be used once is used up by one UPDATE."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import delete, insert, select, true, update
from sqlalchemy.exc import IntegrityError

from core.caller import Role
from core.errors import Conflict
from core.ids import DispatcherId, SiteId
from core.key_ring import KeyRing
from core.unit_of_work import Tx
from visits.credential import Dispatcher, Session
from visits.people_stores import Secrets
from visits.sql_seal import Seal
from visits.tables import dispatcher_sessions, dispatcher_sites, dispatchers, recovery_codes
from visits.visit_stores import Page

_SESSION = [column for column in dispatcher_sessions.c if column.name != "token_hash"]


class SqlDispatchers:
    """See `visits.ports.Dispatchers` for the contract."""

    def __init__(self, keys: KeyRing) -> None:
        self._seal = Seal(keys)

    async def add(self, tx: Tx, dispatcher: Dispatcher, password_hash: str) -> None:
        """See `Dispatchers.add`."""
        fixed = {"id": dispatcher.id, "user": dispatcher.user, "created_at": dispatcher.created_at, "has_totp": False, "totp_step": 0}
        try:
            await tx.conn.execute(insert(dispatchers).values(**fixed, **_changeable(dispatcher), password_hash=password_hash))
        except IntegrityError:
            raise Conflict(f"There is a dispatcher {dispatcher.user!r} already. Choose another log-in name.") from None
        await self._put_sites(tx, dispatcher)

    async def save(self, tx: Tx, dispatcher: Dispatcher) -> None:
        """See `Dispatchers.save`."""
        await tx.conn.execute(update(dispatchers).where(dispatchers.c.id == dispatcher.id).values(**_changeable(dispatcher)))
        await tx.conn.execute(delete(dispatcher_sites).where(dispatcher_sites.c.dispatcher_id == dispatcher.id))
        await self._put_sites(tx, dispatcher)

    async def get(self, tx: Tx, id: DispatcherId) -> Dispatcher | None:
        """See `Dispatchers.get`."""
        found = await self._many(tx, dispatchers.c.id == id)
        return found[0] if found else None

    async def by_user(self, tx: Tx, user: str) -> Dispatcher | None:
        """See `Dispatchers.by_user`."""
        found = await self._many(tx, dispatchers.c.user == user)
        return found[0] if found else None

    async def page(self, tx: Tx, sites: frozenset[SiteId], page: Page) -> Sequence[Dispatcher]:
        """See `Dispatchers.page`."""
        reaching = select(dispatcher_sites.c.dispatcher_id).where(dispatcher_sites.c.site_id.in_(sites))
        beyond = true() if page.after is None else dispatchers.c.id > page.after
        return await self._many(tx, dispatchers.c.id.in_(reaching) & beyond, page.limit)

    async def secrets(self, tx: Tx, id: DispatcherId) -> Secrets:
        """See `Dispatchers.secrets`."""
        row = (await tx.conn.execute(select(dispatchers).where(dispatchers.c.id == id))).one()
        return Secrets(password_hash=row.password_hash, totp=self._seal.open(row.totp_sealed, str), totp_step=row.totp_step)

    async def set_password(self, tx: Tx, id: DispatcherId, password_hash: str) -> None:
        """See `Dispatchers.set_password`."""
        await self._set(tx, id, password_hash=password_hash)

    async def offer_totp(self, tx: Tx, id: DispatcherId, secret: str) -> None:
        """See `Dispatchers.offer_totp`."""
        await self._set(tx, id, totp_sealed=self._seal.close(secret), has_totp=False)

    async def confirm_totp(self, tx: Tx, id: DispatcherId, recovery: Sequence[str]) -> None:
        """See `Dispatchers.confirm_totp`."""
        await self._set(tx, id, has_totp=True)
        await tx.conn.execute(delete(recovery_codes).where(recovery_codes.c.dispatcher_id == id))
        rows = [{"dispatcher_id": id, "code_key": self._seal.key("recovery", f"{id}:{code}")} for code in recovery]
        await tx.conn.execute(insert(recovery_codes), rows)

    async def drop_totp(self, tx: Tx, id: DispatcherId) -> None:
        """See `Dispatchers.drop_totp`."""
        await self._set(tx, id, has_totp=False, totp_sealed=None)
        await tx.conn.execute(delete(recovery_codes).where(recovery_codes.c.dispatcher_id == id))

    async def use_step(self, tx: Tx, id: DispatcherId, step: int) -> bool:
        """See `Dispatchers.use_step`."""
        unused = (dispatchers.c.id == id) & (dispatchers.c.totp_step < step)
        return (await tx.conn.execute(update(dispatchers).where(unused).values(totp_step=step))).rowcount == 1

    async def use_recovery(self, tx: Tx, id: DispatcherId, code: str, now: datetime) -> bool:
        """See `Dispatchers.use_recovery`."""
        unused = (
            (recovery_codes.c.dispatcher_id == id)
            & (recovery_codes.c.code_key == self._seal.key("recovery", f"{id}:{code}"))
            & recovery_codes.c.used_at.is_(None)
        )
        return (await tx.conn.execute(update(recovery_codes).where(unused).values(used_at=now))).rowcount == 1

    async def add_session(self, tx: Tx, session: Session, token_hash: str) -> None:
        """See `Dispatchers.add_session`."""
        await tx.conn.execute(insert(dispatcher_sessions).values(**{f: getattr(session, f) for f in _FIELDS}, token_hash=token_hash))

    async def session(self, tx: Tx, id: str) -> Session | None:
        """See `Dispatchers.session`."""
        return await self._session(tx, dispatcher_sessions.c.id == id)

    async def session_by_token(self, tx: Tx, token_hash: str) -> Session | None:
        """See `Dispatchers.session_by_token`."""
        return await self._session(tx, dispatcher_sessions.c.token_hash == token_hash)

    async def seen(self, tx: Tx, session_id: str, now: datetime) -> None:
        """See `Dispatchers.seen`."""
        await tx.conn.execute(update(dispatcher_sessions).where(dispatcher_sessions.c.id == session_id).values(seen_at=now))

    async def end_sessions(self, tx: Tx, now: datetime, *, id: str | None = None, of: DispatcherId | None = None) -> Sequence[str]:
        """See `Dispatchers.end_sessions`."""
        condition = dispatcher_sessions.c.id == id if of is None else dispatcher_sessions.c.dispatcher_id == of
        ended = update(dispatcher_sessions).where(condition, dispatcher_sessions.c.ended_at.is_(None)).values(ended_at=now)
        return [row.id for row in await tx.conn.execute(ended.returning(dispatcher_sessions.c.id))]

    async def _set(self, tx: Tx, id: DispatcherId, **values: Any) -> None:
        await tx.conn.execute(update(dispatchers).where(dispatchers.c.id == id).values(**values))

    async def _put_sites(self, tx: Tx, dispatcher: Dispatcher) -> None:
        rows = [{"dispatcher_id": dispatcher.id, "site_id": site} for site in sorted(dispatcher.sites)]
        if rows:
            await tx.conn.execute(insert(dispatcher_sites), rows)

    async def _many(self, tx: Tx, condition: Any, limit: int = 1) -> list[Dispatcher]:
        rows = (await tx.conn.execute(select(dispatchers).where(condition).order_by(dispatchers.c.id).limit(limit))).all()
        reach = select(dispatcher_sites).where(dispatcher_sites.c.dispatcher_id.in_([row.id for row in rows]))
        pairs = (await tx.conn.execute(reach)).all() if rows else []
        return [_dispatcher(row, frozenset(pair.site_id for pair in pairs if pair.dispatcher_id == row.id)) for row in rows]

    async def _session(self, tx: Tx, condition: Any) -> Session | None:
        row = (await tx.conn.execute(select(*_SESSION).where(condition))).one_or_none()
        return None if row is None else Session(**row._mapping)


_FIELDS = [column.name for column in _SESSION]


def _changeable(dispatcher: Dispatcher) -> dict[str, Any]:
    return {
        "name": dispatcher.name,
        "roles": msgspec.json.encode(sorted(dispatcher.roles)).decode(),
        "is_active": dispatcher.is_active,
    }


def _dispatcher(row: Any, sites: frozenset[SiteId]) -> Dispatcher:
    return Dispatcher(
        id=row.id,
        user=row.user,
        name=row.name,
        sites=sites,
        roles=msgspec.json.decode(row.roles, type=frozenset[Role]),
        has_totp=row.has_totp,
        is_active=row.is_active,
        created_at=row.created_at,
    )
