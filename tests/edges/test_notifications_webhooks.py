"""Outgoing webhooks on both databases, to a real server: order, schedule, signatures, rotation, misbehaving receivers."""

import asyncio
import json

import pytest
from httpx2 import ASGITransport, AsyncClient
from standardwebhooks.webhooks import Webhook

from core.caller import Caller, CallerKind, Role, Scope
from core.clock import SystemClock
from core.errors import Conflict
from notifications import http_webhooks
from notifications.aiohttp_webhooks import WebhookSender
from notifications.sql_webhooks import SqlWebhooks
from notifications.webhook import DeliveryState, EndpointState, Family, WebhookEvent
from notifications.webhook_flow import MOST_AN_ENDPOINT, WebhookFlow
from tests.doubles.fixed_ids import FixedIds
from tests.doubles.hook_receiver import hook_receiver
from tests.doubles.notice_house import SITE, NoticeHouse
from tests.doubles.served_doors import app_of

pytestmark = pytest.mark.anyio


class Hooks:
    def __init__(self, work, clock, key_ring, sender, ids) -> None:
        self.work, self.clock, self.ids = work, clock, ids
        self.house = NoticeHouse(work, clock)
        self.store = SqlWebhooks(key_ring, clock, self.ids)
        self.flow = WebhookFlow(
            work=work,
            webhooks=self.store,
            sender=sender,
            alarms=self.house.alarms,
            clock=clock,
            ids=self.ids,
            allows_private=True,
        )
        self.store.on_published = self.flow.wake

    async def publish(self, event_id, subject="visit-1", type="visit.departed"):
        event = WebhookEvent(id=event_id, site_id=SITE, type=type, subject=subject, at=self.clock.now(), data={"n": event_id})
        async with self.work.begin() as tx:
            return await self.store.publish(tx, event)

    async def through(self, seconds, step_s=5):
        for _ in range(round(seconds / step_s)):
            await self.flow.run_once()
            self.clock.move(step_s)


@pytest.fixture
async def receiver():
    async with hook_receiver() as found:
        yield found


@pytest.fixture
async def hooks(work, clock, key_ring):
    sender = WebhookSender(allows_private=True)
    yield Hooks(work, clock, key_ring, sender, FixedIds())
    await sender.close()


def told(receiver):
    return [json.loads(body)["data"]["n"] for _, body in receiver.taken]


async def test_an_event_reaches_who_asked_for_it_once(hooks, receiver):
    await hooks.flow.add(SITE, receiver.url, [Family.VISIT])
    await hooks.flow.add(SITE, receiver.url, [Family.INCIDENT])

    assert await hooks.publish("e1") == 1
    assert await hooks.publish("e1") == 0
    await hooks.through(10)
    assert told(receiver) == ["e1"]


async def test_an_incident_never_reaches_an_endpoint_for_visits(hooks, receiver):
    await hooks.flow.add(SITE, receiver.url, [Family.VISIT, Family.FARE, Family.SHIFT])

    assert await hooks.publish("e1", type="incident.raised") == 0


async def test_the_signature_is_verified_by_the_standard_library(work, key_ring, receiver):
    sender = WebhookSender(allows_private=True)
    hooks = Hooks(work, SystemClock(), key_ring, sender, FixedIds())
    endpoint = await hooks.flow.add(SITE, receiver.url, [Family.VISIT])
    rotated = await hooks.flow.rotate(endpoint.id)
    await hooks.publish("e1")
    await hooks.flow.run_once()
    await sender.close()
    headers, body = receiver.taken[0]

    for secret in (endpoint.secrets[0], rotated.secrets[0]):
        assert Webhook(secret).verify(body, headers)["subject"] == "visit-1"
    assert headers["webhook-id"] == "e1"


async def test_one_visit_goes_in_order_and_does_not_hold_up_another(hooks, receiver):
    await hooks.flow.add(SITE, receiver.url, [Family.VISIT])
    receiver.answers.extend([500])
    await hooks.publish("a1", "visit-a")
    await hooks.publish("a2", "visit-a")
    await hooks.flow.run_once()
    await hooks.publish("b1", "visit-b")
    await hooks.through(20)

    assert told(receiver) == ["a1", "b1", "a1", "a2"]


