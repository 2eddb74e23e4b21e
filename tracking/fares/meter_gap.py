"""What is counted where no fix tells? A silence is bridged by its straight line and marked; a false stretch is cut out and marked."""

from collections.abc import Callable

from tracking.fares.meter_fix import MeterFix
from tracking.fares.meter_ground import length_mm
from tracking.fares.meter_state import Leg, MeterRules, MeterState, start_leg
from tracking.fares.meter_time import book_slice, book_wait
from tracking.fares.metered import Gap, GapFill, Slice, SliceKind

_GAPS_MOST = 64
"""More are merged into the last, so that no input makes the state grow."""


def bridge(
    state: MeterState, leg: Leg, last: MeterFix, fix: MeterFix, accuracy_mm: int, out: list[Slice] | None, rules: MeterRules,
    flush: Callable[[MeterState, list[Slice] | None], None],
) -> bool:
    """Bridge a silence; False where the leg goes on because she is where she was.

    At the same place a silence up to `silence_ms` is a wait like any other, and a longer one is marked with no distance.
    """
    chord_mm = length_mm(last.lat_e7, last.lon_e7, fix.lat_e7, fix.lon_e7)
    if chord_mm < max(rules.rest_leg_mm, 2 * accuracy_mm):
        if fix.at_ms - last.at_ms > rules.silence_ms:
            book_wait(state, leg.start_ms, last.at_ms, out)
            note_gap(state, Gap(start_ms=last.at_ms, end_ms=fix.at_ms, chord_mm=chord_mm, filled_mm=0), out)
            leg.start_ms = fix.at_ms
            state.is_resting = True
        return False
    flush(state, out)
    bridge_over(state, last, last.at_ms, fix, out)
    state.leg = start_leg(fix.lat_e7, fix.lon_e7, accuracy_mm, fix.at_ms)
    return True


def bridge_over(state: MeterState, last: MeterFix, since_ms: int, fix: MeterFix, out: list[Slice] | None) -> None:
    """Count the straight line between two fixes for the silence from `since_ms` to the second."""
    chord_mm = length_mm(last.lat_e7, last.lon_e7, fix.lat_e7, fix.lon_e7)
    note_gap(state, Gap(start_ms=since_ms, end_ms=fix.at_ms, chord_mm=chord_mm, filled_mm=chord_mm), out)
    state.bridged_mm += chord_mm


def cut_off(state: MeterState, last: MeterFix, fix: MeterFix, out: list[Slice] | None) -> None:
    """Cut out the false stretch between two fixes, and start anew at the second."""
    chord_mm = length_mm(last.lat_e7, last.lon_e7, fix.lat_e7, fix.lon_e7)
    note_gap(state, Gap(start_ms=last.at_ms, end_ms=fix.at_ms, chord_mm=chord_mm, filled_mm=0, fill=GapFill.CUT), out)
    state.cut_mm += chord_mm
    state.last, state.held, state.leg, state.frozen = None, fix, None, None


def note_gap(state: MeterState, gap: Gap, out: list[Slice] | None) -> None:
    """Mark a gap and count its fill; the leg before it says nothing of the leg after it."""
    if len(state.gaps) >= _GAPS_MOST:
        state.gaps = [*state.gaps[:-1], _merged(state.gaps[-1], gap)]
    else:
        state.gaps = [*state.gaps, gap]
    state.distance_mm += gap.filled_mm
    book_slice(state, gap.start_ms, gap.end_ms, gap.filled_mm, SliceKind.GAP, out)
    state.back_mm = 0


def _merged(first: Gap, second: Gap) -> Gap:
    """Return one gap for two, with the sums of both."""
    return Gap(
        start_ms=first.start_ms, end_ms=second.end_ms, chord_mm=first.chord_mm + second.chord_mm,
        filled_mm=first.filled_mm + second.filled_mm, fill=GapFill.CUT if GapFill.CUT in (first.fill, second.fill) else first.fill,
    )
