"""The demo's phones, the domestic gateway, recipients and what the desk may read: over their real doors."""

import asyncio
import json
from datetime import UTC, datetime

import pytest
from aiohttp import web
from httpx2 import ASGITransport, AsyncClient
from standardwebhooks.webhooks import Webhook

from core.caller import Caller, CallerKind, Role
from core.errors import BadInput, Conflict
from notifications import http_gateway, http_notices, http_phones, http_recipients
from notifications.aiohttp_gateway import GatewayCarrier, open_session
from notifications.carrier import CarrierName, Outcome
from notifications.desk_notices_flow import DeskNoticesFlow
from notifications.error_class import ErrorClass
from notifications.file_channel import FileChannel
from notifications.gateway import GatewayConfig
from notifications.health_flow import HealthFlow
from notifications.inbound_flow import InboundFlow
from notifications.notice import Channel, Lane, NoticeState
from notifications.notice_look_flow import NoticeLookFlow
from notifications.phones_flow import PhonesFlow
from notifications.recipient import RecipientKind
from notifications.recipients_flow import NewRecipient, RecipientsFlow
from notifications.sql_inbound import SqlInbound
from notifications.sql_phones import PhonesCarrier, SqlPhones
from tests.doubles.notice_house import SITE, TEMPLATES, NoticeHouse, sos
from tests.doubles.notice_safety import SpySafety
from tests.doubles.served_doors import app_of

pytestmark = pytest.mark.anyio
SECRET = "whsec_" + "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0"
OWNER = Caller(kind=CallerKind.DISPATCHER, id="o", sites=frozenset({SITE}), roles=frozenset({Role.OWNER}))
DISPATCHER = Caller(kind=CallerKind.DISPATCHER, id="d", sites=frozenset({SITE}), roles=frozenset({Role.DISPATCHER}))


class PhoneHouse(NoticeHouse):
    """The notices' house with the demo's phones as its network."""

    def __init__(self, work, clock, key_ring) -> None:
        super().__init__(work, clock)
        self.phones = SqlPhones(key_ring)
        self.carriers = {(CarrierName.DESK, Channel.CONSOLE): self.desk}
        for channel in (Channel.SMS, Channel.VOICE):
            self.carriers[(CarrierName.PHONES, channel)] = PhonesCarrier(work, self.phones, channel, clock)
        self.flow = self.sender()
        self.looks._carriers = self.carriers
        self.safety = SpySafety()
        self.inbound = InboundFlow(
            work=work,
            outbox=self.outbox,
            recipients=self.recipients,
            inbound=SqlInbound(key_ring),
            settlement=self.settlement,
            acknowledgements=self.safety,
            taps=self.safety,
            alarms=self.alarms,
            templates=TEMPLATES,
            clock=clock,
        )
        self.page = PhonesFlow(
            work=work,
            phones=self.phones,
            recipients=self.recipients,
            receipts=self.receipts,
            inbound=self.inbound,
            templates=TEMPLATES,
            clock=clock,
            ids=self.ids,
        )
        self.people = RecipientsFlow(work=work, recipients=self.recipients, outbox=self.outbox, clock=clock, ids=self.ids)


@pytest.fixture
async def house(work, clock, key_ring):
    return PhoneHouse(work, clock, key_ring)


async def ask(endpoints, method, path, caller=DISPATCHER, **more):
    async with AsyncClient(transport=ASGITransport(app_of(endpoints, caller)), base_url="https://hub.example") as http:
        return await http.request(method, path, **more)


