"""A visit: drafted, changed until she sets out, moved by acts, told to each as she may read it."""

from datetime import timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from visit_maker import DOOR, HER, NOW, SITE, WAY_TO, a_draft, a_visit

from core.caller import CallerKind
from core.errors import BadInput, Conflict, IllegalMove
from core.geo import Bounds, LatLon
from core.ids import TechnicianId
from visits.arrival import Departure
from visits.stage import PLACE_READABLE, Act, Stage, allowed
from visits.visit import (
    PersonRef,
    Place,
    Told,
    drafted,
    happened_at,
    moved,
    must_be_version,
    no_show_from,
    place_readable_by,
    redrafted,
)
from visits.visit_face import detailed, hers, listed

MINUTE = timedelta(minutes=1)


def test_a_draft_becomes_a_created_visit_with_the_services_length():
    visit = a_visit()

    assert (visit.stage, visit.version, visit.planned_min) == (Stage.CREATED, 1, 60)
    assert visit.planned_end == visit.window_start + timedelta(minutes=60)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"service_kind": "juggling"}, "massage"),
        ({"window_end": NOW}, "window"),
        ({"window_end": NOW + timedelta(days=3)}, "window"),
        ({"planned_min": 0}, "planned_min"),
        ({"place": Place(point=DOOR, address=" ")}, "address"),
        ({"customer": PersonRef(name="")}, "name"),
        ({"customer": PersonRef(name="Ada", phone="0170 1234567")}, "phone"),
        ({"booker": PersonRef(name="Bo", phone="12")}, "phone"),
    ],
)
def test_a_faulty_draft_is_refused_in_words(changes, word):
    with pytest.raises(BadInput, match=word):
        drafted("v", SITE, a_draft(**changes), "000000", NOW)


def test_a_place_outside_the_site_is_refused():
    site = msgspec.structs.replace(SITE, bounds=Bounds(48.0, 11.3, 48.3, 11.8))
    swapped = Place(point=LatLon(DOOR.lon, DOOR.lat), address="Marienplatz 1")

    assert drafted("v", site, a_draft(), "000000", NOW).place.point == DOOR
    with pytest.raises(BadInput, match="outside this site"):
        drafted("v", site, a_draft(place=swapped), "000000", NOW)


def test_all_faults_are_told_at_once():
    with pytest.raises(BadInput) as refused:
        drafted("v", SITE, a_draft(planned_min=0, customer=PersonRef(name="")), "000000", NOW)

    assert len(refused.value.members["faults"]) == 2


def test_the_same_draft_again_changes_nothing():
    visit = a_visit(Stage.IN_SERVICE)

    assert redrafted(visit, SITE, a_draft(), NOW) is visit


@pytest.mark.parametrize("stage", Stage)
def test_another_draft_counts_until_she_sets_out(stage):
    visit, other = a_visit(stage), a_draft(planned_min=90)
    if stage in (Stage.CREATED, Stage.ASSIGNED):
        after = redrafted(visit, SITE, other, NOW)
        assert (after.planned_min, after.version, after.stage) == (90, visit.version + 1, stage)
    else:
        with pytest.raises(Conflict) as refused:
            redrafted(visit, SITE, other, NOW)
        assert "unsafe" not in str(refused.value)


@pytest.mark.parametrize("stage", Stage)
@pytest.mark.parametrize("act", Act)
def test_a_move_stamps_its_time_and_raises_the_version(stage, act):
    visit, at, now = a_visit(stage), NOW + timedelta(hours=3), NOW + timedelta(hours=4)
    if act not in allowed(stage):
        with pytest.raises(IllegalMove):
            moved(visit, act, at, now)
        return
    after = moved(visit, act, at, now)

    assert (after.version, after.updated_at) == (visit.version + 1, now)
    if act is not Act.EXTEND:
        assert after.last_act_at == at


def test_outcome_and_closing_are_remembered():
    assert (a_visit(Stage.LEFT).outcome, a_visit(Stage.CANCELLED).outcome) == (Stage.ENDED, Stage.CANCELLED)
    assert a_visit(Stage.LEFT).closed_at == NOW + 6 * MINUTE
    assert a_visit(Stage.ENDED).closed_at is None
    broken_off = moved(a_visit(Stage.ABORTED_UNSAFE), Act.LEAVE, NOW, NOW)
    assert (broken_off.stage, broken_off.outcome) == (Stage.LEFT, Stage.ABORTED_UNSAFE)


