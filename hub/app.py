"""What does the hub answer to? The Starlette application: endpoint tables, sockets, pages and mounts, as wiring hands them over."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from core.clock import Clock
from core.errors import HubError, NotFound
from core.http_endpoint import Authenticator, Endpoint, IdempotencyStore, problem_response, route_of
from core.ids import IdSource
from hub.metrics import Metrics
from hub.middleware import App, RequestFrame


@dataclass(kw_only=True)
class Surface:
    """Everything reachable from outside: `endpoints` become routes; `routes` are sockets, pages and mounts that are routes already."""

    endpoints: list[Endpoint] = field(default_factory=list)
    routes: list[BaseRoute] = field(default_factory=list)


class MethodNotAllowed(HubError):
    """This path knows no such method. The documents at /docs list what it knows."""

    code, status = "method_not_allowed", 405


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
    return RequestFrame(app, clock=clock, ids=ids, metrics=metrics, is_https=public_url.startswith("https://"))


def _in_order(routes: Sequence[BaseRoute]) -> list[BaseRoute]:
    # Starlette takes the first that fits: "/v1/technicians/nearby" must come before "/v1/technicians/{id}".
    return sorted(routes, key=lambda route: [(part.startswith("{"), part) for part in getattr(route, "path", "").split("/")])


async def _problem(_: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    if status == 404:
        return problem_response(NotFound("There is nothing at this path. The documents at /docs list what there is."))
    if status == 405:
        return problem_response(MethodNotAllowed())
    return problem_response(HubError(str(getattr(error, "detail", "")) or None))
