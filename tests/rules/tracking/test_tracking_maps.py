"""Arrival windows are steady, maps get longitude first and nothing that JSON cannot say."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.geo import LatLon
from tracking.arrival import MIN_WIDTH_MS, arrival
from tracking.fix import Fix, Judged, Lane, Reason
from tracking.map_features import dumped, fix_feature, point, track_collection
from tracking.router import Route, RouteSource

NOW_MS = 1_772_442_000_000
MINUTE_MS = 60_000


def route(p50_s: float, p90_s: float) -> Route:
    return Route(metres=5000, seconds_p50=p50_s, seconds_p90=p90_s, source=RouteSource.FACTOR)


def test_the_window_spans_what_such_trips_take() -> None:
    window = arrival(route(600, 840), NOW_MS, NOW_MS)
    assert (window.earliest_ms - NOW_MS, window.latest_ms - NOW_MS) == (9 * MINUTE_MS, 14 * MINUTE_MS)


def test_the_window_stays_while_it_is_right_within_a_minute_and_moves_when_it_is_not() -> None:
    first = arrival(route(600, 840), NOW_MS, NOW_MS)
    steady = arrival(route(560, 800), NOW_MS + 10_000, NOW_MS + 10_000, first)
    assert (steady.earliest_ms, steady.latest_ms) == (first.earliest_ms, first.latest_ms)
    moved = arrival(route(800, 1000), NOW_MS + 10_000, NOW_MS + 10_000, first)
    assert moved.latest_ms > first.latest_ms


@given(st.floats(0, 7200), st.floats(0, 7200), st.integers(0, 600_000), st.integers(0, 600_000))
def test_a_window_is_never_past_and_never_narrower_than_two_minutes(p50_s: float, more_s: float, age_ms: int, later_ms: int) -> None:
    first = arrival(route(p50_s, p50_s + more_s), NOW_MS - age_ms, NOW_MS)
    assert first.earliest_ms >= NOW_MS
    assert first.latest_ms - first.earliest_ms >= MIN_WIDTH_MS
    again = arrival(route(p50_s, p50_s + more_s), NOW_MS - age_ms, NOW_MS + later_ms, first)
    assert NOW_MS + later_ms <= again.earliest_ms <= again.latest_ms


def fix(second: int, lat: float = 31.123456789, lon: float = 121.987654321) -> Fix:
    at_ms = NOW_MS + second * 1000
    return Fix("d", 7, second, "t1", at_ms, at_ms, at_ms, lat, lon, 5.0)


def test_a_point_has_longitude_first_and_six_decimals() -> None:
    assert json.loads(dumped(point(LatLon(31.123456789, 121.987654321)))) == {"type": "Point", "coordinates": [121.987654, 31.123457]}


def test_a_fix_says_its_age_and_leaves_out_what_is_unknown() -> None:
    feature = json.loads(dumped(fix_feature(fix(0), NOW_MS + 65_000)))
    assert feature["properties"] == {"at_ms": NOW_MS, "age_s": 65, "accuracy_m": 5.0}


def test_a_position_that_json_cannot_say_is_refused() -> None:
    with pytest.raises(ValueError, match="not finite"):
        point(LatLon(math.nan, 1.0))


def test_a_track_is_one_line_with_times_and_the_others_stand_aside_with_reasons() -> None:
    judged = [Judged(fix(0), Lane.LIVE), Judged(fix(1), Lane.LEDGER_ONLY, (Reason.JUMP,)), Judged(fix(2), Lane.LIVE)]
    line, aside = json.loads(dumped(track_collection(judged)))["features"]
    assert line["geometry"]["type"] == "LineString"
    assert line["properties"]["coordTimes"] == [NOW_MS, NOW_MS + 2000]
    assert aside["properties"]["reasons"] == ["jump"]


def test_tracks_of_one_fix_and_of_none_are_valid() -> None:
    assert json.loads(dumped(track_collection([Judged(fix(0), Lane.LIVE)])))["features"][0]["geometry"]["type"] == "Point"
    assert json.loads(dumped(track_collection([]))) == {"type": "FeatureCollection", "features": []}
