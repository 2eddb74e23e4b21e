"""Texts that came in, in SQL: which were taken already, and their words, sealed."""

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from core.ids import RecipientId
from core.key_ring import KeyRing
from core.unit_of_work import Tx
from notifications.tables import inbound_messages

PURPOSE = "inbound"
_INSERT: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


class SqlInbound:
    """See `ports.InboundStore`."""

    def __init__(self, key_ring: KeyRing) -> None:
        self._key_ring = key_ring

    async def is_known(self, tx: Tx, provider_id: str) -> bool:
        """See `InboundStore.is_known`."""
        found = await tx.conn.execute(select(inbound_messages.c.provider_id).where(inbound_messages.c.provider_id == provider_id))
        return found.first() is not None

    async def remember(
        self, tx: Tx, provider_id: str, carrier: str, recipient_id: RecipientId | None, text: str, keyword: str, now: datetime
    ) -> None:
        """See `InboundStore.remember`."""
        row = {
            "provider_id": provider_id,
            "carrier": carrier,
            "recipient_id": recipient_id,
            "text_sealed": self._key_ring.seal(PURPOSE, text),
            "keyword": keyword,
            "received_at": now,
        }
        await tx.conn.execute(_INSERT[tx.dialect](inbound_messages).values(row).on_conflict_do_nothing())
