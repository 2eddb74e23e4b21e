"""The socket of a technician's phone or page: `/v1/ws/technician`.

Called by `ws_link` with each frame; hands fixes to `tracking.fix_flow` and answers when they are durable. All decisions about what comes
next are `session`'s. The credential says who it is (Authorization header, or token or ticket in `hello`); ids in the payload are ignored. A
device has one connection: the newest takes the fence, the older is told `superseded`, here at once and on other workers by a poke and at
its next batch.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog
from starlette.websockets import WebSocket

from core.caller import Caller, CallerKind
from core.clock import Clock
from core.errors import Busy, NotSignedIn, Unavailable
from core.ids import DeviceId, SiteId, TechnicianId
from core.right_of_way import RightOfWay
from realtime.close_code import CloseCode
from realtime.connected_phones import ConnectedPhones
from realtime.credential_watch_flow import CredentialWatch
from realtime.fanout import Fanout
from realtime.ports import Access, Emergency, Fence, Intake, NoEmergency, NoPhoneListener, PhoneListener, Poke, Pokes, PokeTopic
from realtime.session import Session
from realtime.session_effects import Effect, Identify, Limits, Shut, State, Take, Tell, Unread, Unreadable
from realtime.set_aside_flow import SetAside
from realtime.wire import Cadence, ErrorFrame, Frame, Hello, VisitChanged
from realtime.wire_decode import FrameFault
from realtime.wire_sos import EnterPin, Press, Prompt
from realtime.ws_credentials import bearer_of, device_of
from realtime.ws_emergency import EmergencyLane
from realtime.ws_late_acks import LateAcks
from realtime.ws_link import Link
from realtime.ws_links import Links
from tracking.fix import Outcome, Sender

log = structlog.get_logger(__name__)

FENCE_RETRY_MS = 2_000
AckedOf = Callable[[SiteId, DeviceId, int], Awaitable[int | None]]
"""Returns the highest seq of a device's epoch that the hub is known to hold."""


class TechnicianDoor:
    """Where all technician sockets of this worker come in. Register it with `fanout.watch_pokes`."""

    def __init__(
        self,
        links: Links,
        access: Access,
        fence: Fence,
        intake: Intake,
        fanout: Fanout,
        pokes: Pokes,
        credentials: CredentialWatch,
        clock: Clock,
        *,
        listener: PhoneListener | None = None,
        emergency: Emergency | None = None,
        way: RightOfWay | None = None,
        limits: Limits | None = None,
    ) -> None:
        self.acked_of: AckedOf = _nothing_known
        self.access = access
        self.fence = fence
        self.intake = intake
        self.fanout = fanout
        self.pokes = pokes
        self.credentials = credentials
        self.clock = clock
        self.listener: PhoneListener = listener or NoPhoneListener()
        self.emergency = EmergencyLane(emergency or NoEmergency())
        self.limits = limits or Limits()
        self._links = links
        self.phones = ConnectedPhones()
        self.late_acks = LateAcks(self.limits.ack_gap_ms)
        self.aside = SetAside(way or RightOfWay(), clock)

    async def serve(self, websocket: WebSocket) -> None:
        """The Starlette endpoint."""
        await self._links.serve(websocket, lambda link: _Phone(self, link, bearer_of(websocket)))

    def on_poke(self, _site_id: SiteId, poke: Poke) -> None:
        """See `fanout.PokeWatcher`: another worker took a device over, or a visit of hers changed."""
        about, _, detail = poke.id.partition("/")
        if poke.topic == PokeTopic.TAKEN_OVER and detail.isdecimal():
            self.phones.taken_over(DeviceId(about), int(detail))
        elif poke.topic == PokeTopic.TECHNICIANS and detail:
            self.phones.say(TechnicianId(about), VisitChanged(visit_id=detail))
        elif poke.topic == PokeTopic.PROMPTS and detail.count("/") == 2:
            visit_id, kind, how = detail.split("/")
            self.phones.say(TechnicianId(about), Prompt(visit_id=visit_id, kind=kind, is_reminder=how == "reminder"))

    def on_gap(self) -> None:
        """See `fanout.PokeWatcher`: nothing to do, the fence itself keeps an older connection out."""


async def _nothing_known(_site_id: SiteId, _device_id: DeviceId, _device_epoch: int) -> int | None:
    return None


