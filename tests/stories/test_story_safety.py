"""A press, as people and thieves make it, on a whole hub: what the phone hears, what the desk does, what phones ring."""

import asyncio
import json
import sys
import time
import urllib.error
import urllib.request

import pytest
from doubles.whole_hub import whole_hub
from websockets.asyncio.client import connect

pytestmark = [pytest.mark.anyio, pytest.mark.story, pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")]
SITE = "lampmouth"
GOOD_RULES = {"preflight": "warn"}
PINS = {"pin": "2580", "duress_pin": "9137", "present_pin": "2580"}
"""Whichever test comes first sets them; the others name the one in force."""


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    with whole_hub(tmp_path_factory.mktemp("safety"), "--workers", "1") as running:
        yield running


@pytest.fixture(scope="module")
def desk(hub):
    login = hub.told["dispatcher"]
    _, headers, _ = ask(hub, "POST", "/v1/sessions", {"user": login["user"], "password": login["password"]})
    return {"Cookie": headers["Set-Cookie"].split(";")[0]}


@pytest.fixture(scope="module")
def phone(hub):
    return {"Authorization": f"Bearer {hub.told['technician']['device_token']}"}


@pytest.fixture(scope="module")
def customer(hub):
    return {"Authorization": f"Bearer {hub.link}"}


def ask(hub, method, path, body=None, headers=None):
    raw = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(
        hub.url + path, method=method, data=raw, headers={"Content-Type": "application/json", **(headers or {})}
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.headers, json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as error:
        return error.code, error.headers, json.loads(error.read() or b"null")


def open_incidents(hub, desk):
    return ask(hub, "GET", f"/v1/incidents?site_id={SITE}", headers=desk)[2]["items"]


def end_all(hub, desk):
    for item in open_incidents(hub, desk):
        owned = item
        if item["owner_id"] is None:
            _, _, owned = ask(hub, "POST", f"/v1/incidents/{item['id']}/claim", {"version": item["version"]}, desk)
        body = {"version": owned["version"], "code": "drill", "note": "tried out"}
        assert ask(hub, "POST", f"/v1/incidents/{item['id']}/resolve", body, desk)[0] == 200


WILD = [
    pytest.param({"tap_id": "wild-1", "lat": "north", "lon": []}, id="a position that is none"),
    pytest.param(b'{"tap_id": "wild-2", "lat": NaN, "lon": Infinity}', id="numbers that JSON does not have"),
    pytest.param({"tap_id": "wild-3", "device_at_ms": 10**18}, id="a clock in the year thirty million"),
    pytest.param({"tap_id": "wild-4", "device_at_ms": 1_480_000_000_000}, id="a clock ten years off"),
    pytest.param({"tap_id": "wild-5", "battery_pct": "full", "drill": "yes", "unknown": {"a": 1}}, id="fields of wrong types"),
    pytest.param({"tap_id": 7}, id="a tap id that is no text"),
    pytest.param(b'{"tap_id": "\\ud800 \\u0000", "reason": "\\udfff"}', id="half characters and zeros"),
    pytest.param(b"\xff\xfe not json at all", id="bytes"),
    pytest.param(b"", id="nothing"),
]


@pytest.mark.parametrize("body", WILD)
def test_a_press_from_a_known_phone_is_received_whatever_stands_in_it(hub, phone, body):
    status, _, receipt = ask(hub, "POST", "/v1/sos", body, phone)

    assert (status, receipt["status"]) == (200, "received")
    assert "incident_id" not in receipt


def test_a_hundred_presses_of_one_token_are_one_incident_with_no_further_text(hub, phone, desk):
    first = ask(hub, "POST", "/v1/sos", {"tap_id": "flood-0"}, phone)
    texts = len([item for each in ask(hub, "GET", "/v1/demo/phones")[2]["phones"] for item in each["items"]])
    for number in range(1, 100):
        assert ask(hub, "POST", "/v1/sos", {"tap_id": f"flood-{number}"}, phone)[0] == 200
    (found,) = open_incidents(hub, desk)
    now = len([item for each in ask(hub, "GET", "/v1/demo/phones")[2]["phones"] for item in each["items"]])

    assert first[0] == 200
    assert now - texts <= 4  # at most what the first press itself was still sending
    assert ask(hub, "POST", f"/v1/incidents/{found['id']}/claim", {"version": 1}, desk)[0] == 200


def test_an_unknown_token_is_refused_and_raises_nothing(hub, desk):
    before = len(open_incidents(hub, desk))

    assert ask(hub, "POST", "/v1/sos", {"tap_id": "x"}, {"Authorization": "Bearer pl_dev_guessed"})[0] == 401
    assert ask(hub, "POST", "/v1/sos", {"tap_id": "x"})[0] == 401
    assert len(open_incidents(hub, desk)) == before


def test_nothing_is_resolved_without_a_code_and_a_note(hub, desk):
    (item,) = open_incidents(hub, desk)
    path = f"/v1/incidents/{item['id']}/resolve"

    assert ask(hub, "POST", path, {"version": item["version"], "note": "safe"}, desk)[0] == 422
    assert ask(hub, "POST", path, {"version": item["version"], "code": "drill", "note": "  "}, desk)[0] == 422
    assert ask(hub, "POST", path, {"version": item["version"], "code": "forgotten", "note": "safe"}, desk)[0] == 422
    end_all(hub, desk)


@pytest.mark.parametrize(
    "rungs",
    [
        pytest.param([], id="no rung"),
        pytest.param([{"after_s": 5, "tier": 0, "groups": ["on_duty"], "channels": ["sms"]}], id="nobody at once"),
        pytest.param(
            [
                {"after_s": 0, "tier": 1, "groups": ["on_duty"], "channels": ["sms"]},
                {"after_s": 60, "tier": 0, "groups": ["on_duty"], "channels": ["sms"]},
            ],
            id="a ladder that turns back",
        ),
        pytest.param([{"after_s": 0, "tier": 0, "groups": [], "channels": ["sms"]}], id="an empty tier"),
    ],
)
def test_a_ladder_that_is_none_is_refused_in_words(hub, desk, rungs):
    status, _, problem = ask(hub, "PUT", f"/v1/sites/{SITE}/safety/ladder", {"rungs": rungs}, desk)

    assert status == 422
    assert len(problem["detail"]) > 20


def test_the_ladder_can_be_read_set_and_its_changes_traced(hub, desk):
    _, _, ladder = ask(hub, "GET", f"/v1/sites/{SITE}/safety/ladder", headers=desk)

    assert ask(hub, "PUT", f"/v1/sites/{SITE}/safety/ladder", ladder, desk)[0] == 200
    assert ask(hub, "GET", f"/v1/sites/{SITE}/safety/changes", headers=desk)[2]["items"][0]["what"] == "ladder"
    assert "items" in ask(hub, "GET", f"/v1/sites/{SITE}/safety/findings", headers=desk)[2]
    assert ask(hub, "PUT", f"/v1/sites/{SITE}/safety/rules", {**GOOD_RULES, "canary_at_h": 99}, desk)[0] == 422


def test_a_contact_counts_after_a_day_and_its_removal_too(hub, phone):
    status, _, made = ask(hub, "POST", "/v1/me/contacts", {"name": "Mum", "number": "+353855550180"}, phone)
    _, _, shown = ask(hub, "GET", "/v1/me/contacts", headers=phone)

    assert status == 200
    (contact,) = shown["items"]
    assert contact["number_masked"] == "***80"
    assert ask(hub, "DELETE", f"/v1/me/contacts/{made['id']}", headers=phone)[0] == 204
    assert ask(hub, "GET", "/v1/me/contacts", headers=phone)[2]["items"][0]["counts_until"] is not None
    assert ask(hub, "POST", "/v1/me/contacts", {"name": "Nobody", "number": "12"}, phone)[0] == 422


def test_a_phone_can_neither_read_nor_end_an_incident(hub, phone, customer, desk):
    ask(hub, "POST", "/v1/sos", {"tap_id": "mine"}, customer)
    (item,) = open_incidents(hub, desk)

    for path in ("/claim", "/resolve", "/notes"):
        assert ask(hub, "POST", f"/v1/incidents/{item['id']}{path}", {"version": 1, "text": "x"}, phone)[0] == 403
    assert ask(hub, "GET", f"/v1/incidents/{item['id']}", headers=customer)[0] == 403
    end_all(hub, desk)


def test_a_pin_cancels_nobody_elses_incident(hub, phone, customer, desk):
    assert ask(hub, "PUT", "/v1/me/pins", PINS, phone)[0] == 204
    ask(hub, "POST", "/v1/sos", {"tap_id": "hers"}, customer)
    (before,) = open_incidents(hub, desk)
    answer = ask(hub, "POST", "/v1/sos/pin", {"pin": "2580"}, phone)[2]
    (after,) = open_incidents(hub, desk)

    assert answer["accepted"]
    assert before["state"] in ("raised", "notifying")
    assert after["state"] == before["state"]
    end_all(hub, desk)


def test_a_phone_lengthens_no_service_around_its_pin(hub, phone):
    assert ask(hub, "PUT", "/v1/me/pins", PINS, phone)[0] == 204
    status, _, problem = ask(hub, "POST", "/v1/visits/00000000-0000-4000-8000-000000000000/extend", {"minutes": 5}, phone)

    assert status == 403
    assert "/v1/me/extensions" in problem["detail"]


def test_a_forged_callback_acknowledges_nothing(hub, phone, desk):
    ask(hub, "POST", "/v1/sos", {"tap_id": "forged"}, phone)
    (item,) = open_incidents(hub, desk)

    assert ask(hub, "POST", "/in/twilio/sms", b"From=%2B353855550191&Body=ack+" + item["code"].encode() + b"&MessageSid=SM1")[0] == 403
    assert open_incidents(hub, desk)[0]["owner_id"] is None


def test_a_key_pressed_twice_on_a_phone_takes_it_once(hub, desk):
    (item,) = open_incidents(hub, desk)
    mine = None
    for _ in range(100):
        phones = ask(hub, "GET", "/v1/demo/phones")[2]["phones"]
        mine = next((each for each in phones if any(f"ack {item['code']}" in text["body"] for text in each["items"])), None)
        if mine is not None:
            break
        time.sleep(0.05)
    assert mine is not None
    said = [ask(hub, "POST", f"/v1/demo/phones/{mine['recipient_id']}/text", {"text": f"ack {item['code']}"})[2]["reply"] for _ in range(2)]

    assert said[0] == said[1]
    assert open_incidents(hub, desk)[0]["state"] == "owned"


def test_evidence_leaves_with_two_approvals_only(hub, desk):
    (item,) = open_incidents(hub, desk)
    base = f"/v1/incidents/{item['id']}"
    wanted = {"authority": "Police", "legal_reference": "Order 12/26", "scope": "the evening"}

    assert ask(hub, "POST", f"{base}/disclosures", {**wanted, "legal_reference": " "}, desk)[0] == 422
    _, _, made = ask(hub, "POST", f"{base}/disclosures", wanted, desk)
    request_id = made["request"]["id"]
    assert ask(hub, "POST", f"/v1/disclosures/{request_id}/approve", {}, desk)[0] == 403
    assert ask(hub, "POST", f"/v1/disclosures/{request_id}/give", {}, desk)[0] == 403
    assert ask(hub, "GET", f"{base}/report", headers=desk)[2]["code"] == item["code"]
    exported = ask(hub, "POST", f"{base}/export", {}, desk)[2]
    assert exported["broken_at"] is None
    assert ask(hub, "POST", f"{base}/hold", {"is_held": True, "reason": "court"}, desk)[2]["flags"] == ["legal_hold"]
    assert isinstance(ask(hub, "GET", f"{base}/helpers", headers=desk)[2]["items"], list)
    end_all(hub, desk)


async def heard(socket, wanted, seconds=5.0):
    async with asyncio.timeout(seconds):
        while True:
            frame = json.loads(await socket.recv())
            if frame["type"] == wanted:
                return frame


async def test_a_press_over_the_socket_and_over_http_is_one_tap(hub, phone, desk):
    hello = {"type": "hello", "device_epoch": 5, "sent_at_ms": 1, "app": "test"}
    async with connect(hub.url.replace("http", "ws") + "/v1/ws/technician", additional_headers=phone) as socket:
        await socket.send(json.dumps(hello))
        await heard(socket, "welcome")
        await socket.send(json.dumps({"type": "sos", "tap_id": "both", "lat": "x", "surprise": 1}))
        receipt = await heard(socket, "sos_receipt")
    over_http = await asyncio.to_thread(ask, hub, "POST", "/v1/sos", {"tap_id": "both"}, phone)

    assert receipt == {"type": "sos_receipt", **over_http[2]}
    assert len(open_incidents(hub, desk)) == 1


async def test_a_press_before_hello_counts_where_the_phone_showed_who_it_is(hub, phone):
    async with connect(hub.url.replace("http", "ws") + "/v1/ws/technician", additional_headers=phone) as socket:
        await socket.send(json.dumps({"type": "sos", "tap_id": "early"}))
        assert (await heard(socket, "sos_receipt"))["status"] == "received"


async def test_a_console_sees_the_press_and_the_true_pin_asks_it_to_make_sure(hub, phone, desk):
    _, _, ticket = await asyncio.to_thread(ask, hub, "POST", "/v1/tickets", {}, desk)
    async with connect(hub.url.replace("http", "ws") + "/v1/ws/console") as console:
        await console.send(json.dumps({"type": "watch", "ticket": ticket["ticket"], "topics": ["incidents"]}))
        (item,) = [each for each in (await heard(console, "snapshot"))["items"] if each["resolution"] is None]
        answer = await asyncio.to_thread(ask, hub, "POST", "/v1/sos/pin", {"pin": "2580"}, phone)
        delta = await heard(console, "delta")

    assert answer[2] == {"accepted": True, "face": {"phase": "cancelled", "tap_id": answer[2]["face"]["tap_id"]}}
    assert (delta["put"][0]["id"], delta["put"][0]["state"]) == (item["id"], "cancel_requested")
    await asyncio.to_thread(end_all, hub, desk)
