"""How many fixes does the hub take from device socket to customer socket, and at what cost? `porchlight bench ingest`.

Every fix is judged, held against her shift, stored in the stream with `appendfsync always`, acknowledged, recorded in SQL and shown to the
customer. Beside it in the same run: what tutorials show, and an echo on the same socket library. Everything is counted per CPU second of
the process under test, pinned to one core; the load generator, Valkey and the recorder live on another. The hub is counted twice: its
worker alone, and worker and recorder together. Rounds are interleaved, so that a busy moment of
the machine hits all alike; quote the ratios, not the absolutes.
"""

import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import msgspec

from bench.ingest_idle import Idle, measure_idle
from bench.ingest_load import Pair, Plan, Result
from bench.ingest_servers import ROOT, Server, baseline, hub
from bench.process_account import cores, machine, on_core

WINDOW = 2
"""Fixes of one device under way in a closed loop."""
SHARES = (20, 50, 80)
AIM_REDIS, AIM_LOCAL, AIM_P50_MS, AIM_IDLE_KB = 4.5, 7.0, 3.0, 30.0
SEED_S = 120.0


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """What the ratios are made of: fixes per CPU second, all rounds together.

    `hub_redis`: technician and customer on different workers, the CPU of both. `..._with_recorder`: the recorder's CPU counted too.
    `tutorial_in_memory`: without PUBLISH, customers in a dictionary of the process. `echo`: a frame in and a frame out on the same socket
    library, nothing else.
    """

    hub_local: float
    hub_local_with_recorder: float
    hub_redis: float
    hub_redis_with_recorder: float
    tutorial: float
    tutorial_in_memory: float
    echo: float


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome; latencies from the device's write to the customer's read, by per cent of `ceiling_per_s`.

    Ratios compare the worker alone, which does what the tutorial's process does and more; `..._with_recorder` count the ledger in, which
    the tutorial has not. `kept`: whether the hub acknowledged every fix of the whole bench. `aims`: name -> reached. `runs`: every run as
    it was measured.
    """

    ratio_to_tutorial_redis: float
    ratio_to_tutorial_local: float
    ratio_to_tutorial_redis_with_recorder: float
    ratio_to_tutorial_local_with_recorder: float
    fixes_per_cpu_s: float
    ceiling_per_s: float
    p50_ms: dict[str, float | None]
    p99_ms: dict[str, float | None]
    sender_late_p99_ms: dict[str, float | None]
    kb_per_idle_connection: float
    accepts_per_cpu_s: float
    watches_per_cpu_s: float
    kept: bool
    parts: Parts
    aims: dict[str, bool]
    machine: str
    seconds: float
    runs: dict[str, list[Result]]


class Bench:
    """One bench. `couples`: devices, each with one customer; `seconds`: of each measured run; `rounds`: of each closed loop."""

    def __init__(self, folder: Path, couples: int, seconds: float, rounds: int) -> None:
        self._folder, self._couples, self._seconds, self._rounds = folder, couples, seconds, rounds
        self._cores = cores()
        self._environment = {"PORCHLIGHT_SECRET_KEYS": secrets.token_urlsafe(40), "PORCHLIGHT_LOG_FORMAT": "json"}
        self._pairs: list[Pair] = []
        self._runs: dict[str, list[Result]] = {}

    def run(self) -> Report:
        """Seed, start everything, measure, end everything."""
        began_s = time.monotonic()
        with ExitStack() as stack:
            first = self._first_hub(stack)
            _say("idle connections")
            with on_core(self._cores[1]):
                idle = measure_idle(first, self._pairs)
            second = self._second_hub(stack, first)
            for number in range(self._rounds):
                self._closed("hub_local", first, first)
                self._baseline("tutorial", first)
                self._closed("hub_redis", first, second)
                if number == 0:
                    self._baseline("tutorial_in_memory", first)
                    self._baseline("echo", first)
            ceiling = _best([run.fixes_per_s for run in self._runs["hub_local"]])
            for share in SHARES:
                self._open(f"open_{share}", first, ceiling * share / 100)
        return self._report(idle, ceiling, time.monotonic() - began_s)

    def _first_hub(self, stack: ExitStack) -> Server:
        data = self._folder / "first"
        _say(f"making {self._couples} technicians under way, each with a customer")
        self._pairs = self._seeded(data)
        _say("starting the hub")
        return stack.enter_context(hub(data, self._folder / "first.log", self._environment, self._cores))

    def _second_hub(self, stack: ExitStack, first: Server) -> Server:
        """Start a second hub on the stores of the first: another machine of the same operator, as far as it knows."""
        data = self._folder / "first"
        shared = {
            "PORCHLIGHT_REDIS_URL": first.redis_url,
            "PORCHLIGHT_SQL_URL": f"sqlite+aiosqlite:///{data / 'truth.db'}",
            "PORCHLIGHT_FIXES_SQL_URL": f"sqlite+aiosqlite:///{data / 'fixes.db'}",
        }
        return stack.enter_context(hub(self._folder / "second", self._folder / "second.log", self._environment | shared, self._cores))

    def _seeded(self, data: Path) -> list[Pair]:
        """Seed in memory where that can be had (thousands of transactions, each waiting for the disk), then move it to its place."""
        memory = Path("/dev/shm")
        draft = Path(tempfile.mkdtemp(dir=memory if os.access(memory, os.W_OK) else self._folder))
        try:
            env = {**os.environ, **self._environment, "PORCHLIGHT_DATA_DIR": str(draft / "data")}
            command = [sys.executable, "-m", "bench.ingest_seed", str(self._couples), str(draft / "pairs.json")]
            subprocess.run(command, cwd=ROOT, env=env, check=True, timeout=SEED_S, stdout=sys.stderr)
            shutil.copytree(draft / "data", data)
            return msgspec.json.decode((draft / "pairs.json").read_bytes(), type=list[Pair])
        finally:
            shutil.rmtree(draft, ignore_errors=True)

    def _closed(self, name: str, devices: Server, customers: Server) -> None:
        pids, recorders = sorted({*devices.pids, *customers.pids}), sorted({*devices.recorders, *customers.recorders})
        self._load(name, Plan(
            dialect="hub", port=devices.port, customer_port=customers.port, pids=pids, recorders=recorders, pairs=self._pairs,
            window=WINDOW, measure_s=self._seconds,
        ))

    def _open(self, name: str, server: Server, rate: float) -> None:
        self._load(name, Plan(
            dialect="hub", port=server.port, customer_port=server.port, pids=list(server.pids), recorders=list(server.recorders),
            pairs=self._pairs, rate=rate, measure_s=self._seconds,
        ))

    def _baseline(self, name: str, first: Server) -> None:
        kind = name.removeprefix("tutorial_")
        with baseline(kind, self._folder / f"{name}.log", first.redis_url, self._cores) as server:
            self._load(name, Plan(
                dialect="echo" if kind == "echo" else "tutorial", port=server.port, customer_port=server.port, pids=list(server.pids),
                pairs=self._pairs, window=WINDOW, measure_s=self._seconds,
            ))

    def _load(self, name: str, plan: Plan) -> None:
        _say(name)
        with on_core(self._cores[1]):
            done = subprocess.run(
                [sys.executable, "-m", "bench.ingest_load"], input=msgspec.json.encode(plan), stdout=subprocess.PIPE, cwd=ROOT, check=True
            )
        self._runs.setdefault(name, []).append(msgspec.json.decode(done.stdout, type=Result))

    def _report(self, idle: Idle, ceiling: float, seconds: float) -> Report:
        per_cpu_s = {name: _together(runs) for name, runs in self._runs.items()}
        per_cpu_s |= {f"{name}_with_recorder": _together(self._runs[name], with_recorder=True) for name in ("hub_local", "hub_redis")}
        parts = Parts(**{name: per_cpu_s[name] for name in Parts.__struct_fields__})
        at = {str(share): self._runs[f"open_{share}"][0] for share in SHARES}
        redis, local = _ratio(parts.hub_redis, parts.tutorial), _ratio(parts.hub_local, parts.tutorial)
        p50_ms = {share: run.p50_ms for share, run in at.items()}
        return Report(
            ratio_to_tutorial_redis=redis, ratio_to_tutorial_local=local,
            ratio_to_tutorial_redis_with_recorder=_ratio(parts.hub_redis_with_recorder, parts.tutorial),
            ratio_to_tutorial_local_with_recorder=_ratio(parts.hub_local_with_recorder, parts.tutorial),
            fixes_per_cpu_s=parts.hub_local, ceiling_per_s=ceiling,
            p50_ms=p50_ms, p99_ms={share: run.p99_ms for share, run in at.items()},
            sender_late_p99_ms={share: run.sender_late_p99_ms for share, run in at.items()},
            kb_per_idle_connection=idle.kb_per_connection, accepts_per_cpu_s=idle.accepts_per_cpu_s,
            watches_per_cpu_s=idle.watches_per_cpu_s,
            kept=all(self._is_kept(name, run) for name, runs in self._runs.items() for run in runs),
            parts=parts,
            aims={
                f"{AIM_REDIS} times the tutorial through Redis": redis >= AIM_REDIS,
                f"{AIM_LOCAL} times the tutorial with local fan-out": local >= AIM_LOCAL,
                f"p50 under {AIM_P50_MS} ms at half load": (p50_ms["50"] or AIM_P50_MS) < AIM_P50_MS,
                f"under {AIM_IDLE_KB} KB per idle connection": idle.kb_per_connection < AIM_IDLE_KB,
            },
            machine=machine(), seconds=round(seconds, 1), runs=self._runs,
        )

    @staticmethod
    def _is_kept(name: str, run: Result) -> bool:
        return not name.startswith(("hub", "open")) or run.acked_all == run.sent_all


def run(as_json: bool = False, *, couples: int = 500, seconds: float = 3.0, rounds: int = 2, data: Path | None = None) -> Report:
    """Measure, print (one JSON document with `as_json`), and return it.

    Args:
        couples: devices, each with one customer.
        seconds: of each measured run, after a second of warming up.
        rounds: how often each closed loop is measured, interleaved with the others.
        data: folder on the disk that shall be measured; default a temporary one, removed at the end.
    """
    folder = Path(tempfile.mkdtemp(prefix="porchlight-bench-", dir=data))
    try:
        report = Bench(folder, couples, seconds, rounds).run()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(msgspec.json.encode(report).decode()) if as_json else _show(report)
    return report


def _together(runs: Sequence[Result], *, with_recorder: bool = False) -> float:
    cpu_s = sum(run.cpu_s + (run.recorder_cpu_s if with_recorder else 0.0) for run in runs)
    return round(sum(run.delivered for run in runs) / cpu_s) if cpu_s else 0.0


def _best(rates: Sequence[float]) -> float:
    """Return the ceiling: what the quietest round reached."""
    return max(rates)


def _ratio(one: float, other: float) -> float:
    return round(one / other, 2) if other else 0.0


def _say(what: str) -> None:
    sys.stderr.write(f"bench ingest: {what}\n")
    sys.stderr.flush()


def _show(report: Report) -> None:
    print(report.machine)
    print(f"\n{'fixes per CPU second':<44}{'':>10}  to the tutorial")
    for name, value in msgspec.structs.asdict(report.parts).items():
        print(f"  {name.replace('_', ' '):<42}{value:>10,.0f}{_ratio(value, report.parts.tutorial):>10.2f}")
    print(f"\nlatency device to customer (ceiling {report.ceiling_per_s:,.0f} fixes/s)")
    for share in report.p50_ms:
        print(f"  at {share} %: p50 {report.p50_ms[share]} ms, p99 {report.p99_ms[share]} ms")
    print(f"\nidle connection {report.kb_per_idle_connection:.1f} KB, accepts {report.accepts_per_cpu_s:,.0f} and watches "
          f"{report.watches_per_cpu_s:,.0f} per CPU second; every fix acknowledged: {'yes' if report.kept else 'NO'}\n")
    for aim, reached in report.aims.items():
        print(f"  {'reached' if reached else 'MISSED '}  {aim}")
    print(f"\n{report.seconds:.0f} s")
