"""Phones, customers and consoles on real sockets: what goes well, and every bad input answered clearly and without loss."""

import asyncio
import json

import pytest
from websockets.exceptions import InvalidStatus
from websockets.frames import Frame, Opcode

from hub.direct_socket import DirectSocketProtocol
from realtime.close_code import CloseCode
from realtime.ports import PokeTopic
from realtime.session_effects import Limits
from realtime.ws_links import SocketBounds
from tests.doubles.phone import Phone, now_ms
from tests.doubles.socket_hub import running_hub
from tests.doubles.socket_ports import SITE, TECHNICIAN, VISIT, dispatcher_caller, fix_at
from visits.stage import Stage

pytestmark = pytest.mark.anyio

TECHNICIAN_WS = "/v1/ws/technician"
VISIT_WS = "/v1/ws/visit"
CONSOLE_WS = "/v1/ws/console"


@pytest.fixture(params=[DirectSocketProtocol, "websockets-sansio"], ids=["direct", "plain"])
async def hub(request):
    async with running_hub(ws=request.param) as one:
        yield one


def phone(hub, token: str | None = "pl_dev_1", **options):
    return Phone.calls(hub.ws + TECHNICIAN_WS, token=token, **options)


def customer(hub, **options):
    return Phone.calls(hub.ws + VISIT_WS, **options)


def console(hub, **options):
    return Phone.calls(hub.ws + CONSOLE_WS, **options)


async def until(is_so) -> None:
    """Wait for something that the server does by itself and tells nobody."""
    async with asyncio.timeout(5):
        while not is_so():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def on_the_way(hub):
    return hub.visits.put(Stage.DEPARTED, departed_at_ms=now_ms() - 600_000)


# The way of a fix.


async def test_a_fix_goes_from_the_phone_to_the_customer_and_is_acknowledged(hub):
    on_the_way(hub)
    async with phone(hub) as car, customer(hub) as page:
        await page.say("watch", link="pl_lnk_1")
        snapshot = await page.hear("snapshot")
        welcome = await car.hello()
        await car.send_fix(1, lat=48.0512345678, lon=11.05)
        await car.acked(1)
        moved = await page.hear("position")

    assert snapshot["position"] is None
    assert welcome["session_no"] == 1
    assert moved["position"]["geometry"] == {"type": "Point", "coordinates": [11.05, 48.051235]}
    assert (moved["view_epoch"], moved["sequence"]) == (snapshot["view_epoch"], 1)
    assert page.socket.subprotocol == "porchlight.v1"


@pytest.mark.parametrize("how", [{"token": "pl_dev_1"}, {"ticket": "pl_tic_dev"}])
async def test_a_phone_may_show_its_credential_in_hello(hub, how):
    async with phone(hub, token=None) as car:
        await car.hello(**how)
        await car.send_fix(1)
        await car.acked(1)

    assert hub.intake.senders[0].technician_id == TECHNICIAN


async def test_ids_in_the_payload_are_ignored(hub):
    async with phone(hub) as car:
        await car.hello(device="dev-2", technician="tech-2")
        await car.send_fix(1)
        await car.acked(1)

    assert (hub.intake.senders[0].device_id, hub.intake.senders[0].technician_id) == ("dev-1", TECHNICIAN)


async def test_compact_rows_and_a_repeated_batch_count_once(hub):
    rows = [[seq, now_ms(), 48.05, 11.05, 5, 8, 90] for seq in range(50)]
    async with phone(hub) as car:
        await car.hello()
        for _ in range(3):
            await car.say("fixes", batch="b-1", rows=rows)
            await car.acked(*range(50))

    assert len(hub.intake.ledger) == 50


def framed(text: str, opcode: Opcode = Opcode.TEXT, fin: bool = True) -> bytes:
    return Frame(opcode, text.encode(), fin=fin).serialize(mask=True)


def fix_text(seq: int) -> str:
    return json.dumps({"type": "fix", "seq": seq, "at_ms": now_ms(), "lat": 48.05, "lon": 11.05})


