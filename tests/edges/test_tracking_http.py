"""Tracking's paths answer over HTTP as their table says: who may ask, what is refused, what comes back."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from httpx2 import ASGITransport, AsyncClient
from starlette.applications import Starlette
from starlette.requests import Request

import tracking.tables  # noqa: F401  (registers its tables on the metadata)
from core.caller import NOBODY, Caller, CallerKind, Scope
from core.clock import SystemClock
from core.http_endpoint import route_of
from core.ids import RandomIds, SiteId, TechnicianId, VisitId
from core.unit_of_work import UnitOfWork
from tests.doubles.memory_positions import MemoryPositions
from tests.doubles.tracking_doubles import FixedGate, KeptFeed
from tracking import http_nearby, http_track
from tracking.fix import Fix, Judged, Lane, Sender
from tracking.fix_flow import FixFlow
from tracking.nearby_flow import NearbyFlow
from tracking.phones import http_osmand
from tracking.phones.phone_flow import PhoneFlow
from tracking.ports import NoCounts, NoEar, TrackedVisit
from tracking.sql_fixes import SqlFixes
from tracking.track_flow import TrackFlow

pytestmark = pytest.mark.anyio
SITE = SiteId("site")
CALLERS = {
    "desk": Caller(kind=CallerKind.DISPATCHER, id="desk", sites=frozenset({SITE})),
    "key": Caller(kind=CallerKind.API, id="key", sites=frozenset({SITE}), scopes=frozenset({Scope.POSITIONS_READ})),
    "weak": Caller(kind=CallerKind.API, id="weak", sites=frozenset({SITE})),
    "device": Caller(kind=CallerKind.DEVICE, id="device", sites=frozenset({SITE})),
}


class ByHeader:
    """Says who asks by a header `x-who`; keeps no answers."""

    async def caller_of(self, request: Request) -> Caller:
        return CALLERS.get(request.headers.get("x-who", ""), NOBODY)


class Neighbours:
    async def sender_of(self, device_token: str) -> Sender | None:
        return Sender("d1", "t1", "site", 0, 0) if device_token == "good" else None

    async def tracked_visit(self, visit_id: VisitId) -> TrackedVisit | None:
        if visit_id != "v1":
            return None
        return TrackedVisit(visit_id=visit_id, site_id=SITE, technician_id=TechnicianId("t1"), from_ms=0)


@pytest.fixture
async def client(fixes_work: UnitOfWork) -> AsyncIterator[AsyncClient]:
    clock, positions, ledger = SystemClock(), MemoryPositions(), SqlFixes()
    fixes = FixFlow(positions, FixedGate(), KeptFeed(), NoCounts(), clock, RandomIds())
    phones = PhoneFlow(Neighbours(), fixes, None, NoEar(), NoCounts(), clock)
    async with fixes_work.begin() as tx:
        at_ms = clock.now_ms() - 1000
        await ledger.record(tx, [Judged(Fix("d1", 0, seq, "t1", at_ms + seq, at_ms, at_ms, 31.2, 121.5), Lane.LIVE) for seq in range(3)])
    rows = [
        *http_nearby.endpoints(NearbyFlow(positions, clock)),
        *http_track.endpoints(TrackFlow(Neighbours(), fixes_work, ledger, clock)),
        *http_osmand.endpoints(phones, clock),
    ]
    app = Starlette(routes=[route_of(row, ByHeader(), None, "http://hub") for row in rows])  # type: ignore[arg-type]
    task = asyncio.create_task(fixes.run())
    async with AsyncClient(transport=ASGITransport(app), base_url="http://hub") as client:
        yield client
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_stock_phone_is_answered_200_by_query_form_and_json_and_then_found_nearby(client: AsyncClient) -> None:
    address = "/in/osmand/good"
    form = "id=x&lat=31.2001&lon=121.5"
    nested = {"location": {"coords": {"latitude": 31.2002, "longitude": 121.5}}}
    answers = [
        await client.get(address, params={"lat": "31.2", "lon": "121.5"}),
        await client.post(address, content=form, headers={"content-type": "application/x-www-form-urlencoded"}),
        await client.post(address, json=nested),
        await client.post(address, content=b""),
        await client.get(address, params={"lat": "nonsense", "lon": "121.5"}),
        await client.post(address, content=b"{not json", headers={"content-type": "application/json"}),
    ]
    assert [answer.status_code for answer in answers] == [200] * 6
    found = await client.get("/v1/technicians/nearby", params={"site": "site", "lat": 31.2, "lon": 121.5}, headers={"x-who": "desk"})
    [she] = found.json()["items"]
    assert (she["technician_id"], she["distance_m"] < 40, she["age_s"] < 30) == ("t1", True, True)


async def test_an_unknown_phone_gets_401_and_an_alarm_without_a_safety_side_503(client: AsyncClient) -> None:
    assert (await client.get("/in/osmand/bad", params={"lat": "1", "lon": "1"})).status_code == 401
    assert (await client.get("/in/osmand/good", params={"alarm": "sos"})).status_code == 503


@pytest.mark.parametrize(("who", "status"), [("desk", 200), ("key", 200), ("weak", 403), ("device", 403), ("", 401)])
async def test_positions_are_for_the_desk_and_for_keys_with_the_scope(client: AsyncClient, who: str, status: int) -> None:
    headers = {"x-who": who}
    near = await client.get("/v1/technicians/nearby", params={"site": "site", "lat": 1, "lon": 1}, headers=headers)
    track = await client.get("/v1/visits/v1/track", headers=headers)
    assert (near.status_code, track.status_code) == (status, status)


BAD_QUERIES = [{"lat": 91}, {"lon": 181}, {"radius_m": 0}, {"radius_m": 60_000}, {"limit": 101}, {"max_age_s": -1}, {"x": 1}]


@pytest.mark.parametrize("query", BAD_QUERIES)
async def test_a_query_out_of_range_is_refused_in_words(client: AsyncClient, query: dict[str, float]) -> None:
    params = {"site": "site", "lat": 1, "lon": 1} | query
    answer = await client.get("/v1/technicians/nearby", params=params, headers={"x-who": "desk"})
    assert answer.status_code == 422
    assert next(iter(query)) in answer.json()["detail"]


async def test_a_track_is_geojson_with_longitude_first(client: AsyncClient) -> None:
    answer = await client.get("/v1/visits/v1/track", headers={"x-who": "desk"})
    assert answer.headers["content-type"] == "application/geo+json"
    [line] = answer.json()["features"]
    assert line["geometry"] == {"type": "LineString", "coordinates": [[121.5, 31.2]] * 3}
    assert (await client.get("/v1/visits/v9/track", headers={"x-who": "desk"})).status_code == 404
