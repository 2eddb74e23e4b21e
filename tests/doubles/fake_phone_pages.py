"""The technician's side of the cardboard hub: enrolment, shift, visits, acts and a socket that acknowledges, all in memory."""

import asyncio
import contextlib
from datetime import timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from core.clock import Clock
from core.geo import LatLon
from tests.doubles.fake_desk_pages import SITE, problem

TOKEN = "pl_dev_cardboard"
CODE = "12345-67890"
NEXT = {"depart": "departed", "arrive": "arrived", "start": "in_service", "end": "ended", "leave": "left"}
POSSIBLE = {
    "assigned": ["depart", "cancel"], "departed": ["arrive", "abort_unsafe"], "arrived": ["start", "no_show", "abort_unsafe"],
    "in_service": ["end", "abort_unsafe"], "ended": ["leave"],
}  # fmt: skip


class FakePhoneSide:
    """One technician's shift and visit. Tests set `is_answering`, `is_acking`, `is_confirming` (presses) and `is_revoked`, and read
    `acts`, `rows`, `presses` (road, body), `entered` PINs and `extended_min`. `is_losing` answers: done, and the answer is lost."""

    def __init__(self, clock: Clock, place: LatLon) -> None:
        self.clock, self.place = clock, place
        self.first_at = clock.now().replace(second=0, microsecond=0) + timedelta(minutes=20)
        self.shift: dict[str, Any] | None = None
        self.stage = "assigned"
        self.version = 2
        self.is_answering = True
        self.is_acking = True
        self.is_busy = False
        self.unread: list[list[Any]] = []
        self.is_revoked = False
        self.acts: list[tuple[str, str, dict[str, Any]]] = []
        self.rows: list[list[Any]] = []
        self.presses: list[tuple[str, dict[str, Any]]] = []
        self.is_confirming = True
        self.pins: dict[str, str] | None = None
        self.entered: list[str] = []
        self.customer = "Rosa Feld"
        self.extended_min = 0
        self.is_losing = False
        self.phase = "quiet"
        self.sockets: set[WebSocket] = set()
        self.is_there = True
        self.act_refusal: dict[str, Any] | None = None

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/v1/enrolments", self.enrol, methods=["POST"]),
            Route("/v1/me", self.me),
            Route("/v1/me/shift", self.my_shift, methods=["GET", "POST"]),
            Route("/v1/me/shift/{act}", self.change_shift, methods=["POST"]),
            Route("/v1/me/visits", self.visits),
            Route("/v1/visits/{visit_id}/{act}", self.act, methods=["POST"]),
            Route("/v1/sos", self.sos, methods=["POST"]),
            Route("/v1/sos/pin", self.enter_pin, methods=["POST"]),
            Route("/v1/me/extensions", self.extend, methods=["POST"]),
            Route("/v1/me/pins", self.set_pins, methods=["PUT"]),
            Route("/v1/me/sos", self.sos_face),
            WebSocketRoute("/v1/ws/technician", self.socket),
        ]

    async def enrol(self, request: Request) -> Response:
        body = await request.json()
        if body["code"] != CODE:
            return problem(401, "not_signed_in", "This code does not count.")
        return JSONResponse({"device_id": "dev-1", "technician_id": "tec-0", "site_id": SITE, "token": TOKEN}, 201)

    def refusal(self, request: Request) -> Response | None:
        if not self.is_answering:
            return problem(503, "unavailable", "Try again.")
        is_hers = request.headers.get("authorization") == f"Bearer {TOKEN}"
        return None if is_hers and not self.is_revoked else problem(401, "not_signed_in", "Enrol again.")

    async def me(self, request: Request) -> Response:
        face = {"id": "tec-0", "site_id": SITE, "name": "Lin Wen", "shown_name": "Lin"}
        numbers = [{"service": "police", "number": "112"}]
        facts = {"site_name": "Lantern Hill", "zone": "Europe/Berlin", "desk_phone": "+498912345678", "emergency_numbers": numbers}
        return self.refusal(request) or JSONResponse({"technician": face, **facts, "location_notice_version": "3", "shift": self.shift})

    async def my_shift(self, request: Request) -> Response:
        if (refused := self.refusal(request)) is not None:
            return refused
        if request.method == "GET":
            return JSONResponse({"shift": self.shift})
        body = await request.json()
        opened = self.clock.now().isoformat()
        self.shift = {"state": "open", "opened_at": opened, "unwatched": False, **body}
        return JSONResponse(self.shift, 201)

    async def change_shift(self, request: Request) -> Response:
        if (refused := self.refusal(request)) is not None:
            return refused
        state = {"pause": "paused", "resume": "open", "close": "closed"}[request.path_params["act"]]
        changed = {**(self.shift or {}), "state": state}
        self.shift = None if state == "closed" else changed
        return JSONResponse(changed)

    async def visits(self, request: Request) -> Response:
        return self.refusal(request) or JSONResponse({"items": [] if self.stage == "left" else [self.face(), self.later()]})

    def face(self) -> dict[str, Any]:
        start = self.first_at
        where = {"lat": self.place.lat, "lon": self.place.lon, "address": "7 Heron Lane, Lantern Hill"}
        # With PINs more time is not to be had by the plain act.
        plain = ["extend"] if self.stage == "in_service" and self.pins is None else []
        return {
            "id": "vis-1", "site_id": SITE, "stage": self.stage, "version": self.version, "service_kind": "massage",
            "window_start": start.isoformat(), "window_end": (start + timedelta(minutes=30)).isoformat(),
            "possible": POSSIBLE[self.stage] + plain, "planned_end": (start + timedelta(minutes=60 + self.extended_min)).isoformat(),
            "place": {**where, "floor": "3", "entry_code": "4711#", "note": ""},
            "customer": {"name": self.customer}, "door_code": "482",
        }  # fmt: skip

    def later(self) -> dict[str, Any]:
        start = self.first_at + timedelta(hours=3)
        window = {"window_start": start.isoformat(), "window_end": (start + timedelta(minutes=30)).isoformat()}
        more = {"id": "vis-2", "stage": "assigned", "service_kind": "care", "possible": ["depart", "cancel"], **window}
        place = {**self.face()["place"], "address": "19 Candle Row, Lantern Hill", "floor": "", "entry_code": ""}
        return {**self.face(), **more, "place": place, "customer": {"name": "Otto Lind"}, "door_code": "155"}

    async def act(self, request: Request) -> Response:
        body = await request.json()
        act = request.path_params["act"]
        self.acts.append((act, request.headers.get("idempotency-key", ""), body))
        if (refused := self.refusal(request)) is not None:
            return refused
        if self.act_refusal is not None:
            return JSONResponse({"status": 409, **self.act_refusal}, 409, media_type="application/problem+json")
        if act == "start" and body.get("door_code") != "913":
            return problem(409, "wrong_door_code", "The door code does not match.")
        self.extended_min += body.get("minutes", 0)
        self.stage, self.version = NEXT.get(act, self.stage), self.version + 1
        return JSONResponse({} if self.stage == "left" else self.face())

    def pressed(self, road: str, body: dict[str, Any]) -> dict[str, Any] | None:
        self.presses.append((road, body))
        if not self.is_confirming:
            return None
        self.phase = "received"
        return {"tap_id": body["tap_id"], "status": "received", "at_ms": self.clock.now_ms()}

    async def sos(self, request: Request) -> Response:
        receipt = self.pressed("http", await request.json())
        return problem(503, "unavailable", "SQL is away.") if receipt is None else JSONResponse(receipt)

    async def set_pins(self, request: Request) -> Response:
        wanted = await request.json()
        present = wanted.pop("present_pin", None)
        if self.pins is not None and present not in self.pins.values():
            return problem(422, "present_pin_needed", "PINs are set already.")
        self.pins = wanted
        return self.refusal(request) or Response(status_code=204)

    async def enter_pin(self, request: Request) -> Response:
        pin = (await request.json())["pin"]
        self.entered.append(pin)
        accepted = pin in (self.pins or {}).values()
        self.phase = "cancelled" if accepted else self.phase
        return JSONResponse({"accepted": accepted, "face": {"phase": self.phase, "tap_id": None}})

    async def extend(self, request: Request) -> Response:
        body = await request.json()
        if (refused := self.refusal(request)) is not None:
            return refused
        self.entered.append(body["pin"])
        accepted = body["pin"] in (self.pins or {}).values()
        self.extended_min += body["minutes"] if accepted else 0
        return problem(503, "unavailable", "Try again.") if self.is_losing else JSONResponse({"accepted": accepted})

    async def sos_face(self, request: Request) -> Response:
        return JSONResponse({"phase": self.phase, "tap_id": None})

    async def socket(self, socket: WebSocket) -> None:
        await socket.accept(subprotocol="porchlight.v1")
        self.sockets.add(socket)
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):
            hello = await socket.receive_json()
            limits = {"max_fixes": 500, "max_frame_bytes": 65536, "heartbeat_s": 15}
            await socket.send_json({"type": "welcome", "session_no": 1, "server_at_ms": self.clock.now_ms(), **limits})
            while True:
                await self.on_frame(socket, hello["device_epoch"], await socket.receive_json())
        self.sockets.discard(socket)

    async def on_frame(self, socket: WebSocket, epoch: int, frame: dict[str, Any]) -> None:
        if frame["type"] == "sos" and (receipt := self.pressed("socket", frame)) is not None:
            await socket.send_json({"type": "sos_receipt", **receipt})
        if frame.get("asks") and self.is_there:
            await socket.send_json({"type": "heartbeat", "server_at_ms": self.clock.now_ms()})
        if frame["type"] == "fixes" and self.is_busy:
            self.unread += frame["rows"]
            await socket.send_json({"type": "busy", "retry_after_s": 0.5})
        if frame["type"] != "fixes" or self.is_busy or not self.is_acking:
            return
        self.rows += frame["rows"]
        await asyncio.sleep(0)
        ranges = [[row[0], row[0]] for row in frame["rows"]]
        await socket.send_json({"type": "ack", "device_epoch": epoch, "ranges": ranges, "refused": []})

    async def kick(self, code: int) -> None:
        for socket in list(self.sockets):
            with contextlib.suppress(RuntimeError):
                await socket.close(code)
