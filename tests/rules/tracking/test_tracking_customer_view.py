"""A position leaves only between departure and arrival, and never from near where she set out."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.geo import LatLon, moved
from tracking.customer_view import GONE_AFTER_MS, Audience, Hidden, Level, Subject, view
from tracking.fix import Fix
from visits.stage import Stage

NOW_MS = 1_772_442_000_000
HOME = LatLon(31.2, 121.5)
MINUTE_MS = 60_000


def fix_at(metres: float, age_ms: int = 0) -> Fix:
    place = moved(HOME, 45.0, metres)
    return Fix("dev", 7, 1, "tech", NOW_MS - age_ms, NOW_MS - age_ms, NOW_MS, place.lat, place.lon)


DRIVING = Subject(stage=Stage.DEPARTED, departed_at_ms=NOW_MS - 10 * MINUTE_MS, departed_from=HOME, verified_at_ms=NOW_MS)


@pytest.mark.parametrize(
    ("changes", "fix", "hidden"),
    [
        ({}, fix_at(900), None),
        ({"stage": Stage.ASSIGNED}, fix_at(900), Hidden.NOT_DEPARTED),
        ({"stage": Stage.ARRIVED}, fix_at(900), Hidden.ARRIVED),
        ({"stage": Stage.IN_SERVICE}, fix_at(900), Hidden.ARRIVED),
        ({"stage": Stage.ABORTED_UNSAFE}, fix_at(900), Hidden.ARRIVED),
        ({}, fix_at(400), Hidden.NEAR_HOME),
        ({"departed_at_ms": NOW_MS - 2 * MINUTE_MS}, fix_at(900), Hidden.NEAR_HOME),
        ({"departed_from": None}, fix_at(0), None),
        ({}, None, Hidden.NO_FIX),
        ({}, fix_at(900, 11 * MINUTE_MS), Hidden.NO_FIX),
        ({"departed_at_ms": NOW_MS - 60 * MINUTE_MS}, fix_at(900, 16 * MINUTE_MS), Hidden.OLD),
        ({"verified_at_ms": NOW_MS - 11_000}, fix_at(900), Hidden.UNVERIFIED),
    ],
)
def test_what_a_customer_sees(changes: dict[str, object], fix: Fix | None, hidden: Hidden | None) -> None:
    shown = view(Audience.CUSTOMER, msgspec.structs.replace(DRIVING, **changes), NOW_MS, fix)
    assert shown.hidden == hidden
    assert shown.level == (Level.FULL if hidden is None else Level.WORDS)
    assert (shown.fix is not None) == (hidden is None)


def test_a_day_after_the_end_there_is_nothing() -> None:
    over = msgspec.structs.replace(DRIVING, stage=Stage.LEFT, closed_at_ms=NOW_MS - GONE_AFTER_MS)
    assert view(Audience.CUSTOMER, over, NOW_MS, None).level is Level.NOTHING


def test_the_desk_sees_the_position_at_every_stage() -> None:
    for stage in Stage:
        assert view(Audience.DESK, msgspec.structs.replace(DRIVING, stage=stage), NOW_MS, fix_at(0)).fix is not None


@given(st.sampled_from(list(Stage)), st.floats(0, 20_000), st.integers(0, 90 * MINUTE_MS), st.integers(0, 90 * MINUTE_MS))
def test_no_position_leaves_outside_the_way_or_near_its_start(stage: Stage, metres: float, age_ms: int, departed_ms: int) -> None:
    subject = msgspec.structs.replace(DRIVING, stage=stage, departed_at_ms=NOW_MS - departed_ms)
    if view(Audience.CUSTOMER, subject, NOW_MS, fix_at(metres, age_ms)).fix is not None:
        assert stage is Stage.DEPARTED
        assert metres >= 499.9
        assert departed_ms - age_ms >= 3 * MINUTE_MS
