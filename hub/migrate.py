"""Is the schema where the code expects it? One Alembic line, run up, down and compared, on one database or on two files.

Run by the parent process before any worker, and by `porchlight db`. Two hubs that start together on one PostgreSQL wait for each other
by an advisory lock.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from core.errors import Conflict, Unavailable
from core.sql import fixes, open_engine, truth
from hub.all_tables import import_all_tables

ADVISORY_LOCK = 0x706F7263
"""Any number will do that no other program of the same database takes: "porc" in ASCII."""
_METADATA = {"truth": truth, "fixes": fixes}


@dataclass(frozen=True)
class Database:
    """One database `url` and the table `groups` that live in it."""

    url: str
    groups: tuple[str, ...]


def databases(truth_url: str, fixes_url: str) -> tuple[Database, ...]:
    """Return which databases hold which groups: one for both where the URLs are equal, else two."""
    if truth_url == fixes_url:
        return (Database(truth_url, ("truth", "fixes")),)
    return (Database(truth_url, ("truth",)), Database(fixes_url, ("fixes",)))


def head() -> str | None:
    """Return the newest revision of the code, None before the first; raises Alembic's error when the line has forked."""
    return ScriptDirectory.from_config(_config()).get_current_head()


async def upgrade(truth_url: str, fixes_url: str, revision: str = "head") -> None:
    """Move every database up to `revision`; does nothing where it is there already."""
    for database in databases(truth_url, fixes_url):
        await _with_alembic(database, lambda config: command.upgrade(config, revision))


async def downgrade(truth_url: str, fixes_url: str, revision: str) -> None:
    """Move every database down to `revision` ("base": no table is left, and nothing that was in them)."""
    for database in reversed(databases(truth_url, fixes_url)):
        await _with_alembic(database, lambda config: command.downgrade(config, revision))


async def check(truth_url: str, fixes_url: str) -> list[str]:
    """Return in words what differs between the databases and the code: [] when all is well."""
    import_all_tables()
    found: list[str] = []
    for database in databases(truth_url, fixes_url):
        async with _connected(database) as connection:
            found += await connection.run_sync(_differences, database)
    return found


async def new_revision(message: str, folder: Path) -> str:
    """Write the next revision from the difference between the line and the code, using two scratch files in `folder`; return its path."""
    truth_url, fixes_url = (f"sqlite+aiosqlite:///{folder / name}" for name in ("truth.db", "fixes.db"))
    if head() is not None:
        await upgrade(truth_url, fixes_url)
    made = _Revision()
    for database in databases(truth_url, fixes_url):
        await _with_alembic(database, made.collect)
    return made.write(message)


class _Revision:
    """Gathers the operations of both groups, then writes one file."""

    def __init__(self) -> None:
        self.tokens: dict[str, str] = {}
        self.imports: set[str] = set()

    def collect(self, config: Config) -> None:
        from alembic.autogenerate import produce_migrations, render_python_code

        connection, group = config.attributes["connection"], config.attributes["groups"][0]
        import_all_tables()
        options = {"compare_type": True, "user_module_prefix": "core.sql.", "render_as_batch": False}
        script = produce_migrations(MigrationContext.configure(connection, opts=options), _METADATA[group])
        if script.upgrade_ops is None or script.downgrade_ops is None:
            raise RuntimeError("Alembic produced no operations.")
        for name, operations in (("upgrades", script.upgrade_ops), ("downgrades", script.downgrade_ops)):
            # Rendered for PostgreSQL, whose words SQLite understands: DEFAULT false, where SQLite's own DEFAULT 0 is no boolean elsewhere.
            context = MigrationContext.configure(dialect_name="postgresql", opts=options)
            code = render_python_code(operations, user_module_prefix="core.sql.", migration_context=context)
            self.tokens[f"{group}_{name}"] = "\n".join(line for line in code.splitlines() if "# ###" not in line).strip()

    def write(self, message: str) -> str:
        from alembic.util import rev_id

        directory = ScriptDirectory.from_config(_config())
        made = directory.generate_revision(rev_id(), message, refresh=True, imports="", **self.tokens)  # type: ignore[arg-type]
        if made is None:
            raise RuntimeError("Alembic wrote no revision.")
        return str(made.path)


def _config() -> Config:
    import migrations

    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__path__[0])).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.set_main_option("file_template", "%%(year)d%%(month).2d%%(day).2d_%%(slug)s")
    return config


async def _with_alembic(database: Database, act: Callable[[Config], Any]) -> None:
    config = _config()
    config.attributes["groups"] = database.groups

    def run(connection: Connection) -> None:
        config.attributes["connection"] = connection
        try:
            act(config)
        except CommandError as error:
            raise Conflict(
                f"{error}. This code knows the revisions up to {head()}: name one of them, or run the newer code that made this database."
            ) from None

    async with _connected(database) as connection:
        if connection.dialect.name == "postgresql":
            await connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({ADVISORY_LOCK})")
        await connection.run_sync(run)


@asynccontextmanager
async def _connected(database: Database) -> AsyncIterator[AsyncConnection]:
    engine = open_engine(database.url)
    try:
        await _must_answer(engine)
        async with engine.begin() as connection:
            yield connection
    finally:
        await engine.dispose()


async def _must_answer(engine: AsyncEngine) -> None:
    """Raise `Unavailable` in words, without the password of the URL, where no database answers."""
    try:
        async with engine.connect():
            pass
    except (SQLAlchemyError, OSError) as error:
        said = str(getattr(error, "orig", None) or error).splitlines()[0]
        raise Unavailable(
            f"The database {engine.url.render_as_string()} does not answer: {said}. "
            "See that it runs and that PORCHLIGHT_SQL_URL names it: `porchlight doctor`."
        ) from None


def _differences(connection: Connection, database: Database) -> list[str]:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    where = "+".join(database.groups)
    if (current := context.get_current_revision()) != (newest := head()):
        return [f"{where}: at revision {current or 'none'}, the code wants {newest}. Run `porchlight db upgrade`."]
    known = {name for group in database.groups for name in _METADATA[group].tables}
    context = MigrationContext.configure(
        connection,
        opts={
            "compare_type": True,
            # Partitions are made by the hub as days pass; a file of the other group is none of this one's business.
            "include_object": lambda thing, name, kind, reflected, other: not (kind == "table" and reflected and name not in known),
        },
    )
    found = compare_metadata(context, [_METADATA[group] for group in database.groups])  # type: ignore[arg-type]
    return [f"{where}: {_told(difference)}" for difference in found]


def _told(difference: Any) -> str:
    # compare_metadata gives tuples such as ("add_table", Table) and, for changed columns, lists of them.
    if isinstance(difference, list):
        return "; ".join(_told(part) for part in difference)
    names = [str(getattr(part, "name", part)) for part in difference[1:] if part is not None and not isinstance(part, dict)]
    return f"{difference[0]} {' '.join(names)}"
