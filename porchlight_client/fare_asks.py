"""What can be asked about the price of a way? Each function returns one request."""

from core.ids import VisitId
from porchlight_client.ask import Ask, Repeat, at, doing, reading
from tracking.fares.answers import LiveAnswer, ReceiptsFace
from tracking.fares.faces import QuoteFace
from tracking.fares.quote_bodies import AcceptBody, FareFace, PointBody, QuoteBody, RequoteBody

_FARE = "/v1/visits/{visit}/fare"
_RECEIPT = "/v1/visits/{visit}/receipt"


def ask_quote(body: QuoteBody, *, key: str | None = None) -> Ask[QuoteFace]:
    """Ask what a way would cost; the price holds until `expires_at`. Raises `NoTariff`, `NotServed`."""
    return doing("/v1/quotes", QuoteFace, body, repeat=Repeat.KEYED, key=key)


def accept(visit_id: VisitId | str, token: str) -> Ask[FareFace]:
    """Accept a quote for a visit; accepting again returns the same agreement. Raises `StaleQuote`."""
    return doing(at(_FARE, visit=visit_id), FareFace, AcceptBody(token), repeat=Repeat.ALWAYS)


def read_fare(visit_id: VisitId | str) -> Ask[FareFace]:
    """Read what was agreed for a visit's way. Raises `NotFound` before."""
    return reading(at(_FARE, visit=visit_id), FareFace)


def requote(visit_id: VisitId | str, start: PointBody) -> Ask[FareFace]:
    """Quote the way of the visit's present technician; the customer never pays more than she accepted."""
    return doing(at(_FARE + "/requote", visit=visit_id), FareFace, RequoteBody(from_=start))


def read_live(visit_id: VisitId | str) -> Ask[LiveAnswer]:
    """Read the fare so far: provisional, the bill comes from settlement."""
    return reading(at(_FARE + "/live", visit=visit_id), LiveAnswer)


def read_receipt(visit_id: VisitId | str) -> Ask[ReceiptsFace]:
    """Read the receipt with all that it amends; `receipt` is None before settlement."""
    return reading(at(_RECEIPT, visit=visit_id), ReceiptsFace)


def settle(visit_id: VisitId | str) -> Ask[ReceiptsFace]:
    """Settle a closed visit now; a settled one gets the same receipt."""
    return doing(at(_RECEIPT, visit=visit_id), ReceiptsFace, repeat=Repeat.ALWAYS)
