"""Quotes are promises: bound by a token, fixed by acceptance, kept through a reassignment. On SQLite and PostgreSQL."""

from datetime import date, timedelta

import msgspec
import pytest

from core.clock import to_ms
from core.errors import BadInput, Conflict, NotFound
from core.geo import LatLon
from tests.doubles.fare_ports import (
    BERTA,
    FAR,
    HOME,
    NOON_SHANGHAI,
    SITE,
    VISIT,
)
from tests.doubles.quote_desk import QuoteDesk, asked
from tracking.fares.built_in import built_in_texts
from tracking.fares.policy import Billing, Clause, Ending, FarePolicy
from tracking.fares.priced import LineCode, sum_minor
from tracking.fares.quote import Basis, CurrencyMismatch, NoTariff, NotServed, StaleQuote, cell_centre
from tracking.fares.quote_flow import REQUOTE
from tracking.fares.tariff_file import BadTariff
from tracking.fares.tariff_terms import Mode
from visits.stage import Act, Stage

pytestmark = pytest.mark.anyio


@pytest.fixture
async def desk(work, clock, ids, key_ring):
    desk = QuoteDesk(work, clock, ids, key_ring)
    await clock.advance((NOON_SHANGHAI - clock.now()).total_seconds())
    for name in ("at-home-taxi", "at-home-transit"):
        await desk.shelf.add(SITE, built_in_texts()[name])
    return desk


async def test_a_quote_prices_the_road_both_ways(desk):
    offer = await desk.flow.quote(asked())

    quote = offer.quote
    assert quote.basis is Basis.ROAD
    assert quote.amount_minor == 900 + round((quote.distance_mm * 2 - 9_000_000) * 1.9 / 10_000)
    assert sum_minor(quote.lines) == quote.amount_minor


async def test_a_quote_without_a_routing_engine_is_an_estimate_with_a_range(desk):
    desk.router.is_away = True

    quote = (await desk.flow.quote(asked())).quote

    assert quote.basis is Basis.ESTIMATED
    assert quote.low_mm < quote.distance_mm < quote.high_mm


async def test_quotes_from_all_over_a_cell_are_the_same(desk):
    centre = cell_centre(FAR)
    near = LatLon(centre.lat + 0.003, centre.lon - 0.003)

    found = [(await desk.flow.quote(asked(start=place))).quote for place in (FAR, near)]

    assert found[0].distance_mm == found[1].distance_mm
    assert {start for start, _ in desk.router.asked} == {centre}


async def test_the_same_place_costs_nothing(desk):
    quote = (await desk.flow.quote(asked(start=HOME))).quote

    assert (quote.amount_minor, quote.lines[0].code) == (0, LineCode.SAME_PLACE)


async def test_a_quote_to_the_moon_is_refused(desk):
    with pytest.raises(BadInput, match="km long"):
        await desk.flow.quote(asked(end=LatLon(-39.9, -63.6)))


async def test_a_mode_without_a_tariff_is_refused(desk):
    with pytest.raises(NoTariff) as caught:
        await desk.flow.quote(asked(mode=Mode.FLAT))
    assert caught.value.members["modes"] == ["taxi", "transit"]


async def test_a_tariff_not_yet_valid_is_not_used(desk):
    text = built_in_texts()["at-home-taxi"].replace('mode = "taxi"', 'mode = "flat"')
    await desk.shelf.add(SITE, text.replace("valid_from = 2024-01-01", f"valid_from = {NOON_SHANGHAI.date() + timedelta(days=30)}"))

    with pytest.raises(NoTariff):
        await desk.flow.quote(asked(mode=Mode.FLAT, depart_ms=to_ms(NOON_SHANGHAI + timedelta(days=29))))
    assert (await desk.flow.quote(asked(mode=Mode.FLAT, depart_ms=to_ms(NOON_SHANGHAI + timedelta(days=30))))).quote.amount_minor > 0


