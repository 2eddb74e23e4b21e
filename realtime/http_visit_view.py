"""The customer's view as JSON: `GET /v1/t/{link_token}`, for pages without a socket and for programs that poll.

The same answer as the snapshot of `/v1/ws/visit`, by the same rules. A guessed, revoked or outlived link is `not_found`, each alike. The
path is
logged as its template only, and nobody may keep or pass on the answer.
"""

import geojson
import msgspec
from starlette.responses import Response

from core.clock import Clock
from core.errors import NotFound, NotSignedIn, TooMany
from core.http_endpoint import Call, Endpoint
from realtime.ports import Access
from realtime.visit_watch_flow import VisitRoom, VisitWatch
from realtime.wire_values import Arrival, PositionFeature, VisitFace
from realtime.ws_visit import watched_of

POLL_S = 5
"""How often polling makes sense: visits are re-read as often."""


class VisitView(msgspec.Struct, frozen=True, kw_only=True):
    """What a link shows at `server_at_ms`; ask again after `poll_s` seconds."""

    visit: VisitFace
    position: PositionFeature | None
    arrival: Arrival | None
    server_at_ms: int
    poll_s: int = POLL_S


def endpoints(access: Access, watch: VisitWatch, clock: Clock) -> list[Endpoint]:
    """Return the endpoint of the customer's view."""

    async def visit_view(call: Call) -> Response:
        glance = _Glance()
        try:
            room = await watch.join(watched_of(await access.caller_of_token(call.path["link_token"])), glance)
        except (NotSignedIn, NotFound):
            # One answer for guessed, revoked and outlived links: not even the wording may tell them apart.
            raise NotFound("There is nothing under this link.") from None
        try:
            return _answer(room, clock.now_ms())
        finally:
            watch.leave(room, glance)

    return [
        Endpoint(
            method="GET",
            path="/v1/t/{link_token}",
            name="visit_view",
            summary="Show what a customer's link shows now: words, position as GeoJSON, arrival window.",
            handler=visit_view,
            response=VisitView,
            tag="customer",
            errors=(NotFound, TooMany),
        )
    ]


def _answer(room: VisitRoom, now_ms: int) -> Response:
    feature = room.presentable()
    body = msgspec.json.encode(
        {
            "visit": room.state.face,
            "position": None if feature is None else as_geojson(feature),
            "arrival": room.arrival,
            "server_at_ms": now_ms,
            "poll_s": POLL_S,
        }
    )
    headers = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    return Response(body, 200, headers, "application/json")


def as_geojson(feature: PositionFeature) -> geojson.Feature:
    """Return the feature as the `geojson` package has it; raises `ValueError` when that finds it invalid."""
    point = geojson.Point(feature.geometry.coordinates, precision=6)
    if not point.is_valid:
        raise ValueError(f"{point.errors()}: this position should never have been stored.")
    return geojson.Feature(geometry=point, properties=msgspec.to_builtins(feature.properties))


class _Glance:
    """Watches for the length of one request. Meets `visit_watch_flow.VisitWatcher`."""

    def on_snapshot(self) -> None:
        """The answer is read from the room itself."""

    def on_face(self, face: VisitFace) -> None:
        """Too late for this answer."""

    def on_position(self, feature: PositionFeature | None, arrival: Arrival | None) -> None:
        """Too late for this answer."""

    def on_ended(self) -> None:
        """The next request will say so."""
