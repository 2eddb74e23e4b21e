"""The real Valhalla engine behind its own HTTP answers: tiles built from a small extract, asked through the hub's router.

Runs where the extra `routing` is installed and `valhalla_build_tiles` is at hand: the wheels for Python 3.12 and newer bring it, the one
for 3.11 reads tiles but cannot build them, so there the builder must be on PATH.
"""

import asyncio
import json
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from core.errors import Unavailable
from core.geo import LatLon, distance_m
from tracking.engine_answer import EngineSettings
from tracking.router import RouteSource
from tracking.router_flow import FactorRouter, RouterWithFallback
from tracking.valhalla_router import ValhallaRouter

valhalla = pytest.importorskip("valhalla", reason="the wheel pyvalhalla is not installed: pip install 'porchlight-hub[routing]'")
pytestmark = [pytest.mark.anyio, pytest.mark.edge]

EXTRACT = Path(__file__).resolve().parents[3] / "shared/data/maps/monaco.osm.pbf"
CASINO, STATION, PARIS = LatLon(43.7384, 7.4246), LatLon(43.7310, 7.4197), LatLon(48.8566, 2.3522)
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
REFUSALS = (RuntimeError, getattr(valhalla, "ValhallaError", RuntimeError))
"""Newer wheels raise their own."""
PATIENT = EngineSettings(profile="auto", deadline_s=20)


def _builder() -> str | None:
    """Return the program that builds tiles: the wheel's own, else one on PATH."""
    own = Path(valhalla.__file__).parent / "bin" / "valhalla_build_tiles"
    return str(own) if own.is_file() else shutil.which("valhalla_build_tiles")


@pytest.fixture(scope="module")
def actor(tmp_path_factory):
    """The engine over tiles of Monaco."""
    builder = _builder()
    if builder is None:
        pytest.skip(f"pyvalhalla {valhalla.__version__} has no tile builder; put valhalla_build_tiles on PATH")
    if not EXTRACT.is_file():
        pytest.skip("there is no OpenStreetMap extract to build tiles from")
    folder = tmp_path_factory.mktemp("valhalla")
    config = valhalla.get_config(tile_extract="", tile_dir=str(folder / "tiles"), verbose=False)
    (folder / "tiles").mkdir()
    for key in ("traffic_extract", "admin", "timezone", "landmarks", "transit_dir", "transit_feeds_dir"):
        config["mjolnir"].pop(key, None)
    config["mjolnir"]["tile_extract"] = str(folder / "none.tar")
    path = folder / "valhalla.json"
    path.write_text(json.dumps(config))
    built = subprocess.run([builder, "-c", str(path), str(EXTRACT)], capture_output=True, text=True, timeout=120, check=False)
    assert built.returncode == 0, built.stderr[-2000:]
    return valhalla.Actor(str(path))


@pytest.fixture
async def engine(actor):
    """The hub's router over a server that hands `POST /route` to the engine and answers as Valhalla's own service does."""

    async def route(request: web.Request) -> web.Response:
        try:
            text = await asyncio.to_thread(actor.route, await request.text())
        except REFUSALS as refused:
            return web.json_response({"error_code": 171, "error": str(refused), "status_code": 400, "status": "Bad Request"}, status=400)
        return web.Response(text=text, content_type="application/json")

    app = web.Application()
    app.router.add_post("/route", route)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    async with aiohttp.ClientSession() as http:
        yield ValhallaRouter(http, f"http://127.0.0.1:{port}", PATIENT)
    await runner.cleanup()


async def test_the_real_engine_gives_a_road_longer_than_the_line(engine):
    there = await engine.route(CASINO, STATION, NOW)

    line_m = distance_m(CASINO, STATION)
    assert line_m < there.metres < 4 * line_m
    assert 3 < there.metres / there.seconds_p50 < 25
    assert there.seconds_p50 < there.seconds_p90
    assert there.source is RouteSource.ENGINE


async def test_outside_its_map_the_real_engine_is_unavailable_and_the_factor_answers(engine):
    with pytest.raises(Unavailable):
        await engine.route(CASINO, PARIS, NOW)
    assert (await RouterWithFallback(engine, FactorRouter()).route(CASINO, PARIS, NOW)).source is RouteSource.FACTOR
