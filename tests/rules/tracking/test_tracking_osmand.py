"""What stock phones send is read in the house's units, and nothing they send can break the reader."""

import json
import re
from pathlib import Path
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracking.fix import RawFix
from tracking.phones.osmand import reports
from tracking.phones.phone_report import PhoneReport, ReportKind, key_of

NOW_MS = 1_772_442_000_000
AT_S = NOW_MS // 1000 - 10
FORM = "application/x-www-form-urlencoded"


def query(**fields: str) -> PhoneReport:
    [report] = reports(list(fields.items()), "", b"", NOW_MS)
    return report


def raw(report: PhoneReport) -> RawFix:
    assert report.kind is ReportKind.FIX
    assert report.fix is not None
    return report.fix


def test_a_query_of_old_clients_is_read_with_speed_in_knots() -> None:
    report = query(
        id="123", timestamp=str(AT_S), lat="31.2", lon="121.5", speed="10.0", bearing="90", altitude="12", accuracy="8", batt="76.5",
        mock="true",
    )
    fix = raw(report)
    assert (fix.at_ms, fix.lat, fix.lon, fix.accuracy_m, fix.heading_deg, fix.altitude_m) == (AT_S * 1000, 31.2, 121.5, 8.0, 90.0, 12.0)
    assert fix.speed_mps == pytest.approx(5.1444, abs=1e-3)
    assert (fix.battery_pct, fix.mocked) == (76.5, True)


@pytest.mark.parametrize("readme", ["README.md", "README.zh-CN.md"])
def test_the_address_for_osmand_gives_what_osmand_knows_in_the_units_read_here(readme: str) -> None:
    """OsmAnd fills {3} with metres of accuracy and {5} with metres per second, which a flat report would be taken for knots."""
    text = (Path(__file__).parents[3] / readme).read_text()
    address = re.search(r"/in/osmand/TOKEN\?([^`]+)`", text)
    assert address is not None
    filled = address[1].format("31.2", "121.5", str(AT_S * 1000), "8.0", "12.0", "4.0", "90.0")
    [report] = reports(parse_qsl(filled), "", b"", NOW_MS)
    fix = raw(report)

    assert (fix.lat, fix.lon, fix.at_ms, fix.accuracy_m, fix.altitude_m, fix.heading_deg) == (31.2, 121.5, AT_S * 1000, 8.0, 12.0, 90.0)
    assert fix.speed_mps is None


@pytest.mark.parametrize(
    ("timestamp", "at_ms"),
    [
        (str(AT_S), AT_S * 1000),
        (str(AT_S * 1000 + 5), AT_S * 1000 + 5),
        ("2026-03-02T09:00:00Z", 1_772_442_000_000),
        ("2026-03-02T10:00:00.250+01:00", 1_772_442_000_250),
        ("2026-03-02 09:00:00", 1_772_442_000_000),
        ("", NOW_MS),
    ],
)
def test_every_way_to_write_a_time_is_read(timestamp: str, at_ms: int) -> None:
    assert raw(query(lat="1", lon="2", timestamp=timestamp)).at_ms == at_ms


def test_the_form_of_newer_clients_is_read_from_the_body() -> None:
    [report] = reports([], FORM, f"id=9&lat=31.2&lon=121.5&timestamp={AT_S}&batt=50&charge=true".encode(), NOW_MS)
    assert raw(report).battery_pct == 50.0


def test_the_json_of_version_nine_is_read_with_speed_in_metres() -> None:
    location = {
        "timestamp": "2026-03-02T09:00:00.000Z",
        "coords": {"latitude": 31.2, "longitude": 121.5, "accuracy": 5, "speed": 3.5, "heading": -1, "altitude": 10},
        "is_moving": True,
        "battery": {"level": 0.5, "is_charging": False},
        "extras": {"alarm": "sos"},
    }
    [report] = reports([], "application/json; charset=utf-8", json.dumps({"location": location, "device_id": "x"}).encode(), NOW_MS)
    fix = raw(report)
    assert (fix.speed_mps, fix.heading_deg, fix.battery_pct, report.is_sos) == (3.5, None, 50.0, True)


