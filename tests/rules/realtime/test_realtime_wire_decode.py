"""What comes in is understood by value, or answered with the name of what is wrong; one bad fix costs only itself."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.wire import FixesFrame, FixFrame, FixRow, Heartbeat, Hello, StatusFrame, WatchTopics, WatchVisit, encode
from realtime.wire_catalogue import CATALOGUE, Direction
from realtime.wire_decode import BadFrame, FrameFault, decode_console, decode_customer, decode_fixes, decode_technician
from realtime.wire_values import MAX_AT_MS, MAX_SEQ, Datum

GOOD = {"seq": 1, "at_ms": 1_780_000_000_000, "lat": 48.1, "lon": 11.5}


def frame_of(**fields: object) -> str:
    return json.dumps(fields)


def fault_of(text: str | bytes) -> FrameFault:
    with pytest.raises(BadFrame) as caught:
        decode_technician(text)
    return caught.value.fault


def detail_of(text: str | bytes) -> str:
    with pytest.raises(BadFrame) as caught:
        decode_technician(text)
    return caught.value.detail


def test_a_hello_is_read_with_all_its_fields():
    text = frame_of(type="hello", device_epoch=7, sent_at_ms=5, token="pl_dev_x", device="d", app="a 1.0", capabilities=["sos"])

    assert decode_technician(text) == (
        Hello(device_epoch=7, sent_at_ms=5, token="pl_dev_x", device="d", app="a 1.0", capabilities=["sos"]),
        (),
    )


def test_a_fix_is_read_with_all_its_fields():
    text = frame_of(
        type="fix",
        seq=3,
        at_ms=4,
        lat=-1.5,
        lon=2,
        accuracy_m=5,
        speed_mps=6.5,
        heading_deg=7,
        altitude_m=-8,
        battery_pct=9,
        mocked=True,
        datum="gcj02",
    )
    expected = FixFrame(
        seq=3,
        at_ms=4,
        lat=-1.5,
        lon=2.0,
        accuracy_m=5.0,
        speed_mps=6.5,
        heading_deg=7.0,
        altitude_m=-8.0,
        battery_pct=9.0,
        mocked=True,
        datum=Datum.GCJ02,
    )

    assert decode_technician(text) == (expected, ())


def test_a_batch_takes_fixes_with_and_without_their_type():
    text = frame_of(type="fixes", batch="b", sent_at_ms=9, fixes=[GOOD, {"type": "fix", **GOOD}])
    fix = FixFrame(**GOOD)

    assert decode_technician(text) == (FixesFrame(fixes=[fix, fix], batch="b", sent_at_ms=9), ())


def test_compact_rows_may_end_early():
    text = '{"type":"fixes","rows":[[1,2,3.5,4.5],[2,3,4,5,6,7,8]],"datum":"bd09"}'

    assert decode_technician(text)[0] == FixesFrame(rows=[FixRow(1, 2, 3.5, 4.5), FixRow(2, 3, 4.0, 5.0, 6.0, 7.0, 8.0)], datum=Datum.BD09)


def test_a_compact_fix_takes_about_fifty_bytes():
    row = FixRow(123456, 1_780_000_000_000, 48.137154, 11.576124, 5.0, 8.3, 271.0)
    few = len(encode(FixesFrame(rows=[row])))
    more = len(encode(FixesFrame(rows=[row] * 11)))

    assert (more - few) / 10 < 65


def test_status_and_heartbeat_are_read():
    assert decode_technician('{"type":"status","battery_pct":12.5,"permission":"denied"}')[0] == StatusFrame(
        battery_pct=12.5, permission="denied"
    )
    assert decode_technician('{"type":"heartbeat"}')[0] == Heartbeat()


@pytest.mark.parametrize(
    ("text", "fault", "word"),
    [
        ("", FrameFault.NOT_JSON, "JSON"),
        ("{", FrameFault.NOT_JSON, "JSON"),
        ("hello", FrameFault.NOT_JSON, "JSON"),
        ("[]", FrameFault.NOT_JSON, "object"),
        ("null", FrameFault.NOT_JSON, "object"),
        ("[" * 60_000, FrameFault.NOT_JSON, "JSON"),
        (b"\xff\xfe", FrameFault.NOT_JSON, "JSON"),
        ("{}", FrameFault.UNKNOWN_TYPE, "type"),
        ('{"type":"fox"}', FrameFault.UNKNOWN_TYPE, "fox"),
        ('{"type":7}', FrameFault.UNKNOWN_TYPE, "type"),
        ('{"type":"ack","device_epoch":1}', FrameFault.UNKNOWN_TYPE, "ack"),
        ('{"type":"hello"}', FrameFault.MISSING_FIELD, "device_epoch"),
        ('{"type":"heartbeat","hurry":1}', FrameFault.UNKNOWN_FIELD, "hurry"),
        ('{"type":"fixes","fixez":[]}', FrameFault.UNKNOWN_FIELD, "fixez"),
        ('{"type":"fixes","fixes":{}}', FrameFault.BAD_VALUE, "fixes"),
        ('{"type":"fixes","fixes":[],"batch":5}', FrameFault.BAD_VALUE, "batch"),
        ('{"type":"fix","seq":1,"at_ms":2,"lat":91,"lon":0}', FrameFault.BAD_VALUE, "lat"),
        ('{"type":"fix","seq":1,"at_ms":2,"lat":0,"lon":-181}', FrameFault.BAD_VALUE, "lon"),
        ('{"type":"fix","seq":1,"at_ms":2,"lat":"48","lon":0}', FrameFault.BAD_VALUE, "lat"),
        ('{"type":"fix","seq":-1,"at_ms":2,"lat":48,"lon":0}', FrameFault.BAD_VALUE, "seq"),
        ('{"type":"fix","seq":1.5,"at_ms":2,"lat":48,"lon":0}', FrameFault.BAD_VALUE, "seq"),
        ('{"type":"fix","seq":true,"at_ms":2,"lat":48,"lon":0}', FrameFault.BAD_VALUE, "seq"),
        ('{"type":"fix","seq":1,"lat":48,"lon":0}', FrameFault.MISSING_FIELD, "at_ms"),
        ('{"type":"fix","seq":1,"at_ms":2,"lat":NaN,"lon":0}', FrameFault.BAD_VALUE, "lat"),
        ('{"type":"fix","seq":1,"at_ms":2,"lat":0,"lon":-Infinity}', FrameFault.BAD_VALUE, "lon"),
        ('{"type":"fix","seq":1,"at_ms":2,"lat":0,"lon":1e999}', FrameFault.BAD_VALUE, "lon"),
        ('{"type":"fix","seq":1,"at_ms":2,"lat":0,"lon":0,"accuracy_m":-1}', FrameFault.BAD_VALUE, "accuracy_m"),
        ('{"type":"fix","seq":99999999999999999999999999999999,"at_ms":2,"lat":0,"lon":0}', FrameFault.BAD_VALUE, "seq"),
        ('{"type":"fix","seq":' + "9" * 6000 + ',"at_ms":2,"lat":0,"lon":0}', FrameFault.BAD_VALUE, "seq"),
    ],
)
def test_what_is_wrong_is_named(text, fault, word):
    assert fault_of(text) is fault
    assert word in detail_of(text)


def test_a_number_that_is_none_is_called_so():
    assert "NaN" in detail_of('{"type":"fix","seq":1,"at_ms":2,"lat":NaN,"lon":0}')


def test_a_body_of_fixes_must_say_its_epoch_for_no_hello_did():
    for text in ('{"rows":[[1,2,3.5,4.5]]}', '{"rows":[[1,2,"north",4.5]]}'):
        with pytest.raises(BadFrame, match="device_epoch"):
            decode_fixes(text)


def test_a_long_wrong_name_is_not_quoted_in_full():
    assert len(detail_of(frame_of(type="heartbeat", **{"x" * 60_000: 1}))) <= 300


def test_a_broken_surrogate_in_a_name_can_still_be_answered():
    detail_of('{"type":"heartbeat","\\ud800":1}').encode()


@pytest.mark.parametrize("year_ms", [0, 2_082_758_400_000])
def test_strange_years_are_for_the_judges_to_refuse(year_ms):
    """1970 and 2036 are readable; tracking says what becomes of them."""
    assert decode_technician(frame_of(type="fix", **{**GOOD, "at_ms": year_ms}))[1] == ()


@pytest.mark.parametrize(("lat", "lon"), [(86.0, 0.0), (0.0, 0.0), (-90.0, 180.0)])
def test_strange_places_on_earth_are_readable(lat, lon):
    assert decode_technician(frame_of(type="fix", **{**GOOD, "lat": lat, "lon": lon}))[1] == ()


BAD = [
    {**GOOD, "lat": 91},
    {**GOOD, "lon": "x"},
    {**GOOD, "extra": 1},
    {"seq": 1},
    {},
    [],
    5,
    None,
    "fix",
    {**GOOD, "lat": math.nan},
    {**GOOD, "lon": math.inf},
    {**GOOD, "type": "heartbeat"},
]


@pytest.mark.parametrize("bad", BAD, ids=repr)
def test_one_bad_fix_among_forty_good_ones_costs_only_itself(bad):
    good = [{**GOOD, "seq": seq} for seq in range(40)]
    text = json.dumps({"type": "fixes", "batch": "b", "fixes": [*good[:20], bad, *good[20:]]})

    frame, refused = decode_technician(text)

    assert [fix.seq for fix in frame.fixes] == list(range(40))
    assert frame.batch == "b"
    assert [one.reason for one in refused] == ["malformed"]
    assert (
        "[20]" in refused[0].detail
        or "unknown field" in refused[0].detail
        or "missing" in refused[0].detail
        or "object" in refused[0].detail
    )


def test_a_refused_fix_is_named_by_its_seq_where_that_can_be_read():
    text = json.dumps({"type": "fixes", "fixes": [{**GOOD, "seq": 5, "lat": 91}, {**GOOD, "seq": -5}], "rows": [[8, 1, 2], ["x", 1, 2, 3]]})

    assert [one.seq for one in decode_technician(text)[1]] == [5, None, 8, None]


def test_one_bad_row_costs_only_itself():
    frame, refused = decode_technician('{"type":"fixes","rows":[[1,2,3,4],[2,2],[3,2,NaN,4],[4,2,3,4,5,6,7,8],[5,2,3,4]]}')

    assert [row.seq for row in frame.rows] == [1, 5]
    assert [one.seq for one in refused] == [2, 3, 4]


def test_an_http_body_may_leave_out_the_type():
    assert decode_fixes('{"device_epoch":4,"rows":[[1,2,3,4]]}')[0].device_epoch == 4
    assert decode_fixes('{"device_epoch":4,"rows":[[1,2,3,NaN]]}')[1][0].seq == 1


def test_an_http_body_of_another_type_is_refused():
    with pytest.raises(BadFrame):
        decode_fixes('{"type":"hello","device_epoch":4,"sent_at_ms":2}')


def test_watches_are_read():
    assert decode_customer('{"type":"watch","link":"pl_lnk_x"}') == WatchVisit(link="pl_lnk_x")
    assert decode_console('{"type":"watch","ticket":"t","topics":["positions","visits"]}') == WatchTopics(
        ticket="t", topics=["positions", "visits"]
    )


@pytest.mark.parametrize("decode", [decode_customer, decode_console])
def test_a_watcher_cannot_send_fixes(decode):
    with pytest.raises(BadFrame):
        decode(frame_of(type="fix", **GOOD))


def test_a_console_must_name_known_topics():
    with pytest.raises(BadFrame, match="weather"):
        decode_console('{"type":"watch","topics":["weather"]}')


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(st.binary(max_size=200))
def test_no_bytes_break_the_decoder(buffer):
    try:
        decode_technician(buffer)
    except BadFrame as bad:
        bad.detail.encode()


@given(st.dictionaries(st.sampled_from(["type", "fixes", "rows", "batch", "seq", "lat", "lon", "at_ms", "datum"]), anything))
def test_no_object_breaks_the_decoder(fields):
    for kind in (fields.get("type"), "fix", "fixes", "hello"):
        try:
            decode_technician(json.dumps({**fields, "type": kind}))
        except BadFrame as bad:
            bad.detail.encode()


good_fixes = st.builds(
    FixFrame,
    seq=st.integers(0, MAX_SEQ),
    at_ms=st.integers(0, MAX_AT_MS),
    lat=st.floats(-90, 90),
    lon=st.floats(-180, 180),
    accuracy_m=st.none() | st.floats(0, 1e6),
    speed_mps=st.none() | st.floats(-1, 100),
    heading_deg=st.none() | st.floats(0, 360),
    mocked=st.booleans(),
)


@given(st.lists(good_fixes, max_size=10))
def test_what_is_encoded_is_decoded_to_the_same(fixes):
    frame = FixesFrame(fixes=fixes)

    assert decode_technician(encode(frame)) == (frame, ())


@given(
    st.lists(
        st.one_of(good_fixes.map(lambda fix: (True, json.loads(encode(fix)))), st.tuples(st.just(False), st.sampled_from(BAD))), max_size=12
    )
)
def test_every_good_fix_survives_every_mixture(items):
    frame, refused = decode_technician(json.dumps({"type": "fixes", "fixes": [item for _, item in items]}))

    assert [fix.seq for fix in frame.fixes] == [item["seq"] for is_good, item in items if is_good]
    assert len(refused) == sum(not is_good for is_good, _ in items)


def test_every_frame_has_one_name_a_direction_and_a_sentence():
    names = [(entry.direction, entry.name) for entry in CATALOGUE]

    assert len(names) == len(set(names))
    assert all(entry.sentence.endswith(".") and len(entry.sentence) > 10 for entry in CATALOGUE)
    assert {entry.direction for entry in CATALOGUE} == set(Direction)
