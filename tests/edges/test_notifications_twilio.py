"""Twilio's edges against the fake Twilio: the real client, real HTTP, real signatures."""

import asyncio
import json

import aiohttp
import pytest
from twilio.request_validator import RequestValidator

from notifications import http_twilio
from notifications.account import INBOUND_PATH, STATUS_PATH, TwilioConfig
from notifications.carrier import SEND_DEADLINE_S
from notifications.delivery import Receipt
from notifications.error_class import KNOWN_STOPPED, ErrorClass
from notifications.inbound_flow import InboundFlow
from notifications.notice import Channel, Lane, NoticeState
from notifications.recipient import RecipientKind
from notifications.sql_inbound import SqlInbound
from notifications.twilio_account import TwilioAccount
from notifications.twilio_sms import TwilioSms
from notifications.twilio_voice import TwilioVoice
from tests.doubles.fake_twilio.plugin import fake_twilio  # noqa: F401 - a fixture
from tests.doubles.fake_twilio.script import (
    ERROR_AFTER,
    ERROR_BEFORE,
    RATE_LIMITED,
    RESET,
    WRONG_TOKEN,
    Callbacks,
    Fault,
    How,
    in_pieces,
    refuse,
)
from tests.doubles.notice_house import TEMPLATES, NoticeHouse, arriving, sos
from tests.doubles.notice_safety import SpySafety
from tests.doubles.served_doors import app_of, served

pytestmark = pytest.mark.anyio
PUBLIC = "https://hub.example"
PHONE = "+14155550123"


class TwilioHouse(NoticeHouse):
    """The notices' house with Twilio instead of the in-process carriers, and its doors."""

    def __init__(self, work, clock, account, key_ring) -> None:
        carriers = [TwilioSms(account), TwilioVoice(account, TEMPLATES)]
        super().__init__(work, clock)
        self.carriers.pop((self.sms.name, self.sms.channel))
        self.carriers.pop((self.voice.name, self.voice.channel))
        self.carriers.update({(carrier.name, carrier.channel): carrier for carrier in carriers})
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
        self.doors = http_twilio.endpoints(account.config, self.receipts, self.inbound, TEMPLATES)


@pytest.fixture
async def account(fake_twilio):  # noqa: F811
    config = TwilioConfig(
        account_sid=fake_twilio.account_sid,
        tokens=(fake_twilio.token, "next-token"),
        sms_senders={Lane.P0: ("+15005550001", "+15005550002"), Lane.P2: ("+15005550009",)},
        voice_senders={Lane.P0: ("+15005550001",)},
        public_url=PUBLIC,
        api_url=fake_twilio.url,
    )
    account = TwilioAccount(config)
    yield account
    await account.close()


@pytest.fixture
async def house(work, clock, account, key_ring, fake_twilio):  # noqa: F811
    fake_twilio.clock = clock
    house = TwilioHouse(work, clock, account, key_ring)
    async with served(app_of(house.doors)) as url:
        fake_twilio.hub_url = url
        yield house


async def test_an_emergency_text_obeys_twilio_and_its_receipts_come_home(house, fake_twilio):  # noqa: F811
    notice = sos(await house.add_person(PHONE))
    await house.enqueue(notice)
    await house.send_due()
    message = await fake_twilio.expect_sms(PHONE, notice.short_code)
    statuses = await fake_twilio.deliver(message)

    assert statuses == [204, 204]
    assert (await house.row(notice)).state is NoticeState.DELIVERED
    assert message.form["ValidityPeriod"] == ["30"]
    assert message.form["ContentRetention"] == ["discard"]
    assert message.form["StatusCallback"][0].endswith("#rc=5&rp=all&ct=2000&rt=5000")


async def test_each_lane_has_its_own_sender(house, fake_twilio):  # noqa: F811
    person = await house.add_person(PHONE)
    await house.enqueue(sos(person), arriving(person))
    await house.send_due()
    messages = [await fake_twilio.expect_sms(PHONE) for _ in range(2)]

    assert [message.sender for message in messages] == ["+15005550001", "+15005550009"]


@pytest.mark.parametrize("callbacks", [Callbacks.TWICE, Callbacks.BACKWARDS])
async def test_repeated_and_reordered_callbacks_leave_a_delivered_text_delivered(house, fake_twilio, callbacks):  # noqa: F811
    fake_twilio.callbacks = callbacks
    notice = sos(await house.add_person(PHONE))
    await house.enqueue(notice)
    await house.send_due()
    await fake_twilio.deliver(await fake_twilio.expect_sms(PHONE))

    assert (await house.row(notice)).state is NoticeState.DELIVERED


