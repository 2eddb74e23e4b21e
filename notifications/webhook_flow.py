"""How do events reach other programs? Endpoints kept, deliveries claimed, signed, sent, tried again, logged, replayed.

Events come from `publish` in the transaction of what happened; the sending is done here, by every worker, each delivery by one.
"""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol
from urllib.parse import urlsplit

import msgspec
import structlog

from core.clock import Clock
from core.errors import Conflict
from core.ids import IdSource, SiteId, TokenKind
from core.unit_of_work import Tx, UnitOfWork
from notifications.outbox_flow import woken_or_after
from notifications.ports import Alarms
from notifications.webhook import (
    MOST_SECRETS,
    OLD_SECRET_FOR,
    Answer,
    Delivery,
    DeliveryState,
    Endpoint,
    EndpointState,
    Family,
    WebhookEvent,
    check_endpoint,
    judge,
    secret_of,
    signing_secrets,
)

log = structlog.get_logger(__name__)

BATCH = 20
MAX_NAP_S = 5.0
MOST_AT_ONCE = 60
"""Requests under way in one worker."""
MOST_AN_ENDPOINT = 5
"""Of these to one endpoint, before others go first: a receiver that hangs must not hold up the rest, incidents least of all."""


class WebhookStore(Protocol):
    """Endpoints and deliveries. Met by `sql_webhooks.SqlWebhooks`; each method works in the transaction it is given."""

    async def publish(self, tx: Tx, event: WebhookEvent) -> int:
        """Write deliveries of an event; return how many."""
        ...

    async def replay(self, tx: Tx, delivery: Delivery) -> Delivery:
        """Write a delivery again."""
        ...

    async def claim(self, tx: Tx, now: datetime, limit: int, busy: Collection[str] = ()) -> list[Delivery]:
        """Lease due deliveries, in the order of their subjects, none of the endpoints `busy`."""
        ...

    async def settle(
        self, tx: Tx, delivery: Delivery, state: DeliveryState, send_at: datetime | None, status: int | None, error: str, now: datetime
    ) -> None:
        """Write what became of a try."""
        ...

    async def fail_open_of(self, tx: Tx, endpoint_id: str, now: datetime) -> None:
        """Let everything open of an endpoint fail."""
        ...

    async def next_due_at(self, tx: Tx, busy: Collection[str] = ()) -> datetime | None:
        """Return when a delivery that `claim` would give is next due."""
        ...

    async def add_endpoint(self, tx: Tx, endpoint: Endpoint) -> None:
        """Write a new endpoint."""
        ...

    async def save_endpoint(self, tx: Tx, endpoint: Endpoint) -> None:
        """Write an existing endpoint."""
        ...

    async def endpoint(self, tx: Tx, endpoint_id: str) -> Endpoint:
        """Return one endpoint; raises `NotFound`."""
        ...

    async def endpoints_of(self, tx: Tx, *sites: SiteId) -> list[Endpoint]:
        """Return the endpoints of sites."""
        ...

    async def delivery(self, tx: Tx, delivery_id: str) -> Delivery:
        """Return one delivery; raises `NotFound`."""
        ...

    async def deliveries_of(
        self, tx: Tx, endpoint_ids: Collection[str], *, state: DeliveryState | None = None, limit: int = 100
    ) -> Sequence[Delivery]:
        """Return the delivery log."""
        ...


class Sender(Protocol):
    """Sends one delivery. Met by `aiohttp_webhooks.WebhookSender`."""

    async def send(self, endpoint: Endpoint, delivery: Delivery, now: datetime) -> Answer:
        """Send once; never raises."""
        ...


