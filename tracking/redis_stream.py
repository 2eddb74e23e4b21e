"""Where do acknowledged fixes wait to be recorded? In a Redis stream per site shard, read in order and trimmed behind the recorder.

Waiting reads hold their connection, so they have a client of their own without a socket timeout: redis-py's default of five seconds would
cut a longer wait and repeat it for ever. Each read has a deadline around it instead: its own wait and five seconds.
"""

import asyncio
from typing import Any

from redis import asyncio as aioredis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from core import redis_keys
from core.errors import Unavailable
from core.ids import SiteId
from tracking.ledger import BEGINNING, Entry, StreamState, order_of

ANSWER_S = 5.0
_AWAY = (RedisConnectionError, RedisTimeoutError, TimeoutError, OSError)


class StreamAway(Unavailable):
    """Redis does not answer, so the recorder waits. Nothing is lost; it goes on by itself."""

    code = "stream_away"


def blocking_client(url: str) -> aioredis.Redis:
    """Return the client for waiting reads: no socket timeout, no retries. Give it to `RedisStream` only."""
    return aioredis.Redis.from_url(url, socket_timeout=None, socket_connect_timeout=2, retry=Retry(NoBackoff(), 0))


class RedisStream:
    """Meets `tracking.ports.FixStream`. `blocking` as made above; `commands` may be shared; `answer_s`: beyond what a read waits."""

    def __init__(self, blocking: aioredis.Redis, commands: aioredis.Redis, *, answer_s: float = ANSWER_S) -> None:
        self._answer_s = answer_s
        # redis-py's stubs promise text and bytes alike; these clients decode nothing, so it is bytes.
        self._blocking: Any = blocking
        self._commands: Any = commands

    async def hold_lease(self, site_id: SiteId, shard: int, holder: str, for_ms: int) -> bool:
        """See `FixStream.hold_lease`. Not watertight on purpose: the version of the offset in SQL is."""
        key = redis_keys.recorder_lease(site_id, shard)
        try:
            if await self._commands.set(key, holder, nx=True, px=for_ms):
                return True
            if await self._commands.get(key) != holder.encode():
                return False
            return bool(await self._commands.pexpire(key, for_ms))
        except _AWAY as away:
            raise StreamAway from away

    async def release_lease(self, site_id: SiteId, shard: int, holder: str) -> None:
        """See `FixStream.release_lease`."""
        key = redis_keys.recorder_lease(site_id, shard)
        try:
            if await self._commands.get(key) == holder.encode():
                await self._commands.delete(key)
        except _AWAY as away:
            raise StreamAway from away

    async def state(self, site_id: SiteId, shard: int) -> StreamState:
        """See `FixStream.state`."""
        try:
            epoch, total = await self._commands.hmget(redis_keys.stream_state(site_id, shard), "epoch", "total")
            info = await self._commands.xinfo_stream(redis_keys.fix_stream(site_id, shard))
        except ResponseError:
            return StreamState() if epoch is None else StreamState(epoch.decode(), int(total or 0), BEGINNING)
        except _AWAY as away:
            raise StreamAway from away
        return StreamState((epoch or b"").decode(), int(total or 0), info["last-generated-id"].decode())

    async def read(self, site_id: SiteId, shard: int, after_id: str, count: int, wait_ms: int) -> list[Entry]:
        """See `FixStream.read`."""
        key = redis_keys.fix_stream(site_id, shard)
        try:
            # A server that is there and never answers, or a line that died half-way, would hold the recorder for ever.
            async with asyncio.timeout(wait_ms / 1000 + self._answer_s):
                answer = await self._blocking.xread({key: after_id}, count=count, block=wait_ms)
        except _AWAY as away:
            raise StreamAway from away
        streams = answer.items() if isinstance(answer, dict) else answer
        return [_entry(entry_id, fields) for _, entries in streams for entry_id, fields in entries]

    async def trim(self, site_id: SiteId, shard: int, through_id: str) -> None:
        """See `FixStream.trim`."""
        milliseconds, number = order_of(through_id)
        try:
            await self._commands.xtrim(redis_keys.fix_stream(site_id, shard), minid=f"{milliseconds}-{number + 1}", approximate=False)
        except _AWAY as away:
            raise StreamAway from away


def _entry(entry_id: bytes, fields: dict[bytes, bytes]) -> Entry:
    return Entry(entry_id.decode(), fields[b"b"], int(fields[b"n"]), int(fields[b"t"]))
