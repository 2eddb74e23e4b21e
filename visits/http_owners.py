"""What an owner manages over HTTP: dispatchers of her sites, and the API keys of integrators."""

from datetime import datetime
from typing import Annotated, Any

import msgspec

from core.caller import CallerKind, Role, Scope
from core.errors import BadInput, Conflict, NotAllowed, NotFound
from core.http_endpoint import Call, Endpoint
from core.ids import DispatcherId, SiteId
from visits.access_flow import AccessFlow
from visits.asked import given
from visits.credential import ApiKey, Dispatcher
from visits.desk_access_flow import DeskAccessFlow, NewDispatcher
from visits.paging import PageQuery, next_cursor, page_of

DESK_ONLY = frozenset({CallerKind.DISPATCHER})
Short = Annotated[str, msgspec.Meta(min_length=1, max_length=80)]
Secret = Annotated[str, msgspec.Meta(min_length=1, max_length=300)]


class NewDispatcherBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A dispatcher to be; she changes the first password herself."""

    user: Short
    password: Secret
    sites: frozenset[SiteId]
    name: Annotated[str, msgspec.Meta(max_length=120)] = ""
    roles: frozenset[Role] = frozenset({Role.DISPATCHER})


class DispatcherPatch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What changes; her sessions end with it."""

    roles: frozenset[Role] | msgspec.UnsetType = msgspec.UNSET
    is_active: bool | msgspec.UnsetType = msgspec.UNSET


class ResetBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Her new password; her second factor is dropped with it."""

    password: Secret


class DispatcherRow(msgspec.Struct, frozen=True, kw_only=True):
    """A dispatcher; nothing that proves her."""

    id: DispatcherId
    user: str
    name: str
    sites: tuple[SiteId, ...]
    roles: tuple[Role, ...]
    has_totp: bool
    is_active: bool


class DispatcherPage(msgspec.Struct, frozen=True):
    """Part of the dispatchers; `next_cursor` null on the last page."""

    items: list[DispatcherRow]
    next_cursor: str | None = None


class ApiKeyBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key to be: what it is for, which sites and scopes it opens."""

    label: Short
    sites: frozenset[SiteId]
    scopes: frozenset[Scope]


class ApiKeyFace(msgspec.Struct, frozen=True, kw_only=True):
    """An API key; `token` only in the answer that made it."""

    id: str
    label: str
    sites: tuple[SiteId, ...]
    scopes: tuple[Scope, ...]
    made_by: str
    made_at: datetime
    revoked_at: datetime | None
    token: str | None = None


class ApiKeyList(msgspec.Struct, frozen=True):
    """All keys that reach only sites of the owner, revoked ones too, oldest first."""

    items: list[ApiKeyFace]


def endpoints(desk: DeskAccessFlow, access: AccessFlow) -> list[Endpoint]:
    """Return the rows of this edge."""
    return [*_dispatcher_rows(desk), *_key_rows(access)]


def _dispatcher_rows(desk: DeskAccessFlow) -> list[Endpoint]:
    async def page(call: Call) -> DispatcherPage:
        query: PageQuery = call.query
        found = await desk.page(call.caller, page_of(query.cursor, query.limit))
        return DispatcherPage([_row(each) for each in found], next_cursor(found, query.limit))

    async def enter(call: Call) -> DispatcherRow:
        body: NewDispatcherBody = call.body
        new = NewDispatcher(user=body.user, name=body.name, password=body.password, sites=body.sites, roles=body.roles)
        return _row(await desk.enter(call.caller, new))

    async def change(call: Call) -> DispatcherRow:
        return _row(await desk.change(call.caller, DispatcherId(call.path["dispatcher_id"]), **given(call.body)))

    async def reset(call: Call) -> None:
        await desk.reset_password(call.caller, DispatcherId(call.path["dispatcher_id"]), call.body.password)

    common: dict[str, Any] = {"callers": DESK_ONLY, "tag": "owners", "errors": (BadInput, NotAllowed, NotFound, Conflict)}
    return [
        Endpoint(
            method="GET", path="/v1/dispatchers", name="list_dispatchers", summary="List the dispatchers of her sites.", handler=page,
            query=PageQuery, response=DispatcherPage, **common,
        ),
        Endpoint(
            method="POST", path="/v1/dispatchers", name="enter_dispatcher", summary="Enter a dispatcher, as an owner.", handler=enter,
            request=NewDispatcherBody, response=DispatcherRow, status=201, **common,
        ),
        Endpoint(
            method="PATCH", path="/v1/dispatchers/{dispatcher_id}", name="change_dispatcher", summary="Change roles or block one.",
            handler=change, request=DispatcherPatch, response=DispatcherRow, **common,
        ),
        Endpoint(
            method="POST", path="/v1/dispatchers/{dispatcher_id}/password", name="reset_password",
            summary="Give a dispatcher a new password and drop her second factor.", handler=reset, request=ResetBody, **common,
        ),
    ]  # fmt: skip


def _key_rows(access: AccessFlow) -> list[Endpoint]:
    async def listed(call: Call) -> ApiKeyList:
        return ApiKeyList([_key(each) for each in await access.api_keys(call.caller)])

    async def make(call: Call) -> ApiKeyFace:
        body: ApiKeyBody = call.body
        made = await access.make_api_key(call.caller, body.label, body.sites, body.scopes)
        return _key(made.key, made.token)

    async def revoke(call: Call) -> None:
        await access.revoke_api_key(call.caller, call.path["key_id"])

    common: dict[str, Any] = {"callers": DESK_ONLY, "tag": "owners", "errors": (BadInput, NotAllowed, NotFound)}
    return [
        Endpoint(
            method="GET", path="/v1/api_keys", name="list_api_keys", summary="List API keys.", handler=listed, response=ApiKeyList,
            **common,
        ),
        Endpoint(
            method="POST", path="/v1/api_keys", name="make_api_key", summary="Make an API key; its token is told this once.",
            handler=make, request=ApiKeyBody, response=ApiKeyFace, status=201, **common,
        ),
        Endpoint(
            method="DELETE", path="/v1/api_keys/{key_id}", name="revoke_api_key", summary="End an API key at once.", handler=revoke,
            **common,
        ),
    ]  # fmt: skip


def _row(dispatcher: Dispatcher) -> DispatcherRow:
    return DispatcherRow(
        id=dispatcher.id,
        user=dispatcher.user,
        name=dispatcher.name,
        sites=tuple(sorted(dispatcher.sites)),
        roles=tuple(sorted(dispatcher.roles)),
        has_totp=dispatcher.has_totp,
        is_active=dispatcher.is_active,
    )


def _key(key: ApiKey, token: str | None = None) -> ApiKeyFace:
    return ApiKeyFace(
        id=key.id,
        label=key.label,
        sites=tuple(sorted(key.sites)),
        scopes=tuple(sorted(key.scopes)),
        made_by=key.made_by,
        made_at=key.made_at,
        revoked_at=key.revoked_at,
        token=token,
    )
