"""Webhook endpoints and deliveries in SQL. Secrets and bodies are sealed; deliveries of one subject to one endpoint go one after another.

`publish` is called in the transaction of what happened, so an event exists exactly if it happened.
"""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, func, insert, select, update
from sqlalchemy.engine import Row
from sqlalchemy.orm import aliased

from core.clock import Clock
from core.errors import NotFound
from core.ids import IdSource, SiteId, notice_id_of
from core.key_ring import KeyRing
from core.unit_of_work import Tx
from notifications.tables import webhook_deliveries, webhook_endpoints
from notifications.webhook import Delivery, DeliveryState, Endpoint, EndpointState, Family, WebhookEvent, body_of, wants

PURPOSE = "webhook"
LEASE_S = 30.0
"""Twice an endpoint's deadline."""
_OPEN = (DeliveryState.PENDING, DeliveryState.SENDING)
_ACTIVE = select(webhook_endpoints.c.id).where(webhook_endpoints.c.state == EndpointState.ACTIVE)


def _is_first() -> ColumnElement[bool]:
    """Return whether no earlier delivery of the same endpoint and subject is open."""
    row, earlier = webhook_deliveries, aliased(webhook_deliveries)
    before = (
        select(earlier.c.id)
        .where(earlier.c.endpoint_id == row.c.endpoint_id, earlier.c.subject == row.c.subject)
        .where(earlier.c.sequence < row.c.sequence, earlier.c.state.in_(_OPEN))
    )
    return ~before.exists()


