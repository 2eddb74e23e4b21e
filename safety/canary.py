"""Does the whole chain from press to phone still work? The daily drill: when it is due, when it has passed, and when it has failed.

The hub raises an incident of its own by the ordinary way; its notices go to one phone that nobody relies on. What comes back from there
ends the drill; what does not come back alarms the site's owners. Source: reference on safety alerts, section 5 (the canary's receipt).
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

import msgspec

from core.errors import BadInput
from core.ids import SiteId
from notifications.notice import Channel, NoticeState

LATE_H = 26
"""A site whose last drill is older missed one: then the timer itself is broken."""
_THERE = {
    Channel.SMS: frozenset({NoticeState.DELIVERED, NoticeState.ACKNOWLEDGED}),
    # A call that asks for keys is never delivered, since a mailbox answers too: that the carrier took it is all a phone alone can prove.
    Channel.VOICE: frozenset({NoticeState.ACCEPTED, NoticeState.DELIVERED, NoticeState.ACKNOWLEDGED}),
}


class Outcome(StrEnum):
    """How a drill stands."""

    RUNNING = "running"
    """Raised; not everything has come back."""
    PASSED = "passed"
    """Every channel's notice is on the canary's phone."""
    FAILED = "failed"
    """Something did not come back in time: the owners were alarmed."""


class CanarySettings(msgspec.Struct, frozen=True, kw_only=True):
    """How the drill goes. `recipient_id`: whose phone gets its notices; `channels` that must be delivered there within `within_min`."""

    recipient_id: str | None = None
    channels: tuple[Channel, ...] = (Channel.SMS,)
    within_min: int = 5


class CanaryRun(msgspec.Struct, frozen=True, kw_only=True):
    """The drill of one site and day. `day` is the site's local date; `detail`: what is missing, in words."""

    site_id: SiteId
    day: date
    incident_id: str
    started_at: datetime
    outcome: Outcome = Outcome.RUNNING
    ended_at: datetime | None = None
    detail: str = ""


def checked(settings: CanarySettings, at_h: int | None) -> CanarySettings:
    """Return the settings; raises `BadInput` for a drill that could never pass."""
    if at_h is not None and not settings.recipient_id:
        raise BadInput("A drill needs canary.recipient_id: add a recipient for it (POST /v1/recipients, kind canary) and name it here.")
    if not settings.channels or not set(settings.channels) <= {Channel.SMS, Channel.VOICE}:
        raise BadInput("canary.channels holds sms, voice or both.")
    if not 1 <= settings.within_min <= 60:
        raise BadInput(f"canary.within_min is {settings.within_min}; 1 to 60 minutes are possible.")
    return settings


def next_drill(now: datetime, at_h: int, zone: str, last_day: date | None) -> datetime:
    """Return when the next drill is due: the next `at_h` o'clock of the site that lies after `now` and after the day of the last one.

    Where the clock is put forward over that hour the drill comes an hour later; where it is put back it comes once.
    """
    local = now.astimezone(ZoneInfo(zone))
    day = local.date()
    while True:
        due = datetime.combine(day, time(at_h), tzinfo=ZoneInfo(zone)).astimezone(now.tzinfo)
        if due > now and (last_day is None or day > last_day):
            return due
        day += timedelta(days=1)


def missing(channels: Sequence[Channel], states: Mapping[Channel, Sequence[NoticeState]]) -> list[Channel]:
    """Return the channels of which no notice has arrived at the canary's phone."""
    return [channel for channel in channels if not _THERE[channel] & set(states.get(channel, ()))]


def words_of(lacking: Sequence[Channel], states: Mapping[Channel, Sequence[NoticeState]], within_min: int) -> str:
    """Return what did not come back, for the site's owners."""
    parts = [f"{channel.value}: {_seen(states.get(channel, ()))}" for channel in lacking]
    return f"The daily drill did not reach its phone within {within_min} min ({'; '.join(parts)}). Check carrier, number and receipts now."


def fault_of(runs: Sequence[CanaryRun], now: datetime) -> str | None:
    """Return what is wrong with a site's drills, its newest run first; None when all is well."""
    ended = [run for run in runs if run.outcome is not Outcome.RUNNING]
    if ended and ended[0].outcome is Outcome.FAILED:
        return f"{ended[0].site_id}: {ended[0].detail}"
    if runs and now - runs[0].started_at > timedelta(hours=LATE_H):
        return f"{runs[0].site_id}: the last drill was {runs[0].day}. The hub's timers do not fire, or no worker runs: look at health."
    return None


def _seen(states: Sequence[NoticeState]) -> str:
    return ", ".join(sorted({state.value for state in states})) or "never sent"
