"""Which figure is billed: by policy, by how the visit ended, by how sure the meter is."""

from datetime import timedelta

import msgspec
import pytest

from core.clock import to_ms
from tests.doubles.fare_ports import ANNA, FAR, HOME, NOON_SHANGHAI, SITE, VISIT, a_way
from tracking.fares.bill import Billed, Times, bill_of
from tracking.fares.built_in import built_in_tariffs
from tracking.fares.live_fare import live_fare
from tracking.fares.meter_observer import MeterReading
from tracking.fares.metered import Grade
from tracking.fares.policy import (
    Billing,
    Cause,
    Clause,
    Ending,
    FarePolicy,
    Ways,
    agreed_policy,
    cause_of,
    checked_policy,
    clause_of,
    ending_of,
    public_ending,
)
from tracking.fares.priced import LineCode, sum_minor
from tracking.fares.quote import QuoteRequest, kept_promise
from tracking.fares.quote_pricing import priced_quote
from tracking.fares.receipt import Inputs, PayWhy, customer_face, differences, receipt_of, technician_face
from tracking.fares.statement import statement_of
from tracking.fares.tariff_terms import Mode
from tracking.router import Route, RouteSource
from visits.stage import Stage

NOON_MS = to_ms(NOON_SHANGHAI)
TAXI = built_in_tariffs()["cn-shenzhen-taxi-2024"]
BOTH_WAYS = built_in_tariffs()["at-home-taxi"]


def a_quote(tariff=TAXI, metres=10_000.0):
    request = QuoteRequest(site_id=SITE, start=FAR, end=HOME, mode=Mode.TAXI, depart_ms=NOON_MS)
    route = Route(metres=metres, seconds_p50=1200, seconds_p90=1500, source=RouteSource.ENGINE)
    return priced_quote("q1", request, tariff, route, is_same=False, now_ms=NOON_MS, ttl_ms=900_000)


def bill(policy=None, *, ending=Ending.FINISHED, cause=Cause.CUSTOMER, quote=None, metered=None, tariff=TAXI):
    return bill_of(policy or FarePolicy(), ending=ending, cause=cause, quote=quote or a_quote(tariff), tariff=tariff, metered=metered)


def metered(distance_mm=12_000_000, **more):
    return a_way(distance_mm, start_ms=NOON_MS, seconds=1200, **more)


QUOTED_MINOR = 1000 + 8 * 270
METERED_MINOR = 1000 + 10 * 270


