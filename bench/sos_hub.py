"""How soon is help on its way through the whole hub, while fixes come at half of what it can take?

`porchlight serve` with one worker on one core, as `bench ingest` starts it; phones, customers, the desk's console and Valkey on the other.
The ceiling is measured first, by the closed loop of `bench ingest`; then half of it flows from the devices' sockets while arrival texts
are worked off into a file and people press over HTTP. The desk takes each incident five seconds after its console shows it. At the end
200 technicians press within a second and nobody answers. Times on the wall are those of this machine, CPU is that of the worker alone.

A press lasts from the tap's arrival at the hub to the arrival of what the hub says (`wire_clock`). Each has a connection of its own, which
the kernel opens just before the request is sent: the hub's accepting it and reading what lies there are in the figure, the late waking of
whoever presses is not. What she saw herself, connecting included, is told apart.
"""

import asyncio
import contextlib
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import ExitStack, asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import msgspec
from sqlalchemy import func, select, text, update

from bench.ingest_load import BEAT_S, Plan, Result
from bench.ingest_seed import SITE
from bench.ingest_servers import ROOT, Server, hub
from bench.outbox import postgresql, quantile
from bench.process_account import cores, cpu_s, on_core
from bench.sos_seed import PASSWORD, USER, Cast, Presser
from bench.wire_clock import Answer, Frames, Line, answered, post, stamping
from core.clock import SystemClock
from core.ids import RecipientId, incident_id_of_tap
from core.key_ring import KeyRing
from core.sql import open_engine
from core.unit_of_work import UnitOfWork
from notifications.notice import Channel, Lane, Notice, NoticeState
from notifications.sql_outbox import SqlOutbox
from notifications.tables import notices
from safety.evidence import EventKind
from safety.tables import incident_events, incidents

BURST, DEVICES = 200, 500
TAP_ID = "bench"
SECOND_RUNG_S, TAKEN_AFTER_S, PRESSED_AGAIN_S = 15, 5.0, 0.25
CEILING_S, LOOSE_ENDS_S, MISSED_S = 3.0, 25.0, 60.0
ANSWER_S = 300.0
SEED_S = 400.0
LOG_FILES = 60
NICENESS = 19
START_OF_LOAD_S = 8.0
"""Sockets opened and everybody known: then the fixes flow."""
HELD, LET_GO_S = timedelta(hours=1), 4.0
"""Texts are enqueued to be sent much later, and let go together, which starves the phones for a moment once more."""


class HubRow(msgspec.Struct, frozen=True, kw_only=True):
    """One database. `fixes_per_s`: acknowledged beside the presses, `ceiling_per_s`: the closed loop's; `worker_cpu_share` of one core.

    `receipt_*_ms` and `console_p99_ms`: from just before the bytes of the first request are written into the hub's socket until the kernel
    took in the last packet of the receipt for the presser's socket, or of the console's first frame that shows the incident; `*_seen_*`:
    from before the presser connects until she or the console has read it, with all that their own process waits. `provider_p99_ms`: from
    the same clock as the receipt until the carrier has the first text, by the hub. Answers that were no receipt lie within all of them.

    `texts_left` of the arrival texts when the last press was made. `refused`: answers that were no receipt, after which the phone pressed
    again; `journaled`: receipts that said so, because SQL took over two seconds. `burst_s`: until the last of 200 had its receipt.
    """

    database: str
    taps: int
    texts: int
    texts_left: int
    ceiling_per_s: float
    fixes_per_s: float
    fixes_kept: bool
    worker_cpu_share: float
    receipt_p50_ms: float
    receipt_p99_ms: float
    console_p99_ms: float
    provider_p99_ms: float
    receipt_seen_p50_ms: float
    receipt_seen_p99_ms: float
    console_seen_p99_ms: float
    refused: int
    journaled: int
    burst_s: float
    burst_raised: int
    timer_late_max_s: float


class _Shown(NamedTuple):
    """When a frame that shows an incident arrived, and when the console read it."""

    arrived_s: float
    seen_s: float


