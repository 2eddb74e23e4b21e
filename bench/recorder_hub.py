"""How fast do several recorders record together? In the hub as an operator starts it, with `PORCHLIGHT_RECORDERS` and as many shards.

A whole `porchlight serve` (parent, worker, Valkey with `appendfsync always`, recorders) on a filled truth: 500 technicians on their way.
Some turns are recorded to warm it up, in which all departures are proved. Then a backlog is put into the streams of all shards in one
transaction of Valkey's, and the clock runs from its answer, which recorders that wait for fixes get at the same moment, until the books in
SQL show all of it recorded.
"""

import asyncio
import contextlib
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from redis import asyncio as aioredis
from sqlalchemy import text

from bench.ingest_seed import seed
from bench.ingest_servers import DoesNotStart, Server, hub
from bench.process_account import cpu_s
from bench.recorder_load import AIM_POSTGRESQL, AIM_SQLITE, INTERVAL_MS, SITE, TECHNICIANS, Driver, Speed, entries, fill, speed
from core.clock import SystemClock
from core.geo import LatLon
from core.redis_keys import recorder_lease, shard_of
from core.sql import open_engine
from core.unit_of_work import UnitOfWork
from hub.join_tracking import VisitsUnderWay
from hub.local_people import local_people
from hub.settings import Settings, load

RECORDERS = 2
WARM_TURNS = 20
OLD_S = 300
"""Fixes are older than this, so that no arrival is told of them."""
DONE_S, LOOK_S = 120.0, 0.02
MEMORY = Path("/dev/shm")


class HubBench:
    """Recorders of one hub. `fixes`: for each recorder."""

    def __init__(self, folder: Path, fixes: int) -> None:
        self._folder = folder
        self._turns = fixes * RECORDERS // TECHNICIANS
        self._environment = {
            "PORCHLIGHT_SECRET_KEYS": secrets.token_urlsafe(40), "PORCHLIGHT_RECORDERS": str(RECORDERS),
            "PORCHLIGHT_SHARDS": str(RECORDERS),
        }
        self._start_ms = 0

    async def sqlite(self) -> Speed:
        """Measure on SQLite."""
        # Made in memory where that can be had: these are thousands of transactions, which would each wait for the disk.
        draft = Path(tempfile.mkdtemp(dir=MEMORY if os.access(MEMORY, os.W_OK) else self._folder))
        try:
            drivers = await self._seeded(self._settings(draft, {}))
            shutil.copytree(draft, self._folder / "sqlite")
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        return await self._measured("sqlite", {}, drivers, AIM_SQLITE)

    async def postgresql(self, url: str) -> Speed:
        """Measure with truth and ledger in an empty PostgreSQL."""
        more = {"PORCHLIGHT_SQL_URL": url}
        drivers = await self._seeded(self._settings(self._folder / "postgresql", more))
        return await self._measured("postgresql", more, drivers, AIM_POSTGRESQL)

    async def _seeded(self, settings: Settings) -> list[Driver]:
        departed_s = (self._turns + WARM_TURNS) * INTERVAL_MS / 1000 + OLD_S
        await seed(TECHNICIANS, settings, departed_s)
        async with local_people(settings) as local:
            visits = await VisitsUnderWay(local.people.looks).open_visits(SITE)
        self._start_ms = SystemClock().now_ms() - int((departed_s - 1) * 1000)
        # She sets out from where `ingest_seed` says; her circle lies so far from the address.
        return [Driver(each.technician_id, LatLon(each.place.lat - 0.05, each.place.lon)) for each in visits]

    async def _measured(self, name: str, more: dict[str, str], drivers: Sequence[Driver], aim_per_s: float) -> Speed:
        data, log = self._folder / name, self._folder / f"{name}.log"
        ledger = UnitOfWork(open_engine(self._settings(data, more).store.fixes_url))
        with hub(data, log, self._environment | more, None) as server:
            async with contextlib.AsyncExitStack() as stack:
                run = _Run(server, drivers, self._start_ms, ledger)
                stack.push_async_callback(run.aclose)
                await run.recorded(range(WARM_TURNS))
                seconds, used_s = await run.recorded(range(WARM_TURNS, WARM_TURNS + self._turns))
                await run.check((WARM_TURNS + self._turns) * TECHNICIANS)
        return speed(RECORDERS, self._turns * TECHNICIANS, seconds, used_s, aim_per_s)

    def _settings(self, data: Path, more: dict[str, str]) -> Settings:
        return load(self._environment | more | {"PORCHLIGHT_DATA_DIR": str(data)})


class _Run:
    """One running hub."""

    def __init__(self, server: Server, drivers: Sequence[Driver], start_ms: int, ledger: UnitOfWork) -> None:
        self._server, self._start_ms, self._ledger = server, start_ms, ledger
        self._redis = aioredis.Redis.from_url(server.redis_url)
        self._drivers: dict[int, list[Driver]] = {shard: [] for shard in range(RECORDERS)}
        for driver in drivers:
            self._drivers[shard_of(driver.technician_id, RECORDERS)].append(driver)
        self._appended = dict.fromkeys(self._drivers, 0)

    async def recorded(self, turns: range) -> tuple[float, float]:
        """Fill the streams and wait until all is recorded; return how long that took, and the CPU time of the recorders, in seconds."""
        await self._all_lead()
        blobs = {shard: entries(drivers, turns, self._start_ms) for shard, drivers in self._drivers.items()}
        fixes = {shard: len(drivers) for shard, drivers in self._drivers.items()}
        cpu_before_s = cpu_s(self._server.recorders)
        await fill(self._redis, blobs, fixes, self._appended)
        began_s = time.perf_counter()
        self._appended = {shard: self._appended[shard] + len(turns) * fixes[shard] for shard in fixes}
        wanted = sum(self._appended.values())
        await self._until(lambda: self._sum("SELECT sum(total) FROM stream_offsets"), wanted, "is recorded")
        return time.perf_counter() - began_s, cpu_s(self._server.recorders) - cpu_before_s

    async def check(self, count: int) -> None:
        """Raise `RuntimeError` where the figure would mean nothing: a fix is missing, or a journey, or a recorder did nothing."""
        stored = await self._sum("SELECT count(*) FROM fixes")
        journeys = await self._sum("SELECT count(*) FROM journey_checkpoints")
        leaders = {await self._redis.get(recorder_lease(SITE, shard)) for shard in self._drivers}
        if (stored, journeys, len(leaders)) != (count, TECHNICIANS, RECORDERS):
            raise RuntimeError(f"{stored} of {count} fixes, {journeys} journeys, {len(leaders)} recorders: the figure would mean nothing.")

    async def aclose(self) -> None:
        """Close what this run opened."""
        await self._redis.aclose()
        await self._ledger.engine.dispose()

    async def _all_lead(self) -> None:
        async def leases() -> int:
            return sum([await self._redis.exists(recorder_lease(SITE, shard)) for shard in self._drivers])

        await self._until(leases, RECORDERS, "has a recorder")

    async def _sum(self, query: str) -> int:
        async with self._ledger.read() as tx:
            return int((await tx.conn.execute(text(query))).scalar_one() or 0)

    @staticmethod
    async def _until(count: Callable[[], Awaitable[int]], wanted: int, what: str) -> None:
        end_s = time.monotonic() + DONE_S
        while (found := await count()) < wanted:
            if time.monotonic() > end_s:
                raise DoesNotStart(f"{found} of {wanted} {what} after {DONE_S:g} s.")
            await asyncio.sleep(LOOK_S)
