"""Numbers without holes in commit order: a counter row taken inside the writer's transaction.

Sequences of a database are handed out before the commit, so a reader that tails them can skip a number for ever; the row lock on this
counter makes commit order and number order the same.
"""

from typing import Any

from sqlalchemy import select

from core.sql import upsert
from core.tables import counters
from core.unit_of_work import Tx


async def next_number(tx: Tx, name: str) -> int:
    """Return the next number, 1 and up, of the counter `name`; the writers of one counter wait for each other until commit."""
    return (await next_numbers(tx, name, 1))[0]


async def next_numbers(tx: Tx, name: str, count: int) -> range:
    """Return the next `count` (1 or more) numbers of the counter `name`, as `next_number`."""
    last: int = (await tx.conn.execute(_TAKEN[tx.dialect], {"name": name, "value": count})).scalar_one()
    return range(last - count + 1, last + 1)


def taken(dialect: str) -> Any:
    """Return the statement that takes `value` numbers of the counter `name` and gives the last of them."""
    insert = upsert(dialect, counters)
    more = {"value": counters.c.value + insert.excluded.value}
    return insert.on_conflict_do_update(index_elements=[counters.c.name], set_=more).returning(counters.c.value)


_TAKEN = {dialect: taken(dialect) for dialect in ("sqlite", "postgresql")}
"""Made once: building a statement costs more than running it."""


async def last_number(tx: Tx, name: str) -> int:
    """Return the last number committed under `name`, 0 before the first."""
    found: int | None = (await tx.conn.execute(select(counters.c.value).where(counters.c.name == name))).scalar()
    return found or 0
