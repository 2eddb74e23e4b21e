"""Which notice goes next? The order of the outbox, and how many of it may go now.

The order is the lane, then the moment it is due, then its age: so an emergency is next whatever waits. `sql_outbox` sorts by the same
columns.
"""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from notifications.notice import Enqueued, Lane, NoticeState


class LaneRule(msgspec.Struct, frozen=True, kw_only=True):
    """How a lane is worked: `at_once`: requests under way together; `batch`: rows a claim; `per_s`: letters a second, None for no limit.

    `groups_answers`: answers are written together, one transaction a batch: cheap, and late by one send deadline at most.
    """

    at_once: int
    batch: int
    per_s: float | None = None
    groups_answers: bool = False


LANES: dict[Lane, LaneRule] = {
    Lane.P0: LaneRule(at_once=64, batch=16),
    Lane.P1: LaneRule(at_once=16, batch=8),
    Lane.P2: LaneRule(at_once=200, batch=20, per_s=1000.0, groups_answers=True),
    Lane.P3: LaneRule(at_once=20, batch=20, per_s=5.0, groups_answers=True),
}
"""P0 has neither `per_s` nor grouping, and a test holds it so. A group of P2 holds SQLite's one writer for as long as its answers take to
write, and an emergency waits for that: smaller groups cost more a row and hold it for less (`docs/performance.md`). A carrier's edge has at
least `MOST_AT_ONCE` connections a lane: a request that waits for one would use up its deadline and be taken for a lost answer.
"""
MOST_AT_ONCE = max(rule.at_once for rule in LANES.values())


def order_key(row: Enqueued) -> tuple[str, datetime, datetime, str]:
    """Return what rows are sorted by, ascending."""
    return (row.notice.lane.value, row.send_at or row.created_at, row.created_at, row.id)


def next_up(rows: Iterable[Enqueued], now: datetime) -> Enqueued | None:
    """Return the row to send next at `now`, None when nothing is due."""
    return min((row for row in rows if is_due(row, now)), key=order_key, default=None)


def is_due(row: Enqueued, now: datetime) -> bool:
    """Tell whether `row` waits to be sent at `now`."""
    return row.state is NoticeState.PENDING and row.send_at is not None and row.send_at <= now


class Bucket(msgspec.Struct, frozen=True):
    """A token bucket: `tokens` at monotonic time `at_s`."""

    tokens: float
    at_s: float


def take(rule: LaneRule, bucket: Bucket, now_s: float, wanted: int) -> tuple[int, Bucket]:
    """Return how many of `wanted` letters may go at `now_s` and the bucket after; a lane without `per_s` is never held back.

    A lane at its limit is given a fortieth of a second's letters together or none yet: claimed one by one they would cost far more.
    """
    if rule.per_s is None:
        return wanted, bucket
    full = max(rule.per_s, 1.0)
    tokens = min(full, bucket.tokens + (now_s - bucket.at_s) * rule.per_s)
    granted = min(wanted, int(tokens))
    if granted < min(wanted, int(rule.per_s / 40)):
        granted = 0
    return granted, Bucket(tokens - granted, now_s)
