"""Answers to requests with an `Idempotency-Key`, in SQL, so that any worker gives the same one. Kept for 24 hours."""

from datetime import timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError

from core.clock import Clock
from core.errors import BadInput, Conflict
from core.tables import idempotency_keys as keys
from core.unit_of_work import UnitOfWork

KEPT_H = 24
STUCK_AFTER_S = 60
"""A reservation without an answer after a minute belongs to a worker that died: the request may be carried out anew."""


class SqlIdempotencyStore:
    """See `core.http_endpoint.IdempotencyStore` for the contract."""

    def __init__(self, work: UnitOfWork, clock: Clock) -> None:
        self._work = work
        self._clock = clock

    async def begin(self, owner: str, key: str, fingerprint: str) -> tuple[int, bytes] | None:
        """See `IdempotencyStore.begin`."""
        now = self._clock.now()
        mine = (keys.c.owner == owner) & (keys.c.key == key)
        stuck = keys.c.status.is_(None) & (keys.c.created_at < now - timedelta(seconds=STUCK_AFTER_S))
        try:
            async with self._work.begin() as tx:
                await tx.conn.execute(delete(keys).where(mine & (stuck | (keys.c.created_at < now - timedelta(hours=KEPT_H)))))
                row = (await tx.conn.execute(select(keys).where(mine))).one_or_none()
                if row is None:
                    await tx.conn.execute(keys.insert().values(owner=owner, key=key, fingerprint=fingerprint, created_at=now))
                    return None
        except IntegrityError:
            raise _under_way() from None
        if row.fingerprint != fingerprint:
            raise BadInput("This Idempotency-Key came with a different request before. Use a new key for a new request.")
        if row.status is None:
            raise _under_way()
        return row.status, row.body

    async def finish(self, owner: str, key: str, status: int, body: bytes) -> None:
        """See `IdempotencyStore.finish`."""
        async with self._work.begin() as tx:
            await tx.conn.execute(update(keys).where(keys.c.owner == owner, keys.c.key == key).values(status=status, body=body))

    async def abandon(self, owner: str, key: str) -> None:
        """See `IdempotencyStore.abandon`."""
        async with self._work.begin() as tx:
            await tx.conn.execute(delete(keys).where(keys.c.owner == owner, keys.c.key == key, keys.c.status.is_(None)))


def _under_way() -> Conflict:
    # With Retry-After: a client that lost the first answer knows that asking again will bring it.
    return Conflict("An equal request with this Idempotency-Key is under way. Wait for its answer.", retry_after_s=1)
