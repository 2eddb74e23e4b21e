"""How does a good phone behave? A device's connection: hello, fixes, acks, and again after every cut. For replay, simulate and demo.

    client = DeviceClient(url, token, clock=clock, ids=ids)
    async with client.running():
        client.put(at_ms, lat, lon, accuracy_m=5.0)
        await client.drained()

It deletes exactly what the hub acknowledged, sends the newest first, waits as long as `busy` says and, after a close, comes back with a
random pause unless the close code says to stay away.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from core.clock import Clock
from core.errors import HubError
from core.ids import IdSource
from hub.device_outbox import DeviceOutbox
from realtime.close_code import may_reconnect, sentence_of
from realtime.wire import (
    SUBPROTOCOL,
    Ack,
    BusyFrame,
    Bye,
    Cadence,
    ErrorFrame,
    FixesFrame,
    Heartbeat,
    Hello,
    HubHeartbeat,
    StatusFrame,
    VisitChanged,
    Welcome,
    encode,
)

PATH = "/v1/ws/technician"
MAX_PAUSE_S = 20.0
FIRST_PAUSE_S = 0.5
SILENT_S = 60.0
"""Three heartbeats of the hub: then the line is dead, even if the socket looks open."""
FRAME_FIXES = 200
"""About 12 kB a frame: a live fix never waits long behind a backlog."""
_heard = msgspec.json.Decoder(Welcome | Ack | Cadence | BusyFrame | ErrorFrame | HubHeartbeat | VisitChanged | Bye)


class DeviceRefused(HubError):
    """The hub does not want this device's connection back. Enrol the device again, or end the newer connection."""

    code, status = "device_refused", 403


