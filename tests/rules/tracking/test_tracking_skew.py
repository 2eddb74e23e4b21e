"""A wrong phone clock is corrected; a right one, a slow network and satellite time are left alone."""

from tracking.skew import Skew, corrected_ms, observed

HOUR_MS = 3_600_000
NOW_MS = 1_772_442_000_000


def test_a_clock_two_hours_fast_is_corrected() -> None:
    skew = observed(Skew(), NOW_MS + 2 * HOUR_MS - 300, NOW_MS, NOW_MS + 2 * HOUR_MS - 1000)
    assert corrected_ms(skew, NOW_MS + 2 * HOUR_MS - 1000) == NOW_MS - 700


def test_a_clock_a_decade_slow_is_corrected() -> None:
    skew = observed(Skew(), 1_000, NOW_MS, 900)
    assert corrected_ms(skew, 900) == NOW_MS - 100


def test_a_slow_frame_is_not_taken_for_a_wrong_clock_after_a_quick_one() -> None:
    skew = observed(Skew(), NOW_MS - 100, NOW_MS, NOW_MS - 200)
    skew = observed(skew, NOW_MS, NOW_MS + 40_000, NOW_MS)
    assert corrected_ms(skew, NOW_MS) == NOW_MS


def test_satellite_time_stays_although_the_phones_clock_is_wrong() -> None:
    skew = observed(Skew(), NOW_MS - 2 * HOUR_MS, NOW_MS, NOW_MS - 500)
    assert corrected_ms(skew, NOW_MS - 500) == NOW_MS - 500


def test_a_backlog_follows_what_the_last_live_frame_taught() -> None:
    skew = observed(Skew(), NOW_MS + 2 * HOUR_MS, NOW_MS, NOW_MS + 2 * HOUR_MS - 100)
    skew = observed(skew, NOW_MS + 2 * HOUR_MS, NOW_MS, NOW_MS - HOUR_MS)
    assert corrected_ms(skew, NOW_MS - HOUR_MS) == NOW_MS - 3 * HOUR_MS


def test_a_clock_set_right_is_followed_at_once() -> None:
    for wrong_ms in (HOUR_MS, -HOUR_MS):
        skew = observed(Skew(), NOW_MS + wrong_ms, NOW_MS, None)
        assert observed(skew, NOW_MS, NOW_MS, None).offset_ms == 0


def test_a_clock_set_right_by_a_minute_is_followed_within_eight_frames() -> None:
    skew = observed(Skew(), NOW_MS + 60_000, NOW_MS, None)
    for _ in range(8):
        skew = observed(skew, NOW_MS, NOW_MS, None)
    assert skew.offset_ms == 0
