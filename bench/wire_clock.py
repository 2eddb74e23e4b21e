"""When did an answer arrive, however late its reader wakes up? Sockets of this machine, read together with the kernel's stamps.

Who measures shares a busy core with the databases, and learns of an answer some time after it came. Here a packet counts from the moment at
which the kernel took it in for the reader's socket: on loopback that is inside the sender's own `send`. The other way round, bytes lie in
the other side's socket when `send` returns, so the clock is read just before. What the other side needs until it reads them, its
accepting of a connection too, is thus its own.

Where a stamp is not exact it errs against who answers: what one read brings has the stamp of its latest packet, also where the kernel
joined several, and what comes without a stamp arrives when it is read. Source: SO_TIMESTAMPNS in Documentation/networking/timestamping.rst
of Linux, `tcp_recvmsg_locked` and `tcp_try_coalesce` in its code. Times are seconds since 1970 of CLOCK_REALTIME, as `time.time()`.
"""

import asyncio
import contextlib
import re
import socket
import struct
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self

from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

HOST = "127.0.0.1"
CONNECT_S = 5.0
BEGIN_S = 1.0
"""How long the kernel may take until it stamps; it takes some milliseconds."""
READ_BYTES = 1 << 18
_STAMPNS = 35
"""SO_TIMESTAMPNS, and the kind of its message, of asm-generic/socket.h; Python does not name it."""
_TIMESPEC = struct.Struct("=qq")
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class Line:
    """One connection to a port of this machine, open when made: the kernel connects at once, whether the other side accepts yet or not."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection((HOST, port), CONNECT_S)
        self._socket.setblocking(False)
        if sys.platform == "linux":
            with contextlib.suppress(OSError):  # then nothing is stamped, which `stamping` tells
                self._socket.setsockopt(socket.SOL_SOCKET, _STAMPNS, 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def fileno(self) -> int:
        """Return the socket's number."""
        return self._socket.fileno()

    def say(self, data: bytes) -> float:
        """Send, and return the time just before. Nothing waits for room in the socket: BlockingIOError says that `data` was too much."""
        before_s = time.time()
        self._socket.sendall(data)
        return before_s

    async def hear(self) -> tuple[bytes, float]:
        """Return what has come, and when the last of it arrived. Raises ConnectionError where the other side has ended."""
        while True:
            try:
                data, stamp_s = self.read()
            except BlockingIOError:
                await self._readable()
                continue
            arrived_s = time.time() if stamp_s is None else stamp_s
            if not data:
                raise ConnectionResetError("The hub has closed the connection.")
            return data, arrived_s

    def read(self) -> tuple[bytes, float | None]:
        """Return what has come and the kernel's stamp of its last packet, None where there is none. Raises BlockingIOError."""
        data, notes, _, _ = self._socket.recvmsg(READ_BYTES, socket.CMSG_SPACE(_TIMESPEC.size))
        for level, kind, note in notes:
            if (level, kind, len(note)) == (socket.SOL_SOCKET, _STAMPNS, _TIMESPEC.size):
                whole_s, rest_ns = _TIMESPEC.unpack(note)
                return data, whole_s + rest_ns / 1e9
        return data, None

    async def _readable(self) -> None:
        loop, ready = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(self._socket, ready.set)
        try:
            await ready.wait()
        finally:
            loop.remove_reader(self._socket)


@contextmanager
def stamping() -> Iterator[bool]:
    """Have the kernel stamp packets inside the block; yields False where it does not, and all counts from when it is read.

    It begins a little after the first socket has asked for stamps and ends with the last one, so one is held open here.
    """
    with socket.create_server((HOST, 0)) as server, Line(server.getsockname()[1]) as line:
        other, _ = server.accept()
        with other:
            yield _begins(line, other)


def _begins(line: Line, other: socket.socket) -> bool:
    end_s = time.monotonic() + BEGIN_S
    while time.monotonic() < end_s:
        other.sendall(b"?")
        with contextlib.suppress(BlockingIOError):
            if line.read()[1] is not None:
                return True
    return False


@dataclass(frozen=True)
class Answer:
    """An HTTP answer; `arrived_s`: the end of it."""

    status: int
    body: bytes
    arrived_s: float


def post(path: str, token: str, body: bytes) -> bytes:
    """Return an HTTP request with a JSON body and a bearer's token."""
    return (
        f"POST {path} HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body


async def answered(line: Line) -> Answer:
    """Hear one answer to its end. Raises ValueError where it does not say its length."""
    came = b""
    while True:
        data, arrived_s = await line.hear()
        came += data
        head, end, body = came.partition(b"\r\n\r\n")
        if end:
            length = _LENGTH.search(head)
            if length is None:
                raise ValueError(f"An answer without its length: {head[:200]!r}")
            if len(body) >= int(length[1]):
                return Answer(int(head.split(b" ", 2)[1]), body, arrived_s)


class Frames:
    """A WebSocket of the hub on a line of its own. Pings are answered."""

    def __init__(self, line: Line, path: str) -> None:
        self._line = line
        self._protocol = ClientProtocol(parse_uri(f"ws://{HOST}{path}"), subprotocols=[Subprotocol("porchlight.v1")], max_size=None)

    async def open(self) -> None:
        """Shake hands. Raises InvalidHandshake of websockets where the hub does not want to."""
        self._protocol.send_request(self._protocol.connect())
        self._send()
        while self._protocol.state is State.CONNECTING:
            await self._hear()
            if self._protocol.handshake_exc is not None:
                raise self._protocol.handshake_exc

    def say(self, text: bytes) -> None:
        """Send one text frame."""
        self._protocol.send_text(text)
        self._send()

    async def texts(self) -> AsyncIterator[tuple[bytes, float]]:
        """Yield each text frame with the arrival of what completed it, until the connection ends with ConnectionError."""
        while True:
            arrived_s = await self._hear()
            for event in self._protocol.events_received():
                if isinstance(event, Frame) and event.opcode is Opcode.TEXT:
                    yield bytes(event.data), arrived_s

    async def _hear(self) -> float:
        data, arrived_s = await self._line.hear()
        self._protocol.receive_data(data)
        self._send()
        return arrived_s

    def _send(self) -> None:
        for data in self._protocol.data_to_send():
            if data:  # nothing: the end of what we say, which closing the line says as well
                self._line.say(data)