class _Phone:
    """One connection of one device: carries out the session's effects. Meets `ws_link.Peer`."""

    __slots__ = (
        "_bearer", "_caller", "_door", "_fence_due_ms", "_fencing", "_is_ack_waiting", "_link", "aside", "sender", "session",
    )  # fmt: skip

    def __init__(self, door: TechnicianDoor, link: Link, bearer: str | None) -> None:
        self.session = Session(door.limits, door.clock.now_ms())
        self._door = door
        self._link = link
        self._bearer = bearer
        self._caller: Caller | None = None
        self.sender: Sender | None = None
        self._fencing: asyncio.Task[None] | None = None
        self._fence_due_ms = 0
        self._is_ack_waiting = False
        self.aside = 0

    async def open(self, buffer: bytes | str) -> bool:
        """See `Peer.open`: wait for a good `hello`."""
        for effect in self.session.on_frame(buffer, self._door.clock.now_ms()):
            if isinstance(effect, Identify):
                await self._identify(effect.hello)
            elif isinstance(effect, Press) and self._caller is None:
                await self._press_first(effect)
            else:
                self.do((effect,))
        return self.session.state is not State.HELLO

    def on_frame(self, buffer: bytes | str) -> bool:
        """See `Peer.on_frame`."""
        if self._door.aside.takes(self, buffer):
            return False
        self.do(self.session.on_frame(buffer, self._door.clock.now_ms()))
        return self.session.is_urged

    def read_late(self, buffer: bytes | str) -> None:
        """See `set_aside_flow.Reader`."""
        try:
            self.do(self.session.on_frame(buffer, self._door.clock.now_ms()))
        except Exception as error:
            self._link.fail(error)
        if self.session.is_urged:
            self._link.kick()

    def next_text(self) -> bytes | None:
        """See `Peer.next_text`."""
        return self.session.next_text(self._door.clock.now_ms()) if self.session.has_news else None

    def beat(self, now_ms: int) -> None:
        """See `Peer.beat`."""
        self.do(self.session.beat(now_ms))
        if self.session.state is State.LIVE and self.session.session_no == 0 and self._fencing is None and now_ms >= self._fence_due_ms:
            self._fencing = asyncio.get_running_loop().create_task(self._fence_late())

    def drain(self, now_ms: int, reason: str) -> None:
        """See `Peer.drain`."""
        self.do(self.session.drain(now_ms, reason))

    def gone(self) -> None:
        """See `Peer.gone`. Outcomes that come later find a closed session and change nothing."""
        self.session.state = State.CLOSED
        if self._fencing is not None:
            self._fencing.cancel()
        if self._caller is not None and self.sender is not None:
            self._door.credentials.remove(self._caller, self.revoked)
            self._door.phones.leave(self, self.sender)
            if not self._door.phones.has(self.sender.device_id):
                self._door.listener.on_gone(self._caller, self._door.clock.now_ms())

    def say(self, frame: Cadence | VisitChanged | Prompt) -> None:
        """Queue a frame and write it."""
        self.session.say(frame)
        self._link.kick()

    def revoked(self) -> None:
        """The credential ended: say so and close."""
        detail = "This device was revoked or its enrolment ended. Enrol it again."
        self.do(self.session.refuse(CloseCode.REVOKED, "revoked", detail))

    def do(self, effects: Sequence[Effect]) -> None:
        """Carry out effects; what they want said is written at once."""
        for effect in effects:
            if isinstance(effect, Take):
                self._take(effect)
            elif isinstance(effect, Unreadable):
                self._door.intake.note_unreadable(effect.fixes)
            elif isinstance(effect, Unread):
                self._door.intake.note_unread()
            elif isinstance(effect, Shut):
                self._link.close(effect.code, effect.reason)
            elif isinstance(effect, Press | EnterPin):
                self._call_for_help(effect)
            elif isinstance(effect, Tell) and self._caller is not None:
                self._door.listener.on_status(self._caller, effect.status, self._door.clock.now_ms())

    def _call_for_help(self, effect: Press | EnterPin) -> None:
        lane = self._door.emergency
        if self._caller is None:
            self._answer(ErrorFrame(code=FrameFault.NOT_NOW, detail="Say hello first, or press by POST /v1/sos."))
        elif isinstance(effect, Press):
            lane.press(self._caller, effect.frame, self._answer)
        else:
            lane.pin(self._caller, effect.frame, self._answer)

    async def _press_first(self, press: Press) -> None:
        """A press before `hello`: the Authorization header says who she is, and that is enough."""
        if self._bearer is None:
            self._call_for_help(press)
            return
        caller = await self._door.access.caller_of_token(self._bearer)
        device_of(caller)
        self._door.emergency.press(caller, press.frame, self._answer)

    def _answer(self, frame: Frame) -> None:
        self.do(self.session.answered(frame))
        self._link.kick()

    def _take(self, take: Take) -> None:
        sender = self.sender
        if sender is None:
            return
        try:
            self._door.intake.offer(sender, take.fixes, batch_id=take.batch_id, on_done=self._on_outcome, sent_at_ms=take.sent_at_ms)
        except Busy:
            self.session.not_taken()

    def _on_outcome(self, outcome: Outcome) -> None:
        if effects := self.session.on_outcome(outcome):
            self.do(effects)
        if self.session.is_urged or (not self._is_ack_waiting and self.session.is_ack_due(self._door.clock.now_ms())):
            self._link.kick()
        elif not self._is_ack_waiting:
            self._is_ack_waiting = True
            self._door.late_acks.add(self._ack_late)

    def _ack_late(self) -> bool:
        self._link.kick()
        self._is_ack_waiting = self.session.has_news and self.session.state is State.LIVE
        return self._is_ack_waiting

    async def _identify(self, hello: Hello) -> None:
        door = self._door
        try:
            caller = await self._caller_of(hello)
        except NotSignedIn as refused:
            self.do(self.session.refuse(CloseCode.NOT_SIGNED_IN, refused.code, refused.detail))
            return
        site_id, technician_id, device_id = device_of(caller)
        door.fanout.learn_site(technician_id, site_id)
        session_no = await self._fence(site_id, technician_id, device_id)
        acked = await door.acked_of(site_id, device_id, hello.device_epoch) if session_no else None
        now_ms = door.clock.now_ms()
        door.intake.note_clock(device_id, hello.sent_at_ms)
        self._caller = caller
        self.sender = Sender(device_id, technician_id, site_id, session_no, hello.device_epoch)
        door.credentials.add(caller, self.revoked)
        self.session.welcome(session_no, now_ms, acked)
        self._enter(site_id, device_id, session_no)
        door.listener.on_connected(caller, now_ms)

    async def _caller_of(self, hello: Hello) -> Caller:
        if (token := self._bearer or hello.token) is not None:
            caller = await self._door.access.caller_of_token(token)
        elif hello.ticket is not None:
            caller = await self._door.access.redeem_ticket(hello.ticket)
        else:
            raise NotSignedIn("No credential came with hello: send an Authorization header, or token or ticket in the frame.")
        if caller.kind is not CallerKind.DEVICE:
            raise NotSignedIn(f"This socket is for devices; a credential of kind {caller.kind.value} was shown. Use a device token.")
        return caller

    async def _fence(self, site_id: SiteId, technician_id: TechnicianId, device_id: DeviceId) -> int:
        try:
            return await self._door.fence.take_fence(site_id, technician_id, device_id)
        except Unavailable:
            # Taps must get through without Redis: the phone is let in, only its fixes have to wait.
            log.warning("fence_away")
            return 0

    async def _fence_late(self) -> None:
        sender = self.sender
        self._fence_due_ms = self._door.clock.now_ms() + FENCE_RETRY_MS
        try:
            if sender is None or (session_no := await self._fence(sender.site_id, sender.technician_id, sender.device_id)) == 0:
                return
            self.sender = Sender(sender.device_id, sender.technician_id, sender.site_id, session_no, sender.device_epoch)
            self.session.fenced(session_no)
            self._enter(sender.site_id, sender.device_id, session_no)
        finally:
            self._fencing = None

    def _enter(self, site_id: SiteId, device_id: DeviceId, session_no: int) -> None:
        if self.sender is not None:
            self._door.phones.enter(self, self.sender)
        if session_no > 0:
            self._door.pokes.poke(site_id, PokeTopic.TAKEN_OVER, f"{device_id}/{session_no}")
