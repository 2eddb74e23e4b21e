"""Which sockets has this worker open? Accepting them, their common clock, and their end when the worker goes.

Called by the Starlette endpoints of the doors; hands each socket to a `ws_link.Link` and maps however that ends to a documented close code.
The hub calls `drain` before the server closes, and the supervisor runs `pulse`.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Collection

import msgspec
import structlog
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.websockets import WebSocket, WebSocketDisconnect

from core.clock import Clock
from core.errors import Busy, NotAllowed
from core.http_endpoint import problem_response
from core.ids import IdSource
from core.right_of_way import RightOfWay
from realtime.close_code import CloseCode
from realtime.wire import SUBPROTOCOL
from realtime.ws_link import DEAD_LINE, FIRST_FRAME_S, SEND_S, Link, Peer

log = structlog.get_logger(__name__)

DRAIN_JITTER_S = 15
"""Reconnects after a drain are spread over so many seconds: 20,000 phones cost a worker about 14 s of one core."""
SLICE = 128
"""Sockets looked after in one turn of the event loop: a millisecond or two, by estimate."""
GIVES_WAY_S = 0.2
"""So long a round waits for what is urgent: hearts beat every few seconds, not to the tenth."""

RETRY_AFTER_S = 10


class SocketBounds(msgspec.Struct, frozen=True):
    """How many sockets this worker has open at most: in `all`, and `per_address` of the other side; 0: no bound."""

    all: int = 20_000
    per_address: int = 0


NO_BOUNDS = SocketBounds(0, 0)


class Links:
    """All sockets of this worker. `origins`: where the hub's own pages come from, such as `https://hub.example`; others are refused."""

    def __init__(
        self,
        clock: Clock,
        ids: IdSource,
        origins: Collection[str] = (),
        bounds: SocketBounds = NO_BOUNDS,
        *,
        first_frame_s: float = FIRST_FRAME_S,
        send_s: float = SEND_S,
        way: RightOfWay | None = None,
    ) -> None:
        self._clock = clock
        self._ids = ids
        self._origins = frozenset(origins)
        self._first_frame_s = first_frame_s
        self._send_s = send_s
        self._bounds = bounds
        self._links: set[Link] = set()
        self._by_address: Counter[str] = Counter()
        self._draining = False
        self._way = way or RightOfWay()

    def __len__(self) -> int:
        """Return how many sockets are open."""
        return len(self._links)

    async def serve(self, websocket: WebSocket, peer_for: Callable[[Link], Peer]) -> None:
        """Accept a socket, run its peer, and map however it ends to a documented close code."""
        if (denied := self._denial(websocket)) is not None:
            await websocket.send_denial_response(denied)
            return
        offered = websocket.scope.get("subprotocols") or ()
        await websocket.accept(subprotocol=SUBPROTOCOL if SUBPROTOCOL in offered else None)
        link = Link(websocket, self._first_frame_s, self._send_s)
        peer = peer_for(link)
        address = _address_of(websocket)
        self._links.add(link)
        self._by_address[address] += 1
        try:
            await self._run(link, peer)
        finally:
            self._links.discard(link)
            self._leave(address)
            peer.gone()
            await link.finish()

    async def _run(self, link: Link, peer: Peer) -> None:
        if self._draining:
            link.close(CloseCode.DRAINING, "reconnect")
            return
        try:
            await link.run(peer)
        except WebSocketDisconnect:
            return
        except asyncio.CancelledError as cancelled:
            # Only our own giving-up is an end; everybody else's cancellation must go on.
            if cancelled.args != (DEAD_LINE,):
                raise
            if (task := asyncio.current_task()) is not None:
                task.uncancel()
        except TimeoutError:
            link.close(CloseCode.UNAVAILABLE, "checking the first frame took too long")
        except Exception as error:
            link.fail(error)

    async def pulse(self) -> None:
        """Once a second, let every peer look at the time. Run by the supervisor until cancelled."""
        while True:
            await self._clock.sleep(1.0)
            await self.pulse_once()

    async def pulse_once(self) -> None:
        """One round of `pulse`."""
        now_ms = self._clock.now_ms()
        async for some in self._way.slices(tuple(self._links), SLICE, self._clock, GIVES_WAY_S):
            for link in some:
                self._beat(link, now_ms)

    @staticmethod
    def _beat(link: Link, now_ms: int) -> None:
        if link.peer is None:
            return
        try:
            link.peer.beat(now_ms)
        except Exception:
            # One broken peer must not stop the hearts of all others.
            log.exception("socket_beat_failed")
            link.close(CloseCode.FAILED, "internal error")
        link.kick()

    async def drain(self, deadline_s: float = 10.0) -> None:
        """Ask every socket to reconnect elsewhere, spread at random; wait until they are gone or `deadline_s` is over. Call it on stop."""
        self._draining = True
        for link in tuple(self._links):
            wait_s = self._ids.uniform(0.0, DRAIN_JITTER_S)
            if link.peer is not None:
                link.peer.drain(self._clock.now_ms(), f"reconnect in {wait_s:.1f} s")
                link.kick()
        end_s = self._clock.monotonic() + deadline_s
        while self._links and self._clock.monotonic() < end_s:
            await self._clock.sleep(0.05)
            await self.pulse_once()

    def _leave(self, address: str) -> None:
        self._by_address[address] -= 1
        if self._by_address[address] <= 0:
            del self._by_address[address]

    def _is_full(self, websocket: HTTPConnection) -> bool:
        bounds = self._bounds
        if 0 < bounds.all <= len(self._links):
            return True
        return 0 < bounds.per_address <= self._by_address[_address_of(websocket)]

    def _denial(self, websocket: HTTPConnection) -> Response | None:
        if self._is_full(websocket):
            # Taps have another door: POST /v1/sos asks for no socket.
            return problem_response(Busy("This worker has no room for another socket. Come back in a moment.", retry_after_s=RETRY_AFTER_S))
        # Not `websocket.headers`: the socket would keep a copy of them as long as it is open.
        origin = Headers(scope=websocket.scope).get("origin")
        if origin is None or self._is_own(origin, websocket):
            return None
        error = NotAllowed("A page of another origin opened this socket. Use the hub's own page.")
        return problem_response(error)

    def _is_own(self, origin: str, websocket: HTTPConnection) -> bool:
        """Browsers do not apply the same-origin policy to sockets: the Origin header is the only guard against foreign pages."""
        return origin in self._origins or origin in own_origins(websocket)


def _address_of(websocket: HTTPConnection) -> str:
    return websocket.client.host if websocket.client is not None else ""


def own_origins(connection: HTTPConnection) -> tuple[str, str]:
    """Return the origins that a page of this very host and port has, by the Host header that browsers do not let pages choose."""
    host = connection.headers.get("host", "")
    return f"http://{host}", f"https://{host}"
