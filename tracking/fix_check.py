"""Is this a fix at all? Well-formedness of what a device sent, one fix at a time, before anything is judged or kept.

Refused here means: answered with a precise reason and never stored. Readings that phones use for "unknown" (-1) become None; a reading that
nothing can have measured refuses the fix, because then its position cannot be believed either.
"""

import math

from core.geo import LatLon
from tracking.datum import Datum, to_wgs84
from tracking.fix import Fix, RawFix, Reason, Sender

EARLIEST_MS = 1_420_070_400_000
"""2015-01-01T00:00:00Z, before any device that can speak to the hub: catches 1970, seconds sent as milliseconds, GPS week rollover."""
LATE_MS = 72 * 3_600_000
"""How late a fix may be delivered."""
AHEAD_MS = 24 * 3_600_000
"""A fix further ahead than this has no time worth keeping; nearer ones are kept with the verdict `future`."""
MAX_SEQ = 2**63 - 1
_NUMBERS_MAX = 1e9


def refusal(raw: RawFix, at_ms: int, now_ms: int) -> Reason | None:
    """Return why `raw` is no fix, None when it is one.

    Args:
        raw: as sent.
        at_ms: its time corrected to the hub's clock.
        now_ms: the hub's clock.
    """
    lat, lon = raw.lat, raw.lon
    if not (-90.0 <= lat <= 90.0 and -180.0 <= lon <= 180.0):
        return Reason.OUT_OF_RANGE if math.isfinite(lat) and math.isfinite(lon) else Reason.NOT_FINITE
    if lat == 0.0 and lon == 0.0:
        return Reason.ZERO_POSITION
    if not 0 <= raw.seq <= MAX_SEQ:
        return Reason.BAD_SEQ
    if at_ms < EARLIEST_MS or at_ms > now_ms + AHEAD_MS or abs(raw.at_ms) > MAX_SEQ:
        return Reason.IMPOSSIBLE_TIME
    if at_ms < now_ms - LATE_MS:
        return Reason.TOO_LATE
    return _bad_reading(raw) or (None if raw.datum is None or raw.datum in _DATUMS else Reason.UNKNOWN_DATUM)


def _bad_reading(raw: RawFix) -> Reason | None:
    for reading in (raw.accuracy_m, raw.speed_mps, raw.heading_deg, raw.altitude_m, raw.battery_pct):
        if reading is not None and not -_NUMBERS_MAX < reading < _NUMBERS_MAX:
            return Reason.BAD_READING if math.isfinite(reading) else Reason.NOT_FINITE
    if raw.heading_deg is not None and raw.heading_deg > 360.0:
        return Reason.BAD_READING
    if raw.battery_pct is not None and raw.battery_pct > 100.0:
        return Reason.BAD_READING
    return None


_DATUMS = frozenset(datum.value for datum in Datum)
_WGS84 = Datum.WGS84.value


def well_formed(sender: Sender, raw: RawFix, at_ms: int, now_ms: int) -> Fix:
    """Return `raw`, which `refusal` let pass, as a fix of `sender`: WGS-84, unknown readings as None, ids from the credential."""
    lat, lon = raw.lat, raw.lon
    if raw.datum is not None and raw.datum != _WGS84:
        lat, lon = _converted(lat, lon, Datum(raw.datum))
    return Fix(
        sender.device_id, sender.device_epoch, raw.seq, sender.technician_id, at_ms, raw.at_ms, now_ms, lat, lon,
        _known(raw.accuracy_m), _known(raw.speed_mps), _known(raw.heading_deg), raw.altitude_m, _known(raw.battery_pct), raw.mocked,
    )


def _converted(lat: float, lon: float, datum: Datum) -> tuple[float, float]:
    place = to_wgs84(LatLon(lat, lon), datum)
    return place.lat, place.lon


def _known(reading: float | None) -> float | None:
    return None if reading is None or reading < 0 else reading
