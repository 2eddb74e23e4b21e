"""Is the hub alive, ready, well? `/livez`, `/readyz`, `/v1/health` and `/metrics`, for load balancers, operators and Prometheus."""

import hmac

from starlette.responses import PlainTextResponse, Response

from core.errors import NotSignedIn, Unavailable
from core.http_endpoint import Call, Endpoint
from hub.health import Health, HealthBook
from hub.metrics import CONTENT_TYPE, Metrics

TEXT = "text/plain"
_THIS_MACHINE = frozenset({"127.0.0.1", "::1", "localhost", ""})


def endpoints(book: HealthBook, metrics: Metrics, metrics_token: str) -> list[Endpoint]:
    """Return the rows of the route table. `metrics_token`: what /metrics asks for; "" answers callers of this machine only."""

    async def livez(_: Call) -> Response:
        return PlainTextResponse("alive\n", headers={"Cache-Control": "no-store"})

    async def readyz(_: Call) -> Response:
        health = await book.look()
        text = "ready\n" if health.can_take_taps else "not ready: a tap can neither be committed nor journaled here\n"
        return PlainTextResponse(text, 200 if health.can_take_taps else 503, {"Cache-Control": "no-store"})

    async def looked() -> Health:
        health = await book.look()
        found = {fault.name for fault in health.faults}
        for name in book.names():
            metrics.faults.labels(name).set(name in found)
        return health

    async def tell_health(_: Call) -> Health:
        return await looked()

    async def tell_metrics(call: Call) -> Response:
        _check_reader(call, metrics_token)
        await looked()
        return Response(metrics.text(), media_type=CONTENT_TYPE)

    return [
        Endpoint(
            method="GET", path="/livez", name="livez", summary="Answers while the worker's loop runs", handler=livez, answers=((200, TEXT),)
        ),
        Endpoint(
            method="GET", path="/readyz", name="readyz", summary="503 only when no tap could be kept", handler=readyz,
            answers=((200, TEXT), (503, TEXT)),
        ),
        Endpoint(
            method="GET",
            path="/v1/health",
            name="health",
            summary="Everything that is wrong, by name, with its cure",
            handler=tell_health,
            response=Health,
        ),
        Endpoint(
            method="GET", path="/metrics", name="metrics", summary="Prometheus metrics", handler=tell_metrics,
            errors=(NotSignedIn, Unavailable), answers=((200, TEXT),),
        ),
    ]  # fmt: skip


def _check_reader(call: Call, token: str) -> None:
    if not token:
        client = call.request.client
        if client is not None and client.host not in _THIS_MACHINE:
            raise NotSignedIn("Metrics are told to this machine only. Set PORCHLIGHT_METRICS_TOKEN to read them from elsewhere.")
        return
    shown = call.request.headers.get("authorization", "").removeprefix("Bearer ")
    if not hmac.compare_digest(shown.encode(), token.encode()):
        raise NotSignedIn("Show PORCHLIGHT_METRICS_TOKEN as a bearer token.")
