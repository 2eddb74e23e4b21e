"""What is to be done now about everything that is waited for? Enter, remind or leave, each by its own threshold, and when to look again.

Pure: the flow of a live visit and the rehearsal of a recording ask the same questions.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from safety.check_in import Deadline, Watch
from safety.detectors.detection import Watching


class Turn(StrEnum):
    """What a watch does now."""

    REMIND = "remind"
    """Its moment comes near: she is reminded."""
    ENTER = "enter"
    """Its threshold is crossed: she is asked, or in the shadow it is noted."""
    LEAVE = "leave"
    """It is over, or it has gone on for so long that it is asked about anew."""


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """One turn of one watch. `at`: the moment it belongs to, the same however late or often it is looked at."""

    turn: Turn
    watch: Watch
    at: datetime


def moves(
    deadlines: Sequence[Deadline], lasting: Mapping[Watch, datetime], modes: Mapping[Watch, Watching], reminded: Collection[str],
    now: datetime, again: timedelta,
) -> tuple[Move, ...]:  # fmt: skip
    """Return what happens at `now`. `lasting`: since when each detection lasts that was entered and not left; `reminded`: see `key_of`."""
    known = {deadline.watch: deadline for deadline in deadlines if modes[deadline.watch] is not Watching.OFF}
    found = [Move(turn=Turn.LEAVE, watch=watch, at=now) for watch in lasting if watch not in known]
    for deadline in known.values():
        found += _moves_of(deadline, lasting.get(deadline.watch), modes[deadline.watch], key_of(deadline) in reminded, now, again)
    return tuple(found)


def next_look(deadlines: Sequence[Deadline], lasting: Mapping[Watch, datetime], modes: Mapping[Watch, Watching], now: datetime,
              again: timedelta) -> datetime | None:  # fmt: skip
    """Return when there is something to do again, after `now`; None where nothing is waited for."""
    moments: list[datetime] = []
    for deadline in deadlines:
        if modes[deadline.watch] is Watching.OFF:
            continue
        since = lasting.get(deadline.watch)
        moments += [deadline.remind_at, deadline.due_at] if since is None else [since + again]
    return min((moment for moment in moments if moment > now), default=None)


def key_of(deadline: Deadline) -> str:
    """Return the name of one deadline, by which a reminder is given once."""
    return f"{deadline.watch.value}:{int(deadline.due_at.timestamp())}"


def _moves_of(
    deadline: Deadline, since: datetime | None, mode: Watching, is_reminded: bool, now: datetime, again: timedelta
) -> list[Move]:
    def move(turn: Turn, at: datetime) -> Move:
        return Move(turn=turn, watch=deadline.watch, at=at)

    if since is not None:
        if now < deadline.leave_at:
            return [move(Turn.LEAVE, now)]
        return [move(Turn.LEAVE, now), move(Turn.ENTER, since + again)] if now >= since + again else []
    if now >= deadline.due_at:
        return [move(Turn.ENTER, deadline.due_at)]
    is_near = now >= deadline.remind_at and not is_reminded and mode is Watching.ON
    return [move(Turn.REMIND, deadline.remind_at)] if is_near else []
