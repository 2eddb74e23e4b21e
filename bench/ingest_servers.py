"""Which processes are measured? Hubs and baselines, started on the core under test and ended again.

A hub is `porchlight serve` as an operator starts it: a parent that owns the port, one worker, SQLite, its own Valkey with
`appendonly yes, appendfsync always`. The second hub shares the stores of the first and runs no Valkey: a technician on one and her customer
on the other is the way through Redis, without any switch that only a bench would know.
"""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.process_account import children, move, on_core

ROOT = Path(__file__).resolve().parents[1]
START_S = 30.0


class DoesNotStart(RuntimeError):
    """A process of the bench ended or stayed silent while it started; the end of what it said follows."""


@dataclass(frozen=True)
class Server:
    """A running server: its port, the processes whose CPU counts, its recorder's where it has one, and the address of its Valkey."""

    port: int
    pids: tuple[int, ...]
    redis_url: str = ""
    recorders: tuple[int, ...] = ()


@contextmanager
def hub(folder: Path, log: Path, environment: Mapping[str, str], cores: tuple[int, int] | None) -> Iterator[Server]:
    """Run `porchlight serve` on `folder`, its worker on the first core, its Valkey and recorder on the second; all anywhere where None."""
    env = {**os.environ, **environment, "PORCHLIGHT_DATA_DIR": str(folder), "PORCHLIGHT_DRAIN_S": "1", "PORCHLIGHT_LOG_LEVEL": "warning"}
    with on_core(cores[0]) if cores else contextlib.nullcontext(), log.open("wb") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "hub.cli", "serve", "--port", "0"], cwd=ROOT, env=env, stdout=said, stderr=said, stdin=subprocess.DEVNULL
        )
    with _ended(process):
        port = int(_waited_for(process, log, "porchlight: ready at ").rsplit(":", 1)[1])
        recorders = tuple(children(process.pid, "hub.recorder"))
        if cores:
            for pid in (*children(process.pid, "valkey"), *recorders):
                move(pid, cores[1])
        own = environment.get("PORCHLIGHT_REDIS_URL") or f"unix://{folder / 'valkey' / 'valkey.sock'}"
        yield Server(port, tuple(children(process.pid, "hub.worker")), own, recorders)


@contextmanager
def baseline(kind: str, log: Path, redis_url: str, cores: tuple[int, int]) -> Iterator[Server]:
    """Run one of `ingest_baselines` on the first core."""
    port = _free_port()
    with on_core(cores[0]), log.open("wb") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "bench.ingest_baselines", kind, str(port), redis_url], cwd=ROOT, stdout=said, stderr=said
        )
    with _ended(process):
        _wait_for_port(process, log, port)
        yield Server(port, (process.pid,))


@contextmanager
def _ended(process: subprocess.Popen[bytes]) -> Iterator[None]:
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)


def _waited_for(process: subprocess.Popen[bytes], log: Path, mark: str) -> str:
    end_s = time.monotonic() + START_S
    while time.monotonic() < end_s and process.poll() is None:
        whole_lines = log.read_text().rpartition("\n")[0].splitlines()
        line = next((line for line in whole_lines if mark in line), None)
        if line is not None:
            return line
        time.sleep(0.02)
    raise DoesNotStart(f"{DoesNotStart.__doc__}\n{log.read_text()[-2000:]}")


def _wait_for_port(process: subprocess.Popen[bytes], log: Path, port: int) -> None:
    end_s = time.monotonic() + START_S
    while time.monotonic() < end_s and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)
    raise DoesNotStart(f"{DoesNotStart.__doc__}\n{log.read_text()[-2000:]}")


def _free_port() -> int:
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
