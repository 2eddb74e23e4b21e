"""What does one leg count? From anchor to fix: the straight line, less what noise adds, plus the bends that straight lines cut.

Noise across a straight leg only ever lengthens it, by its variance over twice the length (Ranacher et al., "Why GPS makes distances
bigger than they are", IJGIS 2016). Bends are found by measuring at two scales (Richardson's extrapolation): what two legs are longer
than the one line over both, noise taken off on each side, is what the next finer scale would still find. Nothing is asked of a single
corner, so none must stand out of the noise: over a trip what noise adds and takes cancels. A phone that claims more noise than its
track shows is not believed. All is whole millimetres and milliseconds; the factors are fitted in `bench/fares`.
"""

from math import isqrt

from tracking.fares.meter_fix import MeterFix
from tracking.fares.meter_gap import bridge
from tracking.fares.meter_ground import length_mm, offset_mm
from tracking.fares.meter_speed import aided_mm, hear, says_rest
from tracking.fares.meter_state import Leg, MeterRules, MeterState, start_leg
from tracking.fares.meter_time import SLOW_MMPS, book_leg, book_wait
from tracking.fares.metered import Slice

_DENSE_MS = 1_500
"""Neighbours this near are averaged with the fix: white noise falls to three eighths, a corner loses about a metre."""
_ERROR_MS = 30_000
"""A phone's position error forgets itself in about this time, so two fixes near in time share most of it."""
_FOUR_ERROR_MS, _SIX_ERROR_MS, _SIX_ERROR_MS2 = 4 * _ERROR_MS, 6 * _ERROR_MS, 6 * _ERROR_MS * _ERROR_MS
_FORGOTTEN_MS = 90_000
_SPARSE_MS = 10_000
"""Fixes farther apart hide bends between them."""
_KNOWN_MS = 7_000
"""Fixes up to 5 s apart, a little late, show the way; beyond, uncertainty grows with the time between them."""
_BLIND_MS = 20_000
_SHARP_MM = 10_000
"""The same for accuracy."""
_PROOF_MM = 10_000
"""Noise is believed until this much of it is missing."""
_WRAP_E7 = 1_000_000_000


def accept(state: MeterState, fix: MeterFix, after: MeterFix | None, out: list[Slice] | None, rules: MeterRules) -> None:
    """Meter a fix that passed every test; `after` is the one that follows it, where known."""
    state.fixes += 1
    last, leg = state.last, state.leg
    accuracy_mm = rules.default_accuracy_mm if fix.accuracy_dm is None else fix.accuracy_dm * 100
    if leg is None or last is None:
        state.leg = start_leg(fix.lat_e7, fix.lon_e7, accuracy_mm, fix.at_ms)
        return
    step_ms, lat_e7, lon_e7 = fix.at_ms - last.at_ms, fix.lat_e7, fix.lon_e7
    if step_ms > _SPARSE_MS:
        if _is_gap(last, fix, step_ms, rules) and bridge(state, leg, last, fix, accuracy_mm, out, rules, flush):
            return
    elif step_ms <= _DENSE_MS and after is not None:
        lat_e7, lon_e7 = _calmed(last, fix, after)
    if fix.speed_cmps is not None:
        hear(state, leg, fix)
    leg.end_x, leg.end_y = x, y = offset_mm(leg.lat_e7, leg.lon_e7, lat_e7, lon_e7)
    leg.end_ms, leg.end_accuracy_mm = fix.at_ms, accuracy_mm
    need_mm = _need_mm(state, leg, rules)
    square_mm2 = x * x + y * y
    if square_mm2 < need_mm * need_mm or says_rest(state, leg, square_mm2, need_mm):
        _stay(state, leg, need_mm)
        return
    _close(state, leg, isqrt(square_mm2), step_ms, out)
    state.leg = start_leg(lat_e7, lon_e7, accuracy_mm, fix.at_ms)


