"""Watches one visit over the hub's socket, and comes back when the line breaks. What frames mean is in `watching`."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import aiohttp
import msgspec

from core.ids import IdSource
from porchlight_client import watching
from porchlight_client.problems import StrangeAnswer
from porchlight_client.watching import Sight
from realtime.wire import SUBPROTOCOL

MAX_FRAME_BYTES = 1 << 20


async def watch_visit(session: aiohttp.ClientSession, url: str, link: str, ids: IdSource) -> AsyncIterator[Sight]:
    """Yield every change of the visit behind `link`, over as many connections as it takes; raises when the hub says not to come back."""
    failures = 0
    while True:
        line = _Line(session, url, link)
        try:
            async for sight in line.sights():
                failures = 0
                yield sight
        except (aiohttp.ClientError, TimeoutError, OSError):
            line.close_code = None
        if (ended := watching.end_of(line.close_code)) is not None:
            raise ended
        await asyncio.sleep(watching.wait_s(failures, ids.uniform(0, 1)))
        failures += 1


class _Line:
    """One connection."""

    def __init__(self, session: aiohttp.ClientSession, url: str, link: str) -> None:
        self._session = session
        self._url = f"{url}/v1/ws/visit"
        self._link = link
        self.close_code: int | None = None

    async def sights(self) -> AsyncIterator[Sight]:
        """Yield sights until the connection ends; then `close_code` says why."""
        async with self._session.ws_connect(self._url, protocols=(SUBPROTOCOL,), max_msg_size=MAX_FRAME_BYTES) as socket:
            await socket.send_str(watching.watch(self._link))
            beating = asyncio.create_task(_beat(socket))
            try:
                async for sight in self._heard(socket):
                    yield sight
            finally:
                beating.cancel()
                with contextlib.suppress(asyncio.CancelledError, ConnectionError, aiohttp.ClientError):
                    await beating
            self.close_code = socket.close_code

    async def _heard(self, socket: aiohttp.ClientWebSocketResponse) -> AsyncIterator[Sight]:
        sight: Sight | None = None
        while (message := await socket.receive(timeout=watching.SILENT_S)).type is aiohttp.WSMsgType.TEXT:
            try:
                known = watching.hear(sight, message.data, self._link)
            except msgspec.DecodeError as error:
                raise StrangeAnswer(f"A frame is not what a hub says: {error}.") from error
            sight = known.sight
            if known.say is not None:
                await socket.send_str(known.say)
            if known.is_new and sight is not None:
                yield sight


async def _beat(socket: aiohttp.ClientWebSocketResponse) -> None:
    while True:
        await asyncio.sleep(watching.BEAT_S)
        await socket.send_str(watching.beat())
