"""What does the wall clock say there? Local windows of the day, such as a night from 23:00 to 05:00, on real instants.

Called by `pricing` and `tariff`. A window is read off the site's wall clock, so on the night of a clock change it lasts an hour more or
less, as the street's own clocks say. Time zones: IANA, by the `zoneinfo` of the standard library.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from itertools import pairwise
from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec

ClockText = Annotated[str, msgspec.Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d$|^24:00$")]
"""Local time of day, `HH:MM`, 00:00 to 24:00."""
_SCAN_MS = 6 * 3_600_000
"""Two clock changes are never less than a day apart, so looking every six hours misses none."""


class Weekday(StrEnum):
    """Day of the week, Monday first as in ISO 8601."""

    MON = "mon"
    TUE = "tue"
    WED = "wed"
    THU = "thu"
    FRI = "fri"
    SAT = "sat"
    SUN = "sun"


class Window(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A stretch of the local day: `from` inclusive, `to` exclusive; crosses midnight where `to` is not after `from`.

    `weekdays`: days on which it begins; empty for every day.
    """

    from_: ClockText = msgspec.field(name="from")
    to: ClockText
    weekdays: tuple[Weekday, ...] = ()


def seconds_of(clock: str) -> int:
    """Return the seconds since local midnight of `HH:MM`, 0 to 86,400."""
    return int(clock[:2]) * 3600 + int(clock[3:]) * 60


def local(at_ms: int, zone: str) -> datetime:
    """Return the wall-clock time of an instant in an IANA zone, such as `Asia/Shanghai`."""
    return datetime.fromtimestamp(at_ms // 1000, UTC).astimezone(_zone(zone))


def is_within(at_ms: int, window: Window, zone: str) -> bool:
    """Tell whether an instant lies in the window by the zone's wall clock."""
    here = local(at_ms, zone)
    second = here.hour * 3600 + here.minute * 60 + here.second
    start, end = seconds_of(window.from_), seconds_of(window.to)
    if start < end:
        return start <= second < end and _begins_on(window, here.date())
    if second >= start:
        return _begins_on(window, here.date())
    return second < end and _begins_on(window, here.date() - timedelta(days=1))


def first_within(at_ms: int, windows: Sequence[Window], zone: str) -> int | None:
    """Return the index of the first window that holds the instant, None outside all."""
    return next((place for place, window in enumerate(windows) if is_within(at_ms, window, zone)), None)


def cuts(start_ms: int, end_ms: int, windows: Iterable[Window], zone: str) -> list[int]:
    """Return every instant strictly inside (start_ms, end_ms), ascending, at which a window may begin or end.

    May hold instants where nothing changes (both readings of a repeated hour); never misses one where something does.
    """
    clocks = sorted({clock for window in windows for clock in (window.from_, window.to)})
    if not clocks or end_ms <= start_ms:
        return []
    found = set(_clock_changes(start_ms, end_ms, zone))
    first, last = local(start_ms, zone).date() - timedelta(days=1), local(end_ms, zone).date() + timedelta(days=1)
    for day in range((last - first).days + 1):
        for clock in clocks:
            found.update(_instants(first + timedelta(days=day), clock, zone))
    return sorted(at_ms for at_ms in found if start_ms < at_ms < end_ms)


def overlap(one: Window, other: Window) -> bool:
    """Tell whether two windows share a minute of some week."""
    return bool(_minutes_of_week(one) & _minutes_of_week(other))


def window_of(text: str) -> Window | None:
    """Return the window of a text such as `05:30-23:00`, None where it is not one."""
    parts = re.fullmatch(r"(\d\d:\d\d)-(\d\d:\d\d)", text)
    if parts is None:
        return None
    try:
        return msgspec.convert({"from": parts[1], "to": parts[2]}, Window)
    except msgspec.ValidationError:
        return None


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def _begins_on(window: Window, day: date) -> bool:
    return not window.weekdays or list(Weekday)[day.weekday()] in window.weekdays


def _instants(day: date, clock: str, zone: str) -> set[int]:
    wall = datetime(day.year, day.month, day.day, tzinfo=_zone(zone)) + timedelta(seconds=seconds_of(clock))
    # A repeated hour has two instants for one reading; a skipped hour gives two harmless ones beside the change.
    return {round(wall.replace(fold=fold).timestamp() * 1000) for fold in (0, 1)}


def _clock_changes(start_ms: int, end_ms: int, zone: str) -> list[int]:
    marks = [*range(start_ms, end_ms, _SCAN_MS), end_ms]
    return [_change_between(low, high, zone) for low, high in pairwise(marks) if _offset(low, zone) != _offset(high, zone)]


def _change_between(low_ms: int, high_ms: int, zone: str) -> int:
    before = _offset(low_ms, zone)
    while high_ms - low_ms > 1:
        middle = (low_ms + high_ms) // 2
        low_ms, high_ms = (middle, high_ms) if _offset(middle, zone) == before else (low_ms, middle)
    return high_ms


def _offset(at_ms: int, zone: str) -> timedelta | None:
    return local(at_ms, zone).utcoffset()


@lru_cache(maxsize=256)
def _minutes_of_week(window: Window) -> frozenset[int]:
    start, end = seconds_of(window.from_) // 60, seconds_of(window.to) // 60
    length = end - start if start < end else end - start + 1440
    days = [place for place, day in enumerate(Weekday) if not window.weekdays or day in window.weekdays]
    return frozenset((day * 1440 + start + minute) % 10_080 for day in days for minute in range(length))
