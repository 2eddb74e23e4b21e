"""How does a press become help? Safety's flows, joined with people, positions and carriers; the roof of the tap's story.

In two steps: `wire_preflight` before visits, which asks it before every assignment; `wire_safety` after everything that it stands on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from core.errors import Unavailable
from core.ids import SiteId
from core.unit_of_work import Tx
from hub.floor import Floor
from hub.join_her_safety import ContactNumbers, HookedIncidents, IncidentTracks, NearColleagues, VisitExtensions
from hub.join_safety import Accounts, DirectCarriers, HerVisit, SitePokes, Tappers, TapSites, Whereabouts, Words
from hub.join_taps import PinAlarms, SocketTaps, StockTaps
from hub.join_watch import VisitsWatched
from hub.joints import Joint
from hub.wire_desk_records import SiteZones, duty_plans, wire_desk_records
from hub.wire_http import origin_of
from hub.wire_live import Live
from hub.wire_notices import Notices
from hub.wire_tracking import Tracking
from hub.wire_visits import People
from hub.wire_watch import sites_of, wire_watch
from realtime.ports import PokeTopic
from safety import http_evidence, http_helpers, http_incidents, http_my_safety, http_site_safety, http_sos
from safety.alerts_flow import AlertsFlow
from safety.answers_flow import AnswersFlow
from safety.argon2_pins import Argon2Pins
from safety.card_flow import CardFlow
from safety.contacts_flow import ContactsFlow
from safety.desk_flow import DeskFlow
from safety.duress_flow import DuressFlow
from safety.duty_flow import DutyFlow
from safety.evidence_flow import EvidenceFlow
from safety.face_flow import FaceFlow
from safety.file_card import FileCard
from safety.file_journal import FileJournal
from safety.file_told import FileTold
from safety.helpers_flow import HelpersFlow
from safety.journal_ladder_flow import JournalLadderFlow
from safety.ladder_flow import LADDER_TIMER, LEASE_TIMER, PENDING_TIMER, LadderFlow
from safety.pin_flow import PinFlow
from safety.preflight import Finding
from safety.preflight_flow import PreflightFlow
from safety.question_flow import QuestionFlow
from safety.rehearsal_flow import DEADLINE_S, EVERY_S, SIDE_BY_SIDE, RehearsalFlow
from safety.site_rules import SiteRules
from safety.site_safety_flow import SiteSafetyFlow
from safety.sos_flow import SosFlow
from safety.sql_canary import SqlDrillResponders
from safety.sql_card import SqlCardSource
from safety.sql_contacts import SqlContacts
from safety.sql_disclosures import SqlDisclosures
from safety.sql_duties import SqlDuties, SqlResponders, SqlWatchers
from safety.sql_incidents import SqlIncidents
from safety.sql_pins import SqlPins
from safety.sql_site_rules import SqlSiteRules
from safety.tap_door_flow import TapDoor
from safety.watch_flow import WatchFlow
from visits.http_authenticator import HttpAuthenticator
from visits.sql_stores import sql_stores

MERGE = "taps_merge"


@dataclass(kw_only=True)
class Safety:
    """Safety's parts of one worker. `door`: where every road of a tap enters; `answers`: what phones answer to."""

    door: TapDoor
    sos: SosFlow
    ladder: LadderFlow
    desk: DeskFlow
    pins: PinFlow
    faces: FaceFlow
    watch: WatchFlow
    incidents: SqlIncidents
    rules: SqlSiteRules
    preflight: PreflightFlow
    answers: AnswersFlow
    sockets: SocketTaps
    stock_phones: StockTaps


def site_rules(floor: Floor) -> SqlSiteRules:
    """Return the rules of all sites; the hub's settings are their default."""
    return SqlSiteRules(floor.ids, SiteRules(preflight=floor.settings.safety.preflight))


def wire_preflight(floor: Floor, notices: Notices) -> PreflightFlow:
    """Build what visits ask before they send anybody out, and let it look every minute."""
    stores = sql_stores(floor.keys, floor.ids)
    sites = sites_of(floor, stores)
    watchers = SqlWatchers(SqlResponders(), notices.recipients, frozenset(channel for _, channel in notices.carriers))
    plans, zones = duty_plans(floor, stores), SiteZones(stores)

    async def ahead(tx: Tx, site_id: SiteId) -> Sequence[Finding]:
        return await plans.ahead(tx, site_id, await zones.zone_of(tx, site_id))

    preflight = PreflightFlow(floor.truth, watchers, notices.alarms, sites, floor.clock, site_rules(floor), ahead)
    floor.supervisor.endless("preflight", preflight.run, rank=50)
    return preflight


