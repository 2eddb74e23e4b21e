"""When is one recorded point usable? The values that every format of recording is read into, and the checks they share.

Source: RFC 3339 (times).
"""

import math
from datetime import UTC, datetime, timedelta

import msgspec

from core.errors import BadInput
from core.geo import LatLon

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class BadRecording(BadInput):
    """The recording cannot be read. The detail names the place and the cure; correct the file or skip its bad lines."""

    code = "bad_recording"


class RecordedFix(msgspec.Struct, frozen=True, kw_only=True):
    """One recorded position: times in ms since 1970 UTC, degrees WGS-84, metres, m/s, degrees clockwise from north; None = unknown."""

    at_ms: int
    received_ms: int | None = None
    lat: float
    lon: float
    accuracy_m: float | None = None
    speed_mps: float | None = None
    heading_deg: float | None = None


class RawPoint(msgspec.Struct, kw_only=True):
    """One point as a format's reader found it, unchecked; `where` names it for an error ("line 7", "point 3")."""

    where: str
    lat: float
    lon: float
    at: str | int | float | datetime | None = None
    received_at: str | int | float | datetime | None = None
    accuracy_m: float | None = None
    speed_mps: float | None = None
    heading_deg: float | None = None


def place_problem(point: RawPoint) -> BadRecording | None:
    """Return what is wrong with the position, in words."""
    try:
        LatLon.checked(point.lat, point.lon)
    except ValueError as bad:
        return BadRecording(f"{point.where}: {bad} Correct or skip it.")
    return None


def checked(point: RawPoint) -> RecordedFix:
    """Return the fix; unknown, negative or non-finite readings (a phone's -1) become None."""
    if point.at is None:
        raise BadRecording(f"{point.where}: has no time while others have. Add one, or skip such points.")
    return RecordedFix(
        at_ms=millis(point.at, point.where),
        received_ms=None if point.received_at is None else millis(point.received_at, point.where),
        lat=point.lat, lon=point.lon,
        accuracy_m=not_negative(point.accuracy_m), speed_mps=not_negative(point.speed_mps), heading_deg=_heading(point.heading_deg),
    )


def not_negative(reading: float | None) -> float | None:
    """Return a usable reading, or None."""
    return reading if reading is not None and math.isfinite(reading) and reading >= 0 else None


def _heading(reading: float | None) -> float | None:
    """Return a heading in [0, 360), or None."""
    known = not_negative(reading)
    return None if known is None else known % 360.0


def millis(at: str | int | float | datetime, where: str) -> int:
    """Return ms since 1970 UTC for an RFC 3339 text, an aware datetime, or a number of seconds (ms where above 1e11).

    Raises: `BadRecording` for a text that is no time, has no zone, or lies outside the years 1970-9999.
    """
    if isinstance(at, int | float):
        at_ms = _millis_of_number(at, where)
    else:
        moment = at if isinstance(at, datetime) else _moment(at, where)
        if moment.utcoffset() is None:
            raise BadRecording(f'{where}: time "{at}" has no zone. Append Z for UTC, or an offset such as +08:00.')
        at_ms = (moment - _EPOCH) // timedelta(milliseconds=1)
    if not 0 <= at_ms < 253_402_300_800_000:
        raise BadRecording(f'{where}: time "{at}" is outside the years 1970 to 9999. Correct or skip it.')
    return at_ms


def _millis_of_number(at: float, where: str) -> int:
    """Read a bare number of seconds or milliseconds."""
    if isinstance(at, bool) or not math.isfinite(at):
        raise BadRecording(f'{where}: "{at}" is no time. Write it as 2026-05-01T12:00:00Z.')
    return int(at) if abs(at) > 1e11 else round(at * 1000)


def _moment(text: str, where: str) -> datetime:
    """Read an RFC 3339 text."""
    try:
        return datetime.fromisoformat(text.strip())
    except ValueError as bad:
        raise BadRecording(f'{where}: "{text[:40]}" is no RFC 3339 time. Write it as 2026-05-01T12:00:00Z, or skip it.') from bad