async def test_frames_may_come_in_pieces_and_together(hub):
    parts = fix_text(2)
    stream = (
        framed(fix_text(1))
        + framed(parts[:20], fin=False) + framed("now and then", Opcode.PING) + framed(parts[20:], Opcode.CONT)
        + framed(json.dumps({"type": "fixes", "rows": [[seq, now_ms(), 48.05, 11.05] for seq in range(3, 40)]}))
        + framed(fix_text(40))
    )
    async with phone(hub) as car:
        await car.hello()
        line = car.socket.transport
        for at in range(0, len(stream), 7):
            line.write(stream[at : at + 7])
            await asyncio.sleep(0)
        await car.acked(*range(1, 41))
        line.write(framed(fix_text(41)) + framed(fix_text(42)))
        await car.acked(41, 42)


async def test_a_frame_too_large_is_refused_even_when_it_comes_in_one_piece(hub):
    async with phone(hub) as car:
        await car.hello()
        car.socket.transport.write(framed(fix_text(1) + " " * 65_536))

        assert await car.closed() == 1009

    assert not hub.intake.ledger


async def test_a_frame_without_a_mask_ends_the_socket(hub):
    async with phone(hub) as car:
        await car.hello()
        car.socket.transport.write(Frame(Opcode.TEXT, fix_text(1).encode()).serialize(mask=False))

        assert await car.closed() == 1002

    assert not hub.intake.ledger


async def test_a_busy_phone_reads_one_ack_for_many_fixes(hub):
    async with phone(hub) as car:
        await car.hello()
        for seq in range(100):
            await car.send_fix(seq)
        await car.acked(*range(100))

    assert sum(frame["type"] == "ack" for frame in car.heard) < 50


async def test_seqs_may_go_backwards(hub):
    async with phone(hub) as car:
        await car.hello()
        for seq in (9, 3, 5):
            await car.send_fix(seq)
        await car.acked(3, 5, 9)


async def test_a_fix_off_shift_is_refused_with_its_reason(hub):
    hub.intake.off_shift = {2}
    async with phone(hub) as car:
        await car.hello()
        await car.say("fixes", rows=[[1, now_ms(), 48, 11], [2, now_ms(), 48, 11]])
        ack = await car.hear("ack")

    assert ack["ranges"] == [[1, 1]]
    assert ack["refused"][0]["reason"] == "off_shift"


async def test_one_bad_fix_among_forty_good_ones_costs_only_itself(hub):
    rows = [[seq, now_ms(), 48.05, 11.05] for seq in range(40)]
    async with phone(hub) as car:
        await car.hello()
        await car.say_text(json.dumps({"type": "fixes", "rows": [*rows, [40, 1, float("nan"), 11]]}))
        await car.acked(*range(40))

    refused = [one for frame in car.heard if frame["type"] == "ack" for one in frame["refused"]]
    assert [one["seq"] for one in refused] == [40]


# Bad input.


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("nonsense", "not_json"),
        (b"\xff\xfe", "not_json"),
        ("[1,2]", "not_json"),
        ('{"type":"fix","seq":1}', "missing_field"),
        ('{"type":"fix","seq":1,"at_ms":1,"lat":NaN,"lon":1}', "bad_value"),
        ('{"type":"fix","seq":1,"at_ms":1,"lat":1,"lon":Infinity}', "bad_value"),
        ('{"type":"fix","seq":"1","at_ms":1,"lat":1,"lon":1}', "bad_value"),
        ('{"type":"fix","seq":1,"at_ms":1,"lat":1,"lon":1,"speed":3}', "unknown_field"),
        ('{"type":"watch","link":"x"}', "unknown_type"),
        (json.dumps({"type": "fixes", "rows": [[n, 1, 1, 1] for n in range(501)]}), "too_many_fixes"),
    ],
)
async def test_a_bad_frame_is_answered_and_the_socket_lives(hub, text, code):
    async with phone(hub) as car:
        await car.hello()
        await car.say_text(text)
        error = await car.hear("error")
        await car.send_fix(1)
        await car.acked(1)

    assert (error["code"], error["fatal"]) == (code, False)
    assert error["detail"]


async def test_twenty_bad_frames_in_a_row_end_the_socket(hub):
    async with phone(hub) as car:
        await car.hello()
        for _ in range(20):
            await car.say_text("{")

        assert await car.closed() == CloseCode.BAD_PROTOCOL
    assert car.heard[-1]["fatal"] is True