async def test_missing_callbacks_are_made_up_for_by_polling(house, fake_twilio):  # noqa: F811
    fake_twilio.callbacks = Callbacks.MISSING
    notice = sos(await house.add_person(PHONE))
    await house.enqueue(notice)
    await house.send_due()
    await fake_twilio.deliver(await fake_twilio.expect_sms(PHONE))
    await house.live_through(11)

    assert (await house.row(notice)).state is NoticeState.DELIVERED


@pytest.mark.parametrize("code", [30003, 30005, 30006, 30007, 30008, 30036])
async def test_a_text_that_the_network_gives_up_rings_the_phone(house, fake_twilio, code):  # noqa: F811
    fake_twilio.phone_fails(PHONE, code)
    notice = sos(await house.add_person(PHONE))
    await house.enqueue(notice)
    await house.send_due()
    await fake_twilio.deliver(await fake_twilio.expect_sms(PHONE))
    await house.send_due()

    async with house.work.read() as tx:
        attempts = await house.outbox.attempts_of(tx, notice.id)
    assert attempts[0].error_code == str(code)
    await fake_twilio.expect_call(PHONE)
    for message in fake_twilio.messages:
        message.is_expected = True  # the one more try that some codes allow


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (RATE_LIMITED, ErrorClass.NOT_PROCESSED),
        (ERROR_BEFORE, ErrorClass.AMBIGUOUS),
        (RESET, ErrorClass.AMBIGUOUS),
        (WRONG_TOKEN, ErrorClass.OUR_FAULT),
        (refuse(21611), ErrorClass.CONGESTED),
        (refuse(21610), ErrorClass.PERMANENT),
        (refuse(21614), ErrorClass.PERMANENT),
        (refuse(21211), ErrorClass.PERMANENT),
        (refuse(21408), ErrorClass.BLOCKED),
        (refuse(29999), ErrorClass.OUR_FAULT),
    ],
)
async def test_each_answer_of_twilio_has_its_class(house, fake_twilio, fault, error):  # noqa: F811
    fake_twilio.next_answers("Messages", fault)
    notice = sos(await house.add_person(PHONE))
    await house.enqueue(notice)
    await house.flow.run_once(Lane.P0)
    async with house.work.read() as tx:
        attempts = await house.outbox.attempts_of(tx, notice.id)

    assert attempts[0].error_class == error
    for message in fake_twilio.messages:
        message.is_expected = True


async def test_an_unreachable_twilio_was_never_asked(house, account, clock):
    account.config = TwilioConfig(**{**{f: getattr(account.config, f) for f in account.config.__struct_fields__}, "api_url": "http://127.0.0.1:9"})
    lonely = TwilioAccount(account.config)
    try:
        house.carriers[next(key for key in house.carriers if key[1] is Channel.SMS)] = TwilioSms(lonely)
        notice = sos(await house.add_person(PHONE))
        await house.enqueue(notice)
        await house.flow.run_once(Lane.P0)
    finally:
        await lonely.close()

    row = await house.row(notice)
    assert (row.state, row.error_class) == (NoticeState.PENDING, ErrorClass.NOT_PROCESSED)


async def test_the_deadline_of_a_request_is_not_rounded_up_to_a_whole_second(account):
    for lane in Lane:
        timeout = account.client(lane).http_client.session.timeout
        assert timeout.total == SEND_DEADLINE_S < timeout.ceil_threshold


async def test_a_text_that_was_sent_behind_a_500_is_found_and_not_doubled(house, fake_twilio):  # noqa: F811
    fake_twilio.next_answers("Messages", ERROR_AFTER)
    notice = sos(await house.add_person(PHONE))
    await house.enqueue(notice)
    await house.send_due()
    await fake_twilio.expect_sms(PHONE)
    await house.send_due()
    await fake_twilio.expect_call(PHONE)
    await house.live_through(3)

    assert (await house.row(notice)).state is NoticeState.ACCEPTED
    assert len(fake_twilio.messages) == 1


async def test_a_text_that_was_not_sent_behind_a_500_goes_again_and_says_so(house, fake_twilio):  # noqa: F811
    fake_twilio.next_answers("Messages", ERROR_BEFORE)
    notice = sos(await house.add_person(PHONE))
    await house.enqueue(notice)
    await house.send_due()
    await house.live_through(3)

    await fake_twilio.expect_sms(PHONE, "(again)")
    await fake_twilio.expect_call(PHONE)


async def test_a_full_sender_leads_to_the_other_one(house, fake_twilio):  # noqa: F811
    fake_twilio.queue_limit = {"+15005550001": 0}
    await house.enqueue(sos(await house.add_person(PHONE)))
    await house.send_due()
    await house.send_due()

    assert (await fake_twilio.expect_sms(PHONE)).sender == "+15005550002"
    await fake_twilio.expect_call(PHONE)


