"""What does the meter read of a fix? Whole numbers only, and a key that says which of two comes first at the same time."""

import msgspec

_MOST = 1e6


class MeterFix(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One fix in fixed point.

    `at_ms`: fix time. `lat_e7`, `lon_e7`: 1e-7 degrees WGS-84. `accuracy_dm`: decimetres, None unknown. `speed_cmps`: centimetres per
    second, None unknown. `key`: (device, device_epoch, seq), its identity, ordering fixes of one time.
    """

    at_ms: int
    lat_e7: int
    lon_e7: int
    accuracy_dm: int | None = None
    speed_cmps: int | None = None
    mocked: bool = False
    key: tuple[str, int, int] = ("", 0, 0)


def meter_fix(
    at_ms: int, lat: float, lon: float, accuracy_m: float | None, speed_mps: float | None,
    mocked: bool = False, key: tuple[str, int, int] = ("", 0, 0),
) -> MeterFix:
    """Return the fix in fixed point: degrees to 1e-7, accuracy to 1 dm, speed to 1 cm/s, each rounded to the nearest.

    Readings must be finite; a negative accuracy or speed means unknown, and either is capped at 10^6 metres (per second).
    """
    accuracy_dm = speed_cmps = None
    if accuracy_m is not None and accuracy_m >= 0:
        accuracy_dm = round((accuracy_m if accuracy_m < _MOST else _MOST) * 10)
    if speed_mps is not None and speed_mps >= 0:
        speed_cmps = round((speed_mps if speed_mps < _MOST else _MOST) * 100)
    return MeterFix(at_ms, round(lat * 10_000_000), round(lon * 10_000_000), accuracy_dm, speed_cmps, mocked, key)
