"""Access of the desk over HTTP: log-in and log-out of browsers, second factor, password, and the one-use tickets of sockets."""

from datetime import datetime
from typing import Annotated, Any

import msgspec
from starlette.responses import Response

from core.caller import CallerKind, Role
from core.errors import BadInput, Conflict, NotAllowed, NotSignedIn, TooMany
from core.http_endpoint import Call, Endpoint, check_same_origin
from core.ids import DispatcherId, SiteId
from visits.access_flow import AccessFlow
from visits.asked import address_of
from visits.credential import TICKET_LIFE, Dispatcher
from visits.desk_access_flow import DeskAccessFlow
from visits.session_cookie import drop_cookie, set_cookie

DESK_ONLY = frozenset({CallerKind.DISPATCHER})
SIGNED_IN = frozenset({CallerKind.DISPATCHER, CallerKind.DEVICE, CallerKind.LINK, CallerKind.API})
Secret = Annotated[str, msgspec.Meta(min_length=1, max_length=300)]


class LogInBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`totp`: the code of her authenticator app, or a recovery code, where she has a second factor."""

    user: Annotated[str, msgspec.Meta(min_length=1, max_length=80)]
    password: Secret
    totp: Annotated[str, msgspec.Meta(max_length=40)] | None = None


class DispatcherFace(msgspec.Struct, frozen=True, kw_only=True):
    """A dispatcher; nothing that proves her."""

    id: DispatcherId
    user: str
    name: str
    sites: tuple[SiteId, ...]
    roles: tuple[Role, ...]
    has_totp: bool
    is_active: bool
    created_at: datetime


class PasswordBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Her old and her new password."""

    old: Secret
    new: Secret


class CodeBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A code of her authenticator app."""

    code: Annotated[str, msgspec.Meta(max_length=40)]


class TotpFace(msgspec.Struct, frozen=True):
    """A secret for an authenticator app, as text and as URI for a QR code."""

    secret: str
    uri: str


class RecoveryCodes(msgspec.Struct, frozen=True):
    """Ten codes, each good once in place of the app's; told this once."""

    recovery_codes: list[str]


class TicketFace(msgspec.Struct, frozen=True):
    """A one-use ticket for the first frame of a socket."""

    ticket: str
    expires_in_s: int


def endpoints(desk: DeskAccessFlow, access: AccessFlow, public_origin: str) -> list[Endpoint]:
    """Return the rows of this edge. `public_origin`: where browsers reach the hub, such as https://hub.example."""
    return [*_session_rows(desk, public_origin), *_factor_rows(desk), _ticket_row(access)]


def dispatcher_face(dispatcher: Dispatcher) -> DispatcherFace:
    """Return a dispatcher as she may be read."""
    return DispatcherFace(
        id=dispatcher.id,
        user=dispatcher.user,
        name=dispatcher.name,
        sites=tuple(sorted(dispatcher.sites)),
        roles=tuple(sorted(dispatcher.roles)),
        has_totp=dispatcher.has_totp,
        is_active=dispatcher.is_active,
        created_at=dispatcher.created_at,
    )


def _session_rows(desk: DeskAccessFlow, public_origin: str) -> list[Endpoint]:
    async def log_in(call: Call) -> Response:
        check_same_origin(call.request, public_origin)
        body: LogInBody = call.body
        found = await desk.log_in(body.user, body.password, body.totp, address_of(call))
        headers = {"Set-Cookie": set_cookie(public_origin, found.token), "Cache-Control": "no-store"}
        return Response(msgspec.json.encode(dispatcher_face(found.dispatcher)), 201, headers, "application/json")

    async def current(call: Call) -> DispatcherFace:
        return dispatcher_face(await desk.me(call.caller))

    async def log_out(call: Call) -> Response:
        if call.caller.session_id is not None:
            await desk.log_out(call.caller.session_id)
        return Response(status_code=204, headers={"Set-Cookie": drop_cookie(public_origin), "Cache-Control": "no-store"})

    common: dict[str, Any] = {"tag": "desk access"}
    log_out_row: dict[str, Any] = {
        "method": "DELETE", "summary": "Log out; the session's sockets close.", "handler": log_out, "callers": DESK_ONLY, **common,
    }  # fmt: skip
    return [
        Endpoint(
            method="POST", path="/v1/sessions", name="log_in", summary="Log a dispatcher in; sets the session cookie.",
            handler=log_in, request=LogInBody, response=DispatcherFace, status=201, errors=(NotSignedIn, TooMany, NotAllowed), **common,
        ),
        Endpoint(
            method="GET", path="/v1/sessions/current", name="current_session", summary="Who is logged in here?", handler=current,
            callers=DESK_ONLY, response=DispatcherFace, **common,
        ),
        Endpoint(path="/v1/sessions/current", name="log_out", **log_out_row),
        Endpoint(path="/v1/sessions", name="log_out_here", **log_out_row),
    ]  # fmt: skip


def _factor_rows(desk: DeskAccessFlow) -> list[Endpoint]:
    async def password(call: Call) -> None:
        await desk.set_password(call.caller, call.body.old, call.body.new, address_of(call))

    async def offer(call: Call) -> TotpFace:
        found = await desk.offer_totp(call.caller)
        return TotpFace(found.secret, found.uri)

    async def confirm(call: Call) -> RecoveryCodes:
        return RecoveryCodes(await desk.confirm_totp(call.caller, call.body.code))

    async def remove(call: Call) -> None:
        await desk.drop_totp(call.caller, call.body.code, address_of(call))

    common: dict[str, Any] = {
        "method": "POST", "callers": DESK_ONLY, "tag": "desk access", "errors": (BadInput, NotSignedIn, Conflict, TooMany),
    }  # fmt: skip
    return [
        Endpoint(
            path="/v1/me/password", name="set_password", summary="Change her own password; all her sessions end.", handler=password,
            request=PasswordBody, **common,
        ),
        Endpoint(path="/v1/me/totp", name="offer_totp", summary="Begin a second factor.", handler=offer, response=TotpFace, **common),
        Endpoint(
            path="/v1/me/totp/confirm", name="confirm_totp", summary="Put the second factor in force by a first code.", handler=confirm,
            request=CodeBody, response=RecoveryCodes, **common,
        ),
        Endpoint(
            path="/v1/me/totp/remove", name="remove_totp", summary="Remove the second factor, by a code.", handler=remove,
            request=CodeBody, **common,
        ),
    ]  # fmt: skip


def _ticket_row(access: AccessFlow) -> Endpoint:
    async def issue(call: Call) -> TicketFace:
        return TicketFace(await access.issue_ticket(call.caller), int(TICKET_LIFE.total_seconds()))

    return Endpoint(
        method="POST", path="/v1/tickets", name="issue_ticket", summary="Get a one-use ticket for a socket's first frame.",
        handler=issue, callers=SIGNED_IN, response=TicketFace, status=201, tag="desk access",
    )  # fmt: skip
