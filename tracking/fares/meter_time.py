"""How was the time spent? Each closed leg is booked as moving, or as a wait and a move where its pace falls far below her usual one."""

from tracking.fares.meter_state import MeterState
from tracking.fares.metered import Slice, SliceKind

SLOW_MMPS = 3_000
"""10.8 km/h: below it moving time is shown as slow. For display; a tariff has its own limit."""
_SHORT_MS = 20_000
"""A shorter leg below the usual pace is slow going, not a stop: nothing in it shows which."""
_MOVING = SliceKind.MOVING
_STROLL_MMPS = 1_400
_CREEP_MMPS = 400


def book_leg(state: MeterState, start_ms: int, end_ms: int, leg_mm: int, bend_mm: int, out: list[Slice] | None) -> None:
    """Count a leg, what it cut off bends with it; a leg of under 35 % of the usual pace is a wait, then a move at that pace."""
    took_ms, pace_mmps, whole_mm = end_ms - start_ms, state.pace_mmps, leg_mm + bend_mm
    speed_mmps = leg_mm * 1000 // took_ms if took_ms else 0
    wait_ms = 0
    if took_ms > _SHORT_MS and (speed_mmps * 100 < 35 * pace_mmps or speed_mmps < _CREEP_MMPS):
        wait_ms = took_ms - min(took_ms, leg_mm * 1000 // max(pace_mmps, _STROLL_MMPS))
    if wait_ms:
        book_wait(state, start_ms, start_ms + wait_ms, out)
        state.pace_mmps = (15 * pace_mmps + max(speed_mmps, _CREEP_MMPS)) // 16
    else:
        state.pace_mmps = (3 * pace_mmps + speed_mmps) // 4 if pace_mmps else speed_mmps
    book_slice(state, start_ms + wait_ms, end_ms, whole_mm, _MOVING, out)
    state.distance_mm += whole_mm
    moved_ms = took_ms - wait_ms
    state.moving_ms += moved_ms
    if whole_mm * 1000 < SLOW_MMPS * moved_ms:
        state.slow_ms += moved_ms
    if state.is_resting:
        state.is_resting = False


def book_wait(state: MeterState, start_ms: int, end_ms: int, out: list[Slice] | None) -> None:
    """Book a stand."""
    if end_ms > start_ms:
        state.waiting_ms += end_ms - start_ms
        book_slice(state, start_ms, end_ms, 0, SliceKind.WAITING, out)


def book_slice(state: MeterState, start_ms: int, end_ms: int, distance_mm: int, kind: SliceKind, out: list[Slice] | None) -> None:
    """Hand a slice to who collects them, and count it."""
    state.slices += 1
    if out is not None:
        out.append(Slice(start_ms, end_ms, distance_mm, kind))
