"""How far did she go? A streaming meter over noisy fixes: constant state a trip, whole numbers, the same answer on every machine.

Fixes come in ascending order. Each passes a gate (accuracy, mocked, possible speed), is held until the next shows that it was no
spike, is smoothed lightly where fixes are dense, and then either waits inside the open leg or, far enough from the anchor, closes it
(`meter_leg`). Called by `settlement` (billed) and `meter_observer` (provisional).
"""

from tracking.fares.meter_fix import MeterFix
from tracking.fares.meter_gap import bridge_over, cut_off
from tracking.fares.meter_ground import length_mm
from tracking.fares.meter_leg import accept, flush
from tracking.fares.meter_state import RULES, MeterRules, MeterState, Rejected, Snapshot, count_rejected, take_back_rejected
from tracking.fares.metered import Slice

_DOUBTS_TO_BELIEVE = 3
"""This many fixes in a row that agree with each other and not with the track are the new track."""
_REPEAT_MS = 3_000
"""A position repeated for longer is a phone that does not see."""
_ISLAND_MS = 600_000
"""A track that jumps away and back within this time was never there."""


def take(state: MeterState, fix: MeterFix, out: list[Slice] | None = None, rules: MeterRules = RULES) -> None:
    """Meter one fix that is later than all before; changes `state`, and appends closed slices to `out` where one is given."""
    why = _gate(fix, rules)
    if why is not None:
        count_rejected(state, why)
        state.is_cut = state.is_cut or (why is Rejected.MOCKED and state.held is not None)
        return
    held = state.held
    if held is None:
        state.held = fix
        return
    took_ms = fix.at_ms - held.at_ms
    if took_ms <= 0:
        count_rejected(state, Rejected.NOT_LATER)
        return
    if state.is_cut:
        _resume(state, fix, out, rules)
        return
    if state.left is not None and _is_at(state.left, fix):
        _go_back(state, state.left, fix)
        return
    last = state.last
    step_mm = length_mm(held.lat_e7, held.lon_e7, fix.lat_e7, fix.lon_e7)
    if step_mm * 1000 > rules.limit_mmps * took_ms and _is_beyond(state, held, fix, step_mm, rules):
        _doubt(state, fix, step_mm, out, rules)
        return
    if state.doubts:
        state.doubts = 0
    if step_mm == 0:
        state.frozen = state.frozen or held
        state.left = None
    elif state.frozen is not None or state.left is not None:
        state.left, state.frozen = state.frozen, None
    if step_mm > 4 * took_ms and last is not None and _is_spike(last, held, fix, step_mm, rules):
        count_rejected(state, Rejected.SPIKE)
    else:
        accept(state, held, fix, out, rules)
        state.last = held
    state.held = fix


def finish(state: MeterState, out: list[Slice] | None = None, rules: MeterRules = RULES) -> None:
    """End the trip: the held fix, unless it leaps, and the open leg are counted."""
    frozen, doubt = state.frozen, state.doubt
    if state.doubts and frozen is not None and doubt is not None and _ends_run(state, frozen, doubt, rules):
        _thaw(state, frozen, doubt, out, rules)
    held, last = state.held, state.last
    if held is not None and last is not None and _leaps(state, last, held, rules):
        count_rejected(state, Rejected.SPIKE)
    elif held is not None:
        accept(state, held, None, out, rules)
        state.last = held
    state.held = None
    flush(state, out)


def _ends_run(state: MeterState, frozen: MeterFix, doubt: MeterFix, rules: MeterRules) -> bool:
    """Tell whether a last fix away from a repeated position, which no successor can confirm, is where she has got to."""
    return _can_follow(frozen, doubt, rules) and not _leaps(state, frozen, doubt, rules)


def _leaps(state: MeterState, last: MeterFix, held: MeterFix, rules: MeterRules) -> bool:
    """Tell whether a last fix, which no successor can confirm, lies far beyond her usual pace."""
    took_ms = held.at_ms - last.at_ms
    if took_ms > rules.gap_ms:
        return False
    noise_mm = rules.default_accuracy_mm if held.accuracy_dm is None else held.accuracy_dm * 100
    likely_mm = 4 * noise_mm + max(15_000, 2 * state.pace_mmps) * took_ms // 1000
    return length_mm(last.lat_e7, last.lon_e7, held.lat_e7, held.lon_e7) > likely_mm


