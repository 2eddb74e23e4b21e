"""How are visits watched over? Deadlines, silence and the signal of open incidents, joined with visits, positions and her phone."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

from core.ids import SiteId
from hub.floor import Floor
from hub.join_watch import Questions, SeenFixes, VisitsWatched
from hub.wire_live import Live
from hub.wire_notices import Notices
from safety import http_detectors
from safety.detectors_flow import DetectorsFlow
from safety.journal_ports import TapRaiser
from safety.ladder_flow import LadderFlow
from safety.ports import Pokes
from safety.signal_flow import SignalFlow
from safety.silence_flow import SILENCE_TIMER, SilenceFlow
from safety.sql_check_ins import SqlCheckIns
from safety.sql_detections import SqlDetections
from safety.sql_incidents import SqlIncidents
from safety.sql_site_rules import SqlSiteRules
from safety.sql_underway import SqlCapabilities, SqlUnderway
from safety.watch_flow import WATCH_TIMER, WatchFlow
from visits.ports import Stores

Sites = Callable[[], Awaitable[Sequence[SiteId]]]


def wire_watch(
    floor: Floor, live: Live, notices: Notices, stores: Stores, sos: TapRaiser, incidents: SqlIncidents, ladder: LadderFlow, pokes: Pokes,
    rules: SqlSiteRules, sites: Sites,
) -> WatchFlow:  # fmt: skip
    """Build the watches, give them their timers and paths; return the one that hears of stages."""
    work, clock, ids = floor.truth, floor.clock, floor.ids
    questions = Questions(notices.outbox, notices.people, stores, live.pokes)
    visits, fixes = VisitsWatched(stores, clock), SeenFixes(live.positions, live.phones)
    capabilities, detections = SqlCapabilities(), SqlDetections()
    watch = WatchFlow(
        work, visits, SqlCheckIns(), questions, sos, floor.timers, clock, rules, detections, fixes, capabilities, ids
    )
    signals = SignalFlow(work, incidents, incidents, ladder, pokes, clock)
    silence = SilenceFlow(
        work, SqlUnderway(), visits, fixes, capabilities, detections, questions, sos, signals, floor.timers, clock, ids, rules, sites,
        floor.way,
    )
    floor.timers_flow.handle(WATCH_TIMER, watch.on_watch_timer)
    floor.timers_flow.handle(SILENCE_TIMER, silence.on_silence_timer)
    floor.supervisor.rounds("silence_arm", silence.arm, every_s=30.0, deadline_s=10.0)
    fix_days = floor.settings.store.fix_days

    async def forget() -> None:
        if fix_days:
            async with work.begin() as tx:
                await detections.forget_places(tx, clock.now() - timedelta(days=fix_days))

    floor.supervisor.rounds("detections_forgotten", forget, every_s=600.0, deadline_s=10.0)
    floor.surface.endpoints += http_detectors.endpoints(DetectorsFlow(work, rules, detections, capabilities, clock))
    return watch


def sites_of(floor: Floor, stores: Stores) -> Sites:
    """Return a reader of all sites."""

    async def sites() -> list[SiteId]:
        async with floor.truth.read() as tx:
            return [site.id for site in await stores.sites.all(tx)]

    return sites
