"""A replay is as fast as asked where the hub can believe it."""

import itertools

import pytest

from core.geo import LatLon, distance_m
from hub.replay_plan import BELIEVED_MPS, Times, duration_s, ending_at, timetable
from tracking.recording_point import RecordedFix


def drive(mps: float, seconds: int) -> list[RecordedFix]:
    return [RecordedFix(at_ms=second * 1000, lat=second * mps / 111_195, lon=11.0) for second in range(seconds + 1)]


def test_as_recorded_takes_as_long():
    assert duration_s(timetable(drive(10, 60), 1, Times.LIVE)) == pytest.approx(60)


def test_a_stop_is_sped_up_in_full():
    assert duration_s(timetable(drive(0, 60), 20, Times.LIVE)) == pytest.approx(3)


def test_a_car_is_never_faster_than_believed():
    steps = timetable(drive(15, 60), 20, Times.LIVE)

    assert duration_s(steps) == pytest.approx(60 * 15 / BELIEVED_MPS, rel=0.01)


def test_a_recording_that_is_moved_ends_at_the_place_and_stays_as_long():
    drive = [RecordedFix(at_ms=second * 1000, lat=48.1 + second * 1e-4, lon=11.5 - second * 2e-4) for second in range(600)]
    place = LatLon(-33.9, 151.2)

    moved = ending_at(drive, place)

    assert (moved[-1].lat, moved[-1].lon) == (place.lat, place.lon)
    assert length_m(moved) == pytest.approx(length_m(drive), rel=0.005)
    assert [fix.at_ms for fix in moved] == [fix.at_ms for fix in drive]
    assert ending_at([], place) == []


def length_m(fixes: list[RecordedFix]) -> float:
    return sum(distance_m(LatLon(a.lat, a.lon), LatLon(b.lat, b.lon)) for a, b in itertools.pairwise(fixes))


def test_backdated_fixes_keep_their_spacing():
    steps = timetable(drive(15, 60), 20, Times.BACKDATED)

    assert {late.claims_ms - early.claims_ms for early, late in itertools.pairwise(steps)} == {1000}


def test_backdated_fixes_end_now():
    last = timetable(drive(15, 60), 20, Times.BACKDATED)[-1]

    assert last.claims_ms == pytest.approx(last.after_s * 1000)


def test_fixes_are_sent_in_the_order_of_their_times():
    steps = timetable(list(reversed(drive(5, 10))), 1, Times.LIVE)

    assert [step.after_s for step in steps] == sorted(step.after_s for step in steps)


def test_an_empty_recording_takes_no_time():
    assert duration_s(timetable([], 20, Times.BACKDATED)) == 0