@pytest.mark.parametrize(
    ("billing", "way", "billed", "customer_minor"),
    [
        (Billing.QUOTED, metered(), Billed.QUOTE, QUOTED_MINOR),
        (Billing.METERED, metered(), Billed.METER, METERED_MINOR),
        (Billing.METERED, metered(grade=Grade.B), Billed.METER, METERED_MINOR),
        (Billing.METERED, metered(grade=Grade.C), Billed.QUOTE_METER_UNSURE, QUOTED_MINOR),
        (Billing.METERED, None, Billed.QUOTE_NOT_METERED, QUOTED_MINOR),
        (Billing.METERED, msgspec.structs.replace(metered(), fixes=0), Billed.QUOTE_NOT_METERED, QUOTED_MINOR),
        (Billing.CAPPED, metered(), Billed.METER, METERED_MINOR),
        (Billing.CAPPED, metered(30_000_000), Billed.CAP, QUOTED_MINOR * 12 // 10),
        (Billing.CAPPED, metered(5_000_000), Billed.METER, 1000 + 3 * 270),
        (Billing.CAPPED, None, Billed.QUOTE_NOT_METERED, QUOTED_MINOR),
    ],
)
def test_the_policy_says_which_figure_is_billed(billing, way, billed, customer_minor):
    found = bill(FarePolicy(billing=billing), metered=way)

    assert (found.billed, found.customer_minor, found.technician_minor) == (billed, customer_minor, customer_minor)
    assert sum_minor(found.lines) == customer_minor


def test_without_an_accepted_quote_nothing_is_due():
    found = bill_of(FarePolicy(), ending=Ending.FINISHED, cause=Cause.CUSTOMER, quote=None, tariff=None, metered=metered())

    assert (found.billed, found.customer_minor, found.technician_minor) == (Billed.NO_QUOTE, 0, 0)


@pytest.mark.parametrize(
    ("ending", "cause", "customer_minor", "technician_minor"),
    [
        (Ending.FINISHED, Cause.CUSTOMER, QUOTED_MINOR, QUOTED_MINOR),
        (Ending.CANCELLED_BEFORE_DEPARTURE, Cause.CUSTOMER, 0, 0),
        (Ending.CANCELLED_BEFORE_DEPARTURE, Cause.PLATFORM, 0, 0),
        (Ending.CANCELLED_ON_WAY, Cause.CUSTOMER, QUOTED_MINOR, QUOTED_MINOR),
        (Ending.CANCELLED_ON_WAY, Cause.PLATFORM, 0, QUOTED_MINOR),
        (Ending.CANCELLED_ON_WAY, Cause.TECHNICIAN, 0, 0),
        (Ending.CANCELLED_AT_DOOR, Cause.CUSTOMER, QUOTED_MINOR, QUOTED_MINOR),
        (Ending.CANCELLED_AT_DOOR, Cause.PLATFORM, 0, QUOTED_MINOR),
        (Ending.CANCELLED_AT_DOOR, Cause.TECHNICIAN, 0, 0),
        (Ending.NO_SHOW, Cause.CUSTOMER, QUOTED_MINOR, QUOTED_MINOR),
        (Ending.ABORTED_UNSAFE, Cause.CUSTOMER, QUOTED_MINOR, 2 * QUOTED_MINOR),
        (Ending.ABORTED_UNSAFE, Cause.TECHNICIAN, QUOTED_MINOR, 2 * QUOTED_MINOR),
    ],
)
def test_a_visit_that_did_not_finish_is_billed_by_its_row(ending, cause, customer_minor, technician_minor):
    found = bill(ending=ending, cause=cause)

    assert (found.customer_minor, found.technician_minor) == (customer_minor, technician_minor)


def test_a_tariff_of_both_ways_pays_an_aborted_visit_as_it_stands():
    found = bill(ending=Ending.ABORTED_UNSAFE, tariff=BOTH_WAYS)

    assert found.customer_minor == found.technician_minor == 2990


def test_an_aborted_visit_is_metered_both_ways_too():
    found = bill(FarePolicy(billing=Billing.METERED), ending=Ending.ABORTED_UNSAFE, metered=metered())

    assert (found.customer_minor, found.technician_minor) == (METERED_MINOR, 2 * METERED_MINOR)


def test_a_site_sets_its_own_rows():
    rows = (Clause(ending=Ending.NO_SHOW, share_bps=5_000, fee_minor=5_000), Clause(ending=Ending.FINISHED, ways=Ways.BOTH))
    policy = checked_policy(FarePolicy(clauses=rows))

    found = bill(policy, ending=Ending.NO_SHOW)

    assert found.customer_minor == QUOTED_MINOR // 2 + 5_000
    assert [line.code for line in found.lines][-2:] == [LineCode.SHARE, LineCode.FEE]
    assert clause_of(policy, Ending.CANCELLED_ON_WAY, Cause.TECHNICIAN).share_bps == 0
    assert bill(policy).technician_minor == 2 * QUOTED_MINOR


HALF = Clause(ending=Ending.NO_SHOW, cause=Cause.CUSTOMER, share_bps=5_000)
HERS = Clause(ending=Ending.NO_SHOW, cause=Cause.TECHNICIAN, share_bps=0, ways=Ways.NONE)
ANY = Clause(ending=Ending.NO_SHOW, share_bps=2_000)


@pytest.mark.parametrize(
    ("rows", "share_bps"), [((), 10_000), ((ANY,), 2_000), ((HALF,), 5_000), ((HALF, ANY), 5_000), ((HALF, HERS), 0), ((ANY, HERS), 0)]
)
def test_a_no_show_that_she_reports_is_the_customers_unless_the_site_says_otherwise(rows, share_bps):
    policy = FarePolicy(clauses=rows)

    agreed = agreed_policy(checked_policy(policy))

    assert clause_of(agreed, Ending.NO_SHOW, cause_of("device:d1", None)).share_bps == share_bps
    assert agreed_policy(agreed) == checked_policy(agreed) == agreed
    for ending in Ending:
        for cause in Cause:
            if (ending, cause) != (Ending.NO_SHOW, Cause.TECHNICIAN):
                assert clause_of(agreed, ending, cause) == clause_of(policy, ending, cause)


def test_a_promise_is_kept_by_the_meter_too():
    held = kept_promise(a_quote(), 2_000)

    found = bill(FarePolicy(billing=Billing.METERED), quote=held, metered=metered())

    assert (found.customer_minor, found.technician_minor) == (2_000, METERED_MINOR)
    assert found.lines[-1].code is LineCode.PROMISE_KEPT


@pytest.mark.parametrize(
    ("stages", "ending"),
    [
        ([Stage.CREATED, Stage.CANCELLED], Ending.CANCELLED_BEFORE_DEPARTURE),
        ([Stage.CREATED, Stage.ASSIGNED, Stage.CANCELLED], Ending.CANCELLED_BEFORE_DEPARTURE),
        ([Stage.ASSIGNED, Stage.DEPARTED, Stage.CANCELLED], Ending.CANCELLED_ON_WAY),
        ([Stage.DEPARTED, Stage.ARRIVED, Stage.CANCELLED], Ending.CANCELLED_AT_DOOR),
        ([Stage.DEPARTED, Stage.ARRIVED, Stage.NO_SHOW], Ending.NO_SHOW),
        ([Stage.IN_SERVICE, Stage.ENDED, Stage.LEFT], Ending.FINISHED),
        ([Stage.IN_SERVICE, Stage.ABORTED_UNSAFE, Stage.LEFT], Ending.ABORTED_UNSAFE),
        ([Stage.DEPARTED, Stage.ASSIGNED, Stage.CANCELLED], Ending.CANCELLED_BEFORE_DEPARTURE),
        ([Stage.CANCELLED], Ending.CANCELLED_BEFORE_DEPARTURE),
    ],
)
def test_the_stages_say_how_it_ended(stages, ending):
    assert ending_of(stages) is ending


@pytest.mark.parametrize(
    ("actor", "reason", "cause"),
    [
        ("device:d1", None, Cause.TECHNICIAN),
        ("link:l1", None, Cause.CUSTOMER),
        ("api:k1", "customer changed her mind", Cause.CUSTOMER),
        ("dispatcher:x", "platform: double booking", Cause.PLATFORM),
        ("api:k1", "Technician: flat tyre", Cause.TECHNICIAN),
        ("", None, Cause.CUSTOMER),
    ],
)
def test_the_reason_or_the_actor_says_on_whose_side_it_lies(actor, reason, cause):
    assert cause_of(actor, reason) is cause


def inputs(**changes) -> Inputs:
    plain = Inputs(
        visit_id=VISIT,
        site_id=SITE,
        technician_id=ANNA,
        currency="CNY",
        ending=Ending.FINISHED,
        cause=Cause.CUSTOMER,
        closed_ms=NOON_MS,
        policy=FarePolicy(billing=Billing.METERED),
        quote=a_quote(),
        tariff=TAXI,
        metered=metered(),
        times=Times(appointment_ms=NOON_MS),
    )
    return msgspec.structs.replace(plain, **changes)


def test_settling_again_from_the_same_inputs_is_the_same_receipt():
    first = receipt_of(inputs(), now_ms=1)

    assert receipt_of(inputs(), now_ms=2, before=first) is first


def test_how_far_ahead_a_site_quotes_changes_no_receipt():
    """Receipts from before that choice must still prove to be identical."""
    farther = receipt_of(inputs(policy=FarePolicy(billing=Billing.METERED, max_days_ahead=200)), now_ms=1)

    assert farther.digest == receipt_of(inputs(), now_ms=1).digest
    assert farther.input_digest == "1e2db79b94ae514472ccddb16334987334cace15235acfa8820f425b53cae568"


def test_late_fixes_make_a_numbered_amendment():
    first = receipt_of(inputs(), now_ms=1)

    second = receipt_of(inputs(metered=metered(13_000_000, digest="d2")), now_ms=2, before=first)

    assert (second.number, second.amends, second.difference_minor) == (2, 1, 270)
    assert {name for name, _, _ in differences(first, second)} >= {"customer_minor", "meter", "lines", "input_digest"}


def test_an_aborted_visit_reads_as_finished_for_the_customer():
    ordinary, aborted = receipt_of(inputs(), now_ms=1), receipt_of(inputs(ending=Ending.ABORTED_UNSAFE), now_ms=1)

    assert customer_face(aborted) == customer_face(ordinary)
    assert "aborted" not in msgspec.json.encode(technician_face(aborted)).decode()
    assert public_ending(Ending.NO_SHOW) is Ending.NO_SHOW
    assert aborted.platform_minor == METERED_MINOR


def test_the_technician_is_told_why_she_is_paid_another_amount():
    def why(**changed):
        return technician_face(receipt_of(inputs(**changed), now_ms=1))["pay_why"]

    fee = Clause(ending=Ending.NO_SHOW, share_bps=10_000, fee_minor=300)
    assert why() == PayWhy.SAME
    assert why(ending=Ending.ABORTED_UNSAFE) == PayWhy.BOTH_WAYS
    assert why(ending=Ending.CANCELLED_AT_DOOR, cause=Cause.PLATFORM) == PayWhy.PLATFORM_ADDS
    assert why(ending=Ending.NO_SHOW, policy=FarePolicy(clauses=(fee,))) == PayWhy.PLATFORM_KEEPS


def test_a_receipt_reads_back_from_json():
    receipt = receipt_of(inputs(), now_ms=1)

    assert msgspec.json.decode(msgspec.json.encode(receipt), type=type(receipt)) == receipt


def test_a_statement_counts_the_newest_receipt_of_each_visit_of_hers():
    first = receipt_of(inputs(), now_ms=1)
    second = receipt_of(inputs(metered=metered(13_000_000, digest="d2")), now_ms=2, before=first)
    foreign = msgspec.structs.replace(first, visit_id="other", technician_id="berta")
    later = msgspec.structs.replace(first, visit_id="later", closed_ms=NOON_MS + round(timedelta(days=1).total_seconds() * 1000))

    statement = statement_of(ANNA, NOON_MS, NOON_MS + 1, [first, second, foreign, later])

    assert [(row.visit_id, row.number) for row in statement.rows] == [(VISIT, 2)]
    assert statement.total_minor == {"CNY": METERED_MINOR + 270}


@pytest.mark.parametrize(
    ("billing", "distance_mm", "customer_minor"),
    [
        (Billing.QUOTED, 1_000_000, QUOTED_MINOR),
        (Billing.METERED, 1_000_000, 1000 + 20 * 80),  # twenty minutes below 10 km/h
        (Billing.METERED, 12_000_000, METERED_MINOR),
        (Billing.CAPPED, 60_000_000, QUOTED_MINOR * 12 // 10),
    ],
)
def test_the_live_fare_is_provisional_and_within_the_limits_of_the_bill(billing, distance_mm, customer_minor):
    found = live_fare(
        FarePolicy(billing=billing), a_quote(), TAXI, a_reading(distance_mm), start_ms=NOON_MS, now_ms=NOON_MS + 1_200_000
    )

    assert (found.customer_minor, found.is_final) == (customer_minor, False)
    assert found.limit_minor is None or found.customer_minor <= found.limit_minor


def test_before_the_first_fix_the_live_fare_is_what_is_due_at_the_start():
    found = live_fare(FarePolicy(billing=Billing.METERED), a_quote(), TAXI, None, start_ms=NOON_MS, now_ms=NOON_MS)

    assert (found.distance_mm, found.as_of_ms, found.customer_minor) == (0, None, 1000)


def a_reading(distance_mm):
    return MeterReading(
        at_ms=NOON_MS + 1_190_000, distance_mm=distance_mm, low_mm=distance_mm, high_mm=distance_mm, grade=Grade.A, moving_ms=1, slow_ms=0,
        waiting_ms=0, gaps=0, is_final=False,
    )  # fmt: skip
