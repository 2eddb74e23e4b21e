"""How often a phone reports follows shift, stage and battery, and tells nobody what became of a press."""

from datetime import UTC, datetime, timedelta

import pytest

from tracking.cadence import CLOSE_FOR, Battery, CadenceReason, Circumstances, cadence_of
from visits.shift import ShiftState
from visits.site import SiteSettings
from visits.stage import UNDERWAY, Stage

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
FULL, WEAK = Battery(percent=80), Battery(percent=10)


def on(*stages: Stage, **more) -> Circumstances:
    return Circumstances(shift=ShiftState.OPEN, stages=stages, **more)


@pytest.mark.parametrize(
    ("known", "reason", "interval_s"),
    [
        (Circumstances(), CadenceReason.OFF_SHIFT, 300),
        (Circumstances(shift=ShiftState.PAUSED), CadenceReason.OFF_SHIFT, 300),
        (on(), CadenceReason.WAITING, 20),
        (on(Stage.ASSIGNED), CadenceReason.WAITING, 20),
        (on(Stage.DEPARTED), CadenceReason.ON_THE_WAY, 3),
        (on(Stage.ARRIVED), CadenceReason.AT_THE_DOOR, 10),
        (on(Stage.IN_SERVICE), CadenceReason.IN_SERVICE, 20),
        (on(Stage.ENDED), CadenceReason.LEAVING, 10),
    ],
)
def test_each_stage_has_its_cadence(known, reason, interval_s):
    cadence = cadence_of(known, FULL, NOW)

    assert (cadence.reason, cadence.interval_s) == (reason, interval_s)


def test_a_site_chooses_its_own_figures():
    known = on(Stage.DEPARTED, settings=SiteSettings(cadence_on_the_way_s=1))

    assert cadence_of(known, FULL, NOW).interval_s == 1


def test_breaking_off_for_safety_looks_like_an_ordinary_end():
    assert cadence_of(on(Stage.ABORTED_UNSAFE), FULL, NOW) == cadence_of(on(Stage.ENDED), FULL, NOW)


@pytest.mark.parametrize("stage", sorted(UNDERWAY - {Stage.DEPARTED}))
def test_a_low_battery_halves_the_reports(stage):
    assert cadence_of(on(stage), WEAK, NOW).interval_s == 2 * cadence_of(on(stage), FULL, NOW).interval_s


@pytest.mark.parametrize(("site_s", "expected_s"), [(1, 2), (3, 5), (5, 5)])
def test_a_low_battery_never_thins_a_driven_way_beyond_what_a_fare_needs(site_s, expected_s):
    known = on(Stage.DEPARTED, settings=SiteSettings(cadence_on_the_way_s=site_s))

    assert cadence_of(known, WEAK, NOW).interval_s == expected_s


@pytest.mark.parametrize(
    ("battery", "is_low"),
    [
        (Battery(), False),
        (Battery(percent=15), True),
        (Battery(percent=16), False),
        (Battery(percent=3, is_charging=True), False),
        (Battery(percent=90, is_saving=True), True),
    ],
)
def test_a_battery_is_low_by_its_charge_or_by_the_phones_own_word(battery, is_low):
    assert battery.is_low(15) is is_low


@pytest.mark.parametrize("known", [Circumstances(), on(), *(on(stage) for stage in sorted(UNDERWAY))])
def test_a_press_brings_reports_close_for_half_an_hour_in_every_stage_and_with_any_battery(known):
    pressed = Circumstances(shift=known.shift, stages=known.stages, pressed_at=NOW - CLOSE_FOR + timedelta(seconds=1))
    later = NOW + timedelta(seconds=2)

    assert cadence_of(pressed, WEAK, NOW).interval_s == 3
    assert cadence_of(pressed, WEAK, NOW) == cadence_of(pressed, FULL, NOW)
    assert cadence_of(pressed, FULL, later) == cadence_of(known, FULL, later)
