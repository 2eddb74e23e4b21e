"""How do live fixes and pokes reach the other workers? Redis pub/sub, with one subscriber connection a worker, however many sockets it has.

Hears the live channels of those shards that somebody here watches, and the pokes of all sites. A blob of this worker's own is skipped: its
watchers were fed at once. Nothing here is needed for truth: whatever is lost in a reconnect is a `gap`, and everybody then reads again.

The subscriber has no socket timeout (it waits for messages that may not come) and no retries (a silent reconnect would hide the gap); a
ping every 10 s finds a dead line. Pokes are published by a client of their own, best effort, each within 2 s.
"""

import asyncio
import contextlib
from typing import Any

import msgspec
import structlog
from redis import asyncio as aioredis
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from core import redis_keys
from core.clock import Clock
from core.ids import SiteId
from core.side_by_side import side_by_side
from realtime.fanout import Fanout
from realtime.ports import Poke
from tracking import packing
from tracking.fix import Lane

log = structlog.get_logger(__name__)

PING_S = 10.0
SETTLE_S = 1.0
"""How long a new watcher waits for a subscription: without Redis she sees words, and this worker's own fixes."""
BACKOFF_S = (0.1, 0.5, 1.0, 2.0)
SPEAK_OUT_S = 2.0
MAX_UNSENT_POKES = 1_000
"""Beyond, pokes are dropped: whoever depends on one also sweeps."""


class _SentPoke(msgspec.Struct, frozen=True, array_like=True):
    worker_id: str
    poke: Poke


_poke_encoder = msgspec.msgpack.Encoder()
_poke_decoder = msgspec.msgpack.Decoder(_SentPoke)


