"""How do several packages write one thing together? One transaction, opened by a flow, handed to every `sql_` method.

    async with work.begin() as tx:
        await incidents.add(tx, incident)
        await outbox.enqueue(tx, notices)
        tx.after_commit(poke)

Leaving the block commits; an exception rolls back. What must happen only if the commit did (a poke, a wake-up) goes to `after_commit`
and is best effort: whoever depends on it must also sweep, because a process may die between the commit and the poke.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from typing import Any

import structlog
from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from core.right_of_way import RightOfWay
from core.sql import BRIEF, READ_ONLY
from core.sql_shared import Shared
from core.turns import Turns

log = structlog.get_logger(__name__)
POSTGRES_WRITERS = 16
"""Below the pool's size (`core.sql`), so that readers always find a connection."""
GAP_S = 0.003
"""An ordinary writer that leaves SQLite to another of its process leaves a gap, in which one of another process finds the lock free."""
_AS_POSTGRES_READS: dict[bool, dict[str, Any]] = {
    False: {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True},
    True: {"isolation_level": "AUTOCOMMIT"},
}
"""PostgreSQL shows each statement what was committed before it, unless it is told to keep to one moment. SQLite keeps to it anyway.
Beginning and ending a transaction is a way to PostgreSQL and back each, which a brief reading spares."""
AfterCommit = Callable[[], Awaitable[None] | None]


class Tx:
    """One open transaction: `conn` to execute on, `dialect` ("sqlite" or "postgresql"), `after_commit` for best-effort pokes."""

    def __init__(self, conn: AsyncConnection, *, is_reading: bool = False) -> None:
        self.conn = conn
        self._is_reading = is_reading
        self.dialect: str = conn.dialect.name
        self._after_commit: list[AfterCommit] = []

    def after_commit(self, act: AfterCommit) -> None:
        """Run `act` once the commit has succeeded; a failing act is logged and forgotten."""
        self._after_commit.append(act)

    def held(self, rows: Select[Any]) -> Select[Any]:
        """Return `rows` as a query that holds them until the transaction ends; one that only reads holds nothing."""
        return rows if self._is_reading else rows.with_for_update()

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

    def __init__(self, engine: AsyncEngine, way: RightOfWay | None = None) -> None:
        self.engine = engine
        self._is_sqlite = engine.dialect.name == "sqlite"
        self._readers = {
            brief: engine.execution_options(**{READ_ONLY: True, BRIEF: brief}, **({} if self._is_sqlite else _AS_POSTGRES_READS[brief]))
            for brief in (False, True)
        }
        self._way = way or RightOfWay()
        self._turns: Turns[Shared] = Turns(1 if self._is_sqlite else POSTGRES_WRITERS)

    @asynccontextmanager
    async def begin(self, *, urgent: bool = False) -> AsyncIterator[Tx]:
        """Open a writing transaction; commit on leaving, roll back on an exception.

        `urgent` (taps, incident acts) goes before every waiting ordinary writer, and patient work of this process holds back for it
        (`core.right_of_way`). Hold it briefly: no network call inside.
        """
        with self._way.taken() if urgent else nullcontext():
            async with self._writing(urgent) as conn:
                tx = Tx(conn)
                yield tx
            await tx.run_after_commit()

    @asynccontextmanager
    async def _writing(self, urgent: bool) -> AsyncIterator[AsyncConnection]:
        shared = await self._turns.take(urgent=urgent)
        if shared is None:
            async with AsyncExitStack() as turn:
                turn.callback(self._turns.pass_on)
                if not urgent:
                    turn.push_async_exit(self._leave_a_gap)
                conn = await turn.enter_async_context(_opened(self.engine))
                yield conn
                if self._is_sqlite and self._turns.is_urgent_next:
                    shared = Shared(conn, self._turns, turn.pop_all())
        else:
            async with shared.joined() as conn:
                yield conn
        if shared is not None:
            await shared.committed()

    async def _leave_a_gap(self, failure: type[BaseException] | None, *_: object) -> None:
        if self._is_sqlite and failure is None and self._turns.is_wanted:
            await asyncio.sleep(GAP_S)

    @asynccontextmanager
    async def read(self, *, brief: bool = False) -> AsyncIterator[Tx]:
        """Open a reading transaction: one consistent snapshot, no lock on writers, nothing may be written.

        `brief`: of few rows, each found by an index, and no snapshot: a second statement may see what was committed after the first. On
        SQLite it is read without leaving the event loop's thread, on PostgreSQL without a transaction.
        """
        async with _opened(self._readers[brief]) as conn:
            yield Tx(conn, is_reading=True)


@asynccontextmanager
async def _opened(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """Begin on a connection of the pool, end the transaction, give the connection back: as `engine.begin()`, but for its last turn."""
    conn = await engine.connect()
    try:
        async with conn.begin():
            yield conn
    except BaseException as failure:
        await conn.__aexit__(type(failure), failure, failure.__traceback__)
        raise
    # Nothing is left to wait for, so it needs no task of its own to be safe in, which a receipt would stand behind.
    await conn.close()
