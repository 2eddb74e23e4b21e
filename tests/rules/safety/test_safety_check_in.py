from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safety.check_in import Watch, WatchSettings, counts_for, deadlines_of, is_away, is_night
from tests.doubles.fake_clock import START
from visits.stage import Stage

SETTINGS = WatchSettings()
SHANGHAI = "Asia/Shanghai"


def minutes(count):
    return timedelta(minutes=count)


def deadline(stage, *, since=START, planned_min=90, last=None, is_risky=False, zone="UTC"):
    return next(iter(deadlines_of(stage, since, planned_min, last, zone, SETTINGS, is_risky=is_risky)), None)


def test_the_first_sign_of_life_is_asked_for_soon_after_the_start():
    first = deadline(Stage.IN_SERVICE)

    assert (first.watch, first.remind_at, first.due_at) == (Watch.CHECK_IN, START + minutes(10), START + minutes(20))


def test_by_day_every_hour_by_night_every_half_hour():
    by_day = deadline(Stage.IN_SERVICE, last=START, planned_min=300)
    by_night = deadline(Stage.IN_SERVICE, since=START + minutes(360), last=START + minutes(370), planned_min=300, zone=SHANGHAI)

    assert by_day.due_at == START + minutes(70)
    assert by_night.due_at == START + minutes(370 + 35)


def test_a_risky_client_is_watched_closer():
    assert deadline(Stage.IN_SERVICE, last=START, planned_min=300, is_risky=True).due_at == START + minutes(25)


def test_an_overrun_comes_before_a_later_check_in():
    late = deadline(Stage.IN_SERVICE, planned_min=60, last=START + minutes(58))

    assert (late.watch, late.remind_at, late.due_at) == (Watch.OVERRUN, START + minutes(60), START + minutes(75))


@pytest.mark.parametrize(
    ("stage", "watch", "due_min"),
    [(Stage.DEPARTED, Watch.NOT_ARRIVED, 60), (Stage.ARRIVED, Watch.NOT_STARTED, 20), (Stage.ENDED, Watch.CHECK_OUT, 10)],
)
def test_every_open_stage_has_its_deadline(stage, watch, due_min):
    found = deadline(stage)

    assert (found.watch, found.due_at) == (watch, START + minutes(due_min))
    assert found.remind_at < found.due_at


@pytest.mark.parametrize("stage", [Stage.CREATED, Stage.ASSIGNED, Stage.LEFT, Stage.CANCELLED, Stage.NO_SHOW])
def test_before_and_after_nothing_is_waited_for(stage):
    assert deadline(stage) is None


def test_night_crosses_midnight_in_the_zone_of_the_site():
    assert not is_night(START, SHANGHAI, SETTINGS)
    assert is_night(START + timedelta(hours=6), SHANGHAI, SETTINGS)
    assert is_night(START + timedelta(hours=11, minutes=59), SHANGHAI, SETTINGS)
    assert not is_night(START + timedelta(hours=12), SHANGHAI, SETTINGS)


def test_a_queued_check_in_from_forty_minutes_ago_says_nothing_about_now():
    assert not counts_for(START, START + minutes(40), START + minutes(30))
    assert counts_for(START, START + timedelta(seconds=5), START + minutes(30))


@given(st.integers(0, 600), st.integers(0, 600), st.integers(0, 600))
def test_a_queued_check_in_never_satisfies_a_deadline_after_it(device_min, delay_min, due_min):
    device_at, due_at = START + minutes(device_min), START + minutes(due_min)
    if delay_min > 2 and due_at > device_at:
        assert not counts_for(device_at, device_at + minutes(delay_min), due_at)


@pytest.mark.parametrize("stage", [Stage.ENDED, Stage.ABORTED_UNSAFE])
def test_after_the_service_she_leaves_and_says_so(stage):
    found = deadlines_of(stage, START, 60, None, "UTC", SETTINGS, is_risky=False)

    assert [each.watch for each in found] == [Watch.CHECK_OUT, Watch.NOT_LEFT]


def test_every_watch_is_left_at_another_threshold_than_it_is_entered():
    for stage in (Stage.DEPARTED, Stage.ARRIVED, Stage.IN_SERVICE, Stage.ENDED):
        for each in deadlines_of(stage, START, 60, None, "UTC", SETTINGS, is_risky=False):
            assert each.leave_at < each.due_at


def test_between_the_two_distances_she_is_where_she_was():
    assert is_away(301, SETTINGS, was_away=False)
    assert not is_away(250, SETTINGS, was_away=False)
    assert is_away(250, SETTINGS, was_away=True)
    assert not is_away(199, SETTINGS, was_away=True)
