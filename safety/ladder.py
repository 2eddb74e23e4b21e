"""Who is told when? The ladder as data per site, in seconds since the commit, and what is due next.

Default (DESIGN 11): console, push and SMS at once, voice at 15 s, second tier at 60, third at 120, exhausted at 180 and again every 60.
With nobody on duty the voice calls of the first tier start at once. BS 8484:2016 asks for 80 % answered in 10 s, 98.5 % in 40 s.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise

import msgspec

from core.errors import BadInput
from notifications.notice import Channel

_PHONES = {Channel.SMS, Channel.VOICE}
MOST_EXHAUSTED_S = 3600
"""Nobody waits longer than an hour until everyone is told again and again."""
MOST_THEN = 5
"""So many people are tried one after another, 25 s each: longer than any tier waits for the next."""


class Group(StrEnum):
    """Whom a rung tells."""

    ON_DUTY = "on_duty"
    """Dispatchers who are on duty now."""
    DUTY_LEAD = "duty_lead"
    """The lead of the roster's present hour, else everyone on duty."""
    ALL_DISPATCHERS = "all_dispatchers"
    """Every dispatcher of the site, on duty or not."""
    SUPERVISORS = "supervisors"
    """Supervisors of the site."""
    OWNERS = "owners"
    """Owners of the site."""
    CONTACTS = "contacts"
    """Her own confirmed emergency contacts; never told to phone her."""


class Rung(msgspec.Struct, frozen=True, kw_only=True):
    """At `after_s` seconds, tell each of `groups` by each of `channels`; `tier` counts rungs of growing reach from 0."""

    after_s: int
    tier: int
    groups: tuple[Group, ...]
    channels: tuple[Channel, ...]


class Ladder(msgspec.Struct, frozen=True, kw_only=True):
    """All rungs of a site, and when the ladder is exhausted and how often it then repeats."""

    rungs: tuple[Rung, ...]
    exhausted_after_s: int = 180
    repeat_s: int = 60


DEFAULT = Ladder(
    rungs=(
        Rung(after_s=0, tier=0, groups=(Group.ON_DUTY,), channels=(Channel.CONSOLE, Channel.SMS)),
        Rung(after_s=15, tier=0, groups=(Group.DUTY_LEAD,), channels=(Channel.VOICE,)),
        Rung(after_s=60, tier=1, groups=(Group.ALL_DISPATCHERS, Group.CONTACTS), channels=(Channel.SMS, Channel.VOICE)),
        Rung(after_s=120, tier=2, groups=(Group.SUPERVISORS, Group.OWNERS), channels=(Channel.SMS, Channel.VOICE)),
    )
)


def checked(ladder: Ladder) -> Ladder:
    """Return the ladder, or raise `BadInput` naming the rung that makes no ladder: no rung at 0, a fall in time or tier, a tier without
    rungs, an empty rung, one for programs, none that reaches a phone of the desk, or an end that nobody lives to see."""
    if not ladder.rungs or ladder.rungs[0].after_s != 0:
        raise BadInput("The first rung must be at 0 seconds: someone has to be told at once.")
    _must_rise(ladder)
    for rung in ladder.rungs:
        if not rung.groups or not rung.channels:
            raise BadInput(f"The rung at {rung.after_s} s tells nobody. Give it groups and channels, or remove it.")
        if Channel.WEBHOOK in rung.channels:
            raise BadInput(f"The rung at {rung.after_s} s tells a program. People are told by console, sms and voice; take webhook out.")
    if not any(_PHONES & set(rung.channels) and set(rung.groups) - {Group.CONTACTS} for rung in ladder.rungs):
        raise BadInput("No rung reaches a phone of the desk: a console that nobody looks at wakes nobody. Add sms or voice.")
    if ladder.exhausted_after_s <= ladder.rungs[-1].after_s:
        last_s = ladder.rungs[-1].after_s
        raise BadInput(f"exhausted_after_s is {ladder.exhausted_after_s}; it must come after the last rung at {last_s} s.")
    if ladder.exhausted_after_s > MOST_EXHAUSTED_S:
        raise BadInput(
            f"exhausted_after_s is {ladder.exhausted_after_s}; {MOST_EXHAUSTED_S} seconds are the most, and every rung comes before it."
        )
    if not 10 <= ladder.repeat_s <= 600:
        raise BadInput(f"repeat_s is {ladder.repeat_s}; 10 to 600 seconds are allowed.")
    return ladder


