"""The socket of the desk's console: `/v1/ws/console`. Several topics, each a snapshot and then deltas, in one envelope.

Called by `ws_link`; the first frame is `watch` with a ticket, got by an authenticated POST, and the topics. What stands in the topics is
kept in
`console_watch_flow`; this file numbers it and puts it on the wire. A slow console gets fewer deltas, then a snapshot; nothing is lost,
because
everything shown is state.
"""

import asyncio

import structlog
from msgspec import Raw
from starlette.websockets import WebSocket

from core.caller import Caller, CallerKind, Role
from core.clock import Clock
from core.errors import NotAllowed, NotSignedIn
from core.ids import IdSource
from realtime.close_code import CloseCode
from realtime.console_watch_flow import ConsoleWatch
from realtime.credential_watch_flow import CredentialWatch
from realtime.mailbox import Mailbox
from realtime.ports import Access
from realtime.session_effects import Limits
from realtime.topic_room_flow import TopicRoom
from realtime.watching import Change, Numbering
from realtime.wire import ErrorFrame, Frame, TopicDelta, TopicSnapshot, WatchTopics
from realtime.wire_console import TopicBehind
from realtime.wire_decode import BadFrame, FrameFault, decode_console
from realtime.ws_link import Link
from realtime.ws_links import Links
from realtime.ws_watcher import WatcherPeer

log = structlog.get_logger(__name__)

MAX_CHANGED = 2_000
"""Items of one topic that may wait for a slow console; beyond, a snapshot is shorter."""


class ConsoleDoor:
    """Where all consoles of this worker come in."""

    def __init__(
        self,
        links: Links,
        access: Access,
        watch: ConsoleWatch,
        credentials: CredentialWatch,
        clock: Clock,
        ids: IdSource,
        *,
        limits: Limits | None = None,
    ) -> None:
        self.access = access
        self.watch = watch
        self.credentials = credentials
        self.clock = clock
        self.ids = ids
        self.limits = limits or Limits()
        self._links = links

    async def serve(self, websocket: WebSocket) -> None:
        """The Starlette endpoint."""
        await self._links.serve(websocket, lambda link: _Console(self, link))


class _Watching:
    """One topic on one console: its rooms (one a site), what waits, the numbers."""

    def __init__(self, topic: str, first_epoch: int) -> None:
        self.topic = topic
        self.rooms: list[TopicRoom] = []
        self.mailbox: Mailbox[str, Raw | None] = Mailbox(MAX_CHANGED)
        self.numbering = Numbering(first_epoch)
        self.must_tell_behind = False

    def next_frame(self) -> Frame | None:
        """Return the topic's next frame, None when nothing waits or nothing could be read yet."""
        if self.must_tell_behind:
            self.must_tell_behind = False
            return self._behind()
        if self.mailbox.snapshot_due:
            return self._snapshot()
        waiting = self.mailbox.take_all()
        if not waiting:
            return None
        epoch, sequence = self.numbering.next()
        put = [item for item in waiting.values() if item is not None]
        drop = [key for key, item in waiting.items() if item is None]
        return TopicDelta(topic=self.topic, view_epoch=epoch, sequence=sequence, put=put, drop=drop)

    def _behind(self) -> Frame:
        since = [room.behind_since_ms for room in self.rooms if room.behind_since_ms is not None]
        return TopicBehind(topic=self.topic, since_ms=min(since, default=None))

    def _snapshot(self) -> Frame | None:
        loaded = [room for room in self.rooms if room.is_loaded]
        if not loaded:
            return None
        self.mailbox.take_snapshot()
        epoch, sequence = self.numbering.snapshot()
        items = [item for room in loaded for item in room.items.items.values()]
        return TopicSnapshot(topic=self.topic, view_epoch=epoch, sequence=sequence, items=items)


