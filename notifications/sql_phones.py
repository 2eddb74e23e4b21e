"""The demo's phone network: every text and call becomes a row that the phones page shows. Words and names are sealed like everywhere else.

One row a letter, named by notice and attempt, so handing a letter over twice shows it once.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Row

from core.clock import Clock
from core.errors import NotFound
from core.ids import NoticeId, RecipientId, SiteId
from core.key_ring import KeyRing
from core.unit_of_work import Tx, UnitOfWork
from notifications.carrier import CarrierName, Found, FoundHow, Letter, Outcome
from notifications.notice import Channel
from notifications.phone_item import RECEIPTS, RING_S, PhoneItem, PhoneState, item_id_of
from notifications.tables import phone_items

PURPOSE = "phones"
_INSERT: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


class SqlPhones:
    """The rows of the demo's phones."""

    def __init__(self, key_ring: KeyRing) -> None:
        self._key_ring = key_ring

    async def put(self, tx: Tx, letter: Letter, state: PhoneState, now: datetime) -> str:
        """Show a letter; return the item's id. A letter that is there already stays as it is."""
        item_id = item_id_of(letter.notice_id, letter.attempt)
        row = {
            "id": item_id,
            "site_id": letter.site_id,
            "notice_id": letter.notice_id,
            "attempt": letter.attempt,
            "recipient_id": letter.recipient_id,
            "name_sealed": self._key_ring.seal(PURPOSE, letter.name),
            "number_masked": letter.to_masked,
            "kind": "call" if letter.channel is Channel.VOICE else "text",
            "language": letter.language,
            "body_sealed": self._key_ring.seal(PURPOSE, letter.text),
            "state": state.value,
            "at": now,
        }
        await tx.conn.execute(_INSERT[tx.dialect](phone_items).values(row).on_conflict_do_nothing())
        return item_id

    async def get(self, tx: Tx, item_id: str) -> PhoneItem:
        """Return one item, held until the transaction ends; raises `NotFound`."""
        row = (await tx.conn.execute(tx.held(select(phone_items).where(phone_items.c.id == item_id)))).first()
        if row is None:
            raise NotFound("There is no such text or call on the demo's phones.")
        return self._item(row)

    async def change(self, tx: Tx, item_id: str, state: PhoneState, body: str | None = None) -> None:
        """Write how a call stands and what it says."""
        values: dict[str, object] = {"state": state.value}
        if body is not None:
            values["body_sealed"] = self._key_ring.seal(PURPOSE, body)
        await tx.conn.execute(update(phone_items).where(phone_items.c.id == item_id).values(values))

    async def listed(self, tx: Tx, sites: Sequence[SiteId], limit: int = 200) -> list[PhoneItem]:
        """Return the newest items, newest first; all sites when `sites` is empty."""
        query = select(phone_items).order_by(phone_items.c.at.desc(), phone_items.c.id).limit(limit)
        if sites:
            query = query.where(phone_items.c.site_id.in_(sites))
        return [self._item(row) for row in await tx.conn.execute(query)]

    def _item(self, row: Row[Any]) -> PhoneItem:
        return PhoneItem(
            id=row.id,
            site_id=SiteId(row.site_id),
            notice_id=NoticeId(row.notice_id),
            attempt=row.attempt,
            recipient_id=RecipientId(row.recipient_id),
            name=self._key_ring.unseal(PURPOSE, row.name_sealed),
            number_masked=row.number_masked,
            kind=row.kind,
            language=row.language,
            body=self._key_ring.unseal(PURPOSE, row.body_sealed),
            state=PhoneState(row.state),
            at=row.at,
        )


class PhonesCarrier:
    """See `ports.Carrier`: carries one channel to the demo's phones."""

    name = CarrierName.PHONES
    can_find = True

    def __init__(self, work: UnitOfWork, phones: SqlPhones, channel: Channel, clock: Clock) -> None:
        self._work = work
        self._phones = phones
        self.channel = channel
        self._clock = clock

    async def send(self, letter: Letter) -> Outcome:
        """See `Carrier.send`."""
        state = PhoneState.RINGING if self.channel is Channel.VOICE else PhoneState.DELIVERED
        async with self._work.begin() as tx:
            item_id = await self._phones.put(tx, letter, state, self._clock.now())
        return Outcome(provider_id=item_id, receipt=RECEIPTS[state])

    async def status(self, provider_id: str) -> Outcome:
        """See `Carrier.status`. A call that rang long enough is missed."""
        async with self._work.begin() as tx:
            item = await self._phones.get(tx, provider_id)
            state = item.state
            if state is PhoneState.RINGING and self._clock.now() - item.at >= timedelta(seconds=RING_S):
                state = PhoneState.MISSED
                await self._phones.change(tx, item.id, state)
        return Outcome(provider_id=provider_id, receipt=RECEIPTS[state])

    async def find(self, letter: Letter, since: datetime) -> Found:
        """See `Carrier.find`."""
        try:
            outcome = await self.status(item_id_of(letter.notice_id, letter.attempt))
        except NotFound:
            return Found(FoundHow.ABSENT)
        return Found(FoundHow.THERE, (outcome,))
