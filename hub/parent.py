"""Who owns the port, Valkey and the schema? The parent process: it starts and watches everything else, and ends it in order.

    async with running_hub(settings) as hub:      # Valkey up, schema at head, workers answering
        print(hub.url)
        await hub.stopped()

It serves no request itself. Each worker inherits the listening socket and, as the recorders do, the reading end of a pipe that nobody
writes to: when the parent dies, even by SIGKILL, the pipe closes and they end by themselves; Valkey does by a signal of the kernel.
"""

import asyncio
import contextlib
import fcntl
import hashlib
import os
import shutil
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import msgspec
import structlog

from core.clock import Clock, SystemClock
from core.errors import HubError
from hub import migrate
from hub.embedded_valkey import EmbeddedValkey
from hub.kept_recorder import KeptRecorder
from hub.lifeline import PARENT_FD, PART
from hub.part import Part
from hub.settings import Settings, environment_of, make_data_folder

log = structlog.get_logger(__name__)

START_DEADLINE_S = 30.0
MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of our own below it, for us alone
SHORT_LIFE_S = 5.0
"""A worker that lived shorter than this is started again only after a pause, so that a broken one does not spin."""
Say = Callable[[str], None]
SetUp = Callable[[Settings], Awaitable[None]]


class WorkerDoesNotStart(HubError):
    """A worker ended while it was starting; its own lines above say why."""

    code, status = "worker_does_not_start", 503


