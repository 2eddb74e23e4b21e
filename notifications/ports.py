"""What this package offers to and needs from others, as roles. Each sentence here has a contract test or a story."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from core.ids import NoticeId, RecipientId, SiteId
from core.unit_of_work import Tx
from notifications.acknowledgement import AckAnswer, Acknowledgement
from notifications.carrier import CarrierName, Found, Letter, Outcome
from notifications.courtesy import QuietHours
from notifications.delivery import Receipt
from notifications.notice import Channel, Enqueued, Lane, Notice
from notifications.recipient import Recipient

__all__ = [
    "Acknowledgements",
    "Alarms",
    "Attempt",
    "Carrier",
    "InboundStore",
    "InboundTap",
    "Outbox",
    "OutboxStore",
    "Poke",
    "QuietBook",
    "RecipientBook",
]


class Outbox(Protocol):
    """Where every package leaves its notices. Met by `sql_outbox.SqlOutbox`."""

    async def enqueue(self, tx: Tx, notices: Sequence[Notice]) -> Sequence[NoticeId]:
        """Write `notices` in the caller's transaction; return the ids that were new.

        A notice whose id is there already changes nothing. Sending starts after the commit, at once in this process and within a second
        in any other. An empty sequence is fine.
        """
        ...

    async def cancel(self, tx: Tx, subject: str, *, channels: Sequence[Channel] = ()) -> int:
        """Withdraw what is still pending about `subject` (of `channels`, all when empty); return how many. What is under way goes on."""
        ...


class QuietBook(Protocol):
    """Knows the quiet hours of sites. Met by visits' sites, through wiring."""

    async def quiet_of(self, tx: Tx, site_id: SiteId) -> QuietHours | None:
        """Return a site's quiet hours, None without any."""
        ...


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One request to a carrier about a notice: `number` from 1, the carrier's `provider_id`, the highest `receipt` so far."""

    notice_id: NoticeId
    number: int
    carrier: str
    started_at: datetime
    provider_id: str | None = None
    receipt: Receipt | None = None
    error_class: str | None = None
    error_code: str | None = None


class OutboxStore(Outbox, Protocol):
    """The outbox as its own flows see it. Met by `sql_outbox.SqlOutbox`; every method works in the transaction it is given."""

    async def claim(self, tx: Tx, lanes: Collection[Lane], now: datetime, limit: int) -> list[Enqueued]:
        """Lease up to `limit` due notices of `lanes`, most urgent first, counting the attempt. No row goes to two workers."""
        ...

    async def begin_attempts(self, tx: Tx, begun: Sequence[tuple[Enqueued, CarrierName | None]], now: datetime) -> None:
        """Write one attempt for each claimed row."""
        ...

    async def claim_looks(self, tx: Tx, lanes: Collection[Lane], now: datetime, limit: int) -> list[Enqueued]:
        """Take rows whose next look is due; nobody else takes them for 15 s."""
        ...

    async def locked(
        self, tx: Tx, ids: Collection[NoticeId], known: Mapping[NoticeId, Notice] | None = None
    ) -> dict[NoticeId, Enqueued]:
        """Return the rows as they stand, held until the transaction ends; `known` spares unsealing what the caller holds. Comes before
        everything else that a transaction writes about them."""
        ...

    async def save(self, tx: Tx, rows: Sequence[Enqueued], now: datetime) -> None:
        """Write what a settlement changed."""
        ...

    async def answer_attempts(self, tx: Tx, answers: Sequence[tuple[NoticeId, int, Outcome]], now: datetime) -> None:
        """Write what the carrier answered to each attempt."""
        ...

    async def attempt_of(
        self, tx: Tx, *, notice_id: NoticeId | None = None, number: int | None = None, provider_id: str | None = None
    ) -> Attempt | None:
        """Return an attempt by the carrier's id, else by notice and number, None when there is none; as it stands only where its notice is
        held (`locked`)."""
        ...

    async def unsure_beside(self, tx: Tx, row: Enqueued, since: datetime) -> int:
        """Return how many requests for other notices to the same recipient by the same channel may have arrived since, or not."""
        ...

    async def put_receipt(
        self, tx: Tx, attempt: Attempt, receipt: Receipt, provider_id: str | None, error: str | None, code: str | None, now: datetime
    ) -> None:
        """Write a receipt that counts."""
        ...

    async def get(self, tx: Tx, notice_id: NoticeId) -> Enqueued | None:
        """Return one row."""
        ...

    async def subject_of_code(self, tx: Tx, recipient_ids: Collection[RecipientId], code: str, since: datetime) -> Enqueued | None:
        """Return the newest urgent notice with `code` that was sent to one of these recipients."""
        ...

    async def next_moment(self, tx: Tx, lanes: Collection[Lane]) -> datetime | None:
        """Return when something of `lanes` is next due."""
        ...


