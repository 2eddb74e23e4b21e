"""The same fixes by plain HTTP, and the customer's view for whoever polls."""

import io
import json

import aiohttp
import geojson
import pytest

from tests.doubles.phone import now_ms
from tests.doubles.socket_hub import running_hub
from tests.doubles.socket_ports import TECHNICIAN, fix_at
from visits.stage import Stage

pytestmark = pytest.mark.anyio

DEVICE = {"Authorization": "Bearer pl_dev_1"}


@pytest.fixture
async def hub():
    async with running_hub() as one:
        yield one


@pytest.fixture
async def http(hub):
    async with aiohttp.ClientSession(hub.http) as session:
        yield session


def body_of(count: int, **more: object) -> dict:
    return {"device_epoch": 7, "rows": [[seq, now_ms(), 48.05, 11.05] for seq in range(count)], **more}


async def post(http, body: object, headers: dict = DEVICE):
    text = body if isinstance(body, str) else json.dumps(body)
    async with http.post("/v1/fixes", data=io.BytesIO(text.encode()), headers=headers) as answer:
        return answer.status, await answer.json(content_type=None)


async def test_fixes_are_answered_when_they_are_durable(hub, http):
    status, ack = await post(http, body_of(3, batch="b", sent_at_ms=now_ms()))

    assert (status, ack["ranges"], ack["device_epoch"]) == (200, [[0, 2]], 7)
    assert hub.intake.senders[0].session_no == 0


async def test_a_backlog_is_taken_in_one_request(hub, http):
    status, ack = await post(http, body_of(5_000))

    assert (status, ack["ranges"]) == (200, [[0, 4_999]])
    assert len(hub.intake.senders) == 10


async def test_a_frame_of_ten_thousand_fixes_is_refused_whole(hub, http):
    status, problem = await post(http, body_of(10_000))

    assert (status, problem["code"]) == (422, "bad_frame")
    assert "10000" in problem["detail"]
    assert hub.intake.ledger == {}


async def test_repeating_a_request_changes_nothing(hub, http):
    for _ in range(3):
        assert (await post(http, body_of(4)))[1]["ranges"] == [[0, 3]]

    assert len(hub.intake.ledger) == 4


async def test_one_bad_fix_costs_only_itself(http):
    body = body_of(3)
    body["rows"].append([9, 1, float("nan"), 2])

    status, ack = await post(http, body)

    assert (status, ack["ranges"], [one["seq"] for one in ack["refused"]]) == (200, [[0, 2]], [9])


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [("{", 422, "bad_frame"), ("x" * (1 << 20) + "x", 413, "too_large"), ({"fixez": []}, 422, "bad_frame"), ([], 422, "bad_frame")],
)
async def test_a_body_that_does_not_fit_is_a_problem(http, body, status, code):
    answer, problem = await post(http, body)

    assert (answer, problem["code"]) == (status, code)


@pytest.mark.parametrize(("token", "status"), [("pl_dev_unknown", 401), ("pl_lnk_1", 403)])
async def test_only_devices_send_fixes(http, token, status):
    assert (await post(http, body_of(1), {"Authorization": f"Bearer {token}"}))[0] == status


async def test_a_full_hub_says_when_to_come_again(hub, http):
    hub.intake.is_full = True
    async with http.post("/v1/fixes", data=json.dumps(body_of(1)), headers=DEVICE) as answer:
        assert answer.status == 503
        assert int(answer.headers["Retry-After"]) > 0


async def test_the_view_is_geojson_and_kept_by_nobody(hub, http):
    hub.visits.put(Stage.DEPARTED, departed_at_ms=now_ms() - 600_000)
    hub.last_known.fixes[TECHNICIAN] = fix_at(now_ms(), 48.0512345678, 11.05)
    async with http.get("/v1/t/pl_lnk_1") as answer:
        text = await answer.text()

    feature = geojson.loads(json.dumps(json.loads(text)["position"]))
    assert isinstance(feature, geojson.Feature)
    assert feature.is_valid
    assert feature.geometry.coordinates == [11.05, 48.051235]
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert len(hub.visit_watch) == 0


async def test_a_guessed_link_is_not_found_like_one_that_ended(http):
    answers = []
    for token in ("pl_lnk_guessed", "pl_lnk_1", "pl_dev_1"):
        async with http.get(f"/v1/t/{token}") as answer:
            answers.append((answer.status, await answer.json(content_type=None)))

    assert answers[0][0] == 404
    assert answers[0] == answers[1] == answers[2]
