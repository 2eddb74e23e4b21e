"""How does the house speak to SQL? Table naming, aware times, engines for SQLite and PostgreSQL.

Two groups of tables: `truth` (what people decide and promise; SQLite synchronous FULL) and `fixes` (the high-rate ledger and what is
committed with it; SQLite synchronous NORMAL). On PostgreSQL both live in one database, on SQLite in two files, so that a flood of
fixes never holds the lock that a tap needs.
"""

import contextlib
import sqlite3
from datetime import UTC, datetime
from time import monotonic
from typing import Any, Literal

from sqlalchemy import DateTime, MetaData, Table, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import DBAPIError, InterfaceError, InvalidatePoolError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.types import TypeDecorator

from core.sql_hop import BUSY_TIMEOUT_MS, one_hop

_NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
truth = MetaData(naming_convention=_NAMES)
"""Tables of sites, people, shifts, visits, incidents, notices, timers, quotes, audit."""
fixes = MetaData(naming_convention=_NAMES)
"""Tables written by the recorder: fixes, stream offsets, journey checkpoints."""

TRUSTED_S = 1.0
"""A connection that was used so lately is not asked whether it still lives. Whoever finds it dead all the same is told to try again, and
the pool then trusts none of its age."""
KEPT_CONNECTIONS, MOST_CONNECTIONS = {"full": 16, "normal": 8}, 24
"""Of an engine to PostgreSQL. What is opened beyond those kept, for a moment, has to prepare each of its statements first."""
PREPARED_STATEMENTS = 400
"""Kept for each connection: the hub has some 340, and those of a press are used seldom. SQLAlchemy's own 100 let them go again."""
GIVEN_BACK_S = "porchlight_given_back_s"
READ_ONLY, BRIEF = "porchlight_read_only", "porchlight_brief"
"""Options of a transaction. `BRIEF`: one that reads a few rows, each found by an index."""


class UtcDateTime(TypeDecorator[datetime]):
    """An instant: refuses naive values, stores UTC, returns aware UTC (SQLite alone would drop the offset and lie by hours)."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return `value` in UTC; raises `ValueError` for a naive datetime."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no zone and cannot be stored. Give an aware datetime, such as clock.now().")
        in_utc = value.astimezone(UTC)
        return in_utc.replace(tzinfo=None) if dialect.name == "sqlite" else in_utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the stored instant as aware UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def open_engine(url: str, *, durability: Literal["full", "normal"] = "full") -> AsyncEngine:
    """Return an engine for `url` (`sqlite+aiosqlite:///FILE` or `postgresql+asyncpg://...`).

    `durability` sets SQLite's `synchronous`: `full` survives loss of power after commit, `normal` may lose the last commits then
    (never on kill -9). On PostgreSQL `full` does not put up with a server or role that answers a commit before it is on the disk; `normal`
    keeps the server's own setting. Writers of a `full` file are short, so their statements stay on the event loop's
    thread (`core.sql_hop`): nobody holds SQLite's one lock while a busy loop has no turn for him.
    """
    if url.startswith("sqlite"):
        return _open_sqlite(url, durability)
    return _open_postgresql(url, durability)


def _open_postgresql(url: str, durability: str) -> AsyncEngine:
    kept = KEPT_CONNECTIONS[durability]
    engine = create_async_engine(
        url, pool_size=kept, max_overflow=MOST_CONNECTIONS - kept, pool_timeout=5, hide_parameters=True,
        connect_args={"prepared_statement_cache_size": PREPARED_STATEMENTS},
    )

    # Any other setting than `off` waits for the disk here at least, and may wait for a second machine, which is the operator's wish.
    @event.listens_for(engine.sync_engine, "connect")
    def _wait_for_the_disk(dbapi_connection: Any, _record: Any) -> None:
        if durability == "full":
            cursor = dbapi_connection.cursor()
            cursor.execute("SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'")
            cursor.close()
            dbapi_connection.commit()

    # SQLAlchemy's own `pool_pre_ping` asks at each use, and in a transaction: three ways there and back, before a press has said a word.
    @event.listens_for(engine.sync_engine, "checkout")
    def _ask_after_a_rest(dbapi_connection: Any, record: Any, _proxy: Any) -> None:
        if monotonic() - record.info.get(GIVEN_BACK_S, 0.0) > TRUSTED_S:
            try:
                dbapi_connection.run_async(lambda connection: connection.execute("SELECT 1"))
            except Exception as gone:
                raise InvalidatePoolError from gone

    @event.listens_for(engine.sync_engine, "checkin")
    def _note(_dbapi_connection: Any, record: Any) -> None:
        record.info[GIVEN_BACK_S] = monotonic()

    return engine


def _open_sqlite(url: str, durability: str) -> AsyncEngine:
    engine = create_async_engine(
        url, module=one_hop(), pool_size=8, max_overflow=8, pool_timeout=5, hide_parameters=True, connect_args={"check_same_thread": False}
    )

    @event.listens_for(engine.sync_engine, "connect")
    def _configure(dbapi_connection: Any, _record: Any) -> None:
        dbapi_connection.isolation_level = None
        cursor = dbapi_connection.cursor()
        for pragma in (
            "journal_mode=WAL",
            f"busy_timeout={BUSY_TIMEOUT_MS}",
            "foreign_keys=ON",
            f"synchronous={durability.upper()}",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    # Without this, sqlite3 begins late and a reader that turns writer fails at once instead of waiting its turn.
    @event.listens_for(engine.sync_engine, "begin")
    def _begin(connection: Any) -> None:
        options = connection.get_execution_options()
        reading = options.get(READ_ONLY, False)
        stays = options.get(BRIEF, False) if reading else durability == "full"
        connection.connection.dbapi_connection.begin(reading=reading, stays=stays)

    # A cancelled task leaves its statement unfinished, and SQLite keeps a closed connection's lock until the last statement is freed,
    # which is when the garbage collector gets to it: so the transaction is rolled back before the connection is thrown away.
    @event.listens_for(engine.sync_engine, "invalidate")
    def _let_go(dbapi_connection: Any, _record: Any, _error: Any) -> None:
        with contextlib.suppress(Exception):
            dbapi_connection.rollback()

    return engine


def is_away(failure: Exception) -> bool:
    """Tell whether `failure` says that SQL does not answer, or broke off: to be tried again, where other failures are the hub's fault."""
    if isinstance(failure, DBAPIError):
        # SQLite calls a wrong statement operational as well.
        is_wrong = getattr(failure.orig, "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR
        return failure.connection_invalidated or (isinstance(failure, OperationalError | InterfaceError) and not is_wrong)
    return isinstance(failure, PoolTimeout | ConnectionError)


def upsert(dialect: str, table: Table) -> Any:
    """Return an INSERT for `table` that has `on_conflict_do_update` and `on_conflict_do_nothing`, in the form of `dialect`.

    Both databases understand the same words, but SQLAlchemy keeps them in two classes.
    """
    return sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)
