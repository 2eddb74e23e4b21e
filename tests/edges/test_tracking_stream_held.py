"""A Redis that is there and never answers holds no reader for longer than its wait and its patience."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from redis import asyncio as aioredis

from core import redis_keys
from tests.doubles.held_line import HeldLine, held_line
from tracking.redis_positions import reader_client
from tracking.redis_stream import RedisStream, StreamAway, blocking_client

pytestmark = pytest.mark.anyio
SITE = "site"
ENTRY = {"b": b"blob", "n": 1, "t": 1}


@pytest.fixture
async def line(redis, redis_url):
    async with held_line(redis_url.removeprefix("unix://").partition("?")[0]) as line:
        yield line


@asynccontextmanager
async def stream_over(line: HeldLine, answer_s: float) -> AsyncIterator[RedisStream]:
    url = f"redis://127.0.0.1:{line.port}"
    blocking, commands = blocking_client(url), reader_client(url)
    yield RedisStream(blocking, commands, answer_s=answer_s)
    await blocking.aclose()
    await commands.aclose()


@pytest.fixture
async def stream(line):
    async with stream_over(line, answer_s=0.3) as stream:
        yield stream


async def test_a_read_of_a_held_server_ends_and_the_next_one_hears_everything(redis: aioredis.Redis, line, stream):
    await redis.xadd(redis_keys.fix_stream(SITE, 0), ENTRY)
    assert len(await stream.read(SITE, 0, "0-0", 10, 10)) == 1
    line.hold()

    async with asyncio.timeout(10):
        with pytest.raises(StreamAway):
            await stream.read(SITE, 0, "0-0", 10, 10)
    line.release()
    await redis.xadd(redis_keys.fix_stream(SITE, 0), ENTRY)

    entries = await stream.read(SITE, 0, "0-0", 10, 10)
    assert [entry.blob for entry in entries] == [b"blob", b"blob"], "no answer of the held read was taken for this one's"


async def test_a_read_that_waits_longer_than_its_patience_is_not_cut(line):
    """With a patience that a busy machine's own pauses do not use up."""
    async with stream_over(line, answer_s=1.5) as stream:
        assert await stream.read(SITE, 0, "0-0", 10, 2000) == []
