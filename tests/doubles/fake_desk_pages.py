"""The desk's and the technician's side of the cardboard hub: log-in, tickets, topics, shift, visits and acknowledgements, all in memory."""

import asyncio
import contextlib
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.websockets import WebSocket, WebSocketDisconnect

from core.clock import Clock
from core.ids import SiteId

SITE = SiteId("lantern-hill")
STAGES = ("departed", "in_service", "assigned", "arrived", "departed", "ended", None, "in_service", "departed", None, "assigned", None)


class FakeDesk:
    """Everyone on shift at once but `gone`. `drive` places them along its way, one behind the other."""

    def __init__(self, clock: Clock, drive: Any, names: tuple[str, ...]) -> None:
        self.clock, self.drive, self.names = clock, drive, names
        self.signed_in = False
        self.is_silent = False
        self.behind_since_ms: int | None = None
        self.is_refusing = False
        self.gone = ""
        self.incidents: list[dict[str, Any]] = []
        self.notices: list[dict[str, Any]] = []
        self.consoles: set[WebSocket] = set()
        self.is_on_duty = False
        self.duty_begun: list[dict[str, Any]] = []
        self.acts: list[tuple[str, str, dict[str, Any]]] = []
        where = {"place": [48.1, 11.5], "accuracy_m": 9.0, "at": clock.now().isoformat()}
        self.raised_by: dict[str, Any] = {"kind": "tap", "words": "Position from the tap itself (±9 m).", "position": where}
        self.differs: list[dict[str, Any]] = []
        self.refusal: dict[str, Any] | None = None
        self.opened_ms = clock.now_ms() - 7_500_000

    def raise_examples(self) -> None:
        """Two incidents and two notices, for looking."""
        now_ms = self.clock.now_ms()
        first: dict[str, Any] = {
            "id": "inc-1", "site_id": SITE, "state": "notifying", "severity": 3, "code": "4821", "technician_id": "tec-1", "version": 3,
            "visit_id": "vis-1", "name": "Mara", "person": "technician",
            "raised_at_ms": now_ms - 21_000, "next_rung_at_ms": now_ms + 39_000,
            "owner_id": None, "owner_name": None, "offered_to": None, "offered_name": None, "flags": ["duress"], "can": ["claim"],
            "is_sounding": True, "resolution": None, "reopens": None,
        }  # fmt: skip
        second = {
            **first, "id": "inc-2", "state": "owned", "severity": 2, "code": "1177", "technician_id": "tec-3", "name": "Chen", "flags": [],
            "raised_at_ms": now_ms - 400_000, "next_rung_at_ms": None, "owner_id": "dis-2", "owner_name": "Berta", "is_sounding": False,
            "can": ["respond", "hand_over", "resolve"],
        }  # fmt: skip
        self.incidents = [first, second]
        lost = "SMS to +49 *** 21 was not delivered; calling instead."
        self.notices = [
            {"id": "n1", "text": "Shift of Petra has no planned end.", "lane": "P2", "at_ms": now_ms - 60_000},
            {"id": "n2", "text": lost, "lane": "P1", "channel": "voice", "at_ms": now_ms - 9_000},
        ]

    def positions(self) -> list[dict[str, Any]]:
        now_ms = self.clock.now_ms()
        items = []
        for number, _ in enumerate(self.names):
            if number == 9 or f"tec-{number}" == self.gone:
                continue
            age_ms = {5: 75_000, 7: 900_000}.get(number, 1_000 + number * 300)
            stands = STAGES[number] in ("arrived", "in_service", "ended")
            place, heading, _ = self.drive.place((self.drive.start_ms if stands else now_ms - age_ms) - number * 31_000)
            items.append(
                {
                    "id": f"tec-{number}", "site_id": SITE, "at_ms": now_ms - age_ms,
                    "lon": round(place.lon, 6), "lat": round(place.lat, 6), "accuracy_m": 8.0 + number,
                    "heading_deg": None if stands else round(heading, 1), "speed_mps": 0.0 if stands else 8.5,
                    "battery_pct": 91 - number * 6,
                }
            )  # fmt: skip
        return items

    def visits(self) -> list[dict[str, Any]]:
        quarter = 900_000
        base = self.clock.now_ms() // quarter * quarter
        kinds = ("massage", "care", "cleaning", "repair")
        items = [
            {
                "id": f"vis-{number}", "site_id": SITE, "stage": stage, "service": kinds[number % 4], "technician_id": f"tec-{number}",
                "window_start_ms": base + (number - 4) * quarter, "window_end_ms": base + (number - 2) * quarter,
                "external_ref": f"B-{1040 + number}",
            }
            for number, stage in enumerate(STAGES) if stage
        ]  # fmt: skip
        window = {"window_start_ms": base + 8 * quarter, "window_end_ms": base + 10 * quarter}
        return [*items, {**items[0], "id": "vis-new", "stage": "created", "technician_id": None, "external_ref": "B-1099", **window}]

    async def log_in(self, request: Request) -> Response:
        body = await request.json()
        if body.get("password") != "lantern":
            return problem(401, "not_signed_in", "User, password or code is wrong.")
        self.signed_in = True
        return Response(status_code=204)

    async def log_out(self, request: Request) -> Response:
        self.signed_in = False
        return Response(status_code=204)

    async def ticket(self, request: Request) -> Response:
        if self.is_refusing:
            return problem(503, "unavailable", "Try again.")
        is_device = request.headers.get("authorization", "").startswith("Bearer pl_dev_")
        return JSONResponse({"ticket": "pl_tic_x"}) if self.signed_in or is_device else problem(401, "not_signed_in", "Sign in.")

    async def technicians(self, request: Request) -> Response:
        if not self.signed_in:
            return problem(401, "not_signed_in", "Sign in.")
        shift = {"state": "open", "opened_at_ms": self.opened_ms, "planned_end_ms": self.opened_ms + 28_800_000, "unwatched": False}
        pause = {**shift, "state": "paused"}
        everyone = [{"id": f"tec-{n}", "name": name, "shift": pause if n == 11 else shift} for n, name in enumerate(self.names)]
        items = [each for each in everyone if each["id"] != self.gone]
        return JSONResponse({"items": items, "next_cursor": None})

    async def who_am_i(self, request: Request) -> Response:
        if not self.signed_in:
            return problem(401, "not_signed_in", "Sign in.")
        return JSONResponse({"id": "dis-1", "user": "demo", "name": "Ada", "sites": [SITE], "roles": ["owner"]})

    async def duty(self, request: Request) -> Response:
        if request.method == "POST":
            body = await request.json()
            self.duty_begun.append(body)
            self.is_on_duty = True
            return Response(status_code=204)
        other = {"dispatcher_id": "dis-2", "name": "Berta", "since_ms": self.opened_ms, "sound_ok_at_ms": self.opened_ms, "is_lead": False}
        items = [{**other, "dispatcher_id": "dis-1", "name": "Ada"}, other] if self.is_on_duty else [other]
        return JSONResponse({"site_id": SITE, "items": items, "lacking": []})

    async def end_duty(self, request: Request) -> Response:
        if not (await request.json())["leaves_empty"]:
            return JSONResponse({"code": "conflict", "detail": "You are the last on duty.", "people_working": 12, "owned": 0}, 409)
        self.is_on_duty = False
        return Response(status_code=204)

    async def incident(self, request: Request) -> Response:
        found = next((each for each in self.incidents if each["id"] == request.path_params["incident_id"]), None)
        if found is None:
            return problem(404, "not_found", "No such incident.")
        at = self.clock.now().isoformat()
        events = [{"seq": 1, "kind": "raised", "at": at, "actor": "x", "data": self.raised_by}]
        return JSONResponse({"incident": found, "events": events, "broken_at": None, "differs": self.differs})

    async def incident_act(self, request: Request) -> Response:
        act, body = request.path_params["act"], await request.json()
        self.acts.append((request.path_params["incident_id"], act, body))
        if self.refusal is not None and body.get("version") != self.refusal.get("version"):
            return JSONResponse(self.refusal, 409, media_type="application/problem+json")
        for place, each in enumerate(self.incidents):
            if each["id"] == request.path_params["incident_id"] and act in ("claim", "resolve"):
                mine = {"state": "owned", "owner_id": "dis-1", "owner_name": "Ada", "can": ["respond", "hand_over", "resolve"]}
                over = {"state": "resolved", "resolution": body.get("code"), "can": ["review"]}
                changed = {"version": each["version"] + 1, "is_sounding": False, "next_rung_at_ms": None}
                self.incidents[place] = {**each, **changed, **(mine if act == "claim" else over)}
        return JSONResponse({})

    async def told(self, request: Request) -> Response:
        common = {"created_at": self.clock.now().isoformat(), "channel": "sms"}
        items = [{"to": "Ada ***91", "state": "delivered", **common}, {"to": "Berta ***92", "state": "failed", **common}]
        return JSONResponse({"items": items, "before": None})

    async def visit(self, request: Request) -> Response:
        place = {"lat": 48.1, "lon": 11.5, "address": "7 Heron Lane", "floor": "3", "entry_code": "4711#", "note": ""}
        return JSONResponse({"id": request.path_params["visit_id"], "service_kind": "massage", "place": place})

    async def site(self, request: Request) -> Response:
        numbers = [{"service": "police", "number": "112"}]
        return JSONResponse({"id": SITE, "name": "Lantern Hill", "zone": "Europe/Berlin", "emergency_numbers": numbers})

    async def console_socket(self, socket: WebSocket) -> None:
        await socket.accept(subprotocol="porchlight.v1")
        self.consoles.add(socket)
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):
            await socket.receive_json()
            await self._follow(socket)
        self.consoles.discard(socket)

    async def _follow(self, socket: WebSocket) -> None:
        known: dict[str, dict[str, Any]] = {}
        sequence: dict[str, int] = {}
        behind_since_ms = None
        while True:
            if self.behind_since_ms != behind_since_ms:
                behind_since_ms = self.behind_since_ms
                await socket.send_json({"type": "behind", "topic": "incidents", "since_ms": behind_since_ms})
            topics = {"positions": self.positions(), "visits": self.visits(), "incidents": self.incidents, "notices": self.notices}
            for topic, items in topics.items() if not self.is_silent else ():
                now = {item["id"]: item for item in items}
                if topic not in known:
                    await socket.send_json({"type": "snapshot", "topic": topic, "view_epoch": 1, "sequence": 0, "items": items})
                elif now != known[topic]:
                    sequence[topic] = sequence.get(topic, 0) + 1
                    put = [item for key, item in now.items() if known[topic].get(key) != item]
                    drop = [key for key in known[topic] if key not in now]
                    frame = {"type": "delta", "topic": topic, "view_epoch": 1, "sequence": sequence[topic], "put": put, "drop": drop}
                    await socket.send_json(frame)
                known[topic] = now
            if not self.is_silent:
                await socket.send_json({"type": "heartbeat", "server_at_ms": self.clock.now_ms()})
            await asyncio.sleep(1)

    async def kick(self, code: int) -> None:
        for socket in list(self.consoles):
            with contextlib.suppress(RuntimeError):
                await socket.close(code)


def problem(status: int, code: str, detail: str) -> Response:
    return JSONResponse({"status": status, "code": code, "detail": detail}, status, media_type="application/problem+json")
