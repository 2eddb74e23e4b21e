"""What do all watchers' sockets have in common? Answering wrong frames, heartbeats, silence and last words; what they show is their own.

The base of the peers of `ws_visit` and `ws_console`, run by `ws_link`. Everything that waits here is bounded by `Limits`.
"""

from collections.abc import Callable

from core.clock import Clock
from realtime.close_code import CloseCode
from realtime.session_effects import Limits
from realtime.wire import Bye, ErrorFrame, Frame, Heartbeat, HubHeartbeat, encode
from realtime.wire_decode import BadFrame
from realtime.ws_link import Link


class WatcherPeer:
    """Half of a `ws_link.Peer`: a subclass adds `open`, `on_frame`, `gone` and `next_shown`."""

    __slots__ = ("_bad_frames", "_clock", "_first", "_heard_ms", "_limits", "_said_ms", "link")

    def __init__(self, link: Link, clock: Clock, limits: Limits) -> None:
        self.link = link
        self._clock = clock
        self._limits = limits
        self._first: list[Frame] = []
        self._said_ms: int = clock.now_ms()
        self._heard_ms: int = self._said_ms
        self._bad_frames = 0

    def next_shown(self) -> Frame | None:
        """Return the next frame of what is watched, None when nothing waits."""
        raise NotImplementedError

    def next_text(self) -> bytes | None:
        """See `Peer.next_text`: errors and last words go first."""
        frame = self._first.pop(0) if self._first else self.next_shown()
        return None if frame is None else self.said(frame)

    def said(self, frame: Frame) -> bytes:
        """Return a frame as the text to write now."""
        self._said_ms = self._clock.now_ms()
        return encode(frame)

    @property
    def is_silent(self) -> bool:
        """Tell whether no error and no last words wait."""
        return not self._first

    def beat(self, now_ms: int) -> None:
        """See `Peer.beat`."""
        if now_ms - self._heard_ms > self._limits.silent_s * 1000:
            self.link.close(CloseCode.SILENT, f"nothing heard for {self._limits.silent_s:g} s")
        elif now_ms - self._said_ms >= self._limits.heartbeat_s * 1000:
            self._first.append(HubHeartbeat(server_at_ms=now_ms))
            self._said_ms = now_ms

    def drain(self, now_ms: int, reason: str) -> None:
        """See `Peer.drain`: a watcher has nothing under way, so it ends at once."""
        self.end(Bye(reason=reason), CloseCode.DRAINING, "reconnect")

    def end(self, last_words: Frame, code: CloseCode, reason: str) -> None:
        """Say why, then close."""
        self._first.append(last_words)
        self.link.close(code, reason)

    def answer(self, frame: Frame) -> None:
        """Say something before what is shown. What nobody reads is not kept."""
        if len(self._first) < self._limits.max_unread_errors:
            self._first.insert(0, frame)
        self.link.kick()

    def decoded(self, decode: Callable[[bytes | str], Frame], buffer: bytes | str) -> Frame | None:
        """Return the frame, or None after having answered that it is none."""
        self._heard_ms = self._clock.now_ms()
        try:
            frame = decode(buffer)
        except BadFrame as bad:
            self.misunderstood(bad)
            return None
        self._bad_frames = 0
        if isinstance(frame, Heartbeat) and frame.asks:
            self.answer(HubHeartbeat(server_at_ms=self._heard_ms))
        return frame

    def misunderstood(self, bad: BadFrame) -> None:
        """Answer a wrong frame; the twentieth in a row is the last."""
        self._bad_frames += 1
        is_last = self._bad_frames >= self._limits.max_bad_frames
        if len(self._first) < self._limits.max_unread_errors:
            self._first.append(ErrorFrame(code=bad.fault, detail=bad.detail, fatal=is_last))
        if is_last:
            self.link.close(CloseCode.BAD_PROTOCOL, "too many frames were not understood")
