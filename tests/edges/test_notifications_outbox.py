"""The outbox on both databases: enqueue, claim, settle, look after. Each row once, nothing lost, nothing quietly doubled."""

import asyncio
import contextlib

import pytest

from core.right_of_way import RightOfWay
from notifications.carrier import Outcome
from notifications.delivery import Receipt
from notifications.error_class import ErrorClass
from notifications.notice import Channel, Lane, NoticeState
from notifications.outbox_flow import GIVES_WAY_S
from notifications.receipts_flow import Report
from notifications.recipient import Line
from tests.doubles.notice_carriers import FakeCarrier
from tests.doubles.notice_house import NoticeHouse, arriving, sos

pytestmark = pytest.mark.anyio


@pytest.fixture
async def house(work, clock):
    return NoticeHouse(work, clock)


async def test_what_is_rolled_back_is_never_sent(house):
    person = await house.add_person()
    with pytest.raises(RuntimeError):
        async with house.work.begin() as tx:
            await house.outbox.enqueue(tx, [sos(person)])
            raise RuntimeError

    assert await house.send_due() == 0


async def test_the_same_notice_is_enqueued_once_and_each_round_anew(house):
    person = await house.add_person()
    notice, next_round = sos(person), sos(person, ladder_round=1)

    added = await house.enqueue(notice, notice)
    again = await house.enqueue(notice, next_round)

    assert (added, again) == ([notice.id], [next_round.id])


async def test_enqueueing_wakes_the_lane_after_the_commit(house):
    woken = []
    house.outbox.on_enqueued = woken.append
    await house.enqueue(sos(await house.add_person()))

    assert woken == [frozenset({Lane.P0})]


async def test_a_letter_is_said_in_words_and_its_answer_is_kept(house):
    notice = sos(await house.add_person())
    await house.enqueue(notice)
    await house.send_due()

    row = await house.row(notice)
    assert row.state is NoticeState.ACCEPTED
    assert row.provider_id == f"twilio-{notice.id}-1"
    assert house.sms.taken[0].text.startswith("Porchlight: ")
    assert notice.short_code in house.sms.taken[0].text
    assert house.sms.taken[0].to == "+14155550123"


async def test_personal_words_are_not_readable_in_the_table(house):
    from sqlalchemy import text

    await house.enqueue(sos(await house.add_person()))
    async with house.work.read() as tx:
        stored = [str(row) for table in ("notices", "recipients") for row in await tx.conn.execute(text(f"SELECT * FROM {table}"))]

    assert not [row for row in stored if "Elm Road" in row or "5550123" in row or "Xiaoming" in row]


async def test_two_senders_send_each_row_once(house):
    people = [await house.add_person(f"+1415555{n:04d}", owner_id=f"d{n}") for n in range(100, 130)]
    await house.enqueue(*(sos(person) for person in people))
    one, two = house.sender(), house.sender()
    while sum(await asyncio.gather(one.run_once(Lane.P0, 4), two.run_once(Lane.P0, 4))):
        pass

    assert len(house.sms.taken) == 30
    assert len({letter.to for letter in house.sms.taken}) == 30


async def test_a_pending_notice_can_be_withdrawn_and_a_sent_one_cannot(house):
    person = await house.add_person()
    sent, waiting = sos(person), sos(person, tier=1)
    await house.enqueue(sent)
    await house.send_due()
    await house.enqueue(waiting)
    async with house.work.begin() as tx:
        withdrawn = await house.outbox.cancel(tx, "incident-1")

    assert withdrawn == 1
    assert (await house.row(waiting)).state is NoticeState.CANCELLED
    assert (await house.row(sent)).state is NoticeState.ACCEPTED


async def test_an_arrival_text_that_is_too_late_is_not_sent(house):
    notice = arriving(await house.add_person(), expires_at=house.clock.now())
    await house.enqueue(notice)
    await house.send_due()

    assert (await house.row(notice)).state is NoticeState.EXPIRED
    assert house.sms.asked == []


