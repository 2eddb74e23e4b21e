"""Recipients in SQL: names and numbers sealed by the key ring, found by a keyed fingerprint, shown masked."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.engine import Row

from core.errors import NotFound
from core.ids import RecipientId, SiteId
from core.key_ring import KeyRing
from core.unit_of_work import Tx
from notifications.recipient import Line, Recipient, RecipientKind, Verification
from notifications.tables import recipients

PURPOSE = "recipient"
_BY_IDS = select(recipients).where(recipients.c.id.in_(bindparam("ids", expanding=True)))


class SqlRecipients:
    """See `ports.RecipientBook`; also what `recipients_flow` manages them with."""

    def __init__(self, key_ring: KeyRing) -> None:
        self._key_ring = key_ring

    async def add(self, tx: Tx, recipient: Recipient, now: datetime) -> None:
        """Write a new recipient; the same number of the same owner in the same role already there raises `IntegrityError`: look first."""
        await tx.conn.execute(
            insert(recipients).values(
                id=recipient.id,
                site_id=recipient.site_id,
                owner_id=recipient.owner_id,
                kind=recipient.kind.value,
                code_tries=0,
                code_round=0,
                created_at=now,
                **self._sealed(recipient),
            )
        )

    async def save(self, tx: Tx, recipient: Recipient) -> None:
        """Write every field of an existing recipient; raises `NotFound`."""
        done = await tx.conn.execute(update(recipients).where(recipients.c.id == recipient.id).values(**self._sealed(recipient)))
        if done.rowcount == 0:
            raise NotFound("There is no such recipient. Check the id.")

    async def by_ids(self, tx: Tx, ids: Collection[RecipientId]) -> Mapping[RecipientId, Recipient]:
        """See `RecipientBook.by_ids`."""
        found = await tx.conn.execute(_BY_IDS, {"ids": list(ids)})
        return {RecipientId(row.id): self._recipient(row) for row in found}

    async def by_number(self, tx: Tx, e164: str) -> list[Recipient]:
        """See `RecipientBook.by_number`."""
        fingerprint = self._key_ring.fingerprint(PURPOSE, e164)
        query = select(recipients).where(recipients.c.number_fingerprint == fingerprint, recipients.c.is_active)
        return [self._recipient(row) for row in await tx.conn.execute(query.order_by(recipients.c.created_at))]

    async def of_owner(self, tx: Tx, site_id: SiteId, kind: RecipientKind, owner_id: str) -> list[Recipient]:
        """Return the active phones of one person in one role, oldest first."""
        query = select(recipients).where(
            recipients.c.site_id == site_id, recipients.c.kind == kind, recipients.c.owner_id == owner_id, recipients.c.is_active
        )
        return [self._recipient(row) for row in await tx.conn.execute(query.order_by(recipients.c.created_at))]

    async def listed(self, tx: Tx, site_id: SiteId, kind: RecipientKind | None = None) -> list[Recipient]:
        """Return the active recipients of a site, oldest first."""
        query = select(recipients).where(recipients.c.site_id == site_id, recipients.c.is_active)
        if kind is not None:
            query = query.where(recipients.c.kind == kind)
        return [self._recipient(row) for row in await tx.conn.execute(query.order_by(recipients.c.created_at))]

    async def alarmed(self, tx: Tx, site_id: SiteId) -> list[Recipient]:
        """See `RecipientBook.alarmed`. The database chooses: an alarm may follow each of a thousand notices to as many customers."""
        query = select(recipients).where(recipients.c.site_id == site_id, recipients.c.is_active, recipients.c.is_alarmed)
        return [self._recipient(row) for row in await tx.conn.execute(query.order_by(recipients.c.created_at))]

    async def mark_texts_failing(self, tx: Tx, recipient_id: RecipientId, now: datetime) -> None:
        """See `RecipientBook.mark_texts_failing`."""
        await tx.conn.execute(update(recipients).where(recipients.c.id == recipient_id).values(sms_failed_at=now))

    async def mark_stopped(self, tx: Tx, recipient_id: RecipientId, stopped_at: datetime | None) -> None:
        """See `RecipientBook.mark_stopped`."""
        await tx.conn.execute(update(recipients).where(recipients.c.id == recipient_id).values(stopped_at=stopped_at))

    async def verification(self, tx: Tx, recipient_id: RecipientId) -> Verification:
        """Return how the verification of a number stands; raises `NotFound`."""
        row = (await tx.conn.execute(select(recipients).where(recipients.c.id == recipient_id).with_for_update())).first()
        if row is None:
            raise NotFound("There is no such recipient. Check the id.")
        return Verification(row.code_hash, row.code_until, row.code_tries, row.code_round)

    async def put_verification(self, tx: Tx, recipient_id: RecipientId, stands: Verification) -> None:
        """Write how the verification of a number stands."""
        await tx.conn.execute(
            update(recipients)
            .where(recipients.c.id == recipient_id)
            .values(code_hash=stands.code_hash, code_until=stands.until, code_tries=stands.tries, code_round=stands.round)
        )

    def _sealed(self, recipient: Recipient) -> dict[str, object]:
        number = recipient.number
        return {
            "name_sealed": self._key_ring.seal(PURPOSE, recipient.name),
            "number_sealed": None if number is None else self._key_ring.seal(PURPOSE, number),
            "number_fingerprint": None if number is None else self._key_ring.fingerprint(PURPOSE, number),
            "number_masked": recipient.number_masked,
            "country": recipient.country,
            "line": recipient.line.value,
            "language": recipient.language,
            "carrier": recipient.carrier,
            "is_alarmed": recipient.is_alarmed,
            "is_active": recipient.is_active,
            "verified_at": recipient.verified_at,
            "stopped_at": recipient.stopped_at,
            "sms_failed_at": recipient.sms_failed_at,
        }

    def _recipient(self, row: Row[Any]) -> Recipient:
        return Recipient(
            id=RecipientId(row.id),
            site_id=SiteId(row.site_id),
            kind=RecipientKind(row.kind),
            owner_id=row.owner_id,
            name=self._key_ring.unseal(PURPOSE, row.name_sealed),
            number=None if row.number_sealed is None else self._key_ring.unseal(PURPOSE, row.number_sealed),
            number_masked=row.number_masked,
            country=row.country,
            line=Line(row.line),
            language=row.language,
            carrier=row.carrier,
            is_alarmed=row.is_alarmed,
            is_active=row.is_active,
            verified_at=row.verified_at,
            stopped_at=row.stopped_at,
            sms_failed_at=row.sms_failed_at,
        )
