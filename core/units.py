"""Which units does the house speak? Metres, seconds, degrees WGS-84, minor currency units.

Every conversion from a foreign unit (knots, km/h, miles) happens through a function of this file, at the edge that met it.
"""

from typing import NewType

Metres = NewType("Metres", float)
MetresPerSecond = NewType("MetresPerSecond", float)
Seconds = NewType("Seconds", float)
Degrees = NewType("Degrees", float)
Millis = NewType("Millis", int)
"""A point in time as milliseconds since 1970-01-01T00:00:00Z, or a duration in milliseconds where the name says so."""
MinorUnits = NewType("MinorUnits", int)
"""Money in the smallest unit of its currency (fen, cents, fils). Never a float."""

MPS_PER_KNOT = 1852 / 3600
"""Exact: the international nautical mile is 1852 m (BIPM, SI brochure, 9th edition)."""
METRES_PER_MILE = 1609.344
"""Exact: the international mile of 1959."""


def mps_from_knots(speed_knots: float) -> MetresPerSecond:
    """Return metres per second for a speed in knots."""
    return MetresPerSecond(speed_knots * MPS_PER_KNOT)


def mps_from_kmh(speed_kmh: float) -> MetresPerSecond:
    """Return metres per second for a speed in kilometres per hour."""
    return MetresPerSecond(speed_kmh / 3.6)


def metres_from_miles(distance_miles: float) -> Metres:
    """Return metres for a distance in international miles."""
    return Metres(distance_miles * METRES_PER_MILE)
