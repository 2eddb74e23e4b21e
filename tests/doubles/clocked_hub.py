"""A whole hub in this process, on real databases and real sockets, whose clock a test moves: ten minutes pass in seconds.

    async with clocked_hub(house) as hub:
        await hub.pass_s(5)        # five seconds of the hub's time; what they set going has come to rest afterwards
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

from redis import asyncio as aioredis
from sqlalchemy import event

from hub.joints import Joint
from hub.settings import load
from hub.wiring import Hub, open_hub
from hub.worker import DrainingServer, app_of, uvicorn_config
from tests.doubles.fake_clock import FakeClock
from tests.doubles.worker_house import WorkerHouse

LOOK_S = 0.003
REST_S = 20.0
AWAKE_S = 60.0


class CountedHashes:
    """Meets `safety.pin_ports.PinHashes` over the real ones. `fitted`: how many comparisons there were; `under_way`: how many go on now."""

    def __init__(self, hashes: Any) -> None:
        self._hashes = hashes
        self.fitted = self.under_way = 0

    async def hashed(self, pin: str) -> str:
        return str(await self._hashes.hashed(pin))

    async def fits(self, stored: str, pin: str) -> bool:
        self.fitted += 1
        self.under_way += 1
        try:
            return bool(await self._hashes.fits(stored, pin))
        finally:
            self.under_way -= 1


class ClockedHub:
    """`hub`: its parts; `clock`: to be moved by `pass_s` alone."""

    def __init__(self, hub: Hub, clock: FakeClock, hashes: CountedHashes, redis: aioredis.Redis) -> None:
        self.hub = hub
        self.clock = clock
        self.hashes = hashes
        self._redis = redis
        self.stirred = 0
        self.moment_s = clock.monotonic()
        """The clock's seconds that count for what is heard now: while it moves those at which it will stand."""
        for work in (hub.floor.truth, hub.floor.fixes):
            for name in ("before_cursor_execute", "after_cursor_execute"):
                event.listen(work.engine.sync_engine, name, self.stir)

    def stir(self, *_: object) -> None:
        """Say that something happened: nobody moves the clock meanwhile."""
        self.stirred += 1

    async def pass_s(self, seconds: float) -> None:
        """Let so many seconds pass, and everything that they set going come to rest.

        Whether what a timer of the second second asked a database is answered before the fifth has come, only the machine's load decides.
        """
        self.moment_s = self.clock.monotonic() + seconds
        await self.clock.advance(seconds)
        await self.rest()

    async def sleep_through_s(self, seconds: float) -> None:
        """Let so many seconds pass as on a machine whose lid is closed: who waited meanwhile wakes once, then a minute passes as ever."""
        self.clock.move(seconds - AWAKE_S)
        await self.pass_s(AWAKE_S)

    async def rest(self) -> None:
        """Wait until nothing has happened for a while, in which Valkey answered whatever it was asked and no database was at work.

        On a busy machine Valkey or a disk may take longer than the while: a clock that moved meanwhile would date their answers later.
        """
        async with asyncio.timeout(REST_S):
            quiet, seen = 0, -1
            while quiet < 8:
                await self._redis.ping()
                quiet = quiet + 1 if self.stirred == seen and not self._is_at_work() else 0
                seen = self.stirred
                await asyncio.sleep(LOOK_S)

    def _is_at_work(self) -> bool:
        pools: list[Any] = [work.engine.pool for work in (self.hub.floor.truth, self.hub.floor.fixes)]
        return bool(self.hashes.under_way or any(pool.checkedout() for pool in pools))


@contextlib.asynccontextmanager
async def clocked_hub(house: WorkerHouse) -> AsyncIterator[ClockedHub]:
    """Open the hub of a seeded house in this loop and serve it at its URL."""
    clock = FakeClock(datetime.now(UTC))
    settings, counted = load(house.environment), []

    def between(joint: Joint, part: Any) -> Any:
        if joint is not Joint.HASHES:
            return part
        counted.append(CountedHashes(part))
        return counted[0]

    async with open_hub(settings, clock=clock, between=between) as hub, aioredis.Redis.from_url(house.redis_url) as redis:
        server = DrainingServer(uvicorn_config(app_of(hub), settings, hub.floor.way), hub.drain)
        task = asyncio.create_task(server.serve(sockets=[house.listener.dup()]))
        while not server.started:  # noqa: ASYNC110 - uvicorn has no event for having started
            await asyncio.sleep(0.005)
        running = ClockedHub(hub, clock, counted[0], redis)
        await running.rest()
        try:
            yield running
        finally:
            server.force_exit = True
            server.should_exit = True
            ending = asyncio.create_task(_keep_moving(clock))
            await task
            ending.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await ending


async def _keep_moving(clock: FakeClock) -> None:
    while True:
        await clock.advance(1)
        await asyncio.sleep(LOOK_S)
