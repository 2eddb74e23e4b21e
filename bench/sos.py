"""How soon is help on its way while the house is busy? From a press to its receipt, to the console's frame, to the first provider request.

`porchlight bench sos [--json]`, on SQLite and on PostgreSQL. First through the whole hub (`sos_hub`), with fixes at half of its
ceiling; then here the flows alone, in this process: 10,000 arrival texts are worked off and 2,000 fixes a second recorded beside the
presses. At the end of each 200 technicians press within a second, and the ladder's timers must not be late. Last the cost of one press
(`sos_cost`).
"""

import asyncio
import os
import random
from collections.abc import Awaitable, Callable, Sequence
from time import perf_counter
from typing import Any

import msgspec
import structlog
import uvloop
from rich.console import Console
from rich.table import Table

from bench.outbox import SITE, InsideCarrier, QuietPoke, _house, _notice, _sqlite, postgresql
from bench.sos_cost import CostRow, costs
from bench.sos_hub import HubRow, measured
from core.clock import SystemClock
from core.ids import DeviceId, RandomIds, RecipientId, SiteId, TechnicianId
from core.key_ring import KeyRing
from core.sql import fixes as fixes_tables
from core.sql import open_engine
from core.sql_timers import SqlTimers
from core.timers_flow import TimersFlow
from core.unit_of_work import UnitOfWork
from hub.worker import settle_memory
from notifications.alarms_flow import AlarmsFlow
from notifications.notice import Channel, Lane
from notifications.outbox_flow import OutboxFlow
from notifications.recipient import Line, Recipient, RecipientKind
from notifications.settlement_flow import SettlementFlow
from notifications.sql_outbox import SqlOutbox
from notifications.sql_recipients import SqlRecipients
from notifications.templates import load_templates
from safety.alerts_flow import AlertsFlow
from safety.console_view import card
from safety.ladder import DEFAULT, Group
from safety.ladder_flow import LADDER_TIMER, LadderFlow
from safety.ports import Footing, Responder
from safety.sos_flow import SosFlow
from safety.sos_tap import PersonKind, Road, SosTap
from safety.sql_incidents import SqlIncidents
from tracking import fix as tracking_fix
from tracking.sql_fixes import SqlFixes

GOALS_MS = {"receipt_p99_ms": 50.0, "console_p99_ms": 100.0, "provider_p99_ms": 300.0}
BURST = 200
FIX_BATCH = 200
FIX_EVERY_S = 0.1
LADDER_S = 17.0
"""After a burst nobody answers: time for the first rung after the press."""
PERSON = RecipientId("bench-person")


class SosRow(msgspec.Struct, frozen=True, kw_only=True):
    """One database: quantiles in ms, and what lay beside the presses."""

    database: str
    taps: int
    backlog: int
    fixes_recorded: int
    receipt_p50_ms: float
    receipt_p99_ms: float
    console_p99_ms: float
    provider_p99_ms: float
    burst_s: float
    burst_raised: int
    timer_late_max_s: float


class SosReport(msgspec.Struct, frozen=True, kw_only=True):
    """`hubs`: through the whole hub; `rows`: the flows alone; `costs`: of one press. `load`: the machine's at the end, over a minute."""

    hubs: tuple[HubRow, ...]
    rows: tuple[SosRow, ...]
    costs: tuple[CostRow, ...]
    promises: dict[str, bool]
    load: float


class _World:
    """Everybody around the presses, as simple as can be: one responder, no visits, no positions, one console."""

    def __init__(self) -> None:
        self.on_poke: Callable[[], None] = lambda: None

    async def of(self, tx: Any, site_id: SiteId, group: Group, incident: Any) -> list[Responder]:
        return [Responder(recipient_id=PERSON)] if group is not Group.CONTACTS else []

    async def footing(self, tx: Any, site_id: SiteId) -> Footing:
        return Footing(ladder=DEFAULT, is_manned=True)

    async def visit_now(self, tx: Any, technician_id: TechnicianId) -> None:
        return None

    async def position_of(self, site_id: SiteId, technician_id: TechnicianId) -> None:
        return None

    async def of_incident(self, tx: Any, incident: Any, unwritten: Any = ()) -> dict[str, str]:
        return {"name": "Li", "place": "5 Elm Road", "link": ""}

    def poke(self, site_id: SiteId, topic: str, about: str) -> None:
        self.on_poke()


