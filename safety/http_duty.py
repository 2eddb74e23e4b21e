"""The desk's own watch over HTTP: who is on duty, and what would keep a tap from being answered."""

from typing import Protocol

import msgspec

from core.caller import Caller, CallerKind
from core.errors import NotFound
from core.http_endpoint import Call, Endpoint
from core.ids import SiteId
from safety.duty_sight import DutySight


class DutyQuery(msgspec.Struct, frozen=True):
    """Which site's watch."""

    site_id: str


class DutyLook(Protocol):
    """Reads the watch of a site. Met in `hub/`."""

    async def look(self, caller: Caller, site_id: SiteId) -> DutySight:
        """Return the watch; raises `NotFound` for a site that is not the caller's."""
        ...


def endpoints(looks: DutyLook) -> list[Endpoint]:
    """Return the row of the watch."""

    async def look(call: Call) -> DutySight:
        return await looks.look(call.caller, SiteId(call.query.site_id))

    return [
        Endpoint(
            method="GET", path="/v1/duty", name="duty", summary="Who is on duty at a site, and what does its watch lack?", handler=look,
            query=DutyQuery, response=DutySight, callers=frozenset({CallerKind.DISPATCHER}), tag="desk", errors=(NotFound,),
        )
    ]  # fmt: skip
