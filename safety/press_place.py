"""Where was she when she pressed? The newest place that a press brought, or that the hub knew then, read from an incident's log.

Live positions may be newer, but there may be none: off shift, from a revoked phone, over a text. Then this is all that anybody has.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from core.clock import to_ms
from core.geo import LatLon
from safety.evidence import Event, EventKind
from safety.sos_tap import Position

PRESSES = (EventKind.RAISED, EventKind.PRESSED_AGAIN)
TOLD_WITHIN = timedelta(minutes=10)
"""An older place is for the console, which shows its age; a text cannot."""


class PressPlace(msgspec.Struct, frozen=True, kw_only=True):
    """A place of a press: degrees WGS-84, metres, ms since 1970. `is_last_known`: the hub's newest fix then, not from the press."""

    lat: float
    lon: float
    accuracy_m: float | None
    at_ms: int
    is_last_known: bool


def press_place(events: Sequence[Event]) -> PressPlace | None:
    """Return the newest place that the presses in `events` know of, None where they know none."""
    found = [place for event in events if (place := _place(event)) is not None]
    return max(found, key=lambda place: place.at_ms, default=None)


def coordinates(events: Sequence[Event], now: datetime) -> str:
    """Return the place for a text, to 11 m, such as `46.6100,-14.1700`; empty where none is known that is young enough."""
    place = press_place(events)
    if place is None or to_ms(now) - place.at_ms > TOLD_WITHIN / timedelta(milliseconds=1):
        return ""
    return f"{place.lat:.4f},{place.lon:.4f}"


def _place(event: Event) -> PressPlace | None:
    given: Any = event.data.get("position")
    if event.kind not in PRESSES or given is None:
        return None
    position = msgspec.convert(given, Position)
    point: LatLon = position.place
    return PressPlace(
        lat=point.lat, lon=point.lon, accuracy_m=position.accuracy_m, at_ms=to_ms(_when(event, position)),
        is_last_known=position.is_last_known,
    )  # fmt: skip


def _when(event: Event, position: Position) -> datetime:
    """Return when she was there: a press that waited on the phone was made at its device time, unless its clock is absurd."""
    if position.at is not None:
        return position.at
    is_late = event.data.get("is_queued") and not event.data.get("clock_doubtful") and event.device_at is not None
    return min(event.device_at, event.at) if is_late and event.device_at is not None else event.at
