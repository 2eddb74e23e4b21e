"""A closed visit becomes a receipt that anyone can compute again. On SQLite and PostgreSQL."""

from datetime import timedelta

import msgspec
import pytest

from core.clock import to_ms
from core.errors import Conflict, NotFound
from tests.doubles.fare_ports import (
    ANNA,
    FAR,
    HOME,
    NOON_SHANGHAI,
    SITE,
    VISIT,
    FixedRouter,
    FixedWays,
    MemorySites,
    MemoryVisits,
    SpyTimers,
    a_visit,
    a_way,
)
from tracking.fares.bill import Billed
from tracking.fares.built_in import built_in_texts
from tracking.fares.metered import Grade
from tracking.fares.policy import Billing, Cause, Clause, Ending, FarePolicy
from tracking.fares.quote import QuoteRequest
from tracking.fares.quote_flow import QuoteFlow
from tracking.fares.receipt_flow import LOOKS_AFTER_S, SETTLE, ReceiptFlow
from tracking.fares.sql_quotes import SqlQuotes
from tracking.fares.sql_receipts import SqlReceipts
from tracking.fares.sql_tariffs import SqlTariffs
from tracking.fares.tariff_flow import TariffFlow
from tracking.fares.tariff_terms import Mode
from visits.stage import Act, Stage

pytestmark = pytest.mark.anyio
MINUTE = timedelta(minutes=1)


class House:
    def __init__(self, work, clock, ids, key_ring) -> None:
        self.work, self.clock = work, clock
        self.visits, self.ways, self.timers = MemoryVisits(a_visit()), FixedWays(), SpyTimers()
        stores = {"work": work, "quotes": SqlQuotes(key_ring), "tariffs": SqlTariffs(), "sites": MemorySites(), "clock": clock}
        self.shelf = TariffFlow(**stores)
        with_visits = stores | {"visits": self.visits, "timers": self.timers}
        self.quotes = QuoteFlow(**with_visits, router=FixedRouter(), keys=key_ring, ids=ids)
        self.receipts = ReceiptFlow(**with_visits, receipts=SqlReceipts(), ways=self.ways)

    async def agree(self) -> int:
        request = QuoteRequest(site_id=SITE, start=FAR, end=HOME, mode=Mode.TAXI, depart_ms=to_ms(NOON_SHANGHAI))
        offer = await self.quotes.quote(request)
        return (await self.quotes.accept(VISIT, offer.token)).accepted_minor

    def finish(self):
        for after, act, minutes in (
            (Stage.DEPARTED, Act.DEPART, 0),
            (Stage.ARRIVED, Act.ARRIVE, 30),
            (Stage.IN_SERVICE, Act.START, 35),
            (Stage.ENDED, Act.END, 95),
        ):
            self.visits.go(after, act, NOON_SHANGHAI + minutes * MINUTE)
        self.ways.way = a_way(10_000_000, start_ms=to_ms(NOON_SHANGHAI), seconds=1800)
        return self.visits.go(Stage.LEFT, Act.LEAVE, NOON_SHANGHAI + 100 * MINUTE)


@pytest.fixture
async def house(work, clock, ids, key_ring):
    house = House(work, clock, ids, key_ring)
    await clock.advance((NOON_SHANGHAI - clock.now()).total_seconds())
    await house.shelf.add(SITE, built_in_texts()["at-home-taxi"])
    return house


async def test_a_finished_visit_is_settled_by_the_quote(house):
    accepted_minor = await house.agree()
    house.finish()

    receipt = await house.receipts.settle(VISIT)

    assert (receipt.customer_minor, receipt.billed, receipt.ending) == (accepted_minor, Billed.QUOTE, Ending.FINISHED)
    assert receipt.meter.distance_mm == 10_000_000
    assert house.ways.asked == [(ANNA, to_ms(NOON_SHANGHAI), to_ms(NOON_SHANGHAI + 30 * MINUTE))]


