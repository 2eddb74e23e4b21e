"""How is a quote made? Tariff and policy of the site, the way by the router or by what the site learned, priced.

Called by `quote_flow`; hands to `quote_pricing` and `quote_fit`. The routing engine is asked outside any transaction.
"""

import msgspec

from core.clock import Clock, from_ms
from core.errors import NotFound, Unavailable
from core.geo import distance_m
from core.ids import IdSource, SiteId
from core.unit_of_work import Tx, UnitOfWork
from tracking.factor_route import factor_route, learned_route
from tracking.fares.calibration import RoadGuess
from tracking.fares.learn_flow import RoadFactorStore
from tracking.fares.local_clock import local
from tracking.fares.policy import FarePolicy
from tracking.fares.ports import FareSites, Quotes, SiteTariff, Tariffs
from tracking.fares.pricing import Refusal, refusal
from tracking.fares.quote import (
    DAY_MS,
    SAME_PLACE_M,
    CurrencyMismatch,
    NoTariff,
    NotServed,
    Quote,
    QuoteRequest,
    cell_centre,
    must_be_reachable,
)
from tracking.fares.quote_fit import for_visit, leads_there, says_the_same
from tracking.fares.quote_pricing import priced_quote
from tracking.router import Route, Router, RouteSource
from visits.site import Site
from visits.visit import Visit


class QuoteMaker:
    """Makes quotes and judges them; stores nothing. `factors` None: 1.27 where no engine answers."""

    def __init__(
        self,
        *,
        work: UnitOfWork,
        quotes: Quotes,
        tariffs: Tariffs,
        sites: FareSites,
        router: Router,
        clock: Clock,
        ids: IdSource,
        factors: RoadFactorStore | None,
    ) -> None:
        self._work, self._quotes, self._tariffs, self._sites = work, quotes, tariffs, sites
        self._router, self._clock, self._ids, self._factors = router, clock, ids, factors

    async def suits(self, tx: Tx, quote: Quote, visit: Visit) -> bool:
        """Tell whether the quote is one for the visit's place and time, or costs the same then by the same version of the tariff."""
        now_ms, was = self._clock.now_ms(), quote.request
        asked = for_visit(was, visit, (quote.seconds_p50, quote.seconds_p90), now_ms)
        if asked == was:
            return True
        site, policy = await self._site(tx, was.site_id), await self._quotes.policy_of(tx, was.site_id)
        stored = await self._tariffs.by_hash(tx, site.id, quote.tariff_hash)
        if stored is None or not leads_there(was, visit) or asked.depart_ms > now_ms + policy.max_days_ahead * DAY_MS:
            return False
        # A version that takes over between the two days makes another price, though the stored one could be computed for both.
        days = [local(at_ms, site.zone).date() for at_ms in (was.depart_ms, asked.depart_ms)]
        versions = [await self._tariffs.valid(tx, site.id, was.mode, day) for day in days]
        hashes = [None if version is None else version.hash for version in versions]
        return hashes[0] == hashes[1] and says_the_same(quote, stored.tariff, asked)

    async def terms(self, tx: Tx, request: QuoteRequest) -> tuple[FarePolicy, SiteTariff]:
        """Return the site's policy and its tariff in force. Raises: `NotFound`, `NoTariff`, `CurrencyMismatch`."""
        site = await self._site(tx, request.site_id)
        day = local(request.depart_ms, site.zone).date()
        stored = await self._tariffs.valid(tx, site.id, request.mode, day)
        if stored is None:
            raise NoTariff(
                f"Site {site.id} has no tariff for {request.mode.value} on {day}. Upload one that is valid then, or choose another mode.",
                modes=sorted({each.tariff.mode.value for each in await self._tariffs.of_site(tx, site.id) if not each.is_retired}),
            )
        if stored.tariff.currency != site.currency:
            raise CurrencyMismatch(
                f"Tariff {stored.tariff.id} is in {stored.tariff.currency}, the site in {site.currency}. Upload another."
            )
        return await self._quotes.policy_of(tx, site.id), stored

    async def _site(self, tx: Tx, site_id: SiteId) -> Site:
        site = await self._sites.get(tx, site_id)
        if site is None:
            raise NotFound(f"There is no site {site_id!r}. Check the id.")
        return site

    async def made(self, request: QuoteRequest, policy: FarePolicy, stored: SiteTariff) -> Quote:
        """Return a quote, not stored yet. Raises: `BadInput` for a way beyond the site's limits, `NotServed`."""
        must_be_reachable(distance_m(request.start, request.end), policy.max_way_km)
        is_same = distance_m(request.start, request.end) < SAME_PLACE_M
        asked = msgspec.structs.replace(request, start=request.end if is_same else cell_centre(request.start))
        route, guess = await self._route(asked)
        must_be_reachable(route.metres, policy.max_way_km)
        self._must_be_served(stored, asked)
        now_ms = self._clock.now_ms()
        return priced_quote(
            self._ids.new_id(), asked, stored.tariff, route, is_same=is_same, now_ms=now_ms, ttl_ms=policy.quote_ttl_s * 1000, guess=guess
        )

    def _must_be_served(self, stored: SiteTariff, request: QuoteRequest) -> None:
        why = refusal(stored.tariff, request.depart_ms, request.back_ms)
        if why is None:
            return
        cure = "Ask for a taxi, or for another time." if why is Refusal.NO_TRANSIT else "Choose another mode or another time."
        raise NotServed(f"{stored.tariff.title.en} is not offered then ({why.value}). {cure}", reason=why.value)

    async def _route(self, request: QuoteRequest) -> tuple[Route, RoadGuess | None]:
        """Return the way, and the site's own guess with its range where no engine knows the roads."""
        try:
            route = await self._router.route(request.start, request.end, from_ms(request.depart_ms))
        except Unavailable:
            route = factor_route(request.start, request.end)
        if route.source is not RouteSource.FACTOR or self._factors is None:
            return route, None
        async with self._work.read() as tx:
            learned = await self._factors.of_site(tx, request.site_id)
        if learned is None:
            return route, None
        guess = learned.guess(request.start, request.end)
        return learned_route(request.start, request.end, guess.factor), guess
