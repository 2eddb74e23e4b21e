"""`GET /v1/technicians/nearby`: for the desk, and for integrators with the scope positions:read. Calls `NearbyFlow`."""

from typing import Annotated

import msgspec
from msgspec import Meta

from core.caller import CallerKind, Scope
from core.errors import Unavailable
from core.geo import LatLon
from core.http_endpoint import Call, Endpoint
from core.ids import SiteId
from tracking.nearby import NearbyTechnician
from tracking.nearby_flow import NearbyFlow

MAX_RADIUS_M = 50_000
MAX_LIMIT = 100
MAX_AGE_S = 3600


class NearbyQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The place in degrees WGS-84; `radius_m` up to 50 km; `limit` up to 100; positions older than `max_age_s` are left out."""

    site: SiteId
    lat: Annotated[float, Meta(ge=-90, le=90)]
    lon: Annotated[float, Meta(ge=-180, le=180)]
    radius_m: Annotated[float, Meta(gt=0, le=MAX_RADIUS_M)] = 5_000
    limit: Annotated[int, Meta(ge=1, le=MAX_LIMIT)] = 20
    max_age_s: Annotated[float, Meta(gt=0, le=MAX_AGE_S)] = 120


class NearbyAnswer(msgspec.Struct, frozen=True):
    """Technicians, nearest first."""

    items: list[NearbyTechnician]


def endpoints(nearby: NearbyFlow) -> list[Endpoint]:
    """Return the endpoint of nearby technicians."""

    async def near(call: Call) -> NearbyAnswer:
        query: NearbyQuery = call.query
        call.caller.must_reach(query.site)
        place = LatLon(query.lat, query.lon)
        return NearbyAnswer(await nearby.near(query.site, place, query.radius_m, query.limit, query.max_age_s))

    return [
        Endpoint(
            method="GET",
            path="/v1/technicians/nearby",
            name="nearby_technicians",
            summary="List technicians near a place, nearest first, with distance and age of their position.",
            handler=near,
            callers=frozenset({CallerKind.DISPATCHER, CallerKind.API}),
            scope=Scope.POSITIONS_READ,
            query=NearbyQuery,
            response=NearbyAnswer,
            tag="positions",
            errors=(Unavailable,),
        )
    ]
