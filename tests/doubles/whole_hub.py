"""A whole hub as a person starts it: the demo in processes of its own, with everything it prints."""

import contextlib
import json
import os
import select
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
START_S = 120.0


class WholeHub:
    """A running demo. `told`: its first line on stdout."""

    def __init__(self, process: subprocess.Popen[str], folder: Path) -> None:
        assert process.stdout is not None
        self.process = process
        self.folder = folder
        is_told, _, _ = select.select([process.stdout], [], [], START_S)
        line = process.stdout.readline() if is_told else ""
        if not line:
            raise RuntimeError(f"The demo did not start: {process.poll()}\n{(folder / 'stderr').read_text()[-3000:]}")
        self.told: dict[str, Any] = json.loads(line)

    @property
    def url(self) -> str:
        """Return the hub's address."""
        return str(self.told["url"])

    @property
    def link(self) -> str:
        """Return the token of the customer's link."""
        return str(self.told["customer_url"]).rsplit("/", 1)[1]

    def workers(self) -> list[int]:
        """Return the worker processes."""
        return [pid for pid in children_of(self.process.pid) if "hub.worker" in command_of(pid)]

    def recorders(self) -> list[int]:
        """Return the recorder process."""
        return [pid for pid in children_of(self.process.pid) if "hub.recorder" in command_of(pid)]

    def valkey(self) -> list[int]:
        """Return the Valkey process."""
        return [pid for pid in children_of(self.process.pid) if "unixsocket" in command_of(pid) or "valkey-server" in command_of(pid)]

    def everybody(self) -> list[int]:
        """Return every process of the hub."""
        return [self.process.pid, *self.workers(), *self.recorders(), *self.valkey()]

    def recorded(self, device_epoch: int) -> list[int]:
        """Return the seqs in the ledger of one device_epoch, in order, repeats shown."""
        with contextlib.closing(sqlite3.connect(self.folder / "fixes.db", timeout=10)) as ledger:
            return [row[0] for row in ledger.execute("SELECT seq FROM fixes WHERE device_epoch = ? ORDER BY seq", (device_epoch,))]


@contextlib.contextmanager
def whole_hub(folder: Path, *arguments: str) -> Iterator[WholeHub]:
    """Start a demo in `folder`; end it cleanly."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "stderr").open("w") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "hub.cli", "demo", "--port", "0", "--data", str(folder), "--json", *arguments],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env={**os.environ, "PORCHLIGHT_DRAIN_S": "2"},
        )
    try:
        yield WholeHub(process, folder)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)
        if process.stdout is not None:
            process.stdout.close()


def children_of(pid: int) -> list[int]:
    """Return the living children of a process."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, IndexError):
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            if int(fields[1]) == pid and fields[0] != "Z":
                found.append(int(folder.name))
    return found


def command_of(pid: int) -> str:
    """Return a process's command line, "" when it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def is_alive(pid: int) -> bool:
    """Tell whether a process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_until_gone(pids: list[int], seconds: float) -> list[int]:
    """Return which of the processes still run after at most `seconds`."""
    deadline = time.monotonic() + seconds
    while any(map(is_alive, pids)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return [pid for pid in pids if is_alive(pid)]
