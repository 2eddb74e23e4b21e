"""The sockets of one worker on a real server and a free port, with everything behind them in memory."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from starlette.applications import Starlette

from core.caller import NOBODY
from core.clock import SystemClock
from core.http_endpoint import Endpoint, route_of
from core.ids import RandomIds
from hub.direct_socket import DirectSocketProtocol
from realtime import http_fixes, http_visit_view
from realtime.console_watch_flow import ConsoleWatch
from realtime.credential_watch_flow import CredentialWatch
from realtime.fanout import Fanout
from realtime.session_effects import Limits
from realtime.visit_watch_flow import VisitWatch
from realtime.ws_console import ConsoleDoor
from realtime.ws_links import Links
from realtime.ws_routes import socket_routes
from realtime.ws_technician import TechnicianDoor
from realtime.ws_visit import VisitDoor
from tests.doubles.free_port import free_listener
from tests.doubles.served_doors import NoIdempotency
from tests.doubles.socket_ports import (
    FixedArrivals,
    LocalPokes,
    MemoryAccess,
    MemoryFence,
    MemoryIntake,
    MemoryLastKnown,
    MemoryTopic,
    MemoryVisits,
    device_caller,
    dispatcher_caller,
    link_caller,
)


class BearerOnly:
    """Meets `core.http_endpoint.Authenticator` over `MemoryAccess`."""

    def __init__(self, access: MemoryAccess) -> None:
        self._access = access

    async def caller_of(self, request):
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        return await self._access.caller_of_token(token) if token else NOBODY


class SocketHub:
    """All parts, reachable by name; `ws` and `http` are the URLs to call."""

    def __init__(self, limits: Limits | None = None, **deadlines: float) -> None:
        self.clock, self.ids = SystemClock(), RandomIds()
        self.access, self.fence, self.visits = MemoryAccess(), MemoryFence(), MemoryVisits()
        self.last_known, self.incidents, self.fanout = MemoryLastKnown(), MemoryTopic(), Fanout()
        self.pokes = LocalPokes(self.fanout)
        self.intake = MemoryIntake(self.fence, self.fanout, self.clock)
        self.links = Links(self.clock, self.ids, {"https://hub.example"}, **deadlines)
        self.credentials = CredentialWatch(self.access, self.clock)
        self.visit_watch = VisitWatch(self.visits, self.last_known, FixedArrivals(), self.fanout, self.clock)
        self.console_watch = ConsoleWatch({"incidents": self.incidents}, self.last_known, self.fanout, self.clock)
        self.technicians = TechnicianDoor(
            self.links, self.access, self.fence, self.intake, self.fanout, self.pokes, self.credentials, self.clock, limits=limits
        )
        self.customers = VisitDoor(self.links, self.access, self.visit_watch, self.clock, self.ids, limits=limits)
        self.consoles = ConsoleDoor(self.links, self.access, self.console_watch, self.credentials, self.clock, self.ids, limits=limits)
        for watcher in (self.technicians, self.visit_watch, self.console_watch, self.credentials):
            self.fanout.watch_pokes(watcher)
        self.access.tokens |= {
            "pl_dev_1": device_caller("dev-1"),
            "pl_dev_2": device_caller("dev-2", "tech-2"),
            "pl_lnk_1": link_caller(),
            "pl_api_1": dispatcher_caller(),
        }
        self.access.tickets |= {"pl_tic_desk": dispatcher_caller(), "pl_tic_dev": device_caller("dev-1"), "pl_tic_lnk": link_caller()}
        self.ws = self.http = ""

    def endpoints(self) -> list[Endpoint]:
        return [
            *http_fixes.endpoints(self.intake, self.fanout),
            *http_visit_view.endpoints(self.access, self.visit_watch, self.clock),
        ]

    def app(self) -> Starlette:
        routes = [route_of(row, BearerOnly(self.access), NoIdempotency(), "https://hub.example") for row in self.endpoints()]
        return Starlette(routes=[*routes, *socket_routes(self.technicians, self.customers, self.consoles)])


@asynccontextmanager
async def running_hub(limits: Limits | None = None, ws: Any = DirectSocketProtocol, **deadlines: float) -> AsyncIterator[SocketHub]:
    """Serve a `SocketHub` while the block runs; at its end every socket must be gone. `ws`: as uvicorn takes it."""
    hub = SocketHub(limits, **deadlines)
    listener = free_listener()
    port = listener.getsockname()[1]
    hub.ws, hub.http = f"ws://127.0.0.1:{port}", f"http://127.0.0.1:{port}"
    config = uvicorn.Config(
        hub.app(),
        ws=ws,
        ws_max_size=65536,
        ws_per_message_deflate=False,
        lifespan="off",
        log_config=None,
        access_log=False,
    )
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    flows = (hub.links.pulse, hub.technicians.aside.run, hub.visit_watch.run, hub.console_watch.run, hub.credentials.run)
    async with asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(server._serve([listener]))
        running = [tasks.create_task(flow()) for flow in flows]
        while not server.started:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
        try:
            yield hub
        finally:
            await hub.links.drain(2.0)
            server.should_exit = True
            await serving
            for task in running:
                task.cancel()
    assert len(hub.links) == 0
