"""The example booking app beside a real hub: a booking becomes a visit, its link opens, and signed webhooks bring its stages."""

import asyncio
import os
import re
import socket
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest

from notifications.webhook_face import DeliveryOut
from porchlight_client import AsyncPorchlight, DeliveryState, Family, PersonBody, PlaceBody, Porchlight, VisitBody
from tests.doubles.served_hub import PATIENCE_S, SITE, served_hub
from visits.visit_face import VisitFace

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.anyio, pytest.mark.story]


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    options = {"PORCHLIGHT_WEBHOOKS_ALLOW_PRIVATE": "true", "PORCHLIGHT_SAFETY_PREFLIGHT": "warn"}
    with served_hub(tmp_path_factory.mktemp("booking"), **options) as running:
        yield running


@pytest.fixture(scope="module")
def shop_url(hub, tmp_path_factory):
    """The app in a process of its own, as its first lines say to start it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    said = tmp_path_factory.mktemp("app") / "said"
    environment = {**os.environ, "PORCHLIGHT_URL": hub.url, "PORCHLIGHT_TOKEN": hub.people.api_key, "BOOKING_PORT": str(port)}
    with said.open("wb") as out:
        app = subprocess.Popen([sys.executable, "examples/booking_app.py"], cwd=ROOT, env=environment, stdout=out, stderr=out)
    try:
        deadline = time.monotonic() + PATIENCE_S
        while "Application startup complete" not in said.read_text():
            assert app.poll() is None, said.read_text()[-2000:]
            assert time.monotonic() < deadline, said.read_text()[-2000:]
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        app.terminate()
        app.wait(10)


async def test_a_booking_becomes_a_visit_whose_stages_come_back_signed(hub, shop_url):
    async with aiohttp.ClientSession() as browser:
        form = {"customer": "Ada <b>", "address": "9 Lantern Way", "lat": "48.2", "lon": "11.6"}
        async with browser.post(f"{shop_url}/bookings", data=form) as shown:
            address, page = str(shown.url), await shown.text()
        link = re.search(r'href="(http[^"]*/t/pl_lnk_[^"]+)"', page)
        assert link is not None, page
        async with browser.get(link.group(1)) as customers:
            assert customers.status == 200

        async with browser.post(f"{address}/cancel"):
            pass
        page = await until(browser, address, "visit.cancelled")

    assert "Stage: <b>cancelled</b>" in page
    assert "Ada &lt;b&gt;" in page


async def test_what_the_hub_refuses_leaves_no_booking(shop_url):
    form = {"customer": "Nobody", "address": "Nowhere", "lat": "999", "lon": "0"}
    async with aiohttp.ClientSession() as browser:
        async with browser.post(f"{shop_url}/bookings", data=form) as refused:
            assert (refused.status, "latitude" in (await refused.text()).lower()) == (502, True)
        async with browser.get(shop_url) as front:
            assert "Nobody" not in await front.text()


async def test_a_foreign_hand_is_not_believed(shop_url):
    headers = {"webhook-id": "x", "webhook-timestamp": str(int(time.time())), "webhook-signature": "v1,AAAA"}
    async with aiohttp.ClientSession() as anybody, anybody.post(f"{shop_url}/hooks", data=b"{}", headers=headers) as answer:
        assert answer.status == 401


async def test_the_delivery_log_tells_what_was_taken_and_replays_it(hub, shop_url):
    async with AsyncPorchlight(hub.url, hub.people.api_key) as client:
        [hook] = [hook for hook in (await client.webhooks.list()).items if hook.url.startswith(shop_url)]
        visit = await client.visits.book(booking_of(await client.visits.read(hub.people.visit_id)))
        told = await until_delivered(client, hook.id, visit.id)
        again = await client.webhooks.replay(hook.id, told.id)

    assert hook.families == (Family.VISIT,)
    assert again.event_id == told.event_id
    assert told.type == "visit.created"


async def test_a_program_without_a_loop_watches_a_visit(hub):
    def first_sight() -> str:
        with Porchlight(hub.url, hub.people.api_key) as client:
            return next(iter(client.watch(hub.people.link))).visit.stage

    assert await asyncio.to_thread(first_sight) == "departed"


def booking_of(visit: VisitFace) -> VisitBody:
    """Return a booking of the same service at the same place, a day later."""
    place = PlaceBody(lat=visit.place.lat, lon=visit.place.lon, address=visit.place.address)
    day = timedelta(days=1)
    return VisitBody(
        site_id=SITE, service_kind=visit.service_kind, place=place, window_start=visit.window_start + day,
        window_end=visit.window_end + day, customer=PersonBody(name="Bea"),
    )  # fmt: skip


async def until_delivered(client: AsyncPorchlight, hook_id: str, subject: str) -> DeliveryOut:
    """Return the newest delivery about `subject` once it was taken."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            taken = (await client.webhooks.deliveries(hook_id, state=DeliveryState.DELIVERED)).items
            if about := [delivery for delivery in taken if delivery.subject == subject]:
                return about[0]
            await asyncio.sleep(0.05)  # the hub delivers by itself


async def until(browser: aiohttp.ClientSession, address: str, words: str) -> str:
    """Return the booking's page once it holds `words`."""
    page = ""
    async with asyncio.timeout(PATIENCE_S):
        while words not in page:
            await asyncio.sleep(0.05)  # the hub delivers by itself
            async with browser.get(address) as shown:
                page = await shown.text()
    return page
