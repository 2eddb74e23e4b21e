"""When a service text may go: quiet hours by the clocks of its site, through both changes of them; and which text makes which needless."""

from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.ids import RecipientId, SiteId
from notifications.courtesy import REPLACES, QuietHours, quiet_end, send_at
from notifications.notice import Channel, Lane, Notice
from notifications.templates import load_templates

BERLIN = QuietHours(time(21, 30), time(7, 0), "Europe/Berlin")
SHANGHAI = QuietHours(time(22, 0), time(8, 0), "Asia/Shanghai")
SPRING = QuietHours(time(22, 0), time(2, 30), "Europe/Berlin")
ZONES = st.sampled_from(["Europe/Berlin", "Asia/Shanghai", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"])


def utc(*parts):
    return datetime(*parts, tzinfo=UTC)


def notice(lane=Lane.P2, **fields):
    return Notice(
        site_id=SiteId("s"), subject="v", lane=lane, channel=Channel.SMS, recipient_id=RecipientId("r"), template="visit_receipt", **fields
    )


@pytest.mark.parametrize(
    ("quiet", "now", "goes"),
    [
        (BERLIN, utc(2026, 1, 15, 20, 29), utc(2026, 1, 15, 20, 29)),  # 21:29 in Berlin
        (BERLIN, utc(2026, 1, 15, 20, 30), utc(2026, 1, 16, 6, 0)),  # 21:30 in winter: until 07:00
        (BERLIN, utc(2026, 1, 16, 5, 59), utc(2026, 1, 16, 6, 0)),
        (BERLIN, utc(2026, 1, 16, 6, 0), utc(2026, 1, 16, 6, 0)),
        (BERLIN, utc(2026, 7, 15, 19, 30), utc(2026, 7, 16, 5, 0)),  # the same clocks in summer
        (BERLIN, utc(2026, 3, 28, 22, 0), utc(2026, 3, 29, 5, 0)),  # the night that lacks an hour
        (BERLIN, utc(2026, 10, 24, 21, 0), utc(2026, 10, 25, 6, 0)),  # the night that has one more
        (SHANGHAI, utc(2026, 1, 15, 14, 0), utc(2026, 1, 16, 0, 0)),
        (SPRING, utc(2026, 3, 29, 0, 45), utc(2026, 3, 29, 1, 30)),  # 02:30 is left out: once clocks have passed it
        (SPRING, utc(2026, 10, 25, 0, 20), utc(2026, 10, 25, 0, 30)),  # 02:20 for the first time
        (SPRING, utc(2026, 10, 25, 0, 45), utc(2026, 10, 25, 0, 45)),
        (SPRING, utc(2026, 10, 25, 1, 10), utc(2026, 10, 25, 1, 30)),  # 02:10 for the second
        (QuietHours(time(13, 0), time(15, 0), "Europe/Rome"), utc(2026, 1, 15, 12, 30), utc(2026, 1, 15, 14, 0)),
        (QuietHours(time(7, 0), time(7, 0), "Europe/Rome"), utc(2026, 1, 15, 6, 0), utc(2026, 1, 15, 6, 0)),  # equal: never
        (None, utc(2026, 1, 15, 23, 0), utc(2026, 1, 15, 23, 0)),
    ],
)
def test_a_text_that_can_wait_goes_when_the_quiet_hours_of_its_site_are_over(quiet, now, goes):
    assert send_at(notice(), now, quiet) == goes
    assert send_at(notice(Lane.P3), now, quiet) == goes


@pytest.mark.parametrize("lane", [Lane.P0, Lane.P1])
@given(minutes=st.integers(0, 60 * 24 * 400))
def test_emergencies_and_alarms_know_no_quiet_hours(lane, minutes):
    now = utc(2026, 1, 1) + timedelta(minutes=minutes)
    assert send_at(notice(lane), now, BERLIN) == now


def test_a_text_of_use_only_now_goes_in_the_night():
    now = utc(2026, 1, 15, 22, 0)
    assert send_at(notice(expires_at=now + timedelta(minutes=10)), now, BERLIN) == now
    assert send_at(notice(expires_at=now + timedelta(hours=20)), now, BERLIN) == utc(2026, 1, 16, 6, 0)


def test_a_text_asked_for_later_is_judged_by_that_moment():
    now, later = utc(2026, 1, 15, 12, 0), utc(2026, 1, 15, 23, 0)
    assert send_at(notice(send_at=later), now, BERLIN) == utc(2026, 1, 16, 6, 0)
    assert send_at(notice(send_at=now - timedelta(days=1)), now, BERLIN) == now


@given(minutes=st.integers(0, 60 * 24 * 400), begins=st.integers(0, 1439), ends=st.integers(0, 1439), zone=ZONES)
def test_quiet_hours_always_end_within_a_day_and_outside_themselves(minutes, begins, ends, zone):
    quiet = QuietHours(time(begins // 60, begins % 60), time(ends // 60, ends % 60), zone)
    now = utc(2026, 1, 1) + timedelta(minutes=minutes)
    if quiet.holds(now):
        end = quiet_end(now, quiet)
        assert now < end <= now + timedelta(hours=26)
        assert not quiet.holds(end)


def test_what_replaces_and_what_is_replaced_are_templates():
    names = set(load_templates().names())
    assert set(REPLACES) | set().union(*REPLACES.values()) <= names
