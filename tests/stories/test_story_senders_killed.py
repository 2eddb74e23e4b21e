"""Whole workers are killed with SIGKILL while they send, on real databases and over HTTP: an emergency goes out at least once and says
so when twice, an arrival text at most once, a receipt is applied, and two senders never share a row.
"""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from core.clock import SystemClock
from core.sql import fixes, open_engine
from hub.all_tables import import_all_tables
from notifications.notice import Channel, NoticeState
from notifications.tables import notice_attempts, notices
from tests.doubles.fake_twilio.plugin import fake_twilio  # noqa: F401 - a fixture
from tests.doubles.notice_house import NoticeHouse, arriving, sos
from tests.doubles.worker_nursery import nursery

import_all_tables()
pytestmark = pytest.mark.anyio
PATIENCE_S = 20.0
PHONE = "+14155550123"


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    with nursery(tmp_path_factory.mktemp("senders")) as parent:
        yield parent


@pytest.fixture
async def workers(kept, work, redis_url, redis, fake_twilio, tmp_path):  # noqa: F811
    """Workers on the database under test, with the fake Twilio's account."""
    kept.folder = tmp_path
    ledger = f"sqlite+aiosqlite:///{tmp_path}/fixes.db"
    engine = open_engine(ledger, durability="normal")
    async with engine.begin() as conn:
        await conn.run_sync(fixes.create_all)
    await engine.dispose()
    kept.environ = {
        "PORCHLIGHT_DATA_DIR": str(tmp_path),
        "PORCHLIGHT_SQL_URL": work.engine.url.render_as_string(hide_password=False),
        "PORCHLIGHT_FIXES_SQL_URL": ledger,
        "PORCHLIGHT_REDIS_URL": redis_url,
        "PORCHLIGHT_SECRET_KEYS": "test-secret-of-more-than-thirty-two-characters",
        "PORCHLIGHT_PUBLIC_URL": kept.url,
        "PORCHLIGHT_TWILIO_ACCOUNT_SID": fake_twilio.account_sid,
        "PORCHLIGHT_TWILIO_AUTH_TOKENS": fake_twilio.token,
        "PORCHLIGHT_TWILIO_URGENT_NUMBERS": "+15005550001",
        "PORCHLIGHT_TWILIO_SERVICE_NUMBERS": "+15005550009",
        "PORCHLIGHT_TWILIO_VOICE_NUMBERS": "+15005550001",
        "PORCHLIGHT_TWILIO_API_URL": fake_twilio.url,
    }
    started = []

    def start(dies=None):
        started.append(kept.start(dies))
        return started[-1]

    kept.begin = start
    yield kept
    for pid in started:
        try:
            kept.kill(pid)
        except ProcessLookupError:
            continue


@pytest.fixture
def house(work):
    """The outbox as those see it who leave notices in it; it sends nothing itself."""
    return NoticeHouse(work, SystemClock())


async def until(is_so, what="it comes so"):
    async with asyncio.timeout(PATIENCE_S):
        while not (found := await is_so()):  # noqa: ASYNC110 - other processes have no event
            await asyncio.sleep(0.02)
    return found


async def state_of(house, notice, *states):
    async def is_there():
        row = await house.row(notice)
        return row if row.state in states else None

    return await until(is_there)


async def time_passes(work, seconds):
    """Let everything known of notices be older: as if the hub had been away for so long."""
    ago = timedelta(seconds=seconds)
    moments = {notices: ("created_at", "send_at", "lease_until", "look_at", "first_sent_at"), notice_attempts: ("started_at",)}
    async with work.begin() as tx:
        for table, columns in moments.items():
            keys = list(table.primary_key.columns)
            for row in (await tx.conn.execute(select(table).with_for_update())).mappings().all():
                older = {name: row[name] - ago for name in columns if row[name] is not None}
                await tx.conn.execute(update(table).where(*(key == row[key.name] for key in keys)).values(older))


async def killed_while_sending(house, workers, work, notice, dies):
    """Let a worker die at `dies` with `notice` in its hands, and another one start a lease later."""
    first = workers.begin(dies)
    await house.enqueue(notice)
    await workers.died(first)
    assert (await house.row(notice)).state is NoticeState.SENDING
    await time_passes(work, 11)
    workers.begin()
    await state_of(house, notice, NoticeState.AMBIGUOUS)
    await time_passes(work, 3)


