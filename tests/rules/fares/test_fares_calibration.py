"""Learning how much longer the road is than the straight line."""

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import BadInput
from core.geo import LatLon, distance_m, moved
from tracking.fares.calibration import DEFAULT_FACTORS, KnownTrip, learn, quantile, quote_errors, trips_from_csv

NYC = Path(__file__).resolve().parents[4] / "shared/data/nyc_taxi_2013_meter.csv"
HOME = LatLon(31.23, 121.47)


def trip(bearing: float, straight_m: float, factor: float) -> KnownTrip:
    return KnownTrip(HOME, moved(HOME, bearing, straight_m), straight_m * factor)


def test_without_trips_the_factor_is_1_27_with_a_range() -> None:
    guess = learn([]).guess(HOME, moved(HOME, 10, 1000))

    assert (round(guess.metres), round(guess.low_m), round(guess.high_m)) == (1270, 1010, 1600)


def test_many_trips_teach_the_city_its_factor() -> None:
    factors = learn([trip(n * 37 % 360, 500 + 40 * n, 1.5) for n in range(300)])

    assert abs(factors.guess(HOME, moved(HOME, 100, 3000)).factor - 1.5) < 0.02


def test_three_trips_move_the_factor_only_a_little() -> None:
    assert 1.27 < learn([trip(0, 1500, 1.9)] * 3).guess(HOME, moved(HOME, 0, 1500)).factor < 1.45


def test_a_grid_is_found_with_its_direction() -> None:
    def across(bearing: float) -> KnownTrip:
        turned = math.radians(bearing - 30)
        return trip(bearing, 2000, abs(math.sin(turned)) + abs(math.cos(turned)))

    factors = learn([across(bearing) for bearing in range(0, 360, 3)])

    assert (factors.grid_deg, factors.grid_weight) == (30, 1.0)
    assert factors.guess(HOME, moved(HOME, 30, 2000)).factor < 1.1 < 1.35 < factors.guess(HOME, moved(HOME, 75, 2000)).factor


def test_round_tours_and_impossible_trips_teach_nothing() -> None:
    assert learn([trip(0, 1000, 0.5), trip(0, 1000, 9), trip(0, 50, 1.2)]) == DEFAULT_FACTORS


def test_the_same_place_is_no_way() -> None:
    assert learn([]).guess(HOME, HOME).metres == 0


BEARINGS = st.floats(0, 360)


@given(st.lists(st.tuples(BEARINGS, st.floats(1, 40_000), st.floats(0.1, 9)), max_size=30), BEARINGS, st.floats(0, 50_000))
def test_a_guess_is_never_shorter_than_the_line_nor_twice_as_long(
    trips: list[tuple[float, float, float]], bearing: float, away_m: float
) -> None:
    end = moved(HOME, bearing, away_m)

    guess = learn([trip(*one) for one in trips]).guess(HOME, end)

    assert distance_m(HOME, end) <= guess.low_m + 1e-6 <= guess.metres + 2e-6 <= guess.high_m + 3e-6 <= 2 * distance_m(HOME, end) + 1


def test_a_bad_line_is_named() -> None:
    with pytest.raises(BadInput, match="Line 3"):
        trips_from_csv("meter_miles,pickup_lat,pickup_lon,dropoff_lat,dropoff_lon\n1,40,-73,40.01,-73\nx,40,-73,40.01,-73\n")


def test_quantiles_are_linear_between_neighbours() -> None:
    assert [quantile([4, 1, 3, 2], share) for share in (0, 0.5, 1)] == [1, 2.5, 4]


@pytest.mark.skipif(not NYC.is_file(), reason="the trips are not part of a checkout")
def test_the_learned_factor_quotes_other_trips_of_new_york_better_than_the_constant() -> None:
    trips = trips_from_csv(NYC.read_text())

    learned, constant = quote_errors(trips[1::2], learn(trips[::2])), quote_errors(trips[1::2], DEFAULT_FACTORS)

    assert learned.mean_size < constant.mean_size - 2
    assert learned.p95 < constant.p95 - 10