async def test_a_departure_that_has_passed_gets_no_quote(desk):
    assert (await desk.flow.quote(asked(depart_ms=to_ms(NOON_SHANGHAI - timedelta(minutes=14))))).quote.amount_minor > 0
    with pytest.raises(BadInput, match="has passed"):
        await desk.flow.quote(asked(depart_ms=to_ms(NOON_SHANGHAI - timedelta(minutes=16))))


@pytest.mark.parametrize("name", ["depart_ms", "appointment_ms", "back_ms"])
async def test_a_price_is_promised_no_farther_ahead_than_the_site_allows(desk, name):
    last = to_ms(NOON_SHANGHAI + timedelta(days=92))

    assert (await desk.flow.quote(asked(**{name: last}))).quote.amount_minor > 0
    with pytest.raises(BadInput, match="more than 92 days ahead") as caught:
        await desk.flow.quote(asked(**{name: last + 1}))
    assert caught.value.members == {"max_days_ahead": 92}
    await desk.shelf.set_policy(SITE, FarePolicy(max_days_ahead=200))
    assert (await desk.flow.quote(asked(**{name: last + 1}))).quote.amount_minor > 0


async def test_a_bus_by_night_is_refused_with_its_reason(desk):
    with pytest.raises(NotServed) as caught:
        await desk.flow.quote(asked(mode=Mode.TRANSIT, depart_ms=to_ms(NOON_SHANGHAI + timedelta(hours=11, minutes=50))))
    assert caught.value.members["reason"] == "no_transit"


async def test_an_unknown_site_is_not_found(desk):
    with pytest.raises(NotFound):
        await desk.flow.quote(asked(site_id="atlantis"))


async def test_a_site_that_changed_its_currency_is_told(desk):
    desk.sites.site = msgspec.structs.replace(desk.sites.site, currency="EUR")

    with pytest.raises(CurrencyMismatch):
        await desk.flow.quote(asked())
    with pytest.raises(CurrencyMismatch):
        await desk.shelf.add(SITE, built_in_texts()["at-home-taxi"])


async def test_accepting_fixes_the_price_and_accepting_twice_changes_nothing(desk):
    offer = await desk.flow.quote(asked())

    first = await desk.flow.accept(VISIT, offer.token)

    assert first.accepted_minor == offer.quote.amount_minor
    assert await desk.flow.accept(VISIT, offer.token) == first
    fare, quote = await desk.flow.fare_of(VISIT)
    assert (fare, quote) == (first, offer.quote)


async def test_a_tampered_token_gets_409_and_a_fresh_quote(desk):
    offer = await desk.flow.quote(asked())

    with pytest.raises(StaleQuote) as caught:
        await desk.flow.accept(VISIT, offer.token[:-1] + ("A" if offer.token[-1] != "A" else "B"))

    assert caught.value.status == 409
    fresh = caught.value.members["offer"]
    assert (await desk.flow.accept(VISIT, fresh["token"])).accepted_minor == fresh["amount_minor"]


async def test_an_expired_token_gets_409_and_a_fresh_quote(desk):
    offer = await desk.flow.quote(asked())
    await desk.clock.advance(901)

    with pytest.raises(StaleQuote, match="expired") as caught:
        await desk.flow.accept(VISIT, offer.token)

    assert caught.value.members["offer"]["id"] != offer.quote.id


async def test_a_made_up_token_gets_409_and_nothing_else(desk):
    for token in ("", "x", "a.b.c.d", "....", "9" * 300 + ".1.2.3"):
        with pytest.raises(StaleQuote) as caught:
            await desk.flow.accept(VISIT, token)
        assert "offer" not in caught.value.members


async def test_a_second_price_a_late_one_and_a_foreign_one_are_refused(desk):
    offer, other = await desk.flow.quote(asked()), await desk.flow.quote(asked(start=HOME, end=FAR))

    with pytest.raises(Conflict, match="another place"):
        await desk.flow.accept(VISIT, other.token)
    await desk.flow.accept(VISIT, offer.token)
    with pytest.raises(Conflict, match="already"):
        await desk.flow.accept(VISIT, (await desk.flow.quote(asked())).token)