def _is_gap(last: MeterFix, fix: MeterFix, step_ms: int, rules: MeterRules) -> bool:
    """Tell whether too much lies between two fixes of more than 10 s apart to know the way."""
    return step_ms > rules.gap_ms or length_mm(last.lat_e7, last.lon_e7, fix.lat_e7, fix.lon_e7) > rules.gap_mm


def _calmed(last: MeterFix, fix: MeterFix, after: MeterFix) -> tuple[int, int]:
    """Return the position, averaged 1:2:1 with its neighbours where the second is near in time too and both on this side of 180 degrees."""
    if after.at_ms - fix.at_ms > _DENSE_MS or abs(last.lon_e7 - after.lon_e7) > _WRAP_E7 or abs(last.lon_e7 - fix.lon_e7) > _WRAP_E7:
        return fix.lat_e7, fix.lon_e7
    return (last.lat_e7 + 2 * fix.lat_e7 + after.lat_e7) >> 2, (last.lon_e7 + 2 * fix.lon_e7 + after.lon_e7) >> 2


def _need_mm(state: MeterState, leg: Leg, rules: MeterRules) -> int:
    """Return how far from the anchor a fix must lie to close the leg: more at rest, on foot, and with worse fixes."""
    worse_mm = leg.accuracy_mm if leg.accuracy_mm > leg.end_accuracy_mm else leg.end_accuracy_mm
    if state.is_resting:
        least_mm, need_mm = rules.rest_leg_mm, worse_mm * 9 // 2
    elif 0 < state.pace_mmps < SLOW_MMPS:
        least_mm, need_mm = rules.slow_leg_mm, worse_mm * 3
    else:
        least_mm, need_mm = rules.leg_mm, worse_mm * 18 // 10
    return need_mm if need_mm > least_mm else least_mm


def _stay(state: MeterState, leg: Leg, need_mm: int) -> None:
    """Keep the leg open; four times the usual time for a leg means rest."""
    if not state.is_resting:
        usual_ms = need_mm * 1000 // state.pace_mmps if state.pace_mmps else _ERROR_MS
        state.is_resting = leg.end_ms - leg.start_ms > max(10_000, 4 * usual_ms)


