"""What does it mean that someone answered? A person, by keys or keyword, took what a notice was about."""

from datetime import datetime
from enum import StrEnum

import msgspec

from core.ids import RecipientId, SiteId
from notifications.recipient import RecipientKind


class AckHow(StrEnum):
    """By which road the answer came."""

    DIGITS = "digits"
    """Keys pressed in a call: 5, code heard, 5."""
    KEYWORD = "keyword"
    """A text saying `ack CODE`."""
    CONSOLE = "console"
    """A click at the desk; recorded by safety itself."""


class Acknowledgement(msgspec.Struct, frozen=True, kw_only=True):
    """One person's answer. `subject`: incident id of the notice; `owner_id`: id of the dispatcher or other person behind the recipient."""

    site_id: SiteId
    subject: str
    code: str
    recipient_id: RecipientId
    recipient_kind: RecipientKind
    owner_id: str
    how: AckHow
    at: datetime


class AckAnswer(StrEnum):
    """What the phone tells the person."""

    OWNED = "owned"
    """It is yours now."""
    ALREADY = "already"
    """A colleague has it; nothing more is needed."""
    REFUSED = "refused"
    """You cannot take this one (it is about yourself, or you have no right to). Others are being told."""
    GONE = "gone"
    """It is over, or there is no such code."""