async def test_a_text_and_a_call_show_on_the_page_and_the_call_is_acknowledged_by_keys(house):
    person = await house.add_person()
    call = sos(person, channel=Channel.VOICE)
    await house.enqueue(sos(person), call)
    await house.send_due()
    doors = http_phones.endpoints(house.page)
    phone = (await ask(doors, "GET", "/v1/demo/phones")).json()["phones"][0]
    ringing = next(item for item in phone["items"] if item["kind"] == "call")

    assert sorted(item["state"] for item in phone["items"]) == ["delivered", "ringing"]
    base = f"/v1/demo/phones/items/{ringing['id']}"
    assert (await ask(doors, "POST", f"{base}/press", json={"digit": "5"})).status_code == 409
    assert "press 5" in (await ask(doors, "POST", f"{base}/answer")).json()["body"]
    assert (await ask(doors, "POST", f"{base}/press", json={"digit": "55"})).status_code == 422
    assert "The code is" in (await ask(doors, "POST", f"{base}/press", json={"digit": "5"})).json()["body"]
    last = (await ask(doors, "POST", f"{base}/press", json={"digit": "5"})).json()
    assert (last["state"], last["body"]) == ("ended", "It is yours. Thank you. Look at the console now.")
    assert [ack.subject for ack in house.safety.acks] == ["incident-1"]
    assert (await house.row(call)).state is NoticeState.ACKNOWLEDGED
    assert (await ask(doors, "POST", f"{base}/answer")).status_code == 409
    assert (await ask(doors, "POST", "/v1/demo/phones/items/none/answer")).status_code == 404


async def test_a_call_that_nobody_picks_up_is_missed(house):
    notice = sos(await house.add_person(), channel=Channel.VOICE)
    await house.enqueue(notice)
    await house.send_due()
    await house.live_through(45, 1)

    assert (await house.row(notice)).error_code == "voice_no_answer"
    assert (await house.page.all())[0].items[0].state == "missed"


async def test_whoever_watches_the_phones_sees_a_call_ring_for_as_long_as_a_real_one(house):
    first, second = await house.add_person(), await house.add_person("+14155550188", owner_id="dispatcher-2")
    notice = sos(first, channel=Channel.VOICE, next_recipients=(second.id,))
    await house.enqueue(notice)
    await house.send_due()
    house.clock.move(24)
    ringing = await house.page.all()
    house.clock.move(1)
    missed = await house.page.all()

    assert [phone.items[0].state for phone in (*ringing, *missed)] == ["ringing", "missed"]
    assert (await house.row(notice)).error_code == "voice_no_answer"
    await house.send_due()
    assert {phone.recipient_id for phone in await house.page.all()} == {first.id, second.id}


async def test_a_phone_can_text_the_hub(house):
    person = await house.add_person(kind=RecipientKind.TECHNICIAN, owner_id="tech-1")
    doors = http_phones.endpoints(house.page)
    answer = await ask(doors, "POST", f"/v1/demo/phones/{person.id}/text", json={"text": "sos"})

    assert answer.json() == {"reply": "Received. Our desk is acting."}
    assert house.safety.taps[0][0] == "tech-1"
    assert (await ask(doors, "POST", "/v1/demo/phones/nobody/text", json={"text": "sos"})).status_code == 404


# Recipients


async def test_a_number_is_proved_by_the_code_that_was_texted_to_it(house):
    person = await house.people.add_alone(
        NewRecipient(site_id=SITE, kind=RecipientKind.CONTACT, owner_id="t", name="Mum", number="+1 415 555 0123", language="en")
    )
    await house.people.send_code(person.id)
    await house.send_due()
    text = (await house.page.all())[0].items[0].body
    digits = next(word.rstrip(".") for word in text.split() if word.rstrip(".").isdigit() and len(word.rstrip(".")) == 6)
    with pytest.raises(Conflict):
        await house.people.prove(person.id, "000000")
    verified = await house.people.prove(person.id, digits)

    assert verified.verified_at == house.clock.now()
    with pytest.raises(Conflict):
        await house.people.prove(person.id, digits)


