"""What must happen later, even if this process is gone by then? Timers as rows.

A timer is named by (kind, subject): setting it again moves it. Any worker claims what is due, with a lease; a worker that dies loses the
lease and another fires it. So a handler may run twice and must look at the present state before it acts.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any, Protocol

import msgspec

from core.unit_of_work import Tx


class Timer(msgspec.Struct, frozen=True, kw_only=True):
    """`kind`: which handler; `subject`: id of its thing; `due_at`: aware UTC; `payload`: small JSON; `version` grows when set anew."""

    kind: str
    subject: str
    due_at: datetime
    payload: dict[str, Any] = {}
    attempts: int = 0
    version: int = 1


TimerHandler = Callable[[Timer], Awaitable[None]]


class Timers(Protocol):
    """The port for timers; `core.sql_timers.SqlTimers` meets it."""

    async def set(self, tx: Tx, timer: Timer) -> None:
        """Write the timer in the caller's transaction; an existing one of the same kind and subject is moved and its lease dropped."""
        ...

    async def set_once(self, tx: Tx, timer: Timer) -> None:
        """Write the timer in the caller's transaction unless one of the same kind and subject is there."""
        ...

    async def bring_forward(self, tx: Tx, kind: str, subject: str, due_at: datetime) -> None:
        """Move a timer that is due later to `due_at`, payload and all, in the caller's transaction; an absent or earlier one stays."""
        ...

    async def cancel(self, tx: Tx, kind: str, subject: str) -> None:
        """Forget the timer, in the caller's transaction; forgetting an absent one is fine."""
        ...

    async def claim_due(self, now: datetime, limit: int, lease_s: float) -> Sequence[Timer]:
        """Lease and return up to `limit` timers due at `now`, earliest first; no two callers get the same one within the lease."""
        ...

    async def done(self, fired: Sequence[Timer]) -> None:
        """Delete each of these timers unless it was set anew since it was claimed."""
        ...

    async def next_due_at(self) -> datetime | None:
        """Return when the earliest unleased timer is due, None without any: so that a worker can sleep until then."""
        ...
