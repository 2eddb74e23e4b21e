"""A hub as an operator runs it: `porchlight serve` in processes of its own, seeded with people, and everything that can be done to it.

    with served_hub(folder, workers=2) as hub:
        os.kill(hub.recorder(), signal.SIGKILL)
        await hub.until_recorded(phone)

Every wait has a deadline and a condition; nothing here sleeps for a fixed time and hopes.
"""

import asyncio
import contextlib
import json
import os
import re
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
import msgspec
from redis import Redis
from sqlalchemy import text

from core import redis_keys
from core.caller import Role, Scope
from core.clock import SystemClock
from core.geo import LatLon
from core.ids import DeviceId, DispatcherId, RandomIds, SiteId, TechnicianId, VisitId
from core.sql import open_engine
from core.unit_of_work import UnitOfWork
from hub import migrate
from hub.device_client import DeviceClient
from hub.local_people import Local, local_people, operator_of
from hub.past_clock import PastClock
from hub.settings import Settings, load
from tests.doubles.whole_hub import children_of, command_of, is_alive
from visits.arrival import SeenPosition
from visits.desk_access_flow import NewDispatcher
from visits.link_rights import LinkHolder
from visits.people_flow import NewTechnician
from visits.service import VerifiedLevel
from visits.site import Site
from visits.visit import PersonRef, Place, Told, VisitDraft

ROOT = Path(__file__).resolve().parents[2]
SITE = SiteId("story")
PATIENCE_S = 20.0
ASK_S = 30.0
"""How long an answer may take: a bound for the tests, no promise of the hub's."""
SHIFT_AGO_S = 3600.0
DEPARTED_AGO_S = 900.0
USER, PASSWORD = "desk", "lantern-on-the-porch-17"
HOME, DOOR = LatLon(48.10, 11.50), LatLon(48.20, 11.60)
T = TypeVar("T")


class Technician(msgspec.Struct, frozen=True):
    """A technician on shift since an hour ago and the phone she has."""

    id: TechnicianId
    device_id: DeviceId
    token: str


class People(msgspec.Struct, frozen=True, kw_only=True):
    """Everybody in the story. The first technician is on her way to `visit_id`; `link` is its customer's, `old_link` one of long ago."""

    technicians: tuple[Technician, ...]
    dispatcher_id: DispatcherId
    visit_id: VisitId
    link: str
    old_link: str
    api_key: str


class AckedPhone(DeviceClient):
    """A phone that remembers every seq it was told to be safe, repeats kept."""

    def __init__(self, url: str, token: str) -> None:
        self.acked: list[int] = []
        super().__init__(url, token, clock=SystemClock(), ids=RandomIds(), app="story", on_stored=self.acked.extend)
        self._steps = 0

    def step(self) -> int:
        """Drive on by half a metre, 100 km/h at fifty steps a second, and report it."""
        self._steps += 1
        return self.put(SystemClock().now_ms(), HOME.lat + 0.01 + self._steps * 5e-6, HOME.lon, accuracy_m=5.0)

    async def drive(self, until: Callable[[], bool], every_s: float = 0.02, patience_s: float = PATIENCE_S) -> None:
        """Drive on until something has happened."""
        async with asyncio.timeout(patience_s):
            while not until():
                self.step()
                await asyncio.sleep(every_s)

    async def settled(self) -> None:
        """Wait until everything was acknowledged."""
        async with asyncio.timeout(PATIENCE_S):
            await self.drained()


