"""What follows when a person answers? Keys in a call and words in a text become an acknowledgement, a tap, or an alarm.

Called by the doors for carriers and by the demo's phones page; hands to safety through `ports.Acknowledgements` and `ports.InboundTap`.
Acting comes before remembering, and acting twice is harmless: a process that dies in between is asked again by the carrier.
"""

from datetime import datetime, timedelta
from enum import StrEnum

import msgspec
import structlog

from core.clock import Clock
from core.ids import NoticeId
from core.unit_of_work import UnitOfWork
from notifications.acknowledgement import AckAnswer, AckHow, Acknowledgement
from notifications.keywords import Heard, Keyword, heard
from notifications.notice import Enqueued, NoticeState
from notifications.ports import Acknowledgements, Alarms, InboundStore, InboundTap, OutboxStore, RecipientBook
from notifications.recipient import Recipient, RecipientKind
from notifications.settlement import acknowledged
from notifications.settlement_flow import SettlementFlow
from notifications.templates import Templates
from notifications.twiml import ACK_DIGIT

log = structlog.get_logger(__name__)

CODE_VALID_FOR = timedelta(hours=24)
"""An incident may stay open for long, a code in an old text must not take a new one."""
_CRIES = {RecipientKind.TECHNICIAN: 0, RecipientKind.CUSTOMER: 1}


class Step(StrEnum):
    """Where in a call the person is."""

    ASKED = "asked"
    """She heard what happened."""
    CODED = "coded"
    """She heard the code."""


class Said(StrEnum):
    """What the call says next."""

    ASK = "ask"
    """What happened, once more: another key was pressed."""
    CONFIRM = "confirm"
    """The code, waiting for the second key."""
    OWNED = "owned"
    """It is yours."""
    ALREADY = "already"
    """A colleague has it."""
    REFUSED = "refused"
    """You cannot take it."""
    GONE = "gone"
    """It is over or unknown."""


class Spoken(msgspec.Struct, frozen=True):
    """What is said next, to whom in which language, about which code."""

    said: Said
    language: str
    code: str = ""
    row: Enqueued | None = None


class InboundFlow:
    """Takes answers from phones."""

    def __init__(
        self,
        *,
        work: UnitOfWork,
        outbox: OutboxStore,
        recipients: RecipientBook,
        inbound: InboundStore,
        settlement: SettlementFlow,
        acknowledgements: Acknowledgements,
        taps: InboundTap,
        alarms: Alarms,
        templates: Templates,
        clock: Clock,
    ) -> None:
        self._work = work
        self._outbox = outbox
        self._recipients = recipients
        self._inbound = inbound
        self._settlement = settlement
        self._acknowledgements = acknowledgements
        self._taps = taps
        self._alarms = alarms
        self._templates = templates
        self._clock = clock

    async def pressed(self, notice_id: NoticeId, step: Step, digit: str) -> Spoken:
        """Take a key pressed in a call about a notice; return what the call says next."""
        async with self._work.read() as tx:
            row = await self._outbox.get(tx, notice_id)
            people = await self._recipients.by_ids(tx, [row.notice.recipient_id]) if row is not None else {}
        recipient = people.get(row.notice.recipient_id) if row is not None else None
        if row is None or recipient is None:
            return Spoken(Said.GONE, "zh-CN")
        if digit != ACK_DIGIT:
            return Spoken(Said.ASK if step is Step.ASKED else Said.CONFIRM, recipient.language, row.notice.short_code, row)
        if step is Step.ASKED:
            return Spoken(Said.CONFIRM, recipient.language, row.notice.short_code, row)
        answer = await self._acknowledge(row, recipient, AckHow.DIGITS)
        return Spoken(Said(answer.value), recipient.language, row.notice.short_code, row)

    async def texted(self, e164: str, text: str, provider_id: str, carrier: str) -> str | None:
        """Take a text from a number; return the answer to text back, None for silence: to strangers, to replays, to words for people."""
        async with self._work.read() as tx:
            if await self._inbound.is_known(tx, provider_id):
                return None
            people = await self._recipients.by_number(tx, e164)
        what = heard(text)
        reply = await self._act(what, people, text, provider_id) if people else None
        async with self._work.begin() as tx:
            await self._inbound.remember(tx, provider_id, carrier, people[0].id if people else None, text, what.keyword, self._clock.now())
        log.info("text_received", keyword=what.keyword, is_known=bool(people))
        return reply

    async def _act(self, what: Heard, people: list[Recipient], text: str, provider_id: str) -> str | None:
        match what.keyword:
            case Keyword.ACK:
                return await self._acknowledge_code(people, what.code)
            case Keyword.SOS:
                # One number may be hers and a colleague's contact too: whoever works or is visited comes first.
                cries = min(people, key=lambda person: _CRIES.get(person.kind, len(_CRIES)))
                await self._taps.raise_by_text(cries, provider_id, text, self._clock.now())
                return self._templates.word("reply_sos", cries.language)
            case Keyword.STOP:
                await self._stop(people, self._clock.now())
            case Keyword.START:
                await self._stop(people, None)
        return None

    async def _acknowledge_code(self, people: list[Recipient], code: str) -> str:
        async with self._work.read() as tx:
            since = self._clock.now() - CODE_VALID_FOR
            row = await self._outbox.subject_of_code(tx, [person.id for person in people], code, since)
        answer = AckAnswer.GONE
        if row is not None:
            person = next(person for person in people if person.id == row.notice.recipient_id)
            answer = await self._acknowledge(row, person, AckHow.KEYWORD)
        return self._templates.word(f"reply_{answer.value}", people[0].language, code=code)

    async def _acknowledge(self, row: Enqueued, recipient: Recipient, how: AckHow) -> AckAnswer:
        now = self._clock.now()
        answer = await self._acknowledgements.acknowledge(
            Acknowledgement(
                site_id=row.notice.site_id,
                subject=row.notice.subject,
                code=row.notice.short_code,
                recipient_id=recipient.id,
                recipient_kind=recipient.kind,
                owner_id=recipient.owner_id,
                how=how,
                at=now,
            )
        )
        if answer in (AckAnswer.OWNED, AckAnswer.ALREADY):
            await self._mark(row, how, now)
        return answer

    async def _mark(self, row: Enqueued, how: AckHow, now: datetime) -> None:
        async with self._work.begin(urgent=True) as tx:
            fresh = (await self._outbox.locked(tx, [row.id]))[row.id]
            if fresh.state is not NoticeState.CANCELLED:
                await self._outbox.save(tx, [acknowledged(fresh, how, now)], now)

    async def _stop(self, people: list[Recipient], stopped_at: datetime | None) -> None:
        async with self._work.begin() as tx:
            for person in sorted(people, key=lambda person: person.id):
                await self._recipients.mark_stopped(tx, person.id, stopped_at)
            for person in people:
                if stopped_at is not None and person.kind.is_responder:
                    who = f"{person.name} {person.number_masked}"
                    detail = f"{who}, a {person.kind}, answered STOP: texts are blocked, emergencies too. Ask for START."
                    await self._alarms.raise_operator_alarm(
                        tx, person.site_id, "responder_stopped", detail, about=person.id, who=who, error="STOP"
                    )