async def test_a_receiver_that_hangs_holds_up_nobody_elses_events(work, key_ring, receiver):
    sender = WebhookSender(allows_private=True)
    hooks = Hooks(work, SystemClock(), key_ring, sender, FixedIds())
    async with hook_receiver() as quick:
        await hooks.flow.add(SITE, receiver.url, [Family.VISIT])
        await hooks.flow.add(SITE, quick.url, [Family.VISIT])
        receiver.answers.extend(["hang"] * 100)
        for number in range(30):
            await hooks.publish(f"e{number}", f"visit-{number}")
        running = asyncio.create_task(hooks.flow.run())
        try:
            # Far below the ten seconds after which a request to the one that hangs is given up.
            async with asyncio.timeout(8):
                while len(quick.taken) < 30:  # noqa: ASYNC110 - the receiver tells nobody
                    await asyncio.sleep(0.01)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await sender.close()

    assert sorted(told(quick)) == sorted(f"e{number}" for number in range(30))
    assert len(receiver.taken) <= 2 * MOST_AN_ENDPOINT


async def test_what_waits_behind_an_earlier_event_of_its_visit_wakes_nobody(hooks, receiver):
    await hooks.flow.add(SITE, receiver.url, [Family.VISIT])
    receiver.answers.extend([500])
    await hooks.publish("a1", "visit-a")
    await hooks.publish("a2", "visit-a")
    await hooks.flow.run_once()
    async with hooks.work.read() as tx:
        due_at = await hooks.store.next_due_at(tx)

    assert (due_at - hooks.clock.now()).total_seconds() == 5


async def test_a_failing_endpoint_is_tried_by_the_schedule(hooks, receiver):
    await hooks.flow.add(SITE, receiver.url, [Family.VISIT])
    receiver.answers.extend([500, 503])
    await hooks.publish("e1")
    await hooks.flow.run_once()
    hooks.clock.move(4)
    assert await hooks.flow.run_once() == 0
    hooks.clock.move(1)
    assert await hooks.flow.run_once() == 1
    hooks.clock.move(300)
    assert await hooks.flow.run_once() == 1
    assert len(receiver.taken) == 3


async def test_a_gone_endpoint_is_disabled_and_the_operator_hears_of_it(hooks, receiver):
    endpoint = await hooks.flow.add(SITE, receiver.url, [Family.VISIT])
    receiver.answers.append(410)
    await hooks.publish("e1")
    await hooks.publish("e2")
    await hooks.through(20)
    await hooks.house.send_due()

    assert (await hooks.flow.endpoint(endpoint.id)).state is EndpointState.DISABLED
    assert [delivery.state for delivery in await hooks.flow.log_of(endpoint.id)] == [DeliveryState.FAILED] * 2
    assert len(receiver.taken) == 1
    told_by = hooks.house.desk.taken[0]
    assert told_by.variables["alarm"] == "webhook_disabled"
    assert "127.0.0.1" in told_by.text  # which one: there may be many


async def test_a_redirect_is_not_followed_and_a_huge_answer_not_read(hooks, receiver):
    endpoint = await hooks.flow.add(SITE, receiver.url, [Family.VISIT])
    receiver.answers.extend(["redirect", "huge"])
    await hooks.publish("e1")
    await hooks.through(10)
    log = await hooks.flow.log_of(endpoint.id)

    assert receiver.elsewhere == 0
    assert (log[0].state, log[0].attempts) == (DeliveryState.DELIVERED, 2)


@pytest.mark.parametrize(
    ("url", "said"), [("http://no-such-name.invalid/hooks", "the name leads nowhere"), ("http://127.0.0.1:1/hooks", "cannot be reached")]
)
async def test_the_log_says_in_words_why_a_receiver_was_not_reached(hooks, url, said):
    endpoint = await hooks.flow.add(SITE, url, [Family.VISIT])
    await hooks.publish("e1")
    await hooks.flow.run_once()
    log = await hooks.flow.log_of(endpoint.id)

    assert (log[0].last_status, log[0].last_error) == (None, said)


