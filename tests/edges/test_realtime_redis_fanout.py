"""Live fixes and pokes between two workers over a real Valkey, and what a lost line leads to."""

import asyncio

import pytest

from core import redis_keys
from core.clock import SystemClock
from realtime.fanout import Fanout
from realtime.ports import Poke, PokeTopic
from realtime.redis_fanout import RedisFanout
from tests.doubles.socket_ports import SITE, TECHNICIAN, fix_at
from tracking.fix import Judged, Lane, Reason
from tracking.packing import Batch, pack

pytestmark = pytest.mark.anyio
SHARDS = 4


class Spy:
    """Watches fixes and pokes, and wakes whoever waits for them."""

    def __init__(self) -> None:
        self.fixes: list = []
        self.pokes: list = []
        self.gaps = 0
        self._something = asyncio.Condition()

    def on_fix(self, fix):
        self.fixes.append(fix.seq)
        self._tell()

    def on_poke(self, site_id, poke):
        self.pokes.append((site_id, poke))
        self._tell()

    def on_gap(self):
        self.gaps += 1
        self._tell()

    def _tell(self):
        async def notify():
            async with self._something:
                self._something.notify_all()

        self._task = asyncio.get_running_loop().create_task(notify())

    async def until(self, is_so):
        async with asyncio.timeout(5), self._something:
            await self._something.wait_for(is_so)


class Worker:
    def __init__(self, url: str, name: str) -> None:
        self.spy = Spy()
        self.fanout = Fanout()
        self.fanout.watch_pokes(self.spy)
        self.redis = RedisFanout(url, self.fanout, SystemClock(), name, shards=SHARDS)


async def connected(worker: Worker) -> None:
    async with asyncio.timeout(5):
        while not worker.redis.is_connected:  # noqa: ASYNC110
            await asyncio.sleep(0.005)  # the supervisor's task is on its way


@pytest.fixture
async def workers(redis, redis_url):
    pair = [Worker(redis_url, "w1"), Worker(redis_url, "w2")]
    tasks = [asyncio.create_task(worker.redis.run()) for worker in pair]
    for worker in pair:
        await connected(worker)
    yield pair
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def channel_of(technician: str) -> str:
    return redis_keys.live_channel(SITE, redis_keys.shard_of(technician, SHARDS))


def blob_of(worker: str, *seqs: int, technician: str = TECHNICIAN, lane: Lane = Lane.LIVE) -> bytes:
    return pack(Batch(worker, "b", [[Judged(fix_at(seq, seq=seq, technician=technician), lane) for seq in seqs]]))


async def test_a_live_fix_of_another_worker_reaches_the_watcher(redis, workers):
    here, _ = workers
    here.fanout.watch_technician(SITE, TECHNICIAN, here.spy)
    await here.fanout.settled()

    await redis.publish(channel_of(TECHNICIAN), blob_of("w2", 1, 2))
    await here.spy.until(lambda: here.spy.fixes == [1, 2])


async def test_a_worker_skips_what_it_sent_itself(redis, workers):
    here, _ = workers
    here.fanout.watch_technician(SITE, TECHNICIAN, here.spy)
    await here.fanout.settled()

    await redis.publish(channel_of(TECHNICIAN), blob_of("w1", 1))
    await redis.publish(channel_of(TECHNICIAN), blob_of("w2", 2))
    await here.spy.until(lambda: here.spy.fixes)

    assert here.spy.fixes == [2]


async def test_a_fix_that_moves_no_marker_is_not_shown(redis, workers):
    here, _ = workers
    here.fanout.watch_technician(SITE, TECHNICIAN, here.spy)
    await here.fanout.settled()
    ledger_only = pack(Batch("w2", "b", [[Judged(fix_at(1, seq=1), Lane.LEDGER_ONLY, (Reason.JUMP,))]]))

    await redis.publish(channel_of(TECHNICIAN), ledger_only)
    await redis.publish(channel_of(TECHNICIAN), b"\xc1 not a batch")
    await redis.publish(channel_of(TECHNICIAN), blob_of("w2", 2))
    await here.spy.until(lambda: here.spy.fixes)

    assert here.spy.fixes == [2]


async def test_only_shards_with_watchers_are_subscribed_to(redis, workers):
    here, _ = workers
    here.fanout.watch_technician(SITE, TECHNICIAN, here.spy)
    await here.fanout.settled()
    assert [name.decode() for name in await redis.pubsub_channels("pl:*:live")] == [channel_of(TECHNICIAN)]

    here.fanout.watch_site(SITE, here.spy)
    await here.fanout.settled()
    assert len(await redis.pubsub_channels("pl:*:live")) == SHARDS

    here.fanout.unwatch_site(SITE, here.spy)
    here.fanout.unwatch_technician(SITE, TECHNICIAN, here.spy)
    async with asyncio.timeout(5):
        while await redis.pubsub_channels("pl:*:live"):  # noqa: ASYNC110
            await asyncio.sleep(0.005)  # the unsubscription is on its way


async def test_a_site_watcher_hears_every_technician_and_learns_their_site(redis, workers):
    here, _ = workers
    here.fanout.watch_site(SITE, here.spy)
    await here.fanout.settled()

    for number in range(8):
        await redis.publish(channel_of(f"t{number}"), blob_of("w2", number, technician=f"t{number}"))
    await here.spy.until(lambda: sorted(here.spy.fixes) == list(range(8)))


async def test_a_poke_reaches_every_worker_once(workers):
    here, there = workers

    here.redis.poke(SITE, PokeTopic.VISITS, "v1")
    await there.spy.until(lambda: there.spy.pokes)
    there.redis.poke(SITE, PokeTopic.INCIDENTS, "i1")
    await here.spy.until(lambda: len(here.spy.pokes) == 2)

    expected = [(SITE, Poke("visits", "v1")), (SITE, Poke("incidents", "i1"))]
    assert here.spy.pokes == expected
    assert there.spy.pokes == expected


async def test_a_lost_line_is_a_gap_and_watching_goes_on(redis, workers):
    here, _ = workers
    here.fanout.watch_technician(SITE, TECHNICIAN, here.spy)
    await here.fanout.settled()

    await redis.client_kill_filter(_type="pubsub")
    await here.spy.until(lambda: here.spy.gaps)
    await here.fanout.settled()
    await redis.publish(channel_of(TECHNICIAN), blob_of("w2", 5))
    await here.spy.until(lambda: here.spy.fixes == [5])

    assert here.spy.gaps == 1


async def test_without_redis_pokes_work_here_and_nobody_waits():
    worker = Worker("unix:///nonexistent/valkey.sock", "w1")
    task = asyncio.create_task(worker.redis.run())
    async with asyncio.timeout(0.5):
        for number in range(2_000):
            worker.redis.poke(SITE, PokeTopic.VISITS, str(number))
        worker.fanout.watch_technician(SITE, TECHNICIAN, worker.spy)
        await worker.fanout.settled()
    task.cancel()

    assert len(worker.spy.pokes) == 2_000
    assert not worker.redis.is_connected


async def test_a_command_that_ends_is_heard_by_the_workers(redis_url, workers):
    here, _ = workers
    command = Worker(redis_url, "command")
    command.redis.poke(SITE, "devices", "dev-1")
    await command.redis.speak_out()

    await here.spy.until(lambda: (SITE, Poke("devices", "dev-1")) in here.spy.pokes)


async def test_a_command_without_redis_ends_all_the_same():
    command = Worker("redis://127.0.0.1:1", "command")
    command.redis.poke(SITE, "devices", "dev-1")

    async with asyncio.timeout(5):
        await command.redis.speak_out()