async def test_no_price_is_agreed_once_she_has_set_out(desk):
    offer = await desk.flow.quote(asked())
    desk.visits.go(Stage.DEPARTED, Act.DEPART, NOON_SHANGHAI)

    with pytest.raises(Conflict, match="set out"):
        await desk.flow.accept(VISIT, offer.token)


async def test_changing_the_tariff_changes_no_stored_quote(desk):
    offer = await desk.flow.quote(asked())

    dearer = built_in_texts()["at-home-taxi"].replace('"1.90"', '"9.90"')
    await desk.clock.advance(1)
    stored = await desk.shelf.add(SITE, dearer)
    fare = await desk.flow.accept(VISIT, offer.token)

    assert fare.accepted_minor == offer.quote.amount_minor
    assert (await desk.flow.quote(asked())).quote.tariff_hash == stored.hash != offer.quote.tariff_hash


async def test_a_retired_tariff_makes_no_new_quotes_but_is_still_known(desk):
    offer = await desk.flow.quote(asked())

    await desk.shelf.retire(SITE, offer.quote.tariff_hash)

    with pytest.raises(NoTariff):
        await desk.flow.quote(asked())
    assert await desk.read(lambda tx: desk.tariffs.by_hash(tx, SITE, offer.quote.tariff_hash)) is not None
    with pytest.raises(NotFound):
        await desk.shelf.retire(SITE, "nonesuch")


async def test_uploading_the_same_tariff_again_adds_nothing(desk):
    again = await desk.shelf.add(SITE, "# a remark\n" + built_in_texts()["at-home-taxi"])

    assert len(await desk.shelf.of_site(SITE)) == 2
    assert again.hash in {each.hash for each in await desk.shelf.of_site(SITE)}


async def test_a_bad_tariff_is_refused_with_its_lines(desk):
    with pytest.raises(BadTariff) as caught:
        await desk.shelf.add(SITE, built_in_texts()["at-home-taxi"].replace("from = 9", "from = 8"))
    assert caught.value.members["problems"][0]["line"] > 1


@pytest.mark.parametrize(("place", "is_dearer"), [(LatLon(40.05, 116.397), True), (LatLon(39.93, 116.397), False)])
async def test_after_a_reassignment_the_customer_never_pays_more(desk, place, is_dearer):
    offer = await desk.flow.quote(asked())
    await desk.flow.accept(VISIT, offer.token)
    event = desk.visits.go(Stage.ASSIGNED, Act.REASSIGN, NOON_SHANGHAI, technician_id=BERTA)
    desk.whereabouts.place = place

    async with desk.work.begin() as tx:
        await desk.flow.on_stage_changed(tx, event)
    await desk.flow.on_timer(desk.timers.set_[REQUOTE, VISIT])

    fare, quote = await desk.flow.fare_of(VISIT)
    assert fare.accepted_minor == offer.quote.amount_minor
    assert quote.supersedes == offer.quote.id
    assert quote.customer_minor == min(quote.amount_minor, fare.accepted_minor) == sum_minor(quote.lines)
    assert (quote.amount_minor > fare.accepted_minor) is is_dearer
    assert quote.technician_minor == quote.amount_minor


async def test_without_her_position_the_accepted_quote_stays(desk):
    offer = await desk.flow.quote(asked())
    await desk.flow.accept(VISIT, offer.token)
    event = desk.visits.go(Stage.ASSIGNED, Act.REASSIGN, NOON_SHANGHAI, technician_id=BERTA)
    desk.whereabouts.place = None

    async with desk.work.begin() as tx:
        await desk.flow.on_stage_changed(tx, event)
    await desk.flow.on_timer(desk.timers.set_[REQUOTE, VISIT])

    assert (await desk.flow.fare_of(VISIT))[1] == offer.quote


