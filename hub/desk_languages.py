"""In which language does a desk read its notices? In that of its site."""

from core.ids import SiteId
from core.unit_of_work import Tx
from visits.sql_sites import SqlSites


class SiteLanguages:
    """Meets `notifications.desk_notices_flow.DeskLanguages`."""

    def __init__(self) -> None:
        self._sites = SqlSites()

    async def language_of(self, tx: Tx, site_id: SiteId) -> str:
        """See `DeskLanguages.language_of`; English for a site that is unknown."""
        site = await self._sites.get(tx, site_id)
        return "en" if site is None else site.locale
