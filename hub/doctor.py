"""What is wrong with this installation, and what is to be done? Every part looked at from outside, each answer with its cure.

Run by `porchlight doctor` beside a hub, running or not; nothing is changed except a line written to and removed from the data folder.
"""

import asyncio
import os
import platform
import shutil
import sys
from collections.abc import Awaitable, Callable
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import msgspec
from redis import asyncio as aioredis
from sqlalchemy import text

from core.clock import Clock
from core.key_ring import KeyRing
from core.sql import MOST_CONNECTIONS, open_engine
from hub import migrate
from hub.embedded_valkey import NoValkey, find_binary
from hub.settings import Settings

MIN_FREE_BYTES = 1 << 30
MIN_OPEN_FILES = 4096
CHECK_DEADLINE_S = 5.0
MIN_WAL_MIB = 1024
"""Files of PostgreSQL's log that it keeps to write them again: a new one of 16 MiB took up to 60 ms on a busy disk."""
CLASHING = ("safety", "realtime", "core")
"""PyPI names whose packages would lie over folders of the house."""


_POSTGRESQL = text(
    "SELECT current_setting('server_version'), current_setting('fsync'), pg_size_bytes(current_setting('min_wal_size')) / 1048576,"
    " CAST(current_setting('max_connections') AS integer)"
)
_ENGINES, _OTHERS = 2, 4
"""Of each process: one for the truth, one for fixes. And a command line and an administrator beside them."""
VENDORED = Path(__file__).resolve().parents[1] / "realtime/pages/vendor/manifest.json"


class Mark(StrEnum):
    """How a check came out."""

    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"


class Finding(msgspec.Struct, frozen=True):
    """One part: its name, how it is, what was seen, and the cure ("" where none is needed)."""

    part: str
    mark: Mark
    seen: str
    cure: str = ""


Look = Callable[[Settings], Awaitable[Finding]]


async def examine(settings: Settings, clock: Clock) -> list[Finding]:
    """Return a finding for every part, in the order in which they should be mended."""
    findings: list[Finding] = []
    for name, look in LOOKS.items():
        try:
            async with asyncio.timeout(CHECK_DEADLINE_S):
                findings.append(await look(settings))
        except TimeoutError:
            findings.append(Finding(name, Mark.BAD, f"no answer within {CHECK_DEADLINE_S:g} s", "See whether it runs and can be reached."))
        except Exception as error:
            findings.append(Finding(name, Mark.BAD, f"{type(error).__name__}: {error}"[:300], "Correct this and look again."))
    return findings


async def _python(_: Settings) -> Finding:
    seen = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    clashing = [name for name in CLASHING if _is_installed(name)]
    if clashing:
        return Finding("python", Mark.BAD, seen, f"Remove these packages, they lie over the hub's own: pip uninstall {' '.join(clashing)}")
    return Finding("python", Mark.GOOD, seen)


async def _data_folder(settings: Settings) -> Finding:
    folder = settings.store.data_dir
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    probe = folder / ".doctor"
    probe.write_text("x")
    probe.unlink()
    free = shutil.disk_usage(folder).free
    seen = f"{folder.absolute()}, {free // (1 << 20)} MiB free"
    if free < MIN_FREE_BYTES:
        return Finding("data folder", Mark.WARNING, seen, "Less than 1 GiB is free: make room before taps cannot be written.")
    if folder.stat().st_mode & 0o077:
        return Finding("data folder", Mark.WARNING, seen, f"Others on this machine can read it: chmod 700 {folder}")
    return Finding("data folder", Mark.GOOD, seen)


async def _keys(settings: Settings) -> Finding:
    ring = KeyRing(settings.store.secret_keys)
    ring.unseal("doctor", ring.seal("doctor", "works"))
    return Finding("secret keys", Mark.GOOD, f"{len(settings.store.secret_keys)} key(s)")


async def _sql(settings: Settings) -> Finding:
    engine = open_engine(settings.store.truth_url)
    try:
        async with engine.connect() as connection:
            if engine.dialect.name == "postgresql":
                version, fsync, min_wal_mib, most = (await connection.execute(_POSTGRESQL)).one()
                return postgresql_finding(version, fsync, min_wal_mib, most, settings.serve.workers + settings.serve.recorders)
            await connection.execute(text("SELECT 1"))
    finally:
        await engine.dispose()
    return Finding("sql", Mark.GOOD, "SQLite")


