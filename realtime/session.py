"""What does a device's connection do next? The Sans-I/O machine of one technician socket: `hello`, then `live`, `draining`, `closed`.

Called by whatever owns the socket (`ws_technician` today, another library tomorrow) in five verbs: `on_frame` with what came, carrying out
the returned effects; `welcome` or `refuse` once the credential is checked; `on_outcome` when fixes are durable; `beat` about once a second;
and `next_text` until it returns None whenever the socket can be written. It never waits, reads no clock, sees no socket. What waits to be
written is bounded: acks merge into ranges, everything else is newest-wins or counted.
"""

from collections.abc import Callable, Sequence

from realtime.close_code import CloseCode
from realtime.raw_fixes import raw_fixes_of, raw_of_frame
from realtime.session_effects import NO_EFFECTS, NOT_READ, Effect, Identify, Limits, Shut, State, Take, Tell, Unreadable
from realtime.unread_acks import UnreadAcks
from realtime.wire import (
    BusyFrame,
    Bye,
    Cadence,
    ErrorFrame,
    FixesFrame,
    FixFrame,
    Frame,
    Heartbeat,
    Hello,
    HubHeartbeat,
    Refused,
    StatusFrame,
    VisitChanged,
    Welcome,
    encode,
)
from realtime.wire_decode import FIXES_BEGIN, NOTHING_REFUSED, BadFrame, FrameFault, decode_technician
from realtime.wire_sos import EnterPin, Press, Prompt, SosFrame, SosPin
from tracking.fix import Outcome, OutcomeError, RawFix, detail_of

_HELLO, _LIVE, _DRAINING, _CLOSED = State
"""A module's name is found in a sixth of the time that a member of an enum takes on Python 3.11, and each fix asks some ten times."""