async def test_an_emergency_whose_answer_is_lost_rings_at_once_and_is_found_at_the_carrier(house):
    notice = sos(await house.add_person())
    house.sms.answers.append(Outcome(error=ErrorClass.AMBIGUOUS, code="deadline"))
    await house.enqueue(notice)
    await house.send_due()
    await house.send_due()

    assert [letter.channel for letter in house.voice.taken] == [Channel.VOICE]

    await house.live_through(4)

    assert (await house.row(notice)).state is NoticeState.ACCEPTED
    assert len(house.sms.asked) == 1


async def test_an_emergency_that_the_carrier_never_had_is_sent_again_and_says_so(house):
    notice = sos(await house.add_person())
    house.sms.answers.append(Outcome(error=ErrorClass.AMBIGUOUS, code="deadline", detail="lost before"))
    await house.enqueue(notice)
    await house.send_due()
    await house.live_through(4)

    assert (await house.row(notice)).state is NoticeState.ACCEPTED
    assert [("(again)" in letter.text) for letter in house.sms.asked] == [False, True]


async def test_an_arrival_text_whose_answer_is_lost_stops(house):
    notice = arriving(await house.add_person())
    house.sms.answers.append(Outcome(error=ErrorClass.AMBIGUOUS, code="deadline"))
    await house.enqueue(notice)
    await house.send_due()
    await house.live_through(60, 5)

    assert (await house.row(notice)).state is NoticeState.AMBIGUOUS
    assert len(house.sms.asked) == 1
    assert house.voice.asked == []


async def test_a_dead_carrier_leads_to_a_call_within_fifteen_seconds(house):
    house.sms.is_down = True
    await house.enqueue(sos(await house.add_person()))
    started = house.clock.now()
    await house.send_due()
    while not house.voice.taken:
        await house.live_through(0.5)

    assert (house.clock.now() - started).total_seconds() <= 15


async def test_a_refusing_carrier_is_tried_again_and_a_call_goes_beside_it_after_three_seconds(house):
    house.sms.answers.extend([Outcome(error=ErrorClass.NOT_PROCESSED, code="20429")] * 8)
    notice = sos(await house.add_person())
    await house.enqueue(notice)
    await house.send_due()
    await house.live_through(2.5)

    assert house.voice.asked == []

    await house.live_through(1)

    assert len(house.voice.asked) == 1

    await house.live_through(30)

    assert (await house.row(notice)).state is NoticeState.ACCEPTED


async def test_a_text_without_receipt_is_polled_and_then_followed_by_a_call(house):
    notice = sos(await house.add_person())
    await house.enqueue(notice)
    await house.send_due()
    await house.live_through(14)

    assert house.voice.asked == []

    await house.live_through(2)

    assert len(house.voice.asked) == 1
    assert (await house.row(notice)).has_fallen_back


async def test_a_lost_receipt_is_fetched_after_ten_seconds(house):
    notice = sos(await house.add_person())
    await house.enqueue(notice)
    await house.send_due()
    house.sms.receipts[f"twilio-{notice.id}-1"] = Receipt.DELIVERED
    await house.live_through(11)

    assert (await house.row(notice)).state is NoticeState.DELIVERED
    await house.live_through(20)
    assert house.voice.asked == []


async def test_receipts_out_of_order_and_repeated_change_nothing_back(house):
    notice = sos(await house.add_person())
    await house.enqueue(notice)
    await house.send_due()
    name = f"twilio-{notice.id}-1"
    counted = [
        await house.receipts.apply(Report(receipt=receipt, provider_id=name))
        for receipt in (Receipt.DELIVERED, Receipt.SENT, Receipt.DELIVERED, Receipt.UNDELIVERED, Receipt.QUEUED)
    ]

    assert counted == [True, False, False, False, False]
    assert (await house.row(notice)).state is NoticeState.DELIVERED


