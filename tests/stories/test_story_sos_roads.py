"""By whichever road a press comes, from whomever it comes, it is one incident of the right person: on a real worker, over HTTP."""

import asyncio
import contextlib
import json
import socket
import sys
import time
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest
from websockets.asyncio.client import connect

from tests.doubles.served_hub import PASSWORD, USER
from tests.doubles.worker_house import worker_house

pytestmark = [pytest.mark.anyio, pytest.mark.skipif(sys.platform != "linux", reason="forks workers")]


@pytest.fixture(scope="module")
def running(tmp_path_factory, valkey_url):
    with worker_house(
        tmp_path_factory.mktemp("roads"), technicians=16, redis_url=valkey_url, PORCHLIGHT_NOTICES_PHONES="true", PORCHLIGHT_DEMO="true"
    ) as house:
        house.start()
        yield house


@pytest.fixture
def house(running):
    return running


@pytest.fixture
def she(house):
    """A technician of each test's own, on shift, without a visit."""
    house.used = getattr(house, "used", 0) + 1
    return house.people.technicians[house.used]


@pytest.fixture
async def desk(house):
    async with aiohttp.ClientSession() as session, session.post(
        house.url + "/v1/sessions", json={"user": USER, "password": PASSWORD}
    ) as answer:
        return {"Cookie": answer.headers["Set-Cookie"].split(";")[0], "Origin": house.url}


async def raised_by(house, who):
    """Return the one incident of somebody, with how it was pressed and what the log says of the press."""
    (incident,) = await house.select("SELECT * FROM incidents WHERE raised_by = :who", who=who)
    triggers = await house.select("SELECT road, tap_id FROM triggers WHERE incident_id = :id", id=incident.id)
    (pressed,) = await house.select("SELECT data FROM incident_events WHERE incident_id = :id AND kind = 'raised'", id=incident.id)
    return incident, [row.road for row in triggers], json.loads(pressed.data)


async def test_the_alarm_of_a_stock_phone_is_a_press_by_query_form_and_json(house, she):
    path, at_s = f"/in/osmand/{she.token}", int(time.time())
    query = {"id": "x", "timestamp": str(at_s), "lat": "48.2", "lon": "11.6", "alarm": "sos"}
    coords = {"latitude": 48.2, "longitude": 11.6}
    body = {"device_id": "x", "location": {"timestamp": at_s * 1000, "coords": coords, "extras": {"alarm": "sos"}}}

    assert (await house.ask("GET", path, params=query))[0] == 200
    assert (await house.ask("GET", path, params=query))[0] == 200
    assert (await house.ask("POST", path, data=query))[0] == 200
    assert (await house.ask("POST", path, json=body))[0] == 200
    _, roads, pressed = await raised_by(house, f"technician:{she.id}")
    assert set(roads) == {"phone_app"}
    assert pressed["position"] is not None


@pytest.mark.parametrize("place", [{"lat": "91", "lon": "90"}, {"lat": "0", "lon": "0"}, {"lat": "north", "lon": ""}, {}])
async def test_the_alarm_of_a_stock_phone_that_knows_no_place_is_a_press_without_one(house, she, place):
    status, _ = await house.ask("GET", f"/in/osmand/{she.token}", params={"timestamp": str(int(time.time())), "alarm": "SOS", **place})

    assert status == 200
    _, _, pressed = await raised_by(house, f"technician:{she.id}")
    assert pressed["position"] is None
    assert len(pressed["position_doubt"]) > 10
    assert "address" not in json.dumps(pressed)


async def test_a_dispatcher_presses_for_somebody_and_hears_which_incident_it_is(house, she, desk):
    wanted = {"tap_id": "for her", "technician_id": she.id, "reason": "She rang: she cannot speak."}
    status, receipt = await house.ask("POST", "/v1/sos", headers=desk, json=wanted)

    incident, roads, pressed = await raised_by(house, f"technician:{she.id}")
    assert (status, receipt["incident_id"], roads) == (200, incident.id, ["desk"])
    assert pressed["reason"] == wanted["reason"]
    assert (await house.ask("POST", "/v1/sos", headers=desk, json={"tap_id": "for whom"}))[0] == 422
    assert (await house.ask("POST", "/v1/sos", headers=desk, json={"tap_id": "x", "technician_id": "nobody"}))[0] == 404


async def test_a_booking_platform_presses_for_a_technician(house, she):
    status, receipt = await house.ask("POST", "/v1/sos", token=house.people.api_key, json={"tap_id": "api", "technician_id": she.id})

    incident, roads, _ = await raised_by(house, f"technician:{she.id}")
    assert (status, receipt["incident_id"], roads) == (200, incident.id, ["api"])


async def test_her_phone_shows_nothing_of_a_press_that_others_made_for_her(house, she, desk):
    for number, by in enumerate(({"headers": desk}, {"token": house.people.api_key})):
        assert (await house.ask("POST", "/v1/sos", json={"tap_id": f"for her {number}", "technician_id": she.id}, **by))[0] == 200
        assert await house.ask("GET", "/v1/me/sos", token=she.token) == (200, {"phase": "quiet", "tap_id": None})

    _, roads, _ = await raised_by(house, f"technician:{she.id}")
    assert roads == ["desk", "api"]


async def test_a_phone_that_was_revoked_may_still_be_hers_which_the_desk_alone_is_told(house, she, desk):
    assert (await house.ask("DELETE", f"/v1/devices/{she.device_id}", headers=desk))[0] in (200, 204)
    status, receipt = await house.ask("POST", "/v1/sos", token=she.token, json={"tap_id": "revoked"})

    incident, roads, _ = await raised_by(house, f"technician:{she.id}")
    assert (status, sorted(receipt), roads) == (200, ["at_ms", "status", "tap_id"], ["http"])
    assert "revoked_device" in incident.flags
    assert (await house.ask("GET", "/v1/me/sos", token=she.token))[0] == 401


