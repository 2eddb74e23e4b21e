"""A quote is accepted for the time it was made for, and asked anew when its visit is moved. On SQLite and PostgreSQL."""

from datetime import timedelta

import msgspec
import pytest

from core.clock import to_ms
from core.errors import BadInput, Conflict
from core.geo import LatLon
from tests.doubles.fare_ports import HOME, NOON_SHANGHAI, SITE, VISIT
from tests.doubles.quote_desk import QuoteDesk, asked
from tracking.fares.built_in import built_in_texts
from tracking.fares.priced import LineCode, sum_minor
from tracking.fares.quote import NotServed, StaleQuote
from tracking.fares.quote_flow import RETIME
from tracking.fares.tariff_terms import Mode
from visits.events import StageChanged
from visits.stage import Stage

pytestmark = pytest.mark.anyio
MIDNIGHT = NOON_SHANGHAI + timedelta(hours=12)


@pytest.fixture
async def desk(work, clock, ids, key_ring):
    desk = QuoteDesk(work, clock, ids, key_ring)
    await clock.advance((NOON_SHANGHAI - clock.now()).total_seconds())
    for name in ("at-home-taxi", "at-home-transit"):
        await desk.shelf.add(SITE, built_in_texts()[name])
    return desk


def move(desk, start, *, place: LatLon = HOME, minutes: int = 30) -> StageChanged:
    """Change the visit's agreed details, as a booking made again does."""
    before = desk.visits.held[VISIT]
    desk.visits.held[VISIT] = after = msgspec.structs.replace(
        before, window_start=start, window_end=start + timedelta(minutes=minutes), version=before.version + 1,
        place=msgspec.structs.replace(before.place, point=place),
    )  # fmt: skip
    return StageChanged(
        visit_id=VISIT, site_id=SITE, technician_id=after.technician_id, before=after.stage, after=after.stage, act=None,
        actor="api:k1", happened_at=desk.clock.now(), server_at=desk.clock.now(), version=after.version,
    )  # fmt: skip


async def moved(desk, start, **more) -> None:
    event = move(desk, start, **more)
    async with desk.work.begin() as tx:
        await desk.flow.on_stage_changed(tx, event)
    await desk.flow.on_retime(desk.timers.set_[RETIME, VISIT])


@pytest.mark.parametrize("named", [{}, {"appointment_ms": to_ms(NOON_SHANGHAI)}])
async def test_a_noon_quote_for_a_midnight_visit_gets_409_and_a_fresh_one(desk, named):
    offer = await desk.flow.quote(asked(**named))
    move(desk, MIDNIGHT)

    with pytest.raises(StaleQuote, match="another time") as caught:
        await desk.flow.accept(VISIT, offer.token)

    assert caught.value.status == 409
    assert await desk.flow.fare_of(VISIT) is None
    fresh = caught.value.members["offer"]
    night = {line["code"] for line in fresh["lines"]}
    assert (fresh["amount_minor"] > offer.quote.amount_minor, "night" in night) == (True, True)
    assert (await desk.flow.accept(VISIT, fresh["token"])).accepted_minor == fresh["amount_minor"]


async def test_a_midnight_quote_for_a_visit_at_noon_would_cheat_the_customer(desk):
    offer = await desk.flow.quote(asked(depart_ms=to_ms(MIDNIGHT)))

    with pytest.raises(StaleQuote, match="another time") as caught:
        await desk.flow.accept(VISIT, offer.token)

    assert caught.value.members["offer"]["amount_minor"] < offer.quote.amount_minor


async def test_an_expired_quote_for_another_time_gets_a_fresh_one_for_the_visits(desk):
    offer = await desk.flow.quote(asked())
    move(desk, MIDNIGHT)
    await desk.clock.advance(901)

    with pytest.raises(StaleQuote, match="expired") as caught:
        await desk.flow.accept(VISIT, offer.token)

    fresh = caught.value.members["offer"]
    assert (await desk.flow.accept(VISIT, fresh["token"])).accepted_minor == fresh["amount_minor"] > offer.quote.amount_minor


async def test_an_expired_quote_for_a_visit_with_an_agreement_is_offered_nothing_in_vain(desk):
    late, taken = await desk.flow.quote(asked()), await desk.flow.quote(asked())
    await desk.flow.accept(VISIT, taken.token)
    await desk.clock.advance(901)

    with pytest.raises(Conflict, match="agreed for this visit already") as caught:
        await desk.flow.accept(VISIT, late.token)

    assert "offer" not in caught.value.members
    assert (await desk.flow.accept(VISIT, taken.token)).accepted_quote_id == taken.quote.id


@pytest.mark.parametrize("hours", [0.2, 5, 9.9, 24, 24 * 30])
async def test_a_quote_of_now_is_accepted_for_later_where_the_way_costs_the_same(desk, hours):
    offer = await desk.flow.quote(asked())
    move(desk, NOON_SHANGHAI + timedelta(hours=hours))

    assert (await desk.flow.accept(VISIT, offer.token)).accepted_minor == offer.quote.amount_minor


async def test_a_quote_by_the_visits_own_times_is_accepted_at_the_edge_of_the_night(desk):
    start = NOON_SHANGHAI + timedelta(hours=10)
    times = {"depart_ms": to_ms(start) - 1_800_000, "appointment_ms": to_ms(start), "back_ms": to_ms(start) + 5_400_000}
    offer = await desk.flow.quote(asked(**times))
    move(desk, start)
    await desk.clock.advance(600)

    assert (await desk.flow.accept(VISIT, offer.token)).accepted_minor == offer.quote.amount_minor


