"""Departing wants movement, arriving wants nearness."""

import pytest
from visit_maker import DOOR, HOME

from core.geo import moved
from visits.arrival import (
    ArrivalVerdict,
    Departure,
    SeenPosition,
    confirms_departure,
    cure_of,
    departure_after_arrival,
    judge_arrival,
    suggests_arrival,
)
from visits.site import SiteSettings

SETTINGS = SiteSettings()


def seen(distance_m: float, **changes: object) -> SeenPosition:
    return SeenPosition(**{"point": moved(DOOR, 30, distance_m), "accuracy_m": 20.0, **changes})


@pytest.mark.parametrize(
    ("position", "verdict"),
    [
        (seen(0), ArrivalVerdict.ACCEPTED),
        (seen(499), ArrivalVerdict.ACCEPTED),
        (seen(501), ArrivalVerdict.TOO_FAR),
        (seen(10, accuracy_m=200.0), ArrivalVerdict.ACCEPTED),
        (seen(10, accuracy_m=201.0), ArrivalVerdict.VAGUE_POSITION),
        (seen(10, accuracy_m=None), ArrivalVerdict.VAGUE_POSITION),
        (seen(10, age_s=120.0), ArrivalVerdict.ACCEPTED),
        (seen(10, age_s=121.0), ArrivalVerdict.OLD_POSITION),
        (seen(10, mocked=True), ArrivalVerdict.MOCKED_POSITION),
        (None, ArrivalVerdict.NO_POSITION),
    ],
)
def test_arrival_is_judged_by_distance_accuracy_age_and_honesty(position, verdict):
    assert judge_arrival(DOOR, position, SETTINGS) is verdict


def test_every_verdict_says_what_to_do():
    assert all(cure_of(verdict) for verdict in ArrivalVerdict)


@pytest.mark.parametrize(("distance_m", "elapsed_s", "proves"), [(201, 60, True), (199, 60, False), (201, 600, True), (201, 601, False)])
def test_departing_is_proved_by_moving_away_soon(distance_m, elapsed_s, proves):
    assert confirms_departure(HOME, elapsed_s, moved(HOME, 90, distance_m), SETTINGS) is proves


def test_having_come_from_elsewhere_proves_the_departure_at_arrival():
    known = Departure.UNCONFIRMED

    assert departure_after_arrival(known, HOME, DOOR, SETTINGS) is Departure.CONFIRMED
    assert departure_after_arrival(known, HOME, moved(HOME, 0, 100), SETTINGS) is known
    assert departure_after_arrival(known, None, DOOR, SETTINGS) is known
    assert departure_after_arrival(known, HOME, None, SETTINGS) is known


def test_the_button_is_offered_after_being_near_for_a_while():
    assert suggests_arrival(150, 20, SETTINGS)
    assert not suggests_arrival(151, 20, SETTINGS)
    assert not suggests_arrival(150, 19, SETTINGS)
