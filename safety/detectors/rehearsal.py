"""What would have fired on a recording? The same rules as on a live visit, played over recorded fixes and a plan of stages.

Everything is played in the shadow: nothing is asked, so nothing is answered, and what goes on is noted again after the site's interval.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import msgspec

from core.clock import from_ms
from core.geo import LatLon, distance_m
from safety.check_in import Watch, deadlines_of, is_away
from safety.detectors.detection import UsedFix, Watching
from safety.detectors.silence import Capability, Level, Silence, judged, silent_since_ms
from safety.detectors.turns import Turn, moves
from safety.site_rules import SiteRules
from visits.stage import Stage

TICK_MS = 5_000
WITHIN_MS = 3 * 24 * 3_600_000


class StageFrom(msgspec.Struct, frozen=True):
    """The visit was in `stage` from `from_ms` on."""

    stage: Stage
    from_ms: int


class Rehearsal(msgspec.Struct, frozen=True, kw_only=True):
    """What a rehearsal is played with. `place`: the visit's address, None where the recording's own end stands for it."""

    fixes: Sequence[UsedFix]
    plan: Sequence[StageFrom]
    rules: SiteRules = SiteRules()
    planned_min: int = 60
    zone: str = "UTC"
    place: LatLon | None = None
    capability: Capability = Capability.BACKGROUND
    is_risky: bool = False
    until_ms: int | None = None


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a detector would have said. `turn`: enter, again, leave or, for silence, amber; `fix_at_ms`: by which fix."""

    watch: Watch
    turn: str
    at_ms: int
    stage: Stage
    fix_at_ms: int | None
    distance_m: int | None


def of_one_time(fixes: Sequence[UsedFix]) -> list[UsedFix]:
    """Return the fixes, in order, whose time lies within days of most others: a phone that reports 1970 once makes no visit of 46 years."""
    ordered = sorted(fixes, key=lambda fix: fix.at_ms)
    middle_ms = ordered[len(ordered) // 2].at_ms
    return [fix for fix in ordered if abs(fix.at_ms - middle_ms) <= WITHIN_MS]


def rehearsed(played: Rehearsal) -> list[Said]:
    """Return what every detector would have said, in order."""
    return list(_played(played))


def _played(played: Rehearsal) -> Iterator[Said]:
    lasting: dict[Watch, int] = {}
    silence, place_no, stage_no = Silence(), -1, 0
    fixes, plan = played.fixes, sorted(played.plan, key=lambda each: each.from_ms)
    place = played.place or fixes[-1].place
    for now_ms in range(plan[0].from_ms, (played.until_ms or fixes[-1].at_ms) + 1, TICK_MS):
        while place_no + 1 < len(fixes) and fixes[place_no + 1].at_ms <= now_ms:
            place_no += 1
        fix = fixes[place_no] if place_no >= 0 else None
        before = stage_no
        while stage_no + 1 < len(plan) and plan[stage_no + 1].from_ms <= now_ms:
            stage_no += 1
        now = plan[stage_no]
        far_m = None if fix is None else round(distance_m(place, fix.place))

        seen: dict[str, Any] = {"at_ms": now_ms, "stage": now.stage, "fix_at_ms": None if fix is None else fix.at_ms, "distance_m": far_m}
        if stage_no != before:
            yield from [Said(watch=watch, turn=Turn.LEAVE.value, **seen) for watch in lasting]
            lasting.clear()
        last_ms = silent_since_ms(None if fix is None else fix.at_ms, plan[0].from_ms, 0)
        after = judged(silence, now.stage, last_ms, now_ms, played.capability, played.rules.silence)
        if after.level is not silence.level:
            yield Said(watch=Watch.SILENCE, turn=_LEVEL[after.level], **seen)
        silence = after
        for watch, turn in _turns(played, now, far_m, lasting, now_ms).items():
            if turn == Turn.LEAVE:
                lasting.pop(watch, None)
            else:
                lasting[watch] = now_ms
            yield Said(watch=watch, turn=turn, **seen)


def _turns(played: Rehearsal, now: StageFrom, far_m: int | None, lasting: dict[Watch, int], now_ms: int) -> dict[Watch, str]:
    watch = played.rules.watch
    since = from_ms(now.from_ms)
    found = deadlines_of(now.stage, since, played.planned_min, None, played.zone, watch, is_risky=played.is_risky)
    is_gone = far_m is not None and is_away(far_m, watch, was_away=Watch.CHECK_OUT in lasting)
    other = Watch.NOT_LEFT if is_gone else Watch.CHECK_OUT
    turns: dict[Watch, str] = {}
    for move in moves(
        [each for each in found if each.watch is not other], {each: from_ms(at) for each, at in lasting.items()},
        dict.fromkeys(Watch, Watching.SHADOW), (), from_ms(now_ms), timedelta(minutes=watch.again_min),
    ):  # fmt: skip
        turns[move.watch] = "again" if move.watch in turns else move.turn.value
    return turns


_LEVEL = {Level.HEARD: Turn.LEAVE.value, Level.AMBER: "amber", Level.ASK: Turn.ENTER.value}