class RedisFanout:
    """Joins `fanout` to the other workers. `worker_id`: that of the batches this worker writes; `shards`: as tracking has them. Meets
    `Pokes`."""

    def __init__(self, url: str, fanout: Fanout, clock: Clock, worker_id: str, *, shards: int = 1) -> None:
        self._url = url
        self._fanout = fanout
        self._clock = clock
        self._worker_id = worker_id
        self._own_mark = packing.mark_of(worker_id)
        self._shards = shards
        self._confirmed: set[str] = set()
        self._site_by_channel: dict[str, SiteId] = {}
        self._is_wanted_known = False
        self._interest = asyncio.Event()
        self._settled = asyncio.Condition()
        self._unsent: asyncio.Queue[tuple[SiteId, Poke]] = asyncio.Queue(MAX_UNSENT_POKES)
        self._pongs = 0
        self._was_connected = False
        self.is_connected = False
        """Whether the subscriber hears anything: a fault for health while False."""
        fanout.connect(self._on_interest, self.settled)

    def poke(self, site_id: SiteId, topic: str, about: str) -> None:
        """See `Pokes.poke`."""
        poke = Poke(str(topic), about)
        self._fanout.poke_here(site_id, poke)
        with contextlib.suppress(asyncio.QueueFull):
            self._unsent.put_nowait((site_id, poke))

    async def settled(self) -> None:
        """Wait until everything watched is subscribed to, at most `SETTLE_S`, not at all while Redis is away."""
        if not self.is_connected:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SETTLE_S), self._settled:
                await self._settled.wait_for(lambda: not self.is_connected or self._wanted() <= self._confirmed)

    async def run(self) -> None:
        """Hear and publish until cancelled, connecting again whenever the line is lost."""
        failures = 0
        while True:
            try:
                await self._connected()
            except (RedisError, OSError, TimeoutError, ExceptionGroup) as error:
                log.warning("fanout_away", error=type(error).__name__)
            failures = 0 if self.is_connected else failures + 1
            await self._lost()
            await self._clock.sleep(BACKOFF_S[min(failures, len(BACKOFF_S) - 1)])

    async def _connected(self) -> None:
        async with contextlib.AsyncExitStack() as stack:
            hearing = await _opened(stack, self._url, socket_timeout=None)
            speaking = await _opened(stack, self._url, socket_timeout=2)
            pubsub = hearing.pubsub()
            stack.push_async_callback(pubsub.aclose)
            await pubsub.psubscribe(redis_keys.every_site_channel())
            await side_by_side(self._hear(pubsub), self._keep_subscribed(pubsub), self._ping(pubsub), self._speak(speaking))

    async def _lost(self) -> None:
        self.is_connected = False
        self._confirmed.clear()
        async with self._settled:
            self._settled.notify_all()

    # Hearing.

    async def _hear(self, pubsub: PubSub) -> None:
        while True:
            said = await pubsub.parse_response(block=True)
            if self._is_own_blob(said):
                continue
            message = await pubsub.handle_message(said)  # type: ignore[no-untyped-call]
            if message is not None:
                await self._on_message(message)

    def _is_own_blob(self, said: Any) -> bool:
        """Tell whether this worker wrote it, before redis-py makes a message of it: with one worker it is all that is ever heard."""
        return isinstance(said, list) and said[0] == b"message" and said[2].startswith(self._own_mark)

    async def _on_message(self, message: dict[str, Any]) -> None:
        kind = message["type"]
        if kind == "message":
            self._on_blob(_text(message["channel"]), message["data"])
        elif kind == "pmessage":
            self._on_poke(_text(message["channel"]), message["data"])
        elif kind == "psubscribe":
            self._on_connected()
        elif kind == "subscribe":
            await self._on_subscribed(_text(message["channel"]))
        elif kind == "pong":
            self._pongs += 1

    def _on_connected(self) -> None:
        """The pokes' subscription is confirmed. Not for the first time: the line was lost in between, so something may have been missed."""
        is_gap, self._was_connected = self._was_connected, True
        self.is_connected = True
        self._interest.set()
        if is_gap:
            self._fanout.gap()

    async def _on_subscribed(self, channel: str) -> None:
        if channel in self._confirmed:
            self._fanout.gap()
        self._confirmed.add(channel)
        async with self._settled:
            self._settled.notify_all()

    def _on_blob(self, channel: str, blob: bytes) -> None:
        site_id = self._site_by_channel.get(channel)
        if site_id is None:
            return
        try:
            batch = packing.unpack(blob)
        except msgspec.MsgspecError:
            log.error("live_blob_unreadable")
            return
        self._fanout.feed_from(site_id, [one.fix for one in batch.judged() if one.lane is Lane.LIVE])

    def _on_poke(self, channel: str, data: bytes) -> None:
        try:
            sent = _poke_decoder.decode(data)
        except msgspec.MsgspecError:
            log.error("poke_unreadable")
            return
        if sent.worker_id != self._worker_id:
            self._fanout.poke_here(redis_keys.site_of_channel(channel), sent.poke)

    # Subscribing.

    def _on_interest(self) -> None:
        self._is_wanted_known = False
        self._interest.set()

    def _wanted(self) -> set[str]:
        """Return the channels of everything watched here: all shards of watched sites, one of each watched technician.

        Computed once a change: in a storm of joining watchers each of them asks.
        """
        if self._is_wanted_known:
            return set(self._site_by_channel)
        wanted = {(site, shard) for site in self._fanout.watched_sites() for shard in range(self._shards)}
        wanted |= {(site, redis_keys.shard_of(who, self._shards)) for site, who in self._fanout.watched_technicians()}
        self._site_by_channel = {redis_keys.live_channel(site, shard): site for site, shard in wanted}
        self._is_wanted_known = True
        return set(self._site_by_channel)

    async def _keep_subscribed(self, pubsub: PubSub) -> None:
        asked: set[str] = set()
        while True:
            await self._interest.wait()
            self._interest.clear()
            wanted = self._wanted()
            if new := wanted - asked:
                await pubsub.subscribe(*new)
            if old := asked - wanted:
                self._confirmed -= old
                await pubsub.unsubscribe(*old)
            asked = wanted

    async def _ping(self, pubsub: PubSub) -> None:
        while True:
            before = self._pongs
            await pubsub.ping()
            await self._clock.sleep(PING_S)
            if self._pongs == before:
                raise TimeoutError("Redis has not answered a ping on the subscriber's line.")

    # Speaking.

    async def speak_out(self) -> None:
        """Publish what waits and return, at most `SPEAK_OUT_S`: for a command that ends, and never runs. Without Redis nothing is said."""
        async with contextlib.AsyncExitStack() as stack:
            with contextlib.suppress(RedisError, OSError, TimeoutError):
                async with asyncio.timeout(SPEAK_OUT_S):
                    client = await _opened(stack, self._url, socket_timeout=SPEAK_OUT_S)
                    while not self._unsent.empty():
                        await self._publish(client, *self._unsent.get_nowait())

    async def _speak(self, client: aioredis.Redis) -> None:
        while True:
            await self._publish(client, *await self._unsent.get())

    async def _publish(self, client: aioredis.Redis, site_id: SiteId, poke: Poke) -> None:
        await client.publish(redis_keys.site_channel(site_id), _poke_encoder.encode(_SentPoke(self._worker_id, poke)))


async def _opened(stack: contextlib.AsyncExitStack, url: str, *, socket_timeout: float | None) -> aioredis.Redis:
    client: aioredis.Redis = aioredis.Redis.from_url(
        url, socket_timeout=socket_timeout, socket_connect_timeout=2, retry=Retry(NoBackoff(), 0)
    )
    stack.push_async_callback(client.aclose)
    return client


def _text(channel: bytes | str) -> str:
    return channel.decode() if isinstance(channel, bytes) else channel
