"""Fares over HTTP: who may ask, accept and read what, and how a refusal reads."""

from collections.abc import AsyncIterator
from datetime import timedelta

import httpx2
import pytest
from starlette.applications import Starlette

from core.caller import Caller, CallerKind, Role, Scope
from core.clock import to_ms
from core.http_endpoint import route_of
from core.ids import SiteId
from tests.doubles.fare_ports import (
    ANNA,
    BERTA,
    FAR,
    HOME,
    NOON_SHANGHAI,
    SITE,
    VISIT,
    FixedRouter,
    FixedWays,
    MemorySites,
    MemoryVisits,
    SpyTimers,
    a_visit,
    a_way,
)
from tracking.fares import http_quotes, http_receipts, http_tariffs
from tracking.fares.built_in import built_in_texts
from tracking.fares.quote_flow import QuoteFlow
from tracking.fares.receipt_flow import ReceiptFlow
from tracking.fares.sql_quotes import SqlQuotes
from tracking.fares.sql_receipts import SqlReceipts
from tracking.fares.sql_tariffs import SqlTariffs
from tracking.fares.tariff_flow import TariffFlow
from visits.stage import Act, Stage

pytestmark = pytest.mark.anyio
ALL = frozenset(Scope)
SITES = frozenset({SITE})
CALLERS = {
    "api": Caller(kind=CallerKind.API, id="k1", sites=SITES, scopes=ALL),
    "api-poor": Caller(kind=CallerKind.API, id="k2", sites=SITES),
    "api-elsewhere": Caller(kind=CallerKind.API, id="k3", sites=frozenset({SiteId("oslo")}), scopes=ALL),
    "desk": Caller(kind=CallerKind.DISPATCHER, id="d1", sites=SITES, roles=frozenset({Role.DISPATCHER})),
    "owner": Caller(kind=CallerKind.DISPATCHER, id="d2", sites=SITES, roles=frozenset({Role.OWNER})),
    "link": Caller(kind=CallerKind.LINK, id="l1", visit_id=VISIT),
    "link-other": Caller(kind=CallerKind.LINK, id="l2", visit_id="other"),
    "anna": Caller(kind=CallerKind.DEVICE, id="p1", sites=SITES, technician_id=ANNA),
    "berta": Caller(kind=CallerKind.DEVICE, id="p2", sites=SITES, technician_id=BERTA),
}
ASK = {
    "site_id": SITE,
    "from": {"lat": FAR.lat, "lon": FAR.lon},
    "to": {"lat": HOME.lat, "lon": HOME.lon},
    "mode": "taxi",
    "depart_at": "2026-03-04T12:00:00+08:00",
}


class ByHeader:
    async def caller_of(self, request):
        return CALLERS[request.headers["x-test-caller"]]


class NoAnswers:
    async def begin(self, owner, key, fingerprint):
        return None

    async def finish(self, owner, key, status, body):
        return None

    async def abandon(self, owner, key):
        return None


class Door:
    def __init__(self, work, clock, ids, key_ring) -> None:
        self.clock, self.visits, self.ways = clock, MemoryVisits(a_visit()), FixedWays()
        stores = {"work": work, "quotes": SqlQuotes(key_ring), "tariffs": SqlTariffs(), "sites": MemorySites(), "clock": clock}
        more = stores | {"visits": self.visits, "timers": SpyTimers()}
        self.receipts = ReceiptFlow(**more, receipts=SqlReceipts(), ways=self.ways)
        rows = [
            *http_quotes.endpoints(QuoteFlow(**more, router=FixedRouter(), keys=key_ring, ids=ids)),
            *http_receipts.endpoints(self.receipts),
            *http_tariffs.endpoints(TariffFlow(**stores)),
        ]
        app = Starlette(routes=[route_of(row, ByHeader(), NoAnswers(), "http://hub.test") for row in rows])
        self.client = httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://hub.test")

    async def send(self, method: str, path: str, caller: str = "api", body: object = None):
        return await self.client.request(method, path, json=body, headers={"x-test-caller": caller})

    async def settled(self) -> None:
        token = (await self.send("POST", "/v1/quotes", body=ASK)).json()["token"]
        await self.send("POST", f"/v1/visits/{VISIT}/fare", "link", {"token": token})
        for after, act, minutes in (
            (Stage.DEPARTED, Act.DEPART, 0),
            (Stage.ARRIVED, Act.ARRIVE, 30),
            (Stage.ABORTED_UNSAFE, Act.ABORT_UNSAFE, 35),
        ):
            self.visits.go(after, act, NOON_SHANGHAI + timedelta(minutes=minutes))
        self.visits.go(Stage.LEFT, Act.LEAVE, NOON_SHANGHAI + timedelta(minutes=40))
        self.ways.way = a_way(start_ms=to_ms(NOON_SHANGHAI))
        await self.receipts.settle(VISIT)