async def test_five_wrong_codes_void_the_right_one_and_so_do_ten_minutes(house):
    person = await house.add_person()
    await house.people.send_code(person.id)
    right = f"{house.ids._count.__reduce__()[1][0] - 1:06d}"
    for _ in range(5):
        with pytest.raises(Conflict):
            await house.people.prove(person.id, "999999")
    with pytest.raises(Conflict):
        await house.people.prove(person.id, right)
    await house.people.send_code(person.id)
    house.clock.move(601)
    with pytest.raises(Conflict):
        await house.people.prove(person.id, f"{int(right) + 1:06d}")


@pytest.mark.parametrize(
    "wrong",
    [{"number": "12345"}, {"name": ""}, {"name": "x" * 501}, {"language": "fr"}, {"carrier": "pigeon"}],
    ids=["number", "no name", "long name", "language", "carrier"],
)
async def test_a_wrong_recipient_is_refused_in_words(house, wrong):
    fields = {"site_id": SITE, "kind": RecipientKind.CONTACT, "owner_id": "t", "name": "O'Neil 😀", "number": "+14155550123"} | wrong
    with pytest.raises(BadInput):
        await house.people.add_alone(NewRecipient(**fields))


async def test_the_same_phone_of_the_same_person_is_kept_once(house):
    new = NewRecipient(site_id=SITE, kind=RecipientKind.CONTACT, owner_id="t", name="O'Neil 😀", number="+14155550123")
    first, again = await house.people.add_alone(new), await house.people.add_alone(new)

    assert first.id == again.id


async def test_numbers_are_masked_for_dispatchers_and_shown_to_owners(house):
    doors = http_recipients.endpoints(house.people)
    body = {"site_id": SITE, "kind": "dispatcher", "owner_id": "d", "name": "Wang", "number": "138 0013 8000", "country": "CN"}
    made = await ask(doors, "POST", "/v1/recipients", OWNER, json=body)
    seen = (await ask(doors, "GET", f"/v1/recipients?site_id={SITE}")).json()["items"][0]

    assert (made.status_code, made.json()["number"], made.json()["country"]) == (201, "+8613800138000", "CN")
    assert (seen["number"], seen["number_masked"]) == (None, "***00")
    assert (await ask(doors, "POST", "/v1/recipients", json=body)).status_code == 403
    assert (await ask(doors, "GET", "/v1/recipients?site_id=other")).status_code == 403
    assert (await ask(doors, "POST", "/v1/recipients", OWNER, json=body | {"number": "nonsense"})).status_code == 422
    assert (await ask(doors, "DELETE", f"/v1/recipients/{made.json()['id']}", OWNER)).status_code == 204
    assert (await ask(doors, "GET", f"/v1/recipients?site_id={SITE}")).json()["items"] == []


# The desk


async def test_the_desk_reads_who_was_told_what_and_never_a_number(house):
    notice = sos(await house.add_person())
    await house.enqueue(notice)
    await house.send_due()
    doors = http_notices.endpoints(NoticeLookFlow(work=house.work, outbox=house.outbox, recipients=house.recipients))
    listed = await ask(doors, "GET", "/v1/notices?subject=incident-1")
    read = await ask(doors, "GET", f"/v1/notices/{notice.id}")
    foreign = Caller(kind=CallerKind.DISPATCHER, id="x", sites=frozenset({"other"}), roles=frozenset({Role.OWNER}))

    assert listed.json()["items"][0]["to"] == "Wang Xiaoming ***23"
    assert "5550123" not in listed.text + read.text
    assert read.json()["tries"][0]["carrier"] == "phones"
    assert (await ask(doors, "GET", f"/v1/notices/{notice.id}", foreign)).status_code == 404


class English:
    """Meets `DeskLanguages`."""

    async def language_of(self, tx, site_id):
        return "en"


