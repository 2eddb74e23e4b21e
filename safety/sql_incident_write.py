"""How do an incident, its new events and its first trigger get into SQL, and the events their numbers in the site? By one statement where
the database can.

The numbers come from a counter of the site, whose row is held until the commit so that numbers and commits have one order: whoever else
writes to an incident of the site waits. On PostgreSQL each statement is a way there and back, and on a busy machine any of them may take
ten milliseconds; with counter and rows in one statement the counter is held for that statement and the commit. SQLite has
one writer, who waits for nobody between two statements.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import Select, Table, bindparam, select, update

from core.ids import SiteId
from core.sql_counters import next_numbers, taken
from core.unit_of_work import Tx
from safety.tables import incident_events, incidents, triggers

Row = dict[str, Any]
_INSERT, _INSERT_EVENT, _INSERT_TRIGGER = incidents.insert(), incident_events.insert(), triggers.insert()
_UPDATE = update(incidents).where(incidents.c.id == bindparam("of_id"))
"""Made once, as every press needs them: building a statement costs more than running it."""


async def write_incident(tx: Tx, site_id: SiteId, incident: Row, events: Sequence[Row], trigger: Row | None = None) -> int:
    """Write an incident's row and its new events, in order, and return the newest one's number in the site.

    `incident` without its `site_number` and `events`, one or more, without theirs. `trigger`: of a new incident, what opened it; None
    overwrites an incident. Raises SQLAlchemy's `IntegrityError` where a new one, or its trigger, is there already.
    """
    counter = f"incidents:{site_id}"
    if tx.dialect == "postgresql":
        given = {"counter": counter, "count": len(events), "of_id": incident["id"], **_named("incident", incident)}
        for place, event in enumerate(events):
            given |= _named(f"event{place}", event)
        given |= _named("trigger", trigger or {})
        return int((await tx.conn.execute(_together(trigger is not None, len(events)), given)).scalar_one())
    numbers = await next_numbers(tx, counter, len(events))
    numbered = incident | {"site_number": numbers[-1]}
    await (overwrite_incident(tx, numbered) if trigger is None else tx.conn.execute(_INSERT, numbered))
    await tx.conn.execute(_INSERT_EVENT, [event | {"site_number": number} for event, number in zip(events, numbers, strict=True)])
    if trigger is not None:
        await add_trigger(tx, trigger)
    return numbers[-1]


async def overwrite_incident(tx: Tx, incident: Row) -> None:
    """Write an incident's whole row without an event."""
    await tx.conn.execute(_UPDATE, {"of_id": incident["id"], **incident})


async def add_trigger(tx: Tx, trigger: Row) -> None:
    """Write a trigger. Raises SQLAlchemy's `IntegrityError` where its key (who, tap_id) is there already."""
    await tx.conn.execute(_INSERT_TRIGGER, trigger)


def _named(prefix: str, row: Row) -> Row:
    return {f"{prefix}_{name}": value for name, value in row.items()}


def _bound(table: Table, prefix: str) -> Row:
    return {column.name: bindparam(f"{prefix}_{column.name}", type_=column.type) for column in table.c if column.name != "site_number"}


@cache
def _together(is_new: bool, count: int) -> Select[Any]:
    """Return the statement that takes `count` numbers, writes an incident and as many events, and gives the last number.

    A new incident is written with its trigger.
    """
    numbers = taken("postgresql").values(name=bindparam("counter"), value=bindparam("count")).cte("numbers")
    newest = select(numbers.c.value).scalar_subquery()
    incident = (incidents.insert() if is_new else _UPDATE).values(**_bound(incidents, "incident"), site_number=newest)
    events = [
        incident_events.insert().values(**_bound(incident_events, f"event{place}"), site_number=newest - (count - 1 - place))
        for place in range(count)
    ]
    written = [events[place].cte(f"event{place}") for place in range(count)]
    if is_new:
        written.append(_INSERT_TRIGGER.values(**_bound(triggers, "trigger")).cte("trigger"))
    return select(numbers.c.value).add_cte(incident.cte("incident"), *written)