async def test_a_receipt_that_overtakes_the_answer_counts(house):
    notice = sos(await house.add_person())
    await house.enqueue(notice)
    async with house.work.begin() as tx:
        claimed = await house.outbox.claim(tx, [Lane.P0], house.clock.now(), 1)
        await house.outbox.begin_attempts(tx, [(claimed[0], None)], house.clock.now())
    await house.receipts.apply(Report(receipt=Receipt.DELIVERED, notice_id=notice.id, attempt=1, provider_id="SM1"))

    assert (await house.row(notice)).state is NoticeState.DELIVERED


async def test_a_number_that_takes_no_texts_is_called_marked_and_told_to_the_operator(house):
    person = await house.add_person()
    boss = await house.add_person("+14155550199", owner_id="boss", is_alarmed=True)
    house.sms.answers.append(Outcome(error=ErrorClass.PERMANENT, code="30006"))
    notice = sos(person)
    await house.enqueue(notice)
    await house.send_due()
    await house.send_due()

    assert (await house.row(notice)).state is NoticeState.FAILED
    assert [letter.to for letter in house.voice.taken] == [person.number]
    assert [letter.to for letter in house.sms.taken] == [boss.number]
    assert len(house.desk.taken) == 1
    async with house.work.read() as tx:
        assert (await house.recipients.by_ids(tx, [person.id]))[person.id].sms_failed_at is not None


async def test_a_land_line_is_called_without_trying_a_text(house):
    await house.enqueue(sos(await house.add_person(line=Line.FIXED)))
    await house.send_due()
    await house.send_due()

    assert house.sms.asked == []
    assert len(house.voice.taken) == 1


async def test_without_any_account_a_notice_waits_and_the_operator_hears_of_it_on_the_console(work, clock):
    house = NoticeHouse(work, clock)
    for name in [key for key in house.carriers if key[1] is not Channel.CONSOLE]:
        del house.carriers[name]
    notice = sos(await house.add_person())
    await house.enqueue(notice)
    await house.send_due()
    await house.send_due()

    row = await house.row(notice)
    assert (row.state, row.error_code) == (NoticeState.PENDING, "no_carrier")
    assert "carrier_refuses_us" in {letter.variables.get("alarm") for letter in house.desk.taken}


async def test_an_unanswered_call_goes_to_the_next_person_by_call_and_text(house):
    first = await house.add_person()
    second = await house.add_person("+14155550124", owner_id="d2")
    notice = sos(first, channel=Channel.VOICE, next_recipients=(second.id,))
    await house.enqueue(notice)
    await house.send_due()
    await house.receipts.apply(Report(receipt=Receipt.COMPLETED, notice_id=notice.id, attempt=1))
    await house.send_due()

    assert (await house.row(notice)).state is NoticeState.FAILED
    assert [letter.to for letter in house.voice.taken] == [first.number, second.number]
    assert [letter.to for letter in house.sms.taken] == [second.number]


async def test_the_tries_of_a_notice_end_and_the_operator_hears_of_it(house):
    house.sms.answers.extend([Outcome(error=ErrorClass.NOT_PROCESSED, code="20429")] * 40)
    notice = arriving(await house.add_person())
    await house.enqueue(notice)
    await house.live_through(200, 5)

    assert (await house.row(notice)).state is NoticeState.DEAD
    assert "notice_dead" in {letter.variables.get("alarm") for letter in house.desk.taken}


async def test_after_a_restart_leases_become_ambiguous_and_emergencies_go_again(house):
    notice, service = sos(await house.add_person()), arriving(await house.add_person("+14155550188", owner_id="c"))
    await house.enqueue(notice, service)
    async with house.work.begin() as tx:
        for row in await house.outbox.claim(tx, list(Lane), house.clock.now(), 10):
            await house.outbox.begin_attempts(tx, [(row, "twilio")], house.clock.now())
    await house.live_through(20)
    async with house.work.read() as tx:
        tried = [attempt.error_code for attempt in await house.outbox.attempts_of(tx, notice.id)]

    assert (await house.row(notice)).state is NoticeState.ACCEPTED
    assert ["(again)" in letter.text for letter in house.sms.taken] == [True]
    assert tried == ["lease", None]  # whoever reads the log sees why there was a second one
    assert (await house.row(service)).state is NoticeState.AMBIGUOUS


