"""Is whoever opened this socket still allowed to have it open? Credentials of open sockets, looked at again and again.

A poke (`devices`, `sessions`) makes it look at once; without pokes every 15 s, because a poke may be lost. Links of customers are looked
after by `visit_watch_flow`, which reads them with the visit.
"""

from collections.abc import Callable

import structlog

from core.caller import Caller
from core.clock import Clock
from core.ids import SiteId
from realtime.ports import Access, Poke, PokeTopic
from realtime.wake import Wake

log = structlog.get_logger(__name__)

SWEEP_S = 15.0
"""How long a revoked device can stay connected when Redis is away; what it sends meanwhile is refused by the intervals of shifts at
least."""
CHUNK = 500
"""Callers asked about in one query: below the number of parameters that both databases take."""


class CredentialWatch:
    """Registered sockets by caller. `run` belongs to the supervisor."""

    def __init__(self, access: Access, clock: Clock) -> None:
        self._access = access
        self._wake = Wake(clock)
        self._revoke: dict[Caller, list[Callable[[], None]]] = {}

    def __len__(self) -> int:
        """Return how many callers are watched."""
        return len(self._revoke)

    def add(self, caller: Caller, on_revoked: Callable[[], None]) -> None:
        """Call `on_revoked` once when the caller's credential ends."""
        self._revoke.setdefault(caller, []).append(on_revoked)

    def remove(self, caller: Caller, on_revoked: Callable[[], None]) -> None:
        """Stop watching for this socket; removing twice changes nothing."""
        acts = self._revoke.get(caller, [])
        if on_revoked in acts:
            acts.remove(on_revoked)
        if not acts:
            self._revoke.pop(caller, None)

    def on_poke(self, _site_id: SiteId, poke: Poke) -> None:
        """See `fanout.PokeWatcher`."""
        if poke.topic in (PokeTopic.DEVICES, PokeTopic.SESSIONS):
            self._wake.now()

    def on_gap(self) -> None:
        """See `fanout.PokeWatcher`."""
        self._wake.now()

    async def run_once(self) -> int:
        """Ask about all callers; close the sockets of those who ended, and return how many these were."""
        callers = list(self._revoke)
        ended: list[Caller] = []
        for start in range(0, len(callers), CHUNK):
            ended += await self._access.ended(callers[start : start + CHUNK])
        for caller in ended:
            for on_revoked in self._revoke.pop(caller, []):
                on_revoked()
        return len(ended)

    async def run(self) -> None:
        """Look until cancelled; a failing round is repeated by the next."""
        while True:
            try:
                await self.run_once()
            except Exception:
                log.exception("credential_watch_failed")
            await self._wake.sleep(SWEEP_S)
