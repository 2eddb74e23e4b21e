"""What people hear of visits and devices: joined over the real stores, in the acts' own transactions."""

import json
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from core.caller import Role
from core.clock import to_ms
from core.errors import BadInput
from core.geo import LatLon
from core.ids import SiteId
from hub.arrival_texts_flow import ArrivalTextsFlow
from hub.join_customer_texts import CustomerTexts
from hub.join_notices import PeopleNotices, ShiftEvents, SiteQuiet, VisitNotices
from notifications.notice import Channel, Lane, NoticeState
from notifications.recipients_flow import RecipientsFlow
from notifications.sql_webhooks import SqlWebhooks
from notifications.webhook import Endpoint, Family
from tests.doubles.notice_house import NoticeHouse
from tests.doubles.visits_house import MUNICH, PLATFORM, VisitsHouse
from tracking.approach import Progress
from tracking.ports import OpenVisit
from tracking.router_flow import FactorRouter
from visits.customer_text import CustomerText
from visits.stage import Stage
from visits.visit import PersonRef, Told

pytestmark = pytest.mark.anyio


@pytest.fixture
async def joined(work, clock, ids, key_ring):
    visits, house = await VisitsHouse(work, clock, ids, key_ring).opened(), NoticeHouse(work, clock)
    people = RecipientsFlow(work=work, recipients=house.recipients, outbox=house.outbox, clock=clock, ids=ids)
    hooks = SqlWebhooks(key_ring, clock, ids)
    texts = CustomerTexts(
        outbox=house.outbox, people=people, stores=visits.stores, clock=clock, ids=ids, public_url="https://hub.example/"
    )
    house.outbox.quiet = SiteQuiet(visits.stores)
    visits.visits.listen(VisitNotices(texts=texts, webhooks=hooks, stores=visits.stores))
    visits.shifts.listen(ShiftEvents(hooks))
    visits.texts = texts
    visits.people._alerts = PeopleNotices(outbox=house.outbox, people=people, stores=visits.stores)
    async with work.begin() as tx:
        endpoint = Endpoint(
            id="hook", site_id=MUNICH, url="https://a.example", families=(Family.VISIT,), secrets=("whsec_AAAA",), created_at=clock.now()
        )
        await hooks.add_endpoint(tx, endpoint)
    return visits, house, hooks


async def test_a_departure_is_texted_to_the_customer_with_a_link_that_opens(joined):
    visits, house, _ = joined
    await visits.visit(Stage.DEPARTED, await visits.technician(on_shift=True))
    await house.send_due()
    letter = house.sms.taken[0]

    assert (letter.to, letter.lane, letter.language) == ("+491701234567", Lane.P2, "en")
    assert "is on the way" in letter.text
    assert "11:00-12:00" in letter.text  # Berlin's clock, not UTC
    token = letter.text.rsplit("/t/", 1)[1]
    assert (await visits.links.open(token)) is not None


async def test_integrators_hear_every_stage_in_order_with_their_own_reference(joined):
    visits, house, hooks = joined
    visit = await visits.visit(Stage.LEFT, await visits.technician(on_shift=True))
    async with house.work.read() as tx:
        log = await hooks.deliveries_of(tx, ["hook"])
    told = sorted(log, key=lambda delivery: delivery.sequence)

    assert [delivery.type for delivery in told][:3] == ["visit.created", "visit.assigned", "visit.departed"]
    assert {delivery.subject for delivery in told} == {visit.id}
    assert "address" not in told[0].body
    assert json.loads(told[0].body)["data"]["visit_id"] == visit.id


async def test_an_abort_because_of_danger_reads_as_an_ordinary_end(joined):
    visits, house, hooks = joined
    her = await visits.technician(on_shift=True)
    visit = await visits.visit(Stage.IN_SERVICE, her)
    await visits.visits.abort_unsafe(her, visit.id, Told())
    async with house.work.read() as tx:
        bodies = [delivery.body for delivery in await hooks.deliveries_of(tx, ["hook"])]

    assert not [body for body in bodies if "unsafe" in body or "abort" in body]


