"""What would the way cost, and is it a promise? Ask, accept, and ask again when another technician takes over or the visit is moved.

Called by `http_quotes` and by the timers that a reassignment and a change set; hands to `quote`, `quote_fit` and `quote_maker_flow` for
every decision. The routing engine is asked outside any transaction.
"""

import contextlib

import msgspec

from core.clock import Clock
from core.errors import BadInput, Conflict, NotFound
from core.geo import LatLon
from core.ids import IdSource, SiteId, VisitId
from core.key_ring import KeyRing
from core.timers import Timer, Timers
from core.unit_of_work import Tx, UnitOfWork
from tracking.fares.faces import quote_face
from tracking.fares.learn_flow import RoadFactorStore
from tracking.fares.policy import agreed_policy
from tracking.fares.ports import FareSites, FareVisits, Quotes, Tariffs, VisitFare, Whereabouts
from tracking.fares.quote import (
    CurrencyMismatch,
    NoTariff,
    NotServed,
    Offer,
    Quote,
    QuoteRequest,
    StaleQuote,
    asked_again,
    id_in_token,
    kept_promise,
    must_be_ahead,
    token_body,
)
from tracking.fares.quote_fit import for_visit, leads_there
from tracking.fares.quote_maker_flow import QuoteMaker
from tracking.router import Router
from visits.events import StageChanged
from visits.stage import Act, Stage
from visits.visit import Visit

REQUOTE = "fare_requote"
"""Kind of the timer that asks again after a reassignment."""
RETIME = "fare_retime"
"""Kind of the timer that asks again after the visit was moved in time or place."""
SIGNED_FOR = "fares.quotes"
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
        self._work, self._quotes, self._visits, self._timers = work, quotes, visits, timers
        self._keys, self._clock, self._whereabouts = keys, clock, whereabouts
        self._maker = QuoteMaker(
            work=work, quotes=quotes, tariffs=tariffs, sites=sites, router=router, clock=clock, ids=ids, factors=factors
        )

    async def quote(self, request: QuoteRequest) -> Offer:
        """Return a stored quote with its token.

        Raises: `NotFound` for an unknown site, `BadInput` for a way or a time beyond the site's limits, `NoTariff`, `CurrencyMismatch`,
        `NotServed`.
        """
        async with self._work.read() as tx:
            must_be_ahead(request, self._clock.now_ms(), (await self._quotes.policy_of(tx, request.site_id)).max_days_ahead)
            policy, stored = await self._maker.terms(tx, request)
        quote = await self._maker.made(request, policy, stored)
        async with self._work.begin() as tx:
            await self._quotes.add(tx, quote)
        return self._offer(quote)

    async def accept(self, visit_id: VisitId, token: str) -> VisitFare:
        """Fix the quote's price for the visit and return the agreement; the same token again returns it again.

        Raises: `StaleQuote` (409) with a fresh offer as member `offer` when the token was tampered with, has expired or the way costs
        otherwise at the visit's time; `Conflict` when the quote leads elsewhere, another price was agreed, or she has set out.
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
        found = await self.fare_of(visit_id)
        if found is None:
            return None
        fare, former = found
        depart_ms = max(former.request.depart_ms, self._clock.now_ms())
        return await self._renewed(fare, former, msgspec.structs.replace(former.request, start=start, depart_ms=depart_ms))

    async def retime(self, visit_id: VisitId) -> Quote | None:
        """Quote anew where the visit was moved so that the quote in force no longer suits; the customer never pays more than she accepted.

        Returns the quote now in force, None where none was accepted.
        """
        found = await self.fare_of(visit_id)
        if found is None:
            return None
        fare, former = found
        async with self._work.read() as tx:
            visit = await self._visit(tx, visit_id)
            if await self._maker.suits(tx, former, visit):
                return former
        return await self._renewed(fare, former, self._asked_for(former, visit))

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
        """Ask again once another technician has taken over or the visit was moved: the way or its time is another one."""
        is_change = event.act is None and event.before is not None
        if (is_change or event.act is Act.REASSIGN) and await self._quotes.fare_of(tx, event.visit_id) is not None:
            kind = RETIME if is_change else REQUOTE
            await self._timers.set(tx, Timer(kind=kind, subject=event.visit_id, due_at=self._clock.now()))

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

    async def on_retime(self, timer: Timer) -> None:
        """Handle a `RETIME` timer; where the way cannot be quoted at the new time, the accepted quote stays in force."""
        with contextlib.suppress(BadInput, NoTariff, NotServed, CurrencyMismatch):
            await self.retime(VisitId(timer.subject))

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

    def _asked_for(self, former: Quote, visit: Visit) -> QuoteRequest:
        now_ms = self._clock.now_ms()
        again = asked_again(former.request, visit.id, now_ms)
        return for_visit(again, visit, (former.seconds_p50, former.seconds_p90), now_ms, slack_ms=0)

    async def _renewed(self, fare: VisitFare, former: Quote, request: QuoteRequest) -> Quote:
        async with self._work.read() as tx:
            _, stored = await self._maker.terms(tx, request)
        fresh = await self._maker.made(request, fare.policy, stored)
        fresh = kept_promise(msgspec.structs.replace(fresh, supersedes=former.id), fare.accepted_minor)
        async with self._work.begin() as tx:
            await self._quotes.add(tx, fresh)
            await self._quotes.put_fare(tx, msgspec.structs.replace(fare, quote_id=fresh.id))
        return fresh

    def _offer(self, quote: Quote) -> Offer:
        body = token_body(quote)
        return Offer(quote=quote, token=f"{body}.{self._keys.sign(SIGNED_FOR, body.encode())}")

    async def _accepted(self, tx: Tx, visit_id: VisitId, token: str) -> VisitFare:
        # Held, so that a visit that is moved meanwhile either is seen here or finds the agreement.
        visit = await self._visit(tx, visit_id, lock=True)
        quote = await self._proved(tx, token)
        fare = await self._quotes.fare_of(tx, visit_id, lock=True)
        if fare is not None and fare.accepted_quote_id == quote.id:
            return fare
        # First what no fresh quote would mend, so that none is offered in vain.
        self._must_fit(visit, quote, fare)
        if quote.expires_ms <= self._clock.now_ms():
            raise StaleQuote("This quote has expired. Accept the fresh one.")
        if not await self._maker.suits(tx, quote, visit):
            raise StaleQuote(
                "This quote was priced for another time than the visit's, when the way costs otherwise. Accept the fresh one, which is "
                "for the visit's time, or move the visit."
            )
        agreed = VisitFare(
            visit_id=visit_id,
            site_id=visit.site_id,
            accepted_quote_id=quote.id,
            quote_id=quote.id,
            accepted_minor=quote.customer_minor,
            currency=quote.currency,
            policy=agreed_policy(await self._quotes.policy_of(tx, visit.site_id)),
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
        if not leads_there(quote.request, visit):
            raise Conflict("This quote leads to another place than the visit's. Ask for one to the visit's place.")

    async def _visit(self, tx: Tx, visit_id: VisitId, *, lock: bool = False) -> Visit:
        visit = await self._visits.get(tx, visit_id, lock=lock)
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
        if former is None or former.request.site_id != visit.site_id or not leads_there(former.request, visit):
            return stale
        offer = await self.quote(self._asked_for(former, visit))
        return StaleQuote(stale.detail, offer=msgspec.to_builtins(quote_face(offer.quote, offer.token)))
