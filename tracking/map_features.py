"""How do fixes look on a map? GeoJSON (RFC 7946): longitude first, six decimals, WGS-84, nothing that is not finite.

The geojson package writes it; it does not check numbers, so this file does.
"""

import math
from collections.abc import Sequence
from typing import Any

import geojson

from core.geo import LatLon
from tracking.fix import Fix, Judged, Lane

DECIMALS = 6
"""11 cm at the equator; RFC 7946, section 11.2, advises no more."""
MEDIA_TYPE = "application/geo+json"


def point(place: LatLon) -> geojson.Point:
    """Return `place` as a Point; raises `ValueError` for a number that JSON cannot say."""
    return geojson.Point(_position(place.lat, place.lon), precision=DECIMALS)


def fix_feature(fix: Fix, now_ms: int) -> geojson.Feature:
    """Return the newest fix of a technician as a Feature with `at_ms`, `age_s`, accuracy, speed and heading as far as known."""
    properties: dict[str, Any] = {
        "at_ms": fix.at_ms,
        "age_s": max(0, (now_ms - fix.at_ms) // 1000),
        "accuracy_m": fix.accuracy_m,
        "speed_mps": fix.speed_mps,
        "heading_deg": fix.heading_deg,
    }
    known = {name: value for name, value in properties.items() if value is not None}
    return geojson.Feature(id=fix.technician_id, geometry=point(fix.place), properties=known)


def track_collection(judged: Sequence[Judged]) -> geojson.FeatureCollection:
    """Return the track of a visit: one line of the live fixes with `coordTimes`, and a point for each other fix with its reasons."""
    live = [one.fix for one in judged if one.lane is Lane.LIVE]
    features = [_line_feature(live)] if live else []
    features += [_aside_feature(one) for one in judged if one.lane is not Lane.LIVE]
    return geojson.FeatureCollection(features)


def dumped(thing: geojson.GeoJSON) -> bytes:
    """Return the JSON text of a feature or collection; raises `ValueError` for NaN or infinity anywhere in it."""
    text: str = geojson.dumps(thing, allow_nan=False, separators=(",", ":"))
    return text.encode()


def _line_feature(fixes: Sequence[Fix]) -> geojson.Feature:
    positions = [_position(fix.lat, fix.lon) for fix in fixes]
    # A line needs two positions (RFC 7946, 3.1.4).
    is_line = len(positions) > 1
    geometry = geojson.LineString(positions, precision=DECIMALS) if is_line else geojson.Point(positions[0], precision=DECIMALS)
    return geojson.Feature(geometry=geometry, properties={"kind": "track", "coordTimes": [fix.at_ms for fix in fixes]})


def _aside_feature(one: Judged) -> geojson.Feature:
    properties = {"kind": "aside", "at_ms": one.fix.at_ms, "reasons": [reason.value for reason in one.reasons]}
    return geojson.Feature(geometry=point(one.fix.place), properties=properties)


def _position(lat: float, lon: float) -> tuple[float, float]:
    if not (math.isfinite(lat) and math.isfinite(lon)):
        raise ValueError("A position is not finite. It should have been refused when it came in.")
    return (lon, lat)
