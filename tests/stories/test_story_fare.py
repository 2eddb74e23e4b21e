"""A fare from the quote to the amendment, on the whole hub: accepted, driven through a socket, settled, proved, amended in sight."""

import asyncio
import itertools
import json
import subprocess
import sys
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from core.clock import SystemClock
from core.geo import LatLon, distance_m, moved
from hub.demo_fares import TARIFF
from hub.local_people import local_people, operator_of
from hub.past_clock import PastClock
from tests.doubles.phone import Phone, now_ms
from tests.doubles.served_hub import ROOT, SITE, ServedHub, in_thread, served_hub
from visits.visit import PersonRef, Place, Told, VisitDraft

pytestmark = [pytest.mark.anyio, pytest.mark.story, pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")]
START = LatLon(48.1400, 11.5800)
DOOR = moved(START, 90.0, 5_000.0)
SECONDS = 600
BOOKED_AGO_S = 1_200.0
NOT_SENT_AT_FIRST = range(200, 261)
"""A minute and a step of the way in a street without network."""
_epochs = itertools.count(70_000)


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    with served_hub(tmp_path_factory.mktemp("fare")) as running:
        in_thread(price(running))
        yield running


async def price(hub: ServedHub) -> None:
    tariff = TARIFF.replace("Europe/Dublin", "Europe/Berlin")
    assert (await api(hub, "POST", f"/v1/sites/{SITE}/tariffs", {"toml": tariff}))["currency"] == "EUR"
    await api(hub, "PUT", f"/v1/sites/{SITE}/fare-policy", {"billing": "metered"})


async def api(hub: ServedHub, method: str, path: str, body: Any = None, *, token: str | None = None, status: int | None = None) -> Any:
    """Ask as the platform, or with a token; another status than 2xx (or the one given) fails."""
    found, answer = await hub.ask(method, path, token=token or hub.people.api_key, json=body)
    assert found == status if status else 200 <= found < 300, (method, path, found, answer)
    return answer


def booked(hub: ServedHub, number: int) -> str:
    """Book a visit twenty minutes ago and give it to a technician; return its id."""
    made: list[str] = []

    async def book() -> None:
        clock = PastClock(SystemClock())
        async with local_people(hub.settings, clock) as local:
            desk, flows = operator_of(SITE), local.people
            clock.ago_s = BOOKED_AGO_S
            draft = VisitDraft(
                service_kind="massage", place=Place(point=DOOR, address="1 Lamp Street"), window_start=clock.now() + timedelta(hours=1),
                window_end=clock.now() + timedelta(hours=2), customer=PersonRef(name="Cora"),
            )  # fmt: skip
            visit = (await flows.booking.book(desk, SITE, draft)).visit
            await flows.visits.assign(desk, visit.id, hub.people.technicians[number].id, Told())
            made.append(visit.id)

    in_thread(book())
    return made[0]


async def quoted(hub: ServedHub, visit_id: str, **changed: Any) -> Any:
    visit = await api(hub, "GET", f"/v1/visits/{visit_id}")
    question = {
        "site_id": SITE, "from": {"lat": START.lat, "lon": START.lon}, "to": {"lat": DOOR.lat, "lon": DOOR.lon}, "mode": "taxi",
        "depart_at": SystemClock().now().isoformat(), "appointment_at": visit["window_start"], "visit_id": visit_id, **changed,
    }  # fmt: skip
    return await api(hub, "POST", "/v1/quotes", question)


async def agreed(hub: ServedHub, visit_id: str) -> int:
    quote = await quoted(hub, visit_id)
    return (await api(hub, "POST", f"/v1/visits/{visit_id}/fare", {"token": quote["token"]}))["accepted_minor"]


async def acted(hub: ServedHub, visit_id: str, number: int, act: str, place: LatLon, **more: Any) -> Any:
    body = {"position": {"lat": place.lat, "lon": place.lon, "accuracy_m": 6.0}, **more}
    return await api(hub, "POST", f"/v1/visits/{visit_id}/{act}", body, token=hub.people.technicians[number].token)


def way(departed_ms: int) -> list[dict[str, Any]]:
    """Return the fixes of the straight way to the door, one a second."""
    metres = distance_m(START, DOOR)
    places = [moved(START, 90.0, metres * second / SECONDS) for second in range(SECONDS + 1)]
    return [
        {"seq": second + 1, "at_ms": departed_ms + second * 1000, "lat": place.lat, "lon": place.lon, "accuracy_m": 5.0}
        for second, place in enumerate(places)
    ]


async def told(hub: ServedHub, number: int, epoch: int, fixes: list[dict[str, Any]]) -> None:
    """Send fixes through the technician's socket and wait until they are in SQL."""
    before = len(await hub.recorded(epoch))
    async with Phone.calls(hub.url.replace("http", "ws") + "/v1/ws/technician", token=hub.people.technicians[number].token) as phone:
        await phone.hello(device_epoch=epoch)
        for part in (fixes[at : at + 200] for at in range(0, len(fixes), 200)):
            await phone.say("fixes", sent_at_ms=now_ms(), fixes=part)
            await phone.acked(*(fix["seq"] for fix in part))

    async def is_there() -> bool:
        return len(await hub.recorded(epoch)) >= before + len(fixes)

    await hub.until(is_there, "the way is in SQL")


async def replayed(hub: ServedHub, visit_id: str) -> tuple[int, Any]:
    """Run `porchlight fare replay` on the data folder; return its exit code and what it printed."""
    command = [sys.executable, "-m", "hub.cli", "fare", "replay", visit_id, "--json"]
    done = await asyncio.to_thread(subprocess.run, command, cwd=ROOT, env=hub.environment, capture_output=True, text=True, timeout=60)
    return done.returncode, json.loads(done.stdout)


async def finished(hub: ServedHub, visit_id: str, number: int, place: LatLon) -> None:
    """Serve and leave."""
    visit = await api(hub, "GET", f"/v1/visits/{visit_id}", token=hub.people.technicians[number].token)
    links = await api(hub, "POST", f"/v1/visits/{visit_id}/links", {"holder": "customer"})
    code = (await hub.ask("GET", f"/v1/t/{links['token']}"))[1]["visit"]["door_code"]
    assert visit["stage"] == "arrived"
    await acted(hub, visit_id, number, "start", place, door_code=code)
    await acted(hub, visit_id, number, "end", place)
    await acted(hub, visit_id, number, "leave", place)


async def test_a_fare_from_the_quote_to_a_visible_amendment(hub):
    number, visit_id, epoch = 1, booked(hub, 1), next(_epochs)
    accepted_minor = await agreed(hub, visit_id)
    link = (await api(hub, "POST", f"/v1/visits/{visit_id}/links", {"holder": "customer"}))["token"]
    departed_ms = now_ms() - (SECONDS + 2) * 1000
    await acted(hub, visit_id, number, "depart", START, device_at_ms=departed_ms)
    fixes = way(departed_ms)
    at_first = [fix for fix in fixes if fix["seq"] not in NOT_SENT_AT_FIRST]
    await told(hub, number, epoch, at_first)

    live = (await api(hub, "GET", f"/v1/visits/{visit_id}/fare/live", token=link))["live"]
    card = (await hub.ask("GET", f"/t/{link}/fare", headers={"Accept-Language": "en"}))[1]
    await acted(hub, visit_id, number, "arrive", DOOR)
    await finished(hub, visit_id, number, DOOR)
    first = (await api(hub, "POST", f"/v1/visits/{visit_id}/receipt"))["receipt"]
    again = (await api(hub, "POST", f"/v1/visits/{visit_id}/receipt"))["receipt"]
    code, proof = await replayed(hub, visit_id)

    assert 4_000 <= live["metres"] <= 5_100
    assert not live["is_final"]
    assert "so far, by the meter" in card
    assert live["amount"]["en"] in card
    assert accepted_minor > 0
    assert first["billed"] == "meter"
    assert 4_900_000 <= first["meter"]["distance_mm"] <= 5_050_000
    assert [gap["fill"] for gap in first["meter"]["gaps"]] == ["chord"]
    assert again == first
    assert (code, proof["identical"], proof["receipt"]["digest"]) == (0, True, first["digest"])

    await told(hub, number, epoch, [fix for fix in fixes if fix["seq"] in NOT_SENT_AT_FIRST])
    code, proof = await replayed(hub, visit_id)
    amended = await api(hub, "POST", f"/v1/visits/{visit_id}/receipt")
    page = (await hub.ask("GET", f"/t/{link}/receipt", headers={"Accept-Language": "en"}))[1]

    assert code == 1
    assert {each["field"] for each in proof["differences"]} >= {"meter", "input_digest"}
    assert [each["number"] for each in amended["all"]] == [1, 2]
    assert amended["all"][0]["digest"] == first["digest"]
    assert (amended["receipt"]["amends"], amended["receipt"]["meter"]["gaps"]) == (1, [])
    assert "Receipt 2 replaces receipt 1" in page
    assert "Beyond 2 km: €1.90 per km." in page
    assert "not a legally controlled taximeter" in page
    assert (await replayed(hub, visit_id))[0] == 0


async def test_a_visit_without_fixes_bills_the_quote_and_a_meter_starts_once(hub):
    number, visit_id = 2, booked(hub, 2)
    accepted_minor = await agreed(hub, visit_id)
    first = await acted(hub, visit_id, number, "depart", START, device_at_ms=now_ms() - 500_000)
    token = hub.people.technicians[number].token
    place = {"position": {"lat": START.lat, "lon": START.lon, "accuracy_m": 6.0}}
    status, _ = await hub.ask("POST", f"/v1/visits/{visit_id}/depart", token=token, json=place)
    await acted(hub, visit_id, number, "arrive", DOOR)
    again = await api(hub, "GET", f"/v1/visits/{visit_id}", token=token)
    await finished(hub, visit_id, number, DOOR)
    receipt = (await api(hub, "POST", f"/v1/visits/{visit_id}/receipt"))["receipt"]

    assert status in (200, 409)
    assert again["departed_at"] == first["departed_at"]
    assert (receipt["billed"], receipt["customer_minor"]) == ("quote_not_metered", accepted_minor)
    assert (receipt["meter"]["fixes"], receipt["meter"]["grade"]) == (0, "C")


async def test_a_visit_called_off_before_the_way_costs_nothing_and_has_its_receipt(hub):
    visit_id = booked(hub, 3)
    await agreed(hub, visit_id)
    await api(hub, "POST", f"/v1/visits/{visit_id}/receipt", status=409)
    await api(hub, "POST", f"/v1/visits/{visit_id}/cancel", {"reason": "customer: ill"})
    receipt = (await api(hub, "POST", f"/v1/visits/{visit_id}/receipt"))["receipt"]

    assert (receipt["ending"], receipt["customer_minor"], receipt["technician_minor"]) == ("cancelled_before_departure", 0, 0)
    assert (await replayed(hub, visit_id))[0] == 0


async def test_bad_questions_are_answered_with_their_code(hub):
    visit_id = booked(hub, 3)
    moon = await hub.ask("POST", "/v1/quotes", token=hub.people.api_key, json=_question(to={"lat": -70.0, "lon": 0.0}))
    no_bus = await hub.ask("POST", "/v1/quotes", token=hub.people.api_key, json=_question(mode="transit"))
    passed = await hub.ask("POST", "/v1/quotes", token=hub.people.api_key, json=_question(depart_at="2020-01-01T12:00:00+00:00"))
    same = await hub.ask("POST", "/v1/quotes", token=hub.people.api_key, json=_question(to={"lat": START.lat, "lon": START.lon}))
    quote = await quoted(hub, visit_id)
    body, _, signature = quote["token"].rpartition(".")
    tampered = await hub.ask(
        "POST", f"/v1/visits/{visit_id}/fare", token=hub.people.api_key, json={"token": f"{body}.{signature[::-1]}"}
    )
    dollars = TARIFF.replace('currency = "EUR"', 'currency = "USD"')
    mismatch = await hub.ask("POST", f"/v1/sites/{SITE}/tariffs", token=hub.people.api_key, json={"toml": dollars})

    assert (moon[0], no_bus[1]["code"], passed[1]["code"]) == (422, "no_tariff", "bad_input")
    assert (same[0], same[1]["amount_minor"], same[1]["distance"]["basis"]) == (201, 0, "same_place")
    assert (tampered[0], tampered[1]["code"], tampered[1]["offer"]["amount_minor"]) == (409, "stale_quote", quote["amount_minor"])
    assert mismatch[1]["code"] == "currency_mismatch"


def _question(**changed: Any) -> dict[str, Any]:
    return msgspec.to_builtins(
        {
            "site_id": SITE, "from": {"lat": START.lat, "lon": START.lon}, "to": {"lat": DOOR.lat, "lon": DOOR.lon}, "mode": "taxi",
            "depart_at": SystemClock().now(), **changed,
        }
    )  # fmt: skip


async def test_a_dead_link_shows_no_fare(hub):
    for path in ("fare", "receipt"):
        status, _ = await hub.ask("GET", f"/t/pl_lnk_{'x' * 43}/{path}")
        assert status == 404
    assert (await hub.ask("GET", "/technician/fares", token=hub.people.api_key))[0] == 404
