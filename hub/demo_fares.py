"""What does a way cost in the demo's town? The pattern of at-home storefronts, both ways with more by night, cut to a small town.

Every visit of the demo gets a price before she sets out: in the past through the flows, in the present over HTTP like any platform.
"""

from datetime import datetime, timedelta
from typing import Any

from core.clock import Clock, to_ms
from core.geo import LatLon
from core.ids import SiteId
from hub.hub_api import HubApi
from hub.wire_fares import Fares
from tracking.fares.policy import Billing, FarePolicy
from tracking.fares.quote import QuoteRequest
from tracking.fares.tariff_terms import Mode
from visits.visit import Visit

TARIFF = """\
id = "lampmouth-at-home"
title = { zh = "Lampmouth 上门出租车 (往返)", en = "Lampmouth at-home visit, both ways" }
currency = "EUR"
zone = "Europe/Dublin"
valid_from = 2024-01-01
source = "the pattern of public at-home storefronts, both ways, night by the appointment, with figures for an invented town"
confidence = "low"
mode = "taxi"
trip = "round_trip"

[[steps]]
from = 0
to = 2
flat = "3.00"

[[steps]]
from = 2
per_unit = "1.90"

[night]
clock = "start_minus_lead"
lead_min = 10
on = ["flagfall", "distance"]

[[night.windows]]
from = "22:00"
to = "06:00"
factor = "1.30"
"""
POLICY = FarePolicy(billing=Billing.CAPPED, cap_bps=12_000)
"""The meter decides, up to a fifth above the price that was agreed: so the demo shows quote, meter and limit at work."""


async def price_site(fares: Fares, site_id: SiteId) -> None:
    """Give the site its tariff and policy; again is harmless."""
    await fares.tariffs.add(site_id, TARIFF)
    await fares.tariffs.set_policy(site_id, POLICY)


async def agree(fares: Fares, visit: Visit, start: LatLon, depart_at: datetime) -> None:
    """Quote the way to a booked visit and accept it for the customer."""
    request = QuoteRequest(
        site_id=visit.site_id,
        start=start,
        end=visit.place.point,
        mode=Mode.TAXI,
        depart_ms=to_ms(depart_at),
        appointment_ms=to_ms(visit.window_start),
        back_ms=to_ms(visit.planned_end),
        visit_id=visit.id,
    )
    await fares.quotes.accept(visit.id, (await fares.quotes.quote(request)).token)


async def agree_over_http(api: HubApi, api_key: str, booked: dict[str, Any], start: LatLon, clock: Clock) -> None:
    """Quote and accept as a platform does; a visit without a price goes on without one. Raises: `Unavailable`."""
    question = {
        "site_id": booked["site_id"],
        "from": {"lat": start.lat, "lon": start.lon},
        "to": {"lat": booked["place"]["lat"], "lon": booked["place"]["lon"]},
        "mode": "taxi",
        "depart_at": clock.now().isoformat(),
        "appointment_at": booked["window_start"],
        "planned_end_at": (clock.now() + timedelta(hours=1.5)).isoformat(),
        "visit_id": booked["id"],
    }
    quote = await api.post("/v1/quotes", question, api_key)
    await api.post(f"/v1/visits/{booked['id']}/fare", {"token": quote["token"]}, api_key)
