"""The rules of webhooks: bodies, schedule, who wants what, which addresses are never written to."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import BadInput
from notifications.webhook import (
    SCHEDULE_S,
    Answer,
    Delivery,
    DeliveryState,
    Endpoint,
    EndpointState,
    Family,
    WebhookEvent,
    body_of,
    check_endpoint,
    is_public,
    judge,
    signing_secrets,
    wants,
)

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def a_delivery(attempts=1):
    return Delivery(
        id="d", endpoint_id="e", event_id="v", type="visit.departed", subject="s", sequence=1, body="{}", state=DeliveryState.SENDING,
        attempts=attempts, created_at=NOW,
    )  # fmt: skip


def an_endpoint(**fields):
    wanted = {"id": "e", "site_id": "s", "url": "https://a.example", "families": (Family.VISIT,), "created_at": NOW}
    wanted["secrets"] = ("new", "old")
    return Endpoint(**(wanted | fields))


def test_a_body_is_shaped_like_a_cloud_event():
    event = WebhookEvent(id="1", site_id="site", type="visit.departed", subject="visit-1", at=NOW, data={"stage": "departed"})

    assert json.loads(body_of(event)) == {
        "specversion": "1.0",
        "id": "1",
        "source": "urn:porchlight:site:site",
        "type": "porchlight.visit.departed",
        "subject": "visit-1",
        "time": "2026-03-02T09:00:00Z",
        "datacontenttype": "application/json",
        "data": {"stage": "departed"},
    }


@given(st.integers(1, 30), st.sampled_from([None, 200, 204, 301, 400, 410, 429, 500, 503]))
def test_a_try_ends_in_success_failure_or_a_later_try(attempts, status):
    verdict = judge(a_delivery(attempts), Answer(status), None, NOW)

    assert (verdict.state is DeliveryState.DELIVERED) == (status in (200, 204))
    assert (verdict.state is DeliveryState.PENDING) == (verdict.send_at is not None and verdict.send_at > NOW)
    assert (verdict.disables is not None) == (status == 410)


def test_the_schedule_is_walked_to_its_end():
    waits = [judge(a_delivery(attempts), Answer(500), None, NOW).send_at for attempts in range(1, len(SCHEDULE_S) + 2)]

    assert [(wait - NOW).total_seconds() for wait in waits[:-1]] == list(SCHEDULE_S)
    assert waits[-1] is None


def test_an_endpoint_that_fails_for_five_days_is_disabled():
    assert judge(a_delivery(), Answer(500), NOW - timedelta(days=5), NOW).disables
    assert not judge(a_delivery(), Answer(500), NOW - timedelta(days=4), NOW).disables


def test_an_endpoint_gets_what_it_asked_for_while_it_is_active():
    assert wants(an_endpoint(), "visit.departed")
    assert not wants(an_endpoint(), "incident.raised")
    assert not wants(an_endpoint(state=EndpointState.DISABLED), "visit.departed")


def test_both_secrets_sign_during_a_rotation_only():
    assert signing_secrets(an_endpoint(), NOW) == ("new",)
    assert signing_secrets(an_endpoint(old_secret_until=NOW + timedelta(hours=1)), NOW) == ("new", "old")
    assert signing_secrets(an_endpoint(old_secret_until=NOW), NOW) == ("new",)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ftp://a.example",
        "http://a.example/hooks",
        "https://",
        "https://user:word@a.example",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://10.1.2.3/",
        "https://169.254.169.254/latest",
        "https://localhost/",
        "https://db.internal/",
        "https://a.example/" + "x" * 500,
    ],
)
def test_an_address_that_must_not_be_written_to_is_refused_in_words(url):
    with pytest.raises(BadInput):
        check_endpoint(url, [Family.VISIT], allows_private=False)


def test_incidents_need_an_endpoint_of_their_own():
    check_endpoint("https://a.example/i", [Family.INCIDENT], allows_private=False)
    with pytest.raises(BadInput, match="of their own"):
        check_endpoint("https://a.example/i", [Family.INCIDENT, Family.VISIT], allows_private=False)


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1:248:1893:25c8:1946", True),
        ("127.0.0.1", False),
        ("10.0.0.1", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("::1", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:10.0.0.1", False),
        ("2002:7f00:1::", False),
    ],
)
def test_public_addresses_are_told_from_all_others(address, public):
    assert is_public(address) is public
