"""What does a quote say once its way is known? The route priced by the tariff, with the range and the basis of its distance.

Called by `quote_flow` with what the router answered.
"""

import msgspec

from tracking.fares.bill import quoted_trip
from tracking.fares.calibration import RoadGuess
from tracking.fares.pricing import price
from tracking.fares.quote import Basis, Quote, QuoteRequest, nothing_to_pay, way_range
from tracking.fares.tariff import Tariff, tariff_hash
from tracking.router import Route, RouteSource


def priced_quote(
    quote_id: str,
    request: QuoteRequest,
    tariff: Tariff,
    route: Route,
    *,
    is_same: bool,
    now_ms: int,
    ttl_ms: int,
    guess: RoadGuess | None = None,
) -> Quote:
    """Return the quote of a way; nothing is due where `is_same`, from and to being one place. `guess`: the range that a site learned."""
    basis = _basis(route, is_same=is_same)
    distance_mm = 0 if is_same else round(route.metres * 1000)
    low_mm, high_mm = way_range(distance_mm, basis)
    if guess is not None and basis is Basis.ESTIMATED:
        low_mm, high_mm = min(distance_mm, round(guess.low_m * 1000)), max(distance_mm, round(guess.high_m * 1000))
    bare = Quote(
        id=quote_id,
        request=request,
        basis=basis,
        source=route.source.value,
        distance_mm=distance_mm,
        low_mm=low_mm,
        high_mm=high_mm,
        seconds_p50=round(route.seconds_p50),
        seconds_p90=round(route.seconds_p90),
        amount_minor=0,
        customer_minor=0,
        technician_minor=0,
        currency=tariff.currency,
        shape=tariff.trip,
        tariff_id=tariff.id,
        tariff_hash=tariff_hash(tariff),
        lines=(),
        created_ms=now_ms,
        expires_ms=now_ms + ttl_ms,
    )
    found = nothing_to_pay(tariff) if is_same else price(tariff, quoted_trip(bare))
    return msgspec.structs.replace(
        bare,
        amount_minor=found.total_minor,
        customer_minor=found.total_minor,
        technician_minor=found.technician_minor,
        lines=found.lines,
    )


def _basis(route: Route, *, is_same: bool) -> Basis:
    if is_same:
        return Basis.SAME_PLACE
    return Basis.ROAD if route.source is RouteSource.ENGINE else Basis.ESTIMATED
