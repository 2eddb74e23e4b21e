"""How does a call get to Redis with as little as possible between? On connections of redis-py's own that are held on to.

For each command redis-py takes a connection out of its pool, looks whether it is well, guards it against retries that a writer does not
want, and keeps books of its own. Here a connection is asked for once and kept. One whose other end has closed it goes back to the pool
before the next call, one that breaks under a call does too, and the call raises.
"""

from typing import Any

from redis import asyncio as aioredis
from redis.exceptions import ResponseError


class RedisLine:
    """Commands on connections of `client`, as many as there are calls at the same time."""

    def __init__(self, client: aioredis.Redis) -> None:
        # redis-py leaves its pool, and what a connection takes and answers, untyped.
        self._pool: Any = client.connection_pool
        self._free: list[Any] = []

    async def call(self, *words: Any) -> Any:
        """Return the answer to one command. Raises what redis-py raises; nothing is repeated."""
        connection = await self._taken()
        try:
            await connection.send_packed_command(connection.pack_command(*words), check_health=False)
            answer = await connection.read_response()
        except ResponseError:
            self._free.append(connection)
            raise
        except BaseException:
            await self._pool.release(connection)
            raise
        self._free.append(connection)
        return answer

    async def _taken(self) -> Any:
        while self._free:
            connection = self._free.pop()
            # Something to read before anything was asked: its other end closed it.
            if connection.is_connected and not await connection.can_read():
                return connection
            await self._pool.release(connection)
        return await self._pool.get_connection()
