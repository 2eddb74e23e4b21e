"""The tariffs that come with the hub charge what their sources say."""

from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec
import pytest

from tracking.fares.built_in import built_in_tariffs
from tracking.fares.metered import Slice, SliceKind
from tracking.fares.pricing import Refusal, price, refusal
from tracking.fares.tariff import Tariff
from tracking.fares.tariff_terms import Confidence
from tracking.fares.way import Trip, plain_trip

KM = 1_000_000


def at(hour: int, minute: int = 0, *, day: int = 4, month: int = 3, zone: str = "Asia/Shanghai") -> int:
    return round(datetime(2026, month, day, hour, minute, tzinfo=ZoneInfo(zone)).timestamp() * 1000)


def total(name: str, distance_km: float, start_ms: int, minutes: float = 30, **more: object) -> int:
    return price(built_in_tariffs()[name], plain_trip(round(distance_km * KM), start_ms, round(minutes * 60_000), **more)).total_minor


@pytest.mark.parametrize(
    ("name", "distance_km", "start_ms", "fare_minor"),
    [
        ("at-home-taxi", 3.0, at(14), 900),
        ("at-home-taxi", 10.0, at(14), 2990),
        ("at-home-taxi", 10.0, at(23, 30), 3887),
        ("at-home-taxi", 10.0, at(22, 5), 2990),
        ("at-home-taxi-free-3km", 10.0, at(14), 1850),
        ("at-home-taxi-free-3km", 3.0, at(14), 0),
        ("at-home-transit", 10.0, at(14), 800),
    ],
)
def test_the_at_home_pattern_charges_its_published_vectors(name, distance_km, start_ms, fare_minor):
    assert total(name, distance_km, start_ms) == fare_minor


def test_a_bus_asked_for_after_the_last_one_is_refused():
    assert refusal(built_in_tariffs()["at-home-transit"], at(23, 50)) is Refusal.NO_TRANSIT


def test_a_bus_is_refused_when_none_runs_for_the_way_back():
    assert refusal(built_in_tariffs()["at-home-transit"], at(21), back_ms=at(23, 15)) is Refusal.NO_TRANSIT
    assert refusal(built_in_tariffs()["at-home-transit"], at(20), back_ms=at(22, 15)) is None


def test_a_tariff_that_begins_later_is_refused():
    assert refusal(built_in_tariffs()["cn-beijing-taxi-2013"], 0) is Refusal.NOT_YET_VALID


def test_the_platform_pays_the_technician_the_free_radius():
    priced = price(built_in_tariffs()["at-home-taxi-free-3km"], plain_trip(10 * KM, at(14)))

    assert (priced.total_minor, priced.technician_minor) == (1850, 2990)


@pytest.mark.parametrize(("distance_km", "yuan"), [(0.5, 3), (6, 3), (6.001, 4), (12, 4), (22, 5), (32, 6), (32.1, 7), (52, 7), (52.1, 8)])
def test_the_beijing_metro_follows_its_table(distance_km, yuan):
    assert total("cn-beijing-metro", distance_km, at(14)) == yuan * 100


@pytest.mark.parametrize(("distance_km", "yuan"), [(1, 2), (10, 2), (10.1, 3), (15, 3), (15.1, 4)])
def test_the_beijing_bus_follows_its_table(distance_km, yuan):
    assert total("cn-beijing-bus", distance_km, at(14)) == yuan * 100


@pytest.mark.parametrize(
    ("distance_km", "start_ms", "minutes", "yuan"),
    [
        (3, at(14), 10, 14),  # 13 + fuel 1
        (10, at(14), 20, 30),  # 13 + 7 x 2.30 + 1 = 30.10
        (20, at(14), 40, 59),  # 13 + 17 x 2.30 + 5 x 1.15 + 1 = 58.85
        (10, at(23, 30), 20, 33),  # 13 + 7 x 2.76 + 1 = 33.32
        (20, at(23, 30), 40, 67),  # 13 + 17 x 2.76 + 5 x 1.15 + 1 = 66.67
    ],
)
def test_the_beijing_taxi_adds_night_and_long_way(distance_km, start_ms, minutes, yuan):
    assert total("cn-beijing-taxi-2013", distance_km, start_ms, minutes) == yuan * 100