async def test_a_bus_by_day_pays_no_visit_after_the_last_bus(desk):
    offer = await desk.flow.quote(asked(mode=Mode.TRANSIT))
    move(desk, MIDNIGHT)

    with pytest.raises(NotServed, match="taxi") as caught:
        await desk.flow.accept(VISIT, offer.token)

    assert (caught.value.status, caught.value.members["reason"]) == (409, "no_transit")


async def test_a_quote_of_now_is_not_accepted_for_a_day_of_the_next_tariff(desk):
    dearer = built_in_texts()["at-home-taxi"].replace('"1.90"', '"2.90"')
    await desk.shelf.add(SITE, dearer.replace("2024-01-01", f"{(NOON_SHANGHAI + timedelta(days=3)).date()}"))
    offer = await desk.flow.quote(asked())
    move(desk, NOON_SHANGHAI + timedelta(days=2))
    assert (await desk.flow.accept(VISIT, offer.token)).accepted_minor == offer.quote.amount_minor

    await moved(desk, NOON_SHANGHAI + timedelta(days=3))

    fare, quote = await desk.flow.fare_of(VISIT)
    assert quote.technician_minor > quote.customer_minor == fare.accepted_minor == offer.quote.amount_minor


async def test_no_price_is_promised_for_a_visit_farther_ahead_than_the_site_allows(desk):
    offer = await desk.flow.quote(asked())
    move(desk, NOON_SHANGHAI + timedelta(days=93))

    with pytest.raises(BadInput, match="92 days ahead"):
        await desk.flow.accept(VISIT, offer.token)


async def test_a_visit_moved_into_the_night_pays_her_more_and_the_customer_what_she_accepted(desk):
    offer = await desk.flow.quote(asked())
    accepted = await desk.flow.accept(VISIT, offer.token)

    await moved(desk, MIDNIGHT)

    fare, quote = await desk.flow.fare_of(VISIT)
    assert fare == msgspec.structs.replace(accepted, quote_id=quote.id)
    assert quote.supersedes == offer.quote.id
    assert quote.customer_minor == offer.quote.amount_minor == sum_minor(quote.lines)
    assert quote.technician_minor == quote.amount_minor > offer.quote.amount_minor
    assert quote.lines[-1].code is LineCode.PROMISE_KEPT


async def test_a_visit_moved_into_the_day_costs_the_customer_less_and_back_again_no_more_than_accepted(desk):
    move(desk, MIDNIGHT)
    offer = await desk.flow.quote(asked(depart_ms=to_ms(MIDNIGHT)))
    fare = await desk.flow.accept(VISIT, offer.token)

    await moved(desk, NOON_SHANGHAI + timedelta(hours=2))
    by_day = (await desk.flow.fare_of(VISIT))[1]
    await moved(desk, MIDNIGHT)
    by_night = (await desk.flow.fare_of(VISIT))[1]

    assert by_day.customer_minor < fare.accepted_minor == by_night.customer_minor == by_night.technician_minor


@pytest.mark.parametrize("hours", [2, 3, 9])
async def test_a_visit_moved_to_a_time_of_the_same_price_keeps_its_quote(desk, hours):
    offer = await desk.flow.quote(asked())
    await desk.flow.accept(VISIT, offer.token)

    await moved(desk, NOON_SHANGHAI + timedelta(hours=hours))

    assert (await desk.flow.fare_of(VISIT))[1] == offer.quote
    assert len(desk.router.asked) == 1


async def test_a_visit_moved_to_another_place_is_quoted_there_from_the_same_start(desk):
    offer = await desk.flow.quote(asked())
    await desk.flow.accept(VISIT, offer.token)

    await moved(desk, NOON_SHANGHAI + timedelta(hours=2), place=LatLon(39.85, 116.397))

    quote = (await desk.flow.fare_of(VISIT))[1]
    assert (quote.request.start, quote.request.end) == (offer.quote.request.start, LatLon(39.85, 116.397))
    assert quote.technician_minor > quote.customer_minor == offer.quote.amount_minor


async def test_a_visit_moved_to_where_no_bus_runs_keeps_the_accepted_quote(desk):
    offer = await desk.flow.quote(asked(mode=Mode.TRANSIT))
    await desk.flow.accept(VISIT, offer.token)

    await moved(desk, MIDNIGHT)

    assert (await desk.flow.fare_of(VISIT))[1] == offer.quote


async def test_accepting_holds_the_visit_so_that_moving_it_meanwhile_is_not_missed(desk):
    offer = await desk.flow.quote(asked())
    assert desk.visits.locked == []

    await desk.flow.accept(VISIT, offer.token)

    assert desk.visits.locked == [VISIT]


async def test_nothing_is_asked_anew_without_an_agreement_or_for_a_new_visit(desk):
    event = move(desk, MIDNIGHT)

    async with desk.work.begin() as tx:
        await desk.flow.on_stage_changed(tx, event)
        await desk.flow.on_stage_changed(tx, msgspec.structs.replace(event, before=None, after=Stage.CREATED))

    assert desk.timers.set_ == {}
    assert await desk.flow.retime(VISIT) is None
