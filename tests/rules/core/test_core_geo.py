import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.geo import LatLon, bearing_deg, distance_m, moved, surely_beyond, surely_within

PLACES = st.builds(LatLon, st.floats(-80, 80), st.floats(-179, 179))


def test_a_degree_of_latitude_is_one_three_hundred_sixtieth_of_the_earth():
    assert distance_m(LatLon(0, 0), LatLon(1, 0)) == pytest.approx(2 * math.pi * 6_371_008.8 / 360)


@given(PLACES, PLACES)
def test_the_way_back_is_as_long(a, b):
    assert distance_m(a, b) == pytest.approx(distance_m(b, a), abs=1e-6)


@given(PLACES, st.floats(0, 359.9), st.floats(1, 50_000))
def test_moving_lands_at_the_distance_and_bearing_asked_for(start, bearing, distance):
    end = moved(start, bearing, distance)

    assert distance_m(start, end) == pytest.approx(distance, rel=1e-6)
    turned = (bearing_deg(start, end) - bearing + 180) % 360 - 180
    assert abs(turned) < 0.1


@pytest.mark.parametrize("lat, lon", [(math.nan, 0), (0, math.inf), (91, 0), (0, 181), (-90.1, 0)])
def test_a_place_that_is_none_is_refused_in_words(lat, lon):
    with pytest.raises(ValueError, match="Position"):
        LatLon.checked(lat, lon)


@given(PLACES, PLACES, st.floats(0, 30_000_000))
def test_a_quick_answer_agrees_with_the_measured_distance(a, b, limit):
    slack_m = 1e-6 * limit + 1e-3

    assert not surely_within(a, b, limit) or distance_m(a, b) <= limit + slack_m
    assert not surely_beyond(a, b, limit) or distance_m(a, b) >= limit - slack_m
