from core.geo import LatLon
from safety.check_in import Watch
from safety.detectors.detection import UsedFix
from safety.detectors.rehearsal import Rehearsal, StageFrom, of_one_time, rehearsed
from safety.detectors.silence import Capability
from visits.stage import Stage

BEGAN = 1_772_442_000_000
MINUTE = 60_000


def fixes(*minutes, lat=48.0):
    return [UsedFix(device_id="p1", seq=number, at_ms=BEGAN + int(at * MINUTE), lat=lat, lon=11.0) for number, at in enumerate(minutes)]


def played(plan, *, until_min, heard, capability=Capability.BACKGROUND):
    steps = [StageFrom(stage, BEGAN + at * MINUTE) for stage, at in plan]
    found = rehearsed(Rehearsal(fixes=heard, plan=steps, until_ms=BEGAN + until_min * MINUTE, capability=capability))
    return [(each.watch, each.turn, (each.at_ms - BEGAN) // MINUTE) for each in found]


def test_a_recording_shows_amber_then_the_question_then_that_she_was_heard_again():
    heard = fixes(0, 1, 2, 8, 8.1)

    assert played([(Stage.DEPARTED, 0)], until_min=9, heard=heard) == [
        (Watch.SILENCE, "amber", 3), (Watch.SILENCE, "enter", 5), (Watch.SILENCE, "leave", 8),
    ]  # fmt: skip


def test_a_phone_of_the_foreground_is_never_silent():
    assert played([(Stage.DEPARTED, 0)], until_min=30, heard=fixes(0), capability=Capability.FOREGROUND_ONLY) == []


def test_what_goes_on_is_said_again_and_a_stage_that_ends_ends_it():
    heard = fixes(*(number / 2 for number in range(100)))
    plan = [(Stage.ARRIVED, 0), (Stage.IN_SERVICE, 40)]

    assert played(plan, until_min=45, heard=heard) == [
        (Watch.NOT_STARTED, "enter", 20), (Watch.NOT_STARTED, "again", 35), (Watch.NOT_STARTED, "leave", 40),
    ]  # fmt: skip


def test_whoever_goes_away_after_the_service_is_asked_for_her_check_out():
    heard = [*fixes(0, 1), *fixes(*(2 + number / 2 for number in range(30)), lat=48.01)]
    found = rehearsed(
        Rehearsal(fixes=heard, plan=[StageFrom(Stage.ENDED, BEGAN)], place=LatLon(48.0, 11.0), until_ms=BEGAN + 12 * MINUTE)
    )

    assert [(each.watch, each.turn, each.distance_m > 1000) for each in found] == [(Watch.CHECK_OUT, "enter", True)]


def test_a_fix_of_another_time_makes_no_visit_of_decades():
    heard = fixes(2, 0, 1)
    stray = UsedFix(device_id="p1", seq=9, at_ms=0, lat=48.0, lon=11.0)

    assert [fix.at_ms - BEGAN for fix in of_one_time([*heard, stray])] == [0, MINUTE, 2 * MINUTE]
