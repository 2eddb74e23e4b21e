"""The embedded Valkey comes up, comes back, and leaves nobody behind."""

import asyncio
import os
import signal

import pytest
from redis import asyncio as aioredis

from core.clock import SystemClock
from hub.embedded_valkey import EmbeddedValkey

pytestmark = [pytest.mark.anyio, pytest.mark.edge]


@pytest.fixture
async def valkey(tmp_path):
    server = EmbeddedValkey(tmp_path / "valkey", SystemClock())
    await server.start()
    yield server
    await server.stop()


async def asked(server: EmbeddedValkey, *command: str):
    client = aioredis.from_url(server.url)
    try:
        return await client.execute_command(*command)
    finally:
        await client.aclose()


async def tried(server: EmbeddedValkey, *command: str):
    try:
        return await asked(server, *command)
    except (OSError, aioredis.ConnectionError):
        return None  # it is not up yet


async def pid_of(server: EmbeddedValkey) -> int:
    return (await asked(server, "INFO"))["process_id"]


async def test_what_was_written_survives_a_kill(valkey):
    await asked(valkey, "SET", "kept", "yes")
    os.kill(await pid_of(valkey), signal.SIGKILL)
    watcher = asyncio.create_task(valkey.watch())
    async with asyncio.timeout(10):
        while (found := await tried(valkey, "GET", "kept")) is None:  # noqa: ASYNC110 - another process has no event
            await asyncio.sleep(0.01)  # a real process of the real machine: there is no clock to advance
    watcher.cancel()

    assert found == b"yes"


async def test_it_never_evicts_and_always_syncs(valkey):
    config = {**await asked(valkey, "CONFIG", "GET", "maxmemory-policy"), **await asked(valkey, "CONFIG", "GET", "appendfsync")}

    assert {key.decode(): value.decode() for key, value in config.items()} == {"maxmemory-policy": "noeviction", "appendfsync": "always"}


async def test_an_orphan_is_ended_before_a_new_one_starts(tmp_path):
    orphan = EmbeddedValkey(tmp_path / "valkey", SystemClock())
    await orphan.start()
    old_pid = await pid_of(orphan)
    heir = EmbeddedValkey(tmp_path / "valkey", SystemClock())
    await heir.start()
    try:
        assert await pid_of(heir) != old_pid
        assert orphan._process is not None
        assert orphan._process.wait(5) is not None
    finally:
        await heir.stop()


async def test_a_long_path_gets_a_short_socket(tmp_path):
    server = EmbeddedValkey(tmp_path / ("long" * 30) / "valkey", SystemClock())
    await server.start()
    try:
        assert await asked(server, "PING") in (True, b"PONG")
        assert len(str(server.socket)) <= 100
    finally:
        await server.stop()


async def test_nothing_is_left_after_stop(tmp_path):
    server = EmbeddedValkey(tmp_path / "valkey", SystemClock())
    await server.start()
    pid = await pid_of(server)
    await server.stop()

    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert not (tmp_path / "valkey" / "valkey.pid").exists()
