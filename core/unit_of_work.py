"""How do several packages write one thing together? One transaction, opened by a flow, handed to every `sql_` method.

    async with work.begin() as tx:
        await incidents.add(tx, incident)
        await outbox.enqueue(tx, notices)
        tx.after_commit(poke)

Leaving the block commits; an exception rolls back. What must happen only if the commit did (a poke, a wake-up) goes to `after_commit`
and is best effort: whoever depends on it must also sweep, because a process may die between the commit and the poke.
"""

import asyncio
import heapq
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from core.sql import READ_ONLY

log = structlog.get_logger(__name__)
POSTGRES_WRITERS = 16
"""Below the pool's size (`core.sql`), so that readers always find a connection."""
AfterCommit = Callable[[], Awaitable[None] | None]


class Tx:
    """One open transaction: `conn` to execute on, `dialect` ("sqlite" or "postgresql"), `after_commit` for best-effort pokes."""

    def __init__(self, conn: AsyncConnection) -> None:
        self.conn = conn
        self.dialect: str = conn.dialect.name
        self._after_commit: list[AfterCommit] = []

    def after_commit(self, act: AfterCommit) -> None:
        """Run `act` once the commit has succeeded; a failing act is logged and forgotten."""
        self._after_commit.append(act)

    async def run_after_commit(self) -> None:
        """Run the registered acts in order. Called by `UnitOfWork` only."""
        for act in self._after_commit:
            try:
                result = act()
                if result is not None:
                    await result
            except Exception:
                log.exception("after_commit_failed")


class UnitOfWork:
    """Transactions on one engine. The writers of this process queue here, urgent ones first, instead of polling SQLite's file or running
    into the time-out of PostgreSQL's pool: a burst of taps waits its milliseconds and none is refused.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self._turns = _Turns(1 if engine.dialect.name == "sqlite" else POSTGRES_WRITERS)

    @asynccontextmanager
    async def begin(self, *, urgent: bool = False) -> AsyncIterator[Tx]:
        """Open a writing transaction; commit on leaving, roll back on an exception.

        `urgent` (taps, incident acts) goes before every waiting ordinary writer. Hold it briefly: no network call inside.
        """
        async with self._turns.taken(urgent=urgent), self._transaction() as tx:
            yield tx
        await tx.run_after_commit()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Tx]:
        """Open a reading transaction: one consistent snapshot, no lock on writers, nothing may be written."""
        async with self.engine.connect() as conn:
            await conn.execution_options(**{READ_ONLY: True})
            async with conn.begin():
                yield Tx(conn)

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[Tx]:
        async with self.engine.begin() as conn:
            yield Tx(conn)


class _Turns:
    """So many may go at once; of those who wait, urgent ones go first; fair among equals."""

    def __init__(self, count: int) -> None:
        self._free = count
        self._waiting: list[tuple[int, int, asyncio.Future[Any]]] = []
        self._order = itertools.count()

    @asynccontextmanager
    async def taken(self, *, urgent: bool) -> AsyncIterator[None]:
        await self._take(0 if urgent else 1)
        try:
            yield
        finally:
            self._pass_on()

    async def _take(self, rank: int) -> None:
        if self._free:
            self._free -= 1
            return
        waiter: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (rank, next(self._order), waiter))
        try:
            await waiter
        except asyncio.CancelledError:
            # The turn may have been handed over in the same tick as the cancellation: then it must go on to the next.
            if waiter.done() and not waiter.cancelled():
                self._pass_on()
            raise

    def _pass_on(self) -> None:
        while self._waiting:
            _, _, waiter = heapq.heappop(self._waiting)
            if not waiter.done():
                waiter.set_result(None)
                return
        self._free += 1
