"""Is it that kind of day? The calendar conditions of extras: date ranges, weekdays and hours, by the local clock.

Called by `pricing` and `tariff_check`.
"""

import re
from datetime import date
from functools import lru_cache

from tracking.fares.local_clock import Weekday, is_within, local, window_of
from tracking.fares.tariff import Extra

_YEARLY = re.compile(r"(\d\d)-(\d\d)/(\d\d)-(\d\d)")
_LEAP_YEAR = 2024
"""Yearly dates are checked against a leap year, so that 29 February may be named."""


def applies(extra: Extra, at_ms: int, zone: str) -> bool:
    """Tell whether the calendar conditions of `extra` hold at an instant.

    What the trip itself must carry (`needs`) is not judged here.
    """
    day = local(at_ms, zone).date()
    if extra.dates and not any(_holds(dates, day) for dates in extra.dates):
        return False
    if extra.weekdays and list(Weekday)[day.weekday()] not in extra.weekdays:
        return False
    hours = None if extra.hours is None else window_of(extra.hours)
    return hours is None or is_within(at_ms, hours, zone)


@lru_cache(maxsize=256)
def dates_hold(dates: str) -> tuple[date, date, bool] | None:
    """Return first day, last day and whether it is for every year, of `2027-02-05/2027-02-08` or `05-01/05-02`; None for another text."""
    try:
        if (yearly := _YEARLY.fullmatch(dates)) is not None:
            first_month, first_day, last_month, last_day = map(int, yearly.groups())
            return date(_LEAP_YEAR, first_month, first_day), date(_LEAP_YEAR, last_month, last_day), True
        first, last = (date.fromisoformat(part) for part in dates.split("/"))
    except ValueError:
        return None
    return (first, last, False) if first <= last else None


def _holds(dates: str, day: date) -> bool:
    found = dates_hold(dates)
    if found is None:
        return False
    first, last, every_year = found
    if not every_year:
        return first <= day <= last
    start, here, end = (first.month, first.day), (day.month, day.day), (last.month, last.day)
    return start <= here <= end if start <= end else here >= start or here <= end