def test_reassigning_forgets_the_departure():
    visit = moved(a_visit(Stage.DEPARTED, departed_from=DOOR, departure=Departure.CONFIRMED), Act.REASSIGN, NOW, NOW)

    assert (visit.departed_at, visit.departed_from, visit.departure) == (None, None, Departure.NONE)


@given(st.integers(-100_000, 100_000), st.one_of(st.none(), st.integers(-100_000, 100_000)))
def test_when_an_act_happened_is_never_before_the_last_nor_in_the_future(device_s, sent_s):
    visit, now = a_visit(Stage.DEPARTED), NOW + timedelta(hours=1)
    told = Told(
        device_at=now + timedelta(seconds=device_s), sent_at=None if sent_s is None else now + timedelta(seconds=sent_s)
    )

    assert visit.last_act_at <= happened_at(visit, now, told) <= now


def test_a_phone_whose_clock_is_two_hours_off_still_tells_how_long_ago_she_acted():
    visit, now = a_visit(Stage.DEPARTED), NOW + timedelta(hours=1)
    wrong = timedelta(hours=2)
    told = Told(device_at=now + wrong - 7 * MINUTE, sent_at=now + wrong)

    assert happened_at(visit, now, told) == now - 7 * MINUTE
    assert happened_at(visit, now, Told()) == now


def test_a_stale_version_is_refused_naming_the_present_one():
    visit = a_visit(Stage.ASSIGNED)
    must_be_version(visit, None)
    must_be_version(visit, visit.version)

    with pytest.raises(Conflict) as refused:
        must_be_version(visit, 1)
    assert refused.value.members == {"version": visit.version}


def test_a_no_show_counts_after_waiting_from_the_later_of_arrival_and_window():
    early = a_visit(Stage.ARRIVED)
    late = a_visit(Stage.ARRIVED, arrived_at=early.window_start + 5 * MINUTE)

    assert no_show_from(early, 20) == early.window_start + 20 * MINUTE
    assert no_show_from(late, 20) == early.window_start + 25 * MINUTE
    assert no_show_from(a_visit(Stage.DEPARTED), 20) is None


@pytest.mark.parametrize("stage", Stage)
def test_only_the_assignee_reads_place_and_customer_and_only_until_she_left(stage):
    visit = a_visit(stage)
    face = hers(visit, HER)
    is_readable = stage in PLACE_READABLE

    assert place_readable_by(visit, HER) is is_readable
    assert not place_readable_by(visit, TechnicianId("another"))
    assert not place_readable_by(visit, None)
    assert (face.place is not None, face.customer is not None, face.door_code) == (
        is_readable, is_readable, "417" if is_readable else None,
    )  # fmt: skip
    assert hers(visit, TechnicianId("another")).place is None


def test_a_list_holds_nothing_personal():
    text = msgspec.json.encode(listed(a_visit(Stage.IN_SERVICE), CallerKind.DISPATCHER))

    assert not any(word in text for word in (b"Marienplatz", b"Ada", b"49170", b"4711", b"417902"))


@pytest.mark.parametrize("reader", [CallerKind.API, CallerKind.DEVICE])
def test_nobody_but_the_desk_reads_that_a_visit_was_broken_off(reader):
    started = a_visit(Stage.IN_SERVICE)
    aborted, ended = (moved(started, act, NOW, NOW) for act in (Act.ABORT_UNSAFE, Act.END))
    left = [moved(visit, Act.LEAVE, NOW, NOW) for visit in (aborted, ended)]

    assert detailed(aborted, reader) == detailed(ended, reader)
    assert hers(aborted, HER) == hers(ended, HER)
    assert detailed(left[0], reader) == detailed(left[1], reader)
    assert hers(left[0], HER) == hers(left[1], HER)
    assert detailed(aborted, CallerKind.DISPATCHER).stage is Stage.ABORTED_UNSAFE


def test_the_ways_of_the_maker_reach_every_stage():
    assert {a_visit(stage).stage for stage in WAY_TO} == set(Stage)
