"""The hub as a person meets it: one command, a dot that moves, and nothing lost when processes are killed."""

import asyncio
import json
import os
import re
import signal
import sys
import urllib.request
from collections import Counter
from pathlib import Path

import pytest
from websockets.asyncio.client import connect

from core.clock import SystemClock
from core.ids import RandomIds
from hub.device_client import DeviceClient
from hub.replay_flow import replay
from hub.replay_plan import Times, timetable
from tests.doubles.whole_hub import WholeHub, wait_until_gone, whole_hub
from tracking.recording_point import RecordedFix

pytestmark = [pytest.mark.anyio, pytest.mark.story, pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")]
KEYS = {"url", "customer_url", "console_url", "technician_url", "dispatcher", "technician", "visit", "api_key"}


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    with whole_hub(tmp_path_factory.mktemp("hub"), "--workers", "2") as running:
        yield running


def drive(count: int) -> list[RecordedFix]:
    """Return a straight walk of `count` seconds at 1.3 m/s, far from the demo's town."""
    return [RecordedFix(at_ms=second * 1000, lat=48.1 + second * 1.2e-5, lon=11.5, accuracy_m=5.0) for second in range(count)]


def client_of(hub: WholeHub) -> DeviceClient:
    return DeviceClient(hub.url, hub.told["technician"]["device_token"], clock=SystemClock(), ids=RandomIds(), app="story")


async def positions(hub: WholeHub, count: int) -> list[list[float]]:
    """Return the first `count` different places that a customer's page is told."""
    seen: list[list[float]] = []
    async with connect(hub.url.replace("http", "ws") + "/v1/ws/visit", subprotocols=["porchlight.v1"], proxy=None) as socket:
        await socket.send(json.dumps({"type": "watch", "link": hub.link}))
        async with asyncio.timeout(40):
            while len(seen) < count:
                feature = json.loads(await socket.recv()).get("position")
                if feature and feature["geometry"]["coordinates"] not in seen:
                    seen.append(feature["geometry"]["coordinates"])
    return seen


async def health_of(hub: WholeHub) -> dict:
    def ask() -> dict:
        with urllib.request.urlopen(f"{hub.url}/v1/health", timeout=10) as answer:
            return json.load(answer)

    return await asyncio.to_thread(ask)


async def books_of(hub: WholeHub) -> Counter[str]:
    """Return the counters of fixes, over all workers and labels."""

    def ask() -> str:
        with urllib.request.urlopen(f"{hub.url}/metrics", timeout=10) as answer:
            return answer.read().decode()

    found: Counter[str] = Counter()
    for name, value in re.findall(r"^porchlight_fixes_(\w+)_total(?:\{.*\})? (\S+)$", await asyncio.to_thread(ask), re.MULTILINE):
        found[name] += int(float(value))
    return found


async def recorded_whole(hub: WholeHub, client: DeviceClient, count: int) -> list[int]:
    """Return the ledger's seqs once the recorder has caught up, or after 20 s."""
    for _ in range(200):
        found = await asyncio.to_thread(hub.recorded, client.device_epoch)
        if len(found) >= count:
            return found
        await asyncio.sleep(0.1)  # other processes work in real time
    return await asyncio.to_thread(hub.recorded, client.device_epoch)


async def test_the_demo_tells_scripts_what_they_need(hub):
    assert set(hub.told) == KEYS
    assert set(hub.told["dispatcher"]) == {"user", "password"}
    assert set(hub.told["technician"]) == {"id", "device_token"}


async def test_a_customer_sees_the_dot_move(hub):
    assert len(await positions(hub, 3)) == 3


async def test_customers_on_every_worker_see_the_dot_move(hub):
    seen = await asyncio.gather(*(positions(hub, 2) for _ in range(6)))

    assert [len(each) for each in seen] == [2] * 6


async def test_the_books_close(hub):
    for _ in range(100):
        book = await books_of(hub)
        if book["received"] == book["rejected"] + book["duplicate"] + book["stored"]:
            break
        await asyncio.sleep(0.1)  # the recorder is at most a moment behind

    assert book["received"] == book["rejected"] + book["duplicate"] + book["stored"] > 0
    assert book["lost"] == 0


async def test_a_killed_worker_costs_no_acknowledged_fix(hub):
    client = client_of(hub)
    async with client.running():
        driving = asyncio.create_task(replay(client, timetable(drive(240), 40, Times.LIVE), SystemClock()))
        await asyncio.sleep(2)  # lets the drive be under way
        for worker in hub.workers():
            os.kill(worker, signal.SIGKILL)
        result = await driving
    found = await recorded_whole(hub, client, 240)

    assert (result.stored, result.unanswered) == (240, 0)
    assert result.connections > 1
    assert found == list(range(1, 241))


async def test_stopped_valkey_stops_acks_and_loses_nothing(hub):
    client = client_of(hub)
    valkey = hub.valkey()[0]
    async with client.running():
        driving = asyncio.create_task(replay(client, timetable(drive(200), 40, Times.LIVE), SystemClock()))
        await asyncio.sleep(1)  # lets the drive be under way
        os.kill(valkey, signal.SIGSTOP)
        await asyncio.sleep(1)  # lets what was under way come back
        stored_at_stop = client.stored
        await asyncio.sleep(2)  # nothing can be durable now
        stored_while_stopped = client.stored - stored_at_stop
        os.kill(valkey, signal.SIGCONT)
        result = await driving
    found = await recorded_whole(hub, client, 200)

    assert stored_while_stopped == 0
    assert (result.stored, result.unanswered) == (200, 0)
    assert found == list(range(1, 201))


async def test_health_is_good_again_afterwards(hub):
    for _ in range(100):
        health = await health_of(hub)
        if [fault["name"] for fault in health["faults"]] == ["watch"]:
            break
        await asyncio.sleep(0.1)  # other processes work in real time

    (alone,) = health["faults"]
    assert alone["name"] == "watch"  # nobody has logged in at this demo's desk
    assert "1 of 1 sites" in alone["detail"]


async def test_it_ends_by_itself_when_asked_to(tmp_path: Path):
    with whole_hub(tmp_path / "data", "--for", "1") as hub:
        everybody = hub.everybody()
        code = await asyncio.to_thread(hub.process.wait, 20)

    assert code == 0
    assert wait_until_gone(everybody, 5) == []


async def test_ctrl_c_leaves_nobody_behind(tmp_path: Path):
    with whole_hub(tmp_path / "data") as hub:
        everybody = hub.everybody()
        hub.process.send_signal(signal.SIGINT)
        code = await asyncio.to_thread(hub.process.wait, 20)

    assert code == 0
    assert wait_until_gone(everybody, 5) == []


async def test_a_killed_parent_leaves_nobody_behind(tmp_path: Path):
    with whole_hub(tmp_path / "data") as hub:
        children = [*hub.workers(), *hub.recorders(), *hub.valkey()]
        hub.process.kill()

        assert await asyncio.to_thread(wait_until_gone, children, 15) == []


async def test_a_second_start_goes_on_with_the_same_people(tmp_path: Path):
    with whole_hub(tmp_path / "data") as hub:
        before = hub.told
    with whole_hub(tmp_path / "data") as hub:
        after = hub.told

    assert (before["technician"], before["dispatcher"], before["api_key"]) == (after["technician"], after["dispatcher"], after["api_key"])
