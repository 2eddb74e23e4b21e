"""How does a phone number become one that an emergency may count on? Added, normalised, proved by a code, kept sealed.

Called by `http_recipients` and by the flows that enrol dispatchers, contacts and customers.
"""

from datetime import datetime, timedelta
from typing import Protocol

import msgspec

from core.clock import Clock
from core.errors import BadInput, Conflict, NotFound, TooMany
from core.ids import IdSource, RecipientId, SiteId, token_hash
from core.unit_of_work import Tx, UnitOfWork
from notifications.carrier import CarrierName
from notifications.notice import Channel, Lane, Notice
from notifications.ports import Outbox, RecipientBook
from notifications.recipient import (
    CODE_DIGITS,
    CODE_MINUTES,
    CODE_TRIES,
    MAX_NAME_CHARS,
    Line,
    Recipient,
    RecipientKind,
    Verification,
    masked,
    numbered,
)
from notifications.templates import LANGUAGES

VERIFY_TEMPLATE = "verify_phone"
MAX_CODES = 10
"""Codes texted to one number in all: more means that somebody plays with somebody else's phone."""


class RecipientStore(RecipientBook, Protocol):
    """Recipients with the writing side. Met by `sql_recipients.SqlRecipients`."""

    async def add(self, tx: Tx, recipient: Recipient, now: datetime) -> None:
        """Write a new recipient."""
        ...

    async def save(self, tx: Tx, recipient: Recipient) -> None:
        """Write an existing one."""
        ...

    async def of_owner(self, tx: Tx, site_id: SiteId, kind: RecipientKind, owner_id: str) -> list[Recipient]:
        """Return the active phones of one person in one role."""
        ...

    async def listed(self, tx: Tx, site_id: SiteId, kind: RecipientKind | None = None) -> list[Recipient]:
        """Return the active recipients of a site."""
        ...

    async def verification(self, tx: Tx, recipient_id: RecipientId) -> Verification:
        """Return how the proof stands."""
        ...

    async def put_verification(self, tx: Tx, recipient_id: RecipientId, stands: Verification) -> None:
        """Write how the proof stands."""
        ...


