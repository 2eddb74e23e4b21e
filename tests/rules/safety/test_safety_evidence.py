"""The report and disclosures."""

from datetime import timedelta

import msgspec
import pytest
from test_safety_incident import incident

from core.errors import BadInput, NotAllowed
from safety.disclosure import Disclosure, Standing, approved, checked, given, standing, unreviewed
from safety.evidence import Event, EventKind, chained, start_of
from safety.incident import State
from safety.report import Deviation, report_of
from tests.doubles.fake_clock import START

ASKED = Disclosure(
    id="x", incident_id="i1", authority="Police of Munich", legal_reference="StPO 94", scope="track of the evening", is_emergency=False,
    requested_by="d1", requested_at=START,
)  # fmt: skip


def log(*lines):
    events, before = [], start_of("i1")
    for seq, (kind, seconds, data) in enumerate(lines, start=1):
        event = Event(incident_id="i1", seq=seq, kind=kind, actor="x", at=START + timedelta(seconds=seconds), data=data)
        events.append(chained(event, before))
        before = events[-1].hash
    return events


TOLD = {"tier": 0, "channels": ["sms"], "people": ["r1"], "is_manned": True}


def test_response_times_are_measured_against_the_targets():
    events = log((EventKind.RAISED, 0, {}), (EventKind.TOLD, 0, TOLD), (EventKind.CLAIMED, 25, {}), (EventKind.CALLED, 50, {}))
    made = report_of(incident(State.OWNED), events)

    assert (made.answered_s, made.acted_s) == (25, 50)
    assert made.within == {"10_s": False, "40_s": True, "120_s": True}
    assert made.told[0].people == ["r1"]
    assert made.deviations == []


@pytest.mark.parametrize(
    ("lines", "state", "deviation"),
    [
        ([(EventKind.CLAIMED, 121, {})], State.OWNED, Deviation.ANSWERED_LATE),
        ([(EventKind.LAPSED, 500, {})], State.NOTIFYING, Deviation.LEASE_LAPSED),
        ([(EventKind.EXHAUSTED, 180, {})], State.EXHAUSTED, Deviation.EXHAUSTED),
        ([(EventKind.CLAIMED, 5, {}), (EventKind.RESOLVED, 20, {"hasty": True})], State.RESOLVED, Deviation.CLOSED_IN_HASTE),
        ([(EventKind.TOLD, 0, {**TOLD, "is_manned": False})], State.NOTIFYING, Deviation.NOBODY_ON_DUTY),
    ],
)
def test_what_the_desk_missed_is_named(lines, state, deviation):
    assert deviation in report_of(incident(state), log(*lines)).deviations


def test_a_changed_log_is_a_deviation():
    events = log((EventKind.RAISED, 0, {}), (EventKind.NOTED, 5, {"text": "late"}))
    events[1] = msgspec.structs.replace(events[1], data={"text": "early"})

    assert Deviation.CHAIN_BROKEN in report_of(incident(), events).deviations


def test_nothing_leaves_without_authority_and_two_approvals():
    with pytest.raises(BadInput, match="legal reference"):
        checked(msgspec.structs.replace(ASKED, legal_reference=" "))
    with pytest.raises(NotAllowed, match="0 of 2"):
        given(ASKED, START, "hash")
    with pytest.raises(NotAllowed, match="others"):
        approved(ASKED, "d1")
    with pytest.raises(NotAllowed, match="already"):
        approved(approved(ASKED, "d2"), "d2")
    released = given(approved(approved(ASKED, "d2"), "d3"), START, "hash")
    assert standing(released) is Standing.GIVEN
    with pytest.raises(NotAllowed, match="asks anew"):
        given(released, START, "hash")


def test_an_emergency_needs_one_approval_and_a_review_afterwards():
    urgent = msgspec.structs.replace(ASKED, is_emergency=True)
    released = given(approved(urgent, "d2"), START, "hash")

    assert unreviewed([released]) == [released]
    assert standing(approved(released, "d3")) is Standing.GIVEN
