"""When is each fix of a recording sent again, and which time does it then claim? Pure: recorded fixes in, a timetable out.

Two ways. `LIVE`: every fix claims the moment at which it is sent, so the map moves now. Played twenty times as fast, a car would do 1,000
km/h and the hub would rightly call every fix a jump; so fast stretches are played only as fast as the hub believes, slow ones and stops in
full. `BACKDATED`: fixes keep their recorded spacing and end now, which suits metering; the shift must then have begun early enough.
"""

import math
from collections.abc import Sequence
from enum import StrEnum

import msgspec

from core.geo import LatLon, distance_m
from tracking.recording_point import RecordedFix

BELIEVED_MPS = 60.0
"""Below the 70 m/s from which the live verdict says `jump`, with room for noise."""
MAX_GAP_S = 60.0
"""A recording's longer silence is played as this, divided by the speed: nobody watches an hour of nothing."""


class Times(StrEnum):
    """What time the replayed fixes claim."""

    LIVE = "live"
    """The moment of sending."""
    BACKDATED = "backdated"
    """The recorded spacing, ending now."""


class Step(msgspec.Struct, frozen=True):
    """One fix of the timetable: sent `after_s` seconds after the start; claims `claims_ms` after the start's clock (may be negative)."""

    after_s: float
    claims_ms: int
    fix: RecordedFix


def timetable(fixes: Sequence[RecordedFix], speed: float, times: Times) -> list[Step]:
    """Return when to send each fix, in the order of their recorded times. `speed`: 1 as recorded, 20 twenty times as fast."""
    ordered = sorted(fixes, key=lambda fix: fix.at_ms)
    if times is Times.LIVE:
        return _live(ordered, speed)
    return _backdated(ordered, speed)


def ending_at(fixes: Sequence[RecordedFix], place: LatLon) -> list[RecordedFix]:
    """Return the recording moved as a whole, so that its last fix lies at `place`; lengths and bends stay, to the third digit in a city."""
    if not fixes:
        return []
    last = max(fixes, key=lambda fix: fix.at_ms)
    widening = math.cos(math.radians(last.lat)) / math.cos(math.radians(place.lat))
    return [
        msgspec.structs.replace(fix, lat=place.lat + fix.lat - last.lat, lon=place.lon + (fix.lon - last.lon) * widening) for fix in fixes
    ]


def duration_s(steps: Sequence[Step]) -> float:
    """Return how long the whole timetable takes, in seconds."""
    return steps[-1].after_s if steps else 0.0


def _live(ordered: Sequence[RecordedFix], speed: float) -> list[Step]:
    steps: list[Step] = []
    after_s = 0.0
    for place, fix in enumerate(ordered):
        if place:
            before = ordered[place - 1]
            recorded_s = min((fix.at_ms - before.at_ms) / 1000, MAX_GAP_S)
            metres = distance_m(LatLon(before.lat, before.lon), LatLon(fix.lat, fix.lon))
            after_s += max(recorded_s / speed, metres / BELIEVED_MPS if speed > 1 else 0.0)
        steps.append(Step(after_s, round(after_s * 1000), fix))
    return steps


def _backdated(ordered: Sequence[RecordedFix], speed: float) -> list[Step]:
    if not ordered:
        return []
    first_ms, last_ms = ordered[0].at_ms, ordered[-1].at_ms
    takes_ms = (last_ms - first_ms) / speed
    return [Step((fix.at_ms - first_ms) / speed / 1000, round(takes_ms - (last_ms - fix.at_ms)), fix) for fix in ordered]