def _is_at(run: MeterFix, fix: MeterFix) -> bool:
    """Tell whether a fix repeats the position of a run to the last digit."""
    return fix.lat_e7 == run.lat_e7 and fix.lon_e7 == run.lon_e7


def _go_back(state: MeterState, run: MeterFix, fix: MeterFix) -> None:
    """Forget the held fix, at whatever speed: before and after it the phone repeats one position to the last digit.

    Nobody comes back that exactly, so it never saw her move.
    """
    count_rejected(state, Rejected.SPIKE)
    state.held, state.frozen, state.left, state.doubts = fix, run, None, 0


def _is_repeated(frozen: MeterFix | None, fix: MeterFix, rules: MeterRules) -> bool:
    """Tell whether the phone only repeated a position until it had the next, as some do ten times a second."""
    return frozen is not None and fix.at_ms - frozen.at_ms <= _REPEAT_MS and _can_follow(frozen, fix, rules)


def _gate(fix: MeterFix, rules: MeterRules) -> Rejected | None:
    """Return why a fix fails by itself; a mocked one also cuts the track."""
    if fix.mocked:
        return Rejected.MOCKED
    if fix.accuracy_dm is not None and fix.accuracy_dm * 100 > rules.gate_mm:
        return Rejected.INACCURATE
    on_earth = -900_000_000 <= fix.lat_e7 <= 900_000_000 and -1_800_000_000 <= fix.lon_e7 <= 1_800_000_000
    return None if on_earth else Rejected.IMPOSSIBLE


def _is_beyond(state: MeterState, held: MeterFix, fix: MeterFix, step_mm: int, rules: MeterRules) -> bool:
    """Tell whether a fix lies farther from the held one than anybody gets in that time."""
    return step_mm > _reach_mm(held, fix, fix.at_ms - held.at_ms, rules) and not _is_repeated(state.frozen, fix, rules)


def _reach_mm(start: MeterFix, end: MeterFix, took_ms: int, rules: MeterRules) -> int:
    """Return how far two honest fixes can lie apart: the fastest drive plus both accuracies."""
    doubt_dm = (start.accuracy_dm or 0) + (end.accuracy_dm or 0)
    return rules.limit_mmps * took_ms // 1000 + doubt_dm * 100 + rules.default_accuracy_mm


def _is_spike(last: MeterFix, held: MeterFix, fix: MeterFix, back_mm: int, rules: MeterRules) -> bool:
    """Tell whether last > held > fix turns back, or nearly so (143 degrees and more), at a speed that real corners do not have.

    `back_mm`: from held to fix, which the caller knows already.
    """
    noise_mm = rules.default_accuracy_mm if held.accuracy_dm is None else held.accuracy_dm * 100
    if back_mm <= 4 * noise_mm:
        return False
    out_mm = length_mm(last.lat_e7, last.lon_e7, held.lat_e7, held.lon_e7)
    is_fast = out_mm > 15 * (held.at_ms - last.at_ms) or back_mm > 15 * (fix.at_ms - held.at_ms)
    if not is_fast or out_mm <= 4 * noise_mm:
        return False
    direct_mm = length_mm(last.lat_e7, last.lon_e7, fix.lat_e7, fix.lon_e7)
    if out_mm + back_mm - direct_mm <= 6 * noise_mm + 20_000:
        return False
    reverses = 5 * (out_mm * out_mm + back_mm * back_mm - direct_mm * direct_mm) > 8 * out_mm * back_mm
    return reverses or 2 * direct_mm < out_mm + back_mm


