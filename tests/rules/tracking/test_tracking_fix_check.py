"""A raw fix is refused for exactly what is wrong with it, and a good one is bound to its sender."""

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracking.fix import REFUSALS, RawFix, Reason, Sender, detail_of
from tracking.fix_check import refusal, well_formed

NOW_MS = 1_772_442_000_000
HOUR_MS = 3_600_000
GOOD = RawFix(seq=1, at_ms=NOW_MS, lat=31.2, lon=121.5)
SENDER = Sender("dev", "tech", "site", 1, 77)


def refused(**changes: object) -> Reason | None:
    raw = msgspec.structs.replace(GOOD, **changes)
    return refusal(raw, raw.at_ms, NOW_MS)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, None),
        ({"lat": 86.0}, None),
        ({"lat": 90.0, "lon": 180.0}, None),
        ({"lat": 0.0, "lon": 10.0}, None),
        ({"lat": 90.1}, Reason.OUT_OF_RANGE),
        ({"lon": -180.5}, Reason.OUT_OF_RANGE),
        ({"lat": math.nan}, Reason.NOT_FINITE),
        ({"lon": math.inf}, Reason.NOT_FINITE),
        ({"lat": 0.0, "lon": 0.0}, Reason.ZERO_POSITION),
        ({"seq": -1}, Reason.BAD_SEQ),
        ({"seq": 0}, None),
        ({"seq": 2**63}, Reason.BAD_SEQ),
        ({"at_ms": 0}, Reason.IMPOSSIBLE_TIME),
        ({"at_ms": NOW_MS // 1000}, Reason.IMPOSSIBLE_TIME),
        ({"at_ms": 2_082_758_400_000}, Reason.IMPOSSIBLE_TIME),
        ({"at_ms": NOW_MS + 23 * HOUR_MS}, None),
        ({"at_ms": NOW_MS - 71 * HOUR_MS}, None),
        ({"at_ms": NOW_MS - 73 * HOUR_MS}, Reason.TOO_LATE),
        ({"accuracy_m": math.nan}, Reason.NOT_FINITE),
        ({"accuracy_m": -1.0, "speed_mps": -1.0, "heading_deg": -1.0}, None),
        ({"heading_deg": 361.0}, Reason.BAD_READING),
        ({"speed_mps": 1e300}, Reason.BAD_READING),
        ({"battery_pct": 101.0}, Reason.BAD_READING),
        ({"datum": "gcj02"}, None),
        ({"datum": "pz90"}, Reason.UNKNOWN_DATUM),
    ],
)
def test_each_fault_has_its_own_reason(changes: dict[str, object], reason: Reason | None) -> None:
    assert refused(**changes) == reason


def test_every_reason_has_a_sentence() -> None:
    assert all(detail_of(reason).endswith((".", "?")) for reason in Reason)


def test_unknown_readings_become_none_and_ids_come_from_the_credential() -> None:
    fix = well_formed(SENDER, msgspec.structs.replace(GOOD, speed_mps=-1.0, accuracy_m=0.0), NOW_MS - 5, NOW_MS)
    assert (fix.speed_mps, fix.accuracy_m) == (None, 0.0)
    assert (fix.device_id, fix.device_epoch, fix.technician_id) == ("dev", 77, "tech")
    assert (fix.at_ms, fix.device_at_ms, fix.received_ms) == (NOW_MS - 5, NOW_MS, NOW_MS)


any_float = st.none() | st.floats(allow_nan=True, allow_infinity=True)


@given(
    st.builds(
        RawFix, seq=st.integers(-5, 2**64), at_ms=st.integers(-(2**65), 2**65), lat=st.floats(), lon=st.floats(), accuracy_m=any_float,
        speed_mps=any_float, heading_deg=any_float, altitude_m=any_float, battery_pct=any_float, datum=st.none() | st.text(max_size=5),
    )
)
def test_whatever_is_sent_gets_a_refusal_or_a_finite_fix(raw: RawFix) -> None:
    reason = refusal(raw, raw.at_ms, NOW_MS)
    if reason is not None:
        assert reason in REFUSALS
        return
    fix = well_formed(SENDER, raw, raw.at_ms, NOW_MS)
    readings = (fix.lat, fix.lon, fix.accuracy_m, fix.speed_mps, fix.heading_deg, fix.altitude_m, fix.battery_pct)
    assert all(math.isfinite(reading) for reading in readings if reading is not None)
