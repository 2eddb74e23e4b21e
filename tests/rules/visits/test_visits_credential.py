"""When credentials count, how often one may be wrong, and what a cookie and a cursor look like."""

from datetime import timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from visit_maker import NOW

from core.errors import BadInput, TooMany
from visits.attempt_limits import AttemptLimit, log_in_limits, must_not_exceed
from visits.credential import (
    ENROLMENT_LIFE,
    SESSION_IDLE,
    SESSION_LIFE,
    Enrolment,
    Session,
    digits_of,
    grouped,
    is_enrolment_live,
    is_session_live,
    password_faults,
    user_faults,
)
from visits.paging import cursor_after, page_of
from visits.session_cookie import cookie_name, drop_cookie, set_cookie

SECOND = timedelta(seconds=1)


def test_a_session_ends_by_age_by_idling_and_by_logging_out():
    session = Session(id="s", dispatcher_id="d", made_at=NOW, seen_at=NOW)
    busy = msgspec.structs.replace(session, seen_at=NOW + SESSION_LIFE - 2 * SECOND)

    assert is_session_live(session, NOW + SESSION_IDLE - SECOND)
    assert not is_session_live(session, NOW + SESSION_IDLE)
    assert is_session_live(busy, NOW + SESSION_LIFE - SECOND)
    assert not is_session_live(busy, NOW + SESSION_LIFE)
    assert not is_session_live(msgspec.structs.replace(session, ended_at=NOW), NOW)


def test_an_enrolment_counts_once_and_for_a_day():
    offer = Enrolment(id="e", site_id="s", technician_id="t", made_at=NOW)

    assert is_enrolment_live(offer, NOW + ENROLMENT_LIFE - SECOND)
    assert not is_enrolment_live(offer, NOW + ENROLMENT_LIFE)
    assert not is_enrolment_live(msgspec.structs.replace(offer, used_at=NOW), NOW)


@given(st.from_regex(r"\A[0-9]{10}\Z"))
def test_a_code_read_aloud_in_groups_is_the_same_code(code):
    assert digits_of(grouped(code)) == code
    assert digits_of(f" {code[:3]} {code[3:]}\n") == code


@pytest.mark.parametrize(
    ("password", "faults"),
    [("correct horse battery", 0), ("short", 1), ("aaaaaaaaaaaaaaa", 1), ("miriam-is-my-name", 1), ("x" * 300, 2)],
)
def test_passwords_are_judged_by_length_and_difference(password, faults):
    assert len(password_faults(password, "miriam")) == faults


@pytest.mark.parametrize(
    ("user", "fits"), [("miriam", True), ("m.k@site-1", True), ("m", False), ("Miriam", False), ("a b", False), ("", False)]
)
def test_log_in_names_are_plain(user, fits):
    assert (user_faults(user) == []) is fits


def test_a_limit_frees_itself_when_its_oldest_failure_is_past():
    limit = AttemptLimit("who", 2)
    failed = [NOW - timedelta(minutes=10), NOW - timedelta(minutes=5), NOW]
    must_not_exceed(limit, failed[:1], NOW)

    with pytest.raises(TooMany) as refused:
        must_not_exceed(limit, failed, NOW)
    assert refused.value.members["retry_after_s"] == 600


def test_one_stranger_cannot_lock_out_a_dispatcher_from_her_own_address():
    both, _, user = log_in_limits("miriam", "192.0.2.1")

    assert both.tries < user.tries
    assert log_in_limits("miriam", "192.0.2.2")[0].who != both.who


def test_the_cookie_is_bound_to_the_host_over_https():
    assert cookie_name("https://hub.example") == "__Host-pl_session"
    assert set_cookie("https://hub.example", "t").endswith("Path=/; HttpOnly; SameSite=Strict; Secure")
    assert cookie_name("http://127.0.0.1:8080") == "pl_session"
    assert "Secure" not in set_cookie("http://127.0.0.1:8080", "t")
    assert "Max-Age=0" in drop_cookie("https://hub.example")


def test_a_cursor_goes_on_after_its_item_and_a_foreign_one_is_refused():
    assert page_of(cursor_after("item-7"), 20).after == "item-7"
    assert page_of(None, 20).after is None
    for bad in ("abc", "ÿÿ", "gIA="):
        with pytest.raises(BadInput):
            page_of(bad, 20)
