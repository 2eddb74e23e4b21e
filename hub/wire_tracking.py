"""How does a fix become durable and a journey known? The intake, the recorders of all site shards, and the router, joined."""

import asyncio
from dataclasses import dataclass, field

import structlog

from core.ids import SiteId, TechnicianId
from hub.floor import Floor
from hub.join_router import router_of
from hub.join_tracking import DepartureSink, VisitsUnderWay
from hub.ledger_watch import LOOK_S, LedgerWatch, Shard
from hub.sql_kept_tracks import SqlKeptTracks
from hub.wire_live import Live
from hub.wire_visits import People
from realtime.ports import PokeTopic
from tracking.approach import OBSERVERS, PROGRESS
from tracking.fares.meter_observer import METER
from tracking.fix_flow import FixFlow
from tracking.journey import Observer
from tracking.journey_flow import JourneyFlow
from tracking.ports import JourneySink
from tracking.recorder_flow import RecorderFlow, RecorderSettings
from tracking.router import Router
from tracking.sql_fixes import SqlFixes, gather_s, rows_at_once
from tracking.tidy_flow import TidyFlow, TidySettings

log = structlog.get_logger(__name__)
SITES_EVERY_S = 5.0
"""How soon a new site's fixes are recorded."""


@dataclass(kw_only=True)
class Tracking:
    """Tracking's flows of one worker. `observers` and `sinks` may be added until the supervisor starts."""

    fixes: FixFlow
    router: Router
    ledger: SqlFixes
    observers: list[Observer] = field(default_factory=list)
    sinks: dict[str, list[JourneySink]] = field(default_factory=dict)
    recorders: dict[tuple[SiteId, int], RecorderFlow] = field(default_factory=dict)
    journeys: dict[tuple[SiteId, int], JourneyFlow] = field(default_factory=dict)

    def look_again(self, _visit_id: str) -> None:
        """Let every journey read the open visits before its next fixes."""
        for journeys in self.journeys.values():
            journeys.poke()


def wire_tracking(floor: Floor, live: Live, people: People) -> Tracking:
    """Build the flows and give them to the supervisor, which runs those of this process's part."""
    intake = FixFlow(live.positions, people.gate, live.fanout, live.counts, floor.clock, floor.ids, way=floor.way)
    tracking = Tracking(fixes=intake, router=router_of(floor), ledger=SqlFixes())
    tracking.observers += (*OBSERVERS, METER)
    tracking.sinks.setdefault(PROGRESS.name, []).append(DepartureSink(people.departures))
    floor.supervisor.endless("fixes", intake.run, rank=60)
    recorders = _Recorders(floor, live, people, tracking)
    floor.supervisor.endless("recorders", recorders.run, rank=65)
    live.fanout.on_topic(PokeTopic.SHIFTS, lambda technician: intake.forget(TechnicianId(technician)))
    live.fanout.on_topic(PokeTopic.VISITS, tracking.look_again)

    async def takes_fixes() -> str | None:
        return "Redis does not take fixes; phones keep theirs until it does." if intake.is_away else None

    store = floor.settings.store
    tidy = TidyFlow(
        lambda: _site_ids(people), live.positions, floor.fixes, tracking.ledger, floor.clock,
        TidySettings(fix_days=store.fix_days, last_known_h=store.last_known_h), SqlKeptTracks(floor.truth),
    )  # fmt: skip
    floor.supervisor.endless("tidy", tidy.run, rank=30)
    watch = LedgerWatch(floor.fixes, tracking.ledger, live.stream, lambda: _shards(people, store.shards), floor.clock)
    floor.supervisor.rounds("ledger_watch", watch.look, every_s=LOOK_S, deadline_s=10.0)
    floor.health.check("fixes_lost", watch.lost)
    floor.health.check("recorder", watch.behind)
    floor.health.check("fixes", takes_fixes)
    return tracking


async def _site_ids(people: People) -> list[SiteId]:
    return [site.id for site in await people.sites.all()]


async def _shards(people: People, shards: int) -> list[Shard]:
    return [(site_id, shard) for site_id in await _site_ids(people) for shard in range(shards)]


class _Recorders:
    """A recorder for each shard of each site that is this process's to record; sites made later get theirs within seconds."""

    def __init__(self, floor: Floor, live: Live, people: People, tracking: Tracking) -> None:
        self._floor, self._live, self._people, self._tracking = floor, live, people, tracking

    async def run(self) -> None:
        """Look for new sites until cancelled. Recorders know themselves how to outlive SQL; a failing look must not end them."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                try:
                    await self._start_missing(tasks)
                except Exception as error:
                    log.warning("sites_not_read", error=type(error).__name__)
                await self._floor.clock.sleep(SITES_EVERY_S)

    async def _start_missing(self, tasks: asyncio.TaskGroup) -> None:
        for site in await self._people.sites.all():
            for shard in range(self._floor.settings.store.shards):
                if self._floor.share.has(shard) and (site.id, shard) not in self._tracking.recorders:
                    tasks.create_task(self._recorder(site.id, shard).run(), name=f"recorder:{site.id}/{shard}")

    def _recorder(self, site_id: SiteId, shard: int) -> RecorderFlow:
        floor, tracking = self._floor, self._tracking
        shards = floor.settings.store.shards
        journeys = JourneyFlow(
            site_id, shard, shards, VisitsUnderWay(self._people.looks), tracking.ledger, floor.clock, tracking.observers, tracking.sinks
        )
        dialect = floor.fixes.engine.dialect.name
        recorder = RecorderFlow(
            site_id, shard, self._live.stream, floor.fixes, tracking.ledger, journeys, self._live.counts, floor.clock, floor.worker_id,
            RecorderSettings(rows=rows_at_once(dialect), gather_s=gather_s(dialect)),
        )
        tracking.recorders[(site_id, shard)] = recorder
        tracking.journeys[(site_id, shard)] = journeys
        return recorder
