"""A hub of cardboard for the pages: an invented town, one drive, canned answers. Speaks the same paths and frames as the real one.

`python -m tests.doubles.fake_hub_pages PORT` serves it for looking at the pages by eye.
"""

import asyncio
import contextlib
import math
import random
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from core.clock import SystemClock
from core.geo import LatLon, bearing_deg, distance_m, moved
from core.ids import SiteId
from realtime.http_pages import DemoLinks, MapSettings, Pages, PageSettings
from realtime.http_phones_page import PhonesPage
from realtime.page_model import CustomerPage
from realtime.wire_values import Arrival, Point, PositionFeature, PositionProperties, VisitFace
from tests.doubles.fake_desk_pages import FakeDesk
from tests.doubles.fake_phone_pages import CODE, FakePhoneSide

CENTRE = LatLon(48.1372, 11.5755)
NAMES = ("Lin", "Mara", "Yusuf", "Chen", "Aiko", "Noor", "Petra", "Wei", "Sofia", "Dara", "Ines", "Tomas")
LINK = "pl_lnk_demo"


def at(east_m: float, north_m: float) -> LatLon:
    """Return the place so many metres from the town's centre."""
    return moved(moved(CENTRE, 90.0, east_m), 0.0, north_m)


def lonlat(place: LatLon) -> list[float]:
    return [round(place.lon, 6), round(place.lat, 6)]


def town() -> bytes:
    """Return an invented town as GeoJSON: a warped grid, two main streets, a river, parks and houses."""
    chance = random.Random(7)
    features: list[dict[str, Any]] = []

    def add(kind: str, geometry: str, coordinates: Any, **more: Any) -> None:
        shape = {"type": geometry, "coordinates": coordinates}
        features.append({"type": "Feature", "properties": {"kind": kind, **more}, "geometry": shape})

    def bent(east: float, north: float) -> LatLon:
        return at(east + 60 * math.sin(north / 500), north + 70 * math.sin(east / 640))

    river = [at(-2600 + step * 100, -900 + 260 * math.sin(step / 6) + step * 9) for step in range(56)]
    add("water", "LineString", [lonlat(place) for place in river], width_m=46)
    for east, north, size in ((-900, 700, 300), (1000, -300, 220), (200, 1300, 260), (-300, -1300, 200)):
        ring = [lonlat(at(east + size * 1.3 * math.cos(a), north + size * math.sin(a * 1.0))) for a in [i * math.pi / 9 for i in range(19)]]
        add("park", "Polygon", [ring])
    for line in range(-12, 13):
        kind = "main_street" if line % 6 == 0 else "street"
        for vertical in (True, False):
            if kind == "street" and chance.random() < 0.12:
                continue
            span = range(-20, 21)
            points = [bent(line * 170, s * 100) if vertical else bent(s * 100, line * 170) for s in span]
            cut = chance.randint(0, 6) if kind == "street" else 0
            add(kind, "LineString", [lonlat(p) for p in points[cut : len(points) - chance.randint(0, 6) if kind == "street" else None]])
    return msgspec.json.encode({"type": "FeatureCollection", "features": features})


@dataclass
class Drive:
    """A way along the warped grid, from far to the customer's door."""

    speed_mps: float = 9.0
    start_ms: int = 0
    points: list[LatLon] = field(default_factory=list)

    def __post_init__(self) -> None:
        def bent(east: float, north: float) -> LatLon:
            return at(east + 60 * math.sin(north / 500), north + 70 * math.sin(east / 640))

        west = [bent(e, 1020) for e in range(-1700, -339, 40)]
        down = [bent(-340, n) for n in range(1020, -1, -40)]
        east = [bent(e, 0) for e in range(-340, 700, 40)]
        self.points = [*west, *down, *east]

    @property
    def end(self) -> LatLon:
        return moved(self.points[-1], 45.0, 25.0)

    def place(self, now_ms: int) -> tuple[LatLon, float, float]:
        """Return (place, heading, metres left) at a moment; starts over at the end."""
        total = sum(distance_m(a, b) for a, b in zip(self.points, self.points[1:], strict=False))
        gone = ((now_ms - self.start_ms) / 1000 * self.speed_mps) % total
        left = total - gone
        for a, b in zip(self.points, self.points[1:], strict=False):
            step = distance_m(a, b)
            if gone <= step:
                bearing = bearing_deg(a, b)
                return moved(a, bearing, gone), bearing, left
            gone -= step
        return self.points[-1], 0.0, 0.0