async def test_a_number_that_cannot_exist_is_refused_when_the_visit_is_booked(joined):
    visits, _, _ = joined
    with pytest.raises(BadInput, match="Check the digits"):
        await visits.booking.book(PLATFORM, SiteId(MUNICH), visits.draft(customer=PersonRef(name="Ada", phone="+4900000000")))


async def test_a_second_phone_is_told_to_the_desk_and_a_first_one_to_nobody(joined):
    visits, house, _ = joined
    her = await visits.technician()
    await house.send_due()
    assert house.sms.asked + house.desk.asked == []

    code = await visits.people.offer_enrolment(PLATFORM, her.technician_id)
    await visits.people.enrol(code, "second phone", "android", "192.0.2.1")
    await house.send_due()

    assert [(letter.channel, letter.template) for letter in house.desk.taken] == [(Channel.CONSOLE, "new_device")]


async def change_settings(visits, **changes):
    owner = msgspec.structs.replace(PLATFORM, roles=frozenset(Role))
    site = await visits.sites.get(owner, MUNICH)
    await visits.sites.change(owner, MUNICH, settings=msgspec.structs.replace(site.settings, **changes))


def seen(visit, clock, at=None, ago_s=0):
    open_visit = OpenVisit(
        visit_id=visit.id, site_id=visit.site_id, technician_id=visit.technician_id, stage=visit.stage, place=visit.place.point,
        window_start_ms=to_ms(visit.window_start), window_end_ms=to_ms(visit.window_end),
    )  # fmt: skip
    return open_visit, [Progress(clock.now_ms() - ago_s * 1000, at or visit.place.point, 0.0, None)]


@pytest.fixture
def arrivals(joined, clock):
    visits, house, _ = joined
    return ArrivalTextsFlow(work=house.work, stores=visits.stores, texts=visits.texts, router=FactorRouter(), clock=clock)


def templates_of(house):
    return [letter.template for letter in house.sms.taken]


async def test_a_site_chooses_what_its_customers_are_texted(joined):
    visits, house, _ = joined
    await change_settings(visits, customer_texts=(CustomerText.BOOKED,))
    await visits.visit(Stage.DEPARTED, await visits.technician(on_shift=True))
    await house.send_due()

    assert templates_of(house) == ["visit_booked"]


async def test_a_customer_hears_once_that_she_is_near(joined, arrivals, clock):
    visits, house, _ = joined
    visit = await visits.visit(Stage.DEPARTED, await visits.technician(on_shift=True))
    await house.send_due()
    house.sms.taken.clear()
    far = LatLon(visit.place.point.lat + 0.05, visit.place.point.lon)
    for at, ago_s in ((far, 0), (visit.place.point, 400), (visit.place.point, 0), (visit.place.point, 0)):
        arrivals("progress", *seen(visit, clock, at, ago_s))
        await arrivals.run_once()
        await house.send_due()
        clock.move(15)

    assert templates_of(house) == ["visit_arriving"]
    assert visit.door_code in house.sms.taken[0].text


async def test_a_customer_hears_once_that_the_window_will_not_hold(joined, arrivals, clock):
    visits, house, _ = joined
    visit = await visits.visit(Stage.DEPARTED, await visits.technician(on_shift=True))
    await house.send_due()
    house.sms.taken.clear()
    far = LatLon(visit.place.point.lat + 0.5, visit.place.point.lon)
    for _ in range(3):
        arrivals("progress", *seen(visit, clock, far))
        await arrivals.run_once()
        await house.send_due()
        clock.move(15)

    assert templates_of(house) == ["visit_late"]
    assert "now arrives about" in house.sms.taken[0].text


async def test_another_worker_that_takes_over_does_not_tell_it_again(joined, arrivals, clock):
    visits, house, _ = joined
    visit = await visits.visit(Stage.DEPARTED, await visits.technician(on_shift=True))
    other = ArrivalTextsFlow(work=house.work, stores=visits.stores, texts=visits.texts, router=FactorRouter(), clock=clock)
    for flow in (arrivals, other):
        flow("progress", *seen(visit, clock))
        await flow.run_once()
    await house.send_due()

    assert templates_of(house).count("visit_arriving") == 1


