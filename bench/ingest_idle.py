"""What does a connection cost that says nothing? Memory of idle customers, and the price of letting connections in.

Opened as a storm, as after a deploy. `accepts`: TCP and WebSocket handshake with routing, until the 101 is read. `watches`: the same and
then `watch` with a link, its check, the visit from SQL and the snapshot, which is when a customer sees something.
"""

import asyncio
import time
from collections.abc import Awaitable, Sequence

import msgspec

from bench.ingest_load import Pair, Socket
from bench.ingest_servers import Server
from bench.process_account import cpu_s, rss_kb

FIRST = 500
"""Opened before anything is counted: statements are compiled, pools filled, every visit is watched once."""
ACCEPTS = 1_000
WATCHES = 1_500
AT_ONCE = 100
SETTLE_S = 1.0


class Idle(msgspec.Struct, frozen=True, kw_only=True):
    """The figures: KB of 1024 bytes; connections per CPU second of the worker."""

    kb_per_connection: float
    accepts_per_cpu_s: float
    watches_per_cpu_s: float


def measure_idle(server: Server, pairs: Sequence[Pair]) -> Idle:
    """Measure a hub with one worker that nobody has used before: memory freed earlier would hide what a connection takes."""
    return asyncio.run(_measure(server, pairs))


async def _measure(server: Server, pairs: Sequence[Pair]) -> Idle:
    (pid,) = server.pids
    first = await _storm(server, pairs, FIRST)
    await asyncio.sleep(SETTLE_S)
    before_kb = rss_kb(pid)
    watches, watches_s = await _timed(pid, _storm(server, pairs, WATCHES))
    await asyncio.sleep(SETTLE_S)
    grown_kb = rss_kb(pid) - before_kb
    await _closed(first + watches)
    accepts, accepts_s = await _timed(pid, _storm(server, (), ACCEPTS))
    await _closed(accepts)
    return Idle(
        kb_per_connection=round(grown_kb / WATCHES, 1),
        accepts_per_cpu_s=round(ACCEPTS / accepts_s) if accepts_s else 0.0,
        watches_per_cpu_s=round(WATCHES / watches_s) if watches_s else 0.0,
    )


async def _timed(pid: int, storm: Awaitable[list[Socket]]) -> tuple[list[Socket], float]:
    before_s = cpu_s([pid])
    sockets = await storm
    return sockets, cpu_s([pid]) - before_s


async def _storm(server: Server, pairs: Sequence[Pair], count: int) -> list[Socket]:
    """Open `count` customers' sockets; with `pairs` each watches one of their links, in turn."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> Socket:
        ready = asyncio.Event()

        def opened() -> None:
            if pairs:
                socket.say(b'{"type":"watch","link":"%s"}' % pairs[number % len(pairs)].link_token.encode())
            else:
                ready.set()

        socket = Socket("/v1/ws/visit", opened, lambda _: ready.set())
        async with gate:
            await socket.connect(server.port)
            await asyncio.wait_for(ready.wait(), 60)
        return socket

    return await asyncio.gather(*(one(number) for number in range(count)))


async def _closed(sockets: Sequence[Socket]) -> None:
    for socket in sockets:
        socket.close()
    end_s = time.monotonic() + 5
    while any(not socket.is_closed for socket in sockets) and time.monotonic() < end_s:  # noqa: ASYNC110 - their end has no event
        await asyncio.sleep(0.01)
    await asyncio.sleep(SETTLE_S)
