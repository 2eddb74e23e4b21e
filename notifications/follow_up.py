"""When must someone look after a notice, and for what? Polls, patience and recovery, as data.

Receipts get lost, so the carrier is asked; patience ends, so the chain goes on; workers die, so their leases are recovered. Each row
carries the moment of its next look; looking late does everything that was due, looking twice does nothing new.
"""

from datetime import datetime, timedelta
from enum import StrEnum

from notifications.notice import Channel, Enqueued, NoticeState


class Look(StrEnum):
    """What a look is for."""

    RECOVER = "recover"
    """Its worker's lease ended without an answer: the outcome is unknown."""
    RECONCILE = "reconcile"
    """The outcome is unknown: ask the carrier whether it has it."""
    FALL_BACK = "fall_back"
    """Patience is over."""
    POLL = "poll"
    """The receipt may be lost: ask the carrier how it fares."""

SMS_PATIENCE_S = 15.0
"""A text that has not arrived by then is not the way: the phone rings instead (provider down: fallback within 15 s)."""
VOICE_PATIENCE_S = 60.0
"""25 s of ringing and 30 s of speaking and keys fit; who has not acknowledged by then is not going to."""
REFUSED_PATIENCE_S = 3.0
"""How long an emergency waits for a carrier that answers 'too many requests' before the other channel goes beside it."""
URGENT_POLLS_S = {Channel.SMS: (10.0, 30.0, 120.0), Channel.VOICE: (40.0, 90.0)}
ORDINARY_POLLS_S = {Channel.SMS: (120.0, 1800.0)}
PATIENCE_S = {Channel.SMS: SMS_PATIENCE_S, Channel.VOICE: VOICE_PATIENCE_S}


def due_looks(row: Enqueued, now: datetime) -> tuple[Look, ...]:
    """Return what a look at `now` is for, in the order to do it; empty when nothing is due after all."""
    match row.state:
        case NoticeState.SENDING:
            return (Look.RECOVER,) if row.lease_until is not None and row.lease_until <= now else ()
        case NoticeState.AMBIGUOUS:
            return (Look.RECONCILE,) if row.notice.lane.is_at_least_once else ()
        case NoticeState.PENDING:
            return (Look.FALL_BACK,) if _patience_is_over(row, now, REFUSED_PATIENCE_S) else ()
        case NoticeState.ACCEPTED:
            over = _patience_is_over(row, now, PATIENCE_S.get(row.notice.channel))
            return (Look.FALL_BACK, Look.POLL) if over else (Look.POLL,)
        case _:
            return ()


def next_look_at(row: Enqueued, now: datetime) -> datetime | None:
    """Return the first moment after `now` at which an accepted notice must be looked at; None when nothing more is to come."""
    lane_is_urgent = row.notice.lane.is_at_least_once
    polls = (URGENT_POLLS_S if lane_is_urgent else ORDINARY_POLLS_S).get(row.notice.channel, ())
    moments = [_after(row.accepted_at, poll_s) for poll_s in polls]
    if lane_is_urgent and not row.has_fallen_back and row.notice.channel in PATIENCE_S:
        moments.append(_after(row.first_sent_at, PATIENCE_S[row.notice.channel]))
    return min((moment for moment in moments if moment is not None and moment > now), default=None)


def refused_look_at(row: Enqueued, now: datetime) -> datetime | None:
    """Return when an emergency that the carrier keeps refusing goes to its other channel; None when it did already or has none."""
    if not row.notice.lane.is_at_least_once or row.has_fallen_back or row.first_sent_at is None:
        return None
    return max(now, row.first_sent_at + timedelta(seconds=REFUSED_PATIENCE_S))


def _patience_is_over(row: Enqueued, now: datetime, patience_s: float | None) -> bool:
    if patience_s is None or row.has_fallen_back or row.first_sent_at is None or not row.notice.lane.is_at_least_once:
        return False
    return now >= row.first_sent_at + timedelta(seconds=patience_s)


def _after(start: datetime | None, seconds: float) -> datetime | None:
    return None if start is None else start + timedelta(seconds=seconds)
