"""The whole of a device's connection without a loop, a clock or a socket."""

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.close_code import CloseCode
from realtime.raw_fixes import merged
from realtime.session import Session
from realtime.session_effects import NOT_READ, Identify, Limits, Shut, State, Take, Tell, Unreadable
from realtime.wire import Cadence, VisitChanged
from tracking.fix import Outcome, OutcomeError, RawFix, Reason

T = 1_780_000_000_000
HELLO = json.dumps({"type": "hello", "device_epoch": 7, "sent_at_ms": T - 50})


def fix_text(seq: int, **more: object) -> str:
    return json.dumps({"type": "fix", "seq": seq, "at_ms": T, "lat": 48.0, "lon": 11.0, **more})


def rows_text(*seqs: int, **more: object) -> str:
    return json.dumps({"type": "fixes", "rows": [[seq, T, 48.0, 11.0] for seq in seqs], **more})


def live(**limits: object) -> Session:
    session = Session(Limits(**limits), T)
    session.on_frame(HELLO, T)
    session.welcome(3, T)
    said(session)
    return session


def said(session: Session, now_ms: int = T) -> list[dict]:
    frames = []
    while (text := session.next_text(now_ms)) is not None:
        frames.append(json.loads(text))
    return frames


def test_hello_asks_for_identification():
    session = Session(Limits(), T)

    (effect,) = session.on_frame(HELLO, T)

    assert isinstance(effect, Identify)
    assert effect.hello.device_epoch == 7


def test_welcome_tells_the_bounds():
    session = Session(Limits(max_fixes=9), T)
    session.on_frame(HELLO, T)
    session.welcome(3, T + 1)

    assert said(session) == [
        {
            "type": "welcome",
            "session_no": 3,
            "server_at_ms": T + 1,
            "max_fixes": 9,
            "max_frame_bytes": 65536,
            "heartbeat_s": 20.0,
            "acked": None,
        }
    ]


def test_a_fix_is_offered_and_acknowledged_only_when_durable():
    session = live()

    effects = session.on_frame(fix_text(1, speed_mps=-1), T)

    assert effects == (Take([RawFix(1, T, 48.0, 11.0, speed_mps=-1.0, datum="wgs84")], None, None),)
    assert said(session) == []
    session.on_outcome(Outcome([1], []))
    assert said(session) == [{"type": "ack", "device_epoch": 7, "ranges": [[1, 1]], "refused": []}]


def test_acks_that_wait_become_ranges():
    session = live()
    for seq in (5, 1, 2, 3, 9, 4, 2):
        session.on_frame(fix_text(seq), T)
        session.on_outcome(Outcome([seq], []))

    assert said(session)[0]["ranges"] == [[1, 5], [9, 9]]


def test_refused_fixes_are_named_with_reason_and_sentence():
    session = live()
    session.on_frame(rows_text(1, 2), T)
    session.on_outcome(Outcome([1], [(2, Reason.OFF_SHIFT)]))

    (ack,) = said(session)
    assert ack["ranges"] == [[1, 1]]
    assert ack["refused"][0]["reason"] == "off_shift"
    assert "shift" in ack["refused"][0]["detail"]


def test_unreadable_fixes_are_refused_beside_the_good_ones():
    session = live()
    _, take = session.on_frame(json.dumps({"type": "fixes", "rows": [[1, T, 48, 11], [2, T, 95, 11]]}), T)
    session.on_outcome(Outcome([fix.seq for fix in take.fixes], []))

    (ack,) = said(session)
    assert (ack["ranges"], ack["refused"][0]["seq"]) == ([[1, 1]], 2)


def test_a_frame_of_nothing_but_bad_fixes_is_answered_too():
    session = live()

    assert session.on_frame(json.dumps({"type": "fixes", "rows": [[2, T, 95, 11]]}), T) == (Unreadable(1),)
    assert said(session)[0]["refused"][0]["seq"] == 2


