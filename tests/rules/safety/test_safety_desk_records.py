from datetime import timedelta

import msgspec
import pytest

from core.errors import BadInput
from safety.duty_plan import DutyPlan, Gap, checked, gaps
from safety.evidence import Event, EventKind
from safety.incident import Incident, State
from safety.response_times import Answer, answer_of, months
from tests.doubles.fake_clock import START

TAPPED = Incident(
    id="i1", site_id="s1", code="1234", state=State.OWNED, severity=2, technician_id="t1", visit_id=None, raised_by="technician:t1",
    raised_at=START,
)


def at(seconds):
    return START + timedelta(seconds=seconds)


def event(kind, seconds, /, **data):
    return Event(incident_id="i1", seq=1, kind=kind, actor="hub", at=at(seconds), data=data)


def test_a_tap_counts_from_its_commit():
    log = [event(EventKind.RAISED, 0, kind="tap"), event(EventKind.TOLD, 0), event(EventKind.CLAIMED, 9)]

    assert answer_of(TAPPED, log).answered_s == 9


@pytest.mark.parametrize(
    "cry",
    [
        event(EventKind.ANSWERED, 30, answer="none"), event(EventKind.PIN_ACCEPTED, 30, kind="duress"),
        event(EventKind.PRESSED_AGAIN, 30, kind="tap"),
    ],
)  # fmt: skip
def test_a_question_counts_from_the_moment_it_became_an_alarm(cry):
    log = [event(EventKind.RAISED, 0, kind="detector"), cry, event(EventKind.TOLD, 30), event(EventKind.CLAIMED, 42)]

    assert answer_of(TAPPED, log).answered_s == 12


def test_a_press_during_an_alarm_does_not_make_the_desk_faster():
    log = [event(EventKind.RAISED, 0, kind="detector"), event(EventKind.ANSWERED, 30, answer="none"), event(EventKind.TOLD, 30),
           event(EventKind.PRESSED_AGAIN, 80, kind="tap"), event(EventKind.CLAIMED, 90)]  # fmt: skip

    assert answer_of(TAPPED, log).answered_s == 60


def test_a_month_says_how_many_were_answered_in_time_and_whether_that_is_enough():
    answers = [Answer(incident_id=str(n), code="1", alarmed_at=at(n), answered_s=s) for n, s in enumerate((5, 8, 30, 200, None))]
    (month,) = months(answers, "UTC")

    assert (month.month, month.alarms, month.never, month.median_s, month.worst_s) == ("2026-03", 5, 1, 19.0, 200)
    assert [(each.seconds, each.count, each.pct, each.is_met) for each in month.within] == [
        (10, 2, 40.0, False), (40, 3, 60.0, False), (120, 3, 60.0, None),
    ]  # fmt: skip


def test_months_are_the_sites_own():
    late = Answer(incident_id="1", code="1", alarmed_at=START.replace(day=31, hour=20), answered_s=5)

    assert [month.month for month in months([late], "Asia/Shanghai")] == ["2026-04"]


PLAN = DutyPlan(id="p1", site_id="s1", dispatcher_id="d1", from_at=START, until_at=at(3600))


def test_hours_without_anybody_are_named_and_a_few_minutes_are_none():
    late = msgspec.structs.replace(PLAN, from_at=at(3600 + 120), until_at=at(7200))

    assert gaps([late, PLAN], START, at(7200)) == ()
    assert gaps([PLAN], START, at(7200)) == (Gap(at(3600), at(7200)),)
    assert gaps([late], START, at(7200)) == (Gap(START, at(3720)),)
    assert gaps([], START, at(7200)) == (Gap(START, at(7200)),)


def test_a_longer_duty_covers_a_shorter_one_within_it():
    whole = msgspec.structs.replace(PLAN, until_at=at(10_000))

    assert gaps([whole, PLAN], START, at(9_000)) == ()


@pytest.mark.parametrize("until_s", [0, -5, 25 * 3600])
def test_a_duty_ends_after_it_begins_and_within_a_day(until_s):
    with pytest.raises(BadInput):
        checked(msgspec.structs.replace(PLAN, until_at=at(until_s)))
