from datetime import timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import BadInput, IllegalMove, NotAllowed
from safety.incident import (
    LEASE_S,
    MOVES,
    OPEN,
    Act,
    Flag,
    Incident,
    OutOfDate,
    Resolution,
    State,
    allowed,
    claimed,
    flagged,
    handed_over,
    is_hasty,
    kept,
    lapsed,
    moved,
    must_be_at,
    resolved,
    reviewed,
)
from tests.doubles.fake_clock import START


def incident(state=State.NOTIFYING, **changes):
    first = Incident(
        id="i1", site_id="s1", code="4711", state=state, severity=2, technician_id="t1", visit_id="v1", raised_by="technician:t1",
        raised_at=START,
    )  # fmt: skip
    return msgspec.structs.replace(first, **changes)


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("act", list(Act))
def test_every_pair_is_in_the_table_or_refused_in_words(state, act):
    if (state, act) in MOVES:
        assert moved(incident(state), act).version == 2
    else:
        with pytest.raises(IllegalMove) as refused:
            moved(incident(state), act)
        assert state.value in refused.value.detail
        assert act.value in refused.value.detail
        assert refused.value.members["allowed"] == [other.value for other in allowed(state)]


def test_only_a_person_ends_an_incident():
    ending = {act for (state, act), after in MOVES.items() if state in OPEN and after not in OPEN}

    assert ending == {Act.RESOLVE, Act.DISMISS}
    assert {state for (state, act) in MOVES if act is Act.DISMISS} == {State.PENDING}


@given(st.lists(st.sampled_from(list(Act)), max_size=40))
def test_from_every_open_state_a_claim_or_an_owner_is_within_reach(acts):
    now = incident(State.RAISED)
    for act in acts:
        if act in allowed(now.state):
            now = moved(now, act)
    if now.is_open:
        assert Act.CLAIM in allowed(now.state) or Act.RESOLVE in allowed(now.state)


def test_nobody_answers_her_own_call():
    with pytest.raises(NotAllowed, match="Another dispatcher"):
        claimed(incident(), "d1", START, is_own=True)


def test_a_claim_is_a_lease_that_acts_renew_and_silence_loses():
    mine = claimed(incident(), "d1", START, is_own=False)
    later = START + timedelta(minutes=4)

    assert mine.lease_until == START + timedelta(seconds=LEASE_S)
    assert kept(mine, "d1", later).lease_until == later + timedelta(seconds=LEASE_S)
    left = lapsed(mine)
    assert (left.state, left.owner_id, left.lap, left.tier) == (State.NOTIFYING, None, 1, -1)


def test_hand_over_moves_ownership_only_on_accept():
    mine = claimed(incident(), "d1", START, is_own=False)
    offered = msgspec.structs.replace(mine, offered_to="d2")

    assert offered.owner_id == "d1"
    assert handed_over(offered, "d2", START, is_own=False).owner_id == "d2"
    with pytest.raises(NotAllowed, match="not offered to you"):
        handed_over(offered, "d3", START, is_own=False)
    with pytest.raises(NotAllowed, match="her own"):
        handed_over(offered, "d2", START, is_own=True)


def test_resolving_needs_a_note_and_the_owner():
    mine = claimed(incident(), "d1", START, is_own=False)

    with pytest.raises(BadInput, match="note"):
        resolved(mine, "d1", Resolution.REAL_HELPER, "  ", START, is_supervisor=False)
    with pytest.raises(NotAllowed, match="not yours"):
        resolved(mine, "d2", Resolution.REAL_HELPER, "safe", START, is_supervisor=False)
    with pytest.raises(NotAllowed, match="supervisor"):
        resolved(mine, "d1", Resolution.UNVERIFIED, "no answer", START, is_supervisor=False)
    assert resolved(mine, "d1", Resolution.REAL_HELPER, "she is with her sister", START, is_supervisor=False).state is State.RESOLVED


def test_an_unowned_incident_cannot_be_resolved_even_by_a_supervisor():
    with pytest.raises(IllegalMove):
        resolved(incident(), "d9", Resolution.DRILL, "drill", START, is_supervisor=True)


def test_the_report_is_signed_by_a_second_person():
    ended = incident(State.RESOLVED, resolved_by="d1")

    assert reviewed(ended, "d2").state is State.REVIEWED
    with pytest.raises(NotAllowed, match="second person"):
        reviewed(ended, "d1")


def test_a_false_alarm_within_a_minute_is_hasty():
    assert is_hasty(START, Resolution.FALSE_ACCIDENTAL, START + timedelta(seconds=59))
    assert not is_hasty(START, Resolution.FALSE_ACCIDENTAL, START + timedelta(seconds=61))
    assert not is_hasty(START, Resolution.REAL_POLICE, START + timedelta(seconds=5))


def test_the_loser_of_a_race_is_told_who_won():
    with pytest.raises(OutOfDate) as refused:
        must_be_at(incident(State.OWNED, version=3, owner_id="d1"), 2)

    assert refused.value.members == {"version": 3, "state": "owned", "owner_id": "d1"}


def test_a_flag_raises_severity_once_and_never_beyond_three():
    once = flagged(incident(), Flag.DURESS, raises_severity=True)

    assert once.severity == 3
    assert flagged(once, Flag.DURESS, raises_severity=True).severity == 3
