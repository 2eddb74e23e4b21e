"""What would the way cost, and is it a promise? Ask, accept, and ask again when another technician takes over.

Called by `http_quotes` and by the timer that a reassignment sets; hands to `quote` and `pricing` for every decision. The routing engine
is asked outside any transaction.
"""

import contextlib

import msgspec

from core.clock import Clock, from_ms, to_ms
from core.errors import BadInput, Conflict, NotFound, Unavailable
from core.geo import LatLon, distance_m
from core.ids import IdSource, SiteId, VisitId
from core.key_ring import KeyRing
from core.timers import Timer, Timers
from core.unit_of_work import Tx, UnitOfWork
from tracking.factor_route import factor_route, learned_route
from tracking.fares.calibration import RoadGuess
from tracking.fares.faces import quote_face
from tracking.fares.learn_flow import RoadFactorStore
from tracking.fares.local_clock import local
from tracking.fares.policy import FarePolicy
from tracking.fares.ports import FareSites, FareVisits, Quotes, SiteTariff, Tariffs, VisitFare, Whereabouts
from tracking.fares.pricing import Refusal, refusal
from tracking.fares.quote import (
    SAME_PLACE_M,
    CurrencyMismatch,
    NoTariff,
    NotServed,
    Offer,
    Quote,
    QuoteRequest,
    StaleQuote,
    asked_again,
    cell_centre,
    id_in_token,
    kept_promise,
    must_be_ahead,
    must_be_reachable,
    token_body,
)
from tracking.fares.quote_pricing import priced_quote
from tracking.router import Route, Router, RouteSource
from visits.events import StageChanged
from visits.site import Site
from visits.stage import Act, Stage
from visits.visit import Visit

REQUOTE = "fare_requote"
"""Kind of the timer that asks again after a reassignment."""
SIGNED_FOR = "fares.quotes"
ADDRESS_TOLERANCE_M = 200.0
"""A quote for a visit must lead to the visit's place; a geocoder's second answer for one address lies within this."""
KEEP_UNUSED_MS = 7 * 86_400_000
"""A quote that nobody accepted is of use for a complaint of last week, and holds an address: then it goes."""
SWEEP_EVERY_S = 3_600.0
BEFORE_SETTING_OUT = frozenset({Stage.CREATED, Stage.ASSIGNED})


