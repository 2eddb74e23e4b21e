"""Which points does a GPX file hold? Track points in order, or route points where there is no track; read by gpxpy.

Source: GPX 1.1 (topografix.com/GPX/1/1) and Garmin's TrackPointExtension, whose `speed` is m/s and `course` degrees.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

import gpxpy
import gpxpy.geo

from tracking.recording_point import BadRecording, RawPoint


def gpx_points(text: str) -> Iterator[RawPoint | BadRecording]:
    """Yield every point of every segment; `BadRecording` for what is no GPX."""
    if "<!ENTITY" in text:
        raise BadRecording("The file defines XML entities, which no recorder writes. Export it again without them.")
    if "<gpx" not in text and ":gpx" not in text:
        raise BadRecording("The file has no <gpx> element. Export it as GPX 1.1, or convert it to JSONL.")
    try:
        gpx = gpxpy.parse(text)
    except Exception as bad:  # gpxpy lets its XML parser's and its own field errors through, of several unrelated classes
        raise BadRecording(f"Not readable as GPX: {bad}. Export it again, or convert it to JSONL.") from bad
    tracked = [point for track in gpx.tracks for segment in track.segments for point in segment.points]
    routed = [point for route in gpx.routes for point in route.points]
    for number, point in enumerate(tracked or routed, 1):
        yield _point(number, point)


def _point(number: int, point: gpxpy.geo.Location) -> RawPoint:
    """Translate one point; a time without zone is UTC, as GPX says."""
    extra = _extension_numbers(point)
    return RawPoint(
        where=f"point {number}", lat=point.latitude, lon=point.longitude, at=_time(getattr(point, "time", None)),
        speed_mps=_first(getattr(point, "speed", None), extra.get("speed")),
        heading_deg=_first(getattr(point, "course", None), extra.get("course")),
        accuracy_m=extra.get("accuracy"),
    )


def _first(*readings: float | None) -> float | None:
    """Return the first reading that is known; 0 is known."""
    return next((reading for reading in readings if reading is not None), None)


def _time(at: datetime | None) -> datetime | None:
    """Return an aware time."""
    return at.replace(tzinfo=UTC) if at is not None and at.utcoffset() is None else at


def _extension_numbers(point: gpxpy.geo.Location) -> dict[str, float]:
    """Return the numeric leaves of a point's extensions by their name without name space."""
    found: dict[str, float] = {}
    for extension in getattr(point, "extensions", ()):
        for leaf in extension.iter():
            try:
                found[str(leaf.tag).rpartition("}")[2].lower()] = float(leaf.text or "")
            except ValueError:
                continue
    return found