@pytest.fixture
async def door(work, clock, ids, key_ring) -> AsyncIterator[Door]:
    door = Door(work, clock, ids, key_ring)
    await clock.advance((NOON_SHANGHAI - clock.now()).total_seconds())
    async with door.client:
        for name in ("at-home-taxi", "at-home-transit"):
            assert (await door.send("POST", f"/v1/sites/{SITE}/tariffs", "owner", {"toml": built_in_texts()[name]})).status_code == 200
        yield door


async def test_a_quote_is_told_in_figures_and_in_words(door):
    answer = await door.send("POST", "/v1/quotes", body=ASK)

    quote = answer.json()
    assert answer.status_code == 201
    assert quote["currency"] == "CNY"
    assert sum(line["amount_minor"] for line in quote["lines"]) == quote["amount_minor"]
    assert quote["lines"][1]["text"]["en"].endswith("at CN¥1.90 / km")
    assert quote["amount"]["zh"].startswith("¥")
    assert quote["distance"]["is_estimated"] is False


async def test_a_quote_tells_no_place(door):
    text = (await door.send("POST", "/v1/quotes", body=ASK)).text

    assert "lat" not in text.replace("latest", "")
    assert "39.9" not in text


@pytest.mark.parametrize(
    ("change", "code", "status"),
    [
        ({"to": {"lat": 384_400, "lon": 0}}, "bad_input", 422),
        ({"to": {"lat": -39.9, "lon": -63.6}}, "bad_input", 422),
        ({"mode": "rocket"}, "bad_input", 422),
        ({"mode": "flat"}, "no_tariff", 409),
        ({"depart_at": "2026-03-04T12:00:00"}, "bad_input", 422),
        ({"depart_at": "2019-03-04T12:00:00Z"}, "bad_input", 422),
        ({"depart_at": "2031-03-04T12:00:00Z"}, "bad_input", 422),
        ({"mode": "transit", "depart_at": "2026-03-04T23:50:00+08:00"}, "not_served", 409),
        ({"price": 1}, "bad_input", 422),
        ({"carries": {"luggage": -1}}, "bad_input", 422),
        ({"depart_at": "0001-01-01T00:00:00+14:00"}, "bad_input", 422),
        ({"depart_at": "9999-12-31T23:59:59Z"}, "bad_input", 422),
        ({"appointment_at": "0001-01-01T00:00:00Z"}, "bad_input", 422),
        ({"planned_end_at": "2026-03-04T11:59:00+08:00"}, "bad_input", 422),
        ({"visit_id": "nonesuch"}, "not_found", 404),
    ],
)
async def test_a_bad_question_is_a_problem_with_a_cure(door, change, code, status):
    answer = await door.send("POST", "/v1/quotes", body=ASK | change)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("method", "path", "caller", "status"),
    [
        ("POST", "/v1/quotes", "link", 403),
        ("POST", "/v1/quotes", "anna", 403),
        ("POST", "/v1/quotes", "api-poor", 403),
        ("POST", "/v1/quotes", "api-elsewhere", 403),
        ("GET", f"/v1/visits/{VISIT}/fare", "link-other", 404),
        ("GET", f"/v1/visits/{VISIT}/fare", "api-elsewhere", 404),
        ("GET", f"/v1/visits/{VISIT}/receipt", "link-other", 404),
        ("GET", f"/v1/visits/{VISIT}/receipt", "berta", 404),
        ("GET", f"/v1/visits/{VISIT}/receipt", "api-elsewhere", 404),
        ("POST", f"/v1/visits/{VISIT}/receipt", "link", 403),
        ("POST", f"/v1/sites/{SITE}/tariffs", "desk", 403),
        ("PUT", f"/v1/sites/{SITE}/fare-policy", "desk", 403),
        ("GET", "/v1/sites/oslo/tariffs", "api", 403),
        ("GET", "/v1/me/fares?from=2026-03-04T00:00:00Z&until=2026-03-05T00:00:00Z", "api", 403),
    ],
)
async def test_who_may_not_is_refused(door, method, path, caller, status):
    body = {"/v1/quotes": ASK, f"/v1/sites/{SITE}/tariffs": {"toml": ""}, f"/v1/sites/{SITE}/fare-policy": {}}.get(path)

    assert (await door.send(method, path, caller, body)).status_code == status


