"""What is a notice, and where does it stand? One message to one person by one channel, and its life on a phone network.

Made by safety, visits and fares inside their own transactions; kept by `sql_outbox`; carried by `outbox_flow`. A notice is named by what
it is about, so saying the same thing twice is saying it once; each lap of a ladder, lapsed lease or rise in severity is a new
`ladder_round`.
"""

import zlib
from datetime import datetime
from enum import StrEnum

import msgspec

from core.errors import IllegalMove
from core.ids import NoticeId, RecipientId, SiteId, notice_id_of

DESK = RecipientId("desk")
"""The recipient of console notices: every dispatcher of the site who has the console open. It has no number."""
CODE_DIGITS = 4
"""Short enough to be heard once over a phone in a noisy street, long enough that two open incidents of a site rarely share one."""

WANTS_ACK = frozenset({"sos", "sos_drill", "sos_exhausted", "check_in_missed", "detector", "helper_wanted"})
"""Templates that ask a person to take something; the others only tell."""

Variable = str | int | float


class Lane(StrEnum):
    """How urgent. Each lane has its own workers, connection and sender number, so that none waits behind another. Sorts by urgency."""

    P0 = "p0"
    """Emergency: a tap, duress. At least once; no throttle, quota, bundling or quiet hours."""
    P1 = "p1"
    """Detectors and operator alarms. At least once."""
    P2 = "p2"
    """Service: departed, arriving, receipt. At most once: a second arrival text is worse than none."""
    P3 = "p3"
    """Everything that can wait. At most once."""

    @property
    def is_at_least_once(self) -> bool:
        """Tell whether a lost answer leads to a second try, which its text then admits."""
        return self in (Lane.P0, Lane.P1)


class Channel(StrEnum):
    """By which sense a person is reached. Who carries it (Twilio, a gateway, the demo's phones) is a `carrier.CarrierName`."""

    SMS = "sms"
    """A text to a phone number."""
    VOICE = "voice"
    """A call that speaks, and is acknowledged by keys."""
    CONSOLE = "console"
    """A line on the dispatchers' console."""
    WEBHOOK = "webhook"
    """A signed request to another program."""


class NoticeState(StrEnum):
    """Where a notice stands."""

    PENDING = "pending"
    """Waiting in the outbox for its moment; no request for it is under way."""
    SENDING = "sending"
    """A worker leased it and may be talking to the carrier right now."""
    AMBIGUOUS = "ambiguous"
    """A request left and no answer is known: it may or may not have been sent. P2 and P3 stop here."""
    ACCEPTED = "accepted"
    """The carrier took it; no word yet from the phone. For voice: it rings or speaks."""
    DELIVERED = "delivered"
    """The phone has it; nobody has necessarily read it. A call that asks for keys never gets here: a mailbox answers too."""
    ACKNOWLEDGED = "acknowledged"
    """A person answered it: by keys, by keyword or at the console."""
    FAILED = "failed"
    """It will not arrive by this channel: the number or the network refuses it. Its chain went on."""
    EXPIRED = "expired"
    """It was not sent while it was worth sending."""
    CANCELLED = "cancelled"
    """Withdrawn before it was sent."""
    DEAD = "dead"
    """Given up after as many tries as its error allows; the operator was alarmed."""


class NoticeAct(StrEnum):
    """What happens to a notice."""

    CLAIM = "claim"
    """A worker takes it, with a lease."""
    ACCEPT = "accept"
    """The carrier answers that it has it, or a look at the carrier finds it there."""
    RETRY = "retry"
    """It goes back to wait for another try."""
    LOSE = "lose"
    """The answer is lost: deadline, broken connection, dead worker."""
    DELIVER = "deliver"
    """A receipt says that the phone has it."""
    FAIL = "fail"
    """An answer or a receipt says that this channel cannot."""
    EXPIRE = "expire"
    """Its time has passed."""
    CANCEL = "cancel"
    """Whoever asked for it takes it back."""
    BURY = "bury"
    """The tries are used up."""
    ACKNOWLEDGE = "acknowledge"
    """A person answers."""