async def test_the_console_shows_urgent_notices_in_words_and_knows_when_nothing_changed(house):
    topic = DeskNoticesFlow(work=house.work, outbox=house.outbox, templates=TEMPLATES, clock=house.clock, languages=English())
    await house.enqueue(sos(await house.add_person()))
    before = await topic.snapshot(SITE)

    assert before.items[0].text.startswith("SOS Li, 5 Elm Road")
    assert (await topic.changes(SITE, before.mark)).put == ()
    house.clock.move(1)
    await house.send_due()
    assert await topic.changes(SITE, before.mark) is None


async def test_health_names_what_is_missing(house):
    health = HealthFlow(work=house.work, outbox=house.outbox, recipients=house.recipients, carriers={}, clock=house.clock)

    assert [fault.code for fault in await health.faults([SITE])] == ["no_sms", "no_voice", "nobody_alarmed"]
    await house.enqueue(sos(await house.add_person(is_alarmed=True)))
    house.clock.move(6)
    assert [fault.code for fault in await health.faults([SITE])] == ["no_sms", "no_voice", "outbox_late_p0", "nobody_verified"]


@pytest.mark.parametrize("error", [ErrorClass.AMBIGUOUS, ErrorClass.OUR_FAULT, ErrorClass.NOT_PROCESSED])
async def test_health_names_a_carrier_that_takes_no_emergency_until_it_does(work, clock, error):
    house = NoticeHouse(work, clock)
    health = HealthFlow(work=work, outbox=house.outbox, recipients=house.recipients, carriers=house.carriers, clock=clock)
    house.sms.answers.extend([Outcome(error=error, code="out", detail="lost before")] * 50)
    await house.enqueue(sos(await house.add_person()))
    await house.live_through(6)

    assert [fault.code for fault in await health.faults()] == [f"carrier_{error}"]
    house.sms.answers.clear()
    await house.live_through(20)
    assert await health.faults() == []


async def test_the_file_takes_a_line_a_letter_without_the_number(house, tmp_path):
    path = tmp_path / "notices.jsonl"
    house.carriers[(CarrierName.PHONES, Channel.SMS)] = FileChannel(path, Channel.SMS, house.clock)
    await house.enqueue(sos(await house.add_person()))
    await house.send_due()
    line = json.loads(await asyncio.to_thread(path.read_text))

    assert (line["to"], line["lane"]) == ("***23", "p0")
    assert path.stat().st_mode & 0o077 == 0


# The domestic gateway


REGISTERED = {"sos": "SMS_1001", "sos.voice": "TTS_1001", "sos_over": "SMS_1002"}


class FakeGateway:
    """An operator's adapter: keeps letters by (id, attempt), answers as told."""

    def __init__(self) -> None:
        self.letters, self.answers, self.url = {}, [], ""

    async def take(self, request):
        body = await request.text()
        Webhook(SECRET).sign("x", datetime.now(UTC), body)
        letter = json.loads(body)
        answer = self.answers.pop(0) if self.answers else (200, {})
        if answer[0] in (200, 500):
            self.letters[letter["id"], str(letter["attempt"])] = letter
        return web.json_response(answer[1], status=answer[0])

    async def look(self, request):
        key = (request.match_info["id"], request.match_info["attempt"])
        return web.json_response({"receipt": "sent"}) if key in self.letters else web.json_response({}, status=404)


@pytest.fixture
async def gateway(house):
    fake = FakeGateway()
    app = web.Application()
    app.router.add_post("/sms", fake.take)
    app.router.add_post("/voice", fake.take)
    app.router.add_get("/letters/{id}/{attempt}", fake.look)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    config = GatewayConfig(url=f"http://127.0.0.1:{runner.addresses[0][1]}", secrets=(SECRET,), templates=REGISTERED)
    session = open_session()
    for channel in (Channel.SMS, Channel.VOICE):
        house.carriers[(CarrierName.GATEWAY, channel)] = GatewayCarrier(config, channel, session, house.clock)
    fake.doors = http_gateway.endpoints(config, house.receipts, house.inbound, TEMPLATES)
    yield fake
    await session.close()
    await runner.cleanup()