async def test_the_customer_accepts_by_her_link_and_reads_what_was_agreed(door):
    quote = (await door.send("POST", "/v1/quotes", body=ASK)).json()

    accepted = await door.send("POST", f"/v1/visits/{VISIT}/fare", "link", {"token": quote["token"]})
    read = await door.send("GET", f"/v1/visits/{VISIT}/fare", "link")

    assert accepted.status_code == 200
    assert read.json() == accepted.json()
    assert read.json()["accepted_minor"] == quote["amount_minor"]
    assert read.json()["quote"]["token"] is None


async def test_a_stale_token_is_answered_with_a_fresh_offer(door):
    quote = (await door.send("POST", "/v1/quotes", body=ASK)).json()
    await door.clock.advance(1000)

    answer = await door.send("POST", f"/v1/visits/{VISIT}/fare", "link", {"token": quote["token"]})

    assert (answer.status_code, answer.json()["code"]) == (409, "stale_quote")
    again = await door.send("POST", f"/v1/visits/{VISIT}/fare", "link", {"token": answer.json()["offer"]["token"]})
    assert again.status_code == 200


async def test_a_requote_for_another_technician_keeps_the_price(door):
    quote = (await door.send("POST", "/v1/quotes", body=ASK)).json()
    await door.send("POST", f"/v1/visits/{VISIT}/fare", "link", {"token": quote["token"]})

    answer = await door.send("POST", f"/v1/visits/{VISIT}/fare/requote", "desk", {"from": {"lat": 40.05, "lon": 116.397}})

    assert answer.json()["quote"]["amount_minor"] == quote["amount_minor"]
    assert answer.json()["quote"]["lines"][-1]["code"] == "promise_kept"


async def test_each_reader_sees_her_own_face_of_a_receipt(door):
    await door.settled()

    faces = {caller: (await door.send("GET", f"/v1/visits/{VISIT}/receipt", caller)) for caller in ("link", "anna", "api")}

    customer, technician, desk = (faces[caller].json()["receipt"] for caller in ("link", "anna", "api"))
    assert "aborted" not in faces["link"].text + faces["anna"].text
    assert customer["ending"] == technician["ending"] == "finished"
    assert desk["ending"] == "aborted_unsafe"
    assert "technician_minor" not in customer
    assert technician["technician_minor"] == desk["technician_minor"]
    assert "taximeter" in customer["notice"]["en"]
    assert customer["meter"]["distance_mm"] == 10_000_000
    assert customer["certainty"]["en"].startswith("A")


async def test_settling_by_hand_twice_gives_the_same_receipt_and_a_replay_is_identical(door):
    await door.settled()

    first, second = [(await door.send("POST", f"/v1/visits/{VISIT}/receipt", "desk")).json() for _ in range(2)]
    replay = await door.send("GET", f"/v1/visits/{VISIT}/receipt/replay", "desk")

    assert first == second
    assert len(first["all"]) == 1
    assert replay.json()["is_identical"] is True
    assert replay.json()["digest"] == first["receipt"]["digest"]


async def test_a_technician_reads_her_statement(door):
    await door.settled()
    path = "/v1/me/fares?from=2026-03-04T00:00:00Z&until=2026-03-05T00:00:00Z"

    mine, hers = [(await door.send("GET", path, caller)).json() for caller in ("anna", "berta")]

    assert [row["visit_id"] for row in mine["rows"]] == [VISIT]
    assert mine["rows"][0]["ending"] == "finished"
    assert hers["rows"] == []


async def test_a_site_reads_its_tariffs_in_words_and_retires_one(door):
    items = (await door.send("GET", f"/v1/sites/{SITE}/tariffs", "desk")).json()["items"]

    assert items[0]["explained"]["en"][0] == "Up to 9 km: CN¥9.00."
    answer = await door.send("DELETE", f"/v1/sites/{SITE}/tariffs/{items[0]['hash']}", "owner")
    assert answer.status_code == 204
    assert (await door.send("POST", "/v1/quotes", body=ASK)).json()["code"] == "no_tariff"


async def test_a_bad_tariff_is_a_problem_with_lines(door):
    toml = built_in_texts()["at-home-taxi"].replace('"1.90"', "1.90")

    problem = (await door.send("POST", f"/v1/sites/{SITE}/tariffs", "owner", {"toml": toml})).json()

    assert problem["code"] == "bad_tariff"
    assert problem["problems"][0]["line"] == 18


async def test_a_site_sets_its_policy(door):
    policy = {"billing": "capped", "cap_bps": 11_000}

    answer = await door.send("PUT", f"/v1/sites/{SITE}/fare-policy", "owner", policy)

    assert answer.json()["billing"] == "capped"
    assert (await door.send("GET", f"/v1/sites/{SITE}/fare-policy", "desk")).json() == answer.json()