async def test_a_private_address_behind_a_name_or_number_is_never_written_to(hooks, receiver, clock):
    sender = WebhookSender(allows_private=False)
    hooks.flow._sender = sender
    try:
        for url in (receiver.url, receiver.url.replace("127.0.0.1", "localhost")):
            endpoint = await hooks.flow.add(SITE, url, [Family.VISIT])
            await hooks.publish(f"event-{url}")
            await hooks.flow.run_once()
            log = await hooks.flow.log_of(endpoint.id)
            assert log[0].last_error == "resolves to a private address"
    finally:
        await sender.close()

    assert receiver.taken == []


async def test_a_finished_delivery_can_be_replayed_and_one_under_way_cannot(hooks, receiver):
    endpoint = await hooks.flow.add(SITE, receiver.url, [Family.VISIT])
    await hooks.publish("e1")
    waiting = (await hooks.flow.log_of(endpoint.id))[0]
    with pytest.raises(Conflict, match=r"on its way\. It is tried next at"):
        await hooks.flow.replay(endpoint.id, waiting.id)
    await hooks.flow.run_once()
    await hooks.flow.replay(endpoint.id, waiting.id)
    await hooks.flow.run_once()

    assert told(receiver) == ["e1", "e1"]


async def test_two_senders_deliver_each_event_once(hooks, receiver):
    await hooks.flow.add(SITE, receiver.url, [Family.VISIT])
    for number in range(12):
        await hooks.publish(f"e{number}", f"visit-{number}")
    await asyncio.gather(hooks.flow.run_once(), hooks.flow.run_once())

    assert sorted(told(receiver)) == sorted(f"e{number}" for number in range(12))


async def test_a_secret_is_shown_once_and_a_booking_key_cannot_subscribe_to_incidents(hooks):
    booking = Caller(kind=CallerKind.API, id="k", sites=frozenset({SITE}), scopes=frozenset({Scope.WEBHOOKS_WRITE}))
    owner = Caller(kind=CallerKind.DISPATCHER, id="o", sites=frozenset({SITE}), roles=frozenset({Role.OWNER}))
    dispatcher = Caller(kind=CallerKind.DISPATCHER, id="d", sites=frozenset({SITE}), roles=frozenset({Role.DISPATCHER}))
    body = {"site_id": SITE, "url": "https://a.example/h", "families": ["visit"]}
    incidents = body | {"families": ["incident"]}

    async def ask(caller, method, path, **more):
        app = app_of(http_webhooks.endpoints(hooks.flow), caller)
        async with AsyncClient(transport=ASGITransport(app), base_url="https://hub.example") as http:
            return await http.request(method, path, **more)

    made = await ask(booking, "POST", "/v1/webhooks", json=body)
    assert made.status_code == 201
    assert made.json()["secret"].startswith("whsec_")
    assert (await ask(booking, "GET", "/v1/webhooks")).json()["items"][0]["secret"] is None
    assert (await ask(booking, "POST", "/v1/webhooks", json=incidents)).status_code == 403
    assert (await ask(owner, "POST", "/v1/webhooks", json=incidents)).status_code == 201
    assert len((await ask(booking, "GET", "/v1/webhooks")).json()["items"]) == 1
    assert (await ask(dispatcher, "POST", "/v1/webhooks", json=body)).status_code == 403
    assert (await ask(booking, "POST", "/v1/webhooks", json=body | {"site_id": "other"})).status_code == 403
    assert (await ask(booking, "POST", "/v1/webhooks", json=body | {"url": "https://"})).status_code == 422
    one = f"/v1/webhooks/{made.json()['id']}"
    assert (await ask(booking, "PATCH", one, json={"state": "disabled"})).json()["state"] == "disabled"
    assert (await ask(booking, "POST", f"{one}/rotate")).json()["secret"] != made.json()["secret"]
    assert (await ask(booking, "GET", f"{one}/deliveries?limit=5")).json() == {"items": []}
    assert (await ask(booking, "POST", f"{one}/deliveries/x/replay")).status_code == 404