async def test_a_frame_of_a_megabyte_is_closed_as_too_large(hub):
    async with phone(hub) as car:
        await car.hello()
        await car.say_text("x" * 1_000_000)

        assert await car.closed() == 1009


@pytest.mark.parametrize("token", ["pl_dev_unknown", "pl_lnk_1", "pl_api_1"])
async def test_a_credential_that_does_not_count_is_told_so(hub, token):
    async with phone(hub, token=token) as car:
        await car.say("hello", device_epoch=1, sent_at_ms=now_ms())

        assert await car.closed() == CloseCode.NOT_SIGNED_IN
    assert (car.heard[0]["code"], car.heard[0]["fatal"]) == ("not_signed_in", True)


async def test_a_hello_without_credential_is_told_so(hub):
    async with phone(hub, token=None) as car:
        await car.say("hello", device_epoch=1, sent_at_ms=now_ms())

        assert await car.closed() == CloseCode.NOT_SIGNED_IN


async def test_a_fix_before_hello_is_answered_and_hello_still_works(hub):
    async with phone(hub) as car:
        await car.send_fix(1)
        assert (await car.hear("error"))["code"] == "not_now"
        await car.hello()
        await car.send_fix(1)
        await car.acked(1)


async def test_a_revoked_device_is_closed_at_once(hub):
    async with phone(hub) as car:
        await car.hello()
        hub.access.over.add("dev-1")
        hub.pokes.poke(SITE, PokeTopic.DEVICES, "dev-1")

        assert await car.closed() == CloseCode.REVOKED
    assert car.heard[-1]["code"] == "revoked"


@pytest.mark.parametrize("path", [TECHNICIAN_WS, VISIT_WS, CONSOLE_WS])
async def test_a_page_from_elsewhere_gets_no_socket(hub, path):
    with pytest.raises(InvalidStatus) as caught:
        async with Phone.calls(hub.ws + path, origin="https://evil.example"):
            pass

    assert caught.value.response.status_code == 403
    assert json.loads(caught.value.response.body)["code"] == "not_allowed"


async def test_the_hubs_own_pages_get_sockets(hub):
    for origin in ("https://hub.example", hub.http):
        async with phone(hub, origin=origin) as car:
            await car.hello()


async def test_a_first_frame_that_never_comes_ends_the_socket():
    async with running_hub(first_frame_s=0.2) as hub, phone(hub) as car:
        assert await car.closed() == CloseCode.HELLO_LATE


async def test_a_thousand_frames_without_reading_the_acks_lose_nothing(hub):
    async with phone(hub) as car:
        await car.hello()
        for seq in range(1_000):
            await car.send_fix(seq)
        await car.acked(*range(1_000))

    assert len(hub.intake.ledger) == 1_000


async def test_the_newest_connection_wins_and_the_older_is_told_why(hub):
    async with phone(hub) as old, phone(hub) as new:
        await old.hello()
        assert (await new.hello())["session_no"] == 2

        assert await old.closed() == CloseCode.SUPERSEDED
        await new.send_fix(1)
        await new.acked(1)
    assert old.heard[-1]["code"] == "superseded"
    assert hub.pokes.sent[-1][1].id == "dev-1/2"


async def test_a_connection_overtaken_on_another_worker_learns_it_from_the_poke(hub):
    async with phone(hub) as old:
        await old.hello()
        hub.pokes.poke(SITE, PokeTopic.TAKEN_OVER, "dev-1/9")

        assert await old.closed() == CloseCode.SUPERSEDED


async def test_a_connection_overtaken_on_another_worker_learns_it_from_its_next_batch(hub):
    async with phone(hub) as old:
        await old.hello()
        await hub.fence.take_fence(SITE, TECHNICIAN, "dev-1")
        await old.send_fix(1)

        assert await old.closed() == CloseCode.SUPERSEDED
    assert hub.intake.ledger == {}


@pytest.mark.parametrize("bounds", [SocketBounds(1, 0), SocketBounds(0, 1)], ids=["worker", "address"])
async def test_a_worker_takes_no_more_sockets_than_it_may_and_takes_again_when_one_leaves(bounds):
    async with running_hub(bounds=bounds) as hub:
        async with phone(hub) as first:
            await first.hello()
            with pytest.raises(InvalidStatus) as refused:
                async with phone(hub, "pl_dev_2"):
                    pass
            assert (refused.value.response.status_code, refused.value.response.headers["Retry-After"]) == (503, "10")
        async with asyncio.timeout(5):
            while len(hub.links):  # noqa: ASYNC110
                await asyncio.sleep(0.005)  # the server hears of the close in its own time
        async with phone(hub, "pl_dev_2") as second:
            await second.hello()


