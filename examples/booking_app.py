"""A small booking app on top of a hub: it books visits, hears by signed webhooks how they go, and shows the customer's link.

Try it beside the demo, in two terminals:

    PORCHLIGHT_WEBHOOKS_ALLOW_PRIVATE=true make demo ARGS="--json"
    PORCHLIGHT_URL=http://127.0.0.1:8080 PORCHLIGHT_TOKEN=pl_api_... .venv/bin/python examples/booking_app.py

and open http://127.0.0.1:8090. What a real app does besides: keep bookings in its database, and know who is signed in.
"""

import os
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from html import escape

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from porchlight_client import (
    AsyncPorchlight,
    BadSignature,
    EndpointState,
    Family,
    HookEvent,
    HubError,
    NotAssignable,
    PersonBody,
    PlaceBody,
    SiteId,
    VisitBody,
    read_hook,
)

TOWN = (46.6139, -14.1693)
"""A place in the demo's invented town."""
SERVICE = "massage"
BEFORE_THE_VISIT = frozenset({"created", "assigned", "departed", "arrived"})
"""Until then a visit can be called off; afterwards it is ended. docs/states.md has all of it."""


@dataclass
class Booking:
    """What this app knows of one booking; `version` is the visit's, so that news out of order changes nothing."""

    ref: str
    customer: str
    visit_id: str = ""
    link: str = ""
    technician: str = ""
    stage: str = "created"
    version: int = 0
    news: list[str] = field(default_factory=list)


class Shop:
    """Bookings, and the hub that carries them out."""

    def __init__(self, hub: AsyncPorchlight, own_url: str) -> None:
        self.bookings: dict[str, Booking] = {}
        self._hub = hub
        self._own_url = own_url.rstrip("/")
        self._site_id = SiteId("")
        self._secret = ""
        self._seen: set[str] = set()

    async def open(self) -> None:
        """Find the site, and let the hub write to `/hooks`. A secret is told once: after a restart we ask for a new one."""
        technicians = await self._hub.technicians.page(limit=1)
        if not technicians.items:
            raise SystemExit("This key reaches no technician. Make one first, or use the key that the demo prints.")
        self._site_id = technicians.items[0].site_id
        url = f"{self._own_url}/hooks"
        known = next((hook for hook in (await self._hub.webhooks.list()).items if hook.url == url), None)
        if known is None:
            hook = await self._hub.webhooks.add(self._site_id, url, [Family.VISIT])
        else:
            await self._hub.webhooks.switch(known.id, EndpointState.ACTIVE)
            hook = await self._hub.webhooks.rotate(known.id)
        self._secret = hook.secret or ""

    async def book(self, customer: str, address: str, lat: float, lon: float) -> Booking:
        """Book a visit in an hour, give it to whoever is near and free, and get the customer's link."""
        booking = Booking(ref=f"booking-{uuid.uuid4()}", customer=customer)
        self.bookings[booking.ref] = booking  # before the hub is asked: its news may be quicker than its answer
        start = datetime.now(UTC) + timedelta(hours=1)
        wanted = VisitBody(
            site_id=self._site_id,
            service_kind=SERVICE,
            place=PlaceBody(lat=lat, lon=lon, address=address),
            window_start=start,
            window_end=start + timedelta(hours=1),
            customer=PersonBody(name=customer),
            external_ref=booking.ref,
        )
        try:
            visit = await self._hub.visits.book(wanted)
        except HubError:
            del self.bookings[booking.ref]
            raise
        booking.visit_id = visit.id
        booking.link = (await self._hub.links.make(visit.id)).url
        await self._assign(booking, lat, lon)
        return booking

    async def cancel(self, booking: Booking) -> None:
        """Call a booking off. The webhook brings the new stage."""
        await self._hub.visits.cancel(booking.visit_id, "called off by the customer")

    def hear(self, headers: dict[str, str], body: bytes) -> None:
        """Take one webhook; raises `BadSignature`. The same event may come twice, and of other bookings than ours."""
        event = read_hook(self._secret, headers, body)
        if event.id not in self._seen:
            self._seen.add(event.id)
            self._apply(event)

    def _apply(self, event: HookEvent) -> None:
        booking = self.bookings.get(str(event.data.get("external_ref")))
        if booking is not None and event.data["version"] > booking.version:
            booking.version, booking.stage = event.data["version"], event.data["stage"]
            booking.news.append(f"{event.time:%H:%M:%S} {event.kind}")

    async def _assign(self, booking: Booking, lat: float, lon: float) -> None:
        near = await self._hub.technicians.nearby(self._site_id, lat, lon, radius_m=20_000)
        for one in near.items:
            try:
                await self._hub.visits.assign(booking.visit_id, one.technician_id)
            except NotAssignable:
                continue  # she has another visit, may not do this service, ...: `detail` says which
            booking.technician = one.technician_id
            return