def test_a_batch_of_locations_and_an_array_of_flat_objects_are_read_one_by_one() -> None:
    nested = {"location": [{"coords": {"latitude": 1, "longitude": 2}}, {}, "odd"]}
    kinds = [report.kind for report in reports([], "application/json", json.dumps(nested).encode(), NOW_MS)]
    assert kinds == [ReportKind.FIX, ReportKind.HEARTBEAT, ReportKind.UNUSABLE]
    flat = [{"lat": 1, "lon": 2, "timestamp": AT_S, "speed": 10}, 7]
    kinds = [report.kind for report in reports([], "application/json", json.dumps(flat).encode(), NOW_MS)]
    assert kinds == [ReportKind.FIX, ReportKind.UNUSABLE]


def test_a_heartbeat_without_coordinates_is_no_fix() -> None:
    report = query(id="1", timestamp=str(AT_S), batt="20")
    assert (report.kind, report.fix, report.battery_pct) == (ReportKind.HEARTBEAT, None, 20.0)


@pytest.mark.parametrize(
    "fields",
    [
        {"lat": "abc", "lon": "2"},
        {"lat": "1"},
        {"location": "1"},
        {"lat": "nan", "lon": "1"},
        {"lat": "1", "lon": "2", "timestamp": "soon"},
    ],
)
def test_half_a_position_or_a_broken_time_is_unusable(fields: dict[str, str]) -> None:
    assert query(**fields).kind is ReportKind.UNUSABLE


def test_an_alarm_is_an_alarm_with_or_without_a_position() -> None:
    assert query(alarm="sos", timestamp=str(AT_S)).is_sos
    assert query(alarm="SOS", lat="1", lon="2").is_sos
    assert query(alarm="sos", lat="abc", lon="2").is_sos
    assert not query(alarm="lowBattery", lat="1", lon="2").is_sos


def test_a_push_token_is_no_position() -> None:
    [report] = reports([], FORM, b"id=9&notificationToken=abc", NOW_MS)
    assert report.kind is ReportKind.OTHER


@pytest.mark.parametrize("kind", ["location", "waypoint"])
def test_what_owntracks_sends_is_not_taken_for_a_fix_of_now(kind: str) -> None:
    """Its time is `tst` and its speed km/h; a waypoint is a place where nobody is."""
    sent = {"_type": kind, "lat": 31.2, "lon": 121.5, "tst": AT_S - 3600, "acc": 8, "vel": 36}
    [report] = reports([], "application/json", json.dumps(sent).encode(), NOW_MS)

    assert (report.kind, report.fix) == (ReportKind.UNUSABLE, None)


def test_a_repeated_report_has_the_same_key_and_another_one_another() -> None:
    assert key_of(1, 2.0, 3.0) == key_of(1, 2.0, 3.0)
    assert len({key_of(at, 31.2 + step * 1e-6, 121.5) for at in range(100) for step in range(100)}) == 10_000
    assert 0 <= key_of(0, 0.0, 0.0) < 2**63


@given(st.binary(max_size=300), st.sampled_from(["application/json", FORM, ""]))
def test_no_body_breaks_the_reader(body: bytes, content_type: str) -> None:
    for report in reports([], content_type, body, NOW_MS):
        assert (report.fix is not None) == (report.kind is ReportKind.FIX)


KEYS = ["location", "coords", "latitude", "longitude", "lat", "lon", "timestamp", "battery", "level", "speed", "alarm"]
json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner),
    max_leaves=12,
)


@given(json_values)
def test_no_json_breaks_the_reader(sent: object) -> None:
    for report in reports([], "application/json", json.dumps(sent).encode(), NOW_MS):
        assert (report.fix is not None) == (report.kind is ReportKind.FIX)
