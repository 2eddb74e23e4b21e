"""Price, fare so far and receipts in words, as HTTP answers them: every phase, both languages, both readers."""

import re

import httpx2
import msgspec
import pytest
from starlette.applications import Starlette

from realtime.http_fare_pages import FarePages
from realtime.http_pages import Pages, PageSettings
from tests.doubles.fake_fare_pages import NOON_MS, TARIFF, TOKEN, FakeFares, a_metered, a_sight, driving, settled
from tests.doubles.fake_hub_pages import LINK, FakeHub
from tests.doubles.fare_ports import VISIT
from tracking.fares.policy import Billing, Ending
from tracking.fares.settlement import settle_distance
from tracking.fares.tariff_terms import TripShape

pytestmark = pytest.mark.anyio
ORIGIN = "https://hub.example"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
SIGHTS = {
    "agreed": a_sight,
    "none": lambda *, is_hers=False: a_sight(is_hers=is_hers, quote=None, accepted=None),
    "driving": driving,
    "arrived": lambda *, is_hers=False: a_sight(is_hers=is_hers, is_underway=True, has_arrived=True),
    "settling": lambda *, is_hers=False: a_sight(is_hers=is_hers, is_closed=True),
    "settled": settled,
}


@pytest.fixture
def fares():
    return FakeFares(LINK)


@pytest.fixture
async def client(fares):
    hub = FakeHub()
    pages = Pages(hub, hub.clock, PageSettings(public_origin=ORIGIN))
    routes = [*FarePages(fares, pages, hub.clock).routes(), *pages.routes()]
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=Starlette(routes=routes)), base_url=ORIGIN) as client:
        yield client


async def told(client, path, lang="en", **headers) -> str:
    """Return what a path says, without markup."""
    answer = await client.get(path, headers={"Accept-Language": lang, **headers})
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", answer.text))


@pytest.mark.parametrize("lang", ["en", "zh-CN"])
@pytest.mark.parametrize("phase", SIGHTS)
async def test_every_phase_is_said_in_both_languages_to_both_readers(client, fares, phase, lang):
    fares.sight = SIGHTS[phase]()
    card = await client.get(f"/t/{LINK}/fare", headers={"Accept-Language": lang})
    receipt = await client.get(f"/t/{LINK}/receipt", headers={"Accept-Language": lang})
    fares.sight = SIGHTS[phase](is_hers=True)
    hers = await client.get(f"/technician/fares/{VISIT}", headers={"Accept-Language": lang, **BEARER})

    assert f'data-phase="{phase}"' in card.text
    assert f'data-phase="{phase}"' in hers.text
    assert (card.status_code, receipt.status_code, hers.status_code) == (200, 200, 200)
    assert ("provisional" if lang == "en" else "暂计") in card.text or phase not in ("driving", "arrived")


@pytest.mark.parametrize(
    ("billing", "sentence"),
    [
        (Billing.QUOTED, "stays, whatever the meter shows"),
        (Billing.CAPPED, "It will never be more than"),
        (Billing.METERED, "The meter decides"),
    ],
)
async def test_the_fare_so_far_says_what_was_promised(client, fares, billing, sentence):
    fares.sight = driving(billing)

    said = await told(client, f"/t/{LINK}/fare")

    assert "6.2 km" in said
    assert sentence in said
    assert "One stretch without signal was bridged." in said


async def test_an_estimated_distance_is_called_one_with_its_range(client):
    said = await told(client, f"/t/{LINK}/fare")

    assert "it may be 8 km to 12.6 km" in said
    assert "Not a legally controlled taximeter" in said


async def test_a_receipt_says_why_line_by_line(client, fares):
    fares.sight = settled()

    said = await told(client, f"/t/{LINK}/receipt")

    assert "The metered way is what counts." in said
    assert "Receipt 2 replaces receipt 1" in said
    assert "B: certain within 6 %" in said
    assert "1 min 30 s, no positions; 0.8 km counted, the straight line" in said
    assert "not counted: these positions were not genuine" in said
    assert "Left out: set by an app, not by the phone 12" in said
    assert "This is not a legally controlled taximeter." in said


