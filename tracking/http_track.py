"""`GET /v1/visits/{visit_id}/track`: the way she took as GeoJSON, for the desk. Calls `TrackFlow`."""

from starlette.responses import Response

from core.caller import CallerKind, Scope
from core.errors import NotFound
from core.http_endpoint import Call, Endpoint
from core.ids import VisitId
from tracking.map_features import MEDIA_TYPE, dumped, track_collection
from tracking.track_flow import TrackFlow


def endpoints(tracks: TrackFlow) -> list[Endpoint]:
    """Return the endpoint of tracks."""

    async def track(call: Call) -> Response:
        judged = await tracks.track(call.caller, VisitId(call.path["visit_id"]))
        return Response(dumped(track_collection(judged)), 200, {"Cache-Control": "no-store"}, MEDIA_TYPE)

    return [
        Endpoint(
            method="GET",
            path="/v1/visits/{visit_id}/track",
            name="visit_track",
            summary="Read the recorded track of a visit as a GeoJSON FeatureCollection: a line of live fixes, points for the others.",
            handler=track,
            callers=frozenset({CallerKind.DISPATCHER, CallerKind.API}),
            scope=Scope.POSITIONS_READ,
            tag="positions",
            answers=((200, MEDIA_TYPE),),
            errors=(NotFound,),
        )
    ]
