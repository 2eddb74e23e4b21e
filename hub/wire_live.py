"""How do positions and pokes travel between workers? Redis clients, live positions and fan-out, joined."""

import asyncio
from dataclasses import dataclass

from hub.counts import PrometheusCounts
from hub.floor import Floor
from realtime.fanout import Fanout
from realtime.redis_acks import RedisAcks
from realtime.redis_fanout import RedisFanout
from realtime.redis_presence import RedisPresence
from tracking.redis_positions import RedisPositions, reader_client, writer_client
from tracking.redis_stream import RedisStream, blocking_client


@dataclass(kw_only=True)
class Live:
    """The live side of one worker."""

    positions: RedisPositions
    stream: RedisStream
    phones: RedisPresence
    acks: RedisAcks
    fanout: Fanout
    pokes: RedisFanout
    counts: PrometheusCounts


def wire_live(floor: Floor) -> Live:
    """Open the Redis clients and what stands on them."""
    store = floor.settings.store
    writer, reader, blocking = writer_client(store.redis_url), reader_client(store.redis_url), blocking_client(store.redis_url)
    for client in (writer, reader, blocking):
        floor.stack.push_async_callback(client.aclose)
    fanout = Fanout()
    live = Live(
        positions=RedisPositions(writer, reader, floor.clock, floor.ids, floor.worker_id, shards=store.shards),
        stream=RedisStream(blocking, reader),
        phones=RedisPresence(reader, floor.clock),
        acks=RedisAcks(reader),
        fanout=fanout,
        pokes=RedisFanout(store.redis_url, fanout, floor.clock, floor.worker_id, shards=store.shards),
        counts=PrometheusCounts(floor.metrics.registry),
    )
    floor.stack.callback(live.counts.flush)
    floor.metrics.flushed_by(live.counts.flush)
    floor.supervisor.endless("redis_fanout", live.pokes.run, rank=70)

    async def redis_answers() -> str | None:
        async with asyncio.timeout(1.5):
            await reader.ping()
        return None if live.pokes.is_connected else "Live fixes of other workers are not heard. It comes back by itself once Redis answers."

    floor.health.check("redis", redis_answers)
    return live