class NewRecipient(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a person to be told. `number`: as typed; `country`: two letters, for a number without +. None: console only."""

    site_id: SiteId
    kind: RecipientKind
    owner_id: str
    name: str
    number: str | None = None
    country: str | None = None
    language: str = "zh-CN"
    carrier: str | None = None
    is_alarmed: bool = False


class RecipientsFlow:
    """Keeps the people who are told."""

    def __init__(self, *, work: UnitOfWork, recipients: RecipientStore, outbox: Outbox, clock: Clock, ids: IdSource) -> None:
        self._work = work
        self._recipients = recipients
        self._outbox = outbox
        self._clock = clock
        self._ids = ids

    async def add(self, tx: Tx, new: NewRecipient) -> Recipient:
        """Write a recipient in the caller's transaction; the same number of the same owner in the same role is returned, not doubled.

        Raises `BadInput` in words for a number that cannot exist, an unknown language or carrier, an overlong name.
        """
        recipient = self._checked(new)
        for known in await self._recipients.of_owner(tx, new.site_id, new.kind, new.owner_id):
            if known.number == recipient.number:
                kept = msgspec.structs.replace(
                    known, name=recipient.name, language=recipient.language, carrier=recipient.carrier, is_alarmed=recipient.is_alarmed
                )
                await self._recipients.save(tx, kept)
                return kept
        await self._recipients.add(tx, recipient, self._clock.now())
        return recipient

    async def add_alone(self, new: NewRecipient) -> Recipient:
        """Write a recipient in a transaction of its own; see `add`."""
        async with self._work.begin() as tx:
            return await self.add(tx, new)

    async def get(self, recipient_id: RecipientId) -> Recipient:
        """Return one recipient; raises `NotFound`."""
        async with self._work.read() as tx:
            found = (await self._recipients.by_ids(tx, [recipient_id])).get(recipient_id)
        if found is None:
            raise NotFound("There is no such recipient. Check the id.")
        return found

    async def listed(self, site_id: SiteId, kind: RecipientKind | None = None) -> list[Recipient]:
        """Return the active recipients of a site, oldest first."""
        async with self._work.read() as tx:
            return await self._recipients.listed(tx, site_id, kind)

    async def remove(self, recipient_id: RecipientId) -> None:
        """Take a recipient out of use; its notices stay readable."""
        async with self._work.begin() as tx:
            found = (await self._recipients.by_ids(tx, [recipient_id])).get(recipient_id)
            if found is not None:
                await self._recipients.save(tx, msgspec.structs.replace(found, is_active=False, is_alarmed=False))

    async def send_code(self, recipient_id: RecipientId) -> None:
        """Text (or, for a land line, say) a code to the number; the former code is void. Raises `TooMany`, `BadInput` without a number."""
        now = self._clock.now()
        digits = self._ids.new_digits(CODE_DIGITS)
        async with self._work.begin() as tx:
            stands = await self._recipients.verification(tx, recipient_id)
            if stands.round >= MAX_CODES:
                raise TooMany("This number was sent ten codes. Ask the site's owner to look at it.")
            person = (await self._recipients.by_ids(tx, [recipient_id]))[recipient_id]
            if person.number is None:
                raise BadInput("This recipient has no number to be proved.")
            stands = Verification(_code_hash(recipient_id, digits), now + timedelta(minutes=CODE_MINUTES), 0, stands.round + 1)
            await self._recipients.put_verification(tx, recipient_id, stands)
            await self._outbox.enqueue(tx, [_code_notice(person, digits, stands.round, stands.until)])

    async def prove(self, recipient_id: RecipientId, digits: str) -> Recipient:
        """Take the code that the person read; return the verified recipient. Raises `Conflict` for a wrong, old or used one."""
        now = self._clock.now()
        async with self._work.begin() as tx:
            stands = await self._recipients.verification(tx, recipient_id)
            is_right = stands.code_hash == _code_hash(recipient_id, digits)
            is_open = stands.until is not None and stands.until > now and stands.tries < CODE_TRIES
            if is_right and is_open:
                person = (await self._recipients.by_ids(tx, [recipient_id]))[recipient_id]
                verified = msgspec.structs.replace(person, verified_at=now, sms_failed_at=None)
                await self._recipients.save(tx, verified)
                await self._recipients.put_verification(tx, recipient_id, Verification(None, None, 0, stands.round))
                return verified
            await self._recipients.put_verification(tx, recipient_id, msgspec.structs.replace(stands, tries=stands.tries + 1))
        raise Conflict("This code is wrong or too old. Five wrong ones void it; have a new one sent.")

    def _checked(self, new: NewRecipient) -> Recipient:
        if not new.name.strip() or len(new.name) > MAX_NAME_CHARS:
            raise BadInput(f"A name has 1 to {MAX_NAME_CHARS} characters.")
        if new.language not in LANGUAGES:
            raise BadInput(f"There are no texts in {new.language!r}; there are {', '.join(LANGUAGES)}.")
        if new.carrier is not None and new.carrier not in list(CarrierName):
            raise BadInput(f"There is no carrier {new.carrier!r}; there are {', '.join(CarrierName)}.")
        number = None if new.number is None else numbered(new.number, new.country)
        return Recipient(
            id=RecipientId(self._ids.new_id()),
            site_id=new.site_id,
            kind=new.kind,
            owner_id=new.owner_id,
            name=" ".join(new.name.split()),
            number=None if number is None else number.e164,
            number_masked="" if number is None else masked(number.e164),
            country=None if number is None else number.country,
            line=Line.UNKNOWN if number is None else number.line,
            language=new.language,
            carrier=new.carrier,
            is_alarmed=new.is_alarmed,
        )


def _code_hash(recipient_id: RecipientId, digits: str) -> str:
    return token_hash(f"{recipient_id}:{digits}")


def _code_notice(person: Recipient, digits: str, round_no: int, until: datetime | None) -> Notice:
    return Notice(
        site_id=person.site_id,
        subject=f"verify:{person.id}",
        lane=Lane.P2,
        channel=Channel.VOICE if person.line is Line.FIXED else Channel.SMS,
        recipient_id=person.id,
        template=VERIFY_TEMPLATE,
        variables={"digits": digits},
        ladder_round=round_no,
        expires_at=until,
    )