class Bench:
    """The tap's story on one database."""

    def __init__(self, work: UnitOfWork, urgent: UnitOfWork) -> None:
        self.work, self.clock, keys = work, SystemClock(), KeyRing(["bench-secret-of-more-than-thirty-two-characters"])
        self.world, self.carrier, poke = _World(), InsideCarrier(), QuietPoke()
        self.outbox, self.recipients = SqlOutbox(keys, self.clock), SqlRecipients(keys)
        alarms = AlarmsFlow(outbox=self.outbox, recipients=self.recipients, clock=self.clock)
        settlement = SettlementFlow(outbox=self.outbox, recipients=self.recipients, alarms=alarms, poke=poke)
        self.flow = OutboxFlow(
            works={lane: urgent if lane is Lane.P0 else work for lane in Lane}, outbox=self.outbox, recipients=self.recipients,
            settlement=settlement, carriers={(self.carrier.name, Channel.SMS): self.carrier}, templates=load_templates(), clock=self.clock,
            ids=RandomIds(),
        )  # fmt: skip
        self.outbox.on_enqueued = self.flow.wake
        self.incidents, self.timers = SqlIncidents(keys), SqlTimers(urgent)
        timers = self.timers
        world: Any = self.world
        ladder = LadderFlow(urgent, self.incidents, world, AlertsFlow(self.outbox, alarms, world), timers, world, self.clock)
        self.sos = SosFlow(urgent, self.incidents, ladder, world, world, world, self.clock)
        self.urgent = urgent
        self.bell, self.late_s = TimersFlow(timers, self.clock), [0.0]

        async def on_timer(timer: Any) -> None:
            self.late_s.append((self.clock.now() - timer.due_at).total_seconds())
            await ladder.on_ladder_timer(timer)

        self.bell.handle(LADDER_TIMER, on_timer)
        self.shown_at: dict[str, float] = {}
        self.fixes = 0
        self._look = asyncio.Event()

    async def measure(self, database: str, taps: int, backlog: int) -> SosRow:
        """Measure presses one by one beside the load, then a burst of them."""
        await self._add_person()
        for start in range(0, backlog, 200):
            async with self.work.begin() as tx:
                await self.outbox.enqueue(tx, [_notice(f"late-{n}", Lane.P2, "visit_arriving") for n in range(start, start + 200)])
        self.world.on_poke = self._look.set
        load: list[Callable[[], Awaitable[object]]] = [
            *(lambda lane=lane: self.flow.run(lane) for lane in (Lane.P0, Lane.P2)), self._console, self._record, self.bell.run,  # type: ignore[misc]
        ]  # fmt: skip
        tasks = [asyncio.ensure_future(run()) for run in load]
        receipts, consoles, providers = [], [], []
        for number in range(taps):
            await asyncio.sleep(random.uniform(0, 0.01))
            receipt_ms, console_ms, provider_ms = await self._press(number)
            receipts.append(receipt_ms)
            consoles.append(console_ms)
            providers.append(provider_ms)
        self.late_s = [0.0]
        burst_s, raised = await self._burst()
        await asyncio.sleep(LADDER_S)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return SosRow(
            database=database, taps=taps, backlog=backlog, fixes_recorded=self.fixes, receipt_p50_ms=_quantile(receipts, 0.5),
            receipt_p99_ms=_quantile(receipts, 0.99), console_p99_ms=_quantile(consoles, 0.99), provider_p99_ms=_quantile(providers, 0.99),
            burst_s=round(burst_s, 3), burst_raised=raised, timer_late_max_s=round(max(self.late_s), 3),
        )  # fmt: skip

    async def _press(self, number: int) -> tuple[float, float, float]:
        began = perf_counter()
        receipt = await self.sos.raise_sos(_tap(f"t{number}"))
        receipt_ms = (perf_counter() - began) * 1000
        while receipt.incident_id not in self.shown_at:  # noqa: ASYNC110 - a benchmark looks, it does not take part
            await asyncio.sleep(0.0005)
        console_ms = (self.shown_at[receipt.incident_id] - began) * 1000
        notice_at = None
        while notice_at is None:
            async with self.work.read() as tx:
                rows = await self.outbox.listed(tx, sites=[SITE], subject=receipt.incident_id, limit=5)
            sms = [row.id for row in rows if row.notice.channel is Channel.SMS]
            notice_at = next((self.carrier.taken_at[id][0] for id in sms if id in self.carrier.taken_at), None)
            if notice_at is None:
                await asyncio.sleep(0.002)
        async with self.work.begin(urgent=True) as tx:
            # Somebody has taken it: a thousand alarms that nobody answers would be another bench.
            await self.timers.cancel(tx, LADDER_TIMER, receipt.incident_id)
        return receipt_ms, console_ms, (notice_at - began) * 1000

    async def _burst(self) -> tuple[float, int]:
        began = perf_counter()

        async def one(number: int) -> object:
            await asyncio.sleep(number / BURST)
            return await self.sos.raise_sos(_tap(f"burst{number}"))

        found = await asyncio.gather(*(one(number) for number in range(BURST)))
        return perf_counter() - began, len(found)

    async def _console(self) -> None:
        mark = 0
        while True:
            await self._look.wait()
            self._look.clear()
            async with self.urgent.read(brief=True) as tx:
                changed, mark = await self.incidents.changed_since(tx, SITE, mark)
            msgspec.json.encode([card(each) for each in changed])
            for each in changed:
                self.shown_at.setdefault(each.id, perf_counter())

    async def _record(self) -> None:
        ledger, unit, seq = SqlFixes(), self.fixes_work, 0
        while True:
            now_ms = self.clock.now_ms()
            async with unit.begin() as tx:
                await ledger.record(tx, [_judged(seq + place, now_ms) for place in range(FIX_BATCH)])
            seq, self.fixes = seq + FIX_BATCH, self.fixes + FIX_BATCH
            await asyncio.sleep(FIX_EVERY_S)

    fixes_work: UnitOfWork

    async def _add_person(self) -> None:
        person = Recipient(
            id=PERSON, site_id=SITE, kind=RecipientKind.DISPATCHER, owner_id="bench", name="Bench", number="+14155550123",
            number_masked="***23", country="US", line=Line.MOBILE, language="en",
        )  # fmt: skip
        async with self.work.begin() as tx:
            await self.recipients.add(tx, person, self.clock.now())


