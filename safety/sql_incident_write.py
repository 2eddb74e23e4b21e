"""How do an incident, its new events, its first trigger and its timer get into SQL, and the events their numbers in the site? By one
statement where the database can.

The numbers come from a counter of the site, whose row is held until the commit so that numbers and commits have one order: whoever else
writes to an incident of the site waits. On PostgreSQL each statement is a way there and back, and on a busy machine any of them may take
ten milliseconds; with counter and rows in one statement the counter is held for that statement and the commit. SQLite has
one writer, who waits for nobody between two statements.

A new incident's timer is written with it, as nobody else knows of that timer. One that is there already must be set before the counter is
taken: whoever forgets several timers at once may hold its row, and wait for one of somebody who waits for the counter.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Select, Table, bindparam, select, update

from core.ids import SiteId
from core.sql_counters import next_numbers, taken
from core.sql_timers import row_of, set_timer, setting
from core.tables import timers
from core.timers import Timer
from core.unit_of_work import Tx
from safety.tables import incident_events, incidents, triggers

Row = dict[str, Any]
_DEFAULTS_OF_TIMERS = ("lease_until", "attempts", "version")
_INSERT, _INSERT_EVENT, _INSERT_TRIGGER = incidents.insert(), incident_events.insert(), triggers.insert()
_UPDATE = update(incidents).where(incidents.c.id == bindparam("of_id"))
"""Made once, as every press needs them: building a statement costs more than running it."""


class Opening(NamedTuple):
    """What is written with a new incident alone: what opened it, and when somebody goes on with it."""

    trigger: Row
    timer: Timer


async def write_incident(tx: Tx, site_id: SiteId, incident: Row, events: Sequence[Row], opening: Opening | None = None) -> int:
    """Write an incident's row and its new events, in order, and return the newest one's number in the site.

    `incident` without its `site_number` and `events`, one or more, without theirs. `opening`: of a new incident; None overwrites one.
    Raises SQLAlchemy's `IntegrityError` where a new one, or its trigger, is there already.
    """
    counter = f"incidents:{site_id}"
    if tx.dialect == "postgresql":
        given = {"counter": counter, "count": len(events), "of_id": incident["id"], **_named("incident", incident)}
        for place, event in enumerate(events):
            given |= _named(f"event{place}", event)
        if opening is not None:
            given |= _named("trigger", opening.trigger) | _named("timer", row_of(opening.timer))
        return int((await tx.conn.execute(_together(opening is not None, len(events)), given)).scalar_one())
    numbers = await next_numbers(tx, counter, len(events))
    numbered = incident | {"site_number": numbers[-1]}
    await (overwrite_incident(tx, numbered) if opening is None else tx.conn.execute(_INSERT, numbered))
    await tx.conn.execute(_INSERT_EVENT, [event | {"site_number": number} for event, number in zip(events, numbers, strict=True)])
    if opening is not None:
        await add_trigger(tx, opening.trigger)
        await set_timer(tx, opening.timer)
    return numbers[-1]


async def overwrite_incident(tx: Tx, incident: Row) -> None:
    """Write an incident's whole row without an event."""
    await tx.conn.execute(_UPDATE, {"of_id": incident["id"], **incident})


async def add_trigger(tx: Tx, trigger: Row) -> None:
    """Write a trigger. Raises SQLAlchemy's `IntegrityError` where its key (who, tap_id) is there already."""
    await tx.conn.execute(_INSERT_TRIGGER, trigger)


def _named(prefix: str, row: Row) -> Row:
    return {f"{prefix}_{name}": value for name, value in row.items()}


def _bound(table: Table, prefix: str, but: Sequence[str] = ("site_number",)) -> Row:
    return {column.name: bindparam(f"{prefix}_{column.name}", type_=column.type) for column in table.c if column.name not in but}


@cache
def _together(is_new: bool, count: int) -> Select[Any]:
    """Return the statement that takes `count` numbers, writes an incident and as many events, and gives the last number.

    A new incident is written with its trigger and timer.
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
        written.append(setting("postgresql").values(**_bound(timers, "timer", _DEFAULTS_OF_TIMERS)).cte("timer"))
    return select(numbers.c.value).add_cte(incident.cte("incident"), *written)
