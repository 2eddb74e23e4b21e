"""How do frames get in and out of one WebSocket? The one socket loop of the house; every kind of socket runs on it.

Called by `ws_technician`, `ws_visit` and `ws_console`, each with a `Peer`: the thing that says what comes next. Reading is the ASGI task
itself. Writing needs no task: `kick` writes what the peer has at once, and only a full socket gets a task of its own, with a deadline. One
shared `ws_links.Links.pulse` looks after the time of all sockets of the worker, so that an idle one costs no timer. Where the server has a
`DirectSocket` (`hub/direct_socket.py`), frames take that way as soon as the peer is open, and the task only waits for the end.

Deadlines: first frame 5 s, checking it 10 s, each write 10 s. Nothing is retried: a lost answer is the other side's to ask for again. Every
failure ends in a close code of `close_code`; no socket is left without one.
"""

import asyncio
from collections.abc import Callable
from typing import Protocol

import structlog
from starlette.websockets import WebSocket, WebSocketDisconnect

from core.errors import HubError, NotAllowed, NotSignedIn, Unavailable
from realtime.close_code import CloseCode
from realtime.eager import Rest, start

log = structlog.get_logger(__name__)

FIRST_FRAME_S = 5.0
OPEN_S = 10.0
SEND_S = 10.0
"""A phone that reads nothing for so long is gone or stuck; what waits for it is state and is told again when it returns."""
BURST = 64
"""Frames written in one go before other sockets get their turn."""
MAX_REASON_BYTES = 123
"""Source: RFC 6455, section 5.5: control frames carry 125 bytes, two of them the code."""


DIRECT = "porchlight.direct"
"""Key of the scope's extensions under which a server offers its `DirectSocket`."""


class DirectLine(Protocol):
    """A shorter way for whole text frames out of one open socket."""

    @property
    def is_writable(self) -> bool:
        """Tell whether `say` may be called now: the socket is open and takes more."""
        ...

    def say(self, text: bytes) -> None:
        """Write one text frame at once, UTF-8."""
        ...


class DirectSocket(Protocol):
    """A shorter way through the server for whole text frames, both ways. Everything else stays ASGI's."""

    def hear(self, on_frame: Callable[[bytes | str], None]) -> DirectLine:
        """Call `on_frame` with every text from now on, after those that `receive` has still to give; return the way out. It must not
        raise."""
        ...


class Peer(Protocol):
    """What speaks through a link: all synchronous but `open`. Times in ms since 1970."""

    async def open(self, buffer: bytes | str) -> bool:
        """Take a first frame: check the credential, start watching; return whether the socket is open now. Raises `HubError` to be
        closed."""
        ...

    def on_frame(self, buffer: bytes | str) -> bool:
        """Take a later frame; return whether there may be something to say now."""
        ...

    def next_text(self) -> bytes | None:
        """Return the next frame to write, UTF-8, None when nothing waits."""
        ...

    def beat(self, now_ms: int) -> None:
        """Look at what is due by time; called about once a second."""
        ...

    def drain(self, now_ms: int, reason: str) -> None:
        """Come to an end soon: the worker is going away."""
        ...

    def gone(self) -> None:
        """Forget everything: the socket is closed."""
        ...


