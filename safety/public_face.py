"""What may anyone but the desk read of an incident? The only source of it, for her phone, her page and her customer's link.

Promise 7: a person looking over her shoulder cannot tell that help was called, nor a true cancel from a duress cancel. So the face is a
function of what was pressed on that phone and of time alone. What the desk does never shows: not the claim, not the call, not the end.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from safety.evidence import Event, EventKind

CANCELLED_SHOWN_S = 20
"""How long the phone says "cancelled" before it looks as if nothing had been."""
TRACKED_AFTER_PIN = timedelta(minutes=30)
"""Positions off shift are taken this long after either PIN, whatever the desk does: an earlier or later end would tell them apart."""
FADES_AFTER = timedelta(hours=24)


class Phase(StrEnum):
    """What the phone shows."""

    QUIET = "quiet"
    """Nothing: no incident, or one that is over on this phone."""
    RECEIVED = "received"
    """The tap was received; entering the PIN cancels it."""
    CANCELLED = "cancelled"
    """A PIN was accepted a moment ago."""


class PublicFace(msgspec.Struct, frozen=True, kw_only=True):
    """All that non-desk credentials can read: the phase and the tap it belongs to. Has no field that a desk act could change."""

    phase: Phase
    tap_id: str | None = None


QUIET = PublicFace(phase=Phase.QUIET)


def public_face(events: Sequence[Event], now: datetime) -> PublicFace:
    """Return the face of one incident at `now` from its events, in order; only her own presses and accepted PINs are looked at."""
    pressed = [event for event in events if _is_her_press(event)]
    if not pressed or now - pressed[-1].at > FADES_AFTER:
        return QUIET
    newest = pressed[-1]
    accepted = [event for event in events if _is_cancel(event) and event.seq > newest.seq]
    if not accepted:
        return PublicFace(phase=Phase.RECEIVED, tap_id=newest.data.get("tap_id"))
    if (now - accepted[0].at).total_seconds() < CANCELLED_SHOWN_S:
        return PublicFace(phase=Phase.CANCELLED, tap_id=newest.data.get("tap_id"))
    return QUIET


def has_her_press(events: Sequence[Event]) -> bool:
    """Tell whether this incident holds a press that her phone shows; a watch's or a silent one it never showed."""
    return any(_is_her_press(event) for event in events)


def is_of_wrong_pins_alone(events: Sequence[Event]) -> bool:
    """Tell whether nothing but wrong PINs raised this incident: no press, no watch, no cry, no duress PIN."""
    return all(event.data.get("kind") == "wrong_pins" for event in events if event.kind in (EventKind.RAISED, EventKind.PRESSED_AGAIN))


def pressed_at(events: Sequence[Event]) -> datetime | None:
    """Return when her phone last showed a press, None without one: what a cadence may depend on, since no PIN and no desk moves it."""
    return max((event.at for event in events if _is_her_press(event)), default=None)


def tracked_until(events: Sequence[Event], resolved_at: datetime | None) -> datetime | None:
    """Return until when fixes are taken off shift because of this incident; None while it has no end.

    With a PIN entered, a fixed time after it; without one, until the desk resolved it, when she knows from the desk itself. A duress PIN
    that was entered for something else opens no time at all: the true one would have opened none. Nor do wrong ones: whoever tries them
    must not learn from an answer to a fix that somebody was told.
    """
    if is_of_wrong_pins_alone(events):
        return events[0].at
    accepted = [event.at for event in events if _is_cancel(event)]
    if accepted:
        return accepted[-1] + TRACKED_AFTER_PIN
    if any(event.kind is EventKind.PIN_ACCEPTED for event in events) and not has_her_press(events):
        return events[0].at
    return resolved_at


def _is_cancel(event: Event) -> bool:
    """Tell whether a PIN was entered as a cancel; one that was asked for something else changes nothing that her phone reads."""
    return event.kind is EventKind.PIN_ACCEPTED and not event.data.get("is_silent")


def _is_her_press(event: Event) -> bool:
    return event.kind in (EventKind.RAISED, EventKind.PRESSED_AGAIN) and event.data.get("kind") == "tap" and not event.data.get("is_silent")
