"""A call on a held connection: answered, refused, closed from the other end, broken off; on a real Valkey."""

import asyncio

import pytest
from redis import asyncio as aioredis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

from tracking.redis_line import RedisLine
from tracking.redis_positions import writer_client

pytestmark = pytest.mark.anyio


@pytest.fixture
async def writer(valkey_url: str):
    client = writer_client(valkey_url)
    yield client
    await client.aclose()


async def _own_id(line: RedisLine) -> int:
    return int(await line.call("CLIENT ID"))


async def test_calls_one_after_the_other_share_a_connection_and_calls_at_once_do_not(writer: aioredis.Redis) -> None:
    line = RedisLine(writer)
    first = await _own_id(line)
    assert await _own_id(line) == first
    assert len(set(await asyncio.gather(*(_own_id(line) for _ in range(3))))) == 3


async def test_a_refusal_is_an_answer_and_costs_no_connection(writer: aioredis.Redis) -> None:
    line = RedisLine(writer)
    own = await _own_id(line)
    with pytest.raises(ResponseError):
        await line.call("HGET", "only a key")
    assert await _own_id(line) == own


async def test_a_connection_closed_while_nobody_used_it_is_not_used_again(writer: aioredis.Redis, redis: aioredis.Redis) -> None:
    line = RedisLine(writer)
    own = await _own_id(line)
    await redis.client_kill_filter(_id=str(own))
    await _until_closed(line)
    assert await _own_id(line) != own


async def test_a_connection_that_breaks_under_a_call_raises_and_the_next_call_has_another(
    writer: aioredis.Redis, redis: aioredis.Redis
) -> None:
    line = RedisLine(writer)
    own = await _own_id(line)
    waiting = asyncio.create_task(line.call("BLPOP", "nothing ever", 0))
    while not any(int(one["id"]) == own and one["cmd"] == "blpop" for one in await redis.client_list()):  # noqa: ASYNC110 - the server alone knows
        await asyncio.sleep(0)
    await redis.client_kill_filter(_id=str(own))
    with pytest.raises(RedisConnectionError):
        await waiting
    assert await _own_id(line) != own


async def test_after_a_call_was_broken_off_no_later_call_hears_its_answer(writer: aioredis.Redis) -> None:
    line = RedisLine(writer)
    own = await _own_id(line)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await line.call("BLPOP", "nothing ever", 0)
    assert await line.call("ECHO", "mine") == b"mine"
    assert await _own_id(line) != own


async def _until_closed(line: RedisLine) -> None:
    """Wait until this side has heard of the end of its free connection."""
    (connection,) = line._free
    while connection.is_connected and not await connection.can_read():  # noqa: ASYNC110 - the closing comes from outside
        await asyncio.sleep(0)