def test_slow_time_counts_full_blocks_and_costs_more_in_the_peak():
    def waited(hour: int, minutes: int) -> int:
        start = at(hour)
        slices = (Slice(start, start + 600_000, 5 * KM), Slice(start + 600_000, start + 600_000 + minutes * 60_000, 0, SliceKind.WAITING))
        return price(built_in_tariffs()["cn-beijing-taxi-2013"], Trip(slices=slices)).total_minor

    assert waited(14, 4) == 1900  # 13 + 2 x 2.30 + 1 = 18.60
    assert waited(14, 11) == 2300  # and 2 blocks of 2.30: 23.20
    assert waited(8, 11) == 2800  # and 2 blocks of 4.60: 27.80


def test_a_gap_is_no_evidence_of_slow_time():
    start = at(14)
    gap = Slice(start, start + 3_600_000, 2 * KM, SliceKind.GAP)

    assert price(built_in_tariffs()["cn-beijing-taxi-2013"], Trip(slices=(gap,))).total_minor == 1400


@pytest.mark.parametrize(("distance_km", "fen"), [(2, 1000), (20, 5860), (30, 9370), (40, 13285)])
def test_the_shenzhen_taxi_raises_its_rate_in_bands(distance_km, fen):
    assert total("cn-shenzhen-taxi-2024", distance_km, at(14), distance_km * 2) == fen


def test_extras_need_their_word_their_hours_and_their_days():
    assert total("cn-shenzhen-taxi-2024", 2, at(14), 5, carries=[("airport", 1)]) == 1000
    assert total("cn-shenzhen-taxi-2024", 2, at(2), 5, carries=[("airport", 1)]) == 1300 + 1500
    assert total("cn-shenzhen-taxi-2024", 2, at(14), 5, carries=[("luggage", 3)]) == 1150
    assert total("cn-shenzhen-taxi-2024", 2, at(14, month=2, day=17), 5) == 2000
    assert total("cn-shanghai-fengxian-2023", 3, at(14, month=10, day=2), 10) == 1900


def test_mode_s_lets_time_count_instead_of_distance_below_the_crossover_speed():
    day = at(12, zone="Europe/Berlin")

    assert total("eu-example-taxi", 5, day, 10) == 430 + 1250
    assert total("eu-example-taxi", 0.5, day, 10) == 430 + 600  # ten minutes at 36.00 an hour, nothing for 0.5 km


def test_mode_d_charges_miles_and_minutes_and_a_minimum():
    day = at(12, zone="America/New_York")

    assert total("us-example-ride", 1.609344 * 10, day, 20) == 255 + 1650 + 700 + 225
    assert total("us-example-ride", 0.1, day, 1) == 700


def test_night_and_long_way_add_up_or_multiply_as_the_tariff_says():
    night, long = (
        {"clock": "leg_start", "on": ["distance"], "windows": [{"from": "22:00", "to": "06:00", "factor": "1.2"}]},
        [{"from": "0", "factor": "1.5"}],
    )
    base = msgspec.to_builtins(built_in_tariffs()["cn-beijing-bus"]) | {"ladder": (), "steps": [{"from": "0", "per_unit": "1.00"}]}
    base |= {"night": night, "long": {"how": "graduated", "bands": long}}

    added, multiplied = (msgspec.convert(base | {"combine": how}, Tariff) for how in ("add", "multiply"))

    assert price(added, plain_trip(10 * KM, at(23))).total_minor == 1700
    assert price(multiplied, plain_trip(10 * KM, at(23))).total_minor == 1800


def test_every_city_tariff_is_trusted_medium_or_better_and_names_its_source():
    for name, tariff in built_in_tariffs().items():
        assert tariff.source
        assert name == tariff.id
        assert tariff.confidence is not Confidence.LOW or "example" in name
