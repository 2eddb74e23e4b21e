"""How are fixes written to SQL at tens of thousands a second? With plain tuples: executemany on SQLite, COPY on PostgreSQL.

The unique key of a fix makes every replay harmless. On PostgreSQL rows are copied into a temporary table first, because COPY itself cannot
skip what is there already.
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import chain
from typing import Any

from sqlalchemy import and_, delete, func, insert, not_, select, tuple_, update

from core.ids import SiteId, TechnicianId, VisitId
from core.unit_of_work import Tx
from tracking.fix import Fix, Judged, Lane, Reason
from tracking.ledger import Offset
from tracking.ports import KeptTrack
from tracking.tables import fix_ids, fixes, journey_checkpoints, stream_offsets

ROWS_SQLITE, ROWS_POSTGRESQL = 2000, 4000
GATHER_S_SQLITE, GATHER_S_POSTGRESQL = 0.2, 0.05
REMEMBERED_IDS = 200_000
MINUTES_A_QUERY = 720
_COLUMNS = [column.name for column in fixes.columns]
_NAMES = ", ".join(_COLUMNS)
_INTO_FIXES = f"INSERT OR IGNORE INTO fixes ({_NAMES}) VALUES"
_INTO_CHECKPOINTS = "INSERT INTO journey_checkpoints (visit_id, site_id, shard, state)"
_RENEWED = " ON CONFLICT (visit_id) DO UPDATE SET site_id = excluded.site_id, shard = excluded.shard, state = excluded.state"
_RENEW_POSTGRES = f"{_INTO_CHECKPOINTS} SELECT id, $1, $2, state FROM unnest($3::text[], $4::bytea[]) AS new (id, state){_RENEWED}"  # noqa: S608
_AT_ONCE = (250, 50, 10, 1)
"""So many rows are one statement on SQLite: a third cheaper, and its thread lets Python's lock go once instead of for every row."""
_STAGE_POSTGRES = "CREATE TEMP TABLE IF NOT EXISTS fixes_staging (LIKE fixes) ON COMMIT DELETE ROWS"
_INSERT_POSTGRES = f"INSERT INTO fixes ({_NAMES}) SELECT {_NAMES} FROM fixes_staging ON CONFLICT DO NOTHING"  # noqa: S608
_OFFSET_FIELDS = ("epoch", "entry_id", "skip", "total", "stored", "duplicates", "lost", "restarts", "version")
_LANE_NAMES = {lane: lane.value for lane in Lane}
_REASONS = {reason.value: reason for reason in Reason}