def test_a_lone_fix_that_is_wrong_is_told_why_and_refused_so_that_it_is_not_sent_for_ever():
    session = live()

    assert session.on_frame(json.dumps({"type": "fix", "seq": 4, "at_ms": T, "lat": 91, "lon": 11}), T) == (Unreadable(1),)
    error, ack = said(session)
    assert (error["type"], error["code"], error["fatal"]) == ("error", "bad_value", False)
    assert [(one["seq"], one["reason"]) for one in ack["refused"]] == [(4, "malformed")]


@pytest.mark.parametrize("seq", ["4", None, -1, True])
def test_a_lone_fix_without_a_readable_seq_is_only_told_why(seq):
    session = live()

    assert session.on_frame(json.dumps({"type": "fix", "seq": seq, "at_ms": T, "lat": 48, "lon": 11}), T) == ()
    assert [frame["type"] for frame in said(session)] == ["error"]


def test_a_mark_of_earlier_connections_is_told_and_only_grows():
    session = Session(Limits(), T)
    session.on_frame(HELLO, T)
    session.welcome(3, T, 90)
    assert said(session)[0]["acked"] == 90

    for seq in (40, 95, 41):
        session.on_frame(fix_text(seq), T)
        session.on_outcome(Outcome([seq], []))
    assert session.acked == 95


def test_batch_and_clock_go_along():
    session = live()

    (take,) = session.on_frame(rows_text(1, batch="b", sent_at_ms=T), T)

    assert (take.batch_id, take.sent_at_ms) == ("b", T)


def test_more_fixes_than_allowed_are_refused_whole_and_the_socket_lives():
    session = live(max_fixes=3)

    assert session.on_frame(rows_text(1, 2, 3, 4), T) == ()
    assert said(session)[0]["code"] == "too_many_fixes"
    assert len(session.on_frame(rows_text(1, 2, 3), T)) == 1


@pytest.mark.parametrize("text", [fix_text(1), rows_text(1), '{"type":"status"}'])
def test_nothing_counts_before_hello(text):
    session = Session(Limits(), T)

    assert session.on_frame(text, T) == ()
    assert said(session)[0]["code"] == "not_now"
    assert session.state is State.HELLO


def test_a_second_hello_is_answered_and_changes_nothing():
    session = live()

    assert session.on_frame(HELLO, T) == ()
    assert said(session)[0]["code"] == "not_now"
    assert session.state is State.LIVE


def test_a_batch_of_another_device_epoch_is_not_taken():
    session = live()

    assert session.on_frame(rows_text(1, device_epoch=8), T) == ()
    assert said(session)[0]["code"] == "not_now"


def test_a_bad_frame_is_answered_and_twenty_in_a_row_end_it():
    session = live()
    for _ in range(19):
        assert session.on_frame("{", T) == ()

    (shut,) = session.on_frame("{", T)

    errors = said(session)
    assert shut.code is CloseCode.BAD_PROTOCOL
    assert [error["fatal"] for error in errors] == [False] * 19 + [True]


def test_a_good_frame_forgives_the_bad_ones():
    session = live()
    for _ in range(100):
        session.on_frame("{", T)
        session.on_frame('{"type":"heartbeat"}', T)

    assert session.state is State.LIVE
    assert len(said(session)) == 20


def test_superseded_is_said_and_final():
    session = live()
    session.on_frame(fix_text(1), T)

    (shut,) = session.on_outcome(Outcome([], [], OutcomeError.SUPERSEDED))

    assert shut == Shut(CloseCode.SUPERSEDED, "superseded")
    assert [(frame["type"], frame["code"], frame["fatal"]) for frame in said(session)] == [("error", "superseded", True)]
    assert session.on_frame(fix_text(2), T) == ()


def test_busy_says_so_once_and_acknowledges_nothing():
    session = live()
    for seq in range(3):
        session.on_frame(fix_text(seq), T)
        session.not_taken()
    session.on_frame(fix_text(3), T)
    session.on_outcome(Outcome([], [], OutcomeError.BUSY))

    assert [frame["type"] for frame in said(session)] == ["busy"]


