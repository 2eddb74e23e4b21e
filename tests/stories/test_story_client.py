"""A whole visit through the Python client on a real hub: every group of requests, awaited and blocking; every family of events over HTTP;
and the texts that its customer gets.
"""

import asyncio
import json
from datetime import timedelta

import aiohttp
import msgspec
import pytest

from core.clock import SystemClock
from hub.demo_fares import TARIFF
from porchlight_client import (
    AsyncPorchlight,
    DeliveryState,
    EndpointState,
    Family,
    NotFound,
    PersonBody,
    PlaceBody,
    Porchlight,
    VisitBody,
    read_hook,
)
from porchlight_client.fare_asks import PointBody, QuoteBody
from tests.doubles.hook_receiver import hook_receiver
from tests.doubles.served_hub import DOOR, HOME, PASSWORD, PATIENCE_S, SITE, USER, in_thread, served_hub
from tracking.fares.tariff_terms import Mode
from visits.stage import Stage

pytestmark = [pytest.mark.anyio, pytest.mark.story]
PHONE = "+491701234567"


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    folder = tmp_path_factory.mktemp("client")
    options = {"WEBHOOKS_ALLOW_PRIVATE": "true", "SAFETY_PREFLIGHT": "warn", "NOTICES_FILE": str(folder / "texts.jsonl")}
    with served_hub(folder, **{f"PORCHLIGHT_{name}": value for name, value in options.items()}) as running:
        in_thread(asked(running, "POST", f"/v1/sites/{SITE}/tariffs", {"toml": TARIFF.replace("Europe/Dublin", "Europe/Berlin")}))
        yield running


async def asked(hub, method, path, body=None, token=None, **options):
    """Return the answer of a request that has to succeed, as the platform or with a token."""
    status, answer = await hub.ask(method, path, token=token or hub.people.api_key, json=body, **options)
    assert 200 <= status < 300, (method, path, status, answer)
    return answer


async def acts(hub, number, visit_id, act, place, **more):
    body = {"position": {"lat": place.lat, "lon": place.lon, "accuracy_m": 6.0}, **more}
    return await asked(hub, "POST", f"/v1/visits/{visit_id}/{act}", body, hub.people.technicians[number].token)


def booking(reference, hours=1.0):
    start = SystemClock().now()
    return VisitBody(
        site_id=SITE,
        service_kind="massage",
        place=PlaceBody(lat=DOOR.lat, lon=DOOR.lon, address="9 Lantern Way"),
        window_start=start + timedelta(hours=hours),
        window_end=start + timedelta(hours=hours + 1),
        customer=PersonBody(name='Cora "Coco" 🌸', phone=PHONE, language="en"),
        external_ref=reference,
    )


def way(visit):
    start, end = (PointBody(place.lat, place.lon) for place in (HOME, DOOR))
    return QuoteBody(site_id=SITE, from_=start, to=end, mode=Mode.TAXI, depart_at=SystemClock().now(), appointment_at=visit.window_start)


