"""Which requests reach which flows? The endpoint tables of all packages, gathered, and the documents made of them."""

from urllib.parse import urlsplit

from hub.floor import Floor
from hub.join_tracking import KnownDatums, StockPhones, VisitTracks
from hub.version import VERSION
from hub.wire_live import Live
from hub.wire_realtime import Realtime
from hub.wire_tracking import Tracking
from hub.wire_visits import People
from realtime import http_docs, http_fixes, http_visit_view
from tracking import http_nearby, http_track
from tracking.nearby_flow import NearbyFlow
from tracking.phones import http_osmand
from tracking.phones.phone_flow import PhoneFlow
from tracking.ports import SosTap
from tracking.track_flow import TrackFlow
from visits import (
    http_customer_notes,
    http_desk_access,
    http_links,
    http_owners,
    http_people,
    http_shifts,
    http_sites,
    http_visits,
)


def wire_http(floor: Floor, live: Live, people: People, tracking: Tracking, realtime: Realtime, taps: SosTap | None = None) -> None:
    """Add the rows of visits, tracking and realtime to the surface."""
    origin = origin_of(floor.settings.public_url)
    floor.surface.endpoints += [
        *http_sites.endpoints(people.sites),
        *http_people.endpoints(people.people, people.roster, people.shifts, people.sites),
        *http_desk_access.endpoints(people.desk, people.access, origin),
        *http_owners.endpoints(people.desk, people.access),
        *http_shifts.endpoints(people.shifts),
        *http_customer_notes.endpoints(people.notes),
        *http_visits.endpoints(people.booking, people.visits, people.looks, KnownDatums()),
        *http_links.endpoints(people.links, origin),
        *http_fixes.endpoints(tracking.fixes, live.fanout),
        *http_nearby.endpoints(NearbyFlow(live.positions, floor.clock)),
        *http_track.endpoints(TrackFlow(VisitTracks(people.looks), floor.fixes, tracking.ledger, floor.clock)),
        *http_osmand.endpoints(
            PhoneFlow(StockPhones(people.access), tracking.fixes, taps, realtime.presence, live.counts, floor.clock), floor.clock
        ),
        *http_visit_view.endpoints(realtime.access, realtime.visits, floor.clock),
    ]


def wire_documents(floor: Floor) -> None:
    """Add the documents of everything on the surface; call it last."""
    floor.surface.routes += http_docs.routes(floor.surface.endpoints, VERSION, floor.settings.public_url)


def origin_of(url: str) -> str:
    """Return scheme and host of a URL, such as https://hub.example."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