class FakeHub:
    """Facts and sockets. Tests change the public fields; `kick` closes every customer's socket with a code."""

    def __init__(self) -> None:
        self.clock = SystemClock()
        self.made_ms = self.clock.now_ms()
        self.loop: asyncio.AbstractEventLoop | None = None
        self.drive = Drive(start_ms=self.clock.now_ms() - 95_000)
        self.stage = "departed"
        self.link_alive = True
        self.silent = False
        self.skip_sequence = False
        self.locale = "en"
        self.fix_age_ms = 2_000
        self.off_deg = 0.0
        self.basemap_bytes = town()
        self.sockets: set[WebSocket] = set()
        self.got: list[dict[str, Any]] = []
        self.fixed_arrival: Arrival | None = None
        self.desk = FakeDesk(self.clock, self.drive, NAMES)
        self.phone = FakePhoneSide(self.clock, self.drive.end)

    # What PageData asks.

    async def customer_page(self, link_token: str, now_ms: int) -> CustomerPage | None:
        if link_token != LINK or not self.link_alive:
            return None
        on_the_way = self.stage == "departed"
        return CustomerPage(
            site_id=SiteId("lantern-hill"),
            visit=self.face(),
            position=self.position(now_ms) if on_the_way else None,
            arrival=self.arrival(now_ms) if on_the_way else None,
        )

    async def basemap(self, site_id: str) -> bytes | None:
        return self.basemap_bytes if site_id == "lantern-hill" else None

    # Canned facts.

    def face(self) -> VisitFace:
        quarter = 900_000
        start = self.made_ms // quarter * quarter + quarter
        return VisitFace(
            stage=self.stage, service="massage", technician_name=None if self.stage == "created" else "Lin", verified="identity",
            door_code="482913", window_start_ms=start, window_end_ms=start + 2 * quarter, planned_min=60,
            started_at_ms=self.made_ms - 300_000 if self.stage == "in_service" else None, place=lonlat(self.drive.end),
            time_zone="Europe/Berlin", locale=self.locale, site_name="Lantern Hill", desk_phone="+498912345678", emergency_number="112",
            position_allowed=self.stage == "departed",
        )  # fmt: skip

    def position(self, now_ms: int) -> PositionFeature:
        at_ms = now_ms - self.fix_age_ms
        place, heading, _ = self.drive.place(at_ms)
        facts = PositionProperties(at_ms=at_ms, accuracy_m=12.0, heading_deg=round(heading, 1), speed_mps=9.0)
        lon, lat = lonlat(place)
        return PositionFeature(geometry=Point(coordinates=(lon + self.off_deg, lat)), properties=facts)

    def arrival(self, now_ms: int) -> Arrival:
        if self.fixed_arrival is not None:
            return self.fixed_arrival
        _, _, left = self.drive.place(now_ms)
        seconds = left / self.drive.speed_mps + 180
        return Arrival(
            earliest_ms=now_ms + int(seconds * 900), latest_ms=now_ms + int(seconds * 1250) + 60_000, as_of_ms=now_ms, distance_m=left
        )

    # Sockets.

    async def visit_socket(self, socket: WebSocket) -> None:
        await socket.accept(subprotocol="porchlight.v1")
        self.sockets.add(socket)
        try:
            await self._serve_customer(socket)
        except WebSocketDisconnect:
            pass
        finally:
            self.sockets.discard(socket)

    async def _serve_customer(self, socket: WebSocket) -> None:
        watch = await socket.receive_json()
        if watch.get("link") != LINK or not self.link_alive:
            await socket.send_json({"type": "bye", "reason": "link_ended"})
            await socket.close(4104)
            return
        await self._send_snapshot(socket, epoch := 1)
        sequence, stage = 0, self.stage
        reader = asyncio.create_task(socket.receive_json())
        try:
            while True:
                await asyncio.wait([reader], timeout=1.0)
                if reader.done():
                    frame = reader.result()
                    self.got.append(frame)
                    reader = asyncio.create_task(socket.receive_json())
                    if frame["type"] == "watch":
                        epoch, sequence = epoch + 1, 0
                        await self._send_snapshot(socket, epoch)
                    continue
                if self.silent:
                    continue
                now_ms, sequence = self.clock.now_ms(), sequence + 1
                if self.skip_sequence:
                    self.skip_sequence, sequence = False, sequence + 1
                envelope = {"view_epoch": epoch, "sequence": sequence}
                if self.stage != stage:
                    stage = self.stage
                    await send(socket, {"type": "visit", **envelope, "visit": self.face()})
                elif stage == "departed":
                    frame = {"position": self.position(now_ms), "arrival": self.arrival(now_ms)}
                    await send(socket, {"type": "position", **envelope, **frame})
                else:
                    sequence -= 1
                    await socket.send_json({"type": "heartbeat", "server_at_ms": now_ms})
        finally:
            reader.cancel()
            with contextlib.suppress(BaseException):
                await reader

    async def _send_snapshot(self, socket: WebSocket, epoch: int) -> None:
        now_ms = self.clock.now_ms()
        page = await self.customer_page(LINK, now_ms)
        assert page is not None
        facts = {"visit": page.visit, "position": page.position, "arrival": page.arrival, "server_at_ms": now_ms}
        await send(socket, {"type": "snapshot", "view_epoch": epoch, "sequence": 0, **facts})

    async def kick(self, code: int) -> None:
        for socket in list(self.sockets):
            with contextlib.suppress(RuntimeError):
                await socket.close(code)


