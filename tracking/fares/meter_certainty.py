"""How certain is the measured distance? A low and a high that hold the truth in 95 trips of 100, and a grade.

The shares are fitted on the simulated trips of `bench/fares`, which prints how often they hold in each case. They are not symmetric: a
meter that sees no bend between two fixes counts too little far more often than too much.
"""

from tracking.fares.meter_state import RULES, MeterState
from tracking.fares.metered import Gap, GapFill, Grade

_LOW_ENDS_MM = 15_000
_HIGH_ENDS_MM = 25_000
"""What the unknown first and last steps can add or take."""
_SURE_MM = 25_000
"""So small a half-width moves no fare: grade A however short the way; twice as much is B."""
_USUAL_MMPS = 10_000
"""Taken where no movement was seen: a car in a town."""


def certainty(state: MeterState, silent_ms: int = 0) -> tuple[int, int, Grade]:
    """Return (low mm, high mm, grade) of a finished trip.

    Args:
        state: the meter after `finish`.
        silent_ms: time without fixes between departure and the first, and between the last and arrival.
    """
    distance_mm = state.distance_mm
    if state.fixes < 2:
        return 0, distance_mm, Grade.C
    low_mm = max(0, distance_mm - _LOW_ENDS_MM - _too_much_mm(state))
    high_mm = distance_mm + _HIGH_ENDS_MM + _too_little_mm(state) + _unseen_mm(state, silent_ms)
    return low_mm, high_mm, _grade(distance_mm, (high_mm - low_mm) // 2)


def _too_much_mm(state: MeterState) -> int:
    """Return what may have been counted in excess: bends that were none, noise, drift at rest."""
    permille_mm = (
        12 * state.distance_mm + 200 * abs(state.bend_mm) + 900 * state.excess_mm + 15 * state.sparse_mm
        + 40 * state.vague_mm + 50 * state.bridged_mm
    )
    return permille_mm // 1000 + state.waiting_ms // 100


def _too_little_mm(state: MeterState) -> int:
    """Return what may be missing where fixes tell: bends between them, noise that was none, what was cut out."""
    permille_mm = (
        8 * state.distance_mm + 1000 * abs(state.bend_mm) + 700 * state.excess_mm + 90 * state.sparse_mm
        + 10 * state.vague_mm + 1000 * state.cut_mm
    )
    return permille_mm // 1000


def _unseen_mm(state: MeterState, silent_ms: int) -> int:
    """Return what may be missing where no fix tells: the road in a silence beyond its straight line, the way before and after all fixes.

    A third faster than she usually drove is the most that the clock allows; four times the straight line the most that roads wind.
    """
    if not (silent_ms or state.bridged_mm):
        return 0
    mmps = (state.distance_mm - state.bridged_mm) * 1000 // state.moving_ms if state.moving_ms else _USUAL_MMPS
    mmps = min(mmps, RULES.limit_mmps)
    return mmps * silent_ms // 1000 + sum(_detour_mm(gap, mmps) for gap in state.gaps if gap.fill is GapFill.CHORD and gap.filled_mm)


def _detour_mm(gap: Gap, mmps: int) -> int:
    """Return how much longer than its straight line the way through a silence may have been."""
    in_time_mm = 135 * mmps * (gap.end_ms - gap.start_ms) // 100_000
    return max(0, min(in_time_mm, 4 * gap.chord_mm) - gap.chord_mm)


def _grade(distance_mm: int, half_width_mm: int) -> Grade:
    """Return A within 3 %, B within 6 %, else C; on short ways within 25 m and 50 m."""
    if half_width_mm <= max(distance_mm * 3 // 100, _SURE_MM):
        return Grade.A
    return Grade.B if half_width_mm <= max(distance_mm * 6 // 100, 2 * _SURE_MM) else Grade.C
