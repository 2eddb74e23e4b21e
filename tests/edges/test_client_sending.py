"""The client against a server that misbehaves: what it sends again, with which key, and how it comes back to a socket."""

import asyncio
import json

import pytest
from aiohttp import web

from core.errors import NotFound, TooMany
from porchlight_client import AsyncPorchlight, NoAnswer, Porchlight, StrangeAnswer
from realtime.close_code import CloseCode
from realtime.wire import VisitSnapshot, encode
from realtime.wire_values import VisitFace
from tests.doubles.fixed_ids import FixedIds

pytestmark = [pytest.mark.anyio, pytest.mark.edge]
PAGE = {"items": [], "next_cursor": None}


class Moody:
    """Answers from a list: (status, headers, body), or None to cut the line; remembers what it was asked."""

    def __init__(self) -> None:
        self.answers = []
        self.closes = []
        self.asked = []
        self.url = ""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request)
        status, headers, body = self.answers.pop(0) or self.cut(request)
        return web.json_response(body, status=status, headers=headers)

    @staticmethod
    def cut(request: web.Request) -> tuple:
        request.transport.abort()
        return 200, {}, {}

    async def socket(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse(protocols=("porchlight.v1",))
        await socket.prepare(request)
        self.asked.append(json.loads(await socket.receive_str()))
        snapshot = VisitSnapshot(view_epoch=1, sequence=0, visit=VisitFace(stage=f"look {len(self.asked)}"))
        await socket.send_str(encode(snapshot).decode())
        await socket.close(code=self.closes.pop(0))
        return socket


@pytest.fixture
async def moody():
    server = Moody()
    app = web.Application()
    app.router.add_get("/v1/ws/visit", server.socket)
    app.router.add_route("*", "/{path:.*}", server.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield server
    await runner.cleanup()


@pytest.fixture
async def hub(moody):
    async with AsyncPorchlight(moody.url + "/", "pl_api_x", ids=FixedIds()) as client:
        yield client


async def test_a_cut_line_and_a_busy_hub_are_tried_again(moody, hub):
    moody.answers = [None, (503, {"Retry-After": "0"}, {"code": "busy", "detail": "Later."}), (200, {}, PAGE)]

    assert [technician async for technician in hub.technicians.list(on_shift=True)] == []
    assert [request.query["on_shift"] for request in moody.asked] == ["true"] * 3
    assert moody.asked[0].headers["Authorization"] == "Bearer pl_api_x"


async def test_every_try_of_an_act_carries_the_same_key(moody, hub):
    moody.answers = [None, (409, {"Retry-After": "0"}, {"code": "conflict", "detail": "Under way."}), (404, {}, {"code": "not_found"})]

    with pytest.raises(NotFound):
        await hub.visits.cancel("v", "why")

    assert len({request.headers["Idempotency-Key"] for request in moody.asked}) == 1
    assert len(moody.asked) == 3


async def test_what_is_not_safe_twice_is_sent_once(moody, hub):
    moody.answers = [None]

    with pytest.raises(NoAnswer):
        await hub.links.make("v")

    assert len(moody.asked) == 1


async def test_pages_follow_their_cursor(moody, hub):
    near = {"technician_id": "t", "distance_m": 1, "age_s": 1, "at_ms": 1, "lat": 1, "lon": 1}
    moody.answers = [(200, {}, {"items": [near]})]
    assert [one.technician_id for one in (await hub.technicians.nearby("s", 1, 2)).items] == ["t"]

    moody.answers = [(200, {}, {"items": [], "next_cursor": "c+/="}), (200, {}, PAGE)]
    assert [visit async for visit in hub.visits.list()] == []
    assert moody.asked[-1].query["cursor"] == "c+/="


async def test_an_answer_of_something_else_is_named_so(moody, hub):
    moody.answers = [(200, {}, "hello")]

    with pytest.raises(StrangeAnswer):
        await hub.visits.read("v")

    assert len(moody.asked) == 1


async def test_a_watcher_comes_back_and_ends_when_told_to(moody, hub):
    moody.closes = [int(CloseCode.DRAINING), 1011, int(CloseCode.LINK_ENDED)]
    seen = []

    with pytest.raises(NotFound):
        async for sight in hub.watch("pl_lnk_x"):
            seen.append(sight.visit.stage)

    assert seen == ["look 1", "look 2", "look 3"]
    assert moody.asked == [{"type": "watch", "link": "pl_lnk_x", "ticket": None}] * 3


async def test_a_program_without_a_loop_gets_the_same(moody):
    moody.answers = [(429, {"Retry-After": "99"}, {"code": "too_many", "detail": "Slow down."}), (200, {}, PAGE)]

    def story() -> list:
        with Porchlight(moody.url, "pl_api_x") as hub:
            with pytest.raises(TooMany) as told:
                list(hub.shifts.list())
            assert told.value.members["retry_after_s"] == 99
            found = list(hub.shifts.list(only_open=True))
        hub.close()
        return found

    assert await asyncio.to_thread(story) == []