_S, _A = NoticeState, NoticeAct
_OPEN = (_S.PENDING, _S.SENDING, _S.AMBIGUOUS, _S.ACCEPTED)
# A receipt may overtake the answer to the request: so DELIVER and FAIL are possible while SENDING, and ACCEPT then changes nothing.
_TABLE: dict[tuple[NoticeState, NoticeAct], NoticeState] = {
    (_S.PENDING, _A.CLAIM): _S.SENDING,
    (_S.PENDING, _A.RETRY): _S.PENDING,
    (_S.SENDING, _A.RETRY): _S.PENDING,
    (_S.AMBIGUOUS, _A.RETRY): _S.PENDING,
    (_S.ACCEPTED, _A.RETRY): _S.PENDING,
    (_S.SENDING, _A.LOSE): _S.AMBIGUOUS,
    (_S.AMBIGUOUS, _A.LOSE): _S.AMBIGUOUS,
    (_S.SENDING, _A.ACCEPT): _S.ACCEPTED,
    (_S.AMBIGUOUS, _A.ACCEPT): _S.ACCEPTED,
    (_S.PENDING, _A.ACCEPT): _S.ACCEPTED,
    (_S.ACCEPTED, _A.ACCEPT): _S.ACCEPTED,
    (_S.DELIVERED, _A.ACCEPT): _S.DELIVERED,
    (_S.FAILED, _A.ACCEPT): _S.FAILED,
    (_S.FAILED, _A.DELIVER): _S.DELIVERED,
    (_S.DEAD, _A.DELIVER): _S.DELIVERED,
    (_S.DELIVERED, _A.DELIVER): _S.DELIVERED,
    (_S.PENDING, _A.EXPIRE): _S.EXPIRED,
    (_S.SENDING, _A.EXPIRE): _S.EXPIRED,
    (_S.AMBIGUOUS, _A.EXPIRE): _S.EXPIRED,
    (_S.PENDING, _A.CANCEL): _S.CANCELLED,
    **{(state, _A.DELIVER): _S.DELIVERED for state in _OPEN},
    **{(state, _A.FAIL): _S.FAILED for state in _OPEN},
    **{(state, _A.BURY): _S.DEAD for state in _OPEN},
    **{(state, _A.ACKNOWLEDGE): _S.ACKNOWLEDGED for state in _S if state is not _S.CANCELLED},
    **{(_S.ACKNOWLEDGED, act): _S.ACKNOWLEDGED for act in (_A.ACCEPT, _A.DELIVER, _A.FAIL, _A.LOSE)},
}


def allowed(state: NoticeState) -> tuple[NoticeAct, ...]:
    """Return the acts possible in `state`, in the order of `NoticeAct`."""
    return tuple(act for act in NoticeAct if (state, act) in _TABLE)


def advance(state: NoticeState, act: NoticeAct) -> NoticeState:
    """Return the state after `act`; raises `IllegalMove` naming state, act and what is allowed."""
    after = _TABLE.get((state, act))
    if after is None:
        can = ", ".join(allowed(state)) or "nothing"
        raise IllegalMove(f"A notice that is {state} cannot {act}; possible: {can}.", state=state, act=act, allowed=list(allowed(state)))
    return after


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """A message to one person by one channel, before it has words.

    `subject`: id of the incident, visit or alarm, 1-80 characters. `template`: id in `notifications/texts`. `variables`: what it is
    filled with; stored sealed. `code`: digits by which people and the carrier's list recognise it, made from the subject when empty.
    `send_at`: not before; None for now. `expires_at`: no use after. `next_recipients`: who is tried when this person does not answer.
    `visit_id`: orders it, None without.
    """

    site_id: SiteId
    subject: str
    lane: Lane
    channel: Channel
    recipient_id: RecipientId
    template: str
    variables: dict[str, Variable] = {}
    ladder_round: int = 0
    tier: int = 0
    template_version: int = 1
    code: str = ""
    send_at: datetime | None = None
    expires_at: datetime | None = None
    next_recipients: tuple[RecipientId, ...] = ()
    visit_id: str | None = None

    @property
    def id(self) -> NoticeId:
        """The same for everyone who says the same: subject, round, tier, recipient, channel, template and its version."""
        return notice_id_of(self.subject, self.ladder_round, self.tier, self.recipient_id, self.channel, self.template_key)

    @property
    def template_key(self) -> str:
        """Template and version as one word, such as `sos/1`."""
        return f"{self.template}/{self.template_version}"

    @property
    def wants_ack(self) -> bool:
        """Tell whether a person is asked to take it."""
        return self.template in WANTS_ACK

    @property
    def short_code(self) -> str:
        """The digits that the text says and the person presses or sends back."""
        return self.code or short_code(self.subject)


def short_code(subject: str) -> str:
    """Return the digits for `subject`: `CODE_DIGITS` of them, none of them leading zero, the same on every worker."""
    low = 10 ** (CODE_DIGITS - 1)
    return str(low + zlib.crc32(subject.encode()) % (9 * low))


class Enqueued(msgspec.Struct, frozen=True, kw_only=True):
    """A notice with all that has happened to it: a row of the outbox. Times are aware UTC.

    `attempts`: requests begun. `first_sent_at`: when the first of them began. `look_at`: when someone must look after it again.
    `is_repeat`: the text says that it may be a second copy. `is_plain`: the fixed minimal wording, because the usual one was blocked.
    `sender_turn`: which of the lane's senders is next. `has_fallen_back`: its chain went on.
    """

    id: NoticeId
    notice: Notice
    state: NoticeState
    created_at: datetime
    send_at: datetime | None = None
    lease_until: datetime | None = None
    look_at: datetime | None = None
    first_sent_at: datetime | None = None
    accepted_at: datetime | None = None
    attempts: int = 0
    is_repeat: bool = False
    is_plain: bool = False
    sender_turn: int = 0
    has_fallen_back: bool = False
    error_class: str | None = None
    error_code: str | None = None
    carrier: str | None = None
    provider_id: str | None = None
    acknowledged_at: datetime | None = None
    acknowledged_how: str | None = None
