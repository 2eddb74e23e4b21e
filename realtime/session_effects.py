"""What may a device's session ask its owner to do, within which bounds, and where does it stand? Effects, limits and states of
`session.Session`."""

from enum import StrEnum

import msgspec

from realtime.close_code import CloseCode
from realtime.wire import Hello, StatusFrame
from realtime.wire_sos import EnterPin, Press
from realtime.wire_values import MAX_FIXES, MAX_FRAME_BYTES
from tracking.fix import RawFix


class State(StrEnum):
    """Where the connection stands."""

    HELLO = "hello"
    """Open; nobody has said who it is."""
    LIVE = "live"
    """Fixes flow."""
    DRAINING = "draining"
    """The worker is going away: no new fixes, answers to what is under way."""
    CLOSED = "closed"
    """Nothing more is read or said."""


class Identify(msgspec.Struct, frozen=True):
    """Effect: check this hello's credential, then call `welcome` or `refuse`. Read no further frame before."""

    hello: Hello


class Take(msgspec.Struct, frozen=True):
    """Effect: offer these fixes to the intake; hand its `Outcome` to `on_outcome`, or call `not_taken`."""

    fixes: list[RawFix]
    batch_id: str | None
    sent_at_ms: int | None


class Unreadable(msgspec.Struct, frozen=True):
    """Effect: count so many fixes that could not be read; they are refused in the next ack."""

    fixes: int


class Unread(msgspec.Struct, frozen=True):
    """Effect: count a frame of fixes that was not read, because its phone had been told to wait: it sends them again."""


class Tell(msgspec.Struct, frozen=True):
    """Effect: tell whoever cares how the phone is."""

    status: StatusFrame


class Shut(msgspec.Struct, frozen=True):
    """Effect: write what `next_text` still holds, then close with this code and reason (at most 123 bytes, RFC 6455 section 5.5)."""

    code: CloseCode
    reason: str


Effect = Identify | Take | Unreadable | Unread | Tell | Shut | Press | EnterPin
NO_EFFECTS: tuple[Effect, ...] = ()
NOT_READ: tuple[Effect, ...] = (Unread(),)


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of one connection, told in `welcome` where the phone must know them."""

    max_fixes: int = MAX_FIXES
    max_frame_bytes: int = MAX_FRAME_BYTES
    heartbeat_s: float = 20.0
    """Mobile operators drop idle TCP mappings after 30 s at the earliest; three missed ones make a dead line."""
    silent_s: float = 60.0
    max_bad_frames: int = 20
    """In a row: a program that is wrong this often will not get better by answering."""
    max_unread_ranges: int = 1_000
    """Of acks that the phone has not read: then it reads nothing, and loses nothing by reconnecting."""
    max_unread_errors: int = 20
    ack_gap_ms: int = 500
    """Between two acks to one device. A phone that sends ten fixes a second reads one ack for many; others never wait."""
    drain_s: float = 5.0
    busy_retry_s: float = 2.0
    """Whoever sends fixes all the same is not read meanwhile: to refuse them one by one took most of the time of a hub with too much to do.
    """
