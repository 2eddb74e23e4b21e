"""Which points does a GeoJSON document hold? Lines with a list of times, or Points with a time each.

Times of a line: `coordTimes`, `times` or `timestamps` in its properties, or `coordinateProperties.times`. Times of a Point:
`time`, `at`, `timestamp`, `at_ms`. Source: RFC 7946; `coordTimes` as written by togeojson and OGC API - Features clients.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from tracking.recording_point import BadRecording, RawPoint

_TIME_NAMES = ("time", "at", "timestamp", "at_ms")
_TIMES_NAMES = ("coordTimes", "times", "timestamps")


def geojson_points(text: str) -> Iterator[RawPoint | BadRecording]:
    """Yield the points of every line and every Point of the document in its order; `BadRecording` for what is no GeoJSON."""
    try:
        document = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError) as bad:
        raise BadRecording(f"Not readable as JSON: {bad}. Export it again.") from bad
    for number, feature in enumerate(_features(document), 1):
        yield from _feature_points(f"feature {number}", feature)


def _features(document: Any) -> list[Any]:
    """Return the features of a collection, a feature, or a bare geometry."""
    if not isinstance(document, dict) or "type" not in document:
        raise BadRecording('Not GeoJSON: the document has no "type". Expected a FeatureCollection, Feature or LineString.')
    if document["type"] == "FeatureCollection":
        features = document.get("features")
        return features if isinstance(features, list) else []
    return [document if document["type"] == "Feature" else {"geometry": document, "properties": {}}]


def _feature_points(where: str, feature: Any) -> Iterator[RawPoint | BadRecording]:
    """Yield one feature's points."""
    geometry = feature.get("geometry") if isinstance(feature, dict) else None
    if not isinstance(geometry, dict):
        yield BadRecording(f"{where}: has no geometry. Remove or skip it.")
        return
    properties = feature.get("properties")
    properties = properties if isinstance(properties, dict) else {}
    spots = geometry.get("coordinates")
    if geometry.get("type") == "Point":
        yield _point(where, spots, next((properties[name] for name in _TIME_NAMES if properties.get(name) is not None), None), properties)
    elif geometry.get("type") == "LineString":
        yield from _line_points(where, spots, _times(properties))
    elif geometry.get("type") == "MultiLineString" and isinstance(spots, list):
        times = _times(properties)
        for number, part in enumerate(spots):
            part_times = times[number] if isinstance(times, list) and number < len(times) else None
            yield from _line_points(f"{where}, line {number + 1}", part, part_times)
    else:
        yield BadRecording(f"{where}: a {geometry.get('type')} is no journey. Point, LineString and MultiLineString are read; skip it.")


def _times(properties: dict[str, Any]) -> Any:
    """Return the list of times of a line, or None."""
    nested = properties.get("coordinateProperties")
    for holder in (properties, nested if isinstance(nested, dict) else {}):
        for name in _TIMES_NAMES:
            if holder.get(name) is not None:
                return holder[name]
    return None


def _line_points(where: str, spots: Any, times: Any) -> Iterator[RawPoint | BadRecording]:
    """Yield a line's points with their times; a list of times of another length is one error."""
    if not isinstance(spots, list):
        yield BadRecording(f"{where}: the line has no coordinates. Remove or skip it.")
    elif times is not None and (not isinstance(times, list) or len(times) != len(spots)):
        yield BadRecording(f"{where}: {len(spots)} coordinates need as many times. Export it again with coordTimes, or skip it.")
    else:
        for number, spot in enumerate(spots):
            yield _point(f"{where}, point {number + 1}", spot, times[number] if times is not None else None, {})


def _point(where: str, spot: Any, at: Any, properties: dict[str, Any]) -> RawPoint | BadRecording:
    """Read one position [lon, lat, ...] with its readings."""
    if not isinstance(spot, list) or len(spot) < 2 or not all(_is_number(part) for part in spot[:2]):
        return BadRecording(f"{where}: a position reads [lon, lat] in degrees. Correct or skip it.")
    if at is not None and not (isinstance(at, str) or _is_number(at)):
        return BadRecording(f"{where}: its time is neither text nor number. Write it as 2026-05-01T12:00:00Z, or skip it.")
    return RawPoint(
        where=where, lat=float(spot[1]), lon=float(spot[0]), at=at,
        accuracy_m=_number(properties, "accuracy_m", "accuracy", "acc"), speed_mps=_number(properties, "speed_mps", "speed"),
        heading_deg=_number(properties, "heading_deg", "heading", "course"),
    )


def _is_number(value: Any) -> bool:
    """Tell whether it is a JSON number."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _number(properties: dict[str, Any], *names: str) -> float | None:
    """Return the first of these properties that is a number."""
    return next((float(properties[name]) for name in names if _is_number(properties.get(name))), None)