class ServedHub:
    """A running `porchlight serve`. `options` become environment variables, such as PORCHLIGHT_WORKERS."""

    def __init__(self, folder: Path, options: dict[str, str], technicians: int = 4) -> None:
        self.folder = folder
        self.technicians = technicians
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("PORCHLIGHT_")},
            "PORCHLIGHT_DATA_DIR": str(folder),
            "PORCHLIGHT_SECRET_KEYS": secrets.token_urlsafe(48),
            "PORCHLIGHT_PORT": "0",
            "PORCHLIGHT_DRAIN_S": "2",
            **options,
        }
        self.settings: Settings = load(self.environment)
        self.redis_url = self.environment.get("PORCHLIGHT_REDIS_URL") or f"unix://{folder / 'valkey' / 'valkey.sock'}"
        self.people: People
        self.process: subprocess.Popen[bytes]
        self.url = ""
        self._starts = 0

    # Beginning and end.

    def seed(self) -> None:
        """Bring the schema up and enter everybody."""
        in_thread(self._seed())

    def start(self, **options: str) -> None:
        """Start it and wait until it is ready; raises `RuntimeError` with the end of what it said. `options` stay for later starts."""
        self._starts += 1
        self.environment |= options
        with self.log_path.open("wb") as log:
            command = [sys.executable, "-m", "hub.cli", "serve"]
            self.process = subprocess.Popen(command, cwd=ROOT, env=self.environment, stdout=log, stderr=log)
        deadline = time.monotonic() + 40
        while (ready := re.search(r"ready at (http\S+)\n", self.said())) is None:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"The hub did not start:\n{self.said()[-3000:]}")
            time.sleep(0.02)
        self.url = ready.group(1)

    def stop(self) -> int:
        """End it as an operator does; return its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)

    def end(self) -> None:
        """End whatever is left of it."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.stop()
        everybody = self.everybody()
        for pid in everybody:
            signalled(pid, signal.SIGCONT)
            signalled(pid, signal.SIGKILL)
        if self.process.poll() is None:
            self.process.wait(5)

    @property
    def log_path(self) -> Path:
        """Return where its present start writes to."""
        return self.folder / f"serve-{self._starts}.log"

    def said(self) -> str:
        """Return everything its present start has said."""
        return self.log_path.read_text(errors="replace")

    def told(self) -> str:
        """Return the end of what it has said, requests left out."""
        return "\n".join(line[:300] for line in self.said().splitlines() if '"request"' not in line)[-3000:]

    # Processes.

    def workers(self) -> list[int]:
        """Return its worker processes."""
        return [pid for pid in children_of(self.process.pid) if "hub.worker" in command_of(pid)]

    def recorders(self) -> list[int]:
        """Return its recorder processes: as many as are set, or fewer for a moment."""
        return [pid for pid in children_of(self.process.pid) if "hub.recorder" in command_of(pid)]

    def valkey(self) -> int:
        """Return its Valkey's process."""
        return int((self.folder / "valkey" / "valkey.pid").read_text().split()[0])

    def everybody(self) -> list[int]:
        """Return every process of it."""
        own = [self.process.pid, *self.workers(), *self.recorders()]
        return [*own, *([self.valkey()] if (self.folder / "valkey" / "valkey.pid").exists() else [])]

    def recorder(self, shard: int = 0) -> int | None:
        """Return the process whose recorder holds the lease of a shard, None while nobody does."""
        with self.redis() as redis:
            holder = redis.get(redis_keys.recorder_lease(SITE, shard))
        found = [json.loads(line) for line in self.said().splitlines() if '"recorder_ready"' in line]
        pids = {each["worker_id"]: each["pid"] for each in found}
        return pids.get(holder.decode()) if isinstance(holder, bytes) else None

    def redis(self) -> Redis:
        """Return a client of the Redis that it uses."""
        return Redis.from_url(self.redis_url, socket_timeout=5)

    # What it says of itself.

    async def ask(self, method: str, path: str, *, token: str | None = None, **options: Any) -> tuple[int, Any]:
        """Return status and answer of a request; JSON is decoded, other answers are text."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        headers |= options.pop("headers", {})
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ASK_S)) as session,
            session.request(method, self.url + path, headers=headers, **options) as answer,
        ):
            raw = await answer.text()
            return answer.status, json.loads(raw) if "json" in answer.headers.get("content-type", "") else raw

    async def command(self, *words: str) -> str:
        """Run `porchlight WORDS` on the same settings, as somebody at the machine would; return what it printed."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "hub.cli", *words, cwd=ROOT, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        out, errors = await asyncio.wait_for(process.communicate(), 60)
        assert process.returncode == 0, errors.decode()
        return out.decode()

    async def faults(self) -> set[str]:
        """Return the names of what is wrong, by the worker that answers."""
        _, health = await self.ask("GET", "/v1/health")
        return {fault["name"] for fault in health["faults"]}

    async def until(self, is_so: Callable[[], Awaitable[bool]], what: str, seconds: float = PATIENCE_S) -> None:
        """Wait until something is so; fails in words after `seconds`."""
        try:
            async with asyncio.timeout(seconds):
                while not await is_so():  # noqa: ASYNC110 (another process has no event)
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(f"not within {seconds:g} s: {what}\n{self.told()}") from None

    async def until_fault(self, name: str) -> None:
        """Wait until health names a fault."""
        await self.until(lambda: self._names(name), f"health names {name}")

    async def until_well(self) -> None:
        """Wait until ten answers in a row, of whichever workers, name no fault of ours. What is not set up here is no fault of it."""
        async def is_well() -> bool:
            return not any([await self.faults() & BROKEN for _ in range(5)])

        try:
            await self.until(is_well, "health is good again")
        except AssertionError as late:
            raise AssertionError(f"{await self.ask('GET', '/v1/health')}\n{late}") from None

    async def metric(self, name: str, **labels: str) -> float:
        """Return the sum of a metric over everything that has these labels."""
        _, page = await self.ask("GET", "/metrics")
        wanted = [f'{key}="{value}"' for key, value in labels.items()]
        lines = [line for line in page.splitlines() if re.match(rf"{name}[ {{]", line) and all(each in line for each in wanted)]
        return sum(float(line.rpartition(" ")[2]) for line in lines)

    async def _names(self, name: str) -> bool:
        return name in await self.faults()

    # The ledger.

    async def recorded(self, device_epoch: int) -> list[int]:
        """Return the seqs of one device_epoch in SQL, in order, repeats shown."""
        query = text("SELECT seq FROM fixes WHERE device_epoch = :epoch ORDER BY seq")
        return [row[0] for row in await self._rows(query, epoch=device_epoch)]

    async def rows(self, device_epoch: int) -> dict[int, dict[str, Any]]:
        """Return what is in SQL of one device_epoch, by seq."""
        query = text("SELECT seq, at_ms, device_at_ms, lat, lon, lane, reasons FROM fixes WHERE device_epoch = :epoch")
        return {row.seq: dict(row._mapping) for row in await self._rows(query, epoch=device_epoch)}

    async def offsets(self, shard: int = 0) -> dict[str, int]:
        """Return the books of a shard's recorder: total, stored, duplicates, lost, restarts."""
        query = text("SELECT total, stored, duplicates, lost, restarts FROM stream_offsets WHERE shard = :shard")
        found = await self._rows(query, shard=shard)
        return dict(found[0]._mapping) if found else {}

    async def until_recorded(self, phone: AckedPhone) -> None:
        """Wait until everything that was acknowledged to `phone` is in SQL."""
        async def is_there() -> bool:
            return set(await self.recorded(phone.device_epoch)) >= set(phone.acked)

        await self.until(is_there, "everything acknowledged is in SQL")

    async def _rows(self, query: Any, **values: Any) -> list[Any]:
        engine = open_engine(self.settings.store.fixes_url, durability="normal")
        try:
            async with UnitOfWork(engine).read() as tx:
                return list((await tx.conn.execute(query, values)).all())
        finally:
            await engine.dispose()

    # People.

    def phone(self, number: int = 0) -> AckedPhone:
        """Return a good phone of a technician, not yet running."""
        return AckedPhone(self.url, self.people.technicians[number].token)

    async def _seed(self) -> None:
        await migrate.upgrade(self.settings.store.truth_url, self.settings.store.fixes_url)
        clock = PastClock(SystemClock())
        async with local_people(self.settings, clock) as local:
            self.people = await _people(local, clock, self.technicians)
            await self.more_people(local)

    async def more_people(self, local: Local) -> None:
        """Enter whoever else a story needs, on the same databases."""


