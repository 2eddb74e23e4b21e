"""Which tariffs and which policy does a site have? Upload, look, retire.

Called by `http_tariffs` and the demo. A version that was used is never changed or deleted: retiring it hides it from new quotes.
"""

from collections.abc import Sequence

from core.clock import Clock
from core.errors import NotFound
from core.ids import SiteId
from core.unit_of_work import Tx, UnitOfWork
from tracking.fares.policy import FarePolicy, checked_policy
from tracking.fares.ports import FareSites, Quotes, SiteTariff, Tariffs
from tracking.fares.quote import CurrencyMismatch
from tracking.fares.tariff import tariff_hash
from tracking.fares.tariff_file import read_tariff
from visits.site import Site


class TariffFlow:
    """Keeps the tariffs and the fare policy of sites."""

    def __init__(self, *, work: UnitOfWork, tariffs: Tariffs, quotes: Quotes, sites: FareSites, clock: Clock) -> None:
        self._work, self._tariffs, self._quotes, self._sites, self._clock = work, tariffs, quotes, sites, clock

    async def add(self, site_id: SiteId, text: str) -> SiteTariff:
        """Read a tariff file and store it as a version of the site; the same tariff again changes nothing.

        Raises: `BadTariff` with lines and cures, `CurrencyMismatch`, `NotFound`.
        """
        tariff = read_tariff(text)
        stored = SiteTariff(site_id=site_id, hash=tariff_hash(tariff), tariff=tariff, text=text, added_ms=self._clock.now_ms())
        async with self._work.begin() as tx:
            site = await self._site(tx, site_id)
            if site.currency != tariff.currency:
                raise CurrencyMismatch(f"The tariff is in {tariff.currency}, the site in {site.currency}. Use the site's currency.")
            await self._tariffs.add(tx, stored)
        return stored

    async def of_site(self, site_id: SiteId) -> Sequence[SiteTariff]:
        """Return every version of the site, oldest first."""
        async with self._work.read() as tx:
            await self._site(tx, site_id)
            return await self._tariffs.of_site(tx, site_id)

    async def version(self, site_id: SiteId, wanted: str) -> SiteTariff | None:
        """Return the version of that hash, a retired one too; None where the site has none."""
        async with self._work.read() as tx:
            return await self._tariffs.by_hash(tx, site_id, wanted)

    async def retire(self, site_id: SiteId, wanted: str) -> None:
        """Hide a version, named by its hash, from new quotes; raises `NotFound` for an unknown one."""
        async with self._work.begin() as tx:
            if not await self._tariffs.retire(tx, site_id, wanted):
                raise NotFound("This site has no such tariff version. Check the hash.")

    async def policy(self, site_id: SiteId) -> FarePolicy:
        """Return the site's policy."""
        async with self._work.read() as tx:
            await self._site(tx, site_id)
            return await self._quotes.policy_of(tx, site_id)

    async def set_policy(self, site_id: SiteId, policy: FarePolicy) -> FarePolicy:
        """Store the site's policy for what is agreed from now on; raises `BadInput` for contradictory clauses."""
        async with self._work.begin() as tx:
            await self._site(tx, site_id)
            await self._quotes.put_policy(tx, site_id, checked_policy(policy), self._clock.now())
        return policy

    async def _site(self, tx: Tx, site_id: SiteId) -> Site:
        site = await self._sites.get(tx, site_id)
        if site is None:
            raise NotFound(f"There is no site {site_id!r}. Check the id.")
        return site
