"""Which Earth does a position mean? GCJ-02 and BD-09, the shifted datums of maps in mainland China, turned into WGS-84 and back.

GCJ-02 shifts positions inside mainland China by 50 to 700 metres; BD-09 shifts GCJ-02 once more. There is no published specification:
the series here is the one that public implementations agree on, tested against vectors of two independent ones to 1e-7 degrees. The shift
has no closed inverse, so the way back iterates to 1e-9 degrees (0.1 mm). Outside the box below GCJ-02 is WGS-84.
"""

import math
from enum import StrEnum

from core.geo import Bounds, LatLon

CHINA = Bounds(south=0.8293, west=72.004, north=55.8271, east=137.8347)
"""Where the shift is applied by the common implementations: a box, larger than the country."""
_AXIS_M = 6_378_245.0
"""Semi-major axis of Krasovsky's ellipsoid of 1940, on which the shift is computed."""
_ECCENTRICITY_SQUARED = 0.00669342162296594323
_BD_TURN = math.pi * 3000.0 / 180.0


class Datum(StrEnum):
    """What a pair of degrees refers to."""

    WGS84 = "wgs84"
    """GPS, and everything inside the hub."""
    GCJ02 = "gcj02"
    """What phones and maps sold in mainland China report."""
    BD09 = "bd09"
    """Baidu's."""


def to_wgs84(place: LatLon, datum: Datum) -> LatLon:
    """Return `place`, given in `datum`, in WGS-84; true to 0.1 mm of the shift's own definition."""
    if datum is Datum.WGS84:
        return place
    return _wgs84_from_gcj02(_gcj02_from_bd09(place) if datum is Datum.BD09 else place)


def from_wgs84(place: LatLon, datum: Datum) -> LatLon:
    """Return WGS-84 `place` in `datum`, for a foreign map; never for anything that is stored."""
    if datum is Datum.WGS84:
        return place
    shifted = _gcj02_from_wgs84(place)
    return _bd09_from_gcj02(shifted) if datum is Datum.BD09 else shifted


def _gcj02_from_wgs84(place: LatLon) -> LatLon:
    if not CHINA.holds(place):
        return place
    x, y = place.lon - 105.0, place.lat - 35.0
    phi = math.radians(place.lat)
    w = 1.0 - _ECCENTRICITY_SQUARED * math.sin(phi) ** 2
    metres_per_rad_lat = _AXIS_M * (1.0 - _ECCENTRICITY_SQUARED) / w**1.5
    metres_per_rad_lon = _AXIS_M / math.sqrt(w) * math.cos(phi)
    return LatLon(
        place.lat + math.degrees(_north_shift_m(x, y) / metres_per_rad_lat),
        place.lon + math.degrees(_east_shift_m(x, y) / metres_per_rad_lon),
    )


def _north_shift_m(x: float, y: float) -> float:
    shift = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * math.sqrt(abs(x)) + _ripple(x)
    shift += (20.0 * math.sin(y * math.pi) + 40.0 * math.sin(y / 3.0 * math.pi)) * 2.0 / 3.0
    return shift + (160.0 * math.sin(y / 12.0 * math.pi) + 320.0 * math.sin(y * math.pi / 30.0)) * 2.0 / 3.0


def _east_shift_m(x: float, y: float) -> float:
    shift = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * math.sqrt(abs(x)) + _ripple(x)
    shift += (20.0 * math.sin(x * math.pi) + 40.0 * math.sin(x / 3.0 * math.pi)) * 2.0 / 3.0
    return shift + (150.0 * math.sin(x / 12.0 * math.pi) + 300.0 * math.sin(x / 30.0 * math.pi)) * 2.0 / 3.0


def _ripple(x: float) -> float:
    return (20.0 * math.sin(6.0 * x * math.pi) + 20.0 * math.sin(2.0 * x * math.pi)) * 2.0 / 3.0


def _wgs84_from_gcj02(shifted: LatLon) -> LatLon:
    guess = shifted
    for _ in range(20):
        again = _gcj02_from_wgs84(guess)
        miss_lat, miss_lon = again.lat - shifted.lat, again.lon - shifted.lon
        if abs(miss_lat) < 1e-9 and abs(miss_lon) < 1e-9:
            break
        guess = LatLon(guess.lat - miss_lat, guess.lon - miss_lon)
    return guess


def _bd09_from_gcj02(place: LatLon) -> LatLon:
    z = math.hypot(place.lon, place.lat) + 0.00002 * math.sin(place.lat * _BD_TURN)
    theta = math.atan2(place.lat, place.lon) + 0.000003 * math.cos(place.lon * _BD_TURN)
    return LatLon(z * math.sin(theta) + 0.006, z * math.cos(theta) + 0.0065)


def _gcj02_from_bd09(shifted: LatLon) -> LatLon:
    guess = LatLon(shifted.lat - 0.006, shifted.lon - 0.0065)
    for _ in range(20):
        again = _bd09_from_gcj02(guess)
        miss_lat, miss_lon = again.lat - shifted.lat, again.lon - shifted.lon
        if abs(miss_lat) < 1e-9 and abs(miss_lon) < 1e-9:
            break
        guess = LatLon(guess.lat - miss_lat, guess.lon - miss_lon)
    return guess