class _Receipt(NamedTuple):
    """When she pressed, when the tap was first sent, when the receipt arrived, when she read it, and what it says."""

    pressed_s: float
    sent_s: float
    arrived_s: float
    seen_s: float
    status: str


class _Desk:
    """A console that notes when an incident is shown, and takes it."""

    def __init__(self, session: aiohttp.ClientSession, port: int) -> None:
        self._session, self._port, self._url = session, port, f"http://127.0.0.1:{port}"
        self._headers: dict[str, str] = {}
        self._acts: set[asyncio.Task[None]] = set()
        self.shown_at: dict[str, _Shown] = {}
        self.takes = True

    async def enter(self) -> None:
        """Sign in."""
        async with self._session.post(f"{self._url}/v1/sessions", json={"user": USER, "password": PASSWORD}) as answer:
            answer.raise_for_status()
            self._headers = {"Cookie": answer.headers["Set-Cookie"].split(";")[0], "Origin": self._url}

    async def watch(self) -> None:
        """Watch incidents until cancelled."""
        async with self._session.post(f"{self._url}/v1/tickets", json={}, headers=self._headers) as answer:
            ticket = (await answer.json())["ticket"]
        with Line(self._port) as line:
            socket = Frames(line, "/v1/ws/console")
            await socket.open()
            socket.say(msgspec.json.encode({"type": "watch", "ticket": ticket, "topics": ["incidents"]}))
            beating = asyncio.create_task(self._beat(socket))
            try:
                async for text, arrived_s in socket.texts():
                    self._show(json.loads(text), arrived_s)
            finally:
                beating.cancel()

    async def _beat(self, socket: Frames) -> None:
        while True:
            await asyncio.sleep(BEAT_S)
            socket.say(b'{"type":"heartbeat"}')

    def _show(self, frame: dict[str, Any], arrived_s: float) -> None:
        shown = _Shown(arrived_s, time.time())
        for item in [*frame.get("items", ()), *frame.get("put", ())]:
            if item["id"] not in self.shown_at:
                self.shown_at[item["id"]] = shown
                if self.takes:
                    act = asyncio.create_task(self._take(item))
                    self._acts.add(act)
                    act.add_done_callback(self._acts.discard)

    async def _take(self, item: dict[str, Any]) -> None:
        # Not at once: what is not sent yet when somebody takes it is withdrawn, and nothing would be left to measure.
        await asyncio.sleep(TAKEN_AFTER_S)
        body = {"version": item["version"]}
        path = f"{self._url}/v1/incidents/{item['id']}/claim"
        with contextlib.suppress(aiohttp.ClientError, RuntimeError):  # the run may be over
            async with self._session.post(path, json=body, headers=self._headers) as answer:
                await answer.read()


