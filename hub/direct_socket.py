"""How does a frame get from the kernel to its peer by the shortest way? uvicorn's own Sans-I/O protocol, with a side door.

Given to uvicorn as `ws=`. Handshake, routing, pings and closing stay uvicorn's. Once `realtime.ws_link` has asked for it, messages go
straight to the peer and texts straight to the transport, instead of through a queue, a task switch, two calls of epoll_ctl (uvicorn
pauses reading after each message) and four coroutines of middleware each: at 500 devices and 500 customers that was half of a fix's price.

From then on the transport's protocol is a `SideDoor`: seven fields beside each other in memory, where uvicorn's protocol has forty in a
dictionary. With a thousand sockets each look at one of them is a look into memory that no cache holds: it was a twentieth of a fix's price.

What comes is cut into frames here (`realtime.frame_cut`), and a whole text frame is read here. All others go on to `websockets`, one whole
frame at a time, which checks them and answers what has to be answered.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import apply_mask  # type: ignore[attr-defined]  # in C where there is a wheel of it, else in Python
from websockets.http11 import Request

from hub.slim_waits import Gate, Inbox
from realtime.frame_cut import Cut, cut_frame, text_at
from realtime.ws_link import DIRECT


class DirectSocketProtocol(WebSocketsSansIOProtocol):
    """Meets `realtime.ws_link.DirectSocket`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.queue, self.writable = Inbox(), Gate()  # type: ignore[assignment]
        self.writable.set()
        self._tell: Callable[[bytes | str], None] = _nobody
        self._is_heard = False
        self._is_cut_here = True
        self._in_fragments = False
        self._rest = b""

    def handle_connect(self, event: Request) -> None:
        """Let uvicorn open the socket, and say in its scope that there is a side door."""
        super().handle_connect(event)
        # The task that reads the scope has been made, but runs only after this.
        if self.handshake_initiated and hasattr(self, "scope"):
            extensions: dict[str, Any] = self.scope["extensions"]
            extensions[DIRECT] = self

    def hear(self, on_frame: Callable[[bytes | str], None]) -> "SideDoor":
        """See `DirectSocket.hear`."""
        self._tell, self._is_heard = on_frame, self._is_cut_here
        # Nobody asks for the handshake any more, and it is some kilobytes of each idle connection. `websockets` keeps hold of it as well.
        self.request.headers.clear()
        self.response.headers.clear()
        del self.request, self.response
        self.scope["headers"] = []
        door = SideDoor(self, on_frame, self.config.ws_max_size)
        self.transport.set_protocol(door)
        return door

    @property
    def is_plain(self) -> bool:
        """Tell whether a text that comes now may go straight to whoever hears: nothing is before it, in the queue or in pieces."""
        return self._is_heard and self.queue.empty() and not (self._rest or self._in_fragments or self.close_sent)

    def data_received(self, data: bytes) -> None:
        """Take bytes from the line: text frames to whoever hears, the rest to `websockets`."""
        if not self._is_cut_here or not self.handshake_complete:
            # A client that speaks before it was let in has left the other reader in the middle of something.
            self._is_cut_here = not self.handshake_initiated
            super().data_received(data)
            return
        if self._rest:
            data = self._rest + data
            self._rest = b""
        at, size = 0, len(data)
        while at < size:
            cut = cut_frame(data, at)
            if cut is None or cut.end > size:
                self._wait_for_more(data[at:], cut)
                return
            self._on_cut(data, at, cut)
            at = cut.end

    def _on_cut(self, data: bytes, at: int, cut: Cut) -> None:
        if cut.is_plain_text and self.is_plain and cut.end - cut.begin <= self.config.ws_max_size:
            # msgspec reads bytes and refuses what is not UTF-8 as a bad frame.
            self._tell(apply_mask(data[cut.begin : cut.end], data[cut.begin - 4 : cut.begin]))
            return
        if cut.is_message:
            self._in_fragments = not cut.is_final
        super().data_received(data[at : cut.end])

    def _wait_for_more(self, rest: bytes, cut: Cut | None) -> None:
        if cut is not None and (cut.end - cut.begin > self.config.ws_max_size or not cut.is_masked):
            # Nobody waits for what will be refused anyway: `websockets` says why.
            self._is_cut_here = self._is_heard = False
            super().data_received(rest)
        else:
            self._rest = rest


class SideDoor(asyncio.Protocol):
    """The way of texts in and out of one open socket. Meets `realtime.ws_link.DirectLine`; whatever is no whole text goes to `protocol`."""

    __slots__ = ("_is_closing", "_is_open", "_is_plain", "_max_size", "_protocol", "_tell", "_write")

    def __init__(self, protocol: DirectSocketProtocol, tell: Callable[[bytes | str], None], max_size: int) -> None:
        self._protocol, self._tell, self._max_size = protocol, tell, max_size
        self._is_plain, self._is_open = protocol.is_plain, protocol.writable.is_set()
        self._write, self._is_closing = protocol.transport.write, protocol.transport.is_closing

    def data_received(self, data: bytes) -> None:
        """Take bytes from the line. Texts are told as bytes: msgspec refuses what is not UTF-8 as a bad frame."""
        at, size = 0, len(data)
        while self._is_plain and at < size:
            begin, end = text_at(data, at)
            if not begin or end - begin > self._max_size:
                break
            self._tell(apply_mask(data[begin:end], data[begin - 4 : begin]))
            at = end
        if at < size:
            self._protocol.data_received(data[at:])
            self._is_plain = self._protocol.is_plain

    @property
    def is_writable(self) -> bool:
        """See `DirectLine.is_writable`."""
        return self._is_open and not self._is_closing()

    def say(self, text: bytes) -> None:
        """See `DirectLine.say`. Nothing was negotiated that would change a frame: compression is off."""
        self._write(head_of(len(text)) + text)

    def pause_writing(self) -> None:
        """Note that the line is full, and tell uvicorn."""
        self._is_open = False
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        """Note that the line takes more, and tell uvicorn."""
        self._is_open = True
        self._protocol.resume_writing()

    def eof_received(self) -> None:
        """Tell uvicorn that the other side says no more."""
        self._protocol.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell uvicorn that the line is gone."""
        self._is_open = False
        self._protocol.connection_lost(exc)


def head_of(size: int) -> bytes:
    """Return the head of an unmasked text frame of `size` bytes (RFC 6455, section 5.2)."""
    if size < 126:
        return bytes((0x81, size))
    if size < 1 << 16:
        return b"\x81\x7e" + size.to_bytes(2, "big")
    return b"\x81\x7f" + size.to_bytes(8, "big")


def _nobody(_: bytes | str) -> None:
    return
