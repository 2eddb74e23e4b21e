"""How do the parts fit together? The one place where ports meet what fulfils them; opened by every worker, closed in reverse.

Nothing here decides anything. Reading `open_hub` from the top to the bottom is reading the hub from its floor to its roof; each line's own
file holds the joints of that storey.
"""

import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from core.clock import Clock
from core.http_endpoint import Authenticator, IdempotencyStore
from core.ids import SiteId
from core.sql_counters import next_number
from core.sql_idempotency import SqlIdempotencyStore
from hub import http_health
from hub.arrival_texts_flow import EVERY_S, ArrivalTextsFlow
from hub.floor import Floor, open_floor
from hub.gauges import Gauges
from hub.health import Weight
from hub.join_customer_texts import CustomerTexts
from hub.join_fares import FareSights
from hub.join_notices import PeopleNotices, ShiftEvents, SiteQuiet, VisitNotices
from hub.join_pokes import JoinedPokes
from hub.join_topics import JoinedTopic
from hub.joints import Between, nothing
from hub.part import EVERYTHING, Part, Share
from hub.settings import Settings
from hub.sql_duty_look import SqlDutyLook
from hub.sql_incidents_topic import IncidentsTopic
from hub.sql_visits_topic import VisitsTopic
from hub.sql_watch_marks import SqlWatchMarks
from hub.wire_fares import Fares, wire_fares
from hub.wire_http import origin_of, wire_documents, wire_http
from hub.wire_live import Live, wire_live
from hub.wire_notices import Notices, wire_answers, wire_notices
from hub.wire_realtime import Realtime, wire_realtime
from hub.wire_safety import Safety, wire_preflight, wire_safety
from hub.wire_tracking import Tracking, wire_tracking
from hub.wire_visits import People, wire_visits
from notifications.looks_flow import ORDINARY
from realtime.ports import PokeTopic, TopicSource
from safety import http_duty
from safety.ladder_flow import LADDER_TIMER
from safety.preflight_flow import PreflightFlow
from tracking.approach import PROGRESS
from visits.http_authenticator import HttpAuthenticator
from visits.sql_stores import sql_stores

DRAIN_FIXES_S = 5.0


@dataclass(kw_only=True)
class Hub:
    """One worker's parts, wired."""

    floor: Floor
    live: Live
    notices: Notices
    people: People
    tracking: Tracking
    fares: Fares
    safety: Safety
    realtime: Realtime
    answers: IdempotencyStore
    authenticator: Authenticator

    async def drain(self) -> None:
        """Tell every open socket to reconnect elsewhere, and let what is under way be answered."""
        await self.realtime.links.drain()


@asynccontextmanager
async def open_hub(
    settings: Settings, *, clock: Clock | None = None, between: Between = nothing, part: Part = Part.WHOLE, share: Share = EVERYTHING
) -> AsyncIterator[Hub]:
    """Build everything one process needs, run the flows of its part while the block runs, and close in reverse."""
    async with contextlib.AsyncExitStack() as stack:
        hub = wire(settings, stack, clock=clock, between=between, part=part, share=share)
        stack.push_async_callback(hub.floor.supervisor.stop)
        hub.floor.supervisor.start(part.runs)
        yield hub