class _Run:
    """One hub on one database."""

    def __init__(self, folder: Path, sql_url: str, taps: int, texts: int, per_s: float) -> None:
        self._folder, self._taps, self._texts, self._per_s = folder, taps, texts, per_s
        self._cores = cores()
        self._letters = folder / "letters"
        self._environment = {
            "PORCHLIGHT_SECRET_KEYS": secrets.token_urlsafe(40), "PORCHLIGHT_NOTICES_FILE": str(self._letters),
            "PORCHLIGHT_SAFETY_PREFLIGHT": "warn", "PORCHLIGHT_LOG_FORMAT": "json",
        }  # fmt: skip
        if sql_url:
            self._environment |= {"PORCHLIGHT_SQL_URL": sql_url, "PORCHLIGHT_FIXES_SQL_URL": sql_url}
        self._truth_url = sql_url or f"sqlite+aiosqlite:///{folder / 'data' / 'truth.db'}"
        self._receipts: dict[str, _Receipt] = {}
        self._refused = 0

    async def measure(self, database: str) -> HubRow:
        cast = await asyncio.to_thread(self._cast)
        with ExitStack() as stack:
            server = stack.enter_context(hub(self._folder / "data", self._folder / "log", self._environment, self._cores))
            stack.enter_context(on_core(self._cores[1]))
            _say(f"{database}: ceiling")
            ceiling = (await self._load(self._plan(cast, server, window=2, measure_s=CEILING_S))).fixes_per_s
            pressing_s = self._taps / self._per_s
            plan = self._plan(cast, server, rate=ceiling / 2, measure_s=pressing_s + SECOND_RUNG_S + LOOSE_ENDS_S)
            _say(f"{database}: presses beside {ceiling / 2:,.0f} fixes a second")
            return await self._beside(database, cast, server, ceiling, plan)

    async def _beside(self, database: str, cast: Cast, server: Server, ceiling: float, plan: Plan) -> HubRow:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session, self._truth() as truth:
            desk = _Desk(session, server.port)
            await desk.enter()
            # Before the phones begin: they would be starved meanwhile, and then send at once all that they owe.
            await self._enqueue(truth, cast.texted)
            loading = asyncio.create_task(self._load(plan))
            await asyncio.sleep(START_OF_LOAD_S)
            watching = asyncio.create_task(desk.watch())
            await self._let_go(truth)
            await asyncio.sleep(LET_GO_S)
            began_s, used_s = time.time(), cpu_s(server.pids)
            pressers = [*cast.technicians[BURST:], *cast.customers[BURST:]][: self._taps]
            await self._press_in_turn(server.port, pressers)
            share = (cpu_s(server.pids) - used_s) / (time.time() - began_s)
            texts_left = await self._left(truth)
            one_by_one = dict(self._receipts)
            desk.takes = False
            burst_s = await self._burst(server.port, cast.technicians[:BURST])
            result = await loading
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
            raised, late_s = await self._timers(truth, cast.technicians[:BURST])
            requested_at = await self._first_requests(truth)
        pressed_at = {id: press.pressed_s for id, press in one_by_one.items()}
        sent_at = {id: press.sent_s for id, press in one_by_one.items()}
        receipts_ms = _lasted_ms(sent_at, {id: press.arrived_s for id, press in one_by_one.items()})
        receipts_seen_ms = _lasted_ms(pressed_at, {id: press.seen_s for id, press in one_by_one.items()})
        console_ms = _lasted_ms(sent_at, {id: shown.arrived_s for id, shown in desk.shown_at.items()})
        console_seen_ms = _lasted_ms(pressed_at, {id: shown.seen_s for id, shown in desk.shown_at.items()})
        provider_ms = _lasted_ms(sent_at, requested_at)
        return HubRow(
            database=database, taps=len(one_by_one), texts=self._texts, texts_left=texts_left, ceiling_per_s=ceiling,
            fixes_per_s=result.fixes_per_s, fixes_kept=result.acked_all == result.sent_all, worker_cpu_share=round(share, 3),
            receipt_p50_ms=quantile(receipts_ms, 0.5), receipt_p99_ms=quantile(receipts_ms, 0.99),
            console_p99_ms=quantile(console_ms, 0.99), provider_p99_ms=quantile(provider_ms, 0.99),
            receipt_seen_p50_ms=quantile(receipts_seen_ms, 0.5), receipt_seen_p99_ms=quantile(receipts_seen_ms, 0.99),
            console_seen_p99_ms=quantile(console_seen_ms, 0.99),
            refused=self._refused, journaled=sum(press.status != "received" for press in self._receipts.values()),
            burst_s=round(burst_s, 3), burst_raised=raised, timer_late_max_s=round(late_s, 3),
        )  # fmt: skip

    async def _press_in_turn(self, port: int, pressers: list[Presser]) -> None:
        pressing: set[asyncio.Task[None]] = set()
        began_s = time.perf_counter()
        for number, presser in enumerate(pressers):
            await asyncio.sleep(max(0.0, began_s + number / self._per_s - time.perf_counter()))
            pressing.add(asyncio.create_task(self._press(port, presser)))
        await asyncio.gather(*pressing)

    async def _burst(self, port: int, pressers: list[Presser]) -> float:
        began_s = time.perf_counter()

        async def one(number: int, presser: Presser) -> None:
            await asyncio.sleep(number / len(pressers))
            await self._press(port, presser)

        await asyncio.gather(*(one(number, presser) for number, presser in enumerate(pressers)))
        return time.perf_counter() - began_s

    async def _press(self, port: int, presser: Presser) -> None:
        """Press until there is a receipt, as a phone does: a hub that is too busy says so."""
        request = post("/v1/sos", presser.token, msgspec.json.encode({"tap_id": TAP_ID}))
        pressed_s = time.time()
        sent_s, answer = await _asked(port, request)
        while answer.status != 200:
            self._refused += 1
            await asyncio.sleep(PRESSED_AGAIN_S)
            _, answer = await _asked(port, request)
        status = json.loads(answer.body)["status"]
        self._receipts[incident_id_of_tap(presser.who, TAP_ID)] = _Receipt(pressed_s, sent_s, answer.arrived_s, time.time(), status)

    def _cast(self) -> Cast:
        path = self._folder / "cast.json"
        # Everybody once: each press of the run is a person's first.
        couples = BURST + (self._taps + 1) // 2
        _say(f"making {couples} technicians on their way, each with a customer")
        env = {**os.environ, **self._environment, "PORCHLIGHT_DATA_DIR": str(self._folder / "data")}
        command = [sys.executable, "-m", "bench.sos_seed", str(couples), str(path)]
        subprocess.run(command, cwd=ROOT, env=env, check=True, timeout=SEED_S, stdout=sys.stderr)
        return msgspec.json.decode(path.read_bytes(), type=Cast)

    def _plan(self, cast: Cast, server: Server, *, measure_s: float, window: int = 0, rate: float = 0.0) -> Plan:
        return Plan(
            dialect="hub", port=server.port, customer_port=server.port, pids=list(server.pids), pairs=cast.pairs[:DEVICES], window=window,
            rate=rate, measure_s=measure_s,
        )  # fmt: skip

    async def _load(self, plan: Plan) -> Result:
        # Phones and customers are no part of the hub's machine: on its core they let the database and whoever presses go first.
        process = await asyncio.create_subprocess_exec(
            "nice", "-n", str(NICENESS), sys.executable, "-m", "bench.ingest_load", cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        try:
            said, _ = await process.communicate(msgspec.json.encode(plan))
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
        return msgspec.json.decode(said, type=Result)

    @asynccontextmanager
    async def _truth(self) -> AsyncIterator[UnitOfWork]:
        engine = open_engine(self._truth_url)
        try:
            yield UnitOfWork(engine)
        finally:
            await engine.dispose()

    async def _enqueue(self, truth: UnitOfWork, to: RecipientId) -> None:
        outbox = SqlOutbox(KeyRing([self._environment["PORCHLIGHT_SECRET_KEYS"]]), SystemClock())
        held_until = SystemClock().now() + HELD
        for start in range(0, self._texts, 200):
            async with truth.begin() as tx:
                await outbox.enqueue(tx, [_text(to, number, held_until) for number in range(start, min(start + 200, self._texts))])

    async def _let_go(self, truth: UnitOfWork) -> None:
        """Have the hub send what was enqueued, from now on."""
        held = (notices.c.lane == Lane.P2.value) & (notices.c.state == NoticeState.PENDING.value)
        async with truth.begin() as tx:
            await tx.conn.execute(update(notices).where(held).values(send_at=SystemClock().now()))

    async def _left(self, truth: UnitOfWork) -> int:
        waiting = select(func.count()).where(notices.c.lane == Lane.P2.value, notices.c.state == NoticeState.PENDING.value)
        async with truth.read() as tx:
            return int((await tx.conn.execute(waiting)).scalar_one())

    async def _timers(self, truth: UnitOfWork, pressers: list[Presser]) -> tuple[int, float]:
        """Return how many of the burst's incidents there are, and how late the latest of their second rungs was told, in seconds."""
        ids = [incident_id_of_tap(presser.who, TAP_ID) for presser in pressers]
        async with truth.read() as tx:
            raised = {
                row.id: row.raised_at
                for row in await tx.conn.execute(select(incidents.c.id, incidents.c.raised_at).where(incidents.c.id.in_(ids)))
            }
            told = select(incident_events.c.incident_id, incident_events.c.at, incident_events.c.data).where(
                incident_events.c.incident_id.in_(ids), incident_events.c.kind == EventKind.TOLD.value
            )
            second = [row for row in await tx.conn.execute(told) if json.loads(row.data)["after_s"] == SECOND_RUNG_S]
        late_s = {row.incident_id: (row.at - raised[row.incident_id]).total_seconds() - SECOND_RUNG_S for row in second}
        return len(raised), max((late_s.get(id, LOOSE_ENDS_S) for id in raised), default=0.0)

    async def _first_requests(self, truth: UnitOfWork) -> dict[str, float]:
        """Return when the first urgent text of each incident was in the carrier's hands, seconds since 1970."""
        letters = [json.loads(line) for line in self._letters.read_bytes().splitlines()]
        async with truth.read() as tx:
            rows = await tx.conn.execute(select(notices.c.id, notices.c.subject).where(notices.c.lane == Lane.P0.value))
            subjects = {row.id: row.subject for row in rows}
        return {
            subjects[letter["notice_id"]]: letter["at_ms"] / 1000 for letter in reversed(letters) if letter["notice_id"] in subjects
        }


async def measured(taps: int, texts: int, per_s: float) -> list[HubRow]:
    """Measure on SQLite, and on PostgreSQL where the wheel that brings one is installed."""
    with stamping() as is_stamped:
        if not is_stamped:
            _say("the kernel of this machine does not stamp packets: what is told as arrived is when the client had read it")
        rows = [await _on("", "sqlite", taps, texts, per_s)]
        async with postgresql(cores()[1]) as url:
            if url:
                await _as_after_a_day(url)
                rows.append(await _on(url, "postgresql", taps, texts, per_s))
    return rows


async def _asked(port: int, request: bytes) -> tuple[float, Answer]:
    """Return when the request was sent, and its answer."""
    with Line(port) as line:
        sent_s = line.say(request)
        async with asyncio.timeout(ANSWER_S):
            return sent_s, await answered(line)


def _lasted_ms(begun_at: Mapping[str, float], ended_at: Mapping[str, float]) -> list[float]:
    """Return how long each of `begun_at`, by incident, lasted; MISSED_S where it has no end."""
    return [(ended_at.get(id, begun_s + MISSED_S) - begun_s) * 1000 for id, begun_s in begun_at.items()]


async def _as_after_a_day(sql_url: str) -> None:
    """Let PostgreSQL have its log files already, with the `min_wal_size` that `porchlight doctor` asks for.

    A new database makes one of 16 MB every few seconds of this load, and whatever commits meanwhile waits up to 60 ms for the disk.
    """
    engine = open_engine(sql_url)
    try:
        async with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
            await connection.execute(text("ALTER SYSTEM SET min_wal_size = '1GB'"))
            await connection.execute(text("SELECT pg_reload_conf()"))
            for _ in range(LOG_FILES):
                await connection.execute(text("SELECT pg_logical_emit_message(false, 'bench', 'x')"))
                await connection.execute(text("SELECT pg_switch_wal()"))
            await connection.execute(text("CHECKPOINT"))
    finally:
        await engine.dispose()


async def _on(sql_url: str, database: str, taps: int, texts: int, per_s: float) -> HubRow:
    folder = Path(tempfile.mkdtemp(prefix="pl-bench-"))
    try:
        return await _Run(folder, sql_url, taps, texts, per_s).measure(database)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _text(to: RecipientId, number: int, send_at: datetime) -> Notice:
    return Notice(
        site_id=SITE, subject=f"late-{number}", lane=Lane.P2, channel=Channel.SMS, recipient_id=to, template="visit_arriving",
        send_at=send_at, variables={"name": "Wang", "place": "5 Elm Road", "door_code": "12"},
    )  # fmt: skip


def _say(what: str) -> None:
    sys.stderr.write(f"bench sos: {what}\n")
    sys.stderr.flush()