@pytest.mark.parametrize("ws", [DirectSocketProtocol, "websockets-sansio"], ids=["direct", "plain"])
async def test_a_full_hub_says_busy_once_and_reads_no_fix_until_the_phone_has_waited(ws):
    async with running_hub(Limits(busy_retry_s=0.5), ws=ws) as hub, phone(hub) as car:
        await car.hello()
        hub.intake.is_full = True
        await car.send_fix(1)
        wait_s = (await car.hear("busy"))["retry_after_s"]
        hub.intake.is_full = False
        await car.send_fix(1)
        await car.say("heartbeat", asks=True)
        await car.hear("heartbeat")
        assert hub.intake.unread == 1
        assert not hub.intake.ledger
        await asyncio.sleep(wait_s)
        await car.send_fix(1)
        await car.acked(1)

    assert [frame["type"] for frame in car.heard] == ["welcome", "busy", "heartbeat", "ack"]


async def test_without_redis_a_phone_is_let_in_and_its_fixes_wait(hub):
    hub.fence.is_away = True
    async with phone(hub) as car:
        assert (await car.hello())["session_no"] == 0
        await car.send_fix(1)
        await car.hear("busy")
        hub.fence.is_away = False
        for _ in range(50):
            await asyncio.sleep(0.1)  # the pulse takes the fence within a second
            await car.send_fix(1)
            if hub.intake.ledger:
                break
        await car.acked(1)

    assert len(hub.intake.ledger) == 1


async def test_a_half_open_socket_is_forgotten():
    async with running_hub(Limits(heartbeat_s=0.5, silent_s=1.5)) as hub:
        async with phone(hub) as car:
            await car.hello()
            assert (await car.hear("heartbeat"))["server_at_ms"] > 0

            assert await car.closed() == CloseCode.SILENT
        assert not hub.technicians.phones.has("dev-1")


async def test_who_asks_whether_the_hub_is_there_hears_it_at_once(hub):
    """A page has no other way to see within seconds that a hub hangs; the hub's own heartbeats are twenty seconds apart."""
    on_the_way(hub)
    async with phone(hub) as car, customer(hub) as page, console(hub) as desk:
        await car.hello()
        await page.say("watch", ticket="pl_tic_lnk")
        await desk.say("watch", ticket="pl_tic_desk", topics=["incidents"])
        await page.hear("snapshot")
        await desk.hear("snapshot")
        for each in (car, page, desk):
            await each.say("heartbeat", asks=True)
            assert (await each.hear("heartbeat"))["server_at_ms"] > 0


async def test_a_phone_that_beats_its_heart_stays():
    async with running_hub(Limits(heartbeat_s=0.3, silent_s=0.9)) as hub, phone(hub) as car:
        await car.hello()
        for _ in range(8):
            await car.say("heartbeat")
            await asyncio.sleep(0.2)  # longer than the silence that would end it, in all

        assert hub.technicians.phones.has("dev-1")


async def test_a_drain_waits_for_acks_and_says_reconnect(hub):
    hub.intake.is_held = True
    async with phone(hub) as car:
        await car.hello()
        await car.send_fix(1)
        await car.say("heartbeat")
        await until(lambda: hub.intake.senders)
        draining = asyncio.create_task(hub.links.drain(5.0))
        bye = await car.hear("bye")
        hub.intake.release()

        assert await car.closed() == CloseCode.DRAINING
        await draining
    assert bye["reason"].startswith("reconnect in")
    assert car.heard[-1]["ranges"] == [[1, 1]]


async def test_a_visit_that_changed_is_told_to_her_phone(hub):
    async with phone(hub) as car:
        await car.hello()
        hub.pokes.poke(SITE, PokeTopic.TECHNICIANS, f"{TECHNICIAN}/{VISIT}")

        assert await car.hear("visit_changed") == {"type": "visit_changed", "visit_id": VISIT}


