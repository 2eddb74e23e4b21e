"""What is known of a watched visit after one more frame? The rules of watching, without a socket."""

from collections.abc import Callable

import msgspec

from core.errors import HubError, NotAllowed, NotFound, NotSignedIn
from realtime.close_code import SENTENCES, CloseCode, may_reconnect
from realtime.wire import Bye, ErrorFrame, Heartbeat, HubHeartbeat, PositionFrame, VisitFrame, VisitSnapshot, WatchVisit, encode
from realtime.wire_values import Arrival, PositionFeature, VisitFace

BEAT_S = 15.0
"""How often the client says that it is there; the hub waits for three of its own heartbeats."""
SILENT_S = 65.0
"""A hub that said nothing for so long is gone."""
FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 15.0

Heard = VisitSnapshot | PositionFrame | VisitFrame | HubHeartbeat | ErrorFrame | Bye
_REFUSALS: dict[int, type[HubError]] = {
    CloseCode.NOT_SIGNED_IN: NotSignedIn,
    CloseCode.LINK_ENDED: NotFound,
    CloseCode.REVOKED: NotSignedIn,
    CloseCode.FOREIGN_ORIGIN: NotAllowed,
}


class Sight(msgspec.Struct, frozen=True, kw_only=True):
    """A visit as its customer sees it now. `position`: a GeoJSON Feature, None while none may be shown; `arrival`: the expected span."""

    visit: VisitFace
    position: PositionFeature | None
    arrival: Arrival | None
    view_epoch: int
    sequence: int


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What follows a frame: the `sight` now, whether it `is_new` to the caller, and what to `say` to the hub, None for nothing."""

    sight: Sight | None
    is_new: bool = False
    say: str | None = None


class _Loose(msgspec.Struct, frozen=True):
    type: str


_KNOWN_TYPES = frozenset({"snapshot", "position", "visit", "heartbeat", "error", "bye"})
_decode: Callable[[str], Heard] = msgspec.json.Decoder(Heard).decode


def watch(link: str) -> str:
    """Return the first frame: whose visit to show. Said again it asks for a fresh snapshot."""
    return encode(WatchVisit(link=link)).decode()


def beat() -> str:
    """Return the frame that says "I am here"."""
    return encode(Heartbeat()).decode()


def hear(sight: Sight | None, text: str, link: str) -> Known:
    """Return what follows `text`. Frames of a kind that this client does not know are passed over; a hole asks for a snapshot."""
    if msgspec.json.decode(text, type=_Loose).type not in _KNOWN_TYPES:
        return Known(sight=sight)
    frame = _decode(text)
    if isinstance(frame, VisitSnapshot):
        return Known(sight=_of_snapshot(frame), is_new=True)
    if isinstance(frame, HubHeartbeat):
        return Known(sight=sight, say=beat())
    if isinstance(frame, ErrorFrame | Bye) or sight is None:
        return Known(sight=sight)
    if (frame.view_epoch, frame.sequence) != (sight.view_epoch, sight.sequence + 1):
        return Known(sight=sight, say=watch(link))
    return Known(sight=_moved(sight, frame), is_new=True)


def end_of(close_code: int | None) -> HubError | None:
    """Return why watching is over for good after a close, None when the client comes back by itself."""
    if close_code is None or may_reconnect(close_code):
        return None
    sentence = SENTENCES.get(CloseCode(close_code)) if close_code in set(CloseCode) else None
    return _REFUSALS.get(close_code, HubError)(sentence, close_code=close_code)


def wait_s(failures: int, chance: float) -> float:
    """Return how long to wait before connecting again after so many failures in a row; `chance` in [0, 1) spreads many clients."""
    return min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** min(failures, 10)) * (0.5 + chance)


def _of_snapshot(frame: VisitSnapshot) -> Sight:
    return Sight(
        visit=frame.visit, position=frame.position, arrival=frame.arrival, view_epoch=frame.view_epoch, sequence=frame.sequence
    )


def _moved(sight: Sight, frame: PositionFrame | VisitFrame) -> Sight:
    if isinstance(frame, VisitFrame):
        return msgspec.structs.replace(sight, visit=frame.visit, sequence=frame.sequence)
    return msgspec.structs.replace(sight, position=frame.position, arrival=frame.arrival, sequence=frame.sequence)
