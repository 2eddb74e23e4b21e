"""How do sockets and pages get in? Doors, watches and pages of one worker, joined with what they show."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.routing import BaseRoute

from core.clock import Clock
from core.ids import SiteId
from hub.basemaps import Basemaps
from hub.floor import Floor
from hub.health import Weight
from hub.join_customer import CustomerPages, LinkWindow, RouterArrivals
from hub.join_fares import FareSights
from hub.local_site import remembered
from hub.settings import Settings
from hub.sql_circumstances import SqlCircumstances
from hub.wire_live import Live
from hub.wire_tracking import Tracking
from hub.wire_visits import People, SocketAccess
from realtime.ack_marks_flow import AckMarksFlow
from realtime.cadence_flow import CadenceFlow
from realtime.console_watch_flow import ConsoleWatch
from realtime.credential_watch_flow import CredentialWatch
from realtime.http_fare_pages import FarePages
from realtime.http_pages import DemoLinks, MapSettings, Pages, PageSettings
from realtime.http_phones_page import PhonesPage
from realtime.page_model import CustomerPage
from realtime.ports import Emergency, TopicSource
from realtime.presence_flow import ROUND_S, PresenceFlow
from realtime.session_effects import Limits
from realtime.visit_watch_flow import VisitWatch
from realtime.ws_console import ConsoleDoor
from realtime.ws_links import Links, SocketBounds
from realtime.ws_routes import socket_routes
from realtime.ws_technician import TechnicianDoor
from realtime.ws_visit import VisitDoor

NEARLY_FULL = 0.9


@dataclass(kw_only=True)
class Realtime:
    """Sockets and pages of one worker. `sources`: truths behind the console's topics; they may be added until the supervisor starts."""

    links: Links
    access: SocketAccess
    visits: VisitWatch
    technicians: TechnicianDoor
    customers: VisitDoor
    presence: PresenceFlow
    sources: dict[str, TopicSource]


def wire_realtime(
    floor: Floor, live: Live, people: People, tracking: Tracking, sources: dict[str, TopicSource],
    emergency: Emergency | None = None, *, fares: FareSights,
) -> Realtime:
    """Build doors and pages, add their routes, give their flows to the supervisor."""
    settings, clock, ids = floor.settings, floor.clock, floor.ids
    access, limits = SocketAccess(people.access), _limits(settings)
    bounds = SocketBounds(all=settings.limits.max_sockets, per_address=settings.limits.max_sockets_per_address)
    links = Links(clock, ids, _origins(settings), bounds, way=floor.way)
    credentials = CredentialWatch(access, clock)
    arrivals = RouterArrivals(tracking.router)
    visits = VisitWatch(LinkWindow(people.links), live.positions, arrivals, live.fanout, clock, floor.way)
    console = ConsoleWatch(sources, live.positions, live.fanout, clock, live.phones, way=floor.way)
    technicians = TechnicianDoor(
        links, access, live.positions, tracking.fixes, live.fanout, live.pokes, credentials, clock, limits=limits, emergency=emergency,
        way=floor.way,
    )
    customers = VisitDoor(links, access, visits, clock, ids, limits=limits, emergency=emergency)
    cadences = CadenceFlow(SqlCircumstances(floor.truth, people.stores, clock), technicians.phones.tell, clock)
    technicians.listener = cadences
    marks = AckMarksFlow(live.acks, technicians.phones.acked)
    technicians.acked_of = marks.acked
    presence = PresenceFlow(live.phones, technicians.phones.heard)
    for watcher in (technicians, visits, console, credentials, cadences):
        live.fanout.watch_pokes(watcher)
    floor.health.check("sockets", lambda: _has_room(links, settings.limits.max_sockets), Weight.WARNING)
    floor.supervisor.endless("socket_pulse", links.pulse, rank=40)
    floor.supervisor.endless("set_aside", technicians.aside.run, rank=40)
    floor.supervisor.endless("visit_watch", visits.run, rank=40)
    floor.supervisor.endless("console_watch", console.run, rank=40)
    floor.supervisor.endless("credential_watch", credentials.run, rank=40)
    floor.supervisor.endless("cadences", cadences.run, rank=40)
    floor.supervisor.rounds("presence", presence.run_once, every_s=ROUND_S, deadline_s=5.0, rank=40)
    floor.supervisor.rounds("ack_marks", marks.run_once, every_s=ROUND_S, deadline_s=5.0, rank=40)
    floor.surface.routes += [
        *socket_routes(
            technicians,
            customers,
            ConsoleDoor(links, access, console, credentials, clock, ids, limits=limits),
        ),
        *_pages(settings, clock, CustomerPages(people.links, live.positions, arrivals, clock, fares), fares),
    ]
    return Realtime(
        links=links, access=access, visits=visits, technicians=technicians, customers=customers, presence=presence, sources=sources
    )


async def _has_room(links: Links, most: int) -> str | None:
    if len(links) < most * NEARLY_FULL:
        return None
    return f"{len(links)} of {most} sockets are open here; more are sent away. Add workers, or raise PORCHLIGHT_MAX_SOCKETS."


class _PageData:
    """Meets `realtime.http_pages.PageData`."""

    def __init__(self, customers: CustomerPages, basemaps: Basemaps) -> None:
        self._customers, self._basemaps = customers, basemaps

    async def customer_page(self, link_token: str, now_ms: int) -> CustomerPage | None:
        """See `PageData.customer_page`."""
        return await self._customers.customer_page(link_token, now_ms)

    async def basemap(self, site_id: str) -> bytes | None:
        """See `PageData.basemap`."""
        return await self._basemaps.basemap(SiteId(site_id))


def _pages(settings: Settings, clock: Clock, customers: CustomerPages, fares: FareSights) -> list[BaseRoute]:
    where = settings.map
    page_settings = PageSettings(
        public_origin=_origin(settings.public_url),
        map=MapSettings(style_url=where.style_url or None, tiles_url=where.tiles_url or None, attribution=where.attribution),
        demo=_demo_links(settings),
    )
    pages = Pages(_PageData(customers, Basemaps(settings.store.data_dir)), clock, page_settings)
    phones = PhonesPage(pages).routes() if settings.notices.notices_phones else []
    return [*FarePages(fares, pages, clock).routes(), *phones, *pages.routes()]


def _demo_links(settings: Settings) -> DemoLinks | None:
    site = remembered(settings.store.data_dir) if settings.serve.demo else None
    if site is None:
        return None
    shown = site.shown
    return DemoLinks(
        customer_url=shown.customer_url,
        console_url=shown.console_url,
        technician_url=shown.technician_url,
        user=shown.dispatcher.user,
        password=shown.dispatcher.password,
        phones_url=f"{shown.url}/phones" if settings.notices.notices_phones else None,
    )


def _limits(settings: Settings) -> Limits:
    limits = settings.limits
    return Limits(
        max_fixes=limits.max_fixes,
        max_frame_bytes=limits.max_frame_bytes,
        heartbeat_s=limits.heartbeat_s,
        silent_s=limits.heartbeat_s * 3,
        drain_s=min(5.0, settings.serve.drain_s),
    )


def _origins(settings: Settings) -> frozenset[str]:
    port = settings.serve.port
    local = (f"http://localhost:{port}", f"http://127.0.0.1:{port}")
    return frozenset({_origin(settings.public_url), *settings.serve.allowed_origins, *local})


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
