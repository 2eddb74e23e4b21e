"""The socket of a customer's page: `/v1/ws/visit`. One visit, words first, then the dot.

Called by `ws_link`; the first frame is `watch` with the link's token or a ticket within 5 s. What is shown is decided in
`visit_watch_flow`; this file
numbers it and puts it on the wire, newest only. Every way in which there is nothing to watch ends alike: `bye`, close 4104.
"""

import msgspec
from starlette.websockets import WebSocket

from core.caller import Caller, CallerKind
from core.clock import Clock
from core.errors import NotFound, NotSignedIn
from core.ids import IdSource
from realtime.close_code import CloseCode
from realtime.mailbox import Kept, Mailbox
from realtime.ports import Access, Emergency, NoEmergency, Watched
from realtime.position_books import PositionBooks
from realtime.session_effects import Limits
from realtime.visit_watch_flow import VisitRoom, VisitWatch
from realtime.watching import Numbering
from realtime.wire import Bye, Frame, PositionFrame, VisitFrame, VisitSnapshot, WatchVisit
from realtime.wire_decode import BadFrame, FrameFault, decode_customer
from realtime.wire_sos import SosFrame
from realtime.wire_values import Arrival, PositionFeature, VisitFace
from realtime.ws_emergency import EmergencyLane
from realtime.ws_link import Link
from realtime.ws_links import Links
from realtime.ws_watcher import WatcherPeer

_FACE, _POSITION = "visit", "position"
_CAPACITY = 4
"""Kinds of frames that can wait: two are enough, four leave room for the next kind."""


class _Moved(msgspec.Struct, frozen=True):
    """A position to send, with the arrival as it was then."""

    feature: PositionFeature | None
    arrival: Arrival | None


class VisitDoor:
    """Where all customers' sockets of this worker come in."""

    def __init__(
        self, links: Links, access: Access, watch: VisitWatch, clock: Clock, ids: IdSource, *, limits: Limits | None = None,
        emergency: Emergency | None = None,
    ) -> None:  # fmt: skip
        self.access = access
        self.watch = watch
        self.clock = clock
        self.ids = ids
        self.limits = limits or Limits()
        self.emergency = EmergencyLane(emergency or NoEmergency())
        self.books = PositionBooks()
        self._links = links

    async def serve(self, websocket: WebSocket) -> None:
        """The Starlette endpoint."""
        await self._links.serve(websocket, lambda link: _Customer(self, link))


class _Customer(WatcherPeer):
    """One customer's socket. Meets `ws_link.Peer` and `visit_watch_flow.VisitWatcher`."""

    __slots__ = ("_caller", "_door", "_mailbox", "_numbering", "_room")

    def __init__(self, door: VisitDoor, link: Link) -> None:
        super().__init__(link, door.clock, door.limits)
        self._door = door
        self._room: VisitRoom | None = None
        self._caller: Caller | None = None
        self._numbering = Numbering(door.ids.new_epoch())
        self._mailbox: Mailbox[str, VisitFace | _Moved] = Mailbox(_CAPACITY)

    async def open(self, buffer: bytes | str) -> bool:
        """See `Peer.open`: wait for `watch`."""
        frame = self.decoded(decode_customer, buffer)
        if isinstance(frame, SosFrame):
            self.misunderstood(BadFrame(FrameFault.NOT_NOW, "Say watch first, or press by POST /v1/sos with the link."))
        if not isinstance(frame, WatchVisit):
            return False
        try:
            self._caller = await self._caller_of(frame)
            watched = watched_of(self._caller)
            self._room = await self._door.watch.join(watched, self)
        except (NotSignedIn, NotFound):
            self.on_ended()
        return True

    def on_frame(self, buffer: bytes | str) -> bool:
        """See `Peer.on_frame`: `watch` again asks for a fresh snapshot of the same visit; its credential is not looked at again."""
        frame = self.decoded(decode_customer, buffer)
        if isinstance(frame, WatchVisit):
            self._demand_snapshot()
        elif isinstance(frame, SosFrame) and self._caller is not None:
            self._door.emergency.press(self._caller, frame, self.answer)
        return True

    def next_shown(self) -> Frame | None:
        """See `WatcherPeer.next_shown`."""
        room, mailbox = self._room, self._mailbox
        if room is None or mailbox.is_empty:
            return None
        if mailbox.take_snapshot():
            return self._snapshot(room)
        waiting = mailbox.take()
        return None if waiting is None else self._delta(waiting[1])

    def gone(self) -> None:
        """See `Peer.gone`."""
        self._demand_snapshot()
        if self._room is not None:
            self._door.watch.leave(self._room, self)
            self._room = None

    def on_snapshot(self) -> None:
        """See `VisitWatcher`."""
        self._demand_snapshot()
        self.link.kick()

    def on_face(self, face: VisitFace) -> None:
        """See `VisitWatcher`."""
        self._mailbox.put(_FACE, face)
        self.link.kick()

    def on_position(self, feature: PositionFeature | None, arrival: Arrival | None) -> None:
        """See `VisitWatcher`."""
        books = self._door.books
        books.live += 1
        if self._mailbox.is_empty and self.is_silent and (line := self.link.free_line) is not None:
            line.say(self.said(self._position(feature, arrival)))
            return
        if self._mailbox.put(_POSITION, _Moved(feature, arrival)) is not Kept.NEW:
            books.coalesced += 1
        self.link.kick()

    def on_ended(self) -> None:
        """See `VisitWatcher`. Expired, revoked, guessed: nobody outside can tell which."""
        self.end(Bye(reason="ended"), CloseCode.LINK_ENDED, "nothing to watch")

    async def _caller_of(self, watch: WatchVisit) -> Caller:
        if watch.link is not None:
            return await self._door.access.caller_of_token(watch.link)
        if watch.ticket is not None:
            return await self._door.access.redeem_ticket(watch.ticket)
        raise NotSignedIn("Say which link: watch needs link or ticket.")

    def _demand_snapshot(self) -> None:
        if _POSITION in self._mailbox:
            self._door.books.coalesced += 1
        self._mailbox.demand_snapshot()

    def _snapshot(self, room: VisitRoom) -> Frame:
        epoch, sequence = self._numbering.snapshot()
        now_ms = self._door.clock.now_ms()
        return VisitSnapshot(
            view_epoch=epoch,
            sequence=sequence,
            visit=room.state.face,
            position=room.presentable(),
            arrival=room.arrival,
            server_at_ms=now_ms,
        )

    def _delta(self, value: VisitFace | _Moved) -> Frame:
        if not isinstance(value, VisitFace):
            return self._position(value.feature, value.arrival)
        epoch, sequence = self._numbering.next()
        return VisitFrame(view_epoch=epoch, sequence=sequence, visit=value)

    def _position(self, feature: PositionFeature | None, arrival: Arrival | None) -> PositionFrame:
        self._door.books.pushed += 1
        epoch, sequence = self._numbering.next()
        return PositionFrame(view_epoch=epoch, sequence=sequence, position=feature, arrival=arrival)


def watched_of(caller: Caller) -> Watched:
    """Return what a link's holder watches; raises `NotSignedIn` for other credentials, which have no visit of their own."""
    if caller.kind is not CallerKind.LINK or caller.visit_id is None:
        raise NotSignedIn("Only a customer's link opens this. Ask for a link of the visit.")
    return Watched(caller.visit_id, caller.link_id)
