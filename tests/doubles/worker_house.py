"""Real worker processes of a hub that can be killed and started again within a second: forked from one that has everything imported.

    with worker_house(folder) as house:
        house.start(KillsAt(KillPoint.COMMITTED, incident_id))
        ...
        house.wait_until_killed()
        house.start()

The house owns what a parent owns: the listening socket, which outlives every worker, Valkey, and the schema.
"""

import asyncio
import contextlib
import json
import multiprocessing
import os
import resource
import signal
import socket
import time
import urllib.request
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import msgspec
import uvloop
from sqlalchemy import text

import hub.worker
from core.clock import SystemClock
from core.sql import open_engine
from core.unit_of_work import UnitOfWork
from hub.demo_desk import desk_phones
from hub.joints import Between, nothing
from hub.local_people import Local
from hub.logs import start_logging
from hub.settings import LogFormat, load
from notifications.notice import Channel
from safety.ladder import Group, Ladder, Rung
from safety.tables import ladders
from tests.doubles.free_port import free_listener
from tests.doubles.real_servers import running_valkey
from tests.doubles.served_hub import SITE, ServedHub

QUICK = Ladder(
    rungs=(
        Rung(after_s=0, tier=0, groups=(Group.ON_DUTY,), channels=(Channel.CONSOLE, Channel.SMS)),
        Rung(after_s=1, tier=1, groups=(Group.ALL_DISPATCHERS,), channels=(Channel.SMS,)),
        Rung(after_s=2, tier=2, groups=(Group.OWNERS,), channels=(Channel.VOICE,)),
    ),
    exhausted_after_s=3,
    repeat_s=10,
)
"""A ladder that a test can wait for."""
START_S = 30.0
_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload(["tests.doubles.worker_house"])


def _work(environment: dict[str, str], listener: socket.socket, between: Between, log: str) -> None:
    """Be a worker, as `hub.worker.main` is one, with something standing between its parts."""
    with open(log, "ab", buffering=0) as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    settings = load(environment)
    start_logging("warning", LogFormat.JSON)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(hub.worker.serve(settings, listener, None, between=between))


class WorkerHouse(ServedHub):
    """People as in `ServedHub`, with a desk that has phones and a quick ladder; one worker process at a time."""

    def __init__(self, folder: Path, options: dict[str, str], technicians: int) -> None:
        self.listener = free_listener(backlog=2048)
        port = self.listener.getsockname()[1]
        super().__init__(
            folder,
            {
                "PORCHLIGHT_NOTICES_FILE": str(folder / "letters"), "PORCHLIGHT_SAFETY_PREFLIGHT": "warn", **options,
                "PORCHLIGHT_PORT": str(port),
            },
            technicians,
        )  # fmt: skip
        self.url = f"http://127.0.0.1:{port}"
        self._worker: Any = None

    async def more_people(self, local: Local) -> None:
        """See `ServedHub.more_people`."""
        await desk_phones(local, SITE, self.people.dispatcher_id)
        await self.set_ladder(QUICK)

    async def set_ladder(self, ladder: Ladder) -> None:
        """Put a ladder into force."""
        async with self.truth() as work, work.begin() as tx:
            await tx.conn.execute(ladders.delete())
            body = msgspec.json.encode(ladder).decode()
            await tx.conn.execute(ladders.insert().values(site_id=SITE, body=body, set_at=SystemClock().now()))

    def start(self, between: Between = nothing, **options: str) -> None:  # type: ignore[override]
        """Start a worker and wait until it answers."""
        environment = {**self.environment, **options}
        self._worker = _forks.Process(target=_work, args=(environment, self.listener, between, str(self.log_path)), daemon=True)
        self._worker.start()
        self._until_it_answers()

    def _until_it_answers(self) -> None:
        deadline = time.monotonic() + START_S
        while True:
            with contextlib.suppress(OSError), urllib.request.urlopen(self.url + "/livez", timeout=1):
                return
            if not self._worker.is_alive() or time.monotonic() > deadline:
                raise RuntimeError(f"The worker did not start:\n{self.said()[-3000:]}")

    @property
    def is_running(self) -> bool:
        """Tell whether there is a worker."""
        return self._worker is not None and self._worker.is_alive()

    def kill(self) -> None:
        """End the worker as the power does."""
        os.kill(self.pid, signal.SIGKILL)
        self.wait_until_killed()

    def wait_until_killed(self, seconds: float = 20.0) -> None:
        """Wait until the worker was killed, by itself or by `kill`."""
        self._worker.join(seconds)
        assert self._worker.exitcode == -signal.SIGKILL, f"exit code {self._worker.exitcode}\n{self.said()[-3000:]}"

    @property
    def pid(self) -> int:
        """Return the worker's process."""
        return int(self._worker.pid)

    @contextlib.contextmanager
    def files_no_longer_than(self, limit_bytes: int) -> Iterator[None]:
        """Let the worker write nowhere beyond an offset while the block runs, as on a disk that is full: the kernel says EFBIG."""
        before = resource.prlimit(self.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (limit_bytes, before[1]))
        try:
            yield
        finally:
            resource.prlimit(self.pid, resource.RLIMIT_FSIZE, before)

    def letters(self) -> list[dict[str, Any]]:
        """Return what the carriers took, in order."""
        path = self.folder / "letters"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    async def select(self, query: str, **values: Any) -> list[Any]:
        """Return rows of the truth."""
        async with self.truth() as work, work.read() as tx:
            return list((await tx.conn.execute(text(query), values)).all())

    @contextlib.asynccontextmanager
    async def truth(self) -> AsyncIterator[UnitOfWork]:
        """Open the truth."""
        engine = open_engine(self.settings.store.truth_url)
        try:
            yield UnitOfWork(engine)
        finally:
            await engine.dispose()

    def end(self) -> None:
        """See `ServedHub.end`."""
        if self._worker is not None and self._worker.is_alive():
            self._worker.kill()
            self._worker.join(5)
        self.listener.close()

    @property
    def log_path(self) -> Path:
        """See `ServedHub.log_path`."""
        return self.folder / "worker.log"


@contextlib.contextmanager
def worker_house(folder: Path, *, technicians: int = 4, redis_url: str = "", **options: str) -> Iterator[WorkerHouse]:
    """Seed a house; start nothing; end what was started. Without `redis_url` it has a Valkey of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        url = redis_url or stack.enter_context(running_valkey())
        house = WorkerHouse(folder, {"PORCHLIGHT_REDIS_URL": url, **options}, technicians)
        stack.callback(house.end)
        house.seed()
        yield house
