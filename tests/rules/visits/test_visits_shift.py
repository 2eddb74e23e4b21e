"""Shifts: what they cover, how they pause and end."""

import itertools
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from visit_maker import NOW, a_shift

from core.clock import to_ms
from core.errors import BadInput, IllegalMove
from visits.shift import (
    Interval,
    ShiftEnd,
    ShiftState,
    auto_close_at,
    closed,
    covers,
    located,
    merged,
    must_be_plannable,
    paused,
    reminder_at,
    replanned,
    resumed,
)
from visits.site import SiteSettings

HOUR = timedelta(hours=1)
intervals = st.lists(
    st.tuples(st.integers(0, 100), st.one_of(st.none(), st.integers(0, 50))).map(
        lambda pair: Interval(pair[0], None if pair[1] is None else pair[0] + pair[1])
    ),
    max_size=8,
)


def test_an_interval_holds_its_beginning_and_not_its_end():
    assert covers((Interval(10, 20),), 10)
    assert not covers((Interval(10, 20),), 20)
    assert covers((Interval(10),), 10**15)


def test_an_open_shift_covers_from_its_opening_on():
    shift = a_shift()

    assert not covers(located(shift), to_ms(NOW) - 1)
    assert covers(located(shift), to_ms(NOW))
    assert covers(located(shift), to_ms(NOW + 20 * HOUR))


def test_pauses_are_not_covered_and_work_around_them_is():
    shift = closed(resumed(paused(a_shift(), NOW + HOUR), NOW + 2 * HOUR), NOW + 3 * HOUR, ShiftEnd.TECHNICIAN)
    hours = [covers(located(shift), to_ms(NOW + HOUR * half / 2)) for half in range(8)]

    assert hours == [True, True, False, False, True, True, False, False]


def test_closing_during_a_pause_covers_nothing_after_the_pause_began():
    shift = closed(paused(a_shift(), NOW + HOUR), NOW + 2 * HOUR, ShiftEnd.AUTOMATIC)

    assert located(shift) == (Interval(to_ms(NOW), to_ms(NOW + HOUR)),)
    assert shift.pauses[-1].until_ms == to_ms(NOW + 2 * HOUR)


@given(intervals, st.integers(-10, 200))
def test_merging_keeps_exactly_the_same_moments(pieces, at_ms):
    assert covers(merged(pieces), at_ms) == covers(pieces, at_ms)


@given(intervals)
def test_merged_intervals_are_ordered_and_do_not_touch(pieces):
    found = merged(pieces)
    for before, after in itertools.pairwise(found):
        assert before.until_ms is not None
        assert before.until_ms < after.from_ms


@pytest.mark.parametrize(
    ("state", "act"),
    [
        (ShiftState.OPEN, lambda shift: resumed(shift, NOW)),
        (ShiftState.PAUSED, lambda shift: paused(shift, NOW)),
        (ShiftState.CLOSED, lambda shift: paused(shift, NOW)),
        (ShiftState.CLOSED, lambda shift: resumed(shift, NOW)),
        (ShiftState.CLOSED, lambda shift: closed(shift, NOW, ShiftEnd.TECHNICIAN)),
        (ShiftState.CLOSED, lambda shift: replanned(shift, NOW)),
    ],
)
def test_what_a_state_does_not_allow_is_refused_naming_it(state, act):
    shift = {
        ShiftState.OPEN: a_shift(),
        ShiftState.PAUSED: paused(a_shift(), NOW),
        ShiftState.CLOSED: closed(a_shift(), NOW, ShiftEnd.TECHNICIAN),
    }[state]
    assert shift.state is state

    with pytest.raises(IllegalMove) as refused:
        act(shift)
    assert refused.value.members["state"] == state


def test_the_planned_end_lies_ahead_and_within_the_longest_shift():
    settings = SiteSettings(shift_max_h=10)

    assert must_be_plannable(NOW, NOW + 10 * HOUR, settings) == NOW + 10 * HOUR
    for bad in (NOW, NOW - HOUR, NOW + 11 * HOUR):
        with pytest.raises(BadInput):
            must_be_plannable(NOW, bad, settings)


def test_reminder_and_closing_follow_the_planned_end():
    settings = SiteSettings(shift_reminder_min=15, shift_auto_close_min=30)
    shift = a_shift()

    assert reminder_at(shift, settings) == shift.planned_end - timedelta(minutes=15)
    assert auto_close_at(shift, settings) == shift.planned_end + timedelta(minutes=30)
    assert reminder_at(a_shift(planned_end=NOW + timedelta(minutes=5)), settings) == NOW