async def test_a_call_is_acknowledged_by_five_the_code_and_five(house, fake_twilio):  # noqa: F811
    notice = sos(await house.add_person(PHONE), channel=Channel.VOICE)
    await house.enqueue(notice)
    await house.send_due()
    call = await fake_twilio.expect_call(PHONE)
    await fake_twilio.ring(call)
    first = await fake_twilio.answer(call)
    second = await fake_twilio.press(call, "5")
    assert house.safety.acks == []
    third = await fake_twilio.press(call, "5")
    await fake_twilio.hang_up(call)

    assert "Emergency. Li" in first
    assert " ".join(notice.short_code) in second
    assert "It is yours" in third
    assert [ack.subject for ack in house.safety.acks] == ["incident-1"]
    assert (await house.row(notice)).state is NoticeState.ACKNOWLEDGED


async def test_a_wrong_key_is_asked_again_and_acknowledges_nothing(house, fake_twilio):  # noqa: F811
    notice = sos(await house.add_person(PHONE), channel=Channel.VOICE)
    await house.enqueue(notice)
    await house.send_due()
    call = await fake_twilio.expect_call(PHONE)
    await fake_twilio.answer(call)

    assert "Emergency" in await fake_twilio.press(call, "4")
    assert house.safety.acks == []


@pytest.mark.parametrize("by", ["machine_start", "human"])
async def test_a_mailbox_and_a_silent_person_acknowledge_nothing_and_the_next_one_is_called(house, fake_twilio, by):  # noqa: F811
    second = await house.add_person("+14155550124", owner_id="d2")
    notice = sos(await house.add_person(PHONE), channel=Channel.VOICE, next_recipients=(second.id,))
    await house.enqueue(notice)
    await house.send_due()
    call = await fake_twilio.expect_call(PHONE)
    await fake_twilio.answer(call, by=by)
    await fake_twilio.hang_up(call, by=by)
    await house.send_due()

    assert house.safety.acks == []
    await fake_twilio.expect_call("+14155550124")
    await fake_twilio.expect_sms("+14155550124")


async def test_a_texted_ack_counts_for_whom_the_code_was_sent_to(house, fake_twilio):  # noqa: F811
    notice = sos(await house.add_person(PHONE))
    stranger = await house.add_person("+14155550177", owner_id="d9")
    await house.enqueue(notice)
    await house.send_due()
    await fake_twilio.expect_sms(PHONE)
    url = f"{PUBLIC}{INBOUND_PATH}"

    assert "no open case" in await fake_twilio.text(stranger.number, f"ack {notice.short_code}", url=url)
    assert "is yours" in await fake_twilio.text(PHONE, f" ACK {notice.short_code}. ", url=url)
    assert [ack.owner_id for ack in house.safety.acks] == ["dispatcher-1"]


async def test_a_replayed_text_acts_once_and_a_stranger_hears_nothing(house, fake_twilio):  # noqa: F811
    await house.add_person(PHONE, kind=RecipientKind.TECHNICIAN, owner_id="tech-1")
    url = f"{PUBLIC}{INBOUND_PATH}"
    answers = [await fake_twilio.text(PHONE, "SOS", url=url, sid="SM" + "a" * 32) for _ in range(2)]

    assert answers == ["Received. Our desk is acting.", ""]
    assert house.safety.taps == [("tech-1", "SM" + "a" * 32)]
    assert await fake_twilio.text("+14155550000", "sos", url=url) == ""


async def test_a_responder_who_says_stop_alarms_the_operator_and_is_called_instead(house, fake_twilio):  # noqa: F811
    person = await house.add_person(PHONE)
    await fake_twilio.text(PHONE, "STOP", url=f"{PUBLIC}{INBOUND_PATH}")
    await house.send_due()
    assert {letter.variables.get("alarm") for letter in house.desk.taken} == {"responder_stopped"}

    await house.enqueue(notice := sos(person))
    await house.send_due()
    await house.send_due()

    await fake_twilio.expect_call(PHONE)
    assert (await house.row(notice)).error_code == KNOWN_STOPPED
    # Asked for START once, and never for another number: hers is right.
    assert [letter.variables.get("alarm") for letter in house.desk.taken] == ["responder_stopped"]