async def send(socket: WebSocket, frame: dict[str, Any]) -> None:
    await socket.send_text(msgspec.json.encode(frame).decode())


def app(hub: FakeHub, origin: str, where: MapSettings | None = None) -> Starlette:
    """Return the whole cardboard hub."""
    demo = DemoLinks(
        customer_url=f"/t/{LINK}", console_url="/console", technician_url=f"/technician#enrol={CODE}", user="demo", password="lantern"
    )
    pages = Pages(hub, hub.clock, PageSettings(public_origin=origin, demo=demo, map=where or MapSettings()))
    desk = hub.desk
    api = [
        Route("/v1/sessions", desk.log_in, methods=["POST"]),
        Route("/v1/sessions/current", desk.log_out, methods=["DELETE"]),
        Route("/v1/sessions/current", desk.who_am_i),
        Route("/v1/duty", desk.duty, methods=["GET", "POST"]),
        Route("/v1/duty/end", desk.end_duty, methods=["POST"]),
        Route("/v1/incidents/{incident_id}", desk.incident),
        Route("/v1/incidents/{incident_id}/{act}", desk.incident_act, methods=["POST"]),
        Route("/v1/notices", desk.told),
        Route("/v1/visits/{visit_id}", desk.visit),
        Route("/v1/sites/{site_id}", desk.site),
        Route("/v1/tickets", desk.ticket, methods=["POST"]),
        Route("/v1/technicians", desk.technicians),
    ]
    sockets = [WebSocketRoute("/v1/ws/visit", hub.visit_socket), WebSocketRoute("/v1/ws/console", desk.console_socket)]

    @contextlib.asynccontextmanager
    async def living(_: Starlette) -> AsyncIterator[None]:
        # A test in another thread closes sockets in this loop.
        hub.loop = asyncio.get_running_loop()
        yield

    return Starlette(lifespan=living, routes=[*api, *hub.phone.routes(), *sockets, *pages.routes(), *PhonesPage(pages).routes()])


if __name__ == "__main__":
    port = int(sys.argv[1])
    fake = FakeHub()
    fake.desk.signed_in = "--signed-in" in sys.argv
    if "--incident" in sys.argv:
        fake.desk.raise_examples()
    uvicorn.run(app(fake, f"http://127.0.0.1:{port}"), port=port, log_level="warning", ws="websockets-sansio")