class DeviceClient:
    """One phone. `url`: of the hub, http or https; `token`: pl_dev_...; `on_stored` hears the seqs of every ack."""

    def __init__(
        self,
        url: str,
        token: str,
        *,
        clock: Clock,
        ids: IdSource,
        app: str = "porchlight",
        on_stored: Callable[[Sequence[int]], None] | None = None,
    ) -> None:
        self._url = url.rstrip("/").replace("http", "ws", 1) + PATH
        self._token = token
        self._clock, self._ids, self._app, self._on_stored = clock, ids, app, on_stored
        self.outbox = DeviceOutbox()
        self.device_epoch = ids.new_epoch()
        self.connections = 0
        self.sent = 0
        self.stored = 0
        self.cadence: Cadence | None = None
        self.last_error = ""
        self._wake = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()
        self._socket: ClientConnection | None = None
        self._busy_until_s = 0.0
        self._is_welcome = False

    def put(
        self,
        at_ms: int,
        lat: float,
        lon: float,
        *,
        accuracy_m: float | None = None,
        speed_mps: float | None = None,
        heading_deg: float | None = None,
    ) -> int:
        """Keep a fix and send it as soon as there is a connection; return its seq."""
        seq = self.outbox.put(at_ms, lat, lon, accuracy_m, speed_mps, heading_deg)
        self._empty.clear()
        self._wake.set()
        return seq

    @property
    def is_connected(self) -> bool:
        """Tell whether the hub has said welcome on a connection that is still open."""
        return self._socket is not None and self._is_welcome

    async def drained(self) -> None:
        """Wait until the hub has acknowledged everything that was put."""
        await self._empty.wait()

    async def say(self, status: StatusFrame) -> None:
        """Tell how the phone is; forgotten when there is no connection."""
        if self._socket is not None and self._is_welcome:
            with contextlib.suppress(ConnectionClosed):
                await self._socket.send(encode(status), text=True)

    @asynccontextmanager
    async def running(self) -> AsyncIterator["DeviceClient"]:
        """Keep connected while the block runs; a refusal of the hub is raised inside it."""
        try:
            async with asyncio.TaskGroup() as group:
                task = group.create_task(self.run())
                yield self
                task.cancel()
        except BaseExceptionGroup as several:
            raise several.exceptions[0] from None

    async def run(self) -> None:
        """Connect, and again after every cut, until cancelled. Raises `DeviceRefused` when the hub says to stay away."""
        pause_s = FIRST_PAUSE_S
        while True:
            was_welcome = await self._one_connection()
            self.outbox.cut()
            pause_s = FIRST_PAUSE_S if was_welcome else min(MAX_PAUSE_S, pause_s * 2)
            await self._clock.sleep(self._ids.uniform(0.2, 1.0) * pause_s)

    async def _one_connection(self) -> bool:
        self._is_welcome = False
        try:
            async with connect(
                self._url,
                subprotocols=[SUBPROTOCOL],  # type: ignore[list-item]
                additional_headers={"Authorization": f"Bearer {self._token}"},
                compression=None,
                open_timeout=10,
                close_timeout=2,
                ping_interval=None,
                proxy=None if urlsplit(self._url).hostname in ("127.0.0.1", "localhost", "::1") else True,
            ) as socket:
                self._socket = socket
                await self._talk(socket)
        except ConnectionClosed as closed:
            self._note_close(closed)
        except InvalidStatus as refused:
            self._note_status(refused)
        except (OSError, TimeoutError, WebSocketException) as error:
            self.last_error = f"{type(error).__name__}: {error}"
        finally:
            self._socket = None
        return self._is_welcome

    async def _talk(self, socket: ClientConnection) -> None:
        await socket.send(encode(Hello(device_epoch=self.device_epoch, sent_at_ms=self._clock.now_ms(), app=self._app)), text=True)
        sender = asyncio.create_task(self._send(socket))
        try:
            while True:
                async with asyncio.timeout(SILENT_S):
                    self._on_text(await socket.recv())
        finally:
            sender.cancel()
            await asyncio.gather(sender, return_exceptions=True)

    def _on_text(self, text: str | bytes) -> None:
        frame = _heard.decode(text)
        if isinstance(frame, Ack):
            self._on_ack(frame)
        elif isinstance(frame, Welcome):
            self._is_welcome = True
            self.connections += 1
            self._wake.set()
        elif isinstance(frame, BusyFrame):
            self._busy_until_s = self._clock.monotonic() + frame.retry_after_s
            self.outbox.cut()
        elif isinstance(frame, Cadence):
            self.cadence = frame
        elif isinstance(frame, ErrorFrame):
            self.last_error = f"{frame.code}: {frame.detail}"

    def _on_ack(self, ack: Ack) -> None:
        if ack.device_epoch != self.device_epoch:
            return
        stored = self.outbox.on_ack(ack)
        self.stored += len(stored)
        if self._on_stored is not None:
            self._on_stored(stored)
        if not len(self.outbox):
            self._empty.set()

    async def _send(self, socket: ClientConnection) -> None:
        while True:
            wait_s = self._busy_until_s - self._clock.monotonic()
            if wait_s > 0:
                await self._clock.sleep(wait_s)
            rows = self.outbox.take(FRAME_FIXES) if self._is_welcome else []
            if rows:
                self.sent += len(rows)
                await socket.send(encode(FixesFrame(rows=rows, sent_at_ms=self._clock.now_ms())), text=True)
            else:
                await self._wait_or_beat(socket)

    async def _wait_or_beat(self, socket: ClientConnection) -> None:
        self._wake.clear()
        try:
            async with asyncio.timeout(15):
                await self._wake.wait()
        except TimeoutError:
            await socket.send(encode(Heartbeat()), text=True)

    def _note_close(self, closed: ConnectionClosed) -> None:
        code = closed.rcvd.code if closed.rcvd is not None else 1006
        self.last_error = f"closed with {code} {closed.rcvd.reason if closed.rcvd is not None else ''}".strip()
        if not may_reconnect(code):
            raise DeviceRefused(f"The hub ended this connection ({self.last_error}). {sentence_of(code)}") from None

    def _note_status(self, refused: InvalidStatus) -> None:
        status = refused.response.status_code
        self.last_error = f"the hub answered {status}"
        if status in (401, 403):
            raise DeviceRefused(f"The hub answered {status}: the token is unknown or revoked, or the address is wrong.") from None
