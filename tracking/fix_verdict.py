"""Does this fix move the marker? The live verdict, against the last accepted fix of the same technician.

A verdict never deletes: whatever is well-formed and on shift is stored with all its reasons. It depends on the order of arrival, so
settlement does not use it. A fix that contradicts the last accepted one loses, until two more agree with it: then it was the last one
that was wrong.
"""

import msgspec

from core.geo import distance_m, surely_within
from tracking.fix import Fix, Judged, Lane, Reason


class VerdictRules(msgspec.Struct, frozen=True, kw_only=True):
    """Limits of the live marker. The fare has its own, stricter ones."""

    future_ms: int = 10_000
    """A phone's corrected clock is good to a few seconds."""
    inaccurate_m: float = 200.0
    """Wider than this the marker could be in another street; arrival by hand is taken up to this too."""
    jump_mps: float = 70.0
    """250 km/h: above what any road and most trains do."""
    jump_slack_m: float = 50.0
    """Between two fixes of a second, noise alone makes this much."""
    frozen_mps: float = 2.0
    """Whoever reports to move this fast cannot stand still to the last decimal."""
    agreeing: int = 3
    """So many fixes in a row that agree with each other overrule the last accepted one."""


DEFAULT_RULES = VerdictRules()


class Mark(msgspec.Struct, frozen=True):
    """What is remembered of a technician: the last accepted fix, and the newest of `rivals` fixes in a row that contradict it."""

    last: Fix | None = None
    rival: Fix | None = None
    rivals: int = 0


NO_MARK = Mark()
_LIVE = Lane.LIVE
"""Found faster than a member of an enum, and nearly every fix is judged so."""


def judge(mark: Mark, fix: Fix, now_ms: int, rules: VerdictRules = DEFAULT_RULES) -> tuple[Judged, Mark]:
    """Return `fix` with its verdict, and what is remembered after it."""
    reasons = _of_itself(fix, now_ms, rules)
    if mark.last is not None:
        reasons += _against_last(mark.last, fix, rules)
    if not reasons:
        return Judged(fix, _LIVE), Mark(fix)
    if reasons == (Reason.JUMP,):
        return _contradicted(mark, fix, rules)
    return Judged(fix, Lane.LEDGER_ONLY, reasons), mark


def _of_itself(fix: Fix, now_ms: int, rules: VerdictRules) -> tuple[Reason, ...]:
    """Return what speaks against a fix without knowing any other."""
    reasons: tuple[Reason, ...] = ()
    if fix.at_ms > now_ms + rules.future_ms:
        reasons += (Reason.FUTURE,)
    if fix.accuracy_m is not None and fix.accuracy_m > rules.inaccurate_m:
        reasons += (Reason.INACCURATE,)
    if fix.mocked:
        reasons += (Reason.MOCKED,)
    return reasons


def _against_last(last: Fix, fix: Fix, rules: VerdictRules) -> tuple[Reason, ...]:
    """Return what the last accepted fix says against this one."""
    same_place = fix.lat == last.lat and fix.lon == last.lon
    if fix.at_ms <= last.at_ms:
        return (Reason.DUPLICATE,) if _repeats(last, fix, same_place) else (Reason.STALE,)
    if same_place:
        return (Reason.FROZEN,) if fix.speed_mps is not None and fix.speed_mps >= rules.frozen_mps else ()
    return (Reason.JUMP,) if _is_jump(last, fix, rules) else ()


def _repeats(last: Fix, fix: Fix, same_place: bool) -> bool:
    same_key = fix.seq == last.seq and fix.device_epoch == last.device_epoch and fix.device_id == last.device_id
    return same_key or (same_place and fix.at_ms == last.at_ms)


def _is_jump(before: Fix, fix: Fix, rules: VerdictRules) -> bool:
    slack_m = rules.jump_slack_m + (before.accuracy_m or 0.0) + (fix.accuracy_m or 0.0)
    reach_m = slack_m + rules.jump_mps * (fix.at_ms - before.at_ms) / 1000
    return not surely_within(before, fix, reach_m) and distance_m(before, fix) > reach_m


def _contradicted(mark: Mark, fix: Fix, rules: VerdictRules) -> tuple[Judged, Mark]:
    """Count fixes in a row that agree with each other against the last accepted one; enough of them overrule it."""
    agrees = mark.rival is not None and fix.at_ms > mark.rival.at_ms and not _is_jump(mark.rival, fix, rules)
    rivals = mark.rivals + 1 if agrees else 1
    if rivals >= rules.agreeing:
        return Judged(fix, Lane.LIVE), Mark(fix)
    return Judged(fix, Lane.LEDGER_ONLY, (Reason.JUMP,)), Mark(mark.last, fix, rivals)
