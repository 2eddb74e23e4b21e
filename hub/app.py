"""What does the hub answer to? The Starlette application: endpoint tables, sockets, pages and mounts, as wiring hands them over."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, WebSocketRoute
from starlette.websockets import WebSocket

from core.clock import Clock
from core.errors import HubError, NotFound
from core.http_endpoint import Authenticator, Endpoint, IdempotencyStore, problem_response, route_of
from core.ids import IdSource
from hub.metrics import Metrics
from hub.middleware import App, Receive, RequestFrame, Scope, Send


@dataclass(kw_only=True)
class Surface:
    """Everything reachable from outside: `endpoints` become routes; `routes` are sockets, pages and mounts that are routes already."""

    endpoints: list[Endpoint] = field(default_factory=list)
    routes: list[BaseRoute] = field(default_factory=list)


class MethodNotAllowed(HubError):
    """This path knows no such method. The documents at /docs list what it knows."""

    code, status = "method_not_allowed", 405


class SocketOnly(HubError):
    """This path is a WebSocket's. Open it with a WebSocket client and the subprotocol porchlight.v1; /docs says what to send."""

    code, status = "socket_only", 426


_NOTHING_HERE = NotFound("There is nothing at this path. The documents at /docs list what there is.")


def create_app(
    surface: Surface,
    *,
    authenticator: Authenticator,
    answers: IdempotencyStore,
    public_url: str,
    clock: Clock,
    ids: IdSource,
    metrics: Metrics,
) -> App:
    """Return the ASGI application of one worker."""
    routes = [route_of(endpoint, authenticator, answers, public_url) for endpoint in surface.endpoints]
    app = Starlette(routes=_in_order([*routes, *surface.routes]), exception_handlers={HTTPException: _problem})
    app.router.default = _Nowhere(surface.routes)
    return RequestFrame(app, clock=clock, ids=ids, metrics=metrics, is_https=public_url.startswith("https://"))


def _in_order(routes: Sequence[BaseRoute]) -> list[BaseRoute]:
    # Starlette takes the first that fits: "/v1/technicians/nearby" must come before "/v1/technicians/{id}".
    return sorted(routes, key=lambda route: [(part.startswith("{"), part) for part in getattr(route, "path", "").split("/")])


class _Nowhere:
    """Answers what no route takes: an unknown path, of sockets too, and a plain request for a socket's path."""

    def __init__(self, routes: Sequence[BaseRoute]) -> None:
        self._sockets = frozenset(route.path for route in routes if isinstance(route, WebSocketRoute))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or handshake."""
        if scope["type"] == "websocket":
            await WebSocket(scope, receive, send).send_denial_response(problem_response(_NOTHING_HERE))
        elif scope["path"] in self._sockets:
            await _problem_with(SocketOnly(), {"Upgrade": "websocket"})(scope, receive, send)
        else:
            await problem_response(_NOTHING_HERE)(scope, receive, send)


async def _problem(_: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    if status == 404:
        return problem_response(_NOTHING_HERE)
    if status == 405:
        return _problem_with(MethodNotAllowed(), getattr(error, "headers", None) or {})
    return problem_response(HubError(str(getattr(error, "detail", "")) or None))


def _problem_with(error: HubError, headers: Mapping[str, str]) -> Response:
    answer = problem_response(error)
    answer.headers.update(headers)
    return answer
