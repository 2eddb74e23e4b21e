"""How fast PINs may be tried: as ever for who mistypes, ever more slowly for who guesses, and nobody is locked out."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from safety.pin_pace import ANSWER_AFTER_S, FORGOTTEN_AFTER, LONGEST_S, Pace, answer_after_s, begun, counted, wait_s

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def after_wrong(count, at=NOW):
    pace = Pace()
    for _ in range(count):
        pace = counted(pace, at)
    return pace


def test_four_wrong_pins_slow_nothing_down_and_then_each_doubles_the_time_up_to_six_seconds():
    assert [answer_after_s(after_wrong(count), NOW) for count in (0, 4, 5, 6, 7, 8, 5_000)] == [0.8, 0.8, 1.6, 3.2, 6.4, 6.4, 6.4]


def test_an_hour_after_the_first_of_them_wrong_pins_are_forgotten():
    pace = after_wrong(20)
    assert answer_after_s(pace, NOW + FORGOTTEN_AFTER - timedelta(seconds=1)) == LONGEST_S
    assert answer_after_s(pace, NOW + FORGOTTEN_AFTER) == ANSWER_AFTER_S
    assert counted(pace, NOW + FORGOTTEN_AFTER).wrong == 1


def test_the_next_try_waits_until_the_one_under_way_is_answered():
    pace = begun(Pace(), NOW)
    assert (wait_s(Pace(), NOW), wait_s(pace, NOW), wait_s(pace, NOW + timedelta(seconds=ANSWER_AFTER_S))) == (0.0, ANSWER_AFTER_S, 0.0)


@given(st.integers(0, 10_000), st.floats(-1e6, 1e6))
def test_whatever_clocks_say_nobody_waits_longer_than_six_seconds(wrong, ahead_s):
    pace = Pace(wrong=wrong, since=NOW, free_at=NOW + timedelta(seconds=ahead_s))
    assert 0 <= wait_s(pace, NOW) <= LONGEST_S
    assert ANSWER_AFTER_S <= answer_after_s(pace, NOW) <= LONGEST_S
