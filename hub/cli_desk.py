"""How do commands of the desk run? As an owner of every site, on the hub's own databases; what they do is logged under `operator`."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from core.caller import Caller, CallerKind, Role
from core.errors import NotFound
from core.ids import DispatcherId, SiteId
from hub.cli_tell import run_local
from hub.local_people import Local


def run_desk(story: Callable[[Local, Caller], Awaitable[Any]]) -> Any:
    """Carry out `story` as the operator at the desk; return what it returns, as built-in types."""

    async def play(local: Local) -> Any:
        sites = frozenset(site.id for site in await local.people.sites.all())
        caller = Caller(
            kind=CallerKind.DISPATCHER, id="operator", dispatcher_id=DispatcherId("operator"), sites=sites, roles=frozenset({Role.OWNER})
        )
        return msgspec.to_builtins(await story(local, caller), builtin_types=(bytes,))

    return run_local(play)


def site_of(caller: Caller, site: str | None) -> SiteId:
    """Return the site meant: the one named, else the only one there is; raises `NotFound` where that is no answer."""
    reach = ", ".join(sorted(caller.sites)) or "none; make one with porchlight site new"
    if site is not None and site not in caller.sites:
        raise NotFound(f"There is no site {site!r}. There are: {reach}.")
    if site is None and len(caller.sites) != 1:
        raise NotFound(f"Say which site with --site. There are: {reach}.")
    return SiteId(site) if site is not None else next(iter(caller.sites))