def _must_rise(ladder: Ladder) -> None:
    for below, above in pairwise(ladder.rungs):
        if above.after_s < below.after_s or above.tier < below.tier:
            raise BadInput(
                f"The rung at {above.after_s} s (tier {above.tier}) follows the one at {below.after_s} s (tier {below.tier}). "
                "Rungs rise in time and tier: put them in order."
            )
    tiers = [rung.tier for rung in ladder.rungs]
    for tier, rung in zip([-1, *tiers], ladder.rungs, strict=False):
        if rung.tier > tier + 1 or rung.tier < 0:
            raise BadInput(
                f"The rung at {rung.after_s} s is of tier {rung.tier} where tier {tier + 1} is the next. "
                f"Tiers count from 0 and leave none out: give it tier {tier + 1}, or put the missing rungs in."
            )


class Due(msgspec.Struct, frozen=True, kw_only=True):
    """What the ladder does now: the rungs to tell, the next step to wake for, and whether it is exhausted (then everyone is told again)."""

    rungs: tuple[Rung, ...]
    next_step: int
    next_at: datetime
    is_exhausted: bool = False


def due(ladder: Ladder, started_at: datetime, step: int, now: datetime, *, is_hurried: bool = False, is_unmanned: bool = False) -> Due:
    """Return what is due at `now` for a ladder that began at `started_at` and has done `step` rungs.

    Several rungs may be due at once after an outage: all of them are told. `is_hurried` (signal lost, duress) brings every rung forward to
    the time of the one before it, and exhaustion to that of the last rung. `is_unmanned` (nobody on duty) tells the first
    tier by all its channels at once.
    """
    times = [_time_of(ladder, place, is_hurried=is_hurried, is_unmanned=is_unmanned) for place in range(len(ladder.rungs))]
    passed_s = (now - started_at).total_seconds()
    end = step
    while end < len(times) and times[end] <= passed_s:
        end += 1
    told = ladder.rungs[step:end]
    if end < len(times):
        return Due(rungs=told, next_step=end, next_at=started_at + timedelta(seconds=times[end]))
    exhausted_s = ladder.rungs[-1].after_s if is_hurried else ladder.exhausted_after_s
    if passed_s < exhausted_s:
        return Due(rungs=told, next_step=max(step, end), next_at=started_at + timedelta(seconds=exhausted_s))
    return Due(rungs=ladder.rungs, next_step=max(step, end) + 1, next_at=now + timedelta(seconds=ladder.repeat_s), is_exhausted=True)


def those_beside(ladder: Ladder, rung: Rung) -> tuple[Group, ...]:
    """Return the desk's groups that `rung` and the rungs of its tier below it tell: if she who is called does not answer, it is their turn.

    Those of later tiers come when the ladder reaches them; contacts never stand in for the desk.
    """
    below = [each for each in ladder.rungs if each.tier == rung.tier and each.after_s <= rung.after_s]
    return tuple(dict.fromkeys(group for each in below for group in each.groups if group is not Group.CONTACTS))


def after_her(person: str, people: Sequence[str]) -> tuple[str, ...]:
    """Return who is tried after `person`, at most `MOST_THEN`: those behind her in `people`, then those before her."""
    place = people.index(person) if person in people else -1
    return tuple([*people[place + 1 :], *people[: max(place, 0)]][:MOST_THEN])


def _time_of(ladder: Ladder, place: int, *, is_hurried: bool, is_unmanned: bool) -> int:
    rung = ladder.rungs[place]
    if is_unmanned and rung.tier == 0:
        return 0
    if is_hurried and place > 0:
        return ladder.rungs[place - 1].after_s
    return rung.after_s

