"""When was each phone last heard? Presence in Redis: one sorted set a site, technician -> ms. A copy that rebuilds itself within seconds.

Deadline 2 s a call, one retry by the client; whatever fails is written again by the next round, since signs of life go on.
"""

from collections.abc import Mapping

from redis import asyncio as aioredis
from redis.exceptions import RedisError

from core import redis_keys
from core.clock import Clock
from core.errors import Unavailable
from core.ids import SiteId, TechnicianId

KEPT_MS = 24 * 3_600_000
"""Whoever was not heard for a day is not missed any more."""


class RedisPresence:
    """Meets `realtime.ports.HeardPhones`. `client`: one with a short socket timeout."""

    def __init__(self, client: aioredis.Redis, clock: Clock) -> None:
        self._client = client
        self._clock = clock

    async def note(self, site_id: SiteId, heard: Mapping[TechnicianId, int]) -> None:
        """See `HeardPhones.note`."""
        key = redis_keys.presence(site_id)
        try:
            async with self._client.pipeline(transaction=False) as pipe:
                if heard:
                    pipe.zadd(key, {str(who): at_ms for who, at_ms in heard.items()}, gt=True)
                pipe.zremrangebyscore(key, "-inf", self._clock.now_ms() - KEPT_MS)
                await pipe.execute()
        except (RedisError, OSError, TimeoutError) as away:
            raise Unavailable("Redis does not keep who was heard. It is told again by itself.") from away

    async def heard(self, site_id: SiteId) -> Mapping[TechnicianId, int]:
        """See `HeardPhones.heard`."""
        oldest_ms = self._clock.now_ms() - KEPT_MS
        try:
            found = await self._client.zrangebyscore(redis_keys.presence(site_id), oldest_ms, "+inf", withscores=True)
        except (RedisError, OSError, TimeoutError) as away:
            raise Unavailable("Redis does not say who was heard. Ask again in a moment.") from away
        pairs: list[tuple[bytes, float]] = found  # type: ignore[assignment]
        return {TechnicianId(who.decode()): int(score) for who, score in pairs}
