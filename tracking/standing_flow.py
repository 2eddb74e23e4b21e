"""Where do standings come from? Shift intervals from SQL and the last known fix from Redis, read per technician, never per fix."""

import asyncio
import itertools
from collections import deque
from collections.abc import Callable, Sequence

import structlog

from core.clock import Clock
from core.ids import SiteId, TechnicianId
from tracking import books
from tracking.fix import Fix
from tracking.fix_verdict import Mark
from tracking.offer import Offer
from tracking.ports import Counts, Positions, ShiftGate
from tracking.standing import Standing, off_shift

log = structlog.get_logger(__name__)

READ_S = 5.0
TOGETHER = 100
"""Technicians read together: a query each would cost a busy worker a sixth of its time."""
GATHER_MS = 1_000
"""So far apart are refreshes that nobody waits for: in a busy hub those of a second are read together."""
REMEMBERED = 50_000


class Standings:
    """Standings of the technicians who speak to this worker, and the offers that wait for one to be read.

    `on_ready` gets an offer once its technician's standing will do, with those of its fixes that are off shift; `on_failed` when it could
    not be read.
    """

    def __init__(
        self, gate: ShiftGate, positions: Positions, counts: Counts, clock: Clock,
        on_ready: Callable[[Offer, Standing, Sequence[Fix]], None], on_failed: Callable[[Offer], None],
    ) -> None:
        self._gate = gate
        self._positions = positions
        self._counts = counts
        self._clock = clock
        self._on_ready = on_ready
        self._on_failed = on_failed
        self._known: dict[TechnicianId, Standing] = {}
        self._waiting: dict[TechnicianId, deque[Offer]] = {}
        self._due: dict[TechnicianId, SiteId] = {}
        self._old: dict[TechnicianId, SiteId] = {}
        """Still in use, to be read again."""
        self._refreshed_ms = 0
        self._reading: set[TechnicianId] = set()
        self._changed: set[TechnicianId] = set()
        self._is_failing = False
        self._numbers = itertools.count(1)
        self._wake = asyncio.Event()

    def next_number(self) -> int:
        """Return the number of a new offer: a read begun later has a higher one."""
        return next(self._numbers)

    def submit(self, offer: Offer) -> None:
        """Pass `offer` on at once where her standing is known and will do, else let it wait its turn behind a read."""
        sender = offer.sender
        waiting = self._waiting.get(sender.technician_id)
        standing = self._known.get(sender.technician_id)
        if waiting is None and standing is not None and (off := _off_shift(standing, offer)) is not None:
            self._on_ready(offer, standing, off)
            if standing.is_due(offer.received_ms):
                self._refresh_later(sender.technician_id, sender.site_id, offer.received_ms)
            return
        if waiting is None:
            waiting = self._waiting[sender.technician_id] = deque()
        waiting.append(offer)
        self._read_later(sender.technician_id, sender.site_id)

    def forget(self, technician_id: TechnicianId) -> None:
        """Read her intervals anew before her next fix is taken: her shift or an incident of hers has changed."""
        if (standing := self._known.get(technician_id)) is not None:
            standing.read_ms = 0
        if technician_id in self._reading:
            # The read under way may have looked before the change.
            self._changed.add(technician_id)

    def last_of(self, technician_id: TechnicianId) -> Fix | None:
        """Return the last fix that moved her marker, as far as this worker took or read it."""
        standing = self._known.get(technician_id)
        return None if standing is None else standing.mark.last

    def fail_waiting(self) -> None:
        """Give back every offer that waits."""
        waiting, self._waiting = self._waiting, {}
        for offers in waiting.values():
            for offer in offers:
                self._on_failed(offer)

    async def run(self) -> None:
        """Read what is due, a few at once, until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._due:
                await self._read(dict(self._due.popitem() for _ in range(min(TOGETHER, len(self._due)))))
            self._evict()

    def _read_later(self, technician_id: TechnicianId, site_id: SiteId) -> None:
        self._due[technician_id] = site_id
        self._wake.set()

    def _refresh_later(self, technician_id: TechnicianId, site_id: SiteId, now_ms: int) -> None:
        if technician_id in self._reading or technician_id in self._due:
            return
        self._old[technician_id] = site_id
        if len(self._old) >= TOGETHER or now_ms - self._refreshed_ms >= GATHER_MS:
            self._refreshed_ms = now_ms
            self._due |= self._old
            self._old.clear()
            self._wake.set()

    async def _read(self, due: dict[TechnicianId, SiteId]) -> None:
        read_no, read_ms = self.next_number(), self._clock.now_ms()
        self._reading.update(due)
        try:
            async with asyncio.timeout(READ_S):
                intervals = await self._gate.intervals_of(list(due))
                marks = await self._marks(due)
        except Exception as error:
            for technician_id in due:
                self._failed(technician_id, error)
            return
        finally:
            self._reading.difference_update(due)
        self._is_failing = False
        for technician_id, site_id in due.items():
            if technician_id in self._changed:
                self._changed.discard(technician_id)
                self._read_later(technician_id, site_id)
                continue
            read = Standing(intervals[technician_id], read_ms, read_no, marks[technician_id])
            self._release(technician_id, site_id, self._kept(technician_id, read))

    def _kept(self, technician_id: TechnicianId, read: Standing) -> Standing:
        """Keep what was read in the standing that batches under way hold on to, so that the marks they leave are not lost."""
        known = self._known.setdefault(technician_id, read)
        known.intervals, known.read_ms, known.read_no = read.intervals, read.read_ms, read.read_no
        return known

    async def _marks(self, due: dict[TechnicianId, SiteId]) -> dict[TechnicianId, Mark]:
        """Return what this worker remembers, else what Redis knows: another worker may have taken her last fix."""
        fresh: dict[SiteId, list[TechnicianId]] = {}
        for technician_id, site_id in due.items():
            if technician_id not in self._known:
                fresh.setdefault(site_id, []).append(technician_id)
        last: dict[TechnicianId, Fix] = {}
        for site_id, technician_ids in fresh.items():
            last |= await self._positions.last_known(site_id, technician_ids)
        return {each: self._known[each].mark if each in self._known else Mark(last.get(each)) for each in due}

    def _release(self, technician_id: TechnicianId, site_id: SiteId, standing: Standing) -> None:
        waiting = self._waiting.pop(technician_id, None)
        while waiting:
            if (off := _off_shift(standing, waiting[0])) is None:
                self._waiting[technician_id] = waiting
                self._read_later(technician_id, site_id)
                return
            self._on_ready(waiting.popleft(), standing, off)

    def _failed(self, technician_id: TechnicianId, error: Exception) -> None:
        """Give her offers back. Said once, counted each time: while SQL is away this happens to everybody."""
        self._counts.add(books.STANDING_FAILURES)
        if not self._is_failing:
            self._is_failing = True
            log.warning("standings_not_read", error=type(error).__name__)
        for offer in self._waiting.pop(technician_id, ()):
            self._on_failed(offer)

    def _evict(self) -> None:
        while len(self._known) > REMEMBERED:
            del self._known[next(iter(self._known))]


def _off_shift(standing: Standing, offer: Offer) -> Sequence[Fix] | None:
    """Return the fixes to refuse; None while the standing will not do: expired, or it would refuse what came after it was read."""
    if standing.is_expired(offer.received_ms):
        return None
    off = off_shift(standing, offer.fixes)
    return off if not off or standing.read_no > offer.number else None
