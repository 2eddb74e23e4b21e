"""The meter over made-up journeys: what is counted, what is left out, and what can never happen."""

import math
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from trip_maker import START_MS, any_fix, at, noisy, straight, walks, wild_fix

from tracking.fares.meter import finish, take
from tracking.fares.meter_certainty import certainty
from tracking.fares.meter_fix import MeterFix, meter_fix
from tracking.fares.meter_state import MeterState, own_copy
from tracking.fares.metered import GapFill, Grade, Slice, SliceKind


def metered(fixes: list[MeterFix]) -> tuple[MeterState, list[Slice]]:
    state, slices = MeterState(), list[Slice]()
    for fix in fixes:
        take(state, fix, slices)
    finish(state, slices)
    return state, slices


def metres(fixes: list[MeterFix]) -> float:
    return metered(fixes)[0].distance_mm / 1000


def test_a_straight_drive_is_as_long_as_it_is() -> None:
    assert abs(metres(straight(200)) - 2000) < 10


def test_a_noisy_drive_is_within_three_percent() -> None:
    for seed in range(5):
        assert abs(metres(noisy(straight(400), 8, seed)) - 4000) < 120


def test_standing_ten_minutes_counts_nothing() -> None:
    still = [at(second, 0, 0) for second in range(600)]

    drift_m = sorted(metres(noisy(still, 8, seed)) for seed in range(40))

    assert sum(drift_m) / len(drift_m) < 20
    assert drift_m[-3] < 50


def test_a_wait_within_a_drive_adds_no_distance_and_is_time_at_rest() -> None:
    drive = [*straight(100), *[at(100 + second, 1000, 0) for second in range(1, 600)], *straight(100, from_s=700, x_m=1000)]

    state, _ = metered(noisy(drive, 6))

    assert abs(state.distance_mm / 1000 - 2000) < 60
    assert 560_000 < state.waiting_ms < 640_000


def test_a_right_angle_between_sparse_fixes_is_not_cut() -> None:
    """Every 15 s at 10 m/s, the corner halfway between two fixes: the chord over it is 44 m short."""
    way = [(150 * leg, 0) for leg in range(5)] + [(675, 75), (675, 225), (675, 375), (675, 525)]

    assert abs(metres([at(15 * number, x, y) for number, (x, y) in enumerate(way)]) - 1200) < 40


def test_a_corner_between_dense_fixes_is_not_cut() -> None:
    def place(second: int) -> MeterFix:
        along = second * 9
        return at(second, min(along, 450), max(0, along - 450), accuracy_m=3)

    assert abs(metres([place(second) for second in range(101)]) - 900) < 6


def winding(step_s: int, accuracy_m: float = 8) -> list[MeterFix]:
    """Half circles of 60 m radius, left and right in turn, at 9.42 m/s: twenty of them are 3,770 m."""
    def place(second: int) -> MeterFix:
        arc, angle = divmod(second * 9.42478 / 60, math.pi)
        side = 1 if arc % 2 == 0 else -1
        return at(second, 120 * arc + 60 - 60 * math.cos(angle), side * 60 * math.sin(angle), accuracy_m=accuracy_m)

    return [place(second) for second in range(0, 401, step_s)]


@pytest.mark.parametrize("step_s", [1, 5])
@pytest.mark.parametrize("sigma_m", [3, 15])
def test_a_winding_road_is_as_long_under_much_noise_as_under_little(step_s: int, sigma_m: int) -> None:
    """No bend stands out of 15 m of noise; together they do."""
    measured_m = [metres(noisy(winding(step_s, sigma_m), sigma_m, seed)) for seed in range(12)]

    assert abs(sum(measured_m) / len(measured_m) / 3770 - 1) < 0.025


def test_a_phone_that_claims_more_noise_than_its_track_shows_is_not_believed() -> None:
    """Stated 25 m, smooth: noise of that size would take 5 % off at 1 Hz."""
    assert abs(metres([msgspec.structs.replace(fix, accuracy_dm=250) for fix in straight(400)]) - 4000) < 50