async def test_a_phone_that_vanishes_leaves_nothing_behind(hub):
    async with phone(hub) as car:
        await car.hello()
        car.socket.transport.abort()
        await until(lambda: len(hub.links) == 0)

    assert len(hub.credentials) == 0


# Customers.


@pytest.mark.parametrize("first", [{"link": "pl_lnk_guessed"}, {"ticket": "pl_tic_guessed"}, {}, {"link": "pl_dev_1"}])
async def test_a_guessed_link_gets_what_an_expired_one_gets(hub, first):
    async with customer(hub) as page:
        await page.say("watch", **first)

        assert await page.closed() == CloseCode.LINK_ENDED
    assert page.heard == [{"type": "bye", "reason": "ended"}]


async def test_a_good_link_of_a_visit_that_does_not_exist_ends_alike(hub):
    async with customer(hub) as page:
        await page.say("watch", link="pl_lnk_1")

        assert await page.closed() == CloseCode.LINK_ENDED
    assert page.heard == [{"type": "bye", "reason": "ended"}]


async def test_a_customer_hears_stages_and_the_end_of_her_link(hub):
    key = on_the_way(hub)
    hub.last_known.fixes[TECHNICIAN] = fix_at(now_ms(), 48.05, 11.05)
    async with customer(hub) as page:
        await page.say("watch", ticket="pl_tic_lnk")
        snapshot = await page.hear("snapshot")
        hub.visits.put(Stage.ARRIVED, key=key)
        hub.pokes.poke(SITE, PokeTopic.VISITS, VISIT)
        visit = await page.hear("visit")
        moved = await page.hear("position")
        del hub.visits.states_by_key[key]
        hub.pokes.poke(SITE, PokeTopic.LINKS, VISIT)

        assert await page.closed() == CloseCode.LINK_ENDED
    assert snapshot["position"]["geometry"]["coordinates"] == [11.05, 48.05]
    assert snapshot["arrival"]["latest_ms"] > snapshot["arrival"]["earliest_ms"] > now_ms()
    assert (visit["visit"]["stage"], moved["position"]) == ("arrived", None)
    assert [frame["sequence"] for frame in (snapshot, visit, moved)] == [0, 1, 2]


async def test_watching_again_gives_a_fresh_snapshot(hub):
    on_the_way(hub)
    async with customer(hub) as page:
        await page.say("watch", link="pl_lnk_1")
        first = await page.hear("snapshot")
        await page.say("watch", link="pl_lnk_1")
        second = await page.hear("snapshot")

    assert second["view_epoch"] == first["view_epoch"] + 1


async def test_a_customers_bad_frame_is_answered(hub):
    on_the_way(hub)
    async with customer(hub) as page:
        await page.say_text("{")
        assert (await page.hear())["code"] == "not_json"
        await page.say("fix", seq=1)
        assert (await page.hear())["code"] == "unknown_type"
        await page.say("watch", link="pl_lnk_1")
        await page.hear("snapshot")


async def test_a_customer_who_does_not_read_slows_nobody_and_gets_the_newest(hub):
    """Her line takes no more after some thousand frames; the phone is acknowledged all the same; when she reads, she ends at the newest."""
    on_the_way(hub)
    count = 30_000
    async with phone(hub) as car, customer(hub, max_queue=1) as page:
        await page.say("watch", link="pl_lnk_1")
        await page.hear("snapshot")
        await car.hello()
        start_ms = now_ms() - 400_000
        for first in range(0, count, 500):
            await car.say("fixes", rows=[[seq, start_ms + seq * 10, 48.05 + seq / 1e6, 11.05] for seq in range(first, first + 500)])
            await car.acked(*range(first, first + 500))
        positions = [await page.hear("position")]
        while positions[-1]["position"]["properties"]["at_ms"] < start_ms + (count - 1) * 10:
            positions.append(await page.hear("position"))

    assert len(positions) < count
    assert [one["sequence"] for one in positions] == list(range(1, len(positions) + 1))


