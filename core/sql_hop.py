"""How does a statement reach SQLite's thread and come back? In one hop: executed, read and closed there, then handed over whole.

aiosqlite runs every call in the connection's own thread, and SQLAlchemy makes four calls of a statement: cursor, execute, fetch, close.
Each is a switch of threads and a turn of the event loop, which cost more than the statement. Here they are one; all rows are buffered, as
SQLAlchemy does too unless it is asked to stream. A statement whose task is cancelled is finished and closed by the thread all the same, so
it holds no lock that nobody lets go.

What is brief does not even hop: the beginning and the end of a reading transaction, which touch no file, and each statement of a
transaction that `stays`: a writer of people's promises, or a reader of rows found by an index. They hold the event loop's own thread for
less time than the hop would cost it, and a busy loop puts no turn of its own between two of them, in which SQLite's one writer would be
held for nothing. Such a writer begins there too where nobody else writes. What waits for the disk or for another process always hops: the
end of a writing transaction, and its beginning while another one is under way.
"""

import sqlite3
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import aiosqlite
from sqlalchemy.dialects.sqlite.aiosqlite import AsyncAdapt_aiosqlite_connection, AsyncAdapt_aiosqlite_cursor, AsyncAdapt_aiosqlite_dbapi
from sqlalchemy.util import await_only

BUSY_TIMEOUT_MS = 5_000
"""How long one SQLite writer waits for another process's; the longest transaction (2,000 rows) holds its lock some 21 ms."""
LOOK_AGAIN_MS = 3
BEGIN_READING = "BEGIN"
BEGIN_WRITING = "BEGIN IMMEDIATE"
Call = Callable[[sqlite3.Connection], sqlite3.Cursor]
Found = tuple[Any, list[Any], int, int | None]
"""Description, rows, how many rows were touched, the last row's id."""


class _Cursor(AsyncAdapt_aiosqlite_cursor):
    __slots__ = ("_description", "_lastrowid", "_rowcount")

    _adapt_connection: "Connection"

    def __init__(self, adapt_connection: "Connection") -> None:
        # Not the parent's: it would make a cursor in the thread, which is a hop.
        self._adapt_connection = adapt_connection
        self._connection = adapt_connection._connection
        self._rows = deque()
        self._description: Any = None
        self._rowcount = -1
        self._lastrowid: int | None = None

    @property
    def description(self) -> Any:
        return self._description

    @property
    def rowcount(self) -> int:
        return self._rowcount

    @property
    def lastrowid(self) -> Any:
        return self._lastrowid

    async def _async_soft_close(self) -> None:
        return

    def close(self) -> None:
        self._rows.clear()

    def execute(self, operation: Any, parameters: Any = None) -> Any:
        self._run(lambda connection: connection.execute(operation, () if parameters is None else parameters))

    def executemany(self, operation: Any, seq_of_parameters: Sequence[Any]) -> Any:
        self._run(lambda connection: connection.executemany(operation, seq_of_parameters))

    def _run(self, call: Call) -> None:
        self._description, rows, self._rowcount, self._lastrowid = self._adapt_connection.run(call)
        self._rows = deque(rows)


async def _at_once() -> None:
    return


def _begun(connection: sqlite3.Connection) -> sqlite3.Cursor:
    """Begin to write. Another process's writer is waited for by looking again every one or two milliseconds.

    SQLite's own looks grow to 100 ms apart, and whoever writes without a pause elsewhere would always be there first.
    """
    connection.execute(f"PRAGMA busy_timeout={LOOK_AGAIN_MS}")
    try:
        for _ in range(BUSY_TIMEOUT_MS // LOOK_AGAIN_MS):
            try:
                return connection.execute(BEGIN_WRITING)
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:  # or one of its kinds
                    raise
        return connection.execute(BEGIN_WRITING)
    finally:
        connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")


def _begun_at_once(connection: sqlite3.Connection) -> sqlite3.Cursor:
    """Begin to write if nobody else does."""
    connection.execute("PRAGMA busy_timeout=0")
    try:
        return connection.execute(BEGIN_WRITING)
    finally:
        connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")


def _whole(connection: Any, call: Call) -> Found:
    cursor = call(connection._conn)
    try:
        rows = cursor.fetchall() if cursor.description else []
        return cursor.description, rows, cursor.rowcount, cursor.lastrowid
    finally:
        cursor.close()


class Connection(AsyncAdapt_aiosqlite_connection):
    """A connection of SQLAlchemy's; `core.sql` begins its transactions with `begin`."""

    __slots__ = ("_is_out", "_is_reading", "_stays")

    _cursor_cls = _Cursor  # type: ignore[assignment]

    def __init__(self, dbapi: AsyncAdapt_aiosqlite_dbapi, connection: Any) -> None:
        super().__init__(dbapi, connection)
        self._is_out = self._is_reading = self._stays = False

    def begin(self, *, reading: bool, stays: bool) -> None:
        """Begin a transaction: `reading` takes no lock; `stays` runs its statements on the calling thread (module docstring)."""
        self._is_reading = reading
        if reading:
            self._here(lambda connection: connection.execute(BEGIN_READING))
        elif self._is_out or not stays or not self._has_begun_here():
            self._out(_begun)
        self._stays = stays

    def _has_begun_here(self) -> bool:
        try:
            self._here(_begun_at_once)
        except sqlite3.OperationalError:
            # Somebody writes. If it is anything else, the thread meets it too and says so.
            return False
        return True

    def run(self, call: Call) -> Found:
        """Run one statement and return all of what it gave."""
        return self._here(call) if self._stays and not self._is_out else self._out(call)

    def commit(self) -> None:
        """End the transaction; a writing one waits for the disk in its own thread."""
        if not self._is_ended_here():
            super().commit()

    def rollback(self) -> None:
        """Undo the transaction, if there is one: the pool asks for this at each return."""
        if not self._is_ended_here():
            super().rollback()

    def _is_ended_here(self) -> bool:
        """End what needs no thread, and tell whether that was all. After a statement that was left alone in the thread all goes there."""
        self._stays = False
        raw = self._connection._connection
        if raw is None or self._is_out:
            return False
        if raw.in_transaction:
            if not self._is_reading:
                return False
            raw.rollback()
        return True

    def _here(self, call: Call) -> Found:
        await_only(_at_once())  # SQLAlchemy takes a statement that waits for nothing for a driver that is not made for asyncio
        try:
            return _whole(self._connection, call)
        except Exception as error:
            self._handle_exception(error)

    def _out(self, call: Call) -> Found:
        self._is_out = True
        try:
            found: Found = await_only(self._connection._execute(_whole, self._connection, call))
        except Exception as error:
            self._is_out = False
            self._handle_exception(error)
        # Not where the task was cancelled: then the thread is still at it.
        self._is_out = False
        return found


class OneHop(AsyncAdapt_aiosqlite_dbapi):
    """Give it to `create_async_engine(..., module=one_hop())` for a `sqlite+aiosqlite` URL."""

    def connect(self, *arg: Any, **kw: Any) -> AsyncAdapt_aiosqlite_connection:
        """Open a connection, as its parent does."""
        opened = super().connect(*arg, **kw)
        return Connection(self, opened._connection)


def one_hop() -> OneHop:
    """Return the driver module."""
    return OneHop(aiosqlite, sqlite3)