class Session:
    """One device's connection. `now_ms` everywhere: the hub's clock, milliseconds since 1970."""

    __slots__ = (
        "_acks", "_bad_frames", "_busy_until_ms", "_drain_until_ms", "_first", "_latest", "_limits", "_said_ms", "_under_way",
        "device_epoch", "heard_ms", "session_no", "state",
    )  # fmt: skip

    def __init__(self, limits: Limits, now_ms: int) -> None:
        self.state = _HELLO
        self.session_no = 0
        self.device_epoch = 0
        self._limits = limits
        self.heard_ms = self._said_ms = now_ms
        self._bad_frames = 0
        self._under_way = 0
        self._drain_until_ms = self._busy_until_ms = 0
        self._acks = UnreadAcks(limits.ack_gap_ms, limits.max_unread_ranges)
        self._latest: dict[str, Frame] = {}
        self._first: list[Frame] = []

    @property
    def acked(self) -> int:
        """Return the highest seq of the epoch known to be acknowledged, -1 before any."""
        return self._acks.highest

    # What comes in.

    def on_frame(self, buffer: bytes | str, now_ms: int) -> Sequence[Effect]:
        """Take one message of the socket; return what must be done. A frame that cannot be understood is answered, not punished."""
        self.heard_ms = now_ms
        if self.state is _CLOSED:
            return NO_EFFECTS
        if now_ms < self._busy_until_ms and buffer[:12] in FIXES_BEGIN:
            return NOT_READ
        try:
            frame, refused = decode_technician(buffer)
            effects = _HANDLERS[type(frame)](self, frame, refused, now_ms)
        except BadFrame as bad:
            return self._on_bad(bad)
        self._bad_frames = 0
        return effects

    def _on_hello(self, hello: Hello, _refused: Sequence[Refused], _now_ms: int) -> Sequence[Effect]:
        if self.state is not _HELLO:
            raise BadFrame(FrameFault.NOT_NOW, "hello was said already. A new device_epoch needs a new connection.")
        self.device_epoch = hello.device_epoch
        return (Identify(hello),)

    def _on_fix(self, fix: FixFrame, _refused: Sequence[Refused], _now_ms: int) -> Sequence[Effect]:
        return self._take([raw_of_frame(fix)], None, NOTHING_REFUSED)

    def _on_fixes(self, frame: FixesFrame, refused: Sequence[Refused], _now_ms: int) -> Sequence[Effect]:
        if frame.device_epoch not in (None, self.device_epoch) and self.state is not _HELLO:
            raise BadFrame(FrameFault.NOT_NOW, "device_epoch differs from that of hello. A new epoch needs a new connection.")
        fixes = raw_fixes_of(frame, self._limits.max_fixes, len(refused))
        return self._take(fixes, frame.batch, refused, frame.sent_at_ms)

    def _take(
        self, fixes: list[RawFix], batch_id: str | None, refused: Sequence[Refused], sent_at_ms: int | None = None
    ) -> Sequence[Effect]:
        if self.state is _HELLO:
            raise BadFrame(FrameFault.NOT_NOW, "Say hello first; send this fix again after welcome.")
        if self.state is _DRAINING:
            return NO_EFFECTS
        counted = self._refuse(refused) if refused else NO_EFFECTS
        if not fixes:
            return (*counted, *self._if_unread())
        if self.session_no == 0:
            self._be_busy()
            return counted
        self._under_way += 1
        return (*counted, Take(fixes, batch_id, sent_at_ms))

    def _refuse(self, refused: Sequence[Refused]) -> Sequence[Effect]:
        self._acks.refuse(refused)
        return (Unreadable(len(refused)),)

    def _on_status(self, status: StatusFrame, _refused: Sequence[Refused], _now_ms: int) -> Sequence[Effect]:
        if self.state is _HELLO:
            raise BadFrame(FrameFault.NOT_NOW, "Say hello first.")
        return (Tell(status),)

    def _on_sos(self, press: SosFrame, _refused: Sequence[Refused], _now_ms: int) -> Sequence[Effect]:
        # Taken in every state, before welcome and while draining: who presses is known by then, or the owner says that nobody is.
        self._under_way += 1
        return (Press(press),)

    def _on_pin(self, entered: SosPin, _refused: Sequence[Refused], _now_ms: int) -> Sequence[Effect]:
        self._under_way += 1
        return (EnterPin(entered),)

    def _on_heartbeat(self, beat: Heartbeat, _refused: Sequence[Refused], now_ms: int) -> Sequence[Effect]:
        if beat.asks and self.state is _LIVE:
            self._latest["heartbeat"] = HubHeartbeat(server_at_ms=now_ms)
        return NO_EFFECTS

    def _on_bad(self, bad: BadFrame) -> Sequence[Effect]:
        self._bad_frames += 1
        is_last = self._bad_frames >= self._limits.max_bad_frames
        if len(self._first) < self._limits.max_unread_errors:
            self._first.append(ErrorFrame(code=bad.fault, detail=bad.detail, fatal=is_last))
        counted = self._refuse([bad.fix]) if bad.fix is not None and self.state is _LIVE else NO_EFFECTS
        return (*counted, *self._shut(CloseCode.BAD_PROTOCOL, "too many frames were not understood")) if is_last else counted

    # What the hub decides.

    def welcome(self, session_no: int, now_ms: int, acked: int | None = None) -> None:
        """Let the device in. `session_no` 0: the fence could not be taken yet; fixes are answered `busy` until `fenced`."""
        self.state = _LIVE
        self.session_no = session_no
        self._acks.highest = -1 if acked is None else acked
        limits = self._limits
        self._first.append(
            Welcome(
                session_no=session_no,
                server_at_ms=now_ms,
                max_fixes=limits.max_fixes,
                max_frame_bytes=limits.max_frame_bytes,
                heartbeat_s=limits.heartbeat_s,
                acked=acked,
            )
        )

    def fenced(self, session_no: int) -> None:
        """Put the late-taken fence in force: from now on fixes are read again."""
        self.session_no = session_no
        self._busy_until_ms = 0

    def refuse(self, code: CloseCode, error: str, detail: str) -> Sequence[Effect]:
        """Say why in a last `error` frame, then close: wrong credential, revoked, superseded, something away."""
        if self.state is _CLOSED:
            return NO_EFFECTS
        self._first.append(ErrorFrame(code=error, detail=detail, fatal=True))
        return self._shut(code, error)

    def on_outcome(self, outcome: Outcome) -> Sequence[Effect]:
        """Take what became of one `Take`: its fixes may be acknowledged now, and only now."""
        self._under_way -= 1
        if outcome.error is not None:
            if outcome.error is OutcomeError.SUPERSEDED:
                return self.superseded()
            self._be_busy()
        if outcome.stored:
            self._acks.store(outcome.stored)
        if outcome.refused:
            self._acks.refuse(Refused(seq=seq, reason=reason, detail=detail_of(reason)) for seq, reason in outcome.refused)
        return self._if_unread() if self.state is _LIVE else self._if_drained()

    def superseded(self) -> Sequence[Effect]:
        """A newer connection of this device is in force."""
        return self.refuse(CloseCode.SUPERSEDED, "superseded", "A newer connection of this device took over; this one ends.")

    def not_taken(self) -> None:
        """The intake refused a `Take` as full, so no outcome will follow."""
        self._under_way -= 1
        self._be_busy()

    def answered(self, frame: Frame) -> Sequence[Effect]:
        """Queue the answer to a press or a PIN before everything else. One that nobody reads is not kept: the phone presses again."""
        self._under_way -= 1
        if self.state is not _CLOSED and len(self._first) < self._limits.max_unread_ranges:
            self._first.insert(0, frame)
        return self._if_drained()

    def say(self, frame: Cadence | VisitChanged | Prompt) -> None:
        """Queue a frame of which only the newest (for `visit_changed` and `prompt`: per visit) matters."""
        key = "cadence" if isinstance(frame, Cadence) else f"{frame.visit_id}/{frame.kind}" if isinstance(frame, Prompt) else frame.visit_id
        if self.state is _LIVE and (key in self._latest or len(self._latest) < self._limits.max_unread_errors):
            self._latest[key] = frame

    def drain(self, now_ms: int, reason: str) -> Sequence[Effect]:
        """Take no more fixes, wait for answers under way (at most `drain_s`), then close with "reconnect"."""
        if self.state in (_DRAINING, _CLOSED):
            return NO_EFFECTS
        self.state = _DRAINING
        self._drain_until_ms = now_ms + int(self._limits.drain_s * 1000)
        self._first.append(Bye(reason=reason))
        return self._if_drained()

    def beat(self, now_ms: int) -> Sequence[Effect]:
        """Look at what is due by time: our heartbeat, the other side's silence, the end of a drain. Call it about every second."""
        if self.state is _DRAINING and now_ms >= self._drain_until_ms:
            return self._shut(CloseCode.DRAINING, "reconnect")
        if now_ms - self.heard_ms > self._limits.silent_s * 1000:
            return self._shut(CloseCode.SILENT, f"nothing heard for {self._limits.silent_s:g} s")
        if now_ms - self._said_ms >= self._limits.heartbeat_s * 1000 and self.state is _LIVE:
            self._latest.setdefault("heartbeat", HubHeartbeat(server_at_ms=now_ms))
        return NO_EFFECTS

    def heartbeat_due_ms(self) -> int:
        """Return when `beat` will have something to say or do, milliseconds since 1970."""
        return min(self._said_ms + int(self._limits.heartbeat_s * 1000), self.heard_ms + int(self._limits.silent_s * 1000))

    # What goes out.

    def next_text(self, now_ms: int) -> bytes | None:
        """Return the next frame to write, None when nothing waits. What is returned counts as said."""
        frame = self._next_frame(now_ms)
        if frame is None:
            return None
        self._said_ms = now_ms
        return encode(frame)

    @property
    def has_news(self) -> bool:
        """Tell whether anything waits to be said, be it for a moment that has not come."""
        return bool(self._first or self._acks or self._latest)

    @property
    def is_urged(self) -> bool:
        """Tell whether something waits to be said that does not wait for the next ack's time."""
        return True if self._first or self._latest or self._acks.is_urgent else self.state is not _LIVE

    def is_ack_due(self, now_ms: int) -> bool:
        """Tell whether an ack waits whose time has come."""
        due_ms = self._acks.due_ms
        return due_ms is not None and (now_ms >= due_ms or self.state is not _LIVE)

    def _next_frame(self, now_ms: int) -> Frame | None:
        if self._first:
            return self._first.pop(0)
        if self.is_ack_due(now_ms):
            return self._acks.take(self.device_epoch, now_ms)
        return self._latest.pop(next(iter(self._latest))) if self._latest else None

    # Ends.

    def _be_busy(self) -> None:
        if self.state is _LIVE and self.heard_ms >= self._busy_until_ms:
            self._busy_until_ms = self.heard_ms + int(self._limits.busy_retry_s * 1000)
            self._latest["busy"] = BusyFrame(retry_after_s=self._limits.busy_retry_s)

    def _if_unread(self) -> Sequence[Effect]:
        return self._shut(CloseCode.TOO_SLOW, "unread acks") if self._acks.is_overfull else NO_EFFECTS

    def _if_drained(self) -> Sequence[Effect]:
        if self.state is _DRAINING and self._under_way <= 0:
            return self._shut(CloseCode.DRAINING, "reconnect")
        return NO_EFFECTS

    def _shut(self, code: CloseCode, reason: str) -> Sequence[Effect]:
        self.state = _CLOSED
        return (Shut(code, reason),)


_HANDLERS: dict[type, Callable[..., Sequence[Effect]]] = {
    Hello: Session._on_hello,
    FixFrame: Session._on_fix,
    FixesFrame: Session._on_fixes,
    StatusFrame: Session._on_status,
    Heartbeat: Session._on_heartbeat,
    SosFrame: Session._on_sos,
    SosPin: Session._on_pin,
}
