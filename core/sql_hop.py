"""How does a statement reach SQLite's thread and come back? In one hop: executed, read and closed there, then handed over whole.

aiosqlite runs every call in the connection's own thread, and SQLAlchemy makes four calls of a statement: cursor, execute, fetch, close.
Each is a switch of threads and a turn of the event loop, which cost more than the statement. Here they are one; all rows are buffered, as
SQLAlchemy does too unless it is asked to stream. A statement whose task is cancelled is finished and closed by the thread all the same, so
it holds no lock that nobody lets go.
"""

import sqlite3
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import aiosqlite
from sqlalchemy.dialects.sqlite.aiosqlite import AsyncAdapt_aiosqlite_connection, AsyncAdapt_aiosqlite_cursor, AsyncAdapt_aiosqlite_dbapi
from sqlalchemy.util import await_only

BUSY_TIMEOUT_MS = 5_000
"""How long one SQLite writer waits for another process's; the longest transaction (1,000 rows) takes about 5 ms."""
LOOK_AGAIN_MS = 3
BEGIN_WRITING = "BEGIN IMMEDIATE"


class _Cursor(AsyncAdapt_aiosqlite_cursor):
    __slots__ = ("_description", "_lastrowid", "_rowcount")

    def __init__(self, adapt_connection: AsyncAdapt_aiosqlite_connection) -> None:
        # Not the parent's: it would make a cursor in the thread, which is a hop.
        self._adapt_connection = adapt_connection
        self._connection = adapt_connection._connection
        self._rows = deque()
        self._description, self._rowcount, self._lastrowid = None, -1, 0

    @property
    def description(self) -> Any:
        return self._description

    @property
    def rowcount(self) -> int:
        return self._rowcount

    @property
    def lastrowid(self) -> int:
        return self._lastrowid

    async def _async_soft_close(self) -> None:
        return

    def close(self) -> None:
        self._rows.clear()

    def execute(self, operation: Any, parameters: Any = None) -> Any:
        if operation == BEGIN_WRITING:
            self._hop(_begun)
        else:
            self._hop(lambda connection: connection.execute(operation, () if parameters is None else parameters))

    def executemany(self, operation: Any, seq_of_parameters: Sequence[Any]) -> Any:
        self._hop(lambda connection: connection.executemany(operation, seq_of_parameters))

    def _hop(self, call: Callable[[sqlite3.Connection], sqlite3.Cursor]) -> None:
        connection: Any = self._connection
        try:
            found = await_only(connection._execute(_whole, connection, call))
        except Exception as error:
            self._adapt_connection._handle_exception(error)
        self._description, rows, self._rowcount, self._lastrowid = found
        self._rows = deque(rows)


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
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                    raise
        return connection.execute(BEGIN_WRITING)
    finally:
        connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")


def _whole(connection: Any, call: Callable[[sqlite3.Connection], sqlite3.Cursor]) -> tuple[Any, list[Any], int, int | None]:
    cursor = call(connection._conn)
    try:
        rows = cursor.fetchall() if cursor.description else []
        return cursor.description, rows, cursor.rowcount, cursor.lastrowid
    finally:
        cursor.close()


class _Connection(AsyncAdapt_aiosqlite_connection):
    __slots__ = ()

    _cursor_cls = _Cursor  # type: ignore[assignment]


class OneHop(AsyncAdapt_aiosqlite_dbapi):
    """Give it to `create_async_engine(..., module=one_hop())` for a `sqlite+aiosqlite` URL."""

    def connect(self, *arg: Any, **kw: Any) -> AsyncAdapt_aiosqlite_connection:
        """Open a connection, as its parent does."""
        opened = super().connect(*arg, **kw)
        return _Connection(self, opened._connection)


def one_hop() -> OneHop:
    """Return the driver module."""
    return OneHop(aiosqlite, sqlite3)
