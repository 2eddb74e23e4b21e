"""A process that hangs, and holds no lock meanwhile that everybody else would wait for."""

import contextlib
import sqlite3
from collections.abc import AsyncIterator

from tests.doubles.served_hub import ServedHub, stopped


@contextlib.asynccontextmanager
async def stopped_between_commits(hub: ServedHub, pid: int) -> AsyncIterator[None]:
    """Hold a process still at a moment when it holds no lock of SQLite, which nobody else could then take."""
    with contextlib.ExitStack() as held:

        async def is_held() -> bool:
            held.enter_context(stopped(pid))
            with contextlib.suppress(sqlite3.OperationalError):
                for file in ("truth.db", "fixes.db"):
                    with contextlib.closing(sqlite3.connect(hub.folder / file, timeout=0.1, isolation_level=None)) as probe:
                        probe.execute("BEGIN IMMEDIATE")
                return True
            held.close()
            return False

        await hub.until(is_held, "it is between two commits")
        yield
