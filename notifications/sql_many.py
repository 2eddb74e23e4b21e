"""Many rows changed each in its own way by one statement: what a group of answers needs, in one round trip and one plan.

PostgreSQL takes the values as arrays, one a column; SQLite runs its prepared statement for each row, which costs it no round trip. Each
statement is made once: building it costs more than running it.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Table, Update, bindparam, column, func, update
from sqlalchemy.dialects.postgresql import ARRAY

from core.unit_of_work import Tx

Change = Mapping[str, Any]
"""Values by column: the keys and what is to stand in the others."""


async def change_rows(
    tx: Tx, table: Table, keys: Sequence[str], changes: Sequence[Change], *, keeps_first: frozenset[str] = frozenset()
) -> None:
    """Write each of `changes` to the row of `table` whose `keys` it names; all name the same columns. Columns in `keeps_first` are written
    only where the row has nothing yet.
    """
    if not changes:
        return
    names = tuple(name for name in changes[0] if name not in keys)
    if tx.dialect == "postgresql":
        given = {f"all_{name}": [change[name] for change in changes] for name in (*keys, *names)}
        await tx.conn.execute(_by_arrays(table, tuple(keys), names, keeps_first), given)
    else:
        rows = [{f"of_{key}": change[key] for key in keys} | {f"to_{name}": change[name] for name in names} for change in changes]
        await tx.conn.execute(_one_by_one(table, tuple(keys), names, keeps_first), rows)


@lru_cache(maxsize=64)
def _by_arrays(table: Table, keys: tuple[str, ...], names: tuple[str, ...], keeps_first: frozenset[str]) -> Update:
    every = [*keys, *names]
    arrays = [bindparam(f"all_{name}", type_=ARRAY(table.c[name].type)) for name in every]
    given = func.unnest(*arrays).table_valued(*(column(name, table.c[name].type) for name in every)).render_derived(name="given")
    changed = {name: _kept(table, name, given.c[name], keeps_first) for name in names}
    return update(table).where(*(table.c[key] == given.c[key] for key in keys)).values(changed)


@lru_cache(maxsize=64)
def _one_by_one(table: Table, keys: tuple[str, ...], names: tuple[str, ...], keeps_first: frozenset[str]) -> Update:
    changed = {name: _kept(table, name, bindparam(f"to_{name}", type_=table.c[name].type), keeps_first) for name in names}
    return update(table).where(*(table.c[key] == bindparam(f"of_{key}") for key in keys)).values(changed)


def _kept(table: Table, name: str, value: ColumnElement[Any], keeps_first: frozenset[str]) -> ColumnElement[Any]:
    return func.coalesce(table.c[name], value) if name in keeps_first else value