def postgresql_finding(version: str, fsync: str, min_wal_mib: int, max_connections: int, processes: int) -> Finding:
    """Judge a PostgreSQL by its settings: `fsync` as "on" or "off", `min_wal_size` in MiB, and `max_connections` for so many processes."""
    seen = f"PostgreSQL {version}"
    if fsync != "on":
        cure = "Set fsync = on: otherwise a power cut loses taps that phones were told are safe."
        return Finding("sql", Mark.BAD, f"{seen}, fsync {fsync}", cure)
    if min_wal_mib < MIN_WAL_MIB:
        cure = "Set min_wal_size = 1GB: a press that meets the making of a new log file waits for the disk as long as that takes."
        return Finding("sql", Mark.WARNING, f"{seen}, min_wal_size {min_wal_mib} MiB", cure)
    if max_connections < (wanted := processes * _ENGINES * MOST_CONNECTIONS + _OTHERS):
        cure = f"Set max_connections = {wanted} or more, or start fewer workers: a crowd of presses may find that no connection is left."
        return Finding("sql", Mark.WARNING, f"{seen}, max_connections {max_connections}, {processes} workers and recorders", cure)
    return Finding("sql", Mark.GOOD, seen)


async def _schema(settings: Settings) -> Finding:
    differences = await migrate.check(settings.store.truth_url, settings.store.fixes_url)
    if differences:
        return Finding("schema", Mark.BAD, "; ".join(differences[:3]), "Run: porchlight db upgrade")
    return Finding("schema", Mark.GOOD, f"at revision {migrate.head()}")


async def _redis(settings: Settings) -> Finding:
    url = settings.store.redis_url
    if not url:
        try:
            return Finding("redis", Mark.GOOD, f"embedded: {find_binary()}")
        except NoValkey as error:
            return Finding("redis", Mark.BAD, "no server binary", str(error))
    client = aioredis.from_url(url, socket_connect_timeout=2, socket_timeout=2)
    try:
        about = await client.info()
    finally:
        await client.aclose()
    seen = f"{about.get('server_name', 'redis')} {about.get('valkey_version') or about.get('redis_version')}"
    if int(str(about.get("redis_version", "0")).split(".")[0]) < 7:
        return Finding("redis", Mark.BAD, seen, "Redis 7.0 or Valkey 7.2 is the oldest that works.")
    if about.get("maxmemory_policy") not in (None, "noeviction"):
        return Finding("redis", Mark.BAD, seen, "Set maxmemory-policy noeviction: otherwise Redis throws fixes away that SQL has not.")
    if not about.get("aof_enabled"):
        return Finding("redis", Mark.WARNING, seen, "appendonly is off: fixes not yet recorded are lost when Redis restarts.")
    return Finding("redis", Mark.GOOD, seen)


async def _files(settings: Settings) -> Finding:
    if sys.platform == "win32":
        return Finding("open files", Mark.WARNING, "not known", "Windows is not tried.")
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < MIN_OPEN_FILES:
        return Finding("open files", Mark.WARNING, f"{soft} allowed", f"Each socket is one: ulimit -n {min(hard, 65536)}")
    return Finding("open files", Mark.GOOD, f"{soft} allowed")


async def _pages(_: Settings) -> Finding:
    if not VENDORED.is_file():
        return Finding("pages", Mark.WARNING, "the maps' libraries are missing; words work", "Run: make setup")
    return Finding("pages", Mark.GOOD, "libraries in place")


async def _public_url(settings: Settings) -> Finding:
    url = settings.public_url
    if not url.startswith("https://") and "127.0.0.1" not in url and "localhost" not in url:
        return Finding("public url", Mark.BAD, url, "Browsers locate on https pages only: put TLS in front, set PORCHLIGHT_PUBLIC_URL.")
    return Finding("public url", Mark.GOOD, url)


LOOKS: dict[str, Look] = {
    "python": _python,
    "data folder": _data_folder,
    "secret keys": _keys,
    "sql": _sql,
    "schema": _schema,
    "redis": _redis,
    "open files": _files,
    "pages": _pages,
    "public url": _public_url,
}


def _is_installed(distribution: str) -> bool:
    try:
        return bool(version(distribution))
    except PackageNotFoundError:
        return False


def processors() -> int:
    """Return how many processors this process may use: a good number of workers."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