@pytest.mark.parametrize("why", ["no bus runs", "retired", "too far away"])
async def test_a_way_that_cannot_be_quoted_after_a_reassignment_leaves_the_accepted_quote(desk, why):
    mode = Mode.TRANSIT if why == "no bus runs" else Mode.TAXI
    offer = await desk.flow.quote(asked(mode=mode))
    await desk.flow.accept(VISIT, offer.token)
    event = desk.visits.go(Stage.ASSIGNED, Act.REASSIGN, NOON_SHANGHAI, technician_id=BERTA)
    if why == "no bus runs":
        await desk.clock.advance(11.5 * 3600)
    if why == "retired":
        await desk.shelf.retire(SITE, offer.quote.tariff_hash)
    if why == "too far away":
        desk.whereabouts.place = LatLon(31.2, 121.5)

    async with desk.work.begin() as tx:
        await desk.flow.on_stage_changed(tx, event)
    await desk.flow.on_timer(desk.timers.set_[REQUOTE, VISIT])

    assert (await desk.flow.fare_of(VISIT))[1] == offer.quote


async def test_a_second_price_is_refused_with_the_path_where_the_first_is_read(desk):
    await desk.flow.accept(VISIT, (await desk.flow.quote(asked())).token)
    second = await desk.flow.quote(asked())

    with pytest.raises(Conflict, match=f"/v1/visits/{VISIT}/fare"):
        await desk.flow.accept(VISIT, second.token)


async def test_a_quote_is_sealed_at_rest(desk):
    await desk.flow.quote(asked())

    async with desk.work.read() as tx:
        rows = [str(row) for row in await tx.conn.exec_driver_sql("SELECT quote FROM fare_quotes")]

    assert rows
    assert not any("39.9" in row for row in rows)


async def test_unused_quotes_are_forgotten_and_agreed_ones_kept(desk):
    kept = await desk.flow.quote(asked())
    await desk.flow.accept(VISIT, kept.token)
    gone = await desk.flow.quote(asked())

    async with desk.work.begin() as tx:
        count = await desk.quotes.forget_unused(tx, gone.quote.expires_ms + 1)

    assert count == 1
    assert await desk.read(lambda tx: desk.quotes.get(tx, kept.quote.id)) == kept.quote
    assert await desk.read(lambda tx: desk.quotes.get(tx, gone.quote.id)) is None


async def test_a_policy_is_stored_and_a_contradictory_one_refused(desk):
    capped = FarePolicy(billing=Billing.CAPPED, cap_bps=11_000)

    assert await desk.shelf.policy(SITE) == FarePolicy()
    await desk.shelf.set_policy(SITE, capped)
    await desk.shelf.set_policy(SITE, capped)
    assert await desk.shelf.policy(SITE) == capped
    with pytest.raises(BadInput, match="both ways"):
        await desk.shelf.set_policy(SITE, FarePolicy(clauses=(Clause(ending=Ending.ABORTED_UNSAFE),)))
    with pytest.raises(BadInput, match="same ending"):
        await desk.shelf.set_policy(SITE, FarePolicy(clauses=(Clause(ending=Ending.NO_SHOW), Clause(ending=Ending.NO_SHOW))))


async def test_the_latest_valid_tariff_of_a_day_is_used(desk):
    later = built_in_texts()["at-home-taxi"].replace("2024-01-01", "2026-06-01").replace('"9.00"', '"11.00"')
    stored = await desk.shelf.add(SITE, later)

    before, after = (date(2026, 5, 31), date(2026, 6, 1))
    assert (await desk.read(lambda tx: desk.tariffs.valid(tx, SITE, Mode.TAXI, before))).hash != stored.hash
    assert (await desk.read(lambda tx: desk.tariffs.valid(tx, SITE, Mode.TAXI, after))).hash == stored.hash
