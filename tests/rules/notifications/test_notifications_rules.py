"""The rules of notices, by value: states, ranks, classes, order, chains, segments, keywords, numbers."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import BadInput, IllegalMove
from notifications.carrier import CarrierName, Outcome, chosen
from notifications.country import rule_of
from notifications.delivery import ENDS, FAILURES, TWILIO_CALL, TWILIO_MESSAGE, Receipt, counts, rank
from notifications.error_class import CODES, ErrorClass, classify, policy
from notifications.fallback import Cause, next_notices
from notifications.keywords import Heard, Keyword, heard
from notifications.notice import Channel, Enqueued, Lane, Notice, NoticeAct, NoticeState, advance, allowed, short_code
from notifications.outbox_order import LANES, Bucket, next_up, take
from notifications.recipient import Line, Recipient, RecipientKind, masked, numbered
from notifications.segments import Encoding, cut, measure, ucs2_units
from notifications.settlement import after_answer, after_receipt

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def a_notice(**fields):
    wanted = {"site_id": "s", "subject": "i", "lane": Lane.P0, "channel": Channel.SMS, "recipient_id": "r", "template": "sos"}
    return Notice(**(wanted | fields))


def a_row(state=NoticeState.SENDING, notice=None, **fields):
    wanted = {"created_at": NOW, "send_at": NOW, "attempts": 1, "first_sent_at": NOW}
    notice = notice or a_notice()
    return Enqueued(id=notice.id, notice=notice, state=state, **(wanted | fields))


# States


@given(st.sampled_from(NoticeState), st.sampled_from(NoticeAct))
def test_every_state_and_act_is_in_the_table_or_refused_in_words(state, act):
    if act in allowed(state):
        assert advance(state, act) in NoticeState
    else:
        with pytest.raises(IllegalMove, match=state.value):
            advance(state, act)


def test_nothing_sends_a_finished_notice_again():
    for state in (NoticeState.DELIVERED, NoticeState.ACKNOWLEDGED, NoticeState.CANCELLED, NoticeState.EXPIRED, NoticeState.DEAD):
        assert not {NoticeAct.CLAIM, NoticeAct.RETRY} & set(allowed(state))


def test_a_notice_is_named_by_what_it_says_to_whom_by_which_channel():
    notice = a_notice()
    assert notice.id == a_notice(variables={"name": "x"}, lane=Lane.P1).id
    others = [{"ladder_round": 1}, {"tier": 1}, {"recipient_id": "q"}, {"channel": Channel.VOICE}, {"template": "x"}]
    others.append({"template_version": 2})
    assert len({a_notice(**other).id for other in [*others, {}]}) == 7


@given(st.text(min_size=1, max_size=80))
def test_a_short_code_has_four_digits_and_no_leading_zero(subject):
    assert 1000 <= int(short_code(subject)) <= 9999


# Receipts


@given(st.lists(st.sampled_from(Receipt), max_size=12))
def test_receipts_in_any_order_only_climb(receipts):
    known = None
    for receipt in receipts:
        before = rank(known)
        known = receipt if counts(known, receipt) else known
        assert rank(known) >= before


def test_undelivered_is_a_failure_and_failures_end():
    assert Receipt.UNDELIVERED in FAILURES <= ENDS
    assert not counts(Receipt.FAILED, Receipt.DELIVERED)


def test_every_status_of_twilio_but_the_inbound_ones_is_known():
    assert len(TWILIO_MESSAGE) == 11
    assert {TWILIO_CALL[status] for status in ("busy", "no-answer")} == {Receipt.NO_ANSWER}


# Errors


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (429, None, ErrorClass.NOT_PROCESSED),
        (429, 20429, ErrorClass.NOT_PROCESSED),
        (500, None, ErrorClass.AMBIGUOUS),
        (503, 20503, ErrorClass.AMBIGUOUS),
        (401, 20003, ErrorClass.OUR_FAULT),
        (400, 21606, ErrorClass.OUR_FAULT),
        (400, 21212, ErrorClass.OUR_FAULT),
        (400, 21611, ErrorClass.CONGESTED),
        (None, 30001, ErrorClass.CONGESTED),
        (None, 30002, ErrorClass.OUR_FAULT),
        (None, 30003, ErrorClass.TEMPORARY),
        (None, 30008, ErrorClass.TEMPORARY),
        (None, 30036, ErrorClass.TEMPORARY),
        (400, 21211, ErrorClass.PERMANENT),
        (400, 21610, ErrorClass.PERMANENT),
        (400, 21614, ErrorClass.PERMANENT),
        (None, 30004, ErrorClass.PERMANENT),
        (None, 30005, ErrorClass.PERMANENT),
        (None, 30006, ErrorClass.PERMANENT),
        (None, 30007, ErrorClass.BLOCKED),
        (400, 60220, ErrorClass.BLOCKED),
        (400, 99999, ErrorClass.OUR_FAULT),
        (None, 39999, ErrorClass.TEMPORARY),
        (302, None, ErrorClass.AMBIGUOUS),
    ],
)
def test_each_code_has_its_class(status, code, error):
    assert classify(status, code) is error


def test_every_class_has_a_policy_in_every_lane_and_only_our_own_fault_is_tried_without_end():
    for lane in Lane:
        for error in ErrorClass:
            assert (policy(lane, error).cap is None) == (error is ErrorClass.OUR_FAULT)
    assert set(CODES.values()) == set(ErrorClass)


@pytest.mark.parametrize("error", [error for error in ErrorClass if error is not ErrorClass.NOT_PROCESSED])
def test_an_emergency_that_did_not_go_crosses_to_the_other_channel_at_once(error):
    settled = after_answer(a_row(), Outcome(error=error, code="1"), NOW, 0.5)
    assert settled.falls_back is not None


@pytest.mark.parametrize("error", list(ErrorClass))
def test_an_arrival_text_never_crosses(error):
    settled = after_answer(a_row(notice=a_notice(lane=Lane.P2)), Outcome(error=error, code="1"), NOW, 0.5)
    assert next_notices(settled.row.notice, settled.falls_back or Cause.REFUSED) == ()


@given(st.sampled_from(ErrorClass), st.integers(1, 30), st.sampled_from(Lane), st.floats(0, 0.99))
def test_after_any_refusal_a_notice_is_over_or_has_a_next_moment(error, attempts, lane, jitter):
    row = after_answer(a_row(notice=a_notice(lane=lane), attempts=attempts), Outcome(error=error, code="1"), NOW, jitter).row
    over = row.state in (NoticeState.DEAD, NoticeState.FAILED, NoticeState.EXPIRED)
    stopped = row.state is NoticeState.AMBIGUOUS and not lane.is_at_least_once
    assert over or stopped or row.send_at is not None or row.look_at is not None


def test_a_call_that_ends_without_keys_is_unanswered_and_one_that_only_tells_is_delivered():
    asked = a_row(NoticeState.ACCEPTED, a_notice(channel=Channel.VOICE))
    told = a_row(NoticeState.ACCEPTED, a_notice(channel=Channel.VOICE, template="verify_phone"))
    assert after_receipt(asked, Receipt.COMPLETED, None, None, NOW, is_latest=True).row.state is NoticeState.FAILED
    assert after_receipt(told, Receipt.COMPLETED, None, None, NOW, is_latest=True).row.state is NoticeState.DELIVERED


def test_a_receipt_for_a_notice_whose_answer_is_lost_proves_that_it_was_taken():
    row = a_row(NoticeState.AMBIGUOUS)
    assert after_receipt(row, Receipt.SENT, None, None, NOW, is_latest=True).row.state is NoticeState.ACCEPTED


# Order


_rows = st.builds(
    lambda lane, age_s, due_s, state: a_row(
        state, a_notice(lane=lane), created_at=NOW - timedelta(seconds=age_s), send_at=NOW - timedelta(seconds=due_s)
    ),
    st.sampled_from([Lane.P1, Lane.P2, Lane.P3]),
    st.integers(0, 10_000),
    st.integers(-100, 10_000),
    st.sampled_from([NoticeState.PENDING, NoticeState.SENDING, NoticeState.ACCEPTED]),
)


@given(st.lists(_rows, max_size=40), st.integers(0, 40))
def test_an_emergency_is_next_whatever_waits(backlog, place):
    emergency = a_row(NoticeState.PENDING, a_notice(subject="emergency"))
    rows = [*backlog[:place], emergency, *backlog[place:]]
    assert next_up(rows, NOW) is emergency


def test_an_emergency_is_never_throttled_or_grouped():
    rule = LANES[Lane.P0]
    assert (rule.per_s, rule.groups_answers) == (None, False)
    assert take(rule, Bucket(0, 0), 0, 1_000_000)[0] == 1_000_000


def test_a_lane_at_its_limit_gets_its_letters_in_handfuls():
    rule = LANES[Lane.P2]

    assert take(rule, Bucket(0.0, 0.0), 0.024, 50) == (0, Bucket(24.0, 0.024))
    assert take(rule, Bucket(0.0, 0.0), 0.026, 50)[0] == 26
    assert take(rule, Bucket(0.0, 0.0), 0.026, 3)[0] == 3


@given(st.lists(st.tuples(st.floats(0, 2), st.integers(0, 50)), max_size=50))
def test_a_throttled_lane_never_exceeds_its_rate(calls):
    rule, bucket, now_s, sent = LANES[Lane.P3], Bucket(5.0, 0.0), 0.0, 0
    for pause_s, wanted in calls:
        now_s += pause_s
        granted, bucket = take(rule, bucket, now_s, wanted)
        sent += granted
    assert sent <= 5 + rule.per_s * now_s + 1e-6


# Chains


def test_every_chain_ends():
    people = ("a", "b", "c")
    waiting, seen = [a_notice(recipient_id="first", next_recipients=people)], set()
    while waiting:
        notice = waiting.pop()
        for cause in Cause:
            for made in next_notices(notice, cause):
                if made.id not in seen:
                    seen.add(made.id)
                    waiting.append(made)
    assert len(seen) == 8  # four people, two channels


# Segments


@pytest.mark.parametrize(
    ("text", "encoding", "units", "parts"),
    [
        ("", Encoding.GSM7, 0, 0),
        ("a" * 160, Encoding.GSM7, 160, 1),
        ("a" * 161, Encoding.GSM7, 161, 2),
        ("a" * 306, Encoding.GSM7, 306, 2),
        ("a" * 307, Encoding.GSM7, 307, 3),
        ("€" * 80, Encoding.GSM7, 160, 1),
        ("a" * 152 + "€" + "a" * 152, Encoding.GSM7, 306, 3),
        ("中" * 70, Encoding.UCS2, 70, 1),
        ("中" * 71, Encoding.UCS2, 71, 2),
        ("中" * 134, Encoding.UCS2, 134, 2),
        ("😀" * 35, Encoding.UCS2, 70, 1),
        ("中" * 66 + "😀" + "中" * 66, Encoding.UCS2, 134, 3),
        ("`", Encoding.UCS2, 1, 1),
    ],
)
def test_a_text_costs_its_parts(text, encoding, units, parts):
    size = measure(text)
    assert (size.encoding, size.units, size.parts) == (encoding, units, parts)


@given(st.text(max_size=100), st.integers(0, 80))
def test_a_cut_text_fits(text, room):
    assert ucs2_units(cut(text, room)) <= max(room, 0)


# Keywords and numbers


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("ack 4821", Heard(Keyword.ACK, "4821")),
        ("  ACK4821!", Heard(Keyword.ACK, "4821")),
        ("认领 4821", Heard(Keyword.ACK, "4821")),
        ("4821 ok", Heard(Keyword.ACK, "4821")),
        ("sos", Heard(Keyword.SOS)),
        ("SOS!!", Heard(Keyword.SOS)),
        ("sos he locked the door", Heard(Keyword.SOS)),
        ("please help me", Heard(Keyword.SOS)),
        ("Mayday", Heard(Keyword.SOS)),
        ("快来救命啊", Heard(Keyword.SOS)),
        ("sosig rolls, please", Heard(Keyword.OTHER)),
        ("it was no emergency", Heard(Keyword.OTHER)),
        ("救命", Heard(Keyword.SOS)),
        ("Stop", Heard(Keyword.STOP)),
        ("START", Heard(Keyword.START)),
        ("help", Heard(Keyword.OTHER)),
        ("I will not stop", Heard(Keyword.OTHER)),
        ("", Heard(Keyword.OTHER)),
    ],
)
def test_a_text_is_heard(text, what):
    assert heard(text) == what


@pytest.mark.parametrize(
    ("typed", "country", "e164", "line"),
    [
        ("+86 138 0013 8000", None, "+8613800138000", Line.MOBILE),
        ("138 0013 8000", "CN", "+8613800138000", Line.MOBILE),
        ("+86 21 6279 8888", None, "+862162798888", Line.FIXED),
        ("(415) 555-2671", "US", "+14155552671", Line.EITHER),
    ],
)
def test_a_number_is_normalised(typed, country, e164, line):
    found = numbered(typed, country)
    assert (found.e164, found.line) == (e164, line)


@pytest.mark.parametrize("typed", ["", "abc", "12345", "+86 1", "+999 123456789", "138 0013 8000", "'; DROP TABLE", "+1" * 200])
def test_what_is_no_number_is_refused_in_words(typed):
    with pytest.raises(BadInput):
        numbered(typed)


def test_a_masked_number_shows_two_digits():
    assert (masked("+8613800138012"), masked("12")) == ("***12", "***")


def a_person(country, carrier=None):
    return Recipient(
        id="r",
        site_id="s",
        kind=RecipientKind.DISPATCHER,
        owner_id="o",
        name="",
        number="+1",
        number_masked="",
        country=country,
        carrier=carrier,
    )


def test_a_call_to_china_never_goes_through_a_foreign_carrier():
    everyone = list(CarrierName)
    assert chosen(a_person("CN", "twilio"), Channel.VOICE, everyone) is CarrierName.GATEWAY
    assert chosen(a_person("CN"), Channel.VOICE, [CarrierName.TWILIO]) is None
    assert chosen(a_person("CN"), Channel.SMS, everyone) is CarrierName.GATEWAY
    assert chosen(a_person("US"), Channel.VOICE, everyone) is CarrierName.TWILIO
    assert chosen(a_person("US"), Channel.SMS, [CarrierName.PHONES, CarrierName.FILE]) is CarrierName.PHONES
    assert not rule_of("CN").may_link
