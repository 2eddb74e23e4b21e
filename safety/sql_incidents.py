"""Incidents, triggers and events in SQL, inside the caller's transaction. No retries; a lost connection loses the whole transaction.

On PostgreSQL an incident is read `FOR UPDATE`; on SQLite the writing transaction itself is the lock.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from weakref import WeakKeyDictionary

import msgspec
from sqlalchemy import bindparam, func, or_, select
from sqlalchemy.exc import IntegrityError

from core.errors import NotFound
from core.ids import IncidentId, SiteId
from core.key_ring import KeyRing
from core.tables import counters
from core.timers import Timer
from core.unit_of_work import Tx
from notifications.notice import CODE_DIGITS, short_code
from safety.evidence import Event, EventKind, chained, start_of
from safety.incident import OPEN, Flag, Incident, Resolution, State
from safety.ports import OpenSignal, TapRaced
from safety.row_check import CHANGED, changed, facts_of
from safety.sos_tap import Receipt, SosTap
from safety.sql_first_look import CODE, IS_OPEN, NOTHING, FirstLook, first_look
from safety.sql_incident_write import Opening, add_trigger, overwrite_incident, write_incident
from safety.tables import incident_events, incidents, triggers

LOWEST_CODE = 10 ** (CODE_DIGITS - 1)
_OPEN = [state.value for state in OPEN]
_STANDING = (
    select(incidents)
    .where(incidents.c.raised_by == bindparam("who"), or_(IS_OPEN, incidents.c.resolved_at > bindparam("ended_since")))
    .order_by(incidents.c.raised_at.desc())
    .with_for_update()
)
_RAISED_SINCE = (
    select(incidents)
    .where(incidents.c.raised_by.in_(bindparam("whos", expanding=True)), or_(incidents.c.raised_at >= bindparam("since"), IS_OPEN))
    .order_by(incidents.c.raised_at)
)
_GET = select(incidents).where(incidents.c.id == bindparam("of_id")).with_for_update()
_ROW = select(incidents).where(incidents.c.id == bindparam("of_id"))
_SIGNALS = select(incidents.c.id, incidents.c.technician_id, incidents.c.version, incidents.c.flags).where(
    incidents.c.site_id == bindparam("site_id"), incidents.c.technician_id.is_not(None), incidents.c.state != State.PENDING.value, IS_OPEN
)
_SAID_OF_SIGNALS = (
    select(incident_events.c.incident_id, incident_events.c.data)
    .where(incident_events.c.incident_id.in_(bindparam("ids", expanding=True)), incident_events.c.kind == EventKind.SIGNAL.value)
    .order_by(incident_events.c.incident_id, incident_events.c.seq)
)
"""Made once, as every press or every reading of shifts needs them: building a statement costs more than running it."""


@dataclass(frozen=True)
class _Tail:
    """The end of an incident's chain of events, in columns of its row; `site_number`: of its newest event in its site, once it is written.

    `facts`: what its row says, of which the next event tells the changes.
    """

    last_hash: str
    last_seq: int
    site_number: int
    facts: dict[str, Any]

    @property
    def columns(self) -> dict[str, Any]:
        """The end as columns."""
        return {"last_hash": self.last_hash, "last_seq": self.last_seq}


class SqlIncidents:
    """See `safety.ports.Incidents` for the contract."""

    def __init__(self, keys: KeyRing) -> None:
        self._keys = keys
        self._tails: WeakKeyDictionary[Tx, dict[IncidentId, _Tail]] = WeakKeyDictionary()
        self._looks: WeakKeyDictionary[Tx, FirstLook] = WeakKeyDictionary()

    async def receipt_of(self, tx: Tx, tap: SosTap) -> Receipt | None:
        """See `Incidents.receipt_of`."""
        look = self._looks[tx] = await first_look(tx, tap)
        return look.receipt

    def looked(self, tx: Tx) -> FirstLook:
        """Return what `receipt_of` found in this transaction besides the receipt."""
        return self._looks.get(tx, NOTHING)

    async def open_of(self, tx: Tx, who: str) -> Incident | None:
        """See `Incidents.open_of`."""
        found = select(incidents).where(incidents.c.raised_by == who, incidents.c.state.in_(_OPEN)).with_for_update()
        row = (await tx.conn.execute(found.order_by(incidents.c.raised_at.desc()).limit(1))).one_or_none()
        return None if row is None else self._held(tx, row)

    async def standing_of(self, tx: Tx, who: str, ended_since: datetime) -> tuple[Incident | None, Incident | None]:
        """See `Incidents.standing_of`. One statement: who waits here for an act that ends the open one finds it among the ended."""
        rows = (await tx.conn.execute(_STANDING, {"who": who, "ended_since": ended_since})).all()
        found = [self._held(tx, row) for row in rows]
        ended = [each for each in found if not each.is_open and each.resolved_at is not None]
        newest = max(ended, key=lambda each: each.resolved_at or each.raised_at, default=None)
        return next((each for each in found if each.is_open), None), newest

    async def get(self, tx: Tx, incident_id: IncidentId) -> Incident:
        """See `Incidents.get`."""
        row = (await tx.conn.execute(_GET, {"of_id": incident_id})).one_or_none()
        if row is None:
            raise NotFound("There is no such incident, or it is not of your site.")
        return self._held(tx, row)

    async def find(self, tx: Tx, incident_id: IncidentId) -> Incident | None:
        """Return the incident without locking it, None when there is none; for readers."""
        row = (await tx.conn.execute(select(incidents).where(incidents.c.id == incident_id))).one_or_none()
        return None if row is None else _incident(row)

    async def add(self, tx: Tx, incident: Incident, events: Sequence[Event], tap: SosTap, timer: Timer) -> None:
        """See `Incidents.add`."""
        try:
            opening = Opening(self._trigger_row(tap, incident.id, events[0].at), timer)
            await self._write(tx, incident, events, _Tail(start_of(incident.id), 0, 0, {}), opening)
        except IntegrityError:
            raise TapRaced from None

    async def save(self, tx: Tx, incident: Incident, events: Sequence[Event]) -> None:
        """See `Incidents.save`."""
        tail = self._tails.get(tx, {}).get(incident.id)
        if tail is None:
            tail = _tail((await tx.conn.execute(_ROW, {"of_id": incident.id})).one())
        if events:
            await self._write(tx, incident, events, tail)
        else:
            await overwrite_incident(tx, _row(incident) | tail.columns | {"site_number": tail.site_number})

    async def _write(
        self, tx: Tx, incident: Incident, events: Sequence[Event], tail: "_Tail", opening: Opening | None = None
    ) -> None:
        rows, end = _linked(incident, events, tail)
        newest = await write_incident(tx, incident.site_id, _row(incident) | end.columns, rows, opening)
        # The row is locked until the end of the transaction, so nobody else moves its end meanwhile.
        self._tails.setdefault(tx, {})[incident.id] = replace(end, site_number=newest)

    async def add_trigger(self, tx: Tx, tap: SosTap, incident_id: IncidentId, at: datetime) -> None:
        """See `Incidents.add_trigger`."""
        try:
            await add_trigger(tx, self._trigger_row(tap, incident_id, at))
        except IntegrityError:
            raise TapRaced from None

    def _trigger_row(self, tap: SosTap, incident_id: IncidentId, at: datetime) -> dict[str, Any]:
        return {
            "who": tap.who, "tap_id": tap.tap_id, "incident_id": incident_id, "kind": tap.kind.value, "road": tap.road.value, "at": at,
            "device_at": tap.device_at, "device_id": tap.device_id, "body": self._keys.seal("incident", msgspec.json.encode(tap).decode()),
        }  # fmt: skip

    async def events(self, tx: Tx, incident_id: IncidentId, kinds: Sequence[EventKind] = ()) -> list[Event]:
        """See `Incidents.events`."""
        found = select(incident_events).where(incident_events.c.incident_id == incident_id).order_by(incident_events.c.seq)
        if kinds:
            found = found.where(incident_events.c.kind.in_([kind.value for kind in kinds]))
        return [_event(row) for row in await tx.conn.execute(found)]

    async def begun_at(self, tx: Tx, incident_id: IncidentId) -> datetime | None:
        """See `Incidents.begun_at`."""
        found = select(incident_events.c.at).where(incident_events.c.incident_id == incident_id).order_by(incident_events.c.seq)
        begun_at: datetime | None = (await tx.conn.execute(found.limit(1))).scalar()
        return begun_at

    async def pressed(self, tx: Tx, incident_id: IncidentId, most: int) -> tuple[int, Event]:
        """See `Incidents.pressed`."""
        some = select(triggers.c.tap_id).where(triggers.c.incident_id == incident_id).limit(most).subquery()
        count = (await tx.conn.execute(select(func.count()).select_from(some))).scalar_one()
        newest = select(incident_events).where(incident_events.c.incident_id == incident_id).order_by(incident_events.c.seq.desc())
        return count, _event((await tx.conn.execute(newest.limit(1))).one())

    async def new_code(self, tx: Tx, site_id: SiteId, incident_id: IncidentId) -> str:
        """See `Incidents.new_code`."""
        code = int(short_code(incident_id))
        if self.looked(tx).free == incident_id:
            return str(code)
        while (await tx.conn.execute(CODE, {"site_id": site_id, "code": str(code)})).first() is not None:
            code = LOWEST_CODE + (code + 1 - LOWEST_CODE) % (9 * LOWEST_CODE)
        return str(code)

    def _held(self, tx: Tx, row: Any) -> Incident:
        """Return the incident of a row that is locked for this transaction: the end of its chain is known with it."""
        self._tails.setdefault(tx, {})[row.id] = _tail(row)
        return _incident(row)

    async def raised_since(self, tx: Tx, whos: Sequence[str], since: datetime) -> Sequence[Incident]:
        """See `IncidentReader.raised_since`."""
        return [_incident(row) for row in await tx.conn.execute(_RAISED_SINCE, {"whos": whos, "since": since})]

    async def open_at(self, tx: Tx, site_id: SiteId) -> list[Incident]:
        """Return the open incidents of a site, gravest and oldest first."""
        found = select(incidents).where(incidents.c.site_id == site_id, incidents.c.state.in_(_OPEN))
        rows = await tx.conn.execute(found.order_by(incidents.c.severity.desc(), incidents.c.raised_at))
        return [_incident(row) for row in rows]

    async def open_signals(self, tx: Tx, site_id: SiteId) -> list[OpenSignal]:
        """See `IncidentReader.open_signals`."""
        rows = (await tx.conn.execute(_SIGNALS, {"site_id": site_id})).all()
        flagged = [row.id for row in rows if Flag.SIGNAL_LOST.value in msgspec.json.decode(row.flags)]
        said = (await tx.conn.execute(_SAID_OF_SIGNALS, {"ids": flagged})).all() if flagged else []
        last = {row.incident_id: bool(msgspec.json.decode(row.data)["is_lost"]) for row in said}
        return [
            OpenSignal(
                incident_id=row.id, technician_id=row.technician_id, version=row.version, was_lost=last.get(row.id, False)
            )
            for row in rows
        ]  # fmt: skip

    async def ended_since(self, tx: Tx, site_id: SiteId, since: datetime) -> list[Incident]:
        """Return the incidents of a site that were raised since then and are over, newest first; for reading from a terminal."""
        over = incidents.c.state.not_in(_OPEN) & (incidents.c.raised_at >= since)
        found = select(incidents).where(incidents.c.site_id == site_id, over).order_by(incidents.c.raised_at.desc()).limit(1000)
        return [_incident(row) for row in await tx.conn.execute(found)]

    async def changed_since(self, tx: Tx, site_id: SiteId, number: int) -> tuple[list[Incident], int]:
        """Return incidents of a site with events after the per-site `number`, and the newest number: what a console tails every second.

        The number is read first: what is committed between the two is then read again next time, and never passed over.
        """
        newest = select(func.max(counters.c.value)).where(counters.c.name == f"incidents:{site_id}")
        mark = (await tx.conn.execute(newest)).scalar() or 0
        found = select(incidents).where(incidents.c.site_id == site_id, incidents.c.site_number > number)
        return [_incident(row) for row in await tx.conn.execute(found)], mark


def _linked(incident: Incident, events: Sequence[Event], tail: _Tail) -> tuple[list[dict[str, Any]], _Tail]:
    """Return the rows of `events`, one or more, linked to the chain that ends with `tail`, and the new end of it; none has a number yet.

    The newest tells what is new in the incident's row, so that a change that no event made is found (`row_check`).
    """
    rows, before, seq, facts = [], tail.last_hash, tail.last_seq, facts_of(incident)
    if news := changed(tail.facts, facts):
        *most, newest = events
        events = [*most, msgspec.structs.replace(newest, data={**newest.data, CHANGED: news})]
    for event in events:
        seq += 1
        linked = chained(msgspec.structs.replace(event, incident_id=incident.id, seq=seq), before)
        before = linked.hash
        rows.append(_event_row(linked, incident.site_id))
    return rows, _Tail(before, seq, tail.site_number, facts)


def _row(incident: Incident) -> dict[str, Any]:
    row = msgspec.structs.asdict(incident)
    row["state"] = incident.state.value
    row["flags"] = msgspec.json.encode(sorted(flag.value for flag in incident.flags)).decode()
    row["resolution"] = incident.resolution.value if incident.resolution else None
    return row


def _tail(row: Any) -> _Tail:
    return _Tail(row.last_hash, row.last_seq, row.site_number, facts_of(_incident(row)))


def _incident(row: Any) -> Incident:
    values = {name: getattr(row, name) for name in Incident.__struct_fields__}
    values["state"] = State(row.state)
    values["flags"] = frozenset(Flag(flag) for flag in msgspec.json.decode(row.flags))
    values["resolution"] = Resolution(row.resolution) if row.resolution else None
    return Incident(**values)


def _event_row(event: Event, site_id: SiteId) -> dict[str, Any]:
    row = msgspec.structs.asdict(event)
    row["kind"] = event.kind.value
    row["data"] = msgspec.json.encode(event.data, order="deterministic").decode()
    return {**row, "site_id": site_id}


def _event(row: Any) -> Event:
    values = {name: getattr(row, name) for name in Event.__struct_fields__}
    values["kind"] = EventKind(row.kind)
    values["data"] = msgspec.json.decode(row.data)
    return Event(**values)