async def test_a_customer_who_never_reads_is_let_go_after_a_deadline():
    async with running_hub(send_s=0.2) as hub:
        on_the_way(hub)
        async with phone(hub) as car, customer(hub, max_queue=1) as page:
            await page.say("watch", link="pl_lnk_1")
            await page.hear("snapshot")
            await car.hello()
            start_ms = now_ms() - 400_000
            for seq in range(0, 400_000, 500):
                if len(hub.links) == 1:
                    break
                await car.say("fixes", rows=[[n, start_ms + n, 48.05 + n / 1e6, 11.05] for n in range(seq, seq + 500)])
                await car.acked(*range(seq, seq + 500))

            assert len(hub.visit_watch) == 0


# Consoles.


async def test_a_console_sees_topics_and_their_changes(hub):
    hub.incidents.put("i1", state="raised")
    hub.last_known.fixes[TECHNICIAN] = fix_at(now_ms() - 10_000)
    async with console(hub) as desk, phone(hub) as car:
        await desk.say("watch", ticket="pl_tic_desk", topics=["positions", "incidents"])
        snapshots = {frame["topic"]: frame for frame in [await desk.hear("snapshot"), await desk.hear("snapshot")]}
        await car.hello()
        await car.send_fix(1)
        moved = await desk.hear("delta")
        hub.incidents.drop("i1")
        hub.pokes.poke(SITE, PokeTopic.INCIDENTS, "i1")
        resolved = await desk.hear("delta")

    assert snapshots["incidents"]["items"] == [{"id": "i1", "state": "raised"}]
    assert snapshots["positions"]["items"][0]["id"] == TECHNICIAN
    assert (moved["topic"], moved["sequence"], moved["put"][0]["lat"]) == ("positions", 1, 48.05)
    assert (resolved["topic"], resolved["drop"]) == ("incidents", ["i1"])


async def test_a_console_is_told_when_the_hub_cannot_read_what_it_shows(hub):
    hub.incidents.put("i1", state="raised")
    async with console(hub) as desk:
        await desk.say("watch", ticket="pl_tic_desk", topics=["incidents"])
        await desk.hear("snapshot")
        hub.incidents.is_away = True
        room = hub.console_watch._rooms[SITE, "incidents"]
        room.judge(1_000, 1_000, was_read=True)
        room.judge(9_000, 9_000, was_read=False)
        told = [await desk.hear("behind")]
        hub.incidents.is_away = False
        hub.pokes.poke(SITE, PokeTopic.INCIDENTS, "i1")
        told.append(await desk.hear("behind"))

    assert [(frame["topic"], frame["since_ms"]) for frame in told] == [("incidents", 1_000), ("incidents", None)]


async def test_a_console_changes_its_topics_without_a_new_ticket(hub):
    async with console(hub) as desk:
        await desk.say("watch", ticket="pl_tic_desk", topics=["positions"])
        await desk.hear("snapshot")
        await desk.say("watch", topics=["incidents"])

        assert (await desk.hear("snapshot"))["topic"] == "incidents"
    assert hub.fanout.watched_sites() == frozenset()


@pytest.mark.parametrize("first", [{"ticket": "pl_tic_unknown"}, {"ticket": "pl_tic_dev"}, {}])
async def test_a_console_needs_a_dispatchers_ticket(hub, first):
    async with console(hub) as desk:
        await desk.say("watch", topics=["positions"], **first)

        assert await desk.closed() == CloseCode.NOT_SIGNED_IN


async def test_a_ticket_opens_one_socket(hub):
    async with console(hub) as desk, console(hub) as other:
        await desk.say("watch", ticket="pl_tic_desk", topics=["positions"])
        await desk.hear("snapshot")
        await other.say("watch", ticket="pl_tic_desk", topics=["positions"])

        assert await other.closed() == CloseCode.NOT_SIGNED_IN


async def test_logging_out_closes_the_console(hub):
    async with console(hub) as desk:
        await desk.say("watch", ticket="pl_tic_desk", topics=["positions"])
        await desk.hear("snapshot")
        hub.access.over.add(dispatcher_caller().id)
        hub.pokes.poke(SITE, PokeTopic.SESSIONS, "desk-1")

        assert await desk.closed() == CloseCode.REVOKED


async def test_a_topic_that_this_hub_has_not_is_named(hub):
    async with console(hub) as desk:
        await desk.say("watch", ticket="pl_tic_desk", topics=["notices", "positions"])

        assert "notices" in (await desk.hear("error"))["detail"]
        assert (await desk.hear("snapshot"))["topic"] == "positions"
