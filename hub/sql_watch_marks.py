"""Which open shifts are unwatched just now? The mark follows the desk: it goes when somebody is on duty and comes back when nobody is."""

from collections.abc import Awaitable, Callable, Sequence

from sqlalchemy import select, update

from core.ids import SiteId
from core.unit_of_work import UnitOfWork
from hub.sql_duty_look import Preflight
from visits.tables import shifts


class SqlWatchMarks:
    """Marks the open shifts of every site. Running on several workers at once changes nothing twice."""

    def __init__(self, work: UnitOfWork, preflight: Preflight, sites: Callable[[], Awaitable[Sequence[SiteId]]]) -> None:
        self._work = work
        self._preflight = preflight
        self._sites = sites

    async def run_once(self) -> None:
        """Look at every site and correct the marks that are no longer true."""
        for site_id in await self._sites():
            async with self._work.read() as tx:
                is_unwatched = bool(await self._preflight.findings(tx, site_id))
                stale = select(shifts.c.id).where(*_wrong(site_id, is_unwatched=is_unwatched)).limit(1)
                is_stale = (await tx.conn.execute(stale)).first() is not None
            if is_stale:
                async with self._work.begin() as tx:
                    await tx.conn.execute(update(shifts).where(*_wrong(site_id, is_unwatched=is_unwatched)).values(unwatched=is_unwatched))

    async def fault(self) -> str | None:
        """Say how many sites would answer a tap late or not at all, without telling strangers which; None when all are watched."""
        sites = await self._sites()
        async with self._work.read() as tx:
            lacking = [site_id for site_id in sites if await self._preflight.findings(tx, site_id)]
        if not lacking:
            return None
        return f"{len(lacking)} of {len(sites)} sites lack what answers a tap, such as somebody on duty. `porchlight site check` says what."


def _wrong(site_id: SiteId, *, is_unwatched: bool):  # type: ignore[no-untyped-def]
    return shifts.c.site_id == site_id, shifts.c.closed_at.is_(None), shifts.c.unwatched != is_unwatched
