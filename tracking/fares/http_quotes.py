"""Quotes over HTTP: ask for a price, accept it, read what was agreed, ask again.

Each handler calls one flow method. Nothing is retried here; asking again makes another quote, accepting again returns the same agreement.
Deadline: that of the routing engine, after which the estimate answers.
"""

from datetime import datetime
from typing import Any

from core.caller import Caller, CallerKind, Scope
from core.clock import from_ms, to_ms
from core.errors import BadInput, NotFound
from core.http_endpoint import Call, Endpoint
from core.ids import SiteId, VisitId
from tracking.fares.faces import QuoteFace, money_words, quote_face
from tracking.fares.ports import VisitFare
from tracking.fares.quote import NoTariff, NotServed, Quote, QuoteRequest, StaleQuote
from tracking.fares.quote_bodies import AcceptBody, FareFace, QuoteBody, RequoteBody
from tracking.fares.quote_flow import QuoteFlow

DESK = frozenset({CallerKind.API, CallerKind.DISPATCHER})
READERS = DESK | {CallerKind.LINK}
_END_MS = 4_102_444_800_000
"""2100-01-01, as for every time that a phone tells: no clock or calendar of a zone runs over before."""


def endpoints(flow: QuoteFlow) -> list[Endpoint]:
    """Return the rows of this edge."""

    async def ask(call: Call) -> QuoteFace:
        body: QuoteBody = call.body
        call.caller.must_reach(SiteId(body.site_id))
        await _must_be_of_site(flow, body)
        offer = await flow.quote(_request(body))
        return quote_face(offer.quote, offer.token)

    async def accept(call: Call) -> FareFace:
        visit_id = await _own(flow, call)
        await flow.accept(visit_id, call.body.token)
        return await _agreed(flow, visit_id)

    async def read(call: Call) -> FareFace:
        return await _agreed(flow, await _own(flow, call))

    async def requote(call: Call) -> FareFace:
        visit_id = await _own(flow, call)
        await flow.requote(visit_id, call.body.from_.checked())
        return await _agreed(flow, visit_id)

    common: dict[str, Any] = {"tag": "fares", "response": FareFace}
    path = "/v1/visits/{visit_id}/fare"
    return [
        Endpoint(
            method="POST",
            path="/v1/quotes",
            name="ask_quote",
            summary="What would the way cost? A price that holds until it expires.",
            handler=ask,
            callers=DESK,
            scope=Scope.FARES_WRITE,
            request=QuoteBody,
            response=QuoteFace,
            status=201,
            idempotent=True,
            tag="fares",
            errors=(NoTariff, NotServed, NotFound, BadInput),
        ),
        Endpoint(
            method="POST",
            path=path,
            name="accept_quote",
            summary="Accept a quote: its price is fixed for the visit. Stale or for another time, it is answered 409 with a fresh offer.",
            handler=accept,
            callers=READERS,
            scope=Scope.FARES_WRITE,
            request=AcceptBody,
            errors=(StaleQuote, NotServed, NoTariff, NotFound),
            **common,
        ),
        Endpoint(
            method="GET",
            path=path,
            name="read_fare",
            summary="What was agreed for the way of this visit?",
            handler=read,
            callers=READERS,
            scope=Scope.FARES_READ,
            errors=(NotFound,),
            **common,
        ),
        Endpoint(
            method="POST",
            path=path + "/requote",
            name="requote",
            summary="Another technician goes: quote her way. The customer never pays more than she accepted.",
            handler=requote,
            callers=DESK,
            scope=Scope.FARES_WRITE,
            request=RequoteBody,
            errors=(NoTariff, NotServed, NotFound),
            **common,
        ),
    ]


async def _must_be_of_site(flow: QuoteFlow, body: QuoteBody) -> None:
    if body.visit_id is not None and await flow.site_of(VisitId(body.visit_id)) != body.site_id:
        raise NotFound(f"Site {body.site_id} has no visit {body.visit_id!r}. Check the id, or ask without one.")


def _request(body: QuoteBody) -> QuoteRequest:
    if body.planned_end_at is not None and _ms("planned_end_at", body.planned_end_at) < _ms("depart_at", body.depart_at):
        raise BadInput("planned_end_at lies before depart_at: she cannot start back before she has set out. Correct one of them.")
    return QuoteRequest(
        site_id=SiteId(body.site_id),
        start=body.from_.checked(),
        end=body.to.checked(),
        mode=body.mode,
        depart_ms=_ms("depart_at", body.depart_at),
        appointment_ms=None if body.appointment_at is None else _ms("appointment_at", body.appointment_at),
        back_ms=None if body.planned_end_at is None else _ms("planned_end_at", body.planned_end_at),
        carries=tuple(sorted(body.carries.items())),
        visit_id=None if body.visit_id is None else VisitId(body.visit_id),
    )


def _ms(name: str, at: datetime) -> int:
    if at.tzinfo is None:
        raise BadInput(f"{name} has no zone, so it names no moment. Write it as 2026-03-02T14:00:00+08:00.")
    if not 0 <= to_ms(at) < _END_MS:
        raise BadInput(f"{name} lies outside the years 1970 to 2099. Correct it.")
    return to_ms(at)


async def _own(flow: QuoteFlow, call: Call) -> VisitId:
    visit_id = VisitId(call.path["visit_id"])
    await must_reach_visit(flow, call.caller, visit_id)
    return visit_id


async def must_reach_visit(flow: QuoteFlow, caller: Caller, visit_id: VisitId) -> None:
    """Raise `NotFound` unless the visit is the link's own or of a site that the caller reaches."""
    if caller.kind is CallerKind.LINK:
        if caller.visit_id != visit_id:
            raise NotFound("There is no such visit, or it is not yours to see. Check the id.")
        return
    site_id = await flow.site_of(visit_id)
    if site_id not in caller.sites:
        raise NotFound("There is no such visit, or it is not yours to see. Check the id.")


async def _agreed(flow: QuoteFlow, visit_id: VisitId) -> FareFace:
    found = await flow.fare_of(visit_id)
    if found is None:
        raise NotFound("No price was agreed for this visit. Ask for a quote at /v1/quotes and accept it.")
    return _face(*found)


def _face(fare: VisitFare, quote: Quote) -> FareFace:
    return FareFace(
        visit_id=fare.visit_id,
        accepted_minor=fare.accepted_minor,
        accepted=money_words(fare.accepted_minor, fare.currency),
        accepted_at=from_ms(fare.accepted_ms),
        currency=fare.currency,
        billing=fare.policy.billing.value,
        quote=quote_face(quote, None),
    )