class RecipientBook(Protocol):
    """Recipients as the flows see them. Met by `sql_recipients.SqlRecipients`."""

    async def by_ids(self, tx: Tx, ids: Collection[RecipientId]) -> Mapping[RecipientId, Recipient]:
        """Return the recipients that exist, with their numbers in clear."""
        ...

    async def by_number(self, tx: Tx, e164: str) -> list[Recipient]:
        """Return everyone with this number, on every site."""
        ...

    async def alarmed(self, tx: Tx, site_id: SiteId) -> list[Recipient]:
        """Return the active recipients who get the site's alarms."""
        ...

    async def mark_texts_failing(self, tx: Tx, recipient_id: RecipientId, now: datetime) -> None:
        """Remember that the network refuses texts to this number."""
        ...

    async def mark_stopped(self, tx: Tx, recipient_id: RecipientId, stopped_at: datetime | None) -> None:
        """Remember that the person said STOP; None takes it back."""
        ...


class Alarms(Protocol):
    """Tells the people who run a site that something is wrong with it. Met by `alarms_flow.AlarmsFlow`."""

    async def raise_operator_alarm(
        self, tx: Tx, site_id: SiteId, code: str, detail: str, *, about: str = "", who: str = "", error: str = ""
    ) -> None:
        """Enqueue P1 notices to the site's alarmed recipients and its console; the same `code` and `about` tell them once an hour.

        Without any alarmed recipient the console notice still goes, and health is red. `code` is a word such as `number_unreachable`; the
        texts of other languages than English are written by it, with `who` (a name and a masked number) and `error`. `about`: an id, where
        the same of somebody else is another alarm.
        """
        ...


class Carrier(Protocol):
    """Hands a letter to a phone network, a page or a file. One object carries one channel."""

    name: CarrierName
    channel: Channel
    can_find: bool
    """True where `find` can tell; False where a lost answer stays unknown."""

    async def send(self, letter: Letter) -> Outcome:
        """Hand over `letter` once, without any retry, within 5 s; never raises: a failure is an `Outcome` with its error class."""
        ...

    async def status(self, provider_id: str) -> Outcome:
        """Ask how a handed-over letter fares. An outcome without receipt means that nothing could be learned."""
        ...

    async def find(self, letter: Letter, since: datetime) -> Found:
        """Look for `letter` among what was handed over since `since`, by number and short code."""
        ...


class InboundStore(Protocol):
    """Texts that came in. Met by `sql_inbound.SqlInbound`."""

    async def is_known(self, tx: Tx, provider_id: str) -> bool:
        """Tell whether this message was taken before."""
        ...

    async def remember(
        self, tx: Tx, provider_id: str, carrier: str, recipient_id: RecipientId | None, text: str, keyword: str, now: datetime
    ) -> None:
        """Keep a message, its words sealed; keeping it twice is fine."""
        ...


class Acknowledgements(Protocol):
    """Learns that a person took an incident from a phone. Met by safety's desk flow, through wiring."""

    async def acknowledge(self, ack: Acknowledgement) -> AckAnswer:
        """Make this person the one who owns it, if that is possible now; the answer is what the phone says. Asked twice, it answers the
        same.
        """
        ...


class InboundTap(Protocol):
    """Learns that a known number texted `sos`. Met by safety's sos flow, through wiring."""

    async def raise_by_text(self, recipient: Recipient, tap_id: str, text: str, at: datetime) -> None:
        """Raise a tap of the recipient's owner; `tap_id` is the carrier's message id, so that a replay is the same tap."""
        ...


class Poke(Protocol):
    """Says over the live channel that something changed in SQL. Best effort: whoever depends on it also sweeps."""

    async def poke(self, site_id: SiteId, topic: str, subject: str) -> None:
        """Tell every worker of (topic, subject); never raises, never waits longer than 0.2 s."""
        ...


