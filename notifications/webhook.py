"""What is sent to another program, to whom, when again, and where never? The rules of outgoing webhooks.

Bodies are shaped like CloudEvents 1.0 (JSON), signed the Standard Webhooks way. Deliveries of one subject (a visit) to one endpoint go
in order. Source: cloudevents.io spec 1.0.2; standardwebhooks.com specification (retry schedule, 410, secret rotation).
"""

import base64
import ipaddress
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

import msgspec

from core.errors import BadInput
from core.ids import SiteId

SCHEDULE_S = (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
"""Seconds before the 2nd, 3rd, ... try: the standard's example schedule, some three days in all."""
GONE = 410
"""The endpoint says: never again."""
OLD_SECRET_FOR = timedelta(hours=24)
"""How long both secrets sign after a rotation."""
MOST_SECRETS = 3
"""So many sign at most: the newest, one whose answer was lost on its way, and the one that the receiver has."""
DISABLE_AFTER = timedelta(days=5)
"""An endpoint that failed for so long without one success is disabled, and its owner is told."""
MAX_URL_CHARS = 500


class Family(StrEnum):
    """What an endpoint asked for: the first word of an event's type."""

    VISIT = "visit"
    """Stages of visits."""
    SHIFT = "shift"
    """Shifts opened and closed."""
    FARE = "fare"
    """Quotes and receipts."""
    INCIDENT = "incident"
    """Incidents. Alone on its endpoint and behind its own scope: a booking app must not show it to the counterpart by accident."""


class EndpointState(StrEnum):
    """Whether an endpoint is written to."""

    ACTIVE = "active"
    """Deliveries go there."""
    DISABLED = "disabled"
    """None go there until somebody enables it again; the reason is kept."""


class DeliveryState(StrEnum):
    """Where a delivery stands."""

    PENDING = "pending"
    """Waiting for its turn or its next try."""
    SENDING = "sending"
    """A worker leased it."""
    DELIVERED = "delivered"
    """The endpoint answered 2xx."""
    FAILED = "failed"
    """The schedule is used up, or the endpoint is gone; it can be replayed."""


class WebhookEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened: `type` such as `visit.departed`; `subject`: the visit or incident, by which deliveries are ordered."""

    id: str
    site_id: SiteId
    type: str
    subject: str
    at: datetime
    data: dict[str, Any]


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """Where a program listens. `secrets`: newest first, all of them sign until `old_secret_until`."""

    id: str
    site_id: SiteId
    url: str
    families: tuple[Family, ...]
    secrets: tuple[str, ...]
    state: EndpointState = EndpointState.ACTIVE
    reason: str | None = None
    failing_since: datetime | None = None
    old_secret_until: datetime | None = None
    created_at: datetime


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """One event on its way to one endpoint. `sequence` orders those of a subject."""

    id: str
    endpoint_id: str
    event_id: str
    type: str
    subject: str
    sequence: int
    body: str
    state: DeliveryState
    attempts: int
    created_at: datetime
    send_at: datetime | None = None
    settled_at: datetime | None = None
    last_status: int | None = None
    last_error: str | None = None


class Answer(msgspec.Struct, frozen=True):
    """What an endpoint answered: HTTP `status`, None without an answer; `error` in a few words."""

    status: int | None
    error: str = ""

    @property
    def is_taken(self) -> bool:
        """Tell whether the endpoint took it. A redirect is none: it could lead anywhere."""
        return self.status is not None and 200 <= self.status < 300


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What follows an answer: the delivery's `state`, `send_at` of the next try; `disables`: why the endpoint is switched off, None for
    not.
    """

    state: DeliveryState
    send_at: datetime | None = None
    disables: str | None = None


def secret_of(raw: bytes) -> str:
    """Return 24-64 random bytes as a Standard Webhooks secret."""
    return f"whsec_{base64.b64encode(raw).decode()}"


def body_of(event: WebhookEvent) -> str:
    """Return the event as JSON, the same bytes for every try: the signature is over them."""
    shaped = {
        "specversion": "1.0",
        "id": event.id,
        "source": f"urn:porchlight:site:{event.site_id}",
        "type": f"porchlight.{event.type}",
        "subject": event.subject,
        "time": event.at,
        "datacontenttype": "application/json",
        "data": event.data,
    }
    return msgspec.json.encode(shaped).decode()


def judge(delivery: Delivery, answer: Answer, failing_since: datetime | None, now: datetime) -> Verdict:
    """Return what follows the answer to try number `delivery.attempts`."""
    if answer.is_taken:
        return Verdict(state=DeliveryState.DELIVERED)
    if answer.status == GONE:
        return Verdict(state=DeliveryState.FAILED, disables="The endpoint answered 410 Gone.")
    is_spent = delivery.attempts > len(SCHEDULE_S)
    if failing_since is not None and now - failing_since >= DISABLE_AFTER:
        return Verdict(state=DeliveryState.FAILED, disables="Nothing was taken for five days.")
    if is_spent:
        return Verdict(state=DeliveryState.FAILED)
    return Verdict(state=DeliveryState.PENDING, send_at=now + timedelta(seconds=SCHEDULE_S[delivery.attempts - 1]))


def wants(endpoint: Endpoint, event_type: str) -> bool:
    """Tell whether an active endpoint asked for events of this type."""
    return endpoint.state is EndpointState.ACTIVE and event_type.split(".", 1)[0] in endpoint.families


def signing_secrets(endpoint: Endpoint, now: datetime) -> tuple[str, ...]:
    """Return the secrets that sign now: all while a rotation is under way, else the newest."""
    is_rotating = endpoint.old_secret_until is not None and endpoint.old_secret_until > now
    return endpoint.secrets if is_rotating else endpoint.secrets[:1]


def check_endpoint(url: str, families: Sequence[Family], *, allows_private: bool) -> None:
    """Raise `BadInput` in words unless `url` may be written to and `families` go together."""
    if not families:
        raise BadInput("Name at least one family of events: visit, shift, fare or incident.")
    if Family.INCIDENT in families and len(families) > 1:
        raise BadInput("Incidents need an endpoint of their own, so that they cannot reach the counterpart by accident. Make a second one.")
    parts = urlsplit(url)
    if len(url) > MAX_URL_CHARS or parts.scheme not in ("https", "http") or not parts.hostname:
        raise BadInput(f"This is no web address of at most {MAX_URL_CHARS} characters, such as https://app.example/hooks.")
    if parts.username or parts.password:
        raise BadInput("An address with user and password in it would be logged by others. Requests are signed; leave them out.")
    if parts.scheme != "https" and not allows_private:
        raise BadInput("Use https: events hold personal data.")
    if not allows_private and _is_literal_private(parts.hostname):
        raise BadInput("This address lies in a private network. The hub writes only to public ones unless its operator allows it.")


def is_public(address: str) -> bool:
    """Tell whether an IP address lies in the public internet: nothing private, local, shared, multicast or reserved, nothing wrapped in
    IPv6.
    """
    ip = ipaddress.ip_address(address.split("%", 1)[0])
    inner = getattr(ip, "ipv4_mapped", None) or getattr(ip, "sixtofour", None)
    return ip.is_global and not ip.is_multicast and (inner is None or is_public(str(inner)))


def _is_literal_private(host: str) -> bool:
    if host == "localhost" or host.endswith((".localhost", ".local", ".internal")):
        return True
    try:
        return not is_public(host)
    except ValueError:
        return False
