"""What happens to every request, whatever it asks? A request id, security headers, a count and an access line by path template.

Pure ASGI, so that sockets pass through it as well. The access line names the route's template, never the path: links and stock phones
carry their token in the path.
"""

import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import structlog
from starlette.datastructures import MutableHeaders

from core.clock import Clock
from core.ids import IdSource
from hub.metrics import Metrics

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

log = structlog.get_logger(__name__)
_GIVEN_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
_QUIET = frozenset({"/livez", "/readyz", "/metrics"})
SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "geolocation=(), camera=(), microphone=()",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
"""The strictest answer; pages set their own, looser policy and keep it."""


class RequestFrame:
    """Wraps the whole application. `is_https`: the hub is reached by https, so browsers may be told to insist on it."""

    def __init__(self, app: App, *, clock: Clock, ids: IdSource, metrics: Metrics, is_https: bool) -> None:
        self._app = app
        self._clock = clock
        self._ids = ids
        self._metrics = metrics
        self._headers = dict(SECURITY_HEADERS)
        if is_https:
            self._headers["Strict-Transport-Security"] = "max-age=31536000"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or socket."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        request_id = self._request_id(scope)
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            await self._serve(scope, receive, send, request_id)

    async def _serve(self, scope: Scope, receive: Receive, send: Send, request_id: str) -> None:
        started_at_s = self._clock.monotonic()
        status = 0

        async def send_framed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                self._dress(message, request_id)
            await send(message)

        try:
            await self._app(scope, receive, send_framed)
        finally:
            if scope["type"] == "http":
                self._count(scope, status or 500, self._clock.monotonic() - started_at_s)

    def _request_id(self, scope: Scope) -> str:
        given = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"x-request-id"), "")
        return given if _GIVEN_ID.fullmatch(given) else self._ids.new_id()

    def _dress(self, message: Message, request_id: str) -> None:
        headers = MutableHeaders(raw=message["headers"]) if "headers" in message else MutableHeaders(scope=message)
        headers["X-Request-Id"] = request_id
        for name, value in self._headers.items():
            headers.setdefault(name, value)

    def _count(self, scope: Scope, status: int, took_s: float) -> None:
        route = scope.get("route")
        template = getattr(route, "path", None) or "(unknown)"
        self._metrics.requests.labels(scope["method"], template, str(status)).inc()
        self._metrics.request_s.labels(template).observe(took_s)
        if template not in _QUIET and not template.startswith("/assets"):
            log.info("request", method=scope["method"], path=template, status=status, ms=round(took_s * 1000, 1))
