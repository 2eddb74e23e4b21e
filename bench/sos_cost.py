"""What does a press cost, and a rung that nobody answered? Statements and CPU time through the wired hub, with nothing else going on.

The flows are those of `hub.wiring`, none of the house's loops runs: so the figures are of the press alone, and hardly depend on what else
the machine does. `porchlight bench sos` prints them beside the times on the wall.
"""

import asyncio
import contextlib
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from time import process_time
from typing import Any

import msgspec
from sqlalchemy import event, select

from bench.ingest_seed import SITE
from bench.ingest_servers import ROOT
from bench.outbox import postgresql
from bench.sos_seed import Cast
from core.clock import SystemClock
from core.geo import LatLon
from core.ids import TechnicianId
from core.tables import timers
from core.timers import Timer
from hub.local_people import with_local_redis
from hub.settings import load
from hub.wiring import Hub, wire
from safety.ladder_flow import LADDER_TIMER
from safety.sos_tap import PersonKind, Position, Road, SosTap

WARM, SECOND_RUNG_S = 20, 16


class CostRow(msgspec.Struct, frozen=True, kw_only=True):
    """One database. Statements with BEGIN where the driver sends one; CPU milliseconds of this process, its SQLite threads included."""

    database: str
    presses: int
    press_statements: int
    press_cpu_ms: float
    rung_statements: int
    rung_cpu_ms: float


async def costs(presses: int = 200) -> list[CostRow]:
    """Measure on SQLite, and on PostgreSQL where the wheel that brings one is installed."""
    rows = [await _cost("sqlite", "", presses)]
    async with postgresql() as url:
        if url:
            rows.append(await _cost("postgresql", url, presses))
    return rows


async def _cost(database: str, sql_url: str, presses: int) -> CostRow:
    """Make a site and press in it, in a folder of memory where there is one."""
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    folder = Path(tempfile.mkdtemp(prefix="pl-bench-", dir=memory))
    settings = {
        "PORCHLIGHT_DATA_DIR": str(folder / "data"), "PORCHLIGHT_SECRET_KEYS": secrets.token_urlsafe(40),
        "PORCHLIGHT_NOTICES_FILE": str(folder / "letters"), "PORCHLIGHT_SAFETY_PREFLIGHT": "warn",
        **({"PORCHLIGHT_SQL_URL": sql_url, "PORCHLIGHT_FIXES_SQL_URL": sql_url} if sql_url else {}),
    }  # fmt: skip
    try:
        command = [sys.executable, "-m", "bench.sos_seed", str(presses + WARM), str(folder / "cast.json")]
        await asyncio.to_thread(subprocess.run, command, cwd=ROOT, env={**os.environ, **settings}, check=True, stdout=sys.stderr)
        cast = msgspec.json.decode((folder / "cast.json").read_bytes(), type=Cast)
        return await _measured(database, {**os.environ, **settings}, cast)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _measured(database: str, environment: dict[str, str], cast: Cast) -> CostRow:
    async with contextlib.AsyncExitStack() as stack:
        hub = wire(with_local_redis(load(environment)), stack)
        raised = [lambda who=each.who: hub.safety.door.raise_sos(_tap(who)) for each in cast.technicians]  # type: ignore[misc]
        press_statements, press_cpu_ms = await _each(hub, raised)
        rungs = [lambda timer=timer: hub.safety.ladder.on_ladder_timer(timer) for timer in await _due(hub)]  # type: ignore[misc]
        rung_statements, rung_cpu_ms = await _each(hub, rungs)
    return CostRow(
        database=database, presses=len(raised) - WARM, press_statements=press_statements, press_cpu_ms=press_cpu_ms,
        rung_statements=rung_statements, rung_cpu_ms=rung_cpu_ms,
    )  # fmt: skip


async def _each(hub: Hub, acts: list[Callable[[], Coroutine[Any, Any, object]]]) -> tuple[int, float]:
    """Return the statements of one act, and the CPU milliseconds of each after some for warming up."""
    with _counted(hub) as said:
        for act in acts[:WARM]:
            said.clear()
            await act()
        statements = len(said)
    before_s = process_time()
    for act in acts[WARM:]:
        await act()
    return statements, round((process_time() - before_s) * 1000 / (len(acts) - WARM), 2)


async def _due(hub: Hub) -> list[Timer]:
    """Return the ladders' timers as if their presses were `SECOND_RUNG_S` older."""
    async with hub.floor.truth.read() as tx:
        rows = (await tx.conn.execute(select(timers).where(timers.c.kind == LADDER_TIMER))).all()
    return [
        Timer(kind=row.kind, subject=row.subject, due_at=row.due_at, payload=_older(msgspec.json.decode(row.payload))) for row in rows
    ]


def _older(payload: dict[str, Any]) -> dict[str, Any]:
    return payload | {"started_at_ms": payload["started_at_ms"] - SECOND_RUNG_S * 1000}


@contextlib.contextmanager
def _counted(hub: Hub) -> Iterator[list[str]]:
    said: list[str] = []

    def note(_conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
        said.append(statement)

    engine = hub.floor.truth.engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    yield said
    event.remove(engine, "before_cursor_execute", note)


def _tap(who: str) -> SosTap:
    here = Position(place=LatLon(10.0, 20.0), accuracy_m=8.0, at=SystemClock().now())
    return SosTap(
        tap_id="bench", who=who, person=PersonKind.TECHNICIAN, site_id=SITE, road=Road.SOCKET,
        technician_id=TechnicianId(who.partition(":")[2]), position=here,
    )  # fmt: skip
