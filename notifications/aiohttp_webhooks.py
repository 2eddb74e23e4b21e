"""Writes one event to one endpoint: signed the Standard Webhooks way, 10 s at most, no redirect followed, no private address connected to.

The address is checked after the name was resolved and at the moment of connecting, so a name that changes its mind gains nothing. The
answer's body is not read beyond a few kilobytes; its status is all that counts.
"""

import contextlib
import socket
from datetime import datetime
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from standardwebhooks.webhooks import Webhook

from notifications.webhook import Answer, Delivery, Endpoint, is_public, signing_secrets

DEADLINE_S = 10.0
MAX_ANSWER_BYTES = 4096
USER_AGENT = "Porchlight-Hub"


class WebhookSender:
    """Sends deliveries. Open it inside the loop, `close` it with the hub. `allows_private`: for tests and closed networks."""

    def __init__(self, *, allows_private: bool = False) -> None:
        resolver = ThreadedResolver() if allows_private else _PublicOnly()
        connector = aiohttp.TCPConnector(resolver=resolver, limit=50, limit_per_host=4, ttl_dns_cache=60)
        self._allows_private = allows_private
        self._session = aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=DEADLINE_S))

    async def close(self) -> None:
        """Close every connection."""
        await self._session.close()

    async def send(self, endpoint: Endpoint, delivery: Delivery, now: datetime) -> Answer:
        """Send once; a failure of any kind is an `Answer` without status."""
        headers = {
            "content-type": "application/cloudevents+json; charset=utf-8",
            "user-agent": USER_AGENT,
            "webhook-id": delivery.event_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": signature(signing_secrets(endpoint, now), delivery.event_id, now, delivery.body),
        }
        try:
            self._refuse_private(endpoint.url)
            async with self._session.post(endpoint.url, data=delivery.body.encode(), headers=headers, allow_redirects=False) as response:
                await response.content.read(MAX_ANSWER_BYTES)
                return Answer(response.status, "" if 200 <= response.status < 300 else f"answered {response.status}")
        except _Private:
            return Answer(None, "resolves to a private address")
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
            if isinstance(error.__cause__, _Private) or "private address" in str(error):
                return Answer(None, "resolves to a private address")
            return Answer(None, _in_words(error))

    def _refuse_private(self, url: str) -> None:
        # An address written as a number is never resolved, so the resolver below does not see it.
        host = urlsplit(url).hostname or ""
        with contextlib.suppress(ValueError):
            if not self._allows_private and not is_public(host):
                raise _Private


def _in_words(error: Exception) -> str:
    """Return what went wrong, for the delivery log."""
    if isinstance(error, TimeoutError):
        return f"no answer within {DEADLINE_S:.0f} s"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "the name leads nowhere"
    if isinstance(error, aiohttp.ClientSSLError):
        return "its certificate is not valid"
    if isinstance(error, aiohttp.ClientConnectorError):
        return "cannot be reached"
    return f"the connection broke ({type(error).__name__})"


class _Private(OSError):
    """The name leads to a private address."""


class _PublicOnly(AbstractResolver):
    """Resolves names to public addresses only."""

    def __init__(self) -> None:
        self._inner = ThreadedResolver()

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> list[ResolveResult]:
        """Return the public addresses of a name; raises when it has none."""
        found = await self._inner.resolve(host, port, family)
        public = [one for one in found if is_public(one["host"])]
        if not public:
            raise _Private(f"{len(found)} addresses, each a private address")
        return public

    async def close(self) -> None:
        """Nothing is held."""
        await self._inner.close()


def signature(secrets: tuple[str, ...], event_id: str, now: datetime, body: str) -> str:
    """Return the signature header: one `v1,...` a secret, so that a receiver may hold either during a rotation."""
    return " ".join(Webhook(secret).sign(event_id, now, body) for secret in secrets)
