"""How does Alembic reach the databases? Through an open connection and the table groups behind it, both handed over by `hub/migrate.py`.

On PostgreSQL one database holds both groups and is upgraded once; on SQLite each file holds one group and its own `alembic_version`.
"""

from alembic import context

from core.sql import fixes, truth
from hub.all_tables import import_all_tables

METADATA = {"truth": truth, "fixes": fixes}
LOCK_TIMEOUT_MS = 5_000
STATEMENT_TIMEOUT_MS = 600_000
"""A migration that cannot get its lock gives up instead of queueing every writer of the hub behind itself."""

import_all_tables()
connection = context.config.attributes["connection"]
groups: tuple[str, ...] = context.config.attributes["groups"]
is_sqlite = connection.dialect.name == "sqlite"

if not is_sqlite:
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = {LOCK_TIMEOUT_MS}")
    connection.exec_driver_sql(f"SET LOCAL statement_timeout = {STATEMENT_TIMEOUT_MS}")

context.configure(
    connection=connection,
    target_metadata=[METADATA[group] for group in groups],
    render_as_batch=is_sqlite,
    compare_type=True,
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations(groups=groups)