def test_one_wild_fix_is_a_spike() -> None:
    drive = straight(100, 8, step_s=5)
    drive[9] = msgspec.structs.replace(drive[9], lat_e7=drive[9].lat_e7 + 18_000)

    state, _ = metered(drive)

    assert abs(state.distance_mm / 1000 - 800) < 12
    assert state.rejected == {"spike": 1}


def test_a_fix_that_nobody_can_reach_is_left_out() -> None:
    drive = straight(60)
    drive.insert(30, at(29.5, 295, 4_000))

    state, _ = metered(drive)

    assert abs(state.distance_mm / 1000 - 600) < 10
    assert state.rejected == {"too_fast": 1}


def test_of_two_fixes_of_one_time_the_second_is_left_out() -> None:
    drive = straight(100)
    doubled = [*drive[:51], msgspec.structs.replace(drive[50], lat_e7=drive[50].lat_e7 + 900, key=("phone", 7, 10_000)), *drive[51:]]

    state, _ = metered(doubled)

    assert state.rejected == {"not_later": 1}
    assert state.distance_mm == metered(drive)[0].distance_mm


def test_inaccurate_fixes_are_left_out() -> None:
    state, _ = metered([*straight(60), at(61, 5_000, 5_000, accuracy_m=700)])

    assert state.rejected == {"inaccurate": 1}
    assert abs(state.distance_mm / 1000 - 600) < 10


def test_a_silence_on_the_way_is_bridged_and_marked() -> None:
    state, _ = metered([*straight(60), *straight(60, from_s=160, x_m=1600)])

    assert [(gap.start_ms - START_MS, gap.end_ms - START_MS, gap.fill) for gap in state.gaps] == [(60_000, 160_000, GapFill.CHORD)]
    assert abs(state.gaps[0].filled_mm - 1_000_000) < 2_000
    assert abs(state.distance_mm / 1000 - 2200) < 15


