"""What stands in the frames: numbers with unit and range, positions as GeoJSON, what a customer may know of her visit.

Every number has bounds, so that neither NaN nor infinity passes. Source: RFC 7946 for positions.
"""

from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct

MAX_FRAME_BYTES = 64 * 1024
"""Larger socket frames are closed with 1009: a phone with a backlog sends several frames, so that live fixes are never stuck behind one."""
MAX_FIXES = 500
"""Fixes in one frame or one HTTP body: one batch of the batch function."""
MAX_SEQ = 2**53 - 1
"""The largest integer that every JSON reader keeps exact (RFC 8259, section 6)."""
MAX_AT_MS = 253_402_300_799_999
"""End of year 9999: the last instant that datetimes and both databases can hold."""

Seq = Annotated[int, Meta(ge=0, le=MAX_SEQ, description="counter of the device, growing by one a fix within a device_epoch")]
AtMs = Annotated[int, Meta(ge=0, le=MAX_AT_MS, description="milliseconds since 1970, UTC")]
Lat = Annotated[float, Meta(ge=-90.0, le=90.0, description="degrees north")]
Lon = Annotated[float, Meta(ge=-180.0, le=180.0, description="degrees east")]
AccuracyM = Annotated[float, Meta(ge=0.0, le=1e7, description="radius of 68 % confidence, metres; below 0 iOS means an invalid position")]
SpeedMps = Annotated[float, Meta(ge=-1.0, le=1e4, description="metres per second; negative means unknown, as iOS says it")]
HeadingDeg = Annotated[float, Meta(ge=-1.0, le=360.0, description="degrees clockwise from north; negative means unknown")]
AltitudeM = Annotated[float, Meta(ge=-20_000.0, le=100_000.0, description="metres above the ellipsoid")]
BatteryPct = Annotated[float, Meta(ge=0.0, le=100.0, description="per cent")]
DeviceEpoch = Annotated[int, Meta(ge=0, le=MAX_SEQ, description="random number, renewed whenever the phone's counter restarts")]
Name = Annotated[str, Meta(max_length=64)]
Secret = Annotated[str, Meta(max_length=200)]


class Datum(StrEnum):
    """In which frame of reference latitude and longitude are."""

    WGS84 = "wgs84"
    """GPS's own; the default."""
    GCJ02 = "gcj02"
    """The offset frame of Chinese map services (AMap, Tencent)."""
    BD09 = "bd09"
    """Baidu's, offset once more."""


class Permission(StrEnum):
    """What the phone's system lets the app know of the location."""

    ALWAYS = "always"
    WHEN_IN_USE = "when_in_use"
    APPROXIMATE = "approximate"
    DENIED = "denied"


Coordinates = Annotated[list[float], Meta(min_length=2, max_length=2, description="[longitude, latitude], degrees WGS-84, 6 decimals")]


class Point(Struct, frozen=True, tag_field="type", tag="Point"):
    """GeoJSON Point (RFC 7946, section 3.1.2): longitude first."""

    coordinates: Coordinates


class PositionProperties(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is said beside a position: its time and accuracy; `gap_s` seconds without a fix, where there was a gap; `blurred` near her
    home."""

    at_ms: int
    accuracy_m: float | None = None
    heading_deg: float | None = None
    speed_mps: float | None = None
    gap_s: float | None = None
    blurred: bool = False


class PositionFeature(Struct, frozen=True, kw_only=True, tag_field="type", tag="Feature"):
    """GeoJSON Feature (RFC 7946, section 3.2) of a technician on her way."""

    geometry: Point
    properties: PositionProperties


class Arrival(Struct, frozen=True, kw_only=True):
    """When she will probably be there: between `earliest_ms` and `latest_ms`, as known at `as_of_ms`. `distance_m`: remaining way,
    metres."""

    earliest_ms: int
    latest_ms: int
    as_of_ms: int
    distance_m: float | None = None


class VisitFace(Struct, frozen=True, kw_only=True):
    """What a customer may know of her visit, in facts; the words are the page's. Absent things are null. `place` is [longitude,
    latitude]."""

    stage: str
    service: str = ""
    technician_name: str | None = None
    verified: str | None = None
    door_code: str | None = None
    window_start_ms: int | None = None
    window_end_ms: int | None = None
    planned_min: int | None = None
    departed_at_ms: int | None = None
    arrived_at_ms: int | None = None
    started_at_ms: int | None = None
    ended_at_ms: int | None = None
    place: Coordinates | None = None
    time_zone: str = "UTC"
    locale: str = "en"
    site_name: str = ""
    desk_phone: str | None = None
    emergency_number: str | None = None
    position_allowed: bool = False
    why: str = ""


class PositionItem(Struct, frozen=True, kw_only=True):
    """An item of the topic `positions`: a technician's newest live fix, and when a phone of hers was last heard (`seen_at_ms`, with or
    without a fix). `id` is the technician. Without a known position `at_ms`, `lon` and `lat` are null."""

    id: str
    site_id: str
    at_ms: int | None = None
    lon: float | None = None
    lat: float | None = None
    accuracy_m: float | None = None
    heading_deg: float | None = None
    speed_mps: float | None = None
    battery_pct: float | None = None
    seen_at_ms: int | None = None
