"""When must she be heard of? Check-ins, overrun and leaving, as deadlines over a visit, and what an answer satisfies.

Every threshold is a setting of the site; the values here are its defaults. Sources: reference on safety alerts, section 3 (60 min and
10 min grace by day, 30 and 5 by night; overstay by max(15 min, 20 %)); rules of the trade 3.2 (arrived not started 20 min, not left 15).
"""

from datetime import datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

import msgspec

from core.ids import TechnicianId, VisitId
from visits.stage import Stage


class Watch(StrEnum):
    """What is being waited for."""

    CHECK_IN = "check_in"
    """A sign of life during the service."""
    OVERRUN = "overrun"
    """The service should have ended."""
    NOT_LEFT = "not_left"
    """The service ended, she should have left the home."""
    NOT_STARTED = "not_started"
    """She arrived and nothing began."""
    NOT_ARRIVED = "not_arrived"
    """She is on the way for far longer than it takes."""
    CHECK_OUT = "check_out"
    """She has gone from the place after the service and has not said so."""
    SILENCE = "silence"
    """Her phone no longer reports where it should."""


class CheckIn(msgspec.Struct, frozen=True, kw_only=True):
    """One sign of life. `id` is the phone's own, so that a repeat changes nothing; `device_at` is when she gave it."""

    id: str
    visit_id: VisitId
    technician_id: TechnicianId
    device_at: datetime
    at: datetime


class WatchSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Minutes and metres of each watch; night is the site's local time, may cross midnight.

    A watch enters at its own minutes of lateness and leaves only once lateness has fallen to its `*_leave_min`, so that five minutes more
    do not make it come and go. After the service she is away beyond `away_m` of the place and there again within `near_m`. While a watch
    goes on she is asked again every `again_min`.
    """

    first_check_in_min: int = 10
    check_in_min: int = 60
    check_in_grace_min: int = 10
    night_check_in_min: int = 30
    night_grace_min: int = 5
    risky_check_in_min: int = 20
    night_from: time = time(23, 0)
    night_to: time = time(5, 0)
    overrun_min: int = 15
    overrun_share_pct: int = 20
    not_left_min: int = 15
    not_started_min: int = 20
    not_arrived_min: int = 60
    check_out_min: int = 10
    check_in_leave_min: int = 1
    overrun_leave_min: int = 5
    not_left_leave_min: int = 5
    not_started_leave_min: int = 5
    not_arrived_leave_min: int = 30
    check_out_leave_min: int = 5
    again_min: int = 15
    near_m: int = 200
    away_m: int = 300


class Deadline(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to wait for: she is reminded at `remind_at`, asked at `due_at`; `due_at` is what a check-in must lie before.

    It enters at `due_at` and leaves where that moment has moved so far that now lies before `leave_at`.
    """

    watch: Watch
    remind_at: datetime
    due_at: datetime
    leave_at: datetime


def is_night(at: datetime, zone: str, settings: WatchSettings) -> bool:
    """Tell whether `at` is night in the site's zone."""
    local = at.astimezone(ZoneInfo(zone)).time()
    if settings.night_from <= settings.night_to:
        return settings.night_from <= local < settings.night_to
    return local >= settings.night_from or local < settings.night_to


def deadlines_of(
    stage: Stage, since: datetime, planned_min: int, last_heard_at: datetime | None, zone: str, settings: WatchSettings, *, is_risky: bool
) -> tuple[Deadline, ...]:
    """Return everything that is waited for in a visit that entered `stage` at `since`, soonest first; empty where nothing is.

    `last_heard_at`: device time of her newest check-in that counts; `planned_min`: booked duration with all extensions.
    """
    found: tuple[Deadline, ...] = ()
    if stage is Stage.IN_SERVICE:
        found = _check_in(since, last_heard_at, zone, settings, is_risky=is_risky), _overrun(since, planned_min, settings)
    elif stage is Stage.DEPARTED:
        found = (_plain(Watch.NOT_ARRIVED, since, settings.not_arrived_min, settings.not_arrived_leave_min),)
    elif stage is Stage.ARRIVED:
        found = (_plain(Watch.NOT_STARTED, since, settings.not_started_min, settings.not_started_leave_min),)
    elif stage in (Stage.ENDED, Stage.ABORTED_UNSAFE):
        gone = _plain(Watch.CHECK_OUT, since, settings.check_out_min, settings.check_out_leave_min)
        found = gone, _plain(Watch.NOT_LEFT, since, settings.not_left_min, settings.not_left_leave_min)
    return tuple(sorted(found, key=lambda deadline: deadline.due_at))


def is_away(distance_m: float, settings: WatchSettings, *, was_away: bool) -> bool:
    """Tell whether she has gone from the place: beyond `away_m`, and once gone until she is within `near_m` again."""
    return distance_m > (settings.near_m if was_away else settings.away_m)


PROMPT = timedelta(minutes=2)
"""A check-in that took longer to arrive was queued without network."""


def counts_for(device_at: datetime, received_at: datetime, due_at: datetime) -> bool:
    """Tell whether a check-in satisfies the deadline at `due_at`: a prompt one does, a queued one only where it was made after it.

    A sign of life from 40 minutes ago says nothing about now. Source: reference on safety alerts, rule 5 of section 2.2.
    """
    return received_at - device_at <= PROMPT or device_at >= due_at


def _check_in(since: datetime, last: datetime | None, zone: str, settings: WatchSettings, *, is_risky: bool) -> Deadline:
    night = is_night(last or since, zone, settings)
    every = settings.night_check_in_min if night else settings.check_in_min
    grace = settings.night_grace_min if night else settings.check_in_grace_min
    if is_risky:
        every, grace = min(every, settings.risky_check_in_min), min(grace, settings.night_grace_min)
    remind_at = since + timedelta(minutes=settings.first_check_in_min) if last is None else last + timedelta(minutes=every)
    leave_min = min(settings.check_in_leave_min, grace)
    return _late(Watch.CHECK_IN, remind_at, remind_at, grace, leave_min)


def _overrun(since: datetime, planned_min: int, settings: WatchSettings) -> Deadline:
    end = since + timedelta(minutes=planned_min)
    extra_min = max(settings.overrun_min, planned_min * settings.overrun_share_pct / 100)
    return _late(Watch.OVERRUN, end, end, extra_min, settings.overrun_leave_min)


def _plain(watch: Watch, since: datetime, minutes: int, leave_min: int) -> Deadline:
    return _late(watch, since, since + timedelta(minutes=minutes * 2 / 3), minutes, leave_min)


def _late(watch: Watch, since: datetime, remind_at: datetime, enter_min: float, leave_min: int) -> Deadline:
    return Deadline(
        watch=watch, remind_at=remind_at, due_at=since + timedelta(minutes=enter_min), leave_at=since + timedelta(minutes=leave_min)
    )