def _close(state: MeterState, leg: Leg, chord_mm: int, step_ms: int, out: list[Slice] | None) -> None:
    """Count the leg that ends at its newest fix, `chord_mm` from its anchor."""
    noise_mm = _excess_mm(_noise_mm2(leg, leg.end_ms - leg.start_ms, step_ms), chord_mm)
    longer_mm, by_noise_mm = _compared(state, leg, chord_mm, noise_mm, step_ms)
    believed = _believed_permille(state)
    bend_mm = (longer_mm - by_noise_mm * believed // 1000) * _finer_permille(state, step_ms) // 2000
    most_mm, least_mm, excess_mm = chord_mm * 45 // 100, -chord_mm // 4, noise_mm * believed // 1000
    bend_mm = most_mm if bend_mm > most_mm else least_mm if bend_mm < least_mm else bend_mm
    leg_mm, bend_mm = aided_mm(state, leg, chord_mm - excess_mm, bend_mm)
    state.bend_mm += bend_mm
    state.excess_mm += excess_mm
    if step_ms > _KNOWN_MS:
        state.sparse_mm += leg_mm * min(step_ms - _KNOWN_MS, 30_000) // 10_000
    if leg.accuracy_mm > _SHARP_MM or leg.end_accuracy_mm > _SHARP_MM:
        state.vague_mm += leg_mm * (max(leg.accuracy_mm, leg.end_accuracy_mm) - _SHARP_MM) // 10_000
    book_leg(state, leg.start_ms, leg.end_ms, leg_mm, bend_mm, out)


def _excess_mm(noise_mm2: int, line_mm: int) -> int:
    """Return what noise adds to a straight line: the variance across it over twice its length, a fifth at most."""
    excess_mm, most_mm = noise_mm2 // (2 * line_mm + 1), line_mm // 5
    return excess_mm if excess_mm < most_mm else most_mm


def _noise_mm2(leg: Leg, took_ms: int, step_ms: int) -> int:
    """Return the variance on one axis of the difference of two positions so far apart in time: small while both share the same error.

    A Gauss-Markov process of time constant 30 s, 1 - exp(-x) written as (6 x + x^2) / (6 + 4 x + x^2), plus white noise of an eighth of
    the squared accuracy, a fiftieth where dense fixes were averaged.
    """
    begin_mm, end_mm = leg.accuracy_mm, leg.end_accuracy_mm
    mean_mm2 = (begin_mm * begin_mm + end_mm * end_mm) // 2
    t = took_ms if took_ms < _FORGOTTEN_MS else _FORGOTTEN_MS
    walk_mm2 = mean_mm2 * t * (_SIX_ERROR_MS + t) // (_SIX_ERROR_MS2 + t * (_FOUR_ERROR_MS + t))
    return walk_mm2 + mean_mm2 // (50 if step_ms <= _DENSE_MS else 8)


def _compared(state: MeterState, leg: Leg, chord_mm: int, noise_mm: int, step_ms: int) -> tuple[int, int]:
    """Return what this leg and the one before are longer than the one line over both, and how much of that noise is expected to add.

    Every leg is in two pairs, so half of what a pair finds is counted with it. Then the leg takes the place of the one before.
    """
    longer_mm = by_noise_mm = 0
    if state.back_mm:
        x, y = state.back_x + leg.end_x, state.back_y + leg.end_y
        both_mm = isqrt(x * x + y * y)
        longer_mm = state.back_mm + chord_mm - both_mm
        both_noise_mm2 = _noise_mm2(leg, leg.end_ms - state.back_start_ms, step_ms)
        by_noise_mm = state.back_noise_mm + noise_mm - _excess_mm(both_noise_mm2, both_mm)
        state.zigzag_mm += longer_mm
        state.expected_mm += by_noise_mm
    state.back_x, state.back_y, state.back_mm = leg.end_x, leg.end_y, chord_mm
    state.back_noise_mm, state.back_start_ms = noise_mm, leg.start_ms
    return longer_mm, by_noise_mm


def _believed_permille(state: MeterState) -> int:
    """Return how much of the noise that accuracies claim is believed: no more than the track has zigzagged, bends and all."""
    shown_mm = state.zigzag_mm + _PROOF_MM
    claimed_mm = state.expected_mm + _PROOF_MM if state.expected_mm > 0 else _PROOF_MM
    return 1000 if shown_mm >= claimed_mm else 1000 * shown_mm // claimed_mm


def _finer_permille(state: MeterState, step_ms: int) -> int:
    """Return how much of what one halving of the scale finds all finer ones find together.

    By geometry a third on a steady curve, all of it at a slight corner, four thirds at right angles; more where a road winds within a leg,
    as it does between sparse fixes. A larger factor would count more than was driven on mountain roads.
    """
    if 0 < state.pace_mmps < SLOW_MMPS:
        return 800
    if step_ms <= _DENSE_MS:
        return 1200
    if step_ms <= _KNOWN_MS:
        return 800
    return 1400 if step_ms < _BLIND_MS else 2000


def flush(state: MeterState, out: list[Slice] | None) -> None:
    """Close the open leg early: what of it stands out of the noise is counted, once she has moved at all."""
    leg, state.leg = state.leg, None
    if leg is None:
        return
    square_mm2 = leg.end_x * leg.end_x + leg.end_y * leg.end_y - _noise_mm2(leg, leg.end_ms - leg.start_ms, 0)
    if square_mm2 > 0 and state.distance_mm and leg.end_ms > leg.start_ms:
        book_leg(state, leg.start_ms, leg.end_ms, isqrt(square_mm2), 0, out)
    else:
        book_wait(state, leg.start_ms, leg.end_ms, out)
    state.back_mm = 0
    state.is_resting = True