def test_a_short_silence_at_one_place_is_a_wait_and_a_long_one_a_gap_without_distance() -> None:
    short, _ = metered([*straight(60), *straight(60, from_s=260, x_m=600)])
    long, _ = metered([*straight(60), *straight(60, from_s=660, x_m=600)])

    assert (short.gaps, short.waiting_ms // 10_000) == ([], 20)
    assert [(gap.filled_mm, gap.end_ms - gap.start_ms) for gap in long.gaps] == [(0, 600_000)]


def test_a_mocked_stretch_is_cut_out_and_said_so() -> None:
    drive = straight(300)
    mocked = [msgspec.structs.replace(fix, mocked=100 <= number < 200) for number, fix in enumerate(drive)]

    state, _ = metered(mocked)

    assert [gap.fill for gap in state.gaps] == [GapFill.CUT]
    assert abs(state.distance_mm / 1000 - 1990) < 15
    assert state.rejected == {"mocked": 100}
    assert certainty(state)[2] is Grade.C


def test_a_track_that_jumps_away_and_back_is_an_island_and_cut_out() -> None:
    away = [at(100.5 + second, 60_000 + 30 * second, 60_000) for second in range(60)]
    drive = [*straight(100), *away, *straight(100, from_s=161, x_m=1600)]

    state, slices = metered(drive)

    assert [gap.fill for gap in state.gaps] == [GapFill.CUT]
    assert abs(state.distance_mm / 1000 - 2000) < 50
    assert sum(part.distance_mm for part in slices) == state.distance_mm


def test_a_position_that_froze_in_a_tunnel_is_bridged_when_it_moves_on() -> None:
    """The phone repeats its last position for half a minute at 1 Hz, then is 500 m farther: a real recording does this."""
    frozen = [at(60 + second, 600, 0, seq=9000 + second) for second in range(1, 35)]
    drive = [*straight(60), *frozen, *straight(60, from_s=95, x_m=1100)]

    state, _ = metered(drive)

    assert [gap.fill for gap in state.gaps] == [GapFill.CHORD]
    assert abs(state.distance_mm / 1000 - 1700) < 15


def test_a_true_fix_after_a_repeated_position_is_not_counted_as_left_out() -> None:
    frozen = [at(60 + second, 600, 0, seq=9000 + second) for second in range(1, 35)]

    state, _ = metered([*straight(60), *frozen, *straight(60, from_s=95, x_m=1100)])

    assert state.rejected == {}


def repeated(x_m: float, step_s: int, away_m: float | None = None) -> list[MeterFix]:
    """A phone that repeats one position for 20 minutes on both sides of one fix `away_m` away."""
    middle = 1200 // step_s
    place = [x_m + (away_m or 0) if number == middle else x_m for number in range(2 * middle)]
    return [at(60 + step_s * number, x, 0, seq=9_000 + number) for number, x in enumerate(place)]


@pytest.mark.parametrize("step_s", [1, 2, 5, 10, 15, 30])
@pytest.mark.parametrize("away_m", [50, 100, 166, 300])
def test_one_fix_elsewhere_within_a_repeated_position_counts_nothing(step_s: int, away_m: float) -> None:
    """Too fast for anybody, the speed of a car or the pace of a bicycle: a phone that repeats itself to the last digit saw no movement."""
    onward = straight(60, from_s=3_000, x_m=600)

    state, _ = metered([*straight(59), *repeated(600, step_s, away_m), *onward])

    assert state.distance_mm == metered([*straight(59), *repeated(600, step_s), *onward])[0].distance_mm
    assert sum(state.rejected.values()) == 1
    assert [gap for gap in state.gaps if gap.filled_mm or gap.fill is GapFill.CUT] == []


def test_a_last_fix_far_from_a_long_repeated_position_is_where_she_got_to() -> None:
    """As after a silence: nothing can confirm it, and a minute is long enough to have driven there."""
    long = [at(60 + second, 600, 0, seq=9_000 + second) for second in range(1, 90)]

    assert abs(metres([*straight(60), *long, at(150, 1_500, 0)]) - 1500) < 15
    assert abs(metres([*straight(60), *long[:20], at(81, 1_200, 0)]) - 600) < 15


def test_a_phone_that_repeats_each_position_ten_times_a_second_has_no_gaps() -> None:
    drive = [at(tenth / 10, tenth // 10 * 25, 0, accuracy_m=3) for tenth in range(2001)]

    state, _ = metered(drive)

    assert abs(state.distance_mm / 1000 - 5000) < 50
    assert state.gaps == []


def test_a_false_first_fix_does_not_count() -> None:
    """It takes three fixes to believe the new track: up to three seconds of it are lost."""
    assert 570 < metres([at(-5, 20_000, 20_000), *straight(60)]) < 605


def test_speed_says_rest_where_the_position_wanders() -> None:
    wander = [at(second, 45 * math.sin(second / 20), 0, speed_mps=0.0) for second in range(600)]
    silent = [msgspec.structs.replace(fix, speed_cmps=None) for fix in wander]

    assert metres(wander) < metres(silent) / 5


def test_a_speed_that_is_always_zero_is_not_believed() -> None:
    drive = [msgspec.structs.replace(fix, speed_cmps=0) for fix in straight(300)]

    assert abs(metres(drive) - 3000) < 20


def test_walking_is_metered() -> None:
    assert abs(metres(noisy(straight(900, 1.4), 5)) - 1260) < 50


def test_a_drive_over_the_date_line_is_metered() -> None:
    lons = [(179.99 + n * 0.0001 + 180) % 360 - 180 for n in range(201)]
    drive = [meter_fix(START_MS + n * 1000, 0.0, lon, 5.0, None, False, ("p", 1, n)) for n, lon in enumerate(lons)]

    assert abs(metres(drive) - 2226) < 15


def test_fast_and_slow_time_are_told_apart() -> None:
    state, _ = metered([*straight(100, 10), *straight(200, 2, from_s=101, x_m=1002)])

    assert 90_000 < state.moving_ms - state.slow_ms < 125_000
    assert state.moving_ms + state.waiting_ms == 301_000


def test_the_range_of_a_silence_reaches_as_far_as_the_clock_allows_and_no_farther() -> None:
    """300 s at 10 m/s, then 100 s unseen: 400 m by the line, 1,000 m by the road at her pace."""
    before, after = straight(300), straight(300, from_s=400, x_m=3400)

    state, _ = metered([*before, *after])
    low_mm, high_mm, _ = certainty(state)
    sooner, _ = metered([*before, *straight(300, from_s=365, x_m=3400)])

    assert low_mm <= 6_400_000 < 7_000_000 <= high_mm <= 7_500_000
    assert certainty(sooner)[1] < high_mm - 400_000


def test_few_fixes_are_grade_c() -> None:
    assert certainty(metered([])[0]) == (0, 0, Grade.C)
    assert certainty(metered([at(0, 0, 0)])[0]) == (0, 0, Grade.C)
    assert certainty(metered([at(0, 0, 0, mocked=True), at(1, 0, 0, accuracy_m=500)])[0])[2] is Grade.C


def test_a_clean_drive_is_grade_a_and_a_sparse_one_is_not() -> None:
    assert certainty(metered(straight(600))[0])[2] is Grade.A
    assert certainty(metered(straight(600, step_s=30))[0])[2] is Grade.C


def check(state: MeterState, slices: list[Slice]) -> None:
    low_mm, high_mm, _ = certainty(state)
    gap_ms = sum(part.end_ms - part.start_ms for part in slices if part.kind is SliceKind.GAP)

    assert 0 <= low_mm <= state.distance_mm <= high_mm
    assert sum(part.distance_mm for part in slices) == state.distance_mm
    assert all(part.distance_mm >= 0 and part.start_ms <= part.end_ms for part in slices)
    assert all(before.end_ms <= after.start_ms for before, after in pairwise(slices))
    assert len(slices) == state.slices
    assert state.moving_ms >= state.slow_ms >= 0
    if slices:
        assert state.moving_ms + state.waiting_ms + gap_ms == slices[-1].end_ms - slices[0].start_ms


@given(walks())
def test_slices_add_up_to_the_distance_and_the_time(fixes: list[MeterFix]) -> None:
    check(*metered(fixes))


@given(st.lists(any_fix, max_size=150))
def test_any_fixes_in_a_town_are_metered_soundly(fixes: list[MeterFix]) -> None:
    check(*metered(sorted(fixes, key=lambda fix: (fix.at_ms, fix.key))))


@given(st.lists(wild_fix, max_size=60))
def test_no_input_raises_or_makes_a_negative_distance(fixes: list[MeterFix]) -> None:
    check(*metered(fixes))


def test_a_last_fix_that_leaps_before_a_cut_leaves_no_hole_in_time() -> None:
    leap = [at(8, 4_000, 0), at(9, 4_000, 0, mocked=True)]
    drive = [at(0, 0, 0), at(1, 0, 0, mocked=True), at(5, 0, 0), at(6, 90, 0), *leap, at(40, 100, 0), at(41, 100, 0)]

    check(*metered(drive))


@given(walks())
def test_the_reading_never_goes_back_without_a_cut(fixes: list[MeterFix]) -> None:
    state = MeterState()
    for fix in fixes:
        before_mm, before_gaps = state.distance_mm, len(state.gaps)
        take(state, fix)
        assert state.distance_mm >= before_mm or any(gap.fill is GapFill.CUT for gap in state.gaps[-1:]) or len(state.gaps) < before_gaps


def test_the_state_stays_small_over_a_day_of_chaos() -> None:
    state = MeterState()
    for number in range(20_000):
        take(state, at(number * 70, (number * 7919) % 2000, (number * 104_729) % 2000))

    assert len(msgspec.msgpack.encode(state)) < 8_000
    assert len(state.gaps) <= 64


@given(walks(), st.integers(0, 50))
def test_a_state_written_and_read_again_meters_the_same(fixes: list[MeterFix], cut: int) -> None:
    whole, parts = MeterState(), MeterState()
    for number, fix in enumerate(fixes):
        if number == cut:
            parts = msgspec.msgpack.decode(msgspec.msgpack.encode(parts), type=MeterState)
        take(whole, fix)
        take(parts, fix)

    assert msgspec.msgpack.encode(parts) == msgspec.msgpack.encode(whole)


@given(walks(40))
def test_an_own_copy_shares_nothing(fixes: list[MeterFix]) -> None:
    state = MeterState()
    for fix in fixes:
        kept, bytes_before = state, msgspec.msgpack.encode(state)
        state = own_copy(state)
        take(state, fix)
        assert msgspec.msgpack.encode(kept) == bytes_before