async def test_a_chinese_number_goes_through_the_gateway_with_registered_template_and_no_link(house, gateway):
    notice = sos(await house.add_person("+8613800138000", country="CN", language="zh-CN"))
    await house.enqueue(notice)
    await house.send_due()
    letter = next(iter(gateway.letters.values()))

    assert (letter["to"], letter["template"], letter["variables"]["code"]) == ("+8613800138000", "SMS_1001", notice.short_code)
    assert (await house.row(notice)).carrier == "gateway"


@pytest.mark.parametrize(("template", "id"), [("sos", "TTS_1001"), ("sos_over", "SMS_1002"), ("sos_drill", "sos_drill")])
async def test_a_call_has_a_registered_id_of_its_own(house, gateway, template, id):
    person = await house.add_person("+8613800138000", country="CN")
    await house.enqueue(sos(person, channel=Channel.VOICE, template=template))
    await house.send_due()

    assert [letter["template"] for letter in gateway.letters.values()] == [id]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ((429, {}), ErrorClass.NOT_PROCESSED),
        ((400, {}), ErrorClass.OUR_FAULT),
        ((400, {"error": "permanent", "code": "isv.MOBILE_NUMBER_ILLEGAL"}), ErrorClass.PERMANENT),
        ((200, {"error": "blocked"}), ErrorClass.BLOCKED),
        ((200, "a page of something else"), ErrorClass.AMBIGUOUS),
    ],
)
async def test_each_answer_of_the_gateway_has_its_class(house, gateway, answer, error):
    gateway.answers.append(answer)
    notice = sos(await house.add_person("+8613800138000", country="CN"))
    await house.enqueue(notice)
    await house.flow.run_once(Lane.P0)
    async with house.work.read() as tx:
        attempts = await house.outbox.attempts_of(tx, notice.id)

    assert attempts[0].error_class == error


async def test_a_lost_answer_of_the_gateway_is_looked_up(house, gateway):
    gateway.answers.append((500, {}))
    notice = sos(await house.add_person("+8613800138000", country="CN"))
    await house.enqueue(notice)
    await house.send_due()
    await house.live_through(3)

    assert (await house.row(notice)).state is NoticeState.ACCEPTED
    assert [key for key in gateway.letters if key[0] == notice.id] == [(notice.id, "1")]


async def test_the_gateways_doors_take_signed_receipts_and_keys_only(house, gateway):
    call = sos(await house.add_person("+8613800138000", country="CN", language="zh-CN"), channel=Channel.VOICE)
    await house.enqueue(call)
    await house.send_due()

    async def tell(path, body, secret=SECRET):
        raw, now = json.dumps(body), datetime.now(UTC)
        headers = {"webhook-id": "m1", "webhook-timestamp": str(int(now.timestamp()))}
        headers["webhook-signature"] = Webhook(secret).sign("m1", now, raw)
        return await ask(gateway.doors, "POST", path, content=raw, headers=headers)

    receipt = {"id": call.id, "attempt": 1, "receipt": "answered"}
    assert (await tell("/in/gateway/receipts", receipt, "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")).status_code == 403
    assert (await ask(gateway.doors, "POST", "/in/gateway/receipts", json=receipt)).status_code == 403
    assert (await tell("/in/gateway/receipts", receipt)).status_code == 204
    first = (await tell("/in/gateway/keys", {"id": call.id, "step": "asked", "digit": "5"})).json()
    assert (first["said"], first["code"]) == ("confirm", call.short_code)
    assert (await tell("/in/gateway/keys", {"id": call.id, "step": "coded", "digit": "5"})).json()["said"] == "owned"
    assert (await house.row(call)).state is NoticeState.ACKNOWLEDGED
    assert (await tell("/in/gateway/texts", {"id": "t1", "sender": "13800138000", "text": "hello"})).json() == {"reply": None}
