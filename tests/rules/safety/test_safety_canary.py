from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import BadInput, IllegalMove, NotAllowed
from notifications.notice import Channel, NoticeState
from safety.canary import CanaryRun, CanarySettings, Outcome, checked, fault_of, missing, next_drill
from safety.incident import Flag, Incident, Resolution, State
from safety.stand_down import DRILL_MOVES, stood_down
from tests.doubles.fake_clock import START

DRILL = Incident(
    id="i1", site_id="s1", code="1234", state=State.NOTIFYING, severity=0, technician_id=None, visit_id=None, raised_by="canary:s1",
    raised_at=START, flags=frozenset({Flag.DRILL}),
)


@given(st.integers(0, 720 * 24).map(lambda hours: START + timedelta(hours=hours)), st.integers(0, 23))
def test_there_is_one_drill_a_day_whatever_the_clocks_do(now, at_h):
    zone, day, last = "Europe/Berlin", None, None
    for _ in range(4):
        due = next_drill(now, at_h, zone, day)
        assert due > now
        assert last is None or timedelta(hours=22) < due - last < timedelta(hours=26)
        day, now, last = due.astimezone(ZoneInfo(zone)).date(), due, due


def test_a_drill_is_due_at_its_hour_of_the_sites_own_clock():
    now = datetime(2026, 3, 2, 9, tzinfo=ZoneInfo("UTC"))

    assert next_drill(now, 4, "Asia/Shanghai", None) == datetime(2026, 3, 2, 20, tzinfo=ZoneInfo("UTC"))
    assert next_drill(now, 18, "Asia/Shanghai", None) == datetime(2026, 3, 2, 10, tzinfo=ZoneInfo("UTC"))
    assert next_drill(now, 18, "Asia/Shanghai", date(2026, 3, 2)) == datetime(2026, 3, 3, 10, tzinfo=ZoneInfo("UTC"))


def test_a_text_must_be_delivered_and_being_sent_is_not_enough():
    assert missing((Channel.SMS,), {Channel.SMS: [NoticeState.ACCEPTED]}) == [Channel.SMS]
    assert missing((Channel.SMS,), {Channel.SMS: [NoticeState.FAILED, NoticeState.DELIVERED]}) == []
    assert missing((Channel.SMS, Channel.VOICE), {Channel.SMS: [NoticeState.DELIVERED]}) == [Channel.VOICE]


def test_health_names_a_failed_drill_and_one_that_never_came():
    run = CanaryRun(site_id="s1", day=START.date(), incident_id="i1", started_at=START, outcome=Outcome.PASSED)
    failed = msgspec.structs.replace(run, outcome=Outcome.FAILED, detail="gone")

    assert fault_of([run], START + timedelta(hours=20)) is None
    assert "gone" in fault_of([failed], START + timedelta(hours=1))
    assert "last drill" in fault_of([run], START + timedelta(hours=27))
    assert fault_of([], START) is None
    running = msgspec.structs.replace(run, outcome=Outcome.RUNNING)
    assert "gone" in fault_of([running, failed], START + timedelta(minutes=1))


def test_a_drill_that_could_never_pass_is_refused():
    with pytest.raises(BadInput, match="recipient_id"):
        checked(CanarySettings(), 4)
    with pytest.raises(BadInput, match="channels"):
        checked(CanarySettings(recipient_id="r1", channels=()), 4)
    assert checked(CanarySettings(), None) == CanarySettings()


@pytest.mark.parametrize("state", list(State))
def test_only_the_hubs_own_drill_ends_without_a_person(state):
    hers = msgspec.structs.replace(DRILL, raised_by="technician:t1", state=state)
    unflagged = msgspec.structs.replace(DRILL, flags=frozenset(), state=state)
    for never in (hers, unflagged):
        with pytest.raises(NotAllowed):
            stood_down(never, START)
    drill = msgspec.structs.replace(DRILL, state=state)
    if state in DRILL_MOVES:
        assert (stood_down(drill, START).state, stood_down(drill, START).resolution) == (State.RESOLVED, Resolution.DRILL)
    else:
        with pytest.raises(IllegalMove):
            stood_down(drill, START)
