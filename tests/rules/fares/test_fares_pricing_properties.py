"""Whatever the tariff and the way: exact, never negative, never cheaper for being longer."""

import itertools
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.rules.fares.fare_oracle import STARTS, oracle_minor, slices_of_chance, tariffs
from tracking.fares.local_clock import Window, cuts, is_within
from tracking.fares.metered import Slice
from tracking.fares.priced import LineCode, sum_minor
from tracking.fares.pricing import price
from tracking.fares.tariff import Tariff, canonical, of_canonical, tariff_hash
from tracking.fares.tariff_check import problems_of
from tracking.fares.way import Trip, plain_trip

SOME = settings(max_examples=min(150, settings().max_examples))
MANY = settings(max_examples=settings().max_examples + 100)
"""Of the profile, local or CI: tariffs of chance are dear to make."""


def _tariff(raw) -> Tariff:
    tariff = msgspec.convert(raw, Tariff)
    assert problems_of(tariff) == []
    return tariff


@MANY
@given(tariffs(), slices_of_chance(), st.integers(0, 40_000_000))
def test_a_price_equals_that_of_rational_arithmetic(raw, slices, later_ms):
    tariff = _tariff(raw)
    trip = Trip(slices=slices, appointment_ms=slices[-1].end_ms, back_start_ms=slices[-1].end_ms + later_ms)

    assert price(tariff, trip).total_minor == oracle_minor(tariff, trip)


@SOME
@given(tariffs(), slices_of_chance())
def test_lines_add_up_and_nothing_is_negative(raw, slices):
    priced = price(_tariff(raw), Trip(slices=slices))

    assert priced.total_minor == sum_minor(priced.lines) >= 0
    assert all(line.amount_minor >= 0 for line in priced.lines if line.code not in (LineCode.CAP, LineCode.ROUNDING))


@SOME
@given(tariffs(), slices_of_chance(), st.integers(1, 9_000_000), st.integers(0, 3_000_000))
def test_going_on_never_costs_less(raw, slices, more_mm, more_ms):
    tariff, back_ms = _tariff(raw), slices[-1].end_ms + 10_000_000
    end = slices[-1].end_ms
    longer = (*slices, Slice(end, end + more_ms, more_mm))

    shorter_trip = Trip(slices=slices, appointment_ms=end, back_start_ms=back_ms)
    assert (
        price(tariff, Trip(slices=longer, appointment_ms=end, back_start_ms=back_ms)).total_minor >= price(tariff, shorter_trip).total_minor
    )


@SOME
@given(tariffs(time_modes=("none", "D", "S")), STARTS, st.integers(0, 60_000_000), st.integers(0, 20_000_000))
def test_more_distance_in_the_same_time_never_costs_less_by_day(raw, start_ms, distance_mm, more_mm):
    raw.pop("night", None)
    tariff = _tariff(raw)

    assert (
        price(tariff, plain_trip(distance_mm + more_mm, start_ms, 3_000_000)).total_minor
        >= price(tariff, plain_trip(distance_mm, start_ms, 3_000_000)).total_minor
    )


@SOME
@given(
    STARTS, st.integers(0, 40_000_000), st.integers(1, 9_000_000), st.sampled_from(["Asia/Shanghai", "Europe/Berlin", "America/New_York"])
)
def test_a_way_split_at_the_night_boundary_costs_what_its_parts_cost(start_ms, distance_mm, duration_ms, zone):
    tariff = msgspec.convert(
        {
            **BARE,
            "zone": zone,
            "night": {"clock": "split", "on": ["distance"], "windows": [{"from": "23:00", "to": "05:00", "factor": "1.2"}]},
        },
        Tariff,
    )
    night = Window(from_="23:00", to="05:00")
    marks = [start_ms, *cuts(start_ms, start_ms + duration_ms, [night], zone), start_ms + duration_ms]

    expected = sum(
        Decimal(distance_mm) * (b - a) / duration_ms * (Decimal("2.4") if is_within(a, night, zone) else 2)
        for a, b in itertools.pairwise(marks)
    )
    actual = price(tariff, plain_trip(distance_mm, start_ms, duration_ms)).total_minor
    assert abs(actual - expected / 10_000) <= Decimal("0.500001")