async def test_an_emergency_goes_before_ten_thousand_arrival_texts(house):
    person = await house.add_person()
    await house.enqueue(*(arriving(person, subject=f"visit-{n}") for n in range(10_000)))
    house.clock.move(60)
    notice = sos(person)
    await house.enqueue(notice)
    async with house.work.begin() as tx:
        claimed = await house.outbox.claim(tx, list(Lane), house.clock.now(), 1)

    assert [row.id for row in claimed] == [notice.id]


class PressedMeanwhile(FakeCarrier):
    """A carrier during whose first letter somebody presses; `pressed_after`: letters begun when that was committed."""

    def __init__(self) -> None:
        super().__init__()
        self.press = None
        self.pressed_after = 0

    async def send(self, letter):
        if (press := self.press) is not None:
            self.press = None
            await press()
            self.pressed_after = len(self.asked)
        return await super().send(letter)


class HangingLook:
    """An outbox that never comes back from looking when something is next due."""

    def __init__(self, outbox) -> None:
        self._outbox = outbox
        self.has_begun = asyncio.Event()

    def __getattr__(self, name):
        return getattr(self._outbox, name)

    async def next_moment(self, tx, lanes):
        self.has_begun.set()
        await asyncio.Event().wait()


def _urgent(carrier):
    return [place for place, letter in enumerate(carrier.asked) if letter.lane is Lane.P0]


@contextlib.asynccontextmanager
async def running(*loops):
    tasks = [asyncio.create_task(loop) for loop in loops]
    try:
        async with asyncio.timeout(20):
            yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_arrival_texts_that_are_being_sent_give_way_to_an_emergency(work, clock):
    carrier = PressedMeanwhile()
    house = NoticeHouse(work, clock, carriers=[carrier])
    house.outbox.on_enqueued = house.flow.wake
    person = await house.add_person()
    await house.enqueue(*(arriving(person, subject=f"visit-{number}") for number in range(180)))
    carrier.press = lambda: house.enqueue(sos(person))
    async with running(house.flow.run(Lane.P0), house.flow.run(Lane.P2)):
        while not (urgent := _urgent(carrier)):  # noqa: ASYNC110
            await asyncio.sleep(0)

    groups = 4  # each has one letter that begins in this turn of the loop, and one that was to begin in the next
    assert urgent[0] - carrier.pressed_after <= 2 * groups


async def test_of_letters_that_can_wait_another_process_hears_after_the_commit(house):
    heard = []
    house.outbox.on_letters = heard.append
    person = await house.add_person()
    await house.enqueue(sos(person))
    assert heard == []

    await house.enqueue(arriving(person))

    assert heard == [person.site_id]


async def test_arrival_texts_wait_while_somebody_calls_for_help(work, clock):
    way = RightOfWay()
    house = NoticeHouse(work, clock)
    flow = house.sender(house.outbox, way)
    person = await house.add_person()
    await house.enqueue(arriving(person))
    with way.taken():
        async with running(flow.run(Lane.P2)):
            for _ in range(50):
                await asyncio.sleep(0)
            assert not house.sms.asked
            await clock.advance(GIVES_WAY_S + 0.1)
            while not house.sms.asked:  # noqa: ASYNC110
                await asyncio.sleep(0.005)


async def test_an_emergency_does_not_wait_until_its_lane_has_looked_for_later_ones(house):
    outbox = HangingLook(house.outbox)
    flow = house.sender(outbox)
    house.outbox.on_enqueued = flow.wake
    person = await house.add_person()
    async with running(flow.run(Lane.P0)):
        await outbox.has_begun.wait()
        await house.enqueue(sos(person))
        while not house.sms.asked:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
