"""How far was each device acknowledged? One hash a site, device -> `EPOCH/SEQ`, as a lower bound a few seconds old. Deadline 2 s a call."""

from collections.abc import Mapping
from typing import Any

from redis import asyncio as aioredis
from redis.exceptions import RedisError

from core import redis_keys
from core.errors import Unavailable
from core.ids import DeviceId, SiteId
from realtime.ack_mark import AckMark


class RedisAcks:
    """Meets `realtime.ports.AckMarks`. `client`: one with a short socket timeout that decodes nothing."""

    def __init__(self, client: aioredis.Redis) -> None:
        self._client = client

    async def note(self, site_id: SiteId, marks: Mapping[DeviceId, AckMark]) -> None:
        """See `AckMarks.note`."""
        fields: dict[Any, Any] = {str(device): mark.text for device, mark in marks.items()}
        try:
            await self._client.hset(redis_keys.ack_marks(site_id), mapping=fields)
        except (RedisError, OSError, TimeoutError) as away:
            raise Unavailable("Redis does not keep how far devices were acknowledged. It is told again by itself.") from away

    async def of(self, site_id: SiteId, device_id: DeviceId) -> AckMark | None:
        """See `AckMarks.of`."""
        try:
            found: Any = await self._client.hget(redis_keys.ack_marks(site_id), device_id)
        except (RedisError, OSError, TimeoutError) as away:
            raise Unavailable("Redis does not say how far this device was acknowledged.") from away
        return None if found is None else AckMark.of_text(found.decode())