# Pages.


async def front(request: Request) -> Response:
    """All bookings, and a form for a new one."""
    shop: Shop = request.app.state.shop
    rows = "".join(f'<li><a href="/bookings/{b.ref}">{escape(b.customer)}</a> {b.stage}</li>' for b in shop.bookings.values())
    return page(
        "Bookings",
        f"""<ul>{rows or "<li>none yet</li>"}</ul>
        <form method="post" action="/bookings">
        <p><label>Name <input name="customer" required maxlength="120"></label>
        <p><label>Address <input name="address" required maxlength="500" value="1 Lantern Way"></label>
        <p><label>Latitude <input name="lat" value="{TOWN[0]}"></label> <label>Longitude <input name="lon" value="{TOWN[1]}"></label>
        <p><button>Book</button></form>""",
    )


async def book(request: Request) -> Response:
    """Take the form."""
    form = await request.form()
    try:
        place = float(str(form["lat"])), float(str(form["lon"]))
        booking = await request.app.state.shop.book(str(form["customer"]), str(form["address"]), *place)
    except (KeyError, ValueError):
        raise HTTPException(422, "Give name, address, latitude and longitude.") from None
    return RedirectResponse(f"/bookings/{booking.ref}", 303)


async def show(request: Request) -> Response:
    """One booking with the customer's link."""
    booking = found(request)
    news = "".join(f"<li>{escape(line)}</li>" for line in booking.news)
    button = f'<form method="post" action="/bookings/{booking.ref}/cancel"><button>Call it off</button></form>'
    return page(
        f"Booking of {escape(booking.customer)}",
        f"""<p>Stage: <b>{booking.stage}</b>. {"Somebody was found." if booking.technician else "Nobody was free nearby yet."}
        <p>Follow the visit: <a href="{escape(booking.link)}">{escape(booking.link)}</a>
        <ol>{news}</ol>
        {button if booking.stage in BEFORE_THE_VISIT else ""}<p><a href="/">All bookings</a>""",
        refresh_s=3,
    )


async def cancel(request: Request) -> Response:
    """Call a booking off."""
    booking = found(request)
    await request.app.state.shop.cancel(booking)
    return RedirectResponse(f"/bookings/{booking.ref}", 303)


async def hook(request: Request) -> Response:
    """Take what the hub says; 401 tells it that we did not believe it."""
    try:
        request.app.state.shop.hear(dict(request.headers), await request.body())
    except BadSignature as bad:
        return Response(str(bad), 401)
    return Response(status_code=204)


def found(request: Request) -> Booking:
    """Return the booking that the path names."""
    booking: Booking | None = request.app.state.shop.bookings.get(request.path_params["ref"])
    if booking is None:
        raise HTTPException(404, "There is no such booking.")
    return booking


async def refused(_: Request, error: Exception) -> Response:
    """Show the hub's own sentence: it says what to do."""
    return page("That did not work", f"<p>{escape(str(error))}<p><a href='/'>Back</a>", 502)


def page(title: str, body: str, status: int = 200, refresh_s: int | None = None) -> HTMLResponse:
    """Return a page; `title` and `body` are HTML. `refresh_s`: how soon the browser asks again, for news that came by a webhook."""
    style = "<style>body { font: 16px sans-serif; margin: 2em auto; max-width: 40em }</style>"
    again = "" if refresh_s is None else f'<meta http-equiv="refresh" content="{refresh_s}">'
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width">{again}{style}'
    return HTMLResponse(f"<!doctype html><html lang=en>{head}<title>{title}</title><h1>{title}</h1>{body}", status)


def create_app(hub_url: str, api_key: str, own_url: str) -> Starlette:
    """Return the app. `own_url`: where the hub reaches it."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with AsyncPorchlight(hub_url, api_key) as hub:
            app.state.shop = Shop(hub, own_url)
            await app.state.shop.open()
            yield

    routes = [
        Route("/", front),
        Route("/bookings", book, methods=["POST"]),
        Route("/bookings/{ref}", show),
        Route("/bookings/{ref}/cancel", cancel, methods=["POST"]),
        Route("/hooks", hook, methods=["POST"]),
    ]
    return Starlette(routes=routes, lifespan=lifespan, exception_handlers={HubError: refused})


if __name__ == "__main__":
    port = int(os.environ.get("BOOKING_PORT", "8090"))
    own = os.environ.get("BOOKING_URL", f"http://127.0.0.1:{port}")
    app = create_app(os.environ["PORCHLIGHT_URL"], os.environ["PORCHLIGHT_TOKEN"], own)
    uvicorn.run(app, host="127.0.0.1", port=port)