async def test_a_visit_called_off_before_she_set_out_speaks_of_no_way(client, fares):
    fares.sight = settled(ending=Ending.CANCELLED_BEFORE_DEPARTURE)

    for said in (await told(client, f"/t/{LINK}/fare"), await told(client, f"/t/{LINK}/receipt")):
        assert "The visit was called off before she set out." in said
        assert "position came from the way" not in said
        assert "twice" not in said


async def test_a_customer_reads_nothing_of_pay_and_nothing_of_an_unsafe_end(client, fares):
    fares.sight = settled()
    plain = await told(client, f"/t/{LINK}/receipt")
    fares.sight = settled(ending=Ending.ABORTED_UNSAFE)
    unsafe = await told(client, f"/t/{LINK}/receipt")

    assert "paid" not in plain
    assert unsafe == plain


async def test_the_technician_reads_what_she_is_paid(client, fares):
    fares.sight = settled(is_hers=True, metered=a_metered(9_000_000))

    said = await told(client, f"/technician/fares/{VISIT}?whole=1", **BEARER)

    assert "you are paid for the way" in said
    assert "The customer pays" in said


@pytest.mark.parametrize(("lang", "why"), [("en", "You are paid there and back; the platform"), ("zh-CN", "您的车费按往返计付，差额")])
async def test_the_technician_reads_why_she_is_paid_another_amount(client, fares, lang, why):
    one_way = msgspec.structs.replace(TARIFF, trip=TripShape.ONE_WAY)
    fares.sight = settled(is_hers=True, ending=Ending.ABORTED_UNSAFE, tariff=one_way)
    more = await told(client, f"/technician/fares/{VISIT}?whole=1", lang, **BEARER)
    fares.sight = settled(is_hers=True, tariff=one_way)
    same = await told(client, f"/technician/fares/{VISIT}?whole=1", lang, **BEARER)

    assert why in more
    assert why not in same


@pytest.mark.parametrize(("lang", "night"), [("en", "By night, 22:00 to 06:00"), ("zh-CN", "夜间 22:00–06:00")])
async def test_a_receipt_holds_its_tariff_in_words(client, fares, lang, night):
    fares.sight = settled()

    assert night in await told(client, f"/t/{LINK}/receipt", lang)


@pytest.mark.parametrize(("lang", "words"), [("en", "30 min, no positions; nothing counted"), ("zh-CN", "30 分，无定位点，未计里程")])
async def test_a_way_without_a_fix_says_so_with_its_grade(client, fares, lang, words):
    fares.sight = settled(last=settle_distance([], NOON_MS, NOON_MS + 1_800_000))

    said = await told(client, f"/t/{LINK}/receipt", lang)

    assert words in said
    assert ("Nothing was metered on this way. C: less certain" if lang == "en" else "本次没有计程。 C: 误差更大") in said
    assert " 0 km" not in said


async def test_her_statement_adds_up_her_ways(client):
    said = await told(client, "/technician/fares", **BEARER)

    assert "CN¥40.42 for 2 visits" in said
    assert "nobody opened not metered CN¥9.00" in said


async def test_nothing_is_shown_to_strangers(client):
    over = (await client.get("/t/pl_lnk_never")).text
    receipt = await client.get("/t/pl_lnk_never/receipt")
    parts = [await client.get(path) for path in ("/t/pl_lnk_never/fare", "/technician/fares", f"/technician/fares/{VISIT}")]

    assert (receipt.status_code, receipt.text) == (404, over)
    assert {(part.status_code, part.text) for part in parts} == {(404, "")}


async def test_pages_of_fares_carry_the_guard_and_nothing_inline(client, fares):
    fares.sight = settled()
    for path in (f"/t/{LINK}/receipt", f"/t/{LINK}/fare", f"/technician/receipt/{VISIT}"):
        answer = await client.get(path)
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["cache-control"] == "no-store"
        assert re.findall(r"<style|\sstyle=|\son[a-z]+=", answer.text) == []


@pytest.mark.parametrize(("lang", "words"), [("en", "twice 10.40 km is 20.80 km"), ("zh-CN", "10.40 公里 × 2 = 20.80 公里")])
async def test_a_receipt_says_why_more_is_charged_than_one_way_was_long(client, fares, lang, words):
    fares.sight = settled(metered=a_metered())

    assert words in (await told(client, f"/t/{LINK}/receipt", lang)).replace("10.4 ", "10.40 ").replace("20.8 ", "20.80 ")