async def test_settling_twice_gives_the_same_receipt_and_one_row(house):
    await house.agree()
    house.finish()

    first = await house.receipts.settle(VISIT)
    await house.clock.advance(60)

    assert await house.receipts.settle(VISIT) == first
    assert (await house.receipts.receipts_of(VISIT))[1] == [first]


async def test_late_fixes_after_settlement_make_a_visible_amendment(house):
    await house.shelf.set_policy(SITE, FarePolicy(billing=Billing.METERED))
    await house.agree()
    house.finish()
    first = await house.receipts.settle(VISIT)
    house.ways.way = a_way(11_000_000, start_ms=to_ms(NOON_SHANGHAI), seconds=1800, digest="d2")

    second = await house.receipts.settle(VISIT)

    assert (second.number, second.amends, second.difference_minor) == (2, 1, 380)
    assert (await house.receipts.receipts_of(VISIT))[1] == [first, second]


@pytest.mark.parametrize("left", [None, msgspec.structs.replace(a_way(2_000_000, start_ms=to_ms(NOON_SHANGHAI), digest="d2"), fixes=12)])
async def test_forgotten_fixes_bill_nothing_anew(house, left):
    await house.shelf.set_policy(SITE, FarePolicy(billing=Billing.METERED))
    await house.agree()
    house.finish()
    first = await house.receipts.settle(VISIT)
    house.ways.way = left

    assert await house.receipts.settle(VISIT) == first
    replay = await house.receipts.replay(VISIT)
    assert (replay.is_identical, replay.lost_fixes) == (False, first.meter.fixes - (0 if left is None else 12))


