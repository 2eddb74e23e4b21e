"""Which quote suits which visit: what fits stays, what does not is the visit's own, and an honest one is never refused."""

from datetime import datetime, timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.clock import to_ms
from core.geo import LatLon
from tests.doubles.fare_ports import FAR, HOME, NOON_SHANGHAI, SITE, VISIT, a_visit
from tests.rules.fares.fare_oracle import oracle_minor, tariffs
from tracking.fares.bill import quoted_trip
from tracking.fares.built_in import built_in_tariffs
from tracking.fares.quote import QuoteRequest, asked_again, kept_promise
from tracking.fares.quote_fit import FIT_MS, for_visit, leads_there, says_the_same
from tracking.fares.quote_pricing import priced_quote
from tracking.fares.tariff import Tariff
from tracking.fares.tariff_terms import Mode, TripShape
from tracking.router import Route, RouteSource

SOME = settings(max_examples=min(150, settings().max_examples))
NOON_MS = to_ms(NOON_SHANGHAI)
HOUR_MS = 3_600_000
SECONDS = (1200, 1500)
DAY_MS = 24 * HOUR_MS
BOTH_WAYS = built_in_tariffs()["at-home-taxi"]
BUS = built_in_tariffs()["at-home-transit"]


def asked(**changes) -> QuoteRequest:
    plain = QuoteRequest(site_id=SITE, start=FAR, end=HOME, mode=Mode.TAXI, depart_ms=NOON_MS)
    return msgspec.structs.replace(plain, **changes)


def quote_of(request: QuoteRequest, tariff: Tariff, *, is_same: bool = False):
    route = Route(metres=10_000.0, seconds_p50=SECONDS[0], seconds_p90=SECONDS[1], source=RouteSource.ENGINE)
    return priced_quote("q1", request, tariff, route, is_same=is_same, now_ms=NOON_MS, ttl_ms=900_000)


def a_visit_at(hours: float, *, window_min: int = 30, planned_min: int = 60):
    start: datetime = NOON_SHANGHAI + timedelta(hours=hours)
    return a_visit(window_start=start, window_end=start + timedelta(minutes=window_min), planned_min=planned_min)


def fitted(request: QuoteRequest, visit, now_ms: int = NOON_MS) -> QuoteRequest:
    return for_visit(request, visit, SECONDS, now_ms)


def test_times_that_are_not_named_or_do_not_fit_are_the_visits_own():
    found = fitted(asked(), a_visit_at(12))

    midnight_ms = NOON_MS + 12 * HOUR_MS
    assert found.appointment_ms == midnight_ms
    assert found.depart_ms == midnight_ms - SECONDS[0] * 1000
    assert found.back_ms == midnight_ms + HOUR_MS


@pytest.mark.parametrize(
    ("appointment_min", "stays"),
    [(-1, False), (0, True), (17, True), (30, True), (31, False)],
)
def test_an_appointment_fits_inside_the_window_alone(appointment_min, stays):
    opens_ms = NOON_MS + 2 * HOUR_MS
    named_ms = opens_ms + appointment_min * 60_000

    found = fitted(asked(appointment_ms=named_ms), a_visit_at(2))

    assert found.appointment_ms == (named_ms if stays else opens_ms)


@pytest.mark.parametrize(("from_bound_ms", "stays"), [(-1, False), (0, True)])
def test_setting_out_fits_from_half_an_hour_before_the_slowest_way(from_bound_ms, stays):
    opens_ms = NOON_MS + 5 * HOUR_MS
    depart_ms = opens_ms - SECONDS[1] * 1000 - FIT_MS + from_bound_ms

    found = fitted(asked(depart_ms=depart_ms), a_visit_at(5))

    assert found.depart_ms == (depart_ms if stays else opens_ms - SECONDS[0] * 1000)


@pytest.mark.parametrize(("from_bound_ms", "stays"), [(0, True), (1, False)])
def test_setting_out_fits_until_the_window_ends(from_bound_ms, stays):
    depart_ms = NOON_MS + 5 * HOUR_MS + 30 * 60_000 + from_bound_ms

    assert (fitted(asked(depart_ms=depart_ms), a_visit_at(5)).depart_ms == depart_ms) is stays


def test_she_who_is_late_sets_out_now():
    late_ms = NOON_MS + 9 * HOUR_MS

    found = fitted(asked(depart_ms=late_ms), a_visit_at(2), late_ms)

    assert (found.depart_ms, found.appointment_ms) == (late_ms, NOON_MS + 2 * HOUR_MS)
    assert found.back_ms == late_ms + SECONDS[0] * 1000 + HOUR_MS
    assert fitted(asked(depart_ms=NOON_MS - DAY_MS), a_visit_at(2), late_ms).depart_ms == late_ms


