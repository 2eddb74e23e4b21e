"""What do Traccar Client and OsmAnd send? Query, form and JSON, read into reports.

The app changed its wire at every major version: a query string up to 8, JSON shaped like a background-location plug-in's in 9, a form again
in 10 (and, as an option, an array of flat objects). Speed is in knots where it is flat and in metres per second inside `coords`. Times are
unix seconds, milliseconds from 2**31 on, ISO 8601, or `yyyy-MM-dd HH:mm:ss` (taken as UTC). Sources: Traccar's documentation of the OsmAnd
protocol, and the behaviour of its server and clients.
"""

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from core.clock import to_ms
from core.units import mps_from_knots
from tracking.fix import RawFix
from tracking.phones.phone_report import PhoneReport, ReportKind, key_of

_LAST_SECOND = 2**31 - 1
_BAD = math.nan
"""What a field reads as that is there and is no number: such a report is unusable, not a heartbeat."""


def reports(query: Sequence[tuple[str, str]], content_type: str, body: bytes, now_ms: int) -> list[PhoneReport]:
    """Return the reports of one request; never raises, whatever was sent.

    Args:
        query: decoded query parameters; if there are any, the body is a repetition of them or empty, unless it is JSON.
        content_type: of the body.
        body: raw.
        now_ms: the hub's clock, for reports without a time.
    """
    if content_type.startswith("application/json"):
        return _of_json(body, now_ms)
    if not any(name in _FLAT_KEYS for name, _ in query):
        query = [*query, *parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=200)]
    return [_of_flat(dict(query), now_ms)]


_FLAT_KEYS = frozenset({"lat", "lon", "location", "timestamp", "alarm", "batt", "notificationToken"})


def _of_json(body: bytes, now_ms: int) -> list[PhoneReport]:
    try:
        sent = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeError):
        return [PhoneReport(kind=ReportKind.UNUSABLE)]
    if isinstance(sent, dict) and "location" in sent and not isinstance(sent["location"], str):
        # A batch of one was once sent as an empty object, a batch as an array.
        located = sent["location"] if isinstance(sent["location"], list) else [sent["location"]]
        return [_of_nested(one, now_ms) for one in located]
    return [_of_flat(one, now_ms) if _is_flat(one) else _UNUSABLE for one in (sent if isinstance(sent, list) else [sent])]


_UNUSABLE = PhoneReport(kind=ReportKind.UNUSABLE)


def _is_flat(sent: Any) -> bool:
    """Tell whether an object is flat fields. OwnTracks marks its own with `_type`: their times and speeds have other names and units, and
    its waypoints are places where nobody is."""
    return isinstance(sent, dict) and "_type" not in sent


def _of_flat(fields: Mapping[str, Any], now_ms: int) -> PhoneReport:
    """Read flat fields, as query, form or one object of an array."""
    if "notificationToken" in fields:
        return PhoneReport(kind=ReportKind.OTHER)
    lat, lon = _flat_place(fields)
    speed_knots = _number(fields.get("speed"))
    return _report(
        lat, lon, _time_ms(fields.get("timestamp")), now_ms,
        alarm=_text(fields.get("alarm")),
        battery_pct=_known(_number(fields.get("batt"))),
        accuracy_m=_number(fields.get("accuracy")),
        speed_mps=None if speed_knots is None else mps_from_knots(speed_knots),
        heading_deg=_number(fields.get("bearing", fields.get("heading"))),
        altitude_m=_number(fields.get("altitude")),
        mocked=_truth(fields.get("mock")),
    )


def _flat_place(fields: Mapping[str, Any]) -> tuple[float | None, float | None]:
    if isinstance(both := fields.get("location"), str):
        lat, _, lon = both.partition(",")
        return _number(lat), _number(lon) if lon else _BAD
    return _number(fields.get("lat")), _number(fields.get("lon"))


def _of_nested(location: Any, now_ms: int) -> PhoneReport:
    """Read one `location` of the JSON of Traccar Client 9 and of apps on the same plug-in."""
    if not isinstance(location, dict):
        return _UNUSABLE
    coords, battery, extras = (_object(location.get(name)) for name in ("coords", "battery", "extras"))
    level = _known(_number(battery.get("level")))
    return _report(
        _number(coords.get("latitude")), _number(coords.get("longitude")), _time_ms(location.get("timestamp")), now_ms,
        alarm=_text(location.get("alarm", extras.get("alarm"))),
        battery_pct=None if level is None else level * 100,
        accuracy_m=_number(coords.get("accuracy")),
        speed_mps=_number(coords.get("speed")),
        heading_deg=_number(coords.get("heading")),
        altitude_m=_number(coords.get("altitude")),
        mocked=_truth(location.get("mock")),
    )


def _report(
    lat: float | None, lon: float | None, at_ms: float | None, now_ms: int, *, alarm: str | None, battery_pct: float | None,
    mocked: bool, **readings: float | None,
) -> PhoneReport:
    """Return a heartbeat without a position, an unusable report with half or none of one, else a fix."""
    time_ms = None if at_ms is None or not math.isfinite(at_ms) else int(at_ms)
    if lat is None and lon is None:
        return PhoneReport(kind=ReportKind.HEARTBEAT, at_ms=time_ms, alarm=alarm, battery_pct=battery_pct)
    is_readable = lat is not None and lon is not None and not math.isnan(lat) and not math.isnan(lon)
    if not is_readable or (at_ms is not None and time_ms is None):
        return PhoneReport(kind=ReportKind.UNUSABLE, at_ms=time_ms, alarm=alarm, battery_pct=battery_pct)
    fix_ms = now_ms if time_ms is None else time_ms
    known = {name: _known(value) for name, value in readings.items()}
    fix = RawFix(key_of(fix_ms, lat, lon), fix_ms, lat, lon, **known, battery_pct=battery_pct, mocked=mocked)  # type: ignore[arg-type]
    return PhoneReport(kind=ReportKind.FIX, at_ms=time_ms, fix=fix, alarm=alarm, battery_pct=battery_pct)


def _number(value: Any) -> float | None:
    """Return a number; None for an absent or empty field, NaN for anything that is there and is none."""
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return _BAD
    try:
        return float(value)
    except (ValueError, OverflowError):
        return _BAD


def _time_ms(value: Any) -> float | None:
    """Return ms since 1970; None for an absent time, NaN for an unreadable one."""
    number = _number(value)
    if number is None or math.isfinite(number):
        return None if number is None else number * 1000 if number < _LAST_SECOND else number
    try:
        moment = datetime.fromisoformat(str(value).strip())
        return to_ms(moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        return _BAD


def _known(value: float | None) -> float | None:
    """Return a reading, None for the ways in which phones say that they do not know it."""
    return None if value is None or math.isnan(value) or value == -1 else value


def _truth(value: Any) -> bool:
    return value is True or (isinstance(value, str) and value.strip().lower() in ("true", "1"))


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