@pytest.mark.parametrize("channel", [Channel.SMS, Channel.VOICE])
@pytest.mark.parametrize("order", [(ERROR_BEFORE, ERROR_AFTER), (ERROR_AFTER, ERROR_BEFORE), (ERROR_AFTER, ERROR_AFTER)])
async def test_of_two_lost_answers_to_one_phone_neither_letter_is_taken_for_the_other(house, fake_twilio, order, channel):  # noqa: F811
    fake_twilio.next_answers("Messages" if channel is Channel.SMS else "Calls", *order)
    person = await house.add_person(PHONE)
    two = [sos(person, subject=f"incident-{number}", channel=channel, ladder_round=number) for number in (1, 2)]
    for notice in two:
        await house.enqueue(notice)
        await house.send_due()
    await house.live_through(6)
    sent = fake_twilio.messages if channel is Channel.SMS else fake_twilio.calls
    told = [" ".join(one.form["Body" if channel is Channel.SMS else "Twiml"]) for one in sent]

    names = [notice.short_code if channel is Channel.SMS else notice.id for notice in two]
    assert {name for name in names if any(name in words for words in told)} == set(names)
    assert len(told) == 2 or order != (ERROR_AFTER, ERROR_AFTER)
    for one in (*fake_twilio.messages, *fake_twilio.calls):
        one.is_expected = True


@pytest.mark.parametrize("channel", [Channel.SMS, Channel.VOICE])
async def test_an_answer_that_comes_in_pieces_is_an_answer(house, fake_twilio, channel):  # noqa: F811
    fake_twilio.next_answers("Messages" if channel is Channel.SMS else "Calls", in_pieces())
    notice = sos(await house.add_person(PHONE), channel=channel)
    await house.enqueue(notice)
    await house.send_due()

    sent = await (fake_twilio.expect_sms(PHONE) if channel is Channel.SMS else fake_twilio.expect_call(PHONE))
    row = await house.row(notice)
    assert (row.state, row.provider_id) == (NoticeState.ACCEPTED, sent.sid)


async def test_every_responder_who_says_stop_is_named_in_the_language_of_who_reads_it(house, fake_twilio):  # noqa: F811
    await house.add_person(PHONE)
    await house.add_person("+14155550188", owner_id="dispatcher-2")
    for number in (PHONE, "+14155550188"):
        await fake_twilio.text(number, "STOP", url=f"{PUBLIC}{INBOUND_PATH}")
    await house.send_due()
    told = sorted(letter.text for letter in house.desk.taken)

    assert [text.partition("，")[0] for text in told] == [
        f"【Porchlight】site-1：Wang Xiaoming {number}已回复STOP退订" for number in ("***23", "***88")
    ]


async def test_unsigned_forged_and_foreign_requests_are_refused(house, fake_twilio):  # noqa: F811
    form = {"MessageSid": "SM1", "MessageStatus": "delivered"}
    path = f"{STATUS_PATH}?n=x&a=1"
    signatures = {
        "none": None,
        "garbage": "AAAA",
        "wrong token": RequestValidator("other").compute_signature(f"{PUBLIC}{path}", form),
        "wrong url": fake_twilio.signature(f"http://hub.example{path}", form),
        "other body": fake_twilio.signature(f"{PUBLIC}{path}", form | {"MessageStatus": "sent"}),
    }
    statuses = {}
    async with aiohttp.ClientSession() as http:
        for name, signature in signatures.items():
            headers = {} if signature is None else {"X-Twilio-Signature": signature}
            async with http.post(f"{fake_twilio.hub_url}{path}", data=form, headers=headers) as response:
                statuses[name] = response.status

    assert statuses == dict.fromkeys(signatures, 403)


async def test_the_next_token_and_a_json_body_are_accepted(house, fake_twilio):  # noqa: F811
    notice = sos(await house.add_person(PHONE))
    await house.enqueue(notice)
    await house.send_due()
    await fake_twilio.expect_sms(PHONE)
    validator = RequestValidator("next-token")
    body = json.dumps({"MessageSid": fake_twilio.messages[0].sid, "MessageStatus": "delivered"})
    path = f"{STATUS_PATH}?bodySHA256={validator.compute_hash(body)}"
    headers = {"X-Twilio-Signature": validator.compute_signature(f"{PUBLIC}{path}", {}), "Content-Type": "application/json"}
    async with (
        aiohttp.ClientSession() as http,
        http.post(f"{fake_twilio.hub_url}{path}", data=body, headers=headers) as response,
    ):
        status = response.status

    assert status == 204
    assert (await house.row(notice)).state is NoticeState.DELIVERED


async def test_a_slow_twilio_is_waited_for_and_polled_calls_are_told_apart(house, fake_twilio):  # noqa: F811
    fake_twilio.next_answers("Calls", Fault(How.SLOW, seconds=0.05))
    notice = sos(await house.add_person(PHONE), channel=Channel.VOICE)
    await house.enqueue(notice)
    await house.send_due()
    call = await fake_twilio.expect_call(PHONE)
    call.status = "no-answer"
    await house.live_through(41, 1)

    assert (await house.row(notice)).error_code == f"voice_{Receipt.NO_ANSWER}"
    await asyncio.sleep(0)