@pytest.mark.parametrize(("minutes", "stays"), [(29, False), (30, True), (60, True), (120, True), (121, False)])
def test_a_way_back_fits_half_an_hour_around_the_planned_end(minutes, stays):
    opens_ms = NOON_MS + 2 * HOUR_MS
    request = asked(depart_ms=opens_ms - SECONDS[0] * 1000, back_ms=opens_ms + minutes * 60_000)

    assert (fitted(request, a_visit_at(2)).back_ms == request.back_ms) is stays


def test_another_place_is_the_visits_own():
    far = asked(end=LatLon(39.95, 116.397))

    assert not leads_there(far, a_visit_at(2))
    assert fitted(far, a_visit_at(2)).end == HOME


@pytest.mark.parametrize(
    ("tariff", "hours", "is_same"),
    [(BOTH_WAYS, 2, True), (BOTH_WAYS, 9.9, True), (BOTH_WAYS, 12, False), (BOTH_WAYS, 24, True), (BUS, 2, True), (BUS, 13, False)],
)
def test_a_noon_quote_says_the_same_by_day_and_another_sum_by_night(tariff, hours, is_same):
    quote = quote_of(asked(), tariff)

    assert says_the_same(quote, tariff, fitted(quote.request, a_visit_at(hours))) is is_same


def test_a_night_quote_by_day_would_cheat_the_customer():
    quote = quote_of(asked(depart_ms=NOON_MS + 12 * HOUR_MS), BOTH_WAYS)

    assert not says_the_same(quote, BOTH_WAYS, fitted(quote.request, a_visit_at(2)))


def test_a_way_back_by_night_that_was_not_named_counts():
    back_priced = msgspec.structs.replace(built_in_tariffs()["cn-beijing-taxi-2013"], trip=TripShape.RETURN_PRICED)
    quote = quote_of(asked(depart_ms=NOON_MS + 10 * HOUR_MS, appointment_ms=NOON_MS + 10 * HOUR_MS), back_priced)

    assert says_the_same(quote, back_priced, fitted(quote.request, a_visit_at(10, planned_min=10)))
    assert not says_the_same(quote, back_priced, fitted(quote.request, a_visit_at(10, planned_min=90)))


def test_a_kept_promise_and_the_same_place_are_no_other_price():
    quote = quote_of(asked(), BOTH_WAYS)
    noon = fitted(quote.request, a_visit_at(2))

    assert says_the_same(kept_promise(quote, quote.amount_minor - 100), BOTH_WAYS, noon)
    assert says_the_same(quote_of(asked(), BOTH_WAYS, is_same=True), BOTH_WAYS, fitted(asked(), a_visit_at(12)))


minutes = st.integers(0, 3 * 1440)


@SOME
@given(opens=minutes, window=st.integers(0, 1440), inside=st.floats(0, 1), early=st.integers(0, 30), planned=st.integers(1, 1440))
def test_a_quote_asked_by_the_visits_own_times_stays_as_it_is(opens, window, inside, early, planned):
    visit = a_visit_at(opens / 60, window_min=window, planned_min=planned)
    appointment_ms = to_ms(visit.window_start) + int(inside * window * 60_000)
    request = asked(
        depart_ms=appointment_ms - SECONDS[0] * 1000 - early * 60_000,
        appointment_ms=appointment_ms,
        back_ms=appointment_ms + planned * 60_000,
    )

    assert fitted(request, visit) == request


@SOME
@given(
    depart=st.integers(-1440, 3 * 1440), appointment=st.none() | minutes, back=st.none() | minutes, opens=st.integers(-600, 3 * 1440),
    window=st.integers(0, 1440), planned=st.integers(1, 1440), other_way_s=st.integers(0, 1800),
)  # fmt: skip
def test_what_is_asked_anew_is_accepted_though_the_way_takes_longer_or_shorter(
    depart, appointment, back, opens, window, planned, other_way_s
):
    named = [None if each is None else NOON_MS + each * 60_000 for each in (depart, appointment, back)]
    visit = a_visit_at(opens / 60, window_min=window, planned_min=planned)
    request = asked(depart_ms=named[0], appointment_ms=named[1], back_ms=named[2])

    fresh = for_visit(asked_again(request, VISIT, NOON_MS), visit, SECONDS, NOON_MS, slack_ms=0)

    assert fresh.depart_ms >= NOON_MS
    assert fresh.back_ms > fresh.depart_ms
    assert for_visit(fresh, visit, (other_way_s, other_way_s), NOON_MS) == fresh


@SOME
@given(raw=tariffs(), depart=minutes, opens=minutes, planned=st.integers(1, 600))
def test_who_is_not_refused_pays_the_price_of_the_visits_time(raw, depart, opens, planned):
    tariff = msgspec.convert(raw, Tariff)
    quote = quote_of(asked(depart_ms=NOON_MS + depart * 60_000), tariff)
    visit = a_visit_at(opens / 60, planned_min=planned)

    then = fitted(quote.request, visit)

    if says_the_same(quote, tariff, then):
        trip = quoted_trip(msgspec.structs.replace(quote, request=then))
        assert quote.amount_minor == oracle_minor(tariff, trip)