class Parent:
    """The running hub as its parent sees it."""

    def __init__(self, settings: Settings, listener: socket.socket, clock: Clock) -> None:
        self.settings = settings
        self.url = settings.public_url
        self.local_url = f"http://{_local(settings.serve.host)}:{settings.serve.port}"
        self._listener = listener
        self._clock = clock
        self._life_read, self._life_write = os.pipe()
        self._workers: dict[int, asyncio.subprocess.Process] = {}
        self._recorders = [
            KeptRecorder(number, _shared_environment(settings), self._life_read, clock, self._forget)
            for number in range(settings.serve.recorders)
        ]
        self._keepers: list[asyncio.Task[None]] = []
        self._ending = asyncio.Event()

    def end(self) -> None:
        """Ask everything to end."""
        self._ending.set()

    async def stopped(self) -> None:
        """Wait until somebody asked for the end: SIGTERM, SIGINT, SIGHUP or `end`."""
        await self._ending.wait()

    def on_signals(self) -> None:
        """End on SIGTERM, SIGINT and SIGHUP."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, self.end)

    async def start_workers(self) -> None:
        """Start every worker and wait until they answer, then start the recorders; raises `WorkerDoesNotStart`."""
        for number in range(self.settings.serve.workers):
            await self._spawn(number)
        await self._wait_until_they_answer()
        # After them, so that on a small machine it does not take from the time in which nobody can press yet. Fixes wait in Redis.
        for recorder in self._recorders:
            await recorder.start()
        self._keepers = [asyncio.create_task(self._keep(number)) for number in range(self.settings.serve.workers)]
        self._keepers += [asyncio.create_task(recorder.keep()) for recorder in self._recorders]

    async def stop_workers(self) -> None:
        """Let every worker drain, kill what is left after its time, then end the recorders, and close the port."""
        self._ending.set()
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        for worker in self._workers.values():
            with contextlib.suppress(ProcessLookupError):
                worker.terminate()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.settings.serve.drain_s + 3):
                await asyncio.gather(*(worker.wait() for worker in self._workers.values()))
        for worker in self._workers.values():
            with contextlib.suppress(ProcessLookupError):
                worker.kill()
                await worker.wait()
        await asyncio.gather(*(recorder.stop(self.settings.serve.drain_s + 3) for recorder in self._recorders))
        self._listener.close()
        os.close(self._life_write)
        os.close(self._life_read)

    async def _spawn(self, number: int) -> None:
        fds = (self._listener.fileno(), self._life_read)
        self._workers[number] = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "hub.worker",
            env={
                **os.environ,
                **_shared_environment(self.settings),
                "PORCHLIGHT_WORKER": str(number),
                "PORCHLIGHT_LISTEN_FD": str(fds[0]),
                PARENT_FD: str(fds[1]),
                PART: Part.WORKER.value,
            },
            pass_fds=fds,
            stdin=asyncio.subprocess.DEVNULL,
        )

    async def _keep(self, number: int) -> None:
        while True:
            started_at_s = self._clock.monotonic()
            worker = self._workers[number]
            code = await worker.wait()
            log.error("worker_ended", worker=number, code=code)
            self._forget(worker.pid)
            if self._clock.monotonic() - started_at_s < SHORT_LIFE_S:
                await self._clock.sleep(1.0)
            await self._spawn(number)

    def _forget(self, pid: int) -> None:
        """Take what a process that has ended said of the present out of the metrics; its counts stay."""
        for path in metrics_folder(self.settings).glob(f"gauge_live*_{pid}.db"):
            path.unlink(missing_ok=True)

    async def _wait_until_they_answer(self) -> None:
        deadline = self._clock.monotonic() + START_DEADLINE_S
        while not await self._answers():
            ended = next((worker for worker in self._workers.values() if worker.returncode is not None), None)
            if ended is not None:
                raise WorkerDoesNotStart
            if self._clock.monotonic() > deadline:
                raise WorkerDoesNotStart(
                    f"No worker answered within {START_DEADLINE_S:g} s, though none ended. Is the machine overloaded? Start the hub again."
                )
            await self._clock.sleep(0.02)

    async def _answers(self) -> bool:
        # The port accepts from the first moment, because it is ours: only an answer proves that a worker is up.
        try:
            async with asyncio.timeout(2):
                reader, writer = await asyncio.open_connection(_local(self.settings.serve.host), self.settings.serve.port)
                try:
                    writer.write(b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                    return (await reader.readline()).startswith(b"HTTP/1.1 200")
                finally:
                    writer.close()
        except (OSError, TimeoutError):
            return False


@asynccontextmanager
async def running_hub(
    settings: Settings, say: Say = lambda _: None, before_workers: SetUp | None = None
) -> AsyncIterator[Parent]:
    """Run a whole hub while the block runs. `say` hears what is done; `before_workers` runs on ready databases before anybody serves."""
    clock = SystemClock()
    make_data_folder(settings.store.data_dir)
    async with contextlib.AsyncExitStack() as stack:
        stack.enter_context(_sole_owner(settings.store.data_dir))
        listener = stack.enter_context(contextlib.closing(_listen(settings)))
        settings = _with_port(settings, listener)
        if not settings.store.redis_url:
            say("starting Valkey")
            settings = _with_redis(settings, await stack.enter_async_context(_running_valkey(settings.store.data_dir, clock)))
        say("bringing the schema up to date")
        await migrate.upgrade(settings.store.truth_url, settings.store.fixes_url)
        _clean_metrics(settings)
        stack.callback(shutil.rmtree, metrics_folder(settings), ignore_errors=True)
        if before_workers is not None:
            await before_workers(settings)
        parent = Parent(settings, listener, clock)
        stack.push_async_callback(parent.stop_workers)
        parent.on_signals()
        say(f"starting {_counted(settings.serve.workers, 'worker')} and {_counted(settings.serve.recorders, 'recorder')}")
        await parent.start_workers()
        yield parent


@asynccontextmanager
async def _running_valkey(data_dir: Path, clock: Clock) -> AsyncIterator[EmbeddedValkey]:
    valkey = EmbeddedValkey(data_dir / "valkey", clock)
    await valkey.start()
    watcher = asyncio.create_task(valkey.watch())
    try:
        yield valkey
    finally:
        watcher.cancel()
        await asyncio.gather(watcher, return_exceptions=True)
        await valkey.stop()


def metrics_folder(settings: Settings) -> Path:
    """Return where the workers put their numbers for each other to read: in memory, where the system has a place for that.

    These files are mapped, and the kernel kills whoever writes to a mapped page that a full disk cannot hold: numbers must not cost a tap.
    """
    data_dir = settings.store.data_dir.absolute()
    if not os.access(MEMORY, os.W_OK):
        return data_dir / "metrics"
    return MEMORY / f"porchlight-{os.getuid()}-{hashlib.sha256(str(data_dir).encode()).hexdigest()[:16]}"


@contextmanager
def _sole_owner(data_dir: Path) -> Iterator[None]:
    # The kernel drops the lock when the last holder ends, however it ends; workers do not inherit it.
    with (data_dir / "hub.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise SystemExit(f"Another hub runs on {data_dir}. End it first, or choose another data folder with --data.") from None
        yield


def _listen(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.serve.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.serve.host, settings.serve.port))
    except OSError as error:
        listener.close()
        raise SystemExit(
            f"Port {settings.serve.port} on {settings.serve.host} cannot be had: {error.strerror}. "
            "Another program may hold it: choose another --port, or 0 for any free one."
        ) from None
    listener.listen(2048)
    listener.setblocking(False)
    listener.set_inheritable(True)
    return listener


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'s' if count > 1 else ''}"


def _with_port(settings: Settings, listener: socket.socket) -> Settings:
    port = listener.getsockname()[1]
    return msgspec.structs.replace(settings, serve=msgspec.structs.replace(settings.serve, port=port))


def _with_redis(settings: Settings, valkey: EmbeddedValkey) -> Settings:
    return msgspec.structs.replace(settings, store=msgspec.structs.replace(settings.store, redis_url=valkey.url))


def _clean_metrics(settings: Settings) -> None:
    folder = metrics_folder(settings)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)


def _shared_environment(settings: Settings) -> dict[str, str]:
    return {**environment_of(settings), "PROMETHEUS_MULTIPROC_DIR": str(metrics_folder(settings))}


def _local(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
