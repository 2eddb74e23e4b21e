"""Whatever a phone writes into a press, it can be stored: a press is never refused for what stands in it."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.caller import Caller, CallerKind
from safety.http_sos import believed_body
from safety.sos_body import SosBody, tap_of
from safety.sos_tap import Road

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SHE = Caller(kind=CallerKind.DEVICE, id="d1", technician_id="t1", device_id="d1", sites=frozenset({"s1"}))
TEXT = st.text(st.characters(exclude_categories=()), max_size=200)
FIELDS = (*SosBody.__struct_fields__, "surprise")
VALUES = st.none() | st.booleans() | st.integers() | st.floats() | TEXT | st.lists(st.integers(), max_size=2)


def is_storable(text):
    return "\0" not in text and text.encode()


@given(st.dictionaries(st.sampled_from(FIELDS), VALUES))
def test_any_json_from_a_known_phone_is_a_press_that_can_be_stored(fields):
    tap = tap_of(believed_body(json.dumps(fields).encode(), NOW), SHE, "s1", road=Road.HTTP)

    assert is_storable(tap.tap_id)
    assert len(tap.tap_id) <= 80
    assert tap.reason == "" or is_storable(tap.reason)
    assert tap.incident_id
    assert tap.technician_id == "t1"


@given(st.binary(max_size=200))
def test_any_bytes_from_a_known_phone_are_a_press_and_the_same_bytes_are_the_same_press(raw):
    one, again = (tap_of(believed_body(raw, NOW), SHE, "s1", road=Road.HTTP) for _ in range(2))

    assert is_storable(one.tap_id)
    assert one.incident_id == again.incident_id


@pytest.mark.parametrize("raw", [b"", b"{}", b"help", b'{"lat": 48.1, "lon": 11.5}'])
def test_a_press_without_a_name_that_reads_like_yesterdays_is_another_press(raw):
    yesterday, now = (tap_of(believed_body(raw, at), SHE, "s1", road=Road.HTTP) for at in (NOW - timedelta(days=1), NOW))

    assert yesterday.incident_id != now.incident_id


@pytest.mark.parametrize("tap_id", ["\ud800", "\0", "a\0b", "\udfff" * 200])
def test_half_characters_and_zeros_are_left_out_of_a_presss_name(tap_id):
    tap = tap_of(believed_body(json.dumps({"tap_id": tap_id}).encode(), NOW), SHE, "s1", road=Road.HTTP)

    assert is_storable(tap.tap_id)
