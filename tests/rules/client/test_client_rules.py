"""What the client sends again, how it reads refusals and webhooks, and what it makes of a visit's frames."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook

from core.errors import BadInput, Conflict, HubError, IllegalMove, NotFound, NotSignedIn, TooMany, Unavailable
from porchlight_client import visit_asks, watching
from porchlight_client.ask import Repeat, at
from porchlight_client.hook import BadSignature, read_hook
from porchlight_client.problems import NoAnswer, error_of
from porchlight_client.retry import LONGEST_WAIT_S, TRIES, judge
from realtime.close_code import CloseCode
from realtime.wire import Bye, HubHeartbeat, PositionFrame, VisitFrame, VisitSnapshot, encode
from realtime.wire_values import VisitFace
from visits.refusal import NotAssignable

READ, CANCEL, LINK = visit_asks.read("v"), visit_asks.cancel("v", "why"), visit_asks.make_link("v")


# What is sent again.


@pytest.mark.parametrize("error", [NoAnswer(), Unavailable(), TooMany()])
def test_what_may_pass_is_sent_again_where_that_is_safe(error):
    assert judge(READ, error, 1, 0.0).wait_s is not None
    assert judge(CANCEL, error, 1, 0.0).wait_s is not None
    assert judge(LINK, error, 1, 0.0).wait_s is None


@pytest.mark.parametrize("error", [NotFound(), BadInput(), IllegalMove(), Conflict(), HubError()])
def test_a_refusal_is_not_asked_again(error):
    assert judge(READ, error, 1, 0.0).wait_s is None
    assert judge(CANCEL, error, 1, 0.0).wait_s is None


def test_a_keyed_request_waits_for_its_own_first_try():
    assert judge(CANCEL, Conflict(retry_after_s=1), 1, 0.0).wait_s == 1


def test_more_patience_than_is_ours_is_told_to_the_caller():
    assert judge(READ, TooMany(retry_after_s=3600), 1, 0.0).wait_s is None


@given(tries=st.integers(1, 10), chance=st.floats(0, 1, exclude_max=True), asked_s=st.floats(0, 100))
def test_no_wait_is_shorter_than_asked_or_longer_than_ours(tries, chance, asked_s):
    wait_s = judge(READ, TooMany(retry_after_s=asked_s), tries, chance).wait_s

    assert (wait_s is None) or (tries < TRIES and asked_s <= wait_s <= LONGEST_WAIT_S)


def test_ids_cannot_leave_their_place_in_a_path():
    assert at("/v1/visits/{visit}", visit="../me?x=1") == "/v1/visits/..%2Fme%3Fx%3D1"


def test_acts_are_keyed_and_links_are_not():
    assert (READ.repeat, CANCEL.repeat, LINK.repeat) == (Repeat.ALWAYS, Repeat.KEYED, Repeat.NEVER)


# Refusals.


def test_a_problem_becomes_the_error_that_the_hub_raised():
    raised = NotAssignable("She is on another visit.", reasons=["on_other_visit"])

    error = error_of(409, msgspec.json.encode(raised.problem()), request_id="r-1")

    assert type(error) is NotAssignable
    assert (error.code, error.status, error.detail) == ("not_assignable", 409, "She is on another visit.")
    assert error.members == {"reasons": ["on_other_visit"], "request_id": "r-1"}


def test_a_code_of_a_newer_hub_keeps_its_name_and_its_kind():
    error = error_of(409, b'{"code": "wrong_moon", "detail": "Wait."}')

    assert type(error) is Conflict
    assert (error.code, error.status, str(error)) == ("wrong_moon", 409, "Wait.")


@pytest.mark.parametrize("raw", [b"", b"<html>", b"[]", b"\xff"])
def test_a_proxys_page_is_an_error_like_any_other(raw):
    error = error_of(503, raw, retry_after="7")

    assert isinstance(error, Unavailable)
    assert error.members["retry_after_s"] == 7


# Webhooks.

SECRET, OTHER = "whsec_" + "A" * 32, "whsec_" + "B" * 32
BODY = msgspec.json.encode(
    {
        "specversion": "1.0", "id": "e-1", "source": "urn:porchlight:site:lampmouth", "type": "porchlight.visit.departed",
        "subject": "v-1", "time": "2026-03-02T10:00:00Z", "data": {"stage": "departed"},
    }
)  # fmt: skip


def signed(body: bytes = BODY, secret: str = SECRET, ago: timedelta = timedelta()) -> dict[str, str]:
    at_ = datetime.now(UTC) - ago
    signature = Webhook(secret).sign("e-1", at_, body.decode())
    return {"Webhook-Id": "e-1", "Webhook-Timestamp": str(int(at_.timestamp())), "Webhook-Signature": signature}


def test_a_signed_event_is_read():
    event = read_hook(SECRET, signed(), BODY)

    assert (event.id, event.kind, event.subject, event.site_id) == ("e-1", "visit.departed", "v-1", "lampmouth")
    assert event.data == {"stage": "departed"}


def test_either_secret_counts_during_a_rotation():
    assert read_hook([OTHER, SECRET], signed(), BODY).id == "e-1"


@pytest.mark.parametrize(
    ("secrets", "headers", "body"),
    [
        (OTHER, signed(), BODY),
        (SECRET, signed(), BODY.replace(b"departed", b"arrived!")),
        (SECRET, signed(ago=timedelta(minutes=6)), BODY),
        (SECRET, {}, BODY),
        (SECRET, signed() | {"Webhook-Signature": "nonsense"}, BODY),
        (SECRET, signed() | {"Webhook-Signature": "v1,???"}, BODY),
        (SECRET, signed() | {"Webhook-Timestamp": "soon"}, BODY),
        (SECRET, signed(b"[]"), b"[]"),
        ("", signed(), BODY),
        ([], signed(), BODY),
    ],
)
def test_anything_else_is_not_believed(secrets, headers, body):
    with pytest.raises(BadSignature, match="This request is not believed: "):
        read_hook(secrets, headers, body)


# Watching.

FACE = VisitFace(stage="departed")
SNAPSHOT = encode(VisitSnapshot(view_epoch=7, sequence=0, visit=FACE))


def heard(*frames: str) -> watching.Known:
    known = watching.Known(sight=None)
    for frame in frames:
        known = watching.hear(known.sight, frame, "pl_lnk_x")
    return known


def test_frames_in_order_build_one_sight():
    known = heard(
        SNAPSHOT,
        encode(PositionFrame(view_epoch=7, sequence=1, position=None)),
        encode(VisitFrame(view_epoch=7, sequence=2, visit=VisitFace(stage="arrived"))),
    )

    assert (known.sight.visit.stage, known.sight.sequence, known.is_new) == ("arrived", 2, True)


def test_a_hole_asks_for_a_snapshot_and_shows_nothing():
    known = heard(SNAPSHOT, encode(VisitFrame(view_epoch=7, sequence=2, visit=VisitFace(stage="left"))))

    assert (known.sight.visit.stage, known.is_new) == ("departed", False)
    assert known.say == watching.watch("pl_lnk_x")


def test_a_heartbeat_is_answered():
    assert heard(SNAPSHOT, encode(HubHeartbeat(server_at_ms=1))).say == watching.beat()


@pytest.mark.parametrize("frame", [encode(Bye(reason="draining")), '{"type": "something_new", "x": 1}'])
def test_frames_without_news_are_passed_over(frame):
    known = heard(SNAPSHOT, frame)

    assert (known.sight.visit.stage, known.is_new, known.say) == ("departed", False, None)


@pytest.mark.parametrize(
    ("code", "kind"),
    [(CloseCode.LINK_ENDED, NotFound), (CloseCode.REVOKED, NotSignedIn), (CloseCode.BAD_PROTOCOL, HubError), (1008, HubError)],
)
def test_a_close_that_says_stay_away_ends_it(code, kind):
    assert type(watching.end_of(code)) is kind


@pytest.mark.parametrize("code", [None, 1000, 1006, 1012, CloseCode.DRAINING, CloseCode.TOO_SLOW])
def test_any_other_close_is_come_back(code):
    assert watching.end_of(code) is None
