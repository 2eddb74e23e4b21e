"""What the pages say, without a browser."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.ids import SiteId
from realtime.page_model import (
    Chapter,
    CustomerPage,
    Freshness,
    Said,
    StepState,
    chapter_of,
    clock_text,
    customer_words,
    freshness,
    seen,
    steps,
)
from realtime.wire_values import Arrival, Point, PositionFeature, PositionProperties, VisitFace
from visits.stage import Stage

NOW_MS = 1_763_820_000_000  # 2025-11-22 14:00:00 UTC


def page(stage="departed", *, position=None, arrival=None, **facts):
    face = VisitFace(stage=stage, **{"technician_name": "Lin", "time_zone": "Europe/Berlin", "door_code": "482913", **facts})
    return CustomerPage(site_id=SiteId("munich"), visit=face, position=position, arrival=arrival)


def fix(age_s):
    facts = PositionProperties(at_ms=NOW_MS - int(age_s * 1000))
    return PositionFeature(geometry=Point(coordinates=[11.5, 48.1]), properties=facts)


def arriving(earliest_min, latest_min):
    return Arrival(earliest_ms=NOW_MS + earliest_min * 60_000, latest_ms=NOW_MS + latest_min * 60_000, as_of_ms=NOW_MS)


@pytest.mark.parametrize("stage", Stage)
def test_every_stage_is_a_chapter(stage):
    assert chapter_of(stage.value) in Chapter


def test_breaking_off_for_safety_reads_as_an_ordinary_end():
    assert customer_words(page("aborted_unsafe"), NOW_MS) == customer_words(page("ended"), NOW_MS)


def test_the_title_is_the_arrival_window_in_the_sites_own_time():
    words = customer_words(page(arrival=arriving(9, 13)), NOW_MS)

    assert words.title == Said("title-arrives", {"from": "15:09", "to": "15:13"})
    assert words.line == Said("line-on_the_way-in", {"name": "Lin", "n": 11})


def test_a_window_of_one_minute_is_one_time():
    assert customer_words(page(arrival=arriving(9, 9)), NOW_MS).title == Said("title-arrives-at", {"time": "15:09"})


def test_a_window_that_has_passed_promises_nothing():
    words = customer_words(page(arrival=arriving(-9, -2)), NOW_MS)

    assert words.title == Said("title-expected", {"time": "14:58"})
    assert words.line.key == "line-on_the_way"


def test_a_booking_names_its_window_and_who_comes():
    words = customer_words(page("assigned", window_start_ms=NOW_MS, window_end_ms=NOW_MS + 1_800_000), NOW_MS)

    assert words.title == Said("title-window", {"from": "15:00", "to": "15:30"})
    assert words.line == Said("line-booked", {"name": "Lin"})
    assert customer_words(page("created", technician_name=None), NOW_MS).line == Said("line-booked-nobody")


def test_the_service_says_until_when_it_is_planned():
    words = customer_words(page("in_service", started_at_ms=NOW_MS, planned_min=90), NOW_MS)

    assert words.line == Said("line-in_service-until", {"name": "Lin", "from": "15:00", "to": "16:30"})


@pytest.mark.parametrize("stage", ["arrived", "in_service", "ended", "left", "cancelled", "no_show", "assigned"])
def test_a_position_is_spoken_of_only_on_the_way(stage):
    words = customer_words(page(stage, position=fix(3)), NOW_MS)

    assert (words.seen.key, words.freshness) == ("seen-nothing", Freshness.NONE)


@pytest.mark.parametrize("stage", ["assigned", "departed", "arrived"])
def test_the_door_code_is_shown_until_the_door_is_open(stage):
    assert customer_words(page(stage), NOW_MS).door == ("482", "913")


@pytest.mark.parametrize("stage", ["in_service", "ended", "left", "cancelled"])
def test_the_door_code_is_gone_once_it_has_served(stage):
    assert customer_words(page(stage), NOW_MS).door is None


def test_no_door_code_shows_no_code():
    assert customer_words(page("arrived", door_code=None), NOW_MS).door is None


@pytest.mark.parametrize(
    ("age_s", "expected"),
    [(0, Freshness.FRESH), (30, Freshness.FRESH), (31, Freshness.AGING), (120, Freshness.AGING), (121, Freshness.STALE)],
)
def test_freshness_has_two_bounds(age_s, expected):
    assert freshness(fix(age_s), NOW_MS) is expected


@pytest.mark.parametrize(
    ("age_s", "expected"),
    [(-5, Said("seen-s", {"n": 0})), (89, Said("seen-s", {"n": 89})), (90, Said("seen-min", {"n": 1})), (5400, Said("seen-h", {"n": 1}))],
)
def test_an_age_is_told_in_the_largest_fitting_unit(age_s, expected):
    assert seen(fix(age_s), NOW_MS) == expected


def test_the_progress_line_has_one_now():
    line = steps(Chapter.AT_THE_DOOR)

    assert [step.state for step in line] == [StepState.DONE, StepState.DONE, StepState.NOW, StepState.NEXT, StepState.NEXT]
    assert steps(Chapter.CANCELLED) == ()


@given(at_ms=st.integers(0, 4_000_000_000_000), zone=st.sampled_from(["UTC", "Asia/Shanghai", "America/New_York", "Asia/Kathmandu"]))
def test_a_time_of_day_has_five_characters(at_ms, zone):
    text = clock_text(at_ms, VisitFace(stage="departed", time_zone=zone))

    assert len(text) == 5
    assert text[2] == ":"


@given(
    stage=st.sampled_from([stage.value for stage in Stage]),
    name=st.none() | st.text(max_size=10),
    ages=st.none() | st.integers(-100, 10**6),
    window=st.none() | st.tuples(st.integers(-600, 600), st.integers(0, 60)),
    code=st.none() | st.from_regex(r"[0-9]{6}", fullmatch=True),
)
def test_any_facts_make_words(stage, name, ages, window, code):
    arrival = None if window is None else arriving(window[0], window[0] + window[1])
    facts = page(stage, position=None if ages is None else fix(ages), arrival=arrival, technician_name=name, door_code=code)

    words = customer_words(facts, NOW_MS)

    assert words.title.key
    assert words.line.key
