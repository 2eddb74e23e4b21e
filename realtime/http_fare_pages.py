"""How do price, fare so far and receipts reach people? Parts of the customer's and technician's pages, and a receipt to print.

Called by Starlette; asks `FareData` for facts and answers HTML. Parts (`/t/{link_token}/fare`, `/technician/fares`) are fetched again by
`pages/js/fare.js`. A dead link gets the page that every dead link gets; a phone's part wants its token as a bearer.
"""

from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from core.clock import Clock, to_ms
from realtime.fare_sight import FareSight, FareSpeech, Sheet, unit_of
from realtime.http_pages import MAX_TOKEN_CHARACTERS, Pages


class FareData(Protocol):
    """Where the facts come from. Met in `hub/join_fares.py`."""

    async def of_link(self, link_token: str) -> FareSight | None:
        """Return what the holder of a link may see of the fare; None for a link that opens nothing."""
        ...

    async def of_phone(self, device_token: str, visit_id: str) -> FareSight | None:
        """Return what the technician may see of the fare of a visit of hers; None for another's or a token that does not count."""
        ...

    async def sheet(self, device_token: str, now_ms: int) -> Sheet | None:
        """Return her statement since her shift began, or of the last day; None for a token that does not count."""
        ...


class FarePages:
    """The fare's routes beside the pages'."""

    def __init__(self, data: FareData, pages: Pages, clock: Clock) -> None:
        self._data, self._pages, self._clock = data, pages, clock
        pages.has_fares = True

    def routes(self) -> list[BaseRoute]:
        """Return the routes."""
        return [
            Route("/t/{link_token}/fare", self.link_part, name="fare_part"),
            Route("/t/{link_token}/receipt", self.link_receipt, name="receipt_page"),
            Route("/technician/fares", self.phone_sheet, name="technician_fares"),
            Route("/technician/fares/{visit_id}", self.phone_part, name="technician_fare_part"),
            Route("/technician/receipt/{visit_id}", self.phone_receipt, name="technician_receipt_page"),
        ]

    async def link_part(self, request: Request) -> Response:
        """Answer `/t/{link_token}/fare`: the card of the customer's page."""
        sight = await self._of_link(request)
        if sight is None:
            return _nothing()
        return self._pages.part(request, "fare_card.html", sight.locale, receipt_url=_receipt_url(request), **spoken(sight))

    async def link_receipt(self, request: Request) -> Response:
        """Answer `/t/{link_token}/receipt`: the receipt to read and print."""
        sight = await self._of_link(request)
        if sight is None:
            return self._pages.render(request, "link_over.html", status=404)
        back = f"/t/{request.path_params['link_token']}"
        return self._pages.render(
            request, "receipt.html", entry="js/receipt.js", fallback=sight.locale, state={}, back=back, source=None, **spoken(sight)
        )

    async def phone_sheet(self, request: Request) -> Response:
        """Answer `/technician/fares`: what she is paid this shift."""
        sheet = await self._data.sheet(_bearer(request), to_ms(self._clock.now()))
        if sheet is None:
            return _nothing()
        return self._pages.part(request, "fare_sheet.html", None, sheet=sheet, speech=lambda lang: FareSpeech(lang, sheet.time_zone))

    async def phone_part(self, request: Request) -> Response:
        """Answer `/technician/fares/{visit_id}`: the fare on a visit's card, or with `?whole=1` its receipt."""
        sight = await self._data.of_phone(_bearer(request), request.path_params["visit_id"])
        if sight is None:
            return _nothing()
        template = "receipt_body.html" if "whole" in request.query_params else "fare_card.html"
        url = f"/technician/receipt/{sight.visit_id}"
        return self._pages.part(request, template, None, receipt_url=url, **spoken(sight))

    async def phone_receipt(self, request: Request) -> Response:
        """Answer `/technician/receipt/{visit_id}`: the same page for everyone; its script fetches her receipt with her phone's token."""
        source = f"/technician/fares/{request.path_params['visit_id']}?whole=1"
        return self._pages.render(
            request, "receipt.html", entry="js/receipt.js", state={}, back="/technician", source=source, fare=None
        )

    async def _of_link(self, request: Request) -> FareSight | None:
        token = request.path_params["link_token"]
        return await self._data.of_link(token) if len(token) <= MAX_TOKEN_CHARACTERS else None


def spoken(sight: FareSight) -> dict[str, Any]:
    """Return what a template needs to speak of a fare."""
    return {"fare": sight, "speech": lambda lang: FareSpeech(lang, sight.time_zone, unit_of(sight))}


def _receipt_url(request: Request) -> str:
    return f"/t/{request.path_params['link_token']}/receipt"


def _bearer(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip()[:MAX_TOKEN_CHARACTERS] if scheme.lower() == "bearer" else ""


def _nothing() -> Response:
    return Response("", 404, {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}, "text/html")
