"""What becomes of a notice after an answer, a receipt or silence? Pure: the row before, what was heard, and the row after with what
follows.

Called by `outbox_flow`, `looks_flow` and `receipts_flow` inside the transaction that writes the result.
"""

from datetime import datetime, timedelta

import msgspec

from notifications.carrier import Found, FoundHow, Outcome
from notifications.delivery import ENDS, FAILURES, Receipt
from notifications.error_class import KNOWN_STOPPED, STOPPED, ErrorClass, Policy, policy
from notifications.fallback import Cause
from notifications.follow_up import next_look_at, refused_look_at
from notifications.notice import Channel, Enqueued, NoticeAct, NoticeState, advance

RECONCILE_AFTER_S = 2.0
"""A carrier that lost our connection needs a moment until the message shows in its list."""
MAX_RECONCILE_S = 12.0
"""How long a carrier that cannot answer is asked before an emergency is sent again: a double is better than silence."""
ALARM_TEMPLATE = "operator_alarm"
LEASE_S = 10.0
"""Twice the send deadline: a lease that ends means a dead worker, not a slow carrier."""
SILENCE = Outcome(error=ErrorClass.AMBIGUOUS, code="lease", detail="The worker that was sending it is gone.")
"""What stands for the answer to a request whose worker died."""


class Settled(msgspec.Struct, frozen=True, kw_only=True):
    """`row`: to be written. `falls_back`: why its chain goes on now. `alarms`: codes the operator hears. `marks_number`, `stopped`: of the
    recipient's phone."""

    row: Enqueued
    falls_back: Cause | None = None
    alarms: tuple[str, ...] = ()
    marks_number: bool = False
    stopped: bool = False


def after_answer(row: Enqueued, outcome: Outcome, now: datetime, jitter: float) -> Settled:
    """Return what follows the carrier's answer to a request. `jitter`: a number in [0, 1) for the wait before another try."""
    if outcome.error is None:
        return _accepted(row, outcome, now)
    return _refused(row, outcome, now, jitter)


def after_silence(row: Enqueued, now: datetime) -> Settled:
    """Return what follows when a worker's lease ended without an answer: the same as an answer that was lost."""
    return _refused(row, SILENCE, now, 0.0)


def after_look(row: Enqueued, found: Found, now: datetime, waited_s: float) -> Settled:
    """Return what follows a look at the carrier for an ambiguous notice; `waited_s`: seconds since its request began."""
    if found.how is FoundHow.THERE and found.outcomes:
        return _accepted(row, found.outcomes[0], now)
    if found.how is FoundHow.UNKNOWN and waited_s < MAX_RECONCILE_S:
        return Settled(row=_replace(row, look_at=now + timedelta(seconds=RECONCILE_AFTER_S)))
    waiting = advance(row.state, NoticeAct.RETRY)
    return Settled(row=_replace(row, state=waiting, send_at=now, look_at=None, is_repeat=True))


def after_receipt(
    row: Enqueued, receipt: Receipt, error: ErrorClass | None, code: str | None, now: datetime, *, is_latest: bool
) -> Settled:
    """Return what follows a receipt that counts. `is_latest`: it is about the latest attempt; a failure of an older one changes nothing."""
    if receipt in (Receipt.DELIVERED, Receipt.READ):
        return Settled(row=_ended(row, NoticeAct.DELIVER, error, code))
    if row.state in (NoticeState.ACKNOWLEDGED, NoticeState.CANCELLED, NoticeState.DELIVERED) or not is_latest:
        return Settled(row=row)
    if receipt is Receipt.COMPLETED and not row.notice.wants_ack:
        return Settled(row=_ended(row, NoticeAct.DELIVER, error, code))
    if row.notice.channel is Channel.VOICE and receipt in (Receipt.NO_ANSWER, Receipt.VOICEMAIL, Receipt.COMPLETED):
        return _unanswered(row, receipt, now)
    if receipt in FAILURES:
        outcome = Outcome(error=error or ErrorClass.TEMPORARY, code=code or receipt.value, detail="The network reports failure.")
        return _refused(row, outcome, now, 0.0)
    if row.state in (NoticeState.AMBIGUOUS, NoticeState.PENDING):
        # The answer to the request was lost, the receipt was not: it is there, so it is not sent again.
        return _accepted(row, Outcome(), now)
    return Settled(row=row)


def fallen_back(row: Enqueued, cause: Cause, now: datetime) -> Settled:
    """Return the row whose patience is over, its chain going on."""
    row = _replace(row, has_fallen_back=True)
    look_at = next_look_at(row, now) if row.state is NoticeState.ACCEPTED else None
    return Settled(row=_replace(row, look_at=look_at), falls_back=cause)


def acknowledged(row: Enqueued, how: str, now: datetime) -> Enqueued:
    """Return the row that a person answered; the first answer's time stays."""
    return _replace(
        row,
        state=advance(row.state, NoticeAct.ACKNOWLEDGE),
        look_at=None,
        send_at=None,
        lease_until=None,
        acknowledged_at=row.acknowledged_at or now,
        acknowledged_how=row.acknowledged_how or how,
    )


def is_past_use(row: Enqueued, now: datetime) -> bool:
    """Tell whether it is no longer worth sending."""
    return row.notice.expires_at is not None and row.notice.expires_at <= now


