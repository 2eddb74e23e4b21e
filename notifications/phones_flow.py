"""What can one do with a demo phone? Read a text, pick up a call, press its keys, hang up, text back: as on a real one.

Called by `http_phones`; hands to the same flows as a real carrier's doors, so that the demo shows the real thing.
"""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol

import msgspec

from core.clock import Clock
from core.errors import Conflict, NotFound
from core.ids import IdSource, RecipientId, SiteId
from core.unit_of_work import Tx, UnitOfWork
from notifications.delivery import Receipt
from notifications.inbound_flow import InboundFlow, Said, Spoken, Step
from notifications.letters import VOICE_WORDS
from notifications.phone_item import RING_S, PhoneItem, PhoneState
from notifications.ports import RecipientBook
from notifications.receipts_flow import ReceiptsFlow, Report
from notifications.templates import Templates


class PhoneStore(Protocol):
    """The demo's phones in SQL. Met by `sql_phones.SqlPhones`."""

    async def get(self, tx: Tx, item_id: str) -> PhoneItem:
        """Return one item, held until the transaction ends; raises `NotFound`."""
        ...

    async def change(self, tx: Tx, item_id: str, state: PhoneState, body: str | None = None) -> None:
        """Write how a call stands and what it says."""
        ...

    async def listed(self, tx: Tx, sites: Sequence[SiteId], limit: int = 200) -> list[PhoneItem]:
        """Return the newest items, newest first; all sites when `sites` is empty."""
        ...


class Phone(msgspec.Struct, frozen=True, kw_only=True):
    """One demo phone with its newest texts and calls, newest first."""

    recipient_id: RecipientId
    name: str
    number_masked: str
    items: list[PhoneItem]


class PhonesFlow:
    """The demo's phones. Without an inbound flow they can be read and picked up, not answered."""

    def __init__(
        self,
        *,
        work: UnitOfWork,
        phones: PhoneStore,
        recipients: RecipientBook,
        receipts: ReceiptsFlow,
        inbound: InboundFlow,
        templates: Templates,
        clock: Clock,
        ids: IdSource,
    ) -> None:
        self._work = work
        self._phones = phones
        self._recipients = recipients
        self._receipts = receipts
        self._inbound = inbound
        self._templates = templates
        self._clock = clock
        self._ids = ids

    async def all(self, sites: Sequence[SiteId] = ()) -> list[Phone]:
        """Return every phone that got something, the one with the newest item first. A call that rang long enough is missed by then."""
        async with self._work.read() as tx:
            items = await self._phones.listed(tx, sites)
        now = self._clock.now()
        if over := [item for item in items if item.state is PhoneState.RINGING and now - item.at >= timedelta(seconds=RING_S)]:
            await asyncio.gather(*(self._ring_out(item.id) for item in over))
            async with self._work.read() as tx:
                items = await self._phones.listed(tx, sites)
        by_phone: dict[RecipientId, list[PhoneItem]] = {}
        for item in items:
            by_phone.setdefault(item.recipient_id, []).append(item)
        return [
            Phone(recipient_id=recipient_id, name=found[0].name, number_masked=found[0].number_masked, items=found)
            for recipient_id, found in by_phone.items()
        ]

    async def pick_up(self, item_id: str) -> PhoneItem:
        """Answer a ringing call; raises `Conflict` when it does not ring (any more)."""
        async with self._work.begin() as tx:
            item = await self._phones.get(tx, item_id)
            if item.state is not PhoneState.RINGING:
                raise Conflict(f"This call is {item.state}: only a ringing call can be picked up.")
            body = f"{item.body} {self._templates.word('voice_press', item.language)}"
            await self._phones.change(tx, item_id, PhoneState.ANSWERED, body)
        await self._receipts.apply(_report(item, Receipt.ANSWERED))
        return msgspec.structs.replace(item, state=PhoneState.ANSWERED, body=body)

    async def press(self, item_id: str, digit: str) -> PhoneItem:
        """Press a key during a call; raises `Conflict` when nobody has picked it up."""
        async with self._work.read() as tx:
            item = await self._phones.get(tx, item_id)
        if item.state not in (PhoneState.ANSWERED, PhoneState.CONFIRMING):
            raise Conflict(f"This call is {item.state}: keys are heard only during a call.")
        step = Step.CODED if item.state is PhoneState.CONFIRMING else Step.ASKED
        spoken = await self._inbound.pressed(item.notice_id, step, digit)
        state = _state_after(spoken.said)
        body = item.body if spoken.said is Said.ASK else self._said(spoken)
        async with self._work.begin() as tx:
            await self._phones.change(tx, item_id, state, body)
        if state is PhoneState.ENDED:
            await self._receipts.apply(_report(item, Receipt.COMPLETED))
        return msgspec.structs.replace(item, state=state, body=body)

    async def hang_up(self, item_id: str) -> PhoneItem:
        """End a call, or let it ring in vain; ending an ended one is fine."""
        async with self._work.begin() as tx:
            item = await self._phones.get(tx, item_id)
            is_missed = item.state is PhoneState.RINGING
            state = PhoneState.MISSED if is_missed else item.state if item.kind == "text" else PhoneState.ENDED
            await self._phones.change(tx, item_id, state)
        if item.kind == "call":
            await self._receipts.apply(_report(item, Receipt.NO_ANSWER if is_missed else Receipt.COMPLETED))
        return msgspec.structs.replace(item, state=state)

    async def text_back(self, recipient_id: RecipientId, text: str) -> str | None:
        """Text from a phone to the hub; return the hub's answer, None for silence. Raises `NotFound` for a phone that is none."""
        async with self._work.read() as tx:
            people = await self._recipients.by_ids(tx, [recipient_id])
        person = people.get(recipient_id)
        if person is None or person.number is None:
            raise NotFound("There is no such phone.")
        return await self._inbound.texted(person.number, text, f"PH-{self._ids.new_id()}", "phones")

    async def _ring_out(self, item_id: str) -> None:
        """Tell the hub what a network would tell it by a receipt: otherwise it would ask only after 40 s."""
        async with self._work.begin() as tx:
            item = await self._phones.get(tx, item_id)
            if item.state is not PhoneState.RINGING:
                return
            await self._phones.change(tx, item_id, PhoneState.MISSED)
        await self._receipts.apply(_report(item, Receipt.NO_ANSWER))

    def _said(self, spoken: Spoken) -> str:
        return self._templates.word(VOICE_WORDS[spoken.said], spoken.language, code=" ".join(spoken.code))


def _state_after(said: Said) -> PhoneState:
    if said is Said.ASK:
        return PhoneState.ANSWERED
    return PhoneState.CONFIRMING if said is Said.CONFIRM else PhoneState.ENDED


def _report(item: PhoneItem, receipt: Receipt) -> Report:
    return Report(receipt=receipt, provider_id=item.id, notice_id=item.notice_id, attempt=item.attempt)