class SqlFixes:
    """Meets `tracking.ports.Ledger`. One instance a process: it remembers the numbers of ids it has met."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    async def record(self, tx: Tx, judged: Sequence[Judged]) -> int:
        """See `Ledger.record`. At most `rows_at_once` at a time."""
        if not judged:
            return 0
        try:
            rows = [_row(one, self._numbers) for one in judged]
        except KeyError:
            numbers = await self._numbered(tx, {id for one in judged for id in (one.fix.device_id, one.fix.technician_id)})
            rows = [_row(one, numbers) for one in judged]
        if tx.dialect == "sqlite":
            return await _insert(tx, _INTO_FIXES, rows)
        return await _copy(tx, rows)

    async def _numbered(self, tx: Tx, ids: set[str]) -> dict[str, int]:
        """Return the numbers of `ids`, giving new ones where needed. Remembered only once they are committed."""
        known = self._numbers
        unknown = [id for id in ids if id not in known]
        if not unknown:
            return known
        fresh = await _stored_numbers(tx, unknown)
        if missing := [id for id in unknown if id not in fresh]:
            await _add_ids(tx, missing)
            fresh |= await _stored_numbers(tx, missing)
        tx.after_commit(lambda: self._remember(fresh))
        return {**known, **fresh} if len(fresh) < len(ids) else fresh

    def _remember(self, fresh: dict[str, int]) -> None:
        if len(self._numbers) > REMEMBERED_IDS:
            self._numbers = {}
        self._numbers.update(fresh)

    async def offset(self, tx: Tx, site_id: SiteId, shard: int) -> Offset:
        """See `Ledger.offset`."""
        row = (await tx.conn.execute(select(stream_offsets).where(_is_shard(stream_offsets, site_id, shard)))).mappings().one_or_none()
        return Offset(site_id=site_id, shard=shard) if row is None else Offset(**row)

    async def move_offset(self, tx: Tx, before: Offset, after: Offset) -> bool:
        """See `Ledger.move_offset`."""
        values = {name: getattr(after, name) for name in _OFFSET_FIELDS}
        if before.version == 0:
            return await _first_offset(tx, {"site_id": after.site_id, "shard": after.shard, **values})
        where = _is_shard(stream_offsets, before.site_id, before.shard) & (stream_offsets.c.version == before.version)
        return (await tx.conn.execute(update(stream_offsets).where(where).values(values))).rowcount == 1

    async def checkpoints(self, tx: Tx, site_id: SiteId, shard: int) -> dict[VisitId, bytes]:
        """See `Ledger.checkpoints`."""
        query = select(journey_checkpoints.c.visit_id, journey_checkpoints.c.state)
        rows = await tx.conn.execute(query.where(_is_shard(journey_checkpoints, site_id, shard)))
        return {row.visit_id: row.state for row in rows}

    async def save_checkpoints(self, tx: Tx, site_id: SiteId, shard: int, states: Mapping[VisitId, bytes | None]) -> None:
        """See `Ledger.save_checkpoints`."""
        if gone := [visit_id for visit_id, state in states.items() if state is None]:
            # Not one that another shard has taken over, as when the visit is given to another technician.
            mine = _is_shard(journey_checkpoints, site_id, shard)
            await tx.conn.execute(delete(journey_checkpoints).where(journey_checkpoints.c.visit_id.in_(gone), mine))
        kept = {visit_id: state for visit_id, state in states.items() if state is not None}
        if not kept:
            return
        if tx.dialect == "sqlite":
            rows = [(visit_id, site_id, shard, state) for visit_id, state in kept.items()]
            await _insert(tx, f"{_INTO_CHECKPOINTS} VALUES", rows, _RENEWED)
        else:
            await tx.conn.exec_driver_sql(_RENEW_POSTGRES, (site_id, shard, list(kept), list(kept.values())))

    async def track(self, tx: Tx, technician_id: TechnicianId, from_ms: int, until_ms: int, limit: int) -> list[Judged]:
        """See `Ledger.track`."""
        numbers = await _stored_numbers(tx, [technician_id])
        first, last = (await tx.conn.execute(select(func.min(fixes.c.minute), func.max(fixes.c.minute)))).one()
        if technician_id not in numbers or first is None:
            return []
        found: list[Judged] = []
        stop = min(_minute(until_ms - 1), last) + 1
        for start in range(max(_minute(from_ms), first), stop, MINUTES_A_QUERY):
            minutes = range(start, min(start + MINUTES_A_QUERY, stop))
            query = _track_query(numbers[technician_id], minutes, from_ms, until_ms).limit(limit - len(found))
            found += [_judged(row, technician_id) for row in await tx.conn.execute(query)]
            if len(found) >= limit:
                break
        return found

    async def purge(self, tx: Tx, before_ms: int, limit: int = 1000, kept: Sequence[KeptTrack] = ()) -> int:
        """See `Ledger.purge`."""
        key = (fixes.c.device_at_ms, fixes.c.device_no, fixes.c.device_epoch, fixes.c.seq)
        numbers = await _stored_numbers(tx, sorted({each.technician_id for each in kept}))
        stay = [_in_track(numbers[each.technician_id], each) for each in kept if each.technician_id in numbers]
        old = select(*key).where(fixes.c.minute < _minute(before_ms), *(not_(each) for each in stay)).order_by(fixes.c.minute).limit(limit)
        # PostgreSQL does not promise to evaluate an IN with LIMIT once: the subquery of a subquery makes it.
        chosen = select(*old.subquery().c)
        return (await tx.conn.execute(delete(fixes).where(tuple_(*key).in_(chosen)))).rowcount


def rows_at_once(dialect: str) -> int:
    """Return how many fixes a transaction may hold: on SQLite its lock keeps the ledger's other writers waiting, on PostgreSQL nobody.

    More fixes share one checkpoint of their journey, which at 1,000 is a quarter of what they cost the recorder on SQLite, and a third of
    the server's work on PostgreSQL.
    """
    return ROWS_SQLITE if dialect == "sqlite" else ROWS_POSTGRESQL


def gather_s(dialect: str) -> float:
    """Return how long to pause after a small transaction (decision 32): longer beside SQLite, where fewer of them cost the recorder less.

    PostgreSQL works off a large one on the processor that the statements of a press wait for.
    """
    return GATHER_S_SQLITE if dialect == "sqlite" else GATHER_S_POSTGRESQL


def _minute(at_ms: int) -> int:
    return at_ms // 60_000


def _track_query(technician_no: int, minutes: Sequence[int], from_ms: int, until_ms: int) -> Any:
    """Return the query of one technician's fixes in some minutes: the index finds (minute, technician), never a whole minute."""
    devices = fix_ids.alias()
    return (
        select(devices.c.id.label("device_id"), fixes)
        .join_from(fixes, devices, devices.c.no == fixes.c.device_no)
        .where(fixes.c.minute.in_(minutes), fixes.c.technician_no == technician_no)
        .where(fixes.c.at_ms >= from_ms, fixes.c.at_ms < until_ms)
        .order_by(fixes.c.at_ms, devices.c.id, fixes.c.device_epoch, fixes.c.seq)
    )


