"""Is there something to tell a customer about when she will be there? Once that she is near, once that the window will not hold.

Pure; asked by whoever sends the texts with each new estimate. The estimate's own steadiness is `arrival`'s business.
"""

from enum import StrEnum

from tracking.arrival import Arrival

OLD_MS = 180_000
"""A fix that took longer to come says nothing of the present: a backlog of an hour must not announce an arrival."""


class News(StrEnum):
    """What may be told."""

    ARRIVING = "arriving"
    """She is expected within the lead time."""
    LATE = "late"
    """Even if she drives fast, the agreed window is over before she is there."""


def news(expected: Arrival, window_end_ms: int, lead_ms: int) -> News | None:
    """Return what the estimate is worth telling, None for nothing; nearness says more than lateness."""
    if expected.earliest_ms - expected.as_of_ms <= lead_ms:
        return News.ARRIVING
    return News.LATE if expected.earliest_ms > window_end_ms else None
