"""The notices wired as the hub wires them: a notice committed by anyone rings a demo phone by itself, and its keys come back."""

import asyncio
import contextlib

import pytest

from core.ids import RecipientId
from core.key_ring import KeyRing
from core.sql import truth
from hub.floor import open_floor
from hub.notice_settings import NoticeSettings, notice_problems
from hub.settings import load
from hub.wire_notices import wire_answers, wire_notices
from notifications.carrier import CarrierName
from notifications.notice import Channel, NoticeState
from notifications.recipient import RecipientKind
from notifications.recipients_flow import NewRecipient
from tests.doubles.notice_carriers import SilentPoke
from tests.doubles.notice_house import SITE, sos
from tests.doubles.notice_safety import SpySafety
from visits.site import Site
from visits.sql_sites import SqlSites

pytestmark = pytest.mark.anyio
SECRET = "wired-secret-of-more-than-thirty-two-characters"


@pytest.fixture(params=["sqlite", "postgresql"])
async def wired(request, tmp_path):
    environ = {"PORCHLIGHT_SECRET_KEYS": SECRET, "PORCHLIGHT_DATA_DIR": str(tmp_path)}
    if request.param == "postgresql":
        environ["PORCHLIGHT_SQL_URL"] = request.getfixturevalue("postgres_url")
    async with contextlib.AsyncExitStack() as stack:
        floor = open_floor(load(environ), stack)
        async with floor.truth.engine.begin() as conn:
            await conn.run_sync(truth.drop_all)
            await conn.run_sync(truth.create_all)
        safety = SpySafety()
        notices = wire_notices(floor, NoticeSettings(notices_phones=True), SilentPoke())
        notices.inbound = wire_answers(floor, notices, safety, safety)
        floor.supervisor.start()
        stack.push_async_callback(floor.supervisor.stop)
        yield floor, notices, safety


async def test_a_committed_emergency_rings_the_phone_by_itself(wired):
    floor, notices, _safety = wired
    async with floor.truth.begin() as tx:
        person = await notices.people.add(
            tx, NewRecipient(site_id=SITE, kind=RecipientKind.DISPATCHER, owner_id="d", name="Wang", number="+14155550123", language="en")
        )
        notice = sos(person, channel=Channel.VOICE)
        await notices.outbox.enqueue(tx, [sos(person), notice])

    async with asyncio.timeout(10):
        while len(items := await shown(floor, notices)) < 2:  # noqa: ASYNC110 - the hub runs by itself; looked at from outside
            await asyncio.sleep(0.01)

    assert {item.recipient_id for item in items} == {RecipientId(person.id)}
    assert floor.supervisor.failing() == []
    async with floor.truth.read() as tx:
        row = await notices.outbox.get(tx, notice.id)
    assert row.state in (NoticeState.SENDING, NoticeState.ACCEPTED)


async def test_health_is_red_where_nobody_gets_the_alarms_of_a_site(wired):
    floor, _notices, _safety = wired
    async with floor.truth.begin() as tx:
        await SqlSites().add(tx, Site(id=SITE, name="Munich", zone="Europe/Berlin", currency="EUR"), floor.clock.now())

    health = await floor.health.look()

    assert [fault.detail for fault in health.faults if fault.name == "notices"] == [
        f"{SITE}: Nobody gets the alarms of this site. Add a recipient with `is_alarmed`."
    ]


async def test_the_hub_starts_without_any_account_and_says_so(tmp_path):
    async with contextlib.AsyncExitStack() as stack:
        floor = open_floor(load({"PORCHLIGHT_SECRET_KEYS": SECRET, "PORCHLIGHT_DATA_DIR": str(tmp_path)}), stack)
        async with floor.truth.engine.begin() as conn:
            await conn.run_sync(truth.create_all)
        notices = wire_notices(floor, NoticeSettings(), SilentPoke())

        assert [fault.code for fault in await notices.health.faults()] == ["no_sms", "no_voice"]


def test_settings_that_do_not_fit_together_are_told_in_words():
    settings = NoticeSettings(twilio_account_sid="AC1", gateway_url="https://g.example", gateway_templates=("sos",))

    assert len(list(notice_problems(settings))) == 4
    assert settings.gateway() is None
    assert KeyRing([SECRET])


def test_a_site_chooses_its_carrier_by_a_setting_and_no_other_word_counts():
    chosen = NoticeSettings(site_carriers=("shanghai=gateway", "berlin=twilio"))
    wrong = NoticeSettings(site_carriers=("shanghai=pigeon", "berlin"))

    assert chosen.site_choices == {"shanghai": CarrierName.GATEWAY, "berlin": CarrierName.TWILIO}
    assert list(notice_problems(chosen)) == []
    assert [problem.split("'")[1] for problem in notice_problems(wrong)] == ["shanghai=pigeon"]


async def shown(floor, notices):
    async with floor.truth.read() as tx:
        return await notices.phones.listed(tx, [SITE])
