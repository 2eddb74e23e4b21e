"""What does a recorded journey say? GPX, JSONL and GeoJSON text read into fixes, for `fare meter`, `replay` and the trials.

Pure: text in, values out. The formats that need more than a line of code live beside this file (`recording_gpx`,
`recording_geojson`); all three meet in `recording_point`, as raw as the file: unsorted,
duplicates kept, nothing judged.
"""

from collections.abc import Iterable, Iterator
from enum import StrEnum

import msgspec

from core.geo import LatLon, distance_m
from tracking.recording_geojson import geojson_points
from tracking.recording_gpx import gpx_points
from tracking.recording_point import BadRecording, RawPoint, RecordedFix, checked, not_negative, place_problem

UNTIMED_SPEED_MPS = 8.0
"""A track without any time is laid out at this steady speed (29 km/h, a taxi in a town) so that it can be replayed."""


class RecordingKind(StrEnum):
    """How a recording is written."""

    GPX = "gpx"
    """GPX 1.0 or 1.1: track points, or route points where there is no track."""
    JSONL = "jsonl"
    """One JSON object a line: `at`, `lat`, `lon`, optionally `received_at`, `acc`, `speed`, `heading`."""
    GEOJSON = "geojson"
    """A LineString with `coordTimes`, or a collection of Points with a time property."""


class OnBad(StrEnum):
    """What to do with a line or point that cannot be read."""

    REFUSE = "refuse"
    """Stop and say which one and why."""
    SKIP = "skip"
    """Leave it out and list it in `Recording.skipped`."""


class Recording(msgspec.Struct, frozen=True, kw_only=True):
    """A read file: `fixes` in the order of the file; `skipped` says in words what was left out; `is_timed` False = times are made up."""

    fixes: tuple[RecordedFix, ...]
    skipped: tuple[str, ...] = ()
    is_timed: bool = True


class _Line(msgspec.Struct):
    """One JSONL line, as documented."""

    at: str
    lat: float
    lon: float
    received_at: str | None = None
    acc: float | None = None
    speed: float | None = None
    heading: float | None = None


_LINE = msgspec.json.Decoder(_Line)


def kind_of(name: str, text: str) -> RecordingKind:
    """Return the format of a file by its name's ending, else by how its text begins; `BadRecording` where neither tells."""
    ending = name.lower().rpartition(".")[2]
    by_ending = {"gpx": RecordingKind.GPX, "jsonl": RecordingKind.JSONL, "ndjson": RecordingKind.JSONL, "geojson": RecordingKind.GEOJSON}
    if ending in by_ending:
        return by_ending[ending]
    head = text.lstrip("\ufeff \t\r\n")[:400]
    if head.startswith("<"):
        return RecordingKind.GPX
    if head.startswith("{"):
        return RecordingKind.JSONL if '"at"' in head.splitlines()[0] else RecordingKind.GEOJSON
    raise BadRecording(f"{name}: neither GPX, JSONL nor GeoJSON. Name the file .gpx, .jsonl or .geojson, or convert it to one of them.")


def read_recording(name: str, text: str, *, on_bad: OnBad = OnBad.REFUSE) -> Recording:
    """Read a recording of any known format.

    Args:
        name: the file's name, for its ending and for messages.
        text: its whole content, decoded.
        on_bad: refuse (default) or skip what cannot be read.
    Returns: the fixes; none for an empty file of a known kind.
    Raises: `BadRecording` naming the line or point and the cure.
    """
    readers = {RecordingKind.GPX: gpx_points, RecordingKind.GEOJSON: geojson_points, RecordingKind.JSONL: jsonl_points}
    found = readers[kind_of(name, text)](text.removeprefix("\ufeff"))
    try:
        return _recording(found, on_bad)
    except BadRecording as bad:
        raise BadRecording(f"{name}: {bad.detail}") from bad


def jsonl_points(text: str) -> Iterator[RawPoint | BadRecording]:
    """Yield a point, or the error instead of it, for each line that is not blank."""
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield _jsonl_point(f"line {number}", line)


def _jsonl_point(where: str, line: str) -> RawPoint | BadRecording:
    """Read one line."""
    try:
        read = _LINE.decode(line)
    except (msgspec.DecodeError, UnicodeError) as bad:
        return BadRecording(f'{where}: {bad}. A line reads {{"at": "2026-05-01T12:00:00Z", "lat": 31.2, "lon": 121.5}}; mend or skip it.')
    return RawPoint(
        where=where, lat=read.lat, lon=read.lon, at=read.at, received_at=read.received_at,
        accuracy_m=read.acc, speed_mps=read.speed, heading_deg=read.heading,
    )


def _recording(points: Iterable[RawPoint | BadRecording], on_bad: OnBad) -> Recording:
    """Check every point; where no point at all has a time, lay one out."""
    good: list[RawPoint] = []
    skipped: list[str] = []
    for point in points:
        problem = point if isinstance(point, BadRecording) else place_problem(point)
        if problem is None and isinstance(point, RawPoint):
            good.append(point)
        else:
            _leave_out(problem, on_bad, skipped)
    if good and all(point.at is None for point in good):
        return Recording(fixes=tuple(_laid_out(good)), skipped=tuple(skipped), is_timed=False)
    fixes = []
    for point in good:
        try:
            fixes.append(checked(point))
        except BadRecording as bad:
            _leave_out(bad, on_bad, skipped)
    return Recording(fixes=tuple(fixes), skipped=tuple(skipped))


def _leave_out(problem: BadRecording | None, on_bad: OnBad, skipped: list[str]) -> None:
    """Refuse the file for this problem, or note it."""
    if problem is None:
        return
    if on_bad is OnBad.REFUSE:
        raise problem
    skipped.append(problem.detail)


def _laid_out(points: list[RawPoint]) -> Iterator[RecordedFix]:
    """Give untimed points times from 1970 on, at a steady speed along the line."""
    at_ms, before = 0, LatLon(points[0].lat, points[0].lon)
    for point in points:
        here = LatLon(point.lat, point.lon)
        at_ms += round(distance_m(before, here) / UNTIMED_SPEED_MPS * 1000)
        before = here
        yield RecordedFix(at_ms=at_ms, lat=point.lat, lon=point.lon, accuracy_m=not_negative(point.accuracy_m))