class WebhookFlow:
    """Keeps endpoints and sends deliveries."""

    def __init__(
        self,
        *,
        work: UnitOfWork,
        webhooks: WebhookStore,
        sender: Sender,
        alarms: Alarms,
        clock: Clock,
        ids: IdSource,
        allows_private: bool = False,
    ) -> None:
        self._work = work
        self._webhooks = webhooks
        self._sender = sender
        self._alarms = alarms
        self._clock = clock
        self._ids = ids
        self._allows_private = allows_private
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """Look now: an event was published."""
        self._wake.set()

    async def add(self, site_id: SiteId, url: str, families: Sequence[Family]) -> Endpoint:
        """Keep a new endpoint and return it with its secret, which is shown this once. Raises `BadInput` in words."""
        check_endpoint(url, families, allows_private=self._allows_private)
        endpoint = Endpoint(
            id=self._ids.new_id(),
            site_id=site_id,
            url=url,
            families=tuple(families),
            secrets=(self._new_secret(),),
            created_at=self._clock.now(),
        )
        async with self._work.begin() as tx:
            await self._webhooks.add_endpoint(tx, endpoint)
        return endpoint

    async def rotate(self, endpoint_id: str) -> Endpoint:
        """Give an endpoint a new secret; those that sign now do so beside it for a day, so that a lost answer can be asked for again."""
        async with self._work.begin() as tx:
            endpoint = await self._webhooks.endpoint(tx, endpoint_id)
            now = self._clock.now()
            secrets = (self._new_secret(), *signing_secrets(endpoint, now))[:MOST_SECRETS]
            rotated = msgspec.structs.replace(endpoint, secrets=secrets, old_secret_until=now + OLD_SECRET_FOR)
            await self._webhooks.save_endpoint(tx, rotated)
        return rotated

    async def switch(self, endpoint_id: str, state: EndpointState, reason: str | None = None) -> Endpoint:
        """Enable or disable an endpoint; what is open of a disabled one fails and can be replayed."""
        async with self._work.begin() as tx:
            endpoint = await self._webhooks.endpoint(tx, endpoint_id)
            switched = msgspec.structs.replace(endpoint, state=state, reason=reason, failing_since=None)
            await self._webhooks.save_endpoint(tx, switched)
            if state is EndpointState.DISABLED:
                await self._webhooks.fail_open_of(tx, endpoint_id, self._clock.now())
        return switched

    async def endpoints(self, sites: Collection[SiteId]) -> list[Endpoint]:
        """Return the endpoints of `sites`."""
        async with self._work.read() as tx:
            return await self._webhooks.endpoints_of(tx, *sites)

    async def endpoint(self, endpoint_id: str) -> Endpoint:
        """Return one endpoint; raises `NotFound`."""
        async with self._work.read() as tx:
            return await self._webhooks.endpoint(tx, endpoint_id)

    async def log_of(self, endpoint_id: str, state: DeliveryState | None = None, limit: int = 100) -> Sequence[Delivery]:
        """Return the deliveries of an endpoint, newest first; raises `NotFound`."""
        async with self._work.read() as tx:
            await self._webhooks.endpoint(tx, endpoint_id)
            return await self._webhooks.deliveries_of(tx, [endpoint_id], state=state, limit=limit)

    async def replay(self, endpoint_id: str, delivery_id: str) -> Delivery:
        """Send a delivery once more; raises `NotFound`, and `Conflict` for one that is still on its way or whose endpoint is disabled."""
        async with self._work.begin() as tx:
            endpoint = await self._webhooks.endpoint(tx, endpoint_id)
            delivery = await self._webhooks.delivery(tx, delivery_id)
            if delivery.endpoint_id != endpoint_id:
                raise Conflict("This delivery belongs to another endpoint.")
            if delivery.state in (DeliveryState.PENDING, DeliveryState.SENDING):
                tried = f"It is tried next at {delivery.send_at:%H:%M:%S} UTC" if delivery.send_at else "It is being sent now"
                raise Conflict(f"This delivery is still on its way. {tried}; replay it when it has failed or was delivered.")
            if endpoint.state is EndpointState.DISABLED:
                raise Conflict(f'This endpoint is disabled. Enable it first: PATCH /v1/webhooks/{endpoint_id} {{"state": "active"}}.')
            return await self._webhooks.replay(tx, delivery)

    async def run_once(self) -> int:
        """Send what is due, up to one batch; return how many deliveries that were."""
        async with self._work.begin() as tx:
            claimed = await self._webhooks.claim(tx, self._clock.now(), BATCH)
        await asyncio.gather(*(self._deliver(delivery) for delivery in claimed))
        return len(claimed)

    async def run(self) -> None:
        """Send deliveries until cancelled, each as soon as it is due: nobody waits for a receiver that hangs but those behind it."""
        under_way: dict[asyncio.Task[None], str] = {}
        try:
            while True:
                self._wake.clear()
                for task in [task for task in under_way if task.done()]:
                    del under_way[task]
                    task.result()
                busy = [endpoint_id for endpoint_id, count in Counter(under_way.values()).items() if count >= MOST_AN_ENDPOINT]
                room = min(MOST_AN_ENDPOINT, MOST_AT_ONCE - len(under_way))
                if not await self._start(under_way, room, busy):
                    await self._nap(room, busy)
        finally:
            for task in under_way:
                task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)

    async def _start(self, under_way: dict["asyncio.Task[None]", str], room: int, busy: Collection[str]) -> int:
        if room <= 0:
            return 0
        async with self._work.begin() as tx:
            claimed = await self._webhooks.claim(tx, self._clock.now(), room, busy)
        for delivery in claimed:
            task = asyncio.create_task(self._deliver(delivery))
            under_way[task] = delivery.endpoint_id
            task.add_done_callback(lambda _task: self._wake.set())
        return len(claimed)

    async def _deliver(self, delivery: Delivery) -> None:
        async with self._work.read() as tx:
            endpoint = await self._webhooks.endpoint(tx, delivery.endpoint_id)
        answer = await self._sender.send(endpoint, delivery, self._clock.now())
        now = self._clock.now()
        async with self._work.begin() as tx:
            endpoint = await self._webhooks.endpoint(tx, delivery.endpoint_id)
            verdict = judge(delivery, answer, endpoint.failing_since, now)
            await self._webhooks.settle(tx, delivery, verdict.state, verdict.send_at, answer.status, answer.error, now)
            await self._book(tx, endpoint, answer, verdict.disables, now)
        log.info("webhook_sent", delivery=delivery.id, type=delivery.type, status=answer.status, error=answer.error, state=verdict.state)

    async def _book(self, tx: Tx, endpoint: Endpoint, answer: Answer, disables: str | None, now: datetime) -> None:
        failing_since = None if answer.is_taken else endpoint.failing_since or now
        if disables is None and failing_since == endpoint.failing_since:
            return
        state = EndpointState.DISABLED if disables else endpoint.state
        await self._webhooks.save_endpoint(
            tx, msgspec.structs.replace(endpoint, failing_since=failing_since, state=state, reason=disables or endpoint.reason)
        )
        if disables is not None:
            await self._webhooks.fail_open_of(tx, endpoint.id, now)
            host = urlsplit(endpoint.url).hostname or endpoint.id
            detail = f"The webhook endpoint at {host} was disabled: {disables} Mend the receiver, then enable it again."
            await self._alarms.raise_operator_alarm(tx, endpoint.site_id, "webhook_disabled", detail, about=endpoint.id, who=host)

    async def _nap(self, room: int, busy: Collection[str]) -> None:
        async with self._work.read() as tx:
            due_at = await self._webhooks.next_due_at(tx, busy)
        wait_s = MAX_NAP_S if due_at is None or room <= 0 else (due_at - self._clock.now()).total_seconds()
        await woken_or_after(self._wake, self._clock, min(MAX_NAP_S, max(0.05, wait_s)))

    def _new_secret(self) -> str:
        token = self._ids.new_token(TokenKind.HOOK)
        return secret_of(hashlib.sha256(token.encode()).digest())
