"""Which journeys are under way, and who hears of them? Fed by the recorder of one site shard, checkpointed in its transaction.

    take (journeys take the fixes) -> save (their checkpoints, in the transaction of the fixes) -> tell (after the commit) -> sinks

The journeys may take the next fixes before the last ones are saved: what `take` returned is all that `save` and `tell` need. A commit that
fails makes the recorder call `reset`; the next `load` begins again from the checkpoints. So a sink may hear something twice after a crash
and must bear it.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import msgspec
import structlog

from core.clock import Clock
from core.ids import SiteId, TechnicianId, VisitId
from core.redis_keys import shard_of
from core.unit_of_work import Tx
from tracking.fix import Judged
from tracking.journey import Journey, Observer, Told
from tracking.ports import JourneySink, Ledger, OpenVisit, OpenVisits

log = structlog.get_logger(__name__)

REFRESH_S = 5.0
BREATH_FIXES = 50
"""Journeys of so many fixes keep the worker for a few milliseconds; then others get their turn, a press among them."""
SINK_S = 2.0
"""A sink only passes on; one that takes longer would hold up the recording of everybody's fixes."""


class Taken(msgspec.Struct, frozen=True):
    """What came of some fixes: `states`, the checkpoints to save with them (None: the visit is over); `told`: what to tell then."""

    states: Mapping[VisitId, bytes | None]
    told: Sequence[tuple[OpenVisit, Told]]


class JourneyFlow:
    """The journeys of one site shard. `observers` and `sinks` are registered in wiring; a sink hears of the observer it is named for."""

    def __init__(
        self, site_id: SiteId, shard: int, shards: int, visits: OpenVisits, ledger: Ledger, clock: Clock,
        observers: Sequence[Observer] = (), sinks: Mapping[str, Sequence[JourneySink]] | None = None,
    ) -> None:
        self._site_id, self._shard, self._shards = site_id, shard, shards
        self._visits, self._ledger, self._clock = visits, ledger, clock
        self._sinks = dict(sinks or {})
        self._observers = tuple(each if self._sinks.get(each.name) else each.unheard() for each in observers)
        self._journeys: dict[VisitId, Journey] = {}
        self._by_technician: dict[TechnicianId, list[Journey]] = {}
        self._touched: dict[VisitId, Journey] = {}
        self._stored: dict[VisitId, bytes] = {}
        self._refresh_at_s = 0.0

    def poke(self) -> None:
        """Read the open visits again before the next fixes: a stage or an assignment has changed."""
        self._refresh_at_s = 0.0

    def reset(self) -> None:
        """Forget everything in memory."""
        self._journeys, self._by_technician, self._touched, self._stored = {}, {}, {}, {}
        self.poke()

    async def load(self, tx: Tx) -> None:
        """Begin from the checkpoints."""
        self.reset()
        self._stored = await self._ledger.checkpoints(tx, self._site_id, self._shard)

    async def refresh(self) -> None:
        """Read the open visits if the last reading is older than 5 s or something was poked. Call it outside the transaction."""
        if self._clock.monotonic() < self._refresh_at_s:
            return
        open_visits = await self._visits.open_visits(self._site_id)
        self._refresh_at_s = self._clock.monotonic() + REFRESH_S
        mine = [visit for visit in open_visits if shard_of(visit.technician_id, self._shards) == self._shard]
        self._follow(mine)

    async def take(self, judged: Sequence[Judged]) -> Taken:
        """Let the journeys take the fixes, in memory; return what to `save` and to `tell`. If that is not saved, `reset`."""
        told: list[tuple[OpenVisit, Told]] = []
        taken = 0
        for technician_id, hers in self._by_technician_of(judged):
            for journey in self._by_technician.get(technician_id, ()):
                told += [(journey.visit, each) for each in journey.take(hers)]
                if journey.is_unsaved:
                    self._touched[journey.visit.visit_id] = journey
            taken += len(hers)
            if taken >= BREATH_FIXES:
                taken = 0
                await asyncio.sleep(0)
        return Taken(self._packed(), told)

    async def save(self, tx: Tx, taken: Taken) -> None:
        """Write the checkpoints of the journeys that took something, and forget those of visits that are over."""
        await self._ledger.save_checkpoints(tx, self._site_id, self._shard, taken.states)

    async def tell(self, taken: Taken) -> None:
        """Hand outputs to their sinks, in order. A failing sink is logged and stops nobody."""
        for visit, each in taken.told:
            for sink in self._sinks.get(each.name, ()):
                try:
                    rest = sink(each.name, visit, each.outputs)
                    if rest is not None:
                        async with asyncio.timeout(SINK_S):
                            await rest
                except Exception:
                    log.exception("journey_sink_failed", observer=each.name, visit_id=visit.visit_id)

    def _by_technician_of(self, judged: Sequence[Judged]) -> Iterator[tuple[TechnicianId, Sequence[Judged]]]:
        """Yield the fixes of each technician who has a journey, some at a time: what a journey remembers is then at hand."""
        theirs: defaultdict[TechnicianId, list[Judged]] = defaultdict(list)
        for one in judged:
            theirs[one.fix.technician_id].append(one)
        for technician_id, hers in theirs.items():
            if technician_id in self._by_technician:
                for start in range(0, len(hers), BREATH_FIXES):
                    yield technician_id, hers[start : start + BREATH_FIXES]

    def _packed(self) -> dict[VisitId, bytes | None]:
        """Return the checkpoints of those journeys that differ from their last one."""
        states: dict[VisitId, bytes | None] = {visit_id: journey.packed() for visit_id, journey in self._touched.items()}
        states.update(dict.fromkeys(self._ended()))
        self._touched = {}
        self._note_stored(states)
        return states

    def _follow(self, visits: Sequence[OpenVisit]) -> None:
        journeys: dict[VisitId, Journey] = {}
        for visit in visits:
            known = self._journeys.get(visit.visit_id)
            if known is None:
                known = Journey(visit, self._observers, self._stored.get(visit.visit_id))
            known.visit = visit
            journeys[visit.visit_id] = known
        self._journeys, self._by_technician = journeys, {}
        for journey in journeys.values():
            self._by_technician.setdefault(journey.visit.technician_id, []).append(journey)

    def _ended(self) -> list[VisitId]:
        """Return the visits that have a checkpoint and are open no more."""
        return [visit_id for visit_id in self._stored if visit_id not in self._journeys]

    def _note_stored(self, states: Mapping[VisitId, bytes | None]) -> None:
        for visit_id, state in states.items():
            if state is None:
                self._stored.pop(visit_id, None)
            else:
                self._stored[visit_id] = state