async def test_nobody_is_told_of_nearness_once_she_is_there(joined, arrivals, clock):
    visits, house, _ = joined
    visit = await visits.visit(Stage.ARRIVED, await visits.technician(on_shift=True))
    arrivals("progress", *seen(visit, clock))
    await arrivals.run_once()
    await house.send_due()

    assert templates_of(house) == ["visit_departed"]


async def test_in_quiet_hours_a_text_about_tomorrow_waits_and_one_about_now_does_not(joined, clock):
    visits, house, _ = joined
    await change_settings(visits, customer_texts=tuple(CustomerText), quiet_from="09:00", quiet_until="20:00")
    tomorrow = clock.now() + timedelta(days=1)
    her = await visits.technician(on_shift=True)
    draft = visits.draft(window_start=tomorrow, window_end=tomorrow + timedelta(hours=1))
    later = (await visits.booking.book(PLATFORM, MUNICH, draft)).visit
    await visits.visits.assign(PLATFORM, later.id, her.technician_id, Told())
    await visits.visit(Stage.DEPARTED, her)
    await house.send_due()
    assert "visit_departed" in templates_of(house)
    async with house.work.read() as tx:
        waiting = await house.outbox.listed(tx, sites=[MUNICH], subject=later.id)

    assert [(row.state, row.send_at) for row in waiting] == [(NoticeState.PENDING, datetime(2026, 3, 2, 19, 0, tzinfo=UTC))]


@pytest.mark.parametrize(("language", "said"), [("en", "on Tue 3 Mar, 11:00-12:00"), ("zh-CN", "3月3日周二 11:00-12:00")])
async def test_a_text_that_comes_days_before_names_the_day(joined, clock, language, said):
    visits, house, _ = joined
    await change_settings(visits, customer_texts=tuple(CustomerText))
    tomorrow = datetime(2026, 3, 3, 10, 0, tzinfo=UTC)
    customer = PersonRef(name="Ada", phone="+491701234567", language=language)
    draft = visits.draft(window_start=tomorrow, window_end=tomorrow + timedelta(hours=1), customer=customer)
    visit = (await visits.booking.book(PLATFORM, MUNICH, draft)).visit
    await visits.visits.assign(PLATFORM, visit.id, (await visits.technician(on_shift=True)).technician_id, Told())
    await house.send_due()
    await visits.visits.cancel(PLATFORM, visit.id, Told(reason="ill"))
    await house.send_due()

    assert templates_of(house) == ["visit_booked", "visit_cancelled"]
    assert all(said in letter.text for letter in house.sms.taken)


async def test_a_cancelled_visit_leaves_one_text_and_not_two(joined):
    visits, house, _ = joined
    await change_settings(visits, customer_texts=tuple(CustomerText))
    visit = await visits.visit(Stage.ASSIGNED, await visits.technician(on_shift=True))
    await visits.visits.cancel(PLATFORM, visit.id, Told(reason="ill"))
    await house.send_due()

    assert templates_of(house) == ["visit_cancelled"]


async def test_integrators_hear_every_act_on_a_shift(joined, clock):
    visits, house, hooks = joined
    async with house.work.begin() as tx:
        endpoint = await hooks.endpoint(tx, "hook")
        await hooks.save_endpoint(tx, msgspec.structs.replace(endpoint, families=(Family.SHIFT,)))
    her = await visits.technician(on_shift=True)
    await visits.shifts.pause(her)
    await visits.shifts.resume(her)
    await visits.shifts.replan(her, clock.now() + timedelta(hours=2))
    await visits.shifts.close(her)
    async with house.work.read() as tx:
        log = sorted(await hooks.deliveries_of(tx, ["hook"]), key=lambda delivery: delivery.sequence)

    assert [each.type for each in log] == ["shift.opened", "shift.paused", "shift.resumed", "shift.replanned", "shift.closed"]
    assert json.loads(log[-1].body)["data"]["closed_by"] == "technician"
