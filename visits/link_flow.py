"""The story of a customer's link: made, listed, opened, revoked. What it opens is decided by `link_rights`.

A guessed, revoked or outlived link is answered in the same words after the same work, so that nobody can tell which it was.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import msgspec

from core.caller import Caller
from core.clock import Clock
from core.errors import BadInput, Conflict, NotFound
from core.ids import IdSource, LinkId, TokenKind, VisitId, token_hash
from core.unit_of_work import Tx, UnitOfWork
from visits.act_rights import actor_of
from visits.link_rights import NOTHING, Link, LinkHolder, Rights, has_outlived, rights_of
from visits.person import Technician
from visits.ports import Pokes, Stores
from visits.site import Site
from visits.visit import Visit

MAX_LINKS = 20
"""Links in force of one visit; more are a mistake in a loop."""


class MadeLink(msgspec.Struct, frozen=True):
    """A new link and its token, which is told this once."""

    link: Link
    token: str


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """What stands behind a link now, for the page and the socket; never sent as it is."""

    link: Link
    visit: Visit
    site: Site
    technician: Technician | None
    rights: Rights


class LinkFlow:
    """Makes links and opens them."""

    def __init__(self, *, work: UnitOfWork, clock: Clock, ids: IdSource, stores: Stores, pokes: Pokes) -> None:
        self._work = work
        self._clock = clock
        self._ids = ids
        self._stores = stores
        self._pokes = pokes

    async def make(self, caller: Caller, visit_id: VisitId, holder: LinkHolder, label: str = "") -> MadeLink:
        """Make a link to a visit; its token is told this once. Raises `Conflict` once even a new link would open nothing.

        A closed visit may still be looked back at: its receipt follows minutes after the end, and links get lost.
        """
        token = self._ids.new_token(TokenKind.LINK)
        async with self._work.begin() as tx:
            visit = await self._visit(tx, caller, visit_id)
            await self._must_have_room(tx, visit)
            link = Link(
                id=LinkId(self._ids.new_id()),
                site_id=visit.site_id,
                visit_id=visit.id,
                holder=holder,
                label=label,
                made_by=actor_of(caller),
                made_at=self._clock.now(),
            )
            await self._stores.links.add(tx, link, token_hash(token))
            await self._changed(tx, link)
        return MadeLink(link, token)

    async def of_visit(self, caller: Caller, visit_id: VisitId) -> Sequence[Link]:
        """Return the links of a visit, revoked ones too, oldest first."""
        async with self._work.read() as tx:
            visit = await self._visit(tx, caller, visit_id)
            return await self._stores.links.of_visit(tx, visit.id)

    async def revoke(self, caller: Caller, link_id: LinkId) -> None:
        """End a link at once; its sockets close. Revoking twice is fine."""
        async with self._work.begin() as tx:
            link = await self._stores.links.get(tx, link_id)
            if link is None or link.site_id not in caller.sites:
                raise NotFound("There is no such link, or it is not yours to see. Check the id.")
            if await self._stores.links.revoke(tx, link_id, self._clock.now()):
                await self._changed(tx, link)

    async def open(self, token: str) -> Opened | None:
        """Return what stands behind a token, None when it opens nothing (any more); the reason is not told apart."""
        if not token.startswith(TokenKind.LINK):
            return None
        async with self._work.read(brief=True) as tx:
            link = await self._stores.links.by_token(tx, token_hash(token))
            return None if link is None else await self._opened(tx, link)

    async def reopen(self, link_id: LinkId) -> Opened | None:
        """Return what stands behind a link known by id, None when it opens nothing any more."""
        async with self._work.read(brief=True) as tx:
            link = await self._stores.links.get(tx, link_id)
            return None if link is None else await self._opened(tx, link)

    async def standing(self, link_ids: Sequence[LinkId]) -> Mapping[LinkId, Opened]:
        """Return what stands behind each link that opens anything now. For watchers' re-reading: a handful of queries for all of them."""
        async with self._work.read() as tx:
            links = await self._stores.links.get_many(tx, link_ids)
            visits = {visit.id: visit for visit in await self._stores.visits.get_many(tx, list({link.visit_id for link in links}))}
            sites = {site.id: site for site in await self._stores.sites.all(tx)}
            people = await self._technicians(tx, visits.values())
            now = self._clock.now()
            found = (_opened(link, visits.get(link.visit_id), sites.get(link.site_id), people, now) for link in links)
            return {opened.link.id: opened for opened in found if opened is not None}

    async def _opened(self, tx: Tx, link: Link) -> Opened | None:
        visit = await self._stores.visits.get(tx, link.visit_id)
        site = await self._stores.sites.get(tx, link.site_id)
        people = await self._technicians(tx, [visit] if visit is not None else [])
        return _opened(link, visit, site, people, self._clock.now())

    async def _technicians(self, tx: Tx, visits: Iterable[Visit]) -> dict[str, Technician]:
        wanted = {visit.technician_id for visit in visits if visit.technician_id is not None}
        return {technician.id: technician for technician in await self._stores.technicians.get_many(tx, sorted(wanted))}

    async def _visit(self, tx: Tx, caller: Caller, visit_id: VisitId) -> Visit:
        visit = await self._stores.visits.get(tx, visit_id)
        if visit is None or visit.site_id not in caller.sites:
            raise NotFound("There is no such visit, or it is not yours to see. Check the id.")
        return visit

    async def _must_have_room(self, tx: Tx, visit: Visit) -> None:
        site = await self._stores.sites.get(tx, visit.site_id)
        if site is None or has_outlived(visit, self._clock.now(), site.settings):
            raise Conflict("The visit closed so long ago that links to it show nothing any more. Send the receipt itself instead.")
        in_force = [link for link in await self._stores.links.of_visit(tx, visit.id) if link.revoked_at is None]
        if len(in_force) >= MAX_LINKS:
            raise BadInput(f"This visit has {MAX_LINKS} links already. Revoke one that is not used.")

    async def _changed(self, tx: Tx, link: Link) -> None:
        await self._stores.visits.raise_link_version(tx, link.visit_id)
        tx.after_commit(lambda: self._pokes.poke(link.site_id, "link", link.id))


def _opened(link: Link, visit: Visit | None, site: Site | None, people: Mapping[str, Technician], now: datetime) -> Opened | None:
    if visit is None or site is None:
        return None
    rights = rights_of(link, visit, now, site.settings)
    if rights == NOTHING:
        return None
    technician = people.get(visit.technician_id) if visit.technician_id is not None else None
    return Opened(link=link, visit=visit, site=site, technician=technician, rights=rights)
