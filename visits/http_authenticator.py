"""Who sent this request? A bearer token, else the browser's session cookie. Meets `core.http_endpoint.Authenticator`."""

import msgspec
from starlette.requests import Request

from core.caller import NOBODY, Caller
from core.errors import NotSignedIn
from core.ids import TokenKind
from visits.access_flow import AccessFlow
from visits.session_cookie import cookie_name

_BEARERS = (TokenKind.DEVICE, TokenKind.API, TokenKind.LINK)
"""A session comes by its cookie alone, where no script can read it."""


class HttpAuthenticator:
    """Reads credentials of requests. `public_origin`: where browsers reach the hub, such as https://hub.example."""

    def __init__(self, access: AccessFlow, public_origin: str) -> None:
        self._access = access
        self._cookie = cookie_name(public_origin)

    async def caller_of(self, request: Request) -> Caller:
        """See `Authenticator.caller_of`: a bearer token goes before the cookie; one that does not count raises `NotSignedIn`."""
        if (header := request.headers.get("authorization")) is not None:
            return await self._access.caller_of_token(_bearer(header))
        if (session := request.cookies.get(self._cookie)) is not None:
            return await self._of_cookie(session)
        return NOBODY

    async def _of_cookie(self, session: str) -> Caller:
        try:
            return msgspec.structs.replace(await self._access.caller_of_session(session), by_cookie=True)
        except NotSignedIn:
            # An outlived cookie is still sent along by the browser: it must not keep her from logging in again.
            return NOBODY


def _bearer(header: str) -> str:
    scheme, _, token = header.partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token.startswith(_BEARERS):
        raise NotSignedIn("Authorization must be `Bearer` and a device, API or link token.")
    return token