def _doubt(state: MeterState, fix: MeterFix, step_mm: int, out: list[Slice] | None, rules: MeterRules) -> None:
    """Meet a fix that cannot follow the held one, `step_mm` away: the held one was a spike, or this one is, or the track has jumped."""
    last, held, before, frozen = state.last, state.held, state.doubt, state.frozen
    assert held is not None  # noqa: S101  only called while a fix is held
    agrees = state.doubts > 0 and before is not None and fix.at_ms > before.at_ms and _can_follow(before, fix, rules)
    if agrees and frozen is not None and before is not None and _can_follow(frozen, before, rules):
        _thaw(state, frozen, before, out, rules)
        take(state, fix, out, rules)
        return
    if last is not None and _can_follow(last, fix, rules) and _is_spike(last, held, fix, step_mm, rules):
        count_rejected(state, Rejected.SPIKE)
        state.held, state.frozen, state.left, state.doubts = fix, None, None, 0
        return
    state.doubt, state.doubts = fix, state.doubts + 1 if agrees else 1
    if state.doubts < _DOUBTS_TO_BELIEVE:
        count_rejected(state, Rejected.TOO_FAST)
        return
    state.doubt, state.doubts = None, 0
    _jump(state, fix, out, rules)


def _thaw(state: MeterState, frozen: MeterFix, fix: MeterFix, out: list[Slice] | None, rules: MeterRules) -> None:
    """Bridge a stretch in which the phone repeated one position while it moved on, as in a tunnel: a silence under another name.

    `fix`: the first that lay elsewhere. It was doubted, for a lone one may be false; the one after it has told that it was true.
    """
    take_back_rejected(state, Rejected.TOO_FAST)
    if state.held is not None:
        accept(state, state.held, None, out, rules)
    since_ms = frozen.at_ms
    if state.leg is not None:
        since_ms = max(since_ms, state.leg.start_ms)
        state.leg.end_ms = since_ms
    flush(state, out)
    bridge_over(state, frozen, since_ms, fix, out)
    state.last, state.held, state.frozen, state.doubts = None, fix, None, 0


def _can_follow(start: MeterFix, end: MeterFix, rules: MeterRules) -> bool:
    """Tell whether one can get from start to end in time."""
    apart_mm = length_mm(start.lat_e7, start.lon_e7, end.lat_e7, end.lon_e7)
    return apart_mm <= _reach_mm(start, end, end.at_ms - start.at_ms, rules)


def _jump(state: MeterState, fix: MeterFix, out: list[Slice] | None, rules: MeterRules) -> None:
    """Go on from where the track now is: a first false fix is forgotten, an island is cut out, any other jump is not counted."""
    held, before = state.held, state.before_jump
    assert held is not None  # noqa: S101  only called while a fix is held
    if state.fixes == 0:
        count_rejected(state, Rejected.TOO_FAST)
        state.held = fix
        return
    if before is not None and fix.at_ms - before.fix.at_ms <= _ISLAND_MS and _is_return(before.fix, held, fix, rules):
        _return_to(state, before, out)
        cut_off(state, before.fix, fix, out)
        state.before_jump = None
    else:
        finish(state, out, rules)
        end = state.last or held
        state.before_jump = Snapshot(end, state.distance_mm, state.moving_ms, state.slow_ms, state.waiting_ms, state.slices)
        cut_off(state, end, fix, out)


def _is_return(before: MeterFix, held: MeterFix, fix: MeterFix, rules: MeterRules) -> bool:
    """Tell whether `fix` continues the track from before the first jump rather than the one it leaves."""
    home_mm = length_mm(before.lat_e7, before.lon_e7, fix.lat_e7, fix.lon_e7)
    return _can_follow(before, fix, rules) and home_mm < length_mm(held.lat_e7, held.lon_e7, fix.lat_e7, fix.lon_e7)


def _return_to(state: MeterState, before: Snapshot, out: list[Slice] | None) -> None:
    """Take back all that was counted since the track jumped away."""
    state.distance_mm, state.slices = before.distance_mm, before.slices
    state.moving_ms, state.slow_ms, state.waiting_ms = before.moving_ms, before.slow_ms, before.waiting_ms
    state.gaps = [gap for gap in state.gaps if gap.start_ms < before.fix.at_ms]
    if out is not None:
        del out[before.slices :]


def _resume(state: MeterState, fix: MeterFix, out: list[Slice] | None, rules: MeterRules) -> None:
    """Go on after a mocked stretch: it is cut out, whatever lies between."""
    held = state.held
    assert held is not None  # noqa: S101  is_cut is set only while a fix is held
    finish(state, out, rules)
    cut_off(state, state.last or held, fix, out)
    state.is_cut = False