class Link:
    """One accepted socket and its peer. `kick` after giving the peer something to say; `close` to end it. For this event loop only."""

    __slots__ = ("_close", "_close_sent", "_first_frame_s", "_line", "_reader", "_send_s", "_websocket", "_writer", "peer")

    def __init__(self, websocket: WebSocket, first_frame_s: float = FIRST_FRAME_S, send_s: float = SEND_S) -> None:
        self.peer: Peer | None = None
        self._websocket = websocket
        self._line: DirectLine | None = None
        self._first_frame_s = first_frame_s
        self._send_s = send_s
        self._reader = asyncio.current_task()
        self._writer: asyncio.Task[None] | None = None
        self._close: tuple[CloseCode, str] | None = None
        self._close_sent = False

    @property
    def is_closing(self) -> bool:
        """Tell whether an end was decided."""
        return self._close is not None

    @property
    def free_line(self) -> DirectLine | None:
        """Return the way on which a peer that has nothing else to say may say one text at once; None while anything is before it."""
        line = self._line
        return line if line is not None and self._writer is None and self._close is None and line.is_writable else None

    def kick(self) -> None:
        """Write what waits, as far as the socket takes it now. Never raises and never waits."""
        if self._writer is None and not self._close_sent:
            try:
                rest = self._write_some()
            except Exception:
                self._give_up()
                return
            if rest is not None:
                self._writer = asyncio.get_running_loop().create_task(self._write_slowly(rest))

    def close(self, code: CloseCode, reason: str = "") -> None:
        """Write what waits, then close with `code`; the first call decides."""
        if self._close is None:
            self._close = (code, reason)
            self.kick()

    async def run(self, peer: Peer) -> None:
        """Read until the end. The first frames go to `peer.open`, which may take its time; later ones are taken at once."""
        self.peer = peer
        try:
            await self._open(peer)
            direct: DirectSocket | None = (self._websocket.scope.get("extensions") or {}).get(DIRECT)
            if direct is not None:
                self._line = direct.hear(self._on_frame)
            while self._close is None or not self._close_sent:
                if peer.on_frame(await self._receive()):
                    self.kick()
        finally:
            self._reader = None

    def fail(self, error: Exception) -> None:
        """Close with the code that says what `error` says; one that nobody foresaw is logged."""
        if isinstance(error, HubError):
            self.close(close_code_of(error), error.code)
        else:
            log.error("socket_failed", exc_info=error)
            self.close(CloseCode.FAILED, "internal error")

    def _on_frame(self, buffer: bytes | str) -> None:
        if self._close is not None or self.peer is None:
            return
        try:
            if self.peer.on_frame(buffer):
                self.kick()
        except Exception as error:
            self.fail(error)

    async def _open(self, peer: Peer) -> None:
        """Hand frames to `peer.open` until it is satisfied; it may answer a wrong first frame and wait for a better one."""
        late_at = asyncio.get_running_loop().time() + self._first_frame_s
        is_open = False
        while not is_open and self._close is None:
            try:
                async with asyncio.timeout_at(late_at):
                    frame = await self._receive()
            except TimeoutError:
                self.close(CloseCode.HELLO_LATE, "first frame late")
                return
            async with asyncio.timeout(OPEN_S):
                is_open = await peer.open(frame)
            self.kick()

    async def finish(self) -> None:
        """Wait until everything said is written, closing included; at most `send_s`."""
        if self._writer is None:
            return
        try:
            await asyncio.wait({self._writer}, timeout=self._send_s + 1)
        except asyncio.CancelledError as cancelled:
            if cancelled.args != (DEAD_LINE,):
                raise

    async def _receive(self) -> bytes | str:
        message = await self._websocket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code") or 1005)
        text: str | None = message.get("text")
        buffer: bytes | str = text if text is not None else message["bytes"]
        return buffer

    def _write_some(self) -> Rest | bool | None:
        """Return None when nothing waits any more, True after a full burst, the rest of a write when the socket is full."""
        peer, line = self.peer, self._line
        for _ in range(BURST):
            text = peer.next_text() if peer is not None else None
            if text is None:
                return None if self._close is None else self._write_close()
            if line is not None and line.is_writable:
                line.say(text)
            elif (rest := start(self._websocket.send({"type": "websocket.send", "text": text.decode()}))) is not None:
                return rest
        return True

    def _write_close(self) -> Rest | None:
        if self._close is None or self._close_sent:
            return None
        self._close_sent = True
        code, reason = self._close
        fitting = reason.encode()[:MAX_REASON_BYTES].decode(errors="ignore")
        return start(self._websocket.send({"type": "websocket.close", "code": int(code), "reason": fitting}))

    async def _write_slowly(self, rest: Rest | bool | None) -> None:
        try:
            while rest is not None:
                if isinstance(rest, Rest):
                    async with asyncio.timeout(self._send_s):
                        await rest
                else:
                    await asyncio.sleep(0)  # other sockets' turn
                rest = self._write_some()
        except TimeoutError:
            log.info("socket_too_slow")
            self._give_up()
        except Exception:
            self._give_up()
        finally:
            self._writer = None

    def _give_up(self) -> None:
        """The line is dead: no close frame would arrive. Ending the reader ends the connection."""
        self._close_sent = True
        if self._reader is not None and not self._reader.done():
            self._reader.cancel(DEAD_LINE)


DEAD_LINE = "porchlight: dead line"


def close_code_of(error: HubError) -> CloseCode:
    """Return the close code that says what `error` says."""
    if isinstance(error, NotSignedIn | NotAllowed):
        return CloseCode.NOT_SIGNED_IN
    if isinstance(error, Unavailable):
        return CloseCode.UNAVAILABLE
    return CloseCode.BAD_PROTOCOL if error.status < 500 else CloseCode.FAILED
