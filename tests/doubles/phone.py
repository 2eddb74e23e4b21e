"""A scripted phone, page or console: says and hears frames of `porchlight.v1` over a real socket, with a deadline on every wait."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Self

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from realtime.wire import SUBPROTOCOL

PATIENCE_S = 5.0


class Phone:
    """One connection. `heard` keeps every frame in order."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.heard: list[dict[str, Any]] = []

    @classmethod
    @asynccontextmanager
    async def calls(cls, url: str, *, token: str | None = None, origin: str | None = None, **options: Any) -> AsyncIterator[Self]:
        """Connect to `url`; `token` goes into the Authorization header."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with connect(
            url,
            additional_headers=headers,
            origin=origin,
            subprotocols=[SUBPROTOCOL],
            compression=None,
            max_size=None,
            close_timeout=1,
            **options,
        ) as socket:
            yield cls(socket)

    async def say(self, kind: str, **fields: Any) -> None:
        """Send one frame."""
        await self.say_text(json.dumps({"type": kind, **fields}))

    async def say_text(self, text: str | bytes) -> None:
        """Send whatever this is."""
        await self.socket.send(text)

    async def hello(self, **fields: Any) -> dict[str, Any]:
        """Say hello and return the welcome."""
        await self.say("hello", **{"device_epoch": 7, "sent_at_ms": now_ms(), "app": "test", **fields})
        return await self.hear("welcome")

    async def send_fix(self, seq: int, **fields: Any) -> None:
        """Send one fix."""
        await self.say("fix", **{"seq": seq, "at_ms": now_ms(), "lat": 48.05, "lon": 11.05, **fields})

    async def hear(self, kind: str | None = None) -> dict[str, Any]:
        """Return the next frame (of this type, passing over others)."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                frame = json.loads(await self.socket.recv())
                self.heard.append(frame)
                if kind is None or frame["type"] == kind:
                    return frame

    async def acked(self, *seqs: int) -> None:
        """Wait until all these seqs are acknowledged."""
        waiting = set(seqs)
        while waiting:
            ack = await self.hear("ack")
            waiting -= {seq for low, high in ack["ranges"] for seq in range(low, high + 1)}

    async def closed(self) -> int:
        """Wait for the end, keeping what is still heard; return the close code."""
        try:
            while True:
                await self.hear()
        except ConnectionClosed:
            return self.socket.close_code or 0

    async def hears_nothing(self, seconds: float = 0.1) -> bool:
        """Tell whether nothing comes for a moment."""
        try:
            async with asyncio.timeout(seconds):
                self.heard.append(json.loads(await self.socket.recv()))
        except TimeoutError:
            return True
        return False


def now_ms() -> int:
    return int(time.time() * 1000)