@SOME
@given(STARTS, st.integers(0, 30_000_000), st.sampled_from(["Asia/Shanghai", "Europe/Berlin", "America/New_York", "Asia/Urumqi"]))
def test_cuts_miss_no_change_of_a_window(start_ms, duration_ms, zone):
    windows = [Window(from_="23:00", to="02:30"), Window(from_="02:30", to="03:10")]
    marks = [start_ms, *cuts(start_ms, start_ms + duration_ms, windows, zone), start_ms + duration_ms]

    for a, b in itertools.pairwise(marks):
        held = {tuple(is_within(at, window, zone) for window in windows) for at in range(a, b, 60_000)}
        assert len(held) <= 1


@SOME
@given(tariffs())
def test_the_canonical_form_reads_back_to_the_same_hash(raw):
    tariff = _tariff(raw)

    assert tariff_hash(of_canonical(canonical(tariff))) == tariff_hash(tariff)


def test_the_same_slices_split_in_two_cost_the_same():
    tariff = msgspec.convert({**BARE, "time": {"mode": "D", "price": "0.5", "block_s": 60}}, Tariff)
    at = round(datetime(2026, 3, 28, 22, 10, tzinfo=ZoneInfo("UTC")).timestamp() * 1000)
    whole = Trip(slices=(Slice(at, at + 1_000_000, 5_000_000),))
    halves = Trip(slices=(Slice(at, at + 400_000, 2_000_000), Slice(at + 400_000, at + 1_000_000, 3_000_000)))

    assert price(tariff, whole) == price(tariff, halves)


BARE = {
    "id": "bare",
    "title": {"zh": "裸", "en": "bare"},
    "currency": "CNY",
    "zone": "Asia/Shanghai",
    "valid_from": "2020-01-01",
    "source": "a test",
    "confidence": "low",
    "mode": "taxi",
    "steps": [{"from": "0", "per_unit": "2"}],
}


def test_distance_at_the_very_instant_a_night_ends_is_of_the_day():
    """A slice without duration at the end of a way, 06:00 sharp: found by chance as a clock change at the end of a random one."""
    six_ms = int(datetime(2026, 3, 2, 6, tzinfo=ZoneInfo("Asia/Shanghai")).timestamp() * 1000)
    night = [Slice(six_ms - 600_000, six_ms, 0), Slice(six_ms, six_ms, 4_000_000)]
    raw = {
        "id": "night-only", "title": {"zh": "夜", "en": "night"}, "currency": "CNY", "zone": "Asia/Shanghai", "valid_from": "2020-01-01",
        "source": "test", "confidence": "low", "mode": "taxi", "trip": "one_way", "steps": [{"from": "0", "per_unit": "2.00"}],
        "night": {"clock": "split", "on": ["distance"], "windows": [{"from": "22:00", "to": "06:00", "factor": "2"}]},
    }  # fmt: skip

    assert price(_tariff(raw), Trip(slices=tuple(night))).total_minor == 800


@SOME
@given(
    st.integers(1, 30_000_000), st.decimals("1.1", 3, places=1), st.decimals("1.1", 3, places=1), st.sampled_from(["add", "multiply"])
)
def test_night_and_long_way_add_up_or_multiply_as_the_tariff_says(distance_mm, night, long, combine):
    raw = {
        "id": "both", "title": {"zh": "夜远", "en": "both"}, "currency": "CNY", "zone": "Asia/Shanghai", "valid_from": "2020-01-01",
        "source": "test", "confidence": "low", "mode": "taxi", "trip": "one_way", "steps": [{"from": "0", "per_unit": "2.30"}],
        "combine": combine, "long": {"how": "graduated", "bands": [{"from": "5", "factor": str(long)}]},
        "night": {"clock": "leg_start", "on": ["distance"], "windows": [{"from": "22:00", "to": "06:00", "factor": str(night)}]},
    }  # fmt: skip
    at_ms = int(datetime(2026, 3, 2, 23, tzinfo=ZoneInfo("Asia/Shanghai")).timestamp() * 1000)
    near, far = min(distance_mm, 5_000_000), max(0, distance_mm - 5_000_000)
    night, long = Fraction(night), Fraction(long)
    factor = night * long if combine == "multiply" else night + long - 1

    fen = (near * night + far * factor) * Fraction(230, 1_000_000)

    assert price(_tariff(raw), plain_trip(distance_mm, at_ms, 60_000)).total_minor == int(fen + Fraction(1, 2))
