"""Where she was when she pressed, from the log alone: the newest place, with its true time, never an old one in a text."""

from datetime import timedelta

import msgspec

from core.clock import to_ms
from core.geo import LatLon
from safety.console_view import Contact, contact_of
from safety.evidence import Event, EventKind
from safety.incident import Flag, Incident, State
from safety.press_place import coordinates, press_place
from safety.sos_tap import Position
from tests.doubles.fake_clock import FakeClock

NOW = FakeClock().now()


def pressed(lat, *, at=NOW, was_at=None, device_at=None, kind=EventKind.RAISED, **data):
    position = None if lat is None else msgspec.to_builtins(Position(place=LatLon(lat, 11.0), accuracy_m=12.0, at=was_at))
    return Event(incident_id="i1", seq=1, kind=kind, actor="technician:t1", at=at, device_at=device_at, data={"position": position, **data})


def test_the_newest_place_of_all_presses_is_where_she_was():
    old, new = pressed(48.1), pressed(48.2, at=NOW + timedelta(seconds=30), kind=EventKind.PRESSED_AGAIN)

    assert press_place([old, new, pressed(None, at=NOW + timedelta(seconds=60))]).lat == 48.2
    assert press_place([pressed(None)]) is None
    assert press_place([]) is None


def test_a_press_that_waited_on_the_phone_was_made_when_the_phone_says_unless_its_clock_is_absurd():
    before = NOW - timedelta(minutes=40)

    assert press_place([pressed(48.1, device_at=before, is_queued=True)]).at_ms == to_ms(before)
    assert press_place([pressed(48.1, device_at=before, is_queued=True, clock_doubtful=True)]).at_ms == to_ms(NOW)
    assert press_place([pressed(48.1, device_at=before)]).at_ms == to_ms(NOW)
    assert press_place([pressed(48.1, device_at=NOW + timedelta(hours=1), is_queued=True)]).at_ms == to_ms(NOW)


def test_a_text_tells_the_place_to_eleven_metres_and_only_while_it_is_young():
    known = pressed(48.123456, was_at=NOW - timedelta(minutes=9))

    assert coordinates([known], NOW) == "48.1235,11.0000"
    assert coordinates([known], NOW + timedelta(minutes=2)) == ""
    assert coordinates([], NOW) == ""


def test_how_she_may_be_reached_depends_on_the_visit_and_on_practice_and_on_no_pin():
    there = Incident(
        id="i1", site_id="s1", code="1234", state=State.RAISED, severity=2, technician_id="t1", visit_id="v1", raised_by="technician:t1",
        raised_at=NOW,
    )  # fmt: skip
    elsewhere = msgspec.structs.replace(there, visit_id=None)
    after_pins = [{"state": State.CANCEL_REQUESTED}, {"flags": frozenset({Flag.DURESS})}, {"flags": frozenset({Flag.WRONG_PINS})}]

    assert {contact_of(msgspec.structs.replace(there, **change)) for change in after_pins} == {contact_of(there)} == {Contact.SILENT}
    assert {contact_of(msgspec.structs.replace(elsewhere, **change)) for change in after_pins} == {Contact.TEXT}
    assert contact_of(msgspec.structs.replace(there, flags=frozenset({Flag.DRILL}))) is Contact.CALL
