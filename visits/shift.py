"""When does she offer work? Shifts, their pauses, and the moments they cover.

Only what lies in such an interval is located and kept; whether a fix does is judged by the fix's own time.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from core.clock import to_ms
from core.errors import BadInput, IllegalMove
from core.ids import ShiftId, SiteId, TechnicianId
from visits.site import SiteSettings

LATE_FIX_H = 72
"""A fix may come this much later than it was taken; so long must a closed shift be remembered by the gate."""


class Interval(msgspec.Struct, frozen=True, array_like=True):
    """From `from_ms` (inclusive) to `until_ms` (exclusive), milliseconds since 1970; None: not over yet."""

    from_ms: int
    until_ms: int | None = None


class ShiftState(StrEnum):
    """Where a shift stands."""

    OPEN = "open"
    """She offers work and is located."""
    PAUSED = "paused"
    """A break: nothing is located."""
    CLOSED = "closed"
    """Over."""


class ShiftEnd(StrEnum):
    """Who ended a shift."""

    TECHNICIAN = "technician"
    """She did."""
    DISPATCHER = "dispatcher"
    """The desk did, with a reason."""
    AUTOMATIC = "automatic"
    """The hub did, some time after the planned end."""


class Shift(msgspec.Struct, frozen=True, kw_only=True):
    """One shift. Times are aware UTC; `notice_version` names the text about location use she saw; `unwatched`: safety was not ready when
    it opened."""

    id: ShiftId
    site_id: SiteId
    technician_id: TechnicianId
    opened_at: datetime
    planned_end: datetime
    notice_version: str
    pauses: tuple[Interval, ...] = ()
    closed_at: datetime | None = None
    closed_by: ShiftEnd | None = None
    unwatched: bool = False
    version: int = 1

    @property
    def state(self) -> ShiftState:
        """Where it stands."""
        if self.closed_at is not None:
            return ShiftState.CLOSED
        return ShiftState.PAUSED if self.pauses and self.pauses[-1].until_ms is None else ShiftState.OPEN


def covers(intervals: Iterable[Interval], at_ms: int) -> bool:
    """Tell whether any of `intervals` holds the moment `at_ms`."""
    # Asked for every fix: a plain loop costs a third of `any` over a generator, and half of it without a call.
    for interval in intervals:
        until_ms = interval.until_ms
        if interval.from_ms <= at_ms and (until_ms is None or at_ms < until_ms):
            return True
    return False


def located(shift: Shift) -> tuple[Interval, ...]:
    """Return the intervals in which this shift allows locating her: from opening to closing, less the pauses, in order."""
    end_ms = None if shift.closed_at is None else to_ms(shift.closed_at)
    pieces: list[Interval] = []
    from_ms: int = to_ms(shift.opened_at)
    for pause in shift.pauses:
        pieces.append(Interval(from_ms, pause.from_ms))
        if pause.until_ms is None:
            return _not_empty(pieces)
        from_ms = pause.until_ms
    return _not_empty([*pieces, Interval(from_ms, end_ms)])


def merged(intervals: Iterable[Interval]) -> tuple[Interval, ...]:
    """Return the same moments as few ordered intervals that do not touch."""
    out: list[Interval] = []
    for each in sorted(intervals, key=lambda interval: interval.from_ms):
        if out and (out[-1].until_ms is None or each.from_ms <= out[-1].until_ms):
            out[-1] = Interval(out[-1].from_ms, _later(out[-1].until_ms, each.until_ms))
        else:
            out.append(each)
    return tuple(out)


def must_be_plannable(now: datetime, planned_end: datetime, settings: SiteSettings) -> datetime:
    """Return `planned_end`, or raise `BadInput` when it is past or longer ahead than the site's longest shift."""
    if not now < planned_end <= now + timedelta(hours=settings.shift_max_h):
        raise BadInput(f"The planned end must lie ahead, at most {settings.shift_max_h} hours. Choose a time within that.")
    return planned_end


def paused(shift: Shift, now: datetime) -> Shift:
    """Return the shift with a pause begun at `now`; raises `IllegalMove` unless it is open."""
    _must_be(shift, "pause", ShiftState.OPEN)
    return msgspec.structs.replace(shift, pauses=(*shift.pauses, Interval(to_ms(now))), version=shift.version + 1)


def resumed(shift: Shift, now: datetime) -> Shift:
    """Return the shift with its pause ended at `now`; raises `IllegalMove` unless it is paused."""
    _must_be(shift, "resume", ShiftState.PAUSED)
    return msgspec.structs.replace(shift, pauses=_pauses_ended(shift, now), version=shift.version + 1)


def closed(shift: Shift, now: datetime, by: ShiftEnd) -> Shift:
    """Return the shift closed at `now`, ending a pause with it; raises `IllegalMove` when it is closed."""
    _must_be(shift, "close", ShiftState.OPEN, ShiftState.PAUSED)
    return msgspec.structs.replace(shift, pauses=_pauses_ended(shift, now), closed_at=now, closed_by=by, version=shift.version + 1)


def replanned(shift: Shift, planned_end: datetime) -> Shift:
    """Return the shift with another planned end; raises `IllegalMove` when it is closed."""
    _must_be(shift, "replan", ShiftState.OPEN, ShiftState.PAUSED)
    return msgspec.structs.replace(shift, planned_end=planned_end, version=shift.version + 1)


def reminder_at(shift: Shift, settings: SiteSettings) -> datetime:
    """Return when to remind her of the planned end; never before the opening."""
    return max(shift.opened_at, shift.planned_end - timedelta(minutes=settings.shift_reminder_min))


def auto_close_at(shift: Shift, settings: SiteSettings) -> datetime:
    """Return when the shift closes by itself, if no visit of hers is underway then."""
    return shift.planned_end + timedelta(minutes=settings.shift_auto_close_min)


def _must_be(shift: Shift, act: str, *states: ShiftState) -> None:
    if shift.state not in states:
        possible = _POSSIBLE[shift.state]
        choice = f"Possible now: {', '.join(possible)}." if possible else "Open a new one."
        raise IllegalMove(f"A shift that is {shift.state.value} cannot {act}. {choice}", state=shift.state.value, act=act, allowed=possible)


_POSSIBLE = {
    ShiftState.OPEN: ["pause", "replan", "close"],
    ShiftState.PAUSED: ["resume", "replan", "close"],
    ShiftState.CLOSED: [],
}


def _pauses_ended(shift: Shift, now: datetime) -> tuple[Interval, ...]:
    if not shift.pauses or shift.pauses[-1].until_ms is not None:
        return shift.pauses
    last = shift.pauses[-1]
    return (*shift.pauses[:-1], Interval(last.from_ms, max(last.from_ms, to_ms(now))))


def _not_empty(pieces: list[Interval]) -> tuple[Interval, ...]:
    return tuple(piece for piece in pieces if piece.until_ms is None or piece.from_ms < piece.until_ms)


def _later(a: int | None, b: int | None) -> int | None:
    return None if a is None or b is None else max(a, b)
