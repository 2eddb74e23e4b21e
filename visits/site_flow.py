"""The story of a site: made, perhaps like another, changed by its owner, checked before people rely on it."""

from collections.abc import Sequence
from typing import Any

import msgspec

from core.caller import Caller, Role
from core.clock import Clock
from core.errors import NotFound
from core.ids import SiteId
from core.unit_of_work import Tx, UnitOfWork
from visits.ports import Pokes, Stores
from visits.site import Site, malformed, must_be_sound, unready


class SiteFlow:
    """Makes, changes and checks sites."""

    def __init__(self, *, work: UnitOfWork, clock: Clock, stores: Stores, pokes: Pokes) -> None:
        self._work = work
        self._clock = clock
        self._stores = stores
        self._pokes = pokes

    async def make(self, site: Site) -> Site:
        """Store a new site; raises `BadInput` listing what is malformed, `Conflict` when the id is taken. For the operator only."""
        async with self._work.begin() as tx:
            await self._stores.sites.add(tx, must_be_sound(site), self._clock.now())
        return site

    async def make_like(self, id: SiteId, name: str, like: SiteId) -> Site:
        """Store a new site with everything but id, name and bounds taken from `like`: another town has other borders."""
        async with self._work.begin() as tx:
            model = await self._must_get(tx, like)
            site = msgspec.structs.replace(model, id=id, name=name, bounds=None, version=1)
            await self._stores.sites.add(tx, must_be_sound(site), self._clock.now())
        return site

    async def change(self, caller: Caller, id: SiteId, **changes: Any) -> Site:
        """Change fields of a site, as its owner; raises `BadInput` listing what would be malformed."""
        caller.must_be(Role.OWNER)
        async with self._work.begin() as tx:
            site = await self._must_reach(tx, caller, id)
            after = must_be_sound(msgspec.structs.replace(site, **changes, version=site.version + 1))
            await self._stores.sites.save(tx, after, self._clock.now())
            tx.after_commit(lambda: self._pokes.poke(id, "site", id))
            return after

    async def get(self, caller: Caller, id: SiteId) -> Site:
        """Return a site the caller reaches; raises `NotFound`."""
        async with self._work.read() as tx:
            return await self._must_reach(tx, caller, id)

    async def of(self, caller: Caller) -> Sequence[Site]:
        """Return the sites the caller reaches, by id."""
        return [site for site in await self.all() if site.id in caller.sites]

    async def all(self) -> Sequence[Site]:
        """Return every site, for the operator and the packages above."""
        async with self._work.read() as tx:
            return await self._stores.sites.all(tx)

    async def check(self, id: SiteId) -> list[str]:
        """Return what the site lacks before people can rely on it, a sentence with a cure each."""
        async with self._work.read() as tx:
            site = await self._must_get(tx, id)
        return malformed(site) + unready(site)

    async def _must_reach(self, tx: Tx, caller: Caller, id: SiteId) -> Site:
        if id not in caller.sites:
            raise NotFound(f"There is no site {id!r} that this credential reaches. Check the site.")
        return await self._must_get(tx, id)

    async def _must_get(self, tx: Tx, id: SiteId) -> Site:
        site = await self._stores.sites.get(tx, id)
        if site is None:
            raise NotFound(f"There is no site {id!r}. Check the id, or make it first.")
        return site