def run(json_output: bool = False, *, taps: int = 1000, backlog: int = 10_000, per_s: float = 5.0) -> SosReport:
    """Measure on both databases, print, and return the report. `per_s`: presses a second through the whole hub."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:  # the hub's own loop and memory
        settle_memory()
        hubs = tuple(runner.run(measured(taps, backlog, per_s)))
        rows = tuple(runner.run(_measured(taps, backlog)))
        cost = tuple(runner.run(costs()))
    report = SosReport(hubs=hubs, rows=rows, costs=cost, promises=_promises(hubs, rows), load=round(os.getloadavg()[0], 1))
    print(msgspec.json.encode(report).decode()) if json_output else _show(report)
    return report


async def _measured(taps: int, backlog: int) -> list[SosRow]:
    rows = []
    async with _sqlite() as url:
        rows.append(await _on(url, url.replace("truth.db", "fixes.db"), "sqlite", taps, backlog))
    async with postgresql() as url:
        if url:
            rows.append(await _on(url, url, "postgresql", taps, backlog))
    return rows


def _promises(hubs: Sequence[HubRow], rows: Sequence[SosRow]) -> dict[str, bool]:
    found = {}
    for part, measured_rows in (("hub", hubs), ("flows", rows)):
        for row in measured_rows:
            found |= {f"{part}, {row.database}: {name} < {goal:g}": getattr(row, name) < goal for name, goal in GOALS_MS.items()}
            found[f"{part}, {row.database}: {BURST} presses in a second all raised"] = row.burst_raised == BURST
            found[f"{part}, {row.database}: no timer late by 1 s"] = row.timer_late_max_s < 1.0
    return found


async def _on(url: str, fixes_url: str, database: str, taps: int, backlog: int) -> SosRow:
    async with _house(url) as (work, urgent):
        engine = open_engine(fixes_url, durability="normal")
        async with engine.begin() as conn:
            await conn.run_sync(fixes_tables.create_all)
        bench = Bench(work, urgent)
        bench.fixes_work = UnitOfWork(engine)
        try:
            return await bench.measure(database, taps, backlog)
        finally:
            await engine.dispose()


def _tap(name: str) -> SosTap:
    return SosTap(
        tap_id="press", who=f"technician:{name}", person=PersonKind.TECHNICIAN, site_id=SITE, road=Road.SOCKET,
        technician_id=TechnicianId(name),
    )  # fmt: skip


def _judged(seq: int, now_ms: int) -> tracking_fix.Judged:
    fix = tracking_fix.Fix(
        device_id=DeviceId("bench"), device_epoch=1, seq=seq, technician_id=TechnicianId(f"t{seq % 50}"), at_ms=now_ms, device_at_ms=now_ms,
        received_ms=now_ms, lat=48.1, lon=11.5,
    )  # fmt: skip
    return tracking_fix.Judged(fix, tracking_fix.Lane.LIVE, ())


def _quantile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))], 2)


def _show(report: SosReport) -> None:
    console = Console()
    for rows in (report.hubs, report.rows, report.costs):
        if rows:
            names = rows[0].__struct_fields__
            table = Table("", *(row.database for row in rows))
            for name in names[1:]:
                table.add_row(name, *(str(getattr(row, name)) for row in rows))
            console.print(table)
    for promise, is_kept in report.promises.items():
        console.print(f"{'kept  ' if is_kept else 'BROKEN'}  {promise}")
