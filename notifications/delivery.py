"""What did the network say, and does it still count? Receipts with a rank that only grows.

Receipts come late, twice and out of order, and carry no number that would sort them: so each has a rank, and a lower or equal one is logged
and never applied. `undelivered` and `failed` are both failures: neither means sent.
"""

from enum import StrEnum


class Receipt(StrEnum):
    """How far a handed-over letter is known to have come."""

    ACCEPTED = "accepted"
    """The carrier has it and will choose a sender."""
    QUEUED = "queued"
    """It waits in the sender's queue."""
    SENDING = "sending"
    """It is being handed to the network."""
    SENT = "sent"
    """The network took it."""
    RINGING = "ringing"
    """The phone rings."""
    ANSWERED = "answered"
    """Someone or something picked up: a mailbox does too."""
    DELIVERED = "delivered"
    """The phone has it."""
    UNDELIVERED = "undelivered"
    """The network gave up on it."""
    FAILED = "failed"
    """The carrier gave up on it."""
    NO_ANSWER = "no_answer"
    """Nobody picked up, or the line was busy."""
    VOICEMAIL = "voicemail"
    """A mailbox picked up."""
    COMPLETED = "completed"
    """The call is over. It says nothing of a person: only keys do."""
    READ = "read"
    """The person opened it."""


_RANKS: dict[Receipt, int] = {
    Receipt.ACCEPTED: 1,
    Receipt.QUEUED: 2,
    Receipt.SENDING: 3,
    Receipt.SENT: 4,
    Receipt.RINGING: 4,
    Receipt.ANSWERED: 5,
    Receipt.DELIVERED: 6,
    Receipt.UNDELIVERED: 6,
    Receipt.FAILED: 6,
    Receipt.NO_ANSWER: 6,
    Receipt.VOICEMAIL: 6,
    Receipt.COMPLETED: 6,
    Receipt.READ: 7,
}
FAILURES = frozenset({Receipt.UNDELIVERED, Receipt.FAILED, Receipt.NO_ANSWER, Receipt.VOICEMAIL})
ENDS = FAILURES | {Receipt.DELIVERED, Receipt.COMPLETED, Receipt.READ}
"""After these the network has nothing more to say, so nothing is polled."""

TWILIO_MESSAGE: dict[str, Receipt] = {
    "accepted": Receipt.ACCEPTED,
    "scheduled": Receipt.ACCEPTED,
    "queued": Receipt.QUEUED,
    "sending": Receipt.SENDING,
    "sent": Receipt.SENT,
    "delivered": Receipt.DELIVERED,
    "partially_delivered": Receipt.UNDELIVERED,
    "undelivered": Receipt.UNDELIVERED,
    "failed": Receipt.FAILED,
    "canceled": Receipt.FAILED,
    "read": Receipt.READ,
}
"""Twilio's message statuses. Source: its OpenAPI document, `message_enum_status`; `receiving` and `received` are inbound only."""
TWILIO_CALL: dict[str, Receipt] = {
    "queued": Receipt.QUEUED,
    "initiated": Receipt.SENDING,
    "ringing": Receipt.RINGING,
    "in-progress": Receipt.ANSWERED,
    "answered": Receipt.ANSWERED,
    "completed": Receipt.COMPLETED,
    "busy": Receipt.NO_ANSWER,
    "no-answer": Receipt.NO_ANSWER,
    "failed": Receipt.FAILED,
    "canceled": Receipt.FAILED,
}
"""Twilio's call statuses and call progress events. Source: its OpenAPI document, `call_enum_status`."""


def rank(receipt: Receipt | None) -> int:
    """Return the rank, 0 for none."""
    return 0 if receipt is None else _RANKS[receipt]


def counts(before: Receipt | None, after: Receipt) -> bool:
    """Tell whether `after` moves things on from `before`; a lower or equal rank is only logged."""
    return rank(after) > rank(before)