class QuoteFlow:
    """Makes, accepts and renews quotes. `factors` None: 1.27 where no engine answers.

    `whereabouts` None: a reassignment keeps the quote that was accepted.
    """

    def __init__(
        self,
        *,
        work: UnitOfWork,
        quotes: Quotes,
        tariffs: Tariffs,
        sites: FareSites,
        visits: FareVisits,
        router: Router,
        timers: Timers,
        keys: KeyRing,
        clock: Clock,
        ids: IdSource,
        whereabouts: Whereabouts | None = None,
        factors: RoadFactorStore | None = None,
    ) -> None:
        self._work, self._quotes, self._tariffs = work, quotes, tariffs
        self._sites, self._visits, self._router, self._timers = sites, visits, router, timers
        self._keys, self._clock, self._ids, self._whereabouts = keys, clock, ids, whereabouts
        self._factors = factors

    async def quote(self, request: QuoteRequest) -> Offer:
        """Return a stored quote with its token.

        Raises: `NotFound` for an unknown site, `BadInput` for a way or a time beyond the site's limits, `NoTariff`, `CurrencyMismatch`,
        `NotServed`.
        """
        async with self._work.read() as tx:
            must_be_ahead(request, self._clock.now_ms(), (await self._quotes.policy_of(tx, request.site_id)).max_days_ahead)
            site, policy, stored = await self._terms(tx, request)
        quote = await self._made(request, site, policy, stored)
        async with self._work.begin() as tx:
            await self._quotes.add(tx, quote)
        return self._offer(quote)

    async def accept(self, visit_id: VisitId, token: str) -> VisitFare:
        """Fix the quote's price for the visit and return the agreement; the same token again returns it again.

        Raises: `StaleQuote` (409) with a fresh offer as member `offer` when the token was tampered with or has expired; `Conflict` when
        the quote leads elsewhere, another price was agreed, or she has set out.
        """
        try:
            async with self._work.begin() as tx:
                return await self._accepted(tx, visit_id, token)
        except StaleQuote as stale:
            raise await self._with_fresh(stale, visit_id, token) from None

    async def requote(self, visit_id: VisitId, start: LatLon) -> Quote | None:
        """Quote anew for the visit's present technician, who starts at `start`; the customer never pays more than she accepted.

        Returns the quote now in force, None where none was accepted.
        """
        async with self._work.read() as tx:
            fare = await self._quotes.fare_of(tx, visit_id)
            former = None if fare is None else await self._quotes.get(tx, fare.quote_id)
        if fare is None or former is None:
            return None
        request = msgspec.structs.replace(former.request, start=start, depart_ms=max(former.request.depart_ms, self._clock.now_ms()))
        async with self._work.read() as tx:
            site, _, stored = await self._terms(tx, request)
        fresh = await self._made(request, site, fare.policy, stored)
        fresh = kept_promise(msgspec.structs.replace(fresh, supersedes=former.id), fare.accepted_minor)
        async with self._work.begin() as tx:
            await self._quotes.add(tx, fresh)
            await self._quotes.put_fare(tx, msgspec.structs.replace(fare, quote_id=fresh.id))
        return fresh

    async def fare_of(self, visit_id: VisitId) -> tuple[VisitFare, Quote] | None:
        """Return what was agreed for a visit and the quote in force, None before acceptance."""
        async with self._work.read() as tx:
            fare = await self._quotes.fare_of(tx, visit_id)
            quote = None if fare is None else await self._quotes.get(tx, fare.quote_id)
        return None if fare is None or quote is None else (fare, quote)

    async def site_of(self, visit_id: VisitId) -> SiteId | None:
        """Return the site of a visit, None for an unknown one."""
        async with self._work.read() as tx:
            visit = await self._visits.get(tx, visit_id)
        return None if visit is None else visit.site_id

    async def on_stage_changed(self, tx: Tx, event: StageChanged) -> None:
        """Ask again once another technician has taken over: her way is another one."""
        if event.act is Act.REASSIGN and await self._quotes.fare_of(tx, event.visit_id) is not None:
            await self._timers.set(tx, Timer(kind=REQUOTE, subject=event.visit_id, due_at=self._clock.now()))

    async def on_timer(self, timer: Timer) -> None:
        """Handle a `REQUOTE` timer; without her position, or where her way cannot be quoted, the accepted quote stays in force."""
        visit_id = VisitId(timer.subject)
        async with self._work.read() as tx:
            visit = await self._visits.get(tx, visit_id)
        start = None if visit is None else await self._place_of(visit)
        if start is not None:
            # No bus any more, a tariff retired, a place too far away: asking again would be answered the same.
            with contextlib.suppress(BadInput, NoTariff, NotServed, CurrencyMismatch):
                await self.requote(visit_id, start)

    async def run_once(self) -> int:
        """Forget quotes that expired a week ago and were never accepted; return how many."""
        async with self._work.begin() as tx:
            return await self._quotes.forget_unused(tx, self._clock.now_ms() - KEEP_UNUSED_MS)

    async def run(self) -> None:
        """Sweep every hour until cancelled."""
        while True:
            await self.run_once()
            await self._clock.sleep(SWEEP_EVERY_S)

    async def _place_of(self, visit: Visit) -> LatLon | None:
        if self._whereabouts is None or visit.technician_id is None:
            return None
        return await self._whereabouts.place_of(visit.site_id, visit.technician_id)

    async def _terms(self, tx: Tx, request: QuoteRequest) -> tuple[Site, FarePolicy, SiteTariff]:
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
        return site, await self._quotes.policy_of(tx, site.id), stored

    async def _site(self, tx: Tx, site_id: SiteId) -> Site:
        site = await self._sites.get(tx, site_id)
        if site is None:
            raise NotFound(f"There is no site {site_id!r}. Check the id.")
        return site

    async def _made(self, request: QuoteRequest, site: Site, policy: FarePolicy, stored: SiteTariff) -> Quote:
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

    def _offer(self, quote: Quote) -> Offer:
        body = token_body(quote)
        return Offer(quote=quote, token=f"{body}.{self._keys.sign(SIGNED_FOR, body.encode())}")

    async def _accepted(self, tx: Tx, visit_id: VisitId, token: str) -> VisitFare:
        visit = await self._visit(tx, visit_id)
        quote = await self._proved(tx, token)
        fare = await self._quotes.fare_of(tx, visit_id, lock=True)
        if fare is not None and fare.accepted_quote_id == quote.id:
            return fare
        if quote.expires_ms <= self._clock.now_ms():
            raise StaleQuote("This quote has expired. Accept the fresh one.")
        self._must_fit(visit, quote, fare)
        agreed = VisitFare(
            visit_id=visit_id,
            site_id=visit.site_id,
            accepted_quote_id=quote.id,
            quote_id=quote.id,
            accepted_minor=quote.customer_minor,
            currency=quote.currency,
            policy=await self._quotes.policy_of(tx, visit.site_id),
            accepted_ms=self._clock.now_ms(),
        )
        await self._quotes.put_fare(tx, agreed)
        return agreed

    def _must_fit(self, visit: Visit, quote: Quote, fare: VisitFare | None) -> None:
        if fare is not None:
            raise Conflict(f"A price was agreed for this visit already, and it stays. Read it at /v1/visits/{visit.id}/fare.")
        if visit.stage not in BEFORE_SETTING_OUT:
            raise Conflict("She has set out, so a price can no longer be agreed. Agree it before she departs.")
        if quote.request.site_id != visit.site_id or quote.request.visit_id not in (None, visit.id):
            raise Conflict("This quote is for another visit. Ask for one for this visit.")
        if distance_m(quote.request.end, visit.place.point) > ADDRESS_TOLERANCE_M:
            raise Conflict("This quote leads to another place than the visit's. Ask for one to the visit's place.")

    async def _visit(self, tx: Tx, visit_id: VisitId) -> Visit:
        visit = await self._visits.get(tx, visit_id)
        if visit is None:
            raise NotFound("There is no such visit. Check the id.")
        return visit

    async def _proved(self, tx: Tx, token: str) -> Quote:
        body, _, signature = token.rpartition(".")
        quote_id = id_in_token(token)
        if quote_id is None or not self._keys.verifies(SIGNED_FOR, body.encode(), signature):
            raise StaleQuote("This token was not made by this hub, or it was changed. Accept a fresh quote.")
        quote = await self._quotes.get(tx, quote_id)
        if quote is None or token_body(quote) != body:
            raise StaleQuote("This quote is no longer stored. Accept a fresh one.")
        return quote

    async def _with_fresh(self, stale: StaleQuote, visit_id: VisitId, token: str) -> StaleQuote:
        async with self._work.read() as tx:
            visit = await self._visit(tx, visit_id)
            quote_id = id_in_token(token)
            former = None if quote_id is None or len(quote_id) > 36 else await self._quotes.get(tx, quote_id)
        # Only the visit's own site and place: a forged token must not fetch the places of another visit's quote.
        if former is None or former.request.site_id != visit.site_id:
            return stale
        if distance_m(former.request.end, visit.place.point) > ADDRESS_TOLERANCE_M:
            return stale
        offer = await self.quote(asked_again(former.request, visit.id, self._clock.now_ms(), to_ms(visit.planned_end)))
        return StaleQuote(stale.detail, offer=msgspec.to_builtins(quote_face(offer.quote, offer.token)))
