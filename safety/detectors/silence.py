"""Has her phone gone silent where it should speak? Judged against the stage and what the phone can do.

Amber after a minute, a question after three, twice as long where the phone is known to sleep; separate thresholds for entering and leaving,
so that a phone at the edge of its network does not flicker. A phone that cannot send in the background is watched by check-ins instead.
Source: reference on safety alerts, section 3 (60 s amber, 180 s asked; known dead spots lengthen, never for a tap).
"""

from enum import StrEnum

import msgspec

from visits.stage import Stage


class SilenceSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds. `amber_s`: worth a look; `ask_s`: she is asked; `leave_s`: fixes this close together end it.

    `incident_lost_s`: so much silence while an incident of hers is open marks the signal as lost, which hurries the ladder.
    """

    amber_s: int = 60
    ask_s: int = 180
    leave_s: int = 30
    incident_lost_s: int = 60


class Capability(StrEnum):
    """What the phone says it can do."""

    BACKGROUND = "background"
    """It sends while its screen is off."""
    FOREGROUND_ONLY = "foreground_only"
    """It sends only while its page is open: its silence says nothing."""
    UNKNOWN = "unknown"
    """It has not said; stock trackers say nothing and send in the background."""


class Level(StrEnum):
    """How silent she is."""

    HEARD = "heard"
    """Fixes come."""
    AMBER = "amber"
    """Worth a look of the desk."""
    ASK = "ask"
    """She is asked whether all is well."""


WATCHED = frozenset({Stage.DEPARTED, Stage.ARRIVED, Stage.IN_SERVICE, Stage.ENDED, Stage.ABORTED_UNSAFE})
"""Stages in which silence means something; before departing and after leaving nobody listens."""


class Silence(msgspec.Struct, frozen=True, kw_only=True):
    """What is known: `level`, since when, and the fix (`last_ms`, its time) that it was judged from."""

    level: Level = Level.HEARD
    since_ms: int = 0
    last_ms: int = 0


def judged(
    before: Silence, stage: Stage, last_ms: int | None, now_ms: int, capability: Capability, settings: SilenceSettings
) -> Silence:
    """Return how silent she is at `now_ms`, her newest fix being from `last_ms` (None: none since the visit began).

    Rises by age alone; falls only after fixes no older than `leave_s`, which is less than what it takes to rise again.
    """
    if stage not in WATCHED or last_ms is None or capability is Capability.FOREGROUND_ONLY:
        return Silence()
    age_s = (now_ms - last_ms) / 1000
    ranks = list(Level)
    level = Level.ASK if age_s >= settings.ask_s else Level.AMBER if age_s >= settings.amber_s else Level.HEARD
    if age_s > settings.leave_s:
        level = max(level, before.level, key=ranks.index)
    if level is before.level:
        return msgspec.structs.replace(before, last_ms=last_ms)
    return Silence(level=level, since_ms=now_ms, last_ms=last_ms)


def capability_of(capabilities: list[str]) -> Capability:
    """Return what a phone declares with its `hello`; the narrower claim wins."""
    if Capability.FOREGROUND_ONLY.value in capabilities:
        return Capability.FOREGROUND_ONLY
    return Capability.BACKGROUND if Capability.BACKGROUND.value in capabilities else Capability.UNKNOWN


def silent_since_ms(heard_ms: int | None, began_ms: int, listening_since_ms: int) -> int | None:
    """Return from when her silence counts: her newest sign of life, the visit's beginning or the hub's own, whichever is latest.

    None where she has never sent a fix. While the hub was away nobody could be heard: that is no silence of hers.
    """
    return None if heard_ms is None else max(heard_ms, began_ms, listening_since_ms)


def is_lost(was_lost: bool, silent_s: float, settings: SilenceSettings) -> bool:
    """Tell whether the signal of somebody with an open incident is lost: from `incident_lost_s` on, until she is heard within `leave_s`."""
    return silent_s >= (settings.leave_s if was_lost else settings.incident_lost_s)