def wire_safety(floor: Floor, live: Live, notices: Notices, people: People, tracking: Tracking, preflight: PreflightFlow) -> Safety:
    """Build the flows, give them their timers and paths, and let visits and fixes hear of them."""
    work, clock, stores = floor.truth, floor.clock, people.stores
    incidents, rules = floor.between(Joint.INCIDENTS, HookedIncidents(floor.keys, notices.webhooks)), site_rules(floor)
    pokes, responders = floor.between(Joint.POKES, SitePokes(live.pokes)), SqlDrillResponders(rules)
    her_visit = HerVisit(stores)
    alerts = AlertsFlow(notices.outbox, notices.alarms, Words(her_visit, incidents, clock, floor.settings.public_url))
    ladder = LadderFlow(work, incidents, responders, alerts, floor.timers, pokes, clock)
    where = Whereabouts(live.positions, tracking.fixes.last_of, clock)
    sos = floor.between(Joint.SOS, SosFlow(work, incidents, ladder, her_visit, where, pokes, clock))
    desk = DeskFlow(work, incidents, ladder, Accounts(stores), alerts, pokes, clock)
    pins = PinFlow(work, incidents, SqlPins(), floor.between(Joint.HASHES, Argon2Pins(floor.keys)), ladder, pokes, clock)
    faces, duty = FaceFlow(work, incidents), DutyFlow(work, SqlDuties(floor.ids), pokes, clock)
    visits = VisitsWatched(stores, clock)
    watch = wire_watch(floor, live, notices, stores, sos, incidents, ladder, pokes, rules, sites_of(floor, stores))
    wire_desk_records(floor, notices, stores, sos, incidents, ladder, pokes, rules)
    cards, door = _door(floor, live, notices, sos, responders)
    duress, places = DuressFlow(incidents, sos, ladder, clock, floor.ids), TapSites(work, stores)
    pins.alarm_by(PinAlarms(duress, places))
    people.visits.listen(watch)
    people.visits.ask_pins_of(pins.has_pins)
    people.looks.ask_pins_of(pins.has_pins)
    people.gate.also(faces)
    for kind, handler in (
        (LADDER_TIMER, ladder.on_ladder_timer), (PENDING_TIMER, ladder.on_pending_timer),
        (LEASE_TIMER, ladder.on_lease_timer),
    ):  # fmt: skip
        floor.timers_flow.handle(kind, handler)
    origin = origin_of(floor.settings.public_url)
    tappers = Tappers(HttpAuthenticator(people.access, origin), work, stores, cards, origin)
    _rehearse(floor, people, sos)
    floor.surface.endpoints += [
        *http_sos.endpoints(door, pins, faces, tappers, places, clock, floor.way),
        *http_incidents.endpoints(work, incidents, desk, duty),
        *http_my_safety.endpoints(
            watch,
            QuestionFlow(work, incidents, ladder, pins, visits, duress, VisitExtensions(people.visits), pokes, clock, her_visit, watch),
            ContactsFlow(work, SqlContacts(), ContactNumbers(notices.people, notices.recipients), clock, floor.ids),
        ),
        *http_site_safety.endpoints(SiteSafetyFlow(work, rules, preflight, clock)),
        *http_evidence.endpoints(
            EvidenceFlow(work, incidents, incidents, SqlDisclosures(), IncidentTracks(floor.fixes, tracking.ledger), clock, floor.ids)
        ),
        *http_helpers.endpoints(
            HelpersFlow(
                work, incidents, incidents,
                NearColleagues(work, stores, live.positions, tracking.router, notices.outbox, notices.people, clock), where, pokes, clock,
            )
        ),
    ]
    return Safety(
        door=door, sos=sos, ladder=ladder, desk=desk, pins=pins, faces=faces, watch=watch, incidents=incidents, rules=rules,
        preflight=preflight, answers=AnswersFlow(work, incidents, desk, Accounts(stores), door, notices.alarms),
        sockets=SocketTaps(door, pins, clock), stock_phones=StockTaps(door),
    )  # fmt: skip


def _rehearse(floor: Floor, people: People, sos: SosFlow) -> None:
    side_by_side = SIDE_BY_SIDE if floor.truth.engine.dialect.name == "postgresql" else 1
    flow = RehearsalFlow(sos, people.access.caller_of_token, sites_of(floor, people.stores), floor.ids, side_by_side)
    floor.supervisor.rounds("press_rehearsal", flow.run_once, every_s=EVERY_S, deadline_s=DEADLINE_S)


def _door(floor: Floor, live: Live, notices: Notices, sos: SosFlow, responders: SqlResponders) -> tuple[FileCard | None, TapDoor]:
    """Return the safety card and the door before SQL; without a folder that survives there is neither card nor journal."""
    # Who opens a journal takes over what the dead left in theirs: only where its taps are merged, too.
    folder = floor.settings.safety.journal_dir if floor.part.runs(MERGE) else None
    if not folder:
        door = TapDoor(sos, None, None, floor.clock, floor.way)
        floor.supervisor.endless(MERGE, door.run, rank=85)
        return None, door
    cards, journal = FileCard(Path(folder), floor.keys), _journal(floor, Path(folder))
    sender = DirectCarriers(notices.carriers, notices.templates, floor.clock, notices.settings.sms_signature)
    door = TapDoor(sos, journal, JournalLadderFlow(cards, sender, FileTold(Path(folder)), floor.clock), floor.clock, floor.way)
    card_flow = CardFlow(SqlCardSource(floor.truth, notices.recipients, responders), cards, floor.clock)
    for topic in (PokeTopic.SHIFTS, PokeTopic.DEVICES, PokeTopic.SESSIONS):
        live.fanout.on_topic(topic, lambda _about: card_flow.refresh_soon())
    floor.supervisor.endless("safety_card", card_flow.run, rank=50)
    floor.supervisor.endless(MERGE, door.run, rank=85)
    return cards, door


def _journal(floor: Floor, folder: Path) -> FileJournal | None:
    journal = FileJournal(folder, floor.keys)
    try:
        journal.open()
    except Unavailable as error:
        # Captured now: an exception's name is gone after its clause.
        reason = error.detail

        async def broken() -> str | None:
            return reason

        floor.health.check("journal", broken)
        return None
    floor.stack.callback(journal.close)
    floor.health.door("journal", journal.fault)
    return journal
