"""What should whoever goes there next know? Notes on a customer: kinds, the desk's own words, and what the technician is told.

A note is kept by the keyed digest of a phone, not by a name. The desk's words stay with the desk, because they may name a colleague who
would be recognised; the technician reads the kinds and the words that were written for her. Source: reference on safety alerts, section 1
(incident lists shown to the next worker, who may refuse; risk intake before a first visit).
"""

from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from core.errors import BadInput
from core.ids import SiteId

MAX_CHARS = 1000
KEPT = timedelta(days=730)
"""A note speaks for two years: long enough for a customer who comes back, short enough that nobody is judged for ever."""


class RiskKind(StrEnum):
    """What happened, or what is known."""

    VIOLENCE = "violence"
    """Somebody there was violent or threatened it."""
    HARASSMENT = "harassment"
    """Unwanted touch, words or advances."""
    WEAPON = "weapon"
    """A weapon was seen."""
    INTOXICATED = "intoxicated"
    """Somebody there was drunk or on drugs."""
    OTHERS_PRESENT = "others_present"
    """More people were there than was agreed."""
    LOCKED_IN = "locked_in"
    """She was kept from leaving, or the way out was locked."""
    RECORDED = "recorded"
    """She was filmed or photographed."""
    ANIMAL = "animal"
    """A dangerous animal lives there."""
    PLACE = "place"
    """The place itself: no light, no reception, a steep stair."""
    OTHER = "other"
    """Something else; the words say what."""


class CustomerNote(msgspec.Struct, frozen=True, kw_only=True):
    """One note. `note` is for the desk; `told` for whoever goes there, None where the kinds say enough; it speaks until `until`."""

    id: str
    site_id: SiteId
    customer_key: str
    kinds: tuple[RiskKind, ...]
    note: str
    told: str | None
    made_by: str
    made_at: datetime
    until: datetime


class NoteFace(msgspec.Struct, frozen=True, kw_only=True):
    """A note as its reader may see it: `note` and `made_by` for the desk alone."""

    id: str
    kinds: tuple[RiskKind, ...]
    told: str | None
    made_at: datetime
    note: str | None = None
    made_by: str | None = None
    until: datetime | None = None


def checked(note: CustomerNote) -> CustomerNote:
    """Return the note; raises `BadInput` naming what is missing or too long."""
    if not note.kinds:
        raise BadInput(f"Say what kind it is, one or more of: {', '.join(RiskKind)}.")
    if not note.note.strip():
        raise BadInput("A note needs words: what happened, when, and how is it known?")
    if RiskKind.OTHER in note.kinds and not (note.told or "").strip():
        raise BadInput("Kind `other` tells the technician nothing: write in `told` what she should know.")
    if len(note.note) > MAX_CHARS or len(note.told or "") > MAX_CHARS:
        raise BadInput(f"note and told have at most {MAX_CHARS} characters each.")
    return note


def for_desk(note: CustomerNote) -> NoteFace:
    """Return all of a note."""
    return NoteFace(
        id=note.id, kinds=note.kinds, told=note.told, made_at=note.made_at, note=note.note, made_by=note.made_by, until=note.until
    )


def for_her(note: CustomerNote) -> NoteFace:
    """Return what the technician reads: no words of the desk, nobody's name."""
    return NoteFace(id=note.id, kinds=note.kinds, told=note.told, made_at=note.made_at)
