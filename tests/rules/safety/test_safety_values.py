"""PINs, the public face, the evidence chain and what is believed of a tap."""

from datetime import timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import BadInput
from core.geo import LatLon
from safety.evidence import Event, EventKind, chained, first_break, start_of
from safety.pin import PinVerdict, check_pair, verdict
from safety.public_face import CANCELLED_SHOWN_S, QUIET, Phase, public_face, tracked_until
from safety.sos_tap import PersonKind, Position, Road, SosTap, believed_position, has_waited, late_words, position_words
from tests.doubles.fake_clock import START

TAP = SosTap(tap_id="tap-1", who="technician:t1", person=PersonKind.TECHNICIAN, site_id="s1", road=Road.SOCKET, technician_id="t1")


def event(seq, kind, seconds=0, /, **data):
    return Event(incident_id="i1", seq=seq, kind=kind, actor="x", at=START + timedelta(seconds=seconds), data=data)


RAISED = event(1, EventKind.RAISED, kind="tap", tap_id="tap-1")


@pytest.mark.parametrize(
    ("true_pin", "duress_pin", "words"),
    [
        ("123", "8420", "4 to 8 digits"),
        ("8420", "84a0", "4 to 8 digits"),
        ("1111", "8420", "guess first"),
        ("3456", "8420", "guess first"),
        ("8420", "84201", "same number"),
        ("8420", "8421", "differ in 1"),
        ("8420", "0248", "follows from"),
        ("1995", "2004", "follows from"),
    ],
)
def test_a_pair_of_pins_that_endangers_her_is_refused(true_pin, duress_pin, words):
    with pytest.raises(BadInput, match=words):
        check_pair(true_pin, duress_pin)


def test_a_good_pair_is_accepted():
    check_pair("8420", "1937")


def test_an_entered_pin_has_one_of_three_meanings():
    assert verdict(is_true=True, is_duress=False) is PinVerdict.TRUE
    assert verdict(is_true=False, is_duress=True) is PinVerdict.DURESS
    assert verdict(is_true=False, is_duress=False) is PinVerdict.WRONG


def test_true_and_duress_cancel_have_the_same_face_at_every_moment_whatever_the_desk_does():
    true = [RAISED, event(2, EventKind.PIN_ACCEPTED, 30, kind="true"), event(3, EventKind.RESOLVED, 60)]
    duress = [
        RAISED,
        event(2, EventKind.PIN_ACCEPTED, 30, kind="duress"),
        event(3, EventKind.CLAIMED, 31),
        event(4, EventKind.CALLED, 40, whom="police"),
    ]
    for second in range(0, 600):
        now = START + timedelta(seconds=second)
        assert msgspec.json.encode(public_face(true, now)) == msgspec.json.encode(public_face(duress, now))
    assert tracked_until(true, START + timedelta(seconds=60)) == tracked_until(duress, None)


def test_the_face_says_received_then_cancelled_then_nothing():
    events = [RAISED, event(2, EventKind.PIN_ACCEPTED, 30, kind="true")]

    assert public_face([RAISED], START).phase is Phase.RECEIVED
    assert public_face(events, START + timedelta(seconds=31)).phase is Phase.CANCELLED
    assert public_face(events, START + timedelta(seconds=31 + CANCELLED_SHOWN_S)) == QUIET


def test_a_detector_and_a_missed_check_in_have_no_face():
    assert public_face([event(1, EventKind.RAISED, kind="missed_check_in")], START) == QUIET


@given(st.lists(st.sampled_from(list(EventKind)), max_size=12))
def test_no_act_of_the_desk_changes_the_face(kinds):
    desk = [kind for kind in kinds if kind not in (EventKind.RAISED, EventKind.PRESSED_AGAIN, EventKind.PIN_ACCEPTED)]
    events = [RAISED, *(event(place, kind) for place, kind in enumerate(desk, start=2))]

    assert public_face(events, START) == public_face([RAISED], START)


def chain(count):
    events, before = [], start_of("i1")
    for seq in range(1, count + 1):
        linked = chained(event(seq, EventKind.NOTED, text=f"note {seq}"), before)
        events.append(linked)
        before = linked.hash
    return events


@given(st.integers(1, 8), st.data())
def test_changing_removing_or_swapping_an_event_breaks_the_chain(count, data):
    events = chain(count)
    place = data.draw(st.integers(0, count - 1))

    assert first_break("i1", events) is None
    changed = [*events]
    changed[place] = msgspec.structs.replace(events[place], data={"text": "other"})
    assert first_break("i1", changed) == place + 1
    if place < count - 1:
        assert first_break("i1", events[:place] + events[place + 1 :]) == place + 1
    assert first_break("i1", events[:-1]) is None
    assert first_break("i1", events[:-1], events[-1].hash) == len(events)
    assert first_break("i1", events, events[0].hash) is None


@given(st.one_of(st.none(), st.floats(), st.text(), st.booleans()), st.one_of(st.none(), st.floats(), st.text()), st.floats())
def test_no_position_however_wild_makes_a_tap_fail(lat, lon, accuracy_m):
    position, doubt = believed_position(lat, lon, accuracy_m, None)

    assert (position is None) != (doubt is None)


def test_the_desk_reads_where_she_was_with_age_and_accuracy_never_a_made_up_place():
    last = Position(place=LatLon(48.1, 11.5), accuracy_m=12.0, at=START - timedelta(minutes=7))

    assert position_words(TAP, last, START) == "No position with the tap; last known 7 min ago (±12 m)."
    assert position_words(TAP, None, START) == "No position; none is known."


@pytest.mark.parametrize(("device_at", "said"), [
    (START - timedelta(minutes=40), "It was pressed 40 min ago and waited on the phone without network."),
    (START - timedelta(seconds=22), "It was pressed 22 s ago and waited on the phone without network."),
    (START - timedelta(days=3650), "It waited on the phone without network, nobody knows how long."),
    (None, "It waited on the phone without network, nobody knows how long."),
])  # fmt: skip
def test_the_desk_reads_how_long_a_press_waited_without_network(device_at, said):
    waited = msgspec.structs.replace(TAP, is_queued=True, device_at=device_at)

    assert late_words(waited, START) == said
    assert late_words(msgspec.structs.replace(TAP, device_at=device_at), START) == ""
    # A press of some seconds ago is one of now.
    assert has_waited(waited, START) == ("22 s" not in said)
    assert not has_waited(msgspec.structs.replace(TAP, device_at=device_at), START)


def test_the_desk_reads_how_long_the_hub_kept_a_press_before_sql_took_it():
    kept = msgspec.structs.replace(TAP, heard_at=START - timedelta(minutes=12))

    assert late_words(kept, START) == "The hub heard it 12 min ago; its database took it only now, and people may have been told before."
    assert late_words(msgspec.structs.replace(TAP, heard_at=START - timedelta(seconds=1)), START) == ""
    queued = msgspec.structs.replace(kept, is_queued=True, device_at=START - timedelta(minutes=40))
    assert late_words(queued, START).startswith("It was pressed 40 min ago and waited on the phone without network. The hub heard")


def test_the_same_tap_has_the_same_incident_on_every_road():
    over_http = msgspec.structs.replace(TAP, road=Road.HTTP, battery_pct=3)

    assert TAP.incident_id == over_http.incident_id
    assert TAP.incident_id != msgspec.structs.replace(TAP, who="technician:t2").incident_id