def test_while_a_phone_is_told_to_wait_its_fixes_are_not_read_and_all_else_is():
    session = live()
    wait_ms = int(Limits().busy_retry_s * 1000)
    session.on_frame(fix_text(1), T)
    session.not_taken()
    assert [frame["type"] for frame in said(session)] == ["busy"]

    assert session.on_frame(fix_text(2), T + 1) == NOT_READ
    assert session.on_frame(rows_text(3, 4).encode(), T + wait_ms - 1) == NOT_READ
    assert session.on_frame('{"type":"status","battery_pct":50}', T + 2) != NOT_READ
    assert said(session, T + 3) == []

    (take,) = session.on_frame(fix_text(2), T + wait_ms)
    assert [fix.seq for fix in take.fixes] == [2]
    assert session.heard_ms == T + wait_ms


def test_answers_that_come_while_it_waits_do_not_make_it_wait_longer():
    session = live()
    session.on_frame(fix_text(1), T)
    session.on_frame(fix_text(2), T + 1)
    session.not_taken()
    said(session)
    session.on_frame('{"type":"heartbeat"}', T + 1_500)
    session.on_outcome(Outcome([], [], OutcomeError.BUSY))

    assert said(session, T + 1_500) == []
    assert len(session.on_frame(fix_text(1), T + 1 + int(Limits().busy_retry_s * 1000))) == 1


def test_without_a_fence_fixes_wait_and_nothing_is_offered():
    session = Session(Limits(), T)
    session.on_frame(HELLO, T)
    session.welcome(0, T)

    assert session.on_frame(fix_text(1), T) == ()
    assert [frame["type"] for frame in said(session)] == ["welcome", "busy"]
    session.fenced(4)
    assert len(session.on_frame(fix_text(1), T)) == 1


def test_a_thousand_unread_acks_become_one():
    session = live()
    for seq in range(5_000):
        session.on_frame(fix_text(seq), T)
        session.on_outcome(Outcome([seq], []))

    assert said(session) == [{"type": "ack", "device_epoch": 7, "ranges": [[0, 4_999]], "refused": []}]


def test_unread_acks_that_cannot_merge_end_the_connection_at_a_bound():
    session = live(max_unread_ranges=100)
    effects = ()
    count = 0
    while not effects:
        count += 1
        effects = session.on_outcome(Outcome([2 * count], []))

    assert effects[0].code is CloseCode.TOO_SLOW
    assert count <= 202


def test_unread_refusals_are_bounded():
    session = live(max_unread_ranges=100)

    effects = [effect for seq in range(102) for effect in session.on_outcome(Outcome([], [(seq, Reason.OFF_SHIFT)]))]

    assert effects[0].code is CloseCode.TOO_SLOW


def test_a_heartbeat_is_said_when_nothing_else_was():
    session = live()

    session.beat(T + 19_999)
    assert said(session, T + 19_999) == []
    session.beat(T + 20_000)
    assert said(session, T + 20_000) == [{"type": "heartbeat", "server_at_ms": T + 20_000}]
    session.beat(T + 39_999)
    assert said(session) == []
    assert session.heartbeat_due_ms() == T + 40_000


def test_a_phone_that_asks_whether_the_hub_is_there_hears_it_at_once():
    session = live()
    session.on_frame('{"type":"heartbeat","asks":true}', T + 5)

    assert said(session, T + 5) == [{"type": "heartbeat", "server_at_ms": T + 5}]


def test_a_line_that_is_silent_for_three_heartbeats_is_dead():
    session = live()
    session.on_frame('{"type":"heartbeat"}', T + 30_000)

    assert session.beat(T + 90_000) == ()
    assert session.beat(T + 90_001)[0].code is CloseCode.SILENT


