"""How a hub ends and begins again: drained, killed at its root, without its PostgreSQL; nobody is left behind, nothing is lost."""

import asyncio
import contextlib
import os
import shutil
import signal
import sys

import aiohttp
import pytest
from sqlalchemy import make_url, text

from core.sql import open_engine
from hub.parent import metrics_folder
from hub.recorder import NICENESS_POSTGRESQL, NICENESS_SQLITE
from realtime.close_code import CloseCode, may_reconnect
from tests.doubles.phone import Phone
from tests.doubles.served_hub import ServedHub, served_hub
from tests.doubles.whole_hub import is_alive, wait_until_gone

pytestmark = [pytest.mark.anyio, pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")]


async def test_a_killed_parent_takes_everybody_along_and_a_drain_says_reconnect(tmp_path):
    """Killed with SIGKILL, started again on the same folder, then ended with SIGTERM: the same phone drives through all of it."""
    with served_hub(tmp_path / "data", workers=2) as hub:
        phone = hub.phone()
        async with phone.running():
            await phone.drive(lambda: len(phone.acked) > 100)
            before = set(phone.acked)
            left = hub.everybody()
            os.kill(hub.process.pid, signal.SIGKILL)
            hub.process.wait(5)
            assert await asyncio.to_thread(wait_until_gone, left, 15) == []
        phone.step()
        port = hub.url.rpartition(":")[2]
        await asyncio.to_thread(hub.start, PORCHLIGHT_PORT=port)
        async with phone.running():
            await phone.settled()
            await hub.until_recorded(phone)
            assert set(await hub.recorded(phone.device_epoch)) >= before
            assert len(phone.acked) == len(set(phone.acked))

        async with Phone.calls(hub.url.replace("http", "ws") + "/v1/ws/technician", token=hub.people.technicians[1].token) as socket:
            await socket.hello()
            left = hub.everybody()
            hub.process.send_signal(signal.SIGTERM)
            code = await socket.closed()
        assert (code, may_reconnect(code)) == (CloseCode.DRAINING, True)
        assert any(frame["type"] == "bye" and frame["reason"].startswith("reconnect in") for frame in socket.heard)
        assert await asyncio.to_thread(hub.process.wait, 20) == 0
        assert await asyncio.to_thread(wait_until_gone, left, 5) == []


async def test_a_valkey_left_behind_is_ended_at_the_next_start(tmp_path):
    with served_hub(tmp_path / "data") as hub:
        orphan = hub.valkey()
        os.kill(orphan, signal.SIGSTOP)  # so that it cannot follow its parent
        os.kill(hub.process.pid, signal.SIGKILL)
        hub.process.wait(5)
        assert is_alive(orphan)
        await asyncio.to_thread(hub.start)

        assert not is_alive(orphan)
        # A recorder at its journeys must not keep Valkey from a processor while a batch waits for it.
        assert await recorder_is_nicer_by(hub) == NICENESS_SQLITE
        assert hub.valkey() != orphan
        assert (await hub.ask("GET", "/readyz"))[0] == 200


async def test_the_folder_of_the_numbers_taken_away_costs_the_numbers_and_nothing_else(tmp_path):
    """As a log-out may take it, which clears what a user left in memory; a worker that ends after that begins again all the same."""
    with served_hub(tmp_path / "data") as hub:
        she = hub.people.technicians[1]
        well, _ = await hub.ask("GET", "/metrics")
        shutil.rmtree(metrics_folder(hub.settings))
        await hub.until_fault("metrics")
        first = await hub.ask("GET", "/v1/health")
        scraped = await hub.ask("GET", "/metrics")
        paths = ("/v1/me", "/v1/me/visits", "/v1/looks", "/v1/nowhere", "/readyz")  # each has numbers of its own
        answers = [(await hub.ask("GET", path, token=she.token))[0] for path in paths]
        (worker,) = hub.workers()
        os.kill(worker, signal.SIGKILL)

        async def is_received() -> bool:
            with contextlib.suppress(aiohttp.ClientError):
                return (await hub.ask("POST", "/v1/sos", token=she.token, json={"tap_id": "a"}))[1].get("status") == "received"
            return False

        await hub.until(is_received, "a new worker takes a press")
        again = await hub.ask("GET", "/v1/health")

    for status, health in (first, again):
        assert (status, health["status"]) == (200, "degraded")
        assert [fault["detail"] for fault in health["faults"] if fault["name"] == "metrics"] == [scraped[1]["detail"]]
    assert "started again" in scraped[1]["detail"]
    assert (well, scraped[0], [status for status in answers if status >= 500]) == (200, 503, [])


async def test_postgresql_that_goes_away_under_load_costs_nothing_that_was_acknowledged(tmp_path, postgres_url):
    database = "story_away"
    await on_server(postgres_url, f"CREATE DATABASE {database}")
    url = make_url(postgres_url).set(database=database).render_as_string(hide_password=False)
    with served_hub(tmp_path / "data", PORCHLIGHT_SQL_URL=url) as hub:
        # A recorder at its journeys must not keep PostgreSQL from a processor while a press waits for it.
        assert await recorder_is_nicer_by(hub) == NICENESS_POSTGRESQL
        phone, ended = hub.phone(), False
        async with phone.running():
            drive = asyncio.create_task(phone.drive(lambda: ended, patience_s=60))
            await hub.until(lambda: acked(phone, 50), "fixes are acknowledged")
            await on_server(postgres_url, *away(database, True))
            for name in ("sql", "recorder"):
                await hub.until_fault(name)
            assert (await hub.ask("GET", "/livez"))[0] == 200
            await hub.until(lambda: acked(phone, 50), "the stream takes what the ledger cannot")
            await on_server(postgres_url, *away(database, False))
            await hub.until_well()
            await hub.until(lambda: acked(phone, 20), "fixes are acknowledged again")
            ended = True
            await drive
            await phone.settled()
        await hub.until_recorded(phone)
        recorded = await hub.recorded(phone.device_epoch)

        assert recorded == sorted(phone.acked) == list(range(1, len(recorded) + 1))
        assert (await hub.offsets())["lost"] == 0
    await on_server(postgres_url, f"DROP DATABASE {database} WITH (FORCE)")


async def recorder_is_nicer_by(hub: ServedHub) -> int:
    async def records() -> bool:
        return hub.recorder() is not None

    await hub.until(records, "somebody records")
    recorder, worker = (os.getpriority(os.PRIO_PROCESS, pid) for pid in (hub.recorder(), hub.workers()[0]))
    return recorder - worker


async def acked(phone, count: int) -> bool:
    phone.mark = getattr(phone, "mark", len(phone.acked))
    if len(phone.acked) < phone.mark + count:
        return False
    del phone.mark
    return True


def away(database: str, is_away: bool) -> list[str]:
    """Return the statements that send everybody out of a database and let nobody in, or let everybody in again."""
    if not is_away:
        return [f"ALTER DATABASE {database} ALLOW_CONNECTIONS true"]
    ending = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'"
    return [f"ALTER DATABASE {database} ALLOW_CONNECTIONS false", ending]


async def on_server(url: str, *statements: str) -> None:
    engine = open_engine(url)
    async with engine.connect() as conn:
        outside = await conn.execution_options(isolation_level="AUTOCOMMIT")
        for statement in statements:
            await outside.execute(text(statement))
    await engine.dispose()