def expired(row: Enqueued) -> Settled:
    """Return the row that nobody needs any more."""
    return Settled(row=_ended(row, NoticeAct.EXPIRE, None, None))


def _accepted(row: Enqueued, outcome: Outcome, now: datetime) -> Settled:
    state = advance(row.state, NoticeAct.ACCEPT)
    row = _replace(row, state=state, send_at=None, lease_until=None, provider_id=outcome.provider_id or row.provider_id)
    if state is not NoticeState.ACCEPTED:
        return Settled(row=_replace(row, look_at=None))
    row = _replace(row, accepted_at=now, error_class=None, error_code=None)
    row = _replace(row, look_at=next_look_at(row, now))
    if outcome.receipt in ENDS:
        return after_receipt(row, outcome.receipt, None, outcome.code, now, is_latest=True)
    return Settled(row=row)


def _refused(row: Enqueued, outcome: Outcome, now: datetime, jitter: float) -> Settled:
    error = outcome.error or ErrorClass.AMBIGUOUS
    if row.state not in (NoticeState.SENDING, NoticeState.AMBIGUOUS, NoticeState.ACCEPTED, NoticeState.PENDING):
        return Settled(row=row)  # a receipt or a person was faster
    rules = policy(row.notice.lane, error)
    crosses = rules.crosses and not row.has_fallen_back
    cause = (Cause.LOST if error is ErrorClass.AMBIGUOUS else Cause.REFUSED) if crosses else None
    after = _after_refusal(row, outcome, error, rules, now, jitter)
    after = _replace(after, has_fallen_back=row.has_fallen_back or crosses)
    is_stopped = outcome.code == str(STOPPED)
    dead = ("notice_dead",) if after.state is NoticeState.DEAD and row.notice.template != ALARM_TEMPLATE else ()
    return Settled(
        row=after,
        falls_back=cause,
        alarms=(*_alarms(rules, row, is_stopped=is_stopped or outcome.code == KNOWN_STOPPED), *dead),
        marks_number=rules.marks_number,
        stopped=is_stopped,
    )


def _after_refusal(row: Enqueued, outcome: Outcome, error: ErrorClass, rules: Policy, now: datetime, jitter: float) -> Enqueued:
    if error is ErrorClass.PERMANENT:
        return _ended(row, NoticeAct.FAIL, error, outcome.code)
    if is_past_use(row, now) and error is not ErrorClass.AMBIGUOUS and row.state is not NoticeState.ACCEPTED:
        return _ended(row, NoticeAct.EXPIRE, error, outcome.code)
    if error is ErrorClass.AMBIGUOUS and not row.notice.lane.is_at_least_once:
        return _ended(row, NoticeAct.LOSE, error, outcome.code)
    if rules.cap is not None and row.attempts >= rules.cap:
        return _ended(row, NoticeAct.BURY, error, outcome.code)
    if error is ErrorClass.AMBIGUOUS:
        lost = _ended(row, NoticeAct.LOSE, error, outcome.code)
        return _replace(lost, look_at=now + timedelta(seconds=RECONCILE_AFTER_S))
    return _waiting(row, outcome, error, rules, now, jitter)


def _waiting(row: Enqueued, outcome: Outcome, error: ErrorClass, rules: Policy, now: datetime, jitter: float) -> Enqueued:
    delay_s = rules.delay_s(row.attempts)
    if error is ErrorClass.NOT_PROCESSED:
        # Full jitter: a hundred notices refused together must not come back together.
        delay_s *= jitter
    return _replace(
        row,
        state=advance(row.state, NoticeAct.RETRY),
        send_at=now + timedelta(seconds=delay_s),
        lease_until=None,
        look_at=refused_look_at(row, now) if error is ErrorClass.NOT_PROCESSED else None,
        error_class=error.value,
        error_code=outcome.code,
        is_plain=row.is_plain or rules.goes_plain,
        sender_turn=row.sender_turn + (1 if rules.turns_sender else 0),
    )


def _unanswered(row: Enqueued, receipt: Receipt, now: datetime) -> Settled:
    failed = _ended(row, NoticeAct.FAIL, None, f"voice_{receipt.value}")
    if row.has_fallen_back:
        return Settled(row=failed)
    return fallen_back(failed, Cause.UNANSWERED, now)


def _ended(row: Enqueued, act: NoticeAct, error: ErrorClass | None, code: str | None) -> Enqueued:
    return _replace(
        row,
        state=advance(row.state, act),
        send_at=None,
        lease_until=None,
        look_at=None,
        error_class=error.value if error else None,
        error_code=code,
    )


def _alarms(rules: Policy, row: Enqueued, *, is_stopped: bool) -> tuple[str, ...]:
    # A customer's dead number is her own affair; a responder's is an emergency in waiting. Alarms about alarms would never end.
    is_alarm = row.notice.template == ALARM_TEMPLATE
    if rules.alarm is None or is_alarm:
        return ()
    return ("responder_stopped",) if is_stopped else (rules.alarm,)  # her number is right, she need only text START


def _replace(row: Enqueued, **changes: object) -> Enqueued:
    return msgspec.structs.replace(row, **changes)
