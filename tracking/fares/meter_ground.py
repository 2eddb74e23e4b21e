"""How long is a short leg on the ground? Whole millimetres on WGS-84 between positions in 1e-7 degrees, the same on every machine.

A leg is flat over a few hundred metres: each latitude band has two scales (millimetres per 1e-7 degree north and east, times 2^20),
so the hot loop needs one look-up, two products and two shifts. Only + - * / and sqrt touch floating point, which IEEE 754 fixes to
the last bit; sines come from a polynomial here because libm differs between machines.
Source: WGS-84 (NIMA TR8350.2): a = 6378137 m, 1/f = 298.257223563; radii of curvature in the meridian and the prime vertical.
"""

from math import isqrt, sqrt

SHIFT = 20
"""Scales carry this many binary places."""
BAND_E7 = 50_000
"""A band is 0.005 degrees (556 m) high: at 70 degrees the scale is then wrong by at most 0.012 % within it."""
HALF_TURN_E7 = 1_800_000_000
FULL_TURN_E7 = 3_600_000_000

_A_M = 6_378_137.0
_E2 = 0.006694379990141316
_RADIANS_PER_E7 = 3.141592653589793 / HALF_TURN_E7
_scales: dict[int, tuple[int, int]] = {}


def _sine(angle: float) -> float:
    """Return sin of an angle in [-pi/2, pi/2] by its Taylor series to x^21: error below 1e-15, basic operations only."""
    square, term, total = angle * angle, angle, angle
    for n in range(2, 22, 2):
        term = -term * square / (n * (n + 1))
        total = total + term
    return total


def _scales_of(band: int) -> tuple[int, int]:
    """Return (east, north) scales at the middle of a band."""
    sine = _sine((band * BAND_E7 + BAND_E7 // 2) * _RADIANS_PER_E7)
    squeeze = 1.0 - _E2 * sine * sine
    prime_vertical_m = _A_M / sqrt(squeeze)
    meridian_m = prime_vertical_m * (1.0 - _E2) / squeeze
    cosine = sqrt(max(0.0, 1.0 - sine * sine))
    unit = _RADIANS_PER_E7 * 1000.0 * (1 << SHIFT)
    return int(prime_vertical_m * cosine * unit + 0.5), int(meridian_m * unit + 0.5)


def scales_at(lat_e7: int) -> tuple[int, int]:
    """Return the (east, north) scales of the band that holds this latitude; at most 36,001 bands are ever remembered."""
    band = lat_e7 // BAND_E7
    scales = _scales.get(band)
    if scales is None:
        scales = _scales[band] = _scales_of(band)
    return scales


def folded(dlon_e7: int) -> int:
    """Return a difference of longitudes the short way round, in [-180, 180) degrees."""
    return (dlon_e7 + HALF_TURN_E7) % FULL_TURN_E7 - HALF_TURN_E7


def offset_mm(lat_e7: int, lon_e7: int, to_lat_e7: int, to_lon_e7: int) -> tuple[int, int]:
    """Return (east, north) in millimetres from a place to another near it, rounded down, with the scales of the first's latitude."""
    dlon_e7 = to_lon_e7 - lon_e7
    east, north = _scales.get(lat_e7 // BAND_E7) or scales_at(lat_e7)
    if not -HALF_TURN_E7 <= dlon_e7 < HALF_TURN_E7:
        dlon_e7 = folded(dlon_e7)
    return dlon_e7 * east >> SHIFT, (to_lat_e7 - lat_e7) * north >> SHIFT


def length_mm(lat_a_e7: int, lon_a_e7: int, lat_b_e7: int, lon_b_e7: int) -> int:
    """Return the millimetres from a to b, rounded down, with the scales of their middle latitude.

    Within 0.02 % up to 20 km below 70 degrees of latitude.
    """
    lat_e7, dlon_e7 = (lat_a_e7 + lat_b_e7) >> 1, lon_b_e7 - lon_a_e7
    east, north = _scales.get(lat_e7 // BAND_E7) or scales_at(lat_e7)
    if not -HALF_TURN_E7 <= dlon_e7 < HALF_TURN_E7:
        dlon_e7 = folded(dlon_e7)
    east_mm, north_mm = dlon_e7 * east >> SHIFT, (lat_b_e7 - lat_a_e7) * north >> SHIFT
    return isqrt(east_mm * east_mm + north_mm * north_mm)
