"""Has anyone changed the log? A hash chain over an incident's events.

Each event's hash covers the hash before it and every field that people read, in canonical JSON; the chain starts from the incident's id.
Changing, removing or inserting an event breaks every hash after it.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from core.ids import IncidentId


class EventKind(StrEnum):
    """What happened to an incident."""

    RAISED = "raised"
    """It began: who, how, where, at which device time."""
    PRESSED_AGAIN = "pressed_again"
    """A further trigger of the same person joined it."""
    TOLD = "told"
    """The ladder told a tier: whom, by which channel."""
    RECEIPT = "receipt"
    """A notice was delivered, failed or was answered."""
    EXHAUSTED = "exhausted"
    """Nobody of the last tier answered."""
    CLAIMED = "claimed"
    REMINDED = "reminded"
    LAPSED = "lapsed"
    NOTED = "noted"
    CALLED = "called"
    RESPONDED = "responded"
    HELPERS_TOLD = "helpers_told"
    OFFERED = "offered"
    HANDED_OVER = "handed_over"
    PIN_ACCEPTED = "pin_accepted"
    """A PIN ended it on the phone; `kind` true or duress is in the data and never leaves the desk."""
    PIN_REFUSED = "pin_refused"
    DOUBTED = "doubted"
    SIGNAL = "signal"
    """The signal was lost or came back."""
    POSITION = "position"
    """A position that the desk relied on."""
    ANSWERED = "answered"
    """She answered a detector's question."""
    LOOKED = "looked"
    """Someone looked at her position or card: who and why."""
    RESOLVED = "resolved"
    REVIEWED = "reviewed"
    DISCLOSED = "disclosed"
    HELD = "held"
    """Legal hold was set or lifted."""


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the log. `seq` counts from 1 within the incident; `data` is a JSON object; `hash` covers this and all before it."""

    incident_id: IncidentId
    seq: int
    kind: EventKind
    actor: str
    at: datetime
    data: dict[str, Any]
    device_at: datetime | None = None
    hash: str = ""


_canonical = msgspec.json.Encoder(order="deterministic")


def start_of(incident_id: IncidentId) -> str:
    """Return the hash before the first event."""
    return hashlib.sha256(b"porchlight incident " + incident_id.encode()).hexdigest()


def chained(event: Event, before: str) -> Event:
    """Return the event with its hash over `before` and its own content."""
    content = msgspec.structs.asdict(event)
    del content["hash"]
    digest = hashlib.sha256(before.encode() + _canonical.encode(content)).hexdigest()
    return msgspec.structs.replace(event, hash=digest)


def first_break(incident_id: IncidentId, events: Sequence[Event], last_hash: str = "") -> int | None:
    """Return the `seq` of the first event whose hash or place does not fit, None when the chain is whole.

    `last_hash`: the end of the chain as the incident's own row knows it; where no event has it, the newest ones were taken away.
    """
    before = start_of(incident_id)
    for place, event in enumerate(events, start=1):
        if event.seq != place or chained(event, before).hash != event.hash:
            return place
        before = event.hash
    is_cut = last_hash and all(event.hash != last_hash for event in events)
    return len(events) + 1 if is_cut else None