class _Console(WatcherPeer):
    """One console's socket. Meets `ws_link.Peer` and `console_watch_flow.ConsoleWatcher`."""

    def __init__(self, door: ConsoleDoor, link: Link) -> None:
        super().__init__(link, door.clock, door.limits)
        self._door = door
        self._caller: Caller | None = None
        self._topics: dict[str, _Watching] = {}
        self._changing: asyncio.Task[None] | None = None
        self._is_joining = False

    async def open(self, buffer: bytes | str) -> bool:
        """See `Peer.open`: wait for `watch` with a ticket."""
        frame = self.decoded(decode_console, buffer)
        if not isinstance(frame, WatchTopics):
            return False
        if frame.ticket is None:
            raise NotSignedIn("The first watch needs a ticket: get one by POST /v1/tickets.")
        self._caller = await self._door.access.redeem_ticket(frame.ticket)
        _must_be_desk(self._caller)
        self._door.credentials.add(self._caller, self.revoked)
        await self._watch(frame)
        return True

    def on_frame(self, buffer: bytes | str) -> bool:
        """See `Peer.on_frame`: `watch` again changes the topics and gives fresh snapshots."""
        frame = self.decoded(decode_console, buffer)
        if not isinstance(frame, WatchTopics):
            return True
        if self._changing is not None:
            self.misunderstood(BadFrame(FrameFault.NOT_NOW, "The last watch is still being carried out. Wait for its snapshots."))
            return True
        self._changing = asyncio.get_running_loop().create_task(self._change(frame))
        return True

    def next_shown(self) -> Frame | None:
        """See `WatcherPeer.next_shown`."""
        if self._is_joining:
            return None
        for watching in self._topics.values():
            if (frame := watching.next_frame()) is not None:
                return frame
        return None

    def gone(self) -> None:
        """See `Peer.gone`."""
        if self._changing is not None:
            self._changing.cancel()
        self._leave(set())
        if self._caller is not None:
            self._door.credentials.remove(self._caller, self.revoked)

    def revoked(self) -> None:
        """The dispatcher's session ended."""
        last_words = ErrorFrame(code="revoked", detail="Your session ended. Log in again.", fatal=True)
        self.end(last_words, CloseCode.REVOKED, "session ended")

    def on_change(self, topic: str, change: Change) -> None:
        """See `ConsoleWatcher`."""
        watching = self._topics.get(topic)
        if watching is None:
            return
        for key, item in change.put.items():
            watching.mailbox.put(key, item)
        for key in change.drop:
            watching.mailbox.put(key, None)
        self.link.kick()

    def on_reset(self, topic: str) -> None:
        """See `ConsoleWatcher`."""
        if (watching := self._topics.get(topic)) is not None:
            watching.mailbox.demand_snapshot()
            self.link.kick()

    def on_behind(self, topic: str) -> None:
        """See `ConsoleWatcher`."""
        if (watching := self._topics.get(topic)) is not None:
            watching.must_tell_behind = True
            self.link.kick()

    async def _watch(self, frame: WatchTopics) -> None:
        wanted = {topic.value for topic in frame.topics}
        if unknown := wanted - self._door.watch.topics():
            self.misunderstood(BadFrame(FrameFault.BAD_VALUE, f"There is no topic {', '.join(sorted(unknown))} on this hub."))
        wanted -= unknown
        self._is_joining = True
        try:
            self._leave(wanted)
            for topic in sorted(wanted):
                await self._join(topic)
        finally:
            self._is_joining = False
        for topic in wanted:
            self.on_reset(topic)

    async def _join(self, topic: str) -> None:
        if topic in self._topics or self._caller is None:
            return
        watching = self._topics[topic] = _Watching(topic, self._door.ids.new_epoch())
        for site_id in sorted(self._caller.sites):
            watching.rooms.append(await self._door.watch.join(site_id, topic, self))
        watching.must_tell_behind = any(room.behind_since_ms is not None for room in watching.rooms)

    async def _change(self, frame: WatchTopics) -> None:
        try:
            await self._watch(frame)
        except Exception:
            log.exception("console_watch_failed")
            self.link.close(CloseCode.FAILED, "internal error")
        finally:
            self._changing = None

    def _leave(self, but: set[str]) -> None:
        for topic in [topic for topic in self._topics if topic not in but]:
            for room in self._topics.pop(topic).rooms:
                self._door.watch.leave(room, self)


def _must_be_desk(caller: Caller) -> None:
    if caller.kind is not CallerKind.DISPATCHER:
        raise NotAllowed(f"The console is for dispatchers; a credential of kind {caller.kind.value} was shown. Log in at the console.")
    caller.must_be(Role.DISPATCHER)
