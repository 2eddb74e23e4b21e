"""Where is it, and how far? Positions on WGS-84 and the distances between them.

Distances are great-circle metres on the IUGG mean sphere: within 0.56 % of the ellipsoid, which is below the noise of a phone's
fix; the meter (tracking/fares) has its own, finer measure.
"""

import math
from typing import Protocol

import msgspec

from core.units import Degrees, Metres

EARTH_RADIUS_M = 6_371_008.8
"""Mean radius of WGS-84, (2a+b)/3. Source: IUGG, Moritz 2000, Geodetic Reference System 1980."""
_M_PER_DEG = math.radians(EARTH_RADIUS_M)
GEO_SET_MAX_LAT = 85.05112878
"""Redis refuses latitudes beyond this (Web Mercator's edge): such fixes live in SQL and in last-known only."""


class LatLon(msgspec.Struct, frozen=True, array_like=True):
    """A position: degrees WGS-84, `lat` in [-90, 90], `lon` in [-180, 180], both finite. Check foreign ones with `checked`."""

    lat: float
    lon: float

    @classmethod
    def checked(cls, lat: float, lon: float) -> "LatLon":
        """Return the position, or raise `ValueError` in words when it is not finite or out of range."""
        if not (math.isfinite(lat) and math.isfinite(lon)):
            raise ValueError(f"Position ({lat}, {lon}) is not a pair of finite numbers.")
        if not (-90.0 <= lat <= 90.0 and -180.0 <= lon <= 180.0):
            raise ValueError(f"Position ({lat}, {lon}) is outside latitude -90..90, longitude -180..180. Are they swapped?")
        return cls(lat, lon)


class Placed(Protocol):
    """Anything that has a position, in degrees WGS-84."""

    @property
    def lat(self) -> float:
        """Return the latitude."""
        ...

    @property
    def lon(self) -> float:
        """Return the longitude."""
        ...


class Bounds(msgspec.Struct, frozen=True):
    """A box of degrees that does not cross the antimeridian: south <= north, west <= east."""

    south: float
    west: float
    north: float
    east: float

    def holds(self, place: LatLon) -> bool:
        """Tell whether `place` lies in the box, edges included."""
        return self.south <= place.lat <= self.north and self.west <= place.lon <= self.east


def distance_m(a: Placed, b: Placed) -> Metres:
    """Return the great-circle metres from `a` to `b` (haversine: stable for small distances)."""
    phi_a, phi_b = math.radians(a.lat), math.radians(b.lat)
    half_dphi = (phi_b - phi_a) / 2
    half_dlam = math.radians(b.lon - a.lon) / 2
    h = math.sin(half_dphi) ** 2 + math.cos(phi_a) * math.cos(phi_b) * math.sin(half_dlam) ** 2
    return Metres(2 * EARTH_RADIUS_M * math.asin(min(1.0, math.sqrt(h))))


def surely_within(a: Placed, b: Placed, limit: float) -> bool:
    """Tell whether the way along meridian and parallel, never shorter than the great circle, is at most `limit` metres.

    A quick yes for neighbours on busy ways; a no says nothing: ask `distance_m` then.
    """
    return (abs(b.lat - a.lat) + abs(b.lon - a.lon)) * _M_PER_DEG <= limit


def surely_beyond(a: Placed, b: Placed, limit: float) -> bool:
    """Tell whether the difference in latitude alone, never longer than the great circle, is more than `limit` metres.

    As `surely_within`: a no says nothing.
    """
    return abs(b.lat - a.lat) * _M_PER_DEG > limit


def bearing_deg(a: LatLon, b: LatLon) -> Degrees:
    """Return the initial bearing from `a` to `b` in degrees clockwise from north, [0, 360); 0 for equal places."""
    phi_a, phi_b = math.radians(a.lat), math.radians(b.lat)
    dlam = math.radians(b.lon - a.lon)
    y = math.sin(dlam) * math.cos(phi_b)
    x = math.cos(phi_a) * math.sin(phi_b) - math.sin(phi_a) * math.cos(phi_b) * math.cos(dlam)
    return Degrees(math.degrees(math.atan2(y, x)) % 360.0)


def moved(start: LatLon, bearing: float, distance: float) -> LatLon:
    """Return the place `distance` metres from `start` along `bearing` degrees; longitude folded into [-180, 180)."""
    delta = distance / EARTH_RADIUS_M
    phi, lam, theta = math.radians(start.lat), math.radians(start.lon), math.radians(bearing)
    phi_end = math.asin(math.sin(phi) * math.cos(delta) + math.cos(phi) * math.sin(delta) * math.cos(theta))
    lam_end = lam + math.atan2(
        math.sin(theta) * math.sin(delta) * math.cos(phi), math.cos(delta) - math.sin(phi) * math.sin(phi_end)
    )
    return LatLon(math.degrees(phi_end), (math.degrees(lam_end) + 540.0) % 360.0 - 180.0)
