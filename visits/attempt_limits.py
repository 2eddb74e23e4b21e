"""How often may somebody be wrong? Limits on failed tries of passwords and codes, by user, address and both together."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from core.errors import TooMany
from visits.credential import ATTEMPTS_WINDOW, TRIES_PER_ADDRESS, TRIES_PER_USER, TRIES_PER_USER_AND_ADDRESS


class AttemptLimit(msgspec.Struct, frozen=True):
    """`who` may fail `tries` times within the window."""

    who: str
    tries: int


def log_in_limits(user: str, address: str) -> tuple[AttemptLimit, ...]:
    """Return the limits of a log-in: strict for one user from one address, loose for each alone, so that nobody locks out the desk."""
    return (
        AttemptLimit(f"log-in:{user}@{address}", TRIES_PER_USER_AND_ADDRESS),
        AttemptLimit(f"log-in:@{address}", TRIES_PER_ADDRESS),
        AttemptLimit(f"log-in:{user}@", TRIES_PER_USER),
    )


def enrolment_limits(address: str) -> tuple[AttemptLimit, ...]:
    """Return the limits of typing an enrolment code."""
    return (AttemptLimit(f"enrol:@{address}", TRIES_PER_ADDRESS),)


def must_not_exceed(limit: AttemptLimit, failed_at: Sequence[datetime], now: datetime) -> None:
    """Raise `TooMany` with the wait in seconds when `failed_at` (within the window, oldest first) uses up the limit."""
    if len(failed_at) < limit.tries:
        return
    free_at = failed_at[-limit.tries] + ATTEMPTS_WINDOW
    wait_s = max(1, -(-(free_at - now) // timedelta(seconds=1)))
    raise TooMany(f"Too many wrong tries. Wait {wait_s} s, then try again.", retry_after_s=wait_s)
