"""How does the house speak to Twilio? One client a lane, each with its own connections, a hard deadline and no retries of its own.

The official async client is used for requests and paging; its own retries know nothing of our error classes, so they stay off. The host
can be set, because a stub or a proxy may stand in between. Built inside the running loop (the session binds to it), closed by the lifespan.
"""

import base64
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import aiohttp
from twilio.base.exceptions import TwilioException
from twilio.http.async_http_client import AsyncTwilioHttpClient
from twilio.http.response import Response
from twilio.rest import Client

from notifications.account import TwilioConfig
from notifications.aiohttp_answer import read_answer, within
from notifications.carrier import SEND_DEADLINE_S, Outcome
from notifications.error_class import ErrorClass, classify
from notifications.notice import Lane
from notifications.outbox_order import MOST_AT_ONCE

CONNECT_DEADLINE_S = 2.0
"""A connection that does not come about was never processed: that is told apart from a lost answer, and tried again safely."""
MAX_ANSWER_BYTES = 1 << 20
CALLBACK_OVERRIDES = "#rc=5&rp=all&ct=2000&rt=5000"
"""Twilio repeats a status callback five times on any failure. Source: twilio.com/docs/usage/webhooks/webhooks-connection-overrides."""


class TwilioAccount:
    """The clients of one account; `close` ends their connections."""

    def __init__(self, config: TwilioConfig) -> None:
        self.config = config
        self._https = {lane: _BoundedHttp(config.api_url) for lane in Lane}
        token = config.tokens[0] if config.tokens else ""
        self._clients = {lane: Client(config.account_sid, token, http_client=http) for lane, http in self._https.items()}

    def client(self, lane: Lane) -> Client:
        """Return the lane's client."""
        return self._clients[lane]

    def callback_url(self, path: str) -> str | None:
        """Return the absolute URL of one of the hub's doors for Twilio, with its retry wishes; None where nobody can reach it."""
        return f"{self.config.public_url.rstrip('/')}{path}{CALLBACK_OVERRIDES}" if self.config.public_url else None

    async def close(self) -> None:
        """Close all connections."""
        for http in self._https.values():
            await http.close()


def refused(error: BaseException) -> Outcome:
    """Return the outcome of a failed request. Only a connection that never came about is surely not processed."""
    if isinstance(error, TwilioException):
        status, code = getattr(error, "status", None), getattr(error, "code", None)
        known = code if isinstance(code, int) else None
        return Outcome(error=classify(status or 500, known), code=str(code or status or "twilio"), detail=type(error).__name__)
    if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError):
        return Outcome(error=ErrorClass.NOT_PROCESSED, code="no_connection", detail=type(error).__name__)
    return Outcome(error=ErrorClass.AMBIGUOUS, code="no_answer", detail=type(error).__name__)


class _BoundedHttp(AsyncTwilioHttpClient):  # type: ignore[misc]
    """The official client's HTTP part with our deadlines, our host and a bounded answer."""

    def __init__(self, api_url: str | None) -> None:
        super().__init__(pool_connections=False)
        self._api_url = urlsplit(api_url) if api_url else None
        timeout = within(SEND_DEADLINE_S, CONNECT_DEADLINE_S)
        self.session = aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=MOST_AT_ONCE))

    async def request(
        self,
        method: str,
        url: str,
        params: Any = None,
        data: Any = None,
        headers: Any = None,
        auth: Any = None,
        timeout: float | None = None,
        allow_redirects: bool = False,
    ) -> Response:
        """Send one request, once."""
        async with self.session.request(
            method.upper(),
            self._placed(url),
            params=_plain(params),
            data=_plain(data),
            headers=dict(headers or {}) | ({} if auth is None else {"Authorization": _basic(*auth)}),
            allow_redirects=False,
        ) as response:
            body = await read_answer(response, MAX_ANSWER_BYTES)
            return Response(response.status, body.decode("utf-8", "replace"), response.headers)

    def _placed(self, url: str) -> str:
        if self._api_url is None:
            return url
        parts = urlsplit(url)
        return urlunsplit((self._api_url.scheme, self._api_url.netloc, parts.path, parts.query, ""))


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def _plain(values: Any) -> list[tuple[str, str]] | None:
    if values is None:
        return None
    pairs: list[tuple[str, str]] = []
    for name, value in values.items():
        pairs.extend((name, str(item)) for item in (value if isinstance(value, list) else [value]))
    return pairs
