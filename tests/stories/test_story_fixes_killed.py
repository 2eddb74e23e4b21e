"""No acknowledged fix is lost and none counts twice while Valkey, the recorder and the intake are killed under load."""

import asyncio
import contextlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import tracking.tables  # noqa: F401  (registers its tables on the metadata)
from core.clock import SystemClock
from core.errors import Busy
from core.ids import RandomIds
from core.unit_of_work import UnitOfWork
from tests.doubles.real_servers import valkey_binary
from tests.doubles.tracking_doubles import FixedGate, FixedVisits, KeptCounts, KeptFeed
from tracking.fix import Outcome, RawFix, Sender
from tracking.fix_flow import FixFlow
from tracking.journey_flow import JourneyFlow
from tracking.recorder_flow import RecorderFlow, RecorderSettings
from tracking.redis_positions import RedisPositions, reader_client, writer_client
from tracking.redis_stream import RedisStream, blocking_client
from tracking.sql_fixes import SqlFixes

pytestmark = pytest.mark.anyio
SITE, PHONES = "site", 20


class DurableValkey:
    """A Valkey that survives kill -9: append-only, synced before every answer, as the embedded one runs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = f"unix://{folder}/v.sock"
        self._server: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        options = ["--port", "0", "--unixsocket", f"{self.folder}/v.sock", "--dir", str(self.folder), "--save", ""]
        durable = ["--appendonly", "yes", "--appendfsync", "always"]
        self._server = subprocess.Popen([valkey_binary(), *options, *durable], stdout=subprocess.DEVNULL)

    def kill(self) -> None:
        if self._server is not None:
            self._server.kill()
            self._server.wait(10)
            self._server = None


@pytest.fixture
def valkey() -> Iterator[DurableValkey]:
    folder = Path(tempfile.mkdtemp(prefix="pl-durable-"))
    server = DurableValkey(folder)
    server.start()
    yield server
    server.kill()
    shutil.rmtree(folder, ignore_errors=True)


class Phone:
    """A phone that keeps every fix until it is acknowledged, and sends what it keeps again and again."""

    def __init__(self, name: str) -> None:
        self.sender = Sender(f"d-{name}", f"t-{name}", SITE, 0, 7)
        self.kept: dict[int, RawFix] = {}
        self.acknowledged: set[int] = set()
        self._seq = 0
        self._is_waiting = False

    def live(self, flow: FixFlow, now_ms: int) -> None:
        self._seq += 1
        self.kept[self._seq] = RawFix(self._seq, now_ms, 31.2 + self._seq * 1e-5, 121.5)
        self.send(flow)

    def send(self, flow: FixFlow) -> None:
        if self._is_waiting or not self.kept:
            return
        with contextlib.suppress(Busy):
            flow.offer(self.sender, list(self.kept.values())[:200], batch_id=None, on_done=self._on_done)
            self._is_waiting = True

    def _on_done(self, outcome: Outcome) -> None:
        self._is_waiting = False
        for seq in outcome.stored:
            self.kept.pop(seq, None)
            self.acknowledged.add(seq)


class Hub:
    """One worker's intake and recorder, on real servers."""

    def __init__(self, url: str, work: UnitOfWork, name: str) -> None:
        clock, counts = SystemClock(), KeptCounts()
        self.clients = [writer_client(url), reader_client(url), blocking_client(url)]
        writer, reader, blocking = self.clients
        ledger = SqlFixes()
        self.flow = FixFlow(
            RedisPositions(writer, reader, clock, RandomIds(), name, watchdog_s=1.0), FixedGate(), KeptFeed(), counts, clock, RandomIds()
        )
        settings = RecorderSettings(wait_ms=50, lease_ms=500, renew_s=0.1, retry_s=0.1, failover_s=0.1, trim_s=0.1)
        journeys = JourneyFlow(SITE, 0, 1, FixedVisits(), ledger, clock)
        recorder = RecorderFlow(SITE, 0, RedisStream(blocking, reader), work, ledger, journeys, counts, clock, name, settings)
        self.tasks = [asyncio.create_task(self.flow.run()), asyncio.create_task(recorder.run())]

    async def kill(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        for client in self.clients:
            await client.aclose()


async def drive(hub: Hub, phones: list[Phone], rounds: int) -> None:
    clock = SystemClock()
    for _ in range(rounds):
        for phone in phones:
            phone.live(hub.flow, clock.now_ms())
        await asyncio.sleep(0.01)


async def stored(work: UnitOfWork, phone: Phone) -> list[int]:
    async with work.read() as tx:
        return [one.fix.seq for one in await SqlFixes().track(tx, phone.sender.technician_id, 0, 2**62, 100_000)]


async def test_killing_valkey_and_the_worker_loses_nothing_that_was_acknowledged(valkey: DurableValkey, fixes_work: UnitOfWork) -> None:
    phones = [Phone(str(number)) for number in range(PHONES)]
    hub = Hub(valkey.url, fixes_work, "w1")
    await drive(hub, phones, 30)
    for _ in range(2):
        valkey.kill()
        await drive(hub, phones, 10)
        valkey.start()
        await drive(hub, phones, 30)
    await hub.kill()
    hub = Hub(valkey.url, fixes_work, "w2")
    await drive(hub, phones, 20)
    async with asyncio.timeout(30):
        while any(phone.kept for phone in phones):
            for phone in phones:
                phone.send(hub.flow)
            await asyncio.sleep(0.02)
        while sum([len(await stored(fixes_work, phone)) for phone in phones]) < 130 * PHONES:  # noqa: ASYNC110 (SQL has no event)
            await asyncio.sleep(0.1)
    for phone in phones:
        in_sql = await stored(fixes_work, phone)
        assert len(in_sql) == len(set(in_sql))
        assert phone.acknowledged == set(in_sql) == set(range(1, 131))
    await hub.kill()