async def test_a_no_show_that_she_reports_costs_what_the_customers_row_says_from_the_next_agreement_on(house):
    half = Clause(ending=Ending.NO_SHOW, cause=Cause.CUSTOMER, share_bps=5_000)
    await house.shelf.set_policy(SITE, FarePolicy(clauses=(half,)))
    accepted_minor = await house.agree()
    for after, act, minutes in ((Stage.DEPARTED, Act.DEPART, 0), (Stage.ARRIVED, Act.ARRIVE, 30), (Stage.NO_SHOW, Act.NO_SHOW, 50)):
        house.visits.go(after, act, NOON_SHANGHAI + minutes * MINUTE)

    receipt = await house.receipts.settle(VISIT)

    paid = (receipt.cause, receipt.customer_minor, receipt.technician_minor)
    assert paid == (Cause.TECHNICIAN, accepted_minor - accepted_minor // 2, accepted_minor)
    assert await house.shelf.policy(SITE) == FarePolicy(clauses=(half,))


async def test_a_visit_without_fixes_bills_the_quote_and_says_so(house):
    await house.shelf.set_policy(SITE, FarePolicy(billing=Billing.METERED))
    accepted_minor = await house.agree()
    house.finish()
    house.ways.way = None

    receipt = await house.receipts.settle(VISIT)

    assert (receipt.billed, receipt.customer_minor) == (Billed.QUOTE_NOT_METERED, accepted_minor)
    assert (receipt.meter.fixes, receipt.meter.distance_mm, receipt.meter.grade) == (0, 0, Grade.C)
    assert [gap.filled_mm for gap in receipt.meter.gaps] == [0]


async def test_an_unsure_meter_bills_the_quote_and_says_so(house):
    await house.shelf.set_policy(SITE, FarePolicy(billing=Billing.CAPPED))
    accepted_minor = await house.agree()
    house.finish()
    house.ways.way = a_way(90_000_000, start_ms=to_ms(NOON_SHANGHAI), grade=Grade.C)

    receipt = await house.receipts.settle(VISIT)

    assert (receipt.billed, receipt.customer_minor) == (Billed.QUOTE_METER_UNSURE, accepted_minor)


async def test_a_visit_without_a_quote_costs_nothing_for_the_way(house):
    house.finish()

    receipt = await house.receipts.settle(VISIT)

    assert (receipt.billed, receipt.customer_minor, receipt.currency) == (Billed.NO_QUOTE, 0, "CNY")


async def test_a_cancelled_way_is_metered_until_it_was_called_off(house):
    await house.agree()
    house.visits.go(Stage.DEPARTED, Act.DEPART, NOON_SHANGHAI)
    house.visits.go(Stage.CANCELLED, Act.CANCEL, NOON_SHANGHAI + 10 * MINUTE, actor="link:l1")

    receipt = await house.receipts.settle(VISIT)

    assert receipt.ending is Ending.CANCELLED_ON_WAY
    assert house.ways.asked == [(ANNA, to_ms(NOON_SHANGHAI), to_ms(NOON_SHANGHAI + 10 * MINUTE))]


async def test_a_visit_cancelled_before_departure_is_not_metered(house):
    await house.agree()
    house.visits.go(Stage.CANCELLED, Act.CANCEL, NOON_SHANGHAI, actor="link:l1")

    receipt = await house.receipts.settle(VISIT)

    assert (receipt.customer_minor, house.ways.asked) == (0, [])


async def test_an_open_visit_is_not_settled(house):
    with pytest.raises(Conflict, match="not closed"):
        await house.receipts.settle(VISIT)
    with pytest.raises(NotFound):
        await house.receipts.settle("nobody")


async def test_closing_sets_the_timer_and_each_look_sets_the_next(house):
    await house.agree()
    event = house.finish()
    async with house.work.begin() as tx:
        await house.receipts.on_stage_changed(tx, event)

    for looked, after_s in enumerate(LOOKS_AFTER_S):
        timer = house.timers.set_.pop((SETTLE, VISIT))
        assert timer.payload == {"looked": looked}
        await house.clock.advance((timer.due_at - house.clock.now()).total_seconds())
        assert (house.clock.now() - NOON_SHANGHAI).total_seconds() == after_s
        await house.receipts.on_timer(timer)

    assert house.timers.set_ == {}
    assert len((await house.receipts.receipts_of(VISIT))[1]) == 1


async def test_a_replay_is_identical_or_shows_the_difference(house):
    await house.shelf.set_policy(SITE, FarePolicy(billing=Billing.METERED))
    await house.agree()
    house.finish()
    with pytest.raises(NotFound, match="not settled"):
        await house.receipts.replay(VISIT)
    await house.receipts.settle(VISIT)

    proved = await house.receipts.replay(VISIT)
    house.ways.way = a_way(10_000_001, start_ms=to_ms(NOON_SHANGHAI), digest="other")
    doubted = await house.receipts.replay(VISIT)

    assert proved.is_identical
    assert not doubted.is_identical
    assert {name for name, _, _ in doubted.differences} >= {"meter", "input_digest"}


async def test_a_new_policy_does_not_change_what_was_agreed_or_settled(house):
    accepted_minor = await house.agree()
    await house.shelf.set_policy(SITE, FarePolicy(billing=Billing.METERED))
    house.finish()

    receipt = await house.receipts.settle(VISIT)

    assert (receipt.customer_minor, receipt.policy.billing) == (accepted_minor, Billing.QUOTED)
    assert (await house.receipts.replay(VISIT)).is_identical


async def test_a_receipt_number_is_taken_once(house):
    await house.agree()
    house.finish()
    receipt = await house.receipts.settle(VISIT)

    with pytest.raises(Conflict, match="there already"):
        async with house.work.begin() as tx:
            await SqlReceipts().add(tx, msgspec.structs.replace(receipt, digest="x"))


async def test_a_statement_adds_up_her_receipts(house):
    accepted_minor = await house.agree()
    house.finish()
    await house.receipts.settle(VISIT)

    statement = await house.receipts.statement(ANNA, to_ms(NOON_SHANGHAI), to_ms(NOON_SHANGHAI + 200 * MINUTE))

    assert statement.total_minor == {"CNY": accepted_minor}
    assert (await house.receipts.statement(ANNA, 0, 1)).rows == ()
