"""What lies on a demo phone? A text or a call, and how far the call has come."""

from datetime import datetime
from enum import StrEnum

import msgspec

from core.ids import NoticeId, RecipientId, SiteId
from notifications.delivery import Receipt

RING_S = 25.0
"""A call that nobody picks up for this long is missed; as long as the real one rings."""


class PhoneState(StrEnum):
    """Where a text or call on a demo phone stands."""

    DELIVERED = "delivered"
    """A text lies on the phone."""
    RINGING = "ringing"
    """A call rings."""
    ANSWERED = "answered"
    """Somebody picked up and hears what happened."""
    CONFIRMING = "confirming"
    """A key was pressed; the code was said."""
    ENDED = "ended"
    """The call is over."""
    MISSED = "missed"
    """Nobody picked up."""


RECEIPTS = {
    PhoneState.DELIVERED: Receipt.DELIVERED,
    PhoneState.RINGING: Receipt.RINGING,
    PhoneState.ANSWERED: Receipt.ANSWERED,
    PhoneState.CONFIRMING: Receipt.ANSWERED,
    PhoneState.ENDED: Receipt.COMPLETED,
    PhoneState.MISSED: Receipt.NO_ANSWER,
}


class PhoneItem(msgspec.Struct, frozen=True, kw_only=True):
    """One text or call on one demo phone; `body`: the text, or what the call says at present."""

    id: str
    site_id: SiteId
    notice_id: NoticeId
    attempt: int
    recipient_id: RecipientId
    name: str
    number_masked: str
    kind: str
    language: str
    body: str
    state: PhoneState
    at: datetime


def item_id_of(notice_id: NoticeId, attempt: int) -> str:
    """Return the id of a letter's item: this carrier's provider id."""
    return f"PH-{notice_id}-{attempt}"
