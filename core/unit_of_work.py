"""How do several packages write one thing together? One transaction, opened by a flow, handed to every `sql_` method.

    async with work.begin() as tx:
        await incidents.add(tx, incident)
        await outbox.enqueue(tx, notices)
        tx.after_commit(poke)

Leaving the block commits; an exception rolls back. What must happen only if the commit did (a poke, a wake-up) goes to `after_commit`
and is best effort: whoever depends on it must also sweep, because a process may die between the commit and the poke.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, nullcontext
from typing import Any

import structlog
from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from core.right_of_way import RightOfWay
from core.sql import BRIEF, READ_ONLY

log = structlog.get_logger(__name__)
POSTGRES_WRITERS = 16
"""Below the pool's size (`core.sql`), so that readers always find a connection."""
GAP_S = 0.003
"""An ordinary writer that leaves SQLite to another of its process leaves a gap, in which one of another process finds the lock free."""
URGENT_TURNS = 8
"""Urgent writers in a row while others wait."""
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
        self._turns = _Turns(1 if self._is_sqlite else POSTGRES_WRITERS)

    @asynccontextmanager
    async def begin(self, *, urgent: bool = False) -> AsyncIterator[Tx]:
        """Open a writing transaction; commit on leaving, roll back on an exception.

        `urgent` (taps, incident acts) goes before every waiting ordinary writer, and patient work of this process holds back for it
        (`core.right_of_way`). Hold it briefly: no network call inside.
        """
        with self._way.taken() if urgent else nullcontext():
            async with self._turns.taken(urgent=urgent):
                async with _opened(self.engine) as conn:
                    tx = Tx(conn)
                    yield tx
                if self._is_sqlite and not urgent and self._turns.is_wanted:
                    await asyncio.sleep(GAP_S)
            await tx.run_after_commit()

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


class _Turns:
    """So many may go at once; of those who wait, urgent ones go first; fair among equals.

    Of `URGENT_TURNS` turns one goes to whoever else waits: an answer that cannot be written down, because presses keep coming, would be
    taken for a lost one, and its emergency told again.
    """

    def __init__(self, count: int) -> None:
        self._free = count
        self._urgent: deque[asyncio.Future[None]] = deque()
        self._ordinary: deque[asyncio.Future[None]] = deque()
        self._urgent_in_a_row = 0

    @property
    def is_wanted(self) -> bool:
        """Tell whether ordinary writers wait, and no urgent one."""
        return bool(self._ordinary) and not self._urgent

    @asynccontextmanager
    async def taken(self, *, urgent: bool) -> AsyncIterator[None]:
        await self._take(self._urgent if urgent else self._ordinary)
        try:
            yield
        finally:
            self._pass_on()

    async def _take(self, queue: deque[asyncio.Future[None]]) -> None:
        if self._free:
            self._free -= 1
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue.append(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            # The turn may have been handed over in the same tick as the cancellation: then it must go on to the next.
            if waiter.done() and not waiter.cancelled():
                self._pass_on()
            raise

    def _pass_on(self) -> None:
        while self._urgent or self._ordinary:
            waiter = self._next()
            if not waiter.done():
                waiter.set_result(None)
                return
        self._free += 1

    def _next(self) -> asyncio.Future[None]:
        is_others_turn = self._urgent_in_a_row >= URGENT_TURNS and self._ordinary
        if self._urgent and not is_others_turn:
            self._urgent_in_a_row += 1
            return self._urgent.popleft()
        self._urgent_in_a_row = 0
        return self._ordinary.popleft()