def wire(
    settings: Settings, stack: contextlib.AsyncExitStack, *, clock: Clock | None = None, between: Between = nothing,
    part: Part = Part.WHOLE, share: Share = EVERYTHING,
) -> Hub:
    """Build everything one worker needs and start nothing; what was opened is closed by `stack`. Call it inside the loop."""
    floor = open_floor(settings, stack, clock=clock, between=between, part=part, share=share)
    live = wire_live(floor)
    stores = sql_stores(floor.keys, floor.ids)
    pokes = JoinedPokes(live.pokes, floor.truth, stores)
    notices = wire_notices(floor, settings.notices, pokes)
    tellers = PeopleNotices(outbox=notices.outbox, people=notices.people, stores=stores)
    preflight = wire_preflight(floor, notices)
    people = wire_visits(
        floor, live, stores=stores, pokes=pokes, shift_notices=tellers, device_alerts=tellers, preflight=preflight, gates=[preflight]
    )
    texts = _texts(floor, notices, people)
    people.visits.listen(VisitNotices(texts=texts, webhooks=notices.webhooks, stores=people.stores))
    people.shifts.listen(ShiftEvents(notices.webhooks))
    people.shifts.listen(tellers)
    tracking = wire_tracking(floor, live, people)
    _tell_of_arrivals(floor, people, tracking, texts)
    fares = wire_fares(floor, live, people, tracking, notices.webhooks, texts)
    safety = wire_safety(floor, live, notices, people, tracking, preflight)
    wire_answers(floor, notices, safety.answers, safety.answers)
    _hand_letters_on(live, notices)
    _watch_the_desk(floor, people, preflight)
    sources: dict[str, TopicSource] = {
        "visits": VisitsTopic(floor.truth, people.stores),
        "notices": JoinedTopic(notices.topic),
        "incidents": IncidentsTopic(floor.truth, safety.incidents, people.stores, floor.clock, ladder_timer=LADDER_TIMER),
    }
    realtime = wire_realtime(floor, live, people, tracking, sources, safety.sockets, fares=FareSights(people, fares, floor.clock))
    wire_http(floor, live, people, tracking, realtime, safety.stock_phones)
    _add_health(floor)
    wire_documents(floor)
    floor.supervisor.rounds("gauges", Gauges(floor, tracking, realtime).look, every_s=1.0, deadline_s=1.0, rank=95)
    floor.supervisor.endless("timers", floor.timers_flow.run, rank=90)
    return Hub(
        floor=floor,
        live=live,
        notices=notices,
        people=people,
        tracking=tracking,
        fares=fares,
        safety=safety,
        realtime=realtime,
        answers=SqlIdempotencyStore(floor.truth, floor.clock),
        authenticator=HttpAuthenticator(people.access, origin_of(settings.public_url)),
    )


def _hand_letters_on(live: Live, notices: Notices) -> None:
    """Wake the process that sends what can wait; without Redis it looks once a second."""
    notices.outbox.on_letters = lambda site_id: live.pokes.poke(site_id, PokeTopic.LETTERS, "")
    live.fanout.on_topic(PokeTopic.LETTERS, lambda _about: notices.flow.wake(frozenset(ORDINARY)))


def _texts(floor: Floor, notices: Notices, people: People) -> CustomerTexts:
    notices.outbox.quiet = SiteQuiet(people.stores)
    return CustomerTexts(
        outbox=notices.outbox,
        people=notices.people,
        stores=people.stores,
        clock=floor.clock,
        ids=floor.ids,
        public_url=floor.settings.public_url,
    )


def _tell_of_arrivals(floor: Floor, people: People, tracking: Tracking, texts: CustomerTexts) -> None:
    flow = ArrivalTextsFlow(work=floor.truth, stores=people.stores, texts=texts, router=tracking.router, clock=floor.clock)
    tracking.sinks.setdefault(PROGRESS.name, []).append(flow)
    floor.supervisor.rounds("arrival_texts", flow.run_once, every_s=EVERY_S, deadline_s=30.0, rank=85)


def _watch_the_desk(floor: Floor, people: People, preflight: PreflightFlow) -> None:
    async def sites() -> list[SiteId]:
        async with floor.truth.read() as tx:
            return [site.id for site in await people.stores.sites.all(tx)]

    floor.surface.endpoints += http_duty.endpoints(SqlDutyLook(floor.truth, preflight))
    marks = SqlWatchMarks(floor.truth, preflight, sites)
    floor.supervisor.rounds("watch_marks", marks.run_once, every_s=10.0, deadline_s=10.0)
    floor.health.check("watch", marks.fault)


def _add_health(floor: Floor) -> None:
    async def can_commit() -> str | None:
        async with floor.truth.begin(urgent=True) as tx:
            await next_number(tx, "health")
        return None

    async def flows_run() -> str | None:
        return "; ".join(f"{flow.name}: {flow.last_error}" for flow in floor.supervisor.failing()) or None

    async def numbers_are_there() -> str | None:
        return floor.metrics.lost()

    floor.health.door("sql", can_commit)
    floor.health.check("metrics", numbers_are_there, Weight.WARNING)
    floor.health.check("flows", flows_run)
    floor.surface.endpoints += http_health.endpoints(floor.health, floor.metrics, floor.settings.serve.metrics_token)
