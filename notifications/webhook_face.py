"""What may be read of a webhook endpoint and its deliveries, and what is asked to make one? Bodies are in the receiver's hands already."""

from datetime import datetime

import msgspec

from core.ids import SiteId
from notifications.webhook import DeliveryState, EndpointState, Family


class HookIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new endpoint: `families` of events it wants; `incident` goes alone."""

    site_id: SiteId
    url: str
    families: tuple[Family, ...]


class HookState(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`active` or `disabled`."""

    state: EndpointState


class HookOut(msgspec.Struct, frozen=True, kw_only=True):
    """An endpoint. `secret` (`whsec_...`) is shown when it is made and never again."""

    id: str
    site_id: SiteId
    url: str
    families: tuple[Family, ...]
    state: EndpointState
    reason: str | None
    failing_since: datetime | None
    created_at: datetime
    secret: str | None = None


class HookList(msgspec.Struct, frozen=True):
    """Endpoints, oldest first."""

    items: list[HookOut]


class DeliveryOut(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the delivery log."""

    id: str
    event_id: str
    type: str
    subject: str
    state: DeliveryState
    attempts: int
    created_at: datetime
    settled_at: datetime | None
    send_at: datetime | None
    last_status: int | None
    last_error: str | None


class DeliveryList(msgspec.Struct, frozen=True):
    """Deliveries, newest first."""

    items: list[DeliveryOut]