async def test_an_emergency_whose_sender_is_killed_before_the_request_still_goes_out(house, workers, work, fake_twilio):  # noqa: F811
    person = await house.add_person(PHONE)
    await killed_while_sending(house, workers, work, notice := sos(person), "before_send")

    await fake_twilio.expect_call(PHONE, PATIENCE_S)
    text = await fake_twilio.expect_sms(PHONE, within_s=PATIENCE_S)
    await state_of(house, notice, NoticeState.ACCEPTED)
    assert "(again)" in text.body
    assert len(fake_twilio.messages) == 1


async def test_an_emergency_whose_sender_is_killed_after_the_request_is_found_and_not_doubled(house, workers, work, fake_twilio):  # noqa: F811
    person = await house.add_person(PHONE)
    await killed_while_sending(house, workers, work, notice := sos(person), "after_send")

    await fake_twilio.expect_sms(PHONE, within_s=PATIENCE_S)
    await fake_twilio.expect_call(PHONE, PATIENCE_S)
    row = await state_of(house, notice, NoticeState.ACCEPTED)
    assert row.attempts == 1
    assert len(fake_twilio.messages) == 1


@pytest.mark.parametrize(("dies", "texts"), [("before_send", 0), ("after_send", 1)])
async def test_an_arrival_text_whose_sender_is_killed_is_never_sent_a_second_time(house, workers, work, fake_twilio, dies, texts):  # noqa: F811
    person = await house.add_person(PHONE)
    await killed_while_sending(house, workers, work, notice := arriving(person), dies)
    await time_passes(work, 3600)
    await house.enqueue(later := arriving(person, subject="visit-2"))
    await state_of(house, later, NoticeState.ACCEPTED)

    assert (await house.row(notice)).state is NoticeState.AMBIGUOUS
    assert len(fake_twilio.messages) == texts + 1
    for message in fake_twilio.messages:
        message.is_expected = True


async def test_what_was_committed_while_no_sender_lived_goes_out_at_the_next_start(house, workers, fake_twilio):  # noqa: F811
    person = await house.add_person(PHONE)
    workers.kill(workers.begin())
    await house.enqueue(urgent := sos(person), service := arriving(person))
    workers.begin()

    for notice in (urgent, service):
        await state_of(house, notice, NoticeState.ACCEPTED)
        await fake_twilio.expect_sms(PHONE)
    assert len(fake_twilio.messages) == 2


@pytest.mark.parametrize("dies", ["before_apply", "after_apply"])
async def test_a_receipt_whose_worker_is_killed_is_applied_once_because_twilio_repeats_it(house, workers, fake_twilio, dies):  # noqa: F811
    person = await house.add_person(PHONE)
    first = workers.begin(dies)
    await house.enqueue(notice := sos(person))
    text = await fake_twilio.expect_sms(PHONE, within_s=PATIENCE_S)
    await state_of(house, notice, NoticeState.ACCEPTED)
    delivering = asyncio.create_task(fake_twilio.deliver(text))
    await workers.died(first)
    workers.begin()

    assert all(status < 300 for status in await delivering)
    row = await state_of(house, notice, NoticeState.DELIVERED)
    assert row.attempts == 1


async def test_two_senders_on_one_outbox_send_each_row_once(house, workers, fake_twilio):  # noqa: F811
    person = await house.add_person(PHONE)
    backlog = [arriving(person, subject=f"visit-{n}") for n in range(120)] + [sos(person, subject=f"incident-{n}") for n in range(8)]
    await house.enqueue(*backlog)
    workers.begin()
    workers.begin()

    async def all_are_out():
        return {row.state for row in await house.rows() if row.notice.channel is Channel.SMS} <= {NoticeState.ACCEPTED}

    await until(all_are_out)
    callbacks = [message.form["StatusCallback"][0] for message in fake_twilio.messages]
    assert len(callbacks) == len(set(callbacks)) == len(backlog)
    assert {row.attempts for row in await house.rows()} == {1}
    for message in fake_twilio.messages:
        message.is_expected = True