BROKEN = frozenset({"sql", "redis", "fixes", "recorder", "flows"})
"""Faults that only a broken hub has."""


async def _people(local: Local, clock: PastClock, count: int) -> People:
    desk, flows = operator_of(SITE), local.people
    clock.ago_s = SHIFT_AGO_S + 60
    await flows.sites.make(Site(id=SITE, name="Story", zone="Europe/Berlin", currency="EUR", locale="en"))
    new = NewDispatcher(user=USER, name="Desk", password=PASSWORD, sites=frozenset({SITE}), roles=frozenset({Role.OWNER}))
    watching = await flows.desk.enter(desk, new)
    key = await flows.access.make_api_key(desk, "Story", frozenset({SITE}), frozenset(Scope))
    technicians = tuple([await _technician(local, clock, number) for number in range(count)])
    old_link = await _old_link(local, clock)
    visit_id = await _visit(local, clock, technicians[0])
    clock.ago_s = 0.0
    made = await flows.links.make(desk, visit_id, LinkHolder.CUSTOMER, "story")
    return People(
        technicians=technicians, dispatcher_id=watching.id, visit_id=visit_id, link=made.token, old_link=old_link, api_key=key.token
    )


async def _technician(local: Local, clock: PastClock, number: int) -> Technician:
    desk, flows = operator_of(SITE), local.people
    clock.ago_s = SHIFT_AGO_S + 60
    new = NewTechnician(name=f"Tess {number}", phone=f"+491511234{number:04d}", verified_level=VerifiedLevel.CERTIFIED)
    entered = await flows.people.enter(desk, SITE, new)
    enrolled = await flows.people.enrol(await flows.people.offer_enrolment(desk, entered.id), "phone", "story", "127.0.0.1")
    clock.ago_s = SHIFT_AGO_S
    caller = await flows.access.caller_of_token(enrolled.token)
    await flows.shifts.open(caller, clock.now() + timedelta(hours=8), "1")
    return Technician(entered.id, enrolled.device.id, enrolled.token)


