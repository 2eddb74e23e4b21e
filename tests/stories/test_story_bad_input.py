"""Every bad input of real phones and strangers, on the whole hub over real sockets and HTTP: answered clearly, and nothing else is lost."""

import asyncio
import contextlib
import io
import itertools
import json
import sys
from collections.abc import AsyncIterator

import aiohttp
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from core import redis_keys
from realtime.close_code import CloseCode
from tests.doubles.phone import Phone, now_ms
from tests.doubles.served_hub import BROKEN, PASSWORD, USER, ServedHub, served_hub

pytestmark = [pytest.mark.anyio, pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")]
HOUR_MS = 3_600_000
NEVER = "pl_lnk_" + "x" * 43
_epochs = itertools.count(1_000)


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    with served_hub(tmp_path_factory.mktemp("bad"), PORCHLIGHT_HEARTBEAT_S="1") as running:
        yield running


@contextlib.asynccontextmanager
async def welcomed(hub: ServedHub, number: int = 0) -> AsyncIterator[tuple[Phone, int]]:
    """A phone that has been let in, and its device_epoch."""
    epoch = next(_epochs)
    async with Phone.calls(hub.url.replace("http", "ws") + "/v1/ws/technician", token=hub.people.technicians[number].token) as phone:
        await phone.hello(device_epoch=epoch)
        yield phone, epoch


def called(hub: ServedHub, path: str = "/v1/ws/technician", **options):
    return Phone.calls(hub.url.replace("http", "ws") + path, **options)


def row(seq: int, **changed) -> dict:
    return {"seq": seq, "at_ms": now_ms(), "lat": 48.15, "lon": 11.5, **changed}


async def recorded(hub: ServedHub, epoch: int, *seqs: int) -> None:
    """Wait until SQL holds exactly these."""
    async def is_so() -> bool:
        return await hub.recorded(epoch) == sorted(seqs)

    await hub.until(is_so, f"SQL holds {len(seqs)} fixes of this phone")


def refused_of(phone: Phone) -> dict[int, str]:
    return {one["seq"]: one["reason"] for frame in phone.heard if frame["type"] == "ack" for one in frame["refused"]}


# Who are you?


async def test_an_unknown_token_is_told_so_and_let_in_nowhere(hub):
    async with called(hub, token="pl_dev_" + "x" * 43) as phone:
        await phone.say("hello", device_epoch=1, sent_at_ms=now_ms())
        assert await phone.closed() == CloseCode.NOT_SIGNED_IN
    status, problem = await hub.ask("POST", "/v1/fixes", token="pl_dev_" + "x" * 43, json={"device_epoch": 1, "fixes": [row(1)]})

    assert phone.heard[0]["code"] == "not_signed_in"
    assert (status, problem["code"]) == (401, "not_signed_in")


async def test_a_revoked_device_is_closed_at_once_and_stays_out(hub):
    device = hub.people.technicians[3]
    async with welcomed(hub, 3) as (phone, epoch):
        await phone.send_fix(1)
        await phone.acked(1)
        assert (await hub.ask("DELETE", f"/v1/devices/{device.device_id}", token=hub.people.api_key))[0] in (200, 204)
        assert await phone.closed() == CloseCode.REVOKED
    async with called(hub, token=device.token) as again:
        await again.say("hello", device_epoch=epoch, sent_at_ms=now_ms())
        assert await again.closed() == CloseCode.NOT_SIGNED_IN
    status, _ = await hub.ask("POST", "/v1/fixes", token=device.token, json={"device_epoch": epoch, "fixes": [row(2)]})

    assert status == 401
    await recorded(hub, epoch, 1)


async def test_a_device_revoked_at_the_terminal_is_closed_at_once_too(hub):
    her = hub.people.technicians[2]
    _, code = await hub.ask("POST", f"/v1/technicians/{her.id}/enrolments", token=hub.people.api_key, json={})
    status, device = await hub.ask("POST", "/v1/enrolments", json={"code": code["code"], "label": "second"})
    assert status == 201
    redis = hub.redis()
    with contextlib.closing(redis.pubsub(ignore_subscribe_messages=True)) as pokes:
        pokes.psubscribe(redis_keys.every_site_channel())
        async with called(hub, token=device["token"]) as phone:
            await phone.hello(device_epoch=next(_epochs))
            await hub.command("device", "revoke", device["device_id"])

            async def is_told() -> bool:
                messages = iter(lambda: pokes.get_message(timeout=0.01), None)
                return any(device["device_id"].encode() in each["data"] and b"devices" in each["data"] for each in messages)

            await hub.until(is_told, "the workers are told, and need not wait for their sweep")
            assert await phone.closed() == CloseCode.REVOKED
    redis.close()


async def test_another_technicians_id_in_the_payload_moves_nobody(hub):
    other = hub.people.technicians[1]
    async with called(hub, token=hub.people.technicians[0].token) as phone:
        epoch = next(_epochs)
        await phone.hello(device_epoch=epoch, device=other.device_id)
        await phone.send_fix(1)
        await phone.acked(1)
        await phone.say("fix", **row(2), technician_id=other.id)
        error = await phone.hear("error")
    _, near = await hub.ask("GET", "/v1/technicians/nearby?site=story&lat=48.05&lon=11.05&radius_m=5000", token=hub.people.api_key)

    assert (error["code"], error["fatal"]) == ("unknown_field", False)
    found = [one["technician_id"] for one in near["items"]]
    assert (hub.people.technicians[0].id in found, other.id in found) == (True, False)
    await recorded(hub, epoch, 1)


async def test_an_origin_from_elsewhere_gets_neither_socket_nor_session(hub):
    for path in ("/v1/ws/technician", "/v1/ws/visit", "/v1/ws/console"):
        with pytest.raises(InvalidStatus) as caught:
            async with called(hub, path, origin="https://evil.example"):
                pass
        assert caught.value.response.status_code == 403
    body = {"user": USER, "password": PASSWORD}
    foreign, problem = await hub.ask("POST", "/v1/sessions", json=body, headers={"Origin": "https://evil.example"})
    own, _ = await hub.ask("POST", "/v1/sessions", json=body, headers={"Origin": hub.url})

    assert (foreign, problem["code"], own) == (403, "not_allowed", 201)


async def test_a_path_that_is_not_there_is_told_so_to_a_socket_too(hub):
    with pytest.raises(InvalidStatus) as caught:
        async with called(hub, "/v1/ws/technicians"):
            pass
    response = caught.value.response

    assert (response.status_code, json.loads(response.body)["code"]) == (404, "not_found")


async def test_a_plain_request_for_a_sockets_path_is_told_what_the_path_is_for(hub):
    status, problem = await hub.ask("GET", "/v1/ws/technician")

    assert (status, problem["code"]) == (426, "socket_only")


async def test_a_wrong_method_is_told_the_right_ones(hub):
    async with aiohttp.ClientSession() as http, http.delete(hub.url + "/v1/fixes") as response:
        assert (response.status, response.headers.get("Allow")) == (405, "POST")


# What is this?


BAD_FRAMES = [
    ("nonsense", "not_json"),
    (b"\xff\xfe", "not_json"),
    ("[1,2]", "not_json"),
    ('{"type":"fix","seq":1,"at_ms":1,"lat":48}', "missing_field"),
    ('{"type":"fix","seq":1,"at_ms":1,"lat":NaN,"lon":11}', "bad_value"),
    ('{"type":"fix","seq":1,"at_ms":1,"lat":48,"lon":Infinity}', "bad_value"),
    ('{"type":"fix","seq":"1","at_ms":1,"lat":48,"lon":11}', "bad_value"),
    ('{"type":"fix","seq":1,"at_ms":1,"lat":48,"lon":11,"speeed":3}', "unknown_field"),
    ('{"type":"fixx"}', "unknown_type"),
    (json.dumps({"type": "fixes", "rows": [[seq, 1, 1, 1] for seq in range(501)]}), "too_many_fixes"),
]


async def test_bad_frames_are_answered_each_and_the_socket_lives(hub):
    async with welcomed(hub) as (phone, epoch):
        for number, (text, code) in enumerate(BAD_FRAMES):
            await phone.say_text(text)
            error = await phone.hear("error")
            assert (error["code"], error["fatal"]) == (code, False), text
            assert error["detail"]
            await phone.send_fix(number)
            await phone.acked(number)

    await recorded(hub, epoch, *range(len(BAD_FRAMES)))


@pytest.mark.parametrize(
    "text",
    [
        "nonsense",
        "[]",
        '{"device_epoch":1,"fixes":3}',
        '{"device_epoch":1,"fixess":[]}',
        '{"device_epoch":1,"type":"watch","link":"x"}',
        '{"device_epoch":"one","fixes":[]}',
        '{"fixes":[{"seq":1,"at_ms":1,"lat":48.0,"lon":11.0}]}',
    ],
)
async def test_a_bad_body_is_a_problem_with_its_reason(hub, text):
    status, problem = await hub.ask("POST", "/v1/fixes", token=hub.people.technicians[0].token, data=text)

    assert (status // 100, bool(problem["detail"])) == (4, True)


async def test_one_bad_fix_among_forty_good_ones_costs_only_itself(hub):
    good = [row(seq, at_ms=now_ms() - 60_000 + seq * 1000) for seq in range(40)]
    bad = {
        50: row(50, lat=float("nan")),
        51: row(51, lon=float("inf")),
        52: row(52, lat=0.0, lon=0.0),
        53: row(53, at_ms=2_082_758_400_000),  # 2036
        54: row(54, at_ms=0),  # 1970
        55: row(55, lat="north"),
        56: row(56, lat=91.0),
    }
    async with welcomed(hub) as (phone, epoch):
        for each in bad.values():
            await phone.say("fixes", fixes=[*good[:20], each, *good[20:]])
            await phone.acked(*range(40))
        async with asyncio.timeout(5):
            while set(refused_of(phone)) != set(bad):
                await phone.hear("ack")
    status, answer = await hub.ask(
        "POST",
        "/v1/fixes",
        token=hub.people.technicians[0].token,
        data=json.dumps({"device_epoch": epoch, "fixes": [*good, *bad.values()]}),
    )

    told = refused_of(phone)
    assert [told[seq] for seq in (50, 51, 52, 53, 54, 55, 56)] == [
        "malformed", "malformed", "zero_position", "impossible_time", "impossible_time", "malformed", "malformed",
    ]  # fmt: skip
    assert (status, answer["ranges"], {one["seq"]: one["reason"] for one in answer["refused"]}) == (200, [[0, 39]], told)
    await recorded(hub, epoch, *range(40))


async def test_fixes_that_cannot_be_read_are_in_the_books(hub):
    received, rejected = [await hub.metric(f"porchlight_fixes_{name}_total") for name in ("received", "rejected")]
    async with welcomed(hub) as (phone, epoch):
        await phone.say("fix", seq=1, at_ms=now_ms(), lat=91.0, lon=11.0)
        await phone.say("fixes", rows=[[2, now_ms(), "north", 11.0], [3, now_ms(), 48.15, 11.5]])
        await phone.acked(3)
    body = {"device_epoch": epoch, "fixes": [row(4, lat="north")]}
    assert (await hub.ask("POST", "/v1/fixes", token=hub.people.technicians[0].token, json=body))[0] == 200

    async def are_counted() -> bool:
        now = [await hub.metric(f"porchlight_fixes_{name}_total") for name in ("received", "rejected")]
        return now == [received + 4, rejected + 3]

    assert refused_of(phone) == {1: "malformed", 2: "malformed"}
    await hub.until(are_counted, "four fixes were received, three of them rejected")


async def test_latitude_86_is_kept_although_no_geo_set_holds_it(hub):
    async with welcomed(hub, 1) as (phone, epoch):
        await phone.say("fixes", fixes=[row(1, lat=86.0)])
        await phone.acked(1)

    await recorded(hub, epoch, 1)
    _, near = await hub.ask("GET", "/v1/technicians/nearby?site=story&lat=86&lon=11.5&radius_m=5000", token=hub.people.api_key)
    assert near["items"] == []


async def test_a_clock_two_hours_off_is_set_right_and_the_sent_time_kept(hub):
    for hours in (-2, 2):
        off_ms = hours * HOUR_MS
        async with called(hub, token=hub.people.technicians[1].token) as phone:
            epoch = next(_epochs)
            await phone.hello(device_epoch=epoch, sent_at_ms=now_ms() + off_ms)
            await phone.say("fixes", sent_at_ms=now_ms() + off_ms, fixes=[row(1, at_ms=(sent_ms := now_ms() + off_ms))])
            await phone.acked(1)
        await recorded(hub, epoch, 1)
        kept = (await hub.rows(epoch))[1]

        assert kept["device_at_ms"] == sent_ms
        assert abs(kept["at_ms"] - (sent_ms - off_ms)) < 5_000
        async with welcomed(hub, 1) as (phone, epoch):
            await phone.say("fixes", sent_at_ms=now_ms(), fixes=[row(1)])
            await phone.acked(1)
        await recorded(hub, epoch, 1)

        assert abs((await hub.rows(epoch))[1]["at_ms"] - now_ms()) < 5_000, "a clock that was set right is believed at once"


# That is too much.


async def test_ten_thousand_fixes_in_one_frame_are_too_large_and_what_was_sent_before_is_safe(hub):
    rows = [[seq, now_ms(), 48.15, 11.5] for seq in range(10_000)]
    async with welcomed(hub) as (phone, epoch):
        await phone.send_fix(1)
        await phone.acked(1)
        await phone.say("fixes", rows=rows)
        assert await phone.closed() == CloseCode.TOO_LARGE
    status, problem = await hub.ask("POST", "/v1/fixes", token=hub.people.technicians[0].token, json={"device_epoch": epoch, "rows": rows})

    assert (status // 100, problem["code"]) == (4, "too_many_fixes") or (status, problem["code"]) == (422, "bad_frame")
    await recorded(hub, epoch, 1)


async def test_a_frame_of_a_megabyte_is_too_large(hub):
    async with welcomed(hub) as (phone, _):
        # The hub answers the frame's head: it may have closed before the rest is sent.
        with contextlib.suppress(ConnectionClosed):
            await phone.say_text("x" * (1 << 20))
        assert await phone.closed() == CloseCode.TOO_LARGE
    status, problem = await hub.ask("POST", "/v1/fixes", token=hub.people.technicians[0].token, data=io.BytesIO(b"x" * ((1 << 20) + 1)))

    assert (status, problem["code"]) == (413, "too_large")


async def test_a_thousand_frames_without_reading_the_acks_lose_nothing(hub):
    async with welcomed(hub) as (phone, epoch):
        for seq in range(1_000):
            await phone.send_fix(seq)
        await phone.acked(*range(1_000))

    await recorded(hub, epoch, *range(1_000))


async def test_a_half_open_socket_is_forgotten(hub):
    """A line that swallows everything: neither side hears the other, and no side is told."""
    async with blackhole(hub) as (port, cut), called_at(port, hub.people.technicians[0].token) as phone:
        await phone.hello(device_epoch=next(_epochs))
        await hub.until(lambda: sockets_are(hub, 1), "the hub counts the socket")
        cut.set()
        await hub.until(lambda: sockets_are(hub, 0), "the hub forgets the socket")


# Where do I stand?


async def test_a_phone_hears_how_often_to_report_and_how_far_it_came(hub):
    async with welcomed(hub, 1) as (phone, epoch):
        waiting = await phone.hear("cadence")
        await phone.send_fix(41)
        await phone.acked(41)

        async def is_known() -> bool:
            async with called(hub, token=hub.people.technicians[1].token) as again:
                return (await again.hello(device_epoch=epoch))["acked"] == 41

        await hub.until(is_known, "a new connection hears how far the device came")
    async with welcomed(hub) as (driving, _):
        on_the_way = await driving.hear("cadence")
    async with welcomed(hub, 1) as (phone, _):
        assert phone.heard[0]["acked"] is None, "another epoch counts anew"

    assert (waiting["reason"], waiting["interval_s"]) == ("waiting", 20.0)
    assert (on_the_way["reason"], on_the_way["interval_s"]) == ("on_the_way", 3.0)


# Again, backwards, at the wrong time.


async def test_the_same_batch_three_times_counts_once(hub):
    rows = [[seq, now_ms() - 1000 + seq, 48.15, 11.5] for seq in range(50)]
    before = await hub.metric("porchlight_fixes_duplicate_total")
    async with welcomed(hub) as (phone, epoch):
        for _ in range(3):
            await phone.say("fixes", batch="b-1", rows=rows)
            await phone.acked(*range(50))
    await recorded(hub, epoch, *range(50))

    async def are_counted() -> bool:
        return await hub.metric("porchlight_fixes_duplicate_total") == before + 100

    await hub.until(are_counted, "both repeats are counted as duplicates")


async def test_seqs_may_go_backwards(hub):
    async with welcomed(hub) as (phone, epoch):
        for seq in (9, 3, 5, 2**40, 0):
            await phone.send_fix(seq)
            await phone.acked(seq)

    await recorded(hub, epoch, 0, 3, 5, 9, 2**40)


async def test_a_fix_from_before_the_shift_sent_during_it_is_refused_and_not_kept(hub):
    async with welcomed(hub) as (phone, epoch):
        await phone.say("fixes", fixes=[row(1), row(2, at_ms=now_ms() - 2 * HOUR_MS), row(3)])
        await phone.acked(1, 3)

    assert refused_of(phone) == {2: "off_shift"}
    await recorded(hub, epoch, 1, 3)


async def test_a_fix_from_during_the_shift_sent_after_it_is_kept(hub):
    token = hub.people.technicians[2].token
    async with welcomed(hub, 2) as (phone, epoch):
        await phone.send_fix(1)
        await phone.acked(1)
        during_ms = now_ms()
        assert (await hub.ask("POST", "/v1/me/shift/close", token=token, json={}))[0] in (200, 201)
        after_ms = now_ms() + 1
        await hub.until(lambda: passed(after_ms), "a moment after the shift")
        await phone.say("fixes", fixes=[row(2, at_ms=during_ms), row(3, at_ms=after_ms)])
        await phone.acked(2)

    assert refused_of(phone) == {3: "off_shift"}
    await recorded(hub, epoch, 1, 2)


# There is nothing here.


async def test_a_visit_that_does_not_exist_is_not_found_whoever_asks(hub):
    for token in (hub.people.api_key, hub.people.technicians[0].token):
        status, problem = await hub.ask("POST", "/v1/visits/none/depart", token=token, json={})
        assert (status, problem["code"]) == (404, "not_found")
    for method, path, body in (("GET", "/v1/visits/none", None), ("POST", "/v1/visits/none/links", {"holder": "customer"})):
        status, problem = await hub.ask(method, path, token=hub.people.api_key, json=body)
        assert (status, problem["code"]) == (404, "not_found")


async def test_an_expired_link_gets_what_a_guessed_one_gets(hub):
    pages = [await hub.ask("GET", f"/t/{link}") for link in (hub.people.old_link, NEVER)]
    heard = []
    for link in (hub.people.old_link, NEVER):
        async with called(hub, "/v1/ws/visit") as page:
            await page.say("watch", link=link)
            assert await page.closed() == CloseCode.LINK_ENDED
            heard.append(page.heard)

    assert pages[0] == pages[1]
    assert pages[0][0] == 404
    assert heard[0] == heard[1] == [{"type": "bye", "reason": "ended"}]


async def test_a_revoked_link_ends_its_sockets_at_once(hub):
    path = f"/v1/visits/{hub.people.visit_id}/links"
    _, made = await hub.ask("POST", path, token=hub.people.api_key, json={"holder": "customer"})
    async with called(hub, "/v1/ws/visit") as page:
        await page.say("watch", link=made["token"])
        await page.hear("snapshot")
        await hub.ask("DELETE", f"/v1/links/{made['id']}", token=hub.people.api_key)

        assert await page.closed() == CloseCode.LINK_ENDED


async def test_the_books_close_after_all_this(hub):
    async def close() -> bool:
        names = ("received", "rejected", "duplicate", "stored")
        received, rejected, duplicate, stored = [await hub.metric(f"porchlight_fixes_{name}_total") for name in names]
        return received > 1_000 and received == rejected + duplicate + stored

    await hub.until(close, "received = rejected + duplicate + stored")
    assert not await hub.faults() & BROKEN


async def passed(at_ms: int) -> bool:
    return now_ms() > at_ms + 5


async def sockets_are(hub: ServedHub, count: int) -> bool:
    return await hub.metric("porchlight_sockets") == count


def called_at(port: int, token: str):
    return Phone.calls(f"ws://127.0.0.1:{port}/v1/ws/technician", token=token)


@contextlib.asynccontextmanager
async def blackhole(hub: ServedHub) -> AsyncIterator[tuple[int, asyncio.Event]]:
    """A line to the hub that passes everything on until it is cut; then it stays open and passes nothing."""
    cut, ends = asyncio.Event(), []
    target = int(hub.url.rpartition(":")[2])

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(4096):
                if not cut.is_set():
                    writer.write(data)

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", target)
        ends.extend([writer, far_writer])
        await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))

    server = await asyncio.start_server(carry, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], cut
    finally:
        server.close()
        for end in ends:
            end.close()
        with contextlib.suppress(ConnectionClosed):
            await server.wait_closed()
