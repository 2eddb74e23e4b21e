"""How do urgent writers of one SQLite file get to the disk together? By one commit of several.

SQLite has one writer, and a commit is half of a short transaction's time: a thread, the disk, and a turn of a busy loop to hear of it.
Whoever has said what it had to say while urgent writers wait lets them in one after another, and all of them are committed at once: so a
burst of presses, or of rungs that come due together, pays for a few commits instead of for each. PostgreSQL does the like by itself.

Each who joins stands behind a savepoint, so what fails is undone alone. Nobody is told that it is written before the commit; if that fails,
all fail, each as if the commit had been its own. Only urgent writers, who are brief, are let in: nobody's receipt waits for a long one.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncConnection

from core.turns import Turns

MOST_JOIN = 5
"""Each is some three milliseconds that the first one's receipt waits, while each commit spared is as much that all others do."""


class Shared:
    """A transaction that its first writer has finished, for others to join. Made where `turns.is_urgent_next`."""

    def __init__(self, conn: AsyncConnection, turns: Turns["Shared"], opened: AsyncExitStack) -> None:
        """`opened` ends the transaction: it commits, or rolls back after an exception, and passes the turn on."""
        self._conn, self._turns = conn, turns
        self._room = MOST_JOIN
        self._ruined: Exception | None = None
        self._left = asyncio.get_running_loop().create_future()
        # A task of its own: none of the writers may be cancelled out of it and take the others along.
        self._ended = asyncio.create_task(self._end(opened), name="shared-commit")
        self._ended.add_done_callback(_heard)
        self.leave()

    async def _end(self, opened: AsyncExitStack) -> None:
        async with opened:
            await self._left
            if self._ruined is not None:
                raise self._ruined

    def leave(self) -> None:
        """Let the next urgent writer in, or, where there is none or no room or nothing to join any more, end it."""
        if self._room and self._ruined is None and self._turns.let_in(self):
            self._room -= 1
        elif not self._left.done():  # it is where the process ends and every task is cancelled
            self._left.set_result(None)

    @asynccontextmanager
    async def joined(self) -> AsyncIterator[AsyncConnection]:
        """Write behind a savepoint; what fails is undone alone. Written is it only when `committed` returns."""
        try:
            await self._do("SAVEPOINT joined")
            try:
                yield self._conn
            except BaseException:
                with contextlib.suppress(Exception):  # what failed first is what its writer hears
                    await self._do("ROLLBACK TO joined")
                    await self._do("RELEASE joined")
                raise
            await self._do("RELEASE joined")
        finally:
            self.leave()

    async def _do(self, statement: str) -> None:
        try:
            await self._conn.exec_driver_sql(statement)
        except Exception as ruined:  # SQLite has rolled back all of it, as it may with a full disk
            self._ruined = ruined
            raise

    async def committed(self) -> None:
        """Return after the commit of all, or raise what it raised."""
        await asyncio.shield(self._ended)


def _heard(ended: asyncio.Task[None]) -> None:
    """Take note of a failure, which each writer is told: where all were cancelled there is nobody to tell."""
    if not ended.cancelled():
        ended.exception()
