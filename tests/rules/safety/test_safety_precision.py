from datetime import timedelta

import pytest

from safety.check_in import Watch
from safety.detectors.detection import DEFAULT_MODES, Watching, mode_of
from safety.detectors.precision import Hit, Verdict, tally, verdict_of
from safety.detectors.silence import Capability, capability_of
from safety.incident import Resolution, State
from tests.doubles.fake_clock import START

LATER = START + timedelta(hours=2)


def hit(mode=Watching.ON, state=State.RESOLVED, resolution=None, watch=Watch.SILENCE):
    return Hit(watch=watch, mode=mode, entered_at=START, state=state, resolution=resolution)


@pytest.mark.parametrize("resolution", list(Resolution))
def test_what_a_resolution_says_of_the_detector(resolution):
    expected = (
        Verdict.CONFIRMED if resolution.value.startswith("real_")
        else Verdict.UNDECIDED if resolution in (Resolution.DRILL, Resolution.UNVERIFIED) else Verdict.FALSE
    )  # fmt: skip
    assert verdict_of(hit(resolution=resolution), LATER) is expected


def test_her_own_answer_that_all_is_well_makes_it_false():
    assert verdict_of(hit(state=State.DISMISSED), LATER) is Verdict.FALSE


def test_a_shadow_is_false_only_once_its_hour_has_passed_without_an_incident():
    alone = hit(Watching.SHADOW, state=None)

    assert verdict_of(alone, START + timedelta(minutes=30)) is Verdict.UNDECIDED
    assert verdict_of(alone, LATER) is Verdict.FALSE
    assert verdict_of(hit(Watching.SHADOW, resolution=Resolution.REAL_HELPER), LATER) is Verdict.CONFIRMED


def test_the_record_counts_only_what_is_decided():
    found = [hit(resolution=Resolution.REAL_POLICE), hit(resolution=Resolution.FALSE_DETECTOR), hit(state=State.OWNED)]
    (record,) = tally(found, LATER)

    assert (record.hits, record.confirmed, record.false, record.undecided, record.precision) == (3, 1, 1, 1, 0.5)


def test_nothing_decided_is_no_precision():
    (record,) = tally([hit(state=State.OWNED)], LATER)

    assert record.precision is None


def test_only_silence_begins_in_the_shadow():
    assert {watch for watch, mode in DEFAULT_MODES.items() if mode is Watching.SHADOW} == {Watch.SILENCE}


def test_check_ins_stand_in_for_silence_where_the_phone_sleeps():
    modes = {Watch.SILENCE: Watching.ON, Watch.CHECK_IN: Watching.OFF}

    assert mode_of(modes, Watch.CHECK_IN, Capability.FOREGROUND_ONLY) is Watching.ON
    assert mode_of(modes, Watch.CHECK_IN, Capability.BACKGROUND) is Watching.OFF


def test_of_two_claims_the_narrower_counts():
    assert capability_of(["background", "foreground_only"]) is Capability.FOREGROUND_ONLY
    assert capability_of(["background"]) is Capability.BACKGROUND
    assert capability_of(["cadence"]) is Capability.UNKNOWN