async def test_a_press_off_shift_is_received_and_she_is_followed_from_then_on(house, she):
    assert (await house.ask("POST", "/v1/me/shift/close", token=she.token, json={}))[0] == 200
    now_ms = int(time.time() * 1000)
    fixes = {"device_epoch": 3, "sent_at_ms": now_ms, "fixes": [{"seq": 1, "at_ms": now_ms, "lat": 48.2, "lon": 11.6}]}
    _, before = await house.ask("POST", "/v1/fixes", token=she.token, json=fixes)
    assert (await house.ask("POST", "/v1/sos", token=she.token, json={"tap_id": "home"}))[0] == 200

    async def is_followed() -> bool:
        now_ms = int(time.time() * 1000)
        later = {**fixes, "sent_at_ms": now_ms, "fixes": [{**fixes["fixes"][0], "seq": 2, "at_ms": now_ms}]}
        return (await house.ask("POST", "/v1/fixes", token=she.token, json=later))[1]["refused"] == []

    assert [refused["reason"] for refused in before["refused"]] == ["off_shift"]
    await house.until(is_followed, "her fixes are taken")
    await raised_by(house, f"technician:{she.id}")


async def test_where_an_off_shift_press_came_from_is_told_on_the_console_and_in_the_text(house, she, desk):
    assert (await house.ask("POST", "/v1/me/shift/close", token=she.token, json={}))[0] == 200
    tap = {"tap_id": "from home", "lat": 48.20304, "lon": 11.6, "accuracy_m": 9}
    assert (await house.ask("POST", "/v1/sos", token=she.token, json=tap))[0] == 200
    incident, _, _ = await raised_by(house, f"technician:{she.id}")
    _, ticket = await house.ask("POST", "/v1/tickets", headers=desk, json={})
    async with connect(house.url.replace("http", "ws") + "/v1/ws/console") as console:
        await console.send(json.dumps({"type": "watch", "ticket": ticket["ticket"], "topics": ["incidents", "notices"]}))
        heard = [json.loads(await console.recv()) for _ in range(2)]

    items = {frame["topic"]: frame["items"] for frame in heard}
    (card,) = [each for each in items["incidents"] if each["id"] == incident.id]
    assert (card["pressed_at"]["lat"], card["pressed_at"]["accuracy_m"], card["contact"]) == (48.20304, 9.0, "text")
    assert [each["text"] for each in items["notices"] if "48.2030,11.6000" in each["text"]]


async def test_a_press_about_a_visit_that_is_over_is_received(house, desk, she):
    old = (await house.select("SELECT id FROM visits WHERE stage = 'cancelled'"))[0].id
    pressed = await house.ask("POST", "/v1/sos", headers=desk, json={"tap_id": "old", "technician_id": she.id, "visit_id": old})

    assert pressed[0] == 200
    incident, _, _ = await raised_by(house, f"technician:{she.id}")
    assert incident.visit_id == old


async def test_her_press_is_about_her_visit_and_never_about_another_of_the_site(house, she):
    first = house.people.technicians[0]
    await house.ask("POST", "/v1/sos", token=she.token, json={"tap_id": "mine"})
    await house.ask("POST", "/v1/sos", token=first.token, json={"tap_id": "mine"})

    assert (await raised_by(house, f"technician:{she.id}"))[0].visit_id is None
    assert (await raised_by(house, f"technician:{first.id}"))[0].visit_id == house.people.visit_id


async def test_a_text_saying_sos_from_a_phone_that_was_never_written_to_is_a_press(house, she):
    ending = {"planned_end": (datetime.now(UTC) + timedelta(hours=4)).isoformat(), "notice_version": "1"}
    await house.ask("POST", "/v1/me/shift/close", token=she.token, json={})
    status, opened = await house.ask("POST", "/v1/me/shift", token=she.token, json=ending)
    assert status // 100 == 2, opened
    (known,) = await house.select("SELECT id FROM recipients WHERE owner_id = :id", id=she.id)
    for _ in range(2):
        status, _ = await house.ask("POST", f"/v1/demo/phones/{known.id}/text", json={"text": "Sos!! help"})
        assert status == 200

    _, roads, _ = await raised_by(house, f"technician:{she.id}")
    assert set(roads) == {"sms"}


async def test_while_every_carrier_hangs_the_receipt_comes_at_once(house, she):
    silent = socket.create_server(("127.0.0.1", 0))
    running = house
    running.kill()
    url = f"http://127.0.0.1:{silent.getsockname()[1]}"
    running.start(
        PORCHLIGHT_NOTICES_PHONES="false", PORCHLIGHT_NOTICES_FILE="", PORCHLIGHT_TWILIO_ACCOUNT_SID="AC" + "1" * 32,
        PORCHLIGHT_TWILIO_AUTH_TOKENS="token", PORCHLIGHT_TWILIO_URGENT_NUMBERS="+14155550100", PORCHLIGHT_TWILIO_API_URL=url,
    )  # fmt: skip
    with contextlib.closing(silent):
        began_s = time.monotonic()
        async with asyncio.timeout(5):
            status, receipt = await running.ask("POST", "/v1/sos", token=she.token, json={"tap_id": "hung"})
    assert (status, receipt["status"]) == (200, "received")
    assert time.monotonic() - began_s < 5
    running.kill()
