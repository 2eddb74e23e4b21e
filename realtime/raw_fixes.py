"""How does a frame's fix become tracking's, and a heap of seqs an ack's ranges? Translation between the wire and `tracking.fix`."""

from realtime.wire import FixesFrame, FixFrame, FixRow
from realtime.wire_decode import BadFrame, FrameFault
from realtime.wire_values import Datum
from tracking.fix import RawFix

_DATUM, _WGS84 = Datum.WGS84, Datum.WGS84.value
"""Asking an enum for its value costs as much as reading the rest of a fix."""


def merged(ranges: list[list[int]], seqs: list[int]) -> list[list[int]]:
    """Return the inclusive ranges [from, to], ascending and apart, that hold exactly `ranges` and `seqs` (any order, repeats allowed)."""
    if not ranges and len(seqs) == 1:
        return [[seqs[0], seqs[0]]]
    result: list[list[int]] = []
    for first, last in sorted(ranges + [[seq, seq] for seq in seqs]):
        if result and first <= result[-1][1] + 1:
            result[-1][1] = max(last, result[-1][1])
        else:
            result.append([first, last])
    return result


def raw_fixes_of(frame: FixesFrame, max_fixes: int, unreadable: int) -> list[RawFix]:
    """Return the fixes of a frame as tracking takes them; raises `BadFrame` for more than `max_fixes`, unreadable ones counted."""
    count = len(frame.fixes) + len(frame.rows) + unreadable
    if count > max_fixes:
        raise BadFrame(FrameFault.TOO_MANY_FIXES, f"{count} fixes in one frame; {max_fixes} are allowed. Send them in several frames.")
    fixes = [raw_of_frame(fix) for fix in frame.fixes]
    datum = frame.datum.value
    fixes += [_raw_of_row(row, datum) for row in frame.rows]
    return fixes


def raw_of_frame(fix: FixFrame) -> RawFix:
    """Return one fix as tracking takes it, which knows that a negative speed or heading is iOS's word for unknown."""
    return RawFix(
        fix.seq,
        fix.at_ms,
        fix.lat,
        fix.lon,
        fix.accuracy_m,
        fix.speed_mps,
        fix.heading_deg,
        fix.altitude_m,
        fix.battery_pct,
        fix.mocked,
        _WGS84 if fix.datum is _DATUM else fix.datum.value,
    )


def _raw_of_row(row: FixRow, datum: str) -> RawFix:
    return RawFix(row.seq, row.at_ms, row.lat, row.lon, row.accuracy_m, row.speed_mps, row.heading_deg, datum=datum)
