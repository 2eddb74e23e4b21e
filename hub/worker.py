"""What does one worker process do? Serve the socket that its parent listens on, until it is told to end or its parent is gone.

Started by `hub/parent.py` as `python -m hub.worker` with its settings in the environment. Ends on SIGTERM by draining: no new sockets, the
open ones are told to reconnect, running requests finish within `drain_s`. SIGINT is the parent's business: at a terminal everybody gets it.
"""

import asyncio
import contextlib
import gc
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import cast

import structlog
import uvicorn
import uvloop

from core.right_of_way import RightOfWay
from hub.app import create_app
from hub.direct_socket import DirectSocketProtocol
from hub.joints import Between, Joint, nothing
from hub.lifeline import PARENT_FD, PART, end_with_parent, settle_memory
from hub.logs import start_logging
from hub.middleware import App
from hub.part import Part
from hub.patient_http import PatientHttpProtocol
from hub.settings import Settings, load
from hub.settings_read import BadSettings
from hub.wiring import Hub, open_hub

log = structlog.get_logger(__name__)
LISTEN_FD = "PORCHLIGHT_LISTEN_FD"
SWITCH_S = 0.0005
"""SQLite's threads wait so long for a busy loop to let go of the interpreter, twice a statement, and a press has fifteen: with Python's own
5 ms that may add up to a tenth of a second. The ingest pays nothing that could be measured: its threads sleep.
"""


class DrainingServer(uvicorn.Server):
    """uvicorn's server, told to end by us alone, which first lets the hub say good-bye to its sockets."""

    def __init__(self, config: uvicorn.Config, drain: Callable[[], Awaitable[None]]) -> None:
        super().__init__(config)
        self._drain = drain

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone: uvicorn would raise them again at its end, before anything of ours is closed."""
        yield

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop accepting, drain, then end what is left."""
        for server in self.servers:
            server.close()
        try:
            await self._drain()
        except Exception:
            log.exception("drain_failed")
        await super().shutdown(sockets)


async def serve(
    settings: Settings, listener: socket.socket, parent_fd: int | None, *, between: Between = nothing, part: Part = Part.WHOLE
) -> None:
    """Serve `listener` until SIGTERM, or until the parent's end of `parent_fd` closes."""
    async with open_hub(settings, between=between, part=part) as hub:
        server = DrainingServer(uvicorn_config(app_of(hub), settings, hub.floor.way), hub.drain)
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, setattr, server, "should_exit", True)
        if parent_fd is not None:
            end_with_parent(parent_fd, lambda: setattr(server, "should_exit", True), settings.serve.drain_s + 5)
        # Modules and wiring live as long as the process: looking through them at every full collection, and at the end, costs a second.
        gc.freeze()
        log.info("worker_ready", worker_id=hub.floor.worker_id, pid=os.getpid())
        settle_memory()
        await server.serve(sockets=[listener])


def app_of(hub: Hub) -> App:
    """Return the ASGI application of an open hub."""
    floor = hub.floor
    app = create_app(
        floor.surface,
        authenticator=hub.authenticator,
        answers=hub.answers,
        public_url=floor.settings.public_url,
        clock=floor.clock,
        ids=floor.ids,
        metrics=floor.metrics,
    )
    return cast(App, floor.between(Joint.APP, app))


def uvicorn_config(app: object, settings: Settings, way: RightOfWay) -> uvicorn.Config:
    """Return how an application is served."""
    return uvicorn.Config(
        app,  # type: ignore[arg-type]
        loop="uvloop",
        http=partial(PatientHttpProtocol, way),  # type: ignore[arg-type]
        ws=DirectSocketProtocol,
        ws_max_size=settings.limits.max_frame_bytes,
        ws_per_message_deflate=False,
        # The hub's own heartbeats tell who is gone, in slices. Pings of sockets that were opened together, as after a restart, would be due
        # in one turn of the loop (decision 31).
        ws_ping_interval=None,
        ws_ping_timeout=None,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(settings.serve.trusted_proxies),
        forwarded_allow_ips=list(settings.serve.trusted_proxies),
        timeout_graceful_shutdown=int(settings.serve.drain_s) or 1,
        timeout_keep_alive=30,
        limit_concurrency=None,
    )


def main() -> None:
    """Run one worker."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.setswitchinterval(SWITCH_S)
    try:
        settings = load()
    except BadSettings as error:
        sys.exit(str(error))
    start_logging(settings.serve.log_level, settings.serve.log_format)
    listener = socket.socket(fileno=int(os.environ[LISTEN_FD]))
    parent_fd = int(os.environ[PARENT_FD]) if PARENT_FD in os.environ else None
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(settings, listener, parent_fd, part=Part(os.environ.get(PART, Part.WHOLE))))
    gc.freeze()  # everything is closed; the kernel frees memory faster


if __name__ == "__main__":
    main()