def _in_track(technician_no: int, track: KeptTrack) -> Any:
    return and_(fixes.c.technician_no == technician_no, fixes.c.at_ms >= track.from_ms, fixes.c.at_ms < track.until_ms)


def _is_shard(table: Any, site_id: SiteId, shard: int) -> Any:
    return (table.c.site_id == site_id) & (table.c.shard == shard)


def _row(one: Judged, numbers: Mapping[str, int]) -> tuple[Any, ...]:
    fix = one.fix
    return (
        numbers[fix.device_id], fix.device_epoch, fix.seq, numbers[fix.technician_id], fix.at_ms // 60_000, fix.at_ms,
        fix.device_at_ms, fix.received_ms, fix.lat, fix.lon, fix.accuracy_m, fix.speed_mps, fix.heading_deg, fix.altitude_m,
        fix.battery_pct, 1 if fix.mocked else 0, _LANE_NAMES[one.lane], ",".join(one.reasons) if one.reasons else None,
    )


def _judged(row: Any, technician_id: TechnicianId) -> Judged:
    fix = Fix(
        row.device_id, row.device_epoch, row.seq, technician_id, row.at_ms, row.device_at_ms, row.received_ms, row.lat, row.lon,
        row.accuracy_m, row.speed_mps, row.heading_deg, row.altitude_m, row.battery_pct, bool(row.mocked),
    )
    return Judged(fix, Lane(row.lane), tuple(_REASONS[reason] for reason in row.reasons.split(",")) if row.reasons else ())


async def _stored_numbers(tx: Tx, ids: Sequence[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for start in range(0, len(ids), 500):
        rows = await tx.conn.execute(select(fix_ids.c.id, fix_ids.c.no).where(fix_ids.c.id.in_(ids[start : start + 500])))
        found |= {row.id: row.no for row in rows}
    return found


async def _add_ids(tx: Tx, ids: Sequence[str]) -> None:
    mark = "?" if tx.dialect == "sqlite" else "$1"
    # Sorted, so that two recorders that meet the same new ids wait for each other instead of deadlocking.
    rows = [(id,) for id in sorted(ids)]
    await tx.conn.exec_driver_sql(f"INSERT INTO fix_ids (id) VALUES ({mark}) ON CONFLICT (id) DO NOTHING", rows)  # noqa: S608


async def _first_offset(tx: Tx, values: dict[str, Any]) -> bool:
    """Insert the first offset of a shard; False where another recorder has done so."""
    exists = select(stream_offsets.c.version).where(_is_shard(stream_offsets, values["site_id"], values["shard"]))
    if (await tx.conn.execute(exists)).first() is not None:
        return False
    await tx.conn.execute(insert(stream_offsets).values(values))
    return True


async def _insert(tx: Tx, into: str, rows: list[tuple[Any, ...]], on_conflict: str = "") -> int:
    """Insert on SQLite, many rows a statement, all of them in one hop to its thread; return how many rows were written.

    SQLite's one lock is held meanwhile, and each hop more would wait for a turn of a loop that is busy with journeys.
    """
    written = 0

    def insert_all(connection: sqlite3.Connection) -> sqlite3.Cursor:
        nonlocal written
        cursor = connection.cursor()
        for start, count in _cut(len(rows)):
            values = tuple(chain.from_iterable(rows[start : start + count]))
            written += cursor.execute(_values(into, len(rows[0]), count, on_conflict), values).rowcount
        return cursor

    driver: Any = (await tx.conn.get_raw_connection()).dbapi_connection
    await tx.conn.run_sync(lambda _: driver.run(insert_all))
    return written


def _cut(count: int) -> Iterator[tuple[int, int]]:
    """Yield (start, size) of the pieces of `count` rows, in sizes of which there are few: each is a statement that SQLite has to know."""
    start = 0
    for size in _AT_ONCE:
        while count - start >= size:
            yield start, size
            start += size


@cache
def _values(into: str, columns: int, rows: int, on_conflict: str) -> str:
    """Return the statement for so many rows."""
    row = f"({', '.join('?' * columns)})"
    return f"{into} {', '.join([row] * rows)}{on_conflict}"


async def _copy(tx: Tx, rows: list[tuple[Any, ...]]) -> int:
    await tx.conn.exec_driver_sql(_STAGE_POSTGRES)
    await tx.conn.exec_driver_sql("DELETE FROM fixes_staging")
    driver: Any = (await tx.conn.get_raw_connection()).driver_connection
    await driver.copy_records_to_table("fixes_staging", records=rows, columns=_COLUMNS)
    return (await tx.conn.exec_driver_sql(_INSERT_POSTGRES)).rowcount