async def _old_link(local: Local, clock: PastClock) -> str:
    """Return a link whose visit was called off the day before yesterday."""
    desk, flows = operator_of(SITE), local.people
    clock.ago_s = 49 * 3600
    visit = (await flows.booking.book(desk, SITE, _draft(clock))).visit
    made = await flows.links.make(desk, visit.id, LinkHolder.CUSTOMER, "old")
    await flows.visits.cancel(desk, visit.id, Told(reason="story"))
    return made.token


def _draft(clock: PastClock) -> VisitDraft:
    return VisitDraft(
        service_kind="massage",
        place=Place(point=DOOR, address="9 Lantern Way"),
        window_start=clock.now() + timedelta(hours=1),
        window_end=clock.now() + timedelta(hours=2),
        customer=PersonRef(name="Cora", phone="+4915112345699"),
    )


async def _visit(local: Local, clock: PastClock, technician: Technician) -> VisitId:
    desk, flows = operator_of(SITE), local.people
    clock.ago_s = DEPARTED_AGO_S + 60
    visit = (await flows.booking.book(desk, SITE, _draft(clock))).visit
    await flows.visits.assign(desk, visit.id, technician.id, Told())
    clock.ago_s = DEPARTED_AGO_S
    await flows.visits.depart(await flows.access.caller_of_token(technician.token), visit.id, _seen(HOME))
    return visit.id


def _seen(point: LatLon) -> Told:
    return Told(position=SeenPosition(point=point, accuracy_m=6.0))


@contextlib.contextmanager
def served_hub(folder: Path, *, workers: int = 1, technicians: int = 4, **options: str) -> Iterator[ServedHub]:
    """Seed a hub, start it, end it. `options`: environment variables."""
    folder.mkdir(parents=True, exist_ok=True)
    hub = ServedHub(folder, {"PORCHLIGHT_WORKERS": str(workers), **options}, technicians)
    hub.seed()
    hub.start()
    try:
        yield hub
    finally:
        hub.end()


def in_thread(story: Any, patience_s: float = 120.0) -> None:
    """Run a coroutine to its end beside whatever loop the tests have; raises `TimeoutError` when it takes longer than `patience_s`."""
    failed: list[BaseException] = []

    def run() -> None:
        try:
            asyncio.run(asyncio.wait_for(story, patience_s))
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(patience_s + 10)
    if thread.is_alive():
        raise TimeoutError(f"A story beside the tests took longer than {patience_s:g} s and cannot be stopped.")
    if failed:
        raise failed[0]


def signalled(pid: int, number: signal.Signals) -> None:
    """Send a signal to a process that may be gone."""
    if is_alive(pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


@contextlib.contextmanager
def stopped(*pids: int) -> Iterator[None]:
    """Hold processes still while the block runs: they neither answer nor end."""
    for pid in pids:
        signalled(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            signalled(pid, signal.SIGCONT)