def test_a_drain_waits_for_what_is_under_way():
    session = live()
    session.on_frame(fix_text(1), T)

    assert session.drain(T, "reconnect in 3.0 s") == ()
    assert session.on_frame(fix_text(2), T) == ()
    (shut,) = session.on_outcome(Outcome([1], []))

    assert shut.code is CloseCode.DRAINING
    assert [frame["type"] for frame in said(session)] == ["bye", "ack"]


def test_a_drain_ends_by_itself():
    session = live(drain_s=5.0)
    session.on_frame(fix_text(1), T)
    session.drain(T, "x")

    assert session.beat(T + 4_999) == ()
    assert session.beat(T + 5_000)[0].code is CloseCode.DRAINING


def test_a_drain_with_nothing_under_way_ends_at_once():
    assert live().drain(T, "x")[0].code is CloseCode.DRAINING


def test_status_is_told():
    session = live()

    (tell,) = session.on_frame('{"type":"status","battery_pct":5}', T)

    assert isinstance(tell, Tell)
    assert tell.status.battery_pct == 5.0


def test_only_the_newest_cadence_is_said_and_every_visit_once():
    session = live()
    session.say(Cadence(interval_s=5.0, displacement_m=10.0, reason="departed"))
    for visit in ("v1", "v2", "v1"):
        session.say(VisitChanged(visit_id=visit))
    session.say(Cadence(interval_s=30.0, displacement_m=50.0, reason="idle"))

    frames = said(session)
    assert [frame.get("interval_s", frame.get("visit_id")) for frame in frames] == [30.0, "v1", "v2"]


def test_a_revoked_device_is_told_why():
    session = live()

    (shut,) = session.refuse(CloseCode.REVOKED, "revoked", "Enrol it again.")

    assert shut.code is CloseCode.REVOKED
    assert said(session)[-1] == {"type": "error", "code": "revoked", "detail": "Enrol it again.", "fatal": True}
    assert session.refuse(CloseCode.REVOKED, "revoked", "x") == ()


@given(st.lists(st.integers(0, 60)), st.lists(st.integers(0, 60)))
def test_ranges_hold_exactly_the_seqs(first, second):
    ranges = merged(merged([], first), second)

    assert {seq for low, high in ranges for seq in range(low, high + 1)} == {*first, *second}
    assert all(one[1] + 1 < other[0] for one, other in pairwise(ranges))


frames = st.sampled_from([HELLO, fix_text(1), rows_text(2, 3), "{", '{"type":"heartbeat"}', '{"type":"status"}'])


@given(st.lists(st.one_of(frames, st.sampled_from(["done", "busy", "superseded", "drain", "beat", "read"])), max_size=40))
def test_only_offered_fixes_are_ever_acknowledged_and_nothing_grows(steps):
    session = Session(Limits(max_unread_errors=5), T)
    under_way: list[Take] = []
    offered: set[int] = set()
    acked: set[int] = set()
    now_ms = T
    for step in steps:
        now_ms += 1_000
        effects = ()
        if step == "done" and under_way:
            effects = session.on_outcome(Outcome([fix.seq for fix in under_way.pop(0).fixes], []))
        elif step == "busy" and under_way:
            under_way.pop(0)
            session.not_taken()
        elif step == "superseded" and under_way:
            under_way.pop(0)
            effects = session.on_outcome(Outcome([], [], OutcomeError.SUPERSEDED))
        elif step == "drain":
            effects = session.drain(now_ms, "x")
        elif step == "beat":
            effects = session.beat(now_ms)
        elif step == "read":
            for frame in said(session, now_ms):
                acked |= {seq for low, high in frame.get("ranges", ()) for seq in range(low, high + 1)}
        elif step.startswith("{"):
            effects = session.on_frame(step, now_ms)
        for effect in effects:
            if isinstance(effect, Identify):
                session.welcome(1, now_ms)
            elif isinstance(effect, Take):
                under_way.append(effect)
                offered |= {fix.seq for fix in effect.fixes}

    assert acked <= offered
    assert len(said(session, now_ms)) <= 20
