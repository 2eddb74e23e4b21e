"""Sites over HTTP: read them, change settings as an owner, see what one still lacks. New ones are made at the terminal."""

from typing import Annotated, Any

import msgspec

from core.caller import CallerKind, Scope
from core.errors import BadInput, Conflict, NotAllowed, NotFound
from core.geo import Bounds
from core.http_endpoint import Call, Endpoint
from core.ids import SiteId
from visits.asked import given
from visits.service import ServiceKind
from visits.site import EmergencyNumber, Site, SiteSettings
from visits.site_flow import SiteFlow

DESK = frozenset({CallerKind.DISPATCHER, CallerKind.API})
Unset = msgspec.UnsetType


class SitePatch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What changes; fields that are left out stay. `settings` names only those that change."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=120)] | Unset = msgspec.UNSET
    zone: str | Unset = msgspec.UNSET
    locale: str | Unset = msgspec.UNSET
    desk_phone: str | Unset | None = msgspec.UNSET
    bounds: Bounds | Unset | None = msgspec.UNSET
    emergency_numbers: tuple[EmergencyNumber, ...] | Unset = msgspec.UNSET
    services: tuple[ServiceKind, ...] | Unset = msgspec.UNSET
    settings: dict[str, Any] | Unset = msgspec.UNSET


class SiteList(msgspec.Struct, frozen=True):
    """The sites that the caller reaches, by id."""

    items: list[Site]


class SiteCheck(msgspec.Struct, frozen=True):
    """What the site lacks before people can rely on it, a sentence with a cure each; empty when it is ready."""

    faults: list[str]


def endpoints(sites: SiteFlow) -> list[Endpoint]:
    """Return the rows of this edge."""

    async def listed(call: Call) -> SiteList:
        return SiteList(list(await sites.of(call.caller)))

    async def read(call: Call) -> Site:
        return await sites.get(call.caller, SiteId(call.path["site_id"]))

    async def change(call: Call) -> Site:
        id = SiteId(call.path["site_id"])
        changes = given(call.body)
        if "settings" in changes:
            changes["settings"] = _merged((await sites.get(call.caller, id)).settings, changes["settings"])
        return await sites.change(call.caller, id, **changes)

    async def check(call: Call) -> SiteCheck:
        site = await sites.get(call.caller, SiteId(call.path["site_id"]))
        return SiteCheck(await sites.check(site.id))

    one = "/v1/sites/{site_id}"
    common: dict[str, Any] = {"tag": "sites"}
    reading: dict[str, Any] = {"method": "GET", "callers": DESK, "scope": Scope.VISITS_READ, "errors": (NotFound,), **common}
    return [
        Endpoint(path="/v1/sites", name="list_sites", summary="List the sites she reaches.", handler=listed, response=SiteList, **reading),
        Endpoint(path=one, name="read_site", summary="Read a site and its settings.", handler=read, response=Site, **reading),
        Endpoint(path=one + "/check", name="check_site", summary="What does it lack?", handler=check, response=SiteCheck, **reading),
        Endpoint(
            method="PATCH", path=one, name="change_site", summary="Change a site, as an owner.", handler=change, request=SitePatch,
            callers=frozenset({CallerKind.DISPATCHER}), response=Site, errors=(BadInput, NotAllowed, NotFound, Conflict), **common,
        ),
    ]  # fmt: skip


def _merged(settings: SiteSettings, changes: dict[str, Any]) -> SiteSettings:
    try:
        return msgspec.convert({**msgspec.structs.asdict(settings), **changes}, SiteSettings)
    except msgspec.ValidationError as error:
        raise BadInput(f"The settings do not fit: {error}. Correct that one and send it again.") from None
