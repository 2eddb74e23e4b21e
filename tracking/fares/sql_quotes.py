"""Keeps quotes, agreements and policies in SQL. Meets `ports.Quotes`; each method is atomic with the caller's transaction.

A quote is sealed at rest: it holds the customer's address.
"""

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import delete, insert, select, update

from core.ids import SiteId, VisitId
from core.key_ring import KeyRing
from core.unit_of_work import Tx
from tracking.fares.policy import FarePolicy
from tracking.fares.ports import VisitFare
from tracking.fares.quote import Quote
from tracking.fares.tables import fare_policies, fare_quotes, visit_fares

SEALED_FOR = "fares.quotes"


class SqlQuotes:
    """Quotes by id, agreements by visit, policies by site."""

    def __init__(self, keys: KeyRing) -> None:
        self._keys = keys

    async def add(self, tx: Tx, quote: Quote) -> None:
        """See `ports.Quotes.add`."""
        values = {
            "id": quote.id,
            "site_id": quote.request.site_id,
            "visit_id": quote.request.visit_id,
            "quote": self._keys.seal(SEALED_FOR, msgspec.json.encode(quote).decode()),
            **{name: getattr(quote, name) for name in ("amount_minor", "customer_minor", "currency", "created_ms", "expires_ms")},
        }
        await tx.conn.execute(insert(fare_quotes).values(values))

    async def get(self, tx: Tx, quote_id: str) -> Quote | None:
        """See `ports.Quotes.get`."""
        sealed = (await tx.conn.execute(select(fare_quotes.c.quote).where(fare_quotes.c.id == quote_id))).scalar()
        return None if sealed is None else msgspec.json.decode(self._keys.unseal(SEALED_FOR, sealed), type=Quote)

    async def fare_of(self, tx: Tx, visit_id: VisitId, *, lock: bool = False) -> VisitFare | None:
        """See `ports.Quotes.fare_of`."""
        wanted = select(visit_fares).where(visit_fares.c.visit_id == visit_id)
        row = (await tx.conn.execute(wanted.with_for_update() if lock else wanted)).first()
        return None if row is None else _fare(row)

    async def put_fare(self, tx: Tx, fare: VisitFare) -> None:
        """See `ports.Quotes.put_fare`."""
        values = {name: getattr(fare, name) for name in fare.__struct_fields__} | {"policy": msgspec.json.encode(fare.policy).decode()}
        changed = await tx.conn.execute(update(visit_fares).where(visit_fares.c.visit_id == fare.visit_id).values(values))
        if changed.rowcount == 0:
            await tx.conn.execute(insert(visit_fares).values(values))

    async def policy_of(self, tx: Tx, site_id: SiteId) -> FarePolicy:
        """See `ports.Quotes.policy_of`."""
        text = (await tx.conn.execute(select(fare_policies.c.policy).where(fare_policies.c.site_id == site_id))).scalar()
        return FarePolicy() if text is None else msgspec.json.decode(text, type=FarePolicy)

    async def put_policy(self, tx: Tx, site_id: SiteId, policy: FarePolicy, now: datetime) -> None:
        """See `ports.Quotes.put_policy`."""
        values = {"site_id": site_id, "policy": msgspec.json.encode(policy).decode(), "updated_at": now}
        changed = await tx.conn.execute(update(fare_policies).where(fare_policies.c.site_id == site_id).values(values))
        if changed.rowcount == 0:
            await tx.conn.execute(insert(fare_policies).values(values))

    async def forget_unused(self, tx: Tx, before_ms: int) -> int:
        """See `ports.Quotes.forget_unused`."""
        used = select(visit_fares.c.accepted_quote_id).union(select(visit_fares.c.quote_id)).scalar_subquery()
        unused = delete(fare_quotes).where(fare_quotes.c.expires_ms < before_ms, fare_quotes.c.id.not_in(used))
        return (await tx.conn.execute(unused)).rowcount


def _fare(row: Any) -> VisitFare:
    return VisitFare(
        **{name: getattr(row, name) for name in VisitFare.__struct_fields__ if name != "policy"},
        policy=msgspec.json.decode(row.policy, type=FarePolicy),
    )
