"""The meter's ground: legs in whole millimetres on WGS-84."""

import math

from hypothesis import given
from hypothesis import strategies as st

from core.geo import LatLon, distance_m
from tracking.fares.meter_ground import length_mm, scales_at

LATS = st.integers(-700_000_000, 700_000_000)
LONS = st.integers(-1_800_000_000, 1_799_999_999)
STEPS = st.integers(-100_000, 100_000)


def series_m(lat_a: float, lon_a: float, lat_b: float, lon_b: float) -> float:
    """An independent measure: the cosine series for metres a degree on WGS-84."""
    phi = math.radians((lat_a + lat_b) / 2)
    north = 111132.92 - 559.82 * math.cos(2 * phi) + 1.175 * math.cos(4 * phi) - 0.0023 * math.cos(6 * phi)
    east = 111412.84 * math.cos(phi) - 93.5 * math.cos(3 * phi) + 0.118 * math.cos(5 * phi)
    return math.hypot((lat_b - lat_a) * north, (lon_b - lon_a) * east)


def test_a_degree_has_the_lengths_of_wgs_84() -> None:
    """Source: NGA, length of a degree at 0 and 45 degrees: 110.574 / 111.320 km and 111.132 / 78.847 km."""
    assert abs(length_mm(-50_000, 0, 50_000, 0) / 10 - 110_574) < 2
    assert abs(length_mm(0, -50_000, 0, 50_000) / 10 - 111_320) < 5
    assert abs(length_mm(449_950_000, 0, 450_050_000, 0) / 10 - 111_132) < 2
    assert abs(length_mm(450_000_000, 0, 450_000_000, 100_000) / 10 - 78_847) < 10


@given(LATS, LONS, STEPS, STEPS)
def test_a_leg_agrees_with_the_series_and_the_sphere(lat: int, lon: int, north: int, east: int) -> None:
    metres = length_mm(lat, lon, lat + north, lon + east) / 1000
    series = series_m(lat / 1e7, lon / 1e7, (lat + north) / 1e7, (lon + east) / 1e7)
    sphere = distance_m(LatLon(lat / 1e7, lon / 1e7), LatLon((lat + north) / 1e7, (lon + east) / 1e7))

    assert abs(metres - series) <= 0.0002 * series + 0.02
    assert abs(metres - sphere) <= 0.006 * sphere + 0.02


@given(LATS, LONS, STEPS, STEPS)
def test_a_leg_is_as_long_back_as_there(lat: int, lon: int, north: int, east: int) -> None:
    there = length_mm(lat, lon, lat + north, lon + east)
    back = length_mm(lat + north, lon + east, lat, lon)

    assert abs(there - back) <= 2


def test_a_leg_over_the_date_line_is_short() -> None:
    assert length_mm(0, 1_799_999_000, 0, -1_799_999_000) == length_mm(0, -1_000, 0, 1_000)


def test_scales_are_these_numbers_on_every_machine() -> None:
    assert scales_at(0) == (11672695, 11594553)
    assert scales_at(312_300_000) == (9989968, 11625926)
    assert scales_at(-450_000_000) == (8268049, 11653006)


def test_the_poles_have_a_scale() -> None:
    assert scales_at(900_000_000)[0] < 600
    assert scales_at(-900_000_000)[0] < 600
