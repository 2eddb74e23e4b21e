"""Routing engines over HTTP: their answers, and every way in which they fail, against servers that speak like them."""

from datetime import UTC, datetime

import aiohttp
import pytest

from core.errors import Unavailable
from core.geo import LatLon, distance_m
from tests.doubles.fake_routers import Mood, running_routers
from tracking.engine_answer import EngineSettings
from tracking.osrm_router import OsrmRouter
from tracking.router import RouteSource
from tracking.router_flow import FactorRouter, RouterWithFallback
from tracking.valhalla_router import ValhallaRouter

pytestmark = pytest.mark.anyio
MONACO, NICE = LatLon(43.7384, 7.4246), LatLon(43.7102, 7.2620)
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.fixture(params=[OsrmRouter, ValhallaRouter])
async def engine(request):
    async with running_routers() as fake, aiohttp.ClientSession() as http:
        yield request.param(http, fake.base_url, EngineSettings(profile="driving", deadline_s=0.3)), fake


async def test_an_engine_gives_metres_and_a_range_of_seconds(engine):
    router, _ = engine

    route = await router.route(MONACO, NICE, NOW)

    assert route.metres == pytest.approx(distance_m(MONACO, NICE) * 1.5, rel=1e-6)
    assert route.seconds_p50 == pytest.approx(route.metres / 10)
    assert route.seconds_p90 == pytest.approx(route.seconds_p50 * 1.6)
    assert route.source is RouteSource.ENGINE


async def test_an_engine_is_asked_for_the_right_places_in_its_own_order(engine):
    router, fake = engine

    await router.route(MONACO, NICE, NOW)

    if isinstance(router, OsrmRouter):
        assert fake.asked == ["/route/v1/driving/7.424600,43.738400;7.262000,43.710200"]
    else:
        assert '"lat": 43.7384, "lon": 7.4246' in fake.asked[0]
        assert '"costing": "driving"' in fake.asked[0]


@pytest.mark.parametrize("mood", [mood for mood in Mood if mood is not Mood.WELL])
async def test_an_engine_in_trouble_is_unavailable_and_the_factor_answers(engine, mood):
    router, fake = engine
    fake.mood = mood

    with pytest.raises(Unavailable):
        await router.route(MONACO, NICE, NOW)
    assert (await RouterWithFallback(router, FactorRouter()).route(MONACO, NICE, NOW)).source is RouteSource.FACTOR


async def test_an_engine_that_is_not_there_is_unavailable():
    async with aiohttp.ClientSession() as http:
        with pytest.raises(Unavailable):
            await OsrmRouter(http, "http://127.0.0.1:9").route(MONACO, NICE, NOW)
