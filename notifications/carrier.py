"""Who carries a letter, and what did he answer? The values between the outbox and the edges that speak to phone networks."""

from collections.abc import Collection, Sequence
from enum import StrEnum

import msgspec

from core.ids import NoticeId, RecipientId, SiteId
from notifications.country import rule_of
from notifications.delivery import Receipt
from notifications.error_class import ErrorClass
from notifications.notice import Channel, Lane
from notifications.recipient import Recipient

SEND_DEADLINE_S = 5.0
"""No answer for this long is a lost answer. Twilio answers within a second; the emergency chain has 15 s in all."""
CLOCK_SLACK_S = 5.0
"""A carrier's clock may be so far off when a letter is looked for by its time."""


class CarrierName(StrEnum):
    """A road to a person."""

    TWILIO = "twilio"
    """Twilio's texts and calls."""
    GATEWAY = "gateway"
    """A domestic provider behind the house's HTTP gateway."""
    PHONES = "phones"
    """The demo's page of small phones."""
    FILE = "file"
    """A file of JSON lines, for trying things out."""
    DESK = "desk"
    """The console, poked over Redis; its truth is the notice row."""


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """A notice in words, addressed: what an edge needs to hand it over once.

    `to`: E.164, empty for the desk. `text`: the body, or what a call says. `attempt`: 1 for the first; `sender_turn`: which of the
    lane's senders. `valid_for_s`: how long the network may try. `is_private`: names a home, so the carrier is asked not to keep it.
    `template`, `variables`: for networks that only take registered templates.
    """

    notice_id: NoticeId
    attempt: int
    site_id: SiteId
    recipient_id: RecipientId
    lane: Lane
    channel: Channel
    to: str
    to_masked: str
    name: str
    country: str | None
    language: str
    text: str
    code: str
    template: str
    variables: dict[str, str]
    sender_turn: int
    valid_for_s: int
    is_private: bool
    wants_ack: bool


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a carrier answered: accepted (`error` None, with its `provider_id`), or why not. `code`: the carrier's own, such as 21610."""

    error: ErrorClass | None = None
    provider_id: str | None = None
    receipt: Receipt | None = None
    code: str | None = None
    detail: str = ""


class FoundHow(StrEnum):
    """What looking for a letter showed."""

    THERE = "there"
    """The carrier has it."""
    ABSENT = "absent"
    """The carrier does not have it: it was never sent."""
    UNKNOWN = "unknown"
    """The carrier could not be asked."""


class Found(msgspec.Struct, frozen=True):
    """Result of a look: `outcomes` are those that may be it, newest first; some of them may belong to other attempts.

    `is_sure`: each was told by its words or its id; else by number and time alone, and it may be another letter to the same phone.
    """

    how: FoundHow
    outcomes: tuple[Outcome, ...] = ()
    is_sure: bool = True


_DOMESTIC_FIRST: Sequence[CarrierName] = (CarrierName.GATEWAY, CarrierName.TWILIO)
_TWILIO_FIRST: Sequence[CarrierName] = (CarrierName.TWILIO, CarrierName.GATEWAY)


def chosen(
    recipient: Recipient, channel: Channel, ready: Collection[CarrierName], site_choice: CarrierName | None = None
) -> CarrierName | None:
    """Return who carries `channel` to `recipient` among `ready`, None when nobody can: the person's choice, the site's, then the country's.

    The demo's phones and the file come last, so that they never take over where a real network is configured.
    """
    if channel is Channel.CONSOLE:
        return CarrierName.DESK if CarrierName.DESK in ready else None
    rule = rule_of(recipient.country)
    usual = _DOMESTIC_FIRST if rule.is_domestic_first else _TWILIO_FIRST
    barred = {CarrierName.TWILIO} if channel is Channel.VOICE and not rule.has_foreign_voice else set()
    own = CarrierName(recipient.carrier) if recipient.carrier in list(CarrierName) else None
    for name in (own, site_choice, *usual, CarrierName.PHONES, CarrierName.FILE):
        if name is not None and name in ready and name not in barred:
            return name
    return None
