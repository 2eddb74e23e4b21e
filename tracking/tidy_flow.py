"""What is forgotten, and when? Old fixes from the ledger, silent technicians from the live positions; a little at a time.

Raw fixes are kept for a number of days, then deleted in small transactions, so that no writer waits; what belongs to an open incident or
one under legal hold stays. A live position is forgotten hours
after its fix: whoever asks where somebody was last has the ledger.
"""

from collections.abc import Awaitable, Callable, Sequence

import msgspec
import structlog

from core.clock import Clock
from core.errors import Unavailable
from core.ids import SiteId
from core.unit_of_work import UnitOfWork
from tracking.ports import KeptTracks, Ledger, NoKeptTracks, Positions

log = structlog.get_logger(__name__)

DAY_MS = 86_400_000
HOUR_MS = 3_600_000


class TidySettings(msgspec.Struct, frozen=True, kw_only=True):
    """`fix_days`: how long raw fixes are kept, 0 = for ever; `last_known_h`: how long a live position outlives its fix, hours."""

    fix_days: int = 90
    last_known_h: float = 12.0
    every_s: float = 300.0
    rows: int = 1000
    pause_s: float = 0.05


class TidyFlow:
    """Forgets what is due. `sites`: all sites of the hub; `work`: on the fixes tables. Running it on every worker is harmless."""

    def __init__(
        self, sites: Callable[[], Awaitable[Sequence[SiteId]]], positions: Positions, work: UnitOfWork, ledger: Ledger, clock: Clock,
        settings: TidySettings | None = None, evidence: KeptTracks | None = None,
    ) -> None:
        self._sites = sites
        self._positions = positions
        self._work = work
        self._ledger = ledger
        self._clock = clock
        self._settings = settings or TidySettings()
        self._evidence: KeptTracks = evidence or NoKeptTracks()

    async def run(self) -> None:
        """Forget what is due, now and every few minutes, until cancelled."""
        while True:
            await self.sweep()
            await self.purge()
            await self._clock.sleep(self._settings.every_s)

    async def sweep(self) -> int:
        """Forget live positions that are too old; return how many. With Redis away that is left for the next time."""
        before_ms = self._clock.now_ms() - int(self._settings.last_known_h * HOUR_MS)
        try:
            return sum([await self._positions.sweep(site_id, before_ms) for site_id in await self._sites()])
        except Unavailable:
            return 0

    async def purge(self) -> int:
        """Delete fixes that are too old and no evidence, in small transactions; return how many. Not knowing what is evidence, none."""
        if self._settings.fix_days == 0:
            return 0
        before_ms = self._clock.now_ms() - self._settings.fix_days * DAY_MS
        deleted, count = 0, self._settings.rows
        kept = await self._evidence.kept()
        while count == self._settings.rows:
            async with self._work.begin() as tx:
                count = await self._ledger.purge(tx, before_ms, self._settings.rows, kept)
            deleted += count
            await self._clock.sleep(self._settings.pause_s)
        if deleted:
            log.info("fixes_purged", fixes=deleted)
        return deleted