async def taken(receiver, hook, kind, subject=None):
    """Wait until an event of a type was received; return all that the endpoint's secret signed, in the order of arrival."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            events = [event for event in (signed(hook, one) for one in receiver.taken) if event is not None]
            if any(event.kind == kind and subject in (None, event.subject) for event in events):
                return [event for event in events if subject in (None, event.subject)]
            await asyncio.sleep(0.05)  # the hub delivers by itself


def signed(hook, request):
    headers, body = request
    try:
        return read_hook(hook.secret, headers, body.encode())
    except Exception:
        return None


async def resolved(hub, incident_id, version):
    """Claim and resolve an incident as the desk."""
    log_in = {"user": USER, "password": PASSWORD}
    path = f"/v1/incidents/{incident_id}"
    async with aiohttp.ClientSession(
        hub.url, cookie_jar=aiohttp.CookieJar(unsafe=True), headers={"Origin": hub.url}, raise_for_status=True
    ) as desk:
        (await desk.post("/v1/sessions", json=log_in)).release()
        async with desk.post(f"{path}/claim", json={"version": version}) as answer:
            owned = await answer.json()
        end = {"version": owned["version"], "code": "false_accidental", "note": "spoke with her, a mistake of ours"}
        (await desk.post(f"{path}/resolve", json=end)).release()


async def texted(hub, words):
    """Wait for a text with `words` in the file that stands for the phones."""
    path = hub.folder / "texts.jsonl"
    async with asyncio.timeout(PATIENCE_S):
        while True:
            texts = [json.loads(line)["text"] for line in path.read_text().splitlines()] if path.exists() else []
            if found := [text for text in texts if words in text]:
                return found[0]
            await asyncio.sleep(0.05)  # the hub sends by itself


async def test_a_visit_is_booked_priced_driven_settled_and_told_over_every_road(hub):
    her = hub.people.technicians[1]
    async with hook_receiver() as receiver, AsyncPorchlight(hub.url, hub.people.api_key) as client:
        hook = await client.webhooks.add(SITE, receiver.url, [Family.VISIT, Family.SHIFT, Family.FARE])
        body = booking("order-1")
        visit = await client.visits.book(body)
        assert (await client.visits.book(body)).id == visit.id
        assert (await client.visits.book(msgspec.structs.replace(body, planned_min=90))).id == visit.id
        quote = await client.fares.quote(way(visit))
        await client.fares.accept(visit.id, quote.token)
        visit = await client.visits.assign(visit.id, her.id)
        assert (await client.fares.read(visit.id)).accepted_minor > 0
        link = await client.links.make(visit.id)
        assert [each.id for each in (await client.links.list(visit.id)).items] == [link.id]
        await acts(hub, 1, visit.id, "depart", HOME)
        # Before she arrives, because a newer text withdraws an older one that still waits.
        assert "/t/pl_lnk_" in await texted(hub, "is on the way")
        assert (await client.fares.live(visit.id)) is not None
        async for sight in client.watch(link.token):
            assert sight.visit.stage == "departed"
            break
        await acts(hub, 1, visit.id, "arrive", DOOR)
        door = (await asked(hub, "GET", f"/v1/t/{link.token}", token=link.token))["visit"]["door_code"]
        await acts(hub, 1, visit.id, "start", DOOR, door_code=door)
        await client.visits.extend(visit.id, 15)
        await acts(hub, 1, visit.id, "end", DOOR)
        await acts(hub, 1, visit.id, "leave", DOOR)
        receipt = (await client.fares.settle(visit.id)).receipt
        assert receipt == (await client.fares.receipt(visit.id)).receipt
        events = await taken(receiver, hook, "fare.settled", visit.id)

        assert [event.kind for event in events] == [
            "visit.created", "visit.changed", "fare.accepted", "visit.assigned", "visit.departed", "visit.arrived", "visit.in_service",
            "visit.ended", "visit.left", "fare.settled",
        ]  # fmt: skip
        assert {event.data["external_ref"] for event in events} == {"order-1"}
        assert len({event.id for event in events}) == len(events)
        assert "/t/pl_lnk_" in await texted(hub, "Travel fare")

        for act in ("pause", "resume", "close"):
            await asked(hub, "POST", f"/v1/me/shift/{act}", {}, her.token)
        shifts = [event.kind for event in await taken(receiver, hook, "shift.closed")]
        assert [kind for kind in shifts if kind.startswith("shift.")] == ["shift.paused", "shift.resumed", "shift.closed"]

        log = (await client.webhooks.deliveries(hook.id, state=DeliveryState.DELIVERED)).items
        again = await client.webhooks.replay(hook.id, log[0].id)
        rotated = await client.webhooks.rotate(hook.id)
        assert again.event_id == log[0].event_id
        assert rotated.secret not in (None, hook.secret)
        await client.links.revoke(link.id)
        with pytest.raises(NotFound):
            await client.visits.read("no-such-visit")
        off = await client.webhooks.switch(hook.id, EndpointState.DISABLED)
        assert off.state is EndpointState.DISABLED


async def test_incidents_reach_their_own_endpoint_and_no_other(hub):
    her = hub.people.technicians[2]
    async with hook_receiver() as bookings, hook_receiver() as guard, AsyncPorchlight(hub.url, hub.people.api_key) as client:
        await client.webhooks.add(SITE, bookings.url, [Family.VISIT, Family.SHIFT, Family.FARE])
        hook = await client.webhooks.add(SITE, guard.url, [Family.INCIDENT])
        first = await client.help.press("press-1", technician_id=her.id, reason="she rang us", lat=DOOR.lat, lon=DOOR.lon)
        again = await client.help.press("press-1", technician_id=her.id, reason="she rang us", lat=DOOR.lat, lon=DOOR.lon)
        assert first.incident_id == again.incident_id
        assert [card.id for card in (await client.help.incidents(SITE)).items] == [first.incident_id]
        timeline = await client.help.incident(first.incident_id)
        assert timeline.incident.id == first.incident_id
        await resolved(hub, first.incident_id, timeline.incident.version)
        events = await taken(guard, hook, "incident.resolved")

        assert [event.kind for event in events] == ["incident.raised", "incident.claimed", "incident.resolved"]
        assert bookings.taken == []


def test_a_program_without_a_loop_has_the_same_groups(hub):
    with Porchlight(hub.url, hub.people.api_key) as client:
        visit = client.visits.book(booking("order-2", hours=3))
        on_shift = {technician.id for technician in client.technicians.list(site=SITE, on_shift=True)}
        assert hub.people.technicians[3].id in on_shift
        assert client.technicians.read(hub.people.technicians[3].id).phone
        assert client.technicians.nearby(SITE, HOME.lat, HOME.lon).items == []
        assert {shift.technician_id for shift in client.shifts.list(only_open=True)} == on_shift
        client.fares.accept(visit.id, client.fares.quote(way(visit)).token)
        client.visits.assign(visit.id, hub.people.technicians[3].id)
        client.visits.reassign(visit.id, hub.people.technicians[0].id, "swap")
        assert client.fares.requote(visit.id, PointBody(HOME.lat, HOME.lon)).accepted_minor > 0
        assert visit.id in {each.id for each in client.visits.list(stages=[Stage.ASSIGNED], external_ref="order-2")}
        link = client.links.make(visit.id)
        assert next(iter(client.watch(link.token))).visit.stage == "assigned"
        client.links.revoke(link.id)
        hook = client.webhooks.add(SITE, "http://127.0.0.1:9/hooks", [Family.VISIT])
        assert hook.id in {each.id for each in client.webhooks.list().items}
        assert client.webhooks.read(hook.id).secret is None
        client.visits.cancel(visit.id, "weather")
        assert client.fares.settle(visit.id).receipt is not None
        assert client.help.press("press-2", visit_id=hub.people.visit_id).incident_id
