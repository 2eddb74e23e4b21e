"""Processes killed, Valkey held, killed and flushed, SQL held: the phone goes on by itself, nothing acknowledged is lost or counts twice.

One hub with two workers lives through all of it; every story leaves it well for the next.
"""

import asyncio
import contextlib
import os
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from core import redis_keys
from realtime.close_code import CloseCode
from tests.doubles.held_still import stopped_between_commits
from tests.doubles.phone import Phone, now_ms
from tests.doubles.served_hub import PASSWORD, SITE, USER, AckedPhone, ServedHub, served_hub, stopped
from tests.doubles.whole_hub import is_alive

pytestmark = [pytest.mark.anyio, pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")]


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    folder = tmp_path_factory.mktemp("faults")
    with served_hub(folder, workers=2, PORCHLIGHT_SAFETY_JOURNAL_DIR=str(folder / "journal")) as hub:
        yield hub


@pytest.fixture
async def hub(running: ServedHub) -> ServedHub:
    """The hub, both workers up and everything well."""
    await running.until(lambda: both_ready(running), "both workers are ready")
    await running.until_well()
    return running


async def both_ready(hub: ServedHub) -> bool:
    return all(f'"pid": {pid},' in hub.said() for pid in hub.workers()) and len(hub.workers()) == 2


@contextlib.asynccontextmanager
async def driving(hub: ServedHub, number: int = 0) -> AsyncIterator[AckedPhone]:
    """A phone that reports fifty times a second while the block runs; afterwards everything is acknowledged and in SQL exactly once."""
    phone, ended = hub.phone(number), False
    async with phone.running():
        drive = asyncio.create_task(phone.drive(lambda: ended, patience_s=60))
        try:
            await more_acked(phone, 20)
            yield phone
        finally:
            ended = True
            await drive
        await phone.settled()
    await hub.until_recorded(phone)
    recorded = await hub.recorded(phone.device_epoch)
    assert recorded == list(range(1, len(recorded) + 1))
    assert sorted(phone.acked) == recorded
    assert phone.outbox.refused == {}


async def more_acked(phone: AckedPhone, count: int = 20) -> None:
    """Wait until so many more fixes are acknowledged."""
    wanted = len(phone.acked) + count
    async with asyncio.timeout(20):
        while len(phone.acked) < wanted:  # noqa: ASYNC110 (a count has no event)
            await asyncio.sleep(0.01)


async def acks_stop(phone: AckedPhone) -> None:
    """Wait until a second has passed without an ack, although fixes wait."""
    seen, quiet = -1, 0
    async with asyncio.timeout(20):
        while quiet < 10:
            quiet = quiet + 1 if len(phone.acked) == seen else 0
            seen = len(phone.acked)
            await asyncio.sleep(0.1)
    assert len(phone.outbox) > 20


def ws(hub: ServedHub, path: str, **options):
    return Phone.calls(hub.url.replace("http", "ws") + path, **options)


def phone_on(hub: ServedHub, number: int = 0):
    return ws(hub, "/v1/ws/technician", token=hub.people.technicians[number].token)


@contextlib.contextmanager
def sql_held(hub: ServedHub, *files: str):
    """Nobody else writes to these databases while the block runs."""
    with contextlib.ExitStack() as stack:
        for file in files:
            held = stack.enter_context(contextlib.closing(sqlite3.connect(hub.folder / file, timeout=10, isolation_level=None)))
            held.execute("BEGIN EXCLUSIVE")
        yield


# Two workers.


async def test_the_customer_on_one_worker_sees_the_technician_on_the_other(hub):
    for here, there in (hub.workers(), hub.workers()[::-1]):
        async with contextlib.AsyncExitStack() as stack:
            with stopped(here):
                page = await stack.enter_async_context(ws(hub, "/v1/ws/visit"))
            with stopped(there):
                phone = await stack.enter_async_context(phone_on(hub))
            await page.say("watch", link=hub.people.link)
            await page.hear("snapshot")
            await phone.hello(device_epoch=now_ms())
            for seq in range(1, 4):
                place = 11.70 + seq * 1e-5 + here * 1e-7
                await phone.say("fixes", fixes=[{"seq": seq, "at_ms": now_ms(), "lat": 48.3, "lon": place, "accuracy_m": 5}])
                await phone.acked(seq)
            while (seen := (await page.hear("position"))["position"])["geometry"]["coordinates"][0] != round(place, 6):
                assert seen["properties"]["at_ms"] <= now_ms()


async def test_of_two_sockets_of_one_device_on_two_workers_the_newest_wins(hub):
    here, there = hub.workers()
    async with contextlib.AsyncExitStack() as stack:
        with stopped(here):
            old = await stack.enter_async_context(phone_on(hub, 1))
            await old.hello()
        with stopped(there):
            new = await stack.enter_async_context(phone_on(hub, 1))
            await new.hello()
        assert await old.closed() == CloseCode.SUPERSEDED
        await new.send_fix(1)
        await new.acked(1)

    assert old.heard[-1]["code"] == "superseded"


async def test_a_revoked_devices_socket_is_closed_on_whichever_worker_it_is(hub):
    here, there = hub.workers()
    async with contextlib.AsyncExitStack() as stack:
        with stopped(here):
            phone = await stack.enter_async_context(phone_on(hub, 3))
            await phone.hello()
        with stopped(there):
            status, _ = await hub.ask("DELETE", f"/v1/devices/{hub.people.technicians[3].device_id}", token=hub.people.api_key)

        assert status in (200, 204)
        assert await phone.closed() == CloseCode.REVOKED


async def test_the_books_close(hub):
    async with driving(hub) as phone, ws(hub, "/v1/ws/visit") as page:
        await page.say("watch", link=hub.people.link)
        await more_acked(phone, 100)

    async def close() -> bool:
        names = ("received", "rejected", "duplicate", "stored")
        received, rejected, duplicate, stored = [await hub.metric(f"porchlight_fixes_{name}_total") for name in names]
        live, pushed, coalesced = [await hub.metric(f"porchlight_positions_{name}_total") for name in ("live", "pushed", "coalesced")]
        return received >= 120 and received == rejected + duplicate + stored and live > 0 and live == pushed + coalesced

    await hub.until(close, "received = rejected + duplicate + stored, and live = pushed + coalesced")


# Workers.


async def test_killing_every_worker_in_turn_costs_the_phone_nothing(hub):
    async with driving(hub) as phone:
        for worker in hub.workers():
            os.kill(worker, signal.SIGKILL)
            await more_acked(phone)
            await hub.until(lambda: both_ready(hub), "the parent starts it again")

    assert phone.connections > 1


async def test_a_killed_recorder_is_started_again_and_goes_on(hub):
    async with driving(hub) as phone:
        recorder = await recording(hub)
        os.kill(recorder, signal.SIGKILL)

        async def is_taken_over() -> bool:
            return hub.recorder() not in (None, recorder) and await hub.recorded(phone.device_epoch) != []

        await hub.until(is_taken_over, "somebody else records")


async def test_a_recorder_that_hangs_is_killed_and_another_records(hub):
    async with driving(hub):
        hanging = await recording(hub)
        with stopped(hanging):
            await hub.until_fault("recorder")
            await hub.until(lambda: records_other_than(hub, hanging), "another one records")
        assert not is_alive(hanging)
    await hub.until_well()


async def test_a_recorder_that_hangs_with_its_parent_is_relieved_by_another_machine_and_steps_back(hub, tmp_path):
    with another_machine(hub, tmp_path) as other:
        async with driving(hub):
            hanging = await recording(hub)
            with stopped(hub.process.pid):
                async with stopped_between_commits(hub, hanging):
                    await hub.until(lambda: records_other_than(other, hanging), "the lease of the hanging one runs out")
                    # A new phone comes all the way to SQL, past the one that hangs.
                    async with driving(other, 1) as phone:
                        await more_acked(phone)
    await hub.until_well()


@contextlib.contextmanager
def another_machine(hub: ServedHub, folder: Path) -> Iterator[ServedHub]:
    """A second hub of the same operator on the same stores, with a parent, a worker and a recorder of its own."""
    options = {name: hub.environment[name] for name in ("PORCHLIGHT_SECRET_KEYS", "PORCHLIGHT_SAFETY_JOURNAL_DIR")}
    store = hub.settings.store
    options |= {"PORCHLIGHT_SQL_URL": store.truth_url, "PORCHLIGHT_FIXES_SQL_URL": store.fixes_url, "PORCHLIGHT_REDIS_URL": hub.redis_url}
    other = ServedHub(folder, options)
    other.people = hub.people
    other.redis_url = hub.redis_url
    other.start()
    try:
        yield other
    finally:
        other.stop()


async def recording(hub: ServedHub) -> int:
    """Return the process that records. While one takes over from another nobody does."""
    found: list[int] = []

    async def is_somebody() -> bool:
        found[:] = [pid for pid in [hub.recorder()] if pid is not None]
        return found != []

    await hub.until(is_somebody, "somebody records")
    return found[0]


async def records_other_than(hub: ServedHub, pid: int) -> bool:
    return hub.recorder() not in (None, pid)


# Valkey.


async def test_while_valkey_is_held_acks_stop_health_says_so_and_people_still_get_in(hub):
    async with driving(hub) as phone:
        with stopped(hub.valkey()):
            await acks_stop(phone)
            await hub.until_fault("redis")
            await people_get_in(hub)
        await more_acked(phone)
    await hub.until_well()


async def test_killed_valkey_comes_back_by_itself_and_nothing_acknowledged_is_lost(hub):
    async with driving(hub) as phone:
        for _ in range(2):
            os.kill(hub.valkey(), signal.SIGKILL)
            await more_acked(phone, 50)
    await hub.until_well()

    assert (await hub.offsets())["lost"] == 0


async def people_get_in(hub: ServedHub) -> None:
    """Whatever needs SQL alone works."""
    assert (await hub.ask("GET", "/readyz"))[0] == 200
    token = hub.people.technicians[1].token
    ticket, _ = await hub.ask("POST", "/v1/tickets", token=token, json={})
    log_in, _ = await hub.ask("POST", "/v1/sessions", json={"user": USER, "password": PASSWORD})
    async with asyncio.timeout(5):
        tap, receipt = await hub.ask("POST", "/v1/sos", token=token, json={"tap_id": f"tap-{now_ms()}"})
    page, _ = await hub.ask("GET", f"/t/{hub.people.link}")

    assert (ticket // 100, log_in // 100, tap // 100, receipt["status"], page) == (2, 2, 2, "received", 200)


# SQL.


async def test_while_sql_is_held_health_says_so_and_the_stream_keeps_what_is_acknowledged(hub):
    async with driving(hub) as phone:
        with sql_held(hub, "truth.db", "fixes.db"):
            await more_acked(phone, 50)
            for name in ("sql", "recorder"):
                await hub.until_fault(name)
            with hub.redis() as redis:
                waiting = redis.xlen(redis_keys.fix_stream(SITE, 0))
            ready, _ = await hub.ask("GET", "/readyz")
            tap, receipt = await hub.ask("POST", "/v1/sos", token=hub.people.technicians[1].token, json={"tap_id": f"tap-{now_ms()}"})
        await more_acked(phone)
    await hub.until_well()

    assert waiting > 0
    assert (ready, tap // 100, receipt["status"]) == (200, 2, "journaled")
    assert (await hub.offsets())["lost"] == 0


# A flush.


async def test_a_flush_is_counted_alarmed_and_everything_rebuilds_itself(hub):
    phone, ended = hub.phone(2), False
    async with phone.running():
        drive = asyncio.create_task(phone.drive(lambda: ended, patience_s=60))
        await more_acked(phone, 50)
        await hub.until_recorded(phone)
        with sql_held(hub, "fixes.db"):
            await more_acked(phone, 50)
            await hub.until_fault("recorder")
            with hub.redis() as redis:
                redis.flushall()
            await more_acked(phone, 50)
        ended = True
        await drive
        await phone.settled()
    after = max(phone.acked)

    async def is_counted() -> bool:
        books, kept = await hub.offsets(), await hub.recorded(phone.device_epoch)
        # What came between the recorder's last look and the flush nobody can count: never too many are told, and never none.
        return books["restarts"] > 0 and after in kept and 0 < books["lost"] <= len(set(phone.acked) - set(kept))

    await hub.until(is_counted, "the loss is counted and recording goes on")
    await hub.until_fault("fixes_lost")
    assert await hub.metric("porchlight_fixes_lost_total") > 0
    assert await hub.metric("porchlight_fix_stream_restarts_total") > 0