class SqlWebhooks:
    """Endpoints and deliveries. `on_published` is called after the commit; wiring sets it to `WebhookFlow.wake`."""

    def __init__(self, key_ring: KeyRing, clock: Clock, ids: IdSource) -> None:
        self._key_ring = key_ring
        self._clock = clock
        self._ids = ids
        self.on_published: Callable[[], None] = lambda: None

    async def publish(self, tx: Tx, event: WebhookEvent) -> int:
        """Write a delivery of `event` for every endpoint of its site that asked for it; return how many. The same event twice adds
        nothing.
        """
        wanted = [endpoint for endpoint in await self.endpoints_of(tx, event.site_id) if wants(endpoint, event.type)]
        added = 0
        for endpoint in wanted:
            added += await self._add(tx, endpoint, event, notice_id_of(event.id, endpoint.id))
        if added:
            tx.after_commit(lambda: self.on_published())
        return added

    async def replay(self, tx: Tx, delivery: Delivery) -> Delivery:
        """Write a delivery again, as a new one at the end of its subject's order, with the same event id and body."""
        again_id = self._ids.new_id()
        sequence = await self._next_sequence(tx, delivery.endpoint_id, delivery.subject)
        again = msgspec.structs.replace(
            delivery,
            id=again_id,
            sequence=sequence,
            state=DeliveryState.PENDING,
            attempts=0,
            created_at=self._clock.now(),
            send_at=self._clock.now(),
            settled_at=None,
            last_status=None,
            last_error=None,
        )
        await self._insert(tx, again)
        tx.after_commit(lambda: self.on_published())
        return again

    async def claim(self, tx: Tx, now: datetime, limit: int, busy: Collection[str] = ()) -> list[Delivery]:
        """Lease up to `limit` due deliveries, none of the endpoints `busy`: of every endpoint and subject only the first that is not
        over, so that order holds.
        """
        row = webhook_deliveries
        is_free = (row.c.state == DeliveryState.PENDING) | (row.c.lease_until <= now)
        is_due = (row.c.send_at <= now) & row.c.state.in_(_OPEN) & is_free & _is_first()
        due = (
            select(row.c.id)
            .where(is_due, row.c.endpoint_id.in_(_ACTIVE), row.c.endpoint_id.not_in(list(busy)))
            .order_by(row.c.send_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
            .cte("due")
        )
        claimed = await tx.conn.execute(
            update(row)
            .where(row.c.id.in_(select(due.c.id)))
            .values(state=DeliveryState.SENDING.value, lease_until=now + timedelta(seconds=LEASE_S), attempts=row.c.attempts + 1)
            .returning(*row.c)
        )
        return [self._delivery(found) for found in claimed]

    async def settle(
        self, tx: Tx, delivery: Delivery, state: DeliveryState, send_at: datetime | None, status: int | None, error: str, now: datetime
    ) -> None:
        """Write what became of a try; a delivery that somebody claimed anew meanwhile is left alone."""
        await tx.conn.execute(
            update(webhook_deliveries)
            .where(webhook_deliveries.c.id == delivery.id, webhook_deliveries.c.attempts == delivery.attempts)
            .values(
                state=state.value,
                send_at=send_at,
                lease_until=None,
                settled_at=now,
                last_status=status,
                last_error=error[:200] or None,
            )
        )

    async def fail_open_of(self, tx: Tx, endpoint_id: str, now: datetime) -> None:
        """Let everything still open of a disabled endpoint fail; it can be replayed."""
        await tx.conn.execute(
            update(webhook_deliveries)
            .where(webhook_deliveries.c.endpoint_id == endpoint_id, webhook_deliveries.c.state == DeliveryState.PENDING)
            .values(state=DeliveryState.FAILED.value, send_at=None, settled_at=now, last_error="The endpoint was disabled.")
        )

    async def next_due_at(self, tx: Tx, busy: Collection[str] = ()) -> datetime | None:
        """Return when a delivery that `claim` would give is next due, None when none is: not of the endpoints `busy`, and not one that
        waits for an earlier of its subject.
        """
        row = webhook_deliveries
        is_waiting = (row.c.state == DeliveryState.PENDING) & row.c.endpoint_id.in_(_ACTIVE) & row.c.endpoint_id.not_in(list(busy))
        query = select(func.min(row.c.send_at)).where(is_waiting, _is_first())
        found: datetime | None = (await tx.conn.execute(query)).scalar()
        return found

    async def add_endpoint(self, tx: Tx, endpoint: Endpoint) -> None:
        """Write a new endpoint."""
        await tx.conn.execute(
            insert(webhook_endpoints).values(
                id=endpoint.id, site_id=endpoint.site_id, created_at=endpoint.created_at, **self._changing(endpoint)
            )
        )

    async def save_endpoint(self, tx: Tx, endpoint: Endpoint) -> None:
        """Write an existing endpoint."""
        await tx.conn.execute(update(webhook_endpoints).where(webhook_endpoints.c.id == endpoint.id).values(**self._changing(endpoint)))

    async def endpoint(self, tx: Tx, endpoint_id: str) -> Endpoint:
        """Return one endpoint, held until the transaction ends; raises `NotFound`."""
        row = (await tx.conn.execute(tx.held(select(webhook_endpoints).where(webhook_endpoints.c.id == endpoint_id)))).first()
        if row is None:
            raise NotFound("There is no such webhook endpoint. Check the id.")
        return self._endpoint(row)

    async def endpoints_of(self, tx: Tx, *sites: SiteId) -> list[Endpoint]:
        """Return the endpoints of `sites`, oldest first."""
        query = select(webhook_endpoints).where(webhook_endpoints.c.site_id.in_(sites)).order_by(webhook_endpoints.c.created_at)
        return [self._endpoint(row) for row in await tx.conn.execute(query)]

    async def delivery(self, tx: Tx, delivery_id: str) -> Delivery:
        """Return one delivery; raises `NotFound`."""
        row = (await tx.conn.execute(select(webhook_deliveries).where(webhook_deliveries.c.id == delivery_id))).first()
        if row is None:
            raise NotFound("There is no such delivery. Check the id.")
        return self._delivery(row)

    async def deliveries_of(
        self, tx: Tx, endpoint_ids: Collection[str], *, state: DeliveryState | None = None, limit: int = 100
    ) -> Sequence[Delivery]:
        """Return the delivery log of endpoints, newest first."""
        query = select(webhook_deliveries).where(webhook_deliveries.c.endpoint_id.in_(endpoint_ids))
        if state is not None:
            query = query.where(webhook_deliveries.c.state == state)
        found = await tx.conn.execute(query.order_by(webhook_deliveries.c.created_at.desc(), webhook_deliveries.c.id).limit(limit))
        return [self._delivery(row) for row in found]

    async def _add(self, tx: Tx, endpoint: Endpoint, event: WebhookEvent, delivery_id: str) -> int:
        known = select(webhook_deliveries.c.id).where(webhook_deliveries.c.id == delivery_id)
        if (await tx.conn.execute(known)).first() is not None:
            return 0
        await self._insert(
            tx,
            Delivery(
                id=delivery_id,
                endpoint_id=endpoint.id,
                event_id=event.id,
                type=event.type,
                subject=event.subject,
                sequence=await self._next_sequence(tx, endpoint.id, event.subject),
                body=body_of(event),
                state=DeliveryState.PENDING,
                attempts=0,
                created_at=self._clock.now(),
                send_at=self._clock.now(),
            ),
        )
        return 1

    async def _next_sequence(self, tx: Tx, endpoint_id: str, subject: str) -> int:
        # Holding the endpoint's row keeps two writers of one subject from taking the same number.
        await tx.conn.execute(select(webhook_endpoints.c.id).where(webhook_endpoints.c.id == endpoint_id).with_for_update())
        query = select(func.max(webhook_deliveries.c.sequence)).where(
            webhook_deliveries.c.endpoint_id == endpoint_id, webhook_deliveries.c.subject == subject
        )
        return ((await tx.conn.execute(query)).scalar() or 0) + 1

    async def _insert(self, tx: Tx, delivery: Delivery) -> None:
        values = {name: getattr(delivery, name) for name in Delivery.__struct_fields__ if name != "body"}
        await tx.conn.execute(insert(webhook_deliveries).values(body_sealed=self._key_ring.seal(PURPOSE, delivery.body), **values))

    def _changing(self, endpoint: Endpoint) -> dict[str, object]:
        return {
            "url": endpoint.url,
            "families": msgspec.json.encode(endpoint.families).decode(),
            "secrets_sealed": self._key_ring.seal(PURPOSE, msgspec.json.encode(endpoint.secrets).decode()),
            "state": endpoint.state.value,
            "reason": endpoint.reason,
            "failing_since": endpoint.failing_since,
            "old_secret_until": endpoint.old_secret_until,
        }

    def _endpoint(self, row: Row[Any]) -> Endpoint:
        return Endpoint(
            id=row.id,
            site_id=SiteId(row.site_id),
            url=row.url,
            families=tuple(Family(family) for family in msgspec.json.decode(row.families)),
            secrets=tuple(msgspec.json.decode(self._key_ring.unseal(PURPOSE, row.secrets_sealed))),
            state=EndpointState(row.state),
            reason=row.reason,
            failing_since=row.failing_since,
            old_secret_until=row.old_secret_until,
            created_at=row.created_at,
        )

    def _delivery(self, row: Row[Any]) -> Delivery:
        plain = {name: getattr(row, name) for name in Delivery.__struct_fields__ if name not in ("body", "state")}
        return Delivery(body=self._key_ring.unseal(PURPOSE, row.body_sealed), state=DeliveryState(row.state), **plain)
