"""Settlement: the same fixes in any order with any duplicates give the same bytes, and it says what it does not know."""

import random
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from trip_maker import START_MS, any_fix, at, noisy, straight, walks, wild_fix

from tracking.fares.meter_fix import MeterFix, meter_fix
from tracking.fares.meter_state import ALGORITHM
from tracking.fares.metered import Gap, GapFill, Grade, Metered, SliceKind
from tracking.fares.settlement import settle_distance
from tracking.recording import read_recording

TRACES = Path(__file__).resolve().parents[4] / "shared/data/traces"


def as_bytes(metered: Metered) -> bytes:
    return msgspec.json.encode(metered)


@given(walks(50), st.randoms(use_true_random=False))
def test_order_and_duplicates_change_no_byte(fixes: list[MeterFix], chance: random.Random) -> None:
    mixed = [*fixes, *chance.sample(fixes, len(fixes) // 2)]
    chance.shuffle(mixed)

    assert as_bytes(settle_distance(mixed)) == as_bytes(settle_distance(fixes))


@given(st.lists(any_fix | wild_fix, max_size=80), st.randoms(use_true_random=False))
def test_order_changes_no_byte_even_where_one_identity_has_two_contents(fixes: list[MeterFix], chance: random.Random) -> None:
    mixed = list(fixes) * 2
    chance.shuffle(mixed)

    assert as_bytes(settle_distance(mixed)) == as_bytes(settle_distance(fixes))


def test_the_digest_of_a_known_trip_is_this_on_every_machine() -> None:
    """A frozen vector: when it changes, the algorithm's number must have changed too."""
    fixes = [
        MeterFix(START_MS + n * 5_000, 312_300_000 + n * n * 40, 1_214_700_000 + n * 5_000, 60, None, False, ("p", 1, n)) for n in range(60)
    ]

    metered = settle_distance(fixes)

    assert ALGORITHM == "porchlight-meter/3"
    assert (metered.distance_mm, metered.low_mm, metered.high_mm) == (3295746, 3237107, 3351988)
    assert metered.digest == "e28b43b767d19b5394edc923eb090cb8b14c5e1e08b2087c35977ac51b33955d"


def test_a_changed_fix_changes_the_digest_even_where_the_distance_stays() -> None:
    fixes = straight(60)
    other = [*fixes[:30], msgspec.structs.replace(fixes[30], accuracy_dm=51), *fixes[31:]]

    assert settle_distance(fixes).distance_mm == settle_distance(other).distance_mm
    assert settle_distance(fixes).digest != settle_distance(other).digest


def test_fixes_outside_the_leg_do_not_count() -> None:
    fixes = straight(300)

    metered = settle_distance(fixes, START_MS + 100_000, START_MS + 200_000)

    assert abs(metered.distance_mm - 1_000_000) < 10_000
    assert metered.digest == settle_distance(fixes[100:201], START_MS + 100_000, START_MS + 200_000).digest


def test_no_fix_is_grade_c_with_one_gap_for_the_whole_leg() -> None:
    metered = settle_distance([], START_MS, START_MS + 600_000)

    assert (metered.distance_mm, metered.grade, metered.fixes) == (0, Grade.C, 0)
    assert metered.gaps == (Gap(start_ms=START_MS, end_ms=START_MS + 600_000, chord_mm=0, filled_mm=0),)


def test_nothing_at_all_is_grade_c() -> None:
    metered = settle_distance([])

    assert (metered.distance_mm, metered.grade, metered.gaps, metered.slices) == (0, Grade.C, (), ())


def test_one_fix_is_grade_c() -> None:
    assert settle_distance([at(0, 0, 0)], START_MS - 5_000, START_MS + 600_000).grade is Grade.C


def test_only_rejected_fixes_are_grade_c_and_say_why() -> None:
    metered = settle_distance([msgspec.structs.replace(fix, mocked=True) for fix in straight(60)], START_MS, START_MS + 60_000)

    assert (metered.distance_mm, metered.grade, metered.rejected) == (0, Grade.C, {"mocked": 61})
    assert [gap.fill for gap in metered.gaps] == [GapFill.CUT]


def test_silence_at_the_ends_is_marked_and_makes_the_distance_less_certain() -> None:
    fixes = straight(300)
    whole = settle_distance(fixes)

    late = settle_distance(fixes, START_MS - 120_000, START_MS + 400_000)

    assert late.distance_mm == whole.distance_mm
    assert [(gap.end_ms - gap.start_ms) // 1000 for gap in late.gaps] == [120, 100]
    assert late.high_mm > whole.high_mm + 1_000_000
    assert late.grade is Grade.C


def test_time_is_moving_waiting_or_gap() -> None:
    metered = settle_distance(noisy(straight(300), 5), START_MS - 120_000, START_MS + 310_000)

    gap_ms = sum(part.end_ms - part.start_ms for part in metered.slices if part.kind is SliceKind.GAP)
    assert metered.moving_ms + metered.waiting_ms + gap_ms == metered.end_ms - metered.start_ms
    assert (metered.slices[0].start_ms, metered.slices[-1].end_ms) == (metered.start_ms, metered.end_ms)


def test_a_second_device_is_evidence_and_does_not_double_the_way() -> None:
    phone = straight(300)
    tablet = [at(second + 0.5, second * 10, 12, device="tablet") for second in range(300)]

    metered = settle_distance([*phone, *tablet])

    assert abs(metered.distance_mm - 3_000_000) < 15_000
    assert metered.device_id == "phone"
    assert metered.rejected == {"other_device": 300}


def test_another_device_takes_over_after_a_minute_of_silence() -> None:
    phone = straight(100)
    tablet = [at(second, second * 10, 0, device="tablet") for second in range(1, 400)]

    metered = settle_distance([*phone, *tablet])

    assert abs(metered.distance_mm - 3_990_000) < 15_000
    assert [(gap.end_ms - gap.start_ms) // 1000 for gap in metered.gaps] == [61]


def test_a_mocked_device_gives_way_to_an_honest_one() -> None:
    phone = [msgspec.structs.replace(fix, mocked=number >= 50) for number, fix in enumerate(straight(400))]
    tablet = [at(second + 0.5, second * 10 + 5, 0, device="tablet") for second in range(400)]

    metered = settle_distance([*phone, *tablet])

    assert metered.distance_mm > 3_200_000
    assert GapFill.CUT in {gap.fill for gap in metered.gaps}


@given(walks())
def test_low_distance_high_and_slices_agree(fixes: list[MeterFix]) -> None:
    metered = settle_distance(fixes)

    assert 0 <= metered.low_mm <= metered.distance_mm <= metered.high_mm
    assert sum(part.distance_mm for part in metered.slices) == metered.distance_mm
    assert len(metered.gaps) <= 64


@pytest.mark.skipif(not TRACES.is_dir(), reason="the recordings are not part of a checkout")
@pytest.mark.parametrize(
    ("name", "metres", "slack"),
    [("car_munich_1hz.jsonl", 13_600, 0.01), ("vehicle_kunming_15s.jsonl", 333_000, 0.03), ("car_istria_long_stop.gpx", 2_700, 0.03)],
)
def test_real_recordings_come_out_at_their_known_length(name: str, metres: int, slack: float) -> None:
    recording = read_recording(name, (TRACES / name).read_text())
    fixes = [meter_fix(fix.at_ms, fix.lat, fix.lon, fix.accuracy_m, fix.speed_mps) for fix in recording.fixes]

    metered = settle_distance(fixes)

    assert abs(metered.distance_mm / 1000 / metres - 1) < slack
    assert metered.low_mm <= metres * 1000 <= metered.high_mm
